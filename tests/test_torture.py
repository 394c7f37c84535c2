"""Inputs that break mixture software: each ends in the correct fit, or says what is wrong.

The correct fit is that of the same problem in better units, nearer the origin, or without the
rows that do not count. Warnings are errors in this suite, so NumPy's may not leak either.
"""

import functools
import re
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer

from emlib import (
    BinomialMixture,
    DegenerateWarning,
    GaussianMixture,
    GaussianMixture1D,
    IncompleteGaussianMixture,
    MixturePrior,
    NormalInverseWishart,
    SpuriousWarning,
    StudentTMixture,
    data,
    em,
    initial,
)
from emlib.convergence import EPS
from emlib.families.covariance import COVARIANCE_TYPES
from emlib.families.poisson import PoissonMixture

kinds = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
matrix_kinds = pytest.mark.parametrize("kind", ["full", "tied"])
free_kinds = pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
priors = pytest.mark.parametrize("prior", [None, "default"])
commons = pytest.mark.parametrize("common", [False, True])
methods = pytest.mark.parametrize("method", initial.METHODS)

# Multiples of 1/1024, so that adding 1e8 is exact.
X = np.round(data.four_clusters(50, 0)[0] * 2**10) / 2**10
LINE = np.round(data.old_faithful()[:, 1] * 2**10) / 2**10
N, D, K = 200, 2, 4


def start_of(x, kind, prior=None, k=K, method="kmeans"):
    return GaussianMixture.start(x, k, 0, method, covariance_type=kind, prior=prior)


def fit_of(x, kind, prior=None, k=K):
    return em.fit(start_of(x, kind, prior, k), x, tol=1e-9)


@functools.cache
def ordinary(kind, prior=None):
    """The fit of the data as they are."""
    fit = fit_of(X, kind, prior)
    assert fit.converged and not fit.doubts
    return fit


def fit_line(x, common=False, prior=None, k=2):
    return em.fit(GaussianMixture1D.start(x, k, 0, common_variance=common, prior=prior), x)


def mapped(model, matrix, offset=0.0):
    """The model of matrix @ x + offset, for "spherical" of a multiple of a rotation."""
    if model.covariance_type == "diag":
        covariances = model.covariances * np.diag(matrix) ** 2
    elif model.covariance_type == "spherical":
        covariances = model.covariances * np.linalg.det(matrix) ** (2 / len(matrix))
    else:
        covariances = matrix @ model.covariances @ matrix.T
    means = model.means @ matrix.T + offset
    return GaussianMixture(model.weights, means, covariances, model.covariance_type)


def assert_same(model, wanted, tol=1e-5):
    """Compare parameters, each difference beside the spread of what is wanted."""
    np.testing.assert_allclose(model.weights, wanted.weights, atol=tol)
    names = ("means", "variances") if hasattr(wanted, "variances") else ("means", "covariances")
    for name in names:
        there, here = getattr(model, name), getattr(wanted, name)
        assert np.isfinite(there).all()
        np.testing.assert_allclose(there, here, rtol=tol, atol=0, err_msg=name)


def assert_follows(fit, here, matrix, offset=0.0, rows=N, tol=1e-5):
    """Map the fit back and compare it with the well-scaled one, parameters and objective."""
    assert fit.status == "converged" and fit.doubts == here.doubts
    model, inverse = fit.model, np.linalg.inv(matrix)
    back = mapped(model, inverse, -inverse @ np.broadcast_to(offset, len(matrix)))
    np.testing.assert_allclose(back.weights, here.model.weights, atol=tol)
    np.testing.assert_allclose(back.means, here.model.means, atol=tol)
    np.testing.assert_allclose(back.covariances, here.model.covariances, atol=tol)
    log_det = np.linalg.slogdet(matrix)[1]
    shift = rows * log_det
    if model.prior is not None:  # the density of parameters, in the units of each
        d, k = len(matrix), model.n_components
        of_covariances = {"full": k * (d + 1), "tied": d + 1, "diag": 2 * k, "spherical": 2 * k / d}
        shift += (k + of_covariances[model.covariance_type]) * log_det
    assert fit.objective[-1] == pytest.approx(here.objective[-1] - shift, abs=2e-6)


def assert_degenerate(start, x, message, **options):
    """The fit says what happened, and keeps the last sound model, whose history is true."""
    with pytest.warns(DegenerateWarning, match=message):
        fit = em.fit(start, x, **options)
    assert fit.status == "degenerate" and not fit.converged
    assert np.isfinite(fit.objective).all()
    if not options:
        wanted = pytest.approx(fit.model.log_likelihood(x), rel=1e-9)
        assert fit.log_likelihood[-1] == wanted
    return fit


