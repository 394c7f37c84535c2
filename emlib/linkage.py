"""Genetic linkage: the first example of Dempster, Laird and Rubin (1977), one parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, rel_entr, xlogy

from emlib._multinomial import cell_counts, log_coefficient
from emlib._validation import FloatArray, sample_weights
from emlib.em import DegenerateError, Expectation


@dataclass(frozen=True)
class Linkage:
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

    def __post_init__(self) -> None:
        if not 0 < self.theta < 1:
            raise ValueError(f"theta must lie strictly between 0 and 1, but it is {self.theta!r}.")
        object.__setattr__(self, "theta", float(self.theta))

    @property
    def cell_probabilities(self) -> FloatArray:
        """Probabilities of the four observed cells, shape (4,)."""
        t = self.theta
        return np.array([2 + t, 1 - t, 1 - t, t]) / 4

    @property
    def responsibility(self) -> float:
        """Probability that an animal of the first cell belongs to its t/4 part (eq. 1.13)."""
        return self.theta / (2 + self.theta)

    def log_likelihood(self, x: ArrayLike) -> float:
        """Return the log-likelihood of counts x, shape (4,) or (N, 4), in nats."""
        return float(self._log_density(cell_counts(x, "animals")).sum())

    def _log_density(self, counts: FloatArray) -> FloatArray:
        """Return the log probability of each row of counts, shape (N,) (eq. 1.2)."""
        log_cells = xlogy(counts, self.cell_probabilities).sum(axis=1)
        return np.asarray(log_coefficient(counts) + log_cells)

    def e_step(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Expectation:
        """Split the first cell in expectation.

        Parameters
        ----------
        x : array_like, shape (4,) or (N, 4)
            Counts of the four cells; rows are independent experiments.
        sample_weight : array_like, shape (N,), optional
            One weight a row.

        Returns
        -------
        Expectation
            With `counts` (5,): expected counts of the cells 1/2, t/4, (1-t)/4, (1-t)/4, t/4.
        """
        counts = cell_counts(x, "animals")
        weights = sample_weights(sample_weight, len(counts))
        w = np.ones(len(counts)) if weights is None else weights
        first, *rest = w @ counts
        split = np.array([1 - self.responsibility, self.responsibility])
        return Expectation(
            float(w @ self._log_density(counts)), np.concatenate([first * split, rest])
        )

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

    def log_prior(self) -> float:
        """Return 0.0: there is no prior."""
        return 0.0

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
        if not 0 <= q <= 1:
            raise ValueError(f"q must be a probability, but it is {q!r}.")
        counts = cell_counts(x, "animals")
        t = self.theta
        first, b, c, d = counts.sum(axis=0)
        bound = first * (q * np.log(t / 4) + (1 - q) * np.log(1 / 2) + entr(q) + entr(1 - q))
        rest = (b + c) * np.log((1 - t) / 4) + d * np.log(t / 4)
        return float(log_coefficient(counts).sum() + bound + rest)

    def kl(self, x: ArrayLike, q: float) -> float:
        """Return KL(q || posterior), the gap between log-likelihood and ELBO, in nats."""
        p = self.responsibility
        first = cell_counts(x, "animals")[:, 0].sum()
        return float(first * (rel_entr(q, p) + rel_entr(1 - q, 1 - p)))
