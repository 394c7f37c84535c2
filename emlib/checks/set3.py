"""Checkers for assignment 3: lives that were not seen to their end, and two hands at one meter.

What is right is found by numerical integration and optimisation, never by a formula that a
student could copy. Without a case the checkers use small data of their own; hidden tests give
them others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import expon, norm

from emlib._machinery.value import FloatArray
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

BoolArray = NDArray[np.bool_]
Hints = list[tuple[ArrayLike, str]]

# Five bulbs, one of them taken out of the test early.
T = np.array([0.4, 1.7, 3.0, 0.1, 0.8])
DIED = np.array([True, True, False, True, False])
LIVES = (T, DIED, 0.5)
MAKES = (T, DIED, np.array([0.3, 0.7]), np.array([2.0, 0.25]))

# Readings of a voltmeter, in volts from the nominal voltage.
X = np.array([1.2, 0.9, 1.1, 3.4, -2.0, 1.05, 1.3, 5.1])
READINGS = (X, np.array([0.6, 0.4]), 1.1, np.array([0.04, 4.0]))
SHARES = (
    X,
    np.array([0.9, 0.8, 0.95, 0.1, 0.02, 0.9, 0.85, 0.01])[:, None] * [1, -1] + [0, 1],
    np.array([0.04, 4.0]),
)


# --- what the checkers of several sets need


def parts(value: Any, names: Sequence[str]) -> list[Any]:
    """Return the several things that a function of the student returns, or explain."""
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        raise Problem(
            f"Your function should return {len(names)} things: {', '.join(names)}; "
            f"yours returns {_what(value)}."
        )
    if any(part is None or part is ... for part in value):
        raise NotAttempted
    return list(value)


def _what(value: Any) -> str:
    return f"{len(value)}" if isinstance(value, (tuple, list)) else f"one {type(value).__name__}"


def must_depend(
    function: Callable[..., Any], value: Any, case: tuple[Any, ...], usual: tuple[Any, ...]
) -> None:
    """Explain if a function returns for one case what it returns for another."""
    if case is usual:
        return
    other = call(function, *usual)
    if _same(value, other):
        raise Problem(
            "For two different data sets your function returns the same. Does it use its "
            "arguments? A stored answer is right for one data set only."
        )


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of an answer, or None if it has none, as nested lists of unlike lengths."""
    try:
        return tuple(np.shape(value))
    except ValueError:
        return None


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    return shape_of(a) == shape_of(b) is not None and bool(np.array_equal(a, b))


def in_order(got: Sequence[Any], right: Sequence[Any], keeps: float = 0.0) -> None:
    """Explain if two things that a function returns are right, but the wrong way round."""
    for mine, theirs in zip(got, right[::-1], strict=True):
        try:
            array = np.asarray(mine, dtype=float)
        except (TypeError, ValueError):
            return
        if array.shape != np.shape(theirs) or not np.allclose(array, theirs, rtol=1e-6):
            return
    raise Problem("The results are right, but you return them in the wrong order.", keeps)


# --- bulbs


def _whole_lives(t: FloatArray, died: BoolArray, rate: float) -> FloatArray:
    """Return the expected whole life of each bulb, by numerical integration."""
    life = expon(scale=1 / rate)

    def more(seen: float) -> float:  # the area under the share that survives; also far out
        def share(u: float) -> float:
            return float(np.exp(life.logsf(seen + u) - life.logsf(seen)))

        return float(quad(share, 0, 60 / rate, epsabs=0, epsrel=1e-10)[0])

    return np.array(
        [seen if dead else seen + more(seen) for seen, dead in zip(t, died, strict=True)]
    )


def _one_kind(died: BoolArray) -> list[tuple[str, BoolArray]]:
    """Return the two cases in which all bulbs are of one kind."""
    return [
        ("every bulb dead", np.ones(len(died), dtype=bool)),
        ("no bulb dead", np.zeros(len(died), dtype=bool)),
    ]


@contextlib.contextmanager
def _told(title: str) -> Iterator[None]:
    """Begin what there is to say with the case in which it happens."""
    try:
        yield
    except Problem as problem:
        raise Problem(f"With {title}: {problem}") from None


