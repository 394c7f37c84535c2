"""One gate for data: whatever holds the same numbers gives the same answer, or a clear refusal."""

import array
import collections
import datetime

import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import xarray as xr
from numpy.lib.recfunctions import structured_to_unstructured

from emlib import (
    BinomialMixture,
    GaussianMixture,
    GaussianMixture1D,
    PoissonMixture,
    bootstrap_lrt,
    data,
    em,
    held_out,
    plotting,
    select,
)
from emlib.search import search

LINE = np.round(data.old_faithful()[:60, 1])
PLANE = np.round(data.old_faithful()[:60] * 8)


class Reader:
    """Blocks that are made when they are asked for."""

    def __init__(self, x):
        self.x = x

    def __iter__(self):
        return iter(np.array_split(self.x, 3))


def memory_mapped(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


# What may hold numbers on a line; and what may hold rows of two.
CONTAINERS = {
    "list": lambda x, _: x.tolist(),
    "tuple": lambda x, _: tuple(x.tolist()),
    "deque": lambda x, _: collections.deque(x.tolist()),
    "list of rows": lambda x, _: list(x),
    "deque of rows": lambda x, _: collections.deque(x),
    "blocks": lambda x, _: np.array_split(x, 4),
    "deque of blocks": lambda x, _: collections.deque(np.array_split(x, 4)),
    "reader": lambda x, _: Reader(x),
    "memory-mapped": memory_mapped,
    "dask": lambda x, _: da.from_array(x, chunks=(17, -1)[: x.ndim]),
    "float32": lambda x, _: x.astype(np.float32),
    "uint16": lambda x, _: x.astype(np.uint16),
    "big-endian": lambda x, _: x.astype(">f8"),
    "strided": lambda x, _: np.repeat(x, 2, axis=0)[::2],
    "column-major": lambda x, _: np.asfortranarray(x),
    "read-only": lambda x, _: np.frombuffer(x.tobytes()).reshape(x.shape),
    "masked, nothing hidden": lambda x, _: np.ma.array(x, mask=False),
    "pandas": lambda x, _: pd.DataFrame(x) if x.ndim == 2 else pd.Series(x),
    "polars": lambda x, _: pl.DataFrame(x) if x.ndim == 2 else pl.Series(x),
    "xarray": lambda x, _: xr.DataArray(x),
}
ON_A_LINE = {
    "array.array": lambda x, _: array.array("d", x),
    "memoryview": lambda x, _: memoryview(x),
}
CASES = [
    *(
        (name, make, "line")
        for name, make in (CONTAINERS | ON_A_LINE).items()
        if "rows" not in name
    ),
    *((name, make, "plane") for name, make in CONTAINERS.items()),
]


def answers(family, x):
    """Everything that a model of rows says of data."""
    start = family.start(x, 2, 0)
    fit = em.fit(start, x, tol=1e-3)
    model = fit.model
    table = select(family, x, 2, rng=0, n_starts=1, tol=1e-2)
    return [
        *(np.ravel(getattr(start, name)) for name in ("weights", "means")),
        fit.objective[[0, -1]],
        model.log_density(x), model.predict(x), model.responsibilities(x).ravel(),
        [model.log_likelihood(x), model.aic(x), model.bic(x), model.icl(x)],
        [table.rows[0].bic],
        held_out(family, x, 2, rng=0, n_folds=2, n_starts=1, tol=1e-2).log_density,
    ]  # fmt: skip


FAMILIES = {"line": (GaussianMixture1D, LINE), "plane": (GaussianMixture, PLANE)}
EXPECTED = {name: answers(*pair) for name, pair in FAMILIES.items()}


@pytest.mark.parametrize(
    ("make", "where"), [pytest.param(m, w, id=f"{name}-{w}") for name, m, w in CASES]
)
def test_the_same_numbers_give_the_same_answers(make, where, tmp_path):
    family, x = FAMILIES[where]
    for ours, expected in zip(answers(family, make(x, tmp_path)), EXPECTED[where], strict=True):
        np.testing.assert_allclose(np.ravel(ours), expected, rtol=1e-9, atol=1e-9)


MASKED = np.ma.masked_greater(np.append(LINE, 500.0), 400)
REFUSED = {
    "masked": (MASKED, "x has masked entries"),
    "iterator": (iter(LINE), "x is an iterator"),
    "generator": ((v for v in LINE), "x is an iterator"),
    "strings": (["1", "2"], "x must hold real numbers"),
    "dates": (np.array([datetime.date(2020, 1, 1)] * 3, "M8[D]"), "x must hold real numbers"),
    "complex": (LINE + 1j, "x must hold real numbers"),
    "dictionary": ({"x": LINE}, "it is a dict"),
    "sparse": (scipy.sparse.csr_array(PLANE), r"x\.toarray\(\)"),
    "structured": (np.zeros(3, [("a", "f8")]), "structured_to_unstructured"),
    "lazy frame": (pl.LazyFrame({"a": LINE}), r"x\.collect\(\)"),
    "mixed frame": (pd.DataFrame({"a": LINE, "who": "me"}), "column 'who'"),
    "dataset": (xr.Dataset({"a": ("t", LINE)}), "it is a Dataset"),
    "NaN": (np.append(LINE, np.nan), "with NaN or infinite values .row 60"),
    "nothing": ([], "x is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(
    "ask",
    [
        lambda x: GaussianMixture1D.start(x, 2, 0),
        lambda x: GaussianMixture1D.default_prior(x, 2),
        lambda x: em.fit(GaussianMixture1D([1.0], [70.0], 9.0), x),
        lambda x: GaussianMixture1D([1.0], [70.0], 9.0).log_density(x),
        lambda x: GaussianMixture1D([1.0], [70.0], 9.0).predict(x),
        lambda x: GaussianMixture1D([1.0], [70.0], 9.0).bic(x),
        lambda x: select(GaussianMixture1D, x, [1, 2], rng=0, n_starts=1),
        lambda x: search(GaussianMixture1D, x, 2, rng=0, budget=20),
        lambda x: held_out(GaussianMixture1D, x, 2, rng=0, n_folds=2),
        lambda x: bootstrap_lrt(GaussianMixture1D, x, 1, 2, rng=0, n_bootstrap=1),
    ],
    ids=[
        "start",
        "prior",
        "fit",
        "density",
        "predict",
        "bic",
        "select",
        "search",
        "held_out",
        "bootstrap",
    ],
)
def test_what_is_no_data_is_refused_with_a_remedy(name, ask):
    x, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        ask(x)


def test_figures_and_parameters_pass_the_same_gate():
    with pytest.raises(ValueError, match="masked"):
        plotting.mixture_1d(None, GaussianMixture1D([1.0], [70.0], 9.0), MASKED)
    with pytest.raises(ValueError, match="variances has masked entries"):
        GaussianMixture1D([0.5, 0.5], [0.0, 1.0], np.ma.array([1.0, 5.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="shares between 0 and 1, such as"):
        plotting.ellipses(None, GaussianMixture.start(PLANE, 2, 0), content=[95])


# --- remedies that the messages name


def test_remedies_work():
    sparse = scipy.sparse.csr_array(PLANE)
    np.testing.assert_array_equal(GaussianMixture.start(sparse.toarray(), 2, 0).means.shape, (2, 2))
    table = np.array([(1.0, 2.0), (3.0, 1.0), (5.0, 9.0)], [("a", "f8"), ("b", "f8")])
    rows = structured_to_unstructured(table)
    assert GaussianMixture.start(rows, 1, 0).means.shape == (1, 2)
    frame = pl.LazyFrame({"a": LINE, "b": LINE**2}).collect()
    assert GaussianMixture.start(frame, 1, 0).means.shape == (1, 2)
    mixed = pd.DataFrame({"a": LINE, "who": "me"}).select_dtypes("number")
    assert GaussianMixture.start(mixed, 1, 0).means.shape == (1, 1)
    columns = {"a": LINE, "b": LINE**2}
    assert GaussianMixture.start(np.column_stack(list(columns.values())), 1, 0).means.shape == (
        1,
        2,
    )
    text = np.asarray(["1", "2", "4"], dtype=float)
    assert GaussianMixture1D.start(text, 1, 0).n_components == 1
    assert GaussianMixture1D.start(MASKED.compressed(), 1, 0).n_components == 1
    assert em.fit(GaussianMixture1D([1.0], [70.0], 9.0), list(iter(LINE))).converged


# --- held out: a mistake is said, not scored


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x": list("abcdef")}, "real numbers"),
        ({"x": LINE[:, None]}, r"shape \(N,\)"),
        ({"n_components": 0}, "n_components"),
        ({"n_components": 2.0}, "n_components"),
        ({"method": "kmean"}, "method must be one of"),
        ({"prior": "defualt"}, "prior must be one of"),
        ({"family": PoissonMixture, "x": LINE + 0.5}, "whole numbers"),
        ({"tol": -1}, "tol"),
        ({"max_iter": -5}, "max_iter"),
        ({"x": np.where(np.arange(60) == 7, np.nan, LINE)}, r"NaN .*\(row 7\)"),
        ({"rng": "seed"}, "rng must be a seed"),
    ],
)
def test_held_out_swallows_no_mistake(wrong, message):
    asked = {"family": GaussianMixture1D, "x": LINE, "n_components": 2, "rng": 0, "n_folds": 2}
    with pytest.raises(ValueError, match=message):
        held_out(**(asked | {"n_starts": 1} | wrong))


@pytest.mark.parametrize("rng", [np.random.RandomState(0), np.random.SeedSequence(0)])
def test_any_source_of_chance_will_do(rng):
    assert select(PoissonMixture, LINE, 2, rng=rng, n_starts=1).rows[0].status == "converged"
    assert held_out(PoissonMixture, LINE, 2, rng=rng, n_folds=2, budget=100).log_density.all()


# --- log densities of huge counts, against 60 digits (mpmath)


@pytest.mark.parametrize(
    ("x", "rate", "exact"),
    [
        (1e6, 1.001e6, -8.326360811987),
        (1e9, 1e9, -11.280571451761),
        (1e12, 1e12, -14.734449091169),
        (1e15, 1e15, -18.18832673066),
    ],
)
def test_poisson_densities_of_huge_counts(x, rate, exact):
    assert PoissonMixture([1.0], [rate]).log_density([x])[0] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("heads", "tosses", "exact"), [(5e11, 1e12, -14.041301910609), (5e14, 1e15, -17.4951795501)]
)
def test_binomial_densities_of_huge_counts(heads, tosses, exact):
    fair = BinomialMixture([1.0], [0.5])
    assert fair.log_density([[heads, tosses]])[0] == pytest.approx(exact, abs=1e-9)
