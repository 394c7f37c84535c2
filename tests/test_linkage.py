"""Linkage beside scipy's multinomial, its bound, and its calculus."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from emlib import ABO, BinomialMixture, DegenerateWarning, Linkage, data, em

X = data.linkage()
thetas = st.floats(0.01, 0.99)


@given(theta=thetas)
def test_log_likelihood_is_that_of_scipy(theta):
    model = Linkage(theta)
    oracle = stats.multinomial(197, [(2 + theta) / 4, (1 - theta) / 4, (1 - theta) / 4, theta / 4])
    assert model.log_likelihood(X) == pytest.approx(oracle.logpmf(X), rel=1e-10)
    assert model.e_step(X).log_likelihood == pytest.approx(oracle.logpmf(X), rel=1e-10)
    assert model.cell_probabilities.sum() == pytest.approx(1, abs=1e-15)


@given(theta=thetas, q=st.floats(0, 1))
def test_elbo_plus_kl_is_log_likelihood(theta, q):
    model = Linkage(theta)
    total = model.elbo(X, q) + model.kl(X, q)
    assert total == pytest.approx(model.log_likelihood(X), rel=1e-12)
    assert model.kl(X, q) >= 0


@given(theta=thetas)
def test_elbo_touches_at_the_responsibility(theta):
    model = Linkage(theta)
    assert model.elbo(X, model.responsibility) == pytest.approx(model.log_likelihood(X), rel=1e-13)
    assert model.kl(X, model.responsibility) == 0
    assert model.responsibility == pytest.approx((theta / 4) / (1 / 2 + theta / 4), rel=1e-14)


@given(theta=thetas, other=thetas)
def test_m_step_maximises_the_bound_and_never_lowers_the_likelihood(theta, other):
    model = Linkage(theta)
    q = model.responsibility
    best = model.m_step(model.e_step(X))
    assert best.elbo(X, q) >= Linkage(other).elbo(X, q) - 1e-12
    assert best.log_likelihood(X) >= model.log_likelihood(X) - 1e-12


@given(theta=thetas)
def test_fisher_identity(theta):
    h, q = 1e-6, Linkage(theta).responsibility

    def slope(f):
        return (f(Linkage(theta + h)) - f(Linkage(theta - h))) / (2 * h)

    of_bound = slope(lambda m: m.elbo(X, q))
    assert slope(lambda m: m.log_likelihood(X)) == pytest.approx(of_bound, rel=1e-5, abs=1e-5)
    by_hand = 125 / (2 + theta) - 38 / (1 - theta) + 34 / theta
    assert of_bound == pytest.approx(by_hand, rel=1e-5, abs=1e-4)


def test_e_step_splits_the_first_cell():
    counts = Linkage(0.5).e_step(X).counts
    np.testing.assert_allclose(counts, [100, 25, 18, 20, 34], rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1))
def test_rows_blocks_and_weights_add(seed):
    rng = np.random.default_rng(seed)
    model = Linkage(rng.uniform(0.05, 0.95))
    x = rng.multinomial(50, [0.4, 0.2, 0.2, 0.2], size=6)
    copies = rng.integers(0, 3, 6)
    whole = model.e_step(x, copies)
    repeated = model.e_step(np.repeat(x, copies, axis=0)) if copies.any() else whole
    blocked = em.expect(model, [x[:2], x[2:]], copies)
    for other in (repeated, blocked):
        np.testing.assert_allclose(other.counts, whole.counts, rtol=1e-12)
        assert other.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


def test_one_experiment_may_be_a_row_or_a_vector():
    model = Linkage(0.4)
    assert model.log_likelihood(X) == model.log_likelihood(X[None])
    assert model.elbo([X, X], 0.3) == pytest.approx(2 * model.elbo(X, 0.3), rel=1e-14)
    assert model.kl([X, X], 0.3) == pytest.approx(2 * model.kl(X, 0.3), rel=1e-14)


def test_missing_information_gives_the_rate():
    theta = em.fit(Linkage(0.5), X, tol=1e-14).model.theta
    q = Linkage(theta).responsibility
    complete = (125 * q + 34) / theta**2 + 38 / (1 - theta) ** 2
    missing = 125 * q * (1 - q) / theta**2
    assert complete == pytest.approx(435.31785379896564, rel=1e-8)
    assert missing == pytest.approx(57.80095340427838, rel=1e-8)
    assert em.fit(Linkage(0.5), X, tol=1e-9).rate == pytest.approx(missing / complete, abs=2e-5)


@pytest.mark.parametrize("start", [1e-6, 0.1, 0.9, 1 - 1e-6])
def test_every_start_leads_to_the_one_summit(start):
    fit = em.fit(Linkage(start), X, tol=1e-12)
    assert fit.model.theta == pytest.approx((15 + np.sqrt(53809)) / 394, abs=1e-8)
    assert fit.converged


def test_linkage_is_a_value():
    assert Linkage(0.5) == Linkage(0.5) != Linkage(0.6)
    assert hash(Linkage(0.5)) == hash(Linkage(np.float64(0.5)))
    assert type(Linkage(np.float32(0.5)).theta) is float
    assert Linkage(0.5).log_prior() == 0.0


@pytest.mark.parametrize("counts", [[0, 5, 5, 0], [125, 0, 0, 34]])
def test_the_edge_of_the_range_is_reported_and_not_stepped_on(counts):
    with pytest.warns(DegenerateWarning, match="edge of its range"):
        fit = em.fit(Linkage(0.5), counts)
    assert fit.status == "degenerate"
    assert 0 < fit.model.theta < 1


def test_no_animals_at_all_is_an_error():
    with pytest.raises(ValueError, match="no animals"):
        em.fit(Linkage(0.5), [0, 0, 0, 0])


@pytest.mark.parametrize("scale", [1e3, 1e9, 1e12, 1e14])
def test_however_many_are_counted_no_digit_is_lost(scale):
    """A multinomial is one binomial after another; at 1e9 the gains of EM must not drown."""
    for model, start in (
        (Linkage(0.6), Linkage(0.4)),
        (ABO([0.2, 0.2, 0.6]), ABO([0.3, 0.2, 0.5])),
    ):
        p = (
            model.cell_probabilities
            if isinstance(model, Linkage)
            else model.phenotype_probabilities
        )
        x = np.round(p * scale)
        left, chance, theirs = x.sum(), 1.0, 0.0
        for n, q in zip(x[:3], p[:3], strict=True):
            theirs += BinomialMixture([1.0], [q / chance]).log_likelihood([[n, left]])
            left, chance = left - n, chance - q
        assert model.log_likelihood(x) == pytest.approx(theirs, rel=1e-9, abs=1e-3)
        assert em.fit(start, x).converged


def test_no_animal_in_a_cell_and_none_at_all():
    for x in ([5, 0, 3, 0], [0, 0, 0, 7], [0, 0, 0, 0]):
        p = Linkage(0.3).cell_probabilities
        theirs = stats.multinomial.logpmf(x, sum(x), p)
        assert Linkage(0.3).log_likelihood(x) == pytest.approx(theirs, abs=1e-13)
    assert ABO([0.5, 0.0, 0.5]).log_likelihood([1, 0, 0, 1]) == pytest.approx(np.log(3 / 8))
    assert ABO([0.5, 0.0, 0.5]).log_likelihood([1, 1, 0, 1]) == -np.inf


@pytest.mark.parametrize("q", [-0.1, 1.5, np.nan, [0.5, 0.5], "half"])
def test_a_q_that_is_no_probability_is_refused(q):
    for function in (Linkage(0.5).elbo, Linkage(0.5).kl):
        with pytest.raises(ValueError, match=r"q must"):
            function(X, q)
