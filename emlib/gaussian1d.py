"""Mixtures of normals on the line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from emlib import initial
from emlib._validation import FloatArray, IntArray, data_vector, frozen, mixing_weights
from emlib.em import DegenerateError, Expectation
from emlib.mixture import COLLAPSED, Mixture, mixing


@dataclass(frozen=True, eq=False)
class GaussianMixture1D(Mixture):
    """A mixture of K univariate normals.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights pi_k; they sum to one.
    means : array_like, shape (K,)
        Means mu_k, in the units of the data.
    variances : array_like, shape (K,), or a number for all
        Variances sigma_k^2, in squared units of the data.
    common_variance : bool
        Whether the components share one variance; `variances` then holds it K times.

    Raises
    ------
    ValueError
        If the weights do not sum to one, a variance is not positive, or shapes disagree.

    References
    ----------
    McLachlan and Peel (2000), Finite Mixture Models, section 3.2; chapter 3 of the book.

    Examples
    --------
    >>> model = GaussianMixture1D([0.4, 0.6], [55.0, 80.0], [36.0, 36.0])
    >>> model.responsibilities([67.5]).round(3)
    array([[0.4, 0.6]])
    """

    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    common_variance: bool = False

    def __post_init__(self) -> None:
        weights = mixing_weights(self.weights)
        means = frozen(self.means, "means", weights.shape)
        given = np.asarray(self.variances)
        variances = frozen(
            np.full(weights.shape, given) if given.ndim == 0 else given, "variances", weights.shape
        )
        if (variances <= 0).any():
            raise ValueError(f"variances must be positive, but they are {variances.tolist()}.")
        if self.common_variance and (variances != variances[0]).any():
            raise ValueError("variances must all be equal when common_variance=True.")
        for name, value in (("weights", weights), ("means", means), ("variances", variances)):
            object.__setattr__(self, name, value)

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        common_variance: bool = False,
    ) -> Self:
        """Return a model to start from, with the pooled within-group variance throughout.

        Parameters
        ----------
        x : array_like, shape (N,)
            Data.
        n_components, rng, method
            As for `initial.responsibilities`.
        common_variance : bool
            Passed on to the model.
        """
        x = data_vector(x)
        r = initial.responsibilities(x[:, None], n_components, rng, method)
        spread = float(x.var())
        if spread == 0:
            raise ValueError("all values of x are equal: there is no variance to model.")
        k = n_components
        # One component at the centre of all the data, K times: its M-step about that centre,
        # with a common variance, gives means and pooled variance of the groups.
        same = np.full(k, spread)
        middle = cls(np.full(k, 1 / k), np.full(k, x.mean()), same, common_variance=True)
        try:
            model = middle.m_step(Expectation(0.0, r.sum(axis=0), middle.statistics(x, r)))
        except DegenerateError as error:
            raise ValueError(
                f"x ({len(x)} rows): no spread is left within the {k} starting groups. "
                "Use fewer components or more rows."
            ) from error
        return replace(model, common_variance=common_variance)

    def log_joint(self, x: ArrayLike) -> FloatArray:
        """Return log pi_k + log N(x_n | mu_k, sigma_k^2), shape (N, K), in nats (eq. 3.3)."""
        residual = self.check(x)[:, None] - self.means
        log_normal = -0.5 * (np.log(2 * np.pi * self.variances) + residual**2 / self.variances)
        return np.asarray(self.log_weights + log_normal)

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return weighted sums of the residuals about the current means and of their squares.

        Sums about the means, not about zero (eq. 3.15): far from the origin the squares of the
        data would drown the variance in rounding.
        """
        residual = x[:, None] - self.means
        first = responsibilities * residual
        return first.sum(axis=0), (first * residual).sum(axis=0)

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 3.9 to 3.12).

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed onto a point.
        """
        counts = expectation.counts
        weights = mixing(counts)
        first, second = expectation.statistics
        shift = first / counts
        variances = second / counts - shift**2
        if self.common_variance:
            variances = np.full_like(variances, weights @ variances)
        means = self.means + shift
        self._refuse_collapse(weights, means, variances)
        return replace(self, weights=weights, means=means, variances=variances)

    def _refuse_collapse(self, weights: FloatArray, means: FloatArray, var: FloatArray) -> None:
        total = weights @ (var + (means - weights @ means) ** 2)
        k = int(np.argmin(var))
        if not var[k] > COLLAPSED * total:
            raise DegenerateError(
                f"component {k} has collapsed onto a point near x = {means[k]:.6g}, where the "
                "likelihood has no bound. Start elsewhere, use a common variance or a prior "
                "(chapter 5).",
                k,
            )

    @property
    def n_parameters(self) -> int:
        """K - 1 weights, K means, and K variances or one."""
        k = self.n_components
        return (k - 1) + k + (1 if self.common_variance else k)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n from the normal of component z_n."""
        return rng.normal(self.means[z], np.sqrt(self.variances[z]))
