"""Mixtures of multivariate normals, with four kinds of covariance.

One idea carries this file: *whitening*. With Sigma_k = L_k L_k^T (Cholesky), the coordinates
y = L_k^{-1} (x - mu_k) are those in which component k is a standard normal. Their squared length
is the Mahalanobis distance that the E-step needs, and their weighted moments are all that the
M-step needs, so they are worked out once and used twice. Being residuals, they lose nothing
when the data lie far from the origin. On large blocks of data, where components are not too
different in size, the same numbers come faster from polynomials (`_quadratic.py`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dtrtri

from emlib import initial
from emlib._machinery.validation import SMALLEST, data_matrix, frozen, mixing_weights, one_of
from emlib._machinery.value import FloatArray, IntArray
from emlib.coordinates import DEFINITE, POSITIVE, REAL, SIMPLEX, Space
from emlib.em import DegenerateError, Expectation
from emlib.families._quadratic import Quadratic
from emlib.mixture import COLLAPSED, Mixture, mixing, posterior, weighted
from emlib.prior import MixturePrior, NormalInverseWishart, chosen, require

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
WORTHWHILE = 2**16  # numbers (N K D) in a block from which on polynomials pay
MANY_FEATURES = 100  # number of features from which on they do not


@dataclass(frozen=True, eq=False)
class GaussianMixture(Mixture):
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
        M-step then returns the maximum a posteriori.

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
    covariances: FloatArray
    covariance_type: str = "full"
    prior: MixturePrior | None = None
    # The factors L_k and their inverses, worked out once, when the model is made:
    #
    #   type         covariances   _factor      which is
    #   "full"       (K, D, D)     (K, D, D)    a Cholesky factor for each component
    #   "tied"       (D, D)        (1, D, D)    one for all of them
    #   "diag"       (K, D)        (K, D)       standard deviations, the diagonal of L_k
    #   "spherical"  (K,)          (K, D)       the same for each feature
    _factor: FloatArray = field(init=False, repr=False, compare=False)
    _whitener: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        one_of(self.covariance_type, "covariance_type", COVARIANCE_TYPES)
        weights = mixing_weights(self.weights)
        means = frozen(self.means, "means", (len(weights), None))
        k, d = means.shape
        shapes = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}
        covariances = frozen(self.covariances, "covariances", shapes[self.covariance_type])
        factor, whitener = _factorise(covariances, self.covariance_type, d)
        _check_prior(self.prior, k, d, self.covariance_type)
        self._store(weights, means, covariances, factor, whitener)

    def _store(self, *values: FloatArray) -> None:
        names = ("weights", "means", "covariances", "_factor", "_whitener")
        for name, value in zip(names, values, strict=True):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        covariance_type: str = "full",
        prior: MixturePrior | str | None = None,
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

        Raises
        ------
        ValueError
            If the groups leave no spread in some direction: too few rows, a constant column,
            or a column that follows from others.
        """
        x = data_matrix(x)
        one_of(covariance_type, "covariance_type", COVARIANCE_TYPES)
        r = initial.responsibilities(x, n_components, rng, method)
        counts = r.sum(axis=0)
        middle = x.mean(axis=0)
        means = middle + r.T @ (x - middle) / counts[:, None]
        within = sum(((x - m).T * w) @ (x - m) for m, w in zip(means, r.T, strict=True)) / len(x)
        if prior == "default":
            _require_spread(x, _covariance(x), covariance_type)
        prior = chosen(prior, cls.default_prior, x, n_components, covariance_type)
        if prior is not None:
            _check_prior(prior, n_components, x.shape[1], covariance_type)
            scale = prior.components.scale
            scale = scale if scale.ndim == 2 else np.diag(np.full(x.shape[1], scale))
            n = len(x)
            within = (n * within + scale) / (n + prior.components.degrees_of_freedom)
        _require_spread(x, within, covariance_type)
        covariances = _as_type(within, n_components, covariance_type)
        return cls(counts / len(x), means, covariances, covariance_type, prior)

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, covariance_type: str = "full"
    ) -> MixturePrior:
        """Return a weak prior scaled to the data, so that fits with it stay equivariant.

        Worth D + 2 observations for each covariance, with the covariance of all the data divided
        by K^{2/D} for scale (K clouds of that size fill the same volume), and a hundredth of an
        observation for each mean; mixing weights are uniform.

        References
        ----------
        Fraley and Raftery (2007), J. Classification 24:155-181, section 2.2; for "diag" with the
        variance of each feature in place of their average, so that units do not matter.
        """
        x = data_matrix(x)
        d = x.shape[1]
        share = n_components ** (-2 / d)
        covariance = _covariance(x)
        scale = _as_type(covariance, 1, covariance_type)
        scale = scale if covariance_type == "tied" else scale[0]
        return MixturePrior(NormalInverseWishart(x.mean(axis=0), 0.01, d + 2, share * scale))

    # -- E-step ---------------------------------------------------------------------------

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a finite (N, D) float64 array."""
        return data_matrix(x, self.means.shape[1])

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log N(x_n | mu_k, Sigma_k), shape (N, K), in nats (eq. 4.7)."""
        return self._log_components(self._whiten(self.check(x))).T

    def _whiten(self, x: FloatArray) -> FloatArray:
        """Return y_kn = L_k^{-1} (x_n - mu_k) as an array (K, D, N) (eq. 4.3).

        The long axis comes last, in whole rows of memory; and differences come first: they are
        exact where the data are near a mean, wherever that is.
        """
        difference = np.ascontiguousarray(x.T) - self.means[:, :, None]
        if self._has_matrices:
            return np.asarray(self._whitener @ difference)
        difference *= self._whitener[:, :, None]
        return difference

    @property
    def _has_matrices(self) -> bool:
        return self.covariance_type in ("full", "tied")

    def _log_components(self, y: FloatArray) -> FloatArray:
        """Return the log density of each component, shape (K, N), from whitened data (eq. 4.7)."""
        log_density = np.einsum("kdn,kdn->kn", y, y)
        log_density *= -0.5  # in place, here and below: new memory costs more than sums
        log_density += self._log_constants()[:, None]
        return np.asarray(log_density)

    def _log_constants(self) -> FloatArray:
        """Return the log density of each component at its mean, shape (K,)."""
        d = self.means.shape[1]
        return np.asarray(-self._half_log_determinants() - 0.5 * d * np.log(2 * np.pi))

    def _half_log_determinants(self) -> FloatArray:
        """Return (1/2) log |Sigma_k|: the sum of the logs of the factor's diagonal (eq. 4.6)."""
        if self._has_matrices:
            return np.asarray(np.log(_diagonals(self._factor)).sum(axis=1))
        return np.asarray(np.log(self._factor).sum(axis=1))

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return counts and the moments of `statistics`, by whichever road is better."""
        if x.size * self.n_components >= WORTHWHILE and self._has_polynomials:
            z = self._quadratic.coordinates(x)
            if self._quadratic.is_accurate(z):
                return self._expect_quadratic(z, w)
        y = self._whiten(x)
        log_density, r = posterior(self._log_components(y).T + self.log_weights)
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self._moments(y, r.T))

    def _expect_quadratic(self, z: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the same by two products, in coordinates of the whole mixture (eq. 4.30)."""
        quadratic = self._quadratic
        monomials = quadratic.monomials(z)
        log_density, r = posterior(quadratic.log_joint(monomials).T)
        r, log_likelihood = weighted(r, log_density, w)
        sums = quadratic.sums(monomials, r)
        first, second = quadratic.whitened(sums)
        return Expectation(log_likelihood, sums[:, 0], (first, self._pool(second)))

    @cached_property
    def _has_polynomials(self) -> bool:
        """Whether an E-step may work with polynomials.

        Not with many features. And components of the same mean may be the
        same, which is for EM to keep: a matrix product need not round equal columns equally.
        """
        k, d = self.means.shape
        return bool(d <= MANY_FEATURES and len(np.unique(self.means[:, 0])) == k)

    @cached_property
    def _quadratic(self) -> Quadratic:
        """The components as polynomials, in coordinates of the whole mixture."""
        centre, factor = self._whole
        whitener = 1 / factor if factor.ndim == 1 else _inverse(factor[None])[0]
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not accurate
            return Quadratic.of(
                self.log_weights + self._log_constants(),
                self.means - centre,
                self._whitener,
                centre,
                factor,
                whitener,
            )

    @cached_property
    def _whole(self) -> tuple[FloatArray, FloatArray]:
        """Mean and factor of the covariance of the whole mixture; deviations for "diag"."""
        k, d = self.means.shape
        cov = self.covariances
        centre = self.weights @ self.means
        differences = self.means - centre
        if not self._has_matrices:
            variances = self.weights @ (_by_feature(cov, d) + differences**2)
            return centre, np.sqrt(variances)
        within = cov if cov.ndim == 2 else (self.weights @ cov.reshape(k, -1)).reshape(d, d)
        total = within + (differences.T * self.weights) @ differences
        return centre, _cholesky(total[None])[0]

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the weighted first and second moments of the whitened data (eq. 4.23).

        The first has shape (K, D); the second (K, D, D) for "full", (D, D) for "tied" (summed
        over components), (K, D) for "diag" and (K,) for "spherical" (summed over features).
        """
        return self._moments(self._whiten(x), responsibilities.T)

    def _moments(self, y: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the moments of whitened data y (K, D, N), which are overwritten, by r (K, N)."""
        root = np.sqrt(r)
        y *= root[:, None, :]
        first = (y @ root[:, :, None])[:, :, 0]
        if self._has_matrices:
            # A matrix times its own transpose: BLAS knows that it is symmetric and does half.
            return first, self._pool(y @ y.transpose(0, 2, 1))
        return first, self._pool(np.einsum("kdn,kdn->kd", y, y))

    def _pool(self, second: FloatArray) -> FloatArray:
        """Add up what the family has in common: components if tied, features if spherical."""
        if self.covariance_type == "tied":
            return np.asarray(second.sum(axis=0))
        if self.covariance_type == "spherical":
            return np.asarray(second.sum(axis=1))
        return second

    # -- M-step ---------------------------------------------------------------------------

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 4.10, 4.13 and 4.17).

        With a prior, of its sum with the log prior: the prior adds imaginary observations.

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed.
        """
        weights = mixing(expectation.counts, self.prior)
        counts, (first, second) = expectation.counts, expectation.statistics
        sizes = self._sizes(counts)
        if self.prior is not None:
            kappa, prior_first, prior_second, extra = self._imaginary(self.prior.components)
            counts, first, second = counts + kappa, first + prior_first, second + prior_second
            sizes = sizes + extra
        shift = first / counts[:, None]  # the new means, in whitened coordinates (eq. 4.24)
        central = self._central(counts, shift, second, sizes)
        covariances = self._unwhiten(central)
        if self._has_matrices:
            means = self.means + (self._factor @ shift[:, :, None])[:, :, 0]
            factor = self._factor @ _cholesky(central.reshape(-1, *central.shape[-2:]))
        else:
            means = self.means + self._factor * shift
            factor = self._factor * np.sqrt(np.maximum(_by_feature(central, shift.shape[1]), 0.0))
        self._refuse_collapse(weights, means, covariances, factor)
        return self._successor(weights, means, covariances, factor)

    def _successor(
        self, weights: FloatArray, means: FloatArray, covariances: FloatArray, factor: FloatArray
    ) -> Self:
        """Return a model with these parameters, which need no checks: an M-step has made them.

        Nor a new factorisation: L chol(C) is a factor of L C L^T, free of that product's rounding.
        """
        whitener = _inverse(factor) if self._has_matrices else 1 / factor
        new = copy(self)
        for name in ("_whole", "_quadratic", "_has_polynomials"):
            vars(new).pop(name, None)
        new._store(weights, means, covariances, factor, whitener)
        return new

    def _sizes(self, counts: FloatArray) -> FloatArray:
        """Return how many squares each second moment adds up, to be broadcast against it."""
        if self.covariance_type == "full":
            return np.asarray(counts[:, None, None])
        if self.covariance_type == "tied":
            return np.asarray(counts.sum())
        if self.covariance_type == "diag":
            return np.asarray(counts[:, None])
        return np.asarray(counts * self.means.shape[1])

    def _central(
        self, counts: FloatArray, shift: FloatArray, second: FloatArray, sizes: FloatArray
    ) -> FloatArray:
        """Return second moments about the *new* means, in whitened coordinates (eq. 4.25)."""
        return np.asarray((second - self._squares(counts, shift)) / sizes)

    def _squares(self, counts: FloatArray, v: FloatArray) -> FloatArray:
        """Return the second moments of counts_k copies of each vector v_k, pooled."""
        if self._has_matrices:
            return self._pool(counts[:, None, None] * _outer(v))
        return self._pool(counts[:, None] * v**2)

    def _imaginary(
        self, prior: NormalInverseWishart
    ) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return the prior as imaginary observations, as the current components see them.

        That is their number and their first and second moments, whitened as the data are, and
        what is added to the number of squares (eq. 5.9): the mode of the density of a covariance
        divides by more than there are observations.
        """
        k, d = self.means.shape
        kappa = np.full(k, prior.mean_precision)
        mean = self._whiten(prior.mean[None])[:, :, 0]
        scale = self._whiten_scale(prior.scale)
        extra = {"full": d + 2, "tied": d + 1 + k, "diag": 3, "spherical": d + 2}
        n_squares = prior.degrees_of_freedom + extra[self.covariance_type]
        return kappa, kappa[:, None] * mean, scale + self._squares(kappa, mean), n_squares

    def _whiten_scale(self, scale: FloatArray) -> FloatArray:
        """Return L_k^{-1} Psi L_k^{-T}, or Psi / sigma^2, in the shape of the second moments."""
        if self.covariance_type == "diag":
            return np.asarray(scale * self._whitener**2)
        if self.covariance_type == "spherical":
            return np.asarray(scale * self._whitener[:, 0] ** 2)
        psi = self._whitener @ scale @ self._whitener.transpose(0, 2, 1)
        return np.asarray(psi if self.covariance_type == "full" else psi[0])

    def log_prior_components(self) -> float:
        """Return the log density of means and covariances under the prior (eq. 5.8)."""
        if self.prior is None:
            return 0.0
        prior = self.prior.components
        _, _, second, extra = self._imaginary(prior)
        k, d = self.means.shape
        squares = np.trace(second, axis1=-2, axis2=-1) if self._has_matrices else second
        half_log_det = self._half_log_determinants()
        if self.covariance_type == "spherical":
            half_log_det = half_log_det / d  # of the one variance
        n_covariances = 1 if self.covariance_type == "tied" else k
        constant = k * prior.log_mean_constant + n_covariances * prior.log_scale_constant
        return float(constant - 0.5 * squares.sum() - extra * half_log_det.sum())

    def _unwhiten(self, central: FloatArray) -> FloatArray:
        """Return L C L^T, symmetric to the last bit, or sigma^2 c (eq. 4.26)."""
        if self.covariance_type == "diag":
            return np.asarray(self._factor**2 * central)
        if self.covariance_type == "spherical":
            return np.asarray(self._factor[:, 0] ** 2 * central)
        factor = self._factor if self.covariance_type == "full" else self._factor[0]
        covariance = factor @ central @ np.swapaxes(factor, -1, -2)
        return np.asarray((covariance + np.swapaxes(covariance, -1, -2)) / 2)

    def _refuse_collapse(
        self,
        weights: FloatArray,
        means: FloatArray,
        cov: FloatArray,
        factor: FloatArray,
    ) -> None:
        """Raise if some component is flat in a direction in which the data are not.

        After an M-step the mixture has the mean and the variances of the data (within
        components plus between their means), so the spread of the data is known without another
        pass. Compared with it, so that units do not matter, are the variances of each feature;
        with matrices, given the features before it: squared diagonals of Cholesky factors.
        """
        k, d = means.shape
        centred = means - weights @ means
        if self._has_matrices:
            within = cov if cov.ndim == 2 else (weights @ cov.reshape(k, -1)).reshape(d, d)
            total = within + (centred.T * weights) @ centred
            pivots = _pivots(np.concatenate([cov.reshape(-1, d, d), total[None]]))
            own, everything = np.minimum(pivots[:-1], _diagonals(factor)) ** 2, pivots[-1] ** 2
        else:
            own = _by_feature(cov, d)
            everything = weights @ (own + centred**2)
            if self.covariance_type == "spherical":
                everything = np.full(d, everything.mean())
        # NaN, where no factor exists, counts as flat.
        flat = ~(own > np.maximum(COLLAPSED * everything, SMALLEST**2))
        if flat.any():
            worst = int(flat.any(axis=1).argmax())
            who = (
                "the common covariance" if self.covariance_type == "tied" else f"component {worst}"
            )
            raise DegenerateError(
                f"{who} has collapsed onto a point or a plane near x = "
                f"{np.array2string(means[worst], precision=6)}, where the likelihood has no bound. "
                "Start elsewhere, use a simpler covariance_type or a prior (chapter 5).",
                worst,
            )

    # -- doubts ---------------------------------------------------------------------------

    def _relative(self) -> tuple[FloatArray, FloatArray]:
        """Return means (K, D) and covariances (K, D, D), whitened by the average covariance."""
        k, d = self.means.shape
        matrices = self.covariance_matrices
        average = np.tensordot(self.weights, matrices, axes=1)
        whitener = dtrtri(np.linalg.cholesky(average), lower=1)[0]
        centred = self.means - self.weights @ self.means
        return centred @ whitener.T, np.asarray(whitener @ matrices @ whitener.T)

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K), in standard deviations.

        The largest difference in any mean or covariance, as the average covariance sees them.
        """
        means, covariances = self._relative()
        k = len(means)
        both = np.hstack([means, covariances.reshape(k, -1)])
        return np.asarray([abs(both - row).max(axis=1) for row in both])

    @property
    def fewest(self) -> float:
        """Expected count below which a component is little more than a simplex: D + 3/2."""
        return float(self.means.shape[1] + 1.5)

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit, one sentence each (chapter 5).

        Besides few data and components that are nearly the same: a component that is thin in
        some direction, with a variance below 1/100 of the average component's there, on fewer
        than 5 (D + 1) observations; or below 1e-10 on any number of them.
        """
        _, covariances = self._relative()
        thin = np.linalg.eigvalsh(covariances)[:, 0]
        limit = np.where(counts < 5 * (self.means.shape[1] + 1), 1e-2, 1e-10)
        return super().doubts(counts) + tuple(
            f"component {k} is thin: in some direction its variance is {thin[k]:.2g} of the "
            f"average component's, with an expected count of {counts[k]:.3g}."
            for k in np.flatnonzero(thin < limit)
        )

    # -- the rest -------------------------------------------------------------------------

    @property
    def spaces(self) -> dict[str, Space]:
        """K - 1 weights, K D means, and the covariances' own (eq. 4.22)."""
        covariances = DEFINITE if self._has_matrices else POSITIVE
        return {"weights": SIMPLEX, "means": REAL, "covariances": covariances}

    @property
    def covariance_matrices(self) -> FloatArray:
        """The covariances as matrices, shape (K, D, D), whatever the type."""
        k, d = self.means.shape
        if self._has_matrices:
            return np.broadcast_to(self.covariances, (k, d, d)).copy()
        return np.asarray(_by_feature(self.covariances, d)[:, :, None] * np.eye(d))

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n from the normal of component z_n: mean + L times standard normals."""
        k, d = self.means.shape
        y = rng.standard_normal((len(z), d))
        if not self._has_matrices:
            return np.asarray(self.means[z] + self._factor[z] * y)
        for j, factor in enumerate(np.broadcast_to(self._factor, (k, d, d))):
            y[z == j] = y[z == j] @ factor.T
        return np.asarray(self.means[z] + y)


def _factorise(
    covariances: FloatArray, covariance_type: str, d: int
) -> tuple[FloatArray, FloatArray]:
    """Return the factors of the covariances and their inverses, or raise ValueError."""
    if covariance_type in ("diag", "spherical"):
        if (covariances <= 0).any():
            raise ValueError(f"covariances must be positive, but they are {covariances.tolist()}.")
        factor = _by_feature(np.sqrt(covariances), d)
        return factor, 1 / factor
    stack = covariances if covariances.ndim == 3 else covariances[None]
    sd = np.sqrt(np.abs(np.diagonal(stack, axis1=1, axis2=2)))
    skew = np.abs(stack - stack.transpose(0, 2, 1)) > 1e-10 * _outer(sd)
    _refuse_matrices(np.asarray(skew.any(axis=(1, 2))), stack, "is not symmetric")
    factor = _cholesky(stack)
    _refuse_matrices(np.isnan(factor[:, -1, -1]), stack, "is not positive definite")
    return factor, _inverse(factor)


def _inverse(factor: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices (K, D, D)."""
    return np.array([dtrtri(lower, lower=1)[0] for lower in factor])


