"""Checkers for the exercises of chapter 10."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers

NAN = np.nan


def _pair(value: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that an answer holds, in whatever container."""
    try:
        first, second = value
    except Exception:  # no container, or another number of things
        raise Problem(f"Return two things: {what}.") from None
    return first, second


def _normal(d: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return a mean (D,) and a covariance (D, D), with nothing symmetric but that matrix."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((d, d)) + 1.5 * np.eye(d)
    return rng.standard_normal(d), root @ root.T


def _conditional(
    mean: FloatArray, covariance: FloatArray, row: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of the missing entries, given the others (eqs. 10.5, 10.6)."""
    m = np.isnan(row)
    o = ~m
    gain = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
    left = covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]
    return mean[m] + gain @ (row[o] - mean[o]), left


ROWS = (
    (1.0, NAN),
    (NAN, 0.5, -1.0),
    (NAN, 2.0, NAN, 0.3),
    (0.4, NAN, NAN, NAN, 1.5),
    (NAN, NAN),
)


# ---------------------------------------------------------------------------------------------
# 10.2
# ---------------------------------------------------------------------------------------------


@exercise("10.2")
def given(function: Callable[..., Any]) -> None:
    """Check `function(mean, covariance, row)`: mean and covariance of what is missing."""
    for seed, values in enumerate(ROWS):
        row = np.array(values)
        mean, covariance = _normal(len(row), seed)
        m = np.isnan(row)
        right, left = _conditional(mean, covariance, row)
        pair = _pair(call(function, mean, covariance, row), "conditional mean and covariance")
        where = f"for the row {list(values)}"
        n = int(m.sum())
        if np.shape(pair[0]) == (len(row),) and n < len(row):
            raise Problem("Return the mean of the missing entries only, not of the whole row.")
        first = numbers(pair[0], "the conditional mean", (n,))
        second = numbers(pair[1], "the conditional covariance", (n, n))
        gain: FloatArray = np.zeros((n, 0))
        if n < len(row):
            slopes = np.linalg.solve(covariance[np.ix_(~m, ~m)], covariance[np.ix_(~m, m)])
            gain = np.asarray(slopes.T, dtype=np.float64)
        hints = [
            (mean[m], "That is the mean without any look at what is observed (10.5)."),
            (right - mean[m], "Add the mean of the missing entries."),
            (mean[m] + gain @ row[~m], "What is observed counts as a distance from its mean."),
            (2 * mean[m] - right, "The sign: observed minus mean, not mean minus observed."),
        ]
        close(first, right, f"the conditional mean {where}", hints, "See (10.5).")
        own = covariance[np.ix_(m, m)]
        more = [
            (own, "That is the variance before anything was observed (10.6)."),
            (
                2 * own - left,
                "To see something takes variance away: subtract the second term.",
            ),
            (own - left, "That is what is explained; what is left is asked for."),
        ]
        close(second, left, f"the conditional covariance {where}", more, "See (10.6).")


# ---------------------------------------------------------------------------------------------
# 10.3
# ---------------------------------------------------------------------------------------------


@exercise("10.3")
def second_moment(function: Callable[..., Any]) -> None:
    """Check `function(mean, covariance, row)`, which returns E[x x^T] given what is observed."""
    for seed, values in enumerate((*ROWS, (0.5, -1.0))):
        row = np.array(values)
        d, m = len(row), np.isnan(row)
        mean, covariance = _normal(d, seed)
        guess, left = row.copy(), np.zeros((d, d))
        guess[m], left[np.ix_(m, m)] = _conditional(mean, covariance, row)
        right = np.outer(guess, guess) + left
        value = numbers(call(function, mean, covariance, row), "E[x x^T]", (d, d))
        alone = np.zeros((d, d))
        alone[np.ix_(m, m)] = covariance[np.ix_(m, m)]
        hints = [
            (np.outer(guess, guess), "The forgotten correction: add what stays uncertain (10.7)."),
            (
                np.outer(guess, guess) - left,
                "The correction is added: squares are larger on average.",
            ),
            (
                np.outer(guess, guess) + alone,
                "The correction is the covariance that is left (10.6).",
            ),
            (
                np.outer(guess, guess) + np.diag(np.diag(left)),
                "Two missing entries vary together: the whole matrix of (10.6) is added.",
            ),
            (np.outer(guess, guess) + covariance, "What is observed is not uncertain."),
            (left, "That is the correction alone; the product of the guesses is to be added."),
            (
                np.outer(guess - mean, guess - mean) + left,
                "The moment is about zero here, not about the mean.",
            ),
        ]
        close(value, right, f"E[x x^T] for the row {list(values)}", hints, "See (10.7).")


# ---------------------------------------------------------------------------------------------
# 10.5
# ---------------------------------------------------------------------------------------------


@exercise("10.5")
def pool(function: Callable[..., Any]) -> None:
    """Check `function(estimates, variances)`: Rubin's estimate and standard error."""
    cases = (
        ((1.0, 2.0, 4.0), (0.5, 0.25, 0.3)),
        ((3.0, 3.0), (0.1, 0.3)),
        ((-1.0, 0.5, 0.25, 2.0, 1.0), (2.0, 0.1, 0.4, 1.0, 0.7)),
    )
    for values in cases:
        estimates, variances = map(np.array, values)
        k = len(estimates)
        within, between = variances.mean(), estimates.var(ddof=1)
        total = within + (1 + 1 / k) * between
        pair = _pair(call(function, estimates, variances), "the estimate and its standard error")
        first = numbers(pair[0], "the estimate", ())
        second = numbers(pair[1], "the standard error", ())
        where = f"for the estimates {values[0]} with variances {values[1]}"
        hints = [
            (estimates[0], "One table is not enough: average the estimates (10.12)."),
            (
                (estimates / variances).sum() / (1 / variances).sum(),
                "The tables weigh the same: a plain average.",
            ),
        ]
        close(first, estimates.mean(), f"the estimate {where}", hints, "See (10.12).")
        more = [
            (total, "That is the variance; the standard error is its root."),
            (np.sqrt(within), "The tables differ from one another: that counts too (10.13)."),
            (np.sqrt(between), "Each table alone has a variance too (10.13)."),
            (np.sqrt(within + between), "The factor 1 + 1/M is missing: M is finite."),
            (
                np.sqrt(within + (1 + 1 / k) * estimates.var()),
                "The variance between M tables divides by M - 1.",
            ),
            (np.sqrt(total / k), "Do not divide by M: more tables are not more data."),
        ]
        close(second, np.sqrt(total), f"the standard error {where}", more, "See (10.13).")


# ---------------------------------------------------------------------------------------------
# 10.6
# ---------------------------------------------------------------------------------------------


@exercise("10.6")
def affected(function: Callable[..., Any]) -> None:
    """Check `function(counts, size)`, the p of a binomial whose zeros nobody saw."""
    for counts, size in (((40, 25, 8), 3), ((9, 3), 2), ((3, 5, 9, 4), 4), ((50, 2, 0, 0, 1), 5)):
        n = np.array(counts)
        k = np.arange(1, size + 1)
        mean = n @ k / n.sum()
        right = brentq(lambda p, s=size, m=mean: s * p - m * (1 - (1 - p) ** s), 1e-9, 1 - 1e-12)
        value = numbers(call(function, n, size), "p", ())
        once = mean / size
        zeros = n.sum() * (1 - once) ** size / (1 - (1 - once) ** size)
        hints = [
            (once, "That is the share among the families that were seen."),
            (1 - right, "That is the chance of a child that is not affected."),
            (n @ k / (n.sum() + zeros) / size, "That is one step: go on until nothing moves."),
            (size * right, "That is the expected number in a family; p is asked for a child."),
            ((1 - right) ** size, "That is the share of families that are not seen."),
            (mean, "That is the mean of the counts that were seen."),
        ]
        where = f"for counts {counts} of families of {size}"
        close(value, right, f"p {where}", hints, "Add the unseen, divide, repeat.", rtol=1e-4)
