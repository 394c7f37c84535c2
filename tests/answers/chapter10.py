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


# --- 10.7


def swept(a, k):
    b = a - np.outer(a[:, k], a[k]) / a[k, k]
    b[k] = b[:, k] = a[k] / a[k, k]
    b[k, k] = -1 / a[k, k]
    return b


def swept_and_turned(b, k):
    a = swept(b, k)
    rest = np.arange(len(b)) != k
    a[k, rest] *= -1
    a[rest, k] *= -1
    return a.tolist()


def by_formula(b, k, corner=-1.0, row=True, middle=-1.0):
    """Entry by entry, with what a wrong answer does instead."""
    a = b + middle * np.outer(b[:, k], b[k]) / b[k, k]
    for j in range(len(b)):
        a[k, j] = a[j, k] = -b[k, j] / b[k, k] if row else b[k, j]
    a[k, k] = corner / b[k, k]
    return a


# --- 10.8


def by_qr(mean, factor, row):
    o = ~np.isnan(row)
    q, r = np.linalg.qr(factor[o].T)
    return q @ np.linalg.solve(r.T, row[o] - mean[o]), np.eye(len(row)) - q @ q.T


def by_pinv(mean, factor, row):
    o = ~np.isnan(row)
    inverse = np.linalg.pinv(factor[o], rcond=1e-14)
    return [inverse @ (row[o] - mean[o]), np.eye(len(row)) - inverse @ factor[o]]


def through_sigma(mean, factor, row):
    o = ~np.isnan(row)
    gain = np.linalg.solve(factor[o] @ factor[o].T, factor[o]).T
    return gain @ (row[o] - mean[o]), np.eye(len(row)) - gain @ factor[o]


def with_u(first=lambda u, mean, factor: u, left=lambda c, factor: c):
    def answer(mean, factor, row):
        u, c = by_qr(mean, factor, row)
        return first(u, mean, factor), left(c, factor)

    return answer


def y_alone(mean, factor, row):
    o = ~np.isnan(row)
    r = np.linalg.qr(factor[o].T)[1]
    return np.linalg.solve(r.T, row[o] - mean[o]), by_qr(mean, factor, row)[1]


# --- 10.9


def by_shares(yes, no, silent, share):
    n = yes + no + silent
    return yes / (share * n), no / ((1 - share) * n)


def by_people(yes, no, silent, share):
    would = share * (yes + no + silent)
    return np.array([[yes / would], [no / (yes + no + silent - would)]])


# --- 10.10


def by_given(r13, r23):
    half = np.sqrt((1 - r13**2) * (1 - r23**2))
    return r13 * r23 - half, r13 * r23 + half


def by_determinant(r13, r23):
    """Where the determinant 1 + 2 r12 r13 r23 - r12^2 - r13^2 - r23^2 is zero."""
    return sorted(np.roots([-1.0, 2 * r13 * r23, 1 - r13**2 - r23**2]).real)


def by_angles(r13, r23):
    a, b = np.arccos(r13), np.arccos(r23)
    return [np.cos(a + b), np.cos(a - b)]


RIGHT = {
    "given": [by_solve, by_precision],
    "second_moment": [completed, by_entries],
    "pool": [by_rules, by_sums],
    "affected": [by_em, by_root],
    "unsweep": [swept_and_turned, by_formula],
    "standardised": [by_qr, by_pinv],
    "mechanism": [by_shares, by_people],
    "possible": [by_given, by_determinant, by_angles],
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
    "unsweep": [
        (swept, "turns the signs"),
        (lambda b, k: b, "Nothing is undone"),
        (lambda b, k: np.linalg.inv(b), "inverts the whole"),
        (lambda b, k: by_formula(b, k, corner=1.0), "sign of the corner"),
        (lambda b, k: by_formula(b, k, row=False), "multiply them again"),
        (lambda b, k: by_formula(b, k, middle=0.0), "outside row and column k"),
        (lambda b, k: by_formula(b, k, middle=1.0), "add it again"),
        (lambda b, k: by_formula(b, k)[k], "shape"),
        (lambda b, k: b.__setitem__((k, k), 0.0) or b, "in place"),
    ],
    "standardised": [
        (y_alone, "All D entries"),
        (with_u(first=lambda u, mean, factor: factor @ u), "x less its mean"),
        (with_u(first=lambda u, mean, factor: mean + factor @ u), "That is x;"),
        (lambda mean, factor, row: by_qr(0 * mean, factor, row), "distance from mu"),
        (with_u(left=lambda c, factor: np.eye(len(c))), "before anything was observed"),
        (with_u(left=lambda c, factor: np.eye(len(c)) - c), "the part that is known"),
        (with_u(left=lambda c, factor: 2 * np.eye(len(c)) - c), "takes variance away"),
        (with_u(left=lambda c, factor: factor @ c @ factor.T), "covariance of x"),
        (through_sigma, "work with L"),
        (lambda mean, factor, row: by_qr(mean, factor, row)[0], "should have shape"),
    ],
    "mechanism": [
        (lambda y, n, s, p: by_shares(y, n, s, p)[::-1], "comes first"),
        (lambda y, n, s, p: 1 - np.array(by_shares(y, n, s, p)), "to be silent"),
        (lambda y, n, s, p: (y / (y + n + s), n / (y + n + s)), "share of all who said so"),
        (lambda y, n, s, p: (y / (y + n), n / (y + n)), "by those who answered"),
        (lambda y, n, s, p: 2 * [(y + n) / (y + n + s)], "mechanism at random"),
        (lambda y, n, s, p: (y / p, n / (1 - p)), "how many people"),
        (lambda y, n, s, p: by_shares(y, n, 0, p), "of all people"),
        (lambda y, n, s, p: y / (p * (y + n + s)), "Return two things"),
    ],
    "possible": [
        (lambda a, b: by_given(a, b)[::-1], "smallest comes first"),
        (lambda a, b: (-1, 1), "positive definite"),
        (lambda a, b: (a * b, a * b), "need not"),
        (lambda a, b: np.subtract(by_given(a, b), a * b), "about zero"),
        (lambda a, b: np.add(a * b, np.array([-1, 1]) * (1 - a**2) * (1 - b**2)), "take the root"),
        (lambda a, b: [-v for v in reversed(by_given(a, b))], "taken away from r12"),
        (lambda a, b: np.add(a * b, np.array([-1, 1]) * (1 - (a * b) ** 2) ** 0.5), "left by the"),
        (lambda a, b: a * b, "Return two things"),
    ],
}
