"""The data sets are what their sources print."""

import hashlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import published
from emlib import data


def test_two_coins():
    x = data.two_coins()
    assert x.shape == (5, 2)
    assert x[:, 0].tolist() == published.COINS_HEADS
    assert set(x[:, 1]) == {published.COINS_TOSSES}


def test_linkage():
    assert data.linkage().tolist() == published.LINKAGE_COUNTS


def test_old_faithful():
    x = data.old_faithful()
    assert x.shape == (272, 2) and x.dtype == np.float64
    # Summary of R's `faithful`, as printed by summary(faithful).
    np.testing.assert_allclose(x.min(axis=0), [1.6, 43])
    np.testing.assert_allclose(x.max(axis=0), [5.1, 96])
    np.testing.assert_allclose(np.median(x, axis=0), [4.0, 76])
    assert [f"{m:.3f}" for m in x.mean(axis=0)] == ["3.488", "70.897"]
    digest = hashlib.sha256(np.round(1000 * x).astype("<i8").tobytes()).hexdigest()
    assert digest == FAITHFUL_DIGEST


FAITHFUL_DIGEST = "ac6dc44d1444df235a85ece269ec573de9b882de4818e1bb37668e19ef86cbac"


def test_galaxies():
    x = data.galaxies()
    assert x.shape == (82,) and x.dtype == np.float64
    assert np.round(1000 * x).astype(int).tolist() == published.GALAXIES
    assert (np.diff(x) >= 0).all()
    assert x[77] == 26.96  # and not 26.69, the misprint of R's MASS


def test_death_notices():
    deaths, days = data.death_notices()
    assert deaths.dtype.kind == days.dtype.kind == "i"
    assert deaths.tolist() == published.DEATHS_PER_DAY
    assert days.tolist() == published.DEATHS_DAYS
    assert days.sum() == 366 + 2 * 365  # 1910, 1911 and the leap year 1912


def test_blood_groups():
    assert data.blood_groups().tolist() == published.ABO_COUNTS


@pytest.mark.parametrize(
    "load",
    [
        data.two_coins,
        data.linkage,
        data.old_faithful,
        data.galaxies,
        lambda: data.death_notices()[0],
        lambda: data.death_notices()[1],
        data.blood_groups,
        data.earthquakes,
        data.stack_loss,
        lambda: data.ability_tests()[0],
        lambda: data.role_conflict()[0],
        lambda: data.role_conflict()[1],
        data.nile,
        data.air_quality,
        data.apple_crop,
        lambda: data.cholera()[0],
        lambda: data.cholera()[1],
    ],
)
def test_each_call_gives_a_new_array(load):
    load()[...] = 0
    assert (load() != 0).any()


def test_the_tables_of_r_are_whole():
    """Sums of R's stackloss, Nile and airquality, and of ability.cov, taken from R's own files."""
    assert data.stack_loss().sum(axis=0).tolist() == [1269, 443, 1812, 368]
    assert (len(data.nile()), data.nile().sum()) == (100, 91935)
    air = [4887, 27146, 1523.5, 11916, 1070, 2418]
    np.testing.assert_allclose(np.nansum(data.air_quality(), axis=0), air)
    covariance, _ = data.ability_tests()
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.diag(covariance).tolist() == [24.641, 6.7, 149.831, 12.711, 52.604, 135.292]


def test_the_page_of_data_has_each_with_its_size():
    page = (Path(__file__).parents[1] / "docs" / "datasets.md").read_text()
    sizes = dict(re.findall(r"\| `data\.(\w+)` \|.*\| (\d+) \|", page))
    loaders = {n: f for n, f in vars(data).items() if inspect.isfunction(f) and n[0] != "_"}
    ours = {n: f for n, f in loaders.items() if f.__module__ == data.__name__}
    assert {n: int(size) for n, size in sizes.items()} == {
        n: len(f()[0] if isinstance(f(), tuple) else f())
        for n, f in ours.items()
        if n != "four_clusters"
    }
    assert "`data.four_clusters`" in page


def test_four_clusters_are_unit_normals_at_two_and_minus_two():
    x, z = data.four_clusters(20_000, 0)
    assert x.shape == (80_000, 2)
    np.testing.assert_array_equal(z, np.repeat([0, 1, 2, 3], 20_000))
    for k, centre in enumerate([(-2, -2), (-2, 2), (2, -2), (2, 2)]):
        own = x[z == k]
        np.testing.assert_allclose(own.mean(axis=0), centre, atol=0.04)
        np.testing.assert_allclose(np.cov(own.T), np.eye(2), atol=0.05)


def test_four_clusters_is_reproducible_and_seed_0_is_a_seed():
    first, again, other = (data.four_clusters(5, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    np.testing.assert_array_equal(first, data.four_clusters(5, np.random.default_rng(0))[0])


def test_four_clusters_needs_points():
    with pytest.raises(ValueError, match="n_per_cluster must be at least 1, not 0"):
        data.four_clusters(0, 0)