def peer_of(start, x, n_steps):
    """scikit-learn's iterate from the same start, without its floor under variances."""
    inverse = np.linalg.inv if start.covariance_type in ("full", "tied") else np.reciprocal
    peer = Peer(
        start.n_components,
        covariance_type=start.covariance_type,
        tol=0,
        reg_covar=0,
        max_iter=n_steps,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=inverse(start.covariances),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it does as many steps as we say
        return peer.fit(x)


def assert_as_peer(fit, x, start, tol=1e-6):
    peer = peer_of(start, x, fit.n_iter)
    np.testing.assert_allclose(fit.model.weights, peer.weights_, atol=tol)
    np.testing.assert_allclose(fit.model.means, peer.means_, atol=tol)
    np.testing.assert_allclose(fit.model.covariances, peer.covariances_, atol=tol)
    assert fit.objective[-1] == pytest.approx(peer.score_samples(x).sum(), abs=1e-6)


def stored(x, tmp_path, dtype=np.float64):
    """The same numbers in a file."""
    path = tmp_path / "x.npy"
    np.save(path, np.asarray(x, dtype=dtype))
    return np.load(path, mmap_mode="r")


# --- far from the origin


@kinds
@priors
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_data_far_from_the_origin(kind, prior, offset):
    assert_follows(fit_of(X + offset, kind, prior), ordinary(kind, prior), np.eye(D), offset)


@kinds
def test_data_far_from_the_origin_in_blocks_and_on_disk(kind, tmp_path):
    far = X + 1e8
    start = start_of(far, kind)
    parts = [far[:3], far[3:150], far[150:]]
    for x in (parts, stored(far, tmp_path)):
        assert_follows(em.fit(start, x, tol=1e-9), ordinary(kind), np.eye(D), 1e8)


@commons
@priors
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_line_far_from_the_origin(common, prior, offset):
    here, there = (fit_line(x, common, prior) for x in (LINE, LINE + offset))
    assert there.converged
    assert there.objective[-1] == pytest.approx(here.objective[-1], abs=1e-6)
    np.testing.assert_allclose(there.model.means - offset, here.model.means, atol=1e-5)
    np.testing.assert_allclose(there.model.variances, here.model.variances, atol=1e-5)


@kinds
def test_an_offset_that_swallows_the_data_is_refused(kind):
    """At 1e14 the numbers are multiples of 1/64, and so would be the means."""
    x = X + [0, 1e14]
    with pytest.raises(ValueError, match=r"x: column 1 varies only .*rounding .* Subtract"):
        start_of(x, kind)
    with pytest.raises(ValueError, match=r"x varies only from .*Subtract a constant first"):
        GaussianMixture1D.start(x[:, 1], 2, 0)


# --- types of numbers


@kinds
@priors
def test_float32_with_an_offset(kind, prior):
    x32 = (X + 1000).astype(np.float32)
    exact = x32.astype(np.float64) - 1000
    assert_follows(fit_of(x32, kind, prior), fit_of(exact, kind, prior), np.eye(D), 1000)


COUNTS = np.column_stack([20 * data.old_faithful()[:, 0], LINE]).round()  # 32 to 102, 43 to 96
INTEGERS = [np.int8, np.uint8, np.int16, np.int64, np.uint64, ">i2"]  # squares overflow in some
METHODS = ["log_likelihood", "predict", "bic", "aic", "icl", "responsibilities", "log_density"]


def families_and_counts():
    coins = np.column_stack([COUNTS[:, 1], np.full(len(COUNTS), 110.0)])
    yield "binomial", BinomialMixture, {}, coins
    yield "poisson", PoissonMixture, {}, COUNTS[:, 0].copy()
    yield "gaussian-1d", GaussianMixture1D, {}, COUNTS[:, 0].copy()
    for kind in COVARIANCE_TYPES:
        yield kind, GaussianMixture, {"covariance_type": kind}, COUNTS


families = pytest.mark.parametrize(
    ("family", "options", "x"),
    [pytest.param(*row, id=name) for name, *row in families_and_counts()],
)


@families
def test_integers_are_numbers_like_any_other(family, options, x):
    model = family.start(x, 2, 0, **options)
    exact = model.e_step(x)
    for dtype in INTEGERS:
        y = x.astype(dtype)
        assert family.start(y, 2, 0, **options) == model
        expectation = model.e_step(y)
        assert expectation.log_likelihood == exact.log_likelihood
        for a, b in zip(expectation.statistics, exact.statistics, strict=True):
            np.testing.assert_array_equal(a, b)
        for name in METHODS:
            np.testing.assert_array_equal(getattr(model, name)(y), getattr(model, name)(x))


# --- units and axes


@kinds
@priors
@pytest.mark.parametrize("scale", [1e-4, 1e-10, 1e10, 1e-145, 1e145])
def test_units(kind, prior, scale):
    here, there = start_of(X, kind, prior), start_of(scale * X, kind, prior)
    assert_same(there, mapped(here, scale * np.eye(D)), tol=1e-9)
    fit = em.fit(there, scale * X, tol=1e-9)
    assert_follows(fit, ordinary(kind, prior), scale * np.eye(D))


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
@priors
@pytest.mark.parametrize("scales", [(1e-10, 1e10), (1e-100, 1e100)], ids=str)
@methods
def test_units_of_each_column(kind, prior, scales, method):
    matrix = np.diag(scales)
    here, there = (start_of(x, kind, prior, method=method) for x in (X, X * scales))
    assert_same(there, mapped(here, matrix), tol=1e-9)
    if method == "kmeans":
        assert_follows(em.fit(there, X * scales, tol=1e-9), ordinary(kind, prior), matrix)


@commons
@priors
@pytest.mark.parametrize("scale", [1e-4, 1e-10, 1e10, 1e-145, 1e145])
def test_units_on_the_line(common, prior, scale):
    here, there = (fit_line(x, common, prior) for x in (LINE, scale * LINE))
    assert there.converged and there.n_iter == here.n_iter
    np.testing.assert_allclose(there.model.means / scale, here.model.means, rtol=1e-8)
    np.testing.assert_allclose(there.model.variances / scale**2, here.model.variances, rtol=1e-8)
    n = len(LINE) + (0 if prior is None else 2 + (2 if common else 4))
    assert there.objective[-1] == pytest.approx(here.objective[-1] - n * np.log(scale), abs=1e-6)


@pytest.mark.parametrize("kind", ["full", "tied", "spherical"])
@priors
@pytest.mark.parametrize("seed", [0, 1])
def test_random_rotations(kind, prior, seed):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    axes[0] *= np.linalg.det(axes)  # no reflection, for `mapped`
    x = rng.standard_normal((90, 5)) * [3, 1, 1, 0.5, 0.1] + 6 * rng.integers(0, 2, (90, 1))
    y = 1e3 * x @ axes.T
    # Random responsibilities do not see the data: such a start turns with them.
    here, there = (start_of(rows, kind, prior, 2, "random") for rows in (x, y))
    assert_same(mapped(there, axes.T / 1e3), here, tol=1e-9)
    here, there = (start_of(rows, kind, prior, 2) for rows in (x, y))  # groups may differ
    turned = replace(mapped(here, 1e3 * axes), prior=there.prior)
    first, second = em.fit(here, x, tol=1e-9), em.fit(turned, y, tol=1e-9)
    assert_follows(second, first, 1e3 * axes, rows=90)
    assert em.fit(there, y).objective[-1] == pytest.approx(second.objective[-1], abs=2e-6)


# --- points that coincide, columns that say nothing


SPOT = np.full(2, 30.0)
SPOTTED = np.vstack([np.random.default_rng(0).standard_normal((100, 2)), np.tile(SPOT, (50, 1))])


@free_kinds
def test_identical_points_make_a_component_collapse(kind):
    fit = assert_degenerate(
        start_of(SPOTTED, kind, k=2), SPOTTED, r"component \d has collapsed .*x = \[30\. 30\.\]"
    )
    assert fit.message.endswith("a prior (chapter 5).")
    assert ("covariance_type" in fit.message) == (kind != "spherical")


def test_identical_points_are_fine_for_a_common_covariance():
    start = start_of(SPOTTED, "tied", k=2)
    fit = em.fit(start, SPOTTED)
    within = np.cov(SPOTTED[:100].T, bias=True) * 100 / 150
    assert fit.converged
    np.testing.assert_allclose(fit.model.covariances, within, rtol=1e-9)


@kinds
def test_identical_points_under_a_prior(kind):
    """The component of the spot has the mode of its posterior, which is known in closed form."""
    fit = fit_of(SPOTTED, kind, "default", k=2)
    assert fit.converged
    spot = int(fit.model.means[:, 0].argmax())
    prior = fit.model.prior.components
    kappa, nu, n = prior.mean_precision, prior.degrees_of_freedom, 50
    mean = (kappa * prior.mean + n * SPOT) / (kappa + n)
    np.testing.assert_allclose(fit.model.means[spot], mean, rtol=1e-9)
    apart = SPOT - prior.mean
    pulled = kappa * n / (kappa + n) * np.outer(apart, apart)
    if kind == "full":
        wanted = (prior.scale + pulled) / (nu + n + D + 2)
        np.testing.assert_allclose(fit.model.covariances[spot], wanted, rtol=1e-6)
    elif kind == "diag":
        wanted = (prior.scale + np.diag(pulled)) / (nu + n + 3)
        np.testing.assert_allclose(fit.model.covariances[spot], wanted, rtol=1e-6)
    elif kind == "spherical":
        wanted = (prior.scale + pulled.trace()) / (nu + n * D + D + 2)
        assert fit.model.covariances[spot] == pytest.approx(wanted, rel=1e-6)
    else:
        first, rest = SPOTTED[:100].mean(axis=0), 100
        other = kappa * rest / (kappa + rest) * np.outer(first - prior.mean, first - prior.mean)
        squares = prior.scale + pulled + other + rest * np.cov(SPOTTED[:100].T, bias=True)
        wanted = squares / (nu + N - 50 + D + 1 + 2)
        np.testing.assert_allclose(fit.model.covariances, wanted, rtol=1e-6)


@commons
def test_identical_points_on_the_line(common):
    x = SPOTTED[:, 0]
    start = GaussianMixture1D.start(x, 2, 0, common_variance=common)
    if common:
        fit = em.fit(start, x)
        assert fit.converged
        np.testing.assert_allclose(fit.model.variances, x[:100].var() * 100 / 150, rtol=1e-9)
    else:
        assert_degenerate(start, x, r"component \d has collapsed onto a point near x = 30")
    assert fit_line(x, common, "default").converged


@pytest.mark.parametrize("value", [3.0, 0.0, 0.1, 1e8 + 0.1])
@priors
def test_a_constant_column(value, prior):
    x = np.column_stack([X, np.full(N, value)])
    for kind in ("full", "tied", "diag"):
        with pytest.raises(ValueError, match=r"x: column 2 is constant\. Leave it out"):
            start_of(x, kind, prior)
    near = x * [1, 1, 0]
    here = fit_of(near, "spherical", prior)
    assert_follows(fit_of(x, "spherical", prior), here, np.eye(3), [0, 0, value])
    if prior is None:
        assert_as_peer(here, near, start_of(near, "spherical"))


@kinds
@priors
def test_nothing_but_one_point(kind, prior):
    for x in (np.full((9, 3), 0.1), [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="all rows of x are equal: there is no covariance"):
            start_of(np.asarray(x), kind, prior, k=1)
    with pytest.raises(ValueError, match=r"n_components is 2, but x has only 1 rows. Use fewer"):
        start_of(np.ones((1, 2)), kind, prior, k=2)
    for x in (np.full(9, 0.1), [7.0]):
        with pytest.raises(ValueError, match="all values of x are equal"):
            GaussianMixture1D.start(x, 1, 0, prior=prior)


def near_plane(gap):
    """Data whose last column follows the first but for `gap`, and the map from a good one."""
    rest = np.random.default_rng(5).standard_normal(N)
    matrix = np.eye(3)
    matrix[2, 0], matrix[2, 2] = 1, gap
    return np.column_stack([X, rest]), np.column_stack([X, X[:, 0] + gap * rest]), matrix


@pytest.mark.parametrize("family", [GaussianMixture, StudentTMixture, IncompleteGaussianMixture])
@pytest.mark.parametrize("k", [1, 2])
def test_fewer_components_than_one_are_not_advised(family, k):
    with pytest.raises(ValueError, match="no spread of its own") as caught:
        family.start([[1.0, 2], [2, 4], [3, 6], [4, 8]], k, rng=0)
    assert ("fewer components" in str(caught.value)) == (k > 1)


@pytest.mark.parametrize("gap", [1e-8, 1e-9, 0.0])
def test_collinear_columns(gap):
    _, x, _ = near_plane(gap)
    for kind in ("full", "tied"):
        with pytest.raises(ValueError, match=r"column 2 has no spread of its own.*leave out dep"):
            start_of(x, kind)
        assert fit_of(x, kind, "default").converged
    for kind in ("diag", "spherical"):  # for which no matrix has to be inverted
        start = start_of(x, kind)
        assert_as_peer(em.fit(start, x, tol=1e-9), x, start)


@matrix_kinds
@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-6, 2e-7])
def test_nearly_collinear_columns(kind, gap):
    """The fit is that of the well-conditioned problem, and the objective never falls."""
    good, x, matrix = near_plane(gap)
    start = GaussianMixture.start(good, K, 1, covariance_type=kind)
    here = em.fit(start, good)
    there = em.fit(mapped(start, matrix), x)
    assert there.converged
    # Rounding of the data is of the order of 1e-16 / gap, of the start its square.
    tol = 1e-6 + 1e-12 / gap
    assert there.objective[-1] == pytest.approx(here.objective[-1] - N * np.log(gap), abs=tol)
    np.testing.assert_allclose(there.model.weights, here.model.weights, atol=1e-4)
    np.testing.assert_allclose(there.model.means[:, :2], here.model.means[:, :2], atol=1e-3)


