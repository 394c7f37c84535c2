"""Starting points: reproducible, blind to units, and never with an empty group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emlib import BinomialMixture, GaussianMixture, GaussianMixture1D, data, initial

methods = pytest.mark.parametrize("method", initial.METHODS)
FAMILIES = {
    "binomial": (BinomialMixture, data.two_coins()),
    "gaussian-1d": (GaussianMixture1D, data.old_faithful()[:, 1]),
    "gaussian": (GaussianMixture, data.old_faithful()),
}


@methods
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_are_distributions_and_no_group_is_empty(method, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rng.integers(6, 30), 2)).round(1)  # with ties
    k = int(rng.integers(1, min(6, len(np.unique(x, axis=0)))))
    r = initial.responsibilities(x, k, seed, method)
    assert r.shape == (len(x), k)
    np.testing.assert_allclose(r.sum(axis=1), 1, rtol=1e-12)
    assert (r.sum(axis=0) > 0).all()
    if method != "random":
        assert set(np.unique(r)) <= {0.0, 1.0}


@methods
def test_as_many_groups_as_distinct_rows(method):
    x = np.array([[0.0], [0.0], [1.0], [1.0], [5.0]])
    r = initial.responsibilities(x, 3, 0, method)
    if method != "random":
        np.testing.assert_array_equal(np.sort(r.sum(axis=0)), [1, 2, 2])


@pytest.mark.parametrize("family", FAMILIES)
@methods
def test_seeds_are_reproducible_and_0_is_a_seed_like_any_other(family, method):
    cls, x = FAMILIES[family]
    assert cls.start(x, 2, 0, method) == cls.start(x, 2, 0, method)
    assert cls.start(x, 2, 0, method) == cls.start(x, 2, np.random.default_rng(0), method)
    starts = [cls.start(x, 2, seed, "random") for seed in (0, 1)]
    assert starts[0] != starts[1]


def test_a_generator_moves_on():
    rng = np.random.default_rng(0)
    x = data.old_faithful()
    assert GaussianMixture.start(x, 2, rng, "random") != GaussianMixture.start(x, 2, rng, "random")


@pytest.mark.parametrize("method", ["kmeans", "k-means++", "random_from_data"])
def test_units_and_origin_do_not_matter(method):
    x = data.old_faithful()
    y = x * [1e-3, 1e4] + [5, -300]
    for seed in range(5):
        np.testing.assert_array_equal(
            initial.responsibilities(x, 3, seed, method),
            initial.responsibilities(y, 3, seed, method),
        )


def test_a_constant_column_does_not_matter():
    x = data.old_faithful()
    y = np.column_stack([x, np.full(len(x), 0.1)])
    np.testing.assert_array_equal(
        initial.responsibilities(x, 2, 0), initial.responsibilities(y, 2, 0)
    )


def test_k_means_finds_the_clusters_and_beats_its_seeding():
    x, z = data.four_clusters(100, 0)

    def within(method, seed):
        r = initial.responsibilities(x, 4, seed, method)
        centres = r.T @ x / r.sum(axis=0)[:, None]
        return ((x - r @ centres) ** 2).sum()

    best = min(within("kmeans", seed) for seed in range(5))
    seeding = [within("k-means++", seed) for seed in range(5)]
    by_truth = sum(((x[z == k] - x[z == k].mean(axis=0)) ** 2).sum() for k in range(4))
    assert best < by_truth < min(seeding)
    assert all(within("kmeans", s) <= seeding[s] for s in range(5))


def test_every_row_joins_the_nearest_centre():
    x = np.array([[0.0, 0], [1, 1], [10, 0], [9, 1]])
    centres = np.array([[9.0, 0], [0, 1]])
    np.testing.assert_array_equal(initial.nearest(x, centres), [1, 1, 0, 0])


def test_seeding_prefers_far_rows_by_the_square_of_their_distance():
    x = np.array([[0.0], [1.0], [3.0]])
    rng = np.random.default_rng(0)
    pairs = np.array([initial.k_means_plus_plus(x, 2, rng)[:, 0] for _ in range(6000)])
    from_zero = pairs[pairs[:, 0] == 0, 1]
    assert (from_zero != 0).all()  # a row already chosen has distance zero
    assert np.mean(from_zero == 3) == pytest.approx(9 / 10, abs=0.03)
    assert np.mean(pairs[:, 0] == 0) == pytest.approx(1 / 3, abs=0.03)


def test_random_responsibilities_are_uniform_on_the_simplex():
    r = initial.responsibilities(np.zeros((20_000, 1)), 3, 0, "random")
    np.testing.assert_allclose(r.mean(axis=0), 1 / 3, atol=0.01)
    np.testing.assert_allclose(r.var(axis=0), 1 / 18, atol=0.002)  # Dirichlet(1, 1, 1)


def test_random_from_data_takes_distinct_rows():
    x = np.repeat([[0.0], [1.0], [2.0]], [97, 1, 1], axis=0)
    for seed in range(20):
        r = initial.responsibilities(x, 3, seed, "random_from_data")
        np.testing.assert_array_equal(np.sort(r.sum(axis=0)), [1, 1, 97])


def test_a_row_that_outweighs_all_is_said_and_the_remedy_works():
    x = np.random.default_rng(0).standard_normal((50, 1))
    w = np.ones(50)
    w[7] = 1e30
    with pytest.raises(ValueError, match=r"sample_weight: .*outweigh.*\(row 7\).*Leave"):
        initial.responsibilities(x, 2, 0, sample_weight=w)
    keep = np.arange(50) != 7
    assert initial.responsibilities(x[keep], 2, 0, sample_weight=w[keep]).shape == (49, 2)
    with pytest.raises(ValueError, match="Subtract a constant"):  # weights or not
        initial.responsibilities(1e17 + 100 * x, 2, 0, sample_weight=w)
