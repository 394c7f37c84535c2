"""PoissonMixture beside scipy, in closed form, as a table, with a prior, and with no events."""

import math
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.special import gammaln

from emlib import DegenerateError, DegenerateWarning, data, em, initial
from emlib.coordinates import pack, unpack
from emlib.families.poisson import PoissonMixture
from emlib.prior import Beta, Dirichlet, Gamma, MixturePrior
from laws import assert_same_model, slopes

NAN, INF = np.nan, np.inf
DEATHS, DAYS = data.death_notices()
DEATHS_START = PoissonMixture([0.3, 0.7], [1.0, 2.5])
PRIOR = MixturePrior(Gamma(3.0, 0.5), Dirichlet([2.0, 1.5]))
methods = pytest.mark.parametrize("method", initial.METHODS)


# --- the density


def test_log_joint_is_that_of_scipy():
    x = np.arange(80)
    model = PoissonMixture([0.1, 0.2, 0.3, 0.4], [1e-20, 0.3, 7.0, 1e6])
    oracle = np.log(model.weights) + stats.poisson.logpmf(x[:, None], model.rates)
    np.testing.assert_allclose(model.log_joint(x), oracle, rtol=1e-12)
    density = np.log(np.exp(oracle).sum(axis=1))
    assert model.log_likelihood(x) == pytest.approx(density.sum(), rel=1e-13)


@given(log_rate=st.floats(-3, 9), score=st.floats(-40, 40))
def test_log_density_is_exact_where_series_and_logarithm_meet(log_rate, score):
    """Beside the same in 50 digits: what is lost to a rate of x."""
    rate = 10**log_rate
    x = float(max(0, round(rate + score * np.sqrt(rate))))
    model, best = PoissonMixture([1.0], [rate]), PoissonMixture([1.0], [x])
    loss = (best.log_joint([x]) - model.log_joint([x])).item()
    with localcontext(prec=50):
        count, lam = Decimal(x), Decimal(rate)
        exact = float(lam - count + (count * (count / lam).ln() if count else 0))
    noise = 1e-15 * abs(best.log_joint([x]).item())  # of the last subtraction
    assert loss == pytest.approx(exact, rel=1e-13, abs=4 * noise)


def test_probabilities_of_all_counts_sum_to_one_with_the_mean_of_the_mixture():
    model, x = PoissonMixture([0.2, 0.8], [3.0, 9.0]), np.arange(80)
    p = np.exp(model.log_density(x))
    assert p.sum() == pytest.approx(1, abs=1e-13)
    assert p @ x == pytest.approx(0.2 * 3 + 0.8 * 9, rel=1e-12)


def test_a_rate_of_zero_yields_zeros_and_nothing_else():
    model = PoissonMixture([0.25, 0.75], [0.0, 2.0])
    log_joint = model.log_joint([0, 3])
    assert log_joint[0, 0] == np.log(0.25)
    assert log_joint[1, 0] == -INF
    np.testing.assert_array_equal(model.responsibilities([3]), [[0, 1]])
    assert model.elbo([0, 3], [[0.5, 0.5], [0, 1]]) < model.log_likelihood([0, 3]) < 0
    assert model.elbo([3], [[0.5, 0.5]]) == -INF


# --- the maximum


@pytest.mark.parametrize("weight", [None, [3.0, 0.5, 0.0, 2.0]])
def test_one_component_is_the_mean(weight):
    x = np.array([3, 0, 50, 8])
    fit = em.fit(PoissonMixture([1.0], [1.0]), x, sample_weight=weight)
    assert fit.converged
    assert fit.model.rates[0] == pytest.approx(np.average(x, weights=weight), rel=1e-15)


