"""Checkers for the exercises of chapter 8, how to make EM fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers, read


@exercise("8.2")
def aitken(function: Callable[..., Any]) -> None:
    """Check `function(a, b, c)`, which returns the limit of a geometric series of moves."""
    for a, b, c in ((0.5, 0.6, 0.63), (3.0, 1.0, 2.0), (-1.0, 0.8, 1.7), (10.0, 10.5, 10.9)):
        first, second = b - a, c - b
        r = second / first
        right = a + first / (1 - r)
        hints = [
            (c, "That is the last number itself; the moves still to come are missing."),
            (a + first * r / (1 - r), "The first move itself belongs to the series: d0 / (1 - r)."),
            (b + first / (1 - r), "The series begins at a, not at b."),
            (c + first / (1 - r), "The series begins at a, not at c."),
            (first / (1 - r), "That is the way from a to the limit; add it to a."),
            (a + first / (1 - 1 / r), "The ratio is the wrong way up: the later move on top."),
            (a - first / (1 - r), "The sign of the move is wrong."),
            (a + first / (1 + r), "The sum of 1 + r + r^2 + ... is 1 / (1 - r)."),
            (c + second / (1 - r), "From c on, the next move is r times the last one."),
        ]
        close(call(function, a, b, c), right, "The limit", hints, "See (8.7).")
    for start, step in ((1.0, 0.5), (2.0, -3.0), (4.0, 0.0)):  # exact in floating point
        a, b, c = start, start + step, start + 2 * step
        try:
            value = call(function, a, b, c)
        except Problem as problem:
            words = f"Where the differences are equal there is nothing to foretell: {problem}"
            raise Problem(words) from None
        if not np.isfinite(numbers_or_nan(value)):
            raise Problem("Where the differences are equal, 1 - r is zero: return c there.")
        close(value, c, "The answer for equal differences", (), "Return c there.")


def numbers_or_nan(value: Any) -> float:
    """Return one number, NaN if it is infinite or NaN, 0 for all else (`close` explains)."""
    array = read(value)
    return float(array.reshape(())) if array is not None and array.size == 1 else 0.0


def _three(p: int, seed: int, fast: bool = False) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return three successive points of a linear map in P dimensions."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((p, p))
    rates = rng.uniform(-0.9, -0.3, p) if fast else rng.uniform(0.2, 0.97, p)
    j = root @ np.diag(rates) @ np.linalg.inv(root)
    end, error = rng.standard_normal(p), rng.standard_normal(p)
    return end + error, end + j @ error, end + j @ j @ error


@exercise("8.3")
def leap(function: Callable[..., Any]) -> None:
    """Check `function(t0, t1, t2)`, which returns where SQUAREM leaps to."""
    for p, seed in ((3, 830), (2, 831), (5, 832)):
        t0, t1, t2 = _three(p, seed)
        m, v = t1 - t0, t2 - 2 * t1 + t0
        a = max(1.0, float(np.linalg.norm(m) / np.linalg.norm(v)))
        hints = [
            (t2, "That is EM's own second step: the length a is one there."),
            (t0 + a * m, "That is a plain leap; the squared one has 2 a and a^2."),
            (t0 + 2 * a * m + a * v, "The bend is multiplied by a^2, not by a."),
            (t0 + a * m + a**2 * v, "The move is multiplied by 2 a, not by a."),
            (t0 + 2 * a * m - a**2 * v, "The bend is added, not subtracted."),
            (t0 - 2 * a * m + a**2 * v, "The move leads from t0 to t1, not back."),
            (t2 + 2 * a * m + a**2 * v, "The leap begins at t0, not at t2."),
            (t1 + 2 * a * m + a**2 * v, "The leap begins at t0, not at t1."),
            (t0 + 2 * a**2 * m + a**4 * v, "Lengths are roots of sums of squares."),
            (t0 + 2 / a * m + v / a**2, "The length is that of the move over that of the bend."),
            (t0 + 2 * (a * m) + a**2 * (t2 - t1), "The bend is a difference of two moves."),
            (_number_by_number(t0, m, v), "One length for all: of vectors, not number by number."),
        ]
        value = call(function, t0, t1, t2)
        close(value, t0 + 2 * a * m + a**2 * v, "The leap", hints, "See (8.8) and (8.9).")
    _check_short_and_straight(function)


def _number_by_number(t0: FloatArray, m: FloatArray, v: FloatArray) -> FloatArray:
    a = np.abs(m / v)
    return np.asarray(t0 + 2 * a * m + a**2 * v)


def _check_short_and_straight(function: Callable[..., Any]) -> None:
    """Where the bend is longer than the move, and where there is none, the leap is EM's step."""
    for p, seed in ((4, 833), (2, 834)):
        t0, t1, t2 = _three(p, seed, fast=True)
        m, v = t1 - t0, t2 - 2 * t1 + t0
        a = float(np.linalg.norm(m) / np.linalg.norm(v))
        short = "The length is below one here, which is less than EM: take a = 1 then."
        close(
            call(function, t0, t1, t2), t2, "The leap", [(t0 + 2 * a * m + a**2 * v, short)], short
        )
    t0, m = np.array([1.0, -2.0, 0.5]), np.array([0.25, 0.5, -1.0])
    for move in (m, 0 * m):
        try:
            value = call(function, t0, t0 + move, t0 + 2 * move)
            close(value, t0 + 2 * move, "The leap", (), "The bend is zero: go to t2.")
        except Problem as problem:
            raise Problem(f"Where the bend is zero: {problem}") from None


