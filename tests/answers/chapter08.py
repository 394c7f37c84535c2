"""Right and wrong answers to the exercises of chapter 8."""

import numpy as np
from scipy.optimize import minimize

# --- 8.2


def by_differences(a, b, c):
    first, second = b - a, c - b
    return c if first == second else a + first**2 / (first - second)


def by_the_ratio(a, b, c):
    if c - b == b - a:
        return np.array([c])
    r = (c - b) / (b - a)
    return [c + (c - b) * r / (1 - r)]


def by_the_textbook(a, b, c):
    bend = c - 2 * b + a
    return np.float64((a * c - b * b) / bend) if bend else c


def ratio(a, b, c):
    return (c - b) / (b - a)


def no_case(a, b, c):
    with np.errstate(all="ignore"):
        return a + np.float64(b - a) ** 2 / ((b - a) - (c - b))


def only_zero_moves(a, b, c):
    return c if b == a else a + (b - a) ** 2 / ((b - a) - (c - b))


def returns_start(a, b, c):
    return a if c - b == b - a else by_differences(a, b, c)


# --- 8.3


def by_formula(t0, t1, t2):
    m, v = t1 - t0, t2 - 2 * t1 + t0
    if not v.any():
        return t2
    a = max(1.0, np.linalg.norm(m) / np.linalg.norm(v))
    return t0 + 2 * a * m + a**2 * v


def by_control_points(t0, t1, t2):
    m, v = (t1 - t0).tolist(), (t2 - t1 - (t1 - t0)).tolist()
    bend = sum(x * x for x in v)
    a = max(1.0, (sum(x * x for x in m) / bend) ** 0.5) if bend else 1.0
    return tuple(
        (1 - a) ** 2 * x + 2 * a * (1 - a) * y + a * a * z
        for x, y, z in zip(t0, t1, t2, strict=True)
    )


def leaps(rule, length=None):
    def leap(t0, t1, t2):
        m, v = t1 - t0, t2 - 2 * t1 + t0
        if not v.any():
            return t2
        size = np.linalg.norm(m) / np.linalg.norm(v) if length is None else length(m, v)
        return rule(t0, t1, t2, m, v, max(1.0, size))

    return leap


def never_mind(t0, t1, t2):
    with np.errstate(all="ignore"):
        m, v = t1 - t0, t2 - 2 * t1 + t0
        a = max(1.0, np.linalg.norm(m) / np.linalg.norm(v))
        return t0 + 2 * a * m + a**2 * v


def as_short_as_it_is(t0, t1, t2):
    m, v = t1 - t0, t2 - 2 * t1 + t0
    a = np.linalg.norm(m) / np.linalg.norm(v) if v.any() else 1.0
    return t0 + 2 * a * m + a**2 * v


# --- 8.4


def gammas(moves):
    return np.linalg.lstsq(np.diff(moves, axis=0).T, moves[-1], rcond=None)[0]


def collected(moves, sign=1.0):
    gamma = gammas(moves)
    alpha = np.zeros(len(moves))
    alpha[-1] = 1.0
    alpha[1:] -= sign * gamma
    alpha[:-1] += sign * gamma
    return alpha


def by_multiplier(moves):
    k = len(moves)
    system = np.block([[moves @ moves.T, np.ones((k, 1))], [np.ones((1, k)), np.zeros((1, 1))]])
    return list(np.linalg.solve(system, np.append(np.zeros(k), 1.0))[:k])


def by_the_first(moves):
    free = np.linalg.lstsq((moves[1:] - moves[0]).T, -moves[0], rcond=None)[0]
    return (1 - free.sum(), *free)


def by_descent(moves):
    def length(free):
        return ((np.append(free, 1 - free.sum()) @ moves) ** 2).sum()

    if len(moves) == 1:
        return [1.0]
    free = minimize(length, np.zeros(len(moves) - 1), method="BFGS", options={"gtol": 1e-11}).x
    return np.append(free, 1 - free.sum())


def without_constraint(moves):
    if len(moves) == 1:
        return [1.0]
    return np.append(-np.linalg.lstsq(moves[:-1].T, moves[-1], rcond=None)[0], 1.0)


def scaled_afterwards(moves):
    alpha = np.asarray(without_constraint(moves))
    return alpha / alpha.sum()


def by_lengths(moves):
    inverse = 1 / (moves**2).sum(axis=1)
    return inverse / inverse.sum()


# --- 8.5


def corrections(change, up=True):
    def correct(S, place, move, slope):
        b, w = slope @ place, S @ slope - move
        if up and b >= 0:
            return S
        own = np.outer(place, place)
        both = np.outer(w, place) + np.outer(place, w)
        with np.errstate(all="ignore"):
            return change(S, b, w, own, both, slope, move, place)

    return correct


def only_above_zero(S, place, move, slope):
    """Divides by b where it is zero."""
    if slope @ place > 0:
        return S
    return corrections(the_book, up=False)(S, place, move, slope)


def the_book(S, b, w, own, both, slope, move, place):
    return S + ((1 + slope @ w / b) * own - both) / b


