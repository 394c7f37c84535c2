"""Mixtures of t distributions, beside oracles that are not ours."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize

import published
from emlib import (
    DegenerateWarning,
    GaussianMixture,
    StudentTMixture,
    accelerate,
    data,
    em,
    hold,
    information,
    labelled,
)
from emlib.coordinates import pack, unpack
from emlib.families.student import ecme, px_em
from published import as_printed

STACK = data.stack_loss()
FOUR = np.array(published.FOUR_OBSERVATIONS)[:, None]


def t(mean, scale, nu, fixed=True):
    """One t, given its centre (D,) and scale (D, D)."""
    return StudentTMixture([1.0], [mean], [scale], [nu], fixed)


def some(rng, k=3, d=2, nu=(0.7, 4.0, 300.0)):
    a = rng.standard_normal((k, d, d))
    scales = a @ a.transpose(0, 2, 1) + np.eye(d)
    return StudentTMixture(rng.dirichlet(np.ones(k)), rng.standard_normal((k, d)), scales, nu[:k])


# --- the density


@pytest.mark.parametrize("seed", range(3))
def test_density_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    model, x = some(rng), 5 * rng.standard_normal((40, 2))
    peers = [
        stats.multivariate_t(m, s, nu).logpdf(x)
        for m, s, nu in zip(model.means, model.scales, model.degrees_of_freedom, strict=True)
    ]
    np.testing.assert_allclose(model.log_components(x), np.transpose(peers), rtol=1e-10)


@pytest.mark.parametrize("nu", [1e-2, 1.0, 30.0, 60.0, 61.0, 1e4, 1e12])
def test_density_on_the_line_without_cancellation(nu):
    x = np.array([0.0, 0.3, 2.0, 50.0])
    mine = t([0.0], [[1.0]], nu).log_density(x[:, None])
    peer = stats.norm(0, 1).logpdf(x) if nu == 1e12 else stats.t(nu).logpdf(x)
    np.testing.assert_allclose(mine, peer, rtol=1e-8)


def test_samples_follow_the_law():
    model = t([1.0, -2.0], [[2.0, 0.5], [0.5, 1.0]], 3.0)
    x, _ = model.sample(20_000, 1)
    y = np.linalg.solve(np.linalg.cholesky(model.scales[0]), (x - model.means[0]).T)
    assert stats.kstest((y**2).sum(axis=0) / 2, stats.f(2, 3).cdf).pvalue > 1e-3
    assert stats.kstest(y[0], stats.t(3).cdf).pvalue > 1e-3


# --- towards the normal


def test_huge_and_fixed_degrees_of_freedom_are_a_gaussian_mixture():
    x = data.old_faithful()
    start = GaussianMixture.start(x, 2, rng=0)
    same = StudentTMixture(start.weights, start.means, start.covariances, [1e9, 1e9], True)
    wanted, fit = em.fit(start, x, tol=1e-9), em.fit(same, x, tol=1e-9)
    np.testing.assert_allclose(fit.model.means, wanted.model.means, rtol=1e-6)
    np.testing.assert_allclose(fit.model.scales, wanted.model.covariances, rtol=1e-5)
    assert fit.log_likelihood[-1] == pytest.approx(wanted.log_likelihood[-1], abs=1e-6)


def test_normal_rows_end_at_many_degrees_of_freedom_and_it_is_said():
    # Their mean is zero, so that its moves are rounding, which grows and shrinks for ever.
    x = stats.norm.ppf((np.arange(200) + 0.5) / 200)[:, None]
    fit = em.fit(StudentTMixture.start(x, 1, rng=0), x, steps=ecme)
    assert fit.converged and fit.n_iter < 1000
    assert fit.model.degrees_of_freedom[0] == 1e6
    assert any("as good as normal" in doubt for doubt in fit.doubts)


def test_em_gains_at_most_d_degrees_of_freedom_a_step():
    rng = np.random.default_rng(0)
    for d in (1, 3):
        x = rng.standard_normal((300, d))
        climb = islice(em.iterate(StudentTMixture.start(x, 1, rng=0), x), 30)
        nu = np.array([step.model.degrees_of_freedom[0] for step in climb])
        assert 0 < np.diff(nu).max() <= d


# --- published values


def test_stack_loss_centre_is_that_of_cov_trob():
    start = StudentTMixture.start(STACK, 1, rng=0, fixed=True)
    *_, last = islice(em.iterate(start, STACK), 500)
    printed = published.STACKLOSS_CENTRE
    own = [as_printed(m, p) for m, p in zip(last.model.means[0], printed, strict=True)]
    assert own == printed
    assert last.log_likelihood == pytest.approx(published.STACKLOSS_LOG_LIKELIHOOD, abs=1e-9)


def location_step(mu):
    """One EM step for the location of the four observations: scale and nu are known."""
    one = np.eye(1)
    model = t([mu], one, published.FOUR_FREEDOM)
    total, first, _, _ = model.e_step(FOUR).statistics
    return mu + (first[0, 0] / total[0])


@pytest.mark.parametrize(
    ("start", "end"), list(zip([-25, -14.4, 10, 2.7], published.FOUR_MAXIMA, strict=True))
)
def test_four_observations_have_four_summits(start, end):
    mu, before = start, np.inf
    while abs(mu - before) > 1e-9:
        mu, before = location_step(mu), mu
    assert abs(mu - float(end)) < 6e-4  # the third is 1.9975, printed as 1.997


@pytest.mark.parametrize("rest", published.FOUR_MINIMA_CONVERGED)
def test_em_rests_on_a_minimum(rest):
    assert location_step(rest) == pytest.approx(rest, abs=1e-9)
    assert abs(location_step(rest + 1e-6) - rest) > 1e-6  # and leaves it when pushed


# --- direct maximisation


def by_hand(x, start):
    """The highest point that BFGS finds, on scipy's density."""

    def down(v):
        model = unpack(start, v)
        joint = [
            np.log(w) + stats.multivariate_t(m, s, nu).logpdf(x)
            for w, m, s, nu in zip(
                model.weights, model.means, model.scales, model.degrees_of_freedom, strict=True
            )
        ]
        return -np.logaddexp.reduce(joint, axis=0).sum()

    return minimize(down, pack(start), method="BFGS", options={"gtol": 1e-6})


