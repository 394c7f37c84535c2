"""Checkers for the exercises of chapter 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from emlib._machinery.value import FloatArray, IntArray
from emlib.checks._core import Problem, call, close, exercise, numbers, read


@exercise("5.3")
def starts_needed(function: Callable[..., Any]) -> None:
    """Check `function(p, risk)`, which returns how many starts make failure rarer than risk."""
    cases = ((0.06, 0.05, 49), (0.155, 0.01, 28), (0.5, 0.3, 2), (0.9, 0.2, 1), (0.5, 0.25, 2))
    for p, risk, right in cases:
        value = _single(call(function, p, risk))
        name = f"The number of starts for p = {p}, risk = {risk}"
        if risk == (1 - p) ** right:
            at_most = "Risk and chance of failure are equal here, and `at most` allows that."
            close(value, right, name, [(right + 1, at_most)])
            continue
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
            (
                np.ceil(1 / p),
                "1/p starts bring one success on average; the risk plays no part.",
            ),
            (np.ceil(-np.log(risk) / p), "log(1 - p) is near -p only for a very small p."),
            (
                np.ceil(np.log10(risk) / np.log1p(-p)),
                "The two logarithms must have the same base.",
            ),
        ]
        close(value, right, name, hints)


def _single(value: Any) -> Any:
    """Return numbers as an array, without axes if there is one number; all else as it is."""
    array = read(value)
    if array is None:
        return value  # whatever it is: `numbers` explains
    return array.reshape(()) if array.size == 1 else array


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of numbers, () for a single one; None if they are not numbers."""
    array = _single(value)
    return array.shape if isinstance(array, np.ndarray) else None


def _mixture_case(n: int, k: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    r = rng.dirichlet(np.full(k, 0.5), size=n).T
    return 5.0 + 3.0 * rng.standard_normal(n) + 2.0 * np.arange(k) @ r, r


@exercise("5.4")
def map_common(function: Callable[..., Any]) -> None:
    """Check `function(x, r, prior)`, which returns MAP means and the one common variance."""
    priors = ((40, 2, (4.0, 0.5, 3.0, 2.5)), (60, 3, (6.0, 2.0, 5.0, 10.0)))
    for n, k, prior in (*priors, (15, 5, (-1.0, 3.0, 1.5, 0.7))):
        x, r = _mixture_case(n, k, 54 + k)
        m0, kappa, nu, psi = prior
        means, variance = _pair(call(function, x, r, prior))
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
            (
                (r @ x + m0) / (counts + kappa),
                "There are kappa imaginary observations of m0: add kappa times m0.",
            ),
            ((r @ x + kappa * m0) / (n + kappa), "Each mean has a count N_k of its own, not N."),
        ]
        if _shape(means) == () and _shape(variance) == (k,):
            raise Problem("Return the means first, then the variance.")
        close(means, mu, "The vector of means", hints, "See (5.10).")
        _check_common_variance(variance, x, r, prior)


def _pair(value: Any) -> tuple[Any, Any]:
    """Return the two things that an answer holds, in whatever container."""
    try:
        first, second = value
    except Exception:  # no container, or another number of things
        text = "Return two things: the means (K,) and the variance, a number."
        raise Problem(text) from None
    return first, second


def _check_common_variance(
    variance: Any, x: FloatArray, r: FloatArray, prior: tuple[float, float, float, float]
) -> None:
    m0, kappa, nu, psi = prior
    k, n = r.shape
    value = _single(variance)
    if _shape(variance) not in ((), None):
        raise Problem("The variance should be one number, common to all components.")
    counts = r.sum(axis=1)
    plain = r @ x / counts
    mu = (r @ x + kappa * m0) / (counts + kappa)
    each = (r * (x - mu[:, None]) ** 2).sum(axis=1)
    squares, own = float(each.sum()), float((r * (x - plain[:, None]) ** 2).sum())
    pulls = float((kappa * (mu - m0) ** 2).sum())
    total, right = squares + pulls + psi, n + k + nu + 2
    separate = (each + kappa * (mu - m0) ** 2 + psi) / (counts + nu + 3)
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
        (total / (right + 1), "The 3 of (5.11) holds the half log v of one mean already: count K."),
        ((squares + psi) / right, "The pull of m0 on the means costs something too."),
        ((squares + pulls) / right, "Psi is missing from the sum of squares."),
        (
            (squares + pulls / kappa + psi) / right,
            "The pull of m0 counts kappa times: kappa (mu_k - m0)^2.",
        ),
        (
            (own + float((kappa * (plain - m0) ** 2).sum()) + psi) / right,
            "The squares are about the MAP means (5.10), not about those of maximum likelihood.",
        ),
        ((own + pulls + psi) / right, "The squares of the data are about the MAP means (5.10)."),
        (np.sqrt(total / right), "That is the standard deviation; the variance is asked for."),
        (separate.mean(), "An average of K variances (5.11) is not the best common one."),
        (counts @ separate / n, "An average of K variances (5.11) is not the best common one."),
        (squares / n, "That is maximum likelihood (3.12), about the MAP means."),
        (own / n, "That is maximum likelihood (3.12): the prior has no part in it."),
    ]
    otherwise = "Write down the terms with v as in (5.9), summed over the components."
    close(value, total / right, "The variance", hints, otherwise)


