"""Standard errors: four ways that agree, closed forms, and an honest word where there are none."""

import warnings

import numpy as np
import pytest
from scipy.stats import norm

import published
from cases import CASES, CASES_WITH_PRIOR
from emlib import (
    ABO,
    BinomialMixture,
    CensoredExponential,
    GaussianMixture,
    GaussianMixture1D,
    IncompleteGaussianMixture,
    Linkage,
    Mixture,
    PoissonMixture,
    UncertaintyError,
    UncertaintyWarning,
    accelerate,
    confidence_intervals,
    data,
    em,
    hold,
    information,
    labelled,
    pack,
    standard_errors,
    unpack,
    with_labels,
)
from emlib.differences import hessian
from emlib.uncertainty import METHODS, bootstrap
from published import as_printed

cases = pytest.mark.parametrize("case", [*CASES, *CASES_WITH_PRIOR], ids=str)
RNG = np.random.default_rng(5)
X = np.concatenate([RNG.normal(0, 1, 150), RNG.normal(4, 1.5, 100)])


def fitted(model, x, sample_weight=None):
    how = {"steps": accelerate.fast, "tol": 1e-12}
    return em.fit(model, x, sample_weight=sample_weight, **how).model


def ways_for(case):
    """All methods, but that of Louis only where no more than a label is hidden."""
    return [way for way in METHODS if case.labels_alone or way != "louis"]


@cases
def test_four_ways_agree(case):
    model, x = case.clear(np.random.default_rng(1))
    model = fitted(model, x)
    first, *others = (information(model, x, method=way) for way in ways_for(case))
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-7 * abs(first).max())


@pytest.mark.parametrize("wrap", [
    lambda model, x: (model, x),
    lambda model, x: (hold(model, "weights"), x),
    lambda model, x: (labelled(model), with_labels(x, np.full(len(x), -1))),
])  # fmt: skip
@pytest.mark.parametrize("case", [case for case in CASES if not case.labels_alone], ids=str)
def test_louis_is_refused_where_more_than_a_label_is_hidden(case, wrap):
    model, x = wrap(*case.clear(np.random.default_rng(1)))
    with pytest.raises(ValueError, match="more is hidden of each row"):
        information(model, x, method="louis")


@pytest.mark.parametrize("model, x", [
    (Linkage(0.5), data.linkage()), (ABO([0.3, 0.2, 0.5]), data.blood_groups()),
    (hold(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), "means"), X),
    (hold(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), components=[0]), X),
    (labelled(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0)),
     with_labels(X, np.where(np.arange(250) % 9 == 0, np.arange(250) >= 150, -1))),
], ids=["linkage", "abo", "means-held", "component-held", "labelled"])  # fmt: skip
def test_four_ways_agree_on_other_models(model, x):
    model = fitted(model, x)
    first, *others = (information(model, x, method=way) for way in METHODS)
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-6 * abs(first).max())
    assert len(first) == model.n_parameters


# --- closed forms, and what others have printed


@pytest.mark.parametrize("method", METHODS)
def test_one_normal(method):
    model = fitted(GaussianMixture1D([1.0], [0.0], [1.0]), X)
    errors = standard_errors(model, X, method=method)
    variance = model.variances[0]
    np.testing.assert_allclose(errors["means"], [np.sqrt(variance / 250)], rtol=1e-7)
    np.testing.assert_allclose(errors["variances"], [variance * np.sqrt(2 / 250)], rtol=1e-7)
    np.testing.assert_array_equal(errors["weights"], [0.0])


def test_one_normal_in_space():
    x = np.random.default_rng(0).standard_normal((300, 2)) @ [[2.0, 1.0], [0.0, 1.0]]
    model = fitted(GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)]), x)
    errors, [s] = standard_errors(model, x), model.covariances
    np.testing.assert_allclose(errors["means"][0], np.sqrt(np.diag(s) / 300), rtol=1e-6)
    wanted = np.sqrt((s**2 + np.outer(np.diag(s), np.diag(s))) / 300)  # of a Wishart
    np.testing.assert_allclose(errors["covariances"][0], wanted, rtol=1e-6)


def test_one_coin_and_one_rate():
    coin = fitted(BinomialMixture([1.0], [0.3]), [[3, 10], [6, 10], [1, 5]])
    p, n = 10 / 25, 25
    np.testing.assert_allclose(
        standard_errors(coin, [[3, 10], [6, 10], [1, 5]])["probabilities"],
        [np.sqrt(p * (1 - p) / n)], rtol=1e-7)  # fmt: skip
    rate = fitted(PoissonMixture([1.0], [2.0]), [3, 4, 0, 5])
    np.testing.assert_allclose(standard_errors(rate, [3, 4, 0, 5])["rates"], [np.sqrt(3 / 4)])


