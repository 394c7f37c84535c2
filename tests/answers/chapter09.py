"""Right and wrong answers to the exercises of chapter 9."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from scipy.stats import chi2, norm

from emlib.differences import jacobian

# --- 9.2


def by_formula(theta, y):
    rho = theta / (2 + theta)
    return (rho * y[0] + y[3]) / theta**2 + (y[1] + y[2]) / (1 - theta) ** 2, (
        y[0] * rho * (1 - rho) / theta**2
    )


def by_difference(theta, y):
    """I_mis as what is left of I_com when (9.1) is taken away."""
    complete, _ = by_formula(theta, y)
    observed = y[0] / (2 + theta) ** 2 + (y[1] + y[2]) / (1 - theta) ** 2 + y[3] / theta**2
    return np.array([complete, complete - observed])


def by_all_values(theta, y):
    """The variance of the score over every z, with its probabilities."""
    from scipy.stats import binom

    z = np.arange(y[0] + 1)
    p = binom.pmf(z, y[0], theta / (2 + theta))
    score = (z + y[3]) / theta - (y[1] + y[2]) / (1 - theta)
    curved = (z + y[3]) / theta**2 + (y[1] + y[2]) / (1 - theta) ** 2
    return [p @ curved, p @ score**2 - (p @ score) ** 2]


def part(first=None, second=None):
    """Return an answer that is right but for what is given."""

    def answer(theta, y):
        right = by_formula(theta, y)
        rho = theta / (2 + theta)
        return (
            right[0] if first is None else first(theta, y, rho, *right),
            right[1] if second is None else second(theta, y, rho, *right),
        )

    return answer


# --- 9.3


def by_matrix(weights, covariance):
    g = (np.diag(weights) - np.outer(weights, weights))[:, 1:]
    return np.sqrt(np.diag(g @ covariance @ g.T))


def by_loops(weights, covariance):
    k = len(weights)
    found = []
    for j in range(k):
        row = [weights[j] * ((j == i) - weights[i]) for i in range(1, k)]
        total = sum(row[a] * row[b] * covariance[a, b] for a in range(k - 1) for b in range(k - 1))
        found.append(float(total) ** 0.5)
    return found


def by_differences(weights, covariance):
    at = np.log(weights[1:] / weights[0])
    g = jacobian(lambda v: softmax(np.concatenate([[0.0], v])), at)
    return tuple(np.sqrt(np.einsum("jp,pq,jq->j", g, covariance, g)))


def slopes_of(weights):
    return (np.diag(weights) - np.outer(weights, weights))[:, 1:]


def padded(covariance):
    return np.pad(covariance, ((1, 0), (1, 0)))


def diagonal_only(weights, covariance):
    return by_matrix(weights, np.diag(np.diag(covariance)))


def without_products(weights, covariance):
    g = slopes_of(weights)
    g[1:] = np.diag(weights[1:])
    return np.sqrt(np.diag(g @ covariance @ g.T))


def of_logs(weights, covariance):
    g = (np.eye(len(weights)) - weights)[:, 1:]
    return np.sqrt(np.diag(g @ covariance @ g.T))


# --- 9.4


def by_bisection(f, best, low, high, level, fall=None):
    floor = f(best) - (chi2.ppf(level, 1) / 2 if fall is None else fall)

    def end(edge):
        if f(edge) >= floor:
            return edge
        inner, outer = best, edge
        for _ in range(100):
            middle = (inner + outer) / 2
            if f(middle) >= floor:
                inner = middle
            else:
                outer = middle
        return (inner + outer) / 2

    return end(low), end(high)


def by_root(f, best, low, high, level):
    z = norm.ppf((1 + level) / 2)

    def over(v):
        return max(f(v) - f(best) + z**2 / 2, -1e6)

    ends = [e if over(e) >= 0 else brentq(over, *sorted((best, e))) for e in (low, high)]
    return np.array(ends)


def by_grid(f, best, low, high, level):
    """A coarse grid, then a finer one inside the interval that it leaves."""
    drop = chi2.ppf(level, 1) / 2
    ends = []
    for edge in (low, high):
        a, b = best, edge
        for _ in range(6):
            grid = np.linspace(a, b, 60)
            inside = np.array([f(best) - f(v) <= drop for v in grid])
            if inside.all():
                a = b
                break
            last = int(np.argmin(inside))
            a, b = grid[last - 1], grid[last]
        ends.append(float(a))
    return ends


def falling(fall):
    return lambda f, best, low, high, level: by_bisection(f, best, low, high, level, fall(level))


def no_edge(f, best, low, high, level):
    def over(v):
        return f(v) - f(best) + chi2.ppf(level, 1) / 2

    eps = 1e-9 * (high - low)
    return brentq(over, low + eps, best), brentq(over, best, high - eps)


def backwards(f, best, low, high, level):
    return by_bisection(f, best, low, high, level)[::-1]


def distances(f, best, low, high, level):
    return np.subtract(by_bisection(f, best, low, high, level), best)


def beyond(f, best, low, high, level):
    return f(low - 1), f(high + 1)


# --- 9.7


def by_inverse(scores, information):
    bread = np.linalg.inv(information)
    return np.sqrt(np.diag(bread @ scores.T @ scores @ bread))


def by_solving(scores, information):
    """Each row's influence, and the root of the sum of its squares."""
    influence = np.linalg.solve(information, scores.T)
    return [float(np.sqrt((row**2).sum())) for row in influence]


