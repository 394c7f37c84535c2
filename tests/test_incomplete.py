"""Tables with holes, unseen zeros and lives cut off, against oracles that are not ours."""

import time
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import expon, multivariate_normal, norm, poisson

import published
from emlib import (
    CensoredExponential,
    CensoredNormal,
    DegenerateError,
    Gamma,
    GaussianMixture,
    IncompleteGaussianMixture,
    PoissonMixture,
    TruncatedPoisson,
    accelerate,
    bootstrap_lrt,
    data,
    em,
    held_out,
    hold,
    known,
    select,
    standard_errors,
)
from emlib.coordinates import pack, unpack
from emlib.search import search
from emlib.uncertainty import bootstrap

NAN = np.nan


def holes(rng, x, share):
    return np.where(rng.random(x.shape) < share, NAN, x)


def random_model(rng, k=3, d=4):
    a = rng.standard_normal((k, d, d))
    return IncompleteGaussianMixture(
        rng.dirichlet(np.full(k, 5.0)),
        rng.standard_normal((k, d)),
        a @ a.swapaxes(1, 2) + 0.1 * np.eye(d),
    )


# --- the mixture


@pytest.mark.parametrize("prior", [None, "default"])
def test_without_holes_it_is_the_mixture_of_normals(prior):
    x = data.old_faithful()
    own = None if prior is None else GaussianMixture.default_prior(x, 2)
    start = GaussianMixture.start(x, 2, 0, prior=own)
    ours = IncompleteGaussianMixture.start(x, 2, 0, prior=own)
    np.testing.assert_allclose(pack(ours), pack(start), rtol=1e-9)
    one, other = em.fit(ours, x, tol=1e-9), em.fit(start, x, tol=1e-9)
    assert one.objective[-1] == pytest.approx(other.objective[-1], abs=1e-9)
    np.testing.assert_allclose(one.model.covariances, other.model.covariances, rtol=1e-6)


def test_the_density_is_that_of_scipy_s_marginals():
    rng = np.random.default_rng(1)
    model = random_model(rng)
    x = holes(rng, rng.standard_normal((60, 4)), 0.4)
    ours = model.log_components(x)
    for n, row in enumerate(x):
        o = ~np.isnan(row)
        for k in range(3):
            theirs = 0.0
            if o.any():
                law = multivariate_normal(model.means[k][o], model.covariances[k][np.ix_(o, o)])
                theirs = law.logpdf(row[o])
            assert ours[n, k] == pytest.approx(theirs, abs=1e-9)


def test_the_expected_moments_are_those_of_many_draws():
    rng = np.random.default_rng(2)
    model = random_model(rng, k=1, d=3)
    row = np.array([[0.5, NAN, NAN]])
    draws = model.impute(np.repeat(row, 200_000, axis=0), rng)
    given = GaussianMixture([1.0], model.means, model.covariances).conditional([0], [0.5])
    np.testing.assert_allclose(draws[:, 1:].mean(axis=0), given.means[0], atol=0.03)
    np.testing.assert_allclose(np.cov(draws[:, 1:].T), given.covariances[0], rtol=0.03, atol=0.02)
    np.testing.assert_allclose(model.impute(row)[0, 1:], given.means[0], atol=1e-10)


def test_imputing_from_a_mixture_weighs_the_components():
    rng = np.random.default_rng(3)
    model = random_model(rng, k=2, d=3)
    row = [[0.3, NAN, -0.4]]
    given = GaussianMixture(model.weights, model.means, model.covariances)
    given = given.conditional([0, 2], [0.3, -0.4])
    assert model.impute(row)[0, 1] == pytest.approx(given.mean[0], abs=1e-10)
    draws = model.impute(np.repeat(row, 100_000, axis=0), rng)[:, 1]
    assert draws.mean() == pytest.approx(given.mean[0], abs=0.03)
    assert draws.var() == pytest.approx(given.covariance[0, 0], rel=0.03)


def test_what_is_observed_stays_to_the_last_bit():
    x = data.air_quality()[:, :4]
    model = IncompleteGaussianMixture.start(x, 2, 0)
    there = ~np.isnan(x)
    for filled in (model.impute(x), model.impute(x, 1)):
        assert (filled[there] == x[there]).all() and not np.isnan(filled).any()


def in_pieces(x):
    """The same rows as blocks, and as a dask array."""
    return [x[:9], x[9:40], x[40:]], da.from_array(x, chunks=(17, x.shape[1]))