@pytest.mark.parametrize("climb", [em.iterate, ecme, px_em, accelerate.quasi_newton])
def test_every_climb_ends_where_direct_maximisation_does(climb):
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.standard_t(2, (60, 2)), 12 + rng.standard_t(3, (40, 2))])
    fit = em.fit(StudentTMixture.start(x, 2, rng=0), x, steps=climb, tol=1e-10)
    peer = by_hand(x, fit.model)
    assert fit.converged and (np.diff(fit.objective) >= -1e-9).all()
    assert fit.log_likelihood[-1] == pytest.approx(-peer.fun, abs=1e-7)
    np.testing.assert_allclose(pack(fit.model), peer.x, atol=1e-3)


def test_ecme_is_counted_as_two_passes():
    x = STACK[:, :2]
    fit = em.fit(StudentTMixture.start(x, 1, rng=0), x, steps=ecme)
    assert fit.n_e_steps >= 2 * fit.n_iter


def test_climbs_on_weights_are_climbs_on_copies():
    rng = np.random.default_rng(2)
    x, w = rng.standard_t(2, (40, 2)), rng.integers(0, 4, 40)
    start = StudentTMixture.start(x, 1, rng=0)
    for climb in (ecme, px_em):
        weighted = list(islice(climb(start, x, w), 5))[-1]
        copied = list(islice(climb(start, np.repeat(x, w, axis=0)), 5))[-1]
        assert weighted.objective == pytest.approx(copied.objective, rel=1e-12)
        np.testing.assert_allclose(pack(weighted.model), pack(copied.model), rtol=1e-9, atol=1e-9)


def test_px_em_refuses_a_prior():
    prior = GaussianMixture.default_prior(STACK, 1)
    model = StudentTMixture.start(STACK, 1, rng=0, prior=prior)
    with pytest.raises(ValueError, match="px_em knows no prior"):
        next(px_em(model, STACK))


def test_px_em_refuses_what_it_cannot_climb_and_what_it_advises_works():
    """With a scale that stays there is nothing to expand; the objective would fall."""
    model = StudentTMixture.start(STACK, 1, rng=0, degrees_of_freedom=5, fixed=True)
    held = hold(model, "scales")
    for other in (held, labelled(held), GaussianMixture.start(STACK, 1, rng=0)):
        with pytest.raises(ValueError, match=r"px_em is for .*: use em\.iterate"):
            next(px_em(other, STACK))
    assert em.fit(held, STACK).converged


def test_ecme_refuses_another_model_and_what_it_advises_works():
    held = hold(StudentTMixture.start(STACK, 1, rng=0), "means")
    with pytest.raises(ValueError, match=r"ecme is for a StudentTMixture, not for Held: use em\."):
        em.fit(held, STACK, steps=ecme)
    assert em.fit(held, STACK, steps=em.iterate, max_iter=3).n_iter == 3


