"""Priors beside scipy.stats, MAP in closed form, and fits that cannot sink."""

import copy
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from cases import CASES_WITH_PRIOR, Case
from emlib import (
    Beta,
    BinomialMixture,
    DegenerateWarning,
    Dirichlet,
    Gamma,
    GaussianMixture,
    GaussianMixture1D,
    IncompleteGaussianMixture,
    MixturePrior,
    NormalInverseWishart,
    StudentTMixture,
    data,
    em,
    hold,
    labelled,
    with_labels,
)
from emlib.coordinates import pack, unpack
from emlib.families.covariance import COVARIANCE_TYPES
from emlib.families.poisson import PoissonMixture
from laws import LAWS, assert_law, assert_same_model, em_never_falls, m_step_maximises_q, objective

kinds = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
families = pytest.mark.parametrize("case", CASES_WITH_PRIOR, ids=str)
PSI = np.array([[2.0, 0.6], [0.6, 1.0]])
M0 = np.array([0.5, -1.0])
WEIGHTS, ALPHA = np.array([0.2, 0.5, 0.3]), np.array([1.5, 3.0, 2.0])


def niw(kind, mean=M0, kappa=0.7, nu=5.5, scale=PSI):
    shaped = {"diag": np.diag(scale), "spherical": scale[0, 0], "1-D": scale[0, 0]}
    return NormalInverseWishart(
        mean[0] if kind == "1-D" else mean, kappa, nu, shaped.get(kind, scale)
    )


