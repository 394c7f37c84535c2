"""Right and wrong answers to the exercises of chapter 7."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.special import softmax
from scipy.stats import geom, poisson

from emlib import ABO, Mixture
from emlib.coordinates import PROBABILITY, SIMPLEX
from emlib.mixture import mixing

# --- 7.2


def by_counting(counts, p, hidden=None, cross=1.0):
    if hidden is None:
        hidden = [2 * p[2] / (p[k] + 2 * p[2]) for k in (0, 1)]
    n_a, n_b, n_ab, n_o = counts
    a = n_a * (2 - hidden[0]) + cross * n_ab
    b = n_b * (2 - hidden[1]) + cross * n_ab
    o = n_a * hidden[0] + n_b * hidden[1] + 2 * n_o
    return np.array([a, b, o]) / (a + b + o)


def by_emlib(counts, p):
    model = ABO(p)
    return list(model.m_step(model.e_step(counts)).frequencies)


def genes_not_shares(counts, p):
    return by_counting(counts, p) * 2 * counts.sum()


def one_gene_each(counts, p):
    return by_counting(counts, p) * 2


def o_first(counts, p):
    return by_counting(counts, p)[[2, 0, 1]]


def stands_still(counts, p):
    return p


def one_way(counts, p):
    return by_counting(counts, p, [p[2] / (p[k] + p[2]) for k in (0, 1)])


def exchanged(counts, p):
    return by_counting(counts, p, [p[k] / (p[k] + 2 * p[2]) for k in (0, 1)])


def nothing_hidden(counts, p):
    return by_counting(counts, p, [0, 0])


def no_ab(counts, p):
    return by_counting(counts, p, cross=0.0)


# --- 7.3


def by_logs(log_joint, temperature):
    a = log_joint / temperature
    a = a - a.max(axis=1)[:, None]
    return np.exp(a) / np.exp(a).sum(axis=1)[:, None]


def by_softmax(log_joint, temperature):
    return softmax(log_joint / temperature, axis=1).tolist()


def no_temperature(log_joint, temperature):
    return softmax(log_joint, axis=1)


def times(log_joint, temperature):
    return softmax(log_joint * temperature, axis=1)


def columns(log_joint, temperature):
    return softmax(log_joint / temperature, axis=0)


def no_sum(log_joint, temperature):
    return np.exp(log_joint / temperature)


def still_logs(log_joint, temperature):
    return log_joint / temperature


def power_after(log_joint, temperature):
    return softmax(log_joint, axis=1) ** (1 / temperature)


def underflows(log_joint, temperature):
    q = np.exp(log_joint) ** (1 / temperature)
    return q / q.sum(axis=1, keepdims=True)


# --- 7.5


def decided(x, w, log_joint):
    q = np.eye(log_joint.shape[1])[log_joint.argmax(axis=1)]
    return w @ q / w.sum(), (w * x) @ q / (w @ q)


def by_deciding(x, w, weights, rates):
    return decided(x, w, np.log(weights) + poisson.logpmf(x[:, None], rates))


def by_loop(x, w, weights, rates):
    days, notices = np.zeros(len(weights)), np.zeros(len(weights))
    for n, v in zip(x, w, strict=True):
        k = np.argmax(weights * poisson.pmf(n, rates))
        days[k] += v
        notices[k] += v * n
    return [days / days.sum(), notices / days]


def averaged(x, w, weights, rates):
    q = softmax(np.log(weights) + poisson.logpmf(x[:, None], rates), axis=1)
    return w @ q / w.sum(), (w * x) @ q / (w @ q)


def rows_count_once(x, w, weights, rates):
    return by_deciding(x, np.ones(len(x)), weights, rates)


def no_weights(x, w, weights, rates):
    return decided(x, w, poisson.logpmf(x[:, None], rates))


def no_minus_rate(x, w, weights, rates):
    return decided(x, w, np.log(weights) + x[:, None] * np.log(rates))


def nothing_moves(x, w, weights, rates):
    return weights, rates


def rates_first(x, w, weights, rates):
    return by_deciding(x, w, weights, rates)[::-1]


def days_for_weights(x, w, weights, rates):
    share, new = by_deciding(x, w, weights, rates)
    return share * w.sum(), new


def old_weights(x, w, weights, rates):
    return weights, by_deciding(x, w, weights, rates)[1]


def old_rates(x, w, weights, rates):
    return by_deciding(x, w, weights, rates)[0], rates


def notices(x, w, weights, rates):
    share, new = by_deciding(x, w, weights, rates)
    return share, new * share * w.sum()


def over_all_days(x, w, weights, rates):
    share, new = by_deciding(x, w, weights, rates)
    return share, new * share


def one_thing(x, w, weights, rates):
    return by_deciding(x, w, weights, rates)[1]


# --- 7.6


def by_precision(x, r, variances):
    p = (r / variances).sum(axis=1)
    mean = p @ x / p.sum()
    return mean, ((x - mean) ** 2) @ r / r.sum(axis=0)


def by_component_means(x, r, variances):
    counts = r.sum(axis=0)
    mean = (counts / variances) @ (r.T @ x / counts) / (counts / variances).sum()
    return [mean, [(r[:, k] * (x - mean) ** 2).sum() / counts[k] for k in range(len(counts))]]


def about(mean_of):
    def wrong(x, r, variances):
        mean = mean_of(x, r, variances)
        return mean, ((x[:, None] - mean) ** 2 * r).sum(axis=0) / r.sum(axis=0)

    return wrong


def average(weights, x):
    return weights @ x / weights.sum()


plain_mean = about(lambda x, r, v: x.mean())
own_means = about(lambda x, r, v: r.T @ x / r.sum(axis=0))
mean_of_means = about(lambda x, r, v: (r.T @ x / r.sum(axis=0)).mean())
noisiest_first = about(lambda x, r, v: average(r @ v, x))
by_sd = about(lambda x, r, v: average((r / np.sqrt(v)).sum(axis=1), x))
inverse_of_average = about(lambda x, r, v: average(1 / (r @ v), x))
not_divided = about(lambda x, r, v: (r / v).sum(axis=1) @ x)


def variances_by(change):
    def wrong(x, r, variances):
        mean, right = by_precision(x, r, variances)
        return mean, change(x, r, variances, right)

    return wrong


def _about_own(x, r, v, right):
    own = r.T @ x / r.sum(axis=0)
    return ((x[:, None] - own) ** 2 * r).sum(axis=0) / r.sum(axis=0)


about_own = variances_by(_about_own)
about_plain = variances_by(lambda x, r, v, right: ((x - x.mean()) ** 2) @ r / r.sum(axis=0))
sums = variances_by(lambda x, r, v, right: right * r.sum(axis=0))
over_n = variances_by(lambda x, r, v, right: right * r.mean(axis=0))
deviations = variances_by(lambda x, r, v, right: np.sqrt(right))
old_variances = variances_by(lambda x, r, v, right: v)


def mean_only(x, r, variances):
    return by_precision(x, r, variances)[0]


# --- 7.9


@dataclass(frozen=True, eq=False)
class Geometric(Mixture):
    weights: np.ndarray
    probabilities: np.ndarray

    def log_components(self, x):
        failures = self.check(x)[:, None] - 1
        p = self.probabilities
        return np.log(p) + failures * np.log1p(-p)

    def statistics(self, x, responsibilities):
        return (x @ responsibilities,)

    def m_step(self, expectation):
        counts, (attempts,) = expectation.counts, expectation.statistics
        return replace(self, weights=mixing(counts), probabilities=counts / attempts)

    spaces: ClassVar = {"weights": SIMPLEX, "probabilities": PROBABILITY}

    def draw(self, z, rng):
        return rng.geometric(self.probabilities[z]).astype(float)


class ByScipy(Geometric):
    def log_components(self, x):
        return geom.logpmf(self.check(x)[:, None], self.probabilities)


class WithWeights(Geometric):
    def log_components(self, x):
        return super().log_components(x) + self.log_weights


class NoLogs(Geometric):
    def log_components(self, x):
        return np.exp(super().log_components(x))


class AllFailures(Geometric):
    def log_components(self, x):
        return super().log_components(x) + np.log1p(-self.probabilities)


class NoSuccess(Geometric):
    def log_components(self, x):
        return super().log_components(x) - np.log(self.probabilities)


class Transposed(Geometric):
    def log_components(self, x):
        return super().log_components(x).T


class TooFew(Geometric):
    spaces: ClassVar = {"probabilities": PROBABILITY}


class MeansForP(Geometric):
    def m_step(self, expectation):
        new = super().m_step(expectation)
        return replace(new, probabilities=1 / new.probabilities)


class Stays(Geometric):
    def m_step(self, expectation):
        return replace(super().m_step(expectation), probabilities=self.probabilities)


class OneTooMany(Geometric):
    def m_step(self, expectation):
        counts, (attempts,) = expectation.counts, expectation.statistics
        return replace(self, weights=mixing(counts), probabilities=counts / (attempts + counts))


class EqualWeights(Geometric):
    def m_step(self, expectation):
        return replace(super().m_step(expectation), weights=np.array([0.5, 0.5]))


class NoMStep(Geometric):
    def m_step(self, expectation):
        raise NotImplementedError("m_step is missing")


class FromZero(Geometric):
    def draw(self, z, rng):
        return super().draw(z, rng) - 1


class AllTheSame(Geometric):
    def draw(self, z, rng):
        return rng.geometric(0.3, len(z)).astype(float)


# --- further answers: right ones in other containers, and more mistakes


def genes_in_a_loop(counts, p):
    genes = {"A": counts[2], "B": counts[2], "O": 2 * counts[3]}
    for kind, people, own in (("A", counts[0], p[0]), ("B", counts[1], p[1])):
        hidden = 2 * own * p[2] / (own**2 + 2 * own * p[2])
        genes[kind] += people * (2 - hidden)
        genes["O"] += people * hidden
    return tuple(genes[kind] / (2 * sum(counts)) for kind in "ABO")


def ab_twice(counts, p):
    return by_counting(counts, p, cross=2.0)


def only_group_o(counts, p):
    right = by_counting(counts, p)
    return np.array([right[0], right[1], counts[3] / counts.sum()])


def only_group_o_normalised(counts, p):
    wrong = only_group_o(counts, p)
    return wrong / wrong.sum()


def two_frequencies(counts, p):
    return by_counting(counts, p)[:2]


def in_words(counts, p):
    return "0.2136 0.0501 0.7363"


def ragged(*arguments):
    return ([1.0], [2.0, 3.0], 4.0)


def by_named(counts, p):
    return dict(zip("ABO", by_counting(counts, p), strict=True))


def by_rows(log_joint, temperature):
    rows = [np.exp((row - max(row)) / temperature) for row in log_joint]
    return tuple(tuple(row / sum(row)) for row in rows)


def powers_of_responsibilities(log_joint, temperature):
    q = softmax(log_joint, axis=1) ** (1 / temperature)
    return q / q.sum(axis=1, keepdims=True)


def minus_the_mean(log_joint, temperature):
    q = np.exp((log_joint - log_joint.mean(axis=1, keepdims=True)) / temperature)
    return q / q.sum(axis=1, keepdims=True)


def power_t(log_joint, temperature):
    q = softmax(log_joint, axis=1) ** temperature
    return q / q.sum(axis=1, keepdims=True)


def whole_array(log_joint, temperature):
    return softmax(log_joint / temperature)


def log_q(log_joint, temperature):
    return np.log(softmax(log_joint / temperature, axis=1))


def frozen(log_joint, temperature):
    return np.eye(log_joint.shape[1])[log_joint.argmax(axis=1)]


def by_array(x, w, weights, rates):
    return np.array(by_deciding(x, w, weights, rates))


def by_generator(x, w, weights, rates):
    return (part for part in by_deciding(x, w, weights, rates))


def nearest_rate(x, w, weights, rates):
    return decided(x, w, -np.abs(x[:, None] - rates))


def least_probable(x, w, weights, rates):
    return decided(x, w, -np.log(weights) - poisson.logpmf(x[:, None], rates))


def weights_subtracted(x, w, weights, rates):
    return decided(x, w, poisson.logpmf(x[:, None], rates) - np.log(weights))


def equal_weights(x, w, weights, rates):
    return np.full(len(weights), 1 / len(weights)), by_deciding(x, w, weights, rates)[1]


def days_over_notices(x, w, weights, rates):
    share, new = by_deciding(x, w, weights, rates)
    return share, 1 / new


def joint_without_logs(x, w, weights, rates):
    joint = weights * rates ** x[:, None].astype(float) * np.exp(-rates)
    q = joint / joint.sum(axis=1, keepdims=True)
    q = np.where(np.isnan(q), np.nan, q == q.max(axis=1, keepdims=True)).astype(float)
    return w @ q / w.sum(), (w * x) @ q / (w @ q)


def by_array_of_one(x, r, variances):
    mean, new = by_precision(x, r, variances)
    return [np.array([mean]), new.tolist()]


def variances_first(x, r, variances):
    return by_precision(x, r, variances)[::-1]


precision_over_n = about(lambda x, r, v: (r / v).sum(axis=1) @ x / len(x))
without_counts = about(lambda x, r, v: average(1 / v, r.T @ x / r.sum(axis=0)))
one_variance = variances_by(lambda x, r, v, right: np.full(len(v), right.mean()))
distances = variances_by(
    lambda x, r, v, right: (np.abs(x - by_precision(x, r, v)[0]) @ r / r.sum(axis=0)) ** 2
)
one_less = variances_by(lambda x, r, v, right: right * r.sum(axis=0) / (r.sum(axis=0) - 1))
not_weighed = variances_by(
    lambda x, r, v, right: np.full(len(v), ((x - by_precision(x, r, v)[0]) ** 2).mean())
)


class ByLoop(Geometric):
    def statistics(self, x, responsibilities):
        return (np.array([sum(x * column) for column in responsibilities.T]),)

    def draw(self, z, rng):
        u = rng.random(len(z))
        return np.ceil(np.log1p(-u) / np.log1p(-self.probabilities[z])).clip(1)


class ConstantDraw(Geometric):
    def draw(self, z, rng):
        return 1 / self.probabilities[z]


class RoundedDraw(Geometric):
    def draw(self, z, rng):
        return np.round(1 / self.probabilities[z])


class PoissonDraw(Geometric):
    def draw(self, z, rng):
        return 1.0 + rng.poisson(1 / self.probabilities[z] - 1)


class OverFailures(Geometric):
    def m_step(self, expectation):
        counts, (attempts,) = expectation.counts, expectation.statistics
        p = counts / (attempts - counts)
        return replace(self, weights=mixing(counts), probabilities=p)


class Complement(Geometric):
    def m_step(self, expectation):
        new = super().m_step(expectation)
        return replace(new, probabilities=1 - new.probabilities)


class OldWeights(Geometric):
    def m_step(self, expectation):
        return replace(super().m_step(expectation), weights=self.weights)


class RaggedLogs(Geometric):
    def log_components(self, x):
        return [[0.0], [1.0, 2.0]]


RIGHT = {
    "gene_step": [
        genes_in_a_loop,
        by_counting,
        by_emlib,
    ],
    "tempered": [
        by_rows,
        by_logs,
        by_softmax,
    ],
    "hard_step": [
        by_array,
        by_deciding,
        by_loop,
    ],
    "common_mean_round": [
        by_array_of_one,
        by_precision,
        by_component_means,
    ],
    "geometric": [
        ByLoop,
        Geometric,
        ByScipy,
    ],
}

WRONG = {
    "gene_step": [
        (ab_twice, "AB twice"),
        (only_group_o, "hidden O"),
        (only_group_o_normalised, "hidden O"),
        (two_frequencies, "shape (3,)"),
        (in_words, "should be numbers"),
        (ragged, "should be numbers"),
        (by_named, "should be numbers"),
        (genes_not_shares, "numbers of genes"),
        (one_gene_each, "two genes"),
        (o_first, "order"),
        (stands_still, "not moved"),
        (one_way, "factor 2"),
        (exchanged, "exchanged"),
        (nothing_hidden, "hide an O"),
        (no_ab, "group AB"),
    ],
    "tempered": [
        (powers_of_responsibilities, "powers of responsibilities"),
        (minus_the_mean, "not the mean"),
        (power_t, "multiply by T"),
        (whole_array, "whole array"),
        (log_q, "logarithms"),
        (frozen, "T = 0"),
        (ragged, "should be numbers"),
        (no_temperature, "no effect"),
        (times, "divides"),
        (columns, "columns"),
        (no_sum, "sum to one"),
        (still_logs, "logarithms"),
        (power_after, "after taking the power"),
        (underflows, "underflows"),
    ],
    "hard_step": [
        (nearest_rate, "nearest rate"),
        (least_probable, "least"),
        (weights_subtracted, "subtract log pi_k"),
        (equal_weights, "shares of the days"),
        (days_over_notices, "days over notices"),
        (joint_without_logs, "NaN"),
        (by_generator, "two things"),
        (ragged, "two things"),
        (averaged, "That is EM"),
        (rows_count_once, "w_n days"),
        (no_weights, "without the weights"),
        (no_minus_rate, "- lambda_k"),
        (nothing_moves, "Nothing has moved"),
        (rates_first, "order"),
        (days_for_weights, "numbers of days"),
        (old_weights, "weights have not moved"),
        (old_rates, "rates have not moved"),
        (notices, "numbers of notices"),
        (over_all_days, "not by all days"),
        (one_thing, "two things"),
    ],
    "common_mean_round": [
        (variances_first, "mean first"),
        (precision_over_n, "not by N"),
        (without_counts, "N_k / v_k is wanted"),
        (one_variance, "of its own"),
        (distances, "average the squares"),
        (one_less, "N_k - 1"),
        (not_weighed, "of its own"),
        (ragged, "two things"),
        (plain_mean, "plain mean"),
        (own_means, "one common mean"),
        (mean_of_means, "N_k / v_k"),
        (noisiest_first, "noisiest"),
        (by_sd, "standard deviations"),
        (inverse_of_average, "average of 1 / v_k"),
        (not_divided, "divided by the sum"),
        (about_own, "own means"),
        (about_plain, "about the plain mean"),
        (sums, "sums of squares"),
        (over_n, "not by N"),
        (deviations, "standard deviations"),
        (old_variances, "variances have not moved"),
        (mean_only, "two things"),
    ],
    "geometric": [
        (ConstantDraw, "whole number"),
        (RoundedDraw, "same number each time"),
        (PoissonDraw, "not geometric"),
        (OverFailures, "by the failures"),
        (Complement, "1 - p"),
        (OldWeights, "weights have not moved"),
        (RaggedLogs, "should be numbers"),
        (lambda weights, probabilities: 3, "AttributeError"),
        (WithWeights, "log pi_k"),
        (NoLogs, "logarithms"),
        (AllFailures, "x - 1 failures"),
        (NoSuccess, "lacks the success"),
        (Transposed, "one row"),
        (TooFew, "should be 3"),
        (MeansForP, "one over that"),
        (Stays, "have not moved"),
        (OneTooMany, "one of the attempts"),
        (EqualWeights, "weights after one step"),
        (NoMStep, "m_step is missing"),
        (FromZero, "1 or more"),
        (AllTheSame, "should be near"),
        (3, "function is wanted"),
    ],
}