# --- too few rows


def test_fewer_rows_than_dimensions():
    x = np.random.default_rng(0).standard_normal((5, 8))
    for k in (1, 2):
        for kind in ("full", "tied"):
            with pytest.raises(ValueError, match=r"x \(5 rows, 8 columns\).* no spread .* rows"):
                start_of(x, kind, k=k)
    for kind, variances in (("diag", [x.var(axis=0)]), ("spherical", [x.var(axis=0).mean()])):
        fit = fit_of(x, kind, k=1)
        assert fit.converged
        assert "rests on hardly any data: its expected count is 5." in fit.doubts[0]
        np.testing.assert_allclose(fit.model.covariances, variances, rtol=1e-12)


@kinds
@pytest.mark.parametrize("shape", [(30, 50), (50, 50), (20, 200)])
def test_more_columns_than_rows_under_the_default_prior(kind, shape):
    """The groups are found, whatever the units of the columns, and in new rows as well."""
    rng = np.random.default_rng(1)
    means = rng.standard_normal((2, shape[1]))
    z, new_z = rng.integers(2, size=shape[0]), rng.integers(2, size=500)
    x, new = (
        means[z] + rng.standard_normal(shape),
        means[new_z] + rng.standard_normal((500, shape[1])),
    )

    def best(x):
        how = {"covariance_type": kind, "prior": "default"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            fit = em.fit_best((GaussianMixture.start(x, 2, s, **how) for s in range(8)), x)
        return replace(fit, model=fit.model.sorted("means"))

    fit = best(x)
    assert fit.converged and not fit.doubts
    labels = fit.model.predict(x)
    assert (labels == (z if labels[0] == z[0] else 1 - z)).all()
    right = (fit.model.predict(new) == (new_z if labels[0] == z[0] else 1 - new_z)).mean()
    assert right > 0.95
    truth = GaussianMixture([0.5, 0.5], means, [1.0, 1.0], "spherical").log_likelihood(new)
    assert fit.model.log_likelihood(new) > truth - 500 * 25
    if kind != "spherical":
        units = np.exp(rng.standard_normal(shape[1]))
        moved = best(x * units)
        np.testing.assert_allclose(moved.model.means, fit.model.means * units, rtol=1e-8)
        np.testing.assert_allclose(
            moved.model.covariance_matrices,
            fit.model.covariance_matrices * np.outer(units, units), rtol=1e-6, atol=1e-9,
        )  # fmt: skip


def test_the_default_prior_of_a_singular_table_has_its_mode_at_the_variances():
    x = np.random.default_rng(0).standard_normal((5, 8))
    prior = GaussianMixture.default_prior(x, 1).components
    np.testing.assert_allclose(prior.scale, 20 * np.diag(x.var(axis=0)), rtol=1e-12)
    fit = em.fit(start_of(x, "full", "default", 1), x)  # the mode, in closed form
    squares = prior.scale + (x - x.mean(axis=0)).T @ (x - x.mean(axis=0))
    np.testing.assert_allclose(fit.model.covariances[0], squares / 25, rtol=1e-9, atol=1e-12)
    for value in (0.0, 1e9, 0.1):
        with pytest.raises(ValueError, match=r"column 1 is constant\. Leave it out"):
            GaussianMixture.default_prior(np.insert(x, 1, value, axis=1), 2)


@matrix_kinds
def test_a_proper_prior_makes_up_for_missing_rows(kind):
    x = np.random.default_rng(0).standard_normal((5, 8))
    prior = MixturePrior(NormalInverseWishart(np.zeros(8), 1.0, 10.0, np.eye(8)))
    fit = em.fit(GaussianMixture.start(x, 1, 0, covariance_type=kind, prior=prior), x)
    mean = x.mean(axis=0)
    squares = np.eye(8) + (x - mean).T @ (x - mean) + 5 / 6 * np.outer(mean, mean)
    np.testing.assert_allclose(fit.model.means[0], mean * 5 / 6, rtol=1e-9)
    covariance = fit.model.covariance_matrices[0]
    np.testing.assert_allclose(covariance, squares / (10 + 5 + 8 + 2), rtol=1e-9, atol=1e-12)


@families
@methods
def test_more_components_than_points(family, options, x, method):
    with pytest.raises(ValueError, match=r"n_components is 4, but x has only 3 rows. Use fewer"):
        family.start(x[:3], 4, 0, method, **options)


@families
@pytest.mark.parametrize("method", ["kmeans", "k-means++", "random_from_data"])
def test_more_components_than_distinct_points(family, options, x, method):
    y = np.repeat(x[[0, 1, 6]], 5, axis=0)
    with pytest.raises(ValueError, match=r"x has only 3 distinct rows for 4 components. Use fewer"):
        family.start(y, 4, 0, method, **options)


@kinds
def test_rows_that_differ_by_rounding_alone_are_not_distinct(kind):
    x = np.array([[0.0, 0], [1e-200, 0], [0, 1e-250], [5, -5], [-5, 5]])
    with pytest.raises(ValueError, match="only 3 distinct rows for 4 components"):
        start_of(x, kind)
    with pytest.raises(ValueError, match="only 3 distinct rows for 4 components"):
        GaussianMixture1D.start(x[1:, 0], 4, 0)


@kinds
def test_as_many_components_as_distinct_points(kind):
    x = np.repeat(X[[0, 60, 110, 170]], 20, axis=0)
    with pytest.raises(
        ValueError, match=r"within the starting groups .* no spread of its own. Use"
    ):
        start_of(x, kind)
    with pytest.raises(ValueError, match="no spread is left within the 4 starting groups"):
        GaussianMixture1D.start(x[:, 0], 4, 0)
    fit = em.fit(start_of(x, kind, "default"), x, max_iter=50)
    assert fit.model.log_prior() + fit.model.log_likelihood(x) == pytest.approx(fit.objective[-1])
    if kind != "tied":  # four equal weights on the four points
        assert fit.converged
        np.testing.assert_allclose(fit.model.weights, 0.25, atol=0.01)


# --- what is no number


BAD = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
calls = pytest.mark.parametrize(
    "call", ["e_step", "log_likelihood", "predict", "bic", "responsibilities", "fit", "start"]
)


def called(call, model, x):
    if call == "fit":
        return em.fit(model, x)
    if call == "start":
        options = {} if isinstance(model, GaussianMixture1D) else {
            "covariance_type": model.covariance_type
        }  # fmt: skip
        return type(model).start(x, 2, 0, **options)
    return getattr(model, call)(x)


@functools.cache
def two_components(kind):
    return start_of(X, kind, k=2)


@kinds
@calls
@pytest.mark.parametrize("bad", BAD)
def test_nan_and_infinities(kind, call, bad):
    x = X.copy()
    x[[3, 150], [0, 1]] = BAD[bad]
    with pytest.raises(ValueError, match=r"x: 2 rows with NaN or infinite values \(rows 3, 150\)"):
        called(call, two_components(kind), x)
    with pytest.raises(ValueError, match=r"x: 1 row with NaN or infinite values \(row 3\)"):
        called(call, GaussianMixture1D([0.5, 0.5], [-1, 1], 1.0), x[:, 0])


@calls
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.astype(object), "x must hold real numbers, but its type is object. Convert it"),
        (X.astype(str), "x must hold real numbers, but its type is <U"),
        (X + 0j, "x must hold real numbers, but they are complex"),
        ([[1.0, None], [2.0, 3.0]], "x must hold real numbers"),
        ([[1.0, 2.0], [3.0]], "x is not an array of numbers"),
        (np.empty((0, 2)), r"x is empty \(its shape is \(0, 2\)\); at least one row"),
        ([], r"x must have shape \(N, D\), not \(0,\)"),
        (3.0, r"x must have shape \(N, D\), not \(\)"),
        (np.ma.masked_greater(X, 3).tolist(), "x must hold real numbers"),
    ],
    ids=["object", "text", "complex", "None", "ragged", "empty", "nothing", "number", "masked"],
)
def test_what_is_no_array_of_numbers(call, x, message):
    with pytest.raises(ValueError, match=message):
        called(call, two_components("full"), x)


