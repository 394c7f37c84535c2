"""Small real data sets, and a generator, all without network."""

from __future__ import annotations

from importlib.resources import files
from itertools import product

import numpy as np

from emlib._machinery.value import FloatArray, IntArray


def two_coins() -> IntArray:
    """Return the five experiments of Do and Batzoglou: heads and tosses, shape (5, 2).

    One of two coins A and B was picked at random five times, and tossed ten times each time.
    The coins picked were B, A, A, B, A; the reader of chapter 2 does not know that.

    References
    ----------
    Do and Batzoglou (2008), "What is the expectation maximization algorithm?", Nature
    Biotechnology 26:897-899, figure 1.

    Examples
    --------
    >>> two_coins()[:, 0]
    array([5, 9, 8, 4, 7])
    """
    heads = np.array([5, 9, 8, 4, 7])
    return np.column_stack([heads, np.full(5, 10)])


def linkage() -> IntArray:
    """Return the counts of 197 animals in four cells, shape (4,).

    Under the genetic model the cells have probabilities 1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4.

    References
    ----------
    Rao (1965), Linear Statistical Inference and Its Applications, pp. 368-369; used by
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, section 1.

    Examples
    --------
    >>> int(linkage().sum())
    197
    """
    return np.array([125, 18, 20, 34])


def old_faithful() -> FloatArray:
    """Return eruption length and waiting time to the next eruption, in minutes, shape (272, 2).

    Eruptions of the Old Faithful geyser in Yellowstone National Park, recorded by observers.
    Long eruptions are followed by long waits. These are the rows of R's data set `faithful`.

    References
    ----------
    Haerdle (1991), Smoothing Techniques, with Implementation in S, Springer. The first rows
    are those of the record of October 1980 in Weisberg (2005), Applied Linear Regression, 3rd
    edition, problem 1.4. Azzalini and Bowman (1990), Applied Statistics 39:357-365, to whom
    the data are often ascribed, analyse another, longer series, of August 1985.

    Examples
    --------
    >>> old_faithful()[0]
    array([ 3.6, 79. ])
    """
    return _table("faithful")


def galaxies() -> FloatArray:
    """Return the velocities of 82 galaxies, in 1000 km/s, sorted, shape (82,).

    Galaxies of six strips of the sky, in and behind the Corona Borealis region, with the speed
    at which each moves away from us, that is, by Hubble's law, with its distance. Groups of
    velocities are clusters of galaxies, with voids between them.

    Notes
    -----
    The 78th velocity is 26.960, as in the source. The copy in R's package MASS has two digits
    exchanged, 26.690, as its help page admits; the log-likelihood of a fit to that copy differs
    in the first or second decimal.

    References
    ----------
    Roeder (1990), J. Amer. Statist. Assoc. 85:617-624; from Postman, Huchra and
    Geller (1986), Astronomical Journal 92:1238-1247.

    Examples
    --------
    >>> galaxies()[[0, 77, 81]]
    array([ 9.172, 26.96 , 34.279])
    """
    return _table("galaxies") / 1000


def death_notices() -> tuple[IntArray, IntArray]:
    """Return on how many days The Times of London printed 0, 1, ..., 9 notices of a death.

    Deaths of women of 80 and more, on the 1096 days of the years 1910 to 1912. Fit the table as
    it is, with the days for sample weights.

    Returns
    -------
    deaths : ndarray, shape (10,)
        Notices on one day, 0 to 9.
    days : ndarray, shape (10,)
        Number of days with so many notices.

    References
    ----------
    Hasselblad (1969), J. Amer. Statist. Assoc. 64:1459-1471; Titterington (1984),
    J. R. Statist. Soc. B 46:257-267.

    Examples
    --------
    >>> deaths, days = death_notices()
    >>> int(days.sum()), int(deaths @ days)
    (1096, 2364)
    """
    days = np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
    return np.arange(10), days


def blood_groups() -> IntArray:
    """Return how many of 521 patients have the blood groups A, B, AB and O, shape (4,).

    References
    ----------
    Clarke et al. (1959), British Medical Journal 1:603-607: patients with a duodenal ulcer;
    fitted by gene counting in Lange (2002), Mathematical and Statistical Methods for Genetic
    Analysis, 2nd edition, chapter 2.

    Examples
    --------
    >>> blood_groups()
    array([186,  38,  13, 284])
    """
    return np.array([186, 38, 13, 284])


def earthquakes() -> IntArray:
    """Return how many major earthquakes there were in each year from 1900 to 2006, shape (107,).

    Of magnitude 7 or above, in the whole world.

    References
    ----------
    Zucchini and MacDonald (2009), Hidden Markov Models for Time Series, table 1.1.

    Examples
    --------
    >>> int(earthquakes().sum()), len(earthquakes())
    (2072, 107)
    """
    return _table("earthquakes").astype(np.int64)


def stack_loss() -> FloatArray:
    """Return 21 days of a plant that turns ammonia into nitric acid, shape (21, 4).

    Air flow, temperature of the cooling water, concentration of the acid (parts per thousand,
    less 500), and ten times the percentage of ammonia that is lost. R's data set `stackloss`.

    References
    ----------
    Brownlee (1965), Statistical Theory and Methodology in Science and Engineering, p. 454.

    Examples
    --------
    >>> stack_loss().mean(axis=0).round(2)
    array([60.43, 21.1 , 86.29, 17.52])
    """
    return _table("stackloss")