@pytest.mark.parametrize("method", ["oakes", "supplemented"])
def test_information_from_q_is_the_numerical_one(method):
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.standard_t(2, (80, 1)), 40 + rng.standard_t(2, (80, 1))])
    model = em.fit(StudentTMixture.start(x, 2, rng=0), x, tol=1e-11).model
    own, numerical = (information(model, x, method=m) for m in (method, "numerical"))
    np.testing.assert_allclose(own, numerical, rtol=1e-3, atol=0.05)


# --- torture


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
def test_one_row_far_away_moves_next_to_nothing(far):
    rng = np.random.default_rng(6)
    x = rng.standard_normal((100, 2))
    clean = em.fit(StudentTMixture.start(x, 1, rng=0, fixed=True), x).model
    bad = np.vstack([x, [far, -far]])
    fit = em.fit(StudentTMixture.start(bad, 1, rng=0, fixed=True), bad)
    assert fit.converged
    assert abs(fit.model.means - clean.means).max() < 0.1
    assert fit.model.precisions(bad)[-1, 0] < 20 / far**2
    two = np.vstack([x - 8, x + 8, [far, -far]])
    fit = em.fit(StudentTMixture.start(two, 2, rng=0, fixed=True), two)
    assert fit.converged and abs(np.sort(fit.model.means[:, 0]) - [-8, 8]).max() < 0.5


def test_integers_are_numbers():
    x = STACK.astype(int)
    options = {"degrees_of_freedom": 5, "fixed": True}
    a, b = (em.fit(StudentTMixture.start(v, 1, 0, **options), v).model for v in (x, STACK))
    assert a == b


def test_a_mixture_has_no_bound_whatever_the_degrees_of_freedom():
    x = np.append(np.linspace(-1, 1, 30), 1e3)[:, None]
    start = StudentTMixture([0.5, 0.5], [[0.0], [1e3]], [[[1.0]], [[1e-3]]], [50.0, 50.0], True)
    with pytest.warns(DegenerateWarning, match="likelihood of a mixture of t has no bound"):
        assert em.fit(start, x).status == "degenerate"


def test_equal_rows_are_refused_or_collapse():
    with pytest.raises(ValueError, match="all rows of x are equal"):
        StudentTMixture.start(np.ones((9, 2)), 1, rng=0)
    with pytest.raises(ValueError, match=r"n_components|distinct"):
        StudentTMixture.start(np.arange(6.0).reshape(3, 2), 4, rng=0)
    x = np.r_[np.full(12, 3.0), 4.0, 5.5, 7.0, 1.0][:, None]
    for climb in (em.iterate, ecme, px_em):
        start = StudentTMixture.start(x, 1, rng=0, degrees_of_freedom=1.0)
        with pytest.warns(DegenerateWarning):
            fit = em.fit(start, x, steps=climb)
        assert fit.status == "degenerate" and "collapsed" in fit.message


def test_too_few_degrees_of_freedom_have_no_bound():
    """With nu < D / (N - 1), the smaller the scale at a row, the higher the likelihood."""
    x = np.array([0.0, 1.0, 2.0, 5.0])[:, None]
    for nu, unbounded in ((0.3, True), (0.4, False)):  # 1/3 is the edge
        at_a_row = [t([1.0], [[s**2]], nu).log_likelihood(x) for s in (1e-20, 1e-40)]
        assert (at_a_row[1] > at_a_row[0]) is unbounded
        doubts = t([1.0], [[1.0]], nu).doubts(np.array([4.0]))
        assert any("no bound" in doubt for doubt in doubts) is unbounded


@pytest.mark.parametrize("nu", [1e160, 1e300])
def test_however_many_degrees_of_freedom_it_is_a_normal(nu):
    x = np.random.default_rng(0).standard_normal((20, 2))
    model = t([0.0, 0.0], np.eye(2), nu)
    normal = stats.multivariate_normal([0, 0], np.eye(2)).logpdf(x)
    np.testing.assert_allclose(model.log_density(x), normal, rtol=1e-12)
    assert model.m_step(model.e_step(x)).degrees_of_freedom[0] <= nu


@pytest.mark.parametrize("nu", [0.0, -1.0, np.nan, np.inf])
def test_degrees_of_freedom_are_positive_and_finite(nu):
    with pytest.raises(ValueError, match="degrees_of_freedom must be"):
        t([0.0], [[1.0]], nu)


