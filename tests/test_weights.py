"""A weight of 2 is two copies, 0 is absence, and the unit of weights is nobody's business."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from cases import CASES
from emlib import (
    BinomialMixture,
    GaussianMixture,
    GaussianMixture1D,
    PoissonMixture,
    bootstrap_lrt,
    data,
    em,
    held_out,
    initial,
    select,
)
from emlib.moves import Maker
from emlib.search import search
from emlib.uncertainty import bootstrap
from laws import assert_same_model

families = pytest.mark.parametrize("case", CASES, ids=str)
EXACT = ("kmeans", "k-means++", "random_from_data")  # the same draws for a row and for its copies
OPTIONS = {"fixed_weights", "common_variance", "covariance_type"}


def table(case, seed):
    """Return a family, its options, distinct rows, and how many copies there are of each."""
    rng = np.random.default_rng(seed)
    model, x = case.clear(rng)
    x = np.unique(x, axis=0)
    options = {name: getattr(model, name) for name in OPTIONS if hasattr(model, name)}
    return type(model), options, x, rng.integers(0, 4, len(x)) | (np.arange(len(x)) < 4)


def outcome(function):
    """Return what a function returns, or that it refuses."""
    try:
        return function()
    except ValueError:
        return None


def assert_same(a, b):
    assert (a is None) == (b is None)
    if a is not None:
        assert_same_model(replace(a, prior=None), replace(b, prior=None))


@pytest.mark.parametrize("prior", [None, "default"])
@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("seed", range(4))
@families
def test_a_start_counts_copies(method, prior, case, seed):
    family, options, x, copies = table(case, seed)
    options |= {"method": method, "prior": prior}

    def start(rows, w=None):
        return outcome(lambda: family.start(rows, 2, seed, sample_weight=w, **options))

    counted = start(x, copies)
    assert_same(counted, start(np.repeat(x, copies, axis=0)))
    assert_same(counted, start(x[copies > 0], copies[copies > 0]))
    if prior is None:  # which stands for observations of weight 1
        assert_same(counted, start(x, copies * 1e-12))
    assert_same(start(x), start(x, np.ones(len(x))))


@pytest.mark.parametrize("seed", range(4))
@families
def test_a_default_prior_counts_copies(case, seed):
    family, options, x, copies = table(case, seed)
    if not hasattr(family, "default_prior"):
        return
    options = {name: v for name, v in options.items() if name == "covariance_type"}
    far = np.where(copies[:, None] > 0, x.reshape(len(x), -1), 1000.0).reshape(x.shape)
    one, *others = (
        family.default_prior(rows, 2, sample_weight=w, **options)
        for rows, w in [
            (np.repeat(x, copies, axis=0), None), (x, copies), (far, copies), (x, copies * 1e9),
        ]
    )  # fmt: skip
    for other in others:
        for name in vars(one.components):
            a, b = getattr(one.components, name), getattr(other.components, name)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_random_responsibilities_have_the_spread_of_means_of_copies():
    rng = np.random.default_rng(0)
    for w in (1.0, 3.0, 0.2):
        r = np.concatenate([initial_responsibilities(rng, w) for _ in range(20)])
        np.testing.assert_allclose(r.mean(axis=0), 1 / 3, atol=0.01)
        if w >= 1:
            np.testing.assert_allclose(r.var(axis=0), (2 / 9) / 4 / w, rtol=0.1)


def initial_responsibilities(rng, w):
    x = rng.standard_normal((1000, 1))
    return initial.responsibilities(x, 3, rng, "random", np.full(1000, w))


def test_k_means_stops_after_as_many_rounds_with_weights_as_without():
    x = np.random.default_rng(0).random((1000, 1))  # no groups at all: a long way to go
    for seed in range(10):
        plain = initial.responsibilities(x, 10, seed)
        np.testing.assert_array_equal(
            initial.responsibilities(x, 10, seed, sample_weight=np.ones(1000)), plain
        )


@pytest.mark.parametrize("factor", [1e-200, 1e-9, 1 / 700, 1e9])
@families
def test_the_unit_of_weights_changes_nothing(factor, case):
    start, x = case.clear(np.random.default_rng(1))
    w = np.random.default_rng(2).uniform(0.5, 1.5, len(x))
    w /= w.mean()
    one, other = (em.fit(start, x, sample_weight=f * w, tol=1e-9) for f in (1.0, factor))
    assert one.status == other.status == "converged"
    # A t is so slow that 1e-9 nats are more of a scale.
    assert_same_model(one.model, other.model, tol=1e-6 if case.labels_alone else 1e-4)
    assert one.doubts == other.doubts


def test_the_unit_of_weights_changes_nothing_that_is_said_of_a_fit():
    """Where a search goes on, which runs are the same, and the rate: a thousandth of a nat is much
    where all the weights sum to that."""
    x, ones, unit = data.galaxies(), np.ones(82), 2.0**-30  # a power of two: nothing is rounded
    starts = [GaussianMixture1D.start(x, 3, seed, "random_from_data") for seed in range(4)]
    for climb in (
        lambda w: search(GaussianMixture1D, x, 4, 0, budget=700, sample_weight=w),
        lambda w: em.fit_best(starts, x, sample_weight=w),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            counts, shares = climb(ones), climb(unit * ones)
        assert (counts.message, counts.found) == (shares.message, shares.found)
        assert counts.found[0] < counts.found[1]
        assert counts.n_e_steps == shares.n_e_steps
        assert counts.objective[-1] * unit == pytest.approx(shares.objective[-1], rel=1e-12)
        assert counts.rate == pytest.approx(shares.rate, rel=1e-6)


def test_shares_of_a_slow_mixture_are_fitted_to_the_end():
    """20,000 rows whose weights sum to one: a climb of thousands of steps."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(20_000) < 0.4, rng.normal(0, 1, 20_000), rng.normal(2, 1, 20_000))
    w = rng.gamma(2.0, size=20_000)
    start = GaussianMixture1D([0.5, 0.5], [-1.0, 3.0], [1.0, 1.0], True)
    counts = em.fit(start, x, sample_weight=w / w.mean())
    shares = em.fit(start, x, sample_weight=w / w.sum())
    assert shares.converged and not shares.doubts
    assert abs(shares.n_iter - counts.n_iter) <= 2
    assert_same_model(shares.model, counts.model, tol=1e-6)


