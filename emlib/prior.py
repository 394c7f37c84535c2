"""Conjugate priors: what you would know after data that you have not seen.

A conjugate prior has the form of a likelihood. So it enters the M-step as sufficient statistics
of imaginary observations, added to the expected statistics of the real ones, and what comes out
is the maximum a posteriori (MAP) estimate. EM then climbs log-likelihood + log prior (chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import gammaln, multigammaln, xlog1py, xlogy

from emlib._machinery.validation import check_weights, frozen, number_array, one_of
from emlib._machinery.value import FloatArray, IntArray, Value


@dataclass(frozen=True, eq=False)
class Dirichlet(Value):
    """Prior of mixing weights: `concentration` - 1 imaginary observations of each component.

    Parameters
    ----------
    concentration : float or array_like, shape (K,)
        alpha_k, each at least 1, so that the posterior has its mode inside the simplex;
        1 for all is the uniform distribution.

    Raises
    ------
    ValueError
        If a concentration is below 1 or not finite.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, section 3.4.

    Examples
    --------
    >>> float(np.exp(Dirichlet(1.0).log_density([0.2, 0.3, 0.5])))  # 2! on the triangle
    2.0
    """

    concentration: FloatArray

    def __post_init__(self) -> None:
        alpha = number_array(self.concentration, "concentration")
        shape = (None,) if alpha.ndim else ()
        object.__setattr__(self, "concentration", frozen(alpha, "concentration", shape))
        if (self.concentration < 1).any():
            raise ValueError(
                f"concentration must be at least 1, but it is {alpha.tolist()}: below 1 the "
                "density has no bound where a weight is zero."
            )

    def for_components(self, k: int) -> FloatArray:
        """Return the concentrations of K components, shape (K,)."""
        if self.concentration.shape not in ((), (k,)):
            raise ValueError(
                f"concentration has {len(self.concentration)} entries for {k} components."
            )
        return np.full(k, self.concentration)

    def log_density(self, weights: FloatArray) -> float:
        """Return the log density of mixing weights (K,)."""
        weights = check_weights(weights)
        alpha = self.for_components(len(weights))
        constant = gammaln(alpha.sum()) - gammaln(alpha).sum()
        return float(constant + xlogy(alpha - 1, weights).sum())


@dataclass(frozen=True, eq=False)
class NormalInverseWishart(Value):
    """Prior of the mean and covariance of a normal, or of means and variances.

    mu given Sigma is normal with mean m_0 and covariance Sigma / kappa; Sigma is inverse-Wishart
    with nu degrees of freedom and scale Psi, of density proportional to
    |Sigma|^{-(nu + D + 1)/2} exp(-tr(Psi Sigma^{-1}) / 2). Univariate, that is sigma^2
    inverse-gamma with shape nu/2 and scale Psi/2.

    Parameters
    ----------
    mean : array_like, shape (D,), or float
        m_0, in the units of the data; a number for data on the line.
    mean_precision : float
        kappa > 0: how many observations the prior mean is worth.
    degrees_of_freedom : float
        nu > D - 1: how many observations the prior scale is worth.
    scale : array_like
        Psi, a sum of squares in squared units of the data: positive definite (D, D) for
        covariance matrices ("full", "tied"); positive (D,) for one variance a feature ("diag":
        a univariate prior each); a positive number for a single variance ("spherical", 1-D).

    Raises
    ------
    ValueError
        If a parameter has the wrong shape or is out of its range.

    References
    ----------
    Fraley and Raftery (2007), J. Classification 24:155-181, section 2; Gelman et al. (2013),
    Bayesian Data Analysis, 3rd edition, sections 3.3 and 3.6.

    Examples
    --------
    >>> prior = NormalInverseWishart([0.0, 0.0], 0.01, 4, [[1.0, 0.5], [0.5, 1.0]])
    >>> prior.scale.shape
    (2, 2)
    """

    mean: FloatArray
    mean_precision: float
    degrees_of_freedom: float
    scale: FloatArray

    def __post_init__(self) -> None:
        mean = number_array(self.mean, "mean")
        mean = frozen(mean, "mean", (None,) if mean.ndim else ())
        d = mean.size
        scale = number_array(self.scale, "scale")
        shape = {0: (), 1: (d,)}.get(scale.ndim, (d, d))
        scale = frozen(scale, "scale", shape)
        if not _is_symmetric(scale):
            raise ValueError(f"scale must be symmetric, but it is {scale.tolist()}.")
        if not _is_positive(scale):
            raise ValueError(f"scale must be positive (definite), but it is {scale.tolist()}.")
        smallest = d - 1 if scale.ndim == 2 else 0
        for name, value in (
            ("mean", mean),
            ("scale", scale),
            ("mean_precision", _above(self.mean_precision, "mean_precision", 0)),
            ("degrees_of_freedom", _above(self.degrees_of_freedom, "degrees_of_freedom", smallest)),
        ):
            object.__setattr__(self, name, value)

    @cached_property
    def factor(self) -> FloatArray:
        """P of Psi = P P^T: a Cholesky factor, or the roots of variances."""
        if self.scale.ndim < 2:
            return np.sqrt(self.scale)
        return np.asarray(np.linalg.cholesky(self.scale))

    @property
    def order(self) -> int:
        """Order of the matrix that is inverse-Wishart: D, or 1 for variances."""
        return len(self.scale) if self.scale.ndim == 2 else 1

    @cached_property
    def log_mean_constant(self) -> float:
        """Log of the constant of the normal density of one mean (D,): (kappa / 2 pi)^{D/2}."""
        return float(0.5 * self.mean.size * np.log(self.mean_precision / (2 * np.pi)))

    @cached_property
    def log_scale_constant(self) -> float:
        """Log of the constant of the inverse-Wishart density, over all features."""
        nu = self.degrees_of_freedom
        if self.scale.ndim < 2:  # inverse-gamma, once for each entry
            each = 0.5 * nu * np.log(self.scale / 2) - gammaln(nu / 2)
            return float(np.sum(each))
        d = len(self.scale)
        half_log_det = np.log(np.diag(self.factor)).sum()
        return float(nu * half_log_det - 0.5 * nu * d * np.log(2) - multigammaln(nu / 2, d))


@dataclass(frozen=True, eq=False)
class Beta(Value):
    """Prior of a probability: a - 1 imaginary successes and b - 1 failures.

    Parameters
    ----------
    a, b : float
        Each at least 1, so that the mode lies between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is below 1.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, section 2.4.

    Examples
    --------
    >>> float(np.exp(Beta(1, 1).log_density(0.3)))
    1.0
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", _at_least(self.a, "a", 1))
        object.__setattr__(self, "b", _at_least(self.b, "b", 1))

    def log_density(self, probabilities: FloatArray | float) -> float:
        """Return the sum of the log densities of probabilities."""
        p = number_array(probabilities, "probabilities")
        if ((p < 0) | (p > 1)).any():
            return -np.inf
        constant = gammaln(self.a + self.b) - gammaln(self.a) - gammaln(self.b)
        return float((constant + xlogy(self.a - 1, p) + xlog1py(self.b - 1, -p)).sum())


