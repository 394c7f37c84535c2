"""Right and wrong answers to the exercises of chapter 10."""

import numpy as np
from scipy.optimize import brentq

# --- 10.2


def by_solve(mean, covariance, row):
    m = np.isnan(row)
    o = ~m
    gain = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
    left = covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]
    return mean[m] + gain @ (row[o] - mean[o]), left


def by_precision(mean, covariance, row):
    """The missing block of the precision matrix is the inverse of what is left."""
    m = np.isnan(row)
    precision = np.linalg.inv(covariance)
    left = np.linalg.inv(precision[np.ix_(m, m)])
    first = mean[m] - left @ precision[np.ix_(m, ~m)] @ (row[~m] - mean[~m])
    return [first.tolist(), left]


def with_first(change):
    def answer(mean, covariance, row):
        first, left = by_solve(mean, covariance, row)
        m = np.isnan(row)
        return change(first, mean, m, row), left

    return answer


def with_left(change):
    def answer(mean, covariance, row):
        first, left = by_solve(mean, covariance, row)
        m = np.isnan(row)
        return first, change(left, covariance[np.ix_(m, m)])

    return answer


def raw(mean, covariance, row):
    return by_solve(np.where(np.isnan(row), mean, 0.0), covariance, row)


# --- 10.3


def completed(mean, covariance, row, correction=lambda left, own: left, about=False, size=1.0):
    m = np.isnan(row)
    guess, more = row.copy(), np.zeros((len(row), len(row)))
    guess[m], left = by_solve(mean, covariance, row)
    more[np.ix_(m, m)] = correction(left, covariance[np.ix_(m, m)])
    guess = guess - mean if about else guess
    return size * np.outer(guess, guess) + more


def by_entries(mean, covariance, row):
    first, left = by_precision(mean, covariance, row)
    first, holes = iter(first), np.flatnonzero(np.isnan(row)).tolist()
    guess = [next(first) if i in holes else v for i, v in enumerate(row)]
    found = [[a * b for b in guess] for a in guess]
    for i, a in enumerate(holes):
        for j, b in enumerate(holes):
            found[a][b] += left[i][j]
    return found


def wrong_moment(**how):
    return lambda mean, covariance, row: completed(mean, covariance, row, **how)


# --- 10.5


def by_rules(estimates, variances):
    m = len(estimates)
    total = np.mean(variances) + (1 + 1 / m) * np.var(estimates, ddof=1)
    return np.mean(estimates), np.sqrt(total)


def by_sums(estimates, variances):
    m = len(estimates)
    mean = sum(estimates) / m
    between = sum((e - mean) ** 2 for e in estimates) / (m - 1)
    return np.array([mean, (sum(variances) / m + between + between / m) ** 0.5])


def with_error(change):
    def answer(e, v):
        return np.mean(e), change(np.mean(v), np.var(e, ddof=1), len(e))

    return answer


# --- 10.6


def by_em(counts, size):
    k, p = np.arange(1, size + 1), 0.5
    for _ in range(100_000):
        none = (1 - p) ** size
        p, before = counts @ k / (counts.sum() / (1 - none)) / size, p
        if abs(p - before) < 1e-13:
            break
    return p


def by_root(counts, size):
    mean = counts @ np.arange(1, size + 1) / counts.sum()
    return [brentq(lambda p: size * p / (1 - (1 - p) ** size) - mean, 1e-9, 1 - 1e-9)][0]


def one_step(counts, size):
    events = counts @ np.arange(1, size + 1)
    p = events / counts.sum() / size
    return events / (counts.sum() / (1 - (1 - p) ** size)) / size


RIGHT = {
    "given": [by_solve, by_precision],
    "second_moment": [completed, by_entries],
    "pool": [by_rules, by_sums],
    "affected": [by_em, by_root],
}

WRONG = {
    "given": [
        (with_first(lambda f, mean, m, row: mean[m]), "without any look"),
        (with_first(lambda f, mean, m, row: f - mean[m]), "Add the mean"),
        (raw, "distance from its mean"),
        (with_first(lambda f, mean, m, row: 2 * mean[m] - f), "The sign"),
        (with_first(lambda f, mean, m, row: np.where(m, 0.0, row)), "missing entries only"),
        (with_left(lambda left, own: own), "before anything was observed"),
        (with_left(lambda left, own: 2 * own - left), "takes variance away"),
        (with_left(lambda left, own: own - left), "what is explained"),
        (lambda mean, covariance, row: None, "returned nothing"),
    ],
    "second_moment": [
        (wrong_moment(correction=lambda left, own: 0 * left), "forgotten correction"),
        (wrong_moment(correction=lambda left, own: -left), "The correction is added"),
        (wrong_moment(correction=lambda left, own: own), "covariance that is left"),
        (wrong_moment(correction=lambda left, own: np.diag(np.diag(left))), "vary together"),
        (wrong_moment(size=0.0), "correction alone"),
        (wrong_moment(about=True), "not about the mean"),
        (lambda mean, covariance, row: completed(mean, covariance, row)[0], "shape"),
    ],
    "pool": [
        (lambda e, v: (e[0], by_rules(e, v)[1]), "One table is not enough"),
        (lambda e, v: ((e / v).sum() / (1 / v).sum(), 1.0), "weigh the same"),
        (with_error(lambda w, b, m: w + (1 + 1 / m) * b), "That is the variance"),
        (with_error(lambda w, b, m: w**0.5), "differ from one another"),
        (with_error(lambda w, b, m: b**0.5), "Each table alone"),
        (with_error(lambda w, b, m: (w + b) ** 0.5), "1 + 1/M is missing"),
        (with_error(lambda w, b, m: (w + (1 + 1 / m) * b * (m - 1) / m) ** 0.5), "M - 1"),
        (with_error(lambda w, b, m: ((w + (1 + 1 / m) * b) / m) ** 0.5), "not more data"),
        (lambda e, v: np.mean(e), "Return two things"),
    ],
    "affected": [
        (lambda n, s: n @ np.arange(1, s + 1) / n.sum() / s, "that were seen"),
        (lambda n, s: 1 - by_em(n, s), "not affected"),
        (one_step, "one step"),
        (lambda n, s: s * by_em(n, s), "for a child"),
        (lambda n, s: (1 - by_em(n, s)) ** s, "not seen"),
        (lambda n, s: n @ np.arange(1, s + 1) / n.sum(), "mean of the counts"),
        (lambda n, s: None, "returned nothing"),
    ],
}
