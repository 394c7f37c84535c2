"""Checkers for assignment 4: five repairs to a program, labels for some, shapes in groups.

What is right comes from SciPy's densities, from `emlib.iterate`, and from the laws that a right
answer obeys. Without a case the checkers use small data of their own; hidden tests give others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from emlib._machinery.value import FloatArray, IntArray
from emlib.checks._core import (
    NotAttempted,
    Problem,
    Worth,
    call,
    close,
    distributions,
    hidden_rng,
    numbers,
    own_rng,
    right_so_far,
    task,
)
from emlib.checks._core import points as points  # test cells end with it
from emlib.checks.set3 import in_order, must_depend, parts, shape_of
from emlib.em import iterate
from emlib.families.gaussian import GaussianMixture

Hints = list[tuple[ArrayLike, str]]
Mixture = tuple[FloatArray, FloatArray, FloatArray]  # weights, means, covariances

THETA: Mixture = (
    np.array([0.3, 0.5, 0.2]),
    np.array([[0.0, 0.5], [3.0, 1.0], [1.0, 4.0]]),
    np.array([[[1.0, 0.4], [0.4, 2.0]], [[0.5, -0.2], [-0.2, 0.7]], [[3.0, 1.0], [1.0, 1.5]]]),
)
WHOLE = (np.array([[0, 1], [2, 3], [3, 0], [-1, 5], [4, 2]]), THETA[1], THETA[2])
POINTS = np.array(
    [
        [0.1, 0.9],
        [2.7, 1.4],
        [1.2, 3.1],
        [-1.0, 0.3],
        [3.5, 0.2],
        [0.6, 4.9],
        [1.9, 1.8],
        [2.2, 0.7],
    ]
)
START = GaussianMixture(*THETA)
RUN = (START, START.sample(60, rng=41)[0], 4)
# History, tol, and what is wanted: True, False, or "fell" for an exception.
HISTORIES: tuple[tuple[list[float], float, bool | str], ...] = (
    ([-120.0, -104.0, -101.5], 1e-3, False),
    ([-120.0, -101.5, -101.4996], 1e-3, True),
    ([-101.5, -101.5], 1e-6, True),
    ([-120.0, -100.0, -105.0], 1e-3, "fell"),
    ([-120.0, -100.0, -100.0004], 1e-3, "fell"),
    ([-120.0, -100.0, -100.0 - 1e-11], 1e-3, True),
    ([-120.0], 1e-3, False),
    ([-2e6, -1000000.9, -1000000.4], 1e-3, False),
    ([-2e6, -1e6, -1e6 - 1e-5], 1e-3, True),
    ([-10.0, -12.0, -9.0], 1e-3, False),  # an earlier fall is no concern of the last step
    ([-10.0, -12.0, -11.9999], 1e-3, True),
    ([-2e4, -1e4, -1e4 - 5e-5], 1e-3, "fell"),
    ([-1.0, -0.01, -0.01 - 1e-10], 1e-3, "fell"),
    ([-3.0, -2.0], 1.0, False),  # less than tol, and not as much
)
STARTS = (np.array([[-0.4, 0.2], [0.7, 0.5], [-1.4, 0.1], [-0.2, -0.3]]), 12)
LABELLED = (POINTS, np.array([-1, 1, -1, 0, -1, 2, -1, -1]), *THETA)
GROUPED = (
    POINTS,
    np.array(
        [
            [0.7, 0.2, 0.1],
            [0.1, 0.8, 0.1],
            [0.3, 0.3, 0.4],
            [0.9, 0.0, 0.1],
            [0.0, 1.0, 0.0],
            [0.2, 0.0, 0.8],
            [0.5, 0.3, 0.2],
            [0.2, 0.7, 0.1],
        ]
    ),
    np.array([1, 0, 1]),
)


def _log_normal(x: FloatArray, means: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return log N(x_n | mu_k, Sigma_k), shape (N, K), as SciPy computes it."""
    columns = [
        np.atleast_1d(multivariate_normal(m, c).logpdf(x))
        for m, c in zip(means, covariances, strict=True)
    ]
    return np.array(columns).T


# --- five repairs


