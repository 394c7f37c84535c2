"""What a fit says against itself: doubts, spurious maxima, and the saddle of identical starts."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from cases import CASES
from emlib import (
    BinomialMixture,
    DegenerateWarning,
    GaussianMixture,
    GaussianMixture1D,
    Linkage,
    SpuriousWarning,
    data,
    em,
)
from emlib.families.covariance import COVARIANCE_TYPES
from emlib.families.poisson import PoissonMixture
from published import GALAXIES_CONVERGED

kinds = pytest.mark.parametrize("kind", COVARIANCE_TYPES)
GALAXIES = data.galaxies()

# Summits of the galaxies with five components, found from many starts: the highest rests on
# the two galaxies near 16, the second on two near 27; the sound one is 5.68 nats lower.
SPURIOUS = [9.7, 16.1, 19.7, 22.8, 33.0], [0.42, 0.04, 0.63, 1.7, 0.92]
WORSE = [9.7, 20.1, 23.4, 26.98, 33.0], [0.42, 1.4, 1.0, 0.02, 0.92]
SOUND = [9.7, 19.8, 21.9, 22.9, 33.0], [0.42, 0.62, 3.0, 1.0, 0.92]


def five(summit):
    means, sd = summit
    return GaussianMixture1D(np.full(5, 0.2), means, np.square(sd))


def two_normals(means, variances, common=False):
    return GaussianMixture1D([0.5, 0.5], means, variances, common)


# --- galaxies, where the answers are known


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_published_optima_of_the_galaxies_are_beyond_doubt(k):
    starts = {
        2: ([9.7, 21.9], [0.4, 3.2]),
        3: ([9.7, 21.4, 33.0], [0.4, 2.2, 0.9]),
        4: ([9.7, 19.7, 21.9, 33.0], [0.4, 0.4, 2.3, 0.9]),
    }
    means, sd = starts[k]
    start = GaussianMixture1D(np.full(k, 1 / k), means, np.square(sd))
    fit = em.fit_best([start], GALAXIES)  # a SpuriousWarning would be an error here
    assert fit.objective[-1] == pytest.approx(GALAXIES_CONVERGED[k], abs=1e-2)
    assert fit.converged and fit.doubts == ()


def test_six_components_on_the_galaxies_win_by_two_near_collapses():
    starts = [
        GaussianMixture1D.start(GALAXIES, 6, seed, method)
        for seed in range(12)
        for method in ("kmeans", "random_from_data")
    ]
    with pytest.warns() as caught:
        best = em.fit_best(starts, GALAXIES)
    assert {w.category for w in caught} <= {DegenerateWarning, SpuriousWarning}
    assert str(caught[-1].message).startswith("the best of 24 runs may be spurious: component")
    assert best.converged
    assert best.objective[-1] == pytest.approx(-182.574, abs=1e-3)
    counts = best.model.e_step(GALAXIES).counts
    small = np.flatnonzero(counts < 2.5)
    assert len(small) == 2
    for k in small:
        assert any(f"component {k} rests on hardly any data" in d for d in best.doubts)
        assert any(f"component {k} is thin" in d for d in best.doubts)
    assert len(best.doubts) == 4
    assert best.doubts == best.model.doubts(counts)


def test_fit_best_names_the_best_run_without_doubts():
    starts = [five(WORSE), five(SPURIOUS), five(SOUND)]
    message = (
        r"the best of 3 runs may be spurious: component 1 rests on hardly any data: its "
        r"expected count is 2\. The best run without doubts is runs\[2\], 5\.68\d* nats lower"
    )
    with pytest.warns(SpuriousWarning, match=message):
        best = em.fit_best(starts, GALAXIES)
    assert (
        best.objective[-1]
        == best.runs[1].objective[-1]
        == max(run.objective[-1] for run in best.runs)
    )
    assert best.doubts == best.runs[1].doubts
    assert [bool(run.doubts) for run in best.runs] == [True, True, False]


def test_fit_best_says_so_if_no_run_is_without_doubts():
    message = r"No run converged without doubts\. Use fewer components or a prior"
    with pytest.warns(SpuriousWarning, match=message):
        em.fit_best([five(WORSE), five(SPURIOUS)], GALAXIES)
    with pytest.warns(SpuriousWarning, match=message):  # a run that was cut short is no advice
        em.fit_best([five(SPURIOUS), five(SOUND)], GALAXIES, max_iter=1)


def test_fit_best_is_silent_about_the_doubts_of_other_runs():
    k = 4
    start = GaussianMixture1D(np.full(k, 1 / k), [9.7, 19.7, 21.9, 33], [0.2, 0.2, 5, 0.8])
    low = GaussianMixture1D(np.full(k, 1 / k), [9.7, 16.1, 21.5, 33], [0.2, 0.002, 4, 0.8])
    best = em.fit_best([low, start], GALAXIES)
    assert best.runs[0].doubts and not best.doubts


def test_a_degenerate_run_wins_only_if_there_is_no_other():
    x = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    sinking, fair = two_normals([1.5, 10], [2, 0.01]), GaussianMixture1D([1.0], [3.0], 9.0)
    with pytest.warns(DegenerateWarning):
        best = em.fit_best([sinking, fair], x)
    assert best.converged
    assert best.runs[0].status == "degenerate" and best.runs[0].doubts == ()
    assert best.runs[0].objective[-1] > best.objective[-1]
    with pytest.warns(DegenerateWarning):
        assert em.fit_best([sinking], x).status == "degenerate"


# --- what is above suspicion


@kinds
def test_four_clusters_and_old_faithful_are_beyond_doubt(kind):
    for x, k in ((data.four_clusters(50, 1)[0], 4), (data.old_faithful(), 2)):
        fit = em.fit_best([GaussianMixture.start(x, k, 0, covariance_type=kind)], x)
        assert fit.converged and fit.doubts == ()


def test_the_other_families_on_their_data_are_beyond_doubt():
    deaths, days = data.death_notices()
    assert em.fit(PoissonMixture([0.3, 0.7], [1, 2.5]), deaths, sample_weight=days).doubts == ()
    assert em.fit(BinomialMixture([0.5, 0.5], [0.6, 0.5]), data.two_coins()).doubts == ()
    assert em.fit(Linkage(0.5), data.linkage()).doubts == ()  # no mixture, no opinion


# --- what is not


@kinds
def test_a_component_on_two_points_is_doubted(kind):
    rng = np.random.default_rng(0)
    pair = np.array([[20.0, 20.0], [20.1, 19.95]])
    x = np.vstack([rng.standard_normal((60, 2)), pair])
    c = {
        "full": [np.eye(2), np.eye(2)],
        "tied": np.eye(2),
        "diag": np.ones((2, 2)),
        "spherical": [1, 1],
    }
    start = GaussianMixture([0.9, 0.1], [[0, 0], [20, 20]], c[kind], kind)
    if kind == "full":  # two points are a line in the plane: the likelihood has no bound
        with pytest.warns(DegenerateWarning, match="component 1 has collapsed"):
            assert em.fit(start, x).doubts == ()
        return
    with pytest.warns(SpuriousWarning, match="component 1 rests on hardly any data"):
        fit = em.fit_best([start], x)
    thin = [d for d in fit.doubts if "component 1 is thin" in d]
    assert len(thin) == (kind != "tied") and len(fit.doubts) == 1 + len(thin)


@pytest.mark.parametrize(
    ("d", "count", "doubted"), [(1, 2.4, 1), (1, 2.6, 0), (3, 4.4, 1), (3, 4.6, 0)]
)
def test_a_simplex_of_points_is_hardly_any_data(d, count, doubted):
    model = GaussianMixture([0.5, 0.5], np.eye(2, d) * 9, [1.0, 1.0], "spherical")
    assert model.fewest == d + 1.5
    doubts = model.doubts(np.array([50.0, count]))
    assert len(doubts) == doubted
    if doubted:
        assert doubts[0] == (
            f"component 1 rests on hardly any data: its expected count is {count:.3g}."
        )


@pytest.mark.parametrize(
    ("variance", "count", "doubted"),
    [(0.02, 3, 0), (0.004, 3, 1), (0.004, 9.9, 1), (0.004, 10.1, 0), (1e-9, 50, 0), (1e-11, 50, 1)],
)
def test_thin_on_few_points_or_nearly_flat_on_any_number(variance, count, doubted):
    model = two_normals([0.0, 9.0], [1.0, variance])  # the average variance is one half
    doubts = model.doubts(np.array([50.0, count]))
    assert len(doubts) == doubted
    if doubted:
        assert doubts[0].startswith("component 1 is thin: in some direction its variance is ")
        assert f"{variance / (0.5 + variance / 2):.2g} of the average component's" in doubts[0]


def test_thin_in_a_direction_that_is_no_axis():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    needle = turn @ np.diag([1.0, 1e-4]) @ turn.T
    model = GaussianMixture([0.5, 0.5], [[0, 0], [9, 0]], [np.eye(2), (needle + needle.T) / 2])
    assert "component 1 is thin" in model.doubts(np.array([50.0, 10.0]))[0]
    assert model.doubts(np.array([50.0, 20.0])) == ()


def test_components_that_are_nearly_the_same_are_doubted():
    counts = np.array([50.0, 50.0])
    near, far = two_normals([0.0, 0.04], 1.0), two_normals([0.0, 0.06], 1.0)
    assert near.doubts(counts) == ("components 0 and 1 are nearly the same: fewer may be enough.",)
    assert far.doubts(counts) == ()
    assert two_normals([0.0, 0.0], [1.0, 1.5]).doubts(counts) == ()  # unlike in spread
    assert near.coincident() == far.coincident() == []
    assert BinomialMixture([0.5, 0.5], [0.95, 0.98]).doubts(counts) == ()
    coins = BinomialMixture([0.5, 0.5], [0.5, 0.5003])
    assert "components 0 and 1 are nearly the same" in coins.doubts(counts)[0]
    assert "component 1 rests on hardly any data" in coins.doubts(np.array([9.0, 0.9]))[0]


def test_a_fit_that_is_cut_short_has_doubts_too():
    assert em.fit(five(SPURIOUS), GALAXIES, max_iter=1).doubts


# --- distances


def test_distances_are_in_standard_deviations_of_the_average_component():
    model = GaussianMixture1D([0.5, 0.25, 0.25], [0.0, 6.0, 6.0], [4.0, 4.0, 4.0])
    np.testing.assert_allclose(model.distances(), [[0, 3, 3], [3, 0, 0], [3, 0, 0]], atol=1e-12)
    assert model.coincident() == [(1, 2)]
    spread = two_normals([0.0, 0.0], [1.0, 3.0])
    np.testing.assert_allclose(spread.distances(), [[0, 1], [1, 0]], atol=1e-12)
    assert GaussianMixture1D([1.0], [0.0], 1.0).distances().shape == (1, 1)
    assert GaussianMixture1D([1.0], [0.0], 1.0).coincident() == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_distances_are_symmetric_and_zero_for_twins(case):
    for seed in range(10):
        model, _ = case.draw(np.random.default_rng(seed))
        distances = model.distances()
        k = model.n_components
        assert distances.shape == (k, k)
        assert (np.diag(distances) == 0).all() and (distances == distances.T).all()
        off = distances[~np.eye(k, dtype=bool)]
        assert (off > 1e-3).all() and model.coincident() == []


@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("gauss")], ids=str)
def test_doubts_do_not_depend_on_units(case):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        model, x = case.draw(rng)
        moved = case.move(rng, model, x)[0]
        counts = rng.uniform(0.5, 8, model.n_components)
        here, there = model.doubts(counts), moved.doubts(counts)
        assert len(here) == len(there)


# --- the saddle


def twins(case, seed=0):
    """A model whose components are all the same, with data, made from a case's clear start."""
    start, x = case.clear(np.random.default_rng(seed))
    names = ["means", "rates", "probabilities", "variances", "scales", "degrees_of_freedom"]
    if getattr(start, "covariance_type", "") != "tied":
        names.append("covariances")
    same = {n: np.repeat(getattr(start, n)[:1], 2, axis=0) for n in names if hasattr(start, n)}
    return replace(start, **same), x


