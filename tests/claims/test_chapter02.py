"""The empirical sentences of chapter 2."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import betabinom

from emlib import BinomialMixture, data, em

HALF = [0.5, 0.5]
KINDS = np.column_stack([np.arange(11), np.full(11, 10)])
TAILS = KINDS[:, 1] - KINDS[:, 0]
BOYS = np.arange(13)
SAXONY = np.column_stack([BOYS, np.full(13, 12)])
FAMILIES = np.array([3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7])
TRUTH = np.array([0.6, 0.5])


def experiments(size, seed):
    """Return how many of `size` rows have 0, 1, ..., 10 heads, with coins 0.6 and 0.5."""
    rng = np.random.default_rng(seed)
    coin = rng.integers(2, size=size)
    return np.bincount(rng.binomial(10, TRUTH[coin]), minlength=11)


def divided(many, share):
    """Return heads over tosses of both coins; `share` is coin A's, of each kind of row."""
    heads, tosses = KINDS.T * many
    return np.array([heads @ r / (tosses @ r) for r in (share, 1 - share)])


def climb(many, shares, rounds):
    """Return where counting and dividing end that start at the truth."""
    theta = TRUTH
    for _ in range(rounds):
        theta = divided(many, shares(theta))
    return theta


def soft(theta):
    odds = np.log(theta) @ [[1], [-1]] * KINDS[:, 0] + np.log(1 - theta) @ [[1], [-1]] * TAILS
    return 1 / (1 + np.exp(-odds))


def hard(theta):
    return (soft(theta) > 0.5).astype(float)


@pytest.fixture
def ends(seeds):
    """Return where verdicts and shares end, (10, 2) for each number of rows."""
    sets = {n: [experiments(n, seed) for seed in seeds] for n in (1_000, 100_000)}
    return {
        name: {n: np.array([climb(m, shares, rounds) for m in sets[n]]) for n in sets}
        for name, shares, rounds in (("hard", hard, 30), ("soft", soft, 400))
    }


def test_verdicts_walk_away_from_the_truth_each_time(ends):
    """The chapter: "It walked away from the truth each time: coin A comes out much too high,
    coin B much too low, and more rows only make it surer of the wrong answer."
    """
    for found in ends["hard"].values():
        assert (found[:, 0] > 0.65).all() and (found[:, 1] < 0.44).all()
    few, many = (ends["hard"][n].std(axis=0) for n in (1_000, 100_000))
    assert (many < few / 2).all()


def test_shares_get_better_with_more_data(ends):
    """The chapter: "The means agree with the truth to within the scatter, and the scatter shrinks
    as the rows become more."
    """
    few, many = (np.abs(ends["soft"][n] - TRUTH) for n in (1_000, 100_000))
    assert many.max() < 0.01
    assert (many.mean(axis=0) < few.mean(axis=0) / 2).all()
    for found in ends["soft"].values():
        assert (np.abs(found.mean(axis=0) - TRUTH) < found.std(axis=0)).all()


def test_one_coin_scatters_as_much_as_the_five_rows_one_time_in_ten(seeds):
    """The chapter: "Five rows from one coin scatter that much about one time in ten." """
    heads = data.two_coins()[:, 0]
    for seed in seeds:
        sets = np.random.default_rng(seed).binomial(10, 0.66, size=(20_000, 5))
        mine, others = (
            ((h - h.mean(-1, keepdims=True)) ** 2).sum(-1) / (h.mean(-1) * (10 - h.mean(-1)))
            for h in (heads, sets)
        )
        assert 0.08 < np.mean(others > mine - 1e-9) < 0.13


def test_em_finds_the_summit_on_its_side_of_the_diagonal(seeds):
    """The chapter: "EM finds the summit on its side of the diagonal." """
    x, summit = data.two_coins(), np.array([0.7968, 0.5196])
    for seed in seeds:
        start = np.random.default_rng(seed).uniform(0.1, 0.9, size=2)
        model = BinomialMixture(HALF, start, fixed_weights=True)
        found = em.fit(model, x, tol=1e-10).model.probabilities
        np.testing.assert_allclose(
            found, summit if start[0] > start[1] else summit[::-1], atol=1e-4
        )


