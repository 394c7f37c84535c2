"""Lifetimes cut off: of some rows it is known only that the value lies beyond."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, log_ndtr

from emlib._machinery.blocks import gathered
from emlib._machinery.validation import data_matrix, reject_rows
from emlib._machinery.value import FloatArray
from emlib.coordinates import POSITIVE, REAL
from emlib.em import DegenerateError, Expectation
from emlib.rows import Rows


class Censored(Rows):
    """A model of rows (time, observed): the value itself if observed is 1, a lower bound if 0."""

    row_ndim: ClassVar[int] = 1

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N, 2) float64 after checking that the second column is 0 or 1."""
        return _times(x)


@dataclass(frozen=True, eq=False)
class CensoredExponential(Censored):
    """Exponential lifetimes, some of which were not over when the watch ended.

    Data have shape (N, 2), columns (time, observed): observed is 1 if the life ended at that
    time, 0 if it was still going on.

    Parameters
    ----------
    mean : float
        Expected lifetime, positive.

    Raises
    ------
    ValueError
        If the mean is not positive and finite.

    References
    ----------
    Dempster, Laird and Rubin (1977), section 4.2, for censored and truncated data; chapter 10.

    Examples
    --------
    >>> from emlib import em
    >>> x = [[1.0, 1], [3.0, 1], [5.0, 0], [5.0, 0]]
    >>> round(em.fit(CensoredExponential.start(x), x, tol=1e-12).model.mean, 4)
    7.0
    """

    mean: float
    spaces: ClassVar = {"mean": POSITIVE}

    def __post_init__(self) -> None:
        if not 0 < self.mean < np.inf:
            raise ValueError(f"mean must be positive and finite, but it is {self.mean!r}.")
        object.__setattr__(self, "mean", float(self.mean))

    @classmethod
    def start(cls, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Return the model with the mean of the times, as if every life had ended there."""
        rows, w = gathered(cls, _lifetimes, x, sample_weight)
        return cls(float(np.average(rows[:, 0], weights=w)))

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as (N, 2) float64 after checking that times are positive and the rest 0 or 1."""
        return _lifetimes(x)

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return the log density of lives that ended, the log chance to outlive otherwise."""
        time, observed = x.T
        return -time / self.mean - observed * np.log(self.mean)

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the number of lives (1,); their expected sum, and how many ended.

        A life that goes on has, whatever its age, a mean still before it (eq. 10.16).
        """
        w = np.ones(len(x)) if w is None else w
        time, observed = x.T
        total = w @ (time + (1 - observed) * self.mean)
        log_likelihood = float(w @ self.log_density_block(x))
        return Expectation(log_likelihood, np.array([w.sum()]), (np.array([total, w @ observed]),))

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint: the mean of the completed lives.

        Raises
        ------
        DegenerateError
            If no life has ended.
        """
        (n,), ((total, ended),) = expectation.counts, expectation.statistics
        _refuse_no_event(n, ended)
        return replace(self, mean=float(total / n))

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return the expected log density of whole lives."""
        (n,), ((total, _),) = expectation.counts, expectation.statistics
        return float(-n * np.log(self.mean) - total / self.mean)

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n whole lives, as rows (n, 2) and as times (n,)."""
        time = np.random.default_rng(rng).exponential(self.mean, n)
        return np.column_stack([time, np.ones(n)]), time


@dataclass(frozen=True, eq=False)
class CensoredNormal(Censored):
    """Normal values of which some are known only to lie above a limit: a detector's, a ceiling.

    Data have shape (N, 2), columns (value, observed): observed is 1 if the value is known, 0 if
    it lies somewhere above. For values below a limit, change the sign of the column.

    Parameters
    ----------
    mean : float
        Expectation.
    variance : float
        Variance, positive.

    Raises
    ------
    ValueError
        If the mean is not finite, or the variance not positive and finite.

    References
    ----------
    Dempster, Laird and Rubin (1977), section 4.2; chapter 10 of the book.
    """

    mean: float
    variance: float
    spaces: ClassVar = {"mean": REAL, "variance": POSITIVE}

    def __post_init__(self) -> None:
        if not np.isfinite(self.mean):
            raise ValueError(f"mean must be finite, but it is {self.mean!r}.")
        if not 0 < self.variance < np.inf:
            raise ValueError(f"variance must be positive and finite, but it is {self.variance!r}.")
        object.__setattr__(self, "mean", float(self.mean))
        object.__setattr__(self, "variance", float(self.variance))

    @classmethod
    def start(cls, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Return the model with mean and variance of the column, as if all values were known."""
        rows, w = gathered(cls, _times, x, sample_weight)
        mean = np.average(rows[:, 0], weights=w)
        variance = np.average((rows[:, 0] - mean) ** 2, weights=w)
        if not variance > 0:
            raise ValueError("all values of x are equal: there is no variance to model.")
        return cls(float(mean), float(variance))

    def _distance(self, x: FloatArray) -> FloatArray:
        """Return how many standard deviations above the mean the values are, (N,)."""
        return (x[:, 0] - self.mean) / np.sqrt(self.variance)

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return the log density of known values, the log chance to lie above otherwise."""
        a = self._distance(x)
        known = -0.5 * a**2 - 0.5 * np.log(2 * np.pi * self.variance)
        return np.where(x[:, 1] == 1, known, log_ndtr(-a))

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the number of values (1,); expected moments about the mean, and known ones.

        With the hazard h = phi(a) / (1 - Phi(a)) (eq. 10.17): far out both are 0, and the scaled
        error function has divided one by the other beforehand.
        """
        w = np.ones(len(x)) if w is None else w
        a, known = self._distance(x), x[:, 1] == 1
        hazard = np.sqrt(2 / np.pi) / erfcx(a / np.sqrt(2))
        first = np.where(known, a, hazard)
        second = np.where(known, a**2, 1 + a * hazard)
        log_likelihood = float(w @ self.log_density_block(x))
        moments = np.array([w @ first, w @ second, w @ known])
        return Expectation(log_likelihood, np.array([w.sum()]), (moments,))

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint: mean and variance of what is expected.

        Raises
        ------
        DegenerateError
            If no value is known, or all are the same.
        """
        (n,), ((first, second, known),) = expectation.counts, expectation.statistics
        _refuse_no_event(n, known)
        shift, size = first / n, np.sqrt(self.variance)
        left = second / n - shift**2
        if not left * self.variance > (1e-12 * (abs(self.mean) + size)) ** 2:
            raise DegenerateError("all values are the same: the variance has collapsed to zero.")
        return replace(
            self, mean=float(self.mean + size * shift), variance=float(self.variance * left)
        )

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return the expected log density of complete values, up to a constant."""
        (n,), ((first, second, _),) = expectation.counts, expectation.statistics
        old = expectation.of
        size = np.sqrt(old.variance)
        apart = (self.mean - old.mean) / size
        squares = old.variance * (second - 2 * apart * first + n * apart**2)
        return float(-0.5 * n * np.log(self.variance) - 0.5 * squares / self.variance)

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n known values, as rows (n, 2) and as numbers (n,)."""
        x = np.random.default_rng(rng).normal(self.mean, np.sqrt(self.variance), n)
        return np.column_stack([x, np.ones(n)]), x


def _refuse_no_event(n: float, known: float) -> None:
    if not n > 0:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    if not known > 0:
        raise DegenerateError(
            "every row is cut off: the likelihood grows without end as the mean does. "
            "At least one value must be observed."
        )


def _times(x: ArrayLike) -> FloatArray:
    array = data_matrix(x, 2)
    bad = (array[:, 1] != 0) & (array[:, 1] != 1)
    remedy = "Columns are (time, observed): 1 if the value is known, 0 if it lies beyond."
    reject_rows(bad, "x", "whose second column is neither 0 nor 1", remedy)
    return array


def _lifetimes(x: ArrayLike) -> FloatArray:
    array = _times(x)
    remedy = "The first column holds how long each life was watched."
    reject_rows(array[:, 0] <= 0, "x", "with a time that is not positive", remedy)
    return array
