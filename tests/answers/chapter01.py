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


OLD = np.array([125.0, 18.0, 20.0, 34.0])

RIGHT = {
    "elbo": [
        by_loop,
        by_kl,
    ],
    "em_step": [
        full,
        lambda t, y: 1 - (y[1] + y[2]) / (y[0] * t / (2 + t) + y[1] + y[2] + y[3]),
    ],
    "rate_of": [
        lambda t: (t[-1] - t[-2]) / (t[-2] - t[-3]),
        lambda t: np.divide(*np.diff(t)[-2:][::-1]),
    ],
    "relaxed_step": [
        lambda t, y, w: t + w * (full(t, y) - t),
        lambda t, y, w: (1 - w) * t + w * full(t, y),
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
    ],
    "em_step": [
        (lambda t, y: full(t, OLD), "written into your function"),
        (lambda t, y: (expected(t, y) + y[3]) / y.sum(), "denominator"),
        (lambda t, y: full(t, y, y[0] * t / 4), "not the share"),
        (lambda t, y: full(t, y, y[0] * 2 / (2 + t)), "other"),
        (lambda t, y: full(t, y, np.round(expected(t, y))), "round"),
        (lambda t, y: t, "unchanged"),
    ],
    "rate_of": [
        (lambda t: (t[-2] - t[-3]) / (t[-1] - t[-2]), "Upside down"),
        (lambda t: t[-1] / t[-2], "differences"),
        (lambda t: (t[-1] - t[-2]) / (t[-3] - t[-2]), "sign"),
        (lambda t: (t[2] - t[1]) / (t[1] - t[0]), "first three"),
        (lambda t: (np.diff(t)[1:] / np.diff(t)[:-1]).mean(), "average"),
    ],
    "relaxed_step": [
        (lambda t, y, w: w * full(t, y), "multiplies the *step*"),
        (lambda t, y, w: full(t, y), "no effect"),
        (lambda t, y, w: full(t, y) + w * (full(t, y) - t), "start from theta"),
        (lambda t, y, w: t + w * (full(t, OLD) - t), "written into"),
        (lambda t, y, w: 1 / 0, "ZeroDivisionError"),
    ],
}
