"""Checkers for the exercises of chapter 7, the EM family."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
from scipy.special import softmax
from scipy.stats import geom

from emlib import em
from emlib._machinery.value import FloatArray
from emlib.checks import Problem, call, climbing, close, distributions, exercise, numbers, read


@exercise("7.2")
def gene_step(function: Callable[..., Any]) -> None:
    """Check `function(counts, p)`, which returns the next frequencies of A, B and O."""
    samples = (
        (np.array([186, 38, 13, 284]), np.array([0.3, 0.2, 0.5])),
        (np.array([20, 30, 40, 10]), np.array([0.1, 0.6, 0.3])),
        (np.array([7, 0, 0, 5]), np.array([0.2, 0.5, 0.3])),  # nobody of group B or AB
    )
    for counts, p in samples:
        n_a, n_b, n_ab, n_o = counts
        right = _genes(counts, 2 * p[2] / (p[:2] + 2 * p[2]))
        value = numbers(call(function, counts, p), "The array of frequencies", (3,))
        people = right * 2
        hints: list[tuple[Any, str]] = [
            (right * 2 * counts.sum(), "Those are numbers of genes; divide them by their sum."),
            (people, "Everybody has two genes: divide by twice the number of people."),
            (right[[2, 0, 1]], "The order should be A, B, O."),
            (p, "Your frequencies have not moved. Do you return the old ones?"),
            (
                _genes(counts, p[2] / (p[:2] + p[2])),
                "The factor 2 is missing in (7.2): AO can come about in two ways.",
            ),
            (
                _genes(counts, p[:2] / (p[:2] + 2 * p[2])),
                "You have exchanged AA and AO: (7.2) is the probability of AO.",
            ),
            (
                _genes(counts, np.zeros(2)),
                "You count every A as AA and every B as BB. Some of them hide an O.",
            ),
            (
                _genes(np.array([n_a, n_b, 0, n_o]), 2 * p[2] / (p[:2] + 2 * p[2])),
                "People of group AB have an A gene and a B gene too: see (7.3).",
            ),
            (
                _genes(np.array([n_a, n_b, 2 * n_ab, n_o]), 2 * p[2] / (p[:2] + 2 * p[2])),
                "You count AB twice: each has one A gene and one B gene.",
            ),
            *(
                (wrong, "The hidden O of the AO and the BO is missing in your count of O genes.")
                for wrong in _without_hidden_o(counts, right)
            ),
        ]
        close(value, right, "The array of frequencies", hints, "Compare (7.2) and (7.3).")


def _without_hidden_o(counts: FloatArray, right: FloatArray) -> list[FloatArray]:
    """Return the shares if only group O counts as O: of all genes, or of those counted."""
    wrong = np.array([*right[:2], counts[3] / counts.sum()])
    return [wrong, wrong / wrong.sum()]


def _genes(counts: FloatArray, hidden: FloatArray) -> FloatArray:
    """Return the shares of A, B and O genes if that share of groups A and B hides an O."""
    n_a, n_b, n_ab, n_o = counts
    a, b = n_a * (2 - hidden[0]) + n_ab, n_b * (2 - hidden[1]) + n_ab
    o = n_a * hidden[0] + n_b * hidden[1] + 2 * n_o
    return np.asarray(np.array([a, b, o]) / (a + b + o))


@exercise("7.3")
def tempered(function: Callable[..., Any]) -> None:
    """Check `function(log_joint, temperature)`, which returns q (N, K)."""
    plain = np.log(np.array([[0.2, 0.1, 0.05], [0.01, 0.3, 0.02], [0.1, 0.1, 0.4], [1, 1, 1]]))
    for temperature in (1.0, 2.5, 0.4):
        value = _quiet(function, plain, temperature)
        right, warm = softmax(plain / temperature, axis=1), softmax(plain, axis=1)
        hints: list[tuple[Any, str]] = [
            (warm, "The temperature has no effect in yours."),
            (softmax(plain * temperature, axis=1), "You multiply by T; (7.14) divides by it."),
            (softmax(plain / temperature, axis=0), "You normalise columns; each row is a q."),
            (softmax(plain / temperature), "You normalise the whole array; each row is a q."),
            (np.exp(plain / temperature), "Your rows do not sum to one: normalise them."),
            (plain / temperature, "Those are logarithms; the probabilities are wanted."),
            (np.log(right), "Those are logarithms; the probabilities are wanted."),
            (warm ** (1 / temperature), "Normalise after taking the power."),
            (np.eye(3)[plain.argmax(axis=1)], "That is T = 0: each row goes whole to one kind."),
        ]
        close(value, right, "The array q", hints, "Compare (7.14).")
        distributions(value, "q", plain.shape)
    for log_joint, temperature in _FAR:
        _far(function, log_joint, temperature)


_LOW = np.array([[-5000.0, -5001.0, -5003.0], [-9000.0, -8000.0, -8600.0]])
_FAR = ((_LOW, 2.0), (_LOW, 2000.0), (np.array([[-9000.0, -1000.0, -9500.0]]), 1.0))


def _far(function: Callable[..., Any], log_joint: FloatArray, temperature: float) -> None:
    """Check q where exponentials of the log joint underflow, hot and cold."""
    value = _quiet(function, log_joint, temperature)
    array = read(value)  # if it is None, `close` will say what it is
    finite = array is None or bool(np.isfinite(array).all())
    if not finite and len(log_joint) > 1:
        raise Problem(
            "Log joints of -5000 give NaN: every exponential underflows. Subtract the largest of "
            "each row first (3.13)."
        )
    if not finite:
        raise Problem(
            "Log joints that lie thousands apart give NaN: an exponential overflows. Subtract "
            "the largest of each row (3.13), not the mean or the smallest."
        )
    power = softmax(log_joint, axis=1) ** (1 / temperature)
    hints = [
        (
            power / power.sum(axis=1, keepdims=True),
            "You take powers of responsibilities, and some of them have underflowed to zero: "
            "divide the log joint by T first, then normalise.",
        )
    ]
    right = softmax(log_joint / temperature, axis=1)
    name = f"The array q, for log joints of some thousands below zero at T = {temperature:.0f},"
    close(value, right, name, hints)


def _quiet(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the reader's function without NumPy's warnings: the checker has its own words."""
    with np.errstate(all="ignore"):
        return call(function, *arguments)


