"""Checkers for the exercises of chapter 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from emlib import data
from emlib._machinery.value import FloatArray
from emlib.checks._core import NotAttempted, Problem, call, close, distributions, exercise, numbers
from emlib.families.gaussian1d import GaussianMixture1D


def _mixture(weights: ArrayLike, means: ArrayLike, variances: ArrayLike) -> GaussianMixture1D:
    return GaussianMixture1D(np.asarray(weights), np.asarray(means), np.asarray(variances))


WAITS = np.array([51.0, 58.0, 66.0, 71.0, 79.0, 88.0])
MIXTURES = (
    _mixture([0.4, 0.6], [55.0, 80.0], [16.0, 81.0]),
    _mixture([0.2, 0.5, 0.3], [50.0, 67.0, 85.0], [9.0, 100.0, 30.0]),
)


def _pair(value: Any, names: str) -> tuple[Any, Any]:
    """Return the two things that a function of the reader returns, or explain."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Problem(f"Your function should return two things, {names}.")
    if any(part is None or part is ... for part in value):
        raise NotAttempted
    return value[0], value[1]


def _in_order(got: tuple[Any, Any], right: tuple[ArrayLike, ArrayLike]) -> None:
    """Explain if the two things that a function returns are right but the wrong way round."""
    for mine, theirs in zip(got, right[::-1], strict=True):
        try:
            array = np.asarray(mine, dtype=float)
        except (TypeError, ValueError):
            return
        if array.shape != np.shape(theirs) or not np.allclose(array, theirs):
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
        value = call(function, a)
        if np.shape(value) == (k,) != (len(a),):
            raise Problem(f"One value a row is wanted, {len(a)} here; you go along the other axis.")
        close(value, total - np.log(k), "The log mean", hints, "Go back to (3.13).")
    far = np.array([[-1000.0, -1001.0], [1000.0, 999.0], [-745.0, -2000.0]])
    with np.errstate(all="ignore"):
        value = np.asarray(call(function, far), dtype=float)
    if not np.isfinite(value).all():
        raise Problem(
            f"For the row {far[np.flatnonzero(~np.isfinite(value))[0]].tolist()} the result is not "
            "finite: an exponential underflows or overflows. Shift before you exponentiate."
        )
    shared = "Rows need shifts of their own: with one shift for the whole table some underflow."
    close(value, logsumexp(far, axis=1) - np.log(2), "The log mean of far rows", (), shared)
    holes = np.array([[-np.inf, -3.0], [-900.0, -np.inf]])
    with np.errstate(all="ignore"):
        value = np.asarray(call(function, holes), dtype=float)
    if np.isnan(value).any():
        raise Problem("A row with one entry of minus infinity gives NaN. exp(-inf) is 0: let it.")
    close(value, np.array([-3.0, -900.0]) - np.log(2), "The log mean of rows with -inf")
    with np.errstate(all="ignore"):
        value = np.asarray(call(function, np.full((1, 3), -np.inf)), dtype=float)
    if np.isnan(value).any():
        raise Problem(
            "A row of nothing but minus infinity gives NaN: its largest entry is no good as a "
            "shift, for -inf - (-inf) is NaN. By what could you shift such a row instead?"
        )
    close(value, [-np.inf], "The log mean of a row of nothing but -inf")


def _naive(model: GaussianMixture1D, x: FloatArray, weighted: bool, scaled: bool) -> FloatArray:
    """Return responsibilities with a piece of the joint density left out."""
    a = -((x[:, None] - model.means) ** 2) / (2 * model.variances)
    a = a + (np.log(model.weights) if weighted else 0.0)
    a = a - (0.5 * np.log(model.variances) if scaled else 0.0)
    return np.asarray(np.exp(a - logsumexp(a, axis=1, keepdims=True)))