@task("expected-lives")
def expected_lives(
    function: Callable[..., Any], *, case: tuple[FloatArray, BoolArray, float] = LIVES
) -> None:
    """Check `function(t, died, rate)`, which returns the expected life of each bulb."""
    t, died, rate = case
    value = call(function, t, died, rate)
    must_depend(function, value, case, LIVES)
    right = _whole_lives(t, died, rate)
    mean, end = 1 / rate, t.max()
    hints: Hints = [
        (t, "A bulb that still burns will go on for a while; you count it as dead."),
        (
            np.where(died, t, mean),
            "For a bulb that still burns you give the mean life of a new one, and forget the "
            "time that it has burnt already.",
        ),
        (t + mean, "A bulb that died has no life left, but you add some to every bulb."),
        (
            np.where(died, t + mean, t),
            "You add the remaining life to the dead bulbs, not to the burning ones.",
        ),
        (
            np.where(died, t, t + rate),
            "You add the rate, which is one over a time. Look at the units.",
        ),
        (
            np.where(died, t, t + np.log(2) * mean),
            "You add the median of the remaining life; an expectation is a mean.",
        ),
        (
            np.where(died, t, np.maximum(t, mean)),
            "You give a burning bulb the mean life, or what it has burnt already if that is more. "
            "But what it has burnt wears nothing out.",
        ),
        (np.where(died, t, end + mean), "Each burning bulb has its own t; you take the longest."),
        (np.full(len(t), mean), "You give every bulb the mean life. What has been seen of it?"),
        (
            np.where(died, t, t[died].mean() if died.any() else end),
            "For the burning bulbs you fill in the mean life of the dead ones.",
        ),
    ]
    name = "The array of expected lives"
    close(value, right, name, hints, "What is the mean of the life, given what was seen?")
    for title, some in _one_kind(died):
        with _told(title):
            value = call(function, t, some, rate)
            must_depend(function, value, (t, some, rate), LIVES)
            close(value, _whole_lives(t, some, rate), name)


def _log_joint(t: FloatArray, died: BoolArray, w: FloatArray, rates: FloatArray) -> FloatArray:
    """Return log p(what was seen of bulb n, make k), shape (N, K)."""
    makes = expon(scale=1 / rates)
    seen = np.where(died[:, None], makes.logpdf(t[:, None]), makes.logsf(t[:, None]))
    return np.asarray(np.log(w) + seen)


def _posterior(a: FloatArray) -> FloatArray:
    return np.asarray(np.exp(a - logsumexp(a, axis=1, keepdims=True)))


@task("which-make")
def which_make(
    function: Callable[..., Any],
    *,
    case: tuple[FloatArray, BoolArray, FloatArray, FloatArray] = MAKES,
) -> None:
    """Check `function(t, died, weights, rates)`, which returns responsibilities (N, K)."""
    t, died, w, rates = case
    with np.errstate(all="ignore"):
        value = call(function, t, died, w, rates)
    must_depend(function, value, case, MAKES)
    right = _posterior(_log_joint(t, died, w, rates))
    value = distributions(value, "the array of responsibilities", right.shape)
    one = np.ones(len(t), bool)
    hints: Hints = [
        (
            _posterior(_log_joint(t, one, w, rates)),
            "The burning bulbs are treated as if they had died when the test ended. What was seen "
            "of them is that they live *longer* than t.",
        ),
        (
            _posterior(_log_joint(t, ~one, w, rates)),
            "The dead bulbs are treated as if they still burnt: a death at t has a density, which "
            "has a factor of its own.",
        ),
        (
            _posterior(_log_joint(t, ~died, w, rates)),
            "Dead and burning bulbs are exchanged. `died` is true for the dead ones.",
        ),
        (
            _posterior(_log_joint(t, died, np.full(len(w), 1.0), rates)),
            "The weights are missing: some makes are more frequent than others.",
        ),
        (
            _posterior(_log_joint(t, died, w, 1 / rates)),
            "The rates are used as mean lives. A rate is one over a mean life.",
        ),
        (
            np.where(died[:, None], right, w),
            "For a burning bulb you give the weights, as if nothing were known of it. It has lived "
            "for some time, and that speaks for one of the makes.",
        ),
    ]
    name = "The array of responsibilities"
    close(value, right, name, hints, "Which probability has what was seen, under each make?")
    right_so_far(1 / 2, "the responsibilities for lives that are not long")
    for title, some in _one_kind(died):
        with _told(title):
            value = call(function, t, some, w, rates)
            must_depend(function, value, (t, some, w, rates), MAKES)
            close(value, _posterior(_log_joint(t, some, w, rates)), name)
    far = np.array([0.5, 9000.0, 20000.0])
    alive = np.array([True, True, False])
    with np.errstate(all="ignore"):
        value = call(function, far, alive, w, rates)
    must_depend(function, value, (far, alive, w, rates), MAKES)
    value = np.asarray(value, dtype=float)
    if np.isnan(value).any():
        raise Problem(
            "A life of 9000 gives NaN: both densities underflow to zero. Work with logarithms "
            "until after the subtraction in (3.14)."
        )
    close(value, _posterior(_log_joint(far, alive, w, rates)), f"{name} for very long lives")