@families
def test_the_moves_of_a_search_count_copies(case):
    family, options, ways = rows_and_copies(case)
    made = []
    for x, w in ways:
        model = family.start(x, 3, 0, sample_weight=w, **options)
        make = Maker(family, x, None if w is None else w.astype(float), 3, options)
        log_joint = model.log_joint(x)
        rngs = map(np.random.default_rng, range(12))
        made.append([outcome(partial(make.moved, model, log_joint, rng)) for rng in rngs])
    for others in made[1:]:
        for a, b in zip(others, made[0], strict=True):
            assert_same(a, b)


@families
def test_select_counts_copies_from_the_start_on(case):
    family, options, x, copies = table(case, 3)
    options = {name: v for name, v in options.items() if name != "fixed_weights"}
    how = {"rng": 0, "n_starts": 3, "tol": 1e-3, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = select(family, x, [1, 2], sample_weight=copies, **how)
        long = select(family, np.repeat(x, copies, axis=0), [1, 2], **how)
    for a, b in zip(short.rows, long.rows, strict=True):
        for name in ("log_likelihood", "aic", "bic", "icl"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-9)
        assert a.status == b.status and len(a.doubts) == len(b.doubts)


def rows_and_copies(case):
    """Rows of a clear case with how many copies there are; the same written out; and without 0."""
    family, options, x, copies = table(case, 5)
    options = {name: v for name, v in options.items() if name != "fixed_weights"}
    kept = copies > 0
    return (
        family,
        options,
        ((x, copies), (np.repeat(x, copies, axis=0), None), (x[kept], copies[kept])),
    )


@families
def test_every_entry_counts_copies(case):
    """`search`, `held_out`, the bootstrap, the bound and the doubts."""
    if not case.labels_alone:
        pytest.skip("mixtures of t's have no summit on so few rows, so there is no bootstrap")
    family, options, ways = rows_and_copies(case)
    how = {"rng": 0, "tol": 1e-3, **options}
    answers = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x, w in ways:
            best = search(family, x, 2, budget=60, sample_weight=w, **how)
            score = held_out(
                family, x, 2, n_folds=2, n_starts=1, method="k-means++", sample_weight=w, **how
            )
            test = bootstrap_lrt(family, x, 1, 2, n_bootstrap=2, n_starts=1, sample_weight=w, **how)
            model = best.model
            q = np.full((len(x), 2), 0.5)
            fit = em.fit(model, x, sample_weight=w, max_iter=1)
            answers.append([
                best.objective[-1], model.elbo(x, q, sample_weight=w), len(fit.doubts),
                *score.log_density, *score.fold, test.statistic, *test.replicates,
            ])  # fmt: skip
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-6)


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: held_out(PoissonMixture, [1.0, 2.0, 5.0], 1, rng=0, n_folds=2, sample_weight=w),
        lambda w: bootstrap_lrt(PoissonMixture, [1.0, 2.0, 5.0], 1, 2, rng=0, sample_weight=w),
        lambda w: select(PoissonMixture, [1.0, 2.0, 5.0], [1, 2], rng=0, sample_weight=w),
    ],
)
@pytest.mark.parametrize(
    ("w", "message"),
    [
        ([1, 0.5, 2], "must be whole numbers here: copies"),
        ([1, 2], r"must have shape \(3,\)"),
        ([0, 0, 0], "all sample weights are zero"),
    ],
)
def test_what_are_no_copies_is_refused(ask, w, message):
    with pytest.raises(ValueError, match=message):
        ask(w)