@pytest.mark.parametrize("rng", [None, 1])
def test_blocks_are_imputed_as_the_whole(rng):
    x = data.air_quality()[:, :4]
    model = IncompleteGaussianMixture.start(x, 2, 0)
    for pieces in in_pieces(x):
        np.testing.assert_array_equal(model.impute(pieces, rng), model.impute(x, rng))


def test_blocks_have_the_expectation_of_the_whole_under_any_q():
    x = data.air_quality()[:, :4]
    model = IncompleteGaussianMixture.start(x, 2, 0)
    q = np.random.default_rng(0).dirichlet([1, 1], len(x))
    whole = model.expect_under(x, q)
    for pieces in in_pieces(x):
        e = model.expect_under(pieces, q)
        np.testing.assert_allclose(e.counts, whole.counts)
        for ours, theirs in zip(e.statistics, whole.statistics, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_apple_crop_is_its_closed_form():
    """Anderson (1957): x_1 by all rows, x_2 by regression on x_1 in the whole rows."""
    x = data.apple_crop()
    whole = ~np.isnan(x[:, 1])
    start = IncompleteGaussianMixture.start(x, 1, 0)
    fit = em.fit(start, x, steps=accelerate.anderson, tol=1e-16)
    slope, intercept = np.polyfit(*x[whole].T, 1)
    left = np.mean((x[whole, 1] - intercept - slope * x[whole, 0]) ** 2)
    m, s = x[:, 0].mean(), x[:, 0].var()
    np.testing.assert_allclose(fit.model.means[0], [m, intercept + slope * m], rtol=1e-7)
    exact = [[s, slope * s], [slope * s, left + slope**2 * s]]
    np.testing.assert_allclose(fit.model.covariances[0], exact, rtol=1e-7)
    there = IncompleteGaussianMixture([1.0], [[m, intercept + slope * m]], [exact])
    again = there.m_step(there.e_step(x))  # the closed form is where EM stays, to 1e-10
    np.testing.assert_allclose(again.covariances, there.covariances, rtol=1e-10)
    np.testing.assert_allclose(again.means, there.means, rtol=1e-10)
    assert [f"{v:.4f}" for v in there.means[0]] == published.APPLE_MEANS
    assert there.log_likelihood(x) == pytest.approx(published.APPLE_LIMIT, abs=1e-9)


def test_direct_maximisation_finds_the_same_summit():
    x = data.air_quality()[:, :4] / [30.0, 90.0, 3.5, 9.5]
    start = IncompleteGaussianMixture.start(x, 1, 0)
    fit = em.fit(start, x, tol=1e-9)
    found = minimize(lambda v: -unpack(start, v).log_likelihood(x) / 100, pack(start), tol=1e-10)
    assert fit.log_likelihood[-1] == pytest.approx(-100 * found.fun, abs=1e-5)


def test_slope_of_q_is_slope_of_the_likelihood():
    """Fisher's identity, holes and labels being latent together."""
    rng = np.random.default_rng(4)
    model, x = random_model(rng), holes(rng, rng.standard_normal((50, 4)), 0.3)
    e, at = em.expect(model, x), pack(model)
    for direction in np.linalg.qr(rng.standard_normal((len(at), 5)))[0].T * 1e-5:
        up, down = unpack(model, at + direction), unpack(model, at - direction)
        q = up.complete_log_likelihood(e) - down.complete_log_likelihood(e)
        assert q == pytest.approx(up.log_likelihood(x) - down.log_likelihood(x), rel=1e-4, abs=1e-9)
    best = model.m_step(e)
    for h in 0.01 * rng.standard_normal((20, len(at))):
        near = unpack(best, pack(best) + h)
        assert near.complete_log_likelihood(e) < best.complete_log_likelihood(e)


def test_empty_rows_move_no_estimate():
    rng = np.random.default_rng(5)
    x = holes(rng, rng.standard_normal((80, 2)) + 3 * rng.integers(0, 2, (80, 1)), 0.1)
    more = np.vstack([x, np.full((5, 2), NAN)])
    start = IncompleteGaussianMixture.start(x, 2, 0)
    one, other = em.fit(start, x, tol=1e-10), em.fit(start, more, tol=1e-10)
    assert one.log_likelihood[-1] == pytest.approx(other.log_likelihood[-1], abs=1e-7)
    np.testing.assert_allclose(one.model.means, other.model.means, atol=1e-3)
    assert start.log_density(np.full((1, 2), NAN)) == 0


def test_masked_and_blocked_tables_are_the_same_data():
    x = data.air_quality()[:, :4]
    start = IncompleteGaussianMixture.start(x, 1, 0)
    masked = np.ma.masked_invalid(x)
    want = em.expect(start, x).log_likelihood
    assert start.log_likelihood(masked) == pytest.approx(want, rel=1e-13)
    assert em.expect(start, [x[:70], x[70:]]).log_likelihood == pytest.approx(want, rel=1e-13)


def test_standard_errors_are_wider_than_with_nothing_missing():
    rng = np.random.default_rng(6)
    x = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 200)
    y = x.copy()
    y[100:, 1] = NAN
    wide, narrow = (
        standard_errors(em.fit(IncompleteGaussianMixture.start(d, 1, 0), d, tol=1e-10).model, d)
        for d in (y, x)
    )
    assert wide["means"][0, 1] > 1.1 * narrow["means"][0, 1]


