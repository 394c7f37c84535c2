"""The algorithm: what a fit reports is true, whatever happens on the way."""

import re
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import CASES, PoissonMixture
from emlib import (
    BinomialMixture,
    DegenerateError,
    DegenerateWarning,
    Expectation,
    GaussianMixture,
    GaussianMixture1D,
    Linkage,
    MonotonicityError,
    accelerate,
    convergence,
    data,
    em,
)
from emlib._machinery.blocks import located
from laws import assert_same_expectation

X = data.linkage()
WAITING = data.old_faithful()[:, 1]
FAITHFUL_START = GaussianMixture1D([0.4, 0.6], [55, 80], 36.0)
everywhere = pytest.mark.parametrize("case", CASES, ids=str)


@dataclass(frozen=True)
class Scripted:
    """A model whose objective is read from a list: step n of it has entry n."""

    objective: tuple[float, ...]
    prior: tuple[float, ...] | None = None
    at: int = 0
    failure: Exception | None = None

    def e_step(self, x, sample_weight=None):
        return Expectation(self.objective[self.at], np.ones(1))

    def m_step(self, expectation):
        if self.at + 1 == len(self.objective):
            raise self.failure or IndexError("the script is over")
        return replace(self, at=self.at + 1)

    def log_prior(self):
        return self.prior[self.at] if self.prior else 0.0


# --- expectations


def test_expectations_add_field_by_field():
    a = Expectation(-1.0, np.array([1.0, 2.0]), (np.array([3.0]), np.eye(2)))
    b = Expectation(-0.5, np.array([5.0, 0.0]), (np.array([4.0]), np.ones((2, 2))))
    wanted = Expectation(-1.5, np.array([6.0, 2.0]), (np.array([7.0]), np.eye(2) + 1))
    assert_same_expectation(a + b, wanted, tol=0)


def test_expectations_of_different_families_do_not_add():
    with pytest.raises(ValueError, match="shorter"):
        Expectation(0.0, np.ones(1), (np.ones(1),)) + Expectation(0.0, np.ones(1))


# --- the loop


def test_expectations_under_different_models_do_not_add():
    """A running sum while the model moves: each part is about means that are gone."""
    one, other = (BinomialMixture([0.5, 0.5], [p, 0.7]) for p in (0.2, 0.3))
    x = data.two_coins()
    with pytest.raises(ValueError, match="different models"):
        one.e_step(x) + other.e_step(x)
    same = BinomialMixture([0.5, 0.5], [0.2, 0.7])
    assert_same_expectation(one.e_step(x) + same.e_step(x), 2 * one.e_step(x))


def test_a_class_is_no_model_to_start_from():
    with pytest.raises(TypeError, match="model is the class PoissonMixture") as caught:
        em.fit(PoissonMixture, [1, 2, 9])
    remedy = re.search(r"Start from (.*)\.$", str(caught.value)).group(1)
    assert em.fit(eval(remedy, {"PoissonMixture": PoissonMixture, "x": [1, 2, 9]}), [1, 2, 9])
    with pytest.raises(TypeError, match=r"Start from one\."):
        em.fit(Linkage, X)