def _log_determinants(covariances: FloatArray) -> FloatArray:
    d = covariances.shape[1]
    zero = np.zeros((1, d))
    top = [_log_normal(zero, zero, c[None])[0, 0] for c in covariances]
    return np.asarray(-2 * np.array(top) - d * np.log(2 * np.pi))


@task("log-determinants")
def log_determinants(function: Callable[..., Any], *, case: FloatArray = THETA[2]) -> None:
    """Check `function(covariances)`, which returns the log determinant of each."""
    with np.errstate(all="ignore"):
        value = call(function, case)
    if case is not THETA[2]:
        must_depend(function, value, (case,), (THETA[2],))
    right = _log_determinants(case)
    diagonal = np.diagonal(case, axis1=1, axis2=2)
    hints: Hints = [
        (np.exp(right), "Those are the determinants; their logarithms are wanted."),
        (
            right / 2,
            "That is the log determinant of the factor L, half of what is wanted, see (4.6).",
        ),
        (
            np.log(diagonal).sum(axis=1),
            "You use the diagonal of each covariance only. What of the entries beside it?",
        ),
        (np.ones(len(case)), "That is the sign of each determinant. `slogdet` returns two things."),
        (-right, "The sign is wrong: that belongs to the inverses."),
        (right / np.log(10), "Those are logarithms to base 10; natural ones are wanted."),
        (2 * right, "That is twice the log determinant: the diagonal of L counts twice, not more."),
    ]
    close(value, right, "The array of log determinants", hints, "See (4.6).")
    d = 300
    tilted = 0.5 * np.eye(d) + 0.5
    for variance in (1e-2, 1e4):
        large = np.array([variance * tilted, 2 * variance * tilted])
        with np.errstate(all="ignore"):
            value = call(function, large)
        must_depend(function, value, (large,), (case,))
        value = numbers(value, "The array of log determinants", (2,))
        if not np.isfinite(value).all():
            raise Problem(
                f"With {d} features, each with a variance of {variance:g}, you return {value[0]}: "
                "the determinant is a number that float64 cannot hold. Never form it; its "
                "logarithm is an ordinary number."
            )
        name = f"The array of log determinants, {d} features,"
        formed = "Is the determinant formed, and something added to it? Never form it."
        close(value, _log_determinants(large), name, (), formed)
    scales = np.where(np.arange(d) % 2, 1e-2, 1.0)
    for title, hard in (
        ("variances of 1e-4 and 1 mixed", (tilted * np.outer(scales, scales))[None]),
        ("variances of 1e-8", 1e-8 * np.eye(3)[None]),
    ):
        with np.errstate(all="ignore"):
            value = call(function, hard)
        name = f"The array of log determinants, {title},"
        ask = "Is the determinant formed, or are small variances replaced by larger ones?"
        close(value, _log_determinants(hard), name, (), ask)