def test_a_large_table_takes_seconds():
    rng = np.random.default_rng(7)
    seen = rng.random((200, 10)) < 0.7
    x = rng.standard_normal((100_000, 10))
    x = np.where(seen[rng.integers(200, size=100_000)], x, NAN)
    start = IncompleteGaussianMixture.start(x, 1, 0)
    begun = time.perf_counter()
    fit = em.fit(start, x, tol=1e-3)
    assert fit.converged
    assert time.perf_counter() - begun < 60  # about 5 on an idle core: see the report


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_units_do_not_matter(scale):
    x = data.apple_crop()
    model = em.fit(IncompleteGaussianMixture.start(x, 1, 0), x).model
    other = em.fit(IncompleteGaussianMixture.start(scale * x, 1, 0), scale * x).model
    np.testing.assert_allclose(other.means / scale, model.means, rtol=1e-6)


def test_far_from_the_origin():
    x = data.apple_crop()
    one = em.fit(IncompleteGaussianMixture.start(x, 1, 0), x).model
    far = em.fit(IncompleteGaussianMixture.start(x + 1e8, 1, 0), x + 1e8).model
    np.testing.assert_allclose(far.means - 1e8, one.means, rtol=1e-5)
    np.testing.assert_allclose(far.covariances, one.covariances, rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, np.inf], [2.0, NAN]], r"1 row.*infinite.*NaN where an entry is missing|infinite"),
        ([[1.0, NAN], [2.0, NAN], [4.0, NAN]], "column 1 has no value at all"),
        ([[1.0, 3.0], [2.0, 3.0], [4.0, NAN]], "column 1 is constant"),
        ([1.0, NAN], r"must have shape \(N, D\)"),
    ],
)
def test_errors_name_what_is_wrong(x, message):
    with pytest.raises(ValueError, match=message):
        IncompleteGaussianMixture.start(x, 1, 0)


def test_other_families_send_a_table_with_holes_here():
    with pytest.raises(ValueError, match="IncompleteGaussianMixture"):
        GaussianMixture.start(data.apple_crop(), 1, 0)


# --- filling, starting, drawing


def test_holes_get_the_mean_of_the_conditional_mixture():
    """The oracle goes another way: mixtures of normals, conditioned row by row."""
    rng = np.random.default_rng(12)
    model = random_model(rng)
    whole = GaussianMixture(model.weights, model.means, model.covariances)
    x = holes(rng, 2 * rng.standard_normal((40, 4)), 0.4)
    for row, filled in zip(x, model.impute(x), strict=True):
        seen, gone = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        np.testing.assert_array_equal(filled[seen], row[seen])
        if gone.size and seen.size:
            np.testing.assert_allclose(filled[gone], whole.conditional(seen, row[seen]).mean)
        elif gone.size:
            np.testing.assert_allclose(filled, whole.mean)


def test_weights_are_copies_from_the_start_on():
    rng = np.random.default_rng(13)
    x, w = holes(rng, rng.standard_normal((50, 3)), 0.3), rng.integers(0, 4, 50)
    one = IncompleteGaussianMixture.start(x, 1, 0, sample_weight=w)
    other = IncompleteGaussianMixture.start(np.repeat(x, w, axis=0), 1, 0)
    np.testing.assert_allclose(one.means, other.means, rtol=1e-10)
    np.testing.assert_allclose(one.covariances, other.covariances, rtol=1e-10)


def test_the_default_prior_has_the_columns_variances_divided_among_components():
    x = np.random.default_rng(14).standard_normal((60, 3)) * [1.0, 10.0, 0.1]
    x[::3, 0] = NAN
    prior = IncompleteGaussianMixture.default_prior(x, 8).components
    np.testing.assert_allclose(prior.scale, 8 ** (-2 / 3) * np.diag(np.nanvar(x, axis=0)))
    np.testing.assert_allclose(prior.mean, np.nanmean(x, axis=0))


