"""Checkers for set 1 of the assignments: the noisy channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import entr, logsumexp, xlogy

from emlib import convergence, em
from emlib._machinery.value import FloatArray
from emlib.checks._core import (
    NotAttempted,
    Problem,
    call,
    close,
    furthest,
    hidden_rng,
    numbers,
    own_rng,
    right_so_far,
    task,
)
from emlib.checks._core import points as points  # test cells end with it
from emlib.families.binomial import BinomialMixture
from emlib.families.linkage import Linkage

# Ones and copies of each bit; a hidden test brings its own records.
RECORDS = np.array([[0, 1], [2, 3], [5, 5], [1, 4], [3, 6], [2, 2]])
LONG = np.array([[1200, 4000], [2500, 5000], [4000, 4001], [5003, 10000]])
PRIOR, FLIP = 0.3, 0.2
Q = (0.9, 0.5, 0.8, 0.05, 0.4, 0.65)
CERTAIN = (0.0, 1.0)  # a q that is certain of every bit, these two by turns
COUNTS = (125, 18, 20, 34)
STATUSES = ("converged", "max_iter", "fell")
HARD_CODED = "Those are the numbers of the visible test; work with the arguments of the function."
SEARCHED = 1e-4  # relative tolerance: an M-step may be found by search, at SciPy's own tolerance
_under_test: list[bool] = []  # not empty while `channel_step` is tried


def _channel(prior: float, flip: float) -> BinomialMixture:
    """Return the channel as a mixture whose component k is the bit k."""
    return BinomialMixture(np.array([1 - prior, prior]), np.array([flip, 1 - flip]))


def _log_coefficient(records: FloatArray) -> FloatArray:
    """Return the logarithm of the binomial coefficient of each record."""
    fair = _channel(0.5, 0.5).log_joint(records)[:, 1]
    return np.asarray(fair + np.log(2) * (records[:, 1] + 1))


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    with np.errstate(all="ignore"):
        return call(function, *arguments)


def _no_nan(value: Any, message: str) -> None:
    """Raise a `Problem` with this message if the answer holds NaN."""
    try:
        holds = bool(np.isnan(np.asarray(value, dtype=float)).any())
    except (TypeError, ValueError):
        return  # no numbers: the comparison that follows says so
    if holds:
        raise Problem(message)


def _both(q: FloatArray) -> FloatArray:
    return np.column_stack([1 - q, q])


def _where(
    value: Any,
    right: FloatArray,
    records: FloatArray,
    prior: float,
    flip: float,
    q: FloatArray | None = None,
) -> str:
    """Say what the function was given for the bit on which an answer is furthest off."""
    try:
        n = furthest(np.asarray(value, dtype=float), right)
        y, m = records[n]
    except (TypeError, ValueError, IndexError):
        return ""  # no number for each bit: `close` says so
    chance = "" if q is None else f", q is {q[n]:g}"
    ones = f"{y} one{'s' if y != 1 else ''} among {m} cop{'ies' if m != 1 else 'y'}"
    return f"There the record is {ones}{chance}, the prior {prior:g} and the flip {flip:g}. "


def _one_a_bit(value: Any, n: int) -> None:
    """Explain if there is not one number for each bit."""
    if np.shape(value) == (n, 2):
        raise Problem("One number for each bit is wanted; you return one for each of its values.")
    if np.shape(value) == ():
        raise Problem("One number for each bit is wanted; you return a single one. Do not sum.")


@task("bit-posterior")
def bit_posterior(
    function: Callable[..., Any],
    records: ArrayLike = RECORDS,
    prior: float = PRIOR,
    flip: float = FLIP,
) -> None:
    """Check `function(records, prior, flip)`, the probability that each bit was a 1."""
    y = np.asarray(records)
    channel = _channel(prior, flip)
    right = channel.responsibilities(y)[:, 1]
    joint = np.exp(channel.log_joint(y))
    bare = joint[:, 1] / np.exp(_log_coefficient(y))
    other_sum = "You divide by a sum over the message. Each bit has a sum of its own, over 0 and 1."
    value = _run(function, y, prior, flip)
    _one_a_bit(value, len(y))
    hints: list[tuple[ArrayLike, str]] = [
        (1 - right, "That is the probability of a 0; the bit was a 1 with one minus that."),
        (
            _channel(0.5, flip).responsibilities(y)[:, 1],
            "The prior has no effect in your function. Where does it stand in Bayes' rule?",
        ),
        (
            _channel(prior, 1 - flip).responsibilities(y)[:, 1],
            "flip and 1 - flip have changed places: a 1 that arrives as a 1 was not flipped.",
        ),
        (
            _channel(1 - prior, flip).responsibilities(y)[:, 1],
            "The prior is the probability of a 1; you give it to the 0.",
        ),
        (
            channel.responsibilities((2 * y[:, 1] - y[:, 0])[:, None] * [1, 1])[:, 1],
            "You take column 0 for the copies. It holds the ones; column 1 holds the copies.",
        ),
        (joint[:, 1], "That is the joint probability. What must it be divided by?"),
        (
            joint[:, 1] / prior,
            "That is the probability of the record given a 1. Bayes' rule turns it round.",
        ),
        (bare, "That is the joint probability. What must it be divided by?"),
        (
            bare / prior,
            "That is the probability of the record given a 1. Bayes' rule turns it round.",
        ),
        (joint[:, 1] / joint[:, 1].sum(), other_sum),
        (bare / bare.sum(), other_sum),
        (right.round(), "Those are verdicts, 0 or 1. The doubt is wanted as well."),
        (
            np.trunc(right),
            "Your array has the integer type of `records`: a probability is cut to 0.",
        ),
        (np.log(right / (1 - right)), "Those are log-odds. Which probability has these odds?"),
        (y[:, 0] / y[:, 1], "That is the share of ones that arrived; the channel does not enter."),
        (_channel(PRIOR, FLIP).responsibilities(RECORDS)[:, 1], HARD_CODED),
    ]
    there = _where(value, right, y, prior, flip)
    otherwise = there + "Write Bayes' rule for the record of one bit."
    close(value, right, "The posterior", hints, otherwise)
    right_so_far(1 / 2, "the posterior of short records")
    value = _run(function, LONG, prior, flip)
    _no_nan(
        value,
        f"Records of {LONG[:, 1].min()} copies and more give NaN: both products underflow, and "
        "then it is 0/0. Work with logarithms.",
    )
    right = channel.responsibilities(LONG)[:, 1]
    lost = _where(value, right, LONG, prior, flip) + (
        "Is a probability that underflows, or is clipped, in the way? Work with logarithms."
    )
    close(value, right, "The posterior of a long record", (), lost)


@task("channel-elbo")
def channel_elbo(
    function: Callable[..., Any],
    records: ArrayLike = RECORDS,
    q: ArrayLike = Q,
    prior: float = PRIOR,
    flip: float = FLIP,
) -> None:
    """Check `function(records, q, prior, flip)`, the ELBO of the whole message."""
    y, chance = np.asarray(records), np.asarray(q, dtype=float)
    channel, both = _channel(prior, flip), _both(chance)
    right = channel.elbo(y, both)
    entropy = float(entr(both).sum())
    average = right - entropy
    log_joint = channel.log_joint(y)
    coefficient = float(_log_coefficient(y).sum())
    value = _run(function, y, chance, prior, flip)
    if np.shape(value) == (len(y),):
        raise Problem("One number for the whole message is wanted: add up over the bits.")
    hints: list[tuple[ArrayLike, str]] = [
        (average, "That is Q alone. Which part of (1.10) is missing?"),
        (average - entropy, "The entropy enters with the wrong sign. Look at (1.5)."),
        (-right, "The whole has the wrong sign: what is over what in (1.5)?"),
        (
            right - coefficient,
            "The binomial coefficient is missing: equation (1) of this set has it.",
        ),
        (average - coefficient, "Two things are missing: the coefficient, and the entropy."),
        (channel.log_likelihood(y), "That is the log-likelihood, whatever q is."),
        (
            chance @ log_joint[:, 1] + entr(chance).sum(),
            "The bits that were a 0 are missing: the sum over z has two terms.",
        ),
        (
            average + entr(chance).sum(),
            "That is half of the entropy: the doubt about a bit has two terms, for 1 and for 0.",
        ),
        (channel.elbo(y, both[:, ::-1]), "q is the probability of a 1; you give it to the 0."),
        (right / len(y), "That is the mean over the bits; the message wants the sum."),
        (right / np.log(2), "That is in bits. This book measures in nats: natural logarithms."),
        (
            right - (both @ np.log(channel.weights)).sum(),
            "The prior is missing: the joint holds the probability of the bit itself.",
        ),
        (_channel(PRIOR, FLIP).elbo(RECORDS, _both(np.asarray(Q))), HARD_CODED),
    ]
    close(value, right, "The ELBO", hints, "Go back to (1.5), for one bit; then add up.")
    right_so_far(1 / 2, "the ELBO of a q without 0 and 1")
    certain = np.resize(CERTAIN, len(y))
    value = _run(function, y, certain, prior, flip)
    _no_nan(value, "A q of exactly 0 or 1 gives NaN: 0 log 0 must count as 0.")
    close(value, channel.elbo(y, _both(certain)), "The ELBO of a q that is certain")


def _gap(log_joint: FloatArray, q: FloatArray) -> FloatArray:
    """Return log-likelihood minus ELBO, bit by bit: definitions (1.3) and (1.5)."""
    bound = (q * log_joint - xlogy(q, q)).sum(axis=1)
    return np.asarray(logsumexp(log_joint, axis=1) - bound)


@task("channel-gap")
def channel_gap(
    function: Callable[..., Any],
    records: ArrayLike = RECORDS,
    q: ArrayLike = Q,
    prior: float = PRIOR,
    flip: float = FLIP,
) -> None:
    """Check `function(records, q, prior, flip)`, the divergence of q for each bit."""
    y, chance = np.asarray(records), np.asarray(q, dtype=float)
    channel, both = _channel(prior, flip), _both(chance)
    log_joint, r = channel.log_joint(y), channel.responsibilities(y)
    right = _gap(log_joint, both)
    entropy = entr(both).sum(axis=1)
    value = _run(function, y, chance, prior, flip)
    _one_a_bit(value, len(y))
    hints: list[tuple[ArrayLike, str]] = [
        (_gap(np.log(both), r), "The divergence is taken the wrong way round: q comes first."),
        (-right, "The sign is wrong: a divergence is never negative."),
        (right + entropy, "That is a cross-entropy. The entropy of q is still to be taken off."),
        (entropy - right, "The cross-entropy has the wrong sign: a log of a ratio is wanted."),
        (chance * np.log(chance / r[:, 1]), "The value z = 0 is missing: sum over both."),
        (right / np.log(2), "That is in bits. This book measures in nats: natural logarithms."),
        (
            right + _gap(np.log(both), r),
            "You add the divergences both ways round; (1.6) has one, that from q.",
        ),
        (np.abs(chance - r[:, 1]), "That is a distance of probabilities, not a divergence."),
        ((chance - r[:, 1]) ** 2, "That is a squared distance, not a divergence."),
        (
            _gap(_channel(0.5, flip).log_joint(y), both),
            "The prior has no effect: the divergence is from q to the posterior.",
        ),
        (
            logsumexp(log_joint, axis=1),
            "That is the log-likelihood of each bit, which does not depend on q.",
        ),
        (
            logsumexp(log_joint, axis=1) - right,
            "That is the ELBO of each bit, not what it lacks.",
        ),
        (
            _gap(_channel(PRIOR, FLIP).log_joint(RECORDS), _both(np.asarray(Q))),
            HARD_CODED,
        ),
    ]
    there = _where(value, right, y, prior, flip, chance)
    otherwise = there + "Check yours with (1.6): it is l minus L, bit by bit."
    close(value, right, "The gap", hints, otherwise)
    right_so_far(1 / 2, "the gap of a q without 0 and 1")
    certain = np.resize(CERTAIN, len(y))
    value = _run(function, y, certain, prior, flip)
    _no_nan(value, "A q of exactly 0 or 1 gives NaN: 0 log 0 must count as 0.")
    right = _gap(log_joint, _both(certain))
    there = _where(value, right, y, prior, flip, certain).rstrip()
    close(value, right, "The gap of a verdict", (), there)


def _pair(value: Any, names: str) -> tuple[Any, Any]:
    """Return the two things that a function returns, or explain."""
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise Problem(f"Your function should return two things, {names}.")
    if any(part is None or part is ... for part in value):
        raise NotAttempted
    return value[0], value[1]


def _summit(records: FloatArray, q: FloatArray) -> tuple[float, float]:
    """Return the prior and the flip probability where the ELBO is highest, by search."""
    both = _both(q)

    def highest(bound: Callable[[float], float]) -> float:
        search = minimize_scalar(
            lambda p: -bound(p), bounds=(0, 1), method="bounded", options={"xatol": 1e-12}
        )
        return float(search.x)

    return (
        highest(lambda p: _channel(p, 0.5).elbo(records, both)),
        highest(lambda p: _channel(0.5, p).elbo(records, both)),
    )


def _after(records: FloatArray, prior: float, flip: float) -> tuple[float, float]:
    """Return what one step of EM makes of the prior and the flip, by search."""
    return _summit(records, _channel(prior, flip).responsibilities(records)[:, 1])


@task("channel-step")
def channel_step(
    function: Callable[..., Any],
    records: ArrayLike = RECORDS,
    prior: float = PRIOR,
    flip: float = FLIP,
) -> None:
    """Check `function(records, prior, flip)`, which returns both after one step of EM."""
    y = np.asarray(records)
    n, channel = len(y), _channel(prior, flip)
    r = channel.responsibilities(y)[:, 1]
    new_prior, new_flip = _summit(y, r)
    _under_test.append(True)
    try:
        value = _run(function, y, prior, flip)
    finally:
        _under_test.pop()
    got = _pair(value, "the new prior and the new flip")
    swapped = [numbers(part, "Each of the two", ()) for part in got[::-1]]
    if np.allclose(swapped, [new_prior, new_flip]) and not np.isclose(new_prior, new_flip):
        swapped_only = "Both results are right, but the prior comes first, then the flip."
        raise Problem(swapped_only, keeps=2 / 3)
    below = channel.elbo(y, _both(r)) - _channel(new_prior, new_flip).elbo(y, _both(r))
    verdict = _summit(y, r.round())
    hints: list[tuple[ArrayLike, str]] = [
        (verdict[0], "You count verdicts. The E-step gives shares: do not round them."),
        (prior, "The prior has not moved: the M-step sets both parameters."),
        (n * new_prior, "That is the expected number of ones; a share of the bits is wanted."),
        (1 - new_prior, "That is the share of zeros; the prior is that of ones."),
        (y[:, 0].sum() / y[:, 1].sum(), "That is the share of ones that *arrived*."),
        (
            (r * y[:, 1]).sum() / y[:, 1].sum(),
            "You weight each bit by its copies. How often is the prior used for one bit?",
        ),
        (
            _channel(0.5, flip).responsibilities(y)[:, 1].mean(),
            "Your E-step leaves the current prior out.",
        ),
        (
            _channel(prior, 1 - flip).responsibilities(y)[:, 1].mean(),
            "In your E-step flip and 1 - flip have changed places.",
        ),
        (_summit(RECORDS, _channel(PRIOR, FLIP).responsibilities(RECORDS)[:, 1])[0], HARD_CODED),
    ]
    otherwise = "Is the E-step right? Then look at your derivation, where L depends on the prior."
    twice = _after(y, new_prior, new_flip)
    hints += [
        (twice[0], "That is the prior after two steps; one is wanted."),
        (np.trunc(r).mean(), "Are the shares put into an array of whole numbers, as `records` is?"),
        (
            (n * new_prior + 1) / (n + 2),
            "You add to the counts. The M-step takes them as they are.",
        ),
        (n * new_prior / (n - 1), "Divide by the number of bits: the maximum has no minus one."),
    ]
    close(got[0], new_prior, "The new prior", hints, otherwise, rtol=SEARCHED)
    right_so_far(1 / 3, "the new prior")
    one_way = channel.m_step(channel.e_step(y)).probabilities
    total = new_flip * y[:, 1].sum()
    again = _channel(new_prior, flip).responsibilities(y)[:, 1]
    alone = [_summit(y[[i]], r[[i]])[1] for i in range(n)]
    hints = [
        (verdict[1], "You count verdicts. The E-step gives shares: do not round them."),
        (flip, "The flip has not moved: the M-step sets both parameters."),
        (1 - new_flip, "That is the share of copies that arrived as they were sent."),
        (total, "That is the expected number of flips; a share of the copies is wanted."),
        (total / n, "By what do you divide the flips? How many copies could flip?"),
        (total / (n * y[0, 1]), "By what do you divide the flips? How many copies could flip?"),
        (new_flip / (1 - new_flip), "Flips over all copies are wanted, not over unharmed ones."),
        (one_way[0], "Those are the flips of zeros only. Ones are flipped too."),
        (1 - one_way[1], "Those are the flips of ones only. Zeros are flipped too."),
        (
            (one_way[0] + 1 - one_way[1]) / 2,
            "That is the mean of two shares, of flipped zeros and flipped ones. Pool the counts.",
        ),
        (_summit(y, again)[1], "The posterior is computed anew for the flip: one E-step a step."),
    ]
    if np.isclose(numbers(got[1], "The new flip", ()), np.mean(alone), rtol=1e-4):
        raise Problem("A bit sent once counts as much as one sent many times. Pool the counts.")
    otherwise = (
        f"L(q, theta) can rise by {-below:.3g} nats in this step, if both parameters are chosen "
        "well. Which copies count as flipped, if the bit was a 1? If it was a 0?"
    )
    close(got[1], new_flip, "The new flip", hints, otherwise, rtol=SEARCHED)


def spare_fit(
    records: ArrayLike, start: tuple[float, float], tol: float = 1e-6, max_iter: int = 5000
) -> tuple[tuple[float, float], list[float], str]:
    """Fit the channel, for the experiments of those whose own functions do not work yet.

    Parameters
    ----------
    records : array_like, shape (N, 2)
        Ones and copies of each bit.
    start : (float, float)
        The prior and the flip probability to begin with.
    tol : float
        Nats that may be left to gain.
    max_iter : int
        Largest number of steps.

    Returns
    -------
    tuple of (prior, flip), list of log-likelihoods, status
        As `truthful_fit` of the set returns them.
    """
    if _under_test:
        raise RuntimeError("the spare fit is for the experiments; write a step of your own")
    y = np.asarray(records)
    theta = (float(start[0]), float(start[1]))
    history = [_channel(*theta).log_likelihood(y)]
    for _ in range(max_iter):
        statistics = _channel(*theta).e_step(y)
        heads, tosses = statistics.statistics
        flips = heads[0] + tosses[1] - heads[1]
        theta = (float(statistics.counts[1] / len(y)), float(flips / tosses.sum()))
        history.append(_channel(*theta).log_likelihood(y))
        if convergence.remaining_gain(history) <= tol:
            return theta, history, "converged"
    return theta, history, "max_iter"


def _climb(
    function: Callable[..., Any], values: ArrayLike, tol: float, max_iter: int
) -> tuple[int, str]:
    """Let the reader's loop climb a given sequence; return its steps and its status.

    The parameter is the place in the sequence, which ends in a plateau.
    """
    heights = np.asarray(values, dtype=float)
    taken = [0]
    changed = "Your theta may be anything, not only a number or a pair; pass it on unchanged."
    strange: list[Any] = []  # what the loop gave in the place of a theta

    def known(place: Any) -> None:
        if type(place) is not int:
            strange.append(place)
            raise TypeError(changed)

    def step(place: int) -> int:
        known(place)
        taken[0] += 1
        if place > max_iter or taken[0] > 10 * (max_iter + 1):  # a step may be called twice
            raise RuntimeError(f"more than max_iter = {max_iter} steps were taken")
        return place + 1

    def log_likelihood(place: int) -> float:
        known(place)
        return float(heights[min(place, len(heights) - 1)])

    try:
        value = _run(function, step, log_likelihood, 0, tol, max_iter)
    except Problem as problem:
        if strange:
            raise Problem(changed) from None
        if isinstance(problem.__cause__, TypeError):  # as when it is unpacked, or indexed
            raise Problem(f"{problem}. Do you look into theta? {changed}") from None
        raise
    place, history, status = _outcome(value)
    if type(place) is not int:
        raise Problem(changed)
    if place not in (steps := len(history) - 1, steps + 1):
        raise Problem(f"history holds {steps + 1} values, but theta has made {place} steps.")
    places = np.arange(steps + 2)
    seen = heights[np.minimum(places, len(heights) - 1)]
    if steps and heights[0] != heights[1] and np.allclose(history, seen[1:], 0, 1e-12):
        raise Problem("history lacks its first value, the log-likelihood of the start.")
    if not np.allclose(history, seen[:-1], 0, 1e-12):
        raise Problem("history does not hold the log-likelihood of each iterate, the start first.")
    if place == steps + 1 and status == "fell":
        raise Problem("After a fall, return the theta *before* it: history ends there too.")
    if place == steps + 1:
        raise Problem(
            "theta is one step ahead of history: the last value of history must be the "
            "log-likelihood of the theta that you return."
        )
    return steps, status


def _outcome(value: Any) -> tuple[Any, FloatArray, str]:
    """Return theta, history and status as the reader's loop gives them, or explain."""
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise Problem("Your function should return three things: theta, history, status.")
    theta, history, status = value
    if theta is None or not isinstance(history, (list, tuple, np.ndarray)) or len(history) == 0:
        raise Problem("theta, then history, a list of numbers, then status: is that the order?")
    if status not in STATUSES:
        raise Problem(f"status should be one of {', '.join(STATUSES)}; yours is {status!r}.")
    return theta, numbers(history, "history", (len(history),)), str(status)


