"""What mixtures of clouds share, each cloud with a mean and a covariance (or scale) matrix.

How to begin: from groups of rows. And when to doubt a fit (chapter 5): components are compared
in coordinates in which the average covariance is the identity, so that units do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg.lapack import dtrtri

from emlib._machinery.blocks import summed
from emlib._machinery.validation import data_matrix
from emlib._machinery.value import BoolArray, FloatArray, IntArray
from emlib.convergence import EPS
from emlib.em import Expectation
from emlib.families.covariance import Covariances, Full
from emlib.mixture import Mixture, mixing
from emlib.prior import MixturePrior, NormalInverseWishart


class Clouds(Mixture):
    """A mixture of K clouds in D dimensions: means (K, D), or (K,) on the line, and covariances."""

    row_ndim: ClassVar[int] = 1
    has_types: ClassVar[bool] = False  # whether there is a covariance_type to choose
    means: FloatArray
    _cov: Covariances

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a finite (N, D) float64 array."""
        return data_matrix(x, self.means.shape[1])

    def _store(
        self, weights: FloatArray, means: FloatArray, cov: Covariances, name: str = "covariances"
    ) -> None:
        """Set the fields of a frozen model: `cov` with its factors, and its values by name."""
        for field, value in {"weights": weights, "means": means, name: cov.values}.items():
            value.setflags(write=False)
            object.__setattr__(self, field, value)
        object.__setattr__(self, "_cov", cov)

    @property
    def covariance_matrices(self) -> FloatArray:
        """The covariances as matrices, shape (K, D, D), whatever the type."""
        return self._cov.matrices(self.n_components)

    def _relative(self) -> tuple[FloatArray, FloatArray]:
        """Return means (K, D) and covariances (K, D, D), whitened by the average covariance."""
        matrices, means = self.covariance_matrices, self.means.reshape(self.n_components, -1)
        average = np.einsum("k,kde->de", self.weights, matrices)
        whitener = dtrtri(np.linalg.cholesky(average), lower=1)[0]
        centred = means - self.weights @ means
        return centred @ whitener.T, whitener @ matrices @ whitener.T

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K), in standard deviations.

        The largest difference in any mean or covariance, as the average covariance sees them.
        """
        means, covariances = self._relative()
        k = len(means)
        both = np.hstack([means, covariances.reshape(k, -1)])
        return np.array([abs(both - row).max(axis=1) for row in both])

    def _moved(
        self, old: Self, counts: FloatArray, first: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the moments of counts_k rows as this model's components see them.

        Given how another's do: it is asked where it sees these means, the squares are taken about
        them, and then whitened by these covariances.
        """
        places = np.arange(len(counts))
        seen = old._cov.whiten(self.means, old.means)[places, :, places]  # (K, D)
        own = first / np.where(counts > 0, counts, 1.0)[:, None]
        second = second - old._cov.copies(counts, own) + old._cov.copies(counts, own - seen)
        return self._cov.beside(old._cov, first - counts[:, None] * seen, second)

    def _slopes(self, expectation: Expectation, *rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the slope of Q + log prior by means (K, D) and by covariances, in their shape.

        Of rows as `_moved` takes them: how many, and their moments. It is zero where `m_step`
        leads, so it is made of the same: first moments about the means, and by how much the
        second exceed those of a standard normal.
        """
        cov = self._cov
        first, second = self._moved(expectation.of, *rows)
        sizes = cov.sizes(expectation.counts)
        if self.prior is not None:
            _, prior_first, prior_second, extra = cov.imaginary(self.prior.components, self.means)
            first, second, sizes = first + prior_first, second + prior_second, sizes + extra
        return cov.slopes(first, second - sizes * cov.one(np.eye(self.means.shape[1])))

    @property
    def fewest(self) -> float:
        """Expected count below which a component is little more than a simplex: D + 3/2.

        A prior fills what the simplex leaves flat: with one it is 5/2, as on the line.
        """
        return 1.5 + (self.means[0].size if self.prior is None else 1)

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit, one sentence each (chapter 5).

        Besides few data and components that are nearly the same: a component that is thin in
        some direction, with a variance below 1/100 of the average component's there, on fewer
        than 5 (D + 1) observations; or below 1e-10 on any number of them.
        """
        _, covariances = self._relative()
        thin = np.linalg.eigvalsh(covariances)[:, 0]
        limit = np.where(counts < 5 * (self.means[0].size + 1), 1e-2, 1e-10)
        return super().doubts(counts) + tuple(
            f"component {k} is thin: in some direction its variance is {thin[k]:.2g} of the "
            f"average component's, with an expected count of {counts[k]:.3g}."
            for k in np.flatnonzero(thin < limit)
        )


class Normals(Clouds):
    """Clouds that are normals: M-step, Q and the prior.

    All from moments in the coordinates of `_cov`, in which each component is a standard normal.
    """

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 4.10, 4.13 and 4.17).

        With a prior, of its sum with the log prior: the prior adds imaginary observations.

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed.
        """
        return self.m_step_given(expectation, {})

    def m_step_given(self, expectation: Expectation, held: Mapping[str, BoolArray]) -> Self:
        """Return the M-step when some parameters stay: covariances are about the means that do."""
        cov = self._cov
        weights = mixing(expectation.counts, self.prior)
        counts, (first, second) = expectation.counts, expectation.statistics
        sizes = cov.sizes(counts)
        if self.prior is not None:
            kappa, prior_first, prior_second, extra = cov.imaginary(
                self.prior.components, self.means
            )
            counts, first, second = counts + kappa, first + prior_first, second + prior_second
            sizes = sizes + extra
        shift = first / counts[:, None]  # the new means, in whitened coordinates (eq. 4.24)
        if "means" in held:
            shift[held["means"]] = 0.0
        central = (second - cov.copies(counts, shift)) / sizes  # about the *new* means (eq. 4.25)
        if "covariances" in held:  # as it sees itself, a component has the covariance I
            unit = cov.one(np.eye(self.means.shape[1]))
            central[... if cov.shared else held["covariances"]] = unit
        means, covariances = self.means + cov.colour(shift), cov.scaled(central)  # (eq. 4.26)
        covariances.refuse_collapse(weights, means, self.has_types)
        return replace(self, weights=weights, means=means, covariances=covariances)  # type: ignore[type-var]

    def complete_components(self, expectation: Expectation) -> float:
        """Return the expected log density of the rows, up to a constant."""
        counts = expectation.counts
        _, second = self._moved(expectation.of, counts, *expectation.statistics)
        logs = (counts * self._cov.half_log_determinants).sum()
        return float(-0.5 * self._cov.trace(second) - logs)

    def score_components(self, expectation: Expectation) -> dict[str, FloatArray]:
        """Return the slope of Q + log prior by means and covariances."""
        rows = expectation.counts, *expectation.statistics
        by_means, by_covariances = self._slopes(expectation, *rows)
        return {"means": by_means, "covariances": by_covariances}

    def log_prior_components(self) -> float:
        """Return the log density of means and covariances under the prior (eq. 5.8)."""
        if self.prior is None:
            return 0.0
        return self._cov.log_prior(self.prior.components, self.means)

    @property
    def mean(self) -> FloatArray:
        """Mean of the whole mixture, shape (D,)."""
        return self.weights @ self.means

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the whole mixture, shape (D, D): within components and between them."""
        between = self.means - self.mean
        within = np.tensordot(self.weights, self.covariance_matrices, axes=1)
        return within + (between.T * self.weights) @ between