def _refuse_matrices(bad: NDArray[np.bool_], stack: FloatArray, fault: str) -> None:
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(f"covariances[{k}] {fault}:\n{stack[k]}")


def _check_prior(prior: MixturePrior | None, k: int, d: int, covariance_type: str) -> None:
    if prior is None:
        return
    require(prior, NormalInverseWishart, k)
    components = prior.components
    shape = {"full": (d, d), "tied": (d, d), "diag": (d,), "spherical": ()}[covariance_type]
    if components.mean.shape != (d,) or components.scale.shape != shape:
        raise ValueError(
            f"the prior of a {covariance_type!r} mixture in {d} dimensions must have a mean of "
            f"shape {(d,)} and a scale of shape {shape}, not {components.mean.shape} and "
            f"{components.scale.shape}."
        )


def _by_feature(values: FloatArray, d: int) -> FloatArray:
    """Return one value a component and feature, (K, D), from shape (K, D) or (K,)."""
    return np.asarray(values.reshape(len(values), -1) * np.ones(d))


def _cholesky(stack: FloatArray) -> FloatArray:
    """Return lower Cholesky factors (K, D, D) (eq. 4.5); NaN where not positive definite."""
    try:
        return np.asarray(np.linalg.cholesky(stack))
    except np.linalg.LinAlgError:
        factors = np.full_like(stack, np.nan)
    for k, matrix in enumerate(stack):
        try:
            factors[k] = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            continue
    return factors


