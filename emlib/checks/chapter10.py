"""Checkers for the exercises of chapter 10."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers, shape_of

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
        if shape_of(pair[0]) == (len(row),) and n < len(row):
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
            (estimates[0], "One table is not enough: average the estimates (10.11)."),
            (
                (estimates / variances).sum() / (1 / variances).sum(),
                "The tables weigh the same: a plain average.",
            ),
        ]
        close(first, estimates.mean(), f"the estimate {where}", hints, "See (10.11).")
        more = [
            (total, "That is the variance; the standard error is its root."),
            (np.sqrt(within), "The tables differ from one another: that counts too (10.12)."),
            (np.sqrt(between), "Each table alone has a variance too (10.12)."),
            (np.sqrt(within + between), "The factor 1 + 1/M is missing: M is finite."),
            (
                np.sqrt(within + (1 + 1 / k) * estimates.var()),
                "The variance between M tables divides by M - 1.",
            ),
            (np.sqrt(total / k), "Do not divide by M: more tables are not more data."),
        ]
        close(second, np.sqrt(total), f"the standard error {where}", more, "See (10.12).")


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


# ---------------------------------------------------------------------------------------------
# 10.7 to 10.10: Deeper
# ---------------------------------------------------------------------------------------------


def _swept(a: FloatArray, k: int) -> FloatArray:
    """Return the symmetric matrix a (D, D) swept on k (eq. 10.18)."""
    b = np.asarray(a - np.outer(a[:, k], a[k]) / a[k, k])
    b[k] = b[:, k] = a[k] / a[k, k]
    b[k, k] = -1 / a[k, k]
    return b


@exercise("10.7")
def unsweep(function: Callable[..., Any]) -> None:
    """Check `function(B, k)`, the reverse sweep."""
    for d, k, before in ((2, 0, ()), (3, 1, ()), (5, 4, (1, 2)), (4, 0, (3,))):
        right = _normal(d, 10 + d)[1]
        for other in before:  # A itself may have been swept, on other columns
            right = _swept(right, other)
        b = _swept(right, k)
        value = numbers(call(function, b, k), "The matrix A", (d, d))
        rest = np.arange(d) != k
        corner, row, middle = right.copy(), right.copy(), right.copy()
        corner[k, k] *= -1
        row[k, rest] = row[rest, k] = b[k, rest]
        middle[np.ix_(rest, rest)] = b[np.ix_(rest, rest)]
        sign = right.copy()
        sign[np.ix_(rest, rest)] = 2 * middle[np.ix_(rest, rest)] - right[np.ix_(rest, rest)]
        with np.errstate(all="ignore"):
            whole = np.linalg.inv(b)
        hints = [
            (_swept(b, k), "A second sweep turns the signs of row and column k: turn them back."),
            (b, "Nothing is undone."),
            (whole, "One row and column were swept; this inverts the whole matrix."),
            (-whole, "One row and column were swept; this inverts the whole matrix."),
            (corner, "The sign of the corner: B_kk is -1/A_kk."),
            (row, "Row and column k were divided by A_kk: multiply them again."),
            (middle, "The sweep has changed the entries outside row and column k, too."),
            (sign, "The sign: the sweep took A_ik A_kj / A_kk away, so add it again."),
        ]
        close(value, right, f"A ({d} by {d}, swept on {k})", hints, "Invert (10.18).")


NARROW = np.array([[1.0, 0.0, 0.0], [1.0, 1e-7, 0.0], [0.5, 2.0, 1.0]])
FLAT_ROW = (1.0, 1.00000013, NAN)


@exercise("10.8")
def standardised(function: Callable[..., Any]) -> None:
    """Check `function(mean, factor, row)`: mean and covariance of u given what is observed."""
    cases = []
    for seed, values in enumerate((*ROWS, (0.5, -1.0))):
        mean, covariance = _normal(len(values), 30 + seed)
        cases.append((values, mean, np.asarray(np.linalg.cholesky(covariance)), 1e-6))
    cases.append((FLAT_ROW, np.array([0.5, 0.5, -1.0]), NARROW, 1e-5))
    for values, mean, factor, rtol in cases:
        row = np.array(values)
        d, o = len(row), ~np.isnan(row)
        n = int(o.sum())
        q, r = np.linalg.qr(factor[o].T)
        y = np.linalg.solve(r.T, row[o] - mean[o])
        first, left = q @ y, np.eye(d) - q @ q.T
        pair = _pair(call(function, mean, factor, row), "mean and covariance of u")
        if shape_of(pair[0]) == (n,) and n < d:
            raise Problem("All D entries of u are wanted: what is observed speaks of each.")
        if shape_of(pair[0]) == (d - n,) and 0 < n < d:
            raise Problem("u has D entries, whichever of x are missing.")
        given_first = numbers(pair[0], "E[u]", (d,))
        given_left = numbers(pair[1], "Cov[u]", (d, d))
        where = f"for the row {list(values)}"
        hints: list[tuple[Any, str]] = [
            (factor @ first, "That is x less its mean; (10.20) is about u, before L."),
            (mean + factor @ first, "That is x; (10.20) is about u, before L."),
            (q @ np.linalg.solve(r.T, row[o]), "What is observed counts as a distance from mu."),
        ]
        if rtol > 1e-6:
            otherwise = (
                "Columns 0 and 1 nearly determine each other here: work with L, not with L L^T."
            )
            close(given_first, first, f"E[u] {where}", hints, otherwise, rtol)
            if not np.allclose(given_left, left, atol=rtol):
                raise Problem(f"Cov[u] {where} is off. {otherwise}")
            continue
        close(given_first, first, f"E[u] {where}", hints, "See (10.20).")
        more = [
            (np.eye(d), "That is the covariance before anything was observed."),
            (q @ q.T, "That is the part that is known; what is left is asked for."),
            (np.eye(d) + q @ q.T, "To see something takes variance away: subtract."),
            (factor @ left @ factor.T, "That is the covariance of x; the one of u is asked for."),
        ]
        close(given_left, left, f"Cov[u] {where}", more, "See (10.20).")


@exercise("10.9")
def mechanism(function: Callable[..., Any]) -> None:
    """Check `function(yes, no, silent, share)`: the two chances to answer."""
    for yes, no, silent, share in ((30, 30, 40, 0.6), (12, 5, 8, 0.7), (40, 10, 150, 0.21)):
        n = yes + no + silent
        right = np.array([yes / (share * n), no / ((1 - share) * n)])
        given = _pair(call(function, yes, no, silent, share), "the two chances to answer")
        names = ("The chance of a yes to be given", "The chance of a no to be given")
        value = np.array([numbers(v, s, ()) for v, s in zip(given, names, strict=True)])
        answered = yes + no
        hints = [
            (right[::-1], "The chance of those who would say yes comes first."),
            (1 - right, "Those are the chances to be silent."),
            (
                np.array([yes, no]) / n,
                "That is the share of all who said so; divide by those who would.",
            ),
            (
                np.array([yes, no]) / answered,
                "That is what was said by those who answered; how many would answer?",
            ),
            (
                np.full(2, answered / n),
                "The same chance for both is a mechanism at random: it has another share of yes.",
            ),
            (right * n, "That is a count by a share: how many people is that share?"),
            (
                np.array([yes / (share * answered), no / ((1 - share) * answered)]),
                "The share is of all people, not of those who answered.",
            ),
        ]
        where = f"of {yes} yes, {no} no, {silent} silent with a share of {share}"
        close(value, right, f"The pair {where}", hints, "Those who said so, by those who would.")


@exercise("10.10")
def possible(function: Callable[..., Any]) -> None:
    """Check `function(r13, r23)`: the ends of what r12 may be."""
    for r13, r23 in ((0.9, 0.8), (0.5, -0.3), (0.0, 0.6), (-0.7, -0.2)):
        middle, half = r13 * r23, np.sqrt((1 - r13**2) * (1 - r23**2))
        right = np.array([middle - half, middle + half])
        given = _pair(call(function, r13, r23), "the smallest and the largest r12")
        names = ("The smallest r12", "The largest r12")
        ends = np.array([numbers(v, s, ()) for v, s in zip(given, names, strict=True)])
        hints: list[tuple[Any, str]] = [
            (right[::-1], "The smallest comes first."),
            ((-1.0, 1.0), "Not every r12 goes with these two: Sigma has to be positive definite."),
            ((middle, middle), "That is r12 if the third column explains all; it need not."),
            ((-half, half), "That is about zero; it lies about r13 r23."),
            (
                (middle - half**2, middle + half**2),
                "A squared covariance is at most the product of variances: take the root.",
            ),
            (
                (-right[1], -right[0]),
                "The sign: the part that the third explains is taken away from r12.",
            ),
            (
                (middle - np.sqrt(1 - middle**2), middle + np.sqrt(1 - middle**2)),
                "The variances left by the third column are 1 - r13^2 and 1 - r23^2.",
            ),
        ]
        where = f"for r13 = {r13}, r23 = {r23}"
        close(ends, right, f"The pair {where}", hints, "Where is the covariance given 3 possible?")