def with_scale(within: FloatArray, n: float, prior: NormalInverseWishart) -> FloatArray:
    """Return the covariance (D, D) of n rows with the prior's scale added to their squares."""
    scale = prior.scale if prior.scale.ndim == 2 else np.diag(prior.scale * np.ones(len(within)))
    return (n * within + scale) / (n + prior.degrees_of_freedom)


def default_prior(
    family: type[Clouds],
    x: ArrayLike,
    n_components: int,
    kind: type[Covariances],
    sample_weight: ArrayLike | None,
) -> MixturePrior:
    """Return the default prior of clouds: see `GaussianMixture.default_prior`."""
    _, mean, everything = moments(family, data_matrix, x, sample_weight)
    d = len(mean)
    variances = np.diag(everything)
    constant = variances <= (4 * EPS * mean) ** 2
    if constant.any() and kind.kind != "spherical":
        raise ValueError(f"x: column {constant.argmax()} is constant. Leave it out.")
    varied = everything[~constant][:, ~constant]
    if Full.flat(varied, varied).any():
        everything = (d + 5 if kind.kind == "diag" else 2 * d + 4) * np.diag(variances)
    scale = n_components ** (-2 / d) * kind.one(everything)
    return MixturePrior(NormalInverseWishart(mean, 0.01, d + 2, scale))


def groups(x: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights, means and pooled covariance (D, D) of groups (eqs. 4.13, 4.19).

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Rows.
    r : ndarray, shape (N, K)
        How much of each row is in each group: responsibilities times weights.
    """
    counts = r.sum(axis=0)
    middle = x.mean(axis=0)
    means = middle + r.T @ (x - middle) / counts[:, None]
    within = sum(((x - m).T * w) @ (x - m) for m, w in zip(means, r.T, strict=True)) / counts.sum()
    return counts / counts.sum(), means, within


def moments(
    family: type[Mixture],
    check: Callable[[ArrayLike], FloatArray],
    x: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, FloatArray, FloatArray]:
    """Return the weight, mean and covariance (divided by that weight) of data, piece by piece.

    For rows of one number the last two are numbers. Two passes: squares are taken about the mean.
    """

    def first(rows: FloatArray, w: FloatArray) -> FloatArray:
        return np.array([w.sum(), *np.atleast_1d(w @ rows)])

    n, *sums = summed(family, check, first, x, sample_weight)
    if n == 0:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    mean = np.array(sums) / n

    def second(rows: FloatArray, w: FloatArray) -> FloatArray:
        centred = rows.reshape(len(rows), -1) - mean
        return (centred.T * w) @ centred

    covariance = summed(family, check, second, x, sample_weight) / n
    if family.row_ndim == 0:
        return n, mean[0], covariance[0, 0]
    return n, mean, covariance


def chosen_columns(columns: ArrayLike, d: int) -> IntArray:
    """Return the numbers of some of d columns, each once."""
    array = np.asarray(columns)
    good = array.ndim == 1 and array.size > 0 and array.dtype.kind in "iu"
    if (
        not good
        or not set(array.tolist()) <= set(range(d))
        or len(set(array.tolist())) < len(array)
    ):
        raise ValueError(f"columns must list some of 0 to {d - 1}, each once, not {columns!r}.")
    return array
