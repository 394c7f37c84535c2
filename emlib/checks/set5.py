"""Checkers for assignment 5: zeros too many, zeros that nobody saw, and what one may claim.

What is right is found by numerical optimisation, by SciPy's densities, and by following what the
student's function does with the callables it is given; never by a formula that could be copied.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import beta, gamma, poisson

from emlib import em
from emlib._machinery.value import FloatArray
from emlib.checks._core import (
    Problem,
    Worth,
    call,
    climbing,
    close,
    hidden_rng,
    numbers,
    own_rng,
    right_so_far,
    task,
)
from emlib.checks._core import points as points  # test cells end with it
from emlib.families.poisson import PoissonMixture
from emlib.mixture import Mixture

Hints = list[tuple[ArrayLike, str]]

QUIET = np.array([0, 0, 3, 1, 0, 5, 0, 0, 2, 1, 0, 4])
ONE_ZERO = np.repeat(
    [0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15], [1, 1, 2, 4, 5, 6, 6, 5, 4, 3, 2, 1]
)
THREE = np.repeat([4, 5, 6, 18, 20, 22, 44, 50, 56], [2, 4, 2, 3, 3, 3, 2, 2, 2])
NAN = float("nan")
SCRIPT = (
    (-50.0, -46.0),
    (
        *((-51, -50.5), (-40, -34), (-60, NAN), (-47, -47.4), (-55, -51)),
        *((NAN, -33), (-45, -39), (-62, -55.5), (-44, -37)),
    ),
)
LOST = ((-50.0, NAN), ((-51, -50.5), (-40, -34), (-47, -47.4)))
SEEN = np.array([1, 1, 1, 2, 1, 3, 1, 2, 6, 4, 1, 8, 5, 7, 1, 2])


def _quietly(function: Any, *arguments: Any) -> Any:
    """Call the student's function; its warnings are no concern of a checker."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return call(function, *arguments)


def _parts(value: Any, names: Sequence[str]) -> list[Any]:
    """Return the several things that a function of the student returns, or explain."""
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        kind = len(value) if isinstance(value, (tuple, list)) else type(value).__name__
        raise Problem(
            f"Your function should return {len(names)} things, {', '.join(names)}; "
            f"yours returns {kind}."
        )
    return list(value)


def _floats(value: Any, name: str) -> FloatArray:
    """Return an answer as floats of any shape, nan among them, or explain."""
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise Problem(f"{name} should be numbers; yours holds something else.") from None


