"""Mixtures of multivariate normals: chapter 4 of the book.

One idea carries this file: *whitening*. With Sigma_k = L_k L_k^T (Cholesky), the coordinates
y = L_k^{-1} (x - mu_k) are those in which component k is a standard normal. Their squared length
is the Mahalanobis distance that the E-step needs, and their weighted moments are all that the
M-step needs, so they are worked out once and used twice. Being residuals, they lose nothing
when the data lie far from the origin.

The M-step is in `clouds.py`, for tables with holes have the same; what depends on the kind of
covariance (full, tied, diagonal or spherical) is in `covariance.py`.
On large blocks of data, where components are not too different in size, the same numbers come
faster from polynomials (`_quadratic.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib import initial
from emlib._machinery.blocks import gathered
from emlib._machinery.validation import check_weights, data_matrix, frozen
from emlib._machinery.value import FloatArray, IntArray
from emlib.coordinates import REAL, SIMPLEX, Space
from emlib.em import Expectation
from emlib.families._quadratic import Quadratic
from emlib.families.clouds import (
    Normals,
    chosen_columns,
    default_prior,
    groups,
    moments,
    with_scale,
)
from emlib.families.covariance import Covariances, kind_of
from emlib.mixture import posterior, weighted
from emlib.prior import MixturePrior, prior_for

WORTHWHILE = 2**16  # numbers (N K D) in a block from which on polynomials pay
MANY_FEATURES = 100  # number of features from which on they do not
MANY_COMPONENTS = 4  # number of components from which on they get longer blocks
LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class GaussianMixture(Normals):
    """A mixture of K normals in D dimensions.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights pi_k; they sum to one.
    means : array_like, shape (K, D)
        Means mu_k, in the units of the data.
    covariances : array_like
        Shape (K, D, D) for "full", (D, D) for "tied", (K, D) for "diag" (the variances),
        (K,) for "spherical" (one variance each).
    covariance_type : {"full", "tied", "diag", "spherical"}
        What the components' shapes may be.
    prior : MixturePrior, optional
        With a `NormalInverseWishart` for the components, its scale in the shape of one
        covariance: (D, D) for "full" and "tied", (D,) for "diag", a number for "spherical". The
        M-step then returns the maximum a posteriori. Or with
        a sequence of them, one for each component.

    Raises
    ------
    ValueError
        If shapes disagree, the weights do not sum to one, or a covariance is not symmetric
        and positive definite.

    References
    ----------
    McLachlan and Peel (2000), Finite Mixture Models, section 3.2; chapter 4 of the book.

    Examples
    --------
    >>> from emlib import data, em
    >>> x = data.old_faithful()
    >>> result = em.fit(GaussianMixture.start(x, 2, rng=0), x)
    >>> print(result.status, f"{result.model.log_likelihood(x):.4f}")
    converged -1130.2640
    """

    weights: FloatArray
    means: FloatArray
    covariances: Any  # an array once the model is made
    covariance_type: str = "full"
    prior: MixturePrior | None = None
    has_types: ClassVar[bool] = True
    _cov: Covariances = field(init=False, repr=False, compare=False)  # the same, with factors L_k

    def __post_init__(self) -> None:
        if isinstance(self.covariances, Covariances):  # an M-step has made it: all is well
            self._store(self.weights, self.means, self.covariances)
            return
        weights = check_weights(self.weights)
        means = frozen(self.means, "means", (len(weights), None))
        kind, shape = kind_of(self.covariance_type), means.shape
        kind.check_prior(self.prior, *shape)
        self._store(weights, means, kind.of(self.covariances, *shape))

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        covariance_type: str = "full",
        prior: MixturePrior | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return a model to start from, with the pooled within-group covariance throughout.

        Parameters
        ----------
        x : array_like, shape (N, D)
            Data.
        n_components, rng, method
            As for `initial.responsibilities`.
        covariance_type : {"full", "tied", "diag", "spherical"}
            Passed on to the model.
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`. Its scale is added to
            the starting covariance, as in an M-step.
        sample_weight : array_like, shape (N,), optional
            Weights of the rows: 2 is two copies, and 0 is absence.

        Raises
        ------
        ValueError
            If the groups leave no spread in some direction: too few rows, a constant column,
            or a column that follows from others.
        """
        generator, kind = np.random.default_rng(rng), kind_of(covariance_type)
        rows, w = gathered(cls, data_matrix, x, sample_weight, generator)
        r = initial.responsibilities(rows, n_components, generator, method, w)
        r = r if w is None else r * w[:, None]
        weights, means, within = groups(rows, r)
        n, _, everything = moments(cls, data_matrix, rows, w)
        kind.refuse_constant_columns(rows)
        prior = prior_for(prior, cls.default_prior, x, n_components, covariance_type, sample_weight)
        if prior is not None:
            kind.check_prior(prior, *means.shape)
            within = with_scale(within, n, prior.components)
        kind.require_spread(
            rows, within, everything, n_components, prior is not None, cls.has_types
        )
        return cls(weights, means, kind.alike(within, n_components), covariance_type, prior)

    @classmethod
    def default_prior(
        cls,
        x: ArrayLike,
        n_components: int,
        covariance_type: str = "full",
        sample_weight: ArrayLike | None = None,
    ) -> MixturePrior:
        """Return a weak prior scaled to the data, so that units do not matter to fits with it.

        Worth D + 2 observations for each covariance, with the covariance of all the data divided
        by K^{2/D} for scale (K clouds of that size fill the same volume), and a hundredth of an
        observation for each mean; mixing weights are uniform.

        Where that covariance is singular, or as good as (as many columns as rows, or a column
        that follows from others), it says nothing of some directions. Then the columns are taken
        as independent, by their variances, and the scale is so much larger (2D + 4 times; "diag":
        D + 5) that the prior's mode lies there: what is estimated is drawn towards these
        variances, and not far below them.

        Raises
        ------
        ValueError
            If a column is constant.

        References
        ----------
        Fraley and Raftery (2007), J. Classification 24:155-181, section 2.2; for "diag" with the
        variance of each feature in place of their average, so that units do not matter.
        """
        return default_prior(cls, x, n_components, kind_of(covariance_type), sample_weight)

    # -- E-step ---------------------------------------------------------------------------

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log N(x_n | mu_k, Sigma_k), shape (N, K), in nats (eq. 4.7)."""
        return _log_normal(self._cov.whiten(self.check(x), self.means), self._log_constants())

    def _log_constants(self) -> FloatArray:
        """Return the log density of each component at its mean, shape (K,) or (1,)."""
        return -self._cov.half_log_determinants - 0.5 * self.means.shape[1] * LOG_2PI

    @property
    def e_step_width(self) -> int:
        """One where polynomials may serve, for their monomials come in pieces.

        Not where components are so few that whitening takes little more.
        """
        k, d = self.means.shape
        return 1 if k >= MANY_COMPONENTS and d <= MANY_FEATURES else k

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return counts and the moments of `statistics`: by polynomials, or by whitening."""
        if x.size * self.n_components >= WORTHWHILE and self._has_polynomials:
            z = self._quadratic.coordinates(x)
            if self._quadratic.is_accurate(z):
                return self._expect_quadratic(z, w)
        if len(self._starts(x)) > 1:  # whitened data take more room: in smaller blocks
            return self._total_of(self.expect_block, None, x, w)
        y = self._cov.whiten(x, self.means)
        log_joint = _log_normal(y, self.log_weights + self._log_constants())
        log_density, r = posterior(log_joint)
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self._cov.moments(y, r.T))

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the weighted first and second moments of the whitened data (eq. 4.23).

        The first has shape (K, D); the second (K, D, D) for "full", (D, D) for "tied" (summed
        over components), (K, D) for "diag" and (K,) for "spherical" (summed over features).
        """
        return self._cov.moments(self._cov.whiten(x, self.means), responsibilities.T)

    # -- the rest -------------------------------------------------------------------------

    @property
    def shared(self) -> tuple[str, ...]:
        """The covariance if it is tied."""
        return ("covariances",) if self._cov.shared else ()

    @property
    def spaces(self) -> dict[str, Space]:
        """K - 1 weights, K D means, and the covariances' own (eq. 4.22)."""
        return {"weights": SIMPLEX, "means": REAL, "covariances": self._cov.space}

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n from the normal of component z_n: mean + L times standard normals (eq. 4.2)."""
        return self.means[z] + self._cov.draw(z, rng)

    def marginal(self, columns: ArrayLike) -> Self:
        """Return the mixture of some columns of x, whatever the others are.

        Parameters
        ----------
        columns : array_like of int, shape (M,)
            Which columns, in the order in which they shall be.

        Returns
        -------
        GaussianMixture
            In M dimensions, of the same type of covariance; a prior is left behind.

        Raises
        ------
        ValueError
            If a column is named twice, or is none of x.

        Examples
        --------
        >>> model = GaussianMixture([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> model.marginal([1]).means, model.marginal([1]).covariances
        (array([[5.]]), array([[[2.]]]))
        """
        c = chosen_columns(columns, self.means.shape[1])
        return self._like(self.weights, self.means[:, c], self.covariance_matrices[:, c][:, :, c])

    def conditional(self, columns: ArrayLike, values: ArrayLike) -> Self:
        """Return the mixture of the other columns of x, given the values of some.

        Parameters
        ----------
        columns : array_like of int, shape (M,)
            Which columns are known, fewer than D.
        values : array_like, shape (M,)
            What is in them, of one observation.

        Returns
        -------
        GaussianMixture
            Of the other columns, in their order, and of the same type of covariance; its weights
            are the responsibilities given the values. A prior is left behind.

        Raises
        ------
        ValueError
            If columns or values cannot be used, or no column is left.

        References
        ----------
        Bishop (2006), Pattern Recognition and Machine Learning, section 2.3.1.

        Examples
        --------
        >>> model = GaussianMixture([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> given = model.conditional([0], [2.0])
        >>> given.means, given.covariances
        (array([[6.]]), array([[[1.75]]]))
        """
        d = self.means.shape[1]
        o = chosen_columns(columns, d)
        u = np.setdiff1d(np.arange(d), o)
        if not u.size:
            raise ValueError(f"columns names all {d} columns of x: none is left to be described.")
        known = frozen(values, "values", o.shape)
        s = self.covariance_matrices
        gain = np.linalg.solve(s[:, o][:, :, o], s[:, o][:, :, u]).swapaxes(1, 2)  # (K, U, M)
        means = self.means[:, u] + (gain @ (known - self.means[:, o])[:, :, None])[:, :, 0]
        left = s[:, u][:, :, u] - gain @ s[:, o][:, :, u]
        weights = self.marginal(o).responsibilities(known[None])[0]
        return self._like(weights, means, (left + left.swapaxes(1, 2)) / 2)

    def _like(self, weights: FloatArray, means: FloatArray, matrices: FloatArray) -> Self:
        """Return a mixture of the same type, given covariance matrices (K, M, M)."""
        kind = type(self._cov)
        values = np.array([kind.one(matrix) for matrix in matrices])
        return type(self)(weights, means, values[0] if kind.shared else values, kind.kind)

    # -- the E-step of large blocks, by polynomials ---------------------------------------

    @cached_property
    def _has_polynomials(self) -> bool:
        """Whether an E-step may work with polynomials.

        Not with many features. And components of the same mean may be the
        same, which is for EM to keep: a matrix product need not round equal columns equally.
        Nor with a weight of zero, whose logarithm is no coefficient.
        """
        k, d = self.means.shape
        distinct = len(np.unique(self.means[:, 0])) == k
        return d <= MANY_FEATURES and distinct and bool(self.weights.all())

    @cached_property
    def _quadratic(self) -> Quadratic:
        """The components as polynomials, in coordinates of the whole mixture."""
        centre = self.weights @ self.means
        total = self._cov.total(self.weights, self.means)
        constants = self.log_weights + self._log_constants()
        return Quadratic.of(constants, self.means - centre, self._cov.whitener, centre, total)

    def _expect_quadratic(self, z: FloatArray, w: FloatArray | None) -> Expectation:
        """Return what whitening gives by two products, in those coordinates (eq. 4.30)."""
        quadratic = self._quadratic
        log_likelihood, sums = 0.0, np.zeros(quadratic.coefficients.shape[::-1])
        for rows in quadratic.pieces(z.shape[1]):
            monomials = quadratic.monomials(z[:, rows])
            log_density, r = posterior(quadratic.log_joint(monomials).T)
            r, part = weighted(r, log_density, None if w is None else w[rows])
            log_likelihood += part
            quadratic.add_sums(sums, monomials, r)
        first, second = quadratic.whitened(sums)
        return Expectation(log_likelihood, sums[len(z)], (first, self._cov.pool(second)))


def _log_normal(y: FloatArray, constants: FloatArray) -> FloatArray:
    """Return constants_k - |y_kn|^2 / 2, shape (N, K), of whitened data (K, D, N) (eq. 4.7)."""
    log_density = np.einsum("kdn,kdn->kn", y, y)  # squared distances (eq. 4.3)
    log_density *= -0.5  # in place, here and below: new memory costs more than sums
    log_density += constants[:, None]
    return log_density.T