@pytest.mark.parametrize("model", [None, [Linkage(0.5)], "kmeans"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(TypeError, match=f"model to start from, not {type(model).__name__}"):
        em.fit(model, X)


def test_iterate_pairs_each_model_with_its_own_objective():
    for step in islice(em.iterate(FAITHFUL_START, WAITING), 6):
        own = step.model.log_likelihood(WAITING)
        assert step.log_likelihood == step.objective == pytest.approx(own, rel=1e-14)


def test_iterate_gives_the_start_first_and_never_ends():
    steps = em.iterate(Linkage(0.5), X)
    assert next(steps).model == Linkage(0.5)
    assert len(list(islice(steps, 500))) == 500


@everywhere
def test_history_belongs_to_the_iterates_and_its_end_to_the_model(case):
    start, x = case.clear(np.random.default_rng(0))
    fit = em.fit(start, x)
    assert fit.converged
    steps = list(islice(em.iterate(start, x), fit.n_iter + 1))
    np.testing.assert_array_equal(fit.objective, [step.objective for step in steps])
    assert fit.model == steps[-1].model
    assert fit.objective[0] == pytest.approx(start.log_likelihood(x), rel=1e-13)
    assert fit.objective[-1] == pytest.approx(fit.model.log_likelihood(x), rel=1e-13)


@pytest.mark.parametrize("max_iter", [0, 1, 2, 7])
def test_max_iter_is_the_number_of_m_steps(max_iter):
    fit = em.fit(FAITHFUL_START, WAITING, max_iter=max_iter)
    assert fit.status == "max_iter" and not fit.converged
    assert str(max_iter) in fit.message
    assert fit.n_iter == max_iter
    assert len(fit.objective) == len(fit.log_likelihood) == max_iter + 1
    assert fit.model == next(islice(em.iterate(FAITHFUL_START, WAITING), max_iter, None)).model


def test_a_fit_can_be_continued_where_it_stopped():
    first = em.fit(FAITHFUL_START, WAITING, max_iter=4)
    second = em.fit(first.model, WAITING, max_iter=3)
    whole = em.fit(FAITHFUL_START, WAITING, max_iter=7)
    assert second.model == whole.model
    np.testing.assert_array_equal(np.append(first.objective, second.objective[1:]), whole.objective)


def test_objective_is_log_likelihood_plus_log_prior():
    model = Scripted((-5.0, -4.5, -4.25, -4.2), prior=(-1.0, -0.5, -0.25, -0.25))
    fit = em.fit(model, None, max_iter=3)
    np.testing.assert_array_equal(fit.log_likelihood, [-5.0, -4.5, -4.25, -4.2])
    np.testing.assert_array_equal(fit.objective, [-6.0, -5.0, -4.5, -4.45])


def test_a_falling_likelihood_is_fine_if_the_prior_makes_up_for_it():
    model = Scripted((-5.0, -5.5, -5.6), prior=(-9.0, -8.0, -7.8))
    assert em.fit(model, None, max_iter=2).status == "max_iter"


# --- tol


def exact_summit(start, x):
    return em.fit(start, x, tol=0, max_iter=20_000).objective[-1]


def exact_gap(fit, start, x):
    return exact_summit(start, x) - fit.objective[-1]


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
def test_tol_is_what_is_left_to_gain_on_a_slow_climb(tol):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200) + rng.choice([0.0, 1.2], 200)  # overlap makes EM slow
    start = GaussianMixture1D([0.5, 0.5], [0, 2], 1.0, common_variance=True)
    fit = em.fit(start, x, tol=tol)
    assert fit.converged and fit.rate > 0.85
    assert 0.1 * tol < exact_gap(fit, start, x) < 1.2 * tol


@everywhere
def test_a_converged_fit_is_within_tol_of_the_summit(case):
    start, x = case.clear(np.random.default_rng(1))
    summit = exact_summit(start, x)
    for tol in (1e-2, 1e-6, 1e-10):
        fit = em.fit(start, x, tol=tol)
        assert fit.converged
        assert summit - fit.objective[-1] <= 2 * tol


ASLEEP = np.append(WAITING, 400.0)  # two normals of one variance merge, ever more slowly


def test_tol_keeps_its_word_where_the_rate_creeps_to_one():
    start = replace(FAITHFUL_START, weights=np.array([0.35, 0.65]), common_variance=True)
    summit = exact_summit(start, ASLEEP)
    for tol in (1e-3, 1e-4, 1e-6):
        fit = em.fit(start, ASLEEP, tol=tol)
        assert fit.converged
        assert summit - fit.objective[-1] <= tol


@pytest.mark.parametrize("seed", [8, 13, 14, 31, 46])
@pytest.mark.parametrize("climb", [em.iterate, accelerate.anderson, accelerate.squarem])
def test_a_loose_tol_keeps_its_word_or_says_what_it_does_not_know(climb, seed):
    """Two clouds that overlap: a fast climb hides a slow one (scikit-learn's issue 10122)."""
    rng = np.random.default_rng(seed)
    many = rng.multivariate_normal([2, 4], [[5, 2], [2, 6]], 300)
    x = np.concatenate([many, rng.multivariate_normal([0, 0], [[4, 2], [2, 3]], 100)])
    start = GaussianMixture.start(x, 2, seed)
    steps = []  # of the one climb that is stopped sooner or later
    top = em.fit(start, x, steps=climb, tol=0, callback=steps.append).objective[-1]
    for tol in (0.1, 1e-3, 1e-6):
        fit = em.run(iter(steps), tol=tol)
        sure = "unless a slower part is hidden" not in fit.message
        assert fit.converged
        assert top - fit.objective[-1] <= 1.05 * tol or not sure
        assert sure or tol > 1e-6


def test_a_climb_that_comes_round_again_is_at_rest():
    """In its last bits an objective can go round for ever: up in one step, down in three."""
    round_and_round = (-9.0, -2.0, *[-1.0, -1 - 1e-14, -1 - 2e-14, -1 - 3e-14] * 9)
    assert em.fit(Scripted(round_and_round), None).n_iter < 10
    x = np.array([[-1.4308730228590871], [-0.9365477163197146]])
    start = GaussianMixture.start(x, 1, 0, covariance_type="diag", prior="default")
    assert em.fit(start, x).n_iter < 10
    four = np.random.default_rng(263)
    x = four.standard_normal((four.integers(2, 5), four.choice([1, 2, 10])))
    start = GaussianMixture.start(x, 2, 263, covariance_type="spherical", prior="default")
    assert em.fit(start, x, max_iter=500).converged


def test_tol_zero_climbs_until_the_gains_are_rounding():
    fit = em.fit(Linkage(0.5), X, tol=0)
    assert fit.converged
    assert fit.model.theta == pytest.approx((15 + np.sqrt(53809)) / 394, abs=1e-9)
    assert np.diff(fit.objective)[-1] < 1e-13


def test_one_calm_step_is_not_a_summit():
    """On a plateau one gain is tiny; the climb then goes on."""
    gains = [1.0, 0.5, 1e-9, 2e-9, 1e-2, 1.0, 0.5, 0.25]
    script = tuple(-10 + np.cumsum([0.0, *gains]))
    assert em.fit(Scripted(script), None, max_iter=8).n_iter == 8


def test_growing_gains_are_not_a_summit():
    gains = 1e-12 * 2.0 ** np.arange(30)
    script = tuple(-1.0 + np.cumsum([0.0, *gains]))
    assert em.fit(Scripted(script), None, max_iter=30).status == "max_iter"


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
def test_em_leaves_the_neighbourhood_of_a_saddle(distance):
    x = data.two_coins()  # 33 heads of 50: equal coins of 0.66 are a saddle
    with pytest.warns(DegenerateWarning, match="components 0 and 1 are the same"):
        saddle = em.fit(coins(0.66, 0.66), x)
    beside = em.fit(coins(0.66 + distance, 0.66 - distance), x)
    assert saddle.status == "degenerate" and not saddle.converged
    assert saddle.model.probabilities == pytest.approx(0.66, abs=1e-12)
    assert beside.converged
    assert beside.objective[-1] == pytest.approx(-9.796924292, abs=2e-6)
    assert beside.objective[-1] > saddle.objective[-1] + 0.4


@dataclass(frozen=True)
class Sliding(Scripted):
    """One parameter moves while the objective stands still."""

    place: float = 1.0
    pace: float = 0.0
    n: int = 0

    def m_step(self, expectation):
        return replace(self, place=self.place + self.pace * 2**self.n, n=self.n + 1)


def test_steps_that_grow_are_no_summit_though_the_gains_are_rounding():
    assert em.fit(Sliding((-1.0,), pace=1e-9), None, max_iter=20).status == "max_iter"


def test_steps_that_grow_are_ignored_where_they_are_rounding_themselves():
    fit = em.fit(Sliding((-1.0,), pace=4e-16), None, max_iter=20)
    assert fit.converged and fit.n_iter == 3


def test_the_summit_itself_is_recognised_at_once():
    top = em.fit(Linkage(0.5), X, tol=0).model
    fit = em.fit(top, X)
    assert fit.converged and fit.n_iter <= 4


@pytest.mark.parametrize("tol", [-1e-6, np.nan])
def test_tol_must_be_a_number_of_nats(tol):
    with pytest.raises(ValueError, match="tol must be a non-negative number of nats"):
        em.fit(Linkage(0.5), X, tol=tol)


def test_max_iter_must_not_be_negative():
    with pytest.raises(ValueError, match="max_iter must not be negative, but it is -1"):
        em.fit(Linkage(0.5), X, max_iter=-1)


# --- what can go wrong


@dataclass(frozen=True, eq=False)
class BrokenMixture(GaussianMixture1D):
    """Forgets to divide the squares by the counts rightly."""

    def m_step(self, expectation):
        good = super().m_step(expectation)
        return replace(good, variances=1.5 * good.variances)


def test_a_broken_m_step_is_found_out():
    start = BrokenMixture([0.4, 0.6], [55, 80], 36.0)
    with pytest.raises(MonotonicityError, match=r"fell by .* nats at step \d+"):
        em.fit(start, WAITING)


@pytest.mark.parametrize(("level", "fall"), [(-1.0, 1e-9), (-1e6, 1e-4), (0.0, 1e-9)])
def test_a_fall_beyond_rounding_raises_and_rounding_does_not(level, fall):
    script = (level - 1.0, level, level - fall)
    with pytest.raises(MonotonicityError, match="at step 2"):
        em.fit(Scripted(script), None)
    rounding = 8 * np.finfo(float).eps * max(1.0, abs(level))
    ok = (level - 1.0, level, level - rounding, *[level] * 5)
    assert em.fit(Scripted(ok), None).converged


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_objective_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=r"the objective is .* at step 1"):
        em.fit(Scripted((-1.0, value)), None)


