"""Checkers for the exercises of chapter 9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers, shape_of


def _pair(value: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that an answer holds, in whatever container."""
    try:
        first, second = value
    except Exception:  # no container, or another number of things
        raise Problem(f"Return two numbers: {what}.") from None
    return first, second


# ---------------------------------------------------------------------------------------------
# 9.2
# ---------------------------------------------------------------------------------------------


@exercise("9.2")
def parts(function: Callable[..., Any]) -> None:
    """Check `function(theta, y)`, which returns I_com and I_mis of linkage."""
    cases = ((0.8, (120, 7, 2, 31)), (0.5, (25, 5, 5, 5)), (0.03, (9, 0, 4, 1)))
    for theta, counts in (*cases, (0.3, (0, 2, 3, 4))):
        y = np.array(counts)
        rho = theta / (2 + theta)
        up, down = (rho * y[0] + y[3]) / theta**2, (y[1] + y[2]) / (1 - theta) ** 2
        missing = y[0] * rho * (1 - rho) / theta**2
        observed = up + down - missing
        given = _pair(call(function, theta, y), "I_com and I_mis")
        first, second = (numbers(v, n, ()) for v, n in zip(given, ("I_com", "I_mis"), strict=True))
        swapped = np.isclose(first, missing) and np.isclose(second, up + down)
        if swapped and not np.isclose(missing, up + down):
            raise Problem("I_com comes first, then I_mis.")
        where = f"at theta = {theta}, y = {counts}"
        complete_hints = [
            (observed, "That is what is observed: I_com less I_mis is to be returned in parts."),
            (up - down, "Both parts of I_com are positive: minus the second derivative of a log."),
            (
                (rho * y[0] + y[3]) / theta + (y[1] + y[2]) / (1 - theta),
                "The second derivative of log theta has theta squared below.",
            ),
            (
                y[3] / theta**2 + down,
                "The rho y_1 animals of the first cell that belong to theta/4 are missing.",
            ),
            (
                (y[0] + y[3]) / theta**2 + down,
                "Only a share rho of the first cell belongs to its theta/4 part.",
            ),
            (
                up + y[1] / (1 - theta) ** 2,
                "Two cells have the probability (1 - theta)/4: y_2 and y_3.",
            ),
            (
                (theta / 2 * y[0] + y[3]) / theta**2 + down,
                "rho is theta/4 as a share of the whole cell, 1/2 + theta/4 (1.13).",
            ),
        ]
        close(first, up + down, f"I_com {where}", complete_hints, "It is minus Q's curvature.")
        hints = [
            (y[0] * rho * (1 - rho), "That is the variance of z; the score is z/theta and more."),
            (
                y[0] * rho * (1 - rho) / theta,
                "A variance goes with the square of the factor: 1/theta^2.",
            ),
            (y[0] * rho / theta**2, "A binomial variance is y_1 rho (1 - rho)."),
            (
                np.sqrt(missing),
                "That is the standard deviation of the score; the variance is missing.",
            ),
            (observed, "That is what is observed; the part that is missing is asked for."),
            (-missing, "A variance is positive: I_mis is taken away from I_com afterwards."),
            (
                missing / (up + down),
                "That is the share that is missing; I_mis itself is asked for.",
            ),
        ]
        close(second, missing, f"I_mis {where}", hints, "It is the variance of the score.")


# ---------------------------------------------------------------------------------------------
# 9.3
# ---------------------------------------------------------------------------------------------