def test_a_row_of_weight_zero_is_no_row_at_all():
    """One at a million, of weight zero, used to take a component and the variance with it."""
    x, w = np.array([0, 0.1, 0.3, 0.4, 6, 6.1, 6.3, 6.4, 1e6]), np.repeat([1, 0], [8, 1])
    without = select(GaussianMixture1D, x[:8], [1, 2], rng=0)
    with_it = select(GaussianMixture1D, x, [1, 2], rng=0, sample_weight=w)
    assert str(with_it) == str(without)
    prior = GaussianMixture1D.default_prior(x, 1, sample_weight=w)
    assert prior.components.scale == pytest.approx(x[:8].var())


@pytest.mark.parametrize("weight", [0.5, 1e-3])
def test_criteria_need_counts(weight):
    with pytest.raises(ValueError, match="whole numbers"):
        select(PoissonMixture, [1.0, 2.0, 5.0], [1, 2], rng=0, sample_weight=np.full(3, weight))


def test_all_weights_zero_are_nothing_to_start_from():
    for family, x in (
        (PoissonMixture, [1.0, 2.0]), (GaussianMixture1D, [1.0, 2.0]),
        (GaussianMixture, [[1.0, 2.0], [2.0, 1.0]]), (BinomialMixture, [[1, 2], [2, 2]]),
    ):  # fmt: skip
        for make in (family.start, family.default_prior):
            arguments = (x, 1, 0) if make.__name__ == "start" else (x, 1)
            with pytest.raises(ValueError, match="all sample weights are zero"):
                make(*arguments, sample_weight=[0, 0])


def test_nothing_has_no_bic():
    for criterion in (PoissonMixture([1.0], [2.0]).bic, PoissonMixture([1.0], [2.0]).icl):
        with pytest.raises(ValueError, match="no observations, or all sample weights are zero"):
            criterion([1, 2], [0, 0])


def test_weights_in_blocks_are_weights_for_every_function():
    x, w = [np.array([0.0, 1, 1, 2, 8]), np.array([9.0, 2, 7])], [[1, 2, 1, 3, 1], [2, 1, 1]]
    blocks, array = [np.array(part) for part in w], np.concatenate(w)
    model = PoissonMixture([0.5, 0.5], [1.0, 8.0])
    q = np.full((8, 2), 0.5)
    how = {"rng": 0, "n_starts": 1}

    def answers(weights):
        score = held_out(PoissonMixture, x, 1, n_folds=2, sample_weight=weights, **how)
        test = bootstrap_lrt(PoissonMixture, x, 1, 2, n_bootstrap=2, sample_weight=weights, **how)
        drawn = bootstrap(model, x, 0, n=2, sample_weight=weights)
        return [
            select(PoissonMixture, x, 2, sample_weight=weights, **how).rows[0].bic,
            search(PoissonMixture, x, 2, 0, budget=30, sample_weight=weights).objective[-1],
            model.elbo(x, q, sample_weight=weights), model.bic(x, weights),
            score.log_likelihood, *test.replicates, *drawn.standard_errors()["rates"],
        ]  # fmt: skip

    np.testing.assert_array_equal(answers(blocks), answers(array))