def _geometric(function: Callable[..., Any], ratio: float, enough: int) -> None:
    """Check a climb of which each step leaves `ratio`; after `enough` steps it may stop."""
    heights = -100 - ratio ** np.arange(4 * enough)
    tol = ratio ** (enough - 0.5)
    steps, status = _climb(function, heights, tol, 8 * enough)
    gains = np.diff(heights)
    if status == "fell":
        raise Problem("The log-likelihood rises all the way here, and your status says 'fell'.")
    if status == "max_iter" or steps > 2 * enough:
        raise Problem(
            f"After {enough} steps what was left to gain was below tol, and your loop made {steps} "
            "steps. Does it estimate what is left?"
        )
    if steps < enough:
        early = {
            int(np.argmax(gains <= tol)) + 1: "You stop at the first gain below tol.",
            int(np.argmax(gains[1:] <= tol)) + 1: "The next gain is below tol, but others follow.",
        }
        raise Problem(
            f"The status is 'converged', but {ratio**steps:.3g} nats are left to gain, more than "
            f"tol = {tol:.3g}. "
            + early.get(steps, f"The last gain was {gains[steps - 1]:.3g}.")
            + f" What is still to come, if each gain is {ratio} of the one before?"
        )
    if steps > enough:
        if enough == 2:
            raise Problem(
                f"Two gains give a ratio, and it says that {ratio**2:.1g} nats are left, with "
                f"tol = {tol:.3g}. Your loop makes {steps} steps: what does it wait for?"
            )
        root = np.sqrt(ratio)
        late = {
            int(np.argmax(gains * root / (1 - root) <= tol)) + 1: "Do you take a root of the "
            "ratio? Errors shrink by the root, gains by the ratio itself: (3) adds up gains.",
            int(np.argmax(gains / (1 - ratio) <= tol)) + 1: "Is the last gain, already made, "
            "counted again?",
        }
        raise Problem(
            f"Your loop stops after {steps} steps; after {enough} only {ratio**enough:.3g} nats "
            f"were left, and tol was {tol:.3g}. "
            + late.get(steps, "Compare your estimate with (3).")
        )


