"""Right and wrong answers to the exercises of chapter 3."""

import numpy as np
from scipy.special import logsumexp, softmax
from scipy.stats import expon, norm

from emlib import GaussianMixture1D, data, fit

WAITS = data.old_faithful()[:, 1]


def shifted(a):
    m = a.max(axis=1)
    m = np.where(np.isfinite(m), m, 0.0)
    return m + np.log(np.exp(a - m[:, None]).mean(axis=1))


def shifted_by(shift):
    """log_mean_exp with another shift than the largest entry of each row."""

    def answer(a):
        m = np.asarray(shift(a), dtype=float)
        return m + np.log(np.exp(a - m[:, None]).mean(axis=1))

    return answer


def log_mean_by_logaddexp(a):
    return np.logaddexp.reduce(a, axis=1) - np.log(np.shape(a)[1])


def log_joint(x, w, mu, v):
    return np.log(w) - 0.5 * np.log(2 * np.pi * v) - (x[:, None] - mu) ** 2 / (2 * v)


def posterior(x, w, mu, v):
    a = log_joint(x, w, mu, v)
    return np.exp(a - logsumexp(a, axis=1, keepdims=True))


def plain(x, w, mu, v):
    joint = w * norm.pdf(x[:, None], mu, np.sqrt(v))
    return joint / joint.sum(axis=1, keepdims=True)


def odds(x, w, mu, v):
    """Right for positive weights only: -inf - (-inf) is NaN."""
    a = log_joint(x, w, mu, v)
    return 1 / np.exp(a[:, None, :] - a[:, :, None]).sum(axis=2)


def about(x, r, centre):
    return (r * (x[:, None] - centre) ** 2).sum(axis=0)


def shares(r):
    return r.sum(axis=0) / len(r)


def verdicts(r):
    return np.eye(r.shape[1])[r.argmax(axis=1)]


def known(x, r, mu):
    return shares(r), about(x, r, mu) / r.sum(axis=0)


def known_by_loop(x, r, mu):
    return shares(r), [np.average((x - m) ** 2, weights=r[:, k]) for k, m in enumerate(mu)]


def own_mean(x, r):
    return r.T @ x / r.sum(axis=0)


def left(values):
    before, last = np.diff(values)[-2:]
    if last == 0:
        return 0.0
    return np.inf if last >= before else last * (last / before) / (1 - last / before)


def left_with(ratio):
    """What is left, with g taken elsewhere than from the last two gains."""

    def answer(values):
        gains = np.diff(values)
        if gains[-1] == 0:
            return 0.0
        if gains[-1] >= gains[-2]:
            return np.inf
        g = ratio(gains)
        return gains[-1] * g / (1 - g)

    return answer


def left_by_extrapolation(values):
    a, b, c = values[-3:]
    if c == b:
        return 0.0
    return np.inf if c - b >= b - a else (c - b) ** 2 / ((b - a) - (c - b))


def gain_ratio(values):
    """The ratio of the last two gains; one if both are zero."""
    before, last = np.diff(values)[-2:]
    return 1.0 if before == last else last / before


def lamps(x, w, rates):
    return softmax(np.log(w * rates) - rates * x[:, None], axis=1)


def lamp_step(x, w, rates):
    r = lamps(x, w, rates)
    return shares(r), r.sum(axis=0) / (r * x[:, None]).sum(axis=0)


def lamp_step_by_average(x, w, rates):
    a = expon.logpdf(x[:, None], scale=1 / rates) + np.log(w)
    r = np.exp(a - logsumexp(a, axis=1)[:, None])
    return r.mean(axis=0), [1 / np.average(x, weights=column) for column in r.T]


def lamp_step_plain(x, w, rates):
    joint = w * rates * np.exp(-rates * x[:, None])
    r = joint / joint.sum(axis=1, keepdims=True)
    return r.mean(axis=0), r.sum(axis=0) / (r.T @ x)


def moments(w, mu, v):
    return w @ mu, w @ v + w @ mu**2 - (w @ mu) ** 2


def spread(w, mu):
    return w @ (mu - w @ mu) ** 2


def merged(a, b):
    (n_a, mean_a, s_a), (n_b, mean_b, s_b) = a, b
    n, gap = n_a + n_b, mean_b - mean_a
    return n, mean_a + gap * n_b / n, s_a + s_b + gap**2 * n_a * n_b / n


