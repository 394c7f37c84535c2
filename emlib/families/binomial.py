"""Mixtures of binomials: which coin was tossed?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py, xlogy

from emlib import initial
from emlib._machinery.blocks import gathered, summed
from emlib._machinery.validation import check_weights, frozen, number_array, reject_rows
from emlib._machinery.value import FloatArray, IntArray
from emlib.coordinates import PROBABILITY, SIMPLEX, Space
from emlib.em import Expectation
from emlib.families._multinomial import half_deviance, stirling_error
from emlib.mixture import Mixture, mixing
from emlib.prior import Beta, MixturePrior, check_prior, prior_for


@dataclass(frozen=True, eq=False)
class BinomialMixture(Mixture):
    """A mixture of K binomials: a coin is chosen, then tossed a known number of times.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights pi_k; they sum to one.
    probabilities : array_like, shape (K,)
        Probability of heads of each coin.
    fixed_weights : bool
        Keep the weights as they are, as Do and Batzoglou (2008) do.
    prior : MixturePrior, optional
        With a `Beta` for the components. The M-step then returns the maximum a posteriori.

    Raises
    ------
    ValueError
        If the weights do not sum to one or a probability lies outside [0, 1].

    References
    ----------
    Do and Batzoglou (2008), Nature Biotechnology 26:897-899; chapter 2 of the book.

    Examples
    --------
    >>> from emlib import data, em
    >>> start = BinomialMixture([0.5, 0.5], [0.6, 0.5], fixed_weights=True)
    >>> result = em.fit(start, data.two_coins(), tol=1e-9)
    >>> result.model.probabilities.round(4)
    array([0.7968, 0.5196])
    """

    row_ndim: ClassVar[int] = 1
    weights: FloatArray
    probabilities: FloatArray
    fixed_weights: bool = False
    prior: MixturePrior | None = None

    def __post_init__(self) -> None:
        weights = check_weights(self.weights)
        p = frozen(self.probabilities, "probabilities", weights.shape)
        if (p < 0).any() or (p > 1).any():
            raise ValueError(f"probabilities must lie in [0, 1], but they are {p.tolist()}.")
        check_prior(self.prior, Beta, len(weights))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "probabilities", p)

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        fixed_weights: bool = False,
        prior: MixturePrior | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return a model to start from: the M-step of starting responsibilities.

        Parameters
        ----------
        x : array_like, shape (N, 2)
            Heads and tosses.
        n_components, rng, method
            As for `initial.responsibilities`, which groups the rows by their share of heads.
        fixed_weights : bool
            Give the coins equal weights and keep them.
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`.
        sample_weight : array_like, shape (N,), optional
            Weights of the rows: 2 is two copies, and 0 is absence.
        """
        generator = np.random.default_rng(rng)
        prior = prior_for(prior, cls.default_prior, x, n_components, sample_weight)
        rows, w = gathered(cls, _check, x, sample_weight, generator)
        share = rows[:, :1] / rows[:, 1:]
        r = initial.responsibilities(share, n_components, generator, method, w)
        r = r if w is None else r * w[:, None]
        uniform = np.full(n_components, 1 / n_components)
        model = cls(uniform, uniform, fixed_weights, prior)
        return model.m_step(model.expect_under(rows, r))

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, sample_weight: ArrayLike | None = None
    ) -> MixturePrior:
        """Return a weak prior: one imaginary toss of each coin, with the share of heads of all x.

        Mixing weights are uniform. Call heads tails, and the prior follows.
        """
        heads, tosses = summed(cls, _check, lambda rows, w: w @ rows, x, sample_weight)
        if tosses == 0:
            raise ValueError("all sample weights are zero, so there is nothing to fit.")
        return MixturePrior(Beta(1 + heads / tosses, 1 + (tosses - heads) / tosses))

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N, 2) heads and tosses, whole numbers with 0 <= heads <= tosses."""
        return _check(x)

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n | k), shape (N, K), with the coefficient (eq. 2.2)."""
        heads, tosses = self.check(x).T
        return _log_binomial(heads, tosses, self.probabilities[:, None]).T

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return expected heads and expected tosses of each coin, (K,) and (K,) (eq. 2.8)."""
        heads, tosses = x.T
        return heads @ responsibilities, tosses @ responsibilities

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eq. 2.9 and 2.11)."""
        weights = mixing(expectation.counts, self.prior)
        heads, tosses = expectation.statistics
        if self.fixed_weights:
            weights = self.weights
        if self.prior is not None:
            a, b = self.prior.components.a, self.prior.components.b
            heads, tosses = heads + a - 1, tosses + a + b - 2  # imaginary tosses
        return replace(self, weights=weights, probabilities=np.minimum(heads / tosses, 1.0))

    def complete_components(self, expectation: Expectation) -> float:
        """Return the expected log density of heads and tails, up to a constant."""
        heads, tosses = expectation.statistics
        p = self.probabilities
        return float((xlogy(heads, p) + xlog1py(tosses - heads, -p)).sum())

    def log_prior_components(self) -> float:
        """Return the log density of the probabilities under the prior."""
        if self.prior is None:
            return 0.0
        return float(self.prior.components.log_density(self.probabilities))

    @property
    def spaces(self) -> dict[str, Space]:
        """K probabilities, and K - 1 weights unless they are fixed."""
        own = {"probabilities": PROBABILITY}
        return own if self.fixed_weights else {"weights": SIMPLEX, **own}

    def sample(
        self, n: int, rng: int | np.random.Generator, tosses: int | IntArray = 10
    ) -> tuple[FloatArray, IntArray]:
        """Draw n observations of `tosses` tosses, one number or n; return x (n, 2) and z (n,)."""
        generator = np.random.default_rng(rng)
        z = generator.choice(self.n_components, size=n, p=self.weights)
        return self._tossed(np.full(n, tosses), z, generator), z

    def draw_like(self, x: FloatArray, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw rows with the numbers of tosses that x (N, 2) has."""
        return self._tossed(x[:, 1].astype(np.int64), z, rng)

    def _tossed(self, tosses: IntArray, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Toss coin z_n so many times for each n; return heads and tosses, (N, 2)."""
        return np.column_stack([rng.binomial(tosses, self.probabilities[z]), tosses])


def _log_binomial(heads: FloatArray, tosses: FloatArray, p: FloatArray) -> FloatArray:
    """Return the log binomial density of counts (N,) for each probability (K, 1), shape (K, N).

    In two parts, as Loader (2000) does: the density at the observed share, the best there is,
    which stays the same from step to step; less what another probability loses.
    """
    tails = tosses - heads
    error = stirling_error(tosses) - stirling_error(heads) - stirling_error(tails)
    mixed = (heads > 0) & (tails > 0)  # all heads, or all tails, are certain at their own share
    spread = np.where(mixed, heads * (tails / tosses), 1 / (2 * np.pi))
    best = np.where(mixed, error, 0.0) - 0.5 * np.log(2 * np.pi * spread)
    loss = half_deviance(heads, tosses * p) + half_deviance(tails, tosses * (1 - p))
    return best - loss


def _check(x: ArrayLike) -> FloatArray:
    array = number_array(x, "x")
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise ValueError(f"x must have shape (N, 2), heads and tosses, not {array.shape}.")
    heads, tosses = array.T
    whole = np.isfinite(array).all(axis=1) & (array == np.round(array)).all(axis=1)
    reject_rows(~whole, "x", "not made of whole numbers", "Give counts of heads and tosses.")
    bad = (heads < 0) | (heads > tosses) | (tosses == 0)
    reject_rows(bad, "x", "without 0 <= heads <= tosses, tosses > 0", "Columns: heads, tosses.")
    return array
