"""Small real data sets, and a generator, all without network."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from emlib._validation import FloatArray, IntArray


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

    Eruptions of the Old Faithful geyser in Yellowstone National Park, recorded by volunteers.
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
