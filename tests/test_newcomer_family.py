"""The family that the reader of chapter 7, Deeper, writes gets every generic feature for nothing.

Its class is taken out of the notebook, so that the text and this test cannot drift apart.
"""

import dataclasses
import inspect
import warnings
from itertools import islice

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from scipy.special import rel_entr
from scipy.stats import expon, kstest

import chapters
from cases import Case
from emlib import bootstrap_lrt, em, plotting, select, variants
from laws import LAWS, assert_law, assert_same_model

CHAPTER = chapters.ROOT / "notebooks" / "deeper" / "07-the-em-family.ipynb"


def cell_with(text):
    """Return the source of the one code cell of the chapter that contains the text."""
    cells = chapters.code_cells(nbformat.read(CHAPTER, as_version=4))
    (source,) = [cell.source for cell in cells if text in cell.source]
    return source


def newcomer():
    """Run the chapter's listing, with nothing before it but its imports."""
    namespace = {"np": np, "replace": dataclasses.replace, "__name__": __name__}
    exec(compile(cell_with("class ExponentialMixture"), str(CHAPTER), "exec"), namespace)
    return namespace["ExponentialMixture"]


def read_hours():
    namespace = {"np": np}
    exec(cell_with("hours = np.array").partition("print(")[0], namespace)
    return namespace["hours"]


ExponentialMixture = newcomer()
HOURS = read_hours()
START = ExponentialMixture(np.array([0.5, 0.5]), np.array([0.05, 0.005]))


def _case():
    def draw(rng):
        k = rng.integers(1, 4)
        x = rng.exponential(rng.uniform(0.5, 8, 25))
        return ExponentialMixture(rng.dirichlet(np.full(k, 5.0)), rng.uniform(0.2, 4, k)), x

    def clear(rng):
        x = rng.exponential(np.repeat([1.0, 1000.0], 30))
        return ExponentialMixture(np.array([0.4, 0.6]), np.array([0.5, 0.002])), x

    def move(rng, model, x):
        a = np.exp(rng.standard_normal())
        return dataclasses.replace(model, rates=model.rates / a), a * x, np.log(a)

    return Case("exponential", draw, clear, move)


def test_it_takes_about_thirty_lines():
    lines = cell_with("class ExponentialMixture").partition("@dataclass")[2].splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law):
    assert_law(law, _case(), 3)


def test_its_density_is_that_of_scipy():
    x = np.array([0.0, 1.0, 30.0, 600.0])
    expected = 0.5 * expon.pdf(x, scale=20) + 0.5 * expon.pdf(x, scale=200)
    np.testing.assert_allclose(np.exp(START.log_density(x)), expected, rtol=1e-13)


def test_fit_and_iterate():
    fit = em.fit(START, HOURS)
    assert fit.converged and fit.doubts == ()
    steps = [step.objective for step in islice(em.iterate(START, HOURS), fit.n_iter + 1)]
    np.testing.assert_allclose(steps, fit.objective, rtol=1e-13)
    assert np.isfinite(fit.rate)


def test_fit_best_from_its_own_starts():
    fit = em.fit_best([ExponentialMixture.start(HOURS, 2, rng=s) for s in range(3)], HOURS)
    assert len(fit.runs) == 3
    assert fit.objective[-1] == pytest.approx(-1175.6123, abs=1e-4)
    assert np.sort(1 / fit.model.rates) == pytest.approx([46.5, 128.3], abs=0.1)


def test_a_component_too_many_raises_doubts():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which of the two it is depends on the run
        fit = em.fit_best([ExponentialMixture.start(HOURS, 3, rng=0)], HOURS, tol=1e-4)
    assert fit.doubts or fit.status == "degenerate"
    rare = ExponentialMixture(np.array([1 - 1e-4, 1e-4]), np.array([0.01, 0.02]))
    assert rare.doubts(213 * rare.weights)


