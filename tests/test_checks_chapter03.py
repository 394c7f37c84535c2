"""The checkers of chapter 3 accept right answers and name the mistake in wrong ones."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import expon, norm

from emlib import GaussianMixture1D, data, fit
from emlib.checks import chapter03

WAITS = data.old_faithful()[:, 1]


def shifted(a):
    m = a.max(axis=1)
    m = np.where(np.isfinite(m), m, 0.0)
    return m + np.log(np.exp(a - m[:, None]).mean(axis=1))


def log_joint(x, w, mu, v):
    return np.log(w) - 0.5 * np.log(2 * np.pi * v) - (x[:, None] - mu) ** 2 / (2 * v)


def posterior(x, w, mu, v):
    a = log_joint(x, w, mu, v)
    return np.exp(a - logsumexp(a, axis=1, keepdims=True))


def plain(x, w, mu, v):
    joint = w * norm.pdf(x[:, None], mu, np.sqrt(v))
    return joint / joint.sum(axis=1, keepdims=True)


def about(x, r, centre):
    return (r * (x[:, None] - centre) ** 2).sum(axis=0)


def shares(r):
    return r.sum(axis=0) / len(r)


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


def three(means, weights=(0.31, 0.07, 0.62), variance=30.0, common=True):
    return GaussianMixture1D(weights, means, variance, common_variance=common)


BEST = fit(three([53.5, 63.6, 80.4]), WAITS, tol=1e-8)
AGAIN = fit(GaussianMixture1D.start(WAITS, 3, 0, common_variance=True), WAITS)

RIGHT = [
    (chapter03.log_mean_exp, shifted),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) - np.log(a.shape[1])),
    (chapter03.responsibilities, posterior),
    (chapter03.responsibilities, lambda *a: softmax(log_joint(*a), axis=1)),
    (chapter03.known_means_step, known),
    (chapter03.known_means_step, known_by_loop),
    (chapter03.three_components, BEST.model),
    (chapter03.three_components, AGAIN.model),
    (chapter03.remaining, left),
    (chapter03.remaining, left_by_extrapolation),
    (chapter03.exponential_step, lamp_step),
    (chapter03.exponential_step, lamp_step_by_average),
    (chapter03.mixture_moments, moments),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, w @ (v + (m - w @ m) ** 2))),
]

WRONG = [
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1), "log of the sum"),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) + np.log(a.shape[1]), "wrong sign"),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) / a.shape[1], "Go back"),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) - a.shape[1], "divide by K"),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) - np.log(len(a)), "divide by N"),
    (chapter03.log_mean_exp, lambda a: logsumexp(a, axis=1) - np.log(2), "divide by"),
    (chapter03.log_mean_exp, lambda a: a.mean(axis=1), "mean of the logarithms"),
    (chapter03.log_mean_exp, lambda a: np.exp(a).mean(axis=1), "mean of the exponentials"),
    (chapter03.log_mean_exp, lambda a: shifted(a) - a.max(axis=1), "added again"),
    (chapter03.log_mean_exp, lambda a: shifted(a.T), "other axis"),
    (chapter03.log_mean_exp, lambda a: np.log(np.exp(a).mean(axis=1)), "underflows"),
    (
        chapter03.log_mean_exp,
        lambda a: a.max() + np.log(np.exp(a - a.max()).mean(axis=1)),
        "underflows",
    ),
    (
        chapter03.log_mean_exp,
        lambda a: a.max(axis=1) + np.log(np.exp(a - a.max(axis=1)[:, None]).mean(axis=1)),
        "nothing but minus infinity",
    ),
    (chapter03.responsibilities, plain, "underflow"),
    (chapter03.responsibilities, lambda x, w, m, v: posterior(x, 0 * w + 1, m, v), "weights"),
    (
        chapter03.responsibilities,
        lambda x, w, m, v: softmax(np.log(w) - (x[:, None] - m) ** 2 / (2 * v), axis=1),
        "term of (3.3)",
    ),
    (
        chapter03.responsibilities,
        lambda x, w, m, v: softmax(-((x[:, None] - m) ** 2) / (2 * v), axis=1),
        "only one",
    ),
    (chapter03.responsibilities, lambda x, w, m, v: posterior(x, w, m, v**2), "do not square"),
    (chapter03.responsibilities, lambda x, w, m, v: posterior(x, w, m, v**0.5), "their root"),
    (chapter03.responsibilities, lambda x, w, m, v: posterior(x, w, m, v / 2), "by 2 sigma_k^2"),
    (chapter03.responsibilities, lambda *a: -posterior(*a), "The array of responsibilities must"),
    (chapter03.responsibilities, lambda *a: softmax(log_joint(*a), axis=0), "right axis"),
    (chapter03.responsibilities, lambda *a: np.exp(log_joint(*a)), "sum to 1"),
    (chapter03.responsibilities, lambda *a: posterior(*a).T, "transposed"),
    (chapter03.known_means_step, lambda x, r, m: (r.sum(axis=0), known(x, r, m)[1]), "counts"),
    (
        chapter03.known_means_step,
        lambda x, r, m: (np.full(len(m), 1 / len(m)), known(x, r, m)[1]),
        "depend on r",
    ),
    (chapter03.known_means_step, lambda x, r, m: known(x, r, own_mean(x, r)), "known here"),
    (chapter03.known_means_step, lambda x, r, m: (shares(r), about(x, r, m) / len(x)), "not by N"),
    (chapter03.known_means_step, lambda x, r, m: (shares(r), about(x, r, m)), "sums of squares"),
    (chapter03.known_means_step, lambda x, r, m: (shares(r), known(x, r, m)[1] ** 0.5), "standard"),
    (
        chapter03.known_means_step,
        lambda x, r, m: (shares(r), np.full(len(m), about(x, r, m).sum() / len(x))),
        "common",
    ),
    (chapter03.known_means_step, lambda x, r, m: known(x, r, m)[1], "two things"),
    (chapter03.known_means_step, lambda x, r, m: known(x, r, m)[::-1], "wrong order"),
    (chapter03.known_means_step, lambda x, r, m: ("shares", known(x, r, m)[1]), "array of weights"),
    (
        chapter03.known_means_step,
        lambda x, r, m: (shares(r), about(x, r, m) / (r.sum(axis=0) - 1)),
        "no minus one",
    ),
    (
        chapter03.known_means_step,
        lambda x, r, m: (shares(r), about(x, r**2, m) / r.sum(axis=0)),
        "not r^2",
    ),
    (
        chapter03.known_means_step,
        lambda x, r, m: (shares(r), about(x, r**2, m) / (r**2).sum(axis=0)),
        "not r^2",
    ),
    (
        chapter03.known_means_step,
        lambda x, r, m: (shares(r), r.T @ x**2 / r.sum(axis=0) - m**2),
        "minus mu^2",
    ),
    (chapter03.known_means_step, lambda x, r, m: (shares(r), 3 * known(x, r, m)[1]), "(3.11)"),
    (chapter03.three_components, BEST, ".model"),
    (chapter03.three_components, BEST.model.means, "should be a GaussianMixture1D"),
    (
        chapter03.three_components,
        GaussianMixture1D([0.4, 0.6], [55, 80], 34.0, common_variance=True),
        "Three components",
    ),
    (chapter03.three_components, three([53.5, 63.6, 80.4], common=False), "share their variance"),
    (chapter03.three_components, three([20.0, 30.0, 40.0]), "Is it fitted"),
    (
        chapter03.three_components,
        three([54.61, 80.0, 80.2], (0.36, 0.32, 0.32), 34.446),
        "same hump",
    ),
    (
        chapter03.three_components,
        fit(three([53.5, 63.0, 80.4]), WAITS, max_iter=12).model,
        "run longer",
    ),
    (chapter03.remaining, lambda v: np.diff(v)[-1], "last gain"),
    (chapter03.remaining, lambda v: left(v) + np.diff(v)[-1], "already in"),
    (chapter03.remaining, lambda v: np.diff(v)[-1] ** 2 / np.diff(v)[-2], "next gain only"),
    (chapter03.remaining, lambda v: v[-1] + left(v), "distance"),
    (chapter03.remaining, lambda v: -left(v), "sign"),
    (
        chapter03.remaining,
        lambda v: np.diff(v)[-2] / (1 - np.diff(v)[-2] / np.diff(v)[-1]),
        "upside down",
    ),
    (
        chapter03.remaining,
        lambda v: np.diff(v)[-1] ** 2 / (np.diff(v)[-2] - np.diff(v)[-1]),
        "growing",
    ),
    (chapter03.remaining, lambda v: left(v[:-1]), "already in"),
    (chapter03.remaining, lambda v: -5.0 if gain_ratio(v) == 1 else left(v), "2 and 2"),
    (chapter03.remaining, lambda v: np.inf if gain_ratio(v) >= 1 else left(v), "gained nothing"),
    (chapter03.exponential_step, lamp_step_plain, "log space"),
    (
        chapter03.exponential_step,
        lambda x, w, a: (lamps(x, w, a).sum(axis=0), lamp_step(x, w, a)[1]),
        "counts",
    ),
    (chapter03.exponential_step, lambda x, w, a: (w, lamp_step(x, w, a)[1]), "not moved"),
    (chapter03.exponential_step, lambda x, w, a: (lamp_step(x, w, a)[0], a), "rates have not"),
    (
        chapter03.exponential_step,
        lambda x, w, a: (lamp_step(x, w, a)[0], 1 / lamp_step(x, w, a)[1]),
        "mean lives",
    ),
    (
        chapter03.exponential_step,
        lambda x, w, a: (lamp_step(x, w, a)[0], len(x) / (lamps(x, w, a).T @ x)),
        "not N",
    ),
    (
        chapter03.exponential_step,
        lambda x, w, a: (lamp_step(x, w, a)[0], lamps(x, w, a).sum(axis=0) / x.sum()),
        "weighted with r",
    ),
    (
        chapter03.exponential_step,
        lambda x, w, a: (
            softmax(np.log(w) - a * x[:, None], axis=1).mean(axis=0),
            lamp_step(x, w, a)[1],
        ),
        "factor lambda_k",
    ),
    (
        chapter03.exponential_step,
        lambda x, w, a: (lamps(x, 0 * w + 1, a).mean(axis=0), lamp_step(x, w, a)[1]),
        "leaves out the current weights",
    ),
    (chapter03.exponential_step, lambda *a: lamp_step(*a)[::-1], "wrong order"),
    (chapter03.mixture_moments, lambda *a: moments(*a)[::-1], "wrong order"),
    (chapter03.mixture_moments, lambda w, m, v: (m.mean(), moments(w, m, v)[1]), "weight"),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, w @ v), "between"),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, w @ (m - w @ m) ** 2), "within"),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, w @ (v + m**2)), "second moment"),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, w**2 @ v), "not squared"),
    (chapter03.mixture_moments, lambda w, m, v: (w @ m, moments(w, m, v)[1] ** 0.5), "standard"),
]

STUBS = [
    (chapter03.log_mean_exp, lambda a: ...),
    (chapter03.responsibilities, lambda *a: ...),
    (chapter03.known_means_step, lambda *a: (..., ...)),
    (chapter03.three_components, ...),
    (chapter03.remaining, lambda v: ...),
    (chapter03.exponential_step, lambda *a: ...),
    (chapter03.mixture_moments, lambda *a: (..., ...)),
]


@pytest.mark.parametrize("check, answer", RIGHT)
def test_right_answers_pass(check, answer, capsys):
    with np.errstate(all="ignore"):
        assert check(answer), capsys.readouterr().out
    assert "correct" in capsys.readouterr().out


@pytest.mark.parametrize("check, answer, key", WRONG)
def test_wrong_answers_are_explained(check, answer, key, capsys):
    with np.errstate(all="ignore"):
        assert not check(answer)
    assert key in capsys.readouterr().out


@pytest.mark.parametrize("check, answer", STUBS)
def test_stubs_are_not_attempts(check, answer, capsys):
    assert not check(answer)
    assert "no answer yet" in capsys.readouterr().out