def _best_rate(share: FloatArray, life: FloatArray) -> float:
    """Return the rate that maximises the expected complete-data log-likelihood."""

    def loss(log_rate: float) -> float:
        return -float(share @ (log_rate - np.exp(log_rate) * life))

    return float(np.exp(minimize_scalar(loss, bracket=(-1.0, 1.0), tol=1e-12).x))


@task("censored-step")
def censored_step(
    function: Callable[..., Any],
    *,
    case: tuple[FloatArray, BoolArray, FloatArray, FloatArray] = MAKES,
) -> None:
    """Check `function(t, died, weights, rates)`, which returns the next weights and rates."""
    t, died, w, rates = case
    with np.errstate(all="ignore"):
        value = call(function, t, died, w, rates)
    if isinstance(value, np.ndarray) and value.shape == (2, len(w)):
        value = tuple(value)  # one array for both
    new_w, new_rates = parts(value, ("weights", "rates"))
    must_depend(function, value, case, MAKES)
    r = _posterior(_log_joint(t, died, w, rates))
    lives = np.array([_whole_lives(t, died, rate) for rate in rates]).T
    best = np.array([_best_rate(r[:, k], lives[:, k]) for k in range(len(w))])
    in_order((new_w, new_rates), (r.mean(axis=0), best), 2 / 3)
    as_dead = _posterior(_log_joint(t, np.ones(len(t), bool), w, rates))
    hints: Hints = [
        (r.sum(axis=0), "Those are the expected counts; weights sum to one."),
        (w, "The weights have not moved, see (3.9)."),
        (
            as_dead.mean(axis=0),
            "Your E-step treats the burning bulbs as if they had died when the test ended.",
        ),
        (r[died].mean(axis=0), "You count the dead bulbs only; the burning ones are bulbs too."),
        (
            r[died].sum(axis=0) / len(t),
            "You count the dead bulbs only; the burning ones are bulbs too.",
        ),
        (
            _posterior(_log_joint(t, died, np.ones(len(w)), rates)).mean(axis=0),
            "Your E-step leaves out the current weights.",
        ),
    ]
    otherwise = "Are the responsibilities right? Then see (3.9)."
    close(new_w, r.mean(axis=0), "The array of weights", hints, otherwise)
    right_so_far(1 / 3, "the weights")
    counts, watched = r.sum(axis=0), (r * t[:, None]).sum(axis=0)
    at_dead = (as_dead * t[:, None]).sum(axis=0)
    remaining: list[Any] = [1 / (r @ rates), r @ (1 / rates), (1 / rates).mean(), 1 / rates.mean()]
    for share in (w, r.mean(axis=0)):
        remaining += [share @ (1 / rates), 1 / (share @ rates)]
    hard = np.where(died[:, None], t[:, None], 1 / rates)
    unseen = Worth(
        "That is what follows if the burning bulbs had died when the test ended. Put the expected "
        "whole lives in the place of t.",
        0,
    )
    hints = [
        (counts / watched, unseen),
        (as_dead.sum(axis=0) / at_dead, unseen),
        (
            r[died].sum(axis=0) / (r * t[:, None])[died].sum(axis=0),
            Worth(
                "You use the dead bulbs only; to drop those that still burn makes lives too short.",
                0,
            ),
        ),
        (
            r[died].sum(axis=0) / watched,
            "You count the dead bulbs alone, and of the burning ones the time watched. Here their "
            "whole lives are hidden: count every bulb, with its expected life.",
        ),
        (
            1 / best,
            "Those are mean lives; a rate is one over a mean life.",
        ),
        (rates, "The rates have not moved. Do you return the old ones?"),
        *[
            (
                counts / (r * np.where(died, t, t + more)[:, None]).sum(axis=0),
                "The expected life of a burning bulb must depend on its make; yours is the same "
                "for all makes. Expected lives form an (N, K) table.",
            )
            for more in remaining
        ],
        (
            counts / (r * hard).sum(axis=0),
            "A bulb that burns has lived for t already; what it has in front of it comes on top.",
        ),
        (
            len(t) / (r * lives).sum(axis=0),
            "You divide N by the lives of each make; how many bulbs of that make are expected?",
        ),
        (
            counts / lives.sum(axis=0),
            "The lives must be weighted with the responsibilities too.",
        ),
    ]
    otherwise = "Set the derivative of Q to zero, with expected whole lives in it."
    close(new_rates, best, "The array of rates", hints, otherwise)
    right_so_far(2 / 3, "the step for lives that are not long")
    for title, some in _one_kind(died):
        with _told(title):
            value = call(function, t, some, w, rates)
            must_depend(function, value, (t, some, w, rates), MAKES)
            pair = tuple(value) if isinstance(value, np.ndarray) else value
            new_w, new_rates = parts(pair, ("weights", "rates"))
            r = _posterior(_log_joint(t, some, w, rates))
            lives = np.array([_whole_lives(t, some, rate) for rate in rates]).T
            close(new_w, r.mean(axis=0), "The array of weights")
            best = np.array([_best_rate(r[:, k], lives[:, k]) for k in range(len(w))])
            close(new_rates, best, "The array of rates", rtol=1e-5)
    _check_long_lives(function, w, rates)