@exercise("3.5")
def responsibilities(function: Callable[..., Any]) -> None:
    """Check `function(x, weights, means, variances)`, which returns responsibilities (N, K)."""
    for model in MIXTURES:
        arguments = (model.weights, model.means, model.variances)
        squared = GaussianMixture1D(model.weights, model.means, model.variances**2)
        root = GaussianMixture1D(model.weights, model.means, np.sqrt(model.variances))
        shape = (len(WAITS), model.n_components)
        value = call(function, WAITS, *arguments)
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
        ]
        right = model.responsibilities(WAITS)
        close(value, right, "The array of responsibilities", hints, "Compare (3.3) and (3.14).")
    model = MIXTURES[0]
    far = np.array([55.0, 400.0, -900.0, 5000.0])
    with np.errstate(all="ignore"):
        value = call(function, far, model.weights, model.means, model.variances)
    if np.isnan(np.asarray(value, dtype=float)).any():
        raise Problem(
            f"Waits of {far[1:].tolist()} give NaN: all densities underflow to zero. "
            "Stay with logarithms until after the subtraction in (3.14)."
        )
    close(value, model.responsibilities(far), "The array of responsibilities far out")
    certain = _mixture([0.0, 1.0], [55.0, 80.0], [25.0, 25.0])
    with np.errstate(all="ignore"):
        value = call(function, WAITS, certain.weights, certain.means, certain.variances)
    name = "The array of responsibilities, with a weight of zero,"
    close(value, certain.responsibilities(WAITS), name)


@exercise("3.6")
def known_means_step(function: Callable[..., Any]) -> None:
    """Check `function(x, r, means)`, which returns weights and variances."""
    for model, shift in zip(MIXTURES, (3.0, -2.0), strict=True):
        means = model.means + shift
        r = model.responsibilities(WAITS)
        counts = r.sum(axis=0)
        weights, variances = _pair(call(function, WAITS, r, means), "weights and variances")
        squares = (r * (WAITS[:, None] - means) ** 2).sum(axis=0)
        _in_order((weights, variances), (counts / counts.sum(), squares / counts))
        hints: list[tuple[Any, str]] = [
            (counts, "Those are the expected counts; weights sum to one."),
            (np.full(len(counts), 1 / len(counts)), "The weights depend on r, see (3.9)."),
        ]
        close(weights, counts / counts.sum(), "The array of weights", hints, "See (3.9).")
        own = (r * WAITS[:, None]).sum(axis=0) / counts
        about_own = (r * (WAITS[:, None] - own) ** 2).sum(axis=0) / counts
        twice = (r**2 * (WAITS[:, None] - means) ** 2).sum(axis=0)
        moment = (r * WAITS[:, None] ** 2).sum(axis=0) / counts
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
    top = -1033.5159
    ll = model.log_likelihood(x)
    if ll < top - 61:
        raise Problem(
            f"Its log-likelihood is {ll:.3f}, no better than a single normal: the components "
            "coincide. Is it fitted? Try another start."
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
        value = call(function, objective)
        close(value, left[-1], "What is left", hints, "Put last gain and ratio into (3.16).", 1e-5)
    growing = np.array([-10.0, -9.99, -9.97, -9.93, -9.85])
    value = call(function, growing)
    if not np.isposinf(numbers(value, "What is left when gains grow", ())):
        raise Problem(
            f"The gains 0.01, 0.02, 0.04, 0.08 are growing, and you say that {float(value):.3g} "
            "nats are left. The series (3.16) has no sum then: return infinity."
        )
    value = call(function, np.array([-5.0, -4.0, -2.0, 0.0]))
    if not np.isposinf(numbers(value, "What is left when gains do not shrink", ())):
        raise Problem(
            f"The last two gains are equal, 2 and 2, and you say that {float(value):.3g} nats are "
            "left. With g = 1 the series (3.16) has no sum: return infinity."
        )
    for still in ([-3.0, -2.0, -1.0, -1.0], [-3.0, -2.0, -2.0, -2.0]):
        with np.errstate(all="ignore"):
            value = call(function, np.array(still))
        name = f"What is left after {still}, whose last step gained nothing,"
        close(value, 0.0, name, (), "Zero is wanted, whatever the step before it gained.")


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
        new_weights, new_rates = _pair(value, "weights and rates")
        _in_order((new_weights, new_rates), (counts / counts.sum(), counts / lives))
        if np.isnan(np.asarray(new_weights, dtype=float)).any():
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
        ]
        otherwise = "Are the responsibilities right? Then see (3.9)."
        close(new_weights, counts / counts.sum(), "The array of weights", hints, otherwise)
        hints = [
            (lives / counts, "Those are mean lives; a rate is one over a mean life."),
            (len(x) / lives, "Divide the count of each component by its lives, not N."),
            (counts / x.sum(), "The lives must be weighted with r too."),
            (rates, "The rates have not moved. Do you return the old ones?"),
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
        got = _pair(call(function, w, m, v), "the mean and the variance")
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
        ]
        close(got[1], right, "The variance", hints, "Within plus between.")
