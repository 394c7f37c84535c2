"""Right and wrong answers to the exercises of chapter 2."""

import numpy as np
from scipy.special import comb, logsumexp, softmax, xlog1py, xlogy
from scipy.stats import binom


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


def swapped_sides(x, weights, p):
    return by_logsumexp(np.column_stack([x[:, 1] - x[:, 0], x[:, 1]]), weights, p)


def tails_only(x, weights, p):
    return by_logsumexp(np.column_stack([0 * x[:, 0], x[:, 1] - x[:, 0]]), weights, p)


def shares_as_exponents(x, weights, p):
    return by_logsumexp(x / x[:, [1]], weights, p)


def binomial_products(x, weights, p):
    """What SciPy's pmf makes of a row that is near neither coin: 0/0."""
    joint = weights * binom.pmf(x[:, [0]], x[:, [1]], p)
    return joint / joint.sum(axis=1, keepdims=True)


def binomial_logarithms(x, weights, p):
    """What SciPy's logpmf makes of them: it knows that 0 log 0 is 0."""
    return softmax(np.log(weights) + binom.logpmf(x[:, [0]], x[:, [1]], p), axis=1)


def odds_without_logs(x, weights, p):
    heads, tails = x[:, 0, None, None], (x[:, 1] - x[:, 0])[:, None, None]
    ratio = weights / weights[:, None] * (p / p[:, None]) ** heads
    return 1 / (ratio * ((1 - p) / (1 - p)[:, None]) ** tails).sum(axis=2)


def long_doubles(x, weights, p):
    return products(x, weights, p.astype(np.longdouble)).astype(float)


def ragged(*arguments):
    return [[0.5, 0.5], [0.5]], [1.0, [2.0]]


def stranger_with(change, x, weight, theta):
    """The stranger's step after a change to x, or to what the E-step sees."""
    a, b = change(weight, theta)
    heads, tosses = x.T
    r = by_logsumexp(x, np.array([a, 1 - a]), np.array([b, 0.5]))[:, 0]
    return r, heads, tosses


def own_share(x, weight, theta):
    return stranger_with(lambda w, t: (w, t), x, weight, theta)


def ten_tosses(x, weight, theta):
    r, heads, _ = own_share(x, weight, theta)
    return r.mean(), heads @ r / (10 * r.sum())


def stranger_odds(x, weight, theta):
    r, heads, tosses = own_share(x, weight, theta)
    return r.mean(), heads @ r / ((tosses - heads) @ r)


def weight_to_the_fair(x, weight, theta):
    r, heads, tosses = stranger_with(lambda w, t: (1 - w, t), x, weight, theta)
    return r.mean(), heads @ r / (tosses @ r)


def stranger_without_tails(x, weight, theta):
    r = heads_only(x, np.array([weight, 1 - weight]), np.array([theta, 0.5]))[:, 0]
    return r.mean(), x[:, 0] @ r / (x[:, 1] @ r)


def stranger_verdicts(x, weight, theta):
    r = own_share(x, weight, theta)[0] > 0.5
    return r.mean(), x[:, 0] @ r / (x[:, 1] @ r)


def jacobian(r, weights):
    return (np.diag(r.sum(axis=0)) - r.T @ r) / len(r) / weights


def jacobian_by_loop(r, weights):
    n, k = r.shape
    return [
        [sum(row[i] * ((i == j) - row[j]) for row in r) / n / weights[j] for j in range(k)]
        for i in range(k)
    ]


def jacobian_by_einsum(r, weights):
    doubt = np.einsum("nk,kj->nkj", r, np.eye(len(weights))) - np.einsum("nk,nj->nkj", r, r)
    return doubt.mean(axis=0) / weights[None, :]


def moment_coins(x):
    return np.array(coins(*moments(x)))


# checker, wrong answer, word that the message must hold

