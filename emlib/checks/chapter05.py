"""Checkers for the exercises of chapter 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from emlib._machinery.value import FloatArray, IntArray
from emlib.checks._core import Problem, call, close, exercise, numbers


@exercise("5.3")
def starts_needed(function: Callable[..., Any]) -> None:
    """Check `function(p, risk)`, which returns how many starts make failure rarer than risk."""
    for p, risk, right in ((0.1, 0.05, 29), (0.155, 0.01, 28), (0.5, 0.3, 2), (0.9, 0.2, 1)):
        value = call(function, p, risk)
        real = np.log(risk) / np.log1p(-p)
        hints = [
            (real, "The formula is right, but a number of starts is whole: round up."),
            (right - 1, "One start too few: rounding down leaves a risk above the one allowed."),
            (
                np.ceil(np.log1p(-risk) / np.log(p)),
                "p and the risk have changed places: all R starts fail with chance (1 - p)^R.",
            ),
            (np.ceil(np.log(risk) / np.log(p)), "The chance that one start FAILS is 1 - p, not p."),
            (
                np.ceil((1 - risk) / p),
                "Chances of success of several starts do not add up. Multiply those of failure.",
            ),
        ]
        close(value, right, f"The number of starts for p = {p}, risk = {risk}", hints)


def _mixture_case(n: int, k: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    r = rng.dirichlet(np.full(k, 0.5), size=n).T
    return 5.0 + 3.0 * rng.standard_normal(n) + 2.0 * np.arange(k) @ r, r


@exercise("5.4")
def map_common(function: Callable[..., Any]) -> None:
    """Check `function(x, r, prior)`, which returns MAP means and the one common variance."""
    for n, k, prior in ((40, 2, (4.0, 0.5, 3.0, 2.5)), (60, 3, (6.0, 2.0, 5.0, 10.0))):
        x, r = _mixture_case(n, k, 54 + k)
        m0, kappa, nu, psi = prior
        value = call(function, x, r, prior)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise Problem("Return two things: the means (K,) and the variance, a number.")
        counts = r.sum(axis=1)
        plain = r @ x / counts
        mu = (r @ x + kappa * m0) / (counts + kappa)
        hints: list[tuple[Any, str]] = [
            (plain, "Those are the means of maximum likelihood; the prior has no part in them."),
            (r @ x / (counts + kappa), "The imaginary observations are counted, not added: m0."),
            (
                (r @ x + kappa * m0) / counts,
                "The imaginary observations are added, but not counted in the denominator.",
            ),
        ]
        close(value[0], mu, "The vector of means", hints, "See (5.10).")
        if np.ndim(value[1]) != 0:
            raise Problem("The variance should be one number, common to all components.")
        squares = float((r * (x - mu[:, None]) ** 2).sum())
        pulls = float((kappa * (mu - m0) ** 2).sum())
        total = squares + pulls + psi
        own = (r * (x - plain[:, None]) ** 2).sum()
        hints = [
            (
                (squares + pulls + k * psi) / (n + k * (nu + 3)),
                "That is one inverse-gamma prior for each component; but there is one variance, "
                "so (5.7) enters once. The normal prior (5.6) of each mean enters K times.",
            ),
            (
                total / (n + nu + 3),
                "Each of the K means has a normal prior, and each brings its own half log v.",
            ),
            (total / n, "The number of squares lacks the prior's share: collect the terms log v."),
            (
                total / (n + k * (nu + 3)),
                "There is one variance, so the exponent of (5.7) comes in once, not K times.",
            ),
            (total / (n + nu + 2), "The half log v of the K normal priors (5.6) is missing."),
            (
                (squares + psi) / (n + k + nu + 2),
                "The pull of m0 on the means costs something too.",
            ),
            ((squares + pulls) / (n + k + nu + 2), "Psi is missing from the sum of squares."),
            (squares / n, "That is maximum likelihood (3.12), about the MAP means."),
            (own / n, "That is maximum likelihood (3.12): the prior has no part in it."),
        ]
        otherwise = "Write down the terms with v as in (5.9), summed over the components."
        close(value[1], total / (n + k + nu + 2), "The variance", hints, otherwise)


def _narrow_and_wide(n: int, k: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return data, and responsibilities (K, N), of components that widen from left to right."""
    rng = np.random.default_rng(seed)
    z = rng.permutation(np.arange(n) % k)
    x = 6.0 + 8.0 * z + rng.standard_normal(n) * (0.4 + 2.5 * z)
    return x, 0.998 * np.eye(k)[:, z] + 0.002 * rng.dirichlet(np.ones(k), size=n).T


@exercise("5.6")
def floored(function: Callable[..., Any]) -> None:
    """Check `function(x, r, floor)`, which returns the best variances not below `floor`."""
    for n, k, floor in ((60, 2, 0.8), (90, 3, 1.1)):
        x, r = _narrow_and_wide(n, k, 560 + k)
        counts = r.sum(axis=1)
        mu = r @ x / counts
        own = (r * (x - mu[:, None]) ** 2).sum(axis=1) / counts
        hints = [
            (
                own + floor,
                "Adding the floor moves variances that are above it; that is no maximum.",
            ),
            (own, "Those are the variances without the floor; some of them are below it."),
            (np.full(k, floor), "Only variances that would fall below the floor belong on it."),
            (np.minimum(own, floor), "That is a ceiling: the larger of the two is wanted."),
            (
                np.maximum(np.sqrt(own), floor),
                "The floor is one for variances, but you compare it with standard deviations.",
            ),
            (
                np.maximum((x**2 @ r.T) / counts, floor),
                "Squares are to be measured from the component's mean, not from zero.",
            ),
            (
                np.maximum(((x - x.mean()) ** 2 @ r.T) / counts, floor),
                "Squares are to be measured from the component's own mean, not from that of all.",
            ),
            (
                np.maximum(own * counts / n, floor),
                "Each sum of squares is divided by N; its own count N_k is wanted.",
            ),
        ]
        value = call(function, x, r, floor)
        close(value, np.maximum(own, floor), "The vector of variances", hints, "See (3.11).")


