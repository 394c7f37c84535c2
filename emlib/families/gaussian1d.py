"""Mixtures of normals on the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from emlib import initial
from emlib._machinery.blocks import gathered
from emlib._machinery.validation import SMALLEST, check_weights, data_vector, frozen, number_array
from emlib._machinery.value import BoolArray, FloatArray, IntArray
from emlib.coordinates import POSITIVE, REAL, SHARED, SIMPLEX, Space
from emlib.em import DegenerateError, Expectation
from emlib.families.clouds import Clouds, moments
from emlib.mixture import COLLAPSED, mixing
from emlib.prior import (
    MixturePrior,
    NormalInverseWishart,
    check_prior,
    prior_for,
    priors_of,
    require_common,
)

HALVINGS = 100  # from the distance of two components to the last digit, and some to spare


@dataclass(frozen=True, eq=False)
class GaussianMixture1D(Clouds):
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
    prior : MixturePrior, optional
        With a `NormalInverseWishart` for the components whose mean and scale are numbers: the
        normal-inverse-gamma prior. The M-step then returns the maximum a posteriori. Or with
        a sequence of them, one for each component.

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

    row_ndim: ClassVar[int] = 0
    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    common_variance: bool = False
    prior: MixturePrior | None = None

    def __post_init__(self) -> None:
        weights = check_weights(self.weights)
        means = frozen(self.means, "means", weights.shape)
        given = number_array(self.variances, "variances")
        variances = frozen(
            np.full(weights.shape, given) if given.ndim == 0 else given, "variances", weights.shape
        )
        if (variances <= 0).any():
            raise ValueError(f"variances must be positive, but they are {variances.tolist()}.")
        if self.common_variance and (variances != variances[0]).any():
            raise ValueError("variances must all be equal when common_variance=True.")
        _check_prior(self.prior, len(weights), self.common_variance)
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
        prior: MixturePrior | str | None = None,
        sample_weight: ArrayLike | None = None,
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
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`. Its scale is added to
            the starting variance, as in an M-step.
        sample_weight : array_like, shape (N,), optional
            Weights of the rows: 2 is two copies, and 0 is absence.

        Raises
        ------
        ValueError
            If all values are equal, or no spread is left within the groups.
        """
        generator, k = np.random.default_rng(rng), n_components
        rows, w = gathered(cls, data_vector, x, sample_weight, generator)
        r = initial.responsibilities(rows[:, None], k, generator, method, w)
        if np.ptp(rows) == 0:
            raise ValueError("all values of x are equal: there is no variance to model.")
        r = r if w is None else r * w[:, None]
        prior = prior_for(prior, cls.default_prior, x, k, sample_weight)
        # Means of the groups and their pooled variance: the M-step that follows if the
        # responsibilities are r, with a common variance, taken about the centre of the data.
        _, mean, variance = moments(cls, data_vector, rows, w)
        centre = cls(np.full(k, 1 / k), np.full(k, mean), np.full(k, variance), True, prior)
        try:
            model = centre.m_step(centre.expect_under(rows, r))
        except DegenerateError as error:
            fewer = "fewer components, " if k > 1 else ""
            remedy = ', prior="default"' if prior is None else ""
            raise ValueError(
                f"x ({len(rows)} rows): no spread is left within the {k} starting groups. "
                f"Use {fewer}more rows{remedy}, or leave outliers out."
            ) from error
        return replace(model, common_variance=common_variance)

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a finite (N,) float64 array."""
        return data_vector(x)

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log N(x_n | mu_k, sigma_k^2), shape (N, K), in nats (eq. 3.3)."""
        residual = (self.check(x) - self.means[:, None]).T  # (N, K)
        with np.errstate(over="ignore"):  # a density of zero is met with where it matters
            squared = residual**2 / self.variances
        return -0.5 * (np.log(2 * np.pi * self.variances) + squared)

    # e_step: see mixture.py. It takes the densities above and the statistics below, block by block.

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return weighted sums of the residuals about the current means and of their squares.

        Sums about the means, not about zero (eq. 3.15): far from the origin the squares of the
        data would drown the variance in rounding.
        """
        residual = (x - self.means[:, None]).T  # (N, K)
        first = responsibilities * residual
        return first.sum(axis=0), (first * residual).sum(axis=0)

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 3.9 to 3.12).

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed onto a point.
        """
        return self.m_step_given(expectation, {})

    def m_step_given(self, expectation: Expectation, held: Mapping[str, BoolArray]) -> Self:
        """Return the M-step when some parameters stay: variances are about the means that do."""
        weights = mixing(expectation.counts, self.prior)
        counts, (first, second) = expectation.counts, expectation.statistics
        sizes = counts
        if self.prior is not None:
            kappa, prior_first, prior_second, extra = self._imaginary(self.prior.components)
            counts, first, second = counts + kappa, first + prior_first, second + prior_second
            sizes = sizes + extra
        shift = np.where(held.get("means", False), 0.0, first / counts)
        squares = second - counts * shift**2
        variances = squares / sizes
        if self.common_variance:
            variances = np.full_like(variances, squares.sum() / sizes.sum())
        variances = np.where(held.get("variances", False), self.variances, variances)
        means = self.means + shift
        self._refuse_collapse(weights, means, variances)
        return replace(self, weights=weights, means=means, variances=variances)

    def complete_components(self, expectation: Expectation) -> float:
        """Return the expected log density of the rows, up to a constant: squares about the means.

        The statistics hold squares about the means of the E-step, so these are moved here first.
        """
        _, squares = self._about_own_means(expectation)
        logs = expectation.counts * np.log(self.variances)
        return float(-0.5 * (squares / self.variances + logs).sum())

    def _about_own_means(self, expectation: Expectation) -> tuple[FloatArray, FloatArray]:
        """Return the sums of residuals about these means and of their squares, (K,) and (K,)."""
        counts, (first, second) = expectation.counts, expectation.statistics
        shift = self.means - expectation.of.means
        return first - counts * shift, second - 2 * shift * first + counts * shift**2

    def score_components(self, expectation: Expectation) -> dict[str, FloatArray]:
        """Return the slope of Q + log prior by means and variances, (K,) and (K,)."""
        (first, squares), sizes = self._about_own_means(expectation), expectation.counts
        if self.prior is not None:
            _, prior_first, prior_second, extra = self._imaginary(self.prior.components)
            first, squares, sizes = first + prior_first, squares + prior_second, sizes + extra
        var = self.variances
        return {"means": first / var, "variances": (squares / var - sizes) / (2 * var)}

    def _refuse_collapse(self, weights: FloatArray, means: FloatArray, var: FloatArray) -> None:
        total = weights @ (var + (means - weights @ means) ** 2)
        k = int(np.argmin(var))
        if not var[k] > max(COLLAPSED * total, SMALLEST**2):
            remedy = " or use" if self.common_variance else ", use a common variance or"
            raise DegenerateError(
                f"component {k} has collapsed onto a point near x = {means[k]:.6g}, where the "
                f"likelihood has no bound. Start elsewhere{remedy} a prior (chapter 5).",
                k,
            )

    @property
    def covariance_matrices(self) -> FloatArray:
        """The variances as matrices, shape (K, 1, 1)."""
        return self.variances[:, None, None]

    @property
    def shared(self) -> tuple[str, ...]:
        """The variance if it is common."""
        return ("variances",) if self.common_variance else ()

    @property
    def spaces(self) -> dict[str, Space]:
        """K - 1 weights, K means, and K variances or one."""
        variances = SHARED if self.common_variance else POSITIVE
        return {"weights": SIMPLEX, "means": REAL, "variances": variances}

    @property
    def mean(self) -> float:
        """Mean of the whole mixture."""
        return float(self.weights @ self.means)

    @property
    def variance(self) -> float:
        """Variance of the whole mixture: within components and between them."""
        return float(self.weights @ (self.variances + (self.means - self.mean) ** 2))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the probability of no more than x, in the shape of x.

        Examples
        --------
        >>> GaussianMixture1D([0.5, 0.5], [-1.0, 1.0], 1.0).cdf([0.0])
        array([0.5])
        """
        values = number_array(x, "x")[..., None]
        return ndtr((values - self.means) / np.sqrt(self.variances)) @ self.weights

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the values below which x is with probability p, in the shape of p.

        Parameters
        ----------
        p : array_like
            Probabilities; 0 and 1 give infinities.

        Raises
        ------
        ValueError
            If a probability is not between 0 and 1.

        Notes
        -----
        The quantile lies between those of the components, and is found by halving.

        Examples
        --------
        >>> GaussianMixture1D([0.5, 0.5], [0.0, 2.0], 1.0).quantile([0.5, 1.0]).round(6)
        array([ 1., inf])
        """
        p = number_array(p, "p")
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"p must lie between 0 and 1, but it is {p.tolist()}.")
        own = self.means + np.sqrt(self.variances) * ndtri(p)[..., None]
        low, high = own.min(axis=-1), own.max(axis=-1)
        for _ in range(HALVINGS):
            middle = low / 2 + high / 2
            below = self.cdf(middle) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(low / 2 + high / 2)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n from the normal of component z_n."""
        return rng.normal(self.means[z], np.sqrt(self.variances[z]))

    # -- with a prior: chapter 5 ---------------------------------------------------------------

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, sample_weight: ArrayLike | None = None
    ) -> MixturePrior:
        """Return a weak prior scaled to the data, so that fits with it stay equivariant.

        Worth three observations for each variance, whose scale is the variance of all the data
        divided by K^2, and a hundredth of an observation for each mean; uniform mixing weights.

        References
        ----------
        Fraley and Raftery (2007), J. Classification 24:155-181, section 2.2.
        """
        _, mean, variance = moments(cls, data_vector, x, sample_weight)
        scale = variance / n_components**2
        return MixturePrior(NormalInverseWishart(mean, 0.01, 3, scale))

    def _imaginary(self, prior: Any) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the prior as imaginary observations of each component.

        That is their number, the sums of their residuals and squares about the current means,
        and what is added to the number of squares (eq. 5.9).
        """
        k = self.n_components
        each = [
            (p.mean_precision, p.degrees_of_freedom, p.mean, p.scale) for p in priors_of(prior, k)
        ]
        kappa, nu, mean, scale = np.array(each, dtype=float).T
        residual = mean - self.means
        if self.common_variance:  # the one scale and its nu + 2 squares, shared out
            return kappa, kappa * residual, scale / k + kappa * residual**2, 1 + (nu + 2) / k
        return kappa, kappa * residual, scale + kappa * residual**2, nu + 3

    def log_prior_components(self) -> float:
        """Return the log density of means and variances under the prior (eq. 5.8)."""
        if self.prior is None:
            return 0.0
        _, _, second, extra = self._imaginary(self.prior.components)
        priors = priors_of(self.prior.components, self.n_components)
        constant = sum(p.log_mean_constant for p in priors)
        constant += sum(p.log_scale_constant for p in priors[: 1 if self.common_variance else None])
        kernel = -0.5 * (second / self.variances + extra * np.log(self.variances))
        return float(constant + kernel.sum())


def _check_prior(prior: MixturePrior | None, k: int, common: bool) -> None:
    if prior is None:
        return
    check_prior(prior, NormalInverseWishart, k)
    for components in priors_of(prior.components, k):
        if components.mean.ndim or components.scale.ndim:
            raise ValueError(
                "prior.components must be a NormalInverseWishart whose mean and scale are numbers, "
                f"not {components!r}."
            )
    if common:
        require_common(prior.components)
