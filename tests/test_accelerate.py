"""Faster climbs keep what EM promises, reach the same summit, and count every E-step."""

import contextlib
from itertools import islice

import numpy as np
import pytest

from cases import CASES, CASES_WITH_PRIOR
from emlib import (
    ABO,
    GaussianMixture1D,
    Linkage,
    Mixture,
    PoissonMixture,
    accelerate,
    data,
    em,
    hold,
    labelled,
    with_labels,
)
from emlib.coordinates import Space, pack
from emlib.differences import gradient
from emlib.em import Step
from emlib.known import Labelled
from laws import SEEDS, on_seeds

climbs = pytest.mark.parametrize(
    "climb",
    [accelerate.squarem, accelerate.anderson, accelerate.quasi_newton],
    ids=lambda climb: climb.__name__,
)
cases = pytest.mark.parametrize("case", [*CASES, *CASES_WITH_PRIOR], ids=str)

DEATHS, DAYS = data.death_notices()
SLOW = PoissonMixture([0.3, 0.7], [1.0, 2.5])
SUMMIT = -1989.9458598829635


@climbs
@cases
def test_it_never_falls_and_each_step_has_its_own_objective(climb, case):
    def holds(seed):
        rng = np.random.default_rng(seed)
        model, x = case.draw(rng)
        w = rng.integers(1, 4, len(x)).astype(float)
        try:
            steps = list(islice(climb(model, x, w), 25))
        except em.DegenerateError:  # as EM itself may end
            return
        objective = np.array([step.objective for step in steps])
        assert (np.diff(objective) >= -1e-9 * abs(objective[:-1])).all()
        last = steps[-1]
        assert last.log_likelihood == pytest.approx(last.model.log_likelihood(x, w), rel=1e-12)
        assert last.objective == last.log_likelihood + last.model.log_prior()

    on_seeds(holds, SEEDS[:3])


def first_points(steps, model):
    return [pack(step.model) for step in islice(steps(model, DEATHS), 8)]


def test_fast_is_quasi_newton_or_anderson(monkeypatch):
    as_given = first_points(accelerate.fast, SLOW)
    np.testing.assert_array_equal(as_given, first_points(accelerate.quasi_newton, SLOW))
    with monkeypatch.context() as patched:
        patched.setattr(accelerate, "MANY", 3)  # as many parameters as there are
        by_size = first_points(accelerate.fast, SLOW)
    np.testing.assert_array_equal(by_size, first_points(accelerate.anderson, SLOW))

    def refuse(self, expectation):
        raise NotImplementedError

    monkeypatch.setattr(PoissonMixture, "complete_log_likelihood", refuse)
    by_need = first_points(accelerate.fast, SLOW)
    np.testing.assert_array_equal(by_need, by_size)
    spent = [step.n_e_steps for step in islice(accelerate.fast(SLOW, DEATHS), 3)]
    assert spent == [2, 1, 1]  # the E-step in which it was found out is counted


@pytest.mark.parametrize("method", ["score", "complete_log_likelihood"])
def test_a_slip_in_a_family_is_no_missing_method(monkeypatch, method):
    monkeypatch.setattr(PoissonMixture, method, lambda self, e: self.mispelt)
    with pytest.raises(AttributeError, match="mispelt"):
        list(islice(accelerate.quasi_newton(SLOW, DEATHS), 3))


@climbs
@cases
def test_same_summit_as_em(climb, case):
    model, x = case.clear(np.random.default_rng(1))
    slow = em.fit(model, x, tol=1e-9)
    fast = em.fit(model, x, tol=1e-9, steps=climb)
    assert fast.converged
    assert fast.objective[-1] == pytest.approx(slow.objective[-1], abs=1e-7)
    np.testing.assert_allclose(pack(fast.model), pack(slow.model), atol=1e-3)


