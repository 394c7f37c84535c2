"""What chapter 0 says of the first climb, from other starts."""

from itertools import islice

import numpy as np
import pytest

from emlib import GaussianMixture1D, data, em

WAITING = data.old_faithful()[:, 1]
SADDLE = -1095.289


def climb(means, variance, n=60):
    """Return the models and log-likelihoods of n steps."""
    start = GaussianMixture1D([0.5, 0.5], means, [variance, variance])
    steps = list(islice(em.iterate(start, WAITING), n))
    return [s.model for s in steps], np.array([s.log_likelihood for s in steps])


@pytest.fixture
def starts(seeds):
    rngs = map(np.random.default_rng, seeds)
    return [(rng.uniform(55, 80), rng.uniform(100, 200)) for rng in rngs]


def test_equal_humps_stay_equal_for_ever(starts):
    """`Both humps are the plain mean of all the waits, and they stay equal for ever.`"""
    for mean, variance in starts:
        models, values = climb([mean, mean], variance)
        assert all(np.ptp(model.means) < 1e-9 for model in models)
        assert models[-1].means == pytest.approx(WAITING.mean())
        assert values[1:] == pytest.approx(SADDLE, abs=1e-3)


def test_from_nearly_equal_humps_there_is_a_plateau_just_above_the_saddle(starts):
    """`A plateau, then a second climb`; the plateau `lies just above` the saddle."""
    for mean, variance in starts:
        _, values = climb([mean, mean + 5], variance)
        assert (SADDLE < values[1:3]).all() and (values[1:3] < SADDLE + 6).all()
        gains = np.diff(values)
        assert gains[1] < 3 and gains[2:].max() > 4 * gains[1]
        assert (gains > -1e-9).all()


def test_the_second_climb_ends_on_the_two_humps(starts):
    """`The curves separate, and settle on the humps.`"""
    for mean, variance in starts:
        models, values = climb([mean, mean + 5], variance)
        assert np.sort(models[-1].means) == pytest.approx([54.61, 80.09], abs=0.05)
        assert values[-1] == pytest.approx(-1034.002, abs=0.01)
