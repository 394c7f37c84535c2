"""Published results, as printed: strings, so that the printed precision is part of the data.

Copied from the papers named in each block. Where a source is not what a converged run gives,
the test that uses it says why.
"""


def as_printed(value: float, printed: str) -> str:
    """Round a value to as many decimals as a printed one has."""
    return f"{value:.{len(printed.partition('.')[2])}f}"


# Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, section 1
LINKAGE_COUNTS = [125, 18, 20, 34]
LINKAGE_ITERATES = [
    "0.500000000", "0.608247423", "0.624321051", "0.626488879", "0.626777323",
    "0.626815632", "0.626820719", "0.626821395", "0.626821484",
]  # fmt: skip
LINKAGE_LIMIT, LINKAGE_RATE = "0.626821498", "0.1328"
# Louis (1982), J. R. Statist. Soc. B 44:226-233: the same data
LINKAGE_INFORMATION, LINKAGE_ERROR = "377.5", "0.05"

# Do and Batzoglou (2008), Nature Biotechnology 26:897-899, figure 1
COINS_HEADS, COINS_TOSSES = [5, 9, 8, 4, 7], 10
COINS_PICKED = "BAABA"
COINS_COMPLETE = ["0.80", "0.45"]
COINS_RESPONSIBILITY_A = ["0.45", "0.80", "0.73", "0.35", "0.65"]
COINS_EXPECTED_HEADS, COINS_EXPECTED_TAILS = ["21.3", "11.7"], ["8.6", "8.4"]
COINS_ITERATION_1, COINS_ITERATION_10 = ["0.71", "0.58"], ["0.80", "0.52"]
# Not printed there: converged in double precision, found independently of emlib.
COINS_EXACT_ITERATES = [
    [0.6, 0.5],
    [0.713012235400516, 0.5813393083136627],
    [0.7452920360819946, 0.5692557501718728],
    [0.7680988343673211, 0.5495359141383479],
    [0.7831645842999734, 0.5346174541475204],
    [0.7910552458637525, 0.526281167029932],
    [0.7945325379936993, 0.5223904375178748],
    [0.7959286672497984, 0.5207298780860258],
    [0.7964656379225264, 0.5200471890029875],
    [0.7966683078984392, 0.5197703896938073],
    [0.7967441494752115, 0.5196586622041123],
    [0.7967724046132107, 0.5196136079148447],
]
COINS_LIMIT = [0.7967890669226467, 0.5195831201451351]
COINS_LOG_LIKELIHOOD = -9.796924292221604
COINS_WITHOUT_COEFFICIENTS = -31.570200235996907
COINS_FREE_LIMIT, COINS_FREE_WEIGHT = [0.7933676496127502, 0.5139165912136516], 0.5227513168968538
COINS_FREE_LOG_LIKELIHOOD = -9.795418956198048

# Hasselblad (1969), JASA 64:1459-1471; Titterington (1984), J. R. Statist. Soc. B 46:257-267
DEATHS_PER_DAY = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
DEATHS_DAYS = [162, 267, 271, 185, 111, 61, 27, 8, 3, 1]
DEATHS_WEIGHT, DEATHS_RATES = "0.36", ["1.256", "2.663"]
# Not printed there: converged independently of emlib.
DEATHS_LIMIT = [0.35988539698491273, 1.2560951012242996, 2.6634043566324452]
DEATHS_LOG_LIKELIHOOD = -1989.9458598829642
DEATHS_LINEAR_RATE = "0.99566"  # 0.9956662..., cut to five decimals
DEATHS_STEPS = {1e-7: 2055, 1e-8: 2586}  # from (0.3, 1.0, 2.5) to a parameter step below each
# Varadhan and Roland (2008), as quoted, beside the 2055: SQUAREM's evaluations of EM's map.
DEATHS_SQUAREM = 66