def without_warnings(start, x, **options):
    """Fit a start of which it does not matter here whether it collapses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        return em.fit(start, x, **options)


# --- densities beside scipy


def test_dirichlet_density_is_that_of_scipy():
    oracle = stats.dirichlet(ALPHA).logpdf(WEIGHTS)
    assert Dirichlet(ALPHA).log_density(WEIGHTS) == pytest.approx(oracle, rel=1e-13)
    same = stats.dirichlet([2.5] * 3).logpdf(WEIGHTS)
    assert Dirichlet(2.5).log_density(WEIGHTS) == pytest.approx(same, rel=1e-13)
    assert Dirichlet(2.0).log_density([0.0, 1.0]) == -np.inf
    assert Dirichlet(1.0).log_density([0.0, 1.0]) == 0.0


def test_beta_density_is_that_of_scipy():
    p = np.array([0.0, 0.1, 0.7, 1.0])
    for a, b in ((1, 1), (1, 3.5), (2.5, 1)):
        oracle = stats.beta(a, b).logpdf(p)
        ours = [Beta(a, b).log_density(value) for value in p]
        np.testing.assert_allclose(ours, oracle, rtol=1e-12, atol=1e-14)
    assert Beta(2.5, 4).log_density(p[1:3]) == pytest.approx(
        stats.beta(2.5, 4).logpdf(p[1:3]).sum(), rel=1e-13
    )
    for a, b in ((1, 1), (2, 3)):
        assert Beta(a, b).log_density(-0.3) == Beta(a, b).log_density([0.5, 1.3]) == -np.inf


def test_gamma_density_is_that_of_scipy():
    rates = np.array([0.1, 1.0, 7.0])
    for shape, rate in ((1, 0.5), (3.5, 2)):
        oracle = stats.gamma(shape, scale=1 / rate).logpdf(rates).sum()
        assert Gamma(shape, rate).log_density(rates) == pytest.approx(oracle, rel=1e-13)
        assert Gamma(shape, rate).log_density([1.0, -1.0]) == -np.inf
    assert Gamma(2, 1).log_density(0.0) == -np.inf


def gaussian(kind, prior):
    means = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
    full = np.array([[[2, 0.5], [0.5, 1]], [[1, 0], [0, 3]], [[1.5, -0.7], [-0.7, 0.9]]])
    covariances = {
        "full": full,
        "tied": full[0],
        "diag": [[1, 2], [0.5, 3], [2, 1]],
        "spherical": [1, 2, 0.7],
    }
    return GaussianMixture(WEIGHTS, means, covariances[kind], kind, prior)


def scipy_log_prior(model):
    """The log density of means and (co)variances, from scipy alone."""
    p = model.prior.components
    m0, kappa, nu, psi = p.mean, p.mean_precision, p.degrees_of_freedom, p.scale
    if isinstance(model, GaussianMixture1D):
        own = model.variances[: 1 if model.common_variance else None]
        of_means = stats.norm(m0, np.sqrt(model.variances / kappa)).logpdf(model.means)
        return of_means.sum() + stats.invgamma(nu / 2, scale=psi / 2).logpdf(own).sum()
    kind, c = model.covariance_type, model.covariances
    if kind in ("full", "tied"):
        of_scale = sum(stats.invwishart(nu, psi).logpdf(m) for m in (c if kind == "full" else [c]))
    else:
        of_scale = stats.invgamma(nu / 2, scale=psi / 2).logpdf(c).sum()
    d = len(m0)
    matrices = {"full": lambda k: c[k], "tied": lambda k: c, "diag": lambda k: np.diag(c[k])}
    matrix = matrices.get(kind, lambda k: c[k] * np.eye(d))
    return of_scale + sum(
        stats.multivariate_normal(m0, matrix(k) / kappa).logpdf(mean)
        for k, mean in enumerate(model.means)
    )


@kinds
def test_log_prior_of_a_gaussian_mixture_is_that_of_scipy(kind):
    model = gaussian(kind, MixturePrior(niw(kind), Dirichlet(ALPHA)))
    of_components = scipy_log_prior(model)
    assert model.log_prior_components() == pytest.approx(of_components, rel=1e-12)
    total = of_components + stats.dirichlet(ALPHA).logpdf(WEIGHTS)
    assert model.log_prior() == pytest.approx(total, rel=1e-12)
    bare = replace(model, prior=None)
    assert bare.log_prior() == bare.log_prior_components() == 0.0


@pytest.mark.parametrize("common", [False, True])
def test_log_prior_on_the_line_is_that_of_scipy(common):
    variances = 2.5 if common else [0.5, 2.0, 9.0]
    prior = MixturePrior(niw("1-D"), Dirichlet(ALPHA))
    model = GaussianMixture1D(WEIGHTS, [0.0, 1.0, 4.0], variances, common, prior)
    assert model.log_prior_components() == pytest.approx(scipy_log_prior(model), rel=1e-12)
    total = scipy_log_prior(model) + stats.dirichlet(ALPHA).logpdf(WEIGHTS)
    assert model.log_prior() == pytest.approx(total, rel=1e-12)
    assert replace(model, prior=None).log_prior_components() == 0.0


@pytest.mark.parametrize("fixed", [False, True])
def test_log_prior_of_coins_is_that_of_scipy(fixed):
    p = np.array([0.2, 0.5, 0.9])
    model = BinomialMixture(WEIGHTS, p, fixed, MixturePrior(Beta(2, 3.5), Dirichlet(ALPHA)))
    total = stats.beta(2, 3.5).logpdf(p).sum() + stats.dirichlet(ALPHA).logpdf(WEIGHTS)
    assert model.log_prior() == pytest.approx(total, rel=1e-12)
    assert replace(model, prior=None).log_prior_components() == 0.0


def test_on_the_line_all_families_of_normals_have_one_prior():
    """In one dimension "full", "diag", "spherical" and GaussianMixture1D are the same."""
    means, variances = np.array([0.0, 1.0, 4.0]), np.array([0.5, 2.0, 9.0])
    of = NormalInverseWishart
    line = GaussianMixture1D(WEIGHTS, means, variances, False, MixturePrior(of(1.0, 0.3, 4, 2.0)))
    x = np.random.default_rng(0).standard_normal(50) * 3
    after = line.m_step(line.e_step(x))
    for kind, c, scale in (
        ("full", variances[:, None, None], [[2.0]]),
        ("diag", variances[:, None], [2.0]),
        ("spherical", variances, 2.0),
    ):
        prior = MixturePrior(of([1.0], 0.3, 4, scale))
        space = GaussianMixture(WEIGHTS, means[:, None], c, kind, prior)
        assert space.log_prior() == pytest.approx(line.log_prior(), rel=1e-13)
        other = space.m_step(space.e_step(x[:, None]))
        np.testing.assert_allclose(other.covariances.ravel(), after.variances, rtol=1e-11)
        np.testing.assert_allclose(other.means.ravel(), after.means, rtol=1e-11)


# --- every law, of the penalised objective


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@families
def test_law_with_a_prior(law, case):
    assert_law(law, case, 3)


@families
def test_the_objective_of_a_fit_is_penalised_and_never_falls(case):
    start, x = case.clear(np.random.default_rng(0))
    fit = em.fit(start, x)
    assert fit.converged
    assert fit.model.prior == start.prior
    assert fit.objective[0] == pytest.approx(objective(start, x), rel=1e-12)
    assert fit.objective[-1] == pytest.approx(objective(fit.model, x), rel=1e-12)
    assert fit.log_likelihood[-1] == pytest.approx(fit.model.log_likelihood(x), rel=1e-12)
    assert (np.diff(fit.objective) >= -1e-12 * abs(fit.objective[-1])).all()


# --- one component: the mode of the posterior in closed form


@kinds
def test_one_component_has_the_mode_of_the_posterior(kind):
    x = data.old_faithful()
    n, d = x.shape
    prior = niw(kind, np.array([3.0, 60.0]), 4.0, 30.0, np.array([[5.0, 30.0], [30.0, 900.0]]))
    start = {"full": [np.eye(2)], "tied": np.eye(2), "diag": [[1, 2]], "spherical": [3]}[kind]
    first = GaussianMixture([1.0], [[0.0, 0.0]], start, kind, MixturePrior(prior))
    fit = em.fit(first, x)
    m0, kappa, nu = prior.mean, prior.mean_precision, prior.degrees_of_freedom
    mean = x.mean(axis=0)
    scatter = (x - mean).T @ (x - mean) + kappa * n / (kappa + n) * np.outer(mean - m0, mean - m0)
    wanted = {
        "full": lambda: [(scatter + prior.scale) / (n + nu + d + 2)],
        "tied": lambda: (scatter + prior.scale) / (n + nu + d + 2),
        "diag": lambda: [(np.diag(scatter) + prior.scale) / (n + nu + 3)],
        "spherical": lambda: [(scatter.trace() + prior.scale) / (n * d + nu + d + 2)],
    }[kind]()
    np.testing.assert_allclose(fit.model.means[0], (n * mean + kappa * m0) / (n + kappa))
    np.testing.assert_allclose(fit.model.covariances, wanted, rtol=1e-10)
    np.testing.assert_allclose(fit.objective[1:], fit.objective[1], rtol=1e-12)  # in one step


@pytest.mark.parametrize("common", [False, True])
def test_one_component_on_the_line_has_the_mode_of_the_posterior(common):
    x = data.galaxies()
    n, mean, m0, kappa, nu, psi = len(x), x.mean(), 15.0, 3.0, 7.0, 50.0
    prior = MixturePrior(NormalInverseWishart(m0, kappa, nu, psi))
    model = em.fit(GaussianMixture1D([1.0], [0.0], 1.0, common, prior), x).model
    squares = n * x.var() + psi + kappa * n / (kappa + n) * (mean - m0) ** 2
    assert model.means[0] == pytest.approx((n * mean + kappa * m0) / (n + kappa), rel=1e-12)
    assert model.variances[0] == pytest.approx(squares / (n + nu + 3), rel=1e-12)


def test_tied_and_common_divide_by_one_scale_and_the_means_of_all():
    """N + nu + D + 1 + K: one inverse-Wishart, and a normal for each of K means."""
    x, z = data.four_clusters(30, 0)
    r = np.eye(4)[z]
    prior = niw("tied")
    start = GaussianMixture(np.full(4, 0.25), np.eye(4)[:, :2], PSI, "tied", MixturePrior(prior))
    after = start.m_step(em.Expectation(0.0, r.sum(axis=0), start.statistics(x, r)))
    scatter = prior.scale.copy()
    for k in range(4):
        own, kappa = x[z == k], prior.mean_precision
        off = own.mean(axis=0) - prior.mean
        scatter += (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
        scatter += kappa * 30 / (kappa + 30) * np.outer(off, off)
    np.testing.assert_allclose(after.covariances, scatter / (120 + 5.5 + 2 + 1 + 4), rtol=1e-11)
    line = GaussianMixture1D(
        np.full(4, 0.25), np.arange(4), 1.0, True, MixturePrior(niw("1-D", x[0]))
    )
    on_line = line.m_step(em.Expectation(0.0, r.sum(axis=0), line.statistics(x[:, 0], r)))
    squares = PSI[0, 0] + sum(
        30 * x[z == k, 0].var() + 21 / 30.7 * (x[z == k, 0].mean() - x[0, 0]) ** 2 for k in range(4)
    )
    np.testing.assert_allclose(on_line.variances, squares / (120 + 5.5 + 2 + 4), rtol=1e-11)


# --- imaginary data


def test_beta_is_heads_and_tails_that_nobody_tossed():
    x = data.two_coins()
    model = BinomialMixture([0.4, 0.6], [0.7, 0.5])
    seen = model.e_step(x)
    imaginary = em.Expectation(0.0, np.zeros(2), (np.full(2, 3.0), np.full(2, 3.0 + 5.0)))
    with_prior = replace(model, prior=MixturePrior(Beta(4, 6)))
    assert_same_model(
        replace(with_prior.m_step(seen), prior=None), model.m_step(seen + imaginary), tol=1e-13
    )
    one = BinomialMixture([1.0], [0.5])
    longer = em.fit(one, np.vstack([x, [3, 8]])).model
    ours = em.fit(replace(one, prior=MixturePrior(Beta(4, 6))), x).model
    np.testing.assert_allclose(ours.probabilities, longer.probabilities, rtol=1e-13)


@families
def test_a_dirichlet_is_that_many_observations_of_each_component(case):
    model, x = case.draw(np.random.default_rng(3))
    if getattr(model, "fixed_weights", False):
        return
    alpha = 1 + np.arange(model.n_components)
    flat, firm = (
        replace(model, prior=MixturePrior(model.prior.components, Dirichlet(a)))
        for a in (1.0, alpha)
    )
    seen = model.e_step(x)
    after = firm.m_step(seen)
    counts = seen.counts + alpha - 1
    np.testing.assert_allclose(after.weights, counts / counts.sum(), rtol=1e-13)
    assert_same_model(  # and of nothing else
        replace(after, prior=None, weights=flat.m_step(seen).weights),
        replace(flat.m_step(seen), prior=None),
        tol=0,
    )


def test_gamma_is_events_and_intervals():
    model = PoissonMixture([0.5, 0.5], [1.0, 5.0])
    seen = model.e_step(np.arange(8))
    after = replace(model, prior=MixturePrior(Gamma(3, 2))).m_step(seen)
    np.testing.assert_allclose(after.rates, (seen.statistics[0] + 2) / (seen.counts + 2))


def test_fixed_weights_stay_fixed_under_a_prior():
    prior = MixturePrior(Beta(2, 2), Dirichlet([5, 1]))
    start = BinomialMixture([0.3, 0.7], [0.6, 0.5], True, prior)
    np.testing.assert_array_equal(em.fit(start, data.two_coins()).model.weights, [0.3, 0.7])


def test_a_dirichlet_keeps_a_component_from_emptying():
    x = np.concatenate([np.zeros(30), np.ones(30)]) + np.linspace(0, 0.5, 60)
    component = NormalInverseWishart(0.5, 0.01, 3, 0.5)
    start = GaussianMixture1D([0.5, 0.5], [0.5, 1e3], 1.0, prior=MixturePrior(component))
    lost = without_warnings(start, x)
    assert lost.status == "degenerate" and "component 1 is empty" in lost.message
    firm = replace(start, prior=MixturePrior(component, Dirichlet(2.0)))
    kept = em.fit(firm, x, max_iter=50)
    assert kept.status != "degenerate"
    assert (kept.model.weights >= 1 / 62 * (1 - 1e-12)).all()


# --- weak priors


def test_the_weakest_priors_change_nothing():
    x = data.two_coins()
    coin = BinomialMixture([0.4, 0.6], [0.7, 0.5])
    flat = replace(coin, prior=MixturePrior(Beta(1, 1)))
    assert replace(em.fit(flat, x).model, prior=None) == em.fit(coin, x).model
    deaths, days = data.death_notices()
    rate = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    flat = replace(rate, prior=MixturePrior(Gamma(1, 1e-300)))
    assert_same_model(
        replace(em.fit(flat, deaths, sample_weight=days, max_iter=50).model, prior=None),
        em.fit(rate, deaths, sample_weight=days, max_iter=50).model,
    )


@kinds
def test_map_tends_to_maximum_likelihood_as_data_come_in(kind):
    """The prior is worth a fixed number of observations: its pull falls as 1/N."""
    x, _ = data.four_clusters(40, 2)
    start = GaussianMixture.start(x, 4, 0, covariance_type=kind)
    best = em.fit(start, x, tol=0).model
    prior = GaussianMixture.default_prior(x, 4, kind)
    gaps = []
    for copies in (100, 10_000):
        w = np.full(len(x), copies)
        fit = em.fit(replace(best, prior=prior), x, sample_weight=w, tol=0)
        gaps.append(abs(pack(fit.model) - pack(best)).max())
    assert 1e-4 < gaps[0] < 0.1
    assert gaps[1] == pytest.approx(gaps[0] / 100, rel=0.05)


def test_on_the_line_too():
    x = data.old_faithful()[:, 1]
    start = GaussianMixture1D([0.4, 0.6], [55, 80], 36.0)
    best = em.fit(start, x, tol=1e-10).model
    prior = GaussianMixture1D.default_prior(x, 2)
    w = np.full(len(x), 1e6)
    fit = em.fit(replace(start, prior=prior), x, sample_weight=w, tol=1e-4)
    np.testing.assert_allclose(pack(fit.model), pack(best), rtol=1e-5)


# --- the default prior


def test_the_default_prior_is_that_of_fraley_and_raftery():
    x = data.old_faithful()
    covariance = np.cov(x.T, bias=True)
    for kind, scale in {
        "full": covariance,
        "tied": covariance,
        "diag": np.diag(covariance),
        "spherical": covariance.trace() / 2,
    }.items():
        prior = GaussianMixture.default_prior(x, 3, kind)
        p = prior.components
        np.testing.assert_allclose(p.mean, x.mean(axis=0), rtol=1e-14)
        assert (p.mean_precision, p.degrees_of_freedom) == (0.01, 4)
        np.testing.assert_allclose(p.scale, scale / 3, rtol=1e-12)  # K^(2/D), D = 2
        assert prior.weights == Dirichlet(1.0)
    p = GaussianMixture1D.default_prior(x[:, 1], 3).components
    assert (p.mean_precision, p.degrees_of_freedom) == (0.01, 3)
    assert p.mean == pytest.approx(x[:, 1].mean(), rel=1e-14)
    assert p.scale == pytest.approx(x[:, 1].var() / 9, rel=1e-14)


def maps(kind):
    """The maps under which a family of covariances is closed: name -> (matrix, offset)."""
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    far = np.array([1e6, -3e5])
    found = {"shift": (np.eye(2), far), "units": (1e-4 * np.eye(2), 0 * far)}
    if kind != "spherical":
        found["columns"] = (np.diag([1e-5, 1e3]), np.array([1.0, -2e4]))
    if kind != "diag":
        found["rotation"] = (turn, np.array([3.0, 4.0]))
    if kind in ("full", "tied"):
        found["any"] = (turn @ np.diag([50.0, 0.01]) @ turn + 1e-3, np.array([3.0, 4.0]))
    return found


KINDS_AND_MAPS = [(kind, name) for kind in COVARIANCE_TYPES for name in maps(kind)]


def seen_as(matrix, kind, scale):
    return {
        "diag": lambda: np.diag(matrix) ** 2 * scale,  # of one component, or of each
        "spherical": lambda: np.linalg.det(matrix) * scale,
    }.get(kind, lambda: matrix @ scale @ matrix.T)()


@pytest.mark.parametrize(("kind", "name"), KINDS_AND_MAPS)
def test_the_default_prior_follows_the_data(kind, name):
    x = data.four_clusters(30, 1)[0]
    matrix, offset = maps(kind)[name]
    here = GaussianMixture.default_prior(x, 4, kind).components
    there = GaussianMixture.default_prior(x @ matrix.T + offset, 4, kind).components
    np.testing.assert_allclose(there.mean, matrix @ here.mean + offset, rtol=1e-9)
    wanted = seen_as(matrix, kind, here.scale)
    np.testing.assert_allclose(there.scale, wanted, rtol=1e-7, atol=1e-7 * np.min(np.abs(wanted)))
    assert there.mean_precision == here.mean_precision
    assert there.degrees_of_freedom == here.degrees_of_freedom


@pytest.mark.parametrize(("kind", "name"), KINDS_AND_MAPS)
def test_fits_with_the_default_prior_follow_the_data(kind, name):
    x = data.four_clusters(30, 1)[0]
    matrix, offset = maps(kind)[name]
    y = x @ matrix.T + offset
    start = GaussianMixture.start(x, 4, 0, covariance_type=kind, prior="default")
    moved = GaussianMixture(
        start.weights,
        start.means @ matrix.T + offset,
        seen_as(matrix, kind, start.covariances),
        kind,
        GaussianMixture.default_prior(y, 4, kind),
    )
    if name in ("shift", "units", "columns"):  # k-means looks at one column at a time
        own = GaussianMixture.start(y, 4, 0, covariance_type=kind, prior="default")
        np.testing.assert_allclose(own.means, moved.means, rtol=1e-8)
    here, there = em.fit(start, x, tol=1e-10), em.fit(moved, y, tol=1e-10)
    assert here.converged and there.converged
    shrunk = here.model.log_density(x) - np.log(abs(np.linalg.det(matrix)))
    np.testing.assert_allclose(there.model.log_density(y), shrunk, atol=1e-4)
    # The objectives differ by a constant, so the gains are the same.
    gain, moved_gain = (f.objective[-1] - f.objective[0] for f in (here, there))
    assert moved_gain == pytest.approx(gain, abs=1e-5)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1e6), (-1e-7, 0.0), (1e9, 3.0)])
def test_fits_on_the_line_with_the_default_prior_follow_the_data(a, b):
    x = data.galaxies()
    y = a * x + b
    here, there = (
        em.fit(GaussianMixture1D.start(z, 3, 0, prior="default"), z, tol=1e-10) for z in (x, y)
    )
    p, q = here.model.prior.components, there.model.prior.components
    assert q.mean == pytest.approx(a * p.mean + b, rel=1e-12)
    assert q.scale == pytest.approx(a**2 * p.scale, rel=1e-7)
    np.testing.assert_allclose(
        there.model.log_density(y), here.model.log_density(x) - np.log(abs(a)), atol=1e-5
    )


@pytest.mark.parametrize("options", [{"common_variance": c} for c in (False, True)])
def test_start_passes_a_prior_on_to_the_model_on_the_line(options):
    x = data.galaxies()
    model = GaussianMixture1D.start(x, 4, 0, prior="default", **options)
    assert model.prior == GaussianMixture1D.default_prior(x, 4)
    assert GaussianMixture1D.start(x, 4, 0, prior=model.prior, **options) == model
    assert GaussianMixture1D.start(x, 4, 0, **options).prior is None


@kinds
def test_start_passes_a_prior_on_to_the_model(kind):
    x = data.old_faithful()
    model = GaussianMixture.start(x, 3, 0, covariance_type=kind, prior="default")
    assert model.prior == GaussianMixture.default_prior(x, 3, kind)
    assert GaussianMixture.start(x, 3, 0, covariance_type=kind, prior=model.prior) == model
    assert GaussianMixture.start(x, 3, 0, covariance_type=kind).prior is None


@kinds
def test_a_prior_gives_a_start_where_the_data_leave_no_spread(kind):
    x = np.array([[0.0, 0.0], [1.0, 5.0], [2.0, 3.0]])  # as many groups as rows
    with pytest.raises(ValueError, match="spread"):
        GaussianMixture.start(x, 3, 0, covariance_type=kind)
    start = GaussianMixture.start(x, 3, 0, covariance_type=kind, prior="default")
    assert em.fit(start, x, max_iter=200).status in ("converged", "max_iter")
    with pytest.raises(ValueError, match="spread"):
        GaussianMixture1D.start(x[:, 0], 3, 0)
    line = GaussianMixture1D.start(x[:, 0], 3, 0, prior="default")
    assert em.fit(line, x[:, 0]).converged


# --- no collapse


@pytest.mark.parametrize("seed", range(6))
def test_six_components_on_galaxies_cannot_sink_with_the_default_prior(seed):
    x = data.galaxies()
    start = GaussianMixture1D.start(x, 6, seed, "random_from_data", prior="default")
    fit = em.fit(start, x)
    assert fit.converged
    assert (np.diff(fit.objective) >= -1e-12 * abs(fit.objective[-1])).all()
    prior = start.prior.components
    assert (fit.model.variances > prior.scale / (len(x) + prior.degrees_of_freedom + 3)).all()


def heap(kind):
    """50 identical points beside a cloud of 100, and a start with a component on the heap."""
    rng = np.random.default_rng(0)
    x = np.vstack([np.zeros((50, 2)), 5 + rng.standard_normal((100, 2))])
    c = {"full": [1e-2 * np.eye(2), np.eye(2)], "diag": [[1e-2, 1e-2], [1, 1]]}
    covariances = c.get(kind, [1e-2, 1.0])
    return x, GaussianMixture([0.3, 0.7], [[0.1, 0.1], [5, 5]], covariances, kind)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
def test_a_heap_of_identical_points_has_the_spread_of_the_prior(kind):
    x, start = heap(kind)
    sunk = without_warnings(start, x)
    assert sunk.status == "degenerate" and "component 0 has collapsed" in sunk.message
    prior = GaussianMixture.default_prior(x, 2, kind)
    fit = em.fit(replace(start, prior=prior), x)
    assert fit.converged
    assert (np.diff(fit.objective) >= -1e-12 * abs(fit.objective[-1])).all()
    # Component 0 holds the heap and nothing else: the mode of its posterior is known.
    p, n = prior.components, 50
    off = p.mean_precision * n / (n + p.mean_precision) * np.outer(p.mean, p.mean)
    wanted = {
        "full": lambda: (p.scale + off) / (n + p.degrees_of_freedom + 4),
        "diag": lambda: (p.scale + np.diag(off)) / (n + p.degrees_of_freedom + 3),
        "spherical": lambda: (p.scale + off.trace()) / (2 * n + p.degrees_of_freedom + 4),
    }[kind]()
    np.testing.assert_allclose(fit.model.covariances[0], wanted, rtol=1e-3)


def test_a_component_on_one_point_does_not_sink_with_a_prior():
    x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    start = GaussianMixture1D([0.8, 0.2], [1.5, 10.0], [2.0, 0.01])
    assert without_warnings(start, x).status == "degenerate"
    prior = GaussianMixture1D.default_prior(x, 2)
    fit = em.fit(replace(start, prior=prior), x)
    assert fit.converged
    p = prior.components
    off = 0.01 / 1.01 * (10 - p.mean) ** 2
    assert fit.model.variances[1] == pytest.approx((p.scale + off) / (1 + 3 + 3), rel=0.02)


def test_the_log_likelihood_may_fall_but_the_objective_does_not():
    x = data.galaxies()
    best = em.fit(GaussianMixture1D.start(x, 3, 0), x, tol=1e-9).model
    fit = em.fit(replace(best, prior=GaussianMixture1D.default_prior(x, 3)), x)
    assert fit.log_likelihood[-1] < fit.log_likelihood[0]
    assert fit.objective[-1] > fit.objective[0]


# --- beside a direct optimiser


def assert_is_the_optimum(fit, x):
    """Climb on from nearby with an optimiser that knows nothing of EM."""
    at = pack(fit.model)
    nearby = at + 0.02 * np.random.default_rng(0).standard_normal(len(at))
    climb = minimize(lambda v: -objective(unpack(fit.model, v), x), nearby, method="BFGS")
    assert -climb.fun == pytest.approx(fit.objective[-1], abs=1e-5)
    np.testing.assert_allclose(climb.x, at, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("common", [False, True])
def test_on_the_line_the_limit_is_the_optimum_that_scipy_finds(common):
    x = data.galaxies()
    start = GaussianMixture1D.start(x, 3, 0, common_variance=common, prior="default")
    assert_is_the_optimum(em.fit(start, x, tol=1e-9), x)


@kinds
def test_in_the_plane_the_limit_is_the_optimum_that_scipy_finds(kind):
    x = (data.old_faithful() - [3.5, 70]) / [1, 14]
    start = GaussianMixture.start(x, 2, 0, covariance_type=kind, prior="default")
    assert_is_the_optimum(em.fit(start, x, tol=1e-9), x)


# --- priors are values


PRIORS = {
    "Dirichlet": (Dirichlet, {"concentration": [1.5, 2.0]}, {"concentration": [1.5, 3.0]}),
    "NormalInverseWishart": (
        NormalInverseWishart,
        {"mean": M0, "mean_precision": 0.7, "degrees_of_freedom": 5.5, "scale": PSI},
        {"mean": M0 + 1, "mean_precision": 0.8, "degrees_of_freedom": 5, "scale": 2 * PSI},
    ),
    "Beta": (Beta, {"a": 2.0, "b": 3.0}, {"a": 3.0, "b": 2.0}),
    "Gamma": (Gamma, {"shape": 2.0, "rate": 3.0}, {"shape": 3.0, "rate": 2.0}),
    "MixturePrior": (
        MixturePrior,
        {"components": Beta(2, 3), "weights": Dirichlet([1.5, 2.0])},
        {"components": Beta(2, 2), "weights": Dirichlet(2.0)},
    ),
}


@pytest.mark.parametrize("name", PRIORS)
def test_priors_are_equal_only_if_all_parameters_are(name):
    kind, values, others = PRIORS[name]
    prior = kind(**values)
    assert prior == kind(**values)
    for field, other in others.items():
        assert prior != kind(**{**values, field: other})
    assert prior != "a prior"
    assert not any(prior == k(**v) for k, v, _ in PRIORS.values() if k is not kind)
    assert pickle.loads(pickle.dumps(prior)) == prior


@pytest.mark.parametrize("name", PRIORS)
def test_priors_copy_what_they_are_given_and_cannot_be_changed(name):
    kind, values, _ = PRIORS[name]
    given_arrays = {n: np.array(v) if isinstance(v, list) else v for n, v in values.items()}
    prior = kind(**given_arrays)
    for field, value in given_arrays.items():
        with pytest.raises(AttributeError):
            setattr(prior, field, value)
        if isinstance(value, np.ndarray):
            assert not np.shares_memory(getattr(prior, field), value)
            with pytest.raises(ValueError, match="read-only"):
                getattr(prior, field)[...] = 1.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_read_only_too(duplicate):
    prior = duplicate(MixturePrior(normal(), Dirichlet([1, 2, 3])))
    model = duplicate(space(prior))
    assert model == space(prior)
    for array in (prior.components.scale, prior.weights.concentration, model.means,
                  model._cov.factor, model.prior.components.mean):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1.0


def test_the_default_prior_of_coins_is_one_toss():
    x = data.two_coins()
    prior = BinomialMixture.default_prior(x, 2)
    assert (prior.components.a, prior.components.b) == (1 + 33 / 50, 1 + 17 / 50)
    assert prior.weights == Dirichlet(1.0)
    tails = np.column_stack([x[:, 1] - x[:, 0], x[:, 1]])
    other = BinomialMixture.default_prior(tails, 2).components
    assert (other.a, other.b) == (prior.components.b, prior.components.a)
    start = BinomialMixture.start(x, 2, 0, prior="default")
    assert start.prior == prior
    assert em.fit(start, x).converged


def test_the_prior_is_part_of_a_model():
    bare = BinomialMixture([1.0], [0.5])
    one, other = (replace(bare, prior=MixturePrior(Beta(a, 2))) for a in (2, 3))
    assert one == replace(bare, prior=MixturePrior(Beta(2, 2)))
    assert one != other and one != bare and bare != one
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_scale_may_be_asymmetric_by_rounding():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    rotated = turn @ np.diag([1.0, 1.0]) @ turn.T
    rotated[0, 1] += 1e-17
    assert NormalInverseWishart(M0, 1, 4, rotated).scale.shape == (2, 2)
    tiny = np.diag([1.0, 1e-12])  # correlations count, not sizes
    tiny[0, 1] = 1e-7
    with pytest.raises(ValueError, match="symmetric"):
        NormalInverseWishart(M0, 1, 4, tiny)


# --- what is refused


def line(prior, k=2):
    return GaussianMixture1D(np.full(k, 1 / k), np.arange(k), 1.0, prior=prior)


def space(prior, kind="full"):
    c = {"full": [np.eye(2)] * 3, "tied": np.eye(2), "diag": np.ones((3, 2))}
    return GaussianMixture(WEIGHTS, np.eye(3)[:, :2], c.get(kind, np.ones(3)), kind, prior)


def normal(**changes):
    return NormalInverseWishart(**{**PRIORS["NormalInverseWishart"][1], **changes})


X = data.old_faithful()
REFUSED = {
    "concentration below 1": (lambda: Dirichlet(0.5), "concentration must be at least 1"),
    "one concentration below 1": (lambda: Dirichlet([1, 0.9]), "concentration must be at least 1"),
    "concentration NaN": (lambda: Dirichlet([1, np.nan]), "concentration must be finite"),
    "concentration matrix": (lambda: Dirichlet([[1, 2]]), "concentration must have shape"),
    "concentration word": (lambda: Dirichlet("flat"), "concentration must hold real numbers"),
    "weights of the density": (lambda: Dirichlet(1).log_density([0.2, 0.3]), "weights .* sum to 1"),
    "concentrations for others": (
        lambda: Dirichlet([1, 2]).log_density([0.2, 0.3, 0.5]),
        "concentration has 2 entries for 3 components",
    ),
    "mean infinite": (lambda: normal(mean=[0, np.inf]), "mean must be finite"),
    "mean matrix": (lambda: normal(mean=[[0, 0]]), "mean must have shape"),
    "precision zero": (lambda: normal(mean_precision=0), "mean_precision must be above 0, not 0"),
    "precision negative": (lambda: normal(mean_precision=-1), "mean_precision must be above 0"),
    "precision NaN": (lambda: normal(mean_precision=np.nan), "mean_precision must be finite"),
    "precision of each": (lambda: normal(mean_precision=[1, 2]), "mean_precision must have shape"),
    "precision none": (lambda: normal(mean_precision=None), "mean_precision must hold real"),
    "freedom": (lambda: normal(degrees_of_freedom=1), "degrees_of_freedom must be above 1, not 1"),
    "freedom of variances": (
        lambda: normal(degrees_of_freedom=0, scale=1.0),
        "degrees_of_freedom must be above 0, not 0",
    ),
    "freedom infinite": (lambda: normal(degrees_of_freedom=np.inf), "degrees_of_freedom must be f"),
    "freedom word": (lambda: normal(degrees_of_freedom="4"), "degrees_of_freedom must hold real"),
    "scale indefinite": (lambda: normal(scale=[[1, 2], [2, 1]]), "scale must be positive"),
    "scale asymmetric": (lambda: normal(scale=[[1, 0.5], [0, 1]]), "scale must be symmetric"),
    "scale zero": (lambda: normal(scale=0.0), "scale must be positive"),
    "scales zero": (lambda: normal(scale=[1.0, 0.0]), "scale must be positive"),
    "scale NaN": (lambda: normal(scale=np.nan), "scale must be finite"),
    "scales too many": (lambda: normal(scale=np.ones(3)), r"scale must have shape \(2,\)"),
    "scale too large": (lambda: normal(scale=np.eye(3)), r"scale must have shape \(2, 2\)"),
    "scale cube": (lambda: normal(scale=np.ones((2, 2, 2))), r"scale must have shape \(2, 2\)"),
    "a": (lambda: Beta(0.5, 1), "a must be at least 1, not 0.5"),
    "b": (lambda: Beta(1, 0.5), "b must be at least 1, not 0.5"),
    "a NaN": (lambda: Beta(np.nan, 1), "a must be finite"),
    "b array": (lambda: Beta(1, [2, 3]), "b must have shape"),
    "shape": (lambda: Gamma(0.5, 1), "shape must be at least 1, not 0.5"),
    "rate zero": (lambda: Gamma(1, 0), "rate must be above 0, not 0"),
    "rate infinite": (lambda: Gamma(1, np.inf), "rate must be finite"),
    "rate word": (lambda: Gamma(1, "fast"), "rate must hold real numbers"),
    "weights": (lambda: MixturePrior(Beta(1, 1), 2.0), "weights must be a Dirichlet prior, not 2"),
    "Beta for a normal": (
        lambda: space(MixturePrior(Beta(1, 1))),
        "NormalInverseWishart, not Beta",
    ),
    "not a bundle, line": (lambda: line(normal()), "prior must be a MixturePrior or None, not Nor"),
    "not a bundle, space": (lambda: space(normal()), "prior must be a MixturePrior or None"),
    "not a bundle, coin": (
        lambda: BinomialMixture([1.0], [0.5], prior=Beta(1, 1)),
        "prior must be a MixturePrior or None, not Beta",
    ),
    "not a bundle, rate": (
        lambda: PoissonMixture([1.0], [0.5], prior="default"),
        "prior must be a MixturePrior or None, not 'default'",
    ),
    "not a bundle, start": (
        lambda: GaussianMixture.start(X, 2, 0, prior=3),
        "prior must be a MixturePrior or None, not 3",
    ),
    "Beta, start": (
        lambda: GaussianMixture.start(X, 2, 0, prior=MixturePrior(Beta(1, 1))),
        "must be a NormalInverseWishart, not Beta",
    ),
    "start in other dimension": (
        lambda: GaussianMixture.start(X[:, :1], 2, 0, prior=MixturePrior(normal())),
        "the prior of a 'full' mixture in 1 dimensions must have",
    ),
    "mean vector on the line": (
        lambda: line(MixturePrior(normal(scale=1.0))),
        "mean and scale are numbers",
    ),
    "start word, coin": (
        lambda: BinomialMixture.start(data.two_coins(), 2, 0, prior="flat"),
        "one of 'default'",
    ),
    "impossible under the prior": (
        lambda: em.fit(
            BinomialMixture([1.0], [0.0], prior=MixturePrior(Beta(2, 2))), [[0, 5], [0, 3]]
        ),
        "or the model under its prior",
    ),
    "Beta on the line": (lambda: line(MixturePrior(Beta(1, 1))), "NormalInverseWishart.* not Beta"),
    "normal for a coin": (
        lambda: BinomialMixture([1.0], [0.5], prior=MixturePrior(normal())),
        "must be a Beta, not NormalInverseWishart",
    ),
    "vector on the line": (
        lambda: line(MixturePrior(normal(scale=[1.0, 1.0]))),
        "mean and scale are numbers",
    ),
    "weights for others, line": (
        lambda: line(MixturePrior(NormalInverseWishart(0, 1, 3, 1), Dirichlet([1, 1, 1]))),
        "concentration has 3 entries for 2",
    ),
    "weights for others, space": (
        lambda: space(MixturePrior(normal(), Dirichlet([1, 1]))),
        "concentration has 2 entries for 3",
    ),
    "weights for others, coin": (
        lambda: BinomialMixture([1.0], [0.5], prior=MixturePrior(Beta(1, 1), Dirichlet([1, 1]))),
        "concentration has 2 entries for 1",
    ),
    "other dimension": (
        lambda: space(MixturePrior(NormalInverseWishart([0], 1, 3, [[1.0]]))),
        r"mean of shape \(2,\) and a scale of shape \(2, 2\), not \(1,\) and \(1, 1\)",
    ),
    "start word": (lambda: GaussianMixture.start(X, 2, 0, prior="flat"), "one of 'default'"),
    "start word, line": (
        lambda: GaussianMixture1D.start(X[:, 0], 2, 0, prior="flat"),
        "one of 'default'",
    ),
    "no spread": (lambda: GaussianMixture1D.default_prior(np.ones(5), 2), "scale must be positive"),
    "constant column": (
        lambda: GaussianMixture.start(np.c_[X, np.ones(272)], 2, 0, prior="default"),
        "column 2 is constant",
    ),
    **{
        f"{kind} prior for {other}": (
            lambda kind=kind, other=other: space(MixturePrior(niw(kind)), other),
            f"the prior of a '{other}' mixture in 2 dimensions must have",
        )
        for kind in COVARIANCE_TYPES
        for other in COVARIANCE_TYPES
        if kind != other and {kind, other} != {"full", "tied"}
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_unusable_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        call()


# --- a prior for each component


def of_each(kind, same_scale=False):
    """Two priors that differ in all their numbers, but for what a common covariance forbids."""
    nu, scale = (5.5, PSI) if same_scale else (9.0, 3 * PSI)
    return niw(kind), niw(kind, M0 + [3.0, 7.0], 4.0, nu, scale)


def two_of(kind, components):
    prior = MixturePrior(components)
    if kind in ("1-D", "common"):
        return GaussianMixture1D([0.4, 0.6], [2.0, 4.0], 1.0, kind == "common", prior)
    start = GaussianMixture([0.4, 0.6], [[2.0, 55.0], [4.0, 80.0]], [np.diag([1.0, 30.0])] * 2)
    cov = {"tied": np.eye(2), "diag": np.ones((2, 2)), "spherical": np.ones(2)}
    values = cov.get(kind, start.covariances)
    return GaussianMixture(start.weights, start.means, values, kind, prior)


def rows_of(kind):
    x = data.old_faithful()
    return x[:, 0] if kind in ("1-D", "common") else x


each_kind = pytest.mark.parametrize("kind", [*COVARIANCE_TYPES, "1-D", "common"])


def priors_for(kind):
    return of_each({"common": "1-D"}.get(kind, kind), kind in ("tied", "common"))


@each_kind
def test_the_same_prior_for_each_is_one_for_all(kind):
    one = priors_for(kind)[0]
    x = rows_of(kind)
    single, each = (em.fit(two_of(kind, p), x, max_iter=5) for p in (one, [one, one]))
    np.testing.assert_allclose(each.objective, single.objective, rtol=1e-12)
    assert_same_model(replace(each.model, prior=None), replace(single.model, prior=None))


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "1-D"])
def test_with_all_labels_each_component_is_the_map_under_its_own_prior(kind):
    """Whose closed form for K = 1 is tested above."""
    x, priors = rows_of(kind), priors_for(kind)
    z = (data.old_faithful()[:, 1] > 68).astype(int)
    fit = em.fit(labelled(two_of(kind, priors)), with_labels(x, z), tol=1e-10)
    for k in (0, 1):
        own = x[z == k]
        start = type(fit.model.model).start(
            own, 1, 0, prior=MixturePrior(priors[k]),
            **({} if kind == "1-D" else {"covariance_type": kind}),
        )  # fmt: skip
        alone = em.fit(start, own, tol=1e-10).model
        np.testing.assert_allclose(fit.model.means[k], alone.means[0], rtol=1e-9)
        np.testing.assert_allclose(
            fit.model.covariance_matrices[k], alone.covariance_matrices[0], rtol=1e-8, atol=1e-12
        )


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
def test_the_log_density_of_a_prior_for_each_is_the_sum_of_both(kind):
    both = two_of(kind, priors_for(kind))
    alone = [
        GaussianMixture([1.0], both.means[[k]], both.covariances[[k]], kind, MixturePrior(own))
        for k, own in enumerate(both.prior.components)
    ]
    wanted = sum(scipy_log_prior(model) for model in alone)
    assert both.log_prior_components() == pytest.approx(wanted, rel=1e-12)


@each_kind
def test_a_prior_for_each_follows_the_laws(kind):
    x, priors = rows_of(kind)[::6], priors_for(kind)
    model = two_of(kind, priors)
    assert isinstance(model.prior.components, tuple)
    rng = np.random.default_rng(0)
    case = Case(kind, lambda rng: (model, x), lambda rng: (model, x))
    m_step_maximises_q(case, rng)
    em_never_falls(case, rng)
    other = model.reordered([1, 0])
    assert other.prior.components == priors[::-1]
    assert other.log_prior() == pytest.approx(model.log_prior(), rel=1e-12)
    after = model.m_step(model.e_step(x))
    assert_same_model(
        replace(other.m_step(other.e_step(x)).reordered([1, 0]), prior=None),
        replace(after, prior=None),
    )
    assert after.sorted("weights").log_prior() == pytest.approx(after.log_prior(), rel=1e-12)
    held = em.fit(hold(model, "means"), x, tol=1e-8)
    np.testing.assert_array_equal(held.model.means, model.means)
    assert pickle.loads(pickle.dumps(model)) == model


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_a_prior_for_each_in_other_units(kind):
    x, priors, units = rows_of(kind), priors_for(kind), np.array([10.0, 0.3])
    square = units**2 if kind == "diag" else np.outer(units, units)
    moved = [replace(p, mean=p.mean * units, scale=p.scale * square) for p in priors]
    model = two_of(kind, priors)
    there = replace(
        model, means=model.means * units, covariances=model.covariances * square,
        prior=MixturePrior(moved),
    )  # fmt: skip
    one, other = em.fit(model, x, tol=1e-9).model, em.fit(there, x * units, tol=1e-9).model
    np.testing.assert_allclose(other.means, one.means * units, rtol=1e-6)
    np.testing.assert_allclose(other.covariances, one.covariances * square, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_of("full", [niw("full")]), "prior has 1 components, not 2"),
        (lambda: two_of("full", [niw("full"), niw("diag")]), "must have a mean of shape"),
        (lambda: two_of("full", [niw("full"), Beta(1, 1)]), "must be a NormalInverseWishart"),
        (lambda: two_of("tied", of_each("tied")), "the same in the priors of all"),
        (lambda: two_of("common", of_each("1-D")), "the same in the priors of all"),
        (
            lambda: BinomialMixture([1.0], [0.5], prior=MixturePrior([Beta(1, 1)])),
            "must be a Beta, not",
        ),
        (
            lambda: GaussianMixture.start(
                data.old_faithful(), 2, 0, prior=MixturePrior(of_each("full"))
            ),
            r"means=\[p.mean for p in prior.components\]",
        ),
    ],
)
def test_priors_for_each_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("family", [GaussianMixture, IncompleteGaussianMixture, StudentTMixture])
def test_a_start_has_the_scale_of_the_prior_in_it(family):
    x = np.random.default_rng(0).standard_normal((30, 2))
    scale = np.array([[4.0, 1.0], [1.0, 2.0]])
    prior = MixturePrior(NormalInverseWishart([0.0, 0.0], 0.1, 7.0, scale))
    model = family.start(x, 1, 0, prior=prior)
    wanted = (30 * np.cov(x.T, bias=True) + scale) / (30 + 7)
    np.testing.assert_allclose(model.covariance_matrices[0], wanted, rtol=1e-10)


@pytest.mark.parametrize(("kind", "larger"), [("full", 10), ("tied", 10), ("diag", 8)])
def test_where_a_column_follows_from_others_the_default_prior_is_wide(kind, larger):
    """So that its mode lies at the columns' variances: 2 D + 4 times, or D + 5."""
    x = np.random.default_rng(1).standard_normal((40, 3))
    x[:, 2] = x[:, 0] + x[:, 1]
    scale = GaussianMixture.default_prior(x, 2, kind).components.scale
    wanted = 2 ** (-2 / 3) * larger * x.var(axis=0)
    np.testing.assert_allclose(scale if kind == "diag" else np.diag(scale), wanted)
