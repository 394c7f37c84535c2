"""Checkers for the exercises of chapter 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import comb

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, distributions, exercise, holds_nan, numbers
from emlib.families.binomial import BinomialMixture

# One data set has the chapter's shape; the other, with unequal tosses, the reader has not seen.
EQUAL = np.array([[5, 10], [9, 10], [8, 10], [4, 10], [7, 10]])
UNEQUAL = np.array([[2, 3], [11, 40], [0, 6], [7, 7], [30, 55], [1, 2]])
# Rows near a coin of 0.6 or 0.5, and rows far from both, where no product survives.
LONG = np.array(
    [[9000, 20000], [5, 10], [12_100, 20000], [0, 20000], [3000, 20000], [20000, 20000]]
)
LABELS = (np.array([0, 1, 1, 0, 1], dtype=bool), np.array([1, 0, 0, 1, 1, 0], dtype=bool))


@exercise("2.3")
def known_labels(function: Callable[..., Any]) -> None:
    """Check `function(x, is_a)`, which returns the two shares of heads."""
    for x, is_a in zip((EQUAL, UNEQUAL), LABELS, strict=True):
        right = [x[own, 0].sum() / x[own, 1].sum() for own in (is_a, ~is_a)]
        means = [(x[own, 0] / x[own, 1]).mean() for own in (is_a, ~is_a)]
        odds = [x[own, 0].sum() / (x[own, 1] - x[own, 0]).sum() for own in (is_a, ~is_a)]
        hints = [
            (means, "That is the mean of the rows' shares. Should a row of two tosses weigh as "
                    "much as a row of forty?"),
            (right[::-1], "The coins are swapped: `is_a` is true for coin A, which comes first."),
            (odds, "That is heads over tails; the denominator wants all tosses."),
            ([x[own, 0].sum() / 10 / own.sum() for own in (is_a, ~is_a)],
             "Ten tosses a row are written into your function; use the second column of x."),
            ([x[own, 0].sum() / x[own].sum() for own in (is_a, ~is_a)],
             "The second column of x holds all tosses of a row, not its tails."),
            ([x[own, 0].sum() / x[:, 1].sum() for own in (is_a, ~is_a)],
             "The denominator holds the tosses of both coins; each coin has its own."),
            ([x[own, 0].sum() / x[:, 0].sum() for own in (is_a, ~is_a)],
             "Those are shares of all heads. A coin's heads go over its own tosses."),
            ([1 - x[own, 0].sum() / x[own, 1].sum() for own in (is_a, ~is_a)],
             "Those are shares of tails; the first column of x holds the heads."),
            ([own.mean() for own in (is_a, ~is_a)],
             "Those are shares of rows, that is, how often each coin was picked."),
            ([np.median(x[own, 0] / x[own, 1]) for own in (is_a, ~is_a)],
             "That is a median of the rows' shares. (2.1) adds heads and tosses first."),
        ]  # fmt: skip
        close(pair(call(function, x, is_a), 2), right, "The estimate", hints, "See (2.1).")


@exercise("2.4")
def responsibilities(function: Callable[..., Any]) -> None:
    """Check `function(x, weights, probabilities)`, which returns responsibilities (N, K)."""
    cases = [
        (EQUAL, [0.5, 0.5], [0.6, 0.5]),
        (UNEQUAL, [0.2, 0.3, 0.5], [0.7, 0.1, 0.4]),
        (LONG, [0.5, 0.5], [0.6, 0.5]),
        (np.array([[4, 4], [1, 4], [0, 4], [3, 4]]), [0.3, 0.3, 0.4], [1.0, 0.5, 0.0]),
    ]
    for case, (x, weights, probabilities) in enumerate(cases):
        w, p = np.array(weights), np.array(probabilities)
        shape = (len(x), len(w))
        with np.errstate(all="ignore"):
            value = call(function, x, w, p)
        if holds_nan(value):
            _explain_nan(case, function, x, w, p)
        right = BinomialMixture(w, p).responsibilities(x)
        _not_the_joint(value, x, w, p, right)
        r = distributions(value, "responsibilities", shape)
        if 0 < r[right == 0].max(initial=0.0) < 1e-3:
            raise Problem(
                "A coin that never shows heads (or tails) cannot have made a row that has some: "
                "its share is exactly 0. Do you clip probabilities, or add a little to them?"
            )
        uniform = np.full(len(w), 1 / len(w))
        verdicts = np.eye(len(w))[right.argmax(axis=1)]
        hints = [
            (BinomialMixture(uniform, p).responsibilities(x), "The weights have no effect: where "
             "is pi_k in (2.4)?"),
            (_posterior(x[:, [0]] * np.log(np.where(p > 0, p, 1)) + np.log(w)),
             "The tails are left out: each tail counts as evidence too."),
            (_posterior(_log_joint(x[:, 0], x[:, 1], w, p)),
             "The exponent of 1 - theta is the number of tails, not of tosses."),
            (_posterior(_log_joint(x[:, 1] - x[:, 0], x[:, 0], w, p)),
             "Heads and tails have changed places: theta is the probability of heads."),
            (_posterior(_log_joint(np.zeros(len(x)), x[:, 1] - x[:, 0], w, p)),
             "The heads are left out: each head counts as evidence too."),
            (np.tile(w, (len(x), 1)), "Every row gets the weights. Where do heads and tails of "
             "the row come in?"),
            (_posterior(_log_joint(x[:, 0] / x[:, 1], 1 - x[:, 0] / x[:, 1], w, p)),
             "The exponents are shares of heads and tails; a row of 40 tosses says more than "
             "one of 4. They should be counts."),
            (_posterior(_log_joint(x[:, 0], x[:, 1] - x[:, 0], w**2, p)),
             "The weight enters twice."),
            (verdicts, "These are verdicts, all 0 or 1; a responsibility is a probability."),
            (_patched(x, w, p), "A row of 20000 tosses is shared equally. Is that a NaN, replaced? "
             "Products underflow; see (2.10)."),
        ]  # fmt: skip
        close(r, right, "The responsibility", hints, "Compare with (2.4), term by term.")


@exercise("2.5")
def m_step(function: Callable[..., Any]) -> None:
    """Check `function(x, r)`, which returns weights (K,) and probabilities (K,)."""
    for x, k, seed in ((UNEQUAL, 3, 3), (EQUAL, 2, 1)):
        r = np.random.default_rng(seed).dirichlet(np.ones(k), size=len(x))
        value = call(function, x, r)
        stacked = isinstance(value, np.ndarray) and value.ndim == 2
        if stacked and value.shape == (k, 2) != (2, k):
            raise Problem(f"An array of two rows is wanted, (2, K); yours is {value.shape}.")
        if not (isinstance(value, (tuple, list)) or stacked) or len(value) != 2:
            raise Problem("Return two things: the weights (K,) and the probabilities (K,).")
        heads, tosses = x.T.astype(float)
        counts = r.sum(axis=0)
        verdicts = np.eye(k)[r.argmax(axis=1)]
        right = counts / len(x), heads @ r / (tosses @ r)
        weight_hints = [
            (right[1], "Return the weights first, then the probabilities."),
            (verdicts.mean(axis=0), "The responsibilities are rounded to 0 and 1. Count with "
             "fractions."),
            (counts, "These are the expected numbers of rows; weights must sum to 1."),
            (tosses @ r / tosses.sum(), "Those are shares of tosses. A coin is picked once a row, "
             "however long the row is."),
            (np.full(k, 1 / k), "The weights do not depend on r. Free weights are wanted."),
            (heads @ r / heads.sum(), "Those are shares of heads. A weight says how often a coin "
             "is picked, whatever it shows."),
            (counts / k, "The sum over rows is divided by K; (2.11) divides it by N."),
        ]  # fmt: skip
        probability_hints = [
            (heads / tosses @ r / counts, "That averages the rows' shares; with unequal rows, "
             "divide expected heads by expected tosses."),
            (heads @ r / counts, "Heads are divided by the expected number of rows, N_k. "
             "Which of the sums in (2.8) belongs there?"),
            (heads @ r / tosses.sum(), "The denominator counts all tosses; it wants the expected "
             "tosses of each coin."),
            (heads @ r / ((tosses - heads) @ r), "That is heads over tails."),
            ((tosses - heads) @ r / (tosses @ r), "Those are shares of tails."),
            (heads @ r / heads.sum(), "Those are shares of all heads. Each coin's expected heads "
             "go over its own expected tosses."),
            (heads @ r**2 / (tosses @ r**2), "The responsibilities are squared."),
            (heads @ r / (10 * counts), "Ten tosses a row are written into your function; use the "
             "second column of x."),
            (heads @ r / len(x), "Heads are divided by the number of rows. Which of the sums in "
             "(2.8) belongs there?"),
            (heads @ verdicts / np.maximum(tosses @ verdicts, 1), "The responsibilities are "
             "rounded to 0 and 1. Count with fractions."),
        ]  # fmt: skip
        close(value[0], right[0], "The array of weights", weight_hints, "See (2.11).")
        close(value[1], right[1], "The array of probabilities", probability_hints, "See (2.9).")


@exercise("2.8")
def stranger_step(function: Callable[..., Any]) -> None:
    """Check `function(x, weight, theta)`, which returns the new weight and theta."""
    for x, weight, theta in ((EQUAL, 0.5, 0.7), (UNEQUAL, 0.3, 0.2)):
        coins = np.array([theta, 0.5])
        model = BinomialMixture(np.array([weight, 1 - weight]), coins)
        r = model.responsibilities(x)
        new = model.m_step(model.e_step(x))
        right = [new.weights[0], new.probabilities[0]]
        pooled = x[:, 0].sum() / x[:, 1].sum()
        heads, tosses = x.T
        own = r[:, 0]
        equal = BinomialMixture(np.array([0.5, 0.5]), coins).responsibilities(x)[:, 0]
        exchanged = BinomialMixture(np.array([1 - weight, weight]), coins).responsibilities(x)[:, 0]
        no_tails = _posterior(heads[:, None] * np.log(coins) + np.log([weight, 1 - weight]))[:, 0]

        def update(
            share: FloatArray, heads: FloatArray = heads, tosses: FloatArray = tosses
        ) -> list[float]:
            """Return the answer to which other responsibilities of the stranger lead."""
            expected = float(tosses @ share)
            return [float(share.mean()), float(heads @ share) / max(expected, 1e-300)]

        later = [  # responsibilities after one of the two updates has been made
            BinomialMixture(np.array([w, 1 - w]), np.array([t, 0.5])).responsibilities(x)[:, 0]
            for w, t in ((weight, right[1]), (right[0], theta))
        ]
        twice = "Both numbers come from the same responsibilities, made once, at the old values."
        hints = [
            ([1 - right[0], right[1]], "That is the weight of the fair coin."),
            ([right[0], heads / tosses @ own / own.sum()], "The rows' shares of heads are "
             "averaged; with unequal rows, divide expected heads by expected tosses."),
            ([right[0], heads @ own / tosses.sum()], "The denominator counts all tosses; the "
             "stranger owns a share of them."),
            ([later[0].mean(), right[1]], twice),
            ([right[0], heads @ later[1] / (tosses @ later[1])], twice),
            ([1 - right[0], new.probabilities[1]], "That is the update of the fair coin. Which "
             "column of the responsibilities is the stranger's?"),
            (right[::-1], "Return the weight first, then theta."),
            ([weight, right[1]], "The weight of the stranger is free too; update it."),
            ([right[0], theta], "theta is free too; update it."),
            ([right[0], heads @ own / (10 * own.sum())], "Ten tosses a row are written into your "
             "function; use the second column of x."),
            ([right[0], heads @ own / ((tosses - heads) @ own)], "That is heads over tails; the "
             "denominator wants expected tosses."),
            ([right[0], (tosses - heads) @ own / (tosses @ own)], "That is the stranger's share "
             "of tails."),
            (update(no_tails), "The tails are left out of the E-step: each tail counts as "
             "evidence too."),
            (update(exchanged), "In your E-step the fair coin has the stranger's weight."),
            (update((own > 0.5).astype(float)), "The responsibilities are rounded to 0 "
             "and 1. Count with fractions."),
            ([tosses @ own / tosses.sum(), right[1]], "Those are shares of tosses. A coin is "
             "picked once a row, however long the row is."),
            ([right[0], pooled], "All heads are counted for the stranger; it only owns a share."),
            ([r[:, 0].sum(), right[1]], "That is the expected number of rows, not the weight."),
            ([equal.mean(), x[:, 0] @ equal / (x[:, 1] @ equal)],
             "Your E-step ignores the weight."),
        ]  # fmt: skip
        value = pair(call(function, x, weight, theta), 2)
        close(value, right, "The new (weight, theta)", hints, "See (2.4), (2.9) and (2.11).")


@exercise("2.9")
def from_moments(function: Callable[..., Any]) -> None:
    """Check `function(x)`, which returns weight, larger and smaller coin by moments."""
    rng = np.random.default_rng(7)
    for weights, coins, tosses in (([0.3, 0.7], [0.9, 0.2], 3), ([0.5, 0.5], [0.8, 0.4], 10)):
        z = rng.choice(2, size=400, p=weights)
        heads = rng.binomial(tosses, np.array(coins)[z])
        x = np.column_stack([heads, np.full(400, tosses)])
        share = heads / tosses
        moments = [float(np.mean(comb(heads, j) / comb(tosses, j))) for j in (1, 2, 3)]
        mu1 = moments[0]
        weight, a, b = right = _coins(moments)
        hints = [
            (_coins([float(np.mean(share**j)) for j in (1, 2, 3)]), "Powers of h/m are not "
             "unbiased: the tosses' own scatter is counted as difference between coins. Use "
             "binomial coefficients."),
            ((1 - weight, b, a), "The larger coin comes first, with its own weight."),
            ((1 - weight, a, b), "The weight belongs to the other coin."),
            ((a, b, weight), "Return the weight first."),
            ((weight, b, a), "The coins have changed places: the larger one comes second in your "
             "answer, and it should come first."),
            ((0.5, a, b), "The weight is free here; the last formula of (2.16) gives it."),
            ((weight, a, a), "Both roots are the same. One takes the sign +, the other -."),
            ((weight, -b, -a), "The roots have the wrong sign: t^2 - u t + w has + u / 2 in both."),
            ((weight, 2 * a, 2 * b), "The roots are not halved."),
            (((mu1 - a) / (a - b), a, b), "The numerator of the weight holds the smaller coin, "
             "mu_1 - theta_B."),
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            value = call(function, x)
        if holds_nan(value):
            raise Problem(
                "NaN: the square root of a negative number? Print the moments: each lies between "
                "0 and 1, and mu_2 is at least the square of mu_1. Was C(m, j) divided out?"
            )
        value = pair(value, 3)
        close(value, right, "The answer", hints, "Check each moment first, then (2.16).")


@exercise("2.11")
def weights_jacobian(function: Callable[..., Any]) -> None:
    """Check `function(r, weights)`, which returns the Jacobian (K, K) of a step on the weights."""
    for n, weights, seed in ((6, [0.2, 0.5, 0.3], 3), (5, [0.7, 0.3], 4), (1, [0.1, 0.2, 0.7], 5)):
        w = np.array(weights)
        k = len(w)
        r = np.random.default_rng(seed).dirichlet(np.ones(k), size=n)
        if n > 1:
            r[0] = np.eye(k)[1]  # a row without doubt
        both = np.diag(r.sum(axis=0)) - r.T @ r
        right = both / n / w
        hints = [
            (both / n / w[:, None], "Column j is divided by pi_j; you divide row k by pi_k."),
            (both / w, "The sum over the rows is not divided by N."),
            (both / n, "Where is pi_j, in the denominator?"),
            (both / n * w, "You multiply by the weights; (a) divides by them."),
            (both / n / np.outer(w, w), "You divide by both weights; only pi_j is there."),
            (-r.T @ r / n / w, "The term with delta_kj is missing on the diagonal."),
            (np.diag(np.diag(right)), "Outside the diagonal there is -r_nk r_nj: not zero."),
            (np.diag(r.mean(axis=0) / w), "The term - r_nk r_nj is missing."),
            ((np.diag(r.mean(axis=0)) - np.outer(r.mean(axis=0), r.mean(axis=0))) / w,
             "Average the products r_nk r_nj over the rows, not each factor."),
            ((np.diag(r.sum(axis=0)) + r.T @ r) / n / w, "A sign: r_nk r_nj is subtracted."),
            (both / n / r.mean(axis=0), "Divide by the weights you are given, not by new ones."),
            ((np.eye(k) - r.T @ r) / n / w, "On the diagonal r_nk goes with delta_kj."),
        ]  # fmt: skip
        value = call(function, r, w)
        close(value, right, "The Jacobian", hints, "Compare with (a), for one k and one j.")


def pair(value: Any, n: int) -> FloatArray:
    """Return an answer of n numbers, or explain."""
    sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim)
    if not sequence:
        raise Problem(f"Return {n} numbers, such as a tuple; yours is {type(value).__name__}.")
    if len(value) != n:
        raise Problem(f"Return {n} numbers; yours are {len(value)}.")
    for i, entry in enumerate(value):
        if isinstance(entry, (tuple, list)) or (isinstance(entry, np.ndarray) and entry.ndim):
            raise Problem(f"Return {n} numbers; your entry {i} is an array of {len(entry)}.")
    return numbers(value, "The answer", (n,))


def _explain_nan(
    case: int, function: Callable[..., Any], x: FloatArray, w: FloatArray, p: FloatArray
) -> None:
    if case == 3:
        raise Problem(
            "NaN with a coin of probability 0 or 1: 0 times log 0. "
            "scipy.special has functions for that."
        )
    if case != 2:
        return  # short rows and plain coins: `numbers` says that there is a NaN
    with np.errstate(all="ignore"):
        alone = [holds_nan(call(function, row[None], w, p)) for row in x]
    if not any(alone):
        raise Problem(
            "NaN when rows of 10 and of 20000 tosses come together. Before taking "
            "exponentials, subtract from each row its own largest term (2.10)."
        )
    heads, tosses = x[int(np.argmax(alone))]
    raise Problem(
        f"NaN for a row of {heads} heads in {tosses} tosses: products of that length underflow "
        "or overflow, and then 0/0 or 0 times infinity is no number. Work with logarithms "
        "throughout, and subtract the largest of each row before taking exponentials (2.10)."
    )


def _not_the_joint(
    value: Any, x: FloatArray, w: FloatArray, p: FloatArray, right: FloatArray
) -> None:
    """Recognise unnormalised answers and a division over the wrong axis."""
    array = numbers(value, "responsibilities", right.shape)
    joint = np.exp(BinomialMixture(w, p).log_joint(x))
    plain = w * p ** x[:, [0]] * (1 - p) ** (x[:, [1]] - x[:, [0]])
    if any(np.allclose(array, wrong, atol=1e-12) for wrong in (joint, plain)):
        raise Problem("That is the joint probability. Divide each row by its sum to get (2.4).")
    if any(
        np.allclose(array, wrong / wrong.sum(axis=0), atol=1e-12)
        for wrong in (joint, plain)
        if (wrong.sum(axis=0) > 0).all()
    ):
        raise Problem(
            "Each column sums to 1, but rows should: is the division over the right axis?"
        )


def _patched(x: FloatArray, w: FloatArray, p: FloatArray) -> FloatArray:
    """Return responsibilities from products, with 1/K where they are NaN."""
    with np.errstate(all="ignore"):
        joint = w * p ** x[:, [0]] * (1 - p) ** (x[:, [1]] - x[:, [0]])
        return np.asarray(np.nan_to_num(joint / joint.sum(axis=1, keepdims=True), nan=1 / len(w)))


def _log_joint(heads: FloatArray, tails: FloatArray, w: FloatArray, p: FloatArray) -> FloatArray:
    clipped = np.clip(p, 1e-300, 1 - 1e-16)
    return np.asarray(
        np.log(w) + heads[:, None] * np.log(clipped) + tails[:, None] * np.log1p(-clipped)
    )


def _posterior(log_joint: FloatArray) -> FloatArray:
    scaled = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def _coins(moments: Sequence[float]) -> tuple[float, float, float]:
    """Return weight, larger and smaller coin with these first three moments (2.16)."""
    mu1, mu2, mu3 = moments
    s = (mu3 - mu1 * mu2) / (mu2 - mu1**2)
    root = np.sqrt(s**2 - 4 * (s * mu1 - mu2))
    a, b = float(s + root) / 2, float(s - root) / 2
    return (mu1 - b) / (a - b), a, b