def _delta_case(k: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return weights (K,), none like another, and a covariance of K - 1 logits."""
    rng = np.random.default_rng(seed)
    root = 0.3 * rng.standard_normal((k - 1, k - 1)) + 0.2 * np.eye(k - 1)
    return rng.dirichlet(np.full(k, 2.0)), root @ root.T


@exercise("9.3")
def weight_errors(function: Callable[..., Any]) -> None:
    """Check `function(weights, covariance)`, which returns the standard errors of K weights."""
    for k, seed in ((3, 1), (2, 2), (6, 3)):
        weights, covariance = _delta_case(k, seed)
        slopes = (np.diag(weights) - np.outer(weights, weights))[:, 1:]
        total = slopes @ covariance @ slopes.T
        right = np.sqrt(np.diag(total))
        answer = call(function, weights, covariance)
        if shape_of(answer) == (k - 1,):
            raise Problem(
                f"There are {k} weights but {k - 1} errors: the first weight moves as well, "
                "whenever another does."
            )
        if shape_of(answer) == (k, k):
            raise Problem("That is a matrix; the roots of its diagonal are asked for.")
        alone = np.sqrt(np.diag(covariance))
        rest = slopes.copy()
        rest[1:] = np.diag(weights[1:])
        logs = (np.eye(k) - weights)[:, 1:]
        hints = [
            (np.diag(total), "Those are variances; standard errors are their roots."),
            (
                np.sqrt(slopes**2 @ np.diag(covariance)),
                "The logits are correlated: all of the covariance counts, not its diagonal alone.",
            ),
            (
                np.abs(slopes) @ alone,
                "Standard errors do not add up: G V G^T has squares and products.",
            ),
            (
                np.concatenate([[np.nan], weights[1:] * (1 - weights[1:]) * alone]),
                "Each weight moves with every logit, not with its own alone.",
            ),
            (
                np.sqrt(np.diag(rest @ covariance @ rest.T)),
                "The derivative of pi_j by v_k has a term - pi_j pi_k for every j, j = k too.",
            ),
            (
                np.sqrt(np.diag(logs @ covariance @ logs.T)),
                "That is the error of log pi_j: the factor pi_j is missing from its derivative.",
            ),
        ]
        full = np.zeros((k, k))
        full[1:, 1:] = covariance
        own = np.diag(weights)
        hints += [
            (
                np.sqrt(np.diag(own @ full @ own)),
                "The weights have a sum, by which each is divided: the term - pi_j pi_k is lost.",
            ),
            (
                np.sqrt(np.diag(full)),
                "Those are the errors of the logits; carry them to the weights by (9.13).",
            ),
        ]
        name = f"The vector of standard errors of {k} weights"
        close(answer, right, name, hints, "See (9.13) with the derivatives above.")


# ---------------------------------------------------------------------------------------------
# 9.4
# ---------------------------------------------------------------------------------------------


def _binomial(k: int, n: int) -> tuple[Callable[[float], float], float]:
    def log_likelihood(p: float) -> float:
        if not 0 <= p <= 1:
            raise ValueError(f"f was called at {p}, outside low and high.")
        with np.errstate(divide="ignore"):
            return float(k * np.log(p) + (n - k) * np.log1p(-p))

    return log_likelihood, k / n


def _line(a: float, high: float) -> tuple[Callable[[float], float], float]:
    """Return a skewed curve with its summit at a, which ends before it has fallen far."""

    def log_likelihood(v: float) -> float:
        if not 0 <= v <= high:
            raise ValueError(f"f was called at {v}, outside low and high.")
        return float(-((v - a) ** 2) * (1.0 if v < a else 0.2))

    return log_likelihood, a


def _crossing(
    log_likelihood: Callable[[float], float], best: float, edge: float, drop: float
) -> float:
    floor = log_likelihood(best) - drop

    def above(v: float) -> float:
        return max(log_likelihood(v) - floor, -1e9)

    return edge if above(edge) >= 0 else float(brentq(above, best, edge, xtol=1e-12))


@exercise("9.4")
def likelihood_interval(function: Callable[..., Any]) -> None:
    """Check `function(f, best, low, high, level)`, which returns two ends on a curve."""
    cases = (
        (*_binomial(7, 20), 0.0, 1.0, 0.95),
        (*_binomial(30, 32), 0.0, 1.0, 0.8),
        (*_line(3.0, 4.0), 0.0, 4.0, 0.99),
        (*_line(0.5, 9.0), 0.0, 9.0, 0.95),
    )
    for log_likelihood, best, low, high, level in cases:
        drop = float(chi2.ppf(level, 1) / 2)
        given = _pair(call(function, log_likelihood, best, low, high, level), "the two ends")
        names = ("The lower end", "The upper end")
        ends = np.array([numbers(v, n, ()) for v, n in zip(given, names, strict=True)])

        def at(
            fall: float, f: Any = log_likelihood, b: float = best, e: Any = (low, high)
        ) -> FloatArray:
            return np.array([_crossing(f, b, edge, fall) for edge in e])

        right = at(drop)
        if np.allclose(ends[::-1], right, atol=1e-4) and not np.allclose(right[0], right[1]):
            raise Problem("The lower end comes first.")
        hints = [
            (at(2 * drop), "Twice the fall is chi-squared: half of its percentile is wanted."),
            (
                at(float(chi2.ppf(1 - level, 1) / 2)),
                "The level is how often the truth is inside: ppf(level), not ppf(1 - level).",
            ),
            (at(float(norm.ppf((1 + level) / 2))), "1.96 is in standard errors, 1.92 is in nats."),
            (
                at(float(norm.ppf(level) ** 2 / 2)),
                "An interval has two ends: norm.ppf((1 + level) / 2) is the right one.",
            ),
            (at(float(chi2.ppf(0.95, 1) / 2)), "1.92 is for 95 %: another level, another fall."),
            (
                at(float(chi2.ppf(level, 2) / 2)),
                "One number is asked about: one degree of freedom.",
            ),
            (right - best, "Those are distances from the summit; the ends themselves are wanted."),
        ]
        where = f"The interval with summit {best:.3g} between {low:g} and {high:g}, level {level}"
        close(ends, right, where, hints, "Where f has fallen by chi2.ppf(level, 1) / 2.", rtol=1e-4)


# ---------------------------------------------------------------------------------------------
# 9.7
# ---------------------------------------------------------------------------------------------


def _scores(n: int, p: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((n, p)) @ rng.standard_normal((p, p))
    scores -= scores.mean(axis=0)  # at a summit they sum to zero
    root = rng.standard_normal((p, p))
    return scores, n * (root @ root.T + np.eye(p))


@exercise("9.7")
def sandwich(function: Callable[..., Any]) -> None:
    """Check `function(scores, information)`, which returns robust standard errors."""
    for n, p, seed in ((9, 3, 1), (40, 1, 2), (30, 4, 3)):
        scores, matrix = _scores(n, p, seed)
        inverse, middle = np.linalg.inv(matrix), scores.T @ scores
        total = inverse @ middle @ inverse
        answer = call(function, scores, matrix)
        if p > 1 and shape_of(answer) == (p, p):
            raise Problem("That is a matrix; the roots of its diagonal are asked for.")
        with np.errstate(invalid="ignore"):
            hints = [
                (np.diag(total), "Those are variances; standard errors are their roots."),
                (
                    np.sqrt(np.diag(inverse)),
                    "Those trust the model: the scores have no part in them.",
                ),
                (
                    np.sqrt(np.diag(np.linalg.pinv(middle))),
                    "That is the filling alone, inverted; it goes between two inverses of I_obs.",
                ),
                (
                    np.sqrt(np.diag(total) / n),
                    "The filling is a sum over rows, not a mean: divide nowhere by N.",
                ),
                (
                    np.sqrt(np.diag(total) * n),
                    "The filling is a sum over rows: multiply nowhere by N.",
                ),
                (
                    np.sqrt(np.diag(matrix @ middle @ matrix)),
                    "The bread is the inverse of the information.",
                ),
                (np.sqrt(np.diag(inverse @ middle)), "A sandwich has bread on both sides."),
                (
                    np.sqrt(np.diag(middle)) / np.diag(matrix),
                    "The diagonal of the inverse is wanted, not the inverse of the diagonal.",
                ),
            ]
        name = f"The vector of {p} standard errors"
        close(answer, np.sqrt(np.diag(total)), name, hints, "See (9.19).")
