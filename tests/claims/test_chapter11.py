"""The empirical sentences of chapter 11, with other seeds."""

from itertools import islice

import numpy as np
import pytest

from emlib import GaussianMixture, StudentTMixture, accelerate, data, em
from emlib.families.student import ecme, px_em

FAITHFUL = data.old_faithful()
CLEAN = [54.5, 80.0]

pytestmark = pytest.mark.usefixtures("no_warnings")


def passes(steps, start, x, top, most=1000):
    spent = 0
    for step in steps(start, x):
        spent += step.n_e_steps
        if step.objective > top - 1e-6 or spent >= most:
            return spent
    return None


def counts(draw, seeds):
    """Passes of EM, ECME and PX-EM, (seeds, 3)."""
    found = []
    for seed in seeds:
        x = draw(np.random.default_rng(seed))
        start = StudentTMixture.start(x, 1, rng=0)
        top = em.fit(start, x, steps=accelerate.quasi_newton, tol=1e-10).objective[-1]
        found.append([passes(c, start, x, top) for c in (em.iterate, ecme, px_em)])
    return np.array(found)


def test_light_tails_ecme_is_many_times_faster_and_px_em_does_not_help(seeds):
    """Where tails are light ECME is many times faster; EM and PX-EM are held back alike."""
    plain, by_ecme, px = counts(lambda rng: rng.standard_t(15, (400, 1)), seeds).T
    assert np.median(plain / by_ecme) > 3
    assert (abs(np.log(plain / px)) < 0.3).all()


def test_heavy_tails_px_em_wins_and_a_second_pass_does_not_pay(seeds):
    """On the line PX-EM saves about a third."""
    plain, by_ecme, px = counts(lambda rng: rng.standard_t(1, (100, 1)), seeds).T
    assert (by_ecme > plain).all() and (px < plain).all()
    assert 0.2 < 1 - np.median(px / plain) < 0.5


def test_in_five_dimensions_px_em_saves_more_than_half(seeds):
    """More than half in five dimensions, with wild rows."""

    def draw(rng):
        return np.vstack([rng.standard_normal((60, 5)), 10 * rng.standard_normal((6, 5))])

    plain, by_ecme, px = counts(draw, seeds).T
    assert (by_ecme > plain).all() and np.median(px / plain) < 0.5


def test_em_raises_the_degrees_of_freedom_by_at_most_d(seeds):
    """In one step by at most D, whatever the data."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        d = int(rng.integers(1, 5))
        x = rng.standard_normal((80, d)) ** rng.choice([1, 3])
        for climb in (em.iterate, px_em):
            steps = islice(climb(StudentTMixture.start(x, 1, rng=0), x), 20)
            nu = np.array([step.model.degrees_of_freedom[0] for step in steps])
            assert np.diff(nu).max() <= d


def test_one_bad_row_spoils_the_normals_and_hardly_ever_the_t(seeds):
    """Within two minutes of the clean centres: the normals never, the t nearly always."""
    near = np.zeros(2, int)
    for seed in seeds:
        bad = FAITHFUL.copy()
        bad[np.random.default_rng(seed).integers(272), 1] = 540
        for k, family in enumerate((GaussianMixture, StudentTMixture)):
            options = {} if k == 0 else {"fixed": True}
            model = em.fit(family.start(bad, 2, rng=0, **options), bad).model
            near[k] += abs(np.sort(model.means[:, 1]) - CLEAN).max() < 2
    assert near[0] == 0 and near[1] >= 8


def test_the_t_keeps_the_clusters_in_noise_and_the_normals_do_not(seeds):
    """Both clusters are kept far more often by t than by normals."""
    kept = np.zeros(2, int)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        rows = np.vstack([FAITHFUL, rng.uniform([-5, -50], [12, 200], (30, 2))])
        for k, family in enumerate((GaussianMixture, StudentTMixture)):
            options = {} if k == 0 else {"fixed": True}
            model = em.fit(family.start(rows, 2, rng=0, **options), rows).model.sorted("means")
            kept[k] += abs(model.means[:, 1] - CLEAN).max() < 5
    assert kept[0] <= 4 and kept[1] >= 7
