"""Checkers for the exercises of chapter 3."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from emlib import data
from emlib._machinery.value import FloatArray
from emlib.checks._core import (
    NotAttempted,
    Problem,
    call,
    close,
    distributions,
    exercise,
    numbers,
    read,
)
from emlib.families.gaussian1d import GaussianMixture1D


def _mixture(weights: ArrayLike, means: ArrayLike, variances: ArrayLike) -> GaussianMixture1D:
    return GaussianMixture1D(np.asarray(weights), np.asarray(means), np.asarray(variances))


WAITS = np.array([51.0, 58.0, 66.0, 71.0, 79.0, 88.0])
MIXTURES = (
    _mixture([0.4, 0.6], [55.0, 80.0], [16.0, 81.0]),
    _mixture([0.2, 0.5, 0.3], [50.0, 67.0, 85.0], [9.0, 100.0, 30.0]),
)


def _array(value: Any, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Return an answer as a float array that may hold NaN, or explain."""
    return numbers(value, name, shape, nan=True)


def _parts(value: Any, count: int, names: str, arrays: bool = False) -> list[Any]:
    """Return the things that a function of the reader returns, in any container, or explain."""
    words = {2: "two", 3: "three"}[count]
    wanted = Problem(f"Your function should return {words} things, {names}.")
    if isinstance(value, (str, dict, set)):
        raise wanted
    try:
        parts = list(islice(iter(value), count + 1))
    except Exception:  # not to be gone through, or a generator of the reader that stops
        raise wanted from None
    if any(part is None or part is ... for part in parts):
        raise NotAttempted
    if len(parts) != count or (arrays and all(_has_shape(part, ()) for part in parts)):
        raise wanted  # two numbers are one array, which happens to have two entries
    return parts


def _in_order(got: list[Any], right: tuple[ArrayLike, ArrayLike]) -> None:
    """Explain if the two things that a function returns are right but the wrong way round."""
    for mine, theirs in zip(got, right[::-1], strict=True):
        try:
            array = _array(mine, "", np.shape(theirs))
        except Problem:
            return
        if not np.allclose(array, theirs):
            return
    raise Problem("Both results are right, but you return them in the wrong order.")


@exercise("3.4")
def log_mean_exp(function: Callable[..., Any]) -> None:
    """Check `function(a)`, which returns log(mean(exp(a))) of each row."""
    tables = (
        np.array([[-1.0, -2.0, -0.5], [0.3, 0.1, 1.7]]),
        np.array([[-2.0, 1.5, 0.2, -0.7], [0.0, 0.4, -3.0, 0.9], [1.0, 2.0, 2.5, -1.0]]),
    )
    for a in tables:
        total = logsumexp(a, axis=1)
        k = a.shape[1]
        hints = [
            (total, "That is the log of the sum. What turns a sum of K terms into a mean?"),
            (total + np.log(k), "The correction for the number of terms has the wrong sign."),
            (total - np.log(len(a)), "You divide by N, the number of rows. How long is a row?"),
            (total - np.log(2), "You divide by 2. By how many entries of the row should you?"),
            (total - k, "Inside the logarithm you divide by K. What is that outside?"),
            (a.mean(axis=1), "That is the mean of the logarithms; Jensen says it is too small."),
            (np.exp(total) / k, "That is the mean of the exponentials; its logarithm is wanted."),
            (
                np.log(np.exp(a - a.max(axis=1)[:, None]).mean(axis=1)),
                "The shift that you subtracted must be added again, see (3.13).",
            ),
        ]
        close(
            _log_mean(function, a), total - np.log(k), "The log mean", hints, "Go back to (3.13)."
        )
    _far_rows(function)
    holes = np.array([[-np.inf, -3.0, -np.inf], [-900.0, -np.inf, -900.0]])
    value = _log_mean(function, holes)
    if np.isnan(value).any():
        raise Problem("A row with one entry of minus infinity gives NaN. exp(-inf) is 0: let it.")
    finite = "An entry of minus infinity is an entry too: divide by K, however many are finite."
    close(
        value,
        [-3 - np.log(3), -900 + np.log(2 / 3)],
        "The log mean of rows with -inf",
        [([-3.0, -900.0], finite)],
    )
    value = _log_mean(function, np.full((1, 3), -np.inf))
    if np.isnan(value).any():
        raise Problem(
            "A row of nothing but minus infinity gives NaN: its largest entry is no good as a "
            "shift, for -inf - (-inf) is NaN. By what could you shift such a row instead?"
        )
    close(value, [-np.inf], "The log mean of a row of nothing but -inf")


