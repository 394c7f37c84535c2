"""Mixtures of multivariate normals, with four kinds of covariance.

One idea carries this file: *whitening*. With Sigma_k = L_k L_k^T (Cholesky), the coordinates
y = L_k^{-1} (x - mu_k) are those in which component k is a standard normal. Their squared length
is the Mahalanobis distance that the E-step needs, and their weighted moments are all that the
M-step needs, so they are worked out once and used twice. Being residuals, they lose nothing
when the data lie far from the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from emlib import initial
from emlib._validation import FloatArray, IntArray, data_matrix, frozen, mixing_weights, one_of
from emlib.em import DegenerateError, Expectation
from emlib.mixture import COLLAPSED, Mixture, mixing, posterior, weighted

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")


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
        for name, value in (
            ("weights", weights),
            ("means", means),
            ("covariances", covariances),
            ("_factor", factor),
            ("_whitener", whitener),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        covariance_type: str = "full",
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
        _require_spread(x, within, covariance_type)
        covariances = _as_type(within, n_components, covariance_type)
        return cls(counts / len(x), means, covariances, covariance_type)

    # -- E-step ---------------------------------------------------------------------------

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a finite (N, D) float64 array."""
        return data_matrix(x, self.means.shape[1])

    def log_joint(self, x: ArrayLike) -> FloatArray:
        """Return log pi_k + log N(x_n | mu_k, Sigma_k), shape (N, K), in nats (eq. 4.7)."""
        return self._log_joint(self._whiten(self.check(x))).T

    def _whiten(self, x: FloatArray) -> FloatArray:
        """Return y_kn = L_k^{-1} (x_n - mu_k) as an array (K, D, N) (eq. 4.3)."""
        centre = self.weights @ self.means  # subtracted first, so that no large numbers cancel
        z, means = (x - centre).T, self.means - centre
        if self._has_matrices:
            # L^{-1} z - L^{-1} mu: one product for all components, and only one when tied.
            product = self._whitener.reshape(-1, len(z)) @ z
            shift = self._whitener @ means[:, :, None]
            return np.asarray(product.reshape(len(self._whitener), *z.shape) - shift)
        return np.asarray((z - means[:, :, None]) * self._whitener[:, :, None])

    @property
    def _has_matrices(self) -> bool:
        return self.covariance_type in ("full", "tied")

    def _log_joint(self, y: FloatArray) -> FloatArray:
        """Return the log joint, shape (K, N), from whitened data (eq. 4.7)."""
        k, d, _ = y.shape
        mahalanobis = np.einsum("kdn,kdn->kn", y, y)
        constant = self.log_weights - self._half_log_determinants() - 0.5 * d * np.log(2 * np.pi)
        return np.asarray(constant[:, None] - 0.5 * mahalanobis)

    def _half_log_determinants(self) -> FloatArray:
        """Return (1/2) log |Sigma_k|: the sum of the logs of the factor's diagonal (eq. 4.6)."""
        if self._has_matrices:
            return np.asarray(np.log(np.diagonal(self._factor, axis1=1, axis2=2)).sum(axis=1))
        return np.asarray(np.log(self._factor).sum(axis=1))

    def _expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        y = self._whiten(x)
        log_density, r = posterior(self._log_joint(y).T)
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self._moments(y, r.T))

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the weighted first and second moments of the whitened data (eq. 4.23).

        The first has shape (K, D); the second (K, D, D) for "full", (D, D) for "tied" (summed
        over components), (K, D) for "diag" and (K,) for "spherical" (summed over features).
        """
        return self._moments(self._whiten(x), responsibilities.T)

    def _moments(self, y: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        ry = r[:, None, :] * y
        first = ry.sum(axis=2)
        if self._has_matrices:
            second = ry @ y.transpose(0, 2, 1)
            return first, second if self.covariance_type == "full" else second.sum(axis=0)
        second = np.einsum("kdn,kdn->kd", ry, y)
        return first, second if self.covariance_type == "diag" else second.sum(axis=1)

    # -- M-step ---------------------------------------------------------------------------

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 4.10, 4.13 and 4.17).

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed.
        """
        counts = expectation.counts
        weights = mixing(counts)
        first, second = expectation.statistics
        shift = first / counts[:, None]  # the new means, in whitened coordinates (eq. 4.24)
        covariances = self._unwhiten(self._central(counts, shift, second))
        if self._has_matrices:
            means = self.means + (self._factor @ shift[:, :, None])[:, :, 0]
        else:
            means = self.means + self._factor * shift
        self._refuse_collapse(weights, means, covariances)
        return replace(self, weights=weights, means=means, covariances=covariances)

    def _central(self, counts: FloatArray, shift: FloatArray, second: FloatArray) -> FloatArray:
        """Return second moments about the *new* means, in whitened coordinates (eq. 4.25)."""
        if self.covariance_type == "full":
            return np.asarray(second / counts[:, None, None] - _outer(shift))
        if self.covariance_type == "tied":
            return np.asarray((second - (shift.T * counts) @ shift) / counts.sum())
        if self.covariance_type == "diag":
            return np.asarray(second / counts[:, None] - shift**2)
        return np.asarray((second / counts - (shift**2).sum(axis=1)) / shift.shape[1])

    def _unwhiten(self, central: FloatArray) -> FloatArray:
        """Return L C L^T, symmetric to the last bit, or sigma^2 c (eq. 4.26)."""
        if self.covariance_type == "diag":
            return np.asarray(self._factor**2 * central)
        if self.covariance_type == "spherical":
            return np.asarray(self._factor[:, 0] ** 2 * central)
        factor = self._factor if self.covariance_type == "full" else self._factor[0]
        covariance = factor @ central @ np.swapaxes(factor, -1, -2)
        return np.asarray((covariance + np.swapaxes(covariance, -1, -2)) / 2)

    def _refuse_collapse(self, weights: FloatArray, means: FloatArray, cov: FloatArray) -> None:
        """Raise if some component is flat in a direction in which the data are not.

        After an M-step the mixture has the mean and the variances of the data (within
        components plus between their means), so the spread of the data is known without another
        pass. Compared with it, so that units do not matter, are the variances of each feature;
        with matrices, given the features before it: squared diagonals of Cholesky factors.
        """
        k, d = means.shape
        centred = means - weights @ means
        if self._has_matrices:
            stack = np.broadcast_to(cov, (k, d, d))
            total = np.tensordot(weights, stack, axes=1) + (centred.T * weights) @ centred
            own, everything = _pivots(stack) ** 2, _pivots(total[None]) ** 2
        else:
            own = _by_feature(cov, d)
            everything = weights @ (own + centred**2)
            if self.covariance_type == "spherical":
                everything = np.full(d, everything.mean())
        flat = ~(own > COLLAPSED * everything)  # NaN, where no factor exists, counts as flat
        if flat.any():
            worst = int(flat.any(axis=1).argmax())
            tied = self.covariance_type == "tied"
            who = "the common covariance" if tied else f"component {worst}"
            raise DegenerateError(
                f"{who} has collapsed onto a point or a plane near x = "
                f"{np.array2string(means[worst], precision=6)}, where the likelihood has no bound. "
                "Start elsewhere, use a simpler covariance_type or a prior (chapter 5).",
                worst,
            )

    # -- the rest -------------------------------------------------------------------------

    @property
    def n_parameters(self) -> int:
        """K - 1 weights, K D means, and the covariances' own (eq. 4.22)."""
        k, d = self.means.shape
        triangle = d * (d + 1) // 2
        own = {"full": k * triangle, "tied": triangle, "diag": k * d, "spherical": k}
        return int((k - 1) + k * d + own[self.covariance_type])

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
    for k, matrix in enumerate(stack):
        sd = np.sqrt(np.abs(np.diag(matrix)))
        if (np.abs(matrix - matrix.T) > 1e-10 * np.outer(sd, sd)).any():
            raise ValueError(f"covariances[{k}] is not symmetric:\n{matrix}")
    factor = _cholesky(stack)
    for k, lower in enumerate(factor):
        if np.isnan(lower).any():
            raise ValueError(f"covariances[{k}] is not positive definite:\n{stack[k]}")
    identity = np.eye(stack.shape[1])
    whitener = np.array([solve_triangular(lower, identity, lower=True) for lower in factor])
    return factor, whitener


