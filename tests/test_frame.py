"""The frame carries what is no mixture of rows: each law on each model, and oracles not ours."""

from dataclasses import replace
from itertools import islice, pairwise, product

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.decomposition import PCA
from sklearn.decomposition import FactorAnalysis as SklearnFactors

from cases import CASES, Case
from emlib import (
    ABO,
    CensoredExponential,
    CensoredNormal,
    DegenerateWarning,
    Expectation,
    Gamma,
    GaussianMixture1D,
    Linkage,
    PoissonMixture,
    TruncatedPoisson,
    em,
    held_out,
    hold,
    labelled,
    variants,
)
from emlib._machinery.value import numbers
from emlib.convergence import Watch
from emlib.coordinates import pack, unpack
from frame import FactorAnalysis, HiddenMarkov, RegressionMixture
from laws import (
    MIXTURE_LAWS,
    MODEL_LAWS,
    assert_law,
    assert_same_expectation,
    assert_same_model,
    objective,
    slopes,
)

# --- cases


def _linkage():
    def draw(rng):
        return Linkage(rng.uniform(0.1, 0.9)), rng.integers(1, 40, (6, 4)).astype(float)

    return Case("linkage", draw, draw)


def _abo():
    def draw(rng):
        return ABO(rng.dirichlet([3, 3, 3])), rng.integers(1, 40, (6, 4)).astype(float)

    return Case("abo", draw, draw)


def _factors(isotropic):
    def draw(rng):
        d, q = rng.integers(3, 6), rng.integers(1, 3)
        noise = np.full(d, rng.uniform(0.5, 2)) if isotropic else rng.uniform(0.5, 2, d)
        model = FactorAnalysis(
            rng.standard_normal(d), rng.standard_normal((d, q)), noise, isotropic
        )
        return model, 2 * rng.standard_normal((30, d))

    def clear(rng):
        loadings = np.array([[3.0], [2.0], [-3.0], [2.5]])
        x = rng.standard_normal((60, 1)) @ loadings.T + rng.standard_normal((60, 4))
        return FactorAnalysis(np.zeros(4), loadings, np.ones(4), isotropic), x

    def move(rng, model, x):
        a, b = np.exp(rng.standard_normal()), rng.standard_normal(x.shape[1])
        moved = replace(
            model,
            mean=a * model.mean + b,
            loadings=a * model.loadings,
            uniquenesses=a**2 * model.uniquenesses,
        )
        return moved, a * x + b, x.shape[1] * np.log(a)

    return Case("factors" + isotropic * "-isotropic", draw, clear, move)


def _truncated(prior):
    def draw(rng):
        return TruncatedPoisson(rng.uniform(0.3, 4), prior), rng.integers(1, 6, 30).astype(float)

    def clear(rng):
        return TruncatedPoisson(1.0, prior), 1.0 + rng.poisson(2, 40)

    return Case("truncated-poisson" + "-prior" * (prior is not None), draw, clear)


def _censored(start):
    def draw(rng):
        x = np.column_stack([rng.exponential(2, 30) + 0.01, rng.random(30) < 0.7])
        x[0, 1] = 1
        size = rng.uniform(0.5, 3)
        return (start if isinstance(start, CensoredNormal) else CensoredExponential(size)), x

    def clear(rng):
        x = rng.normal(3, 0.5, 40) if isinstance(start, CensoredNormal) else rng.exponential(2, 40)
        return start, np.column_stack([np.minimum(x, 3.4), x < 3.4])

    return Case(type(start).__name__, draw, clear)


def _regressions():
    def draw(rng):
        k = rng.integers(1, 4)
        model = RegressionMixture(
            rng.dirichlet(np.full(k, 5.0)), rng.standard_normal((k, 2)), rng.uniform(0.5, 2, k)
        )
        t = rng.uniform(-2, 2, 40)
        return model, np.column_stack([np.ones(40), t, 2 * rng.standard_normal(40)])

    def clear(rng):
        t = rng.uniform(1, 2, 60)
        y = np.repeat([-6.0, 6.0], 30) * t + rng.standard_normal(60)
        x = np.column_stack([np.ones(60), t, y])
        return RegressionMixture([0.4, 0.6], [[0.0, -5.0], [0.0, 5.0]], [2.0, 2.0]), x

    def move(rng, model, x):
        a = np.exp(rng.standard_normal())
        moved = replace(
            model, coefficients=a * model.coefficients, variances=a**2 * model.variances
        )
        return moved, x * [1, 1, a], np.log(a)

    return Case("regressions", draw, clear, move)


