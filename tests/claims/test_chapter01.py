"""What chapter 1 says happens, from other starts, with other q and with other numbers."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext

import numpy as np
import pytest
from scipy.special import entr, logsumexp, rel_entr
from scipy.stats import binom, multinomial

Z = np.arange(126)
STAR = (15 + np.sqrt(53809)) / 394
RATE = 0.1328
PRINTED = [
    *("0.608247423", "0.624321051", "0.626488879", "0.626777323"),
    *("0.626815632", "0.626820719", "0.626821395", "0.626821484"),
]


def log_joint(theta):
    counts = np.column_stack([125 - Z, Z, 0 * Z + 18, 0 * Z + 20, 0 * Z + 34])
    return multinomial.logpmf(
        counts, 197, [1 / 2, theta / 4, (1 - theta) / 4, (1 - theta) / 4, theta / 4]
    )


def log_likelihood(theta):
    return logsumexp(log_joint(theta))


def posterior(theta):
    return binom.pmf(Z, 125, theta / (2 + theta))


def elbo(q, theta):
    return q @ log_joint(theta) + entr(q).sum()


def step(theta, y1=125, against=38, y4=34):
    zbar = y1 * theta / (2 + theta)
    return (zbar + y4) / (zbar + y4 + against)


@pytest.fixture
def rngs(seeds):
    return [np.random.default_rng(seed) for seed in seeds]


def test_the_recipe_settles_on_the_maximum(rngs):
    """`It settles on the maximum, with about seven and a half times less error at each step.`"""
    for rng in rngs:
        path = [rng.uniform(0.001, 0.999)]
        for _ in range(15):
            path.append(step(path[-1]))
        errors = np.abs(np.array(path) - STAR)
        assert errors[-1] < 1e-11
        assert errors[4:7] / errors[3:6] == pytest.approx(RATE, rel=0.02)


def test_the_best_q_reaches_the_log_likelihood(rngs):
    """`It gets all the way up: the best bound is the log-likelihood`; its mean is 125 rho."""
    for rng in rngs:
        theta = rng.uniform(0.2, 0.9)
        q = rng.dirichlet(np.full(126, 5.0))
        for _ in range(400):
            q = q * np.exp(0.1 * (log_joint(theta) - np.log(q)))
            q = q / q.sum()
        assert elbo(q, theta) == pytest.approx(log_likelihood(theta), abs=1e-6)
        assert q @ Z == pytest.approx(125 * theta / (2 + theta), abs=1e-6)


def test_the_sum_of_bound_and_divergence_does_not_depend_on_q(rngs):
    """`Read the last column: the sum does not depend on q.`"""
    for rng in rngs:
        theta, q = rng.uniform(0.05, 0.95), rng.dirichlet(np.full(126, rng.uniform(0.1, 5)))
        divergence = rel_entr(q, posterior(theta)).sum()
        assert elbo(q, theta) + divergence == pytest.approx(log_likelihood(theta), abs=1e-8)
        assert divergence > 0


def test_the_chain_holds_and_the_m_step_does_the_larger_part(rngs):
    """`In each row the numbers go up from left to right`; (b) is `the larger part` in every row."""
    for rng in rngs:
        theta = rng.uniform(0.02, 0.5)
        for _ in range(5):
            new = step(theta)
            bound = elbo(posterior(theta), new)
            worked, given = bound - log_likelihood(theta), log_likelihood(new) - bound
            assert worked > given > 0
            theta = new


def test_q_alone_falls_in_the_end_while_the_likelihood_rises(rngs):
    """`It rises at first, and then it falls, while l still rises`: for starts below the maximum."""
    for rng in rngs:
        path = [rng.uniform(0.02, 0.4)]
        for _ in range(7):
            path.append(step(path[-1]))
        q_values = [posterior(t) @ log_joint(t) for t in path]
        assert np.diff(q_values)[0] > 0 and (np.diff(q_values)[-2:] < 0).all()
        assert (np.diff([log_likelihood(t) for t in path]) > 0).all()


def test_without_the_coefficient_the_mean_is_wrong(rngs):
    """`We get a good-looking distribution, which sums to one and has the wrong mean.`"""
    for rng in rngs:
        theta = rng.uniform(0.05, 0.95)
        joint = (1 / 2) ** (125.0 - Z) * (theta / 4) ** Z
        q = joint / joint.sum()
        assert np.isfinite(q).all()
        assert q @ Z < 0.2 * 125 * theta / (2 + theta)


def test_a_larger_step_is_faster(rngs):
    """Exercise 1.8: with omega = 1 / (1 - r) the error factor is zero at the fixed point."""
    for rng in rngs:
        omega, plain = 1 / (1 - RATE), rng.uniform(0.3, 0.9)
        relaxed = plain
        for _ in range(4):
            plain, relaxed = step(plain), relaxed + omega * (step(relaxed) - relaxed)
        assert abs(relaxed - STAR) < 0.1 * abs(plain - STAR)


def test_the_standard_error_is_how_far_the_estimate_may_be_off(rngs):
    """`The usual measure of how far an estimate may be off: here about 0.05.`"""
    p = np.array([2 + STAR, 1 - STAR, 1 - STAR, STAR]) / 4
    for rng in rngs:
        y = rng.multinomial(197, p, size=1000)
        theta = np.full(1000, 0.6)
        for _ in range(30):
            theta = step(theta, y[:, 0], y[:, 1] + y[:, 2], y[:, 3])
        assert theta.std() == pytest.approx(0.0515, rel=0.1)


def murray(s1, s2, c, n=800):
    for _ in range(n):
        square1 = 20 + 4 * (s1 - c**2 / s2) + 16 * (c / s2) ** 2
        square2 = 20 + 4 * (s2 - c**2 / s1) + 16 * (c / s1) ** 2
        s1, s2, c = square1 / 12, square2 / 12, 16 * (c / s1 + c / s2) / 12
    return s1, s2, c / np.sqrt(s1 * s2)


def test_em_rests_on_the_saddle_from_the_line_of_symmetry_and_nowhere_else(rngs):
    """`From c = 0 EM stays at correlation zero for ever`; `a start at random` ends on a summit."""
    for rng in rngs:
        s1, s2 = rng.uniform(0.5, 6, size=2)
        assert murray(s1, s2, 0.0) == pytest.approx((2.5, 2.5, 0))
        c = rng.uniform(-1, 1) * np.sqrt(s1 * s2)
        assert murray(s1, s2, c) == pytest.approx((8 / 3, 8 / 3, 0.5 * np.sign(c)), abs=1e-6)


def test_em_leaves_the_local_minimum_from_a_start_at_random(rngs):
    """`A start at random will hardly end there`: from anywhere else EM goes to a summit."""
    x = np.array([-3.0, 3.0])
    for rng in rngs:
        mu = start = rng.normal(scale=rng.choice([1e-3, 0.1, 5]))
        for _ in range(100):
            w = 2 / (1 + (x - mu) ** 2)
            mu = w @ x / w.sum()
        assert mu == pytest.approx(np.sign(start) * np.sqrt(8))


def test_on_a_summit_without_curvature_em_creeps(rngs):
    """`Or on a summit too flat to have curvature, towards which it creeps`: x = -1 and 1."""
    x = np.array([-1.0, 1.0])
    for rng in rngs:
        path = [rng.uniform(0.2, 5) * rng.choice([-1, 1])]
        for _ in range(1000):
            w = 2 / (1 + (x - path[-1]) ** 2)
            path.append(w @ x / w.sum())
        path = np.abs(path)
        assert (np.diff(path) < 0).all() and 0.01 < path[-1] < 0.1
        assert path[-1] / path[-2] > 0.999


def test_weighted_means_find_the_median_and_the_distances_fall(rngs):
    """`They end at the median, and the sum of distances fell at every step.`"""
    for rng in rngs:
        x = np.round(rng.exponential(20, size=7), 2)
        m, values = rng.uniform(x.min(), x.max()), []
        for _ in range(200):
            values.append(np.abs(x - m).sum())
            if np.abs(x - m).min() < 1e-9:
                break
            w = 1 / np.abs(x - m)
            m = w @ x / w.sum()
        assert m == pytest.approx(np.median(x), abs=1e-3)
        assert (np.diff(values) <= 1e-9).all()


HALF = Decimal("0.5")
WAYS = [
    lambda t: 125 * (t / (2 + t)),
    lambda t: 125 * t / (2 + t),
    lambda t: 125 / (1 + 2 / t),
    lambda t: 125 * ((t / 4) / (HALF + t / 4)),
    lambda t: 125 * (t / 4) / (HALF + t / 4),
    lambda t: 125 - 250 / (2 + t),
]


def matches(way, digits, rounding=ROUND_HALF_UP, last=lambda z: (z + 34) / (z + 72)):
    """Return how many of the eight printed iterates come out on a calculator."""
    with localcontext(Context(prec=digits, rounding=rounding)):
        t, found = HALF, 0
        for number in PRINTED:
            t = last(way(t))
            found += f"{t.quantize(Decimal('1e-9'))}" == number
    return found


def test_ten_digits_and_no_other_number_of_them_make_the_table_of_1977():
    """`All eight in all six ways; with any other number at most five`; exercise 1.12."""
    assert [matches(way, 10) for way in WAYS] == [8] * 6
    assert max(matches(way, digits) for way in WAYS for digits in (9, 11, 12, 13, 14, 16)) == 5
    assert {matches(way, 10, last=lambda z: 1 - 38 / (z + 72)) for way in WAYS} == {5}
    assert {matches(way, 10, ROUND_DOWN) for way in WAYS} == {4}
    even = [matches(way, 10, ROUND_HALF_EVEN) for way in WAYS]
    assert (min(even), max(even)) == (5, 8)