@dataclass(frozen=True, eq=False)
class Gamma(Value):
    """Prior of a rate: shape - 1 imaginary events in `rate` imaginary intervals.

    Parameters
    ----------
    shape : float
        At least 1, so that the density is bounded.
    rate : float
        Positive; the prior mean is shape / rate.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, section 2.6.

    Examples
    --------
    >>> round(Gamma(1, 2).log_density(0.0), 4)  # log 2
    0.6931
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _at_least(self.shape, "shape", 1))
        object.__setattr__(self, "rate", _above(self.rate, "rate", 0))

    def log_density(self, rates: FloatArray | float) -> float:
        """Return the sum of the log densities of rates."""
        x = number_array(rates, "rates")
        if (x < 0).any():
            return -np.inf
        constant = xlogy(self.shape, self.rate) - gammaln(self.shape)
        return float((constant + xlogy(self.shape - 1, x) - self.rate * x).sum())


@dataclass(frozen=True, eq=False)
class MixturePrior(Value):
    """The prior of a mixture: one for the mixing weights, one shared by all components.

    Parameters
    ----------
    components : NormalInverseWishart, Beta, Gamma or a prior of your own
        Prior of the parameters of each component; the family says which kind it takes. Mixtures
        of normals take a sequence of K as well, one for each component in its order: what is
        known of each beforehand, such as the fit to earlier data. (Where a variance is common,
        its scale and degrees of freedom must be the same in all.)
    weights : Dirichlet
        Prior of the mixing weights; uniform if not given.

    Examples
    --------
    >>> MixturePrior(Beta(2, 2)).weights == Dirichlet(1.0)
    True
    """

    components: Any
    weights: Dirichlet = field(default_factory=lambda: Dirichlet(np.ones(())))

    def __post_init__(self) -> None:
        if isinstance(self.components, list):
            object.__setattr__(self, "components", tuple(self.components))
        if not isinstance(self.weights, Dirichlet):
            raise ValueError(f"weights must be a Dirichlet prior, not {self.weights!r}.")

    def reordered(self, order: IntArray) -> MixturePrior:
        """Return the prior of the same components in another order, (K,)."""
        alpha, own = self.weights.concentration, self.components
        return MixturePrior(
            tuple(own[k] for k in order) if isinstance(own, tuple) else own,
            Dirichlet(alpha[order]) if alpha.ndim else self.weights,
        )


def prior_for(
    prior: MixturePrior | str | None, default: Callable[..., MixturePrior], *arguments: Any
) -> MixturePrior | None:
    """Return the prior that is meant by the argument `prior` of a family's `start`."""
    if isinstance(prior, str):
        one_of(prior, "prior", ["default"])
        return default(*arguments)
    if isinstance(prior, MixturePrior) and isinstance(prior.components, tuple):
        raise ValueError(
            "a prior for each component says which is which, and the groups of a start do not. "
            "Make the model yourself, with means=[p.mean for p in prior.components]."
        )
    return prior