def _slowing(function: Callable[..., Any]) -> None:
    """Check a climb whose gains shrink fast at first and slowly later."""
    gains = np.concatenate([0.5 ** np.arange(20), 0.5**19 * 0.99 ** np.arange(1, 3000)])
    left = 1e6 * np.append(gains[::-1].cumsum()[::-1], 0.0)
    steps, status = _climb(function, -100 - left, 1e-3, 2900)
    if left[steps] > 1.1e-3 or status != "converged":
        raise Problem(
            f"Here the ratio of the gains changes, from 0.5 to 0.99. Your status is {status!r} "
            f"with {left[steps]:.3g} nats left to gain, and tol is 0.001. Is g estimated from the "
            "last two gains, anew at every step?",
            keeps=0,
        )


def _quickening(function: Callable[..., Any]) -> None:
    """Check a climb whose gains shrink slowly at first and fast later."""
    left = np.append(0.9 ** np.arange(3), 0.081 * 0.1 ** np.arange(20))[::-1].cumsum()[::-1]
    steps, status = _climb(function, -100 - left, 0.01, 50)
    if steps != 4 or status != "converged":
        raise Problem(
            "Here the gains are 1, 0.9, 0.81, 0.081, 0.0081 and so on. After the fourth the last "
            f"two say that 0.009 are left, and tol is 0.01. Your loop makes {steps} steps and says "
            f"{status!r}. Is g estimated from the last two gains alone?"
        )