def test_the_limit_is_the_optimum_that_scipy_finds():
    rng = np.random.default_rng(1)
    x = rng.poisson(np.repeat([2.0, 9.0, 25.0], 40))

    def loss(v):
        pi = np.exp([0, *v[:2]]) / np.exp([0, *v[:2]]).sum()
        return -np.log(stats.poisson.pmf(x[:, None], np.exp(v[2:])) @ pi).sum()

    start = np.concatenate([[0, 0], np.log([1, 10, 30])])
    best = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-6})
    fit = em.fit(PoissonMixture(np.full(3, 1 / 3), [1.0, 10.0, 30.0]), x, tol=1e-12)
    assert fit.objective[-1] == pytest.approx(-best.fun, abs=1e-8)
    np.testing.assert_allclose(fit.model.rates, np.exp(best.x[2:]), rtol=1e-4)


def test_a_table_of_frequencies_is_the_same_as_its_rows():
    table = em.fit(DEATHS_START, DEATHS, sample_weight=DAYS, max_iter=50)
    rows = em.fit(DEATHS_START, np.repeat(DEATHS, DAYS), max_iter=50)
    np.testing.assert_allclose(table.objective, rows.objective, rtol=1e-13)
    assert_same_model(table.model, rows.model, tol=1e-11)


def test_zeros_of_two_kinds_end_with_a_rate_of_zero():
    """More zeros than a Poisson explains, and no ones: a component of zeros alone."""
    x = np.repeat([0, 6, 8], [60, 20, 20])
    fit = em.fit(PoissonMixture([0.5, 0.5], [0.1, 5.0]), x, tol=1e-12)
    assert fit.converged
    silent, busy = fit.model.rates
    assert 0 <= silent < 1e-6
    # Then the positive counts are a Poisson without its zeros: mean = rate / (1 - e^-rate).
    assert busy / (1 - np.exp(-busy)) == pytest.approx(7, rel=1e-6)


def test_a_rate_of_zero_stays_and_is_no_failure():
    x = np.repeat([0, 6, 8], [60, 20, 20])
    fit = em.fit(PoissonMixture([0.5, 0.5], [0.0, 5.0]), x)
    assert fit.converged
    assert fit.model.rates[0] == 0


def test_all_counts_may_be_zero():
    only_zeros = em.fit(PoissonMixture([1.0], [1.0]), np.zeros(5))
    assert only_zeros.converged
    assert only_zeros.model.rates[0] == only_zeros.objective[-1] == 0


@pytest.mark.parametrize("size", [1e3, 1e5, 1e8, 1e10, 1e12])
def test_gains_do_not_drown_in_rounding_when_counts_are_large(size):
    """The plain sum, of terms of the order of x log x, would seem to fall from step to step."""
    rng = np.random.default_rng(3)
    for seed in range(5):
        x = rng.poisson(size + np.repeat([-3.0, 3.0], 20) * np.sqrt(size))
        fit = em.fit(PoissonMixture.start(x, 2, seed), x, tol=1e-9)
        assert fit.converged
        scores = np.sort(fit.model.rates - size) / np.sqrt(size)
        np.testing.assert_allclose(scores, [-3, 3], atol=1)


def test_an_emptied_component_ends_the_fit_as_degenerate():
    start = PoissonMixture([1.0, 0.0], [2.0, 5.0])
    with pytest.warns(DegenerateWarning, match=r"component 1 is empty.*chapter 5"):
        fit = em.fit(start, DEATHS, sample_weight=DAYS)
    assert fit.status == "degenerate"
    assert fit.model == start
    with pytest.raises(DegenerateError, match="component 1"):
        start.m_step(start.e_step(DEATHS))


def test_components_are_compared_in_standard_deviations():
    rates = np.array([0.0, 1.0, 1e6, 1.003e6])
    distances = PoissonMixture(np.full(4, 0.25), rates).distances()
    assert distances[0, 1] == 2
    assert distances[2, 3] == distances[3, 2] == pytest.approx(3e3 / 1e3, rel=2e-3)
    assert (np.diag(distances) == 0).all()


def test_doubts_know_that_rates_close_by_percentage_may_be_far_apart():
    rng = np.random.default_rng(0)
    x = rng.poisson(np.repeat([1e6, 1.01e6], 50))
    assert em.fit(PoissonMixture.start(x, 2, 0), x).doubts == ()
    assert any(
        "nearly the same" in text
        for text in em.fit(
            PoissonMixture([0.5, 0.5], [2.15, 2.16]), DEATHS, sample_weight=DAYS, max_iter=1
        ).doubts
    )