@climbs
@pytest.mark.parametrize(
    "start, x", [(Linkage(0.3), data.linkage()), (ABO([0.3, 0.3, 0.4]), data.blood_groups())]
)
def test_families_that_are_no_mixtures(climb, start, x):
    slow, fast = em.fit(start, x), em.fit(start, x, steps=climb)
    assert fast.objective[-1] == pytest.approx(slow.objective[-1], abs=1e-6)


def work_to_the_top(climb, close=1e-7):
    work = 0
    for step in climb(SLOW, DEATHS, DAYS):
        work += step.n_e_steps
        if step.objective > SUMMIT - close:
            return work


def test_a_slow_climb_made_fast():
    assert work_to_the_top(em.iterate) > 1000
    assert work_to_the_top(accelerate.anderson) < 40
    assert work_to_the_top(accelerate.squarem) < 120
    assert work_to_the_top(accelerate.quasi_newton) == 14  # as another implementation counts


@climbs
def test_copies_and_weights_are_the_same(climb):
    copies = np.repeat(DEATHS, DAYS)
    a = em.fit(SLOW, copies, steps=climb)
    b = em.fit(SLOW, DEATHS, sample_weight=DAYS, steps=climb)
    assert a.objective[-1] == pytest.approx(b.objective[-1], abs=1e-6)


@climbs
def test_blocks_are_the_same_as_the_whole(climb):
    whole = list(islice(climb(SLOW, DEATHS, DAYS), 10))
    parts = list(islice(climb(SLOW, [DEATHS[:4], DEATHS[4:]], DAYS), 10))
    for a, b in zip(whole, parts, strict=True):
        assert a.objective == pytest.approx(b.objective, rel=1e-9)


class Counted(PoissonMixture):
    """Counts its E-steps."""

    calls = 0

    def e_step(self, x, sample_weight=None):
        Counted.calls += 1
        return super().e_step(x, sample_weight)


def lead_astray(monkeypatch, place):
    """Have every leap end at a place, or in that direction."""
    for name in ("_squared", "_mixed"):
        monkeypatch.setattr(accelerate, name, lambda *args: place)
    monkeypatch.setattr(accelerate, "_corrected", lambda *args: np.diag(-abs(place)))


@climbs
@pytest.mark.parametrize("refused", [False, True])
def test_every_e_step_is_counted(climb, refused, monkeypatch):
    if refused:  # every leap goes somewhere low
        lead_astray(monkeypatch, np.array([5.0, 3.0, 3.0]))
    Counted.calls = counted = 0
    for step in islice(climb(Counted([0.3, 0.7], [1.0, 2.5]), DEATHS, DAYS), 30):
        counted += step.n_e_steps
        assert Counted.calls == counted
    if refused:
        assert counted > 40


@climbs
@pytest.mark.parametrize("to", [np.nan, np.inf, 1e4, -1e4])
def test_a_leap_that_leads_to_no_model_is_a_plain_step(climb, to, monkeypatch):
    x = data.galaxies()
    start = GaussianMixture1D.start(x, 3, rng=0)
    plain = [step.objective for step in islice(em.iterate(start, x), 12)]
    lead_astray(monkeypatch, np.full(8, to))
    steps = list(islice(climb(start, x), 12))
    np.testing.assert_allclose([step.objective for step in steps], plain, rtol=1e-14)
    assert {step.n_e_steps for step in steps} <= {1, 2, 3, 4}


def test_a_model_without_a_slope_is_told_the_way_out():
    class Plain(PoissonMixture):
        complete_components = Mixture.complete_components

    steps = accelerate.quasi_newton(Plain([0.3, 0.7], [1.0, 2.5]), DEATHS, DAYS)
    with pytest.raises(ValueError, match=r"use accelerate\.anderson"):
        list(islice(steps, 2))
    fit = em.fit(Plain([0.3, 0.7], [1.0, 2.5]), DEATHS, sample_weight=DAYS,
                 steps=accelerate.anderson)  # fmt: skip
    assert fit.objective[-1] == pytest.approx(SUMMIT, abs=1e-6)


