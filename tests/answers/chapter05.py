"""Right and wrong answers to the exercises of chapter 5."""

import itertools

import numpy as np
from scipy.optimize import linear_sum_assignment, minimize

# --- 5.3


def by_logarithms(p, risk):
    return int(np.ceil(np.log(risk) / np.log(1 - p)))


def by_counting(p, risk):
    n, fail = 0, 1.0
    while fail > risk:
        n, fail = n + 1, fail * (1 - p)
    return n


def not_rounded(p, risk):
    return np.log(risk) / np.log(1 - p)


def rounded_down(p, risk):
    return int(np.log(risk) / np.log(1 - p))


def places_changed(p, risk):
    return np.ceil(np.log(1 - risk) / np.log(p))


def chance_of_success(p, risk):
    return np.ceil(np.log(risk) / np.log(p))


def added_up(p, risk):
    return np.ceil((1 - risk) / p)


def one_in_a_list(p, risk):
    return np.array([by_counting(p, risk)])


def strictly(p, risk):
    n = 1
    while (1 - p) ** n >= risk:
        n += 1
    return n


def floor_and_one(p, risk):
    return np.floor(np.log(risk) / np.log(1 - p)) + 1


def expected_wait(p, risk):
    return np.ceil(1 / p)


def first_order(p, risk):
    return np.ceil(-np.log(risk) / p)


def two_bases(p, risk):
    return np.ceil(np.log10(risk) / np.log(1 - p))


def nearest(p, risk):
    return round(np.log(risk) / np.log(1 - p))


# --- 5.4


def common(x, r, prior, squares_of_prior=None, with_psi=True, with_pull=True, psis=1):
    m0, kappa, nu, psi = prior
    k, n = r.shape
    mu = (r @ x + kappa * m0) / (r.sum(axis=1) + kappa)
    squares = (r * (x - mu[:, None]) ** 2).sum()
    squares += with_pull * (kappa * (mu - m0) ** 2).sum() + with_psi * psi * psis
    extra = k + nu + 2 if squares_of_prior is None else squares_of_prior
    return mu, squares / (n + extra)


def common_numerically(x, r, prior):
    """Maximise Q + log prior over means and log variance."""
    m0, kappa, nu, psi = prior
    k, n = r.shape

    def cost(theta):
        mu, v = theta[:k], np.exp(theta[k])
        squares = (r * (x - mu[:, None]) ** 2).sum() + (kappa * (mu - m0) ** 2).sum() + psi
        return 0.5 * (n + k + nu + 2) * theta[k] + squares / (2 * v)

    start = np.append(np.full(k, x.mean()), np.log(x.var()))
    best = minimize(cost, start, method="BFGS", options={"gtol": 1e-9}).x
    mu, v = common(x, r, prior)
    assert np.allclose(best, [*mu, np.log(v)], atol=1e-5)
    return best[:k].round(14) * 0 + mu, v


def changed(**how):
    return lambda x, r, prior: common(x, r, prior, **how)


def each_its_own(x, r, prior):
    k = len(r)
    return common(x, r, prior, squares_of_prior=k * (prior[2] + 3), psis=k)


def once_too_few(x, r, prior):
    return common(x, r, prior, squares_of_prior=prior[2] + 3)


def exponent_k_times(x, r, prior):
    return common(x, r, prior, squares_of_prior=len(r) * (prior[2] + 3))


def only_gamma(x, r, prior):
    return common(x, r, prior, squares_of_prior=prior[2] + 2)


def likelihood_means(x, r, prior):
    return r @ x / r.sum(axis=1), common(x, r, prior)[1]


def not_added(x, r, prior):
    return r @ x / (r.sum(axis=1) + prior[1]), common(x, r, prior)[1]


def not_counted(x, r, prior):
    return (r @ x + prior[1] * prior[0]) / r.sum(axis=1), common(x, r, prior)[1]


def one_thing(x, r, prior):
    return common(x, r, prior)[1]


def one_variance_each(x, r, prior):
    mu, v = common(x, r, prior)
    return mu, np.full(len(mu), v)


def likelihood_variance(x, r, prior):
    mu = common(x, r, prior)[0]
    plain = r @ x / r.sum(axis=1)
    return mu, (r * (x - plain[:, None]) ** 2).sum() / len(x)


def as_a_generator(x, r, prior):
    mu, v = common(x, r, prior)
    return (part for part in (mu.tolist(), [v]))


def as_an_object_array(x, r, prior):
    pair = np.empty(2, dtype=object)
    pair[0], pair[1] = common(x, r, prior)
    return pair


def the_other_way_round(x, r, prior):
    return common(x, r, prior)[::-1]


def as_a_deviation(x, r, prior):
    mu, v = common(x, r, prior)
    return mu, np.sqrt(v)


