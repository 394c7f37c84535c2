"""Starting points: first responsibilities (N, K), from which a family makes its first model."""

from __future__ import annotations

import contextlib

import numpy as np
from scipy.cluster.vq import ClusterError, kmeans2

from emlib._validation import FloatArray, IntArray, component_count, one_of

METHODS = ("kmeans", "k-means++", "random", "random_from_data")


def responsibilities(
    x: FloatArray,
    n_components: int,
    rng: int | np.random.Generator,
    method: str = "kmeans",
) -> FloatArray:
    """Return responsibilities (N, K) to start from.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Data. Columns are divided by their standard deviations before distances are taken, so
        that units do not matter.
    n_components : int
        Number of components K.
    rng : int or Generator
        Seed or generator; 0 is a seed like any other.
    method : {"kmeans", "k-means++", "random", "random_from_data"}
        k-means (Lloyd) from a k-means++ seeding; the seeding alone; random responsibilities;
        K rows chosen at random. All but "random" give every row to the nearest centre.

    Raises
    ------
    ValueError
        If there are fewer distinct rows than components, or the method is unknown.

    References
    ----------
    Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [9.0], [9.1]])
    >>> responsibilities(x, 2, 0).sum(axis=0)
    array([2., 2.])
    """
    one_of(method, "method", METHODS)
    generator = np.random.default_rng(rng)
    k = component_count(n_components, len(x))
    if method == "random":
        return generator.dirichlet(np.ones(k), size=len(x))
    z = _standardised(x)
    distinct = np.unique(z, axis=0)
    if len(distinct) < k:
        raise ValueError(
            f"x has only {len(distinct)} distinct rows for {k} components. Use fewer components."
        )
    if method == "random_from_data":
        centres = generator.choice(distinct, size=k, replace=False)
    else:
        centres = k_means_plus_plus(z, k, generator)
    labels = nearest(z, centres)
    if method == "kmeans":
        # Lloyd's algorithm can lose a cluster; the seeding never does, and is kept then.
        with contextlib.suppress(ClusterError):
            _, better = kmeans2(z, centres, minit="matrix", iter=20, missing="raise")
            labels = better.astype(np.int64) if len(np.unique(better)) == k else labels
    return np.asarray(np.eye(k)[labels])


def k_means_plus_plus(x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """Choose k rows of x (N, D), preferably far apart.

    Each is drawn with probability proportional to its squared distance from the nearest row
    chosen so far.
    """
    chosen = [x[rng.integers(len(x))]]
    while len(chosen) < k:
        squared = np.min([((x - c) ** 2).sum(axis=1) for c in chosen], axis=0)
        chosen.append(x[rng.choice(len(x), p=squared / squared.sum())])
    return np.array(chosen)


def nearest(x: FloatArray, centres: FloatArray) -> IntArray:
    """Return the index of the centre nearest to each row of x, shape (N,)."""
    squared = np.array([((x - c) ** 2).sum(axis=1) for c in centres])
    return np.asarray(squared.argmin(axis=0), dtype=np.int64)


def _standardised(x: FloatArray) -> FloatArray:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