def test_who_has_formulas_for_the_slope():
    """laws.py compares them with differences; of the others only differences are taken."""
    rng, have = np.random.default_rng(0), set()
    for case in CASES:
        model, x = case.draw(rng)
        with contextlib.suppress(NotImplementedError):
            model.score(em.expect(model, x))
            have.add(type(model).__name__)
    assert have == {
        "GaussianMixture1D", "GaussianMixture", "IncompleteGaussianMixture", "StudentTMixture"
    }  # fmt: skip


@cases
def test_slopes_are_those_of_differences(case):
    """At the model of the E-step, and as a function of where they are taken."""
    rng = np.random.default_rng(1)
    model, x = case.draw(rng)
    step = Step(model, em.expect(model, x))
    q, at = accelerate.expected(step), pack(model)
    scale = max(1.0, abs(wanted := gradient(q, at)).max())
    np.testing.assert_allclose(accelerate.slope(step), wanted, atol=1e-5 * scale)
    there = at + 0.1 * rng.standard_normal(len(at))
    slopes = accelerate.slopes(step, np.full(len(at), 1e-3))
    np.testing.assert_allclose(slopes(there), gradient(q, there), atol=1e-7 * scale)


def test_a_space_without_a_pull_is_differenced():
    model = GaussianMixture1D([0.3, 0.7], [-1.0, 1.0], [1.0, 2.0])
    step = Step(model, em.expect(model, np.linspace(-3, 3, 20)))

    class Plain(GaussianMixture1D):
        @property
        def spaces(self):
            return {**super().spaces, "means": Space(np.ravel, lambda v, like: v)}

    plain = Plain(model.weights, model.means, model.variances)
    np.testing.assert_allclose(
        accelerate.slope(Step(plain, step.expectation)), accelerate.slope(step), atol=1e-6
    )


def test_the_correction_meets_its_condition_and_stays_symmetric():
    rng = np.random.default_rng(0)
    a, place, move, slope = rng.standard_normal((4, 5, 5))[0], *rng.standard_normal((3, 5))
    slope *= -np.sign(slope @ place)
    new = accelerate._corrected(a + a.T, place, move, slope)
    np.testing.assert_allclose(new, new.T, atol=1e-12)
    np.testing.assert_allclose(move - new @ slope, -place, atol=1e-10)


@climbs
@pytest.mark.parametrize(
    "known", [lambda m: hold(m, "weights"), labelled], ids=["held", "labelled"]
)
def test_with_something_known(climb, known):
    x = data.old_faithful()[:, 1]
    model = known(GaussianMixture1D([0.4, 0.6], [50.0, 80.0], 40.0))
    if isinstance(model, Labelled):
        x = with_labels(x, np.where(np.arange(len(x)) < 5, x > 65, -1))
    slow, fast = em.fit(model, x), em.fit(model, x, steps=climb)
    assert fast.objective[-1] == pytest.approx(slow.objective[-1], abs=1e-6)


@climbs
def test_what_is_wrong_with_x_is_said(climb):
    with pytest.raises(ValueError, match="NaN"):
        next(climb(GaussianMixture1D([1.0], [0.0], [1.0]), [1.0, np.nan]))


@climbs
def test_a_bug_is_not_hidden(climb):
    class Broken(PoissonMixture):
        def m_step(self, expectation):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(islice(climb(Broken([0.3, 0.7], [1.0, 2.5]), DEATHS, DAYS), 5))


@climbs
def test_a_parameter_at_the_edge_stays_there(climb):
    x = np.array([0.0] * 30 + [1, 2, 3, 3, 4, 5, 6, 9])
    start = PoissonMixture([0.5, 0.5], [0.0, 3.0])
    slow, fast = em.fit(start, x), em.fit(start, x, steps=climb)
    assert fast.model.rates[0] == 0
    assert fast.objective[-1] == pytest.approx(slow.objective[-1], abs=1e-6)
