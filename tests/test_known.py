"""Parameters that are held, and rows with labels: laws, closed forms, and SciPy's summits."""

import pickle
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.optimize import minimize

import laws
from cases import CASES, CASES_WITH_PRIOR, Case
from emlib import (
    BinomialMixture,
    GaussianMixture,
    GaussianMixture1D,
    PoissonMixture,
    accelerate,
    data,
    em,
    hold,
    labelled,
    variants,
    with_labels,
)
from emlib.coordinates import pack, unpack
from frame import RegressionMixture
from laws import assert_law, assert_same_model


def some_held(rng, model):
    """Hold some of the parameters: by name, by component, or both; never all."""
    names = list(model.spaces)
    for _ in range(50):
        chosen = [name for name in names if rng.random() < 0.5]
        which = None if rng.random() < 0.4 else np.flatnonzero(rng.random(model.n_components) < 0.5)
        if (which is None and not chosen) or (which is not None and not len(which)):
            continue
        held = hold(model, *chosen, components=which)
        if held.n_parameters:
            return held
    return hold(model, names[-1])


def _around(case, wrap, suffix):
    def draw(rng):
        return wrap(rng, *case.draw(rng))

    def clear(rng):
        return wrap(rng, *case.clear(rng))

    return Case(f"{case}-{suffix}", draw, clear)


def with_held(rng, model, x):
    return some_held(rng, model), x


def with_some_labels(rng, model, x):
    labels = np.where(rng.random(len(x)) < 0.4, rng.integers(model.n_components, size=len(x)), -1)
    return labelled(model), with_labels(x, labels)


def with_both(rng, model, x):
    return with_some_labels(rng, some_held(rng, model), x)


EVERY = CASES + CASES_WITH_PRIOR
HELD = [_around(case, with_held, "held") for case in EVERY if "fixed" not in str(case)]
LABELLED = [_around(case, with_some_labels, "labelled") for case in EVERY]
BOTH = [_around(case, with_both, "held-labelled") for case in EVERY if "fixed" not in str(case)]

OF_HELD = [
    laws.expectations_add_over_blocks,
    laws.blocks_of_any_sizes_give_the_model_of_the_whole,
    laws.an_integer_weight_is_that_many_copies,
    laws.zero_weight_is_absence,
    laws.the_pieces_may_come_in_any_order,
    laws.em_never_falls,
    laws.n_parameters_counts_the_free_ones,
    laws.responsibilities_are_bayes_rule,
    laws.e_step_is_weighted_by_the_responsibilities,
    laws.m_step_maximises_q,  # over what is free: it is the exact maximum
    laws.m_step_forgets_where_it_came_from,
    laws.fisher_identity,
    laws.criteria_count_copies,
]
OF_LABELLED = [
    law for law in OF_HELD if law is not laws.blocks_of_any_sizes_give_the_model_of_the_whole
]