@exercise("7.5")
def hard_step(function: Callable[..., Any]) -> None:
    """Check `function(x, w, weights, rates)`, which returns the next weights and rates."""
    samples = (
        (
            np.arange(12),
            np.array([9, 3, 4, 2, 8, 6, 7, 5, 2, 3, 1, 2]),
            np.array([0.9, 0.1]),
            np.array([1.0, 10.0]),  # kind 2 from 5; without weights from 4, by distance from 6
        ),
        (
            np.arange(10),
            np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1]),
            np.array([0.9, 0.1]),
            np.array([1.0, 4.0]),
        ),
        (
            np.array([0, 1, 3, 8, 20, 22]),
            np.array([4, 1, 2, 5, 1, 3]),
            np.array([0.6, 0.3, 0.1]),
            np.array([0.5, 3.0, 18.0]),
        ),
        (
            np.array([150, 420, 90, 380]),  # here powers of rates overflow
            np.array([2, 1, 3, 2]),
            np.array([0.5, 0.5]),
            np.array([400.0, 120.0]),
        ),
    )
    for x, w, weights, rates in samples:
        value = _quiet(function, x, w, weights, rates)
        new = _pair(value, "weights and rates", weights.shape)
        a = np.log(weights) + x[:, None] * np.log(rates) - rates
        q = np.eye(len(weights))[a.argmax(axis=1)]
        soft = softmax(a, axis=1)
        right = _shares(x, w, q)
        if np.allclose(new[0], right[1]) and np.allclose(new[1], right[0]):
            raise Problem("Return the weights first, then the rates: yours are in another order.")
        unweighted, equal = _shares(x, np.ones(len(x)), q), a - np.log(weights)
        nearest = np.eye(len(weights))[np.abs(x[:, None] - rates).argmin(axis=1)]
        least = np.eye(len(weights))[a.argmin(axis=1)]
        cases: list[tuple[tuple[FloatArray, FloatArray], str]] = [
            (_shares(x, w, soft), "That is EM: you average. Here each row goes to one kind."),
            (unweighted, "Each row stands for w_n days, but yours count once each."),
            (
                _shares(x, w, np.eye(len(weights))[equal.argmax(axis=1)]),
                "You decide without the weights: the log joint (7.4) holds log pi_k too.",
            ),
            (
                _shares(x, w, np.eye(len(weights))[(a + rates).argmax(axis=1)]),
                "Your log joint lacks the term - lambda_k of (7.4).",
            ),
            (
                _shares(x, w, nearest),
                "You decide by the nearest rate; the most probable kind need not be the nearest.",
            ),
            (_shares(x, w, least), "You give each row to its *least* probable kind."),
            (
                _shares(x, w, np.eye(len(weights))[(a - 2 * np.log(weights)).argmax(axis=1)]),
                "You subtract log pi_k; the log joint (7.4) adds it.",
            ),
            ((weights, rates), "Nothing has moved. Do you return the old values?"),
        ]
        for (wrong_weights, wrong_rates), message in cases:
            far = not np.allclose(wrong_rates, right[1])
            if far and np.allclose(new[1], wrong_rates) and np.allclose(new[0], wrong_weights):
                raise Problem(message)
        N, S = w @ q, (w * x) @ q
        hints: list[tuple[Any, str]] = [
            (N, "Those are numbers of days; weights sum to one."),
            (weights, "The weights have not moved: see (3.9)."),
            (unweighted[0], "Each row stands for w_n days, but yours count once each."),
            (np.full(len(weights), 1 / len(weights)), "The weights are the shares of the days."),
        ]
        close(new[0], right[0], "The array of weights", hints, "Share of the days of each kind.")
        hints = [
            (S, "Those are numbers of notices; divide by the days of the kind."),
            (S / w.sum(), "Divide by the days of each kind, not by all days."),
            (rates, "The rates have not moved: see (7.5)."),
            (q.T @ x / q.sum(axis=0), "Each row stands for w_n days: weigh the notices too."),
            (N / S, "That is days over notices; (7.5) is notices over days."),
        ]
        close(new[1], right[1], "The array of rates", hints, "Notices over days: (7.5).")