def _small_falls(function: Callable[..., Any]) -> None:
    """Check that a fall is one from 1e-9 on, whatever tol and l, and that less is rounding."""
    for top, fall, right in (
        (-5.0, 1e-12, "converged"),
        (-5.0, 3e-10, "converged"),
        (-5.0, 3e-9, "fell"),
        (-5.0, 5e-7, "fell"),
        (-5.0, 0.05, "fell"),
        (-5e3, 1e-7, "fell"),
    ):
        _, status = _climb(function, [2 * top, top, top - fall], 1e-6, 50)
        if status != right:
            raise Problem(
                f"The log-likelihood fell by {fall:g}, from {top:g}, tol is 1e-06, and your status "
                f"is {status!r}. A fall of more than 1e-9 is a fall; a smaller one is rounding, "
                "and nothing is left to gain."
            )


@task("truthful-fit")
def truthful_fit(
    function: Callable[..., Any],
    ratio: float = 0.6,
    enough: int = 9,
    counts: ArrayLike = COUNTS,
) -> None:
    """Check `function(step, log_likelihood, start, tol, max_iter)`, a loop that says why it stops.

    It returns theta, history and status.
    """
    _geometric(function, ratio, enough)
    _geometric(function, 0.98, 150 + enough)
    slow = -50 - 0.99 ** np.arange(600)
    steps, status = _climb(function, slow, 1e-3, 5)
    if status != "max_iter" or steps != 5:
        raise Problem(
            f"With max_iter = 5, far from the summit, yours made {steps} steps and says {status!r}."
        )
    right_so_far(1 / 2, "when it stops on a climb that shrinks evenly")
    gains = 1e-9 * np.concatenate([2.0 ** np.arange(25), 2.0 ** np.arange(23, -20, -1)])
    steps, status = _climb(function, -20 + np.concatenate([[0], gains.cumsum()]), 1e-6, 500)
    if steps < 25:
        raise Problem(
            f"Your loop stops after {steps} steps, when each gain was twice the one before: it was "
            "leaving a saddle. While the gains grow nobody knows what is left."
        )
    up_and_down = np.array([-30.0, -29.0, -28.5, -28.3, -28.9, -28.8, -28.75])
    steps, status = _climb(function, up_and_down, 1e-6, 50)
    if status != "fell":
        raise Problem(
            f"The log-likelihood fell by 0.6 nats at the fourth step, and the status is "
            f"{status!r}. EM cannot fall: say that it did.",
            keeps=0,
        )
    if steps != 3:
        raise Problem("After a fall, history ends with the value before it.")
    _small_falls(function)
    _slowing(function)
    _quickening(function)
    _geometric(function, 0.01, 2)
    steps, status = _climb(function, slow, 1e-3, 0)
    if steps or status != "max_iter":
        raise Problem(
            f"With max_iter = 0 no step is allowed; yours makes {steps} and says {status!r}."
        )
    steps, status = _climb(function, [-9.0, -8.0, -7.5, -7.5, -7.5], 1e-6, 3)
    if status != "converged" or steps not in (2, 3):
        raise Problem(
            f"Here the third step gains nothing, and max_iter is 3. Yours makes {steps} steps and "
            f"says {status!r}: the last step that is allowed may be the one that shows it."
        )
    steps, status = _climb(function, np.full(3, -7.0), 1e-6, 50)
    if status != "converged" or steps > 3:
        raise Problem(
            f"At a start that EM does not leave, yours makes {steps} steps and says {status!r}. "
            "A gain of nothing leaves nothing to be gained."
        )
    herd = np.asarray(counts, dtype=float)
    result = _run(
        function,
        lambda theta: Linkage(theta).m_step(Linkage(theta).e_step(herd)).theta,
        lambda theta: Linkage(theta).log_likelihood(herd),
        0.1,
        1e-7,
        1000,
    )
    theta, history, status = _outcome(result)
    best = em.fit(Linkage(0.5), herd, tol=1e-12).objective[-1]
    height = Linkage(float(numbers(theta, "theta", ()))).log_likelihood(herd)
    close(history[-1], height, "The last value of history", (), "It must belong to theta.")
    if status != "converged" or best - history[-1] > 3e-7:
        raise Problem(
            f"On the animals of chapter 1 yours says {status!r} and ends {best - history[-1]:.3g} "
            "nats below the summit, with tol = 1e-07."
        )


