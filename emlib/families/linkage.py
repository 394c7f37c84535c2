"""Genetic linkage: the first example of Dempster, Laird and Rubin (1977), one parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, rel_entr

from emlib._machinery.validation import number_array
from emlib._machinery.value import FloatArray
from emlib.coordinates import PROBABILITY
from emlib.em import DegenerateError, Expectation
from emlib.families._multinomial import (
    CellCounts,
    cell_counts,
    log_coefficient,
    log_multinomial,
)


@dataclass(frozen=True, eq=False)
class Linkage(CellCounts):
    """Multinomial with cell probabilities 1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4.

    The first cell is two cells in one, of probabilities 1/2 and t/4: which of the two an
    animal of the first cell is in, is the latent variable.

    Parameters
    ----------
    theta : float
        The parameter t, strictly between 0 and 1.

    Raises
    ------
    ValueError
        If theta is not strictly between 0 and 1.

    References
    ----------
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, section 1; chapter 1 of
    the book.

    Examples
    --------
    >>> Linkage(0.5).cell_probabilities
    array([0.625, 0.125, 0.125, 0.125])
    """

    theta: float
    of: ClassVar = "animals"
    cells: ClassVar = (0, 0, 1, 2, 3)
    spaces: ClassVar = {"theta": PROBABILITY}

    def __post_init__(self) -> None:
        if not 0 < self.theta < 1:
            raise ValueError(f"theta must lie strictly between 0 and 1, but it is {self.theta!r}.")
        object.__setattr__(self, "theta", float(self.theta))

    def __hash__(self) -> int:  # type: ignore[override]  # one number, so it can be a key
        return hash(self.theta)

    @property
    def cell_probabilities(self) -> FloatArray:
        """Probabilities of the four observed cells, shape (4,)."""
        t = self.theta
        return np.array([2 + t, 1 - t, 1 - t, t]) / 4

    @property
    def complete_probabilities(self) -> FloatArray:
        """Probabilities of the cells 1/2, t/4, (1-t)/4, (1-t)/4, t/4, shape (5,)."""
        t = self.theta
        return np.array([2, t, 1 - t, 1 - t, t]) / 4

    @property
    def responsibility(self) -> float:
        """Probability that an animal of the first cell belongs to its t/4 part (eq. 1.13)."""
        return self.theta / (2 + self.theta)

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return the log probability of each row of counts, shape (N,), in nats (eq. 1.2)."""
        return log_multinomial(x, self.cell_probabilities)

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Split the first cell in expectation.

        Returns
        -------
        Expectation
            With `counts` (5,): expected counts of the cells 1/2, t/4, (1-t)/4, (1-t)/4, t/4.
        """
        w = np.ones(len(x)) if w is None else w
        first, *rest = w @ x
        split = np.array([1 - self.responsibility, self.responsibility])
        log_likelihood = float(w @ self.log_density_block(x))
        return Expectation(log_likelihood, np.concatenate([first * split, rest]))

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises the expected log joint (eq. 1.14).

        Raises
        ------
        DegenerateError
            If theta reaches 0 or 1, because the classes that speak against it are empty.
        """
        _, a, b, c, d = expectation.counts
        informative = a + b + c + d
        if not informative > 0:
            raise ValueError("x counts no animals, or all sample weights are zero.")
        if not (0 < a + d < informative):
            raise DegenerateError(
                f"theta has reached the edge of its range: of {informative:.6g} animals that "
                f"carry information {a + d:.6g} speak for it. More data are needed."
            )
        return replace(self, theta=(a + d) / informative)

    def elbo(self, x: ArrayLike, q: float) -> float:
        """Return the evidence lower bound L(q, theta), in nats.

        Parameters
        ----------
        x : array_like, shape (4,) or (N, 4)
            Counts.
        q : float
            Any probability that an animal of the first cell belongs to its t/4 part; the
            number of them is then binomial under q.

        Notes
        -----
        The binomial coefficients of the complete-data likelihood and of q cancel (eq. 1.15).
        """
        q = _probability(q)
        counts = cell_counts(x, "animals")
        t = self.theta
        first, b, c, d = counts.sum(axis=0)
        bound = first * (q * np.log(t / 4) + (1 - q) * np.log(1 / 2) + entr(q) + entr(1 - q))
        rest = (b + c) * np.log((1 - t) / 4) + d * np.log(t / 4)
        return float(log_coefficient(counts).sum() + bound + rest)

    def kl(self, x: ArrayLike, q: float) -> float:
        """Return KL(q || posterior), the gap between log-likelihood and ELBO, in nats."""
        p, q = self.responsibility, _probability(q)
        first = cell_counts(x, "animals")[:, 0].sum()
        return float(first * (rel_entr(q, p) + rel_entr(1 - q, 1 - p)))


def _probability(q: float) -> float:
    value = number_array(q, "q")
    if value.ndim or not 0 <= value <= 1:
        raise ValueError(f"q must be a probability, but it is {q!r}.")
    return float(value)