@pytest.mark.parametrize("case", CASES, ids=str)
def test_identical_starts_end_at_a_saddle_and_say_so(case):
    start, x = twins(case)
    assert start.coincident() == [(0, 1)]
    if case.name == "student-t":  # its climb is so long that rounding tells the twins apart
        assert em.fit(start, x).converged
        return
    with pytest.warns(DegenerateWarning, match="components 0 and 1 are the same"):
        fit = em.fit(start, x)
    assert fit.status == "degenerate" and not fit.converged
    assert "saddle" in fit.message and "Start elsewhere" in fit.message
    assert fit.doubts == ()
    first, second = fit.model.responsibilities(x).T
    apart = 1e-9 if case.labels_alone else 1e-6  # of a t, see above
    np.testing.assert_allclose(first, fit.model.weights[0], rtol=apart)  # nothing told apart
    np.testing.assert_allclose(second, fit.model.weights[1], rtol=apart)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_start_beside_the_saddle_leaves_it(case):
    start, x = twins(case)
    for name in ("means", "rates", "probabilities"):
        if hasattr(start, name):
            value = getattr(start, name).copy()
            value[1] += 1e-3 * abs(value[1])
            start = replace(start, **{name: value})
    if case.name in ("gaussian-1d-common", "gaussian-tied"):
        # With one spread for both the saddle is so flat that EM takes ages, or comes to rest.
        slow = em.fit(start, x, max_iter=300)
        assert not slow.converged or "nearly the same" in slow.doubts[0]
        return
    fit = em.fit(start, x)
    clear = case.clear(np.random.default_rng(0))[0]
    if hasattr(start, "degrees_of_freedom"):  # the same for both components, held or not
        clear = replace(clear, degrees_of_freedom=start.degrees_of_freedom)
    best = em.fit(clear, x)
    assert fit.converged
    assert fit.objective[-1] == pytest.approx(best.objective[-1], abs=1e-3)