def as_inverse_bfgs(S, place, move, slope):
    """H = C - S with H y = -(S slope - move) ..., by the product form of BFGS."""
    b = float(slope @ place)
    if b >= 0:
        return S.tolist()
    hy = S @ slope - move
    rho = -1 / b
    out = S.astype(float).copy()
    for i in range(len(place)):
        for j in range(len(place)):
            own = rho * place[i] * place[j] * (1 + rho * float(-slope @ hy))
            out[i, j] -= own - rho * (hy[i] * place[j] + place[i] * hy[j])
    return out.tolist()


RIGHT = {
    "aitken": [by_differences, by_the_ratio, by_the_textbook],
    "leap": [by_formula, by_control_points],
    "shares": [collected, by_multiplier, by_the_first, by_descent],
    "correct": [corrections(the_book), as_inverse_bfgs],
}

WRONG = {
    "aitken": [
        (lambda a, b, c: c, "still to come"),
        (lambda a, b, c: by_differences(a, b, c) - a, "add it to a"),
        (ratio, "is off"),
        (no_case, "1 - r is zero"),
        (only_zero_moves, "nothing to foretell"),
        (returns_start, "Return c there"),
        (lambda a, b, c: b + by_differences(a, b, c) - a, "not at b"),
        (lambda a, b, c: c + by_differences(a, b, c) - a, "not at c"),
        (lambda a, b, c: 2 * a - by_differences(a, b, c), "sign"),
        (lambda a, b, c: a + (b - a) / (1 + (c - b) / (b - a)), "1 / (1 - r)"),
        (lambda a, b, c: a + (b - a) / (1 - (b - a) / (c - b)), "wrong way up"),
        (lambda a, b, c: [[1.0], [2.0, 3.0]], "numbers"),
        (lambda a, b, c: (x for x in (a, b)), "generator"),
    ],
    "leap": [
        (lambda t0, t1, t2: t2, "second step"),
        (leaps(lambda t0, t1, t2, m, v, a: t0 + a * m), "plain leap"),
        (leaps(lambda t0, t1, t2, m, v, a: t0 + 2 * a * m + a * v), "a^2, not by a"),
        (leaps(lambda t0, t1, t2, m, v, a: t0 + a * m + a**2 * v), "2 a, not by a"),
        (leaps(lambda t0, t1, t2, m, v, a: t0 + 2 * a * m - a**2 * v), "not subtracted"),
        (leaps(lambda t0, t1, t2, m, v, a: t2 + 2 * a * m + a**2 * v), "not at t2"),
        (
            leaps(
                lambda t0, t1, t2, m, v, a: t0 + 2 * a * m + a**2 * v, lambda m, v: m @ m / (v @ v)
            ),
            "roots of sums",
        ),
        (
            leaps(lambda t0, t1, t2, m, v, a: t0 + 2 * a * m + a**2 * (t2 - t1)),
            "difference of two moves",
        ),
        (
            leaps(
                lambda t0, t1, t2, m, v, a: (
                    t0 + 2 * abs(m / v) * m + (m / v) ** 2 * v if (v != 0).all() else t2
                )
            ),
            "number by number",
        ),
        (as_short_as_it_is, "less than EM"),
        (never_mind, "bend is zero"),
        (lambda t0, t1, t2: {"leap": t2}, "numbers"),
        (lambda t0, t1, t2: t2[:-1], "shape"),
    ],
    "shares": [
        (lambda moves: collected(moves)[::-1], "wrong order"),
        (lambda moves: np.full(len(moves), 1 / len(moves)), "Equal shares"),
        (lambda moves: collected(moves, -1.0), "sign of the differences"),
        (lambda moves: np.append(gammas(moves), 1 - gammas(moves).sum()), "of differences"),
        (without_constraint, "all together"),
        (scaled_afterwards, "minimum under it"),
        (by_lengths, "right angles"),
        (gammas, "shape"),
        (lambda moves: np.full(len(moves), 1.0), "sum to one"),
        (lambda moves: np.eye(len(moves))[-1], "another one moves"),
        (lambda moves: [[1.0], [2.0, 3.0]], "numbers"),
    ],
    "correct": [
        (lambda S, place, move, slope: S, "has not changed"),
        (only_above_zero, "b >= 0"),
        (corrections(lambda S, *rest: the_book(S, *rest) - S), "add it to S"),
        (corrections(lambda S, *rest: 2 * S - the_book(S, *rest)), "sign of the change"),
        (
            corrections(lambda S, b, w, own, both, g, m, p: S + ((1 + g @ w / b) * own + both) / b),
            "subtracted",
        ),
        (corrections(lambda S, b, w, own, both, g, m, p: S + (own - both) / b), "1 + slope . w"),
        (
            corrections(lambda S, b, w, own, both, g, m, p: S + (g @ w / b * own - both) / b),
            "one in the first factor",
        ),
        (
            corrections(lambda S, b, w, own, both, g, m, p: S + (1 + g @ w / b) * own - both),
            "divided by b",
        ),
        (
            corrections(
                lambda S, b, w, own, both, g, m, p: (
                    S + ((1 + g @ w / b) * own - 2 * np.outer(w, p)) / b
                )
            ),
            "symmetric",
        ),
        (
            corrections(
                lambda S, b, w, own, both, g, m, p: S - np.outer(w - p, w - p) / (g @ (w - p))
            ),
            "rank one",
        ),
        (corrections(the_book, up=False), "b >= 0"),
        (lambda S, place, move, slope: place, "shape"),
        (lambda S, place, move, slope: "S", "numbers"),
    ],
}
