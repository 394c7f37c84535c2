"""Selection: criteria against their definitions and scikit-learn, the bootstrap, and its laws."""

import itertools

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.mixture import GaussianMixture as Sklearn

import published
from cases import PoissonMixture as Newcomer
from emlib import BinomialMixture, GaussianMixture, GaussianMixture1D, data, em
from emlib.bootstrap import BootstrapLRT, bootstrap_lrt
from emlib.families.poisson import PoissonMixture
from emlib.selection import Row, Selection, held_out, select
from emlib.uncertainty import bootstrap
from published import as_printed

GALAXIES = data.galaxies()
FAITHFUL = data.old_faithful()


class Own(Newcomer):
    """A family of thirty lines, to which only `start` is added."""

    @classmethod
    def start(cls, x, n_components, rng, method):
        rates = np.random.default_rng(rng).choice(np.unique(x), n_components, replace=False)
        return cls(np.full(n_components, 1 / n_components), rates + 0.5)


def counts(seed=1):
    return np.random.default_rng(seed).poisson(np.repeat([1.0, 12.0], 20)).astype(float)


def coins(seed=2):
    rng = np.random.default_rng(seed)
    tosses = rng.integers(5, 20, 30)
    return np.column_stack([rng.binomial(tosses, np.repeat([0.2, 0.9], 15)), tosses])


FAMILIES = [
    pytest.param(BinomialMixture, coins(), {}, id="binomial"),
    pytest.param(PoissonMixture, counts(), {}, id="poisson"),
    pytest.param(GaussianMixture1D, FAITHFUL[::4, 1], {"common_variance": True}, id="gaussian-1d"),
    pytest.param(GaussianMixture, FAITHFUL[::4], {"covariance_type": "tied"}, id="gaussian"),
    pytest.param(Own, counts(), {}, id="newcomer"),
]


def same_tables(a, b):
    assert str(a) == str(b)
    for one, other in zip(a.rows, b.rows, strict=True):
        assert one.log_likelihood == other.log_likelihood
        assert one.fit.model == other.fit.model
        assert [r.objective[-1] for r in one.fit.runs] == [r.objective[-1] for r in other.fit.runs]


# --- the table


@pytest.mark.parametrize(("family", "x", "options"), FAMILIES)
def test_criteria_are_those_of_the_model(family, x, options):
    table = select(family, x, [1, 2], rng=0, n_starts=2, **options)
    for row in table.rows:
        model = row.fit.model
        assert row.n_components == model.n_components
        assert row.n_parameters == model.n_parameters
        for name in ("aic", "bic", "icl"):
            assert getattr(row, name) == pytest.approx(getattr(model, name)(x), rel=1e-12)
    assert table.best("bic").n_components == 2


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_bic_and_aic_are_those_of_scikit_learn(kind):
    peer = Sklearn(2, covariance_type=kind, tol=1e-10, max_iter=5000, reg_covar=0, n_init=3,
                   random_state=0).fit(FAITHFUL)  # fmt: skip
    row = select(GaussianMixture, FAITHFUL, 2, rng=0, n_starts=3, covariance_type=kind).rows[0]
    assert row.bic == pytest.approx(peer.bic(FAITHFUL), abs=1e-4)
    assert row.aic == pytest.approx(peer.aic(FAITHFUL), abs=1e-4)


def test_the_published_table_of_the_galaxies():
    table = select(GaussianMixture1D, GALAXIES, [1, 2, 3, 4], rng=0, n_starts=12)
    for row in table.rows:
        printed = published.GALAXIES_LOG_LIKELIHOOD[row.n_components]
        assert as_printed(row.log_likelihood, printed) == printed
        assert row.status == "converged" and not row.doubts
    assert [table.best(name).n_components for name in ("aic", "bic", "icl")] == [4, 3, 3]


def test_select_searches_for_the_best_fit():
    """Sixty k-means starts miss this summit: see benchmarks/search.py."""
    table = select(GaussianMixture1D, GALAXIES, [4], rng=0)
    assert table.rows[0].log_likelihood == pytest.approx(-197.7103, abs=1e-3)
    found, runs = table.rows[0].found
    assert 2 <= found <= runs and "found by" in table.rows[0].fit.message


def test_a_spurious_fit_shows_its_doubts_and_can_be_passed_over():
    table = select(GaussianMixture1D, GALAXIES, [3, 6], rng=0, n_starts=6)
    assert table.row(6).doubts
    assert table.best("bic").n_components == 6
    assert table.best("bic", doubtful=False).n_components == 3
    assert table.row(6).doubts[0] in str(table)
    assert table.row(6).doubts[0] in table._repr_html_()


