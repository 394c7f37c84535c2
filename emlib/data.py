"""Small real data sets, and a generator, all without network."""

from __future__ import annotations

from importlib.resources import files

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
    with (files("emlib") / "datasets" / "faithful.csv").open() as stream:
        return np.loadtxt(stream, delimiter=",", skiprows=1)


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
    with (files("emlib") / "datasets" / "galaxies.csv").open() as stream:
        return np.loadtxt(stream, skiprows=1) / 1000


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
