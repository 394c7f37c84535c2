"""Starting points: first responsibilities (N, K), from which a family makes its first model."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from emlib._machinery.validation import SMALLEST, component_count, one_of, reject_rows
from emlib._machinery.value import FloatArray, IntArray

DIGITS = 12  # digits of a standardised row by which it is told from others
METHODS = ("kmeans", "k-means++", "random", "random_from_data", "random_scales", "slices")


def responsibilities(
    x: FloatArray,
    n_components: int,
    rng: int | np.random.Generator,
    method: str = "kmeans",
    sample_weight: FloatArray | None = None,
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
    method : {"kmeans", "k-means++", "random", "random_from_data", "random_scales", "slices"}
        They differ in kind, and where one fails another may do:

        * "kmeans": k-means (Lloyd) from a k-means++ seeding; "k-means++": the seeding alone;
        * "random_from_data": K rows chosen at random;
        * "random_scales": the same, each with a reach of its own: small groups inside large ones;
        * "slices": cuts across a random direction, at K - 1 random rows: long and flat groups;
        * "random": random responsibilities.

        The first four give every row to the nearest centre; all but "random" give it to one.
    sample_weight : ndarray, shape (N,), optional
        Positive weights. A weight of 2 is two copies: the centres of k-means are weighted means,
        and a row is drawn so much more often. ("random" gives the mean of as many draws, in
        mean and variance.)

    Raises
    ------
    ValueError
        If there are fewer distinct rows than components, the method is unknown, or a column
        varies so little that its spread drowns in rounding.

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
    w = sample_weight
    spread = _spread(x, w)
    if method == "random":
        return _random(generator, k, len(x), w)
    z = (x - np.average(x, axis=0, weights=w)) / spread
    distinct = np.unique(z.round(DIGITS), axis=0)
    if len(distinct) < k:
        raise ValueError(
            f"x has only {len(distinct)} distinct rows for {k} components. Use fewer components or "
            f"leave outliers out: rows within 1e-{DIGITS} of the spread count as the same."
        )
    if method == "slices":
        return np.asarray(np.eye(k)[_slices(z.round(DIGITS), k, generator)])
    if method in ("random_from_data", "random_scales"):
        centres = generator.choice(distinct, size=k, replace=False)
    else:
        centres = k_means_plus_plus(z, k, generator, w)
    scales = np.exp(generator.standard_normal(k)) if method == "random_scales" else np.ones(k)
    labels = nearest(z, centres, scales)
    if method == "kmeans":
        better = _k_means(z, centres, labels, w)
        # Lloyd's algorithm can lose a cluster; the seeding never does, and is kept then.
        labels = better if len(np.unique(better)) == k else labels
    return np.eye(k)[labels]


def _random(rng: np.random.Generator, k: int, n: int, w: FloatArray | None) -> FloatArray:
    """Return uniform responsibilities (N, K), with the mean and variance of means of w of them."""
    if w is None:
        return rng.dirichlet(np.ones(k), size=n)
    concentration = (w * (k + 1) - 1) / k  # 1 where the weight is 1
    shares = rng.standard_gamma(np.maximum(concentration, 1 / k)[:, None], size=(n, k))
    return shares / shares.sum(axis=1, keepdims=True)


def _k_means(
    z: FloatArray, centres: FloatArray, labels: IntArray, w: FloatArray | None
) -> IntArray:
    """Return the labels (N,) of the 20th round of Lloyd's algorithm, or once a cluster is lost."""
    if w is None:
        from scipy.cluster import vq  # here: it is slow to import

        with contextlib.suppress(vq.ClusterError):
            _, better = vq.kmeans2(z, centres, minit="matrix", iter=20, missing="raise")
            return better.astype(np.int64)
        return labels
    k = len(centres)
    for _ in range(19):  # SciPy's first round gives the labels that are here already
        counts = np.bincount(labels, w, minlength=k)
        if not counts.all():
            return labels
        share = np.eye(k)[labels] * w[:, None]
        labels = nearest(z, share.T @ z / counts[:, None])
    return labels


