"""BinomialMixture beside scipy.stats, in closed form, and at the edge of its support."""

import numpy as np
import pytest
from scipy import stats

from emlib import BinomialMixture, DegenerateError, DegenerateWarning, data, em


def test_log_joint_is_that_of_scipy():
    rng = np.random.default_rng(0)
    tosses = rng.integers(1, 40, 60)
    x = np.column_stack([rng.binomial(tosses, 0.4), tosses])
    model = BinomialMixture([0.2, 0.5, 0.3], [0.1, 0.4, 0.95])
    oracle = np.log(model.weights) + stats.binom.logpmf(x[:, :1], x[:, 1:], model.probabilities)
    np.testing.assert_allclose(model.log_joint(x), oracle, rtol=1e-12)
    density = np.log(np.exp(oracle).sum(axis=1))
    np.testing.assert_allclose(model.log_likelihood(x), density.sum(), rtol=1e-13)


def test_probabilities_of_all_outcomes_sum_to_one():
    model = BinomialMixture([0.2, 0.8], [0.3, 0.9])
    outcomes = np.column_stack([np.arange(13), np.full(13, 12)])
    assert np.exp(model.log_density(outcomes)).sum() == pytest.approx(1, abs=1e-13)


def test_one_coin_is_heads_over_tosses():
    x = np.array([[3, 10], [1, 4], [6, 6]])
    fit = em.fit(BinomialMixture([1.0], [0.5]), x)
    assert fit.model.probabilities[0] == pytest.approx(10 / 20, abs=1e-15)
    assert fit.converged


def test_a_coin_may_always_show_heads_or_never():
    x = np.array([[10, 10], [0, 10], [10, 10]])
    fit = em.fit(BinomialMixture([0.5, 0.5], [0.9, 0.2]), x, tol=1e-12)
    np.testing.assert_allclose(fit.model.probabilities, [1, 0], atol=1e-12)
    np.testing.assert_allclose(fit.model.weights, [2 / 3, 1 / 3], rtol=1e-12)
    certain = BinomialMixture([0.5, 0.5], [1.0, 0.0])
    assert certain.log_likelihood(x) == pytest.approx(3 * np.log(0.5), rel=1e-14)
    np.testing.assert_array_equal(certain.responsibilities(x)[:, 0], [1, 0, 1])


def test_the_sum_of_heads_may_round_to_more_than_tosses_but_a_probability_may_not_exceed_one():
    model = BinomialMixture([1.0], [0.5])
    expectation = em.Expectation(0.0, np.ones(1), (np.array([3.0 + 1e-15]), np.array([3.0])))
    assert model.m_step(expectation).probabilities[0] == 1.0


def test_fixed_weights_stay_and_are_no_parameters():
    start = BinomialMixture([0.3, 0.7], [0.6, 0.5], fixed_weights=True)
    model = em.fit(start, data.two_coins()).model
    np.testing.assert_array_equal(model.weights, [0.3, 0.7])
    assert model.n_parameters == 2
    assert BinomialMixture([0.3, 0.7], [0.6, 0.5]).n_parameters == 3


def test_an_impossible_start_is_refused_with_its_rows():
    with pytest.raises(ValueError, match=r"x: 1 row impossible under every component \(row 2\)"):
        em.fit(BinomialMixture([0.5, 0.5], [1.0, 1.0]), [[5, 5], [3, 3], [2, 3]])


def test_an_emptied_coin_ends_the_fit_as_degenerate():
    with pytest.warns(DegenerateWarning, match=r"component 1 is empty.*chapter 5"):
        fit = em.fit(BinomialMixture([1.0, 0.0], [0.6, 0.5]), data.two_coins())
    assert fit.status == "degenerate"
    with pytest.raises(DegenerateError, match="component 1"):
        fit.model.m_step(fit.model.e_step(data.two_coins()))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("method", ["kmeans", "k-means++", "random", "random_from_data"])
def test_start_is_an_m_step_from_groups_by_share_of_heads(method, fixed):
    x = np.array([[1, 10], [2, 20], [9, 10], [27, 30], [2, 10]])
    model = BinomialMixture.start(x, 2, 0, method, fixed_weights=fixed)
    assert model.fixed_weights is fixed
    if fixed:
        np.testing.assert_array_equal(model.weights, [0.5, 0.5])
    if method == "kmeans":
        order = np.argsort(model.probabilities)
        np.testing.assert_allclose(model.probabilities[order], [5 / 40, 36 / 40])
        expected = [0.5, 0.5] if fixed else [0.6, 0.4]
        np.testing.assert_allclose(model.weights[order], expected)


def test_sample_has_the_tosses_asked_for():
    x, _ = BinomialMixture([0.5, 0.5], [0.2, 0.7]).sample(1000, 0, tosses=7)
    assert (x[:, 1] == 7).all()
    assert 0 <= x[:, 0].min() and x[:, 0].max() <= 7
    assert x[:, 0].mean() == pytest.approx(7 * 0.45, abs=0.2)


@pytest.mark.parametrize("tosses", [10**3, 10**7, 10**9])
def test_many_tosses_do_not_drown_the_gains_in_rounding(tosses):
    """Coins that differ by less than one observation tells, so that EM takes many steps."""
    rng = np.random.default_rng(0)
    p = 0.5 + np.array([-1.0, 1.0]) / np.sqrt(tosses)
    x = np.column_stack([rng.binomial(tosses, p[rng.integers(2, size=300)]), np.full(300, tosses)])
    result = em.fit(BinomialMixture([0.5, 0.5], 0.5 + 0.2 * (p - 0.5)), x)  # climbs, or raises
    assert result.status == "converged" and result.n_iter > 5


def test_shares_of_nought_and_one():
    model = BinomialMixture([0.2, 0.3, 0.5], [0.0, 1.0, 0.5])
    x = [[0, 7], [7, 7], [3, 7]]
    wanted = np.log(model.weights) + stats.binom.logpmf(np.array(x)[:, :1], 7, model.probabilities)
    assert np.allclose(model.log_joint(x), wanted, rtol=1e-13)