# --- a student's own numbers


class Own(NamedTuple):
    """A student's own messages: the prior of a 1, six flip probabilities, and a seed."""

    prior: float
    flips: tuple[float, ...]
    seed: int


def own(me: str) -> Own:
    """Draw the numbers of the experiment for a student's identifier."""
    rng = own_rng("set1", me)
    prior = round(float(rng.uniform(0.25, 0.35)), 2)
    flips = np.array([0.05, 0.12, 0.2, 0.27, 0.33, 0.38]) + rng.uniform(-0.015, 0.015, 6)
    return Own(prior, tuple(flips.round(2).tolist()), int(rng.integers(1000)))


# --- hidden data


def drawn(name: str) -> dict[str, Any]:
    """Return data for the checker of a task, drawn from the instructor's seed."""
    rng = hidden_rng(name)
    if name == "truthful-fit":
        ratio = float(rng.uniform(0.3, 0.9))
        enough = int(np.log(0.003) / np.log(ratio)) + 1
        counts = rng.integers([60, 5, 5, 20], [200, 40, 40, 60])
        return {"ratio": ratio, "enough": enough, "counts": counts}
    copies = rng.integers(1, 9, 6)
    data: dict[str, Any] = {
        "records": np.column_stack([rng.integers(0, copies + 1), copies]),
        "prior": float(rng.uniform(0.2, 0.8)),
        "flip": float(rng.uniform(0.1, 0.4)),
    }
    if name in ("channel-elbo", "channel-gap"):
        data["q"] = rng.uniform(0.05, 0.95, len(copies))
    return data