def test_sample_weights_and_blocks():
    w = np.random.default_rng(0).integers(0, 4, len(HOURS))
    runs = [
        em.iterate(START, HOURS, w),
        em.iterate(START, np.repeat(HOURS, w)),
        em.iterate(START, [HOURS[:50], HOURS[50:]], w),
    ]
    first, *others = (list(islice(run, 30))[-1].model for run in runs)
    for other in others:
        assert_same_model(other, first, tol=1e-11)
    assert em.fit(START, [HOURS[:50], HOURS[50:]], sample_weight=w).converged


def test_bound_and_divergence():
    q = np.random.default_rng(0).dirichlet([1, 1], len(HOURS))
    kl = rel_entr(q, START.responsibilities(HOURS)).sum()
    assert START.elbo(HOURS, q) + kl == pytest.approx(START.log_likelihood(HOURS), rel=1e-12)


def test_criteria_prediction_and_samples():
    assert START.n_parameters == 3
    assert START.aic(HOURS) < START.bic(HOURS) < START.icl(HOURS)
    np.testing.assert_array_equal(START.predict([1.0, 500.0]), [0, 1])
    x, z = START.sample(20_000, rng=0)
    for k in (0, 1):
        assert kstest(x[z == k], expon(scale=1 / START.rates[k]).cdf).pvalue > 1e-3


def test_selection():
    table = select(ExponentialMixture, HOURS, [1, 2], rng=0, n_starts=2, tol=1e-4)
    assert [row.n_components for row in table.rows] == [1, 2]
    assert table.best("aic").n_components == 2
    assert table.best("bic").n_components == 1
    fig, ax = plt.subplots()
    assert table.plot(ax).alt
    plt.close(fig)


def test_bootstrap():
    test = bootstrap_lrt(
        ExponentialMixture, HOURS, 1, 2, rng=0, n_bootstrap=9, n_starts=1, tol=0.1, max_iter=300
    )
    assert test.statistic == pytest.approx(6.3, abs=0.4)
    assert len(test.replicates) == 9


def test_every_variant():
    x, w = HOURS[:60], np.ones(60)
    steps = {
        "part way": variants.part_way(START, x, w),
        "uphill": variants.uphill(START, x, w),
        "ecm": variants.ecm(START, x, [variants.only("weights"), variants.only("rates")], w),
        "hard": variants.hard(START, x, w),
        "annealed": variants.annealed(START, x, [2.0, 1.5], w),
        "stochastic": variants.stochastic(START, x, 0, w),
        "monte carlo": variants.monte_carlo(START, x, 0, 50, w),
        "incremental": variants.incremental(START, [x[:20], x[20:]]),
    }
    assert set(steps) == {name.replace("_", " ") for name in GENERATORS}
    first = START.log_likelihood(x)
    for name, walk in steps.items():
        values = [step.objective for step in islice(walk, 6)]
        assert values[0] == pytest.approx(first, rel=1e-12), name
        assert np.isfinite(values).all(), name
        if name in ("part way", "uphill", "ecm"):
            assert (np.diff(values) > 0).all(), name


GENERATORS = [
    name
    for name, function in inspect.getmembers(variants, inspect.isfunction)
    if function.__module__ == variants.__name__
    and not name.startswith("_")
    and name not in ("between", "only", "with_q")
]


def test_plots():
    fig, (left, right) = plt.subplots(1, 2)
    fit = em.fit(START, HOURS)
    assert "falling" in plotting.climb(left, fit.objective).alt
    grid = np.linspace(0.02, 0.08, 20)
    models = [ExponentialMixture(START.weights, np.array([rate, 0.005])) for rate in grid]
    q = START.responsibilities(HOURS)
    high, low = ([f(m) for m in models] for f in (lambda m: m.log_likelihood(HOURS),
                                                  lambda m: m.elbo(HOURS, q)))  # fmt: skip
    assert (np.array(high) >= np.array(low) - 1e-9).all()
    assert "bound" in plotting.bound(right, grid, high, low, 0.05).alt
    plt.close(fig)


def test_impossible_data_are_refused():
    with pytest.raises(ValueError, match="negative"):
        em.fit(START, [1.0, -2.0])
    with pytest.raises(ValueError, match="NaN"):
        em.fit(START, [1.0, np.nan])