def test_masked_entries_are_not_read_as_numbers():
    x = np.ma.masked_greater(X, 3)
    for call in (lambda: start_of(x, "full"), lambda: two_components("full").responsibilities(x)):
        with pytest.raises(ValueError, match=r"x has masked entries. Remove or impute"):
            call()
    assert start_of(np.ma.masked_greater(X, 99), "full") == start_of(X, "full")


def test_a_long_double_beyond_float64():
    x = np.array([[1, 2], [3, np.longdouble("1e400")]], dtype=np.longdouble)
    if not np.isfinite(x).all():
        pytest.skip("long double is double here")
    with pytest.raises(ValueError, match=r"x: 1 row with NaN or infinite values \(row 1\)"):
        two_components("full").e_step(x)


def test_bad_rows_of_blocks_and_files_are_named(tmp_path):
    x = np.tile(X, (400, 1))
    x[70_123, 1] = np.nan
    model = two_components("diag")
    for call in ("fit", "predict", "bic"):
        with pytest.raises(ValueError, match=r"\(row 70123\)"):
            called(call, model, stored(x, tmp_path))
    with pytest.raises(ValueError, match=r"\(row 123\)") as caught:
        em.fit(model, [x[:70_000], x[70_000:]])
    assert "block 1 of x" in caught.value.__notes__[0]


