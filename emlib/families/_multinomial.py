"""What models of counts in cells share."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, xlog1py, xlogy

from emlib._machinery.validation import number_array, reject_rows
from emlib._machinery.value import FloatArray
from emlib.em import Expectation
from emlib.rows import Rows

SMALL = 0.03  # below it eight terms of a series are exact to rounding (see _bregman)
FAR = 1e10  # counts / expected above which the plain form is exact, and the other overflows
STIRLING = [1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12]  # of 1 / n^9 to 1 / n
SERIES = [(-1) ** n / (n * (n - 1)) for n in range(9, 1, -1)]


class CellCounts(Rows):
    """A model of counts in four cells; one row, which may stand alone, is one experiment."""

    of: ClassVar[str]  # what is counted
    cells: ClassVar[tuple[int, ...]]  # the observed cell of each complete one

    @property
    def complete_probabilities(self) -> FloatArray:
        """Probabilities of the complete cells, shape (C,), were nothing hidden."""
        raise NotImplementedError

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return Q, the expected complete-data log-likelihood, up to a constant, in nats."""
        return float(xlogy(expectation.counts, self.complete_probabilities).sum())

    def latent_log_joint(
        self, x: FloatArray, w: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return log p of each observed and complete cell, (4, C), and counts (4,)."""
        inside = np.arange(4)[:, None] == np.array(self.cells)
        with np.errstate(divide="ignore"):
            log_p = np.where(inside, np.log(self.complete_probabilities), -np.inf)
        return log_p, x.sum(axis=0) if w is None else w @ x

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set like x: as many counts in each row, in whatever cells."""
        sizes = self.check(x).sum(axis=1).astype(np.int64)
        p = np.bincount(self.cells, self.complete_probabilities)
        return np.random.default_rng(rng).multinomial(sizes, p / p.sum()).astype(np.float64)

    def check(self, x: ArrayLike) -> FloatArray:
        """Return the counts as (N, 4) float64, from shape (4,) or (N, 4)."""
        return cell_counts(x, self.of)

    def _rows(self, x: ArrayLike) -> FloatArray:
        return self.check(x)

    def _observations(self, x: FloatArray) -> FloatArray:
        return np.asarray(x.sum(axis=1))


def cell_counts(x: ArrayLike, of: str) -> FloatArray:
    """Return counts of four cells as (N, 4), one row an experiment; `of` says what is counted."""
    counts = np.atleast_2d(number_array(x, "x"))
    if counts.ndim != 2 or counts.shape[1] != 4 or counts.size == 0:
        raise ValueError(f"x must have shape (4,) or (N, 4), not {np.shape(x)}.")
    bad = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.round(counts))).all(axis=1)
    reject_rows(bad, "x", "not made of non-negative whole numbers", f"Give counts of {of}.")
    return counts


def log_coefficient(counts: FloatArray) -> FloatArray:
    """Return the log of the multinomial coefficient of each row, shape (N,)."""
    return np.asarray(gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1))


def log_multinomial(counts: FloatArray, p: FloatArray) -> FloatArray:
    """Return the log probability (N,) of rows of counts (N, C) in cells of probabilities p (C,).

    In two parts, as Loader (2000) does for two cells: the probability at the observed shares, the
    best there is, which stays the same from step to step; less what other shares lose.
    """
    n = counts.sum(axis=1, keepdims=True)

    def size(count: FloatArray) -> FloatArray:  # log count! - count log count + count
        spread = np.where(count > 0, count, 1 / (2 * np.pi))
        return stirling_error(count) + 0.5 * np.log(2 * np.pi * spread)

    best = size(n)[:, 0] - size(counts).sum(axis=1)
    return np.asarray(best - half_deviance(counts, n * p).sum(axis=1))


def stirling_error(n: FloatArray) -> FloatArray:
    """Return log n! - log(sqrt(2 pi n) n^n e^{-n}), the error of Stirling's formula; 0 at n = 0.

    Of whole numbers. From 16 on by Stirling's series: log n! itself has lost these digits long
    before n is 1e9.

    References
    ----------
    Loader (2000), "Fast and accurate computation of binomial probabilities", section 2.
    """
    few = n < len(ERRORS)
    direct = ERRORS[np.where(few, n, 0).astype(np.intp)]
    if few.all():
        return direct
    large = np.where(few, 16.0, n)
    return np.where(few, direct, np.polyval(STIRLING, 1 / large**2) / large)


def _direct_errors(n: FloatArray) -> FloatArray:
    """Return `stirling_error` of small numbers by its definition."""
    return gammaln(n + 1) - (n + 0.5) * np.log(n) + n - 0.5 * np.log(2 * np.pi)


ERRORS = np.concatenate([[0.0], _direct_errors(np.arange(1.0, 16.0))])


def half_deviance(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Return counts log(counts / expected) - counts + expected, in nats; 0 where they are equal.

    At a count of 1e8 each term of a log density is of the order of 1e9 and their sum of the
    order of 10, so that the gains of EM would drown in rounding. This form has no large terms:
    expected * ((1 + u) log(1 + u) - u) with u = counts / expected - 1.

    References
    ----------
    Loader (2000), "Fast and accurate computation of binomial probabilities".
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        u = (counts - expected) / expected
        loss = np.where(counts == expected, 0.0, expected * _bregman(u))  # 0 of 0 is 0
        far = u > FAR
        if far.any():
            plain = counts * (np.log(counts) - np.log(expected)) - counts + expected
            loss = np.where(far, plain, loss)
    return loss


def _bregman(u: FloatArray) -> FloatArray:
    """Return (1 + u) log(1 + u) - u; where u is small by its series u^2 (1/2 - u/6 + ...)."""
    loss = xlog1py(1 + u, u) - u
    near = abs(u) < SMALL
    if near.any():
        v = u[near]
        loss[near] = v * v * np.polyval(SERIES, v)
    return loss