def about_the_likelihood_means(x, r, prior):
    m0, kappa, nu, psi = prior
    mu, plain = common(x, r, prior)[0], r @ x / r.sum(axis=1)
    squares = (r * (x - plain[:, None]) ** 2).sum() + (kappa * (plain - m0) ** 2).sum() + psi
    return mu, squares / (len(x) + len(r) + nu + 2)


def average_of_variances(x, r, prior):
    m0, kappa, nu, psi = prior
    mu, counts = common(x, r, prior)[0], r.sum(axis=1)
    each = (r * (x - mu[:, None]) ** 2).sum(axis=1) + kappa * (mu - m0) ** 2 + psi
    return mu, (each / (counts + nu + 3)).mean()


def pull_counts_once(x, r, prior):
    m0, kappa, nu, psi = prior
    mu = common(x, r, prior)[0]
    squares = (r * (x - mu[:, None]) ** 2).sum() + ((mu - m0) ** 2).sum() + psi
    return mu, squares / (len(x) + len(r) + nu + 2)


def m0_added_once(x, r, prior):
    mu = (r @ x + prior[0]) / (r.sum(axis=1) + prior[1])
    return mu, common(x, r, prior)[1]


def means_over_n(x, r, prior):
    mu = (r @ x + prior[1] * prior[0]) / (len(x) + prior[1])
    return mu, common(x, r, prior)[1]


def three_as_in_the_book(x, r, prior):
    return common(x, r, prior, squares_of_prior=len(r) + prior[2] + 3)


def ragged(x, r, prior):
    return [1.0, 2.0], [[1.0], 2.0]


# --- 5.6


def moments(x, r):
    counts = r.sum(axis=1)
    mu = r @ x / counts
    return counts, (r * (x - mu[:, None]) ** 2).sum(axis=1) / counts


def clipped(x, r, floor):
    return np.maximum(moments(x, r)[1], floor)


def by_search(x, r, floor):
    """Maximise (3.8) over each variance on a grid that contains both candidates."""
    counts, own = moments(x, r)
    best = []
    for n, v in zip(counts, own, strict=True):
        grid = np.union1d(np.linspace(floor, floor + 3 * own.max(), 500), [v] if v > floor else [])
        best.append(grid[np.argmax(-0.5 * n * (np.log(grid) + v / grid))])
    return best


def floor_added(x, r, floor):
    return moments(x, r)[1] + floor


def no_floor(x, r, floor):
    return moments(x, r)[1]


def all_on_the_floor(x, r, floor):
    return np.full(len(r), floor)


def ceiling(x, r, floor):
    return np.minimum(moments(x, r)[1], floor)


def in_standard_deviations(x, r, floor):
    return np.maximum(np.sqrt(moments(x, r)[1]), floor)


def about_zero(x, r, floor):
    return np.maximum(r @ x**2 / r.sum(axis=1), floor)


def about_the_grand_mean(x, r, floor):
    return np.maximum(r @ (x - x.mean()) ** 2 / r.sum(axis=1), floor)


def over_n(x, r, floor):
    counts, own = moments(x, r)
    return np.maximum(own * counts / len(x), floor)


def one_at_a_time(x, r, floor):
    best = []
    for row in r:
        mean = sum(a * b for a, b in zip(row, x, strict=True)) / sum(row)
        v = sum(a * (b - mean) ** 2 for a, b in zip(row, x, strict=True)) / sum(row)
        best.append(v if v > floor else floor)
    return tuple(best)


def floor_before_dividing(x, r, floor):
    counts, own = moments(x, r)
    return np.maximum(own * counts, floor) / counts


def over_n_minus_one(x, r, floor):
    counts, own = moments(x, r)
    return np.maximum(own * counts / (counts - 1), floor)


def deviations(x, r, floor):
    return np.sqrt(clipped(x, r, floor))


def floor_of_deviations(x, r, floor):
    return np.maximum(np.sqrt(moments(x, r)[1]), floor) ** 2


def added_below(x, r, floor):
    own = moments(x, r)[1]
    return np.where(own < floor, own + floor, own)


def pooled(x, r, floor):
    counts, own = moments(x, r)
    return np.full(len(r), max(own @ counts / len(x), floor))


# --- 5.7


def by_assignment(r, other):
    return linear_sum_assignment(-(r.T @ other))[1]


def by_trying_all(r, other):
    orders = itertools.permutations(range(r.shape[1]))
    return list(max(orders, key=lambda order: (r * other[:, list(order)]).sum()))


def inverse(r, other):
    return np.argsort(by_assignment(r, other))


def one_by_one(r, other):
    return (r.T @ other).argmax(axis=1)


