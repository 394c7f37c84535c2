"""Right and wrong answers to the exercises of chapter 2."""

import numpy as np
from scipy.special import comb, logsumexp, xlog1py, xlogy


def shares(x, is_a):
    return tuple(x[own, 0].sum() / x[own, 1].sum() for own in (is_a, ~is_a))


def shares_by_weights(x, is_a):
    return np.array([np.average(x[own, 0] / x[own, 1], weights=x[own, 1]) for own in (is_a, ~is_a)])


def log_joint(x, weights, p):
    heads, tosses = x[:, [0]], x[:, [1]]
    return np.log(weights) + xlogy(heads, p) + xlog1py(tosses - heads, -p)


def by_logsumexp(x, weights, p):
    a = log_joint(x, weights, p)
    return np.exp(a - logsumexp(a, axis=1, keepdims=True))


def by_odds(x, weights, p):
    a = log_joint(x, weights, p)
    with np.errstate(invalid="ignore", over="ignore"):
        odds = np.exp(a[:, None, :] - a[:, :, None])  # odds of j against k
    r = 1 / np.nansum(odds, axis=2)
    return np.where(np.isneginf(a), 0.0, r)


def products(x, weights, p):
    joint = weights * p ** x[:, [0]] * (1 - p) ** (x[:, [1]] - x[:, [0]])
    with np.errstate(invalid="ignore"):
        return joint / joint.sum(axis=1, keepdims=True)


def plain_logs(x, weights, p):
    heads, tosses = x[:, [0]], x[:, [1]]
    a = np.log(weights) + heads * np.log(p) + (tosses - heads) * np.log(1 - p)
    a = a - a.max(axis=1, keepdims=True)
    return np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)


def joint(x, weights, p):
    return np.exp(log_joint(x, weights, p))


def over_columns(x, weights, p):
    j = joint(x, weights, p)
    return j / j.sum(axis=0)


def forgets_weights(x, weights, p):
    return by_logsumexp(x, np.full(len(p), 1 / len(p)), p)


def verdicts(x, weights, p):
    return np.eye(len(p))[log_joint(x, weights, p).argmax(axis=1)]


def tosses_for_tails(x, weights, p):
    a = np.log(weights) + xlogy(x[:, [0]], p) + xlog1py(x[:, [1]], -p)
    return np.exp(a - logsumexp(a, axis=1, keepdims=True))


def heads_only(x, weights, p):
    a = np.log(weights) + xlogy(x[:, [0]], p)
    return np.exp(a - logsumexp(a, axis=1, keepdims=True))


def update(x, r):
    return r.sum(axis=0) / len(x), x[:, 0] @ r / (x[:, 1] @ r)


def update_by_loop(x, r):
    weights, probabilities = [], []
    for column in r.T:
        weights.append(float(np.mean(column)))
        probabilities.append(sum(column * x[:, 0]) / sum(column * x[:, 1]))
    return weights, probabilities


def stranger(x, weight, theta):
    r = by_logsumexp(x, np.array([weight, 1 - weight]), np.array([theta, 0.5]))[:, 0]
    return r.mean(), x[:, 0] @ r / (x[:, 1] @ r)


def stranger_by_odds(x, weight, theta):
    heads, tosses = x.T
    log_odds = np.log(weight / (1 - weight)) + heads * np.log(theta / 0.5)
    log_odds = log_odds + (tosses - heads) * np.log((1 - theta) / 0.5)
    r = 1 / (1 + np.exp(-log_odds))
    return [np.sum(r) / len(x), np.sum(r * heads) / np.sum(r * tosses)]


def equal_weight_stranger(x, weight, theta):
    return stranger(x, 0.5, theta)


def moments(x):
    return [np.mean(comb(x[:, 0], j) / comb(x[:, 1], j)) for j in (1, 2, 3)]


def coins(mu1, mu2, mu3):
    s = (mu3 - mu1 * mu2) / (mu2 - mu1**2)
    b, a = np.sort(np.roots([1, -s, s * mu1 - mu2]).real)
    return (mu1 - b) / (a - b), a, b


def by_falling_factorials(x):
    h, m = x.T
    mu1 = np.mean(h / m)
    mu2 = np.mean(h * (h - 1) / (m * (m - 1)))
    mu3 = np.mean(h * (h - 1) * (h - 2) / (m * (m - 1) * (m - 2)))
    return np.array(coins(mu1, mu2, mu3))


def biased_moments(x):
    return coins(*[np.mean((x[:, 0] / x[:, 1]) ** j) for j in (1, 2, 3)])


def with_comb(x, weights, p):
    a = np.log(comb(x[:, [1]], x[:, [0]])) + log_joint(x, weights, p)
    a = a - a.max(axis=1, keepdims=True)
    return np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)


def one_maximum(x, weights, p):
    a = log_joint(x, weights, p)
    scaled = np.exp(a - a.max())
    return scaled / scaled.sum(axis=1, keepdims=True)


def clipped(x, weights, p, least=1e-12):
    return by_logsumexp(x, weights, np.clip(p, least, 1 - least))


def patched(x, weights, p):
    return np.nan_to_num(products(x, weights, p), nan=1 / len(p))


def by_formula(x):
    """Moments that are not moments lead to the root of a negative number."""
    mu1, mu2, mu3 = (np.mean(comb(x[:, 0], j)) for j in (1, 2, 3))
    s = (mu3 - mu1 * mu2) / (mu2 - mu1**2)
    root = np.sqrt(s**2 - 4 * (s * mu1 - mu2))
    return (mu1 - (s - root) / 2) / root, (s + root) / 2, (s - root) / 2