@task("squared-distances")
def squared_distances(
    function: Callable[..., Any], *, case: tuple[Any, FloatArray, FloatArray] = WHOLE
) -> None:
    """Check `function(x, means, covariances)`, squared Mahalanobis distances (N, K)."""
    x, means, covariances = case
    for arguments in (
        case,
        (x + 0.25, means, covariances),
        (x, np.rint(means).astype(int), covariances),
        (x + 0.25, means, np.tile(2 * np.eye(x.shape[1], dtype=int) + 1, (len(means), 1, 1))),
    ):
        points, centres, covariances = arguments
        value = call(function, *arguments)
        if isinstance(value, np.ndarray) and value.dtype == object:
            raise Problem(
                "Your table is an array of Python objects, dtype=object, which is slow and which "
                "NumPy's functions refuse. Which type holds numbers that are not whole?"
            )
        must_depend(function, value, arguments, WHOLE)
        at = np.asarray(points, dtype=float)
        floats = np.asarray(centres, dtype=float)
        top = _log_determinants(covariances) + x.shape[1] * np.log(2 * np.pi)
        right = -2 * _log_normal(at, floats, covariances) - top
        whole = np.array(np.trunc(floats))
        ruler = ((at[:, None] - floats) ** 2).sum(axis=2)
        own = np.diagonal(covariances, axis1=1, axis2=2)
        scaled = ((at[:, None] - floats) ** 2 / own).sum(axis=2)
        cut = (
            "The distances are cut down to whole numbers. Into what array are they put, and of "
            "which type is it? Try integer points and integer means."
        )
        hints: Hints = [
            (np.floor(right + 1e-9), cut),
            (np.floor(right - 1e-9), cut),
            (
                np.rint(right),
                "The distances are rounded to whole numbers. Distances between whole numbers are "
                "not whole.",
            ),
            (np.sqrt(right), "Those are distances; their squares are wanted."),
            (ruler, "That is the ruler's distance; the covariance has no part in it."),
            (scaled, "The off-diagonal entries of the covariances have no part in it."),
            (
                -2 * _log_normal(at, whole, covariances) - top,
                "The means are cut down to whole numbers. It is the data that should become "
                "floats.",
            ),
        ]
        if shape_of(value) == right.shape[::-1] != right.shape:
            raise Problem("The result should have one row a point, (N, K). It looks transposed.")
        close(value, right, "The table of squared distances", hints, "See (4.3).")
        if not np.allclose(np.asarray(value, dtype=float), right, rtol=1e-10, atol=1e-9):
            raise Problem(
                "The first digits of the distances are right, and the last ones are not: float64 "
                "has fifteen. Is there a type with fewer than 64 bits on the way?"
            )
    covariances = case[2]
    far = np.rint(x).astype(int) + 10**8
    value = call(function, far, means + 1e8, covariances)
    right = np.asarray(call(function, np.rint(x), means, covariances), dtype=float)
    lost = (
        "A hundred million from the origin digits are lost: is there a type with fewer than 64 "
        "bits on the way, or a square that is formed before the mean is subtracted?"
    )
    close(value, right, "The table of squared distances", [], lost)


@task("run")
def run(function: Callable[..., Any], *, case: tuple[GaussianMixture, Any, int] = RUN) -> None:
    """Check `function(model, x, steps)`, which returns the last model and the history."""
    model, x, steps = case
    walk = list(_first(model, x, max(steps, 1) + 2))
    for n in (steps, 1, 0):
        last, history = parts(call(function, model, x, n), ("the model", "the history"))
        if not isinstance(last, GaussianMixture):
            raise Problem(f"First comes the model, but yours is {type(last).__name__}.")
        values = np.ravel(numbers(history, "The history", shape_of(history) or ()))
        own = last.log_likelihood(x)
        made = [t for t, (m, _) in enumerate(walk) if np.allclose(m.means, last.means, rtol=1e-9)]
        if n not in made:
            got = f"the one after {made[0]}" if made else "none that EM passes through"
            raise Problem(f"The model after {n} steps is wanted; yours is {got}.")
        if len(values) and not np.isclose(values[-1], own, rtol=1e-12, atol=1e-9):
            nearly = np.isclose(values[-1], own, rtol=1e-6) and abs(values[-1] - own) < 1e-3
            raise Problem(
                f"The history ends with {values[-1]:.12g}, but the model that you return has a "
                f"log-likelihood of {own:.12g}. "
                + ("Is it rounded?" if nearly else "To which model does that last value belong?")
            )
        if len(values) != n + 1:
            raise Problem(
                f"The start and {n} steps make {n + 1} models, but the history holds "
                f"{len(values)} values."
            )
        for t, (mine, (_, right)) in enumerate(zip(values, walk, strict=False)):
            if not np.isclose(mine, right, rtol=1e-12, atol=1e-9):
                raise Problem(
                    f"Value {t} of the history is {mine:.10g}; model {t} has a log-likelihood of "
                    f"{right:.10g}."
                )
    points = np.asarray(x, dtype=float)  # one component rests at once
    rest = GaussianMixture(np.ones(1), points.mean(axis=0)[None], np.cov(points.T, ddof=0)[None])
    _, history = parts(call(function, rest, x, 3), ("the model", "the history"))
    if shape_of(history) != (4,):
        raise Problem(
            "From a model at which EM rests your history holds "
            f"{np.size(history)} values for 3 steps, and 4 are wanted: `steps` steps are made, "
            "whether they gain or not."
        )