def merged_by_parts(a, b):
    n = a[0] + b[0]
    mean = np.average([a[1], b[1]], weights=[a[0], b[0]])
    return np.array([n, mean, sum(s + m * (c - mean) ** 2 for m, c, s in (a, b))])


def merged_about_zero(a, b):
    n, mean, _ = merged(a, b)
    return n, mean, sum(s + m * c**2 for m, c, s in (a, b)) - n * mean**2


def three(means, weights=(0.31, 0.07, 0.62), variance=30.0, common=True):
    return GaussianMixture1D(weights, means, variance, common_variance=common)


BEST = fit(three([53.5, 63.6, 80.4]), WAITS, tol=1e-8)
AGAIN = fit(GaussianMixture1D.start(WAITS, 3, 0, common_variance=True), WAITS)

RIGHT = {
    "log_mean_exp": [
        shifted,
        lambda a: logsumexp(a, axis=1) - np.log(a.shape[1]),
        log_mean_by_logaddexp,
        lambda a: list(shifted(a)),
    ],
    "responsibilities": [
        posterior,
        lambda *a: softmax(log_joint(*a), axis=1),
        lambda *a: posterior(*a).tolist(),
    ],
    "known_means_step": [
        known,
        known_by_loop,
        lambda x, r, m: np.array(known(x, r, m)),
        lambda x, r, m: (part for part in known(x, r, m)),
    ],
    "three_components": [
        BEST.model,
        AGAIN.model,
    ],
    "remaining": [
        left,
        left_by_extrapolation,
        lambda v: np.array([[left(v)]]),
        lambda v: float(left(list(v))),
    ],
    "exponential_step": [
        lamp_step,
        lamp_step_by_average,
        lambda x, w, a: np.array(lamp_step(x, w, a)),
    ],
    "mixture_moments": [
        moments,
        lambda w, m, v: (w @ m, w @ (v + (m - w @ m) ** 2)),
        lambda *a: np.array(moments(*a)),
        lambda *a: list(moments(*a)),
    ],
    "merge": [
        merged,
        merged_by_parts,
        lambda a, b: merged(b, a),
    ],
}

