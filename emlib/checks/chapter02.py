"""Checkers for the exercises of chapter 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import comb

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, distributions, exercise, numbers
from emlib.families.binomial import BinomialMixture

# One data set has the chapter's shape; the other, with unequal tosses, the reader has not seen.
EQUAL = np.array([[5, 10], [9, 10], [8, 10], [4, 10], [7, 10]])
UNEQUAL = np.array([[2, 3], [11, 40], [0, 6], [7, 7], [30, 55], [1, 2]])
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
        ]  # fmt: skip
        close(pair(call(function, x, is_a), 2), right, "The estimate", hints, "See (2.1).")


@exercise("2.4")
def responsibilities(function: Callable[..., Any]) -> None:
    """Check `function(x, weights, probabilities)`, which returns responsibilities (N, K)."""
    cases = [
        (EQUAL, [0.5, 0.5], [0.6, 0.5]),
        (UNEQUAL, [0.2, 0.3, 0.5], [0.7, 0.1, 0.4]),
        (np.array([[9000, 20000], [5, 10], [12_100, 20000]]), [0.5, 0.5], [0.6, 0.5]),
        (np.array([[4, 4], [1, 4], [0, 4]]), [0.3, 0.3, 0.4], [1.0, 0.5, 0.0]),
    ]
    for case, (x, weights, probabilities) in enumerate(cases):
        w, p = np.array(weights), np.array(probabilities)
        shape = (len(x), len(w))
        with np.errstate(all="ignore"):
            value = call(function, x, w, p)
        if _holds_nan(value):
            _explain_nan(case, function, w, p)
        right = BinomialMixture(w, p).responsibilities(x)
        _not_the_joint(value, x, w, p, right)
        r = distributions(value, "r", shape)
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
            (verdicts, "These are verdicts, all 0 or 1; a responsibility is a probability."),
            (_patched(x, w, p), "A row of 20000 tosses is shared equally. Is that a NaN, replaced? "
             "Products underflow; see (2.10)."),
        ]  # fmt: skip
        close(r, right, "The responsibility", hints, "Compare with (2.4), term by term.")


@exercise("2.5")
def m_step(function: Callable[..., Any]) -> None:
    """Check `function(x, r)`, which returns weights (K,) and probabilities (K,)."""
    for x, k, seed in ((EQUAL, 2, 1), (UNEQUAL, 3, 2)):
        r = np.random.default_rng(seed).dirichlet(np.ones(k), size=len(x))
        value = call(function, x, r)
        stacked = isinstance(value, np.ndarray) and value.ndim == 2
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
        ]  # fmt: skip
        probability_hints = [
            (heads / tosses @ r / counts, "That averages the rows' shares; with unequal rows, "
             "divide expected heads by expected tosses."),
            (heads @ r / counts, "Heads are divided by the expected number of rows, N_k. "
             "Which of the sums in (2.8) belongs there?"),
            (heads @ r / tosses.sum(), "The denominator counts all tosses; it wants the expected "
             "tosses of each coin."),
            (heads @ r / ((tosses - heads) @ r), "That is heads over tails."),
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
    for weights, coins, tosses in (([0.5, 0.5], [0.8, 0.4], 10), ([0.3, 0.7], [0.9, 0.2], 4)):
        z = rng.choice(2, size=400, p=weights)
        heads = rng.binomial(tosses, np.array(coins)[z])
        x = np.column_stack([heads, np.full(400, tosses)])
        share = heads / tosses
        weight, a, b = right = _coins(
            [float(np.mean(comb(heads, j) / comb(tosses, j))) for j in (1, 2, 3)]
        )
        hints = [
            (_coins([float(np.mean(share**j)) for j in (1, 2, 3)]), "Powers of h/m are not "
             "unbiased: the tosses' own scatter is counted as difference between coins. Use "
             "binomial coefficients."),
            ((1 - weight, b, a), "The larger coin comes first, with its own weight."),
            ((1 - weight, a, b), "The weight belongs to the other coin."),
            ((a, b, weight), "Return the weight first."),
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            value = call(function, x)
        if _holds_nan(value):
            raise Problem(
                "NaN: the square root of a negative number? Print the moments: each lies between "
                "0 and 1, and mu_2 is at least the square of mu_1. Was C(m, j) divided out?"
            )
        value = pair(value, 3)
        close(value, right, "The answer", hints, "Check each moment first, then (2.16).")


def pair(value: Any, n: int) -> FloatArray:
    """Return an answer of n numbers, or explain."""
    sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim)
    if not sequence or len(value) != n:
        raise Problem(f"Return {n} numbers, such as a tuple; yours is {type(value).__name__}.")
    for i, entry in enumerate(value):
        if np.ndim(entry):
            raise Problem(f"Return {n} numbers; your entry {i} is an array of {np.size(entry)}.")
    return numbers(value, "The answer", (n,))


def _holds_nan(value: Any) -> bool:
    try:
        return bool(np.isnan(np.asarray(value, dtype=float)).any())
    except (TypeError, ValueError):
        return False  # not numbers at all: that is explained later


def _explain_nan(case: int, function: Callable[..., Any], w: FloatArray, p: FloatArray) -> None:
    if case == 2:
        with np.errstate(all="ignore"):
            alone = call(function, np.array([[9000, 20000]]), w, p)
            all_heads = call(function, np.array([[20000, 20000]]), w, p)  # coefficient 1
        if not _holds_nan(alone):
            raise Problem(
                "NaN when rows of 10 and of 20000 tosses come together. Before taking "
                "exponentials, subtract from each row its own largest term (2.10)."
            )
        if not _holds_nan(all_heads):
            raise Problem(
                "NaN for a row of 20000 tosses: the binomial coefficient overflows. It cancels in "
                "(2.4), so leave it out, or take its logarithm with gammaln."
            )
        raise Problem(
            "NaN for a row of 20000 tosses: the products underflow. Work with logarithms, and "
            "subtract the largest of each row before taking exponentials (2.10)."
        )
    if case == 3:
        raise Problem(
            "NaN with a coin of probability 0 or 1: 0 times log 0. "
            "scipy.special has functions for that."
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