def test_identical_rates_end_the_fit_as_degenerate():
    with pytest.warns(DegenerateWarning, match="components 0 and 1 are the same"):
        fit = em.fit(PoissonMixture([0.5, 0.5], [2.0, 2.0]), DEATHS, sample_weight=DAYS)
    assert fit.status == "degenerate"


# --- starts


@methods
@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_every_start_on_a_table_can_be_fitted(method, k):
    for seed in range(3):
        start = PoissonMixture.start(DEATHS, k, seed, method, sample_weight=DAYS)
        mean = DEATHS @ DAYS / DAYS.sum()
        assert (start.rates >= 0.01 * mean * (1 - 1e-12)).all()
        assert start.prior is None
        fit = em.fit(start, DEATHS, sample_weight=DAYS, max_iter=5)
        assert fit.objective[-1] >= fit.objective[0]


def test_start_is_an_m_step_from_groups_of_similar_counts():
    x = np.array([2, 3, 4, 40, 50])
    model = PoissonMixture.start(x, 2, 0)
    order = np.argsort(model.rates)
    np.testing.assert_allclose(model.rates[order], [3, 45], rtol=1e-15)
    np.testing.assert_allclose(model.weights[order], [0.6, 0.4], rtol=1e-15)
    frequencies = PoissonMixture.start(x, 2, 0, sample_weight=[1, 2, 1, 3, 1])
    order = np.argsort(frequencies.rates)
    np.testing.assert_allclose(frequencies.rates[order], [3, 170 / 4], rtol=1e-15)
    np.testing.assert_allclose(frequencies.weights[order], [0.5, 0.5], rtol=1e-15)


def test_start_groups_by_square_roots():
    """Between 0 and 100 lies 36: nearer to 0, but its root is nearer to that of 100."""
    rates = np.sort(PoissonMixture.start([0, 1, 36, 100], 2, 0).rates)
    np.testing.assert_allclose(rates, [0.5, 68], rtol=1e-15)


def test_start_is_blind_to_rows_of_weight_zero_and_to_the_unit_of_the_weights():
    x, w = np.array([2, 3, 900, 40, 50]), np.array([1.0, 2, 0, 3, 1])
    for seed in range(5):
        start = PoissonMixture.start(x, 2, seed, sample_weight=w)
        assert start == PoissonMixture.start(x[w > 0], 2, seed, sample_weight=w[w > 0])
        assert_same_model(start, PoissonMixture.start(x, 2, seed, sample_weight=w * 1e-9))


def test_a_group_of_zeros_starts_at_a_hundredth_of_the_mean():
    start = PoissonMixture.start([0, 0, 7, 7], 2, 0)
    np.testing.assert_allclose(np.sort(start.rates), [0.035, 7], rtol=1e-15)
    table = PoissonMixture.start([0, 7], 2, 0, sample_weight=[3, 1])
    np.testing.assert_allclose(np.sort(table.rates), [0.0175, 7], rtol=1e-15)
    assert PoissonMixture.start([0, 0], 1, 0).rates[0] == 0


@methods
def test_seeds_are_reproducible_and_0_is_a_seed_like_any_other(method):
    x = np.repeat(DEATHS, DAYS)
    first = PoissonMixture.start(x, 2, 0, method)
    assert first == PoissonMixture.start(x, 2, 0, method)
    assert first == PoissonMixture.start(x, 2, np.random.default_rng(0), method)
    assert len({tuple(PoissonMixture.start(x, 2, s, "random").rates) for s in range(4)}) == 4


# --- priors


def with_prior(model=DEATHS_START, prior=PRIOR):
    return replace(model, prior=prior)