@kinds
def test_one_row_has_a_density_and_a_component(kind):
    model = ordinary(kind).model
    one = X[7:8]
    assert model.log_likelihood(one) == pytest.approx(model.log_density(X)[7], rel=1e-14)
    assert model.predict(one) == model.predict(X)[7]
    assert model.e_step(one).counts.sum() == pytest.approx(1, abs=1e-14)


# --- outliers


def with_outlier(value, x=X):
    return np.concatenate([x, np.full((1, *x.shape[1:]), value)])


@free_kinds
def test_an_outlier_takes_a_component_to_itself_and_it_collapses(kind):
    x = with_outlier(1e6)
    assert_degenerate(
        start_of(x, kind), x, r"component \d has collapsed .*x = \[1000000\. 1000000\.\]"
    )


def test_an_outlier_is_a_component_of_its_own_under_a_common_covariance():
    """So it hardly matters how far away it is."""
    fits = []
    for value in (1e3, 1e6):
        x = with_outlier(value)
        far = ordinary("tied").model
        start = GaussianMixture(
            [*(0.9 * far.weights), 0.1], [*far.means, [value] * 2], far.covariances, "tied"
        )
        fits.append(em.fit(start, x))
        assert fits[-1].converged
        assert fits[-1].doubts == (
            "component 4 rests on hardly any data: its expected count is 1.",
        )
    near, far = fits
    assert far.objective[-1] == pytest.approx(near.objective[-1], abs=2e-6)
    np.testing.assert_allclose(far.model.covariances, near.model.covariances, atol=1e-4)
    np.testing.assert_allclose(far.model.means[:4], near.model.means[:4], atol=1e-3)
    np.testing.assert_array_equal(far.model.means[4], 1e6)


