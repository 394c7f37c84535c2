"""What the covariances of K components may be: full, tied, diagonal or spherical.

One small class a kind. All of them work in *whitened* coordinates: with Sigma_k = L_k L_k^T,
y = L_k^{-1} (x - mu_k) is how component k sees an observation, itself being a standard normal.

    kind         values        factor, whitener   which is
    "full"       (K, D, D)     (K, D, D)          a Cholesky factor L_k for each component
    "tied"       (D, D)        (1, D, D)          one for all of them
    "diag"       (K, D)        (K, D)             standard deviations, the diagonal of L_k
    "spherical"  (K,)          (K, D)             the same for each feature

`Covariances` says what a kind must do, and does what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dpotrf, dtrtri

from emlib._machinery.validation import SMALLEST, frozen, one_of
from emlib._machinery.value import BoolArray, FloatArray, IntArray, Value
from emlib.coordinates import DEFINITE, POSITIVE, Space
from emlib.em import DegenerateError
from emlib.mixture import COLLAPSED
from emlib.prior import (
    MixturePrior,
    NormalInverseWishart,
    check_prior,
    priors_of,
    require_common,
)

ROUND = 1e-2  # share of a variance that is left to chance, above which a component is far from flat
FEW = 5  # features up to which shares above ROUND leave factors their digits: 1/100 each time


@dataclass(frozen=True, eq=False)
class Covariances(Value):
    """The covariances of K components, with their factors.

    Attributes
    ----------
    values : ndarray
        The covariances, in the shape in which a model shows them.
    factor : ndarray
        L_k, in the shape of the table above.
    """

    values: FloatArray
    factor: FloatArray

    kind: ClassVar[str]
    space: ClassVar[Space]
    shared: ClassVar[bool] = False  # whether one covariance serves all components

    def __post_init__(self) -> None:
        self.values.setflags(write=False)
        self.factor.setflags(write=False)

    # -- what a kind must do --------------------------------------------------------------

    @classmethod
    def one(cls, matrix: FloatArray) -> FloatArray:
        """Return what one covariance keeps of a matrix (D, D)."""
        raise NotImplementedError

    @classmethod
    def factored(cls, values: FloatArray, d: int, name: str) -> Self:
        """Return values of the right shape with their factors (eq. 4.5), or raise ValueError."""
        raise NotImplementedError

    @cached_property
    def whitener(self) -> FloatArray:
        """L_k^{-1}, in the shape of the factors: made once, for many observations."""
        raise NotImplementedError

    @property
    def diagonal(self) -> FloatArray:
        """The diagonals of L_k, shape (K, D) or (1, D)."""
        raise NotImplementedError

    def whiten(self, x: FloatArray, means: FloatArray) -> FloatArray:
        """Return y_kn = L_k^{-1} (x_n - mu_k) as an array (K, D, N) (eq. 4.3)."""
        raise NotImplementedError

    def colour(self, y: FloatArray) -> FloatArray:
        """Return L_k y_k, the way back, of one vector a component, (K, D)."""
        raise NotImplementedError

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Return L_{z_n} times a vector of standard normals for each n, shape (N, D)."""
        raise NotImplementedError

    def squares(self, y: FloatArray) -> FloatArray:
        """Return the sums over n of y_kn y_kn^T, or of its diagonal, from y (K, D, N)."""
        raise NotImplementedError

    def pool(self, second: FloatArray) -> FloatArray:
        """Add up what the kind has in common: components if tied, features if spherical."""
        return second

    def sizes(self, counts: FloatArray) -> FloatArray:
        """Return how many squares each pooled second moment adds up, to be broadcast against it."""
        raise NotImplementedError

    def scaled(self, central: FloatArray) -> Self:
        """Return the covariances L_k C_k L_k^T, given the C_k (eq. 4.26).

        Their factors L_k chol(C_k) are free of that product's rounding; NaN or zero where C_k is
        not positive definite, which `refuse_collapse` will see.
        """
        raise NotImplementedError

    def matrices(self, k: int) -> FloatArray:
        """Return the covariances as matrices, shape (K, D, D)."""
        raise NotImplementedError

    def total(self, weights: FloatArray, means: FloatArray) -> FloatArray:
        """Return the covariance of the whole mixture, (D, D), or its diagonal: within + between."""
        raise NotImplementedError

    @classmethod
    def left(cls, matrices: FloatArray) -> FloatArray:
        """Return what is left to chance in each feature, a variance; NaN where nothing is.

        From several covariances of the form of `total`; with matrices, given the features before.
        """
        raise NotImplementedError

    def whitened_scale(self, prior: NormalInverseWishart) -> FloatArray:
        """Return the prior's scale as the components see it, in the shape of `pool`."""
        raise NotImplementedError

    def beside(
        self, other: Self, first: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return first and second moments as these covariances whiten them.

        Given how the other's do, as `moments` returns them.
        """
        raise NotImplementedError

    def slopes(self, first: FloatArray, excess: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the slope of Q by the means, (K, D), and by `values`, in their shape.

        From first moments about the means, and second moments beyond those expected: N_k for
        each square. Both whitened, the second as `pool` has it.
        """
        raise NotImplementedError

    # -- what follows ---------------------------------------------------------------------

    @classmethod
    def shape(cls, k: int, d: int) -> tuple[int, ...]:
        """Return the shape of `values`."""
        one = cls.one_shape(d)
        return one if cls.shared else (k, *one)

    @classmethod
    def one_shape(cls, d: int) -> tuple[int, ...]:
        """Return the shape of one covariance."""
        return cls.one(np.broadcast_to(0.0, (d, d))).shape

    @classmethod
    def of(cls, values: ArrayLike, k: int, d: int, name: str = "covariances") -> Self:
        """Return checked covariances of K components with their factors, or raise ValueError."""
        return cls.factored(frozen(values, name, cls.shape(k, d)), d, name)

    @classmethod
    def alike(cls, matrix: FloatArray, k: int) -> FloatArray:
        """Return values for K components that all have one covariance matrix (D, D)."""
        return np.broadcast_to(cls.one(matrix), cls.shape(k, len(matrix)))

    @property
    def half_log_determinants(self) -> FloatArray:
        """(1/2) log |Sigma_k|, shape (K,) or (1,): logs of the factor's diagonal (eq. 4.6)."""
        return np.log(self.diagonal).sum(axis=1)

    def moments(self, y: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return first and second moments of whitened data, weighted by r (K, N) (eq. 4.23).

        The first has shape (K, D), the second that of `pool`; y (K, D, N) is overwritten.
        """
        root = np.sqrt(r)
        y *= root[:, None, :]
        first = (y @ root[:, :, None])[:, :, 0]
        return first, self.pool(self.squares(y))

    def copies(self, counts: FloatArray, v: FloatArray) -> FloatArray:
        """Return the second moments of counts_k copies of a vector v_k, (K, D)."""
        root = np.sqrt(counts)
        return self.pool(self.squares((root[:, None] * v)[:, :, None]))

    # -- collapse -------------------------------------------------------------------------

    def refuse_collapse(self, weights: FloatArray, means: FloatArray, has_types: bool) -> None:
        """Raise if some component is flat in a direction in which the data are not.

        Another kind is advised if the family has more than one (`has_types`).

        After an M-step the mixture has the mean and the variances of the data (within
        components plus between their means), so the spread of the data is known without another
        pass. What is compared, so that units do not matter, is what is left to chance in each
        feature; by values and by factors, which agree to within rounding.
        """
        total = self.total(weights, means)[None]
        left = self.left(np.concatenate([self._stack, total]))
        own, everything = np.minimum(left[:-1], self.diagonal**2), left[-1]
        flat = ~(own > np.maximum(COLLAPSED * everything, SMALLEST**2))  # NaN counts as flat
        if flat.any():
            k = int(flat.any(axis=1).argmax())
            who = "the common covariance" if self.shared else f"component {k}"
            simpler = has_types and len(means[k]) > 1 and self.kind != "spherical"
            remedy = ", use a simpler covariance_type or" if simpler else " or use"
            raise DegenerateError(
                f"{who} has collapsed onto a point or a plane near x = "
                f"{np.array2string(means[k], precision=6)}, where the likelihood has no bound. "
                f"Start elsewhere{remedy} a prior (chapter 5).",
                k,
            )

    @property
    def _stack(self) -> FloatArray:
        """Each covariance in the form of `total`."""
        raise NotImplementedError

    @classmethod
    def require_spread(
        cls,
        x: FloatArray,
        within: FloatArray,
        everything: FloatArray,
        n_components: int,
        with_prior: bool,
        has_types: bool,
    ) -> None:
        """Raise a ValueError that names a column without spread of its own within groups.

        Given the rows (N, D), the covariance within groups, and that of all rows, (D, D). What
        is advised depends on the number of groups, on whether there is a prior, and on whether
        the family has other kinds.
        """
        flat = cls.flat(within, everything)
        if flat.any():
            what = f"column {flat.argmax()} has" if cls is not Spherical else "there is"
            remedies = ["fewer components"] if n_components > 1 else []
            remedies += ["more rows"]
            simpler = has_types and issubclass(cls, Full) and len(flat) > 1
            remedies += ['covariance_type="diag"'] if simpler else []
            remedies += [] if with_prior else ['prior="default"']
            raise ValueError(
                f"x ({x.shape[0]} rows, {x.shape[1]} columns): within the starting groups {what} "
                f"no spread of its own. Use {', '.join(remedies)}, or leave out dependent columns "
                "and outliers."
            )

    @classmethod
    def flat(cls, within: FloatArray, everything: FloatArray) -> BoolArray:
        """Return which features have no spread of their own, (D,) or (1,), given those before.

        Beside the covariance of all rows, and beside their own variance, both within groups.
        """
        alone = np.diag(np.diag(within))
        own, itself, whole = cls.left(cls._forms(within, alone, everything))
        return np.asarray(~(own > COLLAPSED * np.fmax(itself, whole)))

    @classmethod
    def refuse_constant_columns(cls, x: FloatArray) -> None:
        """Raise a ValueError if a column has only one value; or, for one variance, if all have."""
        constant = np.ptp(x, axis=0) == 0
        if constant.all():
            raise ValueError("all rows of x are equal: there is no covariance to model.")
        if constant.any() and cls is not Spherical:
            raise ValueError(f"x: column {constant.argmax()} is constant. Leave it out.")

    @classmethod
    def _forms(cls, *matrices: FloatArray) -> FloatArray:
        """Bring matrices (D, D) into the form of `total`."""
        raise NotImplementedError

    # -- prior ----------------------------------------------------------------------------

    @classmethod
    def check_prior(cls, prior: MixturePrior | None, k: int, d: int) -> None:
        """Raise a ValueError unless a prior (if any) fits K such components."""
        if prior is None:
            return
        check_prior(prior, NormalInverseWishart, k)
        shape = cls.one_shape(d)
        for own in priors_of(prior.components, k):
            if own.mean.shape != (d,) or own.scale.shape != shape:
                raise ValueError(
                    f"the prior of a {cls.kind!r} mixture in {d} dimensions must have a mean of "
                    f"shape {(d,)} and a scale of shape {shape}, not {own.mean.shape} and "
                    f"{own.scale.shape}."
                )
        if cls.shared:
            require_common(prior.components)

    def imaginary(
        self, prior: Any, means: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
        """Return the prior as imaginary observations, as the components see them (eq. 5.9).

        That is their number and their first and second moments, whitened as the data are, and
        what is added to the number of squares: the mode of the density of a covariance divides
        by more than there are observations, by one for each mean, for example.
        """
        k = len(means)
        if isinstance(prior, tuple) and not self.shared:  # one each: what each sees of its own
            parts = [self.imaginary(own, means) for own in prior]
            kappa, first, second = (
                np.array([part[i][j] for j, part in enumerate(parts)]) for i in range(3)
            )
            extra = np.array([part[3] for part in parts])
            return kappa, first, second, extra.reshape(k, *[1] * (second.ndim - 1))
        priors = priors_of(prior, k)
        kappa = np.array([own.mean_precision for own in priors])
        mean = self.whiten(priors[0].mean[None], means)[:, :, 0]
        if isinstance(prior, tuple):
            seen = [self.whiten(own.mean[None], means)[:, :, 0] for own in priors]
            mean = np.array([own[j] for j, own in enumerate(seen)])
        second = self.whitened_scale(priors[0]) + self.copies(kappa, mean)
        n_squares = priors[0].degrees_of_freedom + priors[0].order + 1
        n_squares += self.sizes(np.ones(k)).max()
        return kappa, kappa[:, None] * mean, second, n_squares

    def log_prior(self, prior: Any, means: FloatArray) -> float:
        """Return the log density of means and covariances under the prior (eq. 5.8)."""
        _, _, second, n_squares = self.imaginary(prior, means)
        priors = priors_of(prior, len(means))
        constant = sum(own.log_mean_constant for own in priors)
        # as many as there are covariances
        constant += sum(own.log_scale_constant for own in priors[: len(self.factor)])
        log_det = (np.ravel(n_squares) * self._half_log_dets()).sum()
        return float(constant - 0.5 * self.trace(second) - log_det)

    def _half_log_dets(self) -> FloatArray:
        """Return (1/2) log |Sigma|, each covariance counted once, (K,) or (1,)."""
        return self.half_log_determinants

    def trace(self, second: FloatArray) -> float:
        """Return the sum of all squares in second moments."""
        return float(second.sum())


# ---------------------------------------------------------------------------------------------
# Matrices, for each component or for all
# ---------------------------------------------------------------------------------------------


class Full(Covariances):
    """A covariance matrix for each component (eq. 4.17)."""

    kind = "full"
    space = DEFINITE

    @classmethod
    def one(cls, matrix: FloatArray) -> FloatArray:
        """Return the matrix itself."""
        return matrix

    @classmethod
    def factored(cls, values: FloatArray, d: int, name: str) -> Self:
        """Return symmetric, positive definite matrices with their Cholesky factors."""
        stack = values.reshape(-1, d, d)
        sd = np.sqrt(np.abs(diagonals(stack)))
        skew = np.abs(stack - stack.transpose(0, 2, 1)) > 1e-10 * sd[:, :, None] * sd[:, None, :]
        _refuse(np.array(skew.any(axis=(1, 2))), stack, name, "is not symmetric")
        factor = cholesky(stack)
        _refuse(np.isnan(factor[:, -1, -1]), stack, name, "is not positive definite")
        return cls(values, factor)

    @cached_property
    def whitener(self) -> FloatArray:
        """L_k^{-1}, lower triangular too."""
        return inverse(self.factor)

    @property
    def diagonal(self) -> FloatArray:
        """The diagonals of L_k, shape (K, D) or (1, D)."""
        return diagonals(self.factor)

    def whiten(self, x: FloatArray, means: FloatArray) -> FloatArray:
        """Return y_kn = L_k^{-1} (x_n - mu_k) as an array (K, D, N) (eq. 4.3).

        The long axis comes last, in whole rows of memory; and differences come first: they are
        exact where the data are near a mean, wherever that is.
        """
        return self.whitener @ (np.ascontiguousarray(x.T) - means[:, :, None])

    def colour(self, y: FloatArray) -> FloatArray:
        """Return L_k y_k, (K, D)."""
        return (self.factor @ y[:, :, None])[:, :, 0]

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Return L_{z_n} times standard normals, shape (N, D)."""
        y = rng.standard_normal((len(z), self.factor.shape[-1]))
        for k in np.unique(z):
            y[z == k] = y[z == k] @ self.factor[0 if self.shared else k].T
        return y

    def squares(self, y: FloatArray) -> FloatArray:
        """Return y_k y_k^T: BLAS knows that such a product is symmetric and does half."""
        return y @ y.transpose(0, 2, 1)

    def sizes(self, counts: FloatArray) -> FloatArray:
        """Return N_k."""
        return counts[:, None, None]

    def scaled(self, central: FloatArray) -> Self:
        """Return L_k C_k L_k^T, symmetric to the last bit, with factors L_k chol(C_k)."""
        product = self.factor @ central @ self.factor.transpose(0, 2, 1)
        values = (product + product.transpose(0, 2, 1)) / 2
        factor = self.factor @ cholesky(central.reshape(self.factor.shape))
        return type(self)(values.reshape(self.values.shape), factor)

    def matrices(self, k: int) -> FloatArray:
        """Return the covariances, shape (K, D, D)."""
        return np.broadcast_to(self.values, (k, *self.values.shape[-2:])).copy()

    def total(self, weights: FloatArray, means: FloatArray) -> FloatArray:
        """Return the covariance of the whole mixture, (D, D)."""
        centred = means - weights @ means
        return self._within(weights) + (centred.T * weights) @ centred

    def _within(self, weights: FloatArray) -> FloatArray:
        d = self.values.shape[-1]
        return (weights @ self.values.reshape(-1, d * d)).reshape(d, d)

    @classmethod
    def left(cls, matrices: FloatArray) -> FloatArray:
        """Return the squared diagonals of Cholesky factors, (M, D), from matrices (M, D, D)."""
        return diagonals(cholesky(matrices)) ** 2

    def refuse_collapse(self, weights: FloatArray, means: FloatArray, has_types: bool) -> None:
        """Raise if some component is flat; a look at variances is enough where all are round."""
        if not self._is_round(weights, means):
            super().refuse_collapse(weights, means, has_types)

    def _is_round(self, weights: FloatArray, means: FloatArray) -> bool:
        """Whether much is left to chance in each feature, beside its variance: then none is flat.

        Variances, of each component and of the whole mixture, are no less than what is left to
        chance of them, and less work. Only of few features: a small share of a small share of
        many would be rounding.
        """
        within = diagonals(self._stack)
        if within.shape[1] > FEW:
            return False
        everything = weights @ (within + (means - weights @ means) ** 2)
        least = np.maximum(ROUND * np.maximum(within, everything), SMALLEST**2)
        return bool((self.diagonal**2 > least).all())

    @property
    def _stack(self) -> FloatArray:
        return self.values.reshape(self.factor.shape)

    @classmethod
    def _forms(cls, *matrices: FloatArray) -> FloatArray:
        return np.array(matrices)

    def whitened_scale(self, prior: NormalInverseWishart) -> FloatArray:
        """Return L_k^{-1} Psi L_k^{-T}, as the squares of L_k^{-1} P where Psi = P P^T.

        An outlier makes Psi nearly singular. Of Psi itself as many digits would be lost as its
        condition number has; of its factor, half as many.
        """
        psi = self.squares(self.whitener @ prior.factor)
        return psi[0] if self.shared else psi

    def beside(
        self, other: Self, first: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return R_k f_k and R_k S_k R_k^T, where R_k = L_k^{-1} L'_k."""
        between = self.whitener @ other.factor
        squares = between @ second.reshape(between.shape) @ between.swapaxes(1, 2)
        return (between @ first[:, :, None])[:, :, 0], squares.reshape(second.shape)

    def slopes(self, first: FloatArray, excess: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return L_k^{-T} f_k and L_k^{-T} E_k L_k^{-1} / 2."""
        back = self.whitener.swapaxes(1, 2)
        by_values = 0.5 * back @ excess.reshape(back.shape) @ self.whitener
        return (back @ first[:, :, None])[:, :, 0], by_values.reshape(self.values.shape)

    def trace(self, second: FloatArray) -> float:
        """Return the sum of the traces."""
        return float(np.trace(second, axis1=-2, axis2=-1).sum())


class Tied(Full):
    """One covariance matrix for all components (eq. 4.19)."""

    kind = "tied"
    shared = True

    def pool(self, second: FloatArray) -> FloatArray:
        """Add up the components, (D, D)."""
        return second.sum(axis=0)

    def sizes(self, counts: FloatArray) -> FloatArray:
        """Return N."""
        return np.asarray(counts.sum())

    def _within(self, weights: FloatArray) -> FloatArray:
        return self.values


# ---------------------------------------------------------------------------------------------
# Variances, of each feature or of all
# ---------------------------------------------------------------------------------------------


class Diagonal(Covariances):
    """A variance for each component and feature (eq. 4.20)."""

    kind = "diag"
    space = POSITIVE

    @classmethod
    def one(cls, matrix: FloatArray) -> FloatArray:
        """Return the diagonal."""
        return np.diag(matrix)

    @classmethod
    def factored(cls, values: FloatArray, d: int, name: str) -> Self:
        """Return positive variances with standard deviations."""
        if (values <= 0).any():
            raise ValueError(f"{name} must be positive, but they are {values.tolist()}.")
        return cls(values, _by_feature(np.sqrt(values), d))

    @cached_property
    def whitener(self) -> FloatArray:
        """One by the standard deviations."""
        return 1 / self.factor

    @property
    def diagonal(self) -> FloatArray:
        """Standard deviations, shape (K, D)."""
        return self.factor

    def whiten(self, x: FloatArray, means: FloatArray) -> FloatArray:
        """Return y_kn = (x_n - mu_k) / sigma_k as an array (K, D, N) (eq. 4.3)."""
        difference = np.ascontiguousarray(x.T) - means[:, :, None]
        difference *= self.whitener[:, :, None]
        return difference

    def colour(self, y: FloatArray) -> FloatArray:
        """Return sigma_k y_k, (K, D)."""
        return self.factor * y

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Return sigma_{z_n} times standard normals, shape (N, D)."""
        return self.factor[z] * rng.standard_normal((len(z), self.factor.shape[1]))

    def squares(self, y: FloatArray) -> FloatArray:
        """Return the sums of squares, (K, D)."""
        return np.einsum("kdn,kdn->kd", y, y)

    def sizes(self, counts: FloatArray) -> FloatArray:
        """Return N_k."""
        return counts[:, None]

    def scaled(self, central: FloatArray) -> Self:
        """Return sigma_k^2 c_k, with their roots."""
        by_row = central.reshape(len(central), -1)  # (K, D) or (K, 1)
        values = self.factor[:, : by_row.shape[1]] ** 2 * by_row
        factor = self.factor * np.sqrt(np.maximum(by_row, 0.0))
        return type(self)(values.reshape(central.shape), factor)

    def matrices(self, k: int) -> FloatArray:
        """Return diagonal matrices, shape (K, D, D)."""
        return self._stack[:, :, None] * np.eye(self.factor.shape[1])

    def total(self, weights: FloatArray, means: FloatArray) -> FloatArray:
        """Return the variances of the whole mixture, (D,)."""
        return weights @ (self._stack + (means - weights @ means) ** 2)

    @classmethod
    def left(cls, matrices: FloatArray) -> FloatArray:
        """Return variances as they are."""
        return matrices

    @property
    def _stack(self) -> FloatArray:
        return _by_feature(self.values, self.factor.shape[1])

    @classmethod
    def _forms(cls, *matrices: FloatArray) -> FloatArray:
        return np.array([np.diag(matrix) for matrix in matrices])

    def beside(
        self, other: Self, first: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return f_k sigma'_k / sigma_k and s_k sigma'_k^2 / sigma_k^2."""
        between = other.factor * self.whitener  # the same for each feature if spherical
        wide = between[:, : second[0].size] ** 2
        return between * first, wide.reshape(second.shape) * second

    def slopes(self, first: FloatArray, excess: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return f_k / sigma_k and e_k / (2 sigma_k^2)."""
        return first * self.whitener, excess / (2 * self.values)

    def whitened_scale(self, prior: NormalInverseWishart) -> FloatArray:
        """Return psi / sigma_k^2, (K, D)."""
        return prior.scale * self.whitener**2


class Spherical(Diagonal):
    """One variance for each component, the same for all features (eq. 4.21)."""

    kind = "spherical"

    @classmethod
    def one(cls, matrix: FloatArray) -> FloatArray:
        """Return the average variance, an array without axes."""
        return np.array(matrix.trace() / len(matrix))

    def pool(self, second: FloatArray) -> FloatArray:
        """Add up the features, (K,)."""
        return second.sum(axis=1)

    def sizes(self, counts: FloatArray) -> FloatArray:
        """Return N_k D."""
        return counts * self.factor.shape[1]

    @classmethod
    def left(cls, matrices: FloatArray) -> FloatArray:
        """Return the average variance, (M, 1)."""
        return matrices.mean(axis=1, keepdims=True)

    def whitened_scale(self, prior: NormalInverseWishart) -> FloatArray:
        """Return psi / sigma_k^2, (K,)."""
        return super().whitened_scale(prior)[:, 0]

    def _half_log_dets(self) -> FloatArray:
        return np.log(self.factor[:, 0])


KINDS: dict[str, type[Covariances]] = {c.kind: c for c in (Full, Tied, Diagonal, Spherical)}
COVARIANCE_TYPES = tuple(KINDS)


def kind_of(covariance_type: str) -> type[Covariances]:
    """Return the class of a kind, or raise ValueError if there is none of that name."""
    return KINDS[one_of(covariance_type, "covariance_type", COVARIANCE_TYPES)]


# ---------------------------------------------------------------------------------------------
# Small matters
# ---------------------------------------------------------------------------------------------


def cholesky(stack: FloatArray) -> FloatArray:
    """Return lower Cholesky factors (K, D, D) (eq. 4.5).

    Where a matrix is not positive definite, the diagonal is NaN from the first feature on that
    has nothing left to chance.
    """
    try:
        return np.asarray(np.linalg.cholesky(stack))
    except np.linalg.LinAlgError:
        return np.array([_as_far_as_it_goes(matrix) for matrix in stack])


def _as_far_as_it_goes(matrix: FloatArray) -> FloatArray:
    factor, stuck = dpotrf(matrix, lower=1, clean=1)
    if stuck:
        factor[stuck - 1 :, stuck - 1 :] = np.nan
    return factor


def inverse(factor: FloatArray) -> FloatArray:
    """Return the inverses of lower triangular matrices (K, D, D)."""
    return np.array([dtrtri(lower, lower=1)[0] for lower in factor])


def diagonals(stack: FloatArray) -> FloatArray:
    """Return the diagonals (K, D) of matrices (K, D, D)."""
    return stack.diagonal(axis1=1, axis2=2)


def _by_feature(values: FloatArray, d: int) -> FloatArray:
    """Return one value a component and feature, (K, D), from shape (K, D) or (K,)."""
    return values.reshape(len(values), -1) * np.ones(d)


def _refuse(bad: NDArray[np.bool_], stack: FloatArray, name: str, fault: str) -> None:
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(f"{name}[{k}] {fault}:\n{stack[k]}")