def test_linkage_as_printed():
    """Louis (1982) prints the information 377.5 and the standard error 0.05."""
    model = fitted(Linkage(0.5), data.linkage())
    for method in METHODS:
        error = standard_errors(model, data.linkage(), method=method)["theta"]
        assert as_printed(1 / error**2, published.LINKAGE_INFORMATION) == "377.5"
        assert as_printed(error, published.LINKAGE_ERROR) == "0.05"
        assert f"{error:.4f}" == "0.0515"


def test_allele_frequencies_against_the_sum_of_both_likelihoods():
    model = fitted(ABO([0.3, 0.2, 0.5]), data.blood_groups())
    errors = standard_errors(model, data.blood_groups())["frequencies"]

    def log_likelihood(v):  # in the frequencies of A and B themselves
        return ABO([*v, 1 - v.sum()]).log_likelihood(data.blood_groups())

    curvature = -hessian(log_likelihood, model.frequencies[:2], 1e-3)
    np.testing.assert_allclose(errors[:2] ** 2, np.diag(np.linalg.inv(curvature)), rtol=1e-5)


# --- laws


@cases
def test_weights_are_copies(case):
    rng = np.random.default_rng(2)
    model, x = case.clear(rng)
    w = rng.integers(1, 3, len(x))
    model = fitted(model, x, w)
    for method in ways_for(case):
        a = information(model, x, w, method=method)
        b = information(model, np.repeat(x, w, axis=0), method=method)
        np.testing.assert_allclose(a, b, atol=1e-8 * abs(b).max())


@pytest.mark.parametrize("weight", [1e-9, 1e-4])
@pytest.mark.parametrize("method", METHODS)
def test_the_unit_of_weights_is_only_a_unit(weight, method):
    """Weights that are shares: the information is that share of it."""
    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    whole = information(model, X, method=method)
    share = information(model, X, np.full(len(X), weight), method=method)
    np.testing.assert_allclose(share / weight, whole, atol=1e-5 * abs(whole).max())
    errors = standard_errors(model, X, np.full(len(X), weight), method=method)
    wanted = standard_errors(model, X, method=method)["means"] / np.sqrt(weight)
    np.testing.assert_allclose(errors["means"], wanted, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_without_weight_there_is_nothing_to_be_sure_of(method):
    model = GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0)
    with pytest.raises(ValueError, match="all sample weights are zero"):
        standard_errors(model, X, np.zeros(len(X)), method=method)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_carry_over(unit):
    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    moved = GaussianMixture1D(model.weights, unit * model.means, unit**2 * model.variances)
    a, b = standard_errors(model, X), standard_errors(moved, unit * X)
    for name, factor in (("weights", 1), ("means", unit), ("variances", unit**2)):
        np.testing.assert_allclose(b[name], factor * a[name], rtol=1e-6)


def test_blocks_are_the_same_as_the_whole():
    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    for method in METHODS:
        a, b = (information(model, x, method=method) for x in (X, [X[:99], X[99:]]))
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_errors_have_the_shapes_of_the_parameters():
    x = data.old_faithful()
    model = fitted(GaussianMixture.start(x, 2, 0), x)
    errors = standard_errors(model, x)
    assert {n: e.shape for n, e in errors.items()} == {
        "weights": (2,), "means": (2, 2), "covariances": (2, 2, 2)
    }  # fmt: skip
    assert errors["weights"][0] == pytest.approx(errors["weights"][1])  # they sum to one


# --- intervals


def test_an_interval_is_value_and_error_on_the_scale_without_edge():
    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    errors, z = standard_errors(model, X), norm.ppf(0.95)
    ends = confidence_intervals(model, X, level=0.9)
    means = model.means[:, None] + np.outer(z * errors["means"], [-1, 1])
    np.testing.assert_allclose(ends["means"], means)
    middle = np.sqrt(ends["variances"].prod(axis=1))
    np.testing.assert_allclose(middle, model.variances)
    w = ends["weights"]
    np.testing.assert_allclose(1 - w[0, ::-1], w[1])  # the two weights say the same


def test_no_end_is_out_of_range():
    model = BinomialMixture([0.97, 0.03], [0.2, 0.9])
    x, _ = model.sample(60, 0)
    model = fitted(model, x)
    for name, ends in confidence_intervals(model, x, level=0.999).items():
        assert ((ends > 0) & (ends < 1)).all(), name


def test_what_is_held_at_an_edge_is_certain():
    x = [0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 4]
    model = fitted(hold(PoissonMixture([0.5, 0.5], [0.0, 2.0]), components=[0]), x)
    ends = confidence_intervals(model, x)["rates"]
    np.testing.assert_array_equal(ends[0], [0.0, 0.0])
    assert 0 < ends[1, 0] < model.rates[1] < ends[1, 1]