@pytest.mark.parametrize("law", OF_HELD, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", HELD, ids=str)
def test_law_of_held(law, case):
    assert_law(law, case, 6, climbs=4)  # each seed holds something else


@pytest.mark.parametrize("law", OF_LABELLED, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", LABELLED + BOTH, ids=str)
def test_law_of_labelled(law, case):
    assert_law(law, case, 3)


def summit(model, x):
    """Return the highest objective near a model that SciPy finds, over the free coordinates."""

    def loss(v):
        other = unpack(model, v)
        return -(other.log_likelihood(x) + other.log_prior())

    best = minimize(loss, pack(model), method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    return -best.fun


@pytest.mark.parametrize("case", EVERY, ids=str)
@pytest.mark.parametrize("wrap", [with_held, with_both])
def test_the_end_is_no_lower_than_that_of_scipy(case, wrap):
    if "fixed" in str(case):
        return
    for seed in range(3):
        rng = np.random.default_rng(seed)
        model, x = wrap(rng, *case.clear(rng))
        fit = em.fit(model, x, tol=1e-9)
        assert fit.converged
        assert (np.diff(fit.objective) >= -1e-9).all()
        assert fit.objective[-1] == pytest.approx(summit(fit.model, x), abs=1e-6)


# --- held


def test_known_means_the_most_natural_way():
    """What once ended 0.15 nats too low: variances are about the means that are held."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 200), rng.normal(3, 1.4, 300)])
    start = GaussianMixture1D([0.5, 0.5], [-0.5, 3.0], [1.0, 1.0])
    fit = em.fit(hold(start, "means"), x, tol=1e-10)

    def loss(v):
        w = 1 / (1 + np.exp(-v[0]))
        return -GaussianMixture1D([1 - w, w], [-0.5, 3.0], np.exp(v[1:])).log_likelihood(x)

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-8})
    assert fit.objective[-1] == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(fit.model.variances, np.exp(best.x[1:]), rtol=1e-4)
    np.testing.assert_array_equal(fit.model.means, [-0.5, 3.0])
    naive = variants.ecm(start, x, [variants.only("weights", "variances")])
    assert list(islice(naive, 300))[-1].objective < fit.objective[-1] - 0.01


def test_held_is_held_to_the_last_bit():
    x = data.old_faithful()
    start = GaussianMixture.start(x, 3, 0)
    for names, components in [(["covariances"], None), ([], [1]), (["means"], [0, 2])]:
        fit = em.fit(hold(start, *names, components=components), x, max_iter=30)
        rows = slice(None) if components is None else components
        for name in names or ["means", "covariances"]:
            np.testing.assert_array_equal(
                getattr(fit.model, name)[rows], getattr(start, name)[rows]
            )
        assert not np.array_equal(fit.model.weights, start.weights)


def test_only_the_weights_of_known_components():
    """All components known: the weights have one summit, wherever they start."""
    rng = np.random.default_rng(1)
    x = rng.poisson(np.repeat([1.0, 6.0], 50)).astype(float)
    ends = [
        em.fit(hold(PoissonMixture([w, 1 - w], [1.0, 6.0]), "rates"), x, tol=1e-12).model
        for w in (0.1, 0.9)
    ]
    np.testing.assert_allclose(ends[0].weights, ends[1].weights, atol=1e-5)
    assert ends[0].n_parameters == 1


@pytest.mark.parametrize(
    ("names", "components", "count"),
    [
        (["means"], None, 11),
        (["covariances"], None, 8),
        (["weights"], None, 15),
        (["means", "covariances"], None, 2),
        ([], [0], 12),
        (["means"], [0, 1], 13),
        (["weights"], [2], 16),
    ],
)
def test_what_is_held_is_no_parameter(names, components, count):
    model = GaussianMixture([0.2, 0.3, 0.5], [[0, 0], [1, 1], [2, 2]], [np.eye(2)] * 3)
    held = hold(model, *names, components=components)
    assert held.n_parameters == len(pack(held)) == count
    x = np.random.default_rng(0).standard_normal((30, 2))
    assert held.bic(x) == pytest.approx(-2 * model.log_likelihood(x) + count * np.log(30))
    assert_same_model(unpack(held, pack(held)), held)


def test_a_rate_that_is_held_at_zero():
    """Zero-inflated Poisson: two parameters, and the mean of what is not zero says the rate."""
    x = [0] * 60 + [1] * 15 + [2] * 15 + [3] * 10
    fit = em.fit(hold(PoissonMixture([0.5, 0.5], [0.0, 2.0]), components=[0]), x, tol=1e-12)
    rate = fit.model.rates[1]
    assert fit.model.n_parameters == 2
    assert rate / -np.expm1(-rate) == pytest.approx(75 / 40, rel=1e-6)


def test_what_is_shared_is_held_for_all():
    tied = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [3.0, 0.0]], np.eye(2), "tied")
    held = hold(tied, components=[0])
    assert dict(held.held) == {"means": (0,), "covariances": (0, 1)}
    assert held.n_parameters == 1 + 2


def test_to_hold_again_is_to_hold_both():
    model = GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0)
    twice = hold(hold(model, "means"), components=[1])
    assert dict(twice.held) == {"means": (0, 1), "variances": (1,)}
    assert hold(hold(model, "means"), "weights") == hold(model, "weights", "means")


def test_every_way_to_climb_and_to_begin():
    x = data.old_faithful()
    starts = [hold(GaussianMixture.start(x, 2, s), "covariances") for s in range(3)]
    best = em.fit_best(starts, x)
    plain = em.fit(starts[0], x, tol=1e-9)
    assert len(best.runs) == 3 and best.model.model.covariance_type == "full"
    for climb in (accelerate.anderson, accelerate.squarem):
        fast = em.fit(starts[0], x, steps=climb, tol=1e-9)
        assert fast.objective[-1] == pytest.approx(plain.objective[-1], abs=1e-6)
        np.testing.assert_array_equal(fast.model.covariances, starts[0].covariances)
    half = em.fit(starts[0], x, steps=variants.part_way, tol=1e-9)
    assert half.objective[-1] == pytest.approx(plain.objective[-1], abs=1e-5)


def test_a_held_component_may_be_thinner_than_an_m_step_allows():
    """Without data of its own it would be called collapsed; but it is known."""
    x = np.array([0.0, 0.0, 0.0, 4.0, 5.0, 6.0])
    model = GaussianMixture1D([0.5, 0.5], [0.0, 5.0], [1e-3, 1.0])
    fit = em.fit(hold(model, components=[0]), x)
    assert fit.converged and fit.model.variances[0] == 1e-3
    for kind, cov in {"full": [[[1e-3]], [[1.0]]], "diag": [[1e-3], [1.0]]}.items():
        plane = GaussianMixture([0.5, 0.5], [[0.0], [5.0]], cov, kind)
        fit = em.fit(hold(plane, components=[0]), x[:, None])
        assert fit.converged and fit.model.covariances.ravel()[0] == 1e-3


def test_a_component_that_is_wholly_known_needs_no_data():
    x = np.random.default_rng(0).normal(0, 1, 50)
    model = GaussianMixture1D([0.3, 0.3, 0.4], [-1.0, 1.0, 1e4], 1.0)
    names = ["weights", "means", "variances"]
    fit = em.fit(hold(model, *names, components=[2]), x, tol=1e-9)
    assert fit.model.weights[2] == 0.4 and fit.model.weights.sum() == pytest.approx(1)
    assert fit.objective[-1] == pytest.approx(summit(fit.model, x), abs=1e-6)
    alone = replace(model, weights=[0.5, 0.5], means=[-1.0, 1.0], variances=1.0)
    other = em.fit(alone, x, tol=1e-9).objective[-1] + 50 * np.log(0.6)
    assert fit.objective[-1] == pytest.approx(other, abs=1e-6)
    plane = GaussianMixture([0.3, 0.7], [[0.0], [1e4]], [[[1.0]]] * 2)
    held = hold(plane, "weights", "means", "covariances", components=[1])
    assert em.fit(held, x[:, None]).model.means[0, 0] == pytest.approx(x.mean())


def test_a_held_model_is_a_value():
    model = hold(GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0), "means")
    assert pickle.loads(pickle.dumps(model)) == model == replace(model)
    assert model != hold(model.model, "weights")
    np.testing.assert_array_equal(model.variances, [1.0, 1.0])
    with pytest.raises(AttributeError, match="no_such"):
        _ = model.no_such
    x, z = hold(BinomialMixture([0.5, 0.5], [0.1, 0.9]), "weights").sample(5, 0, tosses=3)
    assert x.shape == (5, 2)


def test_what_cannot_be_held_is_said():
    model = GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="no free parameter 'mean', but weights, means, variances"):
        hold(model, "mean")
    with pytest.raises(ValueError, match="between 0 and 1"):
        hold(model, components=[2])
    with pytest.raises(ValueError, match="empty"):
        hold(model, components=[])
    with pytest.raises(ValueError, match=r"give np\.flatnonzero\(mask\)"):
        hold(model, "means", components=np.array([False, True]))
    for components in (0, [0.5], "0", [None]):
        with pytest.raises(ValueError, match=r"components must list whole numbers, such as \[0\]"):
            hold(model, "means", components=components)


LINES = RegressionMixture([0.4, 0.6], [[0.0, -5.0], [0.0, 5.0]], [2.0, 2.0])


def test_a_newcomer_is_held_where_that_is_exact_and_refused_elsewhere():
    rng = np.random.default_rng(0)
    t = rng.uniform(1, 2, 60)
    y = np.repeat([-6.0, 6.0], 30) * t + rng.standard_normal(60)
    x = np.column_stack([np.ones(60), t, y])
    for held in (hold(LINES, "weights"), hold(LINES, components=[1]),
                 hold(LINES, "coefficients", "variances")):  # fmt: skip
        fit = em.fit(held, x, tol=1e-10)
        assert fit.objective[-1] == pytest.approx(summit(fit.model, x), abs=1e-6)
    with pytest.raises(ValueError, match=r"does not say how to maximise .* define m_step_given"):
        hold(LINES, "coefficients")


def test_a_newcomer_that_says_how():
    @dataclass(frozen=True, eq=False)
    class Lines(RegressionMixture):
        spaces: ClassVar[Any] = RegressionMixture.spaces

        def m_step_given(self, expectation, held):
            cc, cy, yy = expectation.statistics
            stay = held.get("coefficients", np.zeros(2, dtype=bool))
            cy = np.where(stay[:, None], 0.0, cy)
            return self.m_step(replace(expectation, statistics=(cc, cy, yy)))

    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(60), rng.uniform(1, 2, 60), 6 * rng.standard_normal(60)])
    lines = Lines(LINES.weights, LINES.coefficients, LINES.variances)
    fit = em.fit(hold(lines, "coefficients", components=[0]), x, tol=1e-10)
    assert fit.objective[-1] == pytest.approx(summit(fit.model, x), abs=1e-6)


# --- labels


def test_all_labels_known_is_the_closed_form():
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((40, 2)), np.arange(40) % 3
    x += 0.5 * z[:, None]  # one cloud to the eye
    start = GaussianMixture([0.3, 0.3, 0.4], [[0, 0], [1, 1], [2, 2]], [np.eye(2)] * 3)
    fit = em.fit(labelled(start), with_labels(x, z))
    assert fit.converged and fit.objective[-1] == pytest.approx(fit.objective[1])
    for k in range(3):
        assert fit.model.weights[k] == pytest.approx((z == k).mean())
        np.testing.assert_allclose(fit.model.means[k], x[z == k].mean(axis=0), atol=1e-10)
        cov = np.cov(x[z == k].T, bias=True)
        np.testing.assert_allclose(fit.model.covariances[k], cov, atol=1e-10)
    joint = fit.model.model.log_joint(x)[np.arange(40), z].sum()
    assert fit.log_likelihood[-1] == pytest.approx(joint)


def test_classes_that_come_out_alike_are_no_saddle_where_labels_tell_them_apart():
    x, z = [1.0, 3.0, 2.0, 2.0, 4.0, 0.0], [0, 0, 1, 1, -1, -1]
    start = PoissonMixture([0.5, 0.5], [1.0, 3.0])
    fit = em.fit(labelled(start), with_labels(x, z), tol=1e-12)
    np.testing.assert_allclose(fit.model.rates, [2.0, 2.0], atol=1e-5)
    assert fit.converged and any("nearly the same" in doubt for doubt in fit.doubts)
    held = em.fit(hold(labelled(start), "weights"), with_labels(x, z), tol=1e-12)
    assert held.converged


@pytest.mark.parametrize("climb", [variants.part_way, accelerate.anderson, accelerate.squarem])
def test_every_climb_knows_which_classes_are_named(climb):
    x = with_labels([1.0, 3.0, 2.0, 2.0, 4.0, 0.0], [0, 0, 1, 1, -1, -1])
    fit = em.fit(labelled(PoissonMixture([0.5, 0.5], [1.0, 3.0])), x, tol=1e-12, steps=climb)
    assert fit.converged and fit.model.named == (True, True)


def test_components_that_no_label_names_may_still_be_the_same():
    x, z = [1.0, 3.0, 2.0, 2.0, 4.0, 0.0], [0, 0, -1, -1, -1, -1]
    start = labelled(PoissonMixture([0.2, 0.4, 0.4], [1.0, 3.0, 3.0]))
    with pytest.warns(em.DegenerateWarning, match="components 1 and 2 are the same"):
        em.fit(start, with_labels(x, z))


def test_no_label_is_the_mixture_itself():
    x = data.old_faithful()
    start = GaussianMixture.start(x, 2, 0)
    ours = em.fit(labelled(start), with_labels(x, np.full(len(x), -1)))
    assert ours.objective[-1] == pytest.approx(em.fit(start, x).objective[-1], abs=1e-9)


def test_some_labels_against_the_likelihood_written_out():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(0, 1, 40), rng.normal(2, 1, 40)])
    z = np.where(np.arange(80) % 5 == 0, np.repeat([0, 1], 40), -1)
    fit = em.fit(labelled(GaussianMixture1D([0.5, 0.5], [0, 2], 1.0)), with_labels(x, z), tol=1e-10)

    def loss(v):
        w = 1 / (1 + np.exp(-v[0]))
        model = GaussianMixture1D([1 - w, w], v[1:3], np.exp(v[3:]))
        joint = model.log_joint(x)
        known = z >= 0
        return -(model.log_density(x[~known]).sum() + joint[known, z[known]].sum())

    best = minimize(loss, [0.0, 0.0, 2.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-7})
    assert fit.objective[-1] == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(fit.model.means, best.x[1:3], atol=1e-4)
    r = fit.model.responsibilities(with_labels(x, z))
    np.testing.assert_array_equal(r[z >= 0], np.eye(2)[z[z >= 0]])


def test_labels_with_weights_blocks_and_hold():
    rng = np.random.default_rng(4)
    x = rng.poisson(np.repeat([2.0, 7.0], 30)).astype(float)
    rows = with_labels(x, np.where(rng.random(60) < 0.3, np.repeat([0, 1], 30), -1))
    w = rng.integers(0, 4, 60)
    start = PoissonMixture([0.5, 0.5], [1.0, 6.0])
    for model in (labelled(hold(start, components=[0])), hold(labelled(start), components=[0])):
        fit = em.fit(model, [rows[:20], rows[20:]], sample_weight=w)
        assert_same_model(fit.model, em.fit(model, np.repeat(rows, w, axis=0)).model, tol=1e-6)
        assert fit.model.rates[0] == 1.0 and fit.model.n_parameters == 2
    assert hold(labelled(start), components=[0]) == labelled(hold(start, components=[0]))
    assert labelled(model) is model


def test_a_label_that_is_none_is_refused():
    model = labelled(GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0))
    with pytest.raises(ValueError, match=r"label of no component \(row 1\)"):
        em.fit(model, [[0.0, 1], [1.0, 2], [1.0, -1]])
    with pytest.raises(ValueError, match="with_labels"):
        em.fit(model, np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="that are no components"):
        with_labels([1.0], [0.5])
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\)"):
        with_labels([1.0, 2.0], [0])


def test_labels_are_of_rows():
    with pytest.raises(ValueError, match=r"x must have shape \(N,\) or \(N, D\), not \(\)"):
        with_labels(3.0, 0)
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\), .* not \(1,\)"):
        with_labels([3.0, 4.0], [0])


def test_samples_keep_the_labels():
    model = labelled(GaussianMixture1D([0.5, 0.5], [0.0, 100.0], 1.0))
    x = with_labels(np.zeros(50), np.arange(50) % 3 - 1)
    drawn = model.sample_like(x, 0)
    np.testing.assert_array_equal(drawn[:, 1], x[:, 1])
    known = drawn[:, 1] >= 0
    assert (abs(drawn[known, 0] - 100 * drawn[known, 1]) < 10).all()
    fresh, z = model.sample(10, 0)
    assert (fresh[:, 1] == -1).all() and model.predict(fresh).tolist() == z.tolist()


def test_rows_drawn_without_labels_are_the_mixture_s_own():
    model = BinomialMixture([0.4, 0.6], [0.2, 0.9])
    for inside in (model, hold(model, "probabilities")):
        rows, z = labelled(inside).sample(5, 0, tosses=7)
        theirs, own = model.sample(5, 0, tosses=7)
        np.testing.assert_array_equal(rows, with_labels(theirs, np.full(5, -1)))
        np.testing.assert_array_equal(z, own)


@pytest.mark.parametrize("case", EVERY, ids=str)
def test_what_is_not_random_stays_around_a_mixture_too(case):
    model, x = case.draw(np.random.default_rng(3))
    alike = model.sample_like(x, 0)
    held = hold(model, list(model.spaces)[-1])
    np.testing.assert_array_equal(held.sample_like(x, 0), alike)
    for inside in (model, held):
        drawn = labelled(inside).sample_like(with_labels(x, np.full(len(x), -1)), 0)
        np.testing.assert_array_equal(drawn[:, :-1], alike.reshape(len(x), -1))


# --- order


@pytest.mark.parametrize("case", EVERY, ids=str)
def test_sorted_components_are_the_same_mixture(case):
    for seed in range(5):
        model, x = case.draw(np.random.default_rng(seed))
        by = next(name for name in model.spaces if name != "weights")
        other = model.sorted(by)
        assert other == model.reordered(
            np.lexsort(getattr(model, by).reshape(model.n_components, -1).T[::-1])
        )
        assert (np.diff(getattr(other, by).reshape(model.n_components, -1)[:, 0]) >= 0).all()
        np.testing.assert_allclose(other.log_density(x), model.log_density(x), rtol=1e-12)
        assert other.log_prior() == pytest.approx(model.log_prior(), rel=1e-12)
        assert (np.diff(model.sorted("weights").weights) >= 0).all()


def test_what_is_held_goes_with_its_component():
    model = hold(GaussianMixture1D([0.2, 0.8], [5.0, 1.0], 1.0), components=[0])
    other = model.sorted("means")
    assert dict(other.held) == {"means": (1,), "variances": (1,)}
    assert other.model == model.model.sorted("means")
    with pytest.raises(ValueError, match="by their place"):
        labelled(model.model).sorted("means")


def test_an_order_that_is_none_is_refused():
    tied = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [3.0, 0.0]], np.eye(2), "tied")
    with pytest.raises(ValueError, match="by must be one of 'weights', 'means'"):
        tied.sorted("covariances")
    with pytest.raises(ValueError, match="each component once"):
        tied.reordered([0, 0])