def _shares(x: Any, w: Any, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    with np.errstate(all="ignore"):
        return w @ q / np.sum(w), (w * x) @ q / (w @ q)


def _pair(value: Any, what: str, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return two arrays of one shape, or explain."""
    one, other = _two(value, what)
    first, second = what.split(" and ")
    return (
        numbers(one, f"The array of {first}", shape),
        numbers(other, f"The array of {second}", shape),
    )


def _two(value: Any, what: str) -> tuple[Any, Any]:
    """Return the two things in a tuple, a list or an array, or explain."""
    matrix = isinstance(value, np.ndarray) and value.ndim == 2
    pair = isinstance(value, (tuple, list)) or matrix
    if not pair or len(value) != 2:
        raise Problem(f"Your function should return two things, {what}.")
    return value[0], value[1]


@exercise("7.6")
def common_mean_round(function: Callable[..., Any]) -> None:
    """Check `function(x, r, variances)`, which returns the common mean and the variances."""
    rng = np.random.default_rng(76)
    for k in (2, 3):
        x = 10 + rng.standard_normal(12) * np.geomspace(0.5, 8, 12)
        r = rng.dirichlet(np.ones(k), 12)
        variances = np.geomspace(0.5, 20, k)
        value = call(function, x, r, variances)
        first, second = _two(value, "the mean and the variances")
        counts, p = r.sum(axis=0), (r / variances).sum(axis=1)
        mean = float(p @ x / p.sum())
        own = r.T @ x / counts
        inverse = 1 / (r @ variances)
        rooted = (r / np.sqrt(variances)).sum(axis=1)
        hints: list[tuple[Any, str]] = [
            (x.mean(), "That is the plain mean: a bad instrument should count less than a good."),
            (own, "There is one common mean, not one for each component."),
            (own.mean(), "You average the means of the components: weight by N_k / v_k."),
            (
                (r @ variances) @ x / (r @ variances).sum(),
                "You weight with the variances: the noisiest counts most. Use precisions, 1 / v.",
            ),
            (
                rooted @ x / rooted.sum(),
                "You divide by standard deviations; the derivative has 1 / v_k.",
            ),
            (
                inverse @ x / inverse.sum(),
                "You take one over the average variance; the average of 1 / v_k is wanted.",
            ),
            (p @ x, "The weighted sum must be divided by the sum of the weights."),
            (p @ x / len(x), "Divide by the sum of the weights r / v, not by N."),
            (
                own @ (1 / variances) / (1 / variances).sum(),
                "You weight the components' means with 1 / v_k alone: N_k / v_k is wanted.",
            ),
        ]
        new = read(first)
        if new is None:
            new = numbers(first, "The mean", ())  # which says what it is
        if new.shape == own.shape and np.allclose(new, own):
            raise Problem(hints[1][1])
        if new.shape == own.shape and np.allclose(new, ((x - mean) ** 2) @ r / counts):
            raise Problem("Return the mean first, then the variances.")
        new = new.reshape(()) if new.size == 1 else new
        close(new, mean, "The mean", hints, "Set the derivative in mu to zero.")
        right = ((x - mean) ** 2) @ r / counts
        hints = [
            (
                ((x[:, None] - own) ** 2 * r).sum(axis=0) / counts,
                "You take the variances about the components' own means; here it is common.",
            ),
            (
                ((x - x.mean()) ** 2) @ r / counts,
                "You take the variances about the plain mean. Use the new common mean.",
            ),
            (((x - mean) ** 2) @ r, "Those are sums of squares. Divide by N_k."),
            (((x - mean) ** 2) @ r / len(x), "Divide by N_k of each component, not by N."),
            (np.sqrt(right), "Those are standard deviations; variances are wanted."),
            (right.mean() * np.ones(k), "Each instrument has a variance of its own."),
            (
                np.full(k, ((x - mean) ** 2).mean()),
                "Each instrument has a variance of its own: weigh with r_nk.",
            ),
            (
                (np.abs(x - mean) @ r / counts) ** 2,
                "You average distances and square the average: average the squares.",
            ),
            (right * counts / (counts - 1), "Divide by N_k, not by N_k - 1."),
            (variances, "The variances have not moved. Do you return the old ones?"),
        ]
        close(second, right, "The array of variances", hints, "See (3.11), about the new mean.")


@exercise("7.9")
def geometric(family: Any) -> None:
    """Check the class `GeometricMixture(weights, probabilities)`."""
    weights, p = np.array([0.3, 0.7]), np.array([0.6, 0.15])
    x = np.array([1.0, 1.0, 2.0, 3.0, 5.0, 9.0, 14.0])
    model = call(family, weights, p)
    value = call(lambda: model.log_components(x))
    right = np.asarray(geom.logpmf(x[:, None], p))
    hints: list[tuple[Any, str]] = [
        (right + np.log(weights), "log_components has log pi_k in it; log_joint will add that."),
        (np.exp(right), "log_components returns probabilities; their logarithms are wanted."),
        (
            np.log(p) + x[:, None] * np.log1p(-p),
            "You count x failures. The last of the x attempts is the success: x - 1 failures.",
        ),
        (right - np.log(p), "log_components lacks the success, log p."),
        (right.T, "log_components should have one row for each observation."),
    ]
    try:
        transposed = np.asarray(value, dtype=float).shape == right.T.shape
    except (TypeError, ValueError):
        transposed = False  # `close` will say what it is
    if transposed and np.allclose(value, right.T):
        raise Problem(hints[-1][1])
    close(value, right, "log_components(x)", hints, "log p + (x - 1) log(1 - p).")
    n_parameters = call(lambda: int(model.n_parameters))
    if n_parameters != 3:
        raise Problem(
            f"n_parameters of two components should be 3 (one weight and two probabilities are "
            f"free), not {n_parameters}. Do `spaces` name both fields?"
        )
    after = call(lambda: model.m_step(model.e_step(x)))
    new_weights, new = call(lambda: (after.weights, after.probabilities))
    r = softmax(np.log(weights) + right, axis=1)
    hints = [
        (r.sum(axis=0), "Those are counts; the weights sum to one."),
        (weights, "The weights have not moved: does m_step replace them?"),
    ]
    close(new_weights, r.mean(axis=0), "weights after one step", hints, "See (3.9).")
    attempts = x @ r
    hints = [
        (attempts / r.sum(axis=0), "Those are mean numbers of attempts; p is one over that."),
        (p, "The probabilities have not moved: does m_step replace them?"),
        (
            r.sum(axis=0) / (attempts + r.sum(axis=0)),
            "You divide by attempts plus successes; the success is one of the attempts.",
        ),
        (
            r.sum(axis=0) / (attempts - r.sum(axis=0)),
            "You divide by the failures; p is successes over attempts.",
        ),
        (1 - r.sum(axis=0) / attempts, "That is the probability of a failure, 1 - p."),
    ]
    right = r.sum(axis=0) / attempts
    close(new, right, "probabilities after one step", hints, "N_k / S_k.")
    climbing(call(lambda: [float(s.objective) for s in islice(em.iterate(model, x), 8)]))
    _draws(model, p)


def _draws(model: Any, p: FloatArray) -> None:
    """Check what the family draws: whole numbers from 1 on, with the law of each component."""

    def both() -> tuple[FloatArray, FloatArray]:
        sample, z = model.sample(4000, rng=0)
        return np.asarray(sample, dtype=float), np.asarray(z)

    sample, z = call(both)
    if sample.shape != (4000,) or not (sample >= 1).all() or (sample % 1).any():
        raise Problem("draw(z, rng) should return one whole number, 1 or more, for each z.")
    each = [sample[z == k] for k in range(2)]
    if any(np.ptp(part) == 0 for part in each):
        raise Problem("draw returns the same number each time: it should be random.")
    means = np.array([part.mean() for part in each])
    if not np.allclose(means, 1 / p, rtol=0.15):
        raise Problem(
            f"The samples of draw have means {means.round(1).tolist()} in the two components; "
            f"they should be near {(1 / p).round(1).tolist()}."
        )
    ones = np.array([(part == 1).mean() for part in each])
    if not np.allclose(ones, p, atol=0.06):
        raise Problem(
            f"The samples of draw have the right means, but a share of {ones.round(2).tolist()} "
            f"ones, where P(1) = p is {p.tolist()}: they are not geometric."
        )