# Benaglia et al. (2009), J. Statist. Software 32(6): waiting times, two normals, common variance
FAITHFUL_WEIGHTS, FAITHFUL_MEANS = ["0.36085", "0.63915"], ["54.61364", "80.09031"]
FAITHFUL_SD, FAITHFUL_LOG_LIKELIHOOD = "5.86909", "-1034.002"
# Converged independently of emlib.
FAITHFUL_LIMIT_WEIGHTS = [0.36084944268574276, 0.6391505573142572]
FAITHFUL_LIMIT_MEANS = [54.613626336877914, 80.09030362411258]
FAITHFUL_LIMIT_SD = 5.869091397766572
FAITHFUL_LIMIT_LOG_LIKELIHOOD = -1034.0017603578299
FAITHFUL_UNEQUAL_LOG_LIKELIHOOD = -1034.0017498316079

# Roeder (1990), JASA 85:617-624, velocities in km/s; fits of McLachlan and Peel (2000),
# Finite Mixture Models. The 78th value is 26960 (R's MASS has the misprint 26690).
GALAXIES = [
    9172, 9350, 9483, 9558, 9775, 10227, 10406, 16084, 16170, 18419, 18552, 18600, 18927, 19052,
    19070, 19330, 19343, 19349, 19440, 19473, 19529, 19541, 19547, 19663, 19846, 19856, 19863,
    19914, 19918, 19973, 19989, 20166, 20175, 20179, 20196, 20215, 20221, 20415, 20629, 20795,
    20821, 20846, 20875, 20986, 21137, 21492, 21701, 21814, 21921, 21960, 22185, 22209, 22242,
    22249, 22314, 22374, 22495, 22746, 22747, 22888, 22914, 23206, 23241, 23263, 23484, 23538,
    23542, 23666, 23706, 23711, 24129, 24285, 24289, 24366, 24717, 24990, 25633, 26960, 26995,
    32065, 32789, 34279,
]  # fmt: skip
GALAXIES_LOG_LIKELIHOOD = {1: "-240.42", 2: "-220.19", 3: "-203.48", 4: "-197.71"}
GALAXIES_CONVERGED = {1: -240.4164932, 2: -220.1931436, 3: -203.4819801, 4: -197.7103112}

# Clarke et al. (1959), British Medical Journal 1:603-607; gene counting in Lange (2002),
# Mathematical and Statistical Methods for Genetic Analysis, chapter 2
ABO_COUNTS = [186, 38, 13, 284]
ABO_FREQUENCIES = ["0.2136", "0.0501", "0.7363"]
# Converged independently of emlib.
ABO_LIMIT = [0.21359093908950366, 0.05014532886944853, 0.7362637320410478]

# McLachlan and Krishnan (2008), The EM Algorithm and Extensions, example 2.6, after Arslan,
# Constable and Kent: the centre of a t with 0.05 degrees of freedom and scale 1
FOUR_OBSERVATIONS, FOUR_FREEDOM = [-20.0, 1.0, 2.0, 3.0], 0.05
FOUR_MAXIMA = ["-19.993", "1.086", "1.997", "2.906"]
FOUR_MINIMA = ["-14.516", "1.373", "2.647"]
# Converged independently of emlib.
FOUR_MINIMA_CONVERGED = [-14.516177479425311, 1.373176101563411, 2.6468546770426267]

# Stack loss, four columns, 5 degrees of freedom: R's MASS::cov.trob, by the method of Kent, Tyler
# and Vardi (1994)
STACKLOSS_CENTRE = ["58.95182726", "20.78823347", "86.05285062", "16.0697433"]
# Converged independently of emlib.
STACKLOSS_LOG_LIKELIHOOD = -235.36608252021924

# Apple crop: Little and Rubin (2002), chapter 7 (values recomputed by the factored likelihood).
APPLE_MEANS = ["14.7222", "49.3333"]
APPLE_COVARIANCE = ["89.53", "-90.70", "114.69"]
APPLE_LIMIT = -101.78563212782328  # log-likelihood, in nats

# Cholera: McKendrick (1926) as in Meng (1997).
CHOLERA_RATE = "0.972"
CHOLERA_MISSING = "33.46"
