"""The EM family: what each variant keeps of the theorem, on every mixture family."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

from cases import CASES, parameters
from emlib import (
    DegenerateError,
    GaussianMixture,
    GaussianMixture1D,
    Linkage,
    data,
    em,
    known,
    variants,
)
from emlib.accelerate import rate_matrix
from emlib.coordinates import pack
from emlib.families.abo import ABO
from emlib.families.poisson import PoissonMixture
from emlib.prior import Gamma, MixturePrior
from laws import assert_same_model, pieces

families = pytest.mark.parametrize("case", CASES, ids=str)
seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=5)
few = settings(max_examples=2)  # each takes derivatives by differences
DEATHS, DAYS = data.death_notices()
START = PoissonMixture([0.3, 0.7], [1.0, 2.5])


def law(test):
    """Have hypothesis try a test on every family."""
    return families(some(given(seed=seeds)(test)))


def drawn(case, seed):
    """Return a generator, and a model, data and weights that it has drawn."""
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    return rng, model, x, rng.uniform(0.5, 2, len(x))


def walk(steps, n):
    """Return the first n steps, or fewer if a component goes."""
    taken = []
    try:
        for step in islice(steps, n):
            taken.append(step)
    except DegenerateError:
        pass
    return taken


def last(steps, n):
    return list(islice(steps, n + 1))[-1].model


def assert_never_falls(values):
    values = np.array(values)
    assert (np.diff(values) >= -1e-11 * np.maximum(1, np.abs(values[1:]))).all(), values


def cm_steps(model):
    """One CM-step a field, in an order in which each is a conditional maximisation."""
    names = [n for n in parameters(model) if n in model.spaces]
    return [variants.only(name) for name in names]


# --- the one function


@law
def test_the_one_function_is_the_bound_at_temperature_one(case, seed):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    q = rng.dirichlet(np.ones(model.n_components), len(x))
    r, joint = model.responsibilities(x), model.log_joint(x)
    assert model.elbo(x, r) == pytest.approx(model.log_likelihood(x), rel=1e-12)
    entropy = -sum(value * np.log(value) for value in q.ravel() if value > 0)
    assert model.elbo(x, q, 0.7) == pytest.approx((q * joint).sum() + 0.7 * entropy, rel=1e-12)
    copies = rng.integers(0, 4, len(x))
    repeated = (np.repeat(a, copies, axis=0) for a in (x, q))
    if copies.any():
        weighted = model.elbo(x, q, 0.7, copies)
        assert weighted == pytest.approx(model.elbo(*repeated, 0.7), rel=1e-11)


@families
@some
@given(seed=seeds, temperature=st.floats(0.05, 20))
def test_the_tempered_q_is_the_highest_point_of_the_one_function(case, seed, temperature):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    best = next(variants.annealed(model, x, [temperature])).q
    top = model.elbo(x, best, temperature)
    for _ in range(5):
        q = rng.dirichlet(np.ones(model.n_components), len(x))
        for other in (q, 0.99 * best + 0.01 * q):
            assert model.elbo(x, other, temperature) <= top + 1e-9 * abs(top)


# --- another M-step


@families
@some
@given(seed=seeds, fraction=st.floats(0, 1))
def test_part_of_the_way_never_falls(case, seed, fraction):
    model, x = case.draw(np.random.default_rng(seed))
    steps = walk(variants.part_way(model, x, fraction=fraction), 6)
    assert_never_falls([step.objective for step in steps])


@law
def test_the_bound_rises_all_along_the_line_to_its_summit(case, seed):
    model, x = case.draw(np.random.default_rng(seed))
    q = model.responsibilities(x)
    summit = model.m_step(model.e_step(x))
    line = [variants.between(model, summit, f) for f in np.linspace(0, 1, 12)]
    assert_never_falls([m.expected_log_joint(x, q) + m.log_prior() for m in line])


@pytest.mark.parametrize(
    ("model", "x"), [(Linkage(0.1), data.linkage()), (ABO([0.1, 0.8, 0.1]), data.blood_groups())]
)
def test_part_of_the_way_works_on_models_that_are_no_mixtures(model, x):
    steps = list(islice(variants.part_way(model, x, fraction=0.3), 40))
    assert_never_falls([step.objective for step in steps])
    end, summit = steps[-1].objective, em.fit(model, x, tol=1e-12).objective[-1]
    assert end == pytest.approx(summit, abs=1e-6)


@law
def test_the_whole_way_is_em_and_none_of_it_is_rest(case, seed):
    model, x = case.draw(np.random.default_rng(seed))
    ours, theirs = walk(variants.part_way(model, x, fraction=1.0), 4), walk(em.iterate(model, x), 4)
    for a, b in zip(ours, theirs, strict=True):
        assert_same_model(a.model, b.model, tol=1e-13)  # BLAS: the same but for the last bit
    assert_same_model(last(variants.part_way(model, x, fraction=0.0), 2), model, tol=0)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_is_one(fraction):
    with pytest.raises(ValueError, match="fraction"):
        next(variants.part_way(Linkage(0.5), data.linkage(), fraction=fraction))


@pytest.mark.parametrize("direction", ["gradient", "newton"])
@families
@few
@given(seed=seeds)
def test_a_step_uphill_never_falls(direction, case, seed):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    w = rng.integers(1, 4, len(x))
    steps = walk(variants.uphill(model, x, w, direction), 2)
    assert_never_falls([step.objective for step in steps])
    assert all(np.isfinite(step.objective) for step in steps)


def test_newton_goes_to_the_summit_of_em():
    x = np.repeat([-4.0, 4.0], 20) + np.random.default_rng(0).standard_normal(40)
    start = GaussianMixture1D([0.4, 0.6], [-3.0, 3.0], [2.0, 2.0])
    limit = em.fit(start, x, tol=1e-12).model
    assert_same_model(last(variants.uphill(start, x), 12), limit, tol=1e-6)


def test_gradient_goes_to_the_summit_of_em():
    x = np.random.default_rng(0).poisson(np.repeat([2.0, 20.0], 15)).astype(float)
    start = PoissonMixture([0.4, 0.6], [3.0, 15.0])
    limit = em.fit(start, x, tol=1e-12).model
    ours = last(variants.uphill(start, x, None, "gradient", 0.01), 200)
    assert_same_model(ours, limit, tol=1e-5)


@pytest.mark.parametrize("direction", ["gradient", "newton"])
def test_a_step_uphill_takes_one_pass_over_the_data(direction):
    passes = 0

    class Counting(PoissonMixture):
        def log_components(self, x):
            nonlocal passes
            passes += 1
            return super().log_components(x)

    start = Counting([0.3, 0.7], [1.0, 2.5])
    walk(variants.uphill(start, DEATHS, DAYS, direction, 1e-3), 4)
    assert passes == 4


@pytest.mark.parametrize(("direction", "length"), [("newton", 1.0), ("gradient", 0.001)])
def test_a_step_uphill_is_that_of_the_formulas(direction, length):
    """Equation (7.7) for the rates; the weights' log-odds have slope N_2 - N pi_2."""
    step = next(em.iterate(START, DEATHS, DAYS))
    days, (notices,) = step.expectation.counts, step.expectation.statistics
    pi, rates = START.weights, START.rates
    uphill = np.array([days[1] - days.sum() * pi[1], *(notices - days * rates)])
    curvature = np.array([days.sum() * pi[0] * pi[1], *(days * rates)])
    way = uphill / curvature if direction == "newton" else length * uphill
    ours = last(variants.uphill(START, DEATHS, DAYS, direction, length), 1)
    np.testing.assert_allclose(pack(ours) - pack(START), way, rtol=1e-6, atol=1e-9)


