"""Checkers for the exercises of chapter 1."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from emlib import em
from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers
from emlib.families.linkage import Linkage

HERDS = (np.array([125.0, 18.0, 20.0, 34.0]), np.array([40.0, 11.0, 3.0, 22.0]))
STARTS = (0.2, 0.7)
HARD_CODED = "The counts of the chapter are written into your function; use its argument."
IMPOSSIBLE = "q gives weight to something impossible: what does (1.6) say about L?"


def _next(theta: float, counts: FloatArray) -> float:
    model = Linkage(theta)
    return model.m_step(model.e_step(counts)).theta


# --- 1.4

JOINTS = (  # p(x, z | theta), and q: they differ in length and in order
    (np.array([0.30, 0.05, 0.15]), np.array([0.5, 0.2, 0.3])),
    (np.array([0.02, 0.4]), np.array([0.9, 0.1])),
    (np.array([0.2, 0.1, 0.05, 0.15, 0.3]), np.array([0.1, 0.3, 0.2, 0.15, 0.25])),
)
EDGES = (  # q = 0 where p > 0, and where p = 0; in the middle, too
    (np.array([0.2, 0.7]), np.array([1.0, 0.0])),
    (np.array([0.2, 0.0]), np.array([1.0, 0.0])),
    (np.array([0.3, 0.0, 0.2, 0.1]), np.array([0.25, 0.0, 0.75, 0.0])),
)


@exercise("1.4")
def elbo(function: Callable[..., Any]) -> None:
    """Check `function(log_p, q)`, which returns the ELBO."""
    for p, q in JOINTS:
        _inside(function, np.log(p), q)
    for p, q in EDGES:
        used = q > 0
        expected = q[used] @ (np.log(p[used]) - np.log(q[used]))
        value = _quietly(function, p, q)
        said = f"The ELBO of q = {q.tolist()}"
        if value is None or np.isnan(value):
            raise Problem(f"{said} is NaN. Leave out each z with q(z) = 0 before you multiply.")
        close(value, expected, said, [], "A z with q(z) = 0 adds nothing, whatever p is there.")
    value = _quietly(function, np.array([0.2, 0.0]), np.array([0.5, 0.5]))
    if value is None or value > -1e100:
        raise Problem(
            f"The ELBO of q = [0.5, 0.5] where p = [0.2, 0] should be minus infinity. {IMPOSSIBLE}"
        )


def _inside(function: Callable[..., Any], log_p: FloatArray, q: FloatArray) -> None:
    """Try a joint and a q without zeros."""
    entropy = -np.sum(q * np.log(q))
    average = q @ log_p
    log_likelihood = np.log(np.exp(log_p).sum())
    hints = [
        (average, "That is Q alone. Which part of (1.10) is missing?"),
        (average - entropy, "The entropy enters with the wrong sign. Look at (1.10)."),
        (-(average + entropy), "The whole has the wrong sign: what is over what in (1.5)?"),
        (log_likelihood, "That is the log-likelihood, whatever q is. The ELBO depends on q."),
        (log_likelihood - average - entropy, "That is the divergence of (1.6), not the bound."),
        (entropy, "That is the entropy alone; where is log p?"),
        (q @ np.exp(log_p) + entropy, "The argument holds logarithms already."),
        (np.sum(log_p - np.log(q)), "That is a sum, not an average: where is the weight q(z)?"),
        ((average + entropy) / len(q), "An average over q needs no division by how many z."),
        (average - np.log(q).sum(), "The logarithms of q are averaged too: with which weights?"),
        ((average + entropy) / np.log(2), "That is in bits: the book's logarithms are natural."),
    ]
    close(call(function, log_p, q), average + entropy, "The ELBO", hints, "Go back to (1.5).")


def _quietly(function: Callable[..., Any], p: FloatArray, q: FloatArray) -> float | None:
    """Return the reader's ELBO where there are zeros, or None for what is NaN."""
    with np.errstate(all="ignore"):
        value = call(function, np.log(p), q)
    try:
        return float(numbers(value, "The ELBO", ()))
    except Problem as problem:
        if "NaN" in str(problem):
            return None
        raise


# --- 1.5


@exercise("1.5")
def em_step(function: Callable[..., Any]) -> None:
    """Check `function(theta, counts)`, which returns the next theta."""
    for counts in HERDS:
        for theta in STARTS:
            name = f"The step from theta = {theta} with counts {counts.astype(int).tolist()}"
            close(
                call(function, theta, counts),
                _next(theta, counts),
                name,
                _slips(theta, counts),
                "Compare with (1.13) and (1.14), letter by letter.",
            )