def _first(model: GaussianMixture, x: Any, n: int) -> Sequence[tuple[GaussianMixture, float]]:
    """Return the first n iterates, each with its log-likelihood."""
    steps = iterate(model, x)
    return [(step.model, step.log_likelihood) for step, _ in zip(steps, range(n), strict=False)]


@task("has-converged")
def has_converged(
    function: Callable[..., Any],
    *,
    cases: Sequence[tuple[list[float], float, bool | str]] = HISTORIES,
) -> None:
    """Check `function(history, tol)`, which says if EM has converged, or raises."""
    if not callable(function):
        raise Problem(f"A function is wanted here, but this is {type(function).__name__}.")
    for history, tol, wanted in cases:
        told = f"For the history {history} and tol {tol:g}"
        gain = float(np.diff(history)[-1]) if len(history) > 1 else np.nan
        try:
            given = list(history)
            value = function(given, tol)
        except NotImplementedError:
            raise NotAttempted from None
        except ArithmeticError as error:
            if wanted == "fell":
                continue
            rounding = f"A fall of {-gain:.3g} is mere rounding for values of this size."
            why = rounding if gain < 0 else _not_fallen(history)
            raise Problem(f"{told} you raise {type(error).__name__}. {why}") from None
        except Exception as error:
            raise Problem(f"{told} your function stopped with {type(error).__name__}.") from None
        if given != history:
            raise Problem(f"{told} your function changes the history that it was given.")
        if value is ...:
            raise NotAttempted
        if value is None:
            raise Problem("Your function returned nothing. Did you forget `return`?")
        if not isinstance(value, (bool, np.bool_)):
            raise Problem(f"True or False is wanted. {told} you return {_kind(value)}.")
        if wanted == "fell":
            small = " A fall smaller than tol is still a fall." if -gain < tol else ""
            raise Problem(
                f"{told} you return {value}, though the last step fell by {-gain:.3g} nats, far "
                f"more than rounding. EM cannot do that: it is a bug, so raise an error.{small}"
            )
        if bool(value) != wanted:
            raise Problem(f"{told} you return {value}. {_gained(gain, tol)}")


def _not_fallen(history: list[float]) -> str:
    if len(history) > 2 and min(np.diff(history)) < 0:
        return "The last step has not fallen, and an earlier one is not asked about."
    return "Nothing has fallen."


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _gained(gain: float, tol: float) -> str:
    if np.isnan(gain):
        return "One value is no evidence: no step has been made yet."
    if gain < 0:
        return "The last step fell by mere rounding, so it gained nothing."
    if gain == tol:
        return f"The last step gained {gain:.3g} nats, as much as tol, and not less."
    return f"The last step gained {gain:.3g} nats; tol is in nats, too."


def _height(theta: FloatArray) -> float:
    """Return a function with two summits along its first coordinate, the higher near +1."""
    first, rest = theta[0], theta[1:] - 0.5 * theta[0]
    return float(-((first**2 - 1) ** 2) + 0.3 * first - rest @ rest)


def _advance(theta: FloatArray, rate: float = 0.05) -> float:
    """Move theta uphill, in place, and return the new height."""
    first, rest = theta[0], theta[1:] - 0.5 * theta[0]
    slope = np.append(-4 * first * (first**2 - 1) + 0.3 + rest.sum(), -2 * rest)
    theta += rate * slope
    return _height(theta)


def _stride(theta: FloatArray) -> float:
    """Move theta as `_advance` does, but so far that it may pass over the summit, and fall."""
    return _advance(theta, 0.25)


def _below_zero(theta: FloatArray) -> float:
    """Move theta as `_advance` does, on a landscape that lies below zero, as most do."""
    return _advance(theta) - 50


def _check_below_zero(function: Callable[..., Any], starts: FloatArray, steps: int) -> None:
    """Check objectives below zero, with the best run last and then first."""
    ends = starts.copy()
    tops = np.array([[_below_zero(theta) for _ in range(steps)][-1] for theta in ends])
    order = np.argsort(tops)
    for rows, place in ((order, "last"), (order[::-1], "first")):
        value = call(function, _below_zero, starts[rows], steps)
        best, theta = value
        if theta is None:
            raise Problem("With objectives below zero you return no theta: is zero the best yet?")
        told = f"With objectives below zero, of which the {place} run has the best, yours"
        without = f"{told} is the second best. Is the {place} start left out?"
        hints: Hints = [(np.sort(tops)[-2], without)]
        close(best, tops.max(), told, hints, "Does every run count, and nothing but the runs?")


