"""What a mixture of normals says of its parts: by quadrature, by SciPy, and by sampling."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from emlib import GaussianMixture, GaussianMixture1D

KINDS = ("full", "tied", "diag", "spherical")


def some(kind, seed=0, d=3):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((2, d, d))
    full = a @ a.transpose(0, 2, 1) + np.eye(d)
    values = {"full": full, "tied": full[0], "diag": rng.uniform(1, 4, (2, d)),
              "spherical": rng.uniform(1, 4, 2)}  # fmt: skip
    return GaussianMixture([0.3, 0.7], 2 * rng.standard_normal((2, d)), values[kind], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_marginal_is_the_integral_over_the_others(kind):
    model = some(kind, d=2)

    def density(t, value):
        return np.exp(model.log_density([[t, value]])[0])

    part = model.marginal([1])
    assert type(part) is GaussianMixture and part.covariance_type == kind
    for value in (-2.0, 0.5, 3.0):
        area, _ = quad(
            lambda t, v=value: np.exp(model.log_density([[t, v]])[0]), -40, 40, limit=200
        )
        assert np.exp(part.log_density([[value]])[0]) == pytest.approx(area, rel=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_joint_density_is_marginal_times_conditional(kind):
    model = some(kind)
    x = 3 * np.random.default_rng(1).standard_normal((6, 3))
    for known in ([0], [2], [2, 0], [1, 2]):
        others = [c for c in range(3) if c not in known]
        for row in x:
            given = model.conditional(known, row[known])
            assert given.covariance_type == kind
            both = model.marginal(known).log_density([row[known]])
            both = both + given.log_density([row[others]])
            assert both[0] == pytest.approx(model.log_density([row])[0], rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_mean_and_covariance_are_those_of_a_sample(kind):
    model = some(kind)
    x, _ = model.sample(200_000, rng=0)
    spread = np.sqrt(np.diag(model.covariance))
    np.testing.assert_allclose(model.mean / spread, x.mean(axis=0) / spread, atol=0.01)
    scale = np.outer(spread, spread)
    np.testing.assert_allclose(model.covariance / scale, np.cov(x.T) / scale, atol=0.015)


def test_columns_come_in_the_order_of_their_names():
    model = some("full")
    np.testing.assert_array_equal(model.marginal([2, 0]).means, model.means[:, [2, 0]])
    frozen = multivariate_normal(
        model.means[0][[2, 0]], model.covariances[0][np.ix_([2, 0], [2, 0])]
    )
    at = np.array([[0.3, 0.7]])
    assert model.marginal([2, 0]).log_components(at)[0, 0] == pytest.approx(frozen.logpdf(at[0]))


@pytest.mark.parametrize("columns", [[], [3], [-1], [0, 0], [0.0], 1])
def test_columns_that_are_none_are_refused(columns):
    with pytest.raises(ValueError, match="columns must list some of 0 to 2, each once"):
        some("full").marginal(columns)


def test_values_that_are_none_are_refused():
    with pytest.raises(ValueError, match="none is left"):
        some("full").conditional([0, 1, 2], [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="values must have shape"):
        some("full").conditional([0, 1], [0.0])
    with pytest.raises(ValueError, match="values must be finite"):
        some("full").conditional([0], [np.nan])


LINE = GaussianMixture1D([0.2, 0.5, 0.3], [-3.0, 0.0, 50.0], [1.0, 4.0, 0.01])


def test_a_cdf_is_the_integral_of_the_density():
    x = np.array([[-4.0, 0.0], [5.0, 49.9]])
    direct = sum(w * norm.cdf(x, m, np.sqrt(v)) for w, m, v in
                 zip(LINE.weights, LINE.means, LINE.variances, strict=True))  # fmt: skip
    np.testing.assert_allclose(LINE.cdf(x), direct, rtol=1e-13)
    area, _ = quad(lambda t: np.exp(LINE.log_density([t])[0]), -30, 5, points=[-3, 0])
    assert LINE.cdf(5.0) == pytest.approx(area, rel=1e-8)


def test_a_quantile_turns_the_cdf_round():
    p = np.array([1e-12, 1e-3, 0.2, 0.5, 0.69, 0.71, 0.999])
    np.testing.assert_allclose(LINE.cdf(LINE.quantile(p)), p, rtol=1e-9)
    np.testing.assert_array_equal(LINE.quantile([0.0, 1.0]), [-np.inf, np.inf])
    assert LINE.quantile(0.5).shape == () and LINE.quantile([[0.5]]).shape == (1, 1)
    one = GaussianMixture1D([1.0], [2.0], [9.0])
    np.testing.assert_allclose(one.quantile(p), norm.ppf(p, 2, 3), rtol=1e-13)
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="p must lie between 0 and 1"):
            LINE.quantile([bad])


def test_mean_and_variance_on_the_line():
    first, _ = quad(lambda t: t * np.exp(LINE.log_density([t])[0]), -60, 60, points=[-3, 0, 50])
    second, _ = quad(
        lambda t: (t - first) ** 2 * np.exp(LINE.log_density([t])[0]), -60, 60, points=[-3, 0, 50]
    )
    assert LINE.mean == pytest.approx(first, rel=1e-8)
    assert LINE.variance == pytest.approx(second, rel=1e-8)


def test_line_and_space_agree():
    space = GaussianMixture(LINE.weights, LINE.means[:, None], LINE.variances[:, None, None])
    assert space.mean == pytest.approx([LINE.mean])
    assert space.covariance == pytest.approx(np.array([[LINE.variance]]))