def test_a_covariance_may_be_negative_and_a_variance_may_not():
    x = np.random.default_rng(0).standard_normal((8, 2))
    model = fitted(GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)]), x)
    [ends] = confidence_intervals(model, x, level=0.9999)["covariances"]
    assert ends[0, 1, 0] < 0 < ends[0, 0, 0]
    np.testing.assert_allclose(ends[0, 1], ends[1, 0])


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_a_level_is_a_share(level):
    model = fitted(Linkage(0.5), data.linkage())
    with pytest.raises(ValueError, match=r"level must lie between 0 and 1, such as 0\.95"):
        confidence_intervals(model, data.linkage(), level=level)


# --- where there is none


def test_a_saddle_has_no_standard_error():
    same = GaussianMixture1D([0.4, 0.6], [X.mean()] * 2, [X.var()] * 2)
    with pytest.raises(UncertaintyError, match="not positive definite"):
        standard_errors(same, X)


@pytest.mark.parametrize("method", ["oakes", "supplemented"])
@pytest.mark.parametrize("correlation", [-0.5, -0.1, 0.0, 0.6])
def test_a_ridge_has_no_standard_error(method, correlation):
    """What rounding makes of an eigenvalue 0 is no information: errors of 1e6 came of it."""
    x = np.random.default_rng(1).standard_normal((200, 2))
    x[:100, 0], x[100:, 1] = np.nan, np.nan  # never seen together
    start = [[1.0, correlation], [correlation, 1.0]]
    model = fitted(IncompleteGaussianMixture([1.0], [[0.0, 0.0]], [start]), x)
    with pytest.raises(UncertaintyError, match="lies on a ridge along which the data say nothing"):
        standard_errors(model, x, method=method)


def test_on_the_way_up_there_is_a_warning():
    with pytest.warns(UncertaintyWarning, match="nats are left to climb"):
        standard_errors(GaussianMixture1D([0.5, 0.5], [0.1, 4.0], 1.5), X)


def test_the_edge_is_named_and_the_remedy_works():
    x = [0, 0, 0, 0, 0, 1, 2, 3, 4, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fitted(PoissonMixture([0.4, 0.6], [0.0, 2.0]), x)
    with pytest.raises(UncertaintyError, match=r"^rates: at the edge"):
        standard_errors(model, x)
    assert (standard_errors(hold(model, components=[0]), x)["weights"] > 0).all()


def test_what_cannot_be_held_is_not_advised():
    model = em.fit(ABO([0.3, 0.2, 0.5]), [10, 0, 0, 20]).model  # nobody shows B
    with pytest.raises(UncertaintyError, match=r"^frequencies: at the edge .* nothing\. How far"):
        standard_errors(model, [10, 0, 0, 20])
    with pytest.raises(ValueError, match="model must be a mixture, but ABO is none"):
        hold(model, "frequencies")
    with pytest.raises(ValueError, match="model must be a mixture, but ABO is none"):
        labelled(model)


def test_a_method_that_cannot_be_used_names_one_that_can():
    class Plain(PoissonMixture):
        complete_components = Mixture.complete_components

    model = fitted(PoissonMixture([0.5, 0.5], [1.0, 6.0]), [0, 1, 1, 2, 5, 6, 7, 9])
    plain = Plain(model.weights, model.rates)
    with pytest.raises(ValueError, match="complete_log_likelihood"):
        information(plain, [0, 1, 1, 2, 5, 6, 7, 9])
    np.testing.assert_allclose(
        information(plain, [0, 1, 1, 2, 5, 6, 7, 9], method="numerical"),
        information(model, [0, 1, 1, 2, 5, 6, 7, 9]), rtol=1e-6, atol=1e-6)  # fmt: skip


# --- the bootstrap


@pytest.mark.parametrize("parametric", [True, False])
def test_the_bootstrap_agrees_where_the_curvature_is_right(parametric):
    model = fitted(GaussianMixture1D([1.0], [0.0], [1.0]), X)
    drawn = bootstrap(model, X, 0, n=400, parametric=parametric).standard_errors()
    wanted = standard_errors(model, X)["means"]
    np.testing.assert_allclose(drawn["means"], wanted, rtol=0.12)  # 400: 3.5 % is one sd


def test_the_bootstrap_is_the_same_whatever_n():
    model = fitted(PoissonMixture([0.5, 0.5], [1.0, 8.0]), [0, 1, 2, 1, 7, 9, 8, 6])
    few, more = (bootstrap(model, [0, 1, 2, 1, 7, 9, 8, 6], 3, n=n) for n in (3, 5))
    assert more.models[:3] == few.models


def test_labels_are_put_in_order():
    from emlib.uncertainty import _in_order

    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    ones = np.ones(len(X), dtype=int)
    assert _in_order(model, model.reordered([1, 0]), X, ones) == (model, True)
    assert _in_order(model, model, X, ones) == (model, False)


def test_copies_in_the_bootstrap():
    deaths, days = data.death_notices()
    model = fitted(PoissonMixture([1.0], [2.0]), deaths, days)
    drawn = bootstrap(model, deaths, 0, n=200, sample_weight=days, parametric=False)
    wanted = np.sqrt(np.cov(deaths, fweights=days) / days.sum())
    assert drawn.standard_errors()["rates"][0] == pytest.approx(wanted, rel=0.15)
    with pytest.raises(ValueError, match="whole numbers"):
        bootstrap(model, deaths, 0, sample_weight=days / 2)


def test_a_table_stays_a_table():
    deaths, days = data.death_notices()
    model = PoissonMixture([0.4, 0.6], [1.0, 4.0])  # apart, so that every refit ends quickly
    options = {"n": 3, "steps": em.iterate, "tol": 1e-13}
    table = bootstrap(model, deaths, 0, sample_weight=days, **options)
    rows = bootstrap(model, np.repeat(deaths, days.astype(int)), 0, **options)
    for a, b in zip(table.models, rows.models, strict=True):
        np.testing.assert_allclose(a.rates, b.rates, rtol=1e-6)


def test_rows_in_a_list_are_rows_around_a_mixture_too():
    x = data.old_faithful()[:50]
    model = hold(GaussianMixture([1.0], [x.mean(axis=0)], [np.cov(x.T)]), "means")
    listed, array = (bootstrap(model, rows, 0, n=3).models for rows in (list(x), x))
    assert listed == array


def test_what_cannot_be_drawn_is_refused():
    model = CensoredExponential(2.0)
    lives = [[1.0, 1], [2.0, 0], [3.0, 1]]
    with pytest.raises(NotImplementedError, match=r"define sample_like.* parametric=False"):
        bootstrap(model, lives, 0, n=3)
    assert len(bootstrap(model, lives, 0, n=3, parametric=False).models) == 3
    for x in (data.linkage(), [data.linkage()]):  # one row of counts: every draw is that row
        with pytest.raises(ValueError, match="x is one row"):
            bootstrap(Linkage(0.6), x, 0, n=3, parametric=False)


def test_what_failed_is_said():
    model = GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0)
    with pytest.warns(UncertaintyWarning, match="came to no fit"):
        drawn = bootstrap(model, [0.0, 0.1, 0.2, 4.0, 4.1], 0, n=20)
    assert drawn.failed + len(drawn.models) == 20
    assert drawn.doubts


