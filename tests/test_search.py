"""The best summit that can be found, soundly, within a budget, and the same for a seed."""

import itertools
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine

from emlib import (
    BinomialMixture,
    DegenerateWarning,
    GaussianMixture,
    GaussianMixture1D,
    PoissonMixture,
    SpuriousWarning,
    accelerate,
    data,
    em,
    initial,
    select,
)
from emlib.bootstrap import bootstrap_lrt
from emlib.moves import KINDS
from emlib.search import search
from test_newcomer_family import HOURS, ExponentialMixture

GALAXIES = data.galaxies()
FAITHFUL = data.old_faithful()
OVERRUN = 4


def assert_same_fit(a, b):
    assert a.model == b.model
    np.testing.assert_array_equal(a.objective, b.objective)
    assert (a.message, a.n_e_steps, len(a.runs)) == (b.message, b.n_e_steps, len(b.runs))


# --- it finds what is to be found


@pytest.mark.parametrize("seed", range(3))
def test_galaxies(seed):
    fit = search(GaussianMixture1D, GALAXIES, 4, seed)
    assert fit.objective[-1] == pytest.approx(-197.7103, abs=1e-3)
    assert fit.converged and not fit.doubts
    found = sum(abs(run.objective[-1] - fit.objective[-1]) < em.FOUND for run in fit.runs)
    assert fit.message.endswith(f"; found by {found} of {len(fit.runs)} runs")
    assert sum(run.n_e_steps for run in fit.runs) == fit.n_e_steps


@pytest.mark.parametrize(
    "kind, best",
    [("full", -1114.4399), ("tied", -1126.3159), ("diag", -1127.0075), ("spherical", -1637.4344)],
)
def test_four_kinds_of_covariance(kind, best):
    fit = search(GaussianMixture, FAITHFUL, 3, 0, covariance_type=kind, budget=1000)
    assert fit.converged and not fit.doubts
    assert fit.objective[-1] == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(
    "family, x, k",
    [
        (BinomialMixture, data.two_coins(), 2),
        (PoissonMixture, np.repeat(*data.death_notices()), 2),
        (ExponentialMixture, HOURS, 2),
    ],
)
def test_any_family(family, x, k):
    fit = search(family, x, k, 0, budget=400, tol=1e-4)
    starts = [family.start(x, k, rng=seed) for seed in range(3)]
    plain = em.fit_best(starts, x, tol=1e-4)
    assert fit.converged
    assert fit.objective[-1] > plain.objective[-1] - 1e-3


@pytest.mark.parametrize(
    "family, x",
    [
        (BinomialMixture, data.two_coins()),
        (PoissonMixture, np.arange(9.0)),
        (GaussianMixture1D, GALAXIES),
        (GaussianMixture, FAITHFUL),
        (ExponentialMixture, HOURS),
    ],
)
def test_one_component(family, x):
    fit = search(family, x, 1, 0)
    expected = em.fit(family.start(x, 1, 0), x)
    assert fit.objective[-1] == pytest.approx(expected.objective[-1], rel=1e-12)
    assert fit.n_e_steps < 600  # it does not burn its budget


def test_prior():
    fit = search(GaussianMixture1D, GALAXIES, 4, 0, prior="default", budget=1500)
    starts = [GaussianMixture1D.start(GALAXIES, 4, s, prior="default") for s in range(5)]
    runs = [em.fit(start, GALAXIES) for start in starts]
    assert fit.model.prior is not None
    assert fit.converged and not fit.doubts
    assert fit.objective[-1] > max(r.objective[-1] for r in runs if not r.doubts) - 1e-3


# --- nothing spurious


