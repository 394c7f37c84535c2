"""Right and wrong answers to the exercises of chapter 1."""

import numpy as np
from scipy.special import entr, rel_entr


def expected(theta, counts):
    return counts[0] * theta / (2 + theta)


def full(theta, counts, z=None):
    z = expected(theta, counts) if z is None else z
    return (z + counts[3]) / (z + counts[1:].sum())


def by_loop(log_p, q):
    total = 0.0
    for a, b in zip(log_p, q, strict=True):
        if b > 0:
            total += b * (a - np.log(b))
    return total


def by_kl(log_p, q):
    return -np.sum(rel_entr(q, np.exp(log_p)))


def masked(a, q):
    used = (q > 0) & np.isfinite(a)  # what the exercise's text seems to ask for
    return np.sum(q[used] * (a[used] - np.log(q[used])))


def floored(a, q):
    return q @ np.maximum(a, -700) + entr(q).sum()


def by_gap(a, q):
    evidence = np.log(np.exp(a).sum())
    return evidence - rel_entr(q, np.exp(a - evidence)).sum()


def update(z, y, above=0.0, below=0.0):
    return (z + y[3] + above) / (z + y[1] + y[2] + y[3] + below)


OLD = np.array([125.0, 18.0, 20.0, 34.0])

RIGHT = {
    "elbo": [
        by_loop,
        by_kl,
        by_gap,
        lambda a, q: [sum(b * (c - np.log(b)) for c, b in zip(a, q, strict=True) if b)],
        lambda a, q: np.where(q > 0, q * np.where(q > 0, a, 0), 0).sum() + entr(q).sum(),
    ],
    "em_step": [
        full,
        lambda t, y: 1 - (y[1] + y[2]) / (y[0] * t / (2 + t) + y[1] + y[2] + y[3]),
        lambda t, y: (update(y[0] * t / (2 + t), y),),
        lambda t, y: np.array([update(y[0] * (t / 4) / (1 / 2 + t / 4), y)]),
    ],
    "rate_of": [
        lambda t: (t[-1] - t[-2]) / (t[-2] - t[-3]),
        lambda t: np.divide(*np.diff(t)[-2:][::-1]),
        lambda t: [(t[-2] - t[-1]) / (t[-3] - t[-2])],
    ],
    "relaxed_step": [
        lambda t, y, w: t + w * (full(t, y) - t),
        lambda t, y, w: (1 - w) * t + w * full(t, y),
        lambda t, y, w: np.array([full(t, y) + (w - 1) * (full(t, y) - t)]),
    ],
}