def _check_long_lives(function: Callable[..., Any], w: FloatArray, rates: FloatArray) -> None:
    """Check a step with lives of which every density is zero as a float."""
    t, died = np.array([0.5, 1.2, 0.3, 9000.0, 2.0]), np.array([True, True, True, True, False])
    with np.errstate(all="ignore"):
        value = call(function, t, died, w, rates)
    must_depend(function, value, (t, died, w, rates), MAKES)
    pair = tuple(value) if isinstance(value, np.ndarray) else value
    new_w, new_rates = parts(pair, ("weights", "rates"))
    if np.isnan([*np.ravel(new_w), *np.ravel(new_rates)]).any():
        raise Problem(
            "A life of 9000 gives NaN: all densities underflow to zero. Work with logarithms until "
            "after the subtraction in (3.14)."
        )
    r = _posterior(_log_joint(t, died, w, rates))
    lives = np.array([_whole_lives(t, died, rate) for rate in rates]).T
    close(new_w, r.mean(axis=0), "The array of weights, with very long lives,")
    best = np.array([_best_rate(r[:, k], lives[:, k]) for k in range(len(w))])
    close(new_rates, best, "The array of rates, with very long lives,", rtol=1e-5)


# --- a voltmeter


def _log_share(
    x: FloatArray, w: FloatArray, mean: float, variances: FloatArray, sd_power: float = 1.0
) -> FloatArray:
    a = np.log(w) + norm.logpdf(x[:, None], mean, np.sqrt(variances))
    a = a + (1 - sd_power) * 0.5 * np.log(variances)
    return np.asarray(a - logsumexp(a, axis=1, keepdims=True))


