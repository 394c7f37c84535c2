"""The empirical sentences of chapter 10, with other seeds."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from emlib import (
    CensoredExponential,
    IncompleteGaussianMixture,
    UncertaintyError,
    accelerate,
    data,
    fit,
    standard_errors,
)


def world(rng, n=400):
    whole = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n)
    gone = rng.random(n) < 1 / (1 + np.exp(-2 * whole[:, 0]))
    x = whole.copy()
    x[gone, 1] = np.nan
    return x


def summary(a, b):
    return b.mean(), b.var(), np.corrcoef(a, b)[0, 1]


def normal(x, tol=1e-6):
    return fit(IncompleteGaussianMixture.start(x, 1, 0), x, tol=tol).model


def test_both_cures_go_wrong_by_many_times_the_spread(seeds):
    """Both put the mean far below zero; filling halves the variance and the correlation."""
    deleted, filled = [], []
    for seed in seeds:
        x = world(np.random.default_rng(seed))
        seen = ~np.isnan(x[:, 1])
        deleted.append(summary(*x[seen].T))
        filled.append(summary(x[:, 0], np.where(seen, x[:, 1], x[seen, 1].mean())))
    for runs in np.array(deleted), np.array(filled):
        assert runs[:, 0].mean() < -4 * runs[:, 0].std() and runs[:, 0].mean() < -0.3
    _, variance, correlation = np.mean(filled, axis=0)
    assert 0.3 < variance < 0.5 and 0.3 < correlation < 0.5
    assert np.mean(deleted, axis=0)[1] < 0.85
    assert np.mean(deleted, axis=0)[2] < 0.78


def test_without_the_correction_variances_shrink(seeds):
    """The mean comes out right both times; without it variance shrinks, correlation grows."""
    right, wrong = [], []
    for seed in seeds:
        x = world(np.random.default_rng(seed), 200)
        model = start = IncompleteGaussianMixture.start(x, 1, 0)
        for _ in range(25):
            table = model.impute(x)
            cov = [np.cov(table.T, bias=True)]
            model = IncompleteGaussianMixture([1.0], [table.mean(axis=0)], cov)
        best = fit(start, x).model
        for found, m in ((wrong, model), (right, best)):
            s = m.covariances[0]
            found.append([m.means[0, 1], s[1, 1], s[0, 1] / np.sqrt(s[0, 0] * s[1, 1])])
    right, wrong = np.array(right), np.array(wrong)
    error = right.std(axis=0) / np.sqrt(len(right))
    assert (abs(right.mean(axis=0) - [0, 1, 0.8]) < 4 * error).all()
    assert abs(wrong[:, 0].mean()) < 4 * error[0]
    assert (wrong[:, 1] < right[:, 1]).all() and (wrong[:, 2] > right[:, 2]).all()
    assert wrong[:, 1].mean() < 0.9 and wrong[:, 2].mean() > 0.85


def test_draws_spread_more_than_conditional_means(seeds):
    """The ozone of the filled days spreads less in the table of conditional means."""
    air = data.air_quality()[:, :4]
    model = fit(IncompleteGaussianMixture.start(air, 2, rng=0), air).model
    hole = np.isnan(air[:, 0])
    drawn = [model.impute(air, seed)[hole, 0].std() for seed in seeds]
    assert np.mean(drawn) > model.impute(air)[hole, 0].std() + np.std(drawn)


def test_two_kinds_of_day_whatever_the_seed(seeds):
    """BIC prefers two kinds of day to one normal."""
    air = data.air_quality()[:, :4]
    one = normal(air).bic(air)
    start = [IncompleteGaussianMixture.start(air, 2, seed) for seed in seeds]
    bics = [fit(s, air, tol=1e-3).model.bic(air) for s in start]
    assert max(bics) < one


def held(seed, n=100, m=5):
    rng = np.random.default_rng(seed)
    x = world(rng, n)
    first = normal(x, 1e-2)
    again = [x[rng.integers(n, size=n)] for _ in range(m)]
    filled = [fit(first, rows, tol=1e-2).model.impute(x, rng)[:, 1] for rows in again]
    t, v = np.mean(filled, axis=1), np.var(filled, axis=1, ddof=1) / n
    error = np.sqrt(v.mean() + (1 + 1 / m) * t.var(ddof=1))
    return abs(t[0]) < 1.96 * np.sqrt(v[0]), abs(t.mean()) < 1.96 * error


def test_pooled_intervals_come_near_their_word(seeds):
    """The single table promises 95 and does not keep it; the pooled intervals come near."""
    found = [held(100 * seed + i) for seed in seeds for i in range(8)]
    single, several = np.mean(found, axis=0)
    assert single < 0.91
    assert 0.87 < several and single + 0.02 < several


def test_lives_cut_off_look_short(seeds):
    """Deleting survivors, or calling them dead, makes lives look short; EM is about right."""
    found = []
    for seed in seeds:
        lives = np.random.default_rng(seed).exponential(10, 100)
        rows = np.column_stack([np.minimum(lives, 8), lives < 8])
        em = fit(CensoredExponential.start(rows), rows, tol=1e-10).model.mean
        found.append([rows[rows[:, 1] == 1, 0].mean(), rows[:, 0].mean(), em])
    found = np.array(found)
    assert (found[:, :2] < 7).all()
    assert abs(found[:, 2].mean() - 10) < 4 * found[:, 2].std() / np.sqrt(len(found))


# --- Deeper


def exact_inverse_times(a, b):
    """Solve a z = b in fractions, by Gauss and Jordan; a (D, D) is positive definite."""
    rows = [[*map(Fraction, row), Fraction(v)] for row, v in zip(a, b, strict=True)]
    for i, pivot in enumerate(rows):
        rows[i] = pivot = [v / pivot[i] for v in pivot]
        for j, row in enumerate(rows):
            if j != i:
                rows[j] = [v - row[i] * w for v, w in zip(row, pivot, strict=True)]
    return [row[-1] for row in rows]


def expected_u(factor, x):
    """Return E[u | x] = F^T (F F^T)^{-1} x for rows F (O, D) of a factor, in fractions."""
    f = [[Fraction(v) for v in row] for row in factor.tolist()]
    gram = [[sum(a * b for a, b in zip(r, q, strict=True)) for q in f] for r in f]
    z = exact_inverse_times(gram, x.tolist())
    return np.array(
        [float(sum(a * b for a, b in zip(c, z, strict=True))) for c in zip(*f, strict=True)]
    )


def test_a_factor_keeps_digits_that_the_covariance_has_lost(seeds):
    """Sweeping loses as many as solving; by (10.20) errors grow with the ratio of the sds."""
    swept, solved, by_factor, ratio = [], [], [], 1e5
    for seed in seeds:
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.standard_normal((4, 4)))[0]
        square = (axes * [1, 0.5, 0.1, 1 / ratio]) @ axes.T
        factor = np.linalg.qr(square)[1].T  # lower, up to signs
        S, rows = factor @ factor.T, factor[:3]
        left = factor[3, 3] ** 2  # of the last column, given the others
        B = S
        for k in range(3):
            column = B[k] / B[k, k]
            B = B - np.outer(B[k], column)
            B[k] = B[:, k] = column
            B[k, k] = -1 / S[k, k]  # the corner is not used again
        swept.append(abs(B[3, 3] / left - 1))
        solved.append(abs((S[3, 3] - S[3, :3] @ np.linalg.solve(S[:3, :3], S[:3, 3])) / left - 1))
        narrow = factor[rng.permutation(4)][:3] if seed % 2 else rows
        x = narrow @ rng.standard_normal(4)
        q, r = np.linalg.qr(narrow.T)
        right = expected_u(narrow, x)
        by_factor.append(abs(q @ np.linalg.solve(r.T, x) - right).max())
    assert 0.1 < np.median(np.array(swept) / np.array(solved)) < 10
    assert np.median(swept) > 1e-8  # of 16 digits, ten are gone with the ratio of the variances
    assert max(by_factor) < 100 * np.finfo(float).eps * ratio


def test_em_is_wrong_where_the_reason_matters(seeds):
    """Better than deleting, wrong by several times its spread with few rows and with many."""

    def world(seed, n):
        x = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n)
        gone = np.random.default_rng([seed, 1]).random(n) < 1 / (1 + np.exp(-2 * x[:, 1]))
        return np.column_stack([x[:, 0], np.where(gone, np.nan, x[:, 1])])

    spread = []
    for n in (400, 4000):
        tables = [world(seed, n) for seed in seeds]
        found = np.array([normal(x, 1e-4).means[0, 1] for x in tables])
        assert (np.array([np.nanmean(x[:, 1]) for x in tables]) < found).all()
        assert found.mean() < -3 * found.std()
        # In the limit: the regression of what is left, at the mean of the first column.
        assert abs(found.mean() + 0.285) < 4 * found.std() / np.sqrt(len(found))
        spread.append(found.std())
        needed = -found / np.array([np.isnan(x[:, 1]).mean() for x in tables])
        assert 0.4 < needed.mean() < 0.7  # half a standard deviation mends it
    assert spread[1] < 0.6 * spread[0]


def two_laboratories(seed, pairs=10):
    n = pairs + 400
    x = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    x[pairs : pairs + 200, 1] = np.nan
    x[pairs + 200 :, 0] = np.nan
    return x


def test_the_slow_climb_of_two_laboratories_has_a_cure(seeds):
    """All climbs end at the same summit; the others take a fraction of EM's passes."""
    counts, rates = [], []
    for seed in seeds:
        x = two_laboratories(seed)
        start = IncompleteGaussianMixture.start(x, 1, rng=0)
        plain = fit(start, x, tol=1e-6)
        quick = [
            fit(start, x, tol=1e-6, steps=way)
            for way in (accelerate.squarem, accelerate.anderson, accelerate.quasi_newton)
        ]
        assert all(abs(plain.objective[-1] - run.objective[-1]) < 1e-4 for run in quick)
        counts.append([run.n_e_steps for run in (plain, *quick)])
        rates.append(abs(np.linalg.eigvals(accelerate.rate_matrix(quick[-1].model, x))).max())
    em, squarem, anderson, quasi_newton = np.median(counts, axis=0)
    assert em > 200 and em > 3 * squarem and em > 3 * anderson and em > 10 * quasi_newton
    assert abs(np.mean(rates) - 400 / 410) < 0.015


def test_where_no_row_has_both_the_start_decides(seeds):
    """The summit is a ridge, and EM ends somewhere on it, where depends on the start."""
    for seed in seeds:
        x, ends = two_laboratories(seed, pairs=0), []
        start = IncompleteGaussianMixture.start(x, 1, rng=0)
        for c in (-0.5, 0.0, 0.6):
            model = replace(start, covariances=[[[1.0, c], [c, 1.0]]])
            ends.append(fit(model, x, tol=1e-10))
            for method in ("oakes", "supplemented"):
                with pytest.raises(UncertaintyError, match="ridge"):
                    standard_errors(ends[-1].model, x, method=method)
        s = np.array([end.model.covariances[0] for end in ends])
        r = s[:, 0, 1] / np.sqrt(s[:, 0, 0] * s[:, 1, 1])
        assert np.ptp([end.objective[-1] for end in ends]) < 1e-6
        assert r[0] < -0.3 and abs(r[1]) < 1e-6 and r[2] > 0.4