def test_intervals_hold_the_middle_of_what_was_drawn():
    model = fitted(PoissonMixture([1.0], [2.0]), [3, 1, 2, 4, 0])
    drawn = bootstrap(model, [3, 1, 2, 4, 0], 0, n=100)
    rates = np.array([m.rates[0] for m in drawn.models])
    np.testing.assert_allclose(drawn.intervals(0.8)["rates"][0], np.quantile(rates, [0.1, 0.9]))


def test_free_coordinates_lead_back():
    model = fitted(GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0), X)
    assert unpack(model, pack(model)).means == pytest.approx(model.means)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_wholly_known_is_certain(method):
    model = GaussianMixture1D([0.5, 0.5], [0.0, 4.0], 1.0)
    known = hold(model, *model.spaces)
    for name, errors in standard_errors(known, X, method=method).items():
        assert errors.shape == getattr(model, name).shape and not errors.any()
    ends = confidence_intervals(known, X, method=method)["means"]
    np.testing.assert_array_equal(ends, [[0.0, 0.0], [4.0, 4.0]])
    assert em.fit(known, X, steps=accelerate.quasi_newton).model == known


@pytest.mark.parametrize(
    ("start", "x"),
    [(Linkage(0.5), data.linkage()), (ABO([0.3, 0.2, 0.5]), np.r_[[data.blood_groups()] * 2])],
)
def test_one_row_of_counts_is_drawn_anew(start, x):
    """One row cannot be drawn from itself; of many cases the curvature is right."""
    model = fitted(start, x)
    (name, errors), *_ = standard_errors(model, x).items()
    drawn = bootstrap(model, x, 0, n=300)
    np.testing.assert_allclose(drawn.standard_errors()[name], errors, rtol=0.15)
    again = model.sample_like(np.atleast_2d(x), 1)
    np.testing.assert_array_equal(again.sum(axis=1), np.atleast_2d(x).sum(axis=1))


def test_weights_that_are_all_zero_are_said():
    with pytest.raises(ValueError, match="all sample weights are zero"):
        bootstrap(PoissonMixture([1.0], [3.0]), [1, 2, 3], 0, sample_weight=[0, 0, 0])
