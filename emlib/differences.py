"""Derivatives as differences, for functions that are cheap and smooth.

Central differences at two step lengths, combined so that the error of the second order cancels
(Richardson's extrapolation): what is left is of the fourth order in the step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emlib._machinery.value import FloatArray

SMALL = 1e-3  # step of a first derivative: rounding and curvature err alike there
QUICK = 1e-4  # the same without extrapolation
DROP = 1e-3  # nats by which a log-likelihood falls from its summit over a step

Function = Callable[[FloatArray], float]
VectorFunction = Callable[[FloatArray], FloatArray]


def jacobian(
    function: VectorFunction, at: FloatArray, steps: FloatArray | float = SMALL
) -> FloatArray:
    """Return the derivatives of a function with values (M,) at a point (P,), shape (M, P).

    Parameters
    ----------
    function : callable
        Takes and returns a vector; called four times a coordinate.
    at : ndarray, shape (P,)
        Where.
    steps : ndarray, shape (P,), or float
        How far to go along each coordinate: short beside the distance over which the
        derivative changes, long beside rounding.

    Examples
    --------
    >>> jacobian(lambda v: np.array([v[0] * v[1], v[1] ** 3]), np.array([2.0, 1.0])).round(9)
    array([[1., 2.],
           [0., 3.]])
    """
    near, far = (_first(function, at, s * np.broadcast_to(steps, at.shape)) for s in (1, 2))
    return (4 * near - far) / 3


def _first(function: VectorFunction, at: FloatArray, steps: FloatArray) -> FloatArray:
    """Return plain central first differences (M, P)."""
    if not at.size:
        return np.zeros((function(at).size, 0))
    columns = [function(at + e) - function(at - e) for e in np.diag(steps)]
    return np.array(columns).T.reshape(-1, len(at)) / (2 * steps)


def gradient(function: Function, at: FloatArray, steps: FloatArray | float = SMALL) -> FloatArray:
    """Return the slope of a function at a point (P,), shape (P,); arguments as of `jacobian`."""
    return jacobian(lambda v: np.array([function(v)]), at, steps)[0]


def quick_gradient(function: Function, at: FloatArray, step: float = QUICK) -> FloatArray:
    """Return the slope of a function at a point (P,), shape (P,), from two calls a coordinate.

    To some eight digits, where `gradient` takes four calls for eleven: enough to climb by.

    Examples
    --------
    >>> quick_gradient(lambda v: np.exp(v[0]) * v[1], np.array([0.0, 3.0])).round(7)
    array([3., 1.])
    """
    return _first(lambda v: np.array([function(v)]), at, np.full(at.shape, step))[0]


def hessian(function: Function, at: FloatArray, steps: FloatArray | float) -> FloatArray:
    """Return the second derivatives of a function at a point (P,), shape (P, P).

    Parameters
    ----------
    function : callable
        Takes a vector (P,); called 4 P^2 + 1 times.
    at : ndarray, shape (P,)
        Where.
    steps : ndarray, shape (P,), or float
        As for `jacobian`; second differences lose twice as many digits to rounding, so longer.

    Examples
    --------
    >>> hessian(lambda v: v[0] ** 2 * v[1] ** 2, np.array([1.0, 2.0]), 0.01).round(7)
    array([[8., 8.],
           [8., 2.]])
    """
    near, far = (_second(function, at, s * np.broadcast_to(steps, at.shape)) for s in (1, 2))
    return (4 * near - far) / 3


def _second(function: Function, at: FloatArray, steps: FloatArray) -> FloatArray:
    """Return plain central second differences (P, P): of f(+, +), f(+, -), f(-, +), f(-, -)."""
    p, here = len(at), function(at)
    out = np.empty((p, p))
    moves = np.diag(steps)
    for i in range(p):
        out[i, i] = function(at + moves[i]) - 2 * here + function(at - moves[i])
        for j in range(i):
            corners = [
                a * b * function(at + a * moves[i] + b * moves[j]) for a in (1, -1) for b in (1, -1)
            ]
            out[i, j] = out[j, i] = sum(corners) / 4
    return out / np.outer(steps, steps)


def reaches(function: Function, at: FloatArray, drop: float = DROP) -> FloatArray:
    """Return how far along each coordinate a function falls by `drop` from a summit, shape (P,).

    For a log-likelihood and a drop of 1e-3 that is a twentieth of a standard deviation, were the
    other coordinates known: a good step for differences, whatever the units.

    Examples
    --------
    >>> reaches(lambda v: -(v[0] ** 2) - 1e8 * v[1] ** 2, np.zeros(2), 1e-4).round(8)
    array([1.e-02, 1.e-06])
    """
    return np.array([_reach(function, at, e, drop) for e in np.eye(len(at))])


def _reach(function: Function, at: FloatArray, e: FloatArray, drop: float) -> float:
    h, here = 1e-2, function(at)
    for _ in range(20):
        with np.errstate(all="ignore"):
            fell = here - (function(at + h * e) + function(at - h * e)) / 2
        factor = np.sqrt(drop / fell) if 0 < fell < np.inf else (0.1 if fell != 0 else 10.0)
        factor = float(np.clip(factor, 0.01, 100))
        h *= factor
        if 0.5 < factor < 2:
            break
    return h
