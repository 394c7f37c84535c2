"""Checkers for set 2 of the assignments: attempts until success, and coins with some labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, softmax
from scipy.stats import geom

from emlib._machinery.value import FloatArray, IntArray
from emlib.checks._core import (
    NotAttempted,
    Problem,
    Worth,
    call,
    close,
    hidden_rng,
    numbers,
    own_rng,
    right_so_far,
    task,
)
from emlib.checks._core import points as points  # test cells end with it
from emlib.em import Expectation
from emlib.families.binomial import BinomialMixture

# Attempts watched, whether the last of them succeeded, and how many people such a line stands for;
# a hidden test brings its own.
ATTEMPTS = np.array([1, 2, 3, 5, 4, 9])
SUCCESS = np.array([1, 1, 1, 1, 0, 0])
PEOPLE = np.array([30, 12, 7, 3, 5, 2])
WEIGHTS, P = (0.6, 0.4), (0.5, 0.15)
LONG = (np.array([3, 20000, 30000]), np.array([1, 1, 0]), np.array([40, 1, 2]))

# Heads and tosses of each row, and its coin; -1 where nobody wrote it down.
ROWS = np.array([[7, 10], [2, 6], [4, 9], [1, 3], [6, 6], [3, 8], [5, 6]])
LABELS = np.array([0, -1, 1, -1, -1, 1, -1])
COINS = (0.7, 0.35)
TWO_ONLY = "That is right for two of them only: K may be larger than two."
LABEL_ZERO = "Rows of coin 0 are treated as unlabelled; only -1 means unknown."
LABELLED_ONLY = "You use the labelled rows only{place}. The others count by their shares."
NOT_LABELLED = "The labelled rows are missing{place}: they count too, with certainty."
LARGEST_LABEL = "Does the size of a table hang on the largest label? There are K coins in any case."
HARD_CODED = "Those are the numbers of another test; work with the arguments of the function."


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    with np.errstate(all="ignore"):
        return call(function, *arguments)


def _no_nan(value: Any, message: str) -> None:
    """Raise a `Problem` with this message if the answer holds NaN."""
    parts = value if isinstance(value, (tuple, list)) else [value]
    for part in parts:
        try:
            holds = bool(np.isnan(np.asarray(part, dtype=float)).any())
        except (TypeError, ValueError):
            continue  # no numbers: the comparison that follows says so
        if holds:
            raise Problem(message)


def _pair(value: Any, names: str) -> tuple[Any, Any]:
    """Return the two things that a function returns, or explain."""
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise Problem(f"Your function should return two things, {names}.")
    if any(part is None or part is ... for part in value):
        raise NotAttempted
    return value[0], value[1]


def _ordered(
    got: tuple[Any, Any], right: tuple[FloatArray, FloatArray], order: str, keeps: float
) -> None:
    """Explain if the two things that a function returns are right but the wrong way round."""
    a, b = (numbers(part, "Each of the two", r.shape) for part, r in zip(got, right, strict=True))
    if np.allclose(a, right[1]) and np.allclose(b, right[0]) and not np.allclose(*right):
        raise Problem(f"Both results are right, but {order}.", keeps=keeps)


# --- attempts until success


def _log_joint(t: IntArray, success: IntArray, weights: ArrayLike, p: ArrayLike) -> FloatArray:
    """Return log pi_k + log p(line n | k), shape (N, K), from SciPy's geometric distribution."""
    times, chances = t[:, None], np.asarray(p, dtype=float)
    with np.errstate(divide="ignore"):  # p may be 1
        seen, unseen = geom.logpmf(times, chances), geom.logsf(times, chances)
    return np.asarray(np.log(weights) + np.where(success[:, None] == 1, seen, unseen))