WRONG = {
    "log_mean_exp": [
        (lambda a: logsumexp(a, axis=1), "log of the sum"),
        (lambda a: shifted(a) + 0.1j, "should be real"),
        (lambda a: shifted(a).astype(str), "should be numbers"),
        (lambda a: logsumexp(a, axis=1) + np.log(a.shape[1]), "wrong sign"),
        (lambda a: logsumexp(a, axis=1) / a.shape[1], "Go back"),
        (lambda a: logsumexp(a, axis=1) - a.shape[1], "divide by K"),
        (lambda a: logsumexp(a, axis=1) - np.log(len(a)), "divide by N"),
        (lambda a: logsumexp(a, axis=1) - np.log(2), "divide by"),
        (lambda a: a.mean(axis=1), "mean of the logarithms"),
        (lambda a: np.exp(a).mean(axis=1), "mean of the exponentials"),
        (lambda a: shifted(a) - a.max(axis=1), "added again"),
        (lambda a: shifted(a.T), "other axis"),
        (lambda a: np.log(np.exp(a).mean(axis=1)), "underflows"),
        (lambda a: a.max() + np.log(np.exp(a - a.max()).mean(axis=1)), "shifts of their own"),
        (
            lambda a: a.max(axis=1) + np.log(np.exp(a - a.max(axis=1)[:, None]).mean(axis=1)),
            "nothing but minus infinity",
        ),
        (shifted_by(lambda a: a.mean(axis=1)), "By what do you shift it"),
        (shifted_by(lambda a: a.min(axis=1)), "By what do you shift it"),
        (shifted_by(lambda a: a[:, 0]), "By what do you shift it"),
        (shifted_by(lambda a: np.full(len(a), a.mean())), "shifts of their own"),
        (lambda a: shifted(np.where(np.isneginf(a), np.nan, a)), "exp(-inf) is 0"),
        (lambda a: logsumexp(a, axis=1) - np.log(np.isfinite(a).sum(axis=1)), "is an entry too"),
        (lambda a: (shifted(a), shifted(a)), "should have shape"),
        (lambda a: [[1.0], [2.0, 3.0]], "should be numbers"),
        (lambda a: {"log": shifted(a)}, "should be numbers"),
        (lambda a: (value for value in shifted(a)), "should be numbers"),
        (lambda a: shifted(a)[:, None], "should have shape"),
    ],
    "responsibilities": [
        (plain, "underflow"),
        (lambda x, w, m, v: posterior(x, 0 * w + 1, m, v), "weights"),
        (
            lambda x, w, m, v: softmax(np.log(w) - (x[:, None] - m) ** 2 / (2 * v), axis=1),
            "term of (3.3)",
        ),
        (lambda x, w, m, v: softmax(-((x[:, None] - m) ** 2) / (2 * v), axis=1), "only one"),
        (lambda x, w, m, v: posterior(x, w, m, v**2), "do not square"),
        (lambda x, w, m, v: posterior(x, w, m, v**0.5), "their root"),
        (lambda x, w, m, v: posterior(x, w, m, v / 2), "by 2 sigma_k^2"),
        (lambda *a: np.log(posterior(*a)), "exponentiate"),
        (lambda *a: -posterior(*a), "The array of responsibilities must"),
        (lambda *a: softmax(log_joint(*a), axis=0), "right axis"),
        (lambda *a: np.exp(log_joint(*a)), "sum to 1"),
        (lambda *a: posterior(*a).T, "transposed"),
        (odds, "A weight of zero gives NaN"),
        (lambda x, w, m, v: np.eye(len(w))[posterior(x, w, m, v).argmax(1)], "verdicts"),
        (
            lambda x, w, m, v: softmax(
                np.log(w) - np.log(v) - (x[:, None] - m) ** 2 / (2 * v), axis=1
            ),
            "not the whole of it",
        ),
        (
            lambda x, w, m, v: softmax(
                np.log(w) + 0.5 * np.log(v) - (x[:, None] - m) ** 2 / (2 * v), axis=1
            ),
            "wrong sign",
        ),
        (lambda *a: [[0.5, 0.5], [1.0]], "should be numbers"),
        (lambda *a: "responsible", "should be numbers"),
        (lambda *a: posterior(*a)[:, 0], "should have shape"),
    ],
    "known_means_step": [
        (lambda x, r, m: (r.sum(axis=0), known(x, r, m)[1]), "counts"),
        (lambda x, r, m: (np.full(len(m), 1 / len(m)), known(x, r, m)[1]), "depend on r"),
        (lambda x, r, m: known(x, r, own_mean(x, r)), "known here"),
        (lambda x, r, m: (shares(r), about(x, r, m) / len(x)), "not by N"),
        (lambda x, r, m: (shares(r), about(x, r, m)), "sums of squares"),
        (lambda x, r, m: (shares(r), known(x, r, m)[1] ** 0.5), "standard"),
        (lambda x, r, m: (shares(r), np.full(len(m), about(x, r, m).sum() / len(x))), "common"),
        (lambda x, r, m: known(x, verdicts(r), m), "is shared by"),
        (lambda x, r, m: known(x, r, m)[1], "two things"),
        (lambda x, r, m: known(x, r, m)[::-1], "wrong order"),
        (lambda x, r, m: ("shares", known(x, r, m)[1]), "array of weights"),
        (lambda x, r, m: (shares(r), about(x, r, m) / (r.sum(axis=0) - 1)), "no minus one"),
        (lambda x, r, m: (shares(r), about(x, r**2, m) / r.sum(axis=0)), "not r^2"),
        (lambda x, r, m: (shares(r), about(x, r**2, m) / (r**2).sum(axis=0)), "not r^2"),
        (lambda x, r, m: (shares(r), r.T @ x**2 / r.sum(axis=0) - m**2), "minus mu^2"),
        (lambda x, r, m: (shares(r), 3 * known(x, r, m)[1]), "(3.11)"),
        (lambda x, r, m: (shares(r), ((x[:, None] - m) ** 2).mean(axis=0)), "weighted with its"),
        (
            lambda x, r, m: (shares(r), ((x[:, None] - m) ** 2).sum(axis=0) / r.sum(axis=0)),
            "weighted with its",
        ),
        (lambda x, r, m: (r.sum(axis=0) / len(m), known(x, r, m)[1]), "number of components"),
        (lambda x, r, m: (shares(r), 1 / known(x, r, m)[1]), "one over the variances"),
        (lambda x, r, m: {"weights": shares(r), "variances": 1}, "two things"),
        (lambda x, r, m: (shares(r), [[1.0], [2.0, 3.0]]), "should be numbers"),
        (lambda x, r, m: "wv", "two things"),
        (lambda x, r, m: (*known(x, r, m), m), "two things"),
    ],
    "three_components": [
        (BEST, ".model"),
        (BEST.model.means, "should be a GaussianMixture1D"),
        (GaussianMixture1D([0.4, 0.6], [55, 80], 34.0, common_variance=True), "Three components"),
        (three([53.5, 63.6, 80.4], common=False), "share their variance"),
        (three([20.0, 30.0, 40.0]), "Is it fitted"),
        (three([54.61, 80.0, 80.2], (0.36, 0.32, 0.32), 34.446), "same hump"),
        (fit(three([53.5, 63.0, 80.4]), WAITS, max_iter=12).model, "run longer"),
        (GaussianMixture1D.start(WAITS, 3, 0, common_variance=True), "Is it fitted"),
        (three([70.8, 70.9, 71.0], variance=184.0), "two components alone"),
        (fit(three([45.0, 50.0, 55.0]), WAITS, max_iter=2).model, "Is it fitted"),
        ([53.5, 63.6, 80.4], "not list"),
        (lambda: BEST.model, "not function"),
        (GaussianMixture1D([0.25] * 4, [50, 60, 70, 80], 30.0, common_variance=True), "has 4"),
    ],
    "remaining": [
        (lambda v: np.diff(v)[-1], "last gain"),
        (lambda v: left(v) + np.diff(v)[-1], "already in"),
        (lambda v: np.diff(v)[-1] ** 2 / np.diff(v)[-2], "next gain only"),
        (lambda v: v[-1] + left(v), "distance"),
        (lambda v: -left(v), "sign"),
        (lambda v: np.diff(v)[-2] / (1 - np.diff(v)[-2] / np.diff(v)[-1]), "upside down"),
        (lambda v: np.diff(v)[-1] ** 2 / (np.diff(v)[-2] - np.diff(v)[-1]), "growing"),
        (lambda v: left(v[:-1]), "already in"),
        (lambda v: -5.0 if gain_ratio(v) == 1 else left(v), "2 and 2"),
        (lambda v: np.inf if gain_ratio(v) >= 1 else left(v), "gained nothing"),
        (left_with(lambda g: g[1] / g[0]), "not the first"),
        (left_with(lambda g: np.mean(g[1:] / g[:-1])), "not a mean"),
        (left_with(lambda g: (g[-1] / g[0]) ** (1 / (len(g) - 1))), "not a mean"),
        (lambda v: -1.0 if np.diff(v)[-2] == 0 < np.diff(v)[-1] else left(v), "one before it 0"),
        (lambda v: (left(v), 0.5), "should be one number"),
        (lambda v: left(v) + 0.1j, "should be real"),
        (lambda v: f"{left(v):.12f}", "should be numbers, but it is str"),
        (lambda v: "much", "should be numbers"),
        (lambda v: [[1.0], [2.0, 3.0]], "should be numbers"),
    ],
    "exponential_step": [
        (lamp_step_plain, "log space"),
        (lambda x, w, a: (lamps(x, w, a).sum(axis=0), lamp_step(x, w, a)[1]), "counts"),
        (lambda x, w, a: (w, lamp_step(x, w, a)[1]), "not moved"),
        (lambda x, w, a: (lamp_step(x, w, a)[0], a), "rates have not"),
        (lambda x, w, a: (lamp_step(x, w, a)[0], 1 / lamp_step(x, w, a)[1]), "mean lives"),
        (lambda x, w, a: (lamp_step(x, w, a)[0], len(x) / (lamps(x, w, a).T @ x)), "not N"),
        (
            lambda x, w, a: (lamp_step(x, w, a)[0], lamps(x, w, a).sum(axis=0) / x.sum()),
            "weighted with r",
        ),
        (
            lambda x, w, a: (
                softmax(np.log(w) - a * x[:, None], axis=1).mean(axis=0),
                lamp_step(x, w, a)[1],
            ),
            "factor lambda_k",
        ),
        (
            lambda x, w, a: (lamps(x, 0 * w + 1, a).mean(axis=0), lamp_step(x, w, a)[1]),
            "leaves out the current weights",
        ),
        (lambda x, w, a: (shares(verdicts(lamps(x, w, a))), a), "is shared by"),
        (lambda *a: lamp_step(*a)[::-1], "wrong order"),
        (
            lambda x, w, a: (lamps(x, w, a).sum(axis=0) / len(w), lamp_step(x, w, a)[1]),
            "number of components",
        ),
        (
            lambda x, w, a: (lamp_step(x, w, a)[0], np.full(len(w), 1 / x.mean())),
            "one rate for all",
        ),
        (lambda x, w, a: (lamp_step(x, w, a)[0], 1 / (lamps(x, w, a).T @ x)), "How many lamps"),
        (
            lambda x, w, a: (
                lamps(x, w, a).T @ x / (lamps(x, w, a).T @ x).sum(),
                lamp_step(x, w, a)[1],
            ),
            "shares of the hours",
        ),
        (lambda x, w, a: lamp_step(x, w, a)[0], "two things"),
        (lambda x, w, a: ("half", lamp_step(x, w, a)[1]), "should be numbers"),
        (lambda x, w, a: (lamp_step(x, w, a)[0], [[1.0], [2.0, 3.0]]), "should be numbers"),
    ],
    "mixture_moments": [
        (lambda *a: moments(*a)[::-1], "wrong order"),
        (lambda w, m, v: (m.mean(), moments(w, m, v)[1]), "weight"),
        (lambda w, m, v: (w @ m, w @ v), "between"),
        (lambda w, m, v: (w @ m, w @ (m - w @ m) ** 2), "within"),
        (lambda w, m, v: (w @ m, w @ (v + m**2)), "second moment"),
        (lambda w, m, v: (w @ m, w**2 @ v), "not squared"),
        (lambda w, m, v: (w @ m, moments(w, m, v)[1] ** 0.5), "standard"),
        (lambda w, m, v: (w @ m, w @ v + ((m - w @ m) ** 2).sum()), "squares between"),
        (lambda w, m, v: (w @ m, w @ v + ((m - w @ m) ** 2).mean()), "squares between"),
        (lambda w, m, v: (w @ m, v.mean() + spread(w, m)), "variances within"),
        (lambda w, m, v: (w @ m, w**2 @ v + spread(w, m)), "Within: weights"),
        (lambda w, m, v: (w @ m, w @ (v + (m - m.mean()) ** 2)), "mean of the mixture"),
        (lambda w, m, v: (w @ m, w @ v - spread(w, m)), "is added"),
        (lambda w, m, v: w @ m, "two things"),
        (lambda w, m, v: (w @ m, v), "should be one number"),
        (lambda w, m, v: {"mean": w @ m, "variance": 1.0}, "two things"),
    ],
    "merge": [
        (lambda a, b: (*merged(a, b)[:2], a[2] + b[2]), "between them is missing"),
        (lambda a, b: (a[0] + b[0], (a[1] + b[1]) / 2, merged(a, b)[2]), "as often as"),
        (
            lambda a, b: (a[0] + b[0], a[1] + (b[1] - a[1]) * a[0] / (a[0] + b[0]), 0.0),
            "exchanged",
        ),
        (lambda a, b: (*merged(a, b)[:2], a[2] + b[2] + (b[1] - a[1]) ** 2), "weighted with the"),
        (
            lambda a, b: (*merged(a, b)[:2], a[2] + b[2] + (b[1] - a[1]) ** 2 * a[0] * b[0]),
            "divided by n",
        ),
        (lambda a, b: (*merged(a, b)[:2], merged(a, b)[2] / merged(a, b)[0]), "the variance"),
        (merged_about_zero, "digits cancel"),
        (lambda a, b: merged(a, b)[1:], "three things"),
        (lambda a, b: (2, *merged(a, b)[1:]), "number of blocks"),
        (lambda a, b: (merged(a, b)[0], a[0] * a[1] + b[0] * b[1], 0.0), "not their mean"),
        (lambda a, b: "sum", "three things"),
    ],
}

STUBS = {
    "known_means_step": [lambda *a: (..., ...)],
    "mixture_moments": [lambda *a: (..., ...)],
    "merge": [lambda a, b: (..., ..., ...), lambda a, b: (*merged(a, b)[:2], None)],
}