def check_prior(prior: object, kind: type, n_components: int) -> None:
    """Raise a ValueError unless a prior (if any) is of a kind, and for so many components."""
    if prior is None:
        return
    if not isinstance(prior, MixturePrior):
        raise ValueError(f"prior must be a MixturePrior or None, not {prior!r}.")
    if kind is NormalInverseWishart and isinstance(prior.components, tuple):
        if len(prior.components) != n_components:
            raise ValueError(f"prior has {len(prior.components)} components, not {n_components}.")
        for own in prior.components:
            check_prior(replace(prior, components=own), kind, n_components)
        return
    if not isinstance(prior.components, kind):
        raise ValueError(f"prior.components must be a {kind.__name__}, not {prior.components!r}.")
    prior.weights.for_components(n_components)


def priors_of(components: Any, k: int) -> tuple[Any, ...]:
    """Return the prior of each of K components."""
    return components if isinstance(components, tuple) else (components,) * k


def require_common(components: Any) -> None:
    """Raise a ValueError unless priors agree on the variance that their components share."""
    own = components if isinstance(components, tuple) else (components,)
    first = own[0]
    for p in own[1:]:
        same = np.array_equal(p.scale, first.scale)
        if not (same and p.degrees_of_freedom == first.degrees_of_freedom):
            raise ValueError(
                "the components share one variance or covariance, so that scale and "
                "degrees_of_freedom must be the same in the priors of all."
            )


def _number(value: Any, name: str) -> float:
    return float(frozen(value, name, ()))


def _at_least(value: Any, name: str, bound: float) -> float:
    number = _number(value, name)
    if not number >= bound:
        raise ValueError(f"{name} must be at least {bound}, not {value!r}.")
    return number


def _above(value: Any, name: str, bound: float) -> float:
    number = _number(value, name)
    if not number > bound:
        raise ValueError(f"{name} must be above {bound}, not {value!r}.")
    return number


def _is_symmetric(scale: FloatArray) -> bool:
    if scale.ndim < 2:
        return True
    sd = np.sqrt(np.abs(np.diag(scale)))
    return bool((np.abs(scale - scale.T) <= 1e-10 * np.outer(sd, sd)).all())


def _is_positive(scale: FloatArray) -> bool:
    if scale.ndim < 2:
        return bool((scale > 0).all())
    try:
        np.linalg.cholesky(scale)
    except np.linalg.LinAlgError:
        return False
    return True