def test_degenerate_ends_with_the_last_valid_model():
    error = DegenerateError("component 3 is gone (chapter 5)", 3)
    model = Scripted((-3.0, -2.0, -1.0), failure=error)
    with pytest.warns(DegenerateWarning, match="component 3 is gone") as caught:
        fit = em.fit(model, None)
    assert fit.status == "degenerate" and not fit.converged
    assert fit.message == "component 3 is gone (chapter 5)"
    assert fit.model.at == 2 and fit.n_iter == 2
    np.testing.assert_array_equal(fit.objective, [-3, -2, -1])
    assert caught[0].filename == __file__  # the warning points at the caller


def test_other_errors_pass():
    with pytest.raises(IndexError, match="the script is over"):
        em.fit(Scripted((-3.0, -2.0)), None)


def test_a_start_that_cannot_be_evaluated_raises():
    class Refusing(Scripted):
        def e_step(self, x, sample_weight=None):
            raise DegenerateError("no")

    with pytest.raises(DegenerateError):
        em.fit(Refusing((0.0,)), None)


# --- callbacks


def test_a_callback_sees_every_step():
    seen = []
    fit = em.fit(FAITHFUL_START, WAITING, callback=seen.append)
    assert [step.objective for step in seen] == fit.objective.tolist()
    assert seen[-1].model is fit.model