@task("log-shares")
def log_shares(
    function: Callable[..., Any],
    *,
    case: tuple[FloatArray, FloatArray, float, FloatArray] = READINGS,
) -> None:
    """Check `function(x, weights, mean, variances)`, which returns log r_nk (N, K)."""
    x, w, mean, variances = case
    with np.errstate(all="ignore"):
        value = call(function, x, w, mean, variances)
    must_depend(function, value, case, READINGS)
    right = _log_share(x, w, mean, variances)
    value = numbers(value, "The table of log responsibilities", right.shape)
    joint = np.log(w) + norm.logpdf(x[:, None], mean, np.sqrt(variances))
    hints: Hints = [
        (np.exp(right), "Those are the responsibilities; their logarithms are wanted."),
        (joint, "That is the log joint. Exponentiated, its rows do not sum to 1."),
        (
            _log_share(x, np.full(len(w), 1 / len(w)), mean, variances),
            "The weights are missing: log pi_k in (3.3).",
        ),
        (
            _log_share(x, w, mean, variances, sd_power=0.0),
            "A term of (3.3) is missing, which cancels only when the variances are equal.",
        ),
        (
            _log_share(x, w, mean, variances**2),
            "`variances` holds variances, squared already; do not square them.",
        ),
        (
            _log_share(x, w, mean, np.sqrt(variances)),
            "`variances` holds variances; a density takes the variance where you put its root.",
        ),
        (
            joint - logsumexp(joint, axis=0),
            "You divide over the readings. Rows must sum to 1: is the sum over the right axis?",
        ),
        (
            right / np.log(10),
            "Those are logarithms to base 10; natural ones are wanted.",
        ),
    ]
    close(value, right, "The table of log responsibilities", hints, "Compare (3.14).")
    far = mean + np.array([0.0, 40.0, -500.0, 1e6])
    with np.errstate(all="ignore"):
        value = call(function, far, w, mean, variances)
    must_depend(function, value, (far, w, mean, variances), READINGS)
    value = np.asarray(value, dtype=float)
    bad = far[~np.isfinite(value).all(axis=1)]
    if np.isnan(value).any():
        raise Problem(
            f"A reading of {bad[0]:.6g} volts gives NaN: 0/0, or inf - inf. All densities "
            "underflow there; never leave the logarithms."
        )
    if len(bad):
        raise Problem(
            f"At a reading of {bad[0]:.6g} volts a log responsibility is not finite. It is a large "
            "negative number, and still a number: it was lost when you took the logarithm of "
            "something that had been exponentiated before."
        )
    close(value, _log_share(far, w, mean, variances), "The table, for wild readings,")
    rare = np.where(np.arange(len(w)) == 0, 1.0, 1e-30)
    value = call(function, x, rare, mean, variances)
    ask = "Is something added to a weight, or to a density, before its logarithm is taken?"
    right = _log_share(x, rare, mean, variances)
    close(value, right, "The table, with a weight of 1e-30,", (), ask)


def _expected(x: FloatArray, r: FloatArray, mean: float, variances: FloatArray) -> float:
    """Return the part of Q that holds the mean and the variances."""
    return float((r * norm.logpdf(x[:, None], mean, np.sqrt(variances))).sum())


def _best_mean(x: FloatArray, r: FloatArray, variances: FloatArray) -> float:
    def loss(mean: float) -> float:
        return -_expected(x, r, mean, variances)

    return float(minimize_scalar(loss, bracket=(x.min(), x.max()), tol=1e-12).x)


def _best_variances(x: FloatArray, r: FloatArray, mean: float) -> FloatArray:
    def best(k: int) -> float:
        def loss(log_variance: float) -> float:
            return -_expected(x, r[:, [k]], mean, np.exp([log_variance]))

        return float(np.exp(minimize_scalar(loss, bracket=(-2.0, 2.0), tol=1e-12).x))

    return np.array([best(k) for k in range(r.shape[1])])


@task("shared-mean-step")
def shared_mean_step(
    function: Callable[..., Any], *, case: tuple[FloatArray, FloatArray, FloatArray] = SHARES
) -> None:
    """Check `function(x, r, variances)`, which returns weights, the mean and variances."""
    x, r, variances = case
    value = call(function, x, r, variances)
    w, mean, new = parts(value, ("weights", "mean", "variances"))
    must_depend(function, value, case, SHARES)
    counts = r.sum(axis=0)
    hints: Hints = [
        (counts, "Those are the expected counts; weights sum to one."),
        (np.full(len(counts), 1 / len(counts)), "The weights depend on r, see (3.9)."),
    ]
    close(w, r.mean(axis=0), "The array of weights", hints, "See (3.9).")
    if shape_of(mean) == (len(counts),):
        raise Problem("The components share their mean: one number is wanted, not one for each.")
    right = _best_mean(x, r, variances)
    own = np.array([np.average(x, weights=r[:, k]) for k in range(len(counts))])
    both = right
    for _ in range(30):
        both = _best_mean(x, r, _best_variances(x, r, both))
    spread = np.sqrt(variances)
    hints = [
        (
            x.mean(),
            "That is the plain mean. A reading by a careful hand should count for more than one "
            "by a careless hand: where does the variance stand in the derivative of Q?",
        ),
        (own.mean(), "That is the average of the components' own means, whatever their weight."),
        (
            np.average(own, weights=1 / variances),
            "You weight the components' own means with their precisions, but not with the number "
            "of readings behind them.",
        ),
        (
            np.average(x, weights=r @ (1 / spread)),
            "You divide by the standard deviations. Which power of sigma stands in (3.3)?",
        ),
        (
            np.average(x, weights=r @ variances),
            "You multiply by the variances: the careless readings count most.",
        ),
        (
            np.average(x, weights=1 / (r @ variances)),
            "You average the variances first, and divide then. Average what stands in Q.",
        ),
        (
            both,
            "That is the mean at the very top of Q, with new variances put in again and again. "
            "Here one pass is wanted: the mean with the variances held at the given ones.",
        ),
        (
            _best_mean(x, r, _best_variances(x, r, float(x.mean()))),
            "You renew the variances first. The mean is to be found with the given ones.",
        ),
    ]
    otherwise = "Set the derivative of Q with respect to the mean to zero, all components in it."
    close(mean, right, "The mean", hints, otherwise)
    right_so_far(1 / 2, "the weights and the mean")
    best = _best_variances(x, r, right)
    squares = (x - right) ** 2
    about_own = np.array([r[:, k] @ (x - own[k]) ** 2 for k in range(len(own))]) / counts
    hints = [
        (
            about_own,
            "You take each variance about the component's own mean. The mean is shared.",
        ),
        (squares @ r / len(x), "Divide by the count of each component, not by N."),
        (squares @ r, "Those are sums of squares. Divide them by something."),
        (np.sqrt(best), "Those are standard deviations; variances are wanted."),
        (np.full(len(counts), squares.mean()), "That is one common variance; each has its own."),
        (variances, "The variances have not moved."),
        (
            _best_variances(x, r, float(x.mean())),
            "Those are mean squares about the plain mean; take the new mean.",
        ),
        (squares @ r / (counts - 1), "Divide by N_k: the maximum has no minus one."),
        (squares @ r**2 / counts, "Each square counts r times, not r^2 times."),
    ]
    otherwise = "Hold the new mean, and maximise Q over each variance."
    close(new, best, "The array of variances", hints, otherwise)
    _check_wild_and_tiny(function, case)