def with_n(factor):
    return lambda s, i: by_inverse(s, i) * np.sqrt(factor(len(s)))


RIGHT = {
    "parts": [by_formula, by_difference, by_all_values],
    "weight_errors": [by_matrix, by_loops, by_differences],
    "likelihood_interval": [by_bisection, by_root, by_grid],
    "sandwich": [by_inverse, by_solving],
}

WRONG = {
    "parts": [
        (lambda theta, y: by_formula(theta, y)[::-1], "I_com comes first"),
        (lambda theta, y: by_formula(theta, y)[0], "Return two numbers"),
        (lambda theta, y: [[1, 2], [3]], "should be one number"),
        (part(lambda t, y, r, c, m: c - m), "what is observed"),
        (part(lambda t, y, r, c, m: y[3] / t**2 + (y[1] + y[2]) / (1 - t) ** 2), "are missing"),
        (
            part(lambda t, y, r, c, m: (y[0] + y[3]) / t**2 + (y[1] + y[2]) / (1 - t) ** 2),
            "Only a share rho",
        ),
        (
            part(lambda t, y, r, c, m: (r * y[0] + y[3]) / t + (y[1] + y[2]) / (1 - t)),
            "theta squared",
        ),
        (part(None, lambda t, y, r, c, m: m * t**2), "variance of z"),
        (part(None, lambda t, y, r, c, m: m * t), "square of the factor"),
        (part(None, lambda t, y, r, c, m: y[0] * r / t**2), "binomial variance"),
        (part(None, lambda t, y, r, c, m: m**0.5), "standard deviation"),
        (part(None, lambda t, y, r, c, m: -m), "variance is positive"),
        (part(None, lambda t, y, r, c, m: m / c), "the share that is missing"),
    ],
    "weight_errors": [
        (lambda w, c: by_matrix(w, c) ** 2, "are variances"),
        (diagonal_only, "logits are correlated"),
        (lambda w, c: abs(slopes_of(w)) @ np.sqrt(np.diag(c)), "do not add up"),
        (lambda w, c: by_matrix(w, c)[1:], "the first weight moves"),
        (lambda w, c: slopes_of(w) @ c @ slopes_of(w).T, "That is a matrix"),
        (without_products, "for every j"),
        (of_logs, "error of log pi_j"),
        (lambda w, c: w * np.sqrt(np.diag(padded(c))), "have a sum"),
        (lambda w, c: np.sqrt(np.diag(padded(c))), "errors of the logits"),
        (lambda w, c: {"errors": w}, "should be numbers"),
    ],
    "likelihood_interval": [
        (falling(lambda level: chi2.ppf(level, 1)), "Twice the fall"),
        (falling(lambda level: chi2.ppf(1 - level, 1) / 2), "not ppf(1 - level)"),
        (falling(lambda level: norm.ppf((1 + level) / 2)), "in nats"),
        (falling(lambda level: norm.ppf(level) ** 2 / 2), "has two ends"),
        (falling(lambda level: chi2.ppf(0.95, 1) / 2), "another level"),
        (falling(lambda level: chi2.ppf(level, 2) / 2), "one degree of freedom"),
        (no_edge, "stopped with ValueError"),
        (backwards, "lower end comes first"),
        (distances, "distances from the summit"),
        (beyond, "outside low and high"),
        (lambda f, best, low, high, level: best, "Return two numbers"),
    ],
    "sandwich": [
        (lambda s, i: by_inverse(s, i) ** 2, "are variances"),
        (lambda s, i: np.sqrt(np.diag(np.linalg.inv(i))), "trust the model"),
        (lambda s, i: np.sqrt(np.diag(np.linalg.inv(s.T @ s))), "filling alone"),
        (with_n(lambda n: 1 / n), "divide nowhere"),
        (with_n(lambda n: n), "multiply nowhere"),
        (lambda s, i: np.sqrt(np.diag(i @ s.T @ s @ i)), "inverse of the information"),
        (lambda s, i: np.linalg.inv(i) @ s.T @ s @ np.linalg.inv(i), "That is a matrix"),
        (lambda s, i: np.sqrt(np.diag(s.T @ s)) / np.diag(i), "inverse of the diagonal"),
        (lambda s, i: "robust", "should be numbers"),
    ],
}