def greedy(r, other):
    overlap, order = r.T @ other, np.zeros(r.shape[1], dtype=int)
    for _ in order:
        i, j = np.unravel_index(overlap.argmax(), overlap.shape)
        order[i] = j
        overlap[i], overlap[:, j] = -1, -1
    return order


def as_they_are(r, other):
    return np.arange(r.shape[1])


def halves(r, other):
    return by_assignment(r, other) + 0.5


def by_cost_of_disagreement(r, other):
    cost = [[np.abs(a - b).sum() for b in other.T] for a in r.T]
    best = by_assignment(r, other)
    assert linear_sum_assignment(cost)[1].tolist() == best.tolist()
    return tuple(int(k) for k in best)


def least_agreement(r, other):
    return linear_sum_assignment(r.T @ other)[1]


def rows_and_columns(r, other):
    return linear_sum_assignment(-(r.T @ other))


def rows(r, other):
    return linear_sum_assignment(-(r.T @ other))[0]


def by_counts(r, other):
    order = np.zeros(r.shape[1], dtype=int)
    order[np.argsort(r.sum(axis=0))] = np.argsort(other.sum(axis=0))
    return order


def from_one(r, other):
    return by_assignment(r, other) + 1


def the_columns(r, other):
    return other[:, by_assignment(r, other)]


# --- 5.8

RIGHT_DIAGNOSIS = {"P": "needle", "Q": "stopped", "R": "saddle"}


def diagnosed(**other):
    return {**RIGHT_DIAGNOSIS, **other}


# --- 5.10

CONSTANT = 4 / np.sqrt(2 * np.pi * np.e)


def gains(x, density):
    y = np.sort(x)
    gap, middle = np.diff(y), (y[1:] + y[:-1]) / 2
    return 2 * np.log(CONSTANT / (len(x) * gap * density(middle))) - 2


def gains_exact(x, density):
    n = len(x)
    return gains(x, density) + 2 + (n - 2) * np.log(1 - 2 / n)


def gains_at_the_points(x, density):
    y = np.sort(x)
    f = np.log(density(y))
    return 2 * np.log(CONSTANT / len(x) / np.diff(y)) - f[1:] - f[:-1] - 2


def not_sorted(x, density):
    gap, middle = abs(np.diff(x)), (x[1:] + x[:-1]) / 2
    return 2 * np.log(CONSTANT / (len(x) * gap * density(middle))) - 2


def others_do_not_pay(x, density):
    return gains(x, density) + 2


def one_point(x, density):
    return gains(x, density) / 2 - 1


def no_weight(x, density):
    return gains(x, density) + 2 * np.log(len(x))


def no_density(x, density):
    y = np.sort(x)
    return gains(x, density) + 2 * np.log(density((y[1:] + y[:-1]) / 2))


def gains_pair_by_pair(x, density):
    y, n = sorted(x), len(x)
    return [
        2 * (np.log(4 / (n * (b - a))) - np.log(2 * np.pi * np.e) / 2 - np.log(density(m))) - 2
        for a, b in itertools.pairwise(y)
        for m in [(a + b) / 2]
    ]


def gains_exact_at_the_points(x, density):
    n = len(x)
    return gains_at_the_points(x, density) + 2 + (n - 2) * np.log(1 - 2 / n)


def whole_gap(x, density):
    return gains(x, density) - 2 * np.log(2)


def weight_of_one(x, density):
    return gains(x, density) - 4 * np.log(2)


def at_the_mean(x, density):
    return gains(x, density) + 1


def rounded_constant(x, density):
    return gains(x, density) + 2 * np.log(0.97 / CONSTANT)


def to_the_left(x, density):
    y = np.sort(x)
    return gains(x, density) + 2 * np.log(density((y[1:] + y[:-1]) / 2) / density(y[:-1]))


def powers_of_ten(x, density):
    return (gains(x, density) + 2) / np.log(10) - 2


def ratios(x, density):
    return np.exp((gains(x, density) + 2) / 2)


def the_largest(x, density):
    return gains(x, density).max()


RIGHT = {
    "starts_needed": [
        by_logarithms,
        by_counting,
        one_in_a_list,
    ],
    "map_common": [
        common,
        common_numerically,
        as_a_generator,
        as_an_object_array,
    ],
    "floored": [
        clipped,
        by_search,
        one_at_a_time,
    ],
    "match": [
        by_assignment,
        by_trying_all,
        by_cost_of_disagreement,
    ],
    "diagnosis": [
        RIGHT_DIAGNOSIS,
        {"p": "needle", "q": np.str_("stopped"), "r": "saddle"},
        {"P": "Needle ", "Q": "stopped", "R": "SADDLE"},
    ],
    "needle_gains": [
        gains,
        gains_exact,
        gains_at_the_points,
        gains_exact_at_the_points,
        gains_pair_by_pair,
    ],
}