def _log_mean(function: Callable[..., Any], a: FloatArray) -> FloatArray:
    """Return what the reader's function makes of a table: one number a row, perhaps NaN."""
    with np.errstate(all="ignore"):
        value = call(function, a)
    if _has_shape(value, (a.shape[1],)) and a.shape[1] != len(a):
        raise Problem(
            f"One value a row is wanted, {len(a)} here; you go along the other axis of the table."
        )
    return _array(value, "The log mean", (len(a),))


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    array = read(value)
    return array is not None and array.shape == shape


def _far_rows(function: Callable[..., Any]) -> None:
    """Check rows whose exponentials underflow or overflow, and find out which shift was tried."""
    far = np.array([[-1000.0, -1001.0, -1000.5], [1000.0, 999.0, 999.5]])
    value = _log_mean(function, far)
    if not np.isfinite(value).all():
        alone = [_log_mean(function, row[None])[0] for row in far]
        if np.isfinite(alone).all():
            raise Problem(
                "Each far row is right alone, but not beside another: rows need shifts of their "
                "own. With one shift for the whole table some rows underflow."
            )
        raise Problem(
            f"For the row {far[int(np.argmin(np.isfinite(value)))].tolist()} the result is not "
            "finite: an exponential underflows or overflows. Shift before you exponentiate."
        )
    close(value, logsumexp(far, axis=1) - np.log(3), "The log mean of far rows")
    for row in ([0.0, -3000.0, -1.0], [-3000.0, -1.0, 0.0], [-1.0, 0.0, -3000.0]):
        value = _log_mean(function, np.array([row, row]))
        if not np.isfinite(value).all():
            raise Problem(
                f"For the row {row} the result is not finite. By what do you shift it? After the "
                "shift no exponent may be positive, or an exponential overflows."
            )
        close(value, np.full(2, logsumexp(row) - np.log(3)), "The log mean of a wide row")


def _naive(
    model: GaussianMixture1D, x: FloatArray, weighted: bool, scaled: bool, logs: float = 0.0
) -> FloatArray:
    """Return responsibilities with a piece of the joint density left out, or a wrong one in."""
    a = -((x[:, None] - model.means) ** 2) / (2 * model.variances)
    a = a + (np.log(model.weights) if weighted else 0.0)
    a = a - (0.5 * np.log(model.variances) if scaled else 0.0)
    a = a + logs * (0.5 if logs > 0 else 1.0) * np.log(model.variances)
    return np.asarray(np.exp(a - logsumexp(a, axis=1, keepdims=True)))


