"""One gate for data: whatever holds the same numbers gives the same answer, or a clear refusal."""

import array
import collections
import datetime
import re
from pathlib import Path

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
    DegenerateWarning,
    GaussianMixture,
    GaussianMixture1D,
    IncompleteGaussianMixture,
    PoissonMixture,
    StudentTMixture,
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
    "pandas with nullable columns": lambda x, _: (
        pd.DataFrame(x).convert_dtypes() if x.ndim == 2 else pd.Series(x).convert_dtypes()
    ),
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
    "dates": (np.array([datetime.date(2020, 1, 1)] * 3, "M8[D]"), "x must .*it holds dates"),
    "complex": (LINE + 1j, "x must hold real numbers"),
    "dictionary": ({"x": LINE}, "it is a dict"),
    "sparse": (scipy.sparse.csr_array(PLANE), r"x\.toarray\(\)"),
    "structured": (np.zeros(3, [("a", "f8"), ("b", "f8")]), "structured_to_unstructured"),
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


FEW = GaussianMixture(
    [0.5, 0.5], [[0.0] * 3, [9.0] * 3], [np.ones(3)] * 2, "diag"
)  # of three columns
REMEDIES = {  # what was given; to whom; what the message says to give instead
    "image": (np.zeros((9, 7, 3)), FEW.predict, "x.reshape(-1, 3)"),
    "large image": (np.zeros((700, 600, 3)), FEW.predict, "x.reshape(-1, 3)"),
    "grey image": (np.random.default_rng(0).random((9, 7)), "line", "np.ravel(x)"),
    "one observation": (np.zeros(3), FEW.predict, "x[None]"),
    "one observation, a list": ([0.0, 1.0, 2.0], FEW.predict, "np.asarray(x)[None]"),
    "one feature": (LINE, "plane", "x[:, None]"),
    "one feature, a list": (LINE.tolist(), "plane", "np.asarray(x)[:, None]"),
    "one feature, pandas": (pd.Series(LINE), "plane", "np.asarray(x)[:, None]"),
    "one feature, polars": (pl.Series(LINE), "plane", "np.asarray(x)[:, None]"),
    "column": (LINE[:, None], "line", "np.ravel(x)"),
    "row": (LINE[None], "line", "np.ravel(x)"),
    "plane": (PLANE, "line", "x[:, 0]"),
    "pandas plane": (pd.DataFrame(PLANE), "line", "np.asarray(x)[:, 0]"),
    "pandas column": (pd.DataFrame({"a": LINE}), "line", "np.ravel(x)"),
    "polars column": (pl.DataFrame({"a": LINE}), "line", "np.ravel(x)"),
    "sparse": (scipy.sparse.csr_array(PLANE), "plane", "x.toarray()"),
    "lazy": (pl.LazyFrame({"a": LINE, "b": LINE**2}), "plane", "x.collect()"),
    "mixed, pandas": (
        pd.DataFrame({"a": LINE, "b": LINE**2, "who": "me"}), "plane", "x[['a', 'b']]",
    ),
    "mixed, polars": (
        pl.DataFrame({"a": LINE, "who": ["me"] * 60}), "plane", "x[['a']]",
    ),
    "fields": (
        np.array([(1.0, 2.0), (3.0, 1.0), (5.0, 9.0)], [("a", "f8"), ("b", "f8")]), "plane",
        "structured_to_unstructured(x)",
    ),
    "a field": (np.array([(1.0,), (3.0,)], [("a", "f8")]), "line", "x['a']"),
    "dict": ({"a": LINE, "b": LINE**2}, "plane", "np.column_stack([*x.values()])"),
    "dict of one": ({"a": LINE}, "line", "x['a']"),
    "dataset": (
        xr.Dataset({"a": ("t", LINE), "b": ("t", LINE**2)}), "plane", "x.to_dataarray().values.T",
    ),
    "dataset of one": (xr.Dataset({"a": ("t", LINE)}), "line", "x['a']"),
    "text": (["1", "2", "4"], "line", "np.asarray(x, dtype=float)"),
    "complex": (LINE + 1j * LINE**2, "plane", "np.column_stack([np.real(x), np.imag(x)])"),
    "masked": (MASKED, "line", "x.compressed()"),
    "iterator": (iter(LINE), lambda x: em.fit(GaussianMixture1D([1.0], [70.0], 9.0), x), "list(x)"),
    **{
        f"dates, {name}": (dates, "line", "np.asarray(x, dtype='M8[s]').astype(float) / 86400")
        for name, dates in {
            "numpy": np.array(["2020-01-01", "2020-02-01"], "M8[D]"),
            "list": [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)],
            "pandas": pd.Series(pd.to_datetime(["2020-01-01", "2020-02-01"])),
            "polars": pl.Series([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]),
        }.items()
    },
    "times": (
        np.array([1, 5], "m8[h]"), "line", "np.asarray(x, dtype='m8[s]').astype(float)",
    ),
}  # fmt: skip
STARTS = {
    "line": lambda x: GaussianMixture1D.start(x, 1, 0),
    "plane": lambda x: GaussianMixture.start(x, 1, 0, covariance_type="diag"),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_remedies_work(name):
    x, ask, remedy = REMEDIES[name]
    ask = STARTS.get(ask, ask)
    with pytest.raises(ValueError, match=re.escape(remedy)) as error:
        ask(x)
    shape = getattr(x, "shape", None)
    if "must have shape" in str(error.value) and shape is not None:
        assert f"not {shape}" in str(error.value)  # of the whole, not of a block
    names = {"x": x, "np": np, "structured_to_unstructured": structured_to_unstructured}
    assert ask(eval(remedy, names)) is not None


def test_the_page_of_inputs_lists_what_is_run_here():
    page = (Path(__file__).resolve().parents[1] / "docs" / "inputs.md").read_text("utf-8")
    taken, refused = page.split("## Refused")
    rows = re.findall(r"^\| (?!what|-)(.*?) \|", taken, re.M)
    named = [name for row in rows for name in (row,) if name in CONTAINERS]
    named += [name for row in rows for name in row.split(", ") if row not in CONTAINERS]
    assert sorted(named) == sorted(CONTAINERS | ON_A_LINE)
    given = re.findall(r"`(\S.*?)`", refused.replace("`numpy.lib.recfunctions`", ""))
    assert set(given) == {remedy for _, _, remedy in REMEDIES.values()}


def test_the_remedy_for_rounded_weights_works():
    weights = np.array([0.3, 0.3, 0.4], np.float32) / np.float32(1.0000002)
    with pytest.raises(
        ValueError, match=r"w / w\.sum\(\) with w = np\.asarray\(weights, dtype=float\)"
    ):
        GaussianMixture1D(weights, [0.0, 1.0, 2.0], 1.0)
    w = np.asarray(weights, dtype=float)
    assert GaussianMixture1D(w / w.sum(), [0.0, 1.0, 2.0], 1.0).n_components == 3


TIGHT = np.repeat([[0.0, 0.0, 1.0], [3.0, 1.0, 2.0], [5.0, 4.0, 0.0]], 4, axis=0)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_no_simpler_kind_is_advised_where_there_is_none(kind, columns):
    """Groups that are single points: every word in quotes of the message is tried."""
    x = TIGHT[:, :columns]
    with pytest.raises(ValueError, match="no spread of its own") as error:
        GaussianMixture.start(x, 3, 0, covariance_type=kind)
    advised = re.findall(r'(\w+)="(\w+)"', str(error.value))
    assert ("covariance_type" in dict(advised)) == (kind in ("full", "tied") and columns > 1)
    assert dict(advised)["prior"] == "default"
    start = GaussianMixture.start(x, 3, 0, covariance_type=kind, prior="default")
    assert em.fit(start, x, max_iter=5).model.n_components == 3


@pytest.mark.parametrize("family", [StudentTMixture, IncompleteGaussianMixture])
def test_no_kind_is_advised_to_a_family_without(family):
    with pytest.raises(ValueError, match="no spread of its own") as error:
        family.start(TIGHT, 3, 0)
    assert "covariance_type" not in str(error.value)
    assert family.start(TIGHT, 3, 0, prior="default").n_components == 3


@pytest.mark.parametrize(
    ("start", "x"),
    [
        (IncompleteGaussianMixture([0.5, 0.5], [[0, 0], [5, 5]], [np.eye(2)] * 2), TIGHT[:8, :2]),
        (GaussianMixture1D([0.5, 0.5], [0.0, 5.0], 1.0, common_variance=True), [0, 0, 5, 5]),
    ],
)
def test_after_a_collapse_no_kind_is_advised_that_cannot_be_chosen(start, x):
    with pytest.warns(DegenerateWarning, match=r"collapsed .* Start elsewhere or use a prior"):
        em.fit(start, x)


def test_columns_may_have_one_name():
    x = pd.DataFrame(PLANE).convert_dtypes()
    x.columns = ["a", "a"]
    assert GaussianMixture.start(x, 2, 0) == GaussianMixture.start(PLANE, 2, 0)


def test_missing_numbers_of_pandas_are_holes():
    x = pd.DataFrame({"a": pd.array([1, 2, None, 4], dtype="Int64"), "b": [1.0, 2.0, 3.0, 5.0]})
    model = IncompleteGaussianMixture.start(x, 1, 0)
    assert model.means[0] == pytest.approx([7 / 3, 11 / 4])


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