def k_means_plus_plus(
    x: FloatArray, k: int, rng: np.random.Generator, sample_weight: FloatArray | None = None
) -> FloatArray:
    """Choose k rows of x (N, D), preferably far apart.

    Each is drawn with probability proportional to its squared distance from the nearest row
    chosen so far, times its weight.
    """
    w = np.ones(len(x)) if sample_weight is None else sample_weight
    chosen = [x[_draw_row(rng, w)]]
    while len(chosen) < k:
        squared = w * np.min([((x - c) ** 2).sum(axis=1) for c in chosen], axis=0)
        chosen.append(x[rng.choice(len(x), p=squared / squared.sum())])
    return np.array(chosen)


def _draw_row(rng: np.random.Generator, w: FloatArray) -> int:
    """Draw a row with probability proportional to its weight, whatever the unit of the weights."""
    copies = np.cumsum(w)
    # 32 bits are what `integers` would take for one of N rows, so equal weights change nothing.
    at = rng.integers(2**32) / 2**32 * copies[-1]
    return int(np.searchsorted(copies[:-1], at, side="right"))


def nearest(x: FloatArray, centres: FloatArray, scales: FloatArray | None = None) -> IntArray:
    """Return the index of the centre nearest to each row of x, shape (N,).

    With scales (K,), distances from a centre are measured in units of its own.
    """
    squared = np.array([((x - c) ** 2).sum(axis=1) for c in centres])
    if scales is not None:
        squared /= scales[:, None] ** 2
    return np.asarray(squared.argmin(axis=0), dtype=np.int64)


def _slices(x: FloatArray, k: int, rng: np.random.Generator) -> IntArray:
    """Return which of K slices across a random direction each row of x (N, D) lies in, (N,)."""
    height = (x @ rng.standard_normal(x.shape[1])).round(DIGITS)
    levels = np.unique(height)
    if len(levels) < k:  # by chance different rows lie level: cut across another direction
        return _slices(x, k, rng)
    cuts = np.sort(rng.choice(levels[1:], size=k - 1, replace=False))
    return np.asarray(np.searchsorted(cuts, height, side="right"), dtype=np.int64)


def _spread(x: FloatArray, w: FloatArray | None) -> FloatArray:
    """Return the standard deviation of each column (D,), or 1 where it is constant."""
    low, high = x.min(axis=0), x.max(axis=0)
    if w is None:
        deviation = x.std(axis=0)
    else:
        deviation = np.sqrt(
            np.average((x - np.average(x, axis=0, weights=w)) ** 2, axis=0, weights=w)
        )
    spread = np.where(high > low, deviation, 1.0)
    _refuse_spread(spread < SMALLEST, low, high, "too little to be squared. Use smaller units.")
    rounding = np.finfo(np.float64).eps * np.maximum(abs(low), abs(high))
    remedy = "so that rounding hides the rest. Subtract a constant first."
    drowned = spread < 2**12 * rounding
    _refuse_outweighed(drowned & (x.std(axis=0) >= 2**12 * rounding), w)
    _refuse_spread(drowned, low, high, remedy)
    return spread


def _refuse_spread(bad: NDArray[np.bool_], low: FloatArray, high: FloatArray, why: str) -> None:
    if bad.any():
        j = int(bad.argmax())
        name = f"x: column {j}" if len(bad) > 1 else "x"
        raise ValueError(f"{name} varies only from {low[j]} to {high[j]}, {why}")


def _refuse_outweighed(bad: NDArray[np.bool_], w: FloatArray | None) -> None:
    if w is not None and bad.any():
        heavy = w > 1e-12 * w.sum()
        fault = "whose weight so outweighs all others that the spread of x drowns in rounding"
        reject_rows(heavy, "sample_weight", fault, "Leave them out, or give them less weight.")