@exercise("3.5")
def responsibilities(function: Callable[..., Any]) -> None:
    """Check `function(x, weights, means, variances)`, which returns responsibilities (N, K)."""
    for model in MIXTURES:
        arguments = (model.weights, model.means, model.variances)
        squared = GaussianMixture1D(model.weights, model.means, model.variances**2)
        root = GaussianMixture1D(model.weights, model.means, np.sqrt(model.variances))
        shape = (len(WAITS), model.n_components)
        with np.errstate(all="ignore"):
            value = call(function, WAITS, *arguments)
        right = model.responsibilities(WAITS)
        if _has_shape(value, shape) and np.allclose(np.asarray(value, dtype=float), np.log(right)):
            raise Problem("Those are the logarithms (3.14) of the responsibilities: exponentiate.")
        value = distributions(value, "the array of responsibilities", shape)
        double = GaussianMixture1D(model.weights, model.means, model.variances / 2)
        hints = [
            (_naive(model, WAITS, False, True), "The weights are missing: log pi_k in (3.3)."),
            (
                _naive(model, WAITS, True, False),
                "A term of (3.3) is missing. Which one cancels only when variances are equal?",
            ),
            (_naive(model, WAITS, False, False), "(3.3) has three terms; you use only one."),
            (squared.responsibilities(WAITS), "`variances` are squared already; do not square."),
            (root.responsibilities(WAITS), "`variances` holds variances; do not take their root."),
            (double.responsibilities(WAITS), "The square in (3.3) is divided by 2 sigma_k^2."),
            (
                _naive(model, WAITS, True, False, 1.0),
                "You use log sigma_k with the wrong sign: (3.3) subtracts it.",
            ),
            (
                _naive(model, WAITS, True, False, -1.0),
                "Half of log sigma_k^2 is wanted in (3.3), not the whole of it.",
            ),
            (
                np.eye(model.n_components)[model.predict(WAITS)],
                "Those are verdicts, 0 or 1. How probable is each component?",
            ),
        ]
        right = model.responsibilities(WAITS)
        close(value, right, "The array of responsibilities", hints, "Compare (3.3) and (3.14).")
    model = MIXTURES[0]
    far = np.array([55.0, 400.0, -900.0, 5000.0])
    with np.errstate(all="ignore"):
        value = call(function, far, model.weights, model.means, model.variances)
    name = "The array of responsibilities far out"
    if np.isnan(_array(value, name, (len(far), 2))).any():
        raise Problem(
            f"Waits of {far[1:].tolist()} give NaN: all densities underflow to zero. "
            "Stay with logarithms until after the subtraction in (3.14)."
        )
    close(value, model.responsibilities(far), name, (), "Do densities underflow?")
    certain = _mixture([0.0, 1.0], [55.0, 80.0], [25.0, 25.0])
    with np.errstate(all="ignore"):
        value = call(function, WAITS, certain.weights, certain.means, certain.variances)
    name = "The array of responsibilities, with a weight of zero,"
    if np.isnan(_array(value, name, (len(WAITS), 2))).any():
        raise Problem(
            "A weight of zero gives NaN. Its logarithm is -inf, and -inf - (-inf) is NaN: subtract "
            "only what is finite."
        )
    close(value, certain.responsibilities(WAITS), name)


def _shares_of_verdicts(r: FloatArray) -> FloatArray:
    """Return the weights of a reader who gives each row to its likeliest component."""
    return np.bincount(r.argmax(axis=1), minlength=r.shape[1]) / len(r)


@exercise("3.6")
def known_means_step(function: Callable[..., Any]) -> None:
    """Check `function(x, r, means)`, which returns weights and variances."""
    for model, shift in zip(MIXTURES, (3.0, -2.0), strict=True):
        means = model.means + shift
        r = model.responsibilities(WAITS)
        counts = r.sum(axis=0)
        with np.errstate(all="ignore"):
            value = call(function, WAITS, r, means)
        weights, variances = _parts(value, 2, "weights and variances", arrays=True)
        squares = (r * (WAITS[:, None] - means) ** 2).sum(axis=0)
        _in_order([weights, variances], (counts / counts.sum(), squares / counts))
        hints: list[tuple[Any, str]] = [
            (counts, "Those are the expected counts; weights sum to one."),
            (np.full(len(counts), 1 / len(counts)), "The weights depend on r, see (3.9)."),
            (counts / len(counts), "Divide the counts by N, not by the number of components."),
            (_shares_of_verdicts(r), "You round r to 0 or 1. A wait is shared by the components."),
        ]
        close(weights, counts / counts.sum(), "The array of weights", hints, "See (3.9).")
        own = (r * WAITS[:, None]).sum(axis=0) / counts
        about_own = (r * (WAITS[:, None] - own) ** 2).sum(axis=0) / counts
        twice = (r**2 * (WAITS[:, None] - means) ** 2).sum(axis=0)
        moment = (r * WAITS[:, None] ** 2).sum(axis=0) / counts
        plain = ((WAITS[:, None] - means) ** 2).sum(axis=0)
        unweighted = "Each square must be weighted with its responsibility r."
        short = "The mean square minus mu^2 is right only about the weighted mean. Sum residuals."
        hints = [
            (about_own, "You take the variance about the weighted mean. The means are known here."),
            (squares / len(WAITS), "Divide by the count of each component, not by N."),
            (squares, "Those are sums of squares. Divide them by something."),
            (np.sqrt(squares / counts), "Those are standard deviations; variances are wanted."),
            (np.full(len(counts), squares.sum() / len(WAITS)), "That is one common variance."),
            (squares / (counts - 1), "Divide by N_k: the maximum has no minus one."),
            (twice / counts, "Each square counts r times, not r^2 times."),
            (twice / (r**2).sum(axis=0), "Each square counts r times, not r^2 times."),
            (moment - means**2, short),
            (plain / len(WAITS), unweighted),
            (plain / counts, unweighted),
            (counts / squares, "Those are one over the variances."),
        ]
        otherwise = "Compare (3.11), term by term."
        close(variances, squares / counts, "The array of variances", hints, otherwise)


