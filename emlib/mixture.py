"""What every finite mixture shares: all of it follows from `log_joint`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, logsumexp

from emlib import _parallel
from emlib._validation import (
    FloatArray,
    IntArray,
    RowError,
    Value,
    data_vector,
    number_array,
    reject_rows,
    sample_weights,
)
from emlib.em import SAME, DegenerateError, Expectation
from emlib.prior import MixturePrior

BLOCK = 2**17  # numbers in the largest temporary array of an E-step: about one megabyte
LONG = 4096  # rows of a block if that takes up to eight times as much: matrix products like length
FEWEST = 64  # rows of a block, however many components and features there are
EMPTY = 1e-12  # share of the data below which a component counts as empty
COLLAPSED = 1e-14  # variance as a share of that of all the data: rounding lives below


class Mixture(Value):
    """A finite mixture p(x) = sum_k pi_k p(x | k), given its log joint density.

    A family is a frozen dataclass that derives from this class, has a field `weights` (K,),
    and defines `log_joint`, `statistics`, `m_step` and `n_parameters`; `check` too if its data
    are not plain numbers of shape (N,), and `draw` if it is to be sampled from.
    """

    weights: FloatArray
    prior: MixturePrior | None = None  # a family that takes one has a field of this name

    # -- what a family defines ------------------------------------------------------------

    def log_joint(self, x: ArrayLike) -> FloatArray:
        """Return log pi_k + log p(x_n | k), shape (N, K), in nats."""
        raise NotImplementedError(f"{type(self).__name__} must define log_joint(x).")

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return the expected sufficient statistics that `m_step` needs besides the counts.

        Parameters
        ----------
        x : ndarray, shape (N,) or (N, D)
            Data as returned by `check`.
        responsibilities : ndarray, shape (N, K)
            Responsibilities, each row times its sample weight.
        """
        raise NotImplementedError(f"{type(self).__name__} must define statistics(x, r).")

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises the expected log joint, given its statistics."""
        raise NotImplementedError(f"{type(self).__name__} must define m_step(expectation).")

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define n_parameters.")

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a float64 array after checking that the family can have produced it."""
        return data_vector(x)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw one observation from component z_n for each n."""
        raise NotImplementedError(f"{type(self).__name__} cannot be sampled from: define draw.")

    def log_prior_components(self) -> float:
        """Return the log prior density of all parameters but the weights, given a prior."""
        raise NotImplementedError(f"{type(self).__name__} must define log_prior_components().")

    # -- what follows ---------------------------------------------------------------------

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return len(self.weights)

    @property
    def log_weights(self) -> FloatArray:
        """Logarithms of the mixing weights, shape (K,); a weight of zero gives -inf."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights))

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""
        if self.prior is None:
            return 0.0
        return self.prior.weights.log_density(self.weights) + self.log_prior_components()

    def responsibilities(self, x: ArrayLike) -> FloatArray:
        """Return r_nk = p(z_n = k | x_n), shape (N, K); rows sum to one."""
        return posterior(self.log_joint(x))[1]

    def log_density(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n), shape (N,), in nats."""
        return self._by_block(self._log_density, x)

    def _log_density(self, block: FloatArray) -> FloatArray:
        return np.asarray(logsumexp(self.log_joint(block), axis=1))

    def log_likelihood(self, x: ArrayLike) -> float:
        """Return sum_n log p(x_n), in nats."""
        return self._sum_by_block(lambda block: self._log_density(block).sum(), x)

    def predict(self, x: ArrayLike) -> IntArray:
        """Return the most probable component of each observation, shape (N,)."""
        labels = self._by_block(lambda block: self.log_joint(block).argmax(axis=1), x)
        return np.asarray(labels, dtype=np.int64)

    def expected_log_joint(self, x: ArrayLike, q: ArrayLike) -> float:
        """Return Q = sum_nk q_nk (log pi_k + log p(x_n | k)), what an M-step maximises."""
        log_joint = self.log_joint(x)
        q = _distributions(q, log_joint.shape)
        return float((q * np.where(q > 0, log_joint, 0.0)).sum())  # 0 times -inf counts as 0

    def elbo(self, x: ArrayLike, q: ArrayLike) -> float:
        """Return the evidence lower bound L(q, theta), in nats.

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data.
        q : array_like, shape (N, K)
            Any distribution over components for each observation: rows sum to one.

        Raises
        ------
        ValueError
            If a row of q is not a distribution.

        References
        ----------
        Neal and Hinton (1998), "A view of the EM algorithm ...", equation (7); chapter 1,
        eq. (1.5).
        """
        return self.expected_log_joint(x, q) + float(entr(number_array(q, "q")).sum())

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Draw n observations; return them and their components, x and z (n,)."""
        generator = np.random.default_rng(rng)
        z = generator.choice(self.n_components, size=n, p=self.weights)
        return self.draw(z, generator), z

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set like x (N, ...): of the same size, and the same in what is not random."""
        return self.sample(len(x), rng)[0]

    def aic(self, x: ArrayLike) -> float:
        """Return Akaike's criterion, -2 l + 2 p; smaller is better."""
        return -2 * self.log_likelihood(x) + 2 * self.n_parameters

    def bic(self, x: ArrayLike) -> float:
        """Return Schwarz's criterion, -2 l + p log N; smaller is better."""
        rows = self._rows(x)
        return -2 * self.log_likelihood(rows) + self.n_parameters * float(np.log(len(rows)))

    def icl(self, x: ArrayLike) -> float:
        """Return the integrated completed likelihood: BIC + 2 x entropy of responsibilities.

        Smaller is better. Biernacki, Celeux and Govaert (2000), IEEE PAMI 22:719-725.
        """
        entropy = self._sum_by_block(lambda block: entr(self.responsibilities(block)).sum(), x)
        return self.bic(x) + 2 * entropy

    def e_step(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Expectation:
        """Return the expected sufficient statistics of x, worked out block by block.

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data.
        sample_weight : array_like, shape (N,), optional
            Non-negative weights; an integer weight counts as that many copies.

        Raises
        ------
        ValueError
            If x is not what the family can have produced; the message names the rows.
        """
        rows = self._rows(x)
        w = sample_weights(sample_weight, len(rows))

        def expect(start: int) -> Expectation:
            block = self._check_block(rows, start)
            try:
                if w is None:
                    return self._expect_block(block, None)
                return self._expect_weighted(block, w[start : start + len(block)])
            except RowError as error:
                raise error.shifted(start) from None

        return self._finish(_parallel.total(expect, self._starts(rows)))

    def _finish(self, expectation: Expectation) -> Expectation:
        """Return what `m_step` takes, if a family has summed up something else over blocks."""
        return expectation

    def _expect_weighted(self, x: FloatArray, w: FloatArray) -> Expectation:
        """Return the expectation of a block, from which rows of weight zero are absent."""
        kept = np.flatnonzero(w)
        try:
            return self._expect_block(x[kept], w[kept])
        except RowError as error:
            raise error.chosen(kept.tolist()) from None

    def _expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        log_density, r = posterior(self.log_joint(x)) if len(x) else self._nothing()
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self.statistics(x, r))

    def _nothing(self) -> tuple[FloatArray, FloatArray]:
        """Return the log densities and responsibilities of no data."""
        return np.zeros(0), np.zeros((0, self.n_components))

    # -- doubts ---------------------------------------------------------------------------

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K): 0 if the same, about 1 if clearly.

        Here the largest difference in any parameter relative to the largest of that kind; a
        family with units of its own may know better.
        """
        k = self.n_components
        names = [f.name for f in fields(self) if f.compare and f.name != "weights"]  # type: ignore[arg-type]
        values = [np.asarray(getattr(self, name)) for name in names]
        own = [v.reshape(k, -1) for v in values if v.dtype.kind == "f" and v.shape[:1] == (k,)]
        if not own:
            return np.ones((k, k)) - np.eye(k)
        scaled = np.hstack([v / max(abs(v).max(), np.finfo(float).tiny) for v in own])
        return np.asarray(abs(scaled[:, None] - scaled).max(axis=2))

    def coincident(self) -> list[tuple[int, int]]:
        """Return the pairs of components that are the same, so that EM treats them alike."""
        return self._pairs_within(SAME)

    def _pairs_within(self, distance: float) -> list[tuple[int, int]]:
        close = np.triu(self.distances() <= distance, k=1)
        return [(int(j), int(k)) for j, k in np.argwhere(close)]

    @property
    def alike(self) -> float:
        """Distance between components below which they are nearly the same."""
        return 1e-3

    @property
    def fewest(self) -> float:
        """Expected count below which a component rests on hardly any data."""
        return 1.0

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit, one sentence each.

        Parameters
        ----------
        counts : ndarray, shape (K,)
            Expected count of each component.
        """
        few = [
            f"component {k} rests on hardly any data: its expected count is {counts[k]:.3g}."
            for k in np.flatnonzero(counts < self.fewest)
        ]
        alike = [
            f"components {j} and {k} are nearly the same: fewer may be enough."
            for j, k in self._pairs_within(self.alike)
        ]
        return tuple(few + alike)

    # -- block by block: no array grows with N but the result -----------------------------

    def _rows(self, x: ArrayLike) -> Any:
        """Return x as an array with a first axis to cut, unchecked and not yet copied."""
        array = np.asanyarray(x if hasattr(x, "__array__") else self.check(x))
        return array if array.ndim and len(array) else self.check(array)

    def _starts(self, x: Any) -> range:
        """Return the first row of each block, small enough for its arrays to stay in cache."""
        numbers = self.n_components * max(1, int(np.prod(x.shape[1:])))
        rows = max(BLOCK // numbers, min(LONG, 8 * BLOCK // numbers), FEWEST)
        return range(0, len(x), rows)

    def _check_block(self, x: Any, start: int) -> FloatArray:
        """Return the block of x that starts there, checked; an error names rows of the whole."""
        try:
            return self.check(x[start : start + self._starts(x).step])
        except RowError as error:
            raise error.shifted(start) from None

    def _sum_by_block(self, function: Callable[[FloatArray], Any], x: ArrayLike) -> float:
        """Return the sum of function(block) over all blocks of x."""
        rows = self._rows(x)
        return float(
            _parallel.total(
                lambda start: function(self._check_block(rows, start)), self._starts(rows)
            )
        )

    def _by_block(self, function: Callable[[FloatArray], FloatArray], x: ArrayLike) -> FloatArray:
        """Return function(block) of all blocks of x, end to end."""
        rows = self._rows(x)
        parts = [function(self._check_block(rows, start)) for start in self._starts(rows)]
        return np.concatenate(parts)


def posterior(log_joint: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log density (N,) and responsibilities (N, K) from the log joint (eq. 3.14).

    One exponential serves both: relative to the largest term of its row. The responsibilities
    take the place of the log joint.
    """
    largest = log_joint.max(axis=1)
    reject_rows(
        ~np.isfinite(largest),
        "x",
        "impossible under every component",
        "Start from a model under which every observation has positive density.",
    )
    r = log_joint
    r -= largest[:, None]
    np.exp(r, out=r)
    total = r.sum(axis=1)
    r /= total[:, None]
    return largest + np.log(total), r


def weighted(
    r: FloatArray, log_density: FloatArray, w: FloatArray | None
) -> tuple[FloatArray, float]:
    """Apply sample weights; return responsibilities times weight, and the log-likelihood."""
    if w is None:
        return r, float(log_density.sum())
    return r * w[:, None], float(w @ log_density)


def mixing(counts: FloatArray, prior: MixturePrior | None = None) -> FloatArray:
    """Return the M-step's mixing weights: counts, with the prior's, by their sum (eq. 3.9).

    Raises
    ------
    DegenerateError
        If a component is left without data.
    """
    if not counts.sum() > 0:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    if prior is not None:
        counts = counts + (prior.weights.for_components(len(counts)) - 1)
    total = counts.sum()
    empty = np.flatnonzero(counts <= EMPTY * total)
    if empty.size:
        raise DegenerateError(
            f"component {empty[0]} is empty: its expected count is {counts[empty[0]]:.3g} of "
            f"{total:.6g}. Start elsewhere or use fewer components (chapter 5).",
            int(empty[0]),
        )
    return np.asarray(counts / total)


def _distributions(q: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = number_array(q, "q")
    if array.shape != shape:
        raise ValueError(f"q must have shape {shape}, one row an observation, not {array.shape}.")
    bad = ~((array >= 0).all(axis=1) & (abs(array.sum(axis=1) - 1) < 1e-8))
    reject_rows(bad, "q", "not a distribution", "Rows must be non-negative and sum to 1.")
    return array