@exercise("8.4")
def shares(function: Callable[..., Any]) -> None:
    """Check `function(moves)`, which returns the shares of Anderson's mix, for moves (k, P)."""
    for k, p, seed in ((3, 5, 840), (2, 4, 841), (4, 3, 842), (1, 3, 843)):
        moves = np.random.default_rng(seed).standard_normal((k, p))
        value = numbers(call(function, moves), "The array of shares", (k,))
        right = _shares(moves)
        gamma = np.linalg.lstsq(np.diff(moves, axis=0).T, moves[-1], rcond=None)[0]
        gram = moves @ moves.T
        hints: list[tuple[Any, str]] = [
            (right[::-1], "The shares are in the wrong order: the last one is of the newest."),
            (np.full(k, 1 / k), "Equal shares sum to one, but the mix should move least."),
            (_from(gamma, -1.0), "The sign of the differences is wrong: last move minus them."),
            (np.append(gamma, 1 - gamma.sum()), "Those are shares of differences, not of moves."),
        ]
        if k > 1:
            free = np.linalg.lstsq(moves[:-1].T, moves[-1], rcond=None)[0]
            hints.append((np.append(-free, 1.0), "The shares must sum to one, all together."))
            lonely = np.append(-free, 1.0)
            hints.append(
                (lonely / lonely.sum(), "Scaling to one afterwards is not the minimum under it.")
            )
        if k <= p:
            inverse = 1 / np.diag(gram)
            text = "Moves are not at right angles: their products matter, not only lengths."
            hints.append((inverse / inverse.sum(), text))
        for wrong, words in hints:
            if k > 1 and np.allclose(value, wrong) and not np.allclose(wrong, right):
                raise Problem(words)
        if not np.isclose(value.sum(), 1, rtol=1e-6):
            raise Problem(f"The shares must sum to one; yours sum to {value.sum():.4g}.")
        yours, least = (float(np.linalg.norm(s @ moves)) for s in (value, right))
        if not np.allclose(value, right, rtol=1e-5, atol=1e-7):
            raise Problem(
                f"With your shares the mix moves by {yours:.4f}; another one moves by {least:.4f}. "
                "See (8.11)."
            )


def _from(gamma: FloatArray, sign: float = 1.0) -> FloatArray:
    """Return shares of moves from multiples of their differences."""
    alpha = np.zeros(len(gamma) + 1)
    alpha[-1] = 1.0
    alpha[1:] -= sign * gamma
    alpha[:-1] += sign * gamma
    return alpha


def _shares(moves: FloatArray) -> FloatArray:
    return _from(np.linalg.lstsq(np.diff(moves, axis=0).T, moves[-1], rcond=None)[0])


@exercise("8.5")
def correct(function: Callable[..., Any]) -> None:
    """Check `function(S, place, move, slope)`, which returns the corrected symmetric matrix."""
    for p, seed in ((3, 850), (2, 851), (4, 852)):
        rng = np.random.default_rng(seed)
        root = rng.standard_normal((p, p))
        s = root + root.T
        place, move = rng.standard_normal((2, p))
        slope = -(root @ root.T + np.eye(p)) @ place
        value = numbers(call(function, s, place, move, slope), "The matrix", (p, p))
        b, w = float(slope @ place), s @ slope - move
        own, both = np.outer(place, place), np.outer(w, place) + np.outer(place, w)
        factor = 1 + slope @ w / b
        wrong_w = np.outer(move, place) + np.outer(place, move)
        hints = [
            (s, "The matrix has not changed, although the climb bends as on a hill."),
            ((factor * own - both) / b, "That is the change; add it to S."),
            (s - (factor * own - both) / b, "The sign of the change is wrong."),
            (s + (factor * own + both) / b, "The two mixed products are subtracted."),
            (s + (own - both) / b, "The factor of the first product is 1 + slope . w / b."),
            (s + (slope @ w / b * own - both) / b, "The one in the first factor is missing."),
            (s + factor * own - both, "The bracket is divided by b."),
            (
                s + (factor * own - 2 * np.outer(w, place)) / b,
                "The matrix should be symmetric: both mixed products, each once.",
            ),
            (
                s + ((1 + slope @ (s @ slope) / b) * own - both) / b,
                "In the first factor too it is w, S slope minus move, that counts.",
            ),
            (s + (factor * own - wrong_w) / b, "w is S slope minus move, not move alone."),
            (
                s - np.outer(w - place, w - place) / (slope @ (w - place)),
                "That is the symmetric change of rank one; (8.15) is one of rank two.",
            ),
        ]
        right = s + (factor * own - both) / b
        if not np.allclose(value, value.T) and not any(np.allclose(value, h) for h, _ in hints):
            raise Problem("The matrix should be symmetric: both mixed products, each once.")
        close(value, right, "The matrix", hints, "See (8.15).", rtol=1e-5)
        up = "The climb bends upwards here (b >= 0): return S unchanged."
        close(call(function, s, place, move, -slope), s, "The matrix", (), up)
        level = np.eye(p)[0], move, np.eye(p)[1]  # b is zero, to the last digit
        try:
            flat = call(function, s, *level)
        except Problem as problem:
            raise Problem(f"{up} {problem}") from None
        if (found := read(flat)) is not None and not np.isfinite(found).all():
            raise Problem(up)
        close(flat, s, "The matrix", (), up)