@exercise("5.7")
def match(function: Callable[..., Any]) -> None:
    """Check `function(r, other)`: the order of other's columns that agrees best with r's."""
    for k, seed in ((3, 57), (4, 58), (5, 59)):
        rng = np.random.default_rng(seed)
        r = rng.dirichlet(np.full(k, 0.2), size=80)
        shuffle = np.roll(rng.permutation(k), 1)
        while (shuffle[shuffle] == np.arange(k)).all():  # its own inverse: would hide a mistake
            shuffle = rng.permutation(k)
        noise = rng.dirichlet(np.ones(k), size=80)
        _check_order(function, r, (0.9 * r + 0.1 * noise)[:, shuffle], np.argsort(shuffle))
    r, other, right = _greedy_trap()
    _check_order(function, r, other, right)


def _greedy_trap() -> tuple[FloatArray, FloatArray, IntArray]:
    """Return two fits for which the largest overlap is not part of the best matching."""
    overlap = np.array([[50, 45, 0], [44, 1, 5], [0, 5, 50]])
    rows = [(i, j) for i in range(3) for j in range(3) for _ in range(overlap[i, j])]
    return np.eye(3)[[i for i, _ in rows]], np.eye(3)[[j for _, j in rows]], np.array([1, 0, 2])


def _check_order(
    function: Callable[..., Any], r: FloatArray, other: FloatArray, right: IntArray
) -> None:
    k = r.shape[1]
    order = numbers(call(function, r, other), "The order", (k,))
    if not np.array_equal(order, order.astype(int)):
        raise Problem("The order should hold whole numbers: which column goes where.")
    order = order.astype(np.int64)
    if not np.array_equal(np.sort(order), np.arange(k)):
        raise Problem(
            f"The order should hold each of 0 to {k - 1} once, but it is {order.tolist()}. Two "
            "components of one fit cannot be the same one of the other: assign them jointly."
        )
    if np.array_equal(order, right):
        return
    if np.array_equal(order, np.argsort(right)):
        raise Problem(
            "That is the inverse: other[:, order] should agree with r, column by column, not "
            "r[:, order] with other."
        )
    yours, best = (float((r * other[:, o]).sum()) for o in (order, right))
    raise Problem(
        f"Responsibilities agree on {yours:.1f} observations; another order gives {best:.1f}. "
        "Taking the largest overlap first is not always best over all."
    )


FAULTS = ("needle", "stopped", "saddle", "local")
PATIENTS = {"P": "needle", "Q": "stopped", "R": "saddle"}
LOOK = {
    "needle": "look at the line `doubts`: which component is it, and how many points hold it up?",
    "stopped": "look at the line `onward`: what happens when EM just goes on?",
    "saddle": "look at `doubts`, `onward` and `shake` together: going on gains nothing.",
}


@exercise("5.8")
def diagnosis(answer: Any) -> None:
    """Check the diagnoses of the three patients, a dict from name to fault."""
    if not isinstance(answer, Mapping):
        raise Problem(f"Give a dict with the keys P, Q and R, not {type(answer).__name__}.")
    for name, right in PATIENTS.items():
        if name not in answer or answer[name] in (None, ...):
            raise Problem(f"There is no diagnosis for {name} yet.")
        given = str(answer[name]).strip().lower()
        if given not in FAULTS:
            raise Problem(f"{answer[name]!r} is none of the four words {', '.join(FAULTS)}.")
        if given != right:
            raise Problem(f"Patient {name} has another fault than {given!r}: {LOOK[right]}")


@exercise("5.10")
def needle_gains(function: Callable[..., Any]) -> None:
    """Check `function(x, density)`: the gain (5.14) of a needle on each pair of neighbours."""
    rng = np.random.default_rng(510)
    for n in (30, 200):
        x = rng.permutation(2.0 + 3.0 * rng.standard_normal(n))

        def density(y: FloatArray) -> FloatArray:
            z = (np.asarray(y) - 2.0) / 3.0
            return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / 3.0)

        value = call(function, x, density)
        y = np.sort(x)
        gap, middle = np.diff(y), (y[1:] + y[:-1]) / 2
        constant = 4 / np.sqrt(2 * np.pi * np.e)
        right = 2 * np.log(constant / (n * gap * density(middle))) - 2
        unsorted, place = abs(np.diff(x)), (x[1:] + x[:-1]) / 2
        ends = np.log(density(y[1:])) + np.log(density(y[:-1]))
        both = 2 * np.log(constant / (n * gap)) - ends - 2
        exact = right + 2 + (n - 2) * np.log1p(-2 / n)
        hints = [
            (
                2 * np.log(constant / (n * unsorted * density(place))) - 2,
                "Sort the data first: np.diff takes differences of successive entries.",
            ),
            (right + 2, "The others pay 2 nats for the weight of the needle: they are missing."),
            (right / 2 - 1, "Two observations gain, so the logarithm counts twice."),
            (
                2 * np.log(constant / (gap * density(middle))) - 2,
                "The weight 2/N of the needle is missing: N belongs beside the gap.",
            ),
            (
                2 * np.log(constant / (n * gap)) - 2,
                "The density that the pair had before, f, is missing.",
            ),
        ]
        if any(np.shape(value) == v.shape and np.allclose(value, v) for v in (exact, both)):
            continue  # the formula before its last approximation, or f at the two points
        close(value, right, "The array of gains", hints, "See (5.14).")
