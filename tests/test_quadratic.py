"""The fast E-step of a Gaussian mixture, by polynomials, gives what differences give."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from emlib import GaussianMixture, em
from emlib.families import gaussian
from emlib.families._quadratic import LARGEST_TERMS
from emlib.families.covariance import COVARIANCE_TYPES
from emlib.rows import BLOCK
from laws import assert_same_expectation

kinds = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
N = 60_000  # enough for polynomials to be worth while


def clouds(d, k, kind, rng=0):
    """Return overlapping clouds that are not round, and a mixture near them."""
    rng = np.random.default_rng(rng)
    centres = 1.5 * rng.standard_normal((k, d))
    z = rng.integers(k, size=N)
    x = (centres[z] + rng.standard_normal((N, d)) @ rng.standard_normal((d, d))) * 3 + 50
    return x, GaussianMixture.start(x[:2000], k, rng=0, method="random", covariance_type=kind)


def by_differences(model, x, w=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaussian, "WORTHWHILE", np.inf)
        return model.e_step(x, w)


@pytest.fixture
def polynomials(monkeypatch):
    """Count the blocks that are worked out by polynomials."""
    taken = []
    original = GaussianMixture._expect_quadratic

    def watched(self, z, w):
        taken.append(z.shape[1])
        return original(self, z, w)

    monkeypatch.setattr(GaussianMixture, "_expect_quadratic", watched)
    return taken


@kinds
@pytest.mark.parametrize(("d", "k"), [(1, 3), (2, 4), (5, 2), (8, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_polynomials_and_differences_agree(kind, d, k, weighted, polynomials):
    x, model = clouds(d, k, kind)
    w = np.random.default_rng(1).integers(4, size=N) if weighted else None
    assert_same_expectation(model.e_step(x, w), by_differences(model, x, w), 1e-12)
    assert polynomials


@kinds
def test_where_a_component_is_fine_differences_are_used(kind, polynomials):
    x, model = clouds(2, 2, kind)
    rng = np.random.default_rng(2)
    x = np.vstack([1e-4 * rng.standard_normal((N, 2)), x])
    covariances = [1e-8 * np.eye(2), np.cov(x.T)]
    covariances = {
        "full": covariances,
        "tied": covariances[0],
        "diag": [np.diag(c) for c in covariances],
        "spherical": [c[0, 0] for c in covariances],
    }[kind]
    fine = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [50.0, 50.0]], covariances, kind)
    fine.e_step(x)
    assert not polynomials


@kinds
def test_blocks_of_both_sorts_add_up(kind, polynomials):
    x, model = clouds(2, 4, kind)
    x[0] = 1e5  # its block, and only that, is too far out
    mixed = model.e_step(x)
    assert 0 < sum(polynomials) < N
    assert_same_expectation(mixed, by_differences(model, x), 1e-9)


@kinds
def test_what_is_whitened_is_whitened_in_small_blocks(kind, polynomials, monkeypatch):
    """Blocks for polynomials are longer, and whitened data take K times their room."""
    x, model = clouds(2, 4, kind)
    x[::1000] = 1e5  # no block is near enough
    sizes = []
    original = type(model._cov).whiten

    def watched(self, x, means):
        sizes.append(x.size * len(means))
        return original(self, x, means)

    monkeypatch.setattr(type(model._cov), "whiten", watched)
    model.e_step(x)
    assert not polynomials
    assert sum(sizes) == x.size * 4
    assert max(sizes) <= BLOCK


@pytest.mark.parametrize("weights", [None, np.ones(N)], ids=["", "weighted"])
def test_a_row_is_named_by_its_place_in_the_data_whatever_the_blocks(weights):
    x, model = clouds(2, 4, "full")
    x[N - 7] = 1e150
    fine = replace(model, covariances=1e-20 * model.covariances)
    with pytest.raises(ValueError, match=rf"1 row impossible under every .*\(row {N - 7}\)"):
        fine.e_step(x, weights)


def test_the_terms_are_bounded_as_promised():
    """The sum of all terms of |y|^2, taken as positive, in the coordinates of the mixture."""
    for seed in range(20):
        x, model = clouds(3, 4, "full", seed)
        quadratic = model._quadratic
        z = quadratic.coordinates(x[:500])
        offsets = quadratic.offsets
        precisions = abs(quadratic.slopes.transpose(0, 2, 1) @ quadratic.slopes)
        linear = abs((quadratic.offsets[:, None, :] @ quadratic.slopes)[:, 0])
        terms = (
            np.einsum("in,kij,jn->kn", abs(z), precisions, abs(z))
            + 2 * linear @ abs(z)
            + (offsets**2).sum(axis=1)[:, None]
        )
        bound = (quadratic.steepness * np.sqrt((z**2).sum(axis=0)) + quadratic.offset) ** 2
        assert (terms <= bound * (1 + 1e-12)).all()
        assert quadratic.is_accurate(z) == (bound.max() <= LARGEST_TERMS)


@kinds
def test_components_that_are_the_same_stay_the_same(kind):
    """A symmetric saddle is seen as one: no rounding sets twins apart."""
    x, model = clouds(3, 2, kind)
    twins = GaussianMixture(
        [0.3, 0.3, 0.4],
        model.means[[0, 0, 1]],
        model.covariances if kind == "tied" else model.covariances[[0, 0, 1]],
        kind,
    )
    for step, _ in zip(em.iterate(twins, x), range(5), strict=False):
        assert np.array_equal(step.model.means[0], step.model.means[1])


@kinds
def test_the_log_likelihood_of_a_fit_is_that_of_its_model(kind):
    x, model = clouds(2, 3, kind)
    result = em.fit(model, x, max_iter=20)
    again = result.model.log_likelihood(x)
    assert abs(result.log_likelihood[-1] - again) <= 1e-12 * abs(again)


@kinds
@pytest.mark.parametrize("d", [3, 9])
@pytest.mark.parametrize(("kept", "piece"), [(2**7, 10**6), (2**19, 64), (2**12, 2**9)])
def test_products_in_pieces_are_the_same(kind, d, kept, piece, polynomials, monkeypatch):
    x, model = clouds(d, 2, kind)
    whole = model.e_step(x[:12_000])
    assert polynomials
    monkeypatch.setattr("emlib.families._quadratic.MANY", 0)
    monkeypatch.setattr("emlib.families._quadratic.KEPT", kept)
    monkeypatch.setattr("emlib.families._quadratic.PIECE", piece)
    assert_same_expectation(model.e_step(x[:12_000]), whole, 1e-12)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_a_component_of_weight_zero_is_absent_and_no_warning(kind):
    x = np.random.default_rng(0).standard_normal((40_000, 3))
    shapes = {"full": [np.eye(3)] * 2, "tied": np.eye(3), "diag": np.ones((2, 3))}
    model = GaussianMixture([0, 1], [[1, 1, 1], [0, 0, 0]], shapes.get(kind, np.ones(2)), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        e = model.e_step(x)
    assert e.counts.tolist() == [0, 40_000]
    alone = GaussianMixture([1.0], [[0, 0, 0]], [np.eye(3)])
    assert e.log_likelihood == pytest.approx(alone.log_likelihood(x), rel=1e-12)