@task("lifetime-log-joint")
def lifetime_log_joint(
    function: Callable[..., Any],
    attempts: ArrayLike = ATTEMPTS,
    success: ArrayLike = SUCCESS,
    weights: ArrayLike = WEIGHTS,
    p: ArrayLike = P,
) -> None:
    """Check `function(attempts, success, weights, p)`, the log joint of each line and type."""
    t, d = np.asarray(attempts), np.asarray(success)
    w, chances = np.asarray(weights, dtype=float), np.asarray(p, dtype=float)
    right = _log_joint(t, d, w, chances)
    value = _run(function, t, d, w, chances)
    all_seen, all_unseen = (_log_joint(t, np.full_like(d, i), w, chances) for i in (1, 0))
    seen = d[:, None] == 1
    hints: list[tuple[ArrayLike, str]] = [
        (np.exp(right), "Those are probabilities; their logarithms are wanted."),
        (
            right - np.log(w),
            "The weights are missing: the joint holds the probability of the type.",
        ),
        (
            all_seen,
            "The lines without a success are taken for successes at their last attempt. What was "
            "seen there?",
        ),
        (all_unseen, "The lines with a success are taken for failures to the end."),
        (
            np.where(seen, all_unseen, all_seen),
            "success is 1 where the last attempt succeeded; you have it the other way round.",
        ),
        (
            np.where(seen, right + np.log1p(-chances), right),
            "With a success at attempt t, how many attempts failed before it?",
        ),
        (
            np.where(seen, right, right - np.log1p(-chances)),
            "Without a success, how many of the t attempts failed?",
        ),
        (
            _log_joint(t, d, w, 1 - chances),
            "p is the probability of success; you use it for failure.",
        ),
        (right - np.log(w) + w, "The weights enter with their logarithm."),
    ]
    if len(w) > 2:
        got = numbers(value, "The log joint", right.shape)
        if np.allclose(got[:, :2], right[:, :2]):
            hints.append((got, TWO_ONLY))
    otherwise = "Write down the probability of exactly what was seen, for each kind of line."
    close(value, right, "The log joint", hints, otherwise)
    right_so_far(1 / 2, "the log joint of short lines")
    long_t, long_d, _ = LONG
    value = numbers(_run(function, long_t, long_d, w, chances), "The log joint", (3, len(w)))
    if np.isinf(value).any():
        raise Problem(
            f"Lines of up to {long_t.max()} attempts give a log joint of minus infinity: a product "
            "underflows before its logarithm is taken."
        )
    close(value, _log_joint(long_t, long_d, w, chances), "The log joint of a long line")
    sure = np.ones_like(chances)
    sure[-1] = chances[-1]
    first, ever = np.array([1, 3]), np.array([1, 0])
    value = _run(function, first, ever, w, sure)
    _no_nan(value, "A type with p = 1 gives NaN: here 0 log 0 counts as 0.")
    ask = "A type that never fails cannot have such a line: its logarithm is -inf, and no number."
    close(value, _log_joint(first, ever, w, sure), "The log joint of a type with p = 1", (), ask)


def _all_attempts(t: IntArray, success: IntArray, p: FloatArray) -> FloatArray:
    """Return the expected number of attempts up to the success, by adding up what may happen."""
    result = np.repeat(t[:, None].astype(float), len(p), axis=1)
    for n in np.flatnonzero(success == 0):
        for k, chance in enumerate(p):
            later = np.arange(t[n] + 1, t[n] + 1 + int(60 / chance))
            share = np.exp(geom.logpmf(later, chance) - geom.logsf(t[n], chance))
            result[n, k] = later @ share
    return result


@task("expected-attempts")
def expected_attempts(
    function: Callable[..., Any],
    attempts: ArrayLike = ATTEMPTS,
    success: ArrayLike = SUCCESS,
    p: ArrayLike = P,
) -> None:
    """Check `function(attempts, success, p)`, expected attempts up to the success, (N, K)."""
    t, d, chances = np.asarray(attempts), np.asarray(success), np.asarray(p, dtype=float)
    right = _all_attempts(t, d, chances)
    watched = np.repeat(t[:, None].astype(float), len(chances), axis=1)
    unseen = d[:, None] == 0
    extra = right - watched
    value = _run(function, t, d, chances)
    hints: list[tuple[ArrayLike, str]] = [
        (
            watched,
            "For lines without a success you stop counting where the watching stopped. The success "
            "comes later.",
        ),
        (
            np.where(unseen, extra, watched),
            "The attempts that were watched count as well, not only those still to come.",
        ),
        (
            np.where(unseen, right - 1, right),
            "One attempt is missing: the one that succeeds counts too.",
        ),
        (
            np.where(unseen, right + 1, right),
            "One attempt too many after the watching stopped.",
        ),
        (
            _all_attempts(t, np.zeros_like(d), chances),
            "Lines that ended in a success have no attempts to come.",
        ),
        (
            np.where(unseen, watched, _all_attempts(t, np.zeros_like(d), chances)),
            "success is 1 where the last attempt succeeded; you have it the other way round.",
        ),
        (
            np.where(unseen, np.maximum(watched, _all_attempts(0 * t, 0 * d, chances)), watched),
            "After t failures the expected total is not that of a beginner.",
        ),
        (
            np.where(unseen, _all_attempts(0 * t, 0 * d, chances), watched),
            "That is the expectation for somebody who has not begun. You know of t failures.",
        ),
        (
            extra,
            "For a line with success the number of attempts is known.",
        ),
        (np.trunc(right), "Your table has the integer type of `attempts`."),
        (np.round(right), "Do not round: an expected number need not be whole."),
        (
            np.where(unseen, watched + 1, watched),
            "You let everybody succeed at the next attempt. That depends on p.",
        ),
        (_all_attempts(ATTEMPTS, SUCCESS, np.asarray(P)), HARD_CODED),
    ]
    otherwise = "Given t failures, what is the distribution of the number of attempts?"
    close(value, right, "The table of expected attempts", hints, otherwise)
    right_so_far(1 / 2, "the table, but for a small p")
    rare = np.array([0.004, 0.3])
    value = _run(function, t, d, rare)
    ask = "Do you add up so many terms and no more? There is a formula for the whole sum."
    stored = [(_all_attempts(ATTEMPTS, SUCCESS, np.asarray(P)), HARD_CODED)]
    close(value, _all_attempts(t, d, rare), "The table for a p of 0.004", stored, ask)