@exercise("3.7")
def three_components(model: Any) -> None:
    """Check a fitted mixture of three normals with a common variance."""
    if not isinstance(model, GaussianMixture1D):
        fit = " A fit holds its model in `.model`." if hasattr(model, "model") else ""
        raise Problem(f"`three` should be a GaussianMixture1D, not {type(model).__name__}.{fit}")
    if model.n_components != 3:
        raise Problem(f"Three components are wanted; this model has {model.n_components}.")
    if not model.common_variance:
        raise Problem("The components should share their variance: common_variance=True.")
    x = data.old_faithful()[:, 1]
    top, two = -1033.5159, -1034.0018
    ll = model.log_likelihood(x)
    if ll < two - 0.01:
        raise Problem(
            f"Its log-likelihood is {ll:.3f}, and two components alone reach {two:.3f}. Is it "
            "fitted? A start is not a fit, and neither are the first few steps."
        )
    means = np.sort(model.means)
    if ll < top - 0.3:
        raise Problem(
            f"Its log-likelihood is {ll:.3f}, and there is something higher. Two of its means, "
            f"{means.round(1).tolist()}, may sit on the same hump: try more starts, and keep the "
            "best."
        )
    if ll < top - 1e-3:
        raise Problem(f"Its log-likelihood is {ll:.4f}: nearly there. Let the fit run longer.")


@exercise("3.8")
def remaining(function: Callable[..., Any]) -> None:
    """Check `function(objective)`, which extrapolates what is still to be gained."""
    after = "Put last gain and ratio into (3.16)."
    for g, first, end in ((0.5, 4.0, -100.0), (0.93, 0.2, -655.4), (0.1, 1.0, 7.0)):
        steps = np.arange(6)
        left = first * g**steps / (1 - g)
        objective = end - left
        last = objective[-1] - objective[-2]
        hints = [
            (last, "That is the last gain. How much follows it?"),
            (last / (1 - g), "You count the last gain itself, which is already in."),
            (last * g, "That is the next gain only; others follow."),
            (objective[-1] + left[-1], "That is the extrapolated maximum; the distance is wanted."),
            (-left[-1], "The sign is wrong: what is still to be gained is positive."),
            (last * g**-1 / (1 - 1 / g), "The ratio g is upside down: newer over older."),
        ]
        close(_left(function, objective), left[-1], "What is left", hints, after, 1e-5)
    _uneven(function)
    growing = np.array([-10.0, -9.99, -9.97, -9.93, -9.85])
    value = _left(function, growing)
    if not np.isposinf(value):
        raise Problem(
            f"The gains 0.01, 0.02, 0.04, 0.08 are growing, and you say that {value:.3g} "
            "nats are left. The series (3.16) has no sum then: return infinity."
        )
    for values, words in (
        ([-5.0, -4.0, -2.0, 0.0], "The last two gains are equal, 2 and 2"),
        ([-3.0, -2.0, -2.0, -1.0], "The last gain is 1 and the one before it 0"),
    ):
        value = _left(function, values)
        if not np.isposinf(value):
            raise Problem(
                f"{words}, and you say that {value:.3g} nats are left. The last gain is not "
                "smaller: the series (3.16) has no sum, so return infinity."
            )
    for still in ([-3.0, -2.0, -1.0, -1.0], [-3.0, -2.0, -2.0, -2.0]):
        value = _left(function, still, np.inf)
        name = f"What is left after {still}, whose last step gained nothing,"
        close(value, 0.0, name, (), "Zero is wanted, whatever the step before it gained.")


