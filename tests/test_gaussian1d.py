"""GaussianMixture1D beside scipy.stats, in closed form, far from the origin, and collapsing."""

import numpy as np
import pytest
from scipy import stats

from emlib import DegenerateError, DegenerateWarning, GaussianMixture1D, data, em


def test_log_joint_is_that_of_scipy():
    x = np.linspace(-30, 30, 50)
    model = GaussianMixture1D([0.2, 0.5, 0.3], [-1.0, 0.0, 4.0], [0.5, 2.0, 9.0])
    sd = np.sqrt(model.variances)
    oracle = np.log(model.weights) + stats.norm.logpdf(x[:, None], model.means, sd)
    np.testing.assert_allclose(model.log_joint(x), oracle, rtol=1e-12)


@pytest.mark.parametrize("common", [False, True])
def test_one_component_is_mean_and_variance(common):
    x = data.old_faithful()[:, 1]
    fit = em.fit(GaussianMixture1D([1.0], [0.0], 1e4, common), x)
    assert fit.model.means[0] == pytest.approx(x.mean(), rel=1e-13)
    assert fit.model.variances[0] == pytest.approx(x.var(), rel=1e-12)
    assert fit.objective[-1] == pytest.approx(stats.norm.logpdf(x, x.mean(), x.std()).sum())


def test_common_variance_is_the_weighted_mean_of_the_variances():
    x = data.old_faithful()[:, 1]
    free = GaussianMixture1D([0.3, 0.7], [50, 80], 36.0)
    tied = GaussianMixture1D([0.3, 0.7], [50, 80], 36.0, common_variance=True)
    one, other = (m.m_step(m.e_step(x)) for m in (free, tied))
    pooled = one.weights @ one.variances
    np.testing.assert_allclose(other.variances, pooled, rtol=1e-13)
    np.testing.assert_array_equal(one.means, other.means)


def test_a_number_is_the_variance_of_all():
    np.testing.assert_array_equal(GaussianMixture1D([0.5, 0.5], [0, 1], 4).variances, [4.0, 4.0])


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("offset", [1e6, -1e9])
def test_data_far_from_the_origin_lose_nothing(offset, common):
    x = np.round(data.old_faithful()[:, 1])  # whole minutes: exact at any offset
    here = em.fit(GaussianMixture1D([0.4, 0.6], [55, 80], 36.0, common), x, tol=1e-9)
    means = np.array([55, 80]) + offset
    there = em.fit(GaussianMixture1D([0.4, 0.6], means, 36.0, common), x + offset, tol=1e-9)
    assert there.objective[-1] == pytest.approx(here.objective[-1], abs=1e-7)
    np.testing.assert_allclose(there.model.variances, here.model.variances, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_units_do_not_matter(scale):
    x = data.old_faithful()[:, 1]
    here = em.fit(GaussianMixture1D([0.4, 0.6], [55, 80], 36.0), x)
    start = GaussianMixture1D([0.4, 0.6], scale * np.array([55, 80]), scale * 36.0 * scale)
    there = em.fit(start, scale * x)
    assert there.status == "converged"
    np.testing.assert_allclose(there.model.means, scale * here.model.means, rtol=1e-6)
    shift = len(x) * np.log(scale)
    assert there.objective[-1] == pytest.approx(here.objective[-1] - shift, rel=1e-9)


def test_integers_and_float32_are_worked_out_in_float64():
    x = np.round(data.old_faithful()[:, 1])
    start = GaussianMixture1D([0.4, 0.6], [55, 80], 36.0)
    exact = em.fit(start, x, max_iter=5)
    for dtype in (np.int64, np.int16, np.uint8, np.float32):
        other = em.fit(start, x.astype(dtype), max_iter=5)
        np.testing.assert_array_equal(other.objective, exact.objective)
        assert other.model == exact.model
        assert other.model.means.dtype == np.float64


def test_float32_stays_out_of_the_accumulators():
    x = np.full(3000, 0.1, dtype=np.float32) + np.arange(3000, dtype=np.float32) * 1e-3
    model = GaussianMixture1D([1.0], [0.0], 1.0)
    exact = model.m_step(model.e_step(x.astype(np.float64)))
    assert model.m_step(model.e_step(x)) == exact


def test_a_component_that_sinks_onto_a_point_ends_as_degenerate():
    x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    start = GaussianMixture1D([0.8, 0.2], [1.5, 10.0], [2.0, 0.01])
    with pytest.warns(DegenerateWarning, match=r"component 1 has collapsed .* x = 10.*chapter 5"):
        fit = em.fit(start, x)
    assert fit.status == "degenerate" and not fit.converged
    assert "component 1" in fit.message
    assert fit.objective[-1] == pytest.approx(fit.model.log_likelihood(x), rel=1e-12)
    with pytest.raises(DegenerateError) as caught:
        fit.model.m_step(fit.model.e_step(x))
    assert caught.value.component == 1


def test_a_narrow_component_is_not_a_collapsed_one():
    rng = np.random.default_rng(0)
    x = np.concatenate([1e-5 * rng.standard_normal(50), 1 + rng.standard_normal(50)])
    fit = em.fit(GaussianMixture1D([0.5, 0.5], [0.0, 1.0], [1e-8, 1.0]), x)
    assert fit.converged
    assert fit.model.variances[0] == pytest.approx(1e-10, rel=0.5)


@pytest.mark.parametrize(("gap", "status"), [(1e-5, "converged"), (1e-8, "degenerate")])
def test_two_rows_of_nearly_one_value_are_a_point_where_rounding_begins(gap, status):
    x = np.array([0.0, gap, 1.0, 2.0, 3.0])
    start = GaussianMixture1D([0.4, 0.6], [gap / 2, 2.0], [gap**2, 1.0])
    if status == "converged":
        assert em.fit(start, x).status == status
    else:
        with pytest.warns(DegenerateWarning, match="component 0 has collapsed"):
            assert em.fit(start, x).status == status


@pytest.mark.parametrize("common", [False, True])
def test_start_is_means_of_groups_and_their_pooled_variance(common):
    x = np.array([0.0, 2.0, 100.0, 101.0, 102.0, 103.0])
    model = GaussianMixture1D.start(x, 2, 0, common_variance=common)
    order = np.argsort(model.means)
    np.testing.assert_allclose(model.means[order], [1.0, 101.5], rtol=1e-13)
    np.testing.assert_allclose(model.weights[order], [2 / 6, 4 / 6], rtol=1e-13)
    np.testing.assert_allclose(model.variances, (2 * 1.0 + 4 * 1.25) / 6, rtol=1e-12)
    assert model.common_variance is common


def test_start_refuses_groups_without_spread():
    with pytest.raises(ValueError, match="x"):
        GaussianMixture1D.start([1.0, 2.0], 2, 0)
    with pytest.raises(ValueError, match="x"):
        GaussianMixture1D.start([3.0, 3.0, 3.0], 1, 0)