def _check_wild_and_tiny(
    function: Callable[..., Any], case: tuple[FloatArray, FloatArray, FloatArray]
) -> None:
    """Check a reading that is far out, and readings that nearly agree: all count, none is cut."""
    x, r, variances = case
    wild = (np.append(x, 92.0), np.vstack([r, np.full(r.shape[1], 1 / r.shape[1])]), variances)
    tiny = (1e-2 * x, r, 1e-4 * variances)
    for title, some in (("a reading of 92 V", wild), ("readings in hundredths of a volt", tiny)):
        value = call(function, *some)
        must_depend(function, value, some, SHARES)
        _, mean, new = parts(value, ("weights", "mean", "variances"))
        right = _best_mean(*some)
        ask = "Is a reading left out, or a variance kept from being small?"
        close(mean, right, f"The mean, with {title},", (), ask, rtol=1e-5)
        best = _best_variances(some[0], some[1], right)
        close(new, best, f"The array of variances, with {title},", (), ask, rtol=1e-4)


# --- a student's own numbers


class Own(NamedTuple):
    """A student's own boxes: the share of good bulbs, both mean lives, and a seed."""

    good: float
    lives: tuple[float, float]
    seed: int

    @property
    def mean_life(self) -> float:
        """Return the mean life in the box, in thousands of hours."""
        return self.good * self.lives[0] + (1 - self.good) * self.lives[1]


def own(me: str) -> Own:
    """Draw the numbers of the experiment for a student's identifier."""
    rng = own_rng("set3", me)
    good, long, short = rng.uniform([0.35, 3.6, 0.4], [0.45, 4.4, 0.6])
    lives = round(float(long), 1), round(float(short), 2)
    return Own(round(float(good), 2), lives, int(rng.integers(1000)))


# --- hidden data


def drawn(name: str) -> dict[str, Any]:
    """Return data for the checker of a task, drawn from the instructor's seed."""
    rng = hidden_rng(name)
    w = rng.dirichlet([4.0, 4.0, 4.0])
    if name in ("log-shares", "shared-mean-step"):
        mean, variances = rng.normal(), np.array([0.1, 1.0, 10.0]) * rng.uniform(0.5, 2, 3)
        x = mean + rng.normal(size=9) * np.repeat([0.3, 1.0, 3.0], 3)
        r = rng.dirichlet(np.ones(3), len(x))
        return {
            "case": (x, w, float(mean), variances) if name == "log-shares" else (x, r, variances)
        }
    rates = rng.permutation(np.array([0.2, 1.0, 4.0]) * rng.uniform(0.7, 1.4, 3))
    t, died = rng.exponential(1.5, 8), rng.permutation(np.arange(8) < 5)
    if name == "expected-lives":
        return {"case": (t, died, float(rates[0]))}
    return {"case": (t, died, w, rates)}
