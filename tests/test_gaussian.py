"""GaussianMixture beside scipy.stats and scikit-learn, and the geometry of its covariances."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer

from emlib import DegenerateWarning, GaussianMixture, data, em
from emlib.families.covariance import COVARIANCE_TYPES, Covariances, kind_of

kinds = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
DATA = {
    "old_faithful": (data.old_faithful(), 2),
    "four_clusters": (data.four_clusters(50, 1)[0], 4),
}
data_sets = pytest.mark.parametrize("name", DATA)


def some_model(kind, k=3, d=3, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((k, d, d))
    full = a @ a.transpose(0, 2, 1) + 0.5 * np.eye(d)
    covariances = {"full": full, "tied": full[0], "diag": rng.uniform(0.5, 3, (k, d))}
    return GaussianMixture(
        rng.dirichlet(np.ones(k)),
        rng.standard_normal((k, d)),
        covariances.get(kind, rng.uniform(0.5, 3, k)),
        kind,
    )


def matrices(model):
    """The covariance matrices (K, D, D), written out without emlib."""
    k, d = model.means.shape
    c = model.covariances
    return {
        "full": lambda: c,
        "tied": lambda: np.array([c] * k),
        "diag": lambda: np.array([np.diag(v) for v in c]),
        "spherical": lambda: np.array([v * np.eye(d) for v in c]),
    }[model.covariance_type]()


# --- beside scipy


@kinds
def test_log_joint_is_that_of_scipy(kind):
    model = some_model(kind)
    x = 3 * np.random.default_rng(1).standard_normal((40, 3))
    oracle = np.column_stack([
        np.log(w) + stats.multivariate_normal(m, c).logpdf(x)
        for w, m, c in zip(model.weights, model.means, matrices(model), strict=True)
    ])  # fmt: skip
    np.testing.assert_allclose(model.log_joint(x), oracle, rtol=1e-11)


@kinds
def test_covariance_matrices(kind):
    model = some_model(kind)
    np.testing.assert_array_equal(model.covariance_matrices, matrices(model))
    model.covariance_matrices[...] = 0  # a copy, not a view of the model
    np.testing.assert_array_equal(model.covariance_matrices, matrices(model))


@kinds
def test_samples_of_a_component_have_its_mean_and_covariance(kind):
    model = some_model(kind)
    x, z = model.sample(90_000, 0)
    for k, (mean, covariance) in enumerate(zip(model.means, matrices(model), strict=True)):
        own = x[z == k]
        scale = covariance.trace()
        np.testing.assert_allclose(own.mean(axis=0), mean, atol=5 * np.sqrt(scale / len(own)))
        np.testing.assert_allclose(np.cov(own.T), covariance, atol=10 * scale / np.sqrt(len(own)))


def test_one_component_is_mean_and_covariance():
    x = data.old_faithful()
    centred = x - x.mean(axis=0)
    full = centred.T @ centred / len(x)
    wanted = {
        "full": [full],
        "tied": full,
        "diag": [np.diag(full)],
        "spherical": [full.trace() / 2],
    }
    for kind, covariances in wanted.items():
        start = {"full": [np.eye(2)], "tied": np.eye(2), "diag": [[1, 2]], "spherical": [3]}[kind]
        fit = em.fit(GaussianMixture([1.0], [[0.0, 0.0]], start, kind), x)
        np.testing.assert_allclose(fit.model.means[0], x.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(fit.model.covariances, covariances, rtol=1e-10)


@kinds
def test_n_parameters(kind):
    k, d = 3, 4
    own = {"full": k * 10, "tied": 10, "diag": k * 4, "spherical": k}[kind]
    assert some_model(kind, k, d).n_parameters == 2 + 12 + own


# --- beside scikit-learn


def peer_from(model, max_iter):
    precisions = {
        "full": lambda c: np.linalg.inv(c),
        "tied": lambda c: np.linalg.inv(c),
        "diag": lambda c: 1 / c,
        "spherical": lambda c: 1 / c,
    }[model.covariance_type](model.covariances)
    return Peer(
        len(model.weights),
        covariance_type=model.covariance_type,
        tol=0,
        reg_covar=0,
        max_iter=max_iter,
        weights_init=model.weights,
        means_init=model.means,
        precisions_init=precisions,
    )


def fitted_peer(model, x, max_iter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # we ask for a number of steps
        return peer_from(model, max_iter).fit(x)


@kinds
@data_sets
def test_iterates_are_those_of_scikit_learn(name, kind):
    x, k = DATA[name]
    model = GaussianMixture.start(x, k, rng=3, covariance_type=kind, method="k-means++")
    for n_steps, step in enumerate(em.iterate(model, x)):
        if n_steps in (1, 2, 3, 10):
            peer = fitted_peer(model, x, n_steps)
            assert step.log_likelihood == pytest.approx(peer.score_samples(x).sum(), abs=1e-8)
            np.testing.assert_allclose(step.model.weights, peer.weights_, rtol=1e-8)
            np.testing.assert_allclose(step.model.means, peer.means_, rtol=1e-8)
            np.testing.assert_allclose(step.model.covariances, peer.covariances_, rtol=1e-7)
        if n_steps == 10:
            break


@kinds
@data_sets
def test_the_optimum_and_its_criteria_are_those_of_scikit_learn(name, kind):
    x, k = DATA[name]
    start = GaussianMixture.start(x, k, rng=0, covariance_type=kind)
    fit = em.fit(start, x, tol=1e-10)
    assert fit.converged
    peer = fitted_peer(start, x, 2 * fit.n_iter)
    assert fit.objective[-1] == pytest.approx(peer.score_samples(x).sum(), abs=1e-8)
    assert fit.model.aic(x) == pytest.approx(peer.aic(x), abs=1e-7)
    assert fit.model.bic(x) == pytest.approx(peer.bic(x), abs=1e-7)
    np.testing.assert_array_equal(fit.model.predict(x), peer.predict(x))
    np.testing.assert_allclose(fit.model.responsibilities(x), peer.predict_proba(x), atol=1e-5)


def test_old_faithful_optimum_from_every_kind_of_start():
    x = data.old_faithful()
    for seed, method in enumerate(["kmeans", "k-means++", "random", "random_from_data"]):
        fit = em.fit(GaussianMixture.start(x, 2, seed, method), x)
        assert fit.objective[-1] == pytest.approx(-1130.2639602, abs=2e-6)


def test_four_clusters_are_recovered():
    x, z = data.four_clusters(250, 0)
    fit = em.fit(GaussianMixture.start(x, 4, 0), x)
    centres = fit.model.means[np.lexsort(np.round(fit.model.means.T[::-1]))]
    np.testing.assert_allclose(centres, [[-2, -2], [-2, 2], [2, -2], [2, 2]], atol=0.3)
    order = np.lexsort(np.round(fit.model.means.T[::-1]))
    labels = np.argsort(order)[fit.model.predict(x)]
    assert (labels == z).mean() > 0.93


# --- numbers


@kinds
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_data_far_from_the_origin_lose_nothing(kind, offset):
    x = np.round(data.four_clusters(50, 0)[0] * 2**10) / 2**10  # exact at either offset
    start = GaussianMixture.start(x, 4, 0, covariance_type=kind)
    moved = GaussianMixture(start.weights, start.means + offset, start.covariances, kind)
    here, there = em.fit(start, x, max_iter=30), em.fit(moved, x + offset, max_iter=30)
    np.testing.assert_allclose(there.objective, here.objective, atol=1e-6)
    np.testing.assert_allclose(there.model.covariances, here.model.covariances, atol=1e-6)


@kinds
def test_log_joint_far_from_the_origin_is_exact(kind):
    rng = np.random.default_rng(0)
    model = some_model(kind, d=2)
    means, x = (np.round(4 * v) / 4 for v in (model.means, rng.standard_normal((30, 2))))
    here = replace(model, means=means).log_joint(x)
    there = replace(model, means=means + 1e12).log_joint(x + 1e12)  # both exact in binary
    np.testing.assert_allclose(there, here, rtol=1e-11)


@kinds
def test_start_follows_units_and_origin(kind):
    x = data.old_faithful()
    unit = np.array([2.0, 2.0]) if kind == "spherical" else np.array([60.0, 1 / 60])
    here = GaussianMixture.start(x, 3, 5, covariance_type=kind)
    there = GaussianMixture.start(x * unit + 7, 3, 5, covariance_type=kind)
    np.testing.assert_allclose(there.weights, here.weights, rtol=1e-12)
    np.testing.assert_allclose(there.means, here.means * unit + 7, rtol=1e-10)
    shape = {"spherical": unit[0] ** 2, "diag": unit**2}.get(kind, np.outer(unit, unit))
    np.testing.assert_allclose(there.covariances, here.covariances * shape, rtol=1e-10)


@kinds
def test_tiny_and_huge_units(kind):
    x = data.old_faithful()
    here = em.fit(GaussianMixture.start(x, 2, 0, covariance_type=kind), x)
    for scale in (1e-100, 1e100):
        y = x * scale
        there = em.fit(GaussianMixture.start(y, 2, 0, covariance_type=kind), y)
        assert there.status == "converged"
        np.testing.assert_allclose(there.model.means, scale * here.model.means, rtol=1e-5)


def test_integers_and_float32_are_worked_out_in_float64():
    x = np.round(10 * data.old_faithful())
    start = GaussianMixture.start(x, 2, 0)
    exact = em.fit(start, x, max_iter=5)
    for dtype in (np.int64, np.int16, np.float32):
        other = em.fit(start, x.astype(dtype), max_iter=5)
        assert other.model == exact.model
        np.testing.assert_array_equal(other.objective, exact.objective)


def test_covariances_stay_symmetric_to_the_last_bit():
    x = data.old_faithful()
    for kind in ("full", "tied"):
        model = em.fit(GaussianMixture.start(x, 3, 1, covariance_type=kind), x, max_iter=50).model
        np.testing.assert_array_equal(model.covariances, np.swapaxes(model.covariances, -1, -2))


# --- starts


@kinds
def test_start_is_means_of_groups_and_their_pooled_covariance(kind):
    x = np.array([[0, 0], [2, 1], [1, 5], [100, 0], [101, 3], [103, 1], [104, 9.0]])
    model = GaussianMixture.start(x, 2, 0, covariance_type=kind)
    groups = [x[:3], x[3:]]
    order = np.argsort(model.means[:, 0])
    np.testing.assert_allclose(model.weights[order], [3 / 7, 4 / 7])
    np.testing.assert_allclose(model.means[order], [g.mean(axis=0) for g in groups])
    within = sum((g - g.mean(axis=0)).T @ (g - g.mean(axis=0)) for g in groups) / 7
    wanted = {
        "full": [within] * 2,
        "tied": within,
        "diag": [np.diag(within)] * 2,
        "spherical": [within.trace() / 2] * 2,
    }[kind]
    np.testing.assert_allclose(model.covariances, wanted)
    assert model.covariance_type == kind


# --- collapse


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])  # tied: see below
def test_a_component_that_sinks_onto_a_point_ends_as_degenerate(kind):
    rng = np.random.default_rng(0)
    x = np.vstack([rng.standard_normal((30, 2)), [[9.0, 9.0]]])
    narrow = {"full": [np.eye(2), 1e-2 * np.eye(2)], "diag": [[1, 1], [1e-2, 1e-2]]}
    start = GaussianMixture([0.9, 0.1], [[0, 0], [9, 9]], narrow.get(kind, [1, 1e-2]), kind)
    with pytest.warns(DegenerateWarning, match=r"component 1 has collapsed.*9\. 9\..*chapter 5"):
        fit = em.fit(start, x)
    assert fit.status == "degenerate"
    assert np.isfinite(fit.objective).all()
    assert fit.objective[-1] == pytest.approx(fit.model.log_likelihood(x), rel=1e-12)


def test_a_component_that_sinks_onto_a_line_ends_as_degenerate():
    rng = np.random.default_rng(0)
    line = rng.standard_normal(20)
    x = np.vstack([np.column_stack([line, line]), rng.standard_normal((30, 2)) + [8, 0]])
    start = GaussianMixture([0.5, 0.5], [[0, 0], [8, 0]], [np.eye(2)] * 2)
    with pytest.warns(DegenerateWarning, match="component 0 has collapsed"):
        assert em.fit(start, x).status == "degenerate"


@kinds
def test_collapse_is_judged_by_the_spread_of_all_the_data(kind):
    """All components are as narrow as each other, and far from each other."""
    corners = 1e-8 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    x = np.vstack([corners, corners + 5])
    unit = {"full": [np.eye(2)] * 2, "tied": np.eye(2), "diag": np.ones((2, 2))}
    start = GaussianMixture([0.5, 0.5], [[0, 0], [5, 5]], unit.get(kind, np.ones(2)), kind)
    with pytest.warns(DegenerateWarning, match="has collapsed"):
        assert em.fit(start, x).status == "degenerate"


def test_a_common_covariance_collapses_with_all_its_components():
    x = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1]])
    start = GaussianMixture([0.5, 0.5], [[0, 0.4], [5, 0.6]], np.eye(2), "tied")
    with pytest.warns(DegenerateWarning, match="the common covariance has collapsed"):
        assert em.fit(start, x).status == "degenerate"


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
@pytest.mark.parametrize(("gap", "status"), [(1e-5, "converged"), (1e-8, "degenerate")])
def test_three_rows_of_nearly_one_value_are_a_point_where_rounding_begins(kind, gap, status):
    x = np.vstack([gap * np.array([[0, 0], [0, 1], [1, 0]]), [[2, 0], [3, 1], [2, 2], [3, 3]]])
    start = GaussianMixture.start(x, 2, 0, covariance_type=kind)
    tight = start.m_step(start.e_step(x))
    if status == "converged":
        assert em.fit(tight, x).status == status
    else:
        with pytest.warns(DegenerateWarning, match="has collapsed"):
            assert em.fit(start, x).status == status


@pytest.mark.parametrize("name", ["full", "tied"])
def test_what_looks_round_has_not_collapsed(name):
    """The quick look at variances never passes what Cholesky factors show to be flat."""
    turn, weights, means = np.array([[0.8, -0.6], [0.6, 0.8]]), np.full(2, 0.5), np.eye(2)
    kind, looks_round, flat = kind_of(name), [], []
    for thin in 10.0 ** -np.arange(0, 15.5, 0.5):
        matrix = turn @ np.diag([1, thin]) @ turn.T
        values = (matrix + matrix.T) / 2 if kind.shared else [np.eye(2), (matrix + matrix.T) / 2]
        cov = kind.of(values, 2, 2)
        looks_round.append(cov._is_round(weights, means))
        try:
            Covariances.refuse_collapse(cov, weights, means, True)
            flat.append(False)
        except em.DegenerateError:
            flat.append(True)
    assert looks_round[0] and flat[-1]
    assert not np.logical_and(looks_round, flat).any()


@kinds
def test_a_narrow_component_is_not_a_collapsed_one(kind):
    rng = np.random.default_rng(0)
    x = np.vstack([1e-5 * rng.standard_normal((50, 2)), 1 + rng.standard_normal((50, 2))])
    start = GaussianMixture.start(x, 2, 0, covariance_type=kind)
    assert em.fit(start, x).converged
