"""Mixtures of multivariate normals for tables with holes: NaN where an entry is missing.

Rows are grouped by their pattern, that is by which of their columns are there: the linear algebra
is done once for a pattern, and a matrix product serves all of its rows. The M-step is that of
whole tables (eq. 10.9), in `clouds.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg.lapack import dtrtri

from emlib import initial
from emlib._machinery.blocks import as_array, gathered
from emlib._machinery.validation import check_weights, data_matrix, frozen, number_array
from emlib._machinery.value import BoolArray, FloatArray, IntArray
from emlib.coordinates import DEFINITE, REAL, SIMPLEX
from emlib.em import Expectation
from emlib.families.clouds import Normals, with_scale
from emlib.families.covariance import Covariances, Full
from emlib.mixture import posterior, weighted
from emlib.prior import MixturePrior, NormalInverseWishart, prior_for


@dataclass(frozen=True, eq=False)
class Pattern:
    """What a pattern of missing entries makes of K normals.

    With Sigma_k = L_k L_k^T a row is mu_k + L_k u, u standard normal. The rows of L_k that belong
    to observed columns have the factors (Q_k R_k)^T, and all follows from these (eq. 10.20):
    y = R_k^{-T} (x_o - mu_o) is the observed part, whitened; u is Q_k y in expectation, and of its
    variance I - Q_k Q_k^T is left.

    Attributes
    ----------
    seen : ndarray of bool, shape (D,)
        Which columns are there.
    q : ndarray, shape (K, D, O)
        Q_k, with orthonormal columns, for O observed columns.
    whitener : ndarray, shape (K, O, O)
        R_k^{-T}, lower triangular.
    log_constants : ndarray, shape (K,)
        Log density of the observed entries at their mean.
    """

    seen: BoolArray
    q: FloatArray
    whitener: FloatArray
    log_constants: FloatArray

    @classmethod
    def of(cls, seen: BoolArray, factor: FloatArray) -> Pattern:
        """Return the pattern for covariances with lower factors L_k (K, D, D)."""
        q, r = np.linalg.qr(factor[:, seen].swapaxes(1, 2))
        whitener = np.array([dtrtri(upper, lower=0)[0].T for upper in r]) if seen.any() else r
        diagonal = abs(np.diagonal(r, axis1=1, axis2=2))
        constants = -np.log(diagonal).sum(axis=1) - 0.5 * seen.sum() * np.log(2 * np.pi)
        return cls(seen, q, whitener, constants)

    @property
    def left(self) -> FloatArray:
        """The variance of u that the observed entries leave, I - Q_k Q_k^T, shape (K, D, D)."""
        return np.eye(len(self.seen)) - self.q @ self.q.swapaxes(1, 2)

    def whiten(self, x: FloatArray, means: FloatArray) -> FloatArray:
        """Return y of the rows x (N, D) of this pattern, shape (K, O, N)."""
        observed = np.ascontiguousarray(x[:, self.seen].T)
        return self.whitener @ (observed - means[:, self.seen, None])


# Of each pattern the numbers of its rows, itself, and y of the rows (K, O, N).
Whitened = list[tuple[IntArray, Pattern, FloatArray]]


@dataclass(frozen=True, eq=False)
class IncompleteGaussianMixture(Normals):
    """A mixture of K multivariate normals for rows with missing entries; K = 1 is the normal.

    Data have shape (N, D), with NaN where an entry is missing. The log-likelihood is that of the
    observed entries; the mechanism that made the holes may be ignored if they are missing at
    random (chapter 10). A row with nothing observed is allowed: its log density is 0, and it
    moves no estimate, but it slows the climb, and it counts in the N of `bic`.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights; they sum to one.
    means : array_like, shape (K, D)
        Means of the components.
    covariances : array_like, shape (K, D, D)
        Covariances of the components.
    prior : MixturePrior, optional
        With a `NormalInverseWishart`, or one for each component.

    Raises
    ------
    ValueError
        If shapes disagree, the weights do not sum to one, or a covariance is not symmetric
        and positive definite.

    References
    ----------
    Dempster, Laird and Rubin (1977), section 4.1.3, for the normal; Ghahramani and Jordan (1994)
    for mixtures; chapter 10 of the book.

    Examples
    --------
    >>> from emlib import em
    >>> x = [[1.0, 2.0], [2.0, 3.0], [3.0, 5.0], [6.0, np.nan]]
    >>> fit = em.fit(IncompleteGaussianMixture.start(x, 1, rng=0), x, tol=1e-9)
    >>> fit.model.impute(x)[3].round(3)
    array([6.   , 9.333])
    """

    weights: FloatArray
    means: FloatArray
    covariances: Any  # an array once the model is made
    prior: MixturePrior | None = None
    _cov: Covariances = field(init=False, repr=False, compare=False)  # the same, with factors L_k
    spaces: ClassVar = {"weights": SIMPLEX, "means": REAL, "covariances": DEFINITE}
    labels_alone: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.covariances, Covariances):  # an M-step has made it: all is well
            self._store(self.weights, self.means, self.covariances)
            return
        weights = check_weights(self.weights)
        means = frozen(self.means, "means", (len(weights), None))
        Full.check_prior(self.prior, *means.shape)
        self._store(weights, means, Full.of(self.covariances, *means.shape))

    # -- where to start -------------------------------------------------------------------

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        prior: MixturePrior | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return a model to start from, with the pooled within-group covariance throughout.

        Holes are filled with the mean of their column to find groups, and for nothing else: the
        covariance has the variance of the column in their place.

        Parameters
        ----------
        x : array_like, shape (N, D)
            Data, NaN where an entry is missing.
        n_components, rng, method
            As for `initial.responsibilities`.
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`.
        sample_weight : array_like, shape (N,), optional
            Weights of the rows: 2 is two copies, and 0 is absence.

        Raises
        ------
        ValueError
            If a column has no value at all, or only one; or if there is no spread within groups.
        """
        generator = np.random.default_rng(rng)
        rows, w = gathered(cls, _matrix, x, sample_weight, generator)
        apart = _independent(cls, rows, w)
        filled = apart.impute(rows)
        r = initial.responsibilities(filled, n_components, generator, method, w)
        r = r if w is None else r * w[:, None]
        counts, means, within = apart._groups(rows, r)
        everything = apart._groups(rows, r.sum(axis=1, keepdims=True))[2]
        prior = prior_for(prior, cls.default_prior, x, n_components, sample_weight)
        if prior is not None:
            Full.check_prior(prior, *means.shape)
            within = with_scale(within, counts.sum(), prior.components)
        Full.require_spread(
            rows, within, everything, n_components, prior is not None, cls.has_types
        )
        return cls(counts / counts.sum(), means, Full.alike(within, n_components), prior)

    def _groups(self, x: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return sizes (K,) and means (K, D) of groups r (N, K), and the covariance within.

        As this model, of one component, expects them.
        """
        copies = replace(
            self,
            weights=np.full(r.shape[1], 1 / r.shape[1]),
            means=np.repeat(self.means, r.shape[1], axis=0),
            covariances=np.repeat(self.covariances, r.shape[1], axis=0),
        )
        counts = r.sum(axis=0)
        first, second = copies.statistics(x, r)
        shift = first / counts[:, None]
        central = (second - copies._cov.copies(counts, shift)).sum(axis=0) / counts.sum()
        lower = self._cov.factor[0]
        within = lower @ central @ lower.T
        return counts, self.means + shift @ lower.T, (within + within.T) / 2

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, sample_weight: ArrayLike | None = None
    ) -> MixturePrior:
        """Return a weak prior scaled to the data, so that units do not matter to fits with it.

        As `GaussianMixture.default_prior`, but the scale is made of the columns' variances alone:
        of a pair of columns there may be no row that has both.

        Raises
        ------
        ValueError
            If a column has no value at all, or only one.
        """
        rows, w = gathered(cls, _matrix, x, sample_weight)
        apart = _independent(cls, rows, w)
        d = rows.shape[1]
        scale = n_components ** (-2 / d) * apart.covariances[0]
        return MixturePrior(NormalInverseWishart(apart.means[0], 0.01, d + 2, scale))

    # -- E-step ---------------------------------------------------------------------------

    @staticmethod
    def numbers(x: ArrayLike) -> FloatArray:
        """Return x as a float64 array, not yet checked, with NaN where an entry is masked."""
        return number_array(_with_nan(x), "x")

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N, D) float64, with NaN where an entry is missing; never infinite."""
        return _matrix(x, self.means.shape[1])

    @cached_property
    def _known(self) -> dict[bytes, Pattern]:
        """Patterns that have been met: many blocks of rows have the same."""
        return {}

    def patterns(self, x: FloatArray) -> Iterator[tuple[IntArray, Pattern]]:
        """Yield the numbers of the rows of each pattern in x (N, D), and the pattern."""
        if not len(x):
            return
        seen = ~np.isnan(x)
        codes = np.packbits(seen, axis=1)
        keys = codes.view(f"V{codes.shape[1]}").ravel() if codes.shape[1] > 1 else codes.ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(group, kind="stable")
        edges = np.searchsorted(group[order], np.arange(1, len(first)))
        for n, rows in zip(first, np.split(order, edges), strict=True):
            key = codes[n].tobytes()
            if key not in self._known:
                self._known[key] = Pattern.of(seen[n], self._cov.factor)
            yield rows, self._known[key]

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return the log density of the observed entries, shape (N, K), in nats (eq. 10.4)."""
        x = self.check(x)
        return self._log_components(len(x), self._whitened(x))

    def _whitened(self, x: FloatArray) -> Whitened:
        """Return what `patterns` yields for x (N, D), each with y of its rows."""
        found = self.patterns(x)
        return [(rows, pattern, pattern.whiten(x[rows], self.means)) for rows, pattern in found]

    def _log_components(self, n: int, parts: Whitened) -> FloatArray:
        log_density = np.empty((n, self.n_components), order="F")
        for rows, pattern, y in parts:
            squares = np.einsum("kon,kon->kn", y, y)
            log_density[rows] = (pattern.log_constants[:, None] - 0.5 * squares).T
        return log_density

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the counts and `statistics` of a block: its rows are sorted and whitened once."""
        if not len(x):
            return super().expect_block(x, w)
        parts = self._whitened(x)
        log_density, r = posterior(self._log_components(len(x), parts) + self.log_weights)
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self._moments(parts, r))

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the expected first and second moments of u = L_k^{-1} (x - mu_k) (eq. 10.8).

        Of what is there and of what is missing, shapes (K, D) and (K, D, D). The second has, for
        each row, the variance that what is there leaves: without it variances shrink.
        """
        return self._moments(self._whitened(x), responsibilities)

    def _moments(self, parts: Whitened, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        k, d = self.means.shape
        first, second = np.zeros((k, d)), np.zeros((k, d, d))
        for rows, pattern, y in parts:
            r = responsibilities[rows].T
            q, ry = pattern.q, y * r[:, None, :]
            first += (q @ ry.sum(axis=2)[:, :, None])[:, :, 0]
            second += q @ (ry @ y.swapaxes(1, 2)) @ q.swapaxes(1, 2)
            second += r.sum(axis=1)[:, None, None] * pattern.left
        return first, (second + second.swapaxes(1, 2)) / 2

    # -- what is missing ------------------------------------------------------------------

    def impute(self, x: ArrayLike, rng: int | np.random.Generator | None = None) -> FloatArray:
        """Return x with its holes filled; what is observed stays to the last bit.

        Parameters
        ----------
        x : array_like, shape (N, D)
            Data, NaN where an entry is missing, in one piece or in blocks: what is returned is one.
        rng : int or Generator, optional
            Without one, holes get their conditional means given what is observed in the row:
            the best guess of each, and together too regular, so no data to estimate from. With
            one they get a draw from the conditional law, as multiple imputation needs it.
        """
        x = self.check(as_array(self, x))
        if rng is None:
            r = posterior(self._log_joint(x))[1]
        else:
            rng = np.random.default_rng(rng)
            chances = posterior(self._log_joint(x))[1].cumsum(axis=1)
            z = (rng.random((len(x), 1)) > chances[:, :-1]).sum(axis=1)
            r = np.eye(self.n_components)[z]
        filled = x.copy()
        for rows, pattern in self.patterns(x):
            u = pattern.q @ pattern.whiten(x[rows], self.means)  # (K, D, n)
            if rng is not None:
                u = u + pattern.left @ rng.standard_normal((1, x.shape[1], len(rows)))
            guess = self.means[:, :, None] + self._cov.factor @ u
            holes = np.ix_(rows, ~pattern.seen)
            filled[holes] = np.einsum("nk,kdn->nd", r[rows], guess)[:, ~pattern.seen]
        return filled

    # -- the rest -------------------------------------------------------------------------

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw whole rows x_n from the normal of component z_n."""
        return self.means[z] + self._cov.draw(z, rng)

    def draw_like(self, x: FloatArray, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw rows with their holes where x (N, D) has them."""
        return np.where(np.isnan(x), np.nan, self.draw(z, rng))


def _matrix(x: ArrayLike, columns: int | None = None) -> FloatArray:
    """Return x as (N, D) with NaN where an entry is missing; a masked entry is missing too."""
    return data_matrix(_with_nan(x), columns, missing=True)


def _with_nan(x: ArrayLike) -> ArrayLike:
    if not isinstance(x, np.ma.MaskedArray):
        return x
    return np.where(np.ma.getmaskarray(x), np.nan, np.asarray(x.data, dtype=np.float64))


def _independent(
    family: type[IncompleteGaussianMixture], x: FloatArray, w: FloatArray | None
) -> IncompleteGaussianMixture:
    """Return one normal of independent columns, each with the mean and variance of its values."""
    there = ~np.isnan(x)
    nothing = ~there.any(axis=0)
    if nothing.any():
        raise ValueError(f"x: column {nothing.argmax()} has no value at all. Leave it out.")
    Full.refuse_constant_columns(np.stack([np.nanmin(x, axis=0), np.nanmax(x, axis=0)]))
    share = there * (np.ones(len(x)) if w is None else w)[:, None]
    share = share / share.sum(axis=0)
    mean = (share * np.where(there, x, 0.0)).sum(axis=0)
    variances = (share * np.where(there, x - mean, 0.0) ** 2).sum(axis=0)
    return family(np.ones(1), mean[None], np.diag(variances)[None])