def test_a_callback_that_returns_true_stops_the_fit():
    steps = []

    def stop(step):
        steps.append(step)
        return len(steps) == 3

    fit = em.fit(FAITHFUL_START, WAITING, callback=stop)
    assert fit.status == "interrupted" and not fit.converged
    assert fit.n_iter == 2
    assert fit.model is steps[-1].model


def test_what_numpy_calls_true_stops_it_too():
    fit = em.fit(FAITHFUL_START, WAITING, callback=lambda step: step.model.means[0] > 0)
    assert fit.status == "interrupted" and fit.n_iter == 0


@pytest.mark.parametrize("value", [np.False_, 1, "yes", np.float64(3.0), None, False])
def test_a_callback_that_returns_anything_else_does_not(value):
    assert em.fit(Linkage(0.5), X, callback=lambda step: value).converged


@pytest.mark.parametrize("at", [0, 4])
def test_ctrl_c_ends_the_fit_with_the_last_whole_iteration(at):
    seen = []

    def press(step):
        seen.append(step)
        if len(seen) == at + 1:
            raise KeyboardInterrupt

    fit = em.fit(FAITHFUL_START, WAITING, callback=press)
    assert fit.status == "interrupted"
    assert fit.n_iter == at
    assert fit.model is seen[-1].model
    assert fit.objective[-1] == pytest.approx(fit.model.log_likelihood(WAITING), rel=1e-14)


