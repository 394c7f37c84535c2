"""The empirical sentences of chapter 9, with other seeds."""

import importlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from emlib import PoissonMixture, fit
from emlib.uncertainty import bootstrap

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(FOLDER))
    many = importlib.import_module("coverage_of_intervals")
CLOSE, APART = (1096, 0.36, (1.256, 2.663)), (200, 0.4, (2.0, 10.0))


def test_not_even_the_first_digit_is_safe(seeds):
    """The middle fifty of sixty lower rates; where one rate comes out high, so does the other."""
    x = np.arange(14.0)
    for seed in seeds[:5]:
        truth = many.repeated(many.Many(np.array([0.36]), np.array([[1.256, 2.663]])), 60)
        tables = many.drawn(truth, 1096, x, np.random.default_rng(seed))
        low, high = many.in_order(many.climb(truth, x, tables)).rates.T
        inner = np.sort(low)[[5, -6]]
        assert inner[0] < 1.1 and inner[1] > 1.5
        assert np.mean((low < 1) | (low >= 2)) > 0.05  # the first digit is another
        assert np.corrcoef(low, high)[0, 1] > 0.4


# --- coverage


def cells(theta):
    return np.stack([2 + theta, 1 - theta, 1 - theta, theta], axis=-1) / 4


def summits(y):
    n, b = y.sum(axis=-1), y[..., 0] - 2 * (y[..., 1] + y[..., 2]) - y[..., 3]
    return (b + np.sqrt(b**2 + 8 * n * y[..., 3])) / (2 * n)


def heights(theta, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = y * np.log(cells(theta))
    return np.where(y > 0, logs, 0.0).sum(axis=-1)


def coverages(n, truth, seed, sets=500, resamples=200):
    rng = np.random.default_rng(seed)
    y = rng.multinomial(n, cells(np.float64(truth)), size=sets).astype(float)
    best = summits(y)
    inside = (best > 1e-9) & (best < 1 - 1e-9)
    t, z = np.where(inside, best, 0.5), norm.ppf(0.975)
    se = 1 / np.sqrt(y[:, 0] / (2 + t) ** 2 + (y[:, 1] + y[:, 2]) / (1 - t) ** 2 + y[:, 3] / t**2)
    far = abs(np.log(t / (1 - t)) - np.log(truth / (1 - truth)))
    new = rng.multinomial(n, cells(best.clip(0, 1)), size=(resamples, sets)).astype(float)
    low, high = np.quantile(summits(new), [0.025, 0.975], axis=0)
    held = (
        inside & (abs(t - truth) < z * se),
        inside & (far < z * se / (t * (1 - t))),
        heights(best, y) - heights(np.full(sets, truth), y) < z**2 / 2,
        (low <= truth) & (truth <= high),
    )
    return [*np.mean(held, axis=1), 1 - inside.mean()]


def test_with_197_animals_all_four_keep_their_word(seeds):
    found = np.array([coverages(197, 0.63, seed) for seed in seeds])[:, :4]
    assert (abs(found.mean(axis=0) - 0.95) < 0.015).all()
    assert (abs(found - 0.95) < 0.04).all()


def test_with_20_animals_wald_and_the_bootstrap_miss_twice_as_often(seeds):
    wald, logit, likely, boot, _ = np.mean([coverages(20, 0.63, s) for s in seeds], axis=0)
    assert 0.085 < 1 - wald < 0.14 and 0.085 < 1 - boot < 0.15
    assert logit > 0.93 and likely > 0.93


def test_near_the_edge_three_of_the_four_fail_badly(seeds):
    found = np.array([coverages(20, 0.9, s) for s in seeds])
    assert (found[:, [0, 1, 3]] < 0.75).all()
    assert (found[:, 2] > 0.94).all()
    assert ((0.28 < found[:, 4]) & (found[:, 4] < 0.42)).all()  # a third are at the edge


def test_two_hundred_counts_with_rates_far_apart_are_many(seeds):
    held = many.coverage(*APART, rng=seeds, n_sets=500, resamples=100)
    for method in many.METHODS:
        assert abs(held[method].mean() - 0.95) < 0.035, method


def test_on_the_ridge_wald_fails_and_likelihood_and_bootstrap_keep_their_word(seeds):
    """Wald misses about three times as often, the logit mends half of that."""
    held = many.coverage(*CLOSE, rng=seeds, n_sets=500, resamples=0)
    wald, logit, likely = (1 - held[method].mean() for method in many.METHODS[:3])
    assert 0.11 < wald < 0.21
    assert likely < 0.085 and likely < logit < 0.75 * wald
    again = many.coverage(*CLOSE, rng=seeds, n_sets=100, resamples=40)
    assert again[many.METHODS[3]].mean() > 0.86  # of 40 refits: the true ends are further out


# --- Deeper


def test_the_sandwich_is_right_where_the_curvature_claims_too_much(seeds):
    truth = PoissonMixture([0.36, 0.64], [1.256, 2.663])
    trusting, robust, means = [], [], []
    for seed in seeds:
        x = truth.sample(100 * 1096, seed)[0].reshape(100, 1096)
        means.append(x.mean(axis=1))
        trusting.append(np.sqrt(x.mean(axis=1) / 1096))
        robust.append(x.std(axis=1) / np.sqrt(1096))
    measured = np.std(means)
    assert np.mean(trusting) < 0.95 * measured
    assert np.mean(robust) == pytest.approx(measured, rel=0.06)


def test_components_apart_do_not_switch_and_components_that_overlap_do(seeds):
    switched = {}
    for rate in (8.0, 4.0):
        truth, switched[rate] = PoissonMixture([0.45, 0.55], [2.0, rate]), 0
        for seed in seeds:
            x, times = np.unique(truth.sample(40, seed)[0], return_counts=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = fit(truth, x, sample_weight=times, tol=0.01).model
                drawn = bootstrap(model, x, seed, n=10, sample_weight=times, tol=0.05)
            switched[rate] += drawn.switched
    assert switched[8.0] <= 2 < switched[4.0]


def test_a_thousand_refits_for_an_interval_a_hundred_for_a_standard_error(seeds):
    """A standard deviation from B refits has a relative error of about 1 / sqrt(2 B)."""
    ends, errors = {}, {}
    for size in (100, 1000):
        again = np.array([
            np.random.default_rng(s).poisson(4.0, size=(size, 50)).mean(axis=1) for s in
            range(seeds[0], seeds[0] + 100)
        ])  # fmt: skip
        errors[size] = again.std(axis=1).std() / again.std(axis=1).mean()
        ends[size] = np.quantile(again, 0.975, axis=1).std()
    assert errors[100] == pytest.approx(1 / np.sqrt(200), rel=0.3)
    assert ends[1000] < 0.6 * ends[100]


def test_neither_percentile_nor_basic_holds_with_ten_waits(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        rate = 1 / rng.exponential(1.0, size=(1000, 10)).mean(axis=1)
        refits = 10 / rng.gamma(10, 1 / rate[:, None], size=(1000, 200))
        low, high = np.quantile(refits, [0.025, 0.975], axis=1)
        assert ((low <= 1) & (1 <= high)).mean() < 0.945
        assert ((2 * rate - high <= 1) & (1 <= 2 * rate - low)).mean() < 0.93