def test_a_newton_step_that_overshoots_is_halved():
    """In log coordinates a rate below its summit is thrown far above it (eq. 7.8, 7.9)."""
    start = PoissonMixture([0.5, 0.5], [0.3, 0.2])
    first, second = walk(variants.uphill(start, DEATHS, DAYS), 2)
    days, (notices,) = first.expectation.counts, first.expectation.statistics
    whole = notices / days / start.rates - 1
    share = np.log(second.model.rates / start.rates) / whole
    np.testing.assert_allclose(share, share[0], rtol=1e-5)
    assert np.log2(share[0]) == pytest.approx(round(np.log2(share[0])), abs=1e-4)
    assert share[0] < 0.9 and second.objective > first.objective


@pytest.mark.parametrize("multicycle", [False, True])
@law
def test_ecm_never_falls(multicycle, case, seed):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    steps = walk(variants.ecm(model, x, cm_steps(model), multicycle=multicycle), 5)
    assert_never_falls([step.objective for step in steps])


@law
def test_ecm_is_em_where_the_conditional_summits_are_the_joint_one(case, seed):
    if not case.labels_alone:
        return  # what is hidden beside the labels is not in q
    _, model, x, w = drawn(case, seed)
    if getattr(model, "fixed_weights", False):
        return
    ours, theirs = (
        walk(steps, 3)
        for steps in (variants.ecm(model, x, cm_steps(model), w), em.iterate(model, x, w))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert_same_model(a.model, b.model)
        assert a.objective == pytest.approx(b.objective, rel=1e-11)


def test_multicycle_ecm_sees_its_own_progress():
    steps = [variants.only("weights"), variants.only("rates")]
    one, two = (
        last(variants.ecm(START, DEATHS, steps, DAYS, multicycle=m), 1) for m in (False, True)
    )
    half = variants.only("weights")(START, DEATHS, START.responsibilities(DEATHS) * DAYS[:, None])
    after = half.m_step(half.e_step(DEATHS, DAYS))
    np.testing.assert_allclose(two.rates, after.rates, rtol=1e-12)
    assert abs(two.rates - one.rates).max() > 1e-4


# --- another E-step


@law
def test_hard_em_never_lowers_the_classification_likelihood(case, seed):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    w = rng.integers(1, 4, len(x))
    steps = walk(variants.hard(model, x, w), 6)
    best = [w @ s.model.log_joint(x).max(axis=1) + s.model.log_prior() for s in steps]
    assert_never_falls(best)
    climbed = [s.model.elbo(x, s.q, 0, w) for s in steps]
    np.testing.assert_allclose(climbed, best, rtol=1e-12)
    for step in steps:
        np.testing.assert_array_equal(step.q.argmax(axis=1), step.model.predict(x))
        assert set(np.unique(step.q)) <= {0.0, 1.0}


def test_hard_em_can_lower_the_log_likelihood():
    x = np.repeat(DEATHS, DAYS)
    limit = em.fit(START, DEATHS, sample_weight=DAYS, tol=1e-9).model
    first, second = islice(variants.hard(limit, x), 2)
    assert second.objective < first.objective - 1


def k_means(x, centres, n):
    with np.errstate(all="ignore"):
        return kmeans2(x, centres, minit="matrix", iter=n)[0]


@given(seed=seeds)
def test_hard_em_for_the_means_alone_is_k_means(seed):
    rng = np.random.default_rng(seed)
    x, _ = data.four_clusters(10, rng)
    centres = x[rng.choice(len(x), 4, replace=False)]
    start = GaussianMixture(np.full(4, 0.25), centres, np.full(4, 1.7), "spherical")
    steps = walk(variants.hard(start, x, m_step=variants.only("means")), 6)
    for n, step in enumerate(steps[1:], start=1):
        np.testing.assert_allclose(step.model.means, k_means(x, centres, n), rtol=1e-12)


def test_em_for_the_means_becomes_k_means_as_the_variance_goes_to_zero():
    x, _ = data.four_clusters(10, 0)
    for variance, close in ((1.0, False), (1e-4, True)):
        start = GaussianMixture(np.full(4, 0.25), x[[0, 1, 20, 30]], np.full(4, variance),
                                "spherical")  # fmt: skip
        steps = variants.ecm(start, x, [variants.only("means")])
        for n, step in enumerate(islice(steps, 1, 6), start=1):
            same = np.allclose(step.model.means, k_means(x, start.means, n), rtol=1e-9)
            assert same == close


@families
@some
@given(seed=seeds, temperature=st.floats(0.3, 10))
def test_at_one_temperature_the_one_function_never_falls(case, seed, temperature):
    _, model, x, w = drawn(case, seed)
    steps = walk(variants.annealed(model, x, [temperature] * 6, w), 6)
    assert_never_falls([s.model.elbo(x, s.q, temperature, w) for s in steps])


@pytest.mark.parametrize("temperatures", [[], [1.0, 1.0]])
@law
def test_at_temperature_one_annealing_is_em(temperatures, case, seed):
    _, model, x, w = drawn(case, seed)
    ours, theirs = (
        walk(steps, 5)
        for steps in (variants.annealed(model, x, temperatures, w), em.iterate(model, x, w))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert_same_model(a.model, b.model)
        assert a.objective == pytest.approx(b.objective, rel=1e-11)


@law
def test_at_temperature_zero_annealing_is_hard_em_and_at_infinity_it_knows_nothing(case, seed):
    model, x = case.draw(np.random.default_rng(seed))
    cold, hot = (next(variants.annealed(model, x, [t])).q for t in (1e-9, 1e12))
    gap = np.sort(model.log_joint(x), axis=1)
    clear = gap[:, -1] - gap[:, 0] > 1e-6 if gap.shape[1] == 2 else np.ptp(gap, axis=1) < 0
    np.testing.assert_allclose(cold[clear], next(variants.hard(model, x)).q[clear], atol=1e-9)
    np.testing.assert_allclose(hot, 1 / model.n_components, atol=1e-6)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_a_temperature_is_positive(temperature):
    with pytest.raises(ValueError, match="temperatures must be positive"):
        next(variants.annealed(START, DEATHS, [temperature]))


# --- chance


@given(seed=seeds)
def test_a_row_of_weight_seven_is_drawn_seven_times(seed):
    rng = np.random.default_rng(seed)
    w = rng.integers(0, 8, len(DEATHS))
    q = next(variants.stochastic(START, DEATHS, rng, w)).q
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-12)
    shares = q * np.maximum(w, 1)[:, None]
    np.testing.assert_allclose(shares, np.round(shares), atol=1e-12)
    plain = next(variants.stochastic(START, DEATHS, rng)).q
    assert set(np.unique(plain)) == {0.0, 1.0}


def test_draws_have_the_responsibilities_for_their_mean():
    q = next(variants.monte_carlo(START, DEATHS, 0, 1_000_000)).q
    np.testing.assert_allclose(q, START.responsibilities(DEATHS), atol=0.004)


def test_stochastic_em_wanders_about_the_maximum():
    x = np.random.default_rng(1).poisson(np.repeat([2.0, 9.0], 300)).astype(float)
    start = PoissonMixture([0.4, 0.6], [3.0, 8.0])
    best = em.fit(start, x, tol=1e-10).model
    chain = [s.model for s in islice(variants.stochastic(start, x, 0), 100, 1100)]
    rates = np.array([model.rates for model in chain])
    spread, centre = rates.std(axis=0), rates.mean(axis=0)
    assert (spread > 0.01).all()
    np.testing.assert_allclose(centre, best.rates, atol=0.3 * spread.max())
    assert np.mean([m.weights[0] for m in chain]) == pytest.approx(best.weights[0], abs=0.01)


def test_monte_carlo_becomes_em_with_the_root_of_the_number_of_draws():
    exact = last(em.iterate(START, DEATHS, DAYS), 1)
    errors = []
    for n in (1, 100, 10_000):
        noise = [
            last(variants.monte_carlo(START, DEATHS, seed, n, DAYS), 1).rates - exact.rates
            for seed in range(40)
        ]
        errors.append(np.sqrt(np.mean(np.square(noise))))
    ratios = np.array(errors[:-1]) / errors[1:]
    assert ((6 < ratios) & (ratios < 17)).all()


@pytest.mark.parametrize("n", [1, 100])
def test_at_a_maximum_monte_carlo_falls_on_average_by_what_theory_says(n):
    """By the sum of rho (1 - rho) over 2m: not even on average is the theorem kept."""
    limit = em.fit(START, DEATHS, sample_weight=DAYS, tol=1e-10).model
    here = limit.log_likelihood(np.repeat(DEATHS, DAYS))
    rho = np.linalg.eigvals(rate_matrix(limit, DEATHS, DAYS)).real
    falls = [
        here - list(islice(variants.monte_carlo(limit, DEATHS, seed, n, DAYS), 2))[1].objective
        for seed in range(200)
    ]
    assert np.mean(falls) == pytest.approx((rho * (1 - rho)).sum() / (2 * n), rel=0.3)
    assert min(falls) > -1e-9


def test_chance_is_repeatable_and_draws_may_grow():
    a, b = (list(islice(variants.monte_carlo(START, DEATHS, 0, [1, 2, 40]), 3)) for _ in "ab")
    assert [s.objective for s in a] == [s.objective for s in b]
    for n, step in zip((1, 2, 40), a, strict=True):
        np.testing.assert_allclose(n * step.q, np.round(n * step.q), atol=1e-10)


def test_weights_are_counts_where_rows_are_drawn():
    with pytest.raises(ValueError, match="whole numbers"):
        next(variants.stochastic(START, DEATHS, 0, DAYS + 0.5))


def test_monte_carlo_takes_as_many_steps_as_it_is_given_draws():
    assert len(list(variants.monte_carlo(START, DEATHS, 0, [1, 2, 40]))) == 3
    with pytest.raises(ValueError, match="n_draws must be at least 1, not 0"):
        next(variants.monte_carlo(START, DEATHS, 0, 0))


# --- block by block


@law
def test_incremental_never_lowers_its_bound(case, seed):
    if not case.labels_alone:
        return  # what is hidden beside the labels is not in q
    rng, model, x, w = drawn(case, seed)
    parts, weights = pieces(rng, x, w)
    steps = walk(variants.incremental(model, parts, weights), 5)
    bounds = [s.model.elbo(x, s.q, 1.0, w) for s in steps]
    assert_never_falls(bounds)
    objective = np.array([step.objective for step in steps])
    assert (objective >= np.array(bounds) - 1e-9 * abs(objective)).all()
    own = [w @ s.model.log_density(x) + s.model.log_prior() for s in steps]
    np.testing.assert_allclose(objective, own, rtol=1e-11)


@law
def test_incremental_with_one_block_is_em(case, seed):
    if not case.labels_alone:
        return  # what is hidden beside the labels is not in q
    _, model, x, w = drawn(case, seed)
    ours, theirs = (
        walk(f(model, x, w), 5) for f in (variants.incremental, em.iterate)
    )  # fmt: skip
    for a, b in zip(ours, theirs, strict=True):
        assert_same_model(a.model, b.model)
        assert a.objective == pytest.approx(b.objective, rel=1e-11)


@law
def test_incremental_comes_to_rest_where_em_does(case, seed):
    rng = np.random.default_rng(seed)
    start, x = case.clear(rng)
    if not case.labels_alone:
        return  # refused: see below
    limit = em.fit(start, x, tol=1e-13)
    rows = [x[i : i + 1] for i in range(len(x))]
    assert_same_model(last(variants.incremental(limit.model, rows), 3), limit.model, tol=1e-5)


@families
def test_incremental_refuses_where_more_than_the_label_is_hidden(case):
    """Statistics under the first model would never learn what is hidden beside the label."""
    model, x = case.draw(np.random.default_rng(0))
    if not case.labels_alone:
        for refused in (model, known.hold(model, "weights")):
            with pytest.raises(ValueError, match=r"more than its label .* Use em.iterate"):
                next(variants.incremental(refused, x))


def test_incremental_is_faster_a_pass_on_random_blocks():
    days = np.random.default_rng(0).permutation(np.repeat(DEATHS, DAYS))
    ours = list(islice(variants.incremental(START, np.array_split(days, 10)), 21))
    theirs = list(islice(em.iterate(START, DEATHS, DAYS), 21))
    assert ours[-1].objective > theirs[-1].objective


# --- all of them


def everyone(model, x, rng, w):
    yield variants.part_way(model, x, w)
    yield variants.uphill(model, x, w, "gradient")
    yield variants.uphill(model, x, w)
    yield variants.ecm(model, x, cm_steps(model), w)
    yield variants.hard(model, x, w)
    yield variants.annealed(model, x, [2.0], w)
    yield variants.stochastic(model, x, rng, w)
    yield variants.monte_carlo(model, x, rng, 5, w)
    if model.labels_alone:
        yield variants.incremental(model, [x[:9], x[9:]], w)


@families
@few
@given(seed=seeds)
def test_every_step_tells_the_log_likelihood_of_its_own_model(case, seed):
    rng = np.random.default_rng(seed)
    model, x = case.draw(rng)
    w = rng.integers(1, 4, len(x))
    for steps in everyone(model, x, rng, w):
        for step in walk(steps, 2):
            own = w @ step.model.log_density(x)
            assert step.log_likelihood == pytest.approx(own, rel=1e-10)
            penalised = own + step.model.log_prior()
            assert step.objective == pytest.approx(penalised, rel=1e-10)
            if isinstance(step, variants.Move):
                assert step.q.shape == (len(x), model.n_components)
                np.testing.assert_allclose(step.q.sum(axis=1), 1, atol=1e-9)


def test_with_a_prior_every_climber_climbs_the_penalised_objective():
    model = PoissonMixture([0.3, 0.7], [1.0, 2.5], MixturePrior(Gamma(5, 2)))
    climbers = [
        variants.part_way(model, DEATHS, DAYS),
        variants.uphill(model, DEATHS, DAYS),
        variants.ecm(model, DEATHS, cm_steps(model), DAYS),
    ]
    for steps in climbers:
        values = [step.objective for step in islice(steps, 8)]
        assert_never_falls(values)
        assert values[-1] > values[0]