def _creeping(theta: FloatArray) -> float:
    """Double theta, in place: from near zero the objective hardly moves at first."""
    theta *= 2.0
    return float(theta @ theta)


@task("best-restart")
def best_restart(function: Callable[..., Any], *, case: tuple[FloatArray, int] = STARTS) -> None:
    """Check `function(advance, starts, steps)`, which returns the best objective and its theta."""
    starts, steps = case
    for advance in (_advance, _stride):
        ends = starts.copy()
        paths = [[advance(theta) for _ in range(steps)] for theta in ends]  # each moves its end
        tops = [path[-1] for path in paths]
        value = call(function, advance, starts, steps)
        best, theta = parts(value, ("the best objective", "its theta"))
        if case is not STARTS:
            must_depend(function, value, (advance, *case), (advance, *STARTS))
        right = ends[int(np.argmax(tops))]
        in_order((best, theta), (max(tops), right))
        worst = ", the worst of all" if tops[-1] == min(tops) else ""
        more = max(advance(theta) for theta in ends.copy())
        fewer = max([path[-2] for path in paths if len(path) > 1], default=np.nan)
        hints: Hints = [
            (tops[-1], f"That is the objective of the last start{worst}, which is not the best."),
            (max(tops[1:]), "The first start is left out, and it led to the best end."),
            (max(tops[:-1]), "The last start is left out, and it led to the best end."),
            (more, "That is the best objective after one step more than `steps`."),
            (fewer, "That is the best objective after one step fewer than `steps`."),
            (min(tops), "That is the worst objective of all."),
            (tops[0], "That is the objective of the first start only."),
            (
                max(map(max, paths)),
                "That is the best objective that a run passed on its way (steps may overshoot). "
                "What counts is the one that a run ended with.",
            ),
        ]
        ask = "Does every run begin at its own start, and make `steps` steps?"
        close(best, max(tops), "The best objective", hints, ask)
        theta = numbers(theta, "The best theta", right.shape)
        other = (
            f"You return an objective of {max(tops):.4f} with a theta whose objective is "
            f"{_height(theta):.4f}. "
        )
        hints = [
            (
                ends[-1],
                f"{other}It is where the *last* start ended. What has happened to the theta of the "
                "best run since it was kept?",
            ),
            (
                starts[int(np.argmax(tops))],
                f"{other}It is where the best run began, not where it ended.",
            ),
        ]
        close(theta, right, "The best theta", hints, other)
    _check_below_zero(function, starts, steps)
    slow = 1e-5 * np.array([[1.0, 2.0], [3.0, 1.0], [2.0, 1.0]])
    best, _ = parts(call(function, _creeping, slow, 16), ("the best objective", "its theta"))
    right = float((slow[1] * 2.0**16) @ (slow[1] * 2.0**16))
    ask = "`steps` steps are asked for, however little one of them gains."
    close(best, right, "The best objective of runs that gain little at first", (), ask)


# --- labels for some