def _hidden_markov():
    def draw(rng):
        k = rng.integers(1, 4)
        mixture = PoissonMixture(rng.dirichlet(np.full(k, 5.0)), rng.uniform(1, 8, k))
        transitions = rng.dirichlet(np.full(k, 3.0), k)
        x = [rng.poisson(4, n).astype(float) for n in rng.integers(3, 9, 6)]
        return HiddenMarkov(mixture, transitions), x

    def clear(rng):
        mixture = GaussianMixture1D([0.5, 0.5], [-3.0, 3.0], [1.0, 1.0])
        model = HiddenMarkov(mixture, [[0.8, 0.2], [0.3, 0.7]])
        firsts = np.arange(8) % 2
        return model, [4 * walk(rng, 12, z) + rng.standard_normal(12) for z in firsts]

    def walk(rng, n, z):
        z = np.concatenate([[z], (rng.random(n - 1) < 0.3)]).cumsum() % 2
        return 2.0 * z - 1

    def move(rng, model, x):
        if isinstance(model.mixture, PoissonMixture):
            return model, x, 0.0
        raise NotImplementedError

    return Case("hidden-markov", draw, clear, move)


CUT_OFF = [
    _truncated(None),
    _truncated(Gamma(2.0, 1.5)),
    _censored(CensoredExponential(1.5)),
    _censored(CensoredNormal(2.0, 2.0)),
]
ROWS = [_linkage(), _abo(), _factors(False), _factors(True), *CUT_OFF]
MIXTURES = [_regressions()]
MODELS = [*ROWS, *MIXTURES, _hidden_markov()]


def name(law):
    return law.__name__


@pytest.mark.parametrize("law", MODEL_LAWS, ids=name)
@pytest.mark.parametrize("case", MODELS, ids=str)
def test_model_law(law, case):
    assert_law(law, case, 3)


@pytest.mark.parametrize(
    ("case", "law"),
    [
        pytest.param(case, law, id=f"{case}-{law.__name__}")
        for case, law in product(MIXTURES, MIXTURE_LAWS)
    ],
)
def test_mixture_law(case, law):
    assert_law(law, case, 3)


# --- oracles


def by_all_paths(model, x):
    """Return the log-likelihood and expected counts of a chain, path by path."""
    k, log_b = model.mixture.n_components, model.mixture.log_components(x)
    paths = np.array(list(product(range(k), repeat=len(x))))
    joint = np.log(model.mixture.weights[paths[:, 0]])
    joint = joint + sum(log_b[t, paths[:, t]] for t in range(len(x)))
    joint = joint + sum(np.log(model.transitions[a, b]) for a, b in pairwise(paths.T))
    share = np.exp(joint - logsumexp(joint))
    counts = np.array([share @ (paths == j).sum(axis=1) for j in range(k)])
    pairs = np.zeros((k, k))
    for a, b in pairwise(paths.T):
        np.add.at(pairs, (a, b), share)
    return logsumexp(joint), counts, pairs