def test_a_masked_entry_is_missing():
    rng = np.random.default_rng(15)
    x, gone = rng.standard_normal((20, 4)), rng.random((20, 4)) < 0.3
    model = random_model(rng)
    masked = model.log_density(np.ma.masked_array(x, gone))
    np.testing.assert_array_equal(masked, model.log_density(np.where(gone, NAN, x)))


def test_what_is_drawn_like_a_table_has_its_holes():
    rng = np.random.default_rng(16)
    x = holes(rng, rng.standard_normal((30, 4)), 0.3)
    drawn = random_model(rng).sample_like(x, 0)
    np.testing.assert_array_equal(np.isnan(drawn), np.isnan(x))


def test_a_masked_entry_is_missing_for_every_function():
    rng = np.random.default_rng(15)
    x, gone = rng.standard_normal((20, 2)), rng.random((20, 2)) < 0.3
    x[10:] += 5
    family = IncompleteGaussianMixture
    model = family([1.0], [[0, 0]], [np.eye(2)])
    how = {"rng": 0, "n_starts": 1, "prior": "default"}

    def answers(x):
        models = model, hold(model, "means")
        fits = [fit for m in models for fit in bootstrap(m, x, 0, n=2).models]
        return [
            search(family, x, 2, 0, budget=30, prior="default").objective[-1],
            select(family, x, 1, sample_weight=np.ones(20), **how).rows[0].bic,
            held_out(family, x, 1, n_folds=2, **how).log_likelihood,
            *bootstrap_lrt(family, x, 1, 2, n_bootstrap=2, **how).replicates,
            *(fit.covariances[0, 0, 1] for fit in fits),
        ]  # fmt: skip

    masked = answers(np.ma.masked_array(x, gone))
    np.testing.assert_array_equal(masked, answers(np.where(gone, NAN, x)))


# --- what is built on mixtures


@pytest.fixture(scope="module")
def two_clouds():
    rng = np.random.default_rng(11)
    x = rng.standard_normal((150, 3)) + 5 * (np.arange(150) < 60)[:, None]
    return holes(rng, x, 0.2)


def test_a_search_beats_one_start(two_clouds):
    found = search(IncompleteGaussianMixture, two_clouds, 2, 0, budget=600)
    single = em.fit(IncompleteGaussianMixture.start(two_clouds, 2, 0), two_clouds)
    assert found.converged and found.objective[-1] >= single.objective[-1] - 1e-6
    np.testing.assert_allclose(np.sort(found.model.weights), [0.4, 0.6], atol=0.02)


def test_a_selection_finds_the_clouds(two_clouds):
    table = select(IncompleteGaussianMixture, two_clouds, [1, 2, 3], rng=0, budget=300)
    assert table.best("bic").n_components == 2
    for row in table.rows:
        model = row.fit.model
        criterion = model.n_parameters * np.log(150) - 2 * model.log_likelihood(two_clouds)
        assert row.bic == pytest.approx(criterion, rel=1e-12)


def test_what_is_held_stays(two_clouds):
    free = em.fit(IncompleteGaussianMixture.start(two_clouds, 2, 0), two_clouds, tol=1e-9)
    moved = replace(free.model, means=free.model.means + [[0.5, 0, 0], [0, 0, 0]])
    for names in (("means",), ("means", "covariances")):
        held = em.fit(known.hold(moved, *names, components=[0]), two_clouds, tol=1e-9)
        assert held.converged and held.objective[-1] < free.objective[-1]
        for name in names:
            ours, theirs = getattr(held.model.model, name), getattr(moved, name)
            np.testing.assert_array_equal(ours[0], theirs[0])
            assert not np.array_equal(ours[1], theirs[1])


# --- zeros that nobody saw


def test_cholera_is_the_root_of_its_equation():
    cases, houses = data.cholera()
    start = TruncatedPoisson.start(cases, sample_weight=houses)
    fit = em.fit(start, cases, sample_weight=houses, tol=1e-13)
    root = brentq(lambda v: v / -np.expm1(-v) - 86 / 55, 0.1, 5)
    assert fit.model.rate == pytest.approx(root, abs=1e-7)
    assert f"{fit.model.rate:.3f}" == published.CHOLERA_RATE
    assert f"{fit.model.missing_count(55):.2f}" == published.CHOLERA_MISSING