def ability_tests() -> tuple[FloatArray, int]:
    """Return the covariance matrix of six tests, shape (6, 6), and of how many people it is.

    General intelligence, picture completion, block design, mazes, reading, vocabulary. R's data
    set `ability.cov`.

    References
    ----------
    Bartholomew (1987), Latent Variable Models and Factor Analysis, Griffin.

    Examples
    --------
    >>> covariance, n = ability_tests()
    >>> covariance.shape, n
    ((6, 6), 112)
    """
    return _table("ability"), 112


def role_conflict() -> tuple[IntArray, IntArray]:
    """Return answers to four questions, and how many of 216 people gave them.

    Whether one's duty to a friend or to everybody comes first, in four situations: 0 the friend
    (particularistic), 1 everybody (universalistic). R's data set `values` of the package poLCA.

    Returns
    -------
    answers : ndarray, shape (16, 4)
        All patterns of answers.
    people : ndarray, shape (16,)
        Number of people with each.

    References
    ----------
    Stouffer and Toby (1951), American Journal of Sociology 56:395-406; Goodman (1974),
    Biometrika 61:215-231.

    Examples
    --------
    >>> answers, people = role_conflict()
    >>> int(people.sum()), (people @ answers).tolist()
    (216, [171, 108, 111, 67])
    """
    answers = np.array(list(product((0, 1), repeat=4)))
    return answers, np.array([20, 2, 9, 2, 6, 1, 4, 1, 38, 7, 24, 6, 25, 6, 23, 42])


def nile() -> FloatArray:
    """Return the yearly flow of the Nile at Aswan from 1871 to 1970, shape (100,), in 1e8 m^3.

    References
    ----------
    Cobb (1978), Biometrika 65:243-251; Durbin and Koopman (2012), Time Series Analysis by State
    Space Methods, 2nd edition, chapter 2. R's data set `Nile`.

    Examples
    --------
    >>> nile()[:3], float(nile().mean())
    (array([1120., 1160.,  963.]), 919.35)
    """
    return _table("nile")


def air_quality() -> FloatArray:
    """Return the air of New York from May to September 1973, day by day, shape (153, 6).

    Columns: ozone (parts per billion, mean of the afternoon hours at Roosevelt Island), solar
    radiation (langleys, in the morning at Central Park), wind (miles an hour) and highest
    temperature (degrees Fahrenheit) at LaGuardia Airport, month, day. NaN where there is no
    value: 37 times in ozone, 7 times in radiation, in 42 rows.

    References
    ----------
    Chambers, Cleveland, Kleiner and Tukey (1983), Graphical Methods for Data Analysis,
    Wadsworth; as in R's data set `airquality`.

    Examples
    --------
    >>> x = air_quality()
    >>> np.isnan(x).sum(axis=0)
    array([37,  7,  0,  0,  0,  0])
    """
    return _table("air_quality")


def apple_crop() -> FloatArray:
    """Return size of crop and share of wormy fruits of 18 apple trees, shape (18, 2).

    The first column is in hundreds of fruits, the second in per cent; of the last six trees the
    second was taken out by those who made the example, and is NaN.

    References
    ----------
    Snedecor and Cochran (1967), Statistical Methods, 6th edition; as in Little and Rubin (2002).

    Examples
    --------
    >>> apple_crop()[[0, 17]]
    array([[ 8., 59.],
           [10., nan]])
    """
    crop = [8, 6, 11, 22, 14, 17, 18, 24, 19, 23, 26, 40, 4, 4, 5, 6, 8, 10]
    worms = [59, 58, 56, 53, 50, 45, 43, 42, 39, 38, 30, 27, *[np.nan] * 6]
    return np.column_stack([np.array(crop, dtype=np.float64), worms])


def cholera() -> tuple[IntArray, IntArray]:
    """Return in how many houses of an Indian village 1, 2, 3 and 4 people had cholera.

    The 168 houses without a case are left out: nobody knows how many of them were exposed.

    Returns
    -------
    cases, houses : ndarray of int, shape (4,)
        The numbers of cases, and in how many houses there were so many.

    References
    ----------
    McKendrick (1926), Proc. Edinburgh Math. Soc. 44:98-130; as in Meng (1997).

    Examples
    --------
    >>> cases, houses = cholera()
    >>> int(houses.sum()), int(cases @ houses)
    (55, 86)
    """
    return np.arange(1, 5), np.array([32, 16, 6, 1])


def four_clusters(
    n_per_cluster: int, rng: int | np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Draw four unit-variance normal clusters centred at (-2, -2), (-2, 2), (2, -2), (2, 2).

    Parameters
    ----------
    n_per_cluster : int
        Number of points in each cluster.
    rng : int or Generator
        Seed or generator.

    Returns
    -------
    x : ndarray, shape (4 n_per_cluster, 2)
        The points, cluster after cluster.
    z : ndarray, shape (4 n_per_cluster,)
        Which cluster each came from, 0 to 3.

    Examples
    --------
    >>> x, z = four_clusters(50, rng=0)
    >>> x.shape, z.shape
    ((200, 2), (200,))
    """
    if n_per_cluster < 1:
        raise ValueError(f"n_per_cluster must be at least 1, not {n_per_cluster!r}.")
    centres = np.array([[-2.0, -2.0], [-2.0, 2.0], [2.0, -2.0], [2.0, 2.0]])
    z = np.repeat(np.arange(4), n_per_cluster)
    x = centres[z] + np.random.default_rng(rng).standard_normal((len(z), 2))
    return x, z


def _table(name: str) -> FloatArray:
    """Return the numbers of a file of the library, below its line of names."""
    with (files("emlib") / "datasets" / f"{name}.csv").open() as stream:
        return np.loadtxt(stream, delimiter=",", skiprows=1)