@pytest.mark.parametrize("seed", range(5))
def test_a_chain_is_the_sum_over_all_its_paths(seed):
    model, x = _hidden_markov().draw(np.random.default_rng(seed))
    e = model.e_step(x[0][:6])
    log_likelihood, counts, pairs = by_all_paths(model, x[0][:6])
    assert e.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    np.testing.assert_allclose(e.counts, counts, rtol=1e-10)
    np.testing.assert_allclose(e.statistics[1], pairs, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_chain_without_memory_is_its_mixture_whatever_that_is(case):
    mixture, x = case.draw(np.random.default_rng(0))
    chain = HiddenMarkov(mixture, np.tile(mixture.weights, (mixture.n_components, 1)))
    ours, theirs = chain.e_step(x), mixture.e_step(x)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(ours.counts, theirs.counts, rtol=1e-9, atol=1e-12)
    emissions = ours.statistics[2]
    assert_same_expectation(replace(emissions, log_likelihood=theirs.log_likelihood), theirs, 1e-9)


def test_factors_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    loadings = np.array([[2, 2, 1, 0, 0, -1], [0, 1, 1, 2, -2, 1]])
    x = rng.standard_normal((300, 2)) @ loadings + rng.standard_normal((300, 6))
    start = FactorAnalysis(x.mean(axis=0), rng.standard_normal((6, 2)), x.var(axis=0))
    fit = em.fit(start, x, tol=1e-8)
    peer = SklearnFactors(2, tol=1e-7, max_iter=10_000, svd_method="lapack").fit(x)
    assert fit.objective[-1] == pytest.approx(300 * peer.score(x), abs=1e-4)
    np.testing.assert_allclose(fit.model.uniquenesses, peer.noise_variance_, atol=1e-3)


def test_isotropic_factors_are_principal_components():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 5)) * [3.0, 2.0, 1.0, 1.0, 0.5]
    start = FactorAnalysis(x.mean(axis=0), rng.standard_normal((5, 2)), np.ones(5), True)
    fit = em.fit(start, x, tol=1e-9)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    assert fit.model.uniquenesses[0] == pytest.approx(values[2:].mean(), rel=1e-4)
    assert fit.objective[-1] == pytest.approx(200 * PCA(2).fit(x).score(x), abs=0.6)  # it has N - 1


def test_one_line_is_least_squares():
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(30), rng.random(30), rng.standard_normal(30)])
    fit = em.fit(RegressionMixture([1.0], [[0.0, 0.0]], [1.0]), x)
    best, (squares,), _, _ = np.linalg.lstsq(x[:, :2], x[:, 2], rcond=None)
    np.testing.assert_allclose(fit.model.coefficients[0], best, atol=1e-10)
    assert fit.model.variances[0] == pytest.approx(squares / 30, rel=1e-10)


# --- the traps: each was silent before


CHAIN = HiddenMarkov(PoissonMixture([0.5, 0.5], [3.0, 3.0]), [[0.7, 0.3], [0.3, 0.7]])
COUNTS = np.random.default_rng(0).poisson(np.repeat([2.0, 9.0, 2.0, 9.0], 25)).astype(float)


def test_the_numbers_of_a_nested_model_are_seen():
    assert [len(array) for array in numbers(CHAIN)] == [2, 2, 2]


def test_a_climb_does_not_end_while_the_steps_of_a_nested_model_grow():
    """Beside the saddle of two equal states the objective stands still, and the rates part."""
    rates = [3.0 * (1 - 1e-10), 3.0 * (1 + 1e-10)]
    start = replace(CHAIN, mixture=PoissonMixture([0.5, 0.5], rates))
    fit = em.fit(start, COUNTS)
    assert fit.converged and fit.objective[-1] > fit.objective[5] + 20
    assert np.sort(fit.model.mixture.rates) == pytest.approx([2, 9], abs=1)


def test_part_of_the_way_moves_a_nested_model_too():
    start = replace(CHAIN, mixture=PoissonMixture([0.5, 0.5], [1.0, 5.0]))
    whole, half = (
        list(islice(variants.part_way(start, COUNTS, fraction=f), 31))[-1].model for f in (1, 0.5)
    )
    assert_same_model(whole, list(islice(em.iterate(start, COUNTS), 31))[-1].model)
    assert abs(half.mixture.rates - start.mixture.rates).max() > 0.5