WRONG = {
    "elbo": [
        (lambda a, q: q @ a, "Q alone"),
        (lambda a, q: q @ a - entr(q).sum(), "wrong sign"),
        (lambda a, q: -(q @ a + entr(q).sum()), "whole has the wrong sign"),
        (lambda a, q: np.log(np.exp(a).sum()), "log-likelihood"),
        (lambda a, q: q @ np.exp(a) + entr(q).sum(), "logarithms already"),
        (lambda a, q: q @ a + entr(q).sum(), "NaN"),
        (lambda a, q: np.sum((q * (a - np.log(q)))[np.isfinite(a)]), "NaN"),
        (masked, "minus infinity"),
        (floored, "minus infinity"),
        (lambda a, q: np.nan_to_num(by_loop(a, q), neginf=-1e6), "minus infinity"),
        (lambda a, q: entr(q).sum(), "entropy alone"),
        (lambda a, q: rel_entr(q, np.exp(a) / np.exp(a).sum()).sum(), "divergence"),
        (lambda a, q: np.sum(a - np.log(q)), "average"),
        (lambda a, q: np.mean(q * a + entr(q)), "no division"),
        (lambda a, q: q @ a - np.log(q).sum(), "averaged too"),
        (lambda a, q: by_loop(a, q) / np.log(2), "bits"),
        (lambda a, q: q * (a - np.log(q)), "one number"),
        (lambda a, q: "-0.7", "should be numbers, but it is str"),
        (lambda a, q: ([1, 2], 3), "should be numbers, but it is tuple"),
        (lambda a, q: (x for x in a), "should be numbers, but it is generator"),
        (lambda a, q: {"L": 1}, "should be numbers, but it is dict"),
    ],
    "em_step": [
        (lambda t, y: full(t, OLD), "written into your function"),
        (lambda t, y: (expected(t, y) + y[3]) / y.sum(), "denominator"),
        (lambda t, y: full(t, y, y[0] * t / 4), "not the share"),
        (lambda t, y: full(t, y, y[0] * 2 / (2 + t)), "other"),
        (lambda t, y: full(t, y, np.round(expected(t, y))), "round"),
        (lambda t, y: t, "unchanged"),
        (lambda t, y: expected(t, y), "expected count alone"),
        (lambda t, y: t / (2 + t), "responsibility alone"),
        (lambda t, y: expected(t, y) / (expected(t, y) + y[1] + y[2]), "forgotten"),
        (lambda t, y: update(expected(t, y), y, above=-y[3]), "forgotten"),
        (lambda t, y: update(expected(t, y), y, above=y[2] - y[3]), "Count from 0"),
        (lambda t, y: update(expected(t, y), y, below=-y[3]), "summand is missing"),
        (lambda t, y: update(expected(t, y), y, below=-y[2]), "summand is missing"),
        (lambda t, y: update(expected(t, y), y, below=-expected(t, y)), "summand is missing"),
        (lambda t, y: full(t, y, y[0] * t / (2 - t)), "plus or minus"),
        (lambda t, y: full(t, y, y[0] * t / (1 + t)), "twice"),
        (lambda t, y: full(full(t, y), y), "two steps"),
        (lambda t, y: full(t, y, 125 * t / (2 + t)), "written into your function"),
        (lambda t, y: update(expected(t, y), [0, 18, 20, y[3]]), "written into your function"),
        (lambda t, y: 1 - full(t, y), "against"),
        (lambda t, y: full(t, y) + 1e-4, "letter by letter"),
        (lambda t, y: (full(t, y), [1, 2]), "should be numbers, but it is tuple"),
        (lambda t, y: f"{full(t, y)}", "should be numbers, but it is str"),
    ],
    "rate_of": [
        (lambda t: (t[-2] - t[-3]) / (t[-1] - t[-2]), "Upside down"),
        (lambda t: t[-1] / t[-2], "differences"),
        (lambda t: (t[-1] - t[-2]) / (t[-3] - t[-2]), "sign"),
        (lambda t: (t[2] - t[1]) / (t[1] - t[0]), "first three"),
        (lambda t: (np.diff(t)[1:] / np.diff(t)[:-1]).mean(), "average"),
        (lambda t: (t[-2] - t[-1]) / (t[-3] - t[-1]), "stands in for the limit"),
        (lambda t: (t[-1] - t[-2]) / (t[-1] - t[-3]), "stands in for the limit"),
        (lambda t: t[-1] - t[-2], "last difference"),
        (lambda t: np.diff(t)[1:] / np.diff(t)[:-1], "one number"),
        (lambda t: (t[-2] - t[-3]) / (t[-3] - t[-4]), "One step too early"),
        (lambda t: abs((t[-1] - t[-2]) / (t[-2] - t[-3])), "sign"),
        (lambda t: t[-1] * 0 + 0.1328, "three values"),
        (lambda t: {"rate": 1.0}, "should be numbers, but it is dict"),
    ],
    "relaxed_step": [
        (lambda t, y, w: w * full(t, y), "multiplies the *step*"),
        (lambda t, y, w: full(t, y), "no effect"),
        (lambda t, y, w: full(t, y) + w * (full(t, y) - t), "start from theta"),
        (lambda t, y, w: t + w * (full(t, OLD) - t), "written into"),
        (lambda t, y, w: 1 / 0, "ZeroDivisionError"),
        (lambda t, y, w: w * (full(t, y) - t), "step alone"),
        (lambda t, y, w: full(t, y) + (1 - w) * (full(t, y) - t), "omega - 1"),
        (lambda t, y, w: w * t + (1 - w) * full(t, y), "stays put"),
        (lambda t, y, w: t + (full(t, y) - t) / w, "not divided"),
        (lambda t, y, w: t - w * (full(t, y) - t), "backwards"),
        (lambda t, y, w: full(t, y) - w * (full(t, y) - t), "stays put"),
        (lambda t, y, w: [t, w], "one number"),
        (lambda t, y, w: "far", "should be numbers, but it is str"),
    ],
}