def _pivots(stack: FloatArray) -> FloatArray:
    return _diagonals(_cholesky(stack))


def _diagonals(stack: FloatArray) -> FloatArray:
    return np.asarray(stack.diagonal(axis1=1, axis2=2))


def _outer(v: FloatArray) -> FloatArray:
    return np.asarray(v[:, :, None] * v[:, None, :])


def _as_type(matrix: FloatArray, k: int, covariance_type: str) -> FloatArray:
    """Return K components of one covariance matrix (D, D), in the form of a type."""
    if covariance_type == "tied":
        return matrix
    if covariance_type == "full":
        return np.repeat(matrix[None], k, axis=0)
    if covariance_type == "diag":
        return np.repeat(np.diag(matrix)[None], k, axis=0)
    return np.full(k, matrix.trace() / len(matrix))


def _covariance(x: FloatArray) -> FloatArray:
    centred = x - x.mean(axis=0)
    return np.asarray(centred.T @ centred / len(x))


def _require_spread(x: FloatArray, within: FloatArray, covariance_type: str) -> None:
    """Raise a ValueError that names the columns without spread of their own."""
    constant = np.ptp(x, axis=0) == 0
    if constant.all():
        raise ValueError("all rows of x are equal: there is no covariance to model.")
    if constant.any() and covariance_type != "spherical":
        raise ValueError(f"x: column {constant.argmax()} is constant. Leave it out.")
    own, everything = np.diag(within), x.var(axis=0)
    if covariance_type in ("full", "tied"):
        # Beside its own variance, too, a column must have some left, given those before it.
        everything = np.fmax(own, _pivots(_covariance(x)[None])[0] ** 2)
        parts = [_pivots(within[None, :j, :j])[0, -1] for j in range(1, len(within) + 1)]
        own = np.array(parts) ** 2
    elif covariance_type == "spherical":
        own, everything = own.mean(keepdims=True), everything.mean(keepdims=True)
    flat = ~(own > COLLAPSED * everything)
    if flat.any():
        what = "there is" if covariance_type == "spherical" else f"column {flat.argmax()} has"
        raise ValueError(
            f"x ({x.shape[0]} rows, {x.shape[1]} columns): within the starting groups {what} no "
            "spread of its own. Use fewer components, more rows, a simpler covariance_type such "
            'as "diag", or leave out dependent columns and outliers.'
        )