def steps(x, counts, theta, *, free, tol):
    """Return after how many steps of EM less than `tol` nats are left to gain."""
    heads, tosses = x.T
    tails, theta, pi, climb = tosses - heads, np.asarray(theta), np.array(HALF), []
    while len(climb) < 5_000:
        log_joint = heads[:, None] * np.log(theta) + tails[:, None] * np.log(1 - theta) + np.log(pi)
        l_row = np.logaddexp(*log_joint.T)
        climb.append(counts @ l_row)
        r = np.exp(log_joint - l_row[:, None]) * counts[:, None]
        pi = r.sum(axis=0) / counts.sum() if free else pi
        theta = heads @ r / (tosses @ r)
    return int(np.argmax(climb[-1] - np.array(climb) < tol))


def ratio_of_steps(x, counts, starts, tol):
    """Return how many times as many steps EM takes, on average, when the weight is free."""
    fixed, free = (
        np.mean([steps(x, counts, start, free=free, tol=tol) for start in starts])
        for free in (False, True)
    )
    return free / fixed


def test_a_free_weight_takes_three_to_four_times_as_many_steps(seeds):
    """The chapter: "Freeing one weight also made EM take three times as many steps"; and Deeper:
    "Three to four times as many, from other starts too."
    """
    starts = [np.random.default_rng(seed).uniform(0.1, 0.9, size=2) for seed in seeds]
    x = data.two_coins()
    counted = [
        [em.fit(BinomialMixture(HALF, s, fixed_weights=f), x, tol=1e-10).n_iter for f in (1, 0)]
        for s in starts
    ]
    fixed, free = np.mean(counted, axis=0)
    assert 2.5 < free / fixed < 4.5


def test_the_saxon_families_need_a_hundred_times_as_many_steps(seeds):
    """The chapter: "The free weight [...] costs a hundred times as many steps." """
    starts = [np.random.default_rng(seed).uniform(0.4, 0.7, size=2) for seed in seeds]
    assert 60 < ratio_of_steps(SAXONY, FAMILIES, starts, 1e-4) < 160


def log_likelihoods(counts):
    """Return l of two equally likely coins and of the beta-binomial, at their best."""
    start = BinomialMixture(HALF, [0.6, 0.5], fixed_weights=True)
    two = em.fit(start, SAXONY, sample_weight=counts, tol=1e-4).log_likelihood[-1]

    def loss(v):
        return -counts @ betabinom.logpmf(BOYS, 12, *np.exp(v))

    options = {"fatol": 1e-9}
    return two, -minimize(loss, np.log([30, 30]), method="Nelder-Mead", options=options).fun


def test_six_thousand_families_hardly_choose_between_two_coins_and_a_hump(seeds):
    """Deeper: "The true model is ahead in 53 of these hundred draws (in about two of three, if you
    draw many more), and most margins are fractions of a nat. One as low as Saxony's turns up from
    either."
    """
    two = BinomialMixture(HALF, [0.580, 0.459])
    laws = [np.exp(two.log_density(SAXONY)), betabinom.pmf(BOYS, 12, 34.1, 31.6)]
    margins = np.array([
        [np.subtract(*log_likelihoods(counts)) for seed in seeds
         for counts in np.random.default_rng(seed).multinomial(6115, p / p.sum(), size=6)]
        for p in laws
    ])  # fmt: skip
    right = np.concatenate([margins[0] > 0, margins[1] < 0]).mean()
    assert 0.52 < right < 0.8
    assert np.mean(np.abs(margins) < 1) > 0.75
    assert (margins.mean(axis=1) - 2.5 * margins.std(axis=1) < -0.84).all()