@kinds
@pytest.mark.parametrize("value", [1e150, -1e151])
def test_an_outlier_beside_which_the_rest_is_a_point(kind, value):
    with pytest.raises(ValueError, match=r"x .*(no spread|distinct rows).* outliers"):
        start_of(with_outlier(value), kind)
    with pytest.raises(ValueError, match=r"no spread is left within .* outliers"):
        GaussianMixture1D.start(with_outlier(value, LINE), 2, 0)
    here = ordinary(kind).model
    with pytest.warns(DegenerateWarning, match=r"collapsed|empty"):
        assert em.fit(here, with_outlier(value)).status == "degenerate"


@kinds
@calls
def test_an_outlier_too_large_to_be_squared(kind, call):
    message = r"x: 1 row with values of 1e\+152 and more \(row 200\)\. .*typing errors"
    with pytest.raises(ValueError, match=message):
        called(call, two_components(kind), with_outlier(1e200))
    with pytest.raises(ValueError, match=message):
        called(call, GaussianMixture1D([0.5, 0.5], [-1, 1], 1.0), with_outlier(1e200, LINE[:200]))


@kinds
def test_an_outlier_under_the_default_prior_is_not_passed_over(kind):
    """Its prior is as wide as the data, outlier and all; what comes of it is owned up to."""
    x = with_outlier(1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        fit = em.fit(start_of(x, kind, "default"), x)
    assert fit.status == "degenerate" or fit.doubts
    assert np.isfinite(fit.objective).all() and np.isfinite(fit.model.covariances).all()


@kinds
@pytest.mark.parametrize("value", [1e3, 1e4, 1e5, 1e6, 1.3e6, 2e6, 5e6, 1e7, 1e8, 1e9])
@pytest.mark.parametrize("direction", [(1, 1), (1, -1), (1, 0), (1, 3.7)])
def test_correct_code_is_not_accused_because_of_an_outlier(kind, value, direction):
    """The default prior's scale is then nearly singular; no digits may be lost on it."""
    cloud, _ = data.four_clusters(50, 1)
    x = np.concatenate([cloud, value * np.array([direction])])
    for k in (2, 4):
        try:
            start = start_of(x, kind, "default", k)
        except ValueError as error:
            assert value >= 1e9 and re.search("no spread of its own.* outliers", str(error))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            fit = em.fit(start, x, max_iter=100)
        falls = -np.diff(fit.objective)
        assert falls.max(initial=0.0) <= 2**6 * EPS * abs(fit.objective[-1])


# --- squares that overflow or underflow


@kinds
@priors
@methods
def test_data_too_small_to_be_squared(kind, prior, method):
    with pytest.raises(ValueError, match=r"column 0 varies only .*squared\. Use smaller units"):
        start_of(1e-170 * X, kind, prior, method=method)
    with pytest.raises(ValueError, match=r"column 1 varies only .*to be squared"):
        start_of(X * [1, 1e-170], kind, prior, method=method)
    with pytest.raises(ValueError, match=r"x varies only .*to be squared"):
        GaussianMixture1D.start(1e-170 * LINE, 2, 0, method, prior=prior)


@kinds
def test_small_numbers_among_ordinary_ones_are_fine(kind):
    x = X.copy()
    x[[5, 6, 7], 0] = [1e-170, -1e-300, 5e-324]
    y = np.where(abs(x) < 1e-100, 0, x)
    assert_follows(fit_of(x, kind), fit_of(y, kind), np.eye(D))


@kinds
@priors
def test_data_too_large_to_be_squared(kind, prior):
    message = r"x: 200 rows with values of 1e\+152 and more \(rows 0, .*Measure in larger units"
    x = X + np.sign(X)  # none of them small
    with pytest.raises(ValueError, match=message):
        start_of(1e170 * x, kind, prior)
    with pytest.raises(ValueError, match=message):
        ordinary(kind).model.bic(1e170 * x)


@kinds
@pytest.mark.parametrize("scale", [1e-155, 1e-170, 1e-300])
def test_a_model_of_ordinary_size_falls_onto_data_that_are_a_point(kind, scale):
    assert_degenerate(ordinary(kind).model, scale * X, "has collapsed")
    assert_degenerate(GaussianMixture1D([0.5, 0.5], [-1, 1], 1.0), scale * LINE, "has collapsed")


# --- components that empty, densities that underflow


@kinds
def test_a_component_that_empties(kind):
    here = ordinary(kind).model
    means = here.means + np.outer([0, 0, 1, 0], [500, 500])
    start = GaussianMixture(here.weights, means, here.covariances, kind)
    fit = assert_degenerate(start, X, r"component 2 is empty: its expected count is 0 of 200\. Sta")
    assert fit.n_iter == 0 and fit.model == start


@commons
def test_a_component_that_empties_on_the_line(common):
    start = GaussianMixture1D([0.5, 0.5], [70, 7e6], 100.0, common)
    assert_degenerate(start, LINE, "component 1 is empty")


@kinds
@pytest.mark.parametrize("shrink", [1e-8, 1e-20, 1e-200, 1e-300])
def test_all_densities_underflow_at_the_start(kind, shrink):
    start = start_of(X, kind)
    sharp = GaussianMixture(start.weights, start.means, shrink * start.covariances, kind)
    assert (np.exp(sharp.log_density(X)) == 0).mean() > 0.99
    fit = em.fit(sharp, X, tol=1e-9)
    assert_follows(fit, ordinary(kind), np.eye(D))


@commons
@pytest.mark.parametrize("shrink", [1e-20, 1e-200, 1e-300])
def test_all_densities_underflow_at_the_start_on_the_line(common, shrink):
    start = GaussianMixture1D.start(LINE, 2, 0, common_variance=common)
    sharp = GaussianMixture1D(start.weights, start.means, shrink * start.variances, common)
    assert (np.exp(sharp.log_density(LINE)) == 0).mean() > 0.9
    fit = em.fit(sharp, LINE)
    assert fit.converged
    assert fit.objective[-1] == pytest.approx(fit_line(LINE, common).objective[-1], abs=2e-6)


@kinds
def test_densities_that_no_logarithm_can_express(kind):
    here = ordinary(kind).model
    far = GaussianMixture(here.weights, here.means + 1e160, here.covariances, kind)
    with pytest.raises(ValueError, match=r"200 rows impossible under every component .*Start from"):
        em.fit(far, X)
    line = GaussianMixture1D([0.5, 0.5], [1e160, 1e170], 1.0)
    with pytest.raises(ValueError, match="272 rows impossible under every component"):
        em.fit(line, LINE)


# --- saddles, and slopes that begin flat


def alike(kind, k=2, prior=None, x=X):
    """Components with the same mean and covariance, that of all the data."""
    one = em.fit(start_of(x, kind, k=1), x).model
    covariances = one.covariances if kind == "tied" else np.repeat(one.covariances, k, axis=0)
    prior = GaussianMixture.default_prior(x, k, kind) if prior else None
    means = np.repeat(one.means, k, axis=0)
    return GaussianMixture(np.full(k, 1 / k), means, covariances, kind, prior)


@kinds
@priors
@pytest.mark.parametrize("k", [2, 3])
def test_identical_starting_means(kind, prior, k):
    saddle = assert_degenerate(alike(kind, k, prior), X, "components 0 and 1 are the same.*Start")
    one = em.fit(start_of(X, kind, k=1), X)
    if prior is None:  # the best that one component can do
        assert saddle.objective[-1] == pytest.approx(one.objective[-1], abs=1e-8)
    with pytest.warns(DegenerateWarning):
        best = em.fit_best([saddle.model, start_of(X, kind, prior, k)], X)
    assert best.converged and best.objective[-1] > saddle.objective[-1] + 5


@kinds
def test_two_of_three_starting_means_identical(kind):
    start = start_of(X, kind, k=3)
    means = start.means[[0, 0, 2]]
    same = GaussianMixture(start.weights, means, start.covariances, kind)
    saddle = em.fit(start_of(X, kind, k=2), X).objective[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        fit = em.fit(same, X)
    if fit.status == "degenerate":
        assert fit.message.startswith("components 0 and 1 are the same")
    else:  # pushed off by rounding
        assert fit.converged and fit.objective[-1] > saddle + 1 and not fit.model.coincident()


@families
def test_identical_starts_of_every_family(family, options, x):
    start = family.start(x, 1, 0, **options)
    fields = {
        BinomialMixture: ("probabilities",),
        PoissonMixture: ("rates",),
        GaussianMixture1D: ("means", "variances"),
        GaussianMixture: ("means", "covariances"),
    }[family]
    values = [getattr(start, name) for name in fields]
    tied = options.get("covariance_type") == "tied"
    twice = [v if tied and v.ndim == 2 and len(v) == 2 else np.repeat(v, 2, axis=0) for v in values]
    model = family([0.3, 0.7], *twice, **options)
    assert_degenerate(model, x, "components 0 and 1 are the same, .*Start elsewhere")


def overlapping(d, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((300, d))
    x[:100] += 2.2
    return x


def beside_saddle(kind, distance):
    """Overlapping data; a start beside the saddle, with covariances twice too large."""
    x = overlapping(2, 0)
    saddle = alike(kind, x=x)
    means = saddle.means + distance * np.array([[1, -0.5], [-1, 0.5]])
    return x, GaussianMixture(saddle.weights, means, 2 * saddle.covariances, kind)


@free_kinds
@pytest.mark.parametrize("distance", [1e-5, 1e-8])
def test_gains_that_shrink_and_grow_again(kind, distance):
    x, start = beside_saddle(kind, distance)
    fit = em.fit(start, x)
    gains = np.diff(fit.objective)
    dip = int(np.flatnonzero(gains < 1e-4)[0])
    assert gains[:dip].max() > 1 and gains[dip:].max() > 1
    assert gains[dip] < 1e-6
    sure = em.fit(GaussianMixture.start(x, 2, 0, covariance_type=kind), x)
    assert fit.converged and not fit.doubts
    assert fit.objective[-1] == pytest.approx(sure.objective[-1], abs=2e-6)


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-8])
def test_a_common_covariance_has_no_slope_beside_the_saddle(distance):
    """The gain is of the fourth order in the distance; a fit that rests there says so."""
    x, start = beside_saddle("tied", distance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        fit = em.fit(start, x, max_iter=300)
    assert not fit.converged or "components 0 and 1 are nearly the same" in fit.doubts[0]


SLOW = {"full": 0, "tied": 1, "diag": 3, "spherical": 3}  # seeds


@kinds
def test_random_starts_are_not_taken_for_the_summit(kind):
    """From random responsibilities all components are nearly the same; scikit-learn stops there."""
    seed = SLOW[kind]
    x = overlapping(2, seed)
    fit = em.fit(GaussianMixture.start(x, 2, seed, "random", kind), x)
    assert fit.converged and not fit.doubts
    peer = Peer(2, covariance_type=kind, init_params="random", random_state=seed).fit(x)
    assert peer.converged_ and peer.n_iter_ == 2  # or so it believes
    assert fit.objective[-1] > peer.score_samples(x).sum() + 5


def test_random_starts_are_not_taken_for_the_summit_on_the_line():
    x = overlapping(1, 0)
    fit = em.fit(GaussianMixture1D.start(x[:, 0], 2, 0, "random"), x[:, 0])
    assert fit.converged and not fit.doubts
    gains = np.diff(fit.objective)
    assert gains[:20].max() < 1e-3 < 0.1 < gains.max()
    peer = Peer(2, init_params="random", random_state=0).fit(x)
    assert peer.converged_ and peer.n_iter_ == 2
    assert fit.objective[-1] > peer.score_samples(x).sum() + 5


# --- sample weights


@kinds
@priors
def test_all_weights_zero(kind, prior):
    with pytest.raises(ValueError, match="all sample weights are zero, so there is nothing to fit"):
        em.fit(start_of(X, kind, prior), X, sample_weight=np.zeros(N))


@families
def test_all_weights_zero_in_every_family(family, options, x):
    with pytest.raises(ValueError, match="all sample weights are zero"):
        em.fit(family.start(x, 2, 0, **options), x, sample_weight=np.zeros(len(x)))


@kinds
def test_one_row_with_weight(kind):
    w = np.eye(N)[3]
    assert_degenerate(start_of(X, kind), X, "collapsed|empty", sample_weight=w)
    w[3] = 1e100
    assert_degenerate(start_of(X, kind), X, "collapsed|empty", sample_weight=w)
    w[:] = 1
    w[3] = 1e100  # beside which the other rows do not count
    assert_degenerate(start_of(X, kind), X, "collapsed|empty", sample_weight=w)


@kinds
@pytest.mark.parametrize("weight", [1e100, 1e8, 1e-3])
def test_a_common_weight_does_not_matter(kind, weight):
    fit = em.fit(start_of(X, kind), X, sample_weight=np.full(N, weight), tol=1e-9 * weight)
    assert fit.converged
    assert_same(fit.model, ordinary(kind).model, tol=1e-4)
    assert fit.objective[-1] / weight == pytest.approx(ordinary(kind).objective[-1], abs=1e-6)


@families
@pytest.mark.parametrize("weight", [1e152, 1e300, 1e308])
def test_huge_weights(family, options, x, weight):
    w = np.ones(len(x))
    w[[2, 5]] = weight
    with pytest.raises(ValueError, match=r"sample_weight: 2 rows .*\(rows 2, 5\)\. Divide all w"):
        em.fit(family.start(x, 2, 0, **options), x, sample_weight=w)


@kinds
@pytest.mark.parametrize("weight", [1e-100, 1e-300])
def test_tiny_weights(kind, weight):
    """The unit of the weights is nobody's business: the fit is that of the rows, without doubts."""
    start = start_of(X, kind)
    fit = em.fit(start, X, sample_weight=np.full(N, weight))
    assert fit.converged and not fit.doubts
    assert fit.objective[-1] / weight == pytest.approx(ordinary(kind).objective[-1], abs=1e-6)
    np.testing.assert_allclose(fit.model.means, ordinary(kind).model.means, atol=1e-3)
    assert np.isfinite(fit.model.covariances).all()


@kinds
def test_tiny_weights_leave_the_prior(kind):
    w = np.full(N, 1e-300)
    start = start_of(X, kind, "default")
    fit = assert_degenerate(start, X, "components 0 and 1 are the same", sample_weight=w)
    prior = fit.model.prior.components
    np.testing.assert_allclose(fit.model.means, np.tile(prior.mean, (K, 1)), rtol=1e-9)


@kinds
@pytest.mark.parametrize("weight", [0.0, 1e-300, 1e-30])
def test_weights_that_leave_a_component_without_rows(kind, weight):
    """The same as without those rows: another fit, or the same bad end."""
    start = start_of(X, kind)
    keep = start.predict(X) != 2
    w = np.where(keep, 1.0, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        absent = em.fit(start, X[keep], max_iter=40)
        fit = em.fit(start, X, sample_weight=w, max_iter=40)
        blocked = em.fit(start, [X[:50], X[50:]], sample_weight=w, max_iter=40)
    for other in (fit, blocked):
        assert other.status == absent.status
        assert abs(other.n_iter - absent.n_iter) <= 1  # `tol` follows the mean weight
        n = min(len(other.objective), len(absent.objective))
        np.testing.assert_allclose(other.objective[:n], absent.objective[:n], rtol=1e-9)
        assert_same(other.model, absent.model, tol=1e-4)


@kinds
def test_weights_that_empty_a_component_at_once(kind):
    start = start_of(X, kind)
    here = GaussianMixture(start.weights, 100 * start.means, start.covariances, kind)
    x = np.vstack([100 * start.means + 1, 100 * start.means - 1, 100 * start.means + [1, -1]])
    w = np.where(here.predict(x) == 1, 0.0, 1.0)
    assert_degenerate(
        here, x, r"component 1 is empty: its expected count is 0 of 9", sample_weight=w
    )


# --- restarts


def test_a_run_towards_an_outlier_is_no_winner():
    x = with_outlier(20.0, X[:, 0])
    sharp = GaussianMixture1D([0.99, 0.01], [0, 20], [4, 0.1])
    sound = GaussianMixture1D([0.5, 0.5], [-2, 2], 1.0)
    with pytest.warns(DegenerateWarning, match=r"component 1 has collapsed .* near x = 20"):
        best = em.fit_best([sharp, sound], x)
    assert best.status == "converged"
    assert best.runs[0].status == "degenerate"


def test_a_common_variance_that_serves_one_point_is_doubted():
    x = with_outlier(1e3, LINE)
    with pytest.warns(SpuriousWarning, match="component 1 rests on hardly any data"):
        best = em.fit_best([GaussianMixture1D([0.9, 0.1], [70, 1e3], 200.0, True)], x)
    assert best.converged and best.doubts


@kinds
def test_the_objective_never_falls_on_the_way(kind):
    for x in (X + 1e8, X * 1e-145, with_outlier(50.0), near_plane(1e-4)[1]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            fit = em.fit(start_of(x, kind), x, max_iter=200)
        scale = 2e-12 * max(1, abs(fit.objective[-1]))
        assert all(b >= a - scale for a, b in pairwise(fit.objective))