RIGHT = {
    "known_labels": [
        shares,
        shares_by_weights,
    ],
    "responsibilities": [
        by_logsumexp,
        by_odds,
        binomial_logarithms,
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
    "weights_jacobian": [
        jacobian,
        jacobian_by_loop,
        jacobian_by_einsum,
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
        (lambda x, a: [x[own, 0].sum() / x[:, 1].sum() for own in (a, ~a)], "both coins"),
        (lambda x, a: [x[own, 0].sum() / x[:, 0].sum() for own in (a, ~a)], "all heads"),
        (lambda x, a: [1 - share for share in shares(x, a)], "shares of tails"),
        (lambda x, a: [a.mean(), 1 - a.mean()], "shares of rows"),
        (lambda x, a: [np.median(x[own, 0] / x[own, 1]) for own in (a, ~a)], "median"),
        (lambda x, a: [str(share) for share in shares(x, a)], "should be numbers"),
        (lambda x, a: [*shares(x, a), 0.5], "yours are 3"),
        (lambda x, a: dict(zip("AB", shares(x, a), strict=True)), "yours is dict"),
        (lambda x, a: (share for share in shares(x, a)), "yours is generator"),
        (lambda x, a: [[0.5, [0.5]], 0.5], "entry 0 is an array"),
        (lambda x, a: [np.array([share]) for share in shares(x, a)], "entry 0 is an array of 1"),
    ],
    "responsibilities": [
        (with_comb, "0 times infinity"),
        (binomial_products, "0 heads in 20000"),
        (odds_without_logs, "0 times infinity"),
        (long_doubles, "underflow"),
        (swapped_sides, "changed places"),
        (tails_only, "heads are left out"),
        (shares_as_exponents, "should be counts"),
        (lambda x, w, p: np.tile(w, (len(x), 1)), "Every row gets the weights"),
        (lambda x, w, p: by_logsumexp(x, w**2, p), "twice"),
        (lambda x, w, p: -by_logsumexp(x, w, p), "Responsibilities must not be negative"),
        (lambda x, w, p: 2 * by_logsumexp(x, w, p), "Rows of responsibilities must sum to 1"),
        (lambda x, w, p: by_logsumexp(x, w, p).astype(str), "should be numbers"),
        (lambda x, w, p: by_logsumexp(x, w, p) + 0j, "complex"),
        (ragged, "should be numbers"),
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
        (lambda x, r: np.transpose(update(x, r)), "two rows is wanted"),
        (lambda x, r: (x[:, 0] @ r / x[:, 0].sum(), update(x, r)[1]), "shares of heads"),
        (lambda x, r: (r.sum(axis=0) / r.shape[1], update(x, r)[1]), "divided by K"),
        (lambda x, r: (update(x, r)[0], 1 - update(x, r)[1]), "shares of tails"),
        (lambda x, r: (update(x, r)[0], x[:, 0] @ r / x[:, 0].sum()), "shares of all heads"),
        (lambda x, r: (update(x, r)[0], update(x, r**2)[1]), "squared"),
        (lambda x, r: (update(x, r)[0], update(x, r)[1].astype(str)), "should be numbers"),
        (lambda x, r: dict(zip("wp", update(x, r), strict=True)), "two things"),
        (ragged, "should be numbers"),
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
        (ten_tosses, "Ten tosses"),
        (stranger_odds, "heads over tails"),
        (weight_to_the_fair, "has the stranger's weight"),
        (stranger_without_tails, "tails are left out"),
        (stranger_verdicts, "rounded"),
        (lambda x, w, t: (stranger(x, w, t)[0], t), "theta is free"),
        (lambda x, w, t: (stranger(x, w, t)[0], "0.7"), "should be numbers"),
        (lambda x, w, t: [stranger(x, w, t)], "yours are 1"),
        (ragged, "entry 0 is an array"),
    ],
    "from_moments": [
        (by_formula, "C(m, j)"),
        (biased_moments, "binomial"),
        (lambda x: np.array(coins(*moments(x)))[[1, 2, 0]], "weight first"),
        (lambda x: np.array([1, 0, 0]) - np.array(coins(*moments(x))) * [1, -1, -1], "other coin"),
        (lambda x: (lambda w, a, b: (1 - w, b, a))(*coins(*moments(x))), "larger coin"),
        (lambda x: moment_coins(x)[[0, 2, 1]], "changed places"),
        (lambda x: (0.5, *moment_coins(x)[1:]), "weight is free"),
        (lambda x: moment_coins(x)[[0, 1, 1]], "sign"),
        (lambda x: moment_coins(x) * [1, 2, 2], "halved"),
        (lambda x: np.array([1, -1, -1]) * moment_coins(x)[[0, 2, 1]], "wrong sign"),
        (lambda x: moment_coins(x)[1:], "yours are 2"),
        (lambda x: moment_coins(x) - [1, 0, 0], "smaller coin"),
        (lambda x: tuple(map(str, moment_coins(x))), "should be numbers"),
        (lambda x: tuple(moment_coins(x) + 0j), "complex"),
        (ragged, "yours are 2"),
    ],
    "weights_jacobian": [
        (lambda r, w: jacobian(r, w) * w / w[:, None], "divide row k by pi_k"),
        (lambda r, w: jacobian(r, w) * len(r), "not divided by N"),
        (lambda r, w: jacobian(r, w) * w, "Where is pi_j"),
        (lambda r, w: jacobian(r, w) * w * w, "multiply by the weights"),
        (lambda r, w: jacobian(r, w) / w[:, None], "both weights"),
        (lambda r, w: -r.T @ r / len(r) / w, "delta_kj is missing"),
        (lambda r, w: np.diag(np.diag(jacobian(r, w))), "Outside the diagonal"),
        (lambda r, w: np.diag(r.mean(axis=0) / w), "r_nk r_nj is missing"),
        (lambda r, w: (np.diag(m := r.mean(axis=0)) - np.outer(m, m)) / w, "not each factor"),
        (lambda r, w: (np.diag(r.sum(axis=0)) + r.T @ r) / len(r) / w, "sign"),
        (lambda r, w: jacobian(r, r.mean(axis=0)), "not by new ones"),
        (lambda r, w: (np.eye(len(w)) - r.T @ r) / len(r) / w, "goes with delta_kj"),
        (lambda r, w: np.diag(jacobian(r, w)), "shape"),
        (ragged, "should be numbers"),
    ],
}