def test_lines_in_unlike_units_are_not_the_same():
    """Slopes of 0.001 and -0.001 through an intercept of a million, and nobody in doubt."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 1e7, 400)
    y = 1e6 + rng.choice([0.001, -0.001], 400) * t + rng.standard_normal(400)
    x = np.column_stack([np.ones(400), t, y])
    start = RegressionMixture([0.5, 0.5], [[1e6, 2e-4], [1e6, -2e-4]], [1e6, 1e6])
    fit = em.fit(start, x)
    assert fit.model.responsibilities(x).max(axis=1).mean() > 0.999
    assert fit.status == "converged" and not fit.doubts


def test_a_model_may_define_distances_alone():
    class Bare:
        """As of yesterday a model with `distances` had to have three more attributes."""

        def __init__(self, at=0):
            self.at = at

        def e_step(self, x, sample_weight=None):
            return Expectation(-(0.5**self.at), np.ones(2))

        def m_step(self, expectation):
            return Bare(self.at + 1)

        def log_prior(self):
            return 0.0

        def distances(self):
            return np.array([[0.0, 1.0], [1.0, 0.0]])

    assert em.fit(Bare(), None).converged


def test_two_equal_states_are_no_summit():
    with pytest.warns(DegenerateWarning, match="components 0 and 1 are the same"):
        fit = em.fit(CHAIN, COUNTS)
    assert fit.status == "degenerate"


def test_a_dask_array_is_not_cut_where_a_sequence_goes_on():
    da = pytest.importorskip("dask.array")
    with pytest.raises(ValueError, match="would cut what this model must see whole"):
        em.fit(CHAIN, da.from_array(COUNTS, chunks=30))


def test_whole_sequences_are_held_out_not_single_days():
    class Chain(HiddenMarkov):
        @classmethod
        def start(cls, x, n_components, rng, method):
            mixture = PoissonMixture.start(np.concatenate(x), n_components, rng, method)
            return cls(mixture, np.full((n_components, n_components), 1 / n_components))

    with pytest.raises(ValueError, match="depend on one another"):
        held_out(Chain, COUNTS, 2, rng=0, n_folds=2)
    weeks = np.split(COUNTS, 20)
    held = held_out(Chain, weeks, 2, rng=0, n_folds=4, n_starts=1)
    assert held.log_density.shape == (20,) and set(held.status) <= {"converged", "max_iter"}
    assert held.log_likelihood < em.fit(Chain.start(weeks, 2, 0, "kmeans"), weeks).objective[-1]


def test_one_weight_a_sequence():
    weeks = np.split(COUNTS, [30, 60])
    weighted = em.expect(CHAIN, weeks, [2, 0, 1])
    assert_same_expectation(weighted, em.expect(CHAIN, [weeks[0], weeks[0], weeks[2]]))
    with pytest.raises(ValueError, match="one number for each sequence"):
        em.expect(CHAIN, weeks, np.ones(4))


def test_the_watch_sees_a_fall():
    watch = Watch(1e-6)
    watch.see(CHAIN, -1.0)
    with pytest.raises(em.MonotonicityError, match="step 1"):
        watch.see(CHAIN, -2.0)


# --- a chain around what is held


@pytest.mark.parametrize(
    ("names", "components", "count"),
    [(("rates",), [0], 1 + 1 + 2), (("rates",), None, 1 + 2), (("weights",), None, 2 + 2)],
)
def test_a_chain_of_a_mixture_with_held_parameters(names, components, count):
    """The rest is at its maximum, and only what is free counts."""
    rng = np.random.default_rng(3)
    plain = PoissonMixture([0.4, 0.6], [2.0, 9.0])
    z = np.cumsum(rng.random((6, 40)) < 0.15, axis=1) % 2
    x = [row.astype(float) for row in rng.poisson(np.array([3.0, 8.0])[z])]
    start = HiddenMarkov(hold(plain, *names, components=components), [[0.8, 0.2], [0.3, 0.7]])
    assert len(pack(start)) == count
    fit = em.fit(start, x, tol=1e-9)
    assert fit.converged and fit.objective[-1] > fit.objective[0] + 1
    inside = fit.model.mixture
    kept = slice(None) if components is None else components
    for name in names:
        np.testing.assert_array_equal(getattr(inside, name)[kept], getattr(plain, name)[kept])
    slope = slopes(rng, lambda v: objective(unpack(fit.model, v), x), pack(fit.model))
    np.testing.assert_allclose(slope, 0, atol=1e-3)
    free = em.fit(HiddenMarkov(plain, [[0.8, 0.2], [0.3, 0.7]]), x, tol=1e-9)
    assert fit.objective[-1] < free.objective[-1]


def test_other_weights_leave_those_that_are_held():
    three = PoissonMixture([0.2, 0.3, 0.5], [1.0, 4.0, 9.0])
    held = hold(three, "weights", components=[2]).with_weights([0.6, 0.2, 0.2])
    np.testing.assert_allclose(held.weights, [0.375, 0.125, 0.5])
    assert three.with_weights([0.6, 0.2, 0.2]).weights.tolist() == [0.6, 0.2, 0.2]
    assert labelled(three).with_weights([0.6, 0.2, 0.2]).weights.tolist() == [0.6, 0.2, 0.2]