def test_fit_best_prefers_any_run_to_the_saddle():
    x = data.old_faithful()[:, 1]
    with pytest.warns(DegenerateWarning, match="saddle"):
        best = em.fit_best([two_normals([70, 70], 36.0), two_normals([55, 80], 36.0)], x)
    assert best.converged and [run.status for run in best.runs] == ["degenerate", "converged"]


@pytest.mark.parametrize("gap", [1e-6, 1e-5, 1e-4])
def test_components_that_part_ever_faster_are_followed(gap):
    """Although all else comes to rest meanwhile, and the objective shows nothing yet of 22 nats."""
    x = data.four_clusters(50, 0)[0]
    steps = em.iterate(GaussianMixture.start(x, 2, 0, covariance_type="spherical"), x)
    two = next(islice(steps, 372, None)).model  # 15 steps before a fit ends
    larger = int(two.weights.argmax())
    who, aside = [0, 1, larger], np.array([[0.0], [0.0], [gap * two.covariances[larger] ** 0.5]])
    weights = two.weights[who] / np.where(np.array(who) == larger, 2, 1)
    start = GaussianMixture(weights, two.means[who] + aside, two.covariances[who], "spherical")
    fit = em.fit(start, x)
    assert fit.converged and fit.doubts == ()
    assert fit.objective[-1] > em.fit(two, x).objective[-1] + 20
