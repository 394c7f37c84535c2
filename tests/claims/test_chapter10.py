"""The empirical sentences of chapter 10, with other seeds."""

import numpy as np

from emlib import CensoredExponential, IncompleteGaussianMixture, accelerate, data, fit


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


def test_em_is_wrong_where_the_reason_matters(seeds):
    """Better than deleting, wrong by many times its spread, and half a deviation mends it."""

    def world(seed):
        rng = np.random.default_rng(seed)
        whole = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 400)
        gone = rng.random(400) < 1 / (1 + np.exp(-2 * whole[:, 1]))
        return np.column_stack([whole[:, 0], np.where(gone, np.nan, whole[:, 1])])

    tables = [world(seed) for seed in seeds]
    found = np.array(
        [fit(IncompleteGaussianMixture.start(x, 1, rng=0), x).model.means[0, 1] for x in tables]
    )
    deleted = np.array([np.nanmean(x[:, 1]) for x in tables])
    assert (deleted < found).all()
    assert found.mean() < -3 * found.std()
    needed = -found / np.array([np.isnan(x[:, 1]).mean() for x in tables])
    assert 0.35 < needed.mean() < 0.7


def test_the_slow_climb_of_two_laboratories_has_a_cure(seeds):
    """All climbs end at the same summit; quasi-Newton takes at most a fifth of EM's passes."""
    ratios = []
    for seed in seeds:
        x = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 410)
        x[10:210, 1] = np.nan
        x[210:, 0] = np.nan
        start = IncompleteGaussianMixture.start(x, 1, rng=0)
        plain = fit(start, x, tol=1e-6)
        quick = fit(start, x, tol=1e-6, steps=accelerate.quasi_newton)
        assert abs(plain.objective[-1] - quick.objective[-1]) < 1e-4
        ratios.append(plain.n_e_steps / quick.n_e_steps)
    assert np.median(ratios) > 5