@task("labelled-e-step")
def labelled_e_step(
    function: Callable[..., Any],
    *,
    case: tuple[FloatArray, IntArray, FloatArray, FloatArray, FloatArray] = LABELLED,
) -> None:
    """Check `function(x, labels, weights, means, covariances)`: r and the log-likelihood."""
    x, labels, w, means, covariances = case
    with np.errstate(all="ignore"):
        value = call(function, x, labels, w, means, covariances)
    r, top = parts(value, ("the responsibilities", "the log-likelihood"))
    must_depend(function, value, case, LABELLED)
    if shape_of(r) == () and shape_of(top) == (len(x), len(w)):
        first = "The responsibilities come first, then the log-likelihood."
        turned: Callable[..., Any] = lambda *arguments: function(*arguments)[::-1]  # noqa: E731
        vars(labelled_e_step)["__wrapped__"](turned, case=case)  # is all else right?
        raise Problem(f"{first} All else is right.", keeps=2 / 3)
    normal = _log_normal(x, means, covariances)
    joint = np.log(w) + normal
    density = logsumexp(joint, axis=1)
    free = np.exp(joint - density[:, None])
    known = labels >= 0
    sure = np.eye(len(w))[labels]
    right = np.where(known[:, None], sure, free)
    name = "The array of responsibilities"
    zero = "0 is a label too; only -1 means unknown."
    r = distributions(r, "the array of responsibilities", right.shape)
    plain = np.exp(normal - logsumexp(normal, axis=1, keepdims=True))
    hints: Hints = [
        (np.where((labels > 0)[:, None], sure, free), zero),
        (np.where((labels != 0)[:, None], sure, free), zero),
        (free, "The labels have no part in it. How sure are you of a point whose label is known?"),
        (
            sure,
            "Every point is treated as labelled. A label of -1 means unknown; as an index, -1 "
            "means the last component.",
        ),
        (np.where(known[:, None], sure, 1 / len(w)), "Points without a label are split evenly."),
        (np.where(known[:, None], sure, w), "Points without a label get the weights, whatever x."),
        (np.where(known[:, None], sure, plain), "The weights are missing in (4.8)."),
        (
            np.where(known[:, None], free, sure),
            "Labelled and unlabelled points are exchanged.",
        ),
    ]
    close(r, right, name, hints, "Which q closes the gap, for a point whose label is known?")
    right_so_far(1 / 3, "the responsibilities")
    labelled = joint[np.arange(len(x)), labels]
    total = np.where(known, labelled, density).sum()
    hints = [
        (np.where(labels > 0, labelled, density).sum(), f"In the log-likelihood, {zero}"),
        (
            density.sum(),
            "That is the log-likelihood of the points alone. A label is an observation, too: what "
            "is the probability of a point *and* its label?",
        ),
        (density[~known].sum(), "The labelled points are left out."),
        (labelled[known].sum(), "The unlabelled points are left out."),
        (
            np.where(known, normal[np.arange(len(x)), labels], density).sum(),
            "For a labelled point the weight of its component is missing: the label has a "
            "probability.",
        ),
        (
            (right * joint).sum(),
            "That is the expected log joint Q. The bound has one more part, and touches the "
            "log-likelihood only with it.",
        ),
        (labelled.sum(), "You treat -1 as an index; it means that the label is unknown."),
        (total / len(x), "That is the mean over the points; the sum is wanted."),
    ]
    close(top, total, "The log-likelihood", hints, "Add up what was observed of each point.")
    right_so_far(2 / 3, "both results, where all is near and some points have a label")
    far = np.vstack([x, x[:2] + 1000.0])
    more = np.append(labels, [-1, 0])
    with np.errstate(all="ignore"):
        value = call(function, far, more, w, means, covariances)
    must_depend(function, value, (far, more, w, means, covariances), case)
    r, top = parts(value, ("the responsibilities", "the log-likelihood"))
    r = numbers(r, name, (len(far), len(w)))
    if not (np.isfinite(r).all() and np.isfinite(numbers(top, "The log-likelihood", ()))):
        raise Problem(
            "With two points a thousand units away the result is not finite: densities underflow. "
            "Stay with logarithms."
        )
    joint = np.log(w) + _log_normal(far, means, covariances)
    density = logsumexp(joint, axis=1)
    right = np.where((more >= 0)[:, None], np.eye(len(w))[more], np.exp(joint - density[:, None]))
    close(r, right, f"{name}, with points far away,")
    total = np.where(more >= 0, joint[np.arange(len(far)), more], density).sum()
    ask = "Is a constant added to a density, or is one cut off, before the logarithm?"
    close(top, total, "The log-likelihood, with points far away,", (), ask)
    _check_absent_labels(function, case)