def _narrow_and_wide(n: int, k: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return data, and responsibilities (K, N), of components that widen from left to right."""
    rng = np.random.default_rng(seed)
    z = rng.permutation(np.arange(n) % k)
    x = 6.0 + 8.0 * z + rng.standard_normal(n) * (0.4 + 2.5 * z)
    return x, 0.998 * np.eye(k)[:, z] + 0.002 * rng.dirichlet(np.ones(k), size=n).T


@exercise("5.6")
def floored(function: Callable[..., Any]) -> None:
    """Check `function(x, r, floor)`, which returns the best variances not below `floor`."""
    for n, k, floor in ((70, 5, 11.6), (60, 2, 0.8), (90, 3, 1.1), (40, 4, 1e-3), (70, 5, 1e4)):
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
            (
                np.maximum(own * counts, floor) / counts,
                "The floor is one for variances: divide the sum of squares by N_k first.",
            ),
            (
                np.maximum(own * counts / np.maximum(counts - 1, 1e-9), floor),
                "Maximum likelihood divides by N_k, not by N_k - 1.",
            ),
            (
                np.sqrt(np.maximum(own, floor)),
                "Those are standard deviations; variances are asked for.",
            ),
            (
                np.maximum(np.sqrt(own), floor) ** 2,
                "The floor is one for variances, but you compare it with standard deviations.",
            ),
            (
                np.where(own < floor, own + floor, own),
                "Where a variance is too small its best value is the floor itself, no more.",
            ),
            (
                np.full(k, max(float(own @ counts) / n, floor)),
                "Each component has a variance of its own, and is compared with the floor alone.",
            ),
        ]
        value = call(function, x, r, floor)
        close(value, np.maximum(own, floor), "The vector of variances", hints, "See (3.11).")


@exercise("5.7")
def match(function: Callable[..., Any]) -> None:
    """Check `function(r, other)`: the order of other's columns that agrees best with r's."""
    for k, seed in ((4, 58), (5, 59)):
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
    overlap = np.array([[0, 50, 45], [5, 44, 1], [50, 0, 25]])
    rows = [(i, j) for i in range(3) for j in range(3) for _ in range(overlap[i, j])]
    return np.eye(3)[[i for i, _ in rows]], np.eye(3)[[j for _, j in rows]], np.array([2, 1, 0])


def _check_order(
    function: Callable[..., Any], r: FloatArray, other: FloatArray, right: IntArray
) -> None:
    k = r.shape[1]
    value = call(function, r, other)
    if isinstance(value, tuple) and len(value) == 2 != k and _shape(value[0]) == (k,):
        raise Problem(
            "`linear_sum_assignment` returns two arrays, rows and columns: return the columns."
        )
    if isinstance(value, np.ndarray) and value.shape == other.shape:
        raise Problem("Return the order of the columns, not the columns themselves.")
    given = numbers(value, "The order", (k,))
    if not np.array_equal(given, np.floor(given)):
        raise Problem("The order should hold whole numbers: which column goes where.")
    order = np.where(abs(given) < k, given, -1).astype(np.int64)
    if not np.array_equal(np.sort(order), np.arange(k)):
        raise Problem(
            f"The order should hold each of 0 to {k - 1} once, but it is {given.tolist()}. Two "
            "components of one fit cannot be the same one of the other: assign them jointly."
        )
    if np.array_equal(order, right):
        return
    if np.array_equal(order, np.argsort(right)):
        raise Problem(
            "That is the inverse: other[:, order] should agree with r, column by column, not "
            "r[:, order] with other."
        )
    overlap = r.T @ other
    yours, best = (float((r * other[:, o]).sum()) for o in (order, right))
    raise Problem(
        f"Responsibilities agree on {yours:.1f} observations; another order gives {best:.1f}. "
        f"{_why_not(order, overlap)}"
    )


def _why_not(order: IntArray, overlap: FloatArray) -> str:
    """Return what an order that is not the best may come from."""
    k = len(order)
    if np.array_equal(order, linear_sum_assignment(overlap)[1]):
        return (
            "That is the worst order of all: `linear_sum_assignment` looks for the least total, "
            "so give it minus the agreement."
        )
    if np.array_equal(order, _greedy(overlap)):
        return "Taking the largest overlap first is not always best over all."
    if np.array_equal(order, np.arange(k)):
        return "That leaves the columns as they stand."
    ours, theirs = (np.argsort(overlap.sum(axis=axis)) for axis in (1, 0))
    if np.array_equal(order[ours], theirs):
        return "Counts may be alike by chance: match who is responsible for the same rows."
    return "Compare the products of responsibilities: `r.T @ other` has all K x K of them."


def _greedy(overlap: FloatArray) -> IntArray:
    """Return the order that takes the largest overlap first, then the largest of the rest."""
    left, order = overlap.copy(), np.zeros(len(overlap), dtype=np.int64)
    for _ in order:
        i, j = np.unravel_index(left.argmax(), left.shape)
        order[i] = j
        left[i], left[:, j] = -1, -1
    return order


FAULTS = ("needle", "stopped", "saddle", "local")
PATIENTS = {"P": "needle", "Q": "stopped", "R": "saddle"}
LOOK = {
    "needle": "look at its doubts: which component is it, and how many points hold it up?",
    "stopped": "what happens when EM just goes on? (It began near a saddle, but not on it: what "
    "kept it there is the rule by which it stopped.)",
    "saddle": "going on gains nothing, and a shake gains a lot. What do the doubts say?",
}


@exercise("5.8")
def diagnosis(answer: Any) -> None:
    """Check the diagnoses of the three patients, a dict from name to fault."""
    if not isinstance(answer, Mapping):
        raise Problem(f"Give a dict with the keys P, Q and R, not {type(answer).__name__}.")
    given = {str(name).strip().upper(): fault for name, fault in answer.items()}
    for name, right in PATIENTS.items():
        fault = given.get(name)
        if fault is None or fault is ...:
            raise Problem(f"There is no diagnosis for {name} yet.")
        word = str(fault).strip().lower()
        if word not in FAULTS:
            raise Problem(f"{str(fault)[:40]!r} is none of the four words {', '.join(FAULTS)}.")
        if word != right:
            raise Problem(f"Patient {name} has another fault than {word!r}: {LOOK[right]}")


@exercise("5.10")
def needle_gains(function: Callable[..., Any]) -> None:
    """Check `function(x, density)`: the gain (5.14) of a needle on each pair of neighbours."""
    rng = np.random.default_rng(510)
    for n in (7, 30, 200):
        _check_gains(function, rng.permutation(2.0 + 3.0 * rng.standard_normal(n)))


def _bell(y: FloatArray) -> FloatArray:
    """Return the normal density with mean 2 and standard deviation 3."""
    z = (np.asarray(y) - 2.0) / 3.0
    return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / 3.0)


def _check_gains(function: Callable[..., Any], x: FloatArray) -> None:
    n, y = len(x), np.sort(x)
    gap, middle = np.diff(y), (y[1:] + y[:-1]) / 2
    f = _bell(middle)
    constant = 4 / np.sqrt(2 * np.pi * np.e)
    right = 2 * np.log(constant / (n * gap * f)) - 2
    value = numbers(call(function, x, _bell), "The array of gains", (n - 1,))
    # Right too: the formula before its last approximation, and f at the two points.
    ends = 2 * np.log(f) - np.log(_bell(y[1:])) - np.log(_bell(y[:-1]))
    exact = 2 + (n - 2) * np.log1p(-2 / n)
    if any(np.allclose(value, right + a + b) for a in (0, exact) for b in (0, ends)):
        return
    unsorted, place = abs(np.diff(x)), (x[1:] + x[:-1]) / 2
    hints = [
        (
            2 * np.log(constant / (n * unsorted * _bell(place))) - 2,
            "Sort the data first: np.diff takes differences of successive entries.",
        ),
        (right + 2, "The others pay 2 nats for the weight of the needle: they are missing."),
        (right / 2 - 1, "Two observations gain, so the logarithm counts twice."),
        (
            right + 2 * np.log(n),
            "The weight 2/N of the needle is missing: N belongs beside the gap.",
        ),
        (right + 2 * np.log(f), "The density that the pair had before, f, is missing."),
        (right - 2 * np.log(2), "The weight is 2/N and the spread d/2, which makes 4, not 2."),
        (right - 4 * np.log(2), "The weight is 2/N and the spread d/2, which makes 4, not 1."),
        (right + 1, "Each point is one standard deviation off the mean: the e is missing."),
        (
            right + np.log(2 * np.pi) + 1,
            "The height of a normal density is 1 / (sqrt(2 pi) sigma): the root is missing.",
        ),
        (
            right + 2 * np.log(0.97 / constant),
            "0.97 is 4 / sqrt(2 pi e) rounded; leave the rounding to the end.",
        ),
        (right + 2 * np.log(f / _bell(y[:-1])), "Take f at the middle of the pair."),
        (right + 2 * np.log(f / _bell(y[1:])), "Take f at the middle of the pair."),
        (
            2 * np.log10(constant / (n * gap * f)) - 2,
            "Nats are natural logarithms: np.log, not np.log10.",
        ),
        (np.exp((right + 2) / 2), "Those are ratios of densities; the gain is in nats."),
    ]
    close(value, right, "The array of gains", hints, "See (5.14).")
