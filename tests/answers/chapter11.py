"""Right and wrong answers to the exercises of chapter 11."""

import numpy as np
from scipy.optimize import brentq, newton
from scipy.special import digamma, polygamma


def squares(x, mu, S):
    return ((x - mu) @ np.linalg.inv(S) * (x - mu)).sum(axis=1)


def whitened(x, mu, S, nu):
    y = np.linalg.solve(np.linalg.cholesky(S), (x - mu).T)
    return (nu + x.shape[1]) / (nu + (y**2).sum(axis=0))


def row_by_row(x, mu, S, nu):
    return [(nu + len(mu)) / (nu + (row - mu) @ np.linalg.solve(S, row - mu)) for row in x]


def px(x, mu, S, nu):
    u = whitened(x, mu, S, nu)
    new = u @ x / u.sum()
    return new, (u[:, None] * (x - new)).T @ (x - new) / u.sum()


def px_by_average(x, mu, S, nu):
    u = np.array(row_by_row(x, mu, S, nu))
    new = np.average(x, axis=0, weights=u)
    return [new.tolist(), np.cov(x.T, aweights=u, bias=True).reshape(len(mu), -1).tolist()]


def scale_with(change):
    """Return PX-EM's step with another scale."""

    def answer(x, mu, S, nu):
        u = whitened(x, mu, S, nu)
        new, right = px(x, mu, S, nu)
        return new, change(x, mu, u, new, right)

    return answer


def sums(x, place, u):
    return (u[:, None] * (x - place)).T @ (x - place)


def with_upper_factor(x, mu, S, nu):
    y = np.linalg.solve(np.linalg.cholesky(S).T, (x - mu).T)
    return (nu + x.shape[1]) / (nu + (y**2).sum(axis=0))


def with_late_weights(x, mu, S, nu):
    new = px(x, mu, S, nu)[0]
    u = whitened(x, new, S, nu)
    return new, sums(x, new, u) / u.sum()


def by_bracket(c):
    return brentq(lambda nu: np.log(nu / 2) - digamma(nu / 2) - c, 0.9 / c, 2.1 / c)


def by_newton(c):
    """In the logarithm, from the middle of the bracket."""

    def f(v):
        a = np.exp(v)
        return np.log(np.log(a) - digamma(a)) - np.log(c)

    def slope(v):
        a = np.exp(v)
        return a * (1 / a - polygamma(1, a)) / (np.log(a) - digamma(a))

    return np.array([2 * np.exp(newton(f, np.log(0.7 / c), slope, tol=1e-7))])


def fixed_bracket(c):
    return brentq(lambda nu: np.log(nu / 2) - digamma(nu / 2) - c, 0.01, 1000)


def edge(x):
    most = np.unique(x, axis=0, return_counts=True)[1].max()
    return np.inf if most == len(x) else most * x.shape[1] / (len(x) - most)


def edge_by_pairs(x):
    m = (x[:, None] == x).all(axis=2).sum(axis=0).max()
    with np.errstate(divide="ignore"):
        return np.float64(m * x.shape[1]) / (len(x) - m)


def edge_with(rule):
    def answer(x):
        m = np.unique(x, axis=0, return_counts=True)[1]
        return np.inf if m.max() == len(x) else rule(len(x), x.shape[1], m)

    return answer


RIGHT = {
    "precisions": [whitened, row_by_row],
    "px_step": [px, px_by_average],
    "freedom": [by_bracket, by_newton],
    "least_freedom": [edge, edge_by_pairs],
}

WRONG = {
    "precisions": [
        (lambda x, mu, S, nu: squares(x, mu, S), "squared distances"),
        (lambda x, mu, S, nu: (nu + 1) / (nu + squares(x, mu, S)), "number of columns"),
        (lambda x, mu, S, nu: nu / (nu + squares(x, mu, S)), "not nu alone"),
        (lambda x, mu, S, nu: (nu + len(x)) / (nu + squares(x, mu, S)), "not of rows"),
        (lambda x, mu, S, nu: 1 / whitened(x, mu, S, nu), "upside down"),
        (lambda x, mu, S, nu: whitened(x, mu, np.linalg.inv(S), nu), "solve, do not"),
        (lambda x, mu, S, nu: whitened(x, mu, np.eye(len(mu)), nu), "whiten the rows"),
        (with_upper_factor, "not with L^T"),
        (lambda x, mu, S, nu: whitened(x, mu, S, nu) / whitened(x, mu, S, nu).sum(), "sum to one"),
        (lambda x, mu, S, nu: whitened(x, mu, S, nu) / whitened(x, mu, S, nu).mean(), "PX-EM's"),
        (lambda x, mu, S, nu: whitened(x, mu, S, nu)[:, None], "should have shape"),
        (lambda x, mu, S, nu: "far", "should be numbers"),
    ],
    "px_step": [
        (lambda x, mu, S, nu: px(x, mu, S, nu)[::-1], "the centre, then the scale"),
        (lambda x, mu, S, nu: (whitened(x, mu, S, nu) @ x, S), "still to be divided"),
        (scale_with(lambda x, mu, u, new, s: sums(x, new, u**2) / u.sum()), "not by its square"),
        (with_late_weights, "the same u"),
        (lambda x, mu, S, nu: ([[1.0], [2.0, 3.0]], "scale"), "should"),
        (scale_with(lambda x, mu, u, new, s: s * u.sum() / len(x)), "That is EM's scale"),
        (scale_with(lambda x, mu, u, new, s: s * u.sum()), "still to be divided"),
        (scale_with(lambda x, mu, u, new, s: s + np.outer(new - mu, new - mu)), "not the old one"),
        (scale_with(lambda x, mu, u, new, s: (x - new).T @ (x - new) / len(x)), "count by their u"),
        (scale_with(lambda x, mu, u, new, s: s * u.sum() / (u.sum() - 1)), "not by one less"),
        (lambda x, mu, S, nu: (x.mean(axis=0), px(x, mu, S, nu)[1]), "the plain mean"),
        (lambda x, mu, S, nu: px(x, mu, S, nu)[0], "should"),
        (lambda x, mu, S, nu: {"S": S}, "Return two things"),
    ],
    "freedom": [
        (lambda c: by_bracket(c) / 2, "That is nu / 2"),
        (lambda c: 2 * by_bracket(c), "twice nu"),
        (lambda c: 1 / c, "one end of the bracket"),
        (lambda c: 1.5 / c, "middle of the bracket"),
        (fixed_bracket, "stopped with ValueError"),
        (lambda c: by_bracket(c) + 1, "lies between 1/c and 2/c"),
        (lambda c: "5", "should be numbers"),
    ],
    "least_freedom": [
        (edge_with(lambda n, d, m: d / (n - 1)), "count together"),
        (edge_with(lambda n, d, m: m.max() / (n - m.max())), "into the numerator"),
        (edge_with(lambda n, d, m: m.max() * d / n), "are the others"),
        (edge_with(lambda n, d, m: (n - m.max()) / (m.max() * d)), "upside down"),
        (edge_with(lambda n, d, m: m.max() * d / (n - 1)), "N - m others"),
        (lambda x: "none", "should be numbers"),
        (lambda x: 0.0 if np.ptp(x) == 0 else edge(x), "return np.inf"),
        (lambda x: None if np.ptp(x) == 0 else edge(x), "return np.inf"),
    ],
}