def _check_absent_labels(function: Callable[..., Any], case: tuple[Any, ...]) -> None:
    """Check what happens if a component, or every one, has no labelled point."""
    x, labels, w, means, covariances = case
    joint = np.log(w) + _log_normal(x, means, covariances)
    density = logsumexp(joint, axis=1)
    for title, some in (
        ("no point of the last component labelled", np.where(labels == len(w) - 1, -1, labels)),
        ("only points of the first component labelled", np.where(labels > 0, -1, labels)),
        ("no labels at all", np.full(len(x), -1)),
        ("every point labelled", np.where(labels < 0, 0, labels)),
    ):
        known = some >= 0
        free = np.exp(joint - density[:, None])
        right = np.where(known[:, None], np.eye(len(w))[some], free)
        total = np.where(known, joint[np.arange(len(x)), some], density).sum()
        try:
            value = call(function, x, some, w, means, covariances)
            r, top = parts(value, ("the responsibilities", "the log-likelihood"))
            close(r, right, "The array of responsibilities")
            close(top, total, "The log-likelihood")
        except Problem as problem:
            raise Problem(f"With {title}: {problem}") from None


# --- shapes in groups


@task("grouped-m-step")
def grouped_m_step(
    function: Callable[..., Any], *, case: tuple[FloatArray, FloatArray, IntArray] = GROUPED
) -> None:
    """Check `function(x, r, groups)`: weights, means, and a covariance for each group."""
    x, r, groups = case
    value = call(function, x, r, groups)
    names = ("weights", "means", "covariances")
    must_depend(function, value, case, GROUPED)
    w, means, covariances = parts(value, names)
    (n, k), d, g = r.shape, x.shape[1], int(groups.max()) + 1
    counts = r.sum(axis=0)
    if [len(shape_of(part) or ()) for part in (w, means)] != [1, 2]:
        raise Problem("Return weights (K,), means (K, D) and covariances (G, D, D), in this order.")
    hints: Hints = [
        (counts, "Those are the expected counts; weights sum to one."),
        (np.full(k, 1 / k), "The weights depend on r, see (4.10)."),
    ]
    close(w, counts / n, "The array of weights", hints, "See (4.10).")
    own = np.array([np.average(x, axis=0, weights=r[:, j]) for j in range(k)])
    pooled = np.array(
        [np.average(x, axis=0, weights=r[:, groups == groups[j]].sum(axis=1)) for j in range(k)]
    )
    hints = [
        (
            pooled,
            "You give one mean to all components of a group. They share their shape only; each "
            "has a mean of its own.",
        ),
        (r.T @ x / n, "Each mean is divided by N; its own count N_k is wanted."),
        (r.T @ x, "Those are weighted sums, not yet divided by the counts N_k."),
    ]
    close(means, own, "The array of means", hints, "See (4.13).")
    right_so_far(1 / 3, "the weights and the means")
    each = np.array([np.cov(x.T, aweights=r[:, j], ddof=0) for j in range(k)])
    if shape_of(covariances) == (k, d, d) and k != g:
        raise Problem(
            f"You return {k} covariances, one for each component; one for each of the {g} groups "
            "is wanted.",
            keeps=0,
        )
    if shape_of(covariances) == (d, d):
        raise Problem("You return one covariance for all; one for each group is wanted.", keeps=0)
    right, about_pooled, tied, averaged = (np.empty((g, d, d)) for _ in range(4))
    every = np.concatenate([x - m for m in own])
    tied[:] = np.cov(every.T, aweights=r.T.ravel(), ddof=0)
    for j in range(g):
        members = np.flatnonzero(groups == j)
        residuals = np.concatenate([x - own[i] for i in members])
        right[j] = np.cov(residuals.T, aweights=r[:, members].T.ravel(), ddof=0)
        about_pooled[j] = np.cov(x.T, aweights=r[:, members].sum(axis=1), ddof=0)
        averaged[j] = each[members].mean(axis=0)
    share = np.array([counts[groups == j].sum() for j in range(g)])[:, None, None]
    size = np.bincount(groups)[:, None, None]
    met = list(dict.fromkeys(groups.tolist()))
    order = "The covariances are in another order than the groups 0, 1, ..."
    met_order = f"{order} Is it the order in which groups are met in `groups`?"
    hints = [
        (
            averaged,
            "That is the plain average of the components' covariances. A component with more data "
            "should have more say.",
        ),
        (
            about_pooled,
            Worth(
                "You measure from one mean for the whole group, so the distance between its "
                "components is in the covariance. Measure each point from its component's mean.",
                0,
            ),
        ),
        (tied, Worth("That is one covariance for all components, whatever their group.", 0)),
        (
            right * share / n,
            "You divide by N, or weight with the pi_k of the whole model. Within a group the "
            "shares must add up to one: how much data stands behind it?",
        ),
        (right * share, "Those are scatter matrices; divide them by the data behind each group."),
        (
            right * size,
            "You add up the covariances of a group; what is wanted is their weighted mean.",
        ),
        (right[met], Worth(met_order, 2 / 3)),
        (right[::-1], Worth(order, 2 / 3)),
        (right * share / size, "Divide by the data behind a group, not by its components."),
        (
            right * share / (share - size),
            "Divide by the expected counts themselves: the maximum has no minus one.",
        ),
        (right * np.eye(d), "The entries beside the diagonals are missing."),
        (
            right * share / (share - 1),
            "Divide by the expected count itself: the maximum has no minus one.",
        ),
    ]
    name = "The array of covariances"
    more = numbers(covariances, name, right.shape) - right
    if (more[:, 0, 0] > 1e-9).all() and np.allclose(more, more[:, :1, :1] * np.eye(d), 0, 1e-9):
        raise Problem(
            f"You add {more[0, 0, 0]:.2g} to the diagonals. The M-step that is asked for has no "
            "such term."
        )
    close(covariances, right, name, hints, "Add up (4.11) over the components of a group.")