def row(k, bic, status="converged", doubts=()):
    return Row(k, {}, -bic / 2, 1, bic, bic, bic, status, doubts, None)


def test_a_degenerate_row_is_best_only_if_there_is_no_other():
    collapsed, sound = row(3, 10.0, "degenerate"), row(2, 20.0)
    for criterion in ("aic", "bic", "icl"):
        assert Selection((collapsed, sound)).best(criterion) is sound
        assert Selection((collapsed,)).best(criterion) is collapsed
    assert Selection((collapsed, row(2, 20.0, doubts=("thin",)))).best(doubtful=False).doubts


def test_a_degenerate_run_is_never_the_best_of_its_candidate():
    (only,) = select(GaussianMixture1D, GALAXIES, 6, rng=1, n_starts=6, tol=1e-3).rows
    ended = [run.status for run in only.fit.runs]
    assert ended.count("degenerate") == 1 and only.status == "converged"
    assert "1 of 6 runs degenerate" in str(only)


def test_rows_by_name_and_what_is_not_there():
    kinds = ["full", "tied"]
    table = select(GaussianMixture, FAITHFUL, [1, 2], rng=0, n_starts=1, covariance_type=kinds)
    assert [(r.n_components, r.options["covariance_type"]) for r in table.rows] == [
        (1, "full"), (1, "tied"), (2, "full"), (2, "tied"),
    ]  # fmt: skip
    assert table.row(2, covariance_type="tied") is table.rows[3]
    assert table.rows[3].fit.model.covariance_type == "tied"
    with pytest.raises(ValueError, match="2 rows have n_components=2"):
        table.row(2)
    with pytest.raises(ValueError, match="0 rows"):
        table.row(7)
    with pytest.raises(ValueError, match="criterion must be one of"):
        table.best("BIC")


def test_a_row_does_not_depend_on_the_others_nor_on_more_starts():
    alone = select(GaussianMixture1D, GALAXIES, 3, rng=5, n_starts=3)
    among = select(GaussianMixture1D, GALAXIES, [1, 2, 3], rng=5, n_starts=5)
    few, many = (table.row(3).fit.runs for table in (alone, among))
    assert [a.objective[-1] for a in few] == [b.objective[-1] for b in many[:3]]
    assert among.row(3).log_likelihood >= alone.row(3).log_likelihood