def test_log_prior_is_that_of_scipy():
    model = with_prior()
    oracle = stats.gamma.logpdf(model.rates, 3, scale=1 / 0.5).sum()
    oracle += stats.dirichlet.logpdf(model.weights, [2.0, 1.5])
    assert model.log_prior() == pytest.approx(oracle, rel=1e-13)
    assert DEATHS_START.log_prior() == 0.0
    assert model.n_parameters == DEATHS_START.n_parameters == 3


def test_m_step_with_a_prior_adds_imaginary_events_and_observations():
    model = with_prior()
    expectation = model.e_step(DEATHS, DAYS)
    after = model.m_step(expectation)
    (events,) = expectation.statistics
    counts = expectation.counts
    np.testing.assert_allclose(after.rates, (events + 2) / (counts + 0.5), rtol=1e-15)
    np.testing.assert_allclose(after.weights, (counts + [1, 0.5]) / 1097.5, rtol=1e-14)
    assert after.prior is model.prior


@given(seed=st.integers(0, 2**32 - 1))
def test_with_a_prior_the_m_step_maximises_q_plus_log_prior_and_em_climbs(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 4))
    prior = MixturePrior(
        Gamma(rng.uniform(1, 5), rng.exponential() + 0.1), Dirichlet(rng.uniform(1, 4, k))
    )
    model = PoissonMixture(rng.dirichlet(np.full(k, 5.0)), rng.uniform(1, 8, k), prior)
    x = rng.poisson(rng.uniform(0.5, 8, 15))
    r = model.responsibilities(x)
    best = model.m_step(model.e_step(x))

    def penalised(v):
        other = unpack(best, v)
        return other.expected_log_joint(x, r) + other.log_prior()

    at = pack(best)
    for scale in (1e-3, 0.1, 1.0):
        nearby = penalised(at + scale * rng.standard_normal(len(at)))
        assert nearby <= penalised(at) + 1e-12 * abs(penalised(at))
    np.testing.assert_allclose(slopes(rng, penalised, at), 0, atol=1e-4)
    before, after = (m.log_likelihood(x) + m.log_prior() for m in (model, best))
    assert after >= before - 1e-12 * abs(before)


def test_the_objective_of_a_fit_is_penalised():
    fit = em.fit(with_prior(), DEATHS, sample_weight=DAYS)
    assert fit.converged
    assert fit.objective[-1] == pytest.approx(fit.log_likelihood[-1] + fit.model.log_prior())


def test_a_prior_lifts_a_rate_off_zero():
    x = np.repeat([0, 6, 8], [60, 20, 20])
    start = PoissonMixture.start(x, 2, 0, prior=MixturePrior(Gamma(2, 1)))
    fit = em.fit(replace(start, rates=[1e-12, 7.0]), x, tol=1e-9)
    assert fit.model.rates.min() == pytest.approx(1 / 61, rel=0.05)


def test_default_prior_has_its_mode_at_the_mean():
    prior = PoissonMixture.default_prior(DEATHS, 2, sample_weight=DAYS)
    mean = DEATHS @ DAYS / DAYS.sum()
    assert (prior.components.shape - 1) / prior.components.rate == pytest.approx(mean)
    assert prior.components.shape - 1 == 1
    assert prior.weights == Dirichlet(1.0)
    assert prior == PoissonMixture.default_prior(np.repeat(DEATHS, DAYS), 2)
    start = PoissonMixture.start(DEATHS, 2, 0, prior="default", sample_weight=DAYS)
    assert start.prior == prior
    assert PoissonMixture.start(DEATHS, 2, 0, prior=PRIOR).prior == PRIOR


# --- the rest


def test_draws_have_the_moments_of_their_component():
    x, z = PoissonMixture([0.3, 0.7], [2.0, 30.0]).sample(20_000, 0)
    assert x.dtype == np.float64 and (x == np.round(x)).all()
    for k, rate in enumerate([2.0, 30.0]):
        own = x[z == k]
        assert own.mean() == pytest.approx(rate, rel=0.02)
        assert own.var() == pytest.approx(rate, rel=0.05)
    assert (z == 0).mean() == pytest.approx(0.3, abs=0.02)


