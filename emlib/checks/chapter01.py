"""Checkers for the exercises of chapter 1."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from emlib import em
from emlib.checks._core import Problem, call, close, exercise, numbers
from emlib.families.linkage import Linkage

HERDS = (np.array([125.0, 18.0, 20.0, 34.0]), np.array([40.0, 11.0, 3.0, 22.0]))
STARTS = (0.2, 0.7)
HARD_CODED = "The counts of the chapter are written into your function; use its argument."


def _next(theta: float, counts: np.ndarray) -> float:
    model = Linkage(theta)
    return model.m_step(model.e_step(counts)).theta


@exercise("1.4")
def elbo(function: Callable[..., Any]) -> None:
    """Check `function(log_p, q)`, which returns the ELBO."""
    log_p = np.log(np.array([0.30, 0.05, 0.15]))
    q = np.array([0.5, 0.2, 0.3])
    entropy = -np.sum(q * np.log(q))
    value = call(function, log_p, q)
    hints = [
        (q @ log_p, "That is Q alone. Which part of (1.10) is missing?"),
        (q @ log_p - entropy, "The entropy enters with the wrong sign. Look at (1.10)."),
        (-(q @ log_p + entropy), "The whole has the wrong sign: what is over what in (1.5)?"),
        (np.log(0.5), "That is the log-likelihood, whatever q is. The ELBO depends on q."),
        (q @ np.exp(log_p) + entropy, "The argument holds logarithms already."),
    ]
    close(value, q @ log_p + entropy, "The ELBO", hints, "Go back to (1.5).")
    for impossible in (-np.inf, np.log(0.7)):  # q = 0 where p = 0, and where p > 0
        with np.errstate(all="ignore"):
            value = call(function, np.array([np.log(0.2), impossible]), np.array([1.0, 0.0]))
        if np.isnan(np.asarray(value, dtype=float)).any():
            raise Problem("With q(z) = 0 for some z the result is NaN. Leave those z out.")
        close(value, np.log(0.2), "The ELBO of a q that is certain")


@exercise("1.5")
def em_step(function: Callable[..., Any]) -> None:
    """Check `function(theta, counts)`, which returns the next theta."""
    for counts in HERDS:
        for theta in STARTS:
            share = theta / (2 + theta)
            rest = counts[1:].sum()

            def update(z: float, counts: np.ndarray = counts, rest: float = rest) -> float:
                return float((z + counts[3]) / (z + rest))

            limit = em.fit(Linkage(theta), counts, tol=1e-13).model.theta
            hints = [
                (_next(theta, HERDS[0]), HARD_CODED),
                (
                    (counts[0] * share + counts[3]) / counts.sum(),
                    "The denominator counts animals that say nothing of theta.",
                ),
                (
                    update(counts[0] * theta / 4),
                    "theta/4 is not the share of class 1: divide by the probability of the class.",
                ),
                (update(counts[0] * (1 - share)), "That is the share of the *other* part."),
                (update(np.round(counts[0] * share)), "Do not round the expected count."),
                (limit, "That is the limit. One step is wanted."),
                (theta, "Your function returns theta unchanged."),
            ]
            name = f"The step from theta = {theta} with counts {counts.astype(int).tolist()}"
            close(call(function, theta, counts), update(counts[0] * share), name, hints)


@exercise("1.7")
def rate_of(function: Callable[..., Any]) -> None:
    """Check `function(iterates)`, which estimates the rate from the last three values."""
    for counts, n in ((HERDS[0], 6), (HERDS[1], 5)):
        steps = islice(em.iterate(Linkage(0.3), counts), n)
        theta = np.array([step.model.theta for step in steps])
        ratios = np.diff(theta)[1:] / np.diff(theta)[:-1]
        hints = [
            (1 / ratios[-1], "Upside down: the newer difference belongs in the numerator."),
            (theta[-1] / theta[-2], "Take the ratio of differences, not of the values."),
            (-ratios[-1], "The sign is wrong: take both differences in the same direction."),
            (ratios[0], "Those are the first three values. The rate is a limit: use the last."),
            (ratios.mean(), "An average over all steps: the first ones are not near the limit."),
        ]
        close(call(function, theta), ratios[-1], "The rate", hints, "Use the last three values.")


@exercise("1.8")
def relaxed_step(function: Callable[..., Any]) -> None:
    """Check `function(theta, counts, omega)`, the over-relaxed EM step."""
    for counts in HERDS:
        for theta in STARTS:
            full = _next(theta, counts)
            hints = [
                (full + (full - theta), "You start from M(theta); start from theta."),
                (_next(theta, HERDS[0]), HARD_CODED),
            ]
            at_one = numbers(call(function, theta, counts, 1.0), "The step", ())
            close(at_one, full, "The step with omega = 1, which is plain EM,", hints)
            hints = [
                (1.2 * full, "Omega multiplies the *step*, not the new point."),
                (full, "Omega has no effect in your function."),
            ]
            value = call(function, theta, counts, 1.2)
            close(value, theta + 1.2 * (full - theta), "The step with omega = 1.2", hints)
