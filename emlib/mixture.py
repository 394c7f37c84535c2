"""What every finite mixture shares: all of it follows from `log_joint`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, logsumexp

from emlib._validation import (
    FloatArray,
    IntArray,
    data_vector,
    number_array,
    reject_rows,
    sample_weights,
)
from emlib.em import DegenerateError, Expectation

BLOCK = 2**17  # numbers in the largest temporary array of an E-step: about one megabyte
EMPTY = 1e-12  # share of the data below which a component counts as empty
COLLAPSED = 1e-14  # variance as a share of that of all the data: rounding lives below


class Mixture:
    """A finite mixture p(x) = sum_k pi_k p(x | k), given its log joint density.

    A family is a frozen dataclass that derives from this class, has a field `weights` (K,),
    and defines `log_joint`, `statistics`, `m_step` and `n_parameters`; `check` too if its data
    are not plain numbers of shape (N,), and `draw` if it is to be sampled from.
    """

    weights: FloatArray

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

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""
        return 0.0

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

    def responsibilities(self, x: ArrayLike) -> FloatArray:
        """Return r_nk = p(z_n = k | x_n), shape (N, K); rows sum to one."""
        return posterior(self.log_joint(x))[1]

    def log_density(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n), shape (N,), in nats."""
        return np.asarray(logsumexp(self.log_joint(x), axis=1))

    def log_likelihood(self, x: ArrayLike) -> float:
        """Return sum_n log p(x_n), in nats."""
        return float(self.log_density(x).sum())

    def predict(self, x: ArrayLike) -> IntArray:
        """Return the most probable component of each observation, shape (N,)."""
        return np.asarray(self.log_joint(x).argmax(axis=1), dtype=np.int64)

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

    def aic(self, x: ArrayLike) -> float:
        """Return Akaike's criterion, -2 l + 2 p; smaller is better."""
        return -2 * self.log_likelihood(x) + 2 * self.n_parameters

    def bic(self, x: ArrayLike) -> float:
        """Return Schwarz's criterion, -2 l + p log N; smaller is better."""
        log_density = self.log_density(x)
        penalty = self.n_parameters * np.log(len(log_density))
        return float(-2 * log_density.sum() + penalty)

    def icl(self, x: ArrayLike) -> float:
        """Return the integrated completed likelihood: BIC + 2 x entropy of responsibilities.

        Smaller is better. Biernacki, Celeux and Govaert (2000), IEEE PAMI 22:719-725.
        """
        return self.bic(x) + 2 * float(entr(self.responsibilities(x)).sum())

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
        x = self.check(x)
        w = sample_weights(sample_weight, len(x))
        if w is not None and not w.any():
            nothing = np.zeros((0, self.n_components))
            return Expectation(0.0, nothing.sum(axis=0), self.statistics(x[:0], nothing))
        parts = [self._expect_block(*part) for part in self._parts(x, w)]
        return sum(parts[1:], parts[0])

    def _parts(self, x: FloatArray, w: FloatArray | None) -> Iterator[tuple[Any, Any]]:
        """Split the rows so that the temporary arrays of a block stay in cache."""
        if w is not None and (w == 0).any():
            x, w = x[w > 0], w[w > 0]  # a row of weight zero must count as absent
        rows = max(1, BLOCK // (self.n_components * int(np.prod(x.shape[1:]))))
        for start in range(0, len(x), rows):
            stop = start + rows
            yield x[start:stop], None if w is None else w[start:stop]

    def _expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        log_density, r = posterior(self.log_joint(x))
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self.statistics(x, r))

    def __eq__(self, other: object) -> bool:
        """Two models are equal when they are of one family and all parameters are equal."""
        if type(self) is not type(other):
            return NotImplemented
        names = [f.name for f in fields(self) if f.compare]  # type: ignore[arg-type]
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names)

    __hash__ = None  # type: ignore[assignment]


def posterior(log_joint: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log density (N,) and responsibilities (N, K) from the log joint (eq. 3.14)."""
    log_density = np.asarray(logsumexp(log_joint, axis=1))
    reject_rows(
        ~np.isfinite(log_density),
        "x",
        "impossible under every component",
        "Start from a model under which every observation has positive density.",
    )
    return log_density, np.exp(log_joint - log_density[:, None])


def weighted(
    r: FloatArray, log_density: FloatArray, w: FloatArray | None
) -> tuple[FloatArray, float]:
    """Apply sample weights; return responsibilities times weight, and the log-likelihood."""
    if w is None:
        return r, float(log_density.sum())
    return r * w[:, None], float(w @ log_density)


def mixing(counts: FloatArray) -> FloatArray:
    """Return the M-step's mixing weights, counts divided by their sum (eq. 3.9).

    Raises
    ------
    DegenerateError
        If a component is left without data.
    """
    total = counts.sum()
    if not total > 0:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
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