def test_a_sound_summit_is_better_than_a_higher_one_with_doubts():
    """With six components, most of the galaxies' highest summits rest on two or three of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = search(GaussianMixture1D, GALAXIES, 6, 0, budget=2000)
    assert not fit.doubts and fit.converged
    assert all(run.doubts or run.objective[-1] < fit.objective[-1] + em.FOUND for run in fit.runs)


def test_if_all_is_spurious_it_says_so():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((12, 2))
    with pytest.warns(SpuriousWarning, match="may be spurious: .*No run is without doubts"):
        fit = search(GaussianMixture, x, 4, 0, budget=600, covariance_type="spherical")
    assert fit.doubts


def test_if_all_is_degenerate_it_says_so():
    x = np.repeat([0.0, 1.0, 5.0], [10, 10, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        with pytest.raises(ValueError, match="no spread"):
            search(GaussianMixture1D, x, 3, 0, budget=200)


# --- the budget, and repetition


@pytest.mark.parametrize("budget", [1, 7, 60, 150, 333, 1000])
def test_budget_is_honoured_and_counted(budget, monkeypatch):
    calls = itertools.count()
    e_step = GaussianMixture.e_step

    def counted(self, x, sample_weight=None):
        next(calls)
        return e_step(self, x, sample_weight)

    monkeypatch.setattr(GaussianMixture, "e_step", counted)
    fit = search(GaussianMixture, FAITHFUL, 4, 0, budget=budget)
    assert next(calls) <= fit.n_e_steps <= budget + OVERRUN
    if not fit.converged:
        assert fit.message.startswith(f"stopped after {fit.n_e_steps} E-steps, still")


def test_the_same_seed_gives_the_same_fit_and_another_another():
    first, again, other = (search(GaussianMixture, FAITHFUL, 5, s, budget=300) for s in (0, 0, 1))
    assert_same_fit(first, again)
    assert first.model != other.model
    generators = [search(GaussianMixture, FAITHFUL, 2, np.random.default_rng(3), budget=200)] * 2
    assert_same_fit(*generators)


def test_rounds_have_streams_of_their_own():
    """What a round does does not depend on how much the budget leaves for later ones."""
    short, long = (search(GaussianMixture, FAITHFUL, 4, 0, budget=b) for b in (1000, 1500))
    whole = len(short.runs) - 1
    for a, b in zip(short.runs[:whole], long.runs[:whole], strict=True):
        assert a.model == b.model


def test_it_ends_early_where_all_rounds_agree():
    fit = search(GaussianMixture, FAITHFUL, 2, 0, budget=100_000)
    assert fit.n_e_steps < 4000
    assert "found by 10 of 10 runs" in fit.message


def test_progress_is_a_bar_of_e_steps(monkeypatch, capsys):
    tqdm = pytest.importorskip("tqdm.auto")
    made = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    plain = search(GaussianMixture, FAITHFUL, 4, 0, budget=333)
    assert made == [] and capsys.readouterr() == ("", "")
    shown = search(GaussianMixture, FAITHFUL, 4, 0, budget=333, progress=True)
    assert_same_fit(plain, shown)
    [bar] = made
    assert bar.n == bar.total == 333 and bar.disable  # full, and closed
    early = search(GaussianMixture, FAITHFUL, 2, 0, budget=100_000, progress=True)
    assert made[1].n == early.n_e_steps
    assert "E-steps" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_long_climb_does_not_eat_the_budget(seed, monkeypatch):
    """On this ridge one climb by Anderson takes 2500 E-steps, and by quasi-Newton 50."""
    climbs = []
    run = em.run
    monkeypatch.setattr(em, "run", lambda *a, **k: climbs.append(run(*a, **k)) or climbs[-1])
    x = load_wine().data[:, 0]
    fit = search(GaussianMixture1D, x, 3, rng=seed, budget=1500)
    assert fit.converged
    assert max(climb.n_e_steps for climb in climbs) < 150
    # Where a round finds the higher of two summits, it tries the moves there as well.
    assert len(fit.runs) >= 4 or fit.objective[-1] == pytest.approx(-206.358, abs=1e-3)


def test_where_parameters_are_many_climbs_keep_no_matrix(monkeypatch):
    """Three normals in 20 dimensions have 692; in 4 they have 44."""
    asked = []
    anderson = accelerate.anderson
    monkeypatch.setattr(accelerate, "anderson", lambda *a: asked.append(a) or anderson(*a))
    x = np.random.default_rng(0).standard_normal((300, 20))
    for d, some in ((4, False), (20, True)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search(GaussianMixture, x[:, :d], 3, 0, budget=100)
        assert bool(asked) is some


def test_a_round_that_comes_to_a_known_summit_is_over():
    """The moves from there have been tried: a few starts and one climb, and no moves."""
    first, *later = search(GaussianMixture, FAITHFUL, 2, 0, budget=2000).runs
    assert len(later) > 3 and first.n_e_steps > 250
    assert all(run.n_e_steps < 150 for run in later)


# --- weights


def test_rows_of_weight_zero_are_absent():
    w = np.ones(len(GALAXIES))
    w[:7] = 0
    a = search(GaussianMixture1D, GALAXIES, 3, 0, sample_weight=w, budget=800)
    b = search(GaussianMixture1D, GALAXIES[7:], 3, 0, budget=800)
    assert a.objective[-1] == pytest.approx(b.objective[-1], abs=1e-6)


def test_weights_are_copies():
    rng = np.random.default_rng(0)
    w = rng.integers(0, 4, len(FAITHFUL))
    how = {"rng": 0, "covariance_type": "tied", "budget": 800}
    a = search(GaussianMixture, FAITHFUL, 3, sample_weight=w, **how)
    b = search(GaussianMixture, np.repeat(FAITHFUL, w, axis=0), 3, **how)
    assert a.objective[-1] == pytest.approx(b.objective[-1], abs=1e-4)


def test_a_table_of_frequencies():
    deaths, days = data.death_notices()
    fit = search(PoissonMixture, deaths, 2, 0, sample_weight=days, budget=800)
    assert fit.objective[-1] == pytest.approx(-1989.9458598829635, abs=1e-5)


# --- what comes in


def test_arguments_are_refused():
    with pytest.raises(ValueError, match="budget"):
        search(GaussianMixture1D, GALAXIES, 2, 0, budget=0)
    with pytest.raises(ValueError, match="all sample weights are zero"):
        search(GaussianMixture1D, GALAXIES, 2, 0, sample_weight=np.zeros(82))
    with pytest.raises(ValueError, match="only 82 rows"):
        search(GaussianMixture1D, GALAXIES, 83, 0)
    with pytest.raises(ValueError, match="NaN"):
        search(GaussianMixture1D, np.append(GALAXIES, np.nan), 2, 0)
    with pytest.raises(TypeError, match="covariance"):
        search(GaussianMixture1D, GALAXIES, 2, 0, covariance_type="full")


@pytest.mark.parametrize("after", [1, 40, 400])
def test_ctrl_c_returns_the_best_so_far(after, monkeypatch):
    m_step = GaussianMixture1D.m_step
    calls = itertools.count()

    def stopping(self, expectation):
        if next(calls) == after:
            raise KeyboardInterrupt
        return m_step(self, expectation)

    monkeypatch.setattr(GaussianMixture1D, "m_step", stopping)
    if after == 1:  # before there is anything to return
        monkeypatch.setattr(GaussianMixture1D, "start", classmethod(_interrupted))
        with pytest.raises(KeyboardInterrupt):
            search(GaussianMixture1D, GALAXIES, 4, 0)
        return
    fit = search(GaussianMixture1D, GALAXIES, 2, 0)
    assert fit.status == "interrupted"
    assert fit.message.startswith("stopped by Ctrl-C")
    assert len(fit.runs) >= 1


def _interrupted(cls, *args, **options):
    raise KeyboardInterrupt


def test_kinds_of_start_are_methods():
    assert {method for method, _ in KINDS} == set(initial.METHODS) - {"random"}


def test_a_climb_that_was_cut_off_is_not_better_than_one_with_doubts():
    """Six components with one variance: the summits of the galaxies are all on single rows."""
    with pytest.warns(SpuriousWarning):
        fit = search(GaussianMixture1D, GALAXIES, 6, 0, common_variance=True, budget=800)
    assert fit.converged and fit.doubts


def test_heights_alone_if_they_are_to_be_compared():
    """Two velocities that nearly agree: a needle, higher than any fit without doubts."""
    x = data.galaxies()
    sound = search(GaussianMixture1D, x, 5, 0, budget=1500)
    highest = search(GaussianMixture1D, x, 5, 0, budget=1500, sound=False)
    assert not sound.doubts
    assert highest.doubts
    assert highest.converged
    assert highest.objective[-1] > sound.objective[-1] + 5


def test_the_bootstrap_compares_heights():
    x = data.galaxies()
    test = bootstrap_lrt(GaussianMixture1D, x, 4, 5, rng=0, n_bootstrap=1, budget=1500)
    assert test.alternative.doubts


# --- more rows than a search looks at


@pytest.mark.parametrize("in_blocks", [False, True])
def test_of_many_rows_some_are_searched_and_all_are_fitted(monkeypatch, in_blocks):
    for module in ("emlib.search", "emlib._machinery.blocks"):
        monkeypatch.setattr(f"{module}.MOST", 150)
    x = np.random.default_rng(0).normal(np.repeat([0.0, 5.0, 9.0], 200), 1.0)
    w = np.tile([1, 2, 0], 200)
    given = [x[:70], x[70:]] if in_blocks else x
    how = {"rng": 0, "budget": 200, "sample_weight": w}
    fit = search(GaussianMixture1D, given, 3, **how)
    top = em.fit(fit.model, np.repeat(x, w), tol=1e-10).objective[-1]
    assert fit.converged and abs(top - fit.objective[-1]) < 2e-6
    assert "of 150 rows: " in fit.message and fit.n_e_steps > 150
    row = select(GaussianMixture1D, given, 3, **how).rows[0]
    assert row.log_likelihood == pytest.approx(fit.model.log_likelihood(np.repeat(x, w)), abs=1e-5)
    assert row.bic == pytest.approx(fit.model.bic(np.repeat(x, w)), abs=1e-4)
