"""The libraries, each behind one function, and the problems they are given.

All three do the same sums: n M-steps and n + 1 E-steps in float64, from the same start.

* scikit-learn: `max_iter=n` with `tol=0` never stops early, and ends with one more E-step.
* OpenCV: a maximal count of n + 1 gives n + 1 E-steps and n M-steps; without an epsilon it
  stops early only if the log-likelihood falls. Its Python binding takes the covariances as
  `cv2.Mat(..., wrap_channels=False)` and nothing else. Its "spherical" type is left out: it
  counts the log of a variance once instead of D times, and so is not EM for these mixtures.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

import emlib
from emlib import GaussianMixture, em


class Problem(NamedTuple):
    """Data (N, D) and the model from which every library starts."""

    x: np.ndarray
    start: GaussianMixture

    def head(self, rows: int) -> Problem:
        """Return the same problem with only the first rows."""
        return Problem(self.x[:rows], self.start)


class Library(NamedTuple):
    """A contender: `fit(problem, n)` takes n steps, or stops by its own rule if n is None."""

    name: str
    version: str
    covariance_types: tuple[str, ...]
    fit: Callable[[Problem, int | None], GaussianMixture]
    row_by_row: bool = False  # time is proportional to N, and long: may be measured on fewer rows


def random_problem(n: int, d: int, k: int, covariance_type: str = "full") -> Problem:
    """Return clouds that overlap: a pair is 1.5 standard deviations apart, as pairs go."""
    centres = np.random.default_rng(0).standard_normal((k, d))
    return clouds(n, 1.5 / np.sqrt(2 * d) * centres, covariance_type)


def ring_problem(n: int, k: int, distance: float) -> Problem:
    """Return k clouds in the plane, on a ring, each `distance` from the next."""
    angle = 2 * np.pi * np.arange(k) / k
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    return clouds(n, distance / (2 * np.sin(np.pi / k)) * ring)


def clouds(n: int, centres: np.ndarray, covariance_type: str = "full") -> Problem:
    """Return N points of round clouds with standard deviation one, and a start.

    The start has equal weights, the true centres moved by a third, and unit covariances.
    """
    rng = np.random.default_rng(1)
    k, d = centres.shape
    x = rng.standard_normal((n, d))
    x += centres[rng.integers(k, size=n)]
    means = centres + rng.standard_normal((k, d)) / (3 * np.sqrt(d))
    unit = {
        "full": np.repeat(np.eye(d)[None], k, axis=0),
        "tied": np.eye(d),
        "diag": np.ones((k, d)),
        "spherical": np.ones(k),
    }
    weights = np.full(k, 1 / k)
    return Problem(x, GaussianMixture(weights, means, unit[covariance_type], covariance_type))


def fit_emlib(problem: Problem, n: int | None) -> GaussianMixture:
    """Fit with emlib."""
    if n is None:
        return em.fit(problem.start, problem.x).model
    result = em.fit(problem.start, problem.x, tol=0, max_iter=n)
    if result.n_iter != n:
        raise RuntimeError(f"emlib took {result.n_iter} steps, not {n}: {result.message}")
    return result.model


def fit_sklearn(problem: Problem, n: int | None) -> GaussianMixture:
    """Fit with scikit-learn, without its regularisation, which would be another objective."""
    from sklearn.mixture import GaussianMixture as Peer

    start = problem.start
    kind = start.covariance_type
    inverse = np.linalg.inv if kind in ("full", "tied") else np.reciprocal
    peer = Peer(
        start.n_components,
        covariance_type=kind,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=inverse(start.covariances),
        reg_covar=0,
        **({} if n is None else {"tol": 0, "max_iter": n}),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it "did not converge" after n steps
        peer.fit(problem.x)
    return GaussianMixture(peer.weights_, peer.means_, peer.covariances_, kind)


def fit_opencv(problem: Problem, n: int | None) -> GaussianMixture:
    """Fit with OpenCV's EM."""
    import cv2

    start = problem.start
    kinds = {
        "full": cv2.ml.EM_COV_MAT_GENERIC,
        "diag": cv2.ml.EM_COV_MAT_DIAGONAL,
    }
    peer = cv2.ml.EM_create()
    peer.setClustersNumber(start.n_components)
    peer.setCovarianceMatrixType(kinds[start.covariance_type])
    if n is not None:
        peer.setTermCriteria((cv2.TERM_CRITERIA_COUNT, n + 1, 0))
    covariances = cv2.Mat(start.covariance_matrices, wrap_channels=False)
    peer.trainE(problem.x, start.means, covariances, start.weights)
    covariances = np.array(peer.getCovs())
    if start.covariance_type == "diag":
        covariances = np.diagonal(covariances, axis1=1, axis2=2)
    weights, means = peer.getWeights()[0], peer.getMeans()
    return GaussianMixture(weights, means, covariances, start.covariance_type)


ALL_TYPES = ("full", "tied", "diag", "spherical")


def find_emlib() -> Library:
    """Return emlib."""
    return Library("emlib", emlib.__version__, ALL_TYPES, fit_emlib)


def find_sklearn() -> Library | None:
    """Return scikit-learn, if it is installed."""
    if find_spec("sklearn") is None:
        return None
    return Library("scikit-learn", version("scikit-learn"), ALL_TYPES, fit_sklearn)


def find_opencv() -> Library | None:
    """Return OpenCV, if it is installed and has EM: 5 has no `ml` in its main wheels."""
    try:
        import cv2.ml
    except ImportError:
        return None
    return Library("OpenCV", cv2.__version__, ("full", "diag"), fit_opencv, row_by_row=True)


FINDERS = {"emlib": find_emlib, "scikit-learn": find_sklearn, "OpenCV": find_opencv}


def libraries() -> list[Library]:
    """Return emlib and those of its peers that are installed."""
    return [library for find in FINDERS.values() if (library := find()) is not None]
