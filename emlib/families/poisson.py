"""Mixtures of Poissons: counts of events that come at more than one rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from emlib import initial
from emlib._machinery.blocks import gathered, summed
from emlib._machinery.validation import (
    check_weights,
    data_vector,
    frozen,
    reject_rows,
)
from emlib._machinery.value import FloatArray, IntArray
from emlib.coordinates import POSITIVE, SIMPLEX
from emlib.em import Expectation
from emlib.families._multinomial import half_deviance, stirling_error
from emlib.mixture import Mixture, mixing
from emlib.prior import Gamma, MixturePrior, check_prior, prior_for

SLOWEST = 0.01  # lowest rate to start from, as a share of the mean of the data


@dataclass(frozen=True, eq=False)
class PoissonMixture(Mixture):
    """A mixture of K Poisson distributions.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights pi_k; they sum to one.
    rates : array_like, shape (K,)
        Expected count lambda_k of each component. A rate of zero is allowed: such a component
        yields nothing but zeros, and its rate stays zero in every M-step without a prior.
    prior : MixturePrior, optional
        With a `Gamma` for the rates. The M-step then returns the maximum a posteriori.

    Raises
    ------
    ValueError
        If the weights do not sum to one, a rate is negative, or shapes disagree.

    References
    ----------
    Hasselblad (1969), J. Amer. Statist. Assoc. 64:1459-1471; chapter 7 of the book. For the
    density: Loader (2000), "Fast and accurate computation of binomial probabilities".

    Examples
    --------
    A table of frequencies is fitted with the frequencies for sample weights:

    >>> from emlib import data, em
    >>> deaths, days = data.death_notices()
    >>> start = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    >>> result = em.fit(start, deaths, sample_weight=days, tol=1e-9)
    >>> result.model.weights.round(2), result.model.rates.round(2)
    (array([0.36, 0.64]), array([1.26, 2.66]))
    """

    weights: FloatArray
    rates: FloatArray
    prior: MixturePrior | None = None
    spaces = {"weights": SIMPLEX, "rates": POSITIVE}  # noqa: RUF012

    def __post_init__(self) -> None:
        weights = check_weights(self.weights)
        rates = frozen(self.rates, "rates", weights.shape)
        if (rates < 0).any():
            raise ValueError(f"rates must not be negative, but they are {rates.tolist()}.")
        check_prior(self.prior, Gamma, len(weights))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "rates", rates)

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
        """Return a model to start from: the M-step of starting responsibilities.

        Parameters
        ----------
        x : array_like, shape (N,)
            Counts, or the distinct counts of a table of frequencies.
        n_components, rng, method
            As for `initial.responsibilities`, which groups the rows by the square roots of the
            counts: the spread of a root hardly depends on the rate.
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`.
        sample_weight : array_like, shape (N,), optional
            The frequencies of a table, or any weights: 2 is two copies, and 0 is absence.

        Notes
        -----
        No rate starts below a hundredth of the mean of x: a group of zeros would start at a rate
        of zero, and stay there.
        """
        generator = np.random.default_rng(rng)
        prior = prior_for(prior, cls.default_prior, x, n_components, sample_weight)
        rows, w = gathered(cls, _check, x, sample_weight, generator)
        r = initial.responsibilities(np.sqrt(rows)[:, None], n_components, generator, method, w)
        r = r if w is None else r * w[:, None]
        even = cls(np.full(n_components, 1 / n_components), np.zeros(n_components), prior)
        model = even.m_step(even.expect_under(rows, r))
        slowest = SLOWEST * np.average(rows, weights=w)
        return replace(model, rates=np.maximum(model.rates, slowest))

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, sample_weight: ArrayLike | None = None
    ) -> MixturePrior:
        """Return a weak prior scaled to the data: worth one event for each component.

        Its density of a rate has its mode at the mean of x: it adds one imaginary event, in as
        many intervals as one event takes on average. Mixing weights are uniform.
        """
        events, n = summed(
            cls, _check, lambda rows, w: np.array([w @ rows, w.sum()]), x, sample_weight
        )
        if n == 0:
            raise ValueError("all sample weights are zero, so there is nothing to fit.")
        mean = float(events / n)
        if mean == 0:
            raise ValueError("all values of x are zero: they give no scale for a default prior.")
        return MixturePrior(Gamma(2, 1 / mean))

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N,) float64 after checking that they are non-negative whole numbers."""
        return _check(x)

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log Poisson(x_n | lambda_k), shape (N, K), in nats.

        A count above zero has log density -inf where the rate is zero.
        """
        return _log_poisson(self.check(x), self.rates[:, None]).T

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the expected number of events of each component, shape (K,)."""
        return (x @ responsibilities,)

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint: events by observations.

        With a prior, of its sum with the log prior: the prior adds imaginary events and
        observations.

        Raises
        ------
        DegenerateError
            If a component is empty.
        """
        weights = mixing(expectation.counts, self.prior)
        counts, (events,) = expectation.counts, expectation.statistics
        if self.prior is not None:
            gamma = cast(Gamma, self.prior.components)
            events, counts = events + gamma.shape - 1, counts + gamma.rate
        return replace(self, weights=weights, rates=events / counts)

    def complete_components(self, expectation: Expectation) -> float:
        """Return the expected log density of the counts, up to a constant: events and intervals."""
        (events,) = expectation.statistics
        return float((xlogy(events, self.rates) - expectation.counts * self.rates).sum())

    def log_prior_components(self) -> float:
        """Return the log density of the rates under the prior."""
        if self.prior is None:
            return 0.0
        return cast(Gamma, self.prior.components).log_density(self.rates)

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K), in standard deviations.

        That is twice the difference of the square roots of the rates, a root having a standard
        deviation of about one half.
        """
        roots = 2 * np.sqrt(self.rates)
        return np.asarray(abs(roots[:, None] - roots))

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n from the Poisson of component z_n."""
        return rng.poisson(self.rates[z]).astype(np.float64)


def _log_poisson(x: FloatArray, rates: FloatArray) -> FloatArray:
    """Return x log(rate) - rate - log x!, in nats, of counts (N,) for rates (K, 1), (K, N).

    In two parts, as Loader (2000) does: the log density at a rate of x, the best there is, which
    stays the same from step to step; less what another rate loses.
    """
    best = -stirling_error(x) - 0.5 * np.log(2 * np.pi * np.where(x > 0, x, 1 / (2 * np.pi)))
    return best - half_deviance(x, rates)


def _check(x: ArrayLike) -> FloatArray:
    array = data_vector(x)
    bad = (array < 0) | (array != np.round(array))
    reject_rows(bad, "x", "not made of non-negative whole numbers", "Give counts of events.")
    return array