def test_truncated_density_is_scipy_s_and_draws_follow_it():
    model, x = TruncatedPoisson(1.7), np.arange(1.0, 12)
    theirs = poisson(1.7).logpmf(x) - np.log(1 - poisson(1.7).pmf(0))
    np.testing.assert_allclose(model.log_density(x), theirs, rtol=1e-12)
    draws, zeros = model.sample(100_000, 0)
    assert draws.mean() == pytest.approx(1.7 / (1 - np.exp(-1.7)), rel=0.01)
    assert zeros.sum() == pytest.approx(model.missing_count(100_000), rel=0.02)
    assert (draws == 1).mean() == pytest.approx(np.exp(theirs[0]), rel=0.02)


def test_only_ones_have_no_maximum_but_with_a_prior():
    with pytest.raises(DegenerateError, match="every count is 1"):
        TruncatedPoisson(1.0).m_step(em.expect(TruncatedPoisson(1.0), np.ones(5)))
    assert em.fit(TruncatedPoisson(1.0, Gamma(2.0, 1.0)), np.ones(5)).converged


@pytest.mark.parametrize("bad", [[0.0, 1.0], [1.5], [-1.0], [NAN]])
def test_truncated_refuses_what_it_cannot_have_made(bad):
    with pytest.raises(ValueError, match="row"):
        TruncatedPoisson(1.0).log_likelihood(bad)


# --- lives cut off


def test_censored_exponential_is_time_by_deaths():
    rng = np.random.default_rng(8)
    t = rng.exponential(3.0, 50)
    x = np.column_stack([np.minimum(t, 2.0), t < 2.0])
    fit = em.fit(CensoredExponential.start(x), x, tol=1e-14)
    assert fit.model.mean == pytest.approx(x[:, 0].sum() / x[:, 1].sum(), rel=1e-7)
    law = expon(scale=1.5)
    theirs = np.where(x[:, 1] == 1, law.logpdf(x[:, 0]), law.logsf(x[:, 0]))
    np.testing.assert_allclose(CensoredExponential(1.5).log_density(x), theirs, rtol=1e-12)


def test_censored_normal_is_its_direct_maximum():
    rng = np.random.default_rng(9)
    v = rng.normal(10.0, 2.0, 80)
    x = np.column_stack([np.minimum(v, 11.0), v < 11.0])

    def loss(p):
        law = norm(p[0], np.exp(p[1]))
        return -np.where(x[:, 1] == 1, law.logpdf(x[:, 0]), law.logsf(x[:, 0])).sum()

    best = minimize(loss, [9.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    fit = em.fit(CensoredNormal.start(x), x, tol=1e-13)
    assert fit.model.mean == pytest.approx(best.x[0], abs=1e-5)
    assert fit.model.variance == pytest.approx(np.exp(2 * best.x[1]), rel=1e-5)


def test_nothing_observed_has_no_maximum():
    x = [[1.0, 0], [2.0, 0]]
    for start in (CensoredExponential.start(x), CensoredNormal.start(x)):
        with pytest.raises(DegenerateError, match="every row is cut off"):
            start.m_step(em.expect(start, x))


def test_a_limit_far_out_keeps_its_digits():
    e = em.expect(CensoredNormal(0.0, 1.0), [[40.0, 0], [1.0, 1]])
    assert e.statistics[0][0] == pytest.approx(40 + 1 / 40 + 1, rel=1e-4)


@pytest.mark.parametrize("a", [-1e10, -40.0, 0.0, 40.0, 1e5, 1e8, 1e10])
def test_a_limit_however_far_out_keeps_its_digits(a):
    """The hazard is a + 1/a - 2/a^3 for large a, of which differences of logarithms lose all."""
    e = em.expect(CensoredNormal(0.0, 1.0), [[a, 0]])
    series = a + 1 / a - 2 / a**3 if a > 10 else norm.pdf(a) / norm.sf(a)
    np.testing.assert_allclose(e.statistics[0], [series, 1 + a * series, 0], rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize("rate", [3.0, 1e9, 1e14])
def test_large_counts_without_zeros_are_those_of_a_poisson(rate):
    """Where zeros are as good as impossible, nothing is cut off; and no digit is lost."""
    x = np.array([1.0, np.round(rate), np.round(1.00001 * rate)])
    theirs = PoissonMixture([1.0], [rate]).log_density(x) - np.log(-np.expm1(-rate))
    np.testing.assert_allclose(TruncatedPoisson(rate).log_density(x), theirs, rtol=1e-13)