def _best(gain: Callable[[float], float]) -> float:
    search = minimize_scalar(
        lambda v: -gain(v), bounds=(0, 1), method="bounded", options={"xatol": 1e-12}
    )
    return float(search.x)


def _nested(r: FloatArray, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weights and the p for which the expected log joint is highest, by search."""
    people = r.sum(axis=0)
    chances = []
    for k in range(r.shape[1]):
        failures = float(r[:, k] @ (totals[:, k] - 1))

        def gain(p: float, k: int = k, failures: float = failures) -> float:
            return float(people[k] * np.log(p) + failures * np.log1p(-p))

        chances.append(_best(gain))
    return people / people.sum(), np.array(chances)


@task("nested-step")
def nested_step(
    function: Callable[..., Any],
    attempts: ArrayLike = ATTEMPTS,
    success: ArrayLike = SUCCESS,
    people: ArrayLike = PEOPLE,
    weights: ArrayLike = WEIGHTS,
    p: ArrayLike = P,
) -> None:
    """Check `function(attempts, success, people, weights, p)`: the next weights and p."""
    t, d, c = np.asarray(attempts), np.asarray(success), np.asarray(people)
    w, chances = np.asarray(weights, dtype=float), np.asarray(p, dtype=float)
    joint, totals = _log_joint(t, d, w, chances), _all_attempts(t, d, chances)
    shares = softmax(joint, axis=1)
    r = c[:, None] * shares
    new_weights, new_p = _nested(r, totals)
    value = _run(function, t, d, c, w, chances)
    if isinstance(value, np.ndarray) and value.shape == (2, len(w)):
        value = value[0], value[1]
    got = _pair(value, "the new weights and the new p")
    _ordered(got, (new_weights, new_p), "the weights come first, then p", 2 / 3)
    together = softmax(c[:, None] * joint, axis=1)
    taken_for_success = softmax(_log_joint(t, np.ones_like(d), w, chances), axis=1)
    wrong_axis, verdicts = softmax(joint, axis=0), np.eye(len(w))[joint.argmax(axis=1)]
    axis = "Your responsibilities sum to one over the lines. Over what should they?"
    hard = "You give each line to its likelier type, whole. It is divided by the responsibilities."
    again = "Use the same responsibilities for weights and p."
    renewed = [
        softmax(_log_joint(t, d, *now), axis=1) for now in ((new_weights, chances), (w, new_p))
    ]
    seen = d == 1
    hints: list[tuple[ArrayLike, str]] = [
        (r.sum(axis=0), "Those are expected numbers of people; weights sum to one."),
        (
            np.floor(r + 1e-9).sum(axis=0) / c.sum(),
            "The expected people are cut to whole numbers: into an array of which type do they go?",
        ),
        (
            shares.mean(axis=0),
            "You count lines, not people: a line of the table stands for many of them.",
        ),
        (
            (c[:, None] * together).sum(axis=0) / c.sum(),
            "You multiply the logarithms by the number of people. Then all people of a line share "
            "one type. Each has a type of their own: where do the numbers of people belong?",
        ),
        (w, "The weights have not moved."),
        (
            (c @ softmax(joint - np.log(w), axis=1)) / c.sum(),
            "Your E-step leaves out the current weights.",
        ),
        (
            (c @ taken_for_success) / c.sum(),
            "Your E-step takes the lines without a success for successes.",
        ),
        (r[seen].sum(axis=0) / r[seen].sum(), "You leave out the people who have not succeeded."),
        (
            (r * totals).sum(axis=0) / (r * totals).sum(),
            "Those are shares of the attempts; weights are shares of the people.",
        ),
        (c @ wrong_axis / c.sum(), axis),
        (c @ wrong_axis / (c @ wrong_axis).sum(), axis),
        (c @ verdicts / c.sum(), hard),
        (c @ renewed[1] / c.sum(), again),
    ]
    total = numbers(got[0], "The array of weights", new_weights.shape).sum()
    if not np.isclose(total, 1):
        message = f"Your weights add up to {total:.4g}, not 1: what do you divide by?"
        hints.append((np.asarray(got[0], dtype=float), message))
    otherwise = "Are the responsibilities right? Then count people by type."
    close(got[0], new_weights, "The array of weights", hints, otherwise)
    right_so_far(1 / 3, "the weights")
    watched = np.repeat(t[:, None].astype(float), len(w), axis=1)
    mean = new_p**-1
    hints = [
        (
            (r[seen]).sum(axis=0) / (r * watched).sum(axis=0),
            Worth("That is EM with less filled in. Here the unseen attempts count as well.", 0),
        ),
        (
            _nested(r, watched)[1],
            Worth(
                "The people without a success are counted as if they succeeded when last watched.",
                0,
            ),
        ),
        (
            _nested(r[seen], totals[seen])[1],
            Worth("You leave out the people who have not succeeded; they tell of small p.", 0),
        ),
        (mean, "Those are mean numbers of attempts. p is one over that."),
        (_nested(shares, totals)[1], "You count lines, not people, in the new p."),
        (
            _nested(np.repeat(c[:, None] * 1.0, len(w), axis=1), totals)[1],
            "The responsibilities have no effect on the new p.",
        ),
        ((r / totals).sum(axis=0) / r.sum(axis=0), "You average 1/T. Add up the attempts first."),
        (
            c.sum() / (r * totals).sum(axis=0),
            "Divide the people *of each type* by the attempts of that type.",
        ),
        (chances, "p has not moved."),
        (
            r.sum(axis=0) / (r * totals).sum(),
            "Divide by the attempts of each type, not of all.",
        ),
        (_nested(c[:, None] * renewed[0], totals)[1], again),
        (_nested(c[:, None] * wrong_axis, totals)[1], axis),
        (_nested(c[:, None] * verdicts, totals)[1], hard),
    ]
    otherwise = (
        "Set the slope of the expected log joint to zero: who succeeds once, after how many?"
    )
    close(got[1], new_p, "The array p", hints, otherwise)
    right_so_far(2 / 3, "the step for short lines")
    value = _run(function, *LONG, w, chances)
    _no_nan(
        value,
        f"Lines of up to {LONG[0].max()} attempts give NaN: all joint probabilities of a line "
        "underflow, and then it is 0/0. See (2.10).",
    )
    long_r = LONG[2][:, None] * softmax(_log_joint(*LONG[:2], w, chances), axis=1)
    long_weights, long_p = _nested(long_r, _all_attempts(*LONG[:2], chances))
    got = _pair(value, "the new weights and the new p")
    stored: list[tuple[ArrayLike, str]] = [(new_weights, HARD_CODED)]
    close(got[0], long_weights, "The array of weights, with long lines,", stored)
    close(got[1], long_p, "The array p, with long lines,", rtol=1e-5)


# --- coins, some of them with a label


def _certain(model: BinomialMixture, k: int) -> BinomialMixture:
    """Return a model that holds coin k for certain."""
    return BinomialMixture(np.eye(model.n_components)[k], model.probabilities)


def _first_two(model: BinomialMixture) -> BinomialMixture:
    """Return a model in which only the first two coins are picked."""
    weights = np.where(np.arange(model.n_components) < 2, model.weights, 0)
    return BinomialMixture(weights / weights.sum(), model.probabilities)


def _expect(model: BinomialMixture, x: IntArray, labels: IntArray) -> Expectation:
    """Return the expectation over the rows that carry labels; a label of -1 is left out."""
    total = Expectation(0.0, 0 * model.weights, (0 * model.weights, 0 * model.weights))
    for k in range(model.n_components):
        if (labels == k).any():
            total = total + _certain(model, k).e_step(x[labels == k])
    return total


def _step(model: BinomialMixture, e: Expectation) -> tuple[FloatArray, FloatArray]:
    new = model.m_step(e)
    return new.weights, new.probabilities


@task("labelled-step")
def labelled_step(
    function: Callable[..., Any],
    x: ArrayLike = ROWS,
    labels: ArrayLike = LABELS,
    weights: ArrayLike = WEIGHTS,
    probabilities: ArrayLike = COINS,
) -> None:
    """Check `function(x, labels, weights, probabilities)`: the next weights and probabilities."""
    rows, coin = np.asarray(x), np.asarray(labels)
    model = BinomialMixture(np.asarray(weights), np.asarray(probabilities))
    unknown = coin < 0
    alone, known = model.e_step(rows[unknown]), _expect(model, rows, coin)
    right = _step(model, alone + known)
    value = _run(function, rows, coin, np.array(model.weights), np.array(model.probabilities))
    if isinstance(value, np.ndarray) and value.shape == (2, model.n_components):
        value = value[0], value[1]
    got = _pair(value, "the new weights and the new probabilities")
    _ordered(got, right, "the weights come first", 1 / 2)
    k = model.n_components
    verdicts = np.where(unknown, model.responsibilities(rows).argmax(axis=1), coin)
    swapped = alone + _expect(model, rows, np.where(unknown, -1, k - 1 - coin))
    zero = np.where(coin == 0, -1, coin)
    fewer = np.where(coin > 1, -1, coin)
    weights_only = np.allclose(numbers(got[1], "The array of probabilities", (k,)), right[1])
    place = " in the new weights" if weights_only else ""
    mistakes = [
        (_step(model, model.e_step(rows)), "The labels have no effect: known rows are divided."),
        (_step(model, known), LABELLED_ONLY),
        (_step(model, alone), NOT_LABELLED),
        (
            _step(model, model.e_step(rows) + known),
            "The labelled rows count twice, once with their label and once by their shares.",
        ),
        (
            _step(model, _expect(model, rows, np.where(unknown, k - 1, coin))),
            "All rows without a label are given to the last coin. Is -1 used as an index?",
        ),
        (
            _step(model, _expect(model, rows, verdicts)),
            "You give rows without a label to one coin.",
        ),
        (_step(model, swapped), "The coins of the labelled rows are swapped."),
        (_step(model, model.e_step(rows[zero < 0]) + _expect(model, rows, zero)), LABEL_ZERO),
    ]
    if k > 2:
        part = alone + _expect(model, rows, fewer)
        mistakes += [
            (_step(model, model.e_step(rows[fewer < 0]) + _expect(model, rows, fewer)), TWO_ONLY),
            ((part.counts / len(rows), part.statistics[0] / part.statistics[1]), TWO_ONLY),
            (_step(model, part), TWO_ONLY),
            (_step(model, _first_two(model).e_step(rows[unknown]) + known), TWO_ONLY),
        ]
    weight_hints: list[tuple[ArrayLike, str]] = [
        (m[0], message.format(place=place)) for m, message in mistakes
    ]
    counts = (alone + known).counts
    tosses = (alone + known).statistics[1]
    weight_hints += [
        (counts, "Those are expected numbers of rows; weights sum to one."),
        (model.weights, "The weights have not moved."),
        (tosses / tosses.sum(), "You weight the rows by their tosses. The coin is picked once."),
    ]
    close(got[0], right[0], "The array of weights", weight_hints, "See (2.8) and (2.11).")
    right_so_far(1 / 2, "the weights")
    place = " in the new probabilities"  # the weights are right
    hints: list[tuple[ArrayLike, str]] = [
        (m[1], message.format(place=place)) for m, message in mistakes
    ]
    heads = (alone + known).statistics[0]
    each = np.where(unknown[:, None], model.responsibilities(rows), np.eye(k)[coin])
    hints += [
        (model.probabilities, "The probabilities have not moved."),
        (heads / (tosses - heads), "That is heads over tails; heads over tosses are wanted."),
        (
            each.T @ (rows[:, 0] / rows[:, 1]) / counts,
            "A mean of the rows' shares: a row of few tosses weighs as much as a long one.",
        ),
        (heads / tosses.sum(), "Divide by the expected tosses of each coin, not by all."),
    ]
    close(got[1], right[1], "The array of probabilities", hints, "See (2.8) and (2.9).")
    right_so_far(1 / 2, "the step for short rows")
    stored: list[tuple[ArrayLike, str]] = [(right[0], HARD_CODED)]
    _check_absent_labels(function, rows, coin, model, stored)
    long_rows, long_labels = np.array([[9000, 20000], [6, 10], [3, 10]]), np.array([-1, 0, -1])
    value = _run(
        function, long_rows, long_labels, np.array(model.weights), np.array(model.probabilities)
    )
    _no_nan(value, "A row of 20000 tosses gives NaN: both products underflow. See (2.10).")
    e = model.e_step(long_rows[[0, 2]]) + _expect(model, long_rows, long_labels)
    got = _pair(value, "the new weights and the new probabilities")
    close(got[0], _step(model, e)[0], "The array of weights, with a long row,", stored)
    close(got[1], _step(model, e)[1], "The array of probabilities, with a long row,")


def _absent(coin: IntArray, k: int) -> list[tuple[str, IntArray]]:
    """Return labels of which some are absent: of the last coin, of all but the first, all, none."""
    return [
        ("no row of the last coin labelled", np.where(coin == k - 1, -1, coin)),
        ("only rows of coin 0 labelled", np.where(coin > 0, -1, coin)),
        ("no row labelled", np.full_like(coin, -1)),
        ("every row labelled", np.where(coin < 0, np.arange(len(coin)) % k, coin)),
    ]


def _check_absent_labels(
    function: Callable[..., Any],
    rows: IntArray,
    coin: IntArray,
    model: BinomialMixture,
    stored: Sequence[tuple[ArrayLike, str]],
) -> None:
    """Check a step if a coin, or every one, has no labelled row, and if all rows have labels."""
    for title, labels in _absent(coin, model.n_components):
        e = _expect(model, rows, labels)
        if (labels < 0).any():
            e = e + model.e_step(rows[labels < 0])
        arguments = rows, labels, np.array(model.weights), np.array(model.probabilities)
        try:
            value = _run(function, *arguments)
            _no_nan(value, "your numbers hold NaN. Is something divided by a count of zero?")
            got = _pair(value, "the new weights and the new probabilities")
            close(got[0], _step(model, e)[0], "The array of weights", stored, LARGEST_LABEL)
            close(got[1], _step(model, e)[1], "The array of probabilities")
        except Problem as problem:
            raise Problem(f"With {title}: {problem}") from None


@task("labelled-log-likelihood")
def labelled_log_likelihood(
    function: Callable[..., Any],
    x: ArrayLike = ROWS,
    labels: ArrayLike = LABELS,
    weights: ArrayLike = WEIGHTS,
    probabilities: ArrayLike = COINS,
) -> None:
    """Check `function(x, labels, weights, probabilities)`, the log-likelihood of all seen."""
    rows, coin = np.asarray(x), np.asarray(labels)
    model = BinomialMixture(np.asarray(weights), np.asarray(probabilities))
    unknown = coin < 0
    picks = _expect(model, rows, coin).counts @ np.log(model.weights)
    right = _seen(model, rows, coin)
    arguments = np.array(model.weights), np.array(model.probabilities)
    value = _run(function, rows, coin, *arguments)
    if np.shape(value) == (len(rows),):
        raise Problem("One number is wanted: add up over the rows.")
    marginal, alone = model.log_likelihood(rows), model.log_likelihood(rows[unknown])
    whole, heads = rows[:, 1], rows[:, 0]
    coefficient = (gammaln(whole + 1) - gammaln(heads + 1) - gammaln(whole - heads + 1)).sum()
    known = np.where(unknown, model.n_components - 1, coin)
    hints: list[tuple[ArrayLike, str]] = [
        (marginal, "The labels have no effect: for a labelled row the coin was seen as well."),
        (
            right - picks,
            "For a labelled row you leave out the probability that this coin is picked. The label "
            "is a part of what was seen.",
        ),
        (alone, "The labelled rows are missing."),
        (right - alone, "The rows without a label are missing."),
        (
            right - (marginal - alone),
            "For labelled rows that is the probability of the label given the tosses. The tosses "
            "were seen, too.",
        ),
        (right - coefficient, "The binomial coefficients are missing; here they are to be kept."),
        (
            marginal - coefficient,
            "The labels have no effect, and the binomial coefficients are missing.",
        ),
        (right / len(rows), "That is the mean over the rows; the sum is wanted."),
        (-right, "The sign is wrong: a logarithm of probabilities is not positive."),
        (
            _seen(model, rows, known),
            "Rows without a label are taken for the last coin. Is -1 used as an index?",
        ),
        (_seen(model, rows, np.where(coin == 0, -1, coin)), LABEL_ZERO),
        (
            right
            - alone
            + model.elbo(rows[unknown], model.responsibilities(rows[unknown]))
            - _entropy(model, rows[unknown]),
            "For rows without a label that is Q, without the entropy: (1.10), not (2.3).",
        ),
    ]
    otherwise = "What was seen in a row with a label, and what in a row without one?"
    close(value, right, "The log-likelihood", hints, otherwise)
    right_so_far(1 / 2, "the log-likelihood of short rows")
    stored: list[tuple[ArrayLike, str]] = [(right, HARD_CODED)]
    for title, some in _absent(coin, model.n_components):
        try:
            value = _run(function, rows, some, *arguments)
            close(value, _seen(model, rows, some), "The log-likelihood", stored, LARGEST_LABEL)
        except Problem as problem:
            raise Problem(f"With {title}: {problem}") from None
    long_rows, long_labels = np.array([[10000, 20000], [5000, 20000]]), np.array([-1, 1])
    value = _run(function, long_rows, long_labels, *arguments)
    if not np.isfinite(_number(value)):
        raise Problem(
            "A row of 20000 tosses gives an infinite or undefined log-likelihood: a product "
            "underflows before its logarithm is taken. See (2.10)."
        )
    close(value, _seen(model, long_rows, long_labels), "The log-likelihood of long rows", stored)


def _number(value: Any) -> float:
    """Return a number, or NaN for anything else. An array of one is as good."""
    try:
        return float(np.asarray(value, dtype=float).reshape(()))
    except (TypeError, ValueError):
        return float("nan")


def _entropy(model: BinomialMixture, x: IntArray) -> float:
    r = model.responsibilities(x)
    return float(-(r * np.log(r)).sum())


def _seen(model: BinomialMixture, x: IntArray, labels: IntArray) -> float:
    """Return the log-likelihood of the rows and of those labels that are not -1."""
    total = model.log_likelihood(x[labels < 0]) if (labels < 0).any() else 0.0
    known = _expect(model, x, labels)
    return float(total + known.log_likelihood + known.counts @ np.log(model.weights))


# --- a student's own numbers


class Own(NamedTuple):
    """A student's own coins: two that are easy to tell apart, two that are not; and a seed."""

    far: tuple[float, float]
    near: tuple[float, float]
    seed: int


def own(me: str) -> Own:
    """Draw the numbers of the experiment for a student's identifier."""
    rng = own_rng("set2", me)
    high, low, middle = rng.uniform([0.77, 0.27, 0.5], [0.83, 0.33, 0.6])
    far = round(float(high), 2), round(float(low), 2)
    near = round(float(middle) + 0.05, 2), round(float(middle) - 0.05, 2)
    return Own(far, near, int(rng.integers(1000)))


# --- hidden data


def drawn(name: str) -> dict[str, Any]:
    """Return data for the checker of a task, drawn from the instructor's seed."""
    rng = hidden_rng(name)
    weights = rng.dirichlet([4.0, 4.0, 4.0])
    p = rng.permutation([rng.uniform(0.05, 0.2), rng.uniform(0.3, 0.5), rng.uniform(0.6, 0.9)])
    if name.startswith("labelled"):
        tosses = rng.integers(3, 13, 9)
        rows = np.column_stack([rng.integers(0, tosses + 1), tosses])
        labels = rng.permutation([0, 1, 2, *rng.integers(-1, 3, 3), -1, -1, -1])
        return {"x": rows, "labels": labels, "weights": weights, "probabilities": p}
    data: dict[str, Any] = {
        "attempts": rng.permutation(np.arange(1, 13))[:7],
        "success": rng.permutation([0, 0, 1, 1, *rng.integers(0, 2, 3)]),
        "p": p,
    }
    if name != "expected-attempts":
        data["weights"] = weights
    if name == "nested-step":
        data["people"] = rng.integers(1, 30, 7)
    return data