def test_integers_are_as_good_as_floats():
    as_floats = DEATHS_START.log_joint(DEATHS.astype(float))
    for kind in (np.int8, np.uint8, np.int64, np.float32):
        np.testing.assert_array_equal(DEATHS_START.log_joint(DEATHS.astype(kind)), as_floats)


def start(x, **options):
    return PoissonMixture.start(x, 2, 0, **options)


UNUSABLE = {
    "negative": (
        lambda: em.fit(DEATHS_START, [3, -1, 2, -4]),
        r"x: 2 rows not made of non-negative whole numbers \(rows 1, 3\)\. Give counts",
    ),
    "not whole": (lambda: DEATHS_START.log_joint([1, 2.5]), r"whole numbers \(row 1\)"),
    "NaN": (lambda: em.fit(DEATHS_START, [1, NAN]), r"x: 1 row with NaN or infinite .*\(row 1\)"),
    "infinite": (lambda: DEATHS_START.log_density([INF, 1]), r"\(row 0\)"),
    "matrix": (lambda: em.fit(DEATHS_START, [[1, 2]]), r"x must have shape \(N,\), not \(1, 2\)"),
    "empty": (lambda: em.fit(DEATHS_START, []), "x is empty"),
    "impossible": (
        lambda: em.fit(PoissonMixture([1.0], [0.0]), [0, 0, 2]),
        r"x: 1 row impossible under every component \(row 2\)",
    ),
    "rates negative": (
        lambda: PoissonMixture([0.5, 0.5], [1.0, -2.0]),
        r"rates must not be negative, but they are \[1.0, -2.0\]",
    ),
    "rates NaN": (lambda: PoissonMixture([1.0], [NAN]), "rates must be finite"),
    "rates shape": (lambda: PoissonMixture([1.0], [1.0, 2.0]), r"rates must have shape \(1,\)"),
    "weights": (lambda: PoissonMixture([0.5, 0.6], [1.0, 2.0]), "weights must .* sum to 1"),
    "prior of another family": (
        lambda: with_prior(prior=MixturePrior(Beta(2, 2))),
        r"prior\.components must be a Gamma, not Beta",
    ),
    "prior of other size": (
        lambda: with_prior(prior=MixturePrior(Gamma(2, 1), Dirichlet([1, 1, 1]))),
        "3 entries for 2 components",
    ),
    "start negative": (lambda: start([3, 1, -1]), r"whole numbers \(row 2\)"),
    "start method": (lambda: start([1, 2, 3], method="k"), "method must be one of"),
    "start prior": (lambda: start([1, 2, 3], prior="flat"), "prior must be one of 'default'"),
    "start too few distinct": (
        lambda: start([4, 4, 4]),
        "only 1 distinct rows for 2 components",
    ),
    "start too few with weight": (
        lambda: start([1, 2, 3], sample_weight=[0, 1, 0]),
        "x has only 1 rows",
    ),
    "start weights all zero": (
        lambda: start([1, 2, 3], sample_weight=[0, 0, 0]),
        "all sample weights are zero",
    ),
    "start weights negative": (
        lambda: start([1, 2, 3], sample_weight=[1, -1, 1]),
        r"sample_weight: 1 row negative or not finite \(row 1\)",
    ),
    "start weights shape": (
        lambda: start([1, 2, 3], sample_weight=[1, 1]),
        r"sample_weight must have shape \(3,\)",
    ),
    "default prior of zeros": (
        lambda: PoissonMixture.default_prior([0, 0], 1),
        "all values of x are zero",
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_the_unusable_is_refused(name):
    call, message = UNUSABLE[name]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("rate", [5e-324, 1e-310, 1e-300, 1e-290, 1e-12, 1e-9])
def test_a_rate_that_is_all_but_zero_is_no_zero(rate):
    """The density is tiny, and finite: counts over the rate must not overflow."""
    x = np.array([0, 1, 3, 500_000])
    wanted = x * math.log(rate) - rate - gammaln(x + 1)
    density = PoissonMixture([1.0], [rate]).log_density(x)
    np.testing.assert_allclose(density, wanted, rtol=1e-13)