def test_ctrl_c_within_an_m_step_keeps_the_model_before():
    fit = em.fit(Scripted((-3.0, -2.0), failure=KeyboardInterrupt()), None)
    assert fit.status == "interrupted"
    assert fit.model.at == 1
    np.testing.assert_array_equal(fit.objective, [-3, -2])


def test_ctrl_c_before_the_first_step_passes():
    class Slow(Scripted):
        def e_step(self, x, sample_weight=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        em.fit(Slow((0.0,)), None)


def test_progress_changes_nothing_but_the_screen(capsys):
    pytest.importorskip("tqdm")
    plain = em.fit(Linkage(0.5), X)
    assert capsys.readouterr() == ("", "")
    shown = em.fit(Linkage(0.5), X, progress=True)
    np.testing.assert_array_equal(shown.objective, plain.objective)
    assert "EM" in capsys.readouterr().err


# --- restarts


def coins(*probabilities):
    return BinomialMixture([0.5, 0.5], probabilities, fixed_weights=True)


@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_fit_best_keeps_the_runs_in_order_and_returns_the_highest():
    starts = [coins(0.66, 0.66), coins(0.6, 0.5), coins(0.7, 0.7)]
    best = em.fit_best(starts, data.two_coins(), tol=1e-9)
    assert [run.objective[0] for run in best.runs] == [
        em.fit(s, data.two_coins(), max_iter=0).objective[0] for s in starts
    ]
    assert best.model == best.runs[1].model
    assert best.status == best.runs[1].status
    np.testing.assert_array_equal(best.objective, best.runs[1].objective)
    assert best.objective[-1] == max(run.objective[-1] for run in best.runs)
    assert all(run.runs == () for run in best.runs)


def test_fit_best_takes_any_iterable_and_passes_options_on():
    best = em.fit_best((Linkage(t) for t in (0.2, 0.4)), X, max_iter=2)
    assert [run.n_iter for run in best.runs] == [2, 2]
    assert best.status == "max_iter"


COLLAPSING = GaussianMixture1D([0.5, 0.5], [0.0, 3.0], [1e-4, 2.0])
SOUND = GaussianMixture1D([0.5, 0.5], [0.5, 4.0], 1.0)
SIX = np.array([0.0, 0.7, 1.5, 3.2, 4.0, 5.1])


@pytest.mark.parametrize("starts", [[COLLAPSING, SOUND], [SOUND, COLLAPSING]])
def test_fit_best_never_prefers_a_degenerate_run(starts):
    with pytest.warns(DegenerateWarning):
        best = em.fit_best(starts, SIX)
    by_status = {run.status: run for run in best.runs}
    assert by_status["degenerate"].objective[-1] > by_status["converged"].objective[-1]
    assert best.status == "converged"


def test_fit_best_returns_a_degenerate_run_if_there_is_no_other():
    with pytest.warns(DegenerateWarning):
        best = em.fit_best([COLLAPSING], SIX)
    assert best.status == "degenerate"


def test_fit_best_needs_a_start():
    with pytest.raises(ValueError, match="models is empty; give at least one start"):
        em.fit_best([], X)


@pytest.mark.filterwarnings("ignore::emlib.DegenerateWarning")
def test_a_best_fit_says_how_often_it_was_found():
    starts = [coins(0.6, 0.5), coins(0.7, 0.3), coins(0.66, 0.66), coins(0.8, 0.5)]
    best = em.fit_best(starts, data.two_coins(), tol=1e-9)
    assert best.found == (3, 4)  # the third is a saddle
    assert best.message.endswith("found by 3 of 4 runs")
    assert best.runs[0].found == (1, 1) and "found" not in best.runs[0].message


# --- any climb


def counted(model_class):
    """Return a class that counts its E-steps, and the list that it counts in."""
    calls = []

    class Counted(model_class):
        def e_step(self, x, sample_weight=None):
            calls.append(x)
            return super().e_step(x, sample_weight)

    return Counted, calls


def test_fit_is_run_of_iterate():
    one, other = em.fit(Linkage(0.5), X), em.run(em.iterate(Linkage(0.5), X))
    np.testing.assert_array_equal(one.objective, other.objective)
    assert one.model == other.model and one.message == other.message


def test_fit_follows_any_climb():
    def two_at_a_time(model, x, sample_weight=None):
        for step in islice(em.iterate(model, x, sample_weight), 0, None, 2):
            yield em.Step(step.model, step.expectation, n_e_steps=2)

    w = [3]
    fit = em.fit(Linkage(0.1), X[None], sample_weight=w, steps=two_at_a_time)
    plain = em.fit(Linkage(0.1), X[None], sample_weight=w)
    assert fit.converged and fit.n_e_steps == 2 * (fit.n_iter + 1)
    every_second = plain.objective[::2]
    np.testing.assert_array_equal(fit.objective[: len(every_second)], every_second)


@pytest.mark.parametrize("max_iter", [0, 5, 10_000])
def test_e_steps_are_counted(max_iter):
    counting, calls = counted(Linkage)
    fit = em.fit(counting(0.5), X, max_iter=max_iter)
    assert fit.n_e_steps == len(calls) == fit.n_iter + 1


def test_a_climb_has_a_start():
    with pytest.raises(ValueError, match="a climb yields at least its start"):
        em.run(iter([]))


def test_expectations_scale():
    e = BinomialMixture([0.5, 0.5], [0.2, 0.7]).e_step(data.two_coins())
    assert_same_expectation(0.5 * e + 1.5 * e, 2 * e)
    nested = Expectation(1.0, np.ones(1), (e, np.ones(2)))
    assert_same_expectation(nested + (-1) * nested, 0 * nested)


# --- blocks


def test_arrays_and_nested_numbers_are_one_block():
    for x in (X, list(X), tuple(X), [[1, 2], [3, 4]], [(1.0, 2.0)], np.ones((3, 2)), []):
        assert len(list(located(None, x))) == 1


def test_lists_of_arrays_and_re_iterables_are_blocks():
    parts = [np.ones(3), np.ones(2)]

    class Reader:
        def __iter__(self):
            return iter(parts)

    for x in (parts, tuple(parts), Reader()):
        assert [len(block) for block, _ in located(None, x)] == [3, 2]


def test_weights_are_cut_like_the_blocks():
    parts = [np.ones(3), np.ones(2)]
    w = np.arange(5.0)
    for weights in (w, list(w), [w[:3], w[3:]]):
        cut = [weight.tolist() for _, weight in located(None, parts, weights)]
        assert cut == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize("make", [iter, lambda parts: (part for part in parts)])
def test_one_shot_iterators_are_refused(make):
    with pytest.raises(ValueError, match=r"^x is an iterator.*Give a list"):
        em.fit(FAITHFUL_START, make([WAITING]))
    with pytest.raises(ValueError, match=r"^sample_weight is an iterator"):
        em.fit(FAITHFUL_START, [WAITING], sample_weight=make([np.ones(272)]))


@pytest.mark.parametrize("n", [271, 273])
def test_weights_that_do_not_match_the_blocks_are_refused(n):
    with pytest.raises(ValueError, match="sample_weight"):
        em.fit(FAITHFUL_START, [WAITING[:100], WAITING[100:]], sample_weight=np.ones(n))


def test_no_blocks_at_all_are_refused():
    class Empty:
        def __iter__(self):
            return iter(())

    with pytest.raises(ValueError, match="x holds no blocks; at least one row is needed"):
        em.fit(FAITHFUL_START, Empty())


def test_a_frequency_table_is_the_same_as_its_rows():
    days = np.array([5, 8, 3, 1])
    start = PoissonMixture([0.5, 0.5], [0.5, 2.0])
    table = em.fit(start, np.arange(4), sample_weight=days)
    rows = em.fit(start, np.repeat(np.arange(4), days))
    np.testing.assert_allclose(table.objective, rows.objective, rtol=1e-12)


def test_all_weights_zero_are_refused():
    with pytest.raises(ValueError, match="all sample weights are zero"):
        em.fit(FAITHFUL_START, WAITING, sample_weight=np.zeros(272))


# --- rates


@given(rate=st.floats(0.05, 0.99), gap=st.floats(0.1, 1e4))
def test_rate_and_remaining_gain_of_a_geometric_climb(rate, gap):
    """The error shrinks by `rate` a step, the gap of the objective by its square."""
    n = int(np.ceil(np.log(1e-5) / (2 * np.log(rate))))
    objective = -gap * rate ** (2.0 * np.arange(n + 3))
    assert convergence.rate(objective) == pytest.approx(rate, rel=1e-3)
    assert convergence.remaining_gain(objective) == pytest.approx(-objective[-1], rel=1e-3)


def test_rate_is_not_fooled_by_rounding_at_the_summit():
    fit = em.fit(Linkage(0.5), X, tol=0)
    assert fit.rate == pytest.approx(0.13278, abs=1e-4)
    noisy = np.append(fit.objective, fit.objective[-1] + 1e-13 * np.array([1, -1, 2, 0]))
    assert convergence.rate(noisy) == pytest.approx(0.13278, abs=1e-4)


def test_rate_of_too_little_is_nan_and_of_one_step_is_zero():
    assert np.isnan(convergence.rate([-1.0]))
    assert np.isnan(convergence.rate([-2.0, -1.0]))
    assert convergence.rate([-2.0, -1.0, -1.0]) == 0.0
    assert np.isnan(convergence.rate([-1.0, -1.0, -1.0]))


def test_rate_of_a_climb_that_speeds_up_is_above_one():
    assert convergence.rate(-10 + np.cumsum(2.0 ** np.arange(6))) > 1


def test_remaining_gain_is_unknown_while_gains_grow_or_are_few():
    assert convergence.remaining_gain([-1.0]) == np.inf
    assert convergence.remaining_gain([-2.0, -1.0]) == np.inf
    assert convergence.remaining_gain([-4.0, -3.0, -1.0]) == np.inf
    assert convergence.remaining_gain([-1.0, -1.0]) == 0.0


@pytest.mark.parametrize(
    ("gains", "ratio"),
    [([2.0, 0.5, 0.4], 0.4 / 0.5), ([1.0, 0.9, 0.8, 0.4], (0.4 / 1.0) ** (1 / 3))],
)
def test_remaining_gain_takes_the_larger_of_the_last_ratio_and_the_mean(gains, ratio):
    objective = -4 + np.cumsum([0, *gains])
    assert convergence.remaining_gain(objective) == pytest.approx(0.4 * ratio / (1 - ratio))


# --- results are values


def test_fits_steps_and_expectations_can_be_compared():
    fits = [em.fit(Linkage(0.5), X) for _ in range(2)]
    assert fits[0] == fits[0]
    assert fits[0] in fits
    assert isinstance(fits[0] == fits[1], bool)
    step = next(em.iterate(Linkage(0.5), X))
    assert step == step
    assert step.expectation == step.expectation


def test_results_cannot_be_changed():
    fit = em.fit(Linkage(0.5), X)
    for name in ("model", "objective", "status", "runs"):
        with pytest.raises(AttributeError):
            setattr(fit, name, None)


def test_of_nothing_there_is_no_rate():
    assert np.isnan(convergence.rate([])) and np.isnan(convergence.rate([1.0]))