def _left(function: Callable[..., Any], objective: ArrayLike, nan: float = np.nan) -> float:
    """Return what the reader's function says is left; `nan` in the place of NaN, if given."""
    with np.errstate(all="ignore"):
        value = call(function, np.array(objective))
    left = float(_array(value, "What is left", ()))
    return nan if np.isnan(left) else left


def _uneven(function: Callable[..., Any]) -> None:
    """Check gains whose ratio changes: it is the last two that count."""
    for gains in ([8.0, 3.0, 1.0], [5.0, 4.0, 2.0, 1.5], [2.0, 0.5]):
        objective = np.array([-20.0, *(-20.0 + np.cumsum(gains))])
        last, before = gains[-1], gains[-2]
        first = gains[1] / gains[0]
        mean = np.mean(np.divide(gains[1:], gains[:-1]))
        whole = (last / gains[0]) ** (1 / (len(gains) - 1))
        hints = [
            (last * first / (1 - first), "g is the ratio of the last two gains, not the first."),
            (last * mean / (1 - mean), "g is the ratio of the last two gains, not a mean of all."),
            (
                last * whole / (1 - whole),
                "g is the ratio of the last two gains, not a mean of all.",
            ),
        ]
        name = f"What is left after the gains {gains}"
        right = last**2 / (before - last)
        close(_left(function, objective), right, name, hints, "g is the ratio of the last two.")


@exercise("3.9")
def exponential_step(function: Callable[..., Any]) -> None:
    """Check `function(x, weights, rates)`, which returns the next weights and rates."""
    samples = (
        (np.array([0.2, 1.1, 0.4, 3.0, 7.5]), np.array([0.5, 0.5]), np.array([2.0, 0.3])),
        (
            np.array([10.0, 2.0, 55.0, 21.0, 4.0, 90.0]),
            np.array([0.2, 0.5, 0.3]),
            np.array([0.5, 0.1, 0.02]),
        ),
        (np.array([1.0, 3.0, 900.0, 1200.0]), np.array([0.6, 0.4]), np.array([4.0, 1.5])),
    )
    for x, weights, rates in samples:
        a = np.log(weights) + np.log(rates) - rates * x[:, None]
        r = np.exp(a - logsumexp(a, axis=1, keepdims=True))
        counts, lives = r.sum(axis=0), (r * x[:, None]).sum(axis=0)
        with np.errstate(all="ignore"):
            value = call(function, x, weights, rates)
        new_weights, new_rates = _parts(value, 2, "weights and rates", arrays=True)
        _in_order([new_weights, new_rates], (counts / counts.sum(), counts / lives))
        if np.isnan(_array(new_weights, "The array of weights", counts.shape)).any():
            raise Problem(
                f"Lives of up to {x.max():.0f} give NaN: densities underflow. Work in log space."
            )
        b = np.log(weights) - rates * x[:, None]
        without = np.exp(b - logsumexp(b, axis=1, keepdims=True)).mean(axis=0)
        c = np.log(rates) - rates * x[:, None]
        equal = np.exp(c - logsumexp(c, axis=1, keepdims=True)).mean(axis=0)
        hints: list[tuple[Any, str]] = [
            (counts, "Those are the expected counts; weights sum to one."),
            (weights, "The weights have not moved, see (3.9)."),
            (equal, "Your E-step leaves out the current weights: log pi_k in the log joint."),
            (without, "The density has a factor lambda_k too; its logarithm is missing."),
            (counts / len(counts), "Divide the counts by N, not by the number of components."),
            (_shares_of_verdicts(r), "You round r to 0 or 1. A lamp is shared by the makes."),
            (lives / lives.sum(), "Those are shares of the hours; shares of the lamps are wanted."),
        ]
        otherwise = "Are the responsibilities right? Then see (3.9)."
        close(new_weights, counts / counts.sum(), "The array of weights", hints, otherwise)
        hints = [
            (lives / counts, "Those are mean lives; a rate is one over a mean life."),
            (len(x) / lives, "Divide the count of each component by its lives, not N."),
            (counts / x.sum(), "The lives must be weighted with r too."),
            (rates, "The rates have not moved. Do you return the old ones?"),
            (1 / lives, "Those are one over sums of lives. How many lamps lived them?"),
            (
                np.full(len(counts), len(x) / x.sum()),
                "That is one rate for all lamps; each make has its own.",
            ),
        ]
        otherwise = "Set the derivative of Q to zero."
        close(new_rates, counts / lives, "The array of rates", hints, otherwise)