# --- a student's own numbers


class Own(NamedTuple):
    """A student's own eruptions, 200 rows of Old Faithful; a turn in degrees; Mira's floor."""

    rows: IntArray
    turn: int
    floor: float


def own(me: str) -> Own:
    """Draw the numbers of the experiment for a student's identifier."""
    rng = own_rng("set4", me)
    rows = np.sort(rng.choice(272, 200, replace=False))
    return Own(rows, int(rng.integers(20, 71)), round(float(rng.uniform(0.015, 0.03)), 3))


# --- hidden data


def drawn(name: str) -> dict[str, Any]:
    """Return data for the checker of a task, drawn from the instructor's seed."""
    rng = hidden_rng(name)
    d, k, n = 3, 4, 12
    roots = rng.normal(size=(k, d, d)) + 2 * np.eye(d)
    covariances = roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(d)
    means = rng.normal(size=(k, d)) * 3
    w = rng.dirichlet(np.full(k, 4.0))
    x = means[np.arange(n) % k] + rng.normal(size=(n, d))
    if name == "log-determinants":
        return {"case": covariances}
    if name == "squared-distances":
        return {"case": (np.rint(x).astype(np.int16), means, covariances)}
    if name == "run":
        two = GaussianMixture(np.array([0.4, 0.6]), means[:2], covariances[:2])
        return {"case": (two, two.sample(60, rng)[0], 5)}  # too many points to collapse onto one
    if name == "has-converged":
        return {"cases": _drawn_histories(rng)}
    if name == "best-restart":
        starts = rng.uniform(-1.5, 1.5, (5, 3))
        starts[:2, 0] = rng.permutation([rng.uniform(-1.2, -0.3), rng.uniform(0.3, 1.2)])
        return {"case": (starts, int(rng.integers(3, 9)))}
    if name == "labelled-e-step":
        labels = rng.permutation([*range(k), *rng.integers(-1, k, 4), -1, -1, -1, -1])
        return {"case": (x, labels, w, means, covariances)}
    groups = rng.permutation([0, 0, 1, 2])
    return {
        "case": (
            np.vstack([x, x + rng.normal(size=x.shape)]),
            rng.dirichlet(w + 0.5, 2 * n),
            groups,
        )
    }


def _drawn_histories(rng: np.random.Generator) -> tuple[tuple[list[float], float, bool | str], ...]:
    last = float(-(10 ** rng.uniform(2, 5)))
    tol = float(10 ** rng.uniform(-4, -2))
    before = [last - 60.0, last - 10.0]
    return (
        ([*before, last, last + 0.5 * tol], tol, True),
        ([*before, last, last + 2 * tol], tol, False),
        ([*before, last, last - 1e-8 * abs(last)], tol, "fell"),
        ([*before, last, last - 1e-10 * abs(last)], tol, True),
        ([last, *before, last - 1.0], tol, False),
    )
