"""Counts whose zeros nobody saw: a Poisson cut off at one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib._machinery.blocks import gathered
from emlib._machinery.validation import data_vector, reject_rows
from emlib._machinery.value import FloatArray
from emlib.coordinates import POSITIVE
from emlib.em import DegenerateError, Expectation
from emlib.families._multinomial import half_deviance, stirling_error
from emlib.prior import Gamma
from emlib.rows import Rows


@dataclass(frozen=True, eq=False)
class TruncatedPoisson(Rows):
    """A Poisson of which the zeros are not seen: how many there were is the latent variable.

    Parameters
    ----------
    rate : float
        Expected count lambda of the whole population, zeros included; positive.
    prior : Gamma, optional
        For the rate. The M-step then returns the maximum a posteriori.

    Raises
    ------
    ValueError
        If the rate is not positive and finite, or the prior is no `Gamma`.

    References
    ----------
    McKendrick (1926), for the problem; Meng (1997), for EM; chapter 10 of the book.

    Examples
    --------
    The cholera houses, as a table of frequencies:

    >>> from emlib import data, em
    >>> cases, houses = data.cholera()
    >>> start = TruncatedPoisson.start(cases, sample_weight=houses)
    >>> fit = em.fit(start, cases, sample_weight=houses, tol=1e-10)
    >>> f"{fit.model.rate:.4f} {fit.model.missing_count(houses.sum()):.2f}"
    '0.9722 33.46'
    """

    rate: float
    prior: Gamma | None = None
    row_ndim: ClassVar[int] = 0
    spaces: ClassVar = {"rate": POSITIVE}

    def __post_init__(self) -> None:
        if not 0 < self.rate < np.inf:
            raise ValueError(f"rate must be positive and finite, but it is {self.rate!r}.")
        if not (self.prior is None or isinstance(self.prior, Gamma)):
            raise ValueError(f"prior must be a Gamma for the rate, not {self.prior!r}.")
        object.__setattr__(self, "rate", float(self.rate))

    @classmethod
    def start(
        cls, x: ArrayLike, sample_weight: ArrayLike | None = None, prior: Gamma | None = None
    ) -> Self:
        """Return the model with the mean of x (N,) for its rate, as if no zero were missing."""
        rows, w = gathered(cls, _counts, x, sample_weight)
        return cls(float(np.average(rows, weights=w)), prior)

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N,) float64 after checking that they are whole numbers from 1 on."""
        return _counts(x)

    @property
    def zero_share(self) -> float:
        """Probability of a zero, e^{-lambda}."""
        return float(np.exp(-self.rate))

    def missing_count(self, n: float) -> float:
        """Return how many zeros are expected beside n counts that were seen (eq. 10.14)."""
        return float(n / np.expm1(self.rate))

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return log p(x_n | x_n >= 1), shape (N,), in nats (eq. 10.13)."""
        best = -stirling_error(x) - 0.5 * np.log(2 * np.pi * x)  # at a rate of x (Loader 2000)
        seen = float(np.log(-np.expm1(-self.rate)))
        return best - half_deviance(x, np.full(x.shape, self.rate)) - seen

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the expected number of all counts, zeros included, (1,); events and rows seen."""
        w = np.ones(len(x)) if w is None else w
        n = w.sum()
        log_likelihood = float(w @ self.log_density_block(x))
        everything = n / -np.expm1(-self.rate)
        return Expectation(log_likelihood, np.array([everything]), (np.array([w @ x, n]),))

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint: events by counts (eq. 10.15).

        Raises
        ------
        DegenerateError
            If every count is one and there is no prior: the likelihood then grows down to rate 0.
        """
        (everything,), ((events, seen),) = expectation.counts, expectation.statistics
        if not seen > 0:
            raise ValueError("all sample weights are zero, so there is nothing to fit.")
        if self.prior is not None:
            events, everything = events + self.prior.shape - 1, everything + self.prior.rate
        elif not events > seen:
            raise DegenerateError(
                "every count is 1: the likelihood is highest where the rate is 0, and all were "
                "missed. More data are needed, or a prior."
            )
        return replace(self, rate=float(events / everything))

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return the expected log density of all counts, zeros included, up to a constant."""
        (everything,), ((events, _),) = expectation.counts, expectation.statistics
        return float(events * np.log(self.rate) - everything * self.rate)

    def log_prior(self) -> float:
        """Return the log density of the rate under the prior; 0.0 without one."""
        if self.prior is None:
            return 0.0
        return float(np.sum(self.prior.log_density(np.array([self.rate]))))

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n counts that are seen, (n,), and for each how many zeros came before it, (n,)."""
        generator = np.random.default_rng(rng)
        # The first event of a unit of time, given that there is one; then the rest of the unit.
        first = -np.log1p(generator.random(n) * np.expm1(-self.rate)) / self.rate
        x = 1.0 + generator.poisson(self.rate * (1 - first)).astype(np.float64)
        zeros = generator.geometric(-np.expm1(-self.rate), n).astype(np.float64) - 1
        return np.asarray(x), np.asarray(zeros)

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set of the size of x."""
        return self.sample(len(x), rng)[0]


def _counts(x: ArrayLike) -> FloatArray:
    array = data_vector(x)
    bad = (array < 1) | (array != np.round(array))
    remedy = "Give the counts that were seen: a zero is what this model takes to be unseen."
    reject_rows(bad, "x", "not made of whole numbers from 1 on", remedy)
    return array