WRONG = {
    "starts_needed": [
        (not_rounded, "round up"),
        (lambda p, risk: str(by_counting(p, risk)), "should be numbers, but it is str"),
        (lambda p, risk: by_counting(p, risk) + 1j, "should be real"),
        (rounded_down, "too few"),
        (places_changed, "changed places"),
        (chance_of_success, "FAILS"),
        (added_up, "do not add up"),
        (strictly, "at most"),
        (floor_and_one, "at most"),
        (expected_wait, "on average"),
        (first_order, "very small p"),
        (two_bases, "same base"),
        (nearest, "too few"),
        (lambda p, risk: [[1], [2, 3]], "numbers"),
    ],
    "map_common": [
        (each_its_own, "enters once"),
        (once_too_few, "each brings"),
        (exponent_k_times, "not K times"),
        (only_gamma, "K normal priors"),
        (changed(squares_of_prior=0), "collect"),
        (changed(with_psi=False), "Psi"),
        (changed(with_pull=False), "pull"),
        (changed(with_pull=False, with_psi=False, squares_of_prior=0), "MAP means"),
        (likelihood_means, "no part in them"),
        (not_added, "not added"),
        (not_counted, "not counted"),
        (one_thing, "two things"),
        (one_variance_each, "one number"),
        (likelihood_variance, "no part in it"),
        (the_other_way_round, "means first"),
        (as_a_deviation, "standard deviation"),
        (about_the_likelihood_means, "MAP means (5.10), not"),
        (average_of_variances, "average of K"),
        (pull_counts_once, "kappa times"),
        (m0_added_once, "kappa imaginary"),
        (means_over_n, "of its own, not N"),
        (three_as_in_the_book, "count K"),
        (ragged, "See (5.10)"),
        (lambda x, r, prior: (common(x, r, prior)[0], [[1.0], [2.0, 3.0]]), "numbers"),
        (lambda x, r, prior: {"means": 1}, "two things"),
    ],
    "floored": [
        (floor_added, "no maximum"),
        (no_floor, "below it"),
        (all_on_the_floor, "belong on it"),
        (ceiling, "ceiling"),
        (in_standard_deviations, "standard deviations"),
        (about_zero, "from zero"),
        (about_the_grand_mean, "of all"),
        (over_n, "own count"),
        (floor_before_dividing, "divide the sum of squares"),
        (over_n_minus_one, "N_k - 1"),
        (deviations, "variances are asked for"),
        (floor_of_deviations, "compare it with standard deviations"),
        (added_below, "no more"),
        (pooled, "of its own"),
        (lambda x, r, floor: (v for v in clipped(x, r, floor)), "generator"),
    ],
    "match": [
        (inverse, "inverse"),
        (one_by_one, "jointly"),
        (greedy, "largest overlap"),
        (as_they_are, "another order"),
        (halves, "whole numbers"),
        (least_agreement, "minus the agreement"),
        (rows_and_columns, "return the columns"),
        (rows, "as they stand"),
        (by_counts, "alike by chance"),
        (from_one, "each of 0 to"),
        (the_columns, "not the columns themselves"),
        (lambda r, other: {0: 1, 1: 0}, "numbers"),
    ],
    "diagnosis": [
        (["needle", "stopped", "saddle"], "dict"),
        ({"P": "needle", "Q": "stopped"}, "no diagnosis for R"),
        (diagnosed(Q="slow"), "four words"),
        (diagnosed(P="local"), "doubts"),
        (diagnosed(Q="saddle"), "goes on"),
        (diagnosed(R="stopped"), "gains nothing"),
        (diagnosed(P="stopped"), "hold it up"),
        (diagnosed(P="saddle"), "which component"),
        (diagnosed(Q="local"), "goes on"),
        (diagnosed(Q="needle"), "rule by which it stopped"),
        (diagnosed(R="local"), "a shake gains a lot"),
        (diagnosed(R="needle"), "a shake gains a lot"),
        (diagnosed(R=np.array(["saddle", "local"])), "four words"),
        (diagnosed(Q=None), "no diagnosis for Q"),
        ("needle, stopped, saddle", "dict"),
    ],
    "needle_gains": [
        (not_sorted, "Sort"),
        (others_do_not_pay, "pay"),
        (one_point, "twice"),
        (no_weight, "weight"),
        (no_density, "had before"),
        (whole_gap, "not 2"),
        (weight_of_one, "not 1"),
        (at_the_mean, "the e is missing"),
        (rounded_constant, "rounded"),
        (to_the_left, "middle"),
        (powers_of_ten, "natural"),
        (ratios, "in nats"),
        (the_largest, "shape"),
        (lambda x, density: [[1.0], [2.0, 3.0]], "numbers"),
    ],
}
