"""Is the climb over? How fast it goes, how much is left, and when a fit may stop.

The gain of one step says little: it is small on any slow climb, and beside a saddle. So a fit
stops when little is *left* to gain, and when nothing in the parameters says that it is still
leaving a saddle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emlib._machinery.value import FloatArray, numbers

EPS = float(np.finfo(np.float64).eps)
WINDOW = 100  # gains looked back on when the rate is estimated
PATIENCE = 3  # steps in a row that must agree that the summit is near
RESTS = 20  # such steps after which growth between them is that of rounding, where a value is zero
CLEAR = 1e-6  # nats: behind larger gains a slower part of the climb may be hidden
SAME = 1e-6  # distance between components below which EM cannot tell them apart
NEAR = 1e-3  # and below which one looks whether they part
ALIKE = 0.05  # and below which they are nearly the same


class MonotonicityError(ArithmeticError):
    """The objective fell. EM cannot do that (chapter 1, eq. 1.9): there is a bug."""


# ---------------------------------------------------------------------------------------------
# How fast, and how far still to go
# ---------------------------------------------------------------------------------------------


def rate(objective: ArrayLike) -> float:
    """Estimate the linear rate of the iterates from the objective alone.

    Near a summit the error shrinks by a factor `rate` a step, and the gains of the objective,
    being quadratic in the error, by its square. The ratio is taken over as many steps as it
    takes the gains to fall e-fold, so that rounding averages out on a slow climb, and only
    over gains that stand well above rounding.

    Parameters
    ----------
    objective : array_like, shape (n,)
        Objective of successive iterates, in nats.

    Returns
    -------
    float
        The rate; 0.0 if the climb is over after one step; NaN if there is too little to go by.

    References
    ----------
    Dempster, Laird and Rubin (1977), section 3 and theorem 4: the rate is the largest
    eigenvalue of the fraction of information that is missing.

    Examples
    --------
    >>> round(rate([-1.0, -0.25, -0.0625, -0.015625]), 12)
    0.5
    """
    values = np.asarray(objective, dtype=float)
    gains = values[1:] - values[:-1]
    clear = np.flatnonzero(gains > 2e4 * EPS * np.maximum(1.0, abs(values[-1:])))
    if clear.size == 0:
        return float("nan")
    last = int(clear[-1])
    if last == 0:
        return 0.0 if gains.size > 1 else float("nan")
    return float(np.sqrt(_gain_ratio(gains[: last + 1])))


def _gain_ratio(gains: FloatArray) -> float:
    """Mean factor between successive gains over the last e-folding of them."""
    last = len(gains) - 1
    (high,) = (gains[:last] >= np.e * gains[last]).nonzero()
    first = int(high[-1]) if high.size else 0
    first = max(first, last - WINDOW)
    if gains[first] <= 0:
        first = last - 1
    if gains[first] <= 0:
        return float("inf")
    return float((gains[last] / gains[first]) ** (1.0 / (last - first)))


def remaining_gain(objective: ArrayLike) -> float:
    """Estimate the objective still to be gained, by Aitken's extrapolation.

    If each gain is r times the one before, what follows a gain g is
    g (r + r^2 + ...) = g r / (1 - r). The ratio r is the larger, that is the more cautious,
    of the last one and the mean over the last e-folding.

    Parameters
    ----------
    objective : array_like, shape (n,)
        Objective of successive iterates, in nats.

    Returns
    -------
    float
        Nats still to be gained; infinite while the gains grow or are fewer than two; 0.0 when
        the last step gained no more than rounding.

    References
    ----------
    Aitken (1926), Proc. R. Soc. Edinburgh 46:289-305; for EM: Boehning et al. (1994),
    Ann. Inst. Statist. Math. 46:373-388.

    Examples
    --------
    >>> remaining_gain([-1.0, -0.5, -0.25, -0.125])
    0.125
    """
    values = np.asarray(objective, dtype=float)
    gains = values[1:] - values[:-1]
    if gains.size == 0:
        return float("inf")
    # EM cannot fall: how far it has fallen of late shows how far rounding goes here.
    recent = values[-WINDOW - 1 :]
    peaks = np.maximum.accumulate(recent)
    rounding = max(4 * EPS * max(1.0, abs(values[-1])), (peaks - recent).max())
    if recent[-1] - peaks[-2] <= rounding:
        return 0.0
    if gains.size == 1 or gains[-2] <= 0:
        return float("inf")
    ratio = max(gains[-1] / gains[-2], _gain_ratio(gains))
    return float(gains[-1] * ratio / (1 - ratio)) if ratio < 1 else float("inf")


def cautious_gain(objective: ArrayLike) -> float:
    """Estimate the objective still to be gained where the climb may slow down more and more.

    `remaining_gain` trusts the ratio of the gains to stay. Where it creeps to 1 (beside a
    degenerate point), or where a slow part of the climb comes out from behind a fast one, the
    summit that it foretells rises from step to step. If that rises by q for every nat climbed,
    and goes on to do so, then the R nats that are foretold will be R + q R + q^2 R + ... in all.

    Parameters
    ----------
    objective : array_like, shape (n,)
        Objective of successive iterates, in nats.

    Returns
    -------
    float
        R / (1 - q), with q over the last three steps; infinite if q is 1 or more, or if the gains
        grew three steps ago.

    References
    ----------
    Exact, as the steps go to zero, for gains that fall like a power of the step number, where
    Aitken's is not: what Lubkin (1952), J. Res. Natl. Bur. Stand. 48:228-254, does for series.

    Examples
    --------
    >>> n = np.arange(100.0, 200.0)
    >>> left = 1 / n  # a summit at zero, and every gain about 1 / n^2
    >>> print(f"{remaining_gain(-left) / left[-1]:.2f} {cautious_gain(-left) / left[-1]:.2f}")
    0.50 1.01
    """
    values = np.asarray(objective, dtype=float)
    left = remaining_gain(values)
    if left == 0.0 or len(values) < 4:
        return left if left == 0.0 else float("inf")
    then = max(3, len(values) - PATIENCE)
    before = remaining_gain(values[:then])
    climbed = float(values[-1] - values[then - 1])
    rise = max(0.0, climbed + left - before)
    known = np.isfinite(left) and np.isfinite(before) and rise < climbed
    return left * climbed / (climbed - rise) if known else float("inf")


# ---------------------------------------------------------------------------------------------
# When to stop
# ---------------------------------------------------------------------------------------------


class Watch:
    """Looks at one step of a climb after another, and says when it is over.

    Beside a saddle the objective hardly gains, although much is left. So the climb goes on,
    whatever `remaining_gain` says, while its steps grow, or while two components that are nearly
    the same part faster from step to step.

    Parameters
    ----------
    tol : float
        In nats of objective still to be gained.
    unit : float
        What a row weighs: the objective is looked at in units of it.
    """

    def __init__(self, tol: float, unit: float = 1.0) -> None:
        self.tol, self.unit = tol, unit
        self._n = -1  # number of the last step
        self._calm = 0  # steps in a row that have agreed that the summit is near
        self._rests = 0  # the same, whatever was between them
        self._objective: list[float] = []
        self._seen: list[_Seen] = []  # the last three models

    def see(self, model: Any, objective: float) -> tuple[str, str] | None:
        """Take in one more step; return status and message of the climb if it is over.

        Raises
        ------
        ValueError
            If the objective is not finite.
        MonotonicityError
            If it falls by more than rounding can explain.
        """
        self._n += 1
        objective /= self.unit
        self._objective = [*self._objective[-WINDOW - 1 :], objective]
        _check_monotone(self._objective, self._n)
        before = self._seen[-1].model if self._seen else model
        self._seen = [*self._seen[-2:], _Seen(model, before)]
        near = _is_near(self._objective, self.tol)
        leaving = near and (_growing(self._seen) or _parting(self._seen))
        self._calm = self._calm + 1 if near and not leaving else 0
        self._rests = self._rests + (not leaving) if near else 0
        if self._calm < PATIENCE and self._rests < RESTS:
            return None
        return _verdict(model, self.tol, self._objective[-1] - self._objective[-2])


@dataclass(frozen=True, eq=False)
class _Seen:
    """A model and the one before it: what is worked out of them is worked out once."""

    model: Any
    before: Any

    @cached_property
    def move(self) -> float:
        """Length of the step that led here."""
        return _distance(self.before, self.model)

    @cached_property
    def distances(self) -> FloatArray:
        """Distances of its components."""
        return np.asarray(self.model.distances())


def _is_near(objective: Sequence[float], tol: float) -> bool:
    """Whether less than `tol` is left to gain; the bold estimate, half the work, is asked first."""
    return remaining_gain(objective) <= tol and cautious_gain(objective) <= tol


def _check_monotone(objective: Sequence[float], n: int) -> None:
    if not math.isfinite(objective[-1]):
        raise ValueError(
            f"the objective is {objective[-1]} at step {n}: some observation is impossible under "
            "the model, or the model under its prior. Check x and the starting parameters."
        )
    if len(objective) < 2:
        return
    fall = objective[-2] - objective[-1]
    if fall > 2**16 * EPS * max(1.0, abs(objective[-1])):
        raise MonotonicityError(
            f"the objective fell by {fall:.3g} nats at step {n}. EM cannot do that (eq. 1.9), so "
            "e_step, m_step and log_prior do not belong together."
        )


def _verdict(model: Any, tol: float, gain: float) -> tuple[str, str]:
    """Return status and message of a climb that has come to rest with a last gain."""
    same = pairs_within(model, SAME)
    if not same:
        hidden = f", unless a slower part is hidden behind steps of {gain:.1g} nats"
        text = f"less than tol={tol:g} nats left to gain{hidden if gain > CLEAR else ''}"
        return "converged", text
    first, second = same[0]
    return "degenerate", (
        f"components {first} and {second} are the same, and EM cannot tell them apart: the start "
        "was a saddle, or fewer components are enough. Start elsewhere (chapter 5)."
    )


def pairs_within(model: Any, distance: float) -> list[tuple[int, int]]:
    """Return the pairs of components that are this close, if the model has `distances`."""
    if not hasattr(model, "distances"):
        return []
    close = np.triu(model.distances() <= distance, k=1)
    return [(int(j), int(k)) for j, k in np.argwhere(close)]


def _parting(seen: Sequence[_Seen]) -> bool:
    """Whether two components that are nearly the same move apart, faster from step to step.

    That too is EM leaving a saddle, even if all else is still coming to rest.
    """
    if len(seen) < 3 or not hasattr(seen[-1].model, "distances"):
        return False
    a, b, c = (one.distances for one in seen)
    near = (c < NEAR) & (c > SAME)
    return bool((near & (b > a) & (c - b > b - a)).any())


def _growing(seen: Sequence[_Seen]) -> bool:
    """Whether the steps of the parameters grow: EM is leaving a saddle, not nearing a summit.

    The gain of the objective is quadratic in the step, so beside a saddle it drowns in
    rounding long before the step does.
    """
    return len(seen) > 2 and seen[-1].move > max(seen[-2].move, 1e3 * EPS)


def _distance(before: Any, after: Any) -> float:
    """Return the length of a step, each array of numbers in units of its own largest entry."""
    squared = 0.0
    for a, b in zip(numbers(before), numbers(after), strict=False):
        if np.isfinite(a).all() and np.isfinite(b).all():
            move = (b - a).ravel() / max(abs(a).max(), abs(b).max(), np.finfo(np.float64).tiny)
            squared += float(move @ move)
    return float(np.sqrt(squared))