def _argmax(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function of one variable is highest, to about eight digits."""
    found = minimize_scalar(
        lambda v: -function(v), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    return float(found.x)


# --- a family of one's own


def _log_joint(x: FloatArray, share: float, rate: float) -> FloatArray:
    asleep = np.where(x == 0, np.log(share), -np.inf)
    return np.column_stack([asleep, np.log1p(-share) + poisson.logpmf(x, rate)])


def _summit(
    x: FloatArray, r: FloatArray, prior: tuple[float, float, float, float] = (1, 1, 1, 0)
) -> tuple[float, float]:
    """Return the share and the rate at which the expected log joint + log prior is highest.

    The prior as its exponents a, b of a beta and c, d of a gamma density; the default is flat.
    """
    a, b, c, d = prior
    n = r.sum(axis=0)

    def of_share(s: float) -> float:
        return float((n[0] + a - 1) * np.log(s) + (n[1] + b - 1) * np.log1p(-s))

    def of_log_rate(v: float) -> float:
        fit = float(r[:, 1] @ poisson.logpmf(x, np.exp(v)))
        return fit + (c - 1) * v - d * float(np.exp(v))

    low, high = np.log(1e-4), np.log(x.max() + 10.0)
    return _argmax(of_share, 0.0, 1.0), float(np.exp(_argmax(of_log_rate, low, high)))


@task("zero-inflated")
def zero_inflated(family: Any, *, x: ArrayLike = QUIET) -> None:
    """Check the class `ZeroInflated(weights, rate)`, a family of mixtures on emlib's frame."""
    if not (isinstance(family, type) and issubclass(family, Mixture)):
        raise Problem("A class derived from Mixture is wanted: `class ZeroInflated(Mixture):`.")
    data = np.asarray(x, dtype=float)
    for share, rate in ((0.4, 0.8), (0.15, 3.5)):
        model = _quietly(family, np.array([share, 1 - share]), rate)
        _check_log_joint(model, share, rate)
        _check_additive(model, data)
        _check_m_step(model, data, share, rate)
    rare = np.array([0.0] * 40 + [1.0])
    _check_m_step(_quietly(family, np.array([0.4, 0.6]), 0.05), rare, 0.4, 0.05)
    right_so_far(1 / 2, "log_joint, statistics and m_step for a positive rate")
    _check_rate_of_zero(_quietly(family, np.array([0.4, 0.6]), 0.0), 0.4)
    close(
        _quietly(lambda: model.n_parameters),
        2.0,
        "n_parameters",
        [
            (3.0, "n_parameters counts both weights, but they sum to one: how many are free?"),
            (1.0, "n_parameters is 1: the share of sleep is free, and the rate is too."),
        ],
        "How many numbers could you choose without breaking a rule?",
    )
    run = _quietly(lambda: em.fit(model, data))
    close(run.model.log_likelihood(data), _best_zero_inflated(data), "The fit's log-likelihood")


def _check_log_joint(model: Any, share: float, rate: float) -> None:
    at = np.array([0.0, 1.0, 2.0, 0.0, 5.0, 250.0])
    right = _log_joint(at, share, rate)
    value = _quietly(model.log_joint, at)
    got = _floats(value, "log_joint(x)")
    if got.shape != right.shape:
        numbers(value, "log_joint(x)", right.shape)
    finite = np.isfinite(right)
    if (np.isfinite(got[:, ::-1]) == finite).all():
        raise Problem("The columns are the wrong way round: component 0 is asleep, 1 is awake.")
    if np.isnan(got).any() or not np.isfinite(got[-1, 1]):
        raise Problem(
            f"log_joint gives {got[-1, 1]:.3g} for an awake interval with 250 movements: a "
            "factorial or a power overflows. Stay with logarithms, and gammaln for log x!."
        )
    if np.isfinite(got[at > 0, 0]).all():
        raise Problem(
            "A lamb that is asleep does not move: what is the log joint of `asleep` with a count "
            f"of 5? Yours is {got[4, 0]:.3g}."
        )
    if (np.isfinite(got) != finite).any():
        raise Problem(
            "A zero may come from both components, and a larger count from one only; "
            f"your log joint of a count of 0 is {got[0].round(3).tolist()}."
        )
    weights = np.log([share, 1 - share])
    awake = right[:, 1]
    hints: Hints = [
        (awake - weights[1], "log pi_k is missing in the column of `awake`."),
        (awake - poisson.logpmf(at, rate) + at * np.log(rate) - rate, "log x! is missing (7.4)."),
        (np.exp(awake), "Those are probabilities; their logarithms are wanted."),
    ]
    close(got[:, 1], awake, "The column of `awake`", hints, "Compare (7.4).")
    zeros = right[at == 0, 0]
    hints = [
        (zeros - weights[0], "log pi_k is missing in the column of `asleep`."),
        (np.exp(zeros), "Those are probabilities; their logarithms are wanted."),
    ]
    close(got[at == 0, 0], zeros, "The column of `asleep`", hints)
    whole = _floats(_quietly(model.log_joint, at.astype(int)), "log_joint(x)")
    if whole.shape != right.shape or not np.allclose(whole, right):
        raise Problem(
            "For the same counts as whole numbers, as those of the lamb are, log_joint gives other "
            "values. Into an array of which type do they go?"
        )


def _check_rate_of_zero(model: Any, share: float) -> None:
    at = np.array([0.0, 3.0])
    right = _log_joint(at, share, 0.0)
    got = _floats(_quietly(model.log_joint, at), "log_joint(x)")
    if got.shape == right.shape and np.allclose(got, right):
        return
    said = got.round(6).tolist() if got.shape == right.shape else f"of shape {got.shape}"
    raise Problem(
        "A rate of 0 must work too: then a lamb that is awake does not move either, and a count "
        f"of 0 is certain. For the counts 0 and 3 your log joint is {said}. What is 0 log 0, and "
        "which function knows it?"
    )


def _check_additive(model: Any, x: FloatArray) -> None:
    value = _quietly(model.statistics, x, softmax(_log_joint(x, 0.5, 1.0), axis=1))
    if not isinstance(value, tuple):
        raise Problem(
            f"statistics must return a tuple of arrays, also if there is only one; yours is "
            f"{type(value).__name__}. (A comma makes a tuple.)"
        )
    for part in value:
        if part is None or np.isnan(_floats(part, "Each of your statistics")).any():
            raise Problem("A statistic of yours is no number.")
    whole, first, second = (_quietly(model.e_step, part) for part in (x, x[:5], x[5:]))
    for parts in zip(first.statistics, second.statistics, whole.statistics, strict=True):
        shapes = {np.shape(part) for part in parts}
        if len(shapes) > 1 or not np.allclose(np.add(*parts[:2]), parts[2]):
            raise Problem(
                "Your statistics of two blocks of data do not add up to those of the whole. "
                "They must be sums over observations, not averages or copies of the data."
            )


def _check_m_step(model: Any, x: FloatArray, share: float, rate: float) -> None:
    joint = _log_joint(x, share, rate)
    r = softmax(joint, axis=1)
    best = _summit(x, r)
    held = np.array(model.weights, dtype=float), float(model.rate)
    expectation = _quietly(model.e_step, x)
    _quietly(model.e_step, x[:3])  # what an M-step needs is in its argument, not left behind here
    new = _quietly(model.m_step, expectation)
    if not np.array_equal(held[0], model.weights) or held[1] != model.rate:
        raise Problem("m_step changes the model that it is called on; it must return a new one.")
    if not isinstance(new, type(model)):
        raise Problem(
            f"m_step must return the next model, a {type(model).__name__}; yours returns "
            f"{type(new).__name__}."
        )
    hints: Hints = [
        ([share, 1 - share], "The weights have not moved, see (3.9)."),
        (r.sum(axis=0), "Those are the expected counts; weights sum to one."),
        ([1 - best[0], best[0]], "The weights are exchanged: component 0 is asleep."),
    ]
    otherwise = f"There are {len(x)} observations: is it their number that you divide by?"
    right = [best[0], 1 - best[0]]
    weights, new_rate = _quietly(lambda: (new.weights, new.rate))
    close(weights, right, "The array of weights after m_step", hints, otherwise, rtol=1e-5)
    zeros = np.column_stack([x == 0, x > 0]).astype(float)
    hints = [
        (rate, "The rate has not moved. Do you return the old one?"),
        (_summit(x, np.ones_like(r))[1], "That is the mean of all counts: who was awake?"),
        (_summit(x, zeros)[1], "You count only intervals with a movement as awake, see (3.13)."),
        (r[:, 1] @ x, "That is the number of movements; divide by the time awake."),
        (1 / best[1], "That is the time for one movement; the rate is one over it."),
    ]
    close(new_rate, best[1], "The rate after m_step", hints, "Compare (7.5).", rtol=1e-5)


def _best_zero_inflated(x: FloatArray) -> float:
    """Return the largest log-likelihood, found without EM."""

    def profile(v: float) -> float:
        def inner(s: float) -> float:
            return float(np.logaddexp.reduce(_log_joint(x, s, float(np.exp(v))), axis=1).sum())

        return inner(_argmax(inner, 1e-9, 1 - 1e-9))

    return profile(_argmax(profile, np.log(1e-3), np.log(x.max() + 5.0)))


# --- MAP


def _log_prior(share: float, rate: float, prior: tuple[float, float, float, float]) -> float:
    a, b, c, d = prior
    return float(beta.logpdf(share, a, b) + gamma.logpdf(rate, c, scale=1 / d))


def _log_likelihood(x: FloatArray, share: float, rate: float) -> float:
    return float(np.logaddexp.reduce(_log_joint(x, share, rate), axis=1).sum())


@task("map-climb")
def map_climb(
    function: Callable[..., Any],
    *,
    x: ArrayLike = QUIET,
    prior: tuple[float, float, float, float] = (3.0, 2.0, 4.0, 0.5),
    start: tuple[float, float] = (0.3, 2.5),
) -> None:
    """Check `function(x, share, rate, prior, steps)`: share, rate and the objective's history."""
    data = np.asarray(x, dtype=float)
    _check_map_step(function, data, prior, start)
    right_so_far(1 / 2, "one step on ordinary data")
    for steps in (1, 12, 0):
        _check_history(function, data, prior, start, steps)
    share, rate, _ = _climbed(function, data, prior, start, 500)
    here = _log_likelihood(data, share, rate) + _log_prior(share, rate, prior)
    for s, r in ((share + 0.01, rate), (share - 0.01, rate), (share, 1.02 * rate)):
        if _log_likelihood(data, s, r) + _log_prior(s, r, prior) > here + 1e-9:
            raise Problem("After 500 steps a small change of the parameters still raises J.")
    _check_map_step(function, np.arange(1.0, 9.0), (1.05, 20.0, 4.0, 0.5), start)
    _check_map_step(function, np.zeros(8), (2.0, 2.0, 1.05, 0.3), start)
    for name, edge in (("nothing but zeros", np.zeros(8)), ("no zero", np.arange(1.0, 9.0))):
        share, rate, objective = _climbed(function, edge, prior, start, 200)
        if not (np.isfinite([share, rate]).all() and 0 < share < 1 and rate > 0):
            raise Problem(
                f"On data with {name} your fit ends at share {share:.3g} and rate {rate:.3g}: it "
                "has collapsed, which the prior was there to prevent."
            )
        climbing(objective, f"on data with {name}, your objective")


def _climbed(
    function: Callable[..., Any],
    x: FloatArray,
    prior: tuple[float, float, float, float],
    start: tuple[float, float],
    steps: int,
) -> tuple[float, float, FloatArray]:
    """Return share, rate and objective after so many steps, or explain."""
    value = _parts(_quietly(function, x, *start, prior, steps), ["share", "rate", "objective"])
    if np.shape(value[2]) == (steps,):
        raise Problem(
            f"After {steps} step{'s' * (steps != 1)} {'there are' if steps else 'there is'} "
            f"{steps + 1} model{'s' * (steps > 0)}, the start among them; your objective has "
            f"{steps} value{'s' * (steps != 1)}."
        )
    share, rate = (
        float(numbers(v, f"The {n}", ())) for v, n in zip(value[:2], ("share", "rate"), strict=True)
    )
    return share, rate, numbers(value[2], "The objective", (steps + 1,))


def _check_map_step(
    function: Callable[..., Any],
    x: FloatArray,
    prior: tuple[float, float, float, float],
    start: tuple[float, float],
) -> None:
    value = _parts(_quietly(function, x, *start, prior, 1), ["share", "rate", "objective"])
    a, b, c, d = prior
    r = softmax(_log_joint(x, *start), axis=1)
    right = _summit(x, r, prior)
    flat = _summit(x, r)
    mean = _summit(x, r, (a + 1, b + 1, c + 1, d))
    certain = np.column_stack([x == 0, x > 0]).astype(float)
    shares: Hints = [
        (right[1], "You return the rate first; the share comes first."),
        (flat[0], "The prior has no effect on your share: that is the maximum likelihood M-step."),
        (mean[0], "You add a and b themselves: the exponents of a beta density are a - 1, b - 1."),
        (_summit(x, r, (b, a, c, d))[0], "a and b are exchanged: a goes with asleep."),
        (
            _summit(x, certain, prior)[0],
            "You take every zero for sleep. The E-step shares out the zeros, as in (3.13).",
        ),
        (start[0], "The share has not moved after one step."),
        (1 - right[0], "That is the share of the intervals awake; `share` is that of sleep."),
        (
            _summit(x, r[:, ::-1], prior)[0],
            "You take the expected number of intervals awake where that of those asleep belongs.",
        ),
    ]
    close(value[0], right[0], "The share after one step", shares, "Compare (5.12).", rtol=1e-5)
    everybody = np.ones_like(r)
    rates: Hints = [
        (flat[1], "The prior has no effect on your rate: that is the maximum likelihood M-step."),
        (mean[1], "You add c itself: the exponent of the rate in a gamma density is c - 1."),
        (_summit(x, r, (a, b, c, 1 / d))[1], "d is a rate, not a scale: see (7.12)."),
        (_summit(x, everybody, prior)[1], "You divide by all intervals, not by those awake."),
        (_summit(x, certain, prior)[1], "Zeros of an awake lamb count as time awake too."),
        (start[1], "The rate has not moved after one step."),
    ]
    again = softmax(_log_joint(x, right[0], start[1]), axis=1)
    rates.append((_summit(x, again, prior)[1], "One E-step a step: yours is new for the rate."))
    otherwise = "Compare (7.12)." + " Is it kept from being small?" * (right[1] < 0.1)
    close(value[1], right[1], "The rate after one step", rates, otherwise, rtol=1e-5)


def _check_history(
    function: Callable[..., Any],
    x: FloatArray,
    prior: tuple[float, float, float, float],
    start: tuple[float, float],
    steps: int,
) -> None:
    *end, objective = _climbed(function, x, prior, start, steps)
    ends = (start, end)
    for place, (share, rate) in zip((0, -1), ends, strict=True):
        ll, log_prior = _log_likelihood(x, share, rate), _log_prior(share, rate, prior)
        a, b, c, d = prior
        bare = (a - 1) * np.log(share) + (b - 1) * np.log1p(-share)
        bare += (c - 1) * np.log(rate) - d * rate
        scaled = beta.logpdf(share, a, b) + gamma.logpdf(rate, c, scale=d)
        joint = softmax(_log_joint(x, share, rate), axis=1)
        bound = (joint * np.where(joint > 0, _log_joint(x, share, rate), 0.0)).sum()
        awake = len(x) * np.log1p(-share) + poisson.logpmf(x, rate).sum()
        hints: Hints = [
            (ll, "The log prior is missing: the objective is log-likelihood + log prior (5.4)."),
            (log_prior, "That is the log prior alone; (5.4) has the log-likelihood too."),
            (ll - log_prior, "The log prior has the wrong sign (5.4)."),
            (ll + len(x) * log_prior, "The log prior counts once, not once for each observation."),
            (ll + bare, "The constants of the two densities are missing; beta.logpdf has them."),
            (ll + scaled, "SciPy's gamma takes a scale, which is 1 / d."),
            (bound + log_prior, "That is Q + log prior; the log-likelihood belongs there (1.10)."),
            (awake + log_prior, "Your log-likelihood leaves out `asleep`: sum over both."),
        ]
        otherwise = "Each value must belong to the parameters of its own step, the start first."
        name = "The first value of the objective" if place == 0 else "The last value"
        close(objective[place], ll + log_prior, name, hints, otherwise)
    climbing(objective, "the objective J")


# --- the bootstrap


class _Laboratory:
    """Fits and simulations that are tables, so that it is known what must come of them."""

    def __init__(self, script: Any, n: int, columns: int = 0) -> None:
        (null, full), replicates = script
        self.null = [null, *(a for a, _ in replicates)]
        self.full = [full, *(b for _, b in replicates)]
        self.x = np.zeros((n, columns) if columns else n)
        self.calls: list[tuple[Any, Any, float]] = []
        self.fitted: list[tuple[str, int]] = []

    def fit_null(self, x: Any) -> tuple[float, Any]:
        return self._fit("null", x)

    def fit_full(self, x: Any) -> tuple[float, Any]:
        return self._fit("full", x)

    def _fit(self, name: str, x: Any) -> tuple[float, Any]:
        which = int(np.asarray(x).ravel()[0])
        self.fitted.append((name, which))
        return (self.null if name == "null" else self.full)[which], (name, which)

    def simulate(self, parameters: Any, n: Any, rng: Any) -> FloatArray:
        self.calls.append((parameters, n, float(np.random.default_rng(rng).random())))
        return np.full(int(n), float(min(len(self.calls), len(self.null) - 1)))


@task("bootstrap-p")
def bootstrap_p(
    function: Callable[..., Any], *, script: Any = SCRIPT, n: int = 7, seed: int = 0
) -> None:
    """Check `function(x, fit_null, fit_full, simulate, n_bootstrap, rng)`: p and the statistics.

    A script holds the log-likelihoods (null, full) of the data and of every replicate.
    """
    draws = [_check_p_value(function, script, n, s) for s in (seed, seed + 1)]
    if draws[0] == draws[1]:
        raise Problem(
            "With another generator your replicates are the same as before: hand on the `rng` "
            "that you are given, and make none of your own."
        )
    _check_p_value(function, script, n, seed, columns=2)
    lab = _Laboratory(LOST, n)
    rng = np.random.default_rng(seed)
    value = _quietly(function, lab.x, lab.fit_null, lab.fit_full, lab.simulate, len(LOST[1]), rng)
    p = _floats(_parts(value, ["the p-value", "the statistics"])[0], "The p-value")
    if p.shape or not np.isnan(p):
        raise Problem(
            "If a fit to the data themselves fails, there is no statistic to compare with, and no "
            f"p-value: it is nan. Yours is {p.tolist()}."
        )


def _check_p_value(
    function: Callable[..., Any], script: Any, n: int, seed: int, columns: int = 0
) -> list[float]:
    lab = _Laboratory(script, n, columns)
    b = len(script[1])
    rng = np.random.default_rng(seed)
    value = _quietly(function, lab.x, lab.fit_null, lab.fit_full, lab.simulate, b, rng)
    got = _parts(value, ["the p-value", "the statistics"])
    _check_calls(lab, b, n)
    null, full = np.array(lab.null), np.array(lab.full)
    plain = 2 * (full - null)
    statistics = np.where(plain < 0, 0.0, plain)  # nan stays nan
    observed, replicates = statistics[0], statistics[1:]
    hint: Hints = [
        (replicates / 2, "The factor 2 is missing in the likelihood ratio statistic."),
        (-plain[1:], "Full minus null, not null minus full."),
        (plain[1:], "A negative statistic is set to zero: by (6.1) there can be no loss."),
        (2 * (full[1:] - null[0]), "Every replicate needs a fit of the null model of its own."),
        (np.maximum(2 * (full[1:] - null[0]), 0), "Fit the null model to every replicate too."),
    ]
    mine = _floats(got[1], "The array of statistics")
    if mine.shape == (b + 1,):
        raise Problem("The statistics of the replicates alone are wanted, without the data's own.")
    if mine.shape == (b,) and np.isnan(replicates).any() and not np.isnan(mine).any():
        raise Problem(
            "A fit failed, its log-likelihood is nan, and yet your statistics have a number in "
            f"its place, {mine[np.isnan(replicates)][0]:.3g}. Leave nan there. (Python's "
            "max(0.0, nan) is 0.0; np.maximum keeps nan.)"
        )
    if mine.shape == (b,) and not np.array_equal(np.isnan(mine), np.isnan(replicates)):
        raise Problem("Your statistics hold nan where both fits succeeded.")
    whole = np.isfinite(replicates)
    if mine.shape == (whole.sum(),) != (b,):
        raise Problem(
            "You leave out the replicates for which a fit failed; their statistics are nan, and "
            "stay in the array."
        )
    if mine.shape != (b,):
        raise Problem(f"There are {b} replicates; your statistics have shape {mine.shape}.")
    hint = [(np.asarray(wrong)[whole], message) for wrong, message in hint]
    close(mine[whole], replicates[whole], "The array of statistics", hint, "T = 2 (full - null).")
    right_so_far(1 / 2, "the statistics")
    beaten, larger = (replicates < observed).sum(), (replicates > observed).sum()
    at_least, failed = (replicates >= observed).sum(), np.isnan(replicates).sum()
    right = 1 - beaten / (b + 1)
    hints: Hints = [
        ((at_least + failed) / b, "The ones of (6.21) are missing."),
        (
            (1 + at_least + failed) / b,
            "The denominator of (6.21) is B + 1: the data are one draw more.",
        ),
        (beaten / (b + 1), "You count the replicates that are smaller than the data's statistic."),
        ((1 + beaten) / (b + 1), "You count the replicates that are smaller."),
        ((1 + larger) / (b + 1), "Replicates that equal the data's statistic count too (6.21)."),
        ((1 + at_least) / (b + 1), "A failed replicate must count against the newcomer: as large."),
        ((1 + at_least) / (b + 1 - failed), "You drop the failed replicates. Is that honest?"),
        (at_least / (b - failed), "You drop the failed replicates, and the ones of (6.21)."),
        ((1 + larger + failed) / (b + 1), "Replicates that equal the statistic count too (6.21)."),
        (min(1.0, 2 * right), "One side is asked for: only a large statistic speaks against it."),
    ]
    if script is not SCRIPT:  # of which the p-value is 0.8
        hints.append((0.8, Worth("That is the p-value of the visible test, stored.", 0)))
    close(got[0], right, "The p-value", hints, "Compare (6.21).")
    return [draw for _, _, draw in lab.calls]


def _check_calls(lab: _Laboratory, b: int, n: int) -> None:
    """Explain if the procedure is not the one of chapter 6."""
    if ("null", 0) not in lab.fitted or ("full", 0) not in lab.fitted:
        raise Problem("Both models must be fitted to the data.")
    if len(lab.calls) != b:
        raise Problem(f"n_bootstrap is {b}, but you simulate {len(lab.calls)} times.")
    for parameters, size, _ in lab.calls:
        if not isinstance(parameters, tuple) or parameters != ("null", 0):
            name = "the full model" if parameters == ("full", 0) else "something else"
            raise Problem(
                "Replicates are drawn from the null model as fitted to the data, with the "
                f"parameters that fit_null returns; you draw from {name}."
            )
        if size != n:
            rows = f" The data are an array of shape {lab.x.shape}." if lab.x.ndim > 1 else ""
            raise Problem(
                f"A replicate has as many observations as the data, {n}, not {size}.{rows}"
            )
    if len({draw for _, _, draw in lab.calls}) < b:
        raise Problem(
            "All replicates are alike: hand on the generator `rng` itself, and do not make a "
            "new one with the same seed for each."
        )
    missing = [i for i in range(b + 1) for m in ("null", "full") if (m, i) not in lab.fitted]
    if missing:
        raise Problem(
            f"Both models must be fitted to every replicate; replicate {missing[0]} lacks one."
        )


# --- an honest table

KEYS = ("rates", "zeros", "fit", "log_likelihood", "n_parameters", "bic", "runs", "found", "doubts")
NEAR = 0.01  # nats within which a run has found the best


@task("honest-table")
def honest_table(
    function: Callable[..., Any],
    *own: Any,
    x: ArrayLike | None = None,
    most: int = 2,
    n_starts: int = 6,
    seed: int = 0,
) -> None:
    """Check `function(x, most, n_starts, rng)`: the table of candidates, and which to sign.

    `own` is data of the student's: the procedure is judged on them as well. Each row holds its
    fit, and a row is judged by that alone: another search may end elsewhere, and have other doubts.
    """
    stored = None
    for mine in own:
        stored = _check_table(function, _counts(mine), 2, 4, seed, drawn_from=False)
    for data, starts in ((ONE_ZERO, n_starts), (THREE, 8)) if x is None else ((x, n_starts),):
        table = function, np.asarray(data, dtype=float), most, starts, seed
        _check_table(*table, stored)
    _check_staged(function, THREE if x is None else np.asarray(x, dtype=float), 1, 4)


def _counts(x: Any) -> FloatArray:
    """Return the student's own data, or explain why they will not do."""
    try:
        array = np.asarray(x, dtype=float)
    except (TypeError, ValueError):
        raise Problem("my_counts should be an array of numbers.") from None
    if array.ndim != 1 or not 10 <= len(array) <= 20_000:
        raise Problem(
            f"my_counts should be one row of 10 to 20000 counts; its shape is {array.shape}. "
            "Take a random sample of a larger data set."
        )
    if not (np.isfinite(array).all() and (array >= 0).all() and (array == array.round()).all()):
        raise Problem("my_counts must be whole numbers, 0 or larger: how often did it happen?")
    if array.max() == 0:
        raise Problem("my_counts are all zero: there is nothing to fit.")
    return array


def _check_table(
    function: Callable[..., Any],
    x: FloatArray,
    most: int,
    n_starts: int,
    seed: int,
    stored: list[float] | None = None,
    drawn_from: bool = True,
) -> list[float]:
    """Check a table; return its log-likelihoods, which for other data must not be the same."""
    rng = np.random.default_rng(seed)
    before = str(rng.bit_generator.state)
    value = _quietly(function, x, most, n_starts, rng)
    rows, chosen = _parts(value, ["the table", "the index of the row you would sign"])
    rows = list(rows) if isinstance(rows, (list, tuple)) else [rows]
    for row in rows:
        lacking = [key for key in KEYS if not (isinstance(row, dict) and key in row)]
        if lacking:
            raise Problem(f"Each row of the table is a dictionary; yours has no {lacking[0]!r}.")
    wanted = sorted((k, z) for k in range(1, most + 1) for z in (False, True))
    got = sorted((_whole(row, "rates"), bool(_whole(row, "zeros"))) for row in rows)
    if got != wanted:
        raise Problem(f"The candidates (rates, zeros) should be {wanted}; yours are {got}.")
    top = [float(numbers(row["log_likelihood"], "log_likelihood", ())) for row in rows]
    if top == stored:
        raise Problem(
            "For my_counts and for data of the checker's your table is the same. Does the "
            "function use its arguments?"
        )
    right_so_far(0, "of a table of other data")
    for row in rows:
        _check_row(row, x, n_starts)
    right_so_far(1 / 3, "the table")
    _check_chosen(rows, chosen)
    if drawn_from and str(rng.bit_generator.state) == before:
        raise Problem(
            "Nothing was drawn from the `rng` that was given: hand it on to random_start, and make "
            "no generator of your own."
        )
    return top


@contextlib.contextmanager
def _in_place_of_fit_best(
    function: Any, change: Callable[[Any], Any], calls: list[tuple[list[Any], dict[str, Any]]]
) -> Iterator[None]:
    """Let the student's function find another `fit_best`, where it calls it by that name.

    It notes how it was called, and hands out fits that are changed.
    """
    names = getattr(function, "__globals__", {})
    original: Any = names.get("fit_best")

    def fit_best(models: Any, *rest: Any, **options: Any) -> Any:
        starts = list(models)
        calls.append((starts, options))
        return change(original(starts, *rest, **options))

    if original is not None:
        names["fit_best"] = fit_best
    try:
        yield
    finally:
        if original is not None:
            names["fit_best"] = original


def _all_doubtful(best: Any) -> Any:
    return dataclasses.replace(best, doubts=("this fit was made doubtful, to see who signs it.",))


def _others_doubtful(best: Any) -> Any:
    """Return the fit with doubts in the runs that it passed over, which end just below it."""
    below = best.objective - 0.05
    ends = [run.objective[-1] for run in best.runs]
    first = ends.index(best.objective[-1])
    runs = tuple(
        run
        if i == first or run.status == "degenerate"
        else dataclasses.replace(
            run,
            objective=run.objective - (run.objective[-1] - below[-1]),
            log_likelihood=run.log_likelihood - (run.log_likelihood[-1] - below[-1]),
            doubts=("this run was made doubtful, and it is not the best.",),
        )
        for i, run in enumerate(best.runs)
    )
    return dataclasses.replace(best, runs=runs)


def _check_staged(function: Callable[..., Any], x: FloatArray, most: int, n_starts: int) -> None:
    """Check tables of fits of which the checker made all doubtful, or those passed over."""
    for change in (_all_doubtful, _others_doubtful):
        calls: list[tuple[list[Any], dict[str, Any]]] = []
        with _in_place_of_fit_best(function, change, calls):
            _check_table(function, x, most, n_starts, 1)
        right_so_far(0, "as long as the search is not the one that was asked for")
        for starts, options in calls:
            _check_call(starts, options, x)


def _check_call(starts: list[Any], options: dict[str, Any], x: FloatArray) -> None:
    """Check how `fit_best` was called: as thoroughly as the statement says, or more so."""
    for name, asked in (("tol", "1e-3"), ("max_iter", "500")):
        if name not in options:
            raise Problem(
                f"You call fit_best without {name}; the statement has {name}={asked}. Its own "
                "default is another."
            )
    tol, steps = options["tol"], options["max_iter"]
    if tol > 1e-3:
        raise Problem(f"You call fit_best with tol={tol:g}; the statement has 1e-3.")
    if steps < 500:
        raise Problem(f"You call fit_best with max_iter={steps}; the statement has 500.")
    for start in starts:
        rates = start.rates[start.rates > 0]
        if rates.max() > 1.001 * (x.max() + 1) or rates.min() < 0.999 * (x.min() + 0.2):
            raise Problem(
                f"A start has the rates {rates.round(2).tolist()}, and the counts x lie between "
                f"{x.min():g} and {x.max():g}. For which data did you call random_start?"
            )


def _check_row(row: dict[str, Any], x: FloatArray, n_starts: int) -> None:
    k, zeros = _whole(row, "rates"), bool(row["zeros"])
    name = f"{k} rate{'s' * (k > 1)} {'with' if zeros else 'without'} the zeros' component"
    best = _its_fit(row["fit"], x, k, zeros, n_starts, name)
    ll, bic = (float(numbers(row[key], key, ())) for key in ("log_likelihood", "bic"))
    _check_log_likelihood(ll, best, x, name)
    _check_doubts(row, best, name)
    p = float(numbers(row["n_parameters"], "n_parameters", ()))
    free = _n_free(k, zeros)
    hints: Hints = [
        (float(2 * (k + zeros) - 1), "emlib counts every rate; one of yours is fixed at 0."),
        (float(2 * (k + zeros)), "Weights sum to one, and the rate 0 is not free."),
        (float(free + 1), "One too many: the weights sum to one."),
        (float(k), "You count the rates only; the weights were fitted too."),
        (float(k + zeros), "How many weights are free, and how many rates?"),
    ]
    hints = [(wrong, message) for wrong, message in hints if wrong != free]
    close(p, float(free), f"{name}: n_parameters", hints, "Count what was free to move.")
    n = len(x)
    hints = [
        (-2 * ll + 2 * p, f"{name}: that is AIC; BIC is (6.12)."),
        (2 * ll - p * np.log(n), f"{name}: the sign is wrong; in (6.12) smaller is better."),
        (-2 * ll - p * np.log(n), f"{name}: the penalty is added to -2 l (6.12)."),
        (-ll + p * np.log(n), f"{name}: the factor 2 is missing (6.12)."),
        (
            -2 * ll + p * np.log(len(np.unique(x))),
            f"{name}: N is the number of observations, {n}, not of different values.",
        ),
        (-2 * ll + p * np.log10(n), f"{name}: the logarithm of (6.12) is the natural one."),
    ]
    close(bic, -2 * ll + p * np.log(n), f"{name}: bic", hints, "Compare (6.12).")
    _check_found(row, best, n_starts, name)


def _its_fit(
    best: Any, x: FloatArray, k: int, zeros: bool, n_starts: int, name: str
) -> em.Fit[PoissonMixture]:
    """Return the fit of a row if it is what `fit_best` makes of these data, or explain."""
    if not isinstance(best, em.Fit) or not best.runs:
        kind = "a single run" if isinstance(best, em.Fit) else type(best).__name__
        raise Problem(
            f"{name}: 'fit' should be what fit_best returned, with every run in its `runs`; yours "
            f"is {kind}."
        )
    if len(best.runs) != n_starts:
        raise Problem(
            f"{name}: n_starts is {n_starts}, but your fit comes from {len(best.runs)} "
            f"start{'s' * (len(best.runs) > 1)}."
        )
    model = best.model
    fixed = isinstance(model, PoissonMixture) and (not zeros or model.rates.min() == 0)
    if not fixed or model.n_components != k + zeros:
        rates = isinstance(model, PoissonMixture)
        said = model.rates.round(6).tolist() if rates else type(model).__name__
        raise Problem(f"{name}: is that what you fitted? The rates of your fit are {said}.")
    if len({run.objective[0] for run in best.runs}) < n_starts:
        raise Problem(
            f"{name}: some of your starts are the same. Call random_start anew for each, and hand "
            "on `rng` itself, not a seed."
        )
    end = _quietly(model.log_likelihood, x)
    if not np.isclose(end, best.log_likelihood[-1]):
        raise Problem(
            f"{name}: your fit says {best.log_likelihood[-1]:.2f} nats, but the log-likelihood of "
            f"its model for the data x is {end:.2f}. Which data did you fit?"
        )
    sound = [run for run in best.runs if run.status != "degenerate"] or best.runs
    gap = max(run.objective[-1] for run in sound) - best.objective[-1]
    if gap > NEAR:
        raise Problem(f"{name}: a run that you passed over ends {gap:.2f} nats above your best.")
    return best


def _check_log_likelihood(
    ll: float, best: em.Fit[PoissonMixture], x: FloatArray, name: str
) -> None:
    right = best.log_likelihood[-1]
    hints: Hints = [
        (best.log_likelihood[0], f"{name}: that is the log-likelihood of the start."),
        (right / len(x), f"{name}: that is the mean of one observation; sum them."),
        *(
            (run.log_likelihood[-1], f"{name}: that is not the best run's log-likelihood.")
            for run in best.runs
        ),
    ]
    otherwise = f"That of the best fit is {right:.6g}, the last of its history."
    close(ll, right, f"{name}: log_likelihood", hints, otherwise)


def _check_doubts(row: dict[str, Any], best: em.Fit[PoissonMixture], name: str) -> None:
    doubts = _doubts(row)
    text = " ".join(doubts)
    theirs = [*best.doubts, *([] if best.converged else [best.message])]
    if theirs and not doubts:
        raise Problem(
            f"{name}: this fit is suspect ({theirs[0]}), but your table reports no doubts. Doubts "
            "are those of emlib, and its `message` if the status is not 'converged'."
        )
    if doubts and not theirs:
        raise Problem(f"{name}: emlib has no doubts here, but you have: {doubts[0]}")
    if not best.converged and best.message not in text:
        raise Problem(
            f"{name}: the status of this fit is {best.status!r}, and its `message` is not among "
            "your doubts."
        )
    for doubt in best.doubts:
        if doubt not in text:
            raise Problem(f"{name}: a doubt of emlib's is not among yours: {doubt}")


def _check_found(
    row: dict[str, Any], best: em.Fit[PoissonMixture], n_starts: int, name: str
) -> None:
    runs, found = _whole(row, "runs"), _whole(row, "found")
    if runs != n_starts:
        raise Problem(f"{name}: n_starts is {n_starts}, but your table says {runs} runs.")
    below = best.log_likelihood[-1] - np.array([run.log_likelihood[-1] for run in best.runs])
    sound = np.array([run.status != "degenerate" for run in best.runs])
    least = max(1, int((sound & (abs(below) < NEAR - 1e-6)).sum()))
    if not least <= found <= int((below < NEAR + 1e-6).sum()):
        raise Problem(
            f"{name}: your found is {found}, of {runs} runs, but that is not how many end within "
            "0.01 nats of the best. Compare the last log-likelihoods of all `runs` of the fit."
        )


def _n_free(k: int, zeros: bool) -> int:
    """Return in how many independent directions the distribution can be moved."""
    counts = np.arange(60.0)

    def log_density(v: FloatArray) -> FloatArray:
        rates = np.append(np.exp(v[:k]), [0.0] * zeros)
        return PoissonMixture(softmax(v[k:]), rates).log_density(counts)

    at = np.concatenate([np.log(3.0 * 3.0 ** np.arange(k)), np.linspace(0, 1, k + zeros)])
    slopes = [(log_density(at + e) - log_density(at - e)) / 2e-5 for e in 1e-5 * np.eye(len(at))]
    return int(np.linalg.matrix_rank(np.array(slopes), tol=1e-5))


def _check_chosen(rows: list[dict[str, Any]], chosen: Any) -> None:
    sound = [i for i, row in enumerate(rows) if not _doubts(row)]
    bic = [float(row["bic"]) for row in rows]
    likely = max(range(len(rows)), key=lambda i: float(rows[i]["log_likelihood"]))
    right = min(sound, key=bic.__getitem__) if sound else None
    if chosen is right:
        return
    try:
        index = int(chosen)
    except (TypeError, ValueError):
        raise Problem(
            "The second thing to return is the index of a row, or None if every row has doubts; "
            f"yours is {type(chosen).__name__}."
        ) from None
    if index == right:
        return
    if right is None:
        raise Problem(
            f"Every row of your table has doubts, and you sign row {index}. Then none is to be "
            "signed: return None.",
            keeps=0,
        )
    if not 0 <= index < len(rows):
        raise Problem(f"You sign row {index}, which the table has not.")
    if doubts := _doubts(rows[index]):
        raise Problem(
            f"You sign row {index}, of which your own table says: {doubts[0]} "
            "Choose among the rows without doubts.",
            keeps=0,
        )
    if index == max(sound, key=bic.__getitem__):
        raise Problem("You sign the row with the largest BIC; smaller is better (6.12).")
    if index == likely:
        raise Problem("You sign the row with the largest log-likelihood, which never says enough.")
    raise Problem(f"You sign row {index}, but row {right} has no doubts and a smaller BIC.")


def _whole(row: dict[str, Any], key: str) -> int:
    return int(numbers(row[key], key, ()))


def _doubts(row: dict[str, Any]) -> list[str]:
    """Return the doubts of a row of the student's, which may be a text or any sequence of them."""
    doubts = row["doubts"]
    if isinstance(doubts, str):
        return [doubts] if doubts else []
    if not isinstance(doubts, (list, tuple, set, np.ndarray)):
        raise Problem(f"doubts should be a list or tuple, not {type(doubts).__name__}.")
    return [str(doubt) for doubt in doubts]


# --- an M-step without a formula


def _bound(x: FloatArray, q: FloatArray) -> Callable[[float], float]:
    """Return the terms of Q of one component as a function of the log of its rate."""

    def terms(v: float) -> float:
        with np.errstate(all="ignore"):
            rate = np.exp(v)
            value = float(q @ (poisson.logpmf(x, rate) - np.log(-np.expm1(-rate))))
        return value if np.isfinite(value) else -np.inf

    return terms


def _newton(x: FloatArray, q: FloatArray, rate: float) -> float:
    """Return the Newton step in the log of the rate, from moments summed over all counts."""
    counts = np.arange(1.0, 400.0)
    p = poisson.pmf(counts, rate)
    p = p / p.sum()
    mean = float(p @ counts)
    return float(q @ (x - mean) / (q.sum() * (p @ (counts - mean) ** 2)))


def _halvings(terms: Callable[[float], float], at: float, step: float) -> int:
    here = terms(at)
    good = (j for j in range(61) if terms(at + step / 2**j) >= here)
    return next(good, 61)


class _TooLong(BaseException):
    """The student's function goes on and on; no `except Exception` of theirs may catch it."""


def _in_time(function: Any, x: FloatArray, q: FloatArray, rates: FloatArray) -> Any:
    """Call the student's function, and explain if it does not come to an end.

    Each line of the student's own code looks at the clock, so that a loop ends in a message and
    not with the kernel. What the clock counts is the time of the processor.
    """
    space = getattr(function, "__globals__", None)
    end = time.process_time() + 3

    def watch(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_globals is not space:
            return None
        if time.process_time() > end:
            raise _TooLong
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        return _quietly(function, x, q, rates)
    except _TooLong:
        raise Problem(
            f"With the counts {x.astype(int).tolist()}, from the rates {rates.tolist()}, your "
            "function does not come to an end. If 60 halvings do not help, stop, and keep the old "
            "rate; and a comparison with nan is false."
        ) from None
    finally:
        sys.settrace(before)


@task("guarded-step")
def guarded_step(
    function: Callable[..., Any],
    *,
    x: ArrayLike = SEEN,
    places: Sequence[Sequence[float]] = ((1.5, 4.0), (0.05, 5.0), (0.0008, 0.3), (1, 4)),
) -> None:
    """Check `function(x, q, rates)`, one guarded Newton step for each of K truncated Poissons."""
    data = np.asarray(x, dtype=float)
    for place in places:
        rates = np.array(place)
        k = len(rates)
        q = np.random.default_rng(k).dirichlet(np.ones(k), len(data))
        value = _floats(_in_time(function, data, q, rates), "The array of rates")
        there = value.round(6).tolist()
        if rates.dtype == int and np.array_equal(value, np.trunc(value)):
            raise Problem(
                f"From the rates {rates.tolist()} you go to {there}. Rates that come as "
                "whole numbers go on as floats: into an array of which type are they put?"
            )
        if value.shape == (k,) and not np.isfinite(value).all():
            raise Problem(
                f"From the rates {rates.tolist()} you go to {there}. A step too long "
                "may overflow, and a comparison with nan is false: halve *until* Q is not lower."
            )
        value = numbers(value, "The array of rates", (k,))
        if (value <= 0).any():
            raise Problem(
                f"A rate of {value.min():.3g} is no rate: take the Newton step in log(rate)."
            )
        _check_step(value, data, q, rates)
    right_so_far(1 / 2, "the step where not all counts are small")
    _sinking(function)


def _sinking(function: Callable[..., Any]) -> None:
    """Check counts of 1, or nearly: where the truncation decides, and where d_k is nan."""
    nearly = np.array([1.0, 1, 1, 2, 1, 1, 2, 1, 1, 1, 3, 1])
    for x, rates in (
        (nearly, np.array([0.9, 1.1])),
        (np.ones(9), np.array([0.3, 1.0])),
        (np.ones(9), np.array([1e-17, 0.3])),
        (nearly, np.array([3e-5, 0.5])),
    ):
        q = np.random.default_rng(2).dirichlet(np.ones(2), len(x))
        value = _floats(_in_time(function, x, q, rates), "The array of rates")
        if value.shape == (2,) and not np.isfinite(value).all():
            raise Problem(
                f"With counts that are all 1, from the rates {rates.tolist()}, you go to "
                f"{value.round(6).tolist()}. If 60 halvings do not help, the old rate is to be "
                "kept."
            )
        value = numbers(value, "The array of rates", (2,))
        try:
            _check_step(value, x, q, rates)
        except Problem as problem:
            raise Problem(f"With the counts {x.astype(int).tolist()}: {problem}") from None


def _check_step(value: FloatArray, x: FloatArray, q: FloatArray, rates: FloatArray) -> None:
    terms = [_bound(x, column) for column in q.T]
    at = np.log(rates)
    steps = np.array([_newton(x, c, rate) for c, rate in zip(q.T, rates, strict=True)])
    halvings = np.array([_halvings(f, v, d) for f, v, d in zip(terms, at, steps, strict=True)])
    right = np.where(halvings > 60, rates, np.exp(at + steps / 2.0**halvings))
    summit = np.exp([_argmax(f, np.log(1e-6), np.log(x.max() + 5)) for f in terms])
    means = q.T @ x / q.sum(axis=0)
    with np.errstate(over="ignore"):
        untruncated = np.exp(at + np.clip(means / rates - 1, -700, 700))
        unguarded = np.exp(at + steps)
        downhill = np.exp(at - steps / 2.0**halvings)
    hints: Hints = [
        (summit, "That is the summit of Q, found by many steps. One step is asked for."),
        (means, "Those are the means of the counts: the M-step of Poissons that *can* be zero."),
        (untruncated, "That is (7.8), for Poissons that can be zero; these cannot."),
        (downhill, "You go downhill: the sign of the Newton step is wrong."),
        (rates, "The rates have not moved. Does your step point uphill?"),
        (
            np.exp(at + steps / 2.0 ** halvings.max()),
            "You halve the steps of all rates together. Each has its own terms of Q, so guard "
            "each by itself.",
        ),
        (
            np.exp(at + steps / 2.0 ** (halvings + 1)),
            "You halve once too often: the first step, whole, is tried too.",
        ),
        (
            np.exp(at + steps / 2.0 ** np.maximum(halvings, 1)),
            "You halve at least once; if the whole step does not lower Q, take it.",
        ),
        (rates * (1 + np.clip(steps, -1e300, 1e300)), "The step is in log(rate): exponentiate it."),
        (np.log(right), "Those are logarithms of rates; the rates are wanted."),
        (
            np.sort(right),
            "You return the rates in order of size, and not in that of the components.",
        ),
    ]
    hints = [(wrong, said) for wrong, said in hints if not np.allclose(wrong, right, rtol=1e-5)]
    if halvings.any():
        hints.append((unguarded, "The guard is missing: your whole Newton step lowers Q."))
    for f, old, new, k in zip(terms, rates, value, range(len(rates)), strict=True):
        fall = f(np.log(old)) - f(np.log(new))
        if fall > 1e-9 * max(1.0, abs(f(np.log(old)))):
            hints.append((value, f"Q falls by {fall:.3g} nats in rate {k}: that is no GEM (7.9)."))
    otherwise = f"From rates {rates.tolist()}. Are slope and curvature right, and is it (7.9)?"
    close(value, right, "The array of rates", hints, otherwise, rtol=1e-5)


# --- a student's own numbers


class Own(NamedTuple):
    """A student's own lambs: the share of sleep, three waking rates, and a seed."""

    share: float
    rates: tuple[float, ...]
    seed: int


def own(me: str) -> Own:
    """Draw the numbers of the experiment for a student's identifier."""
    rng = own_rng("set5", me)
    share = round(float(rng.uniform(0.25, 0.35)), 2)
    rates = np.array([0.6, 2.0, 6.0]) * rng.uniform(0.85, 1.15, 3)
    return Own(share, tuple(rates.round(1).tolist()), int(rng.integers(1000)))


# --- hidden data


def drawn(name: str) -> dict[str, Any]:
    """Return data for the checker of a task, drawn from the instructor's seed."""
    rng = hidden_rng(name)
    awake = rng.poisson(rng.uniform(2, 6), 24)
    x = rng.permutation([0, 0, 0, *np.where(rng.random(24) < 0.4, 0, awake)])
    if name == "zero-inflated":
        return {"x": x}
    if name == "map-climb":
        prior = tuple(float(v) for v in rng.uniform([1.3, 1.3, 1.3, 0.3], [5, 5, 5, 3]))
        return {"x": x, "prior": prior, "start": (float(rng.uniform(0.2, 0.8)), 2.0)}
    if name == "guarded-step":
        seen = 1 + rng.poisson(rng.choice([1.0, 12.0], 16))
        small, middle, large = rng.uniform([0.0005, 0.5, 5], [0.05, 2, 20])
        return {"x": seen, "places": ((large, small), (small, middle, large), (middle,))}
    if name == "honest-table":
        counts = np.concatenate([x, rng.poisson(rng.uniform(15, 30), 20)])
        return {"x": counts, "n_starts": 5, "seed": int(rng.integers(1000))}
    null = -rng.uniform(40, 60, 10)
    full = null + rng.choice([-0.5, 1.0, 2.0, 4.0], 10)
    full[3], full[7] = null[3] + full[0] - null[0], NAN
    script = tuple(zip(null.tolist(), full.tolist(), strict=True))
    return {"script": (script[0], script[1:]), "n": int(rng.integers(5, 20))}