def _by_feature(values: FloatArray, d: int) -> FloatArray:
    """Return one value a component and feature, (K, D), from shape (K, D) or (K,)."""
    return np.asarray(values.reshape(len(values), -1) * np.ones(d))


def _cholesky(stack: FloatArray) -> FloatArray:
    """Return lower Cholesky factors (K, D, D) (eq. 4.5); NaN where not positive definite."""
    factors = np.full_like(stack, np.nan)
    for k, matrix in enumerate(stack):
        try:
            factors[k] = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            continue
    return factors


def _pivots(stack: FloatArray) -> FloatArray:
    return np.diagonal(_cholesky(stack), axis1=1, axis2=2)


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


def _require_spread(x: FloatArray, within: FloatArray, covariance_type: str) -> None:
    """Raise a ValueError that names the columns without spread of their own."""
    constant = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if constant.size and covariance_type != "spherical":
        raise ValueError(f"x: column {constant[0]} is constant. Leave it out.")
    variances = np.diag(within)
    if covariance_type in ("full", "tied"):
        own = [_pivots(within[None, :j, :j])[0, -1] ** 2 for j in range(1, len(within) + 1)]
        flat = ~(np.array(own) > COLLAPSED * variances)
    else:
        flat = ~(variances > COLLAPSED * x.var(axis=0))
    if flat.all() if covariance_type == "spherical" else flat.any():
        raise ValueError(
            f"x ({x.shape[0]} rows, {x.shape[1]} columns): within the starting groups column "
            f"{np.flatnonzero(flat)[0]} has no spread of its own. Use fewer components, more "
            'rows, a simpler covariance_type such as "diag", or leave dependent columns out.'
        )