@exercise("3.10")
def mixture_moments(function: Callable[..., Any]) -> None:
    """Check `function(weights, means, variances)`, which returns mean and variance."""
    for model in MIXTURES:
        w, m, v = model.weights, model.means, model.variances
        mean = float(w @ m)
        right = float(w @ (v + (m - mean) ** 2))
        got = _parts(call(function, w, m, v), 2, "the mean and the variance")
        _in_order(got, (mean, right))
        hints: list[tuple[Any, str]] = [
            (m.mean(), "The components are not equally frequent: weight their means.")
        ]
        close(got[0], mean, "The mean", hints)
        hints = [
            (w @ v, "That is the variance within the components. What of that between them?"),
            (w @ (m - mean) ** 2, "That is the variance between components. And within them?"),
            (w @ (v + m**2), "That is the second moment; the square of the mean is missing."),
            (w**2 @ v, "Weights are not squared: a mixture is a choice, not a weighted sum."),
            (np.sqrt(right), "That is a standard deviation; the variance is wanted."),
            (w @ v + ((m - mean) ** 2).sum(), "Weight the squares between components too."),
            (w @ v + np.mean((m - mean) ** 2), "Weight the squares between components too."),
            (v.mean() + w @ (m - mean) ** 2, "Weight the variances within components too."),
            (w**2 @ v + w @ (m - mean) ** 2, "Within: weights are not squared."),
            (w @ (v + (m - m.mean()) ** 2), "Between: about the mean of the mixture, weighted."),
            (w @ v - w @ (m - mean) ** 2, "The part between components is added."),
        ]
        close(got[1], right, "The variance", hints, "Within plus between.")


BLOCKS = (
    ((3.0, 2.0, 4.0), (5.0, 7.0, 10.0)),
    ((2.5, -1.0, 0.5), (0.75, 4.0, 0.0)),
    ((1.0, 9.0, 0.0), (1.0, 5.0, 0.0)),
)


@exercise("3.12")
def merge(function: Callable[..., Any]) -> None:
    """Check `function(a, b)`, which merges two triples of count, mean and sum of squares."""
    for a, b in BLOCKS:
        (n_a, mean_a, s_a), (n_b, mean_b, s_b) = a, b
        n, gap = n_a + n_b, mean_b - mean_a
        mean = (n_a * mean_a + n_b * mean_b) / n
        squares = s_a + s_b + gap**2 * n_a * n_b / n
        got = _parts(call(function, a, b), 3, "the count, the mean and the sum of squares")
        close(got[0], n, "The count", [(2.0, "That is the number of blocks.")], "Counts add up.")
        about = "Each block counts as often as it has numbers."
        hints: list[tuple[Any, str]] = [
            ((mean_a + mean_b) / 2, about),
            (mean_a + gap * n_a / n, "The weights are exchanged: a large block pulls more."),
            (n * mean, "That is the sum of the numbers, not their mean."),
        ]
        close(got[1], mean, "The mean", hints, about)
        hints = [
            (s_a + s_b, "The blocks have different means: what is between them is missing."),
            (squares / n, "That is the variance; the sum of squares is wanted."),
            (s_a + s_b + gap**2, "The squared gap must be weighted with the counts."),
            (s_a + s_b + gap**2 * n_a * n_b, "Dimensions: n_a n_b is to be divided by n."),
            (s_a + s_b + gap**2 * n / 4, "Not about the middle of the means: about the new mean."),
            (s_a + s_b + abs(gap) * n_a * n_b / n, "The gap is to be squared."),
            (s_a + s_b + n_a * mean_a**2 + n_b * mean_b**2, "That is the sum about zero."),
        ]
        close(got[2], squares, "The sum of squares", hints, "Use (3.15) for each block.")
    far = 1e9
    got = _parts(call(function, (3.0, far + 1, 2.0), (3.0, far + 2, 2.0)), 3, "count, mean, sum")
    close(got[1], far + 1.5, "The mean far from the origin", (), "", 1e-12)
    lost = "Its digits cancel: do not go through sums of squares about zero."
    close(got[2], 5.5, "The sum of squares far from the origin", (), lost)
