"""The checkers of chapters 0 and 1 accept right answers and name the mistake in wrong ones."""

import numpy as np
import pytest
from scipy.special import entr, rel_entr

from emlib.checks import chapter00, chapter01


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


RIGHT = [
    (chapter00.weighted_mean, lambda x, w: np.average(x, weights=w)),
    (chapter00.weighted_mean, lambda x, w: x @ (w / w.sum())),
    (chapter01.elbo, by_loop),
    (chapter01.elbo, by_kl),
    (chapter01.em_step, full),
    (chapter01.em_step, lambda t, y: 1 - (y[1] + y[2]) / (y[0] * t / (2 + t) + y[1] + y[2] + y[3])),
    (chapter01.rate_of, lambda t: (t[-1] - t[-2]) / (t[-2] - t[-3])),
    (chapter01.rate_of, lambda t: np.divide(*np.diff(t)[-2:][::-1])),
    (chapter01.relaxed_step, lambda t, y, w: t + w * (full(t, y) - t)),
    (chapter01.relaxed_step, lambda t, y, w: (1 - w) * t + w * full(t, y)),
]

OLD = np.array([125.0, 18.0, 20.0, 34.0])
WRONG = [
    (chapter00.weighted_mean, lambda x, w: (w * x).mean(), "number of waits"),
    (chapter00.weighted_mean, lambda x, w: w @ x, "divide"),
    (chapter00.weighted_mean, lambda x, w: x.mean(), "no effect"),
    (chapter00.weighted_mean, lambda x, w: w * x, "shape"),
    (chapter00.weighted_mean, lambda x, w: None, "return"),
    (chapter01.elbo, lambda a, q: q @ a, "Q alone"),
    (chapter01.elbo, lambda a, q: q @ a - entr(q).sum(), "wrong sign"),
    (chapter01.elbo, lambda a, q: -(q @ a + entr(q).sum()), "whole has the wrong sign"),
    (chapter01.elbo, lambda a, q: np.log(np.exp(a).sum()), "log-likelihood"),
    (chapter01.elbo, lambda a, q: q @ np.exp(a) + entr(q).sum(), "logarithms already"),
    (chapter01.elbo, lambda a, q: q @ a + entr(q).sum(), "NaN"),
    (chapter01.elbo, lambda a, q: np.sum((q * (a - np.log(q)))[np.isfinite(a)]), "NaN"),
    (chapter01.em_step, lambda t, y: full(t, OLD), "written into your function"),
    (chapter01.em_step, lambda t, y: (expected(t, y) + y[3]) / y.sum(), "denominator"),
    (chapter01.em_step, lambda t, y: full(t, y, y[0] * t / 4), "not the share"),
    (chapter01.em_step, lambda t, y: full(t, y, y[0] * 2 / (2 + t)), "other"),
    (chapter01.em_step, lambda t, y: full(t, y, np.round(expected(t, y))), "round"),
    (chapter01.em_step, lambda t, y: t, "unchanged"),
    (chapter01.rate_of, lambda t: (t[-2] - t[-3]) / (t[-1] - t[-2]), "Upside down"),
    (chapter01.rate_of, lambda t: t[-1] / t[-2], "differences"),
    (chapter01.rate_of, lambda t: (t[-1] - t[-2]) / (t[-3] - t[-2]), "sign"),
    (chapter01.rate_of, lambda t: (t[2] - t[1]) / (t[1] - t[0]), "first three"),
    (chapter01.rate_of, lambda t: (np.diff(t)[1:] / np.diff(t)[:-1]).mean(), "average"),
    (chapter01.relaxed_step, lambda t, y, w: w * full(t, y), "multiplies the *step*"),
    (chapter01.relaxed_step, lambda t, y, w: full(t, y), "no effect"),
    (chapter01.relaxed_step, lambda t, y, w: full(t, y) + w * (full(t, y) - t), "start from theta"),
    (chapter01.relaxed_step, lambda t, y, w: t + w * (full(t, OLD) - t), "written into"),
    (chapter01.relaxed_step, lambda t, y, w: 1 / 0, "ZeroDivisionError"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass_however_they_are_written(check, answer, capsys):
    with np.errstate(all="ignore"):
        assert check(answer)
    assert "correct" in capsys.readouterr().out


@pytest.mark.parametrize(("check", "answer", "word"), WRONG)
def test_wrong_answers_fail_with_a_word_on_the_mistake(check, answer, word, capsys):
    with np.errstate(all="ignore"):
        assert not check(answer)
    assert word in capsys.readouterr().out


@pytest.mark.parametrize("check", sorted({case[0] for case in RIGHT}, key=lambda c: c.__name__))
def test_the_stub_is_no_answer_yet(check, capsys):
    assert not check(lambda *arguments: ...)
    assert "no answer yet" in capsys.readouterr().out