def _slips(theta: float, counts: FloatArray) -> list[tuple[float, str]]:
    """Return what known mistakes in an EM step lead to."""
    y1, y2, y3, y4 = (float(y) for y in counts)
    share = theta / (2 + theta)
    z = y1 * share

    def update(z: float) -> float:
        return (z + y4) / (z + y2 + y3 + y4)

    below = "A summand is missing below the line: everything that knows theta is counted there."
    old = HERDS[0]
    one = (old[0] * share + y4) / (old[0] * share + y2 + y3 + y4)
    two = z / (2 * z + y2 + y3 + y4)
    return [
        (_next(theta, old), HARD_CODED),
        (one, HARD_CODED),
        ((z + y4) / (z + y4 + 38), HARD_CODED),
        ((z + 34) / (z + 34 + y2 + y3), HARD_CODED),
        ((z + 34) / (z + 34 + 38), HARD_CODED),
        ((z + y4) / counts.sum(), "The denominator counts animals that say nothing of theta."),
        (
            update(y1 * theta / 4),
            "theta/4 is not the share of class 1: divide by the probability of the class.",
        ),
        (update(y1 - z), "That is the share of the *other* part."),
        (update(y1 * theta / (2 - theta)), "The share is off: is it plus or minus in (1.13)?"),
        (update(y1 * theta / (1 + theta)), "The share is off: 1/2 is twice 1/4. See (1.13)."),
        (update(y1 * theta), "The share of class 1 is not theta itself. See (1.13)."),
        (update(float(np.round(z))), "Do not round the expected count."),
        (z, "That is the expected count alone. It is put into (1.14)."),
        (share, "That is the responsibility alone. It is put into (1.13), then (1.14)."),
        (z / (z + y2 + y3), "Class 4 speaks for theta too: it is forgotten."),
        (z / (z + y2 + y3 + y4), "Above the line class 4 is forgotten: it speaks for theta too."),
        (two, "Above the line class 4 is forgotten: it speaks for theta too."),
        ((z + y3) / (z + y2 + y3 + y4), "Class 4 speaks for theta, class 3 against. Count from 0."),
        ((z + y4) / (z + y2 + y3), below),
        ((z + y4) / (z + y2 + y4), below),
        ((z + y4) / (z + y3 + y4), below),
        ((z + y4) / (y2 + y3 + y4), below),
        ((z + y4) / (y2 + y3), "That is the odds: below the line stand all who know theta."),
        (1 - update(z), "That is the share that speaks *against* theta."),
        (_next(_next(theta, counts), counts), "Those are two steps. One is wanted."),
        (em.fit(Linkage(theta), counts, tol=1e-13).model.theta, "That is the limit, not a step."),
        (theta, "Your function returns theta unchanged."),
    ]


# --- 1.7


@exercise("1.7")
def rate_of(function: Callable[..., Any]) -> None:
    """Check `function(iterates)`, which estimates the rate from the last three values."""
    sequences = [
        np.array([step.model.theta for step in islice(em.iterate(Linkage(0.3), counts), n)])
        for counts, n in ((HERDS[0], 6), (HERDS[1], 5))
    ]
    # No geometric sequence: every other triple gives another ratio. And three values only.
    sequences += [np.array([0.0, 1.0, 3.0, 3.5, 3.3, 3.4]), np.array([2.0, 1.0, 0.75])]
    for theta in sequences:
        steps = np.diff(theta)
        ratios = steps[1:] / steps[:-1]
        hints = [
            (1 / ratios[-1], "Upside down: the newer difference belongs in the numerator."),
            (theta[-1] / theta[-2], "Take the ratio of differences, not of the values."),
            (-ratios[-1], "The sign is wrong: take both differences in the same direction."),
            (
                steps[-1] / (theta[-1] - theta[-3]),
                "The last value stands in for the limit there; the exercise wants two successive "
                "differences, so the denominator ends one value earlier.",
            ),
            (steps[-1], "That is the last difference. Divide it by the one before."),
        ]
        if len(theta) > 3:
            hints += [
                (ratios[0], "Those are the first three values. The rate is a limit: use the last."),
                (ratios[-2], "One step too early: the last value is not used."),
                (ratios.mean(), "An average over all steps: the first are not near the limit."),
            ]
        said = f"The rate of {np.round(theta, 3).tolist()}"
        close(call(function, theta), ratios[-1], said, hints, "Two differences, of three values.")


# --- 1.8


@exercise("1.8")
def relaxed_step(function: Callable[..., Any]) -> None:
    """Check `function(theta, counts, omega)`, the over-relaxed EM step."""
    for counts in HERDS:
        for theta in STARTS:
            for omega in (1.0, 1.2, 0.5):
                full = _next(theta, counts)
                step = full - theta
                hints = [
                    (omega * step, "That is the step alone. From where does it start?"),
                    (full + omega * step, "You start from M(theta); start from theta."),
                    (theta - omega * step, "That goes backwards: the step is M(theta) - theta."),
                ]
                if omega == 1:
                    hints.append((theta, "With omega = 1 it is EM, but your function stays put."))
                else:
                    hints += [
                        (full - omega * step, "You start from M(theta); start from theta."),
                        (full + (1 - omega) * step, "Beyond M(theta) it is omega - 1 of a step."),
                        (omega * full, "Omega multiplies the *step*, not the new point."),
                        (full, "Omega has no effect in your function."),
                        (omega * theta + (1 - omega) * full, "Omega belongs to the other point."),
                        (theta + step / omega, "The step is multiplied by omega, not divided."),
                    ]
                if counts is not HERDS[0]:
                    old = _next(theta, HERDS[0])
                    hints += [(old, HARD_CODED), (theta + omega * (old - theta), HARD_CODED)]
                plain = ", which is plain EM," if omega == 1 else ""
                name = f"The step from {theta} with omega = {omega}{plain}"
                close(call(function, theta, counts, omega), theta + omega * step, name, hints)