def test_results_are_the_same_whatever_n_jobs():
    tables = [select(PoissonMixture, counts(), [1, 2], rng=3, n_starts=2, n_jobs=n) for n in (1, 2)]
    same_tables(*tables)
    held = [
        held_out(PoissonMixture, counts(), 2, rng=3, n_starts=2, n_folds=2, n_jobs=n)
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(held[0].log_density, held[1].log_density)
    tests = [
        bootstrap_lrt(PoissonMixture, counts(), 1, 2, rng=3, n_bootstrap=4, n_starts=1, n_jobs=n)
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(tests[0].replicates, tests[1].replicates)
    assert tests[0].statistic == tests[1].statistic and tests[0].status == tests[1].status


def test_a_generator_moves_on_and_a_seed_does_not():
    def table(rng):
        return select(PoissonMixture, counts(), 3, rng=rng, n_starts=2, method="random")

    same_tables(table(0), table(0))
    rng = np.random.default_rng(0)
    first, second = table(rng), table(rng)
    assert first.rows[0].fit.runs[0].objective[0] != second.rows[0].fit.runs[0].objective[0]


def test_integer_weights_are_copies():
    x, copies = np.unique(counts(), return_counts=True)
    (short,) = select(PoissonMixture, x, 2, rng=0, n_starts=1, sample_weight=copies).rows
    (long,) = select(PoissonMixture, counts(), 2, rng=0, n_starts=1).rows
    for name in ("log_likelihood", "aic", "bic", "icl"):
        assert getattr(short, name) == pytest.approx(getattr(long, name), abs=0.01)


def test_what_cannot_be_fitted_is_a_row_that_says_why():
    table = select(PoissonMixture, [1.0, 1.0, 2.0], [1, 3], rng=0, n_starts=2)
    assert table.rows[1].status == "failed" and "distinct" in table.rows[1].doubts[0]
    assert "distinct" in str(table) and table.best("aic").n_components == 1
    assert table.rows[1].found == (0, 0)
    with pytest.raises(ValueError, match="NaN"):
        select(GaussianMixture1D, [1.0, np.nan, 2.0], [1, 2], rng=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_jobs": 0}, "n_jobs"),
        ({"n_jobs": 1.5}, "n_jobs must be a positive number of processes"),
        ({"n_jobs": None}, "n_jobs must be a positive number of processes"),
        ({"n_starts": 0}, "n_starts"),
        ({"n_components": [1, -1]}, "n_components must be a positive integer, not -1"),
        ({"n_components": [1, 1.5]}, "n_components must be a positive integer, not 1.5"),
        ({"n_components": True}, "n_components must be a positive integer, not True"),
        ({"method": []}, "method is empty"),
        ({"n_components": []}, "n_components is empty"),
    ],
)
def test_unusable_arguments(wrong, message):
    arguments = {"n_components": [1, 2], "rng": 0} | wrong
    with pytest.raises(ValueError, match=message):
        select(PoissonMixture, counts(), **arguments)


def test_a_family_of_a_notebook_is_refused_more_processes(monkeypatch):
    import __main__

    monkeypatch.delattr(__main__, "__file__", raising=False)
    family = type("Homemade", (Own,), {"__module__": "__main__"})
    with pytest.raises(ValueError, match="defined in this notebook"):
        select(family, counts(), [1, 2], rng=0, n_starts=1, n_jobs=2)


class Pieces:
    """Blocks of data from a function."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return iter(self.make())


def test_what_cannot_be_sent_to_another_process_is_refused_and_the_remedy_works(monkeypatch):
    import __main__

    parts = [np.array([1.0, 2.0, 9.0]), np.array([3.0, 8.0, 12.0])]
    blocks = Pieces(lambda: parts)
    how = {"rng": 0, "n_starts": 1, "tol": 0.1}
    with pytest.raises(ValueError, match=r"cannot be sent .*lambda.*n_jobs=1"):
        select(PoissonMixture, blocks, [1, 2], n_jobs=2, **how)
    assert len(select(PoissonMixture, blocks, [1, 2], n_jobs=1, **how).rows) == 2
    monkeypatch.delattr(__main__, "__file__", raising=False)
    homemade = type("Homemade", (list,), {"__module__": "__main__"})
    monkeypatch.setattr(__main__, "Homemade", homemade, raising=False)
    with pytest.raises(ValueError, match=r"defined in this notebook.*n_jobs=1"):
        select(PoissonMixture, homemade(parts), [1, 2], n_jobs=2, **how)
    assert len(select(PoissonMixture, homemade(parts), [1, 2], n_jobs=1, **how).rows) == 2


# --- held out


def test_held_out_scores_each_row_under_the_fit_to_the_others():
    x = FAITHFUL[:60, 1]
    result = held_out(GaussianMixture1D, x, 1, rng=0, n_folds=4, n_starts=1)
    assert sorted(np.bincount(result.fold)) == [15, 15, 15, 15]
    for part in range(4):
        rest, own = x[result.fold != part], x[result.fold == part]
        model = GaussianMixture1D([1.0], [rest.mean()], rest.var())
        np.testing.assert_allclose(result.log_density[result.fold == part], model.log_density(own))
    assert result.log_likelihood == result.log_density.sum()
    assert result.status == ("converged",) * 4


@pytest.mark.parametrize("n_folds", [1, 41, 2.5])
def test_there_are_at_least_two_folds_and_no_more_than_rows(n_folds):
    with pytest.raises(ValueError, match="n_folds must be between 2 and the 40 rows"):
        held_out(PoissonMixture, counts(), 2, rng=0, n_folds=n_folds)


def test_a_part_that_cannot_be_fitted_without_is_said():
    result = held_out(PoissonMixture, [1.0, 2.0, 2.0], 2, rng=0, n_folds=3)
    assert "failed" in result.status and np.isnan(result.log_likelihood)


# --- the bootstrap


@pytest.mark.parametrize(("family", "x", "options"), FAMILIES)
def test_every_family_can_be_tested(family, x, options):
    test = bootstrap_lrt(family, x, 1, 2, rng=0, n_bootstrap=4, n_starts=2, **options)
    assert test.p_value == 1 / 5
    assert test.replicates.shape == (4,) and len(test.status) == 4
    by_hand = test.alternative.model.log_likelihood(x) - test.null.model.log_likelihood(x)
    assert test.statistic == pytest.approx(2 * by_hand, rel=1e-9)
    assert (test.replicates >= 0).all()


def report(statistic, replicates, status=None):
    fit = em.fit(GaussianMixture1D([1.0], [20.0], 4.0), GALAXIES)
    status = status or ("converged",) * len(replicates)
    return BootstrapLRT((1, 2), statistic, np.array(replicates), status, fit, fit)


def test_the_p_value_counts_ties_and_failures_as_large():
    assert report(3.0, [1.0, 2.0, 3.0, 4.0]).p_value == 3 / 5
    assert report(5.0, [1.0, 2.0, 3.0, 4.0]).p_value == 1 / 5
    failed = report(5.0, [1.0, np.nan, 3.0, 4.0], ("converged", "failed", "no gain", "max_iter"))
    assert failed.p_value == 2 / 5
    assert "1 replicates have no statistic and count as large" in str(failed)
    assert "1 converged, 1 failed, 1 max_iter, 1 no gain" in str(failed)


def test_p_values_are_about_uniform_when_the_null_is_true():
    p = []
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(30, 1))
        options = {"n_bootstrap": 4, "n_starts": 1, "tol": 0.1, "covariance_type": "tied"}
        p.append(bootstrap_lrt(GaussianMixture, x, 1, 2, rng=seed, **options).p_value)
    shares = np.array([np.mean(np.array(p) <= level + 1e-9) for level in (0.2, 0.4, 0.6, 0.8)])
    assert np.all(np.abs(shares - [0.2, 0.4, 0.6, 0.8]) < 0.2), shares


def test_coins_keep_their_tosses():
    seen = []

    class Watched(BinomialMixture):
        @classmethod
        def start(cls, x, n_components, rng, method="kmeans"):
            seen.append(np.array(x)[:, 1])
            return super().start(x, n_components, rng, method)

    bootstrap_lrt(Watched, coins(), 1, 2, rng=0, n_bootstrap=3, n_starts=1)
    assert all(np.array_equal(tosses, coins()[:, 1]) for tosses in seen)


def test_weights_are_copies_in_the_bootstrap_too():
    deaths, days = data.death_notices()
    few = days // 20
    options = {"rng": 0, "n_bootstrap": 3, "n_starts": 1, "tol": 0.1}
    short = bootstrap_lrt(PoissonMixture, deaths, 1, 2, sample_weight=few, **options)
    long = bootstrap_lrt(PoissonMixture, np.repeat(deaths, few), 1, 2, **options)
    np.testing.assert_array_equal(short.replicates, long.replicates)
    with pytest.raises(ValueError, match="whole numbers"):
        bootstrap_lrt(PoissonMixture, deaths, 1, 2, rng=0, sample_weight=few + 0.5)


@pytest.mark.parametrize("pair", [(2, 2), (3, 2), (0, 1)])
def test_the_null_has_fewer_components(pair):
    with pytest.raises(ValueError, match="fewer components"):
        bootstrap_lrt(PoissonMixture, counts(), *pair, rng=0)


def test_data_that_cannot_be_fitted_are_refused():
    with pytest.raises(ValueError, match="distinct"):
        bootstrap_lrt(PoissonMixture, [1.0, 1.0], 1, 2, rng=0)


# --- figures


def test_figures_say_what_they_show():
    table = select(GaussianMixture1D, GALAXIES, [1, 2, 3], rng=0, n_starts=2)
    fig, axes = plt.subplots(1, 2)
    drawn = table.plot(axes[0])
    assert "BIC is best, 442.2, at 3 components" in drawn.alt and len(drawn.artists) >= 12
    kinds = ["full", "tied"]
    two = select(GaussianMixture, FAITHFUL, [1, 2], rng=0, n_starts=1, covariance_type=kinds)
    assert "at 2 components, full" in two.plot(axes[0], ["bic"]).alt
    drawn = report(3.0, [1.0, 2.0, np.nan]).plot(axes[1])
    assert "2 bootstrap statistics of 1 against 2" in drawn.alt and "3.0" in drawn.alt
    plt.close(fig)


# --- Ctrl-C


@pytest.mark.parametrize("ask", [
    lambda x: select(PoissonMixture, x, [1, 2, 3], rng=0, budget=200),
    lambda x: select(PoissonMixture, x, [1, 2, 3], rng=0, n_starts=2),
    lambda x: held_out(PoissonMixture, x, 2, rng=0, n_folds=3, n_starts=1),
    lambda x: bootstrap_lrt(PoissonMixture, x, 1, 2, rng=0, n_bootstrap=3, n_starts=1),
    lambda x: bootstrap(PoissonMixture([0.5, 0.5], [1.0, 6.0]), x, 0, n=3),
])  # fmt: skip
def test_one_ctrl_c_ends_all_the_fits(ask, monkeypatch):
    m_step, calls = PoissonMixture.m_step, itertools.count()

    def stopping(self, expectation):
        if next(calls) == 7:
            raise KeyboardInterrupt
        return m_step(self, expectation)

    monkeypatch.setattr(PoissonMixture, "m_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        ask([0, 0, 1, 1, 2, 4, 5, 6, 7, 9])
    assert next(calls) == 8