def weight_then_theta(x, weight, theta):
    new = stranger(x, weight, theta)[0]
    return new, stranger(x, new, theta)[1]


def theta_then_weight(x, weight, theta):
    new = stranger(x, weight, theta)[1]
    return stranger(x, weight, new)[0], new


def stranger_shares(x, weight, theta):
    r = by_logsumexp(x, np.array([weight, 1 - weight]), np.array([theta, 0.5]))[:, 0]
    return r.mean(), np.average(x[:, 0] / x[:, 1], weights=r)


def stranger_all_tosses(x, weight, theta):
    r = by_logsumexp(x, np.array([weight, 1 - weight]), np.array([theta, 0.5]))[:, 0]
    return r.mean(), x[:, 0] @ r / x[:, 1].sum()


# checker, wrong answer, word that the message must hold

RIGHT = {
    "known_labels": [
        shares,
        shares_by_weights,
    ],
    "responsibilities": [
        by_logsumexp,
        by_odds,
    ],
    "m_step": [
        update,
        update_by_loop,
        lambda x, r: np.array(update(x, r)),
    ],
    "stranger_step": [
        stranger,
        stranger_by_odds,
    ],
    "from_moments": [
        lambda x: coins(*moments(x)),
        by_falling_factorials,
    ],
}

WRONG = {
    "known_labels": [
        (lambda x, a: [(x[own, 0] / x[own, 1]).mean() for own in (a, ~a)], "mean"),
        (lambda x, a: shares(x, a)[::-1], "swapped"),
        (
            lambda x, a: [x[own, 0].sum() / (x[own, 1] - x[own, 0]).sum() for own in (a, ~a)],
            "tails",
        ),
        (lambda x, a: [x[own, 0].sum() / (10 * own.sum()) for own in (a, ~a)], "Ten tosses"),
        (lambda x, a: 0.5, "Return 2 numbers"),
        (lambda x, a: np.array(0.5), "Return 2 numbers"),
        (lambda x, a: None, "return"),
        (lambda x, a: [x[own, 0].sum() / x[own].sum() for own in (a, ~a)], "not its tails"),
    ],
    "responsibilities": [
        (with_comb, "coefficient overflows"),
        (one_maximum, "its own largest"),
        (clipped, "clip"),
        (lambda x, w, p: clipped(x, w, p, 1e-6), "clip"),
        (patched, "replaced"),
        (products, "underflow"),
        (plain_logs, "0 times log 0"),
        (joint, "joint"),
        (over_columns, "axis"),
        (forgets_weights, "weights have no effect"),
        (verdicts, "verdicts"),
        (tosses_for_tails, "number of tails"),
        (heads_only, "tails are left out"),
        (lambda x, w, p: by_logsumexp(x, w, p).T, "shape"),
        (lambda x, w, p: [[0.5], [0.5, 0.5]], "should be numbers"),
        (lambda x, w, p: "half", "should be numbers"),
    ],
    "m_step": [
        (lambda x, r: (r.sum(axis=0), update(x, r)[1]), "sum to 1"),
        (lambda x, r: (x[:, 1] @ r / x[:, 1].sum(), update(x, r)[1]), "once a row"),
        (lambda x, r: (update(x, r)[0], (x[:, 0] / x[:, 1]) @ r / r.sum(axis=0)), "averages"),
        (lambda x, r: (update(x, r)[0], x[:, 0] @ r / r.sum(axis=0)), "N_k"),
        (lambda x, r: (update(x, r)[0], x[:, 0] @ r / x[:, 1].sum()), "all tosses"),
        (lambda x, r: update(x, r)[1], "two things"),
        (lambda x, r: update(x, r)[::-1], "weights first"),
        (lambda x, r: update(x, np.eye(r.shape[1])[r.argmax(axis=1)]), "rounded"),
        (lambda x, r: (update(x, r)[0], x[:, 0] @ r / (10 * r.sum(axis=0))), "Ten tosses"),
        (lambda x, r: (update(x, r)[0], x[:, 0] @ r / len(x)), "number of rows"),
        (lambda x, r: (r[0], update(x, r)[1]), "array of weights is off"),
    ],
    "stranger_step": [
        (weight_then_theta, "made once"),
        (theta_then_weight, "made once"),
        (stranger_shares, "averaged"),
        (stranger_all_tosses, "all tosses"),
        (lambda x, w, t: (1 - stranger(x, w, t)[0], stranger(x, w, t)[1]), "fair coin"),
        (lambda x, w, t: (stranger(x, w, t)[0], np.array([t, 0.5])), "entry 1 is an array"),
        (lambda x, w, t: stranger(x, w, t)[::-1], "weight first"),
        (lambda x, w, t: (w, stranger(x, w, t)[1]), "free too"),
        (lambda x, w, t: (stranger(x, w, t)[0], x[:, 0].sum() / x[:, 1].sum()), "share"),
        (equal_weight_stranger, "ignores the weight"),
        (lambda x, w, t: (len(x) * stranger(x, w, t)[0], stranger(x, w, t)[1]), "number of rows"),
    ],
    "from_moments": [
        (by_formula, "C(m, j)"),
        (biased_moments, "binomial"),
        (lambda x: np.array(coins(*moments(x)))[[1, 2, 0]], "weight first"),
        (lambda x: np.array([1, 0, 0]) - np.array(coins(*moments(x))) * [1, -1, -1], "other coin"),
        (lambda x: (lambda w, a, b: (1 - w, b, a))(*coins(*moments(x))), "larger coin"),
    ],
}