def test_fixed_ones_stay_and_go_along_with_their_components():
    model = replace(some(np.random.default_rng(1)), fixed_degrees_of_freedom=True)
    after = model.m_step(model.e_step(np.random.default_rng(2).standard_normal((50, 2))))
    assert (after.degrees_of_freedom == model.degrees_of_freedom).all()
    assert (model.reordered([2, 0, 1]).degrees_of_freedom == [300.0, 0.7, 4.0]).all()


def test_a_model_from_statistics_of_equal_components_stays_told_apart_by_its_tails():
    model = StudentTMixture([0.5, 0.5], np.zeros((2, 1)), np.ones((2, 1, 1)), [1.0, 30.0])
    assert model.coincident() == []
    assert replace(model, degrees_of_freedom=[2.0, 2.0]).coincident() == [(0, 1)]


def test_one_step_by_hand():
    """Three rows, 0, 1 and 3: EM's scale is 2/3 and PX-EM's 5/8, though both rest together."""
    rows = np.array([[0.0], [1.0], [3.0]])
    start = StudentTMixture([1.0], [[0.0]], [[[1.0]]], [1.0], fixed_degrees_of_freedom=True)
    for climb, scale in ((em.iterate, 2 / 3), (px_em, 5 / 8)):
        model = list(islice(climb(start, rows), 2))[1].model
        assert model.means[0, 0] == pytest.approx(1 / 2, rel=1e-12)
        assert model.scales[0, 0, 0] == pytest.approx(scale, rel=1e-12)


def test_a_marginal_is_the_integral_over_the_others():
    a = np.random.default_rng(3).standard_normal((2, 2, 2))
    scales = a @ a.swapaxes(1, 2) + np.eye(2)
    model = StudentTMixture([0.3, 0.7], [[0.0, 1.0], [2.0, -1.0]], scales, [2.5, 7.0])
    part = model.marginal([1])
    for value in (-2.0, 0.5, 3.0):
        area, _ = quad(lambda t, v=value: np.exp(model.log_density([[t, v]])[0]), -np.inf, np.inf)
        assert np.exp(part.log_density([[value]])[0]) == pytest.approx(area, rel=1e-7)
    x = np.array([[0.2, -1.0], [3.0, 4.0]])
    swapped = model.marginal([1, 0]).log_density(x[:, ::-1])
    assert swapped == pytest.approx(model.log_density(x), rel=1e-12)
    with pytest.raises(ValueError, match="columns"):
        model.marginal([0, 0])


# --- the default prior


def test_the_default_prior_is_that_of_normals_but_for_rows_far_out():
    x = np.random.default_rng(2).standard_normal((60, 2))
    ours, theirs = (f.default_prior(x, 3) for f in (StudentTMixture, GaussianMixture))
    assert ours == theirs
    spoiled = np.vstack([x, [[1e6, 0.0]]])
    wide = StudentTMixture.default_prior(spoiled, 3).components.scale
    assert np.linalg.det(wide) < 10 * np.linalg.det(ours.components.scale)
    assert np.linalg.det(GaussianMixture.default_prior(spoiled, 3).components.scale) > 1e6


def test_the_default_prior_takes_weights_as_copies_and_follows_units():
    rng = np.random.default_rng(3)
    x, w = 3 * rng.standard_t(2, (40, 2)), rng.integers(0, 4, 40)
    weighted = StudentTMixture.default_prior(x, 2, w).components
    copied = StudentTMixture.default_prior(np.repeat(x, w, axis=0), 2).components
    np.testing.assert_allclose(weighted.scale, copied.scale, rtol=1e-10)
    units = np.array([1e3, 0.01])
    other = StudentTMixture.default_prior(x * units + 7, 2, w).components
    np.testing.assert_allclose(other.scale, weighted.scale * np.outer(units, units), rtol=1e-9)
    np.testing.assert_allclose(other.mean, weighted.mean * units + 7, rtol=1e-9)


def test_the_default_prior_keeps_a_component_from_collapsing():
    x = np.vstack([np.random.default_rng(4).standard_normal((30, 2)), np.full((4, 2), 6.0)])
    options = {"degrees_of_freedom": 2.0, "fixed": True}
    with pytest.warns(DegenerateWarning, match="fewer components or a prior"):
        em.fit(StudentTMixture.start(x, 2, 0, **options), x)
    start = StudentTMixture.start(x, 2, 0, prior="default", **options)
    assert start.prior == StudentTMixture.default_prior(x, 2)
    fit = em.fit(start, x, tol=1e-9)
    assert fit.converged
    assert np.diff(fit.objective).min() > -1e-9
