"""Right and wrong answers to assignment 2."""

# --- lifetime-log-joint

_JOINT = """
from scipy.special import xlog1py


def lifetime_log_joint(attempts, success, weights, p):
    t, d = attempts[:, None], success[:, None]
    seen = {seen}
    unseen = {unseen}
    return {end}
"""


def _joint(**change: str) -> str:
    usual = {
        "seen": "xlog1py(t - 1, -p) + np.log(p)",
        "unseen": "xlog1py(t, -p)",
        "end": "np.log(weights) + np.where(d == 1, seen, unseen)",
    }
    return _JOINT.format(**(usual | change))


# --- expected-attempts


def _attempts(body: str) -> str:
    return f"""
def expected_attempts(attempts, success, p):
    t, d = attempts[:, None], success[:, None] == 1
    return {body}
"""


# --- nested-step

_NESTED = """
from scipy.special import logsumexp, xlog1py


def nested_step(attempts, success, people, weights, p):
    t, d, c = attempts[:, None], success[:, None], people[:, None]
    a = {joint}
    r = {r}
    needed = {needed}
    players = {players}
    counts = players.sum(axis=0)
    new_weights = {weights}
    new_p = {p}
    return {end}
"""


def _nested(**change: str) -> str:
    usual = {
        "joint": "np.log(weights) + d * np.log(p) + xlog1py(t - d, -p)",
        "r": "np.exp(a - logsumexp(a, axis=1, keepdims=True))",
        "needed": "np.where(d == 1, t, t + 1 / p)",
        "players": "c * r",
        "weights": "counts / c.sum()",
        "p": "counts / (players * needed).sum(axis=0)",
        "end": "new_weights, new_p",
    }
    return _NESTED.format(**(usual | change))


# --- labelled-step

_LABELLED = """
from scipy.special import logsumexp, xlog1py, xlogy


def labelled_step(x, labels, weights, probabilities):
    heads, tosses = x.T
    a = {joint}
    r = {r}
    known = labels >= 0
    {known}
    new_weights = {weights}
    new_probabilities = {probabilities}
    return {end}
"""


def _labelled(**change: str) -> str:
    usual = {
        "joint": "np.log(weights) + xlogy(heads[:, None], probabilities)"
        " + xlog1py((tosses - heads)[:, None], -probabilities)",
        "r": "np.exp(a - logsumexp(a, axis=1, keepdims=True))",
        "known": "r[known] = labels[known, None] == np.arange(len(weights))",
        "weights": "r.sum(axis=0) / len(x)",
        "probabilities": "heads @ r / (tosses @ r)",
        "end": "new_weights, new_probabilities",
    }
    return _LABELLED.format(**(usual | change))


# --- labelled-log-likelihood

_SEEN = """
from scipy.special import logsumexp
from scipy.stats import binom


def labelled_log_likelihood(x, labels, weights, probabilities):
    heads, tosses = x[:, [0]], x[:, [1]]
    heads_given_coin = {heads}
    a = {joint}
    known = labels >= 0
    with_label = {with_label}
    without = {without}
    return {end}
"""


def _seen(**change: str) -> str:
    usual = {
        "heads": "binom.logpmf(heads, tosses, probabilities)",
        "joint": "np.log(weights) + heads_given_coin",
        "with_label": "a[known, labels[known]]",
        "without": "logsumexp(a[~known], axis=1)",
        "end": "with_label.sum() + without.sum()",
    }
    return _SEEN.format(**(usual | change))


RIGHT: dict[str, list[str]] = {
    "lifetime-log-joint": [
        """
from scipy.stats import geom


def lifetime_log_joint(attempts, success, weights, p):
    table = np.empty((len(p), len(attempts)))
    for k in range(len(p)):
        with np.errstate(divide="ignore"):
            seen, unseen = geom.logpmf(attempts, p[k]), geom.logsf(attempts, p[k])
        table[k] = np.log(weights[k]) + np.where(success == 1, seen, unseen)
    return table.T
""",
        """
import math


def lifetime_log_joint(attempts, success, weights, p):
    rows = []
    for t, d in zip(attempts, success):
        row = []
        for w, chance in zip(weights, p):
            value = math.log(w)
            if d:
                value += math.log(chance)
            failures = t - 1 if d else t
            if failures:
                value += failures * math.log1p(-chance) if chance < 1 else -math.inf
            row.append(value)
        rows.append(row)
    return rows
""",
        _joint(seen="np.log(p / (1 - p).clip(1e-300)) + xlog1py(t, -p)").replace(
            "return ", "seen = np.where(p == 1, np.where(t == 1, 0, -np.inf), seen)\n    return "
        ),
    ],
    "expected-attempts": [
        """
def expected_attempts(attempts, success, p):
    return [[float(t) if d else t + 1 / chance for chance in p]
            for t, d in zip(attempts, success)]
""",
        """
def expected_attempts(attempts, success, p):
    table = np.tile(attempts.astype(float), (len(p), 1))
    later = np.arange(1, 5000)
    for k, chance in enumerate(p):
        table[k, success == 0] += later @ (chance * (1 - chance) ** (later - 1))
    return table.T
""",
        _attempts("(t * p + np.where(d, 0, 1)) / p"),
    ],
    "nested-step": [
        """
from fractions import Fraction
from math import exp, log


def nested_step(attempts, success, people, weights, p):  # the mean, by an exact sum of fractions
    k = len(p)
    count, needed = [0.0] * k, [0.0] * k
    for t, d, c in zip(attempts.tolist(), success.tolist(), people.tolist()):
        logs = [log(weights[j]) + (t - d) * log(1 - p[j]) + d * log(p[j]) for j in range(k)]
        top = max(logs)
        shares = [exp(a - top) for a in logs]
        for j in range(k):
            share = c * shares[j] / sum(shares)
            count[j] += share
            needed[j] += share * (t if d else t + float(1 / Fraction(float(p[j]))))
    return np.array([[n / sum(count) for n in count], [n / m for n, m in zip(count, needed)]])
""",
        """
def nested_step(attempts, success, people, weights, p):
    counts, needed = np.zeros(len(p)), np.zeros(len(p))
    for t, d, c in zip(attempts, success, people):
        a = np.log(weights) + (t - d) * np.log1p(-p) + (np.log(p) if d else 0)
        r = np.exp(a - a.max())
        r = c * r / r.sum()
        counts += r
        needed += r * (t if d else t + 1 / p)
    return list(counts / people.sum()), list(counts / needed)
""",
        """
from scipy.special import log_softmax


def nested_step(attempts, success, people, weights, p):
    failures = np.outer(np.log1p(-p), attempts - success)
    a = np.log(weights)[:, None] + failures + np.outer(np.log(p), success)
    r = np.exp(log_softmax(a, axis=0)) * people  # (K, N)
    seen = (r * success).sum(axis=1) / r.sum(axis=1)
    types_alone = r @ attempts / (r @ success)
    mean = seen * types_alone + (1 - seen) / p
    return np.array([r.sum(axis=1) / people.sum(), 1 / mean])
""",
        """
from scipy.special import softmax


def nested_step(attempts, success, people, weights, p):
    t, d = (np.repeat(column, people)[:, None] for column in (attempts, success))
    r = softmax(np.log(weights) + d * np.log(p) + (t - d) * np.log1p(-p), axis=1)
    return r.mean(axis=0), r.sum(axis=0) / np.einsum("nk,nk->k", r, t + (1 - d) / p)
""",
    ],
    "labelled-step": [
        """
def labelled_step(x, labels, weights, probabilities):  # sorted by label, and group by group
    total = {k: [0.0, 0.0, 0.0] for k in range(len(weights))}
    for label in sorted(set(labels.tolist())):
        for h, m in x[labels == label].tolist():
            odds = weights * np.exp(h * (np.log(probabilities) - np.log(probabilities).max()))
            a = np.log(weights) + h * np.log(probabilities) + (m - h) * np.log(1 - probabilities)
            odds = np.exp(a - max(a))
            share = odds / odds.sum() if label < 0 else np.eye(len(weights))[label]
            for k, s in enumerate(share):
                total[k] = [t + s * part for t, part in zip(total[k], (1, h, m))]
    everybody = sum(t[0] for t in total.values())
    return ([t[0] / everybody for t in total.values()], [t[1] / t[2] for t in total.values()])
""",
        """
def labelled_step(x, labels, weights, probabilities):
    K = len(weights)
    rows, heads, tosses = np.zeros(K), np.zeros(K), np.zeros(K)
    for (h, m), label in zip(x, labels):
        if label >= 0:
            r = np.zeros(K)
            r[label] = 1
        else:
            a = np.log(weights) + h * np.log(probabilities) + (m - h) * np.log1p(-probabilities)
            r = np.exp(a - a.max())
            r /= r.sum()
        rows, heads, tosses = rows + r, heads + r * h, tosses + r * m
    return list(rows / len(x)), list(heads / tosses)
""",
        """
from emlib import BinomialMixture


def labelled_step(x, labels, weights, probabilities):
    K, known = len(weights), labels != -1
    r = BinomialMixture(weights, probabilities).responsibilities(x)[~known]
    one = np.array([labels[known] == k for k in range(K)])  # (K, labelled rows)
    counts = r.sum(axis=0) + one.sum(axis=1)
    totals = x[~known].T @ r + (one @ x[known]).T
    return np.array([counts / counts.sum(), totals[0] / totals[1]])
""",
        """
from scipy.special import softmax
from scipy.stats import binom


def labelled_step(x, labels, weights, probabilities):
    a = np.log(weights) + binom.logpmf(x[:, [0]], x[:, [1]], probabilities)
    excluded = (labels[:, None] >= 0) & (labels[:, None] != np.arange(len(weights)))
    r = softmax(np.where(excluded, -np.inf, a), axis=1)
    return r.mean(axis=0), (r.T @ x[:, 0]) / (r.T @ x[:, 1])
""",
    ],
    "labelled-log-likelihood": [
        """
from scipy.special import logsumexp
from scipy.stats import binom


def labelled_log_likelihood(x, labels, weights, probabilities):  # an array of one
    a = np.log(weights) + binom.logpmf(x[:, :1], x[:, 1:], probabilities)
    allowed = (labels[:, None] < 0) | (labels[:, None] == np.arange(len(weights)))
    return logsumexp(a, axis=1, b=allowed, keepdims=True).sum(axis=0)
""",
        """
from scipy.special import gammaln


def labelled_log_likelihood(x, labels, weights, probabilities):
    total = 0.0
    for (h, m), label in zip(x, labels):
        a = np.log(weights) + h * np.log(probabilities) + (m - h) * np.log1p(-probabilities)
        a = a + gammaln(m + 1) - gammaln(h + 1) - gammaln(m - h + 1)
        total += a[label] if label >= 0 else a.max() + np.log(np.exp(a - a.max()).sum())
    return total
""",
        """
from emlib import BinomialMixture


def labelled_log_likelihood(x, labels, weights, probabilities):
    model = BinomialMixture(weights, probabilities)
    known = labels != -1
    picked = np.take_along_axis(model.log_joint(x)[known], labels[known, None], axis=1)
    return picked.sum() + model.log_density(x)[~known].sum()
""",
        _seen(
            with_label="np.where(labels[:, None] == np.arange(len(weights)), a, 0)[known]",
            end="np.hstack([with_label.ravel(), without]).sum()",
        ),
    ],
}

WRONG: dict[str, list[tuple[str, str, str]]] = {
    "lifetime-log-joint": [
        (
            "chances kept away from 0 and 1",
            _joint().replace("    seen =", "    p = np.clip(p, 1e-9, 1 - 1e-9)\n    seen ="),
            "A type that never fails cannot have such a line:",
        ),
        (
            "attempts changed in place",
            """
from scipy.special import xlog1py


def lifetime_log_joint(attempts, success, weights, p):
    attempts -= success
    return np.log(weights) + xlog1py(attempts[:, None], -p) + success[:, None] * np.log(p)
""",
            "changes its input in place",
        ),
        (
            "an impossible line given a large negative number",
            _joint(end="np.nan_to_num(np.log(weights) + np.where(d == 1, seen, unseen))"),
            "A type that never fails cannot have such a line:",
        ),
        (
            "the order of the failures counted",
            _joint(seen="xlog1py(t - 1, -p) + np.log(p) + np.log(t)"),
            "Write down the probability of exactly what was",
        ),
        (
            "written into whole numbers",
            """
from scipy.special import xlog1py


def lifetime_log_joint(attempts, success, weights, p):
    table = np.zeros((len(attempts), len(p)), dtype=attempts.dtype)
    with np.errstate(all="ignore"):
        for k in range(len(p)):
            table[:, k] = np.log(weights[k]) + xlog1py(attempts - success, -p[k])
            table[:, k] += (success * np.log(p[k])).astype(int)
    return table
""",
            "Write down the probability of exactly what was",
        ),
        ("probabilities returned", _joint().replace("return ", "return np.exp(") + ")", "logar"),
        (
            "weights left out",
            _joint(end="np.where(d == 1, seen, unseen)"),
            "The weights are missing",
        ),
        (
            "no success taken for a success at the last attempt",
            _joint(end="np.log(weights) + seen + 0 * d"),
            "are taken for successes at their last attempt",
        ),
        (
            "all lines taken for failures",
            _joint(end="np.log(weights) + unseen + 0 * d"),
            "taken for failures to the end",
        ),
        (
            "success the other way round",
            _joint(end="np.log(weights) + np.where(d == 0, seen, unseen)"),
            "the other way round",
        ),
        (
            "one failure too many before a success",
            _joint(seen="xlog1py(t, -p) + np.log(p)"),
            "how many attempts failed before it?",
        ),
        (
            "one failure too few without a success",
            _joint(unseen="xlog1py(t - 1, -p)"),
            "how many of the t attempts failed?",
        ),
        (
            "p taken for the probability of failure",
            _joint(seen="(t - 1) * np.log(p) + np.log(1 - p)", unseen="t * np.log(p)"),
            "you use it for failure",
        ),
        (
            "weights added without logarithm",
            _joint(end="weights + np.where(d == 1, seen, unseen)"),
            "enter with their logarithm",
        ),
        (
            "logarithm taken of a product",
            _joint(seen="np.log((1 - p) ** (t - 1) * p)", unseen="np.log((1 - p) ** t)"),
            "underflows before its logarithm is taken",
        ),
        (
            "0 log 0",
            _joint(seen="(t - 1) * np.log(1 - p) + np.log(p)", unseen="t * np.log(1 - p)"),
            "0 log 0 counts as 0",
        ),
        (
            "two types only",
            """
from scipy.stats import geom


def lifetime_log_joint(attempts, success, weights, p):
    table = np.zeros((len(attempts), len(p)))
    for k in range(2):
        with np.errstate(divide="ignore"):
            seen, unseen = geom.logpmf(attempts, p[k]), geom.logsf(attempts, p[k])
        table[:, k] = np.log(weights[k]) + np.where(success == 1, seen, unseen)
    return table
""",
            "K may be larger than two",
        ),
        (
            "summed over the types",
            _joint().replace("return ", "return np.logaddexp.reduce(").rstrip() + ", axis=1)\n",
            "should have shape (6, 2)",
        ),
        (
            "answer for the visible data stored",
            """
stored = [[-1.203972804, -2.813410717], [-1.897119985, -2.975929646],
          [-2.590267165, -3.138448576], [-3.976561527, -3.463486435],
          [-3.283414346, -1.566366450], [-6.749150249, -2.378961097]]


def lifetime_log_joint(attempts, success, weights, p):
    return stored
""",
            "should have shape (3, 2), but has (6, 2)",
        ),
    ],
    "expected-attempts": [
        (
            "attempts changed in place",
            """
def expected_attempts(attempts, success, p):
    attempts *= 1 - success
    return attempts[:, None] + (1 - success[:, None]) / p
""",
            "changes its input in place",
        ),
        (
            "median of the attempts to come",
            _attempts("np.where(d, t, t + np.log(0.5) / np.log(1 - p))"),
            "Given t failures, what is the distribution of the",
        ),
        (
            "the last attempt watched counted twice",
            _attempts("np.where(d, t, t + 1 / p - 1)"),
            "the one that succeeds counts too",
        ),
        (
            "no more than a hundred attempts in all",
            _attempts("np.minimum(np.where(d, t, t + 1 / p), 100)"),
            "Do you add up so many terms and no more?",
        ),
        (
            "failures to come for attempts to come",
            _attempts("np.where(d, t, t + (1 - p) / p + p)"),
            "Given t failures, what is the distribution of the",
        ),
        (
            "a sum of 400 terms",
            """
def expected_attempts(attempts, success, p):
    p = np.asarray(p, dtype=float)
    later = np.arange(1, 401)[:, None]
    more = (later * p * (1 - p) ** (later - 1)).sum(axis=0)
    return np.asarray(attempts)[:, None] + (np.asarray(success) == 0)[:, None] * more
""",
            "add up so many terms",
        ),
        ("attempts watched", _attempts("t + 0 * p"), "where the watching stopped"),
        (
            "only those still to come",
            _attempts("np.where(d, t, 1 / p)"),
            "not only those still to come",
        ),
        (
            "the successful attempt left out",
            _attempts("np.where(d, t, t + (1 - p) / p)"),
            "the one that succeeds counts too",
        ),
        (
            "one attempt too many",
            _attempts("np.where(d, t, t + 1 + 1 / p)"),
            "One attempt too many",
        ),
        (
            "attempts to come for all lines",
            _attempts("t + 1 / p"),
            "have no attempts to come",
        ),
        (
            "success the other way round",
            _attempts("np.where(d, t + 1 / p, t)"),
            "the other way round",
        ),
        (
            "the larger of watched and mean",
            _attempts("np.where(d, t, np.maximum(t, 1 / p))"),
            "not that of a beginner",
        ),
        (
            "0 for lines with a success",
            _attempts("np.where(d, 0, 1 / p)"),
            "For a line with success the number of attempts is known",
        ),
        (
            "written into an integer table",
            _attempts("np.where(d, t, t + 1 / p).astype(attempts.dtype)"),
            "has the integer type of `attempts`",
        ),
        ("rounded", _attempts("np.round(np.where(d, t, t + 1 / p))"), "Do not round"),
        (
            "success at the next attempt",
            _attempts("np.where(d, t, t + 1) + 0 * p"),
            "succeed at the next attempt",
        ),
        (
            "mixed over the types",
            "def expected_attempts(attempts, success, p):\n"
            "    return np.where(success == 1, attempts, attempts + 1 / p.mean())\n",
            "should have shape (6, 2)",
        ),
        (
            "transposed",
            "def expected_attempts(attempts, success, p):\n"
            "    return attempts + (1 - success) / p[:, None]\n",
            "It looks transposed",
        ),
        (
            "p added instead of one over p",
            _attempts("np.where(d, t, t + p)"),
            "what is the distribution of the number of attempts?",
        ),
        (
            "answer for the visible data stored",
            """
def expected_attempts(attempts, success, p):
    return [[1, 1], [2, 2], [3, 3], [5, 5], [6, 4 + 1 / 0.15], [11, 9 + 1 / 0.15]]
""",
            "Those are the numbers of another test",
        ),
    ],
    "nested-step": [
        (
            "whole people",
            _nested(players="(c * r).astype(int)"),
            "Your weights add up to 0.8814, not 1:",
        ),
        (
            "shares written into an array like people",
            _nested(players="np.zeros_like(c * np.ones(len(p), int))").replace(
                "    counts =", "    players[:] = c * r\n    counts ="
            ),
            "Your weights add up to 0.8814, not 1:",
        ),
        (
            "people without a success counted, not their attempts",
            _nested(p="counts / (d * players * t).sum(axis=0)"),
            "Set the slope of the expected log joint to zero:",
        ),
        (
            "one more attempt for each line",
            _nested(needed="np.where(d == 1, t, t + 1 + 1 / p)"),
            "Set the slope of the expected log joint to zero:",
        ),
        (
            "p changed before the weights",
            _nested(
                r="np.exp(a - logsumexp(a, axis=1, keepdims=True)) * (p / p.mean())",
            ),
            "Your weights add up to 1.197, not 1:",
        ),
        (
            "one added to every count",
            _nested(p="(counts + 1) / ((players * needed).sum(axis=0) + 2)"),
            "Set the slope of the expected log joint to zero:",
        ),
        (
            "success of each line counted once",
            _nested(p="(d * r).sum(axis=0) / (players * needed).sum(axis=0)"),
            "Set the slope of the expected log joint to zero:",
        ),
        (
            "counts for weights",
            _nested(weights="counts"),
            "weights sum to one",
        ),
        (
            "lines counted instead of people",
            _nested(players="r", weights="counts / len(t)"),
            "You count lines, not people",
        ),
        (
            "lines counted in p only",
            _nested(p="r.sum(axis=0) / (r * needed).sum(axis=0)"),
            "You count lines, not people, in the new p",
        ),
        (
            "logarithms multiplied by the number of people",
            _nested(r="np.exp(c * a - logsumexp(c * a, axis=1, keepdims=True))"),
            "Then all people of a line share one type",
        ),
        ("weights not renewed", _nested(weights="weights + 0"), "The weights have not moved"),
        (
            "E-step without the weights",
            _nested(joint="d * np.log(p) + xlog1py(t - d, -p)"),
            "leaves out the current weights",
        ),
        (
            "E-step takes failures for successes",
            _nested(joint="np.log(weights) + np.log(p) + xlog1py(t - 1, -p)"),
            "takes the lines without a success for successes",
        ),
        (
            "people without a success dropped",
            _nested(players="c * d * r", weights="counts / counts.sum()"),
            "You leave out the people who have not succeeded.",
        ),
        (
            "people without a success dropped from p",
            _nested(p="(d * players).sum(axis=0) / (d * players * t).sum(axis=0)"),
            "they tell of small p",
        ),
        (
            "weights from the attempts",
            _nested(weights="(players * needed).sum(axis=0) / (players * needed).sum()"),
            "Those are shares of the attempts",
        ),
        (
            "types alone hidden",
            _nested(p="(d * players).sum(axis=0) / (players * t).sum(axis=0)"),
            "That is EM with less filled in",
        ),
        (
            "responsibilities renewed between weights and p",
            _nested(
                weights="counts / c.sum()\n"
                "    a = np.log(new_weights) + d * np.log(p) + xlog1py(t - d, -p)\n"
                "    players = c * np.exp(a - logsumexp(a, axis=1, keepdims=True))\n"
                "    counts = players.sum(axis=0)"
            ),
            "Use the same responsibilities",
        ),
        (
            "responsibilities renewed between p and weights",
            _nested(
                p="counts / (players * needed).sum(axis=0)\n"
                "    a = np.log(weights) + d * np.log(new_p) + xlog1py(t - d, -new_p)\n"
                "    r = np.exp(a - logsumexp(a, axis=1, keepdims=True))\n"
                "    new_weights = (c * r).sum(axis=0) / c.sum()"
            ),
            "Use the same responsibilities",
        ),
        (
            "people divided by the number of lines",
            _nested(weights="counts / len(t)"),
            "not 1: what do you divide by?",
        ),
        (
            "responsibilities over the wrong axis",
            _nested(r="np.exp(a - logsumexp(a, axis=0, keepdims=True))"),
            "sum to one over the lines",
        ),
        (
            "responsibilities over the wrong axis, weights divided by their sum",
            _nested(
                r="np.exp(a - logsumexp(a, axis=0, keepdims=True))",
                weights="counts / counts.sum()",
            ),
            "sum to one over the lines",
        ),
        (
            "hard assignment",
            _nested(r="np.eye(len(p))[a.argmax(axis=1)]"),
            "You give each line to its likelier type",
        ),
        (
            "counted as if they succeeded when last watched",
            _nested(needed="t + 0 * p"),
            "counted as if they succeeded when last watched",
        ),
        ("means returned", _nested(p="(players * needed).sum(axis=0) / counts"), "one over that"),
        (
            "responsibilities left out of the new p",
            _nested(p="c.sum() / (c * needed).sum(axis=0)"),
            "have no effect on the new p",
        ),
        (
            "1/T averaged",
            _nested(p="(players / needed).sum(axis=0) / counts"),
            "Add up the attempts first",
        ),
        (
            "all people over the attempts of a type",
            _nested(p="c.sum() / (players * needed).sum(axis=0)"),
            "Divide the people *of each type*",
        ),
        (
            "people of a type over all attempts",
            _nested(p="counts / (players * needed).sum()"),
            "by the attempts of each type, not of all",
        ),
        ("p not renewed", _nested(p="p"), "p has not moved"),
        ("wrong order", _nested(end="new_p, new_weights"), "the weights come first, then p"),
        ("weights only", _nested(end="list(new_weights) + [0.0]"), "should return two things"),
        (
            "joint probabilities divided without logarithms",
            _nested(r="np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)"),
            "then it is 0/0. See (2.10)",
        ),
        (
            "answer for the visible data stored",
            """
stored = []


def nested_step(attempts, success, people, weights, p):
    if not stored:
        a = np.log(weights) + np.log(p) * success[:, None]
        a = np.exp(a + np.log1p(-p) * (attempts - success)[:, None])
        r = people[:, None] * a / a.sum(axis=1, keepdims=True)
        needed = attempts[:, None] + (1 - success[:, None]) / p
        stored.append((r.sum(axis=0) / people.sum(), r.sum(axis=0) / (r * needed).sum(axis=0)))
    return stored[0]
""",
            "Those are the numbers of another test",
        ),
    ],
    "labelled-step": [
        (
            "a label must be there",
            _labelled(
                known="r[known] = np.eye(labels[known].max() + 1, len(weights))[labels[known]]"
            ),
            "With no row labelled",
        ),
        (
            "a row without a label must be there",
            """
from scipy.special import logsumexp


def labelled_step(x, labels, weights, probabilities):
    heads, tosses = x[:, [0]], x[:, [1]]
    a = np.log(weights) + heads * np.log(probabilities)
    a = a + (tosses - heads) * np.log1p(-probabilities)
    first = min(n for n in range(len(x)) if labels[n] < 0)
    r = np.exp(a - logsumexp(a, axis=1, keepdims=True))
    for n in range(len(x)):
        if n != first and labels[n] >= 0:
            r[n] = np.arange(len(weights)) == labels[n]
    return r.mean(axis=0), (r * heads).sum(axis=0) / (r * tosses).sum(axis=0)
""",
            "With every row labelled",
        ),
        (
            "table of labels as long as the largest label",
            _labelled(known="r[known] = np.eye(labels.max() + 1)[labels[known]]"),
            "With no row of the last coin labelled:",
        ),
        (
            "the mean of what both kinds of rows say",
            _labelled(
                weights="(r[known].mean(axis=0) + r[~known].mean(axis=0)) / 2",
            ),
            "See (2.8) and (2.11)",
        ),
        (
            "rows changed in place",
            _labelled(known="x[known] = 0"),
            "changes its input in place",
        ),
        (
            "labels changed in place",
            _labelled(
                known="labels[~known] = 0\n    r[known] = np.eye(len(weights))[labels][known]"
            ),
            "changes its input in place",
        ),
        (
            "labelled rows in the numerator only",
            _labelled(probabilities="heads @ r / (tosses[~known] @ r[~known])"),
            "See (2.8) and (2.9)",
        ),
        (
            "a known coin nearly certain",
            _labelled(
                known="r[known] = 0.99 * (labels[known, None] == np.arange(len(weights)))"
                " + 0.01 / len(weights)"
            ),
            "See (2.8) and (2.11)",
        ),
        (
            "normalised over the rows",
            _labelled(r="np.exp(a - logsumexp(a, axis=0))"),
            "See (2.8) and (2.11)",
        ),
        ("labels ignored", _labelled(known="pass"), "The labels have no effect"),
        (
            "labelled rows only",
            _labelled(known="r = (labels[:, None] == np.arange(len(weights))) * 1.0").replace(
                "r.sum(axis=0) / len(x)", "r.sum(axis=0) / known.sum()"
            ),
            "You use the labelled rows only",
        ),
        (
            "labelled rows left out",
            _labelled(
                known="r[known] = 0",
                weights="r.sum(axis=0) / (~known).sum()",
            ),
            "The labelled rows are missing",
        ),
        (
            "labelled rows counted twice",
            _labelled(
                known="r[known] += labels[known, None] == np.arange(len(weights))",
                weights="r.sum(axis=0) / r.sum()",
            ),
            "count twice",
        ),
        (
            "label 0 taken for no label",
            _labelled(
                known="known = labels > 0\n    r[known] = np.eye(len(weights))[labels[known]]"
            ),
            "Rows of coin 0 are treated as unlabelled",
        ),
        (
            "labelled rows only, in the weights",
            _labelled(weights="r[known].sum(axis=0) / known.sum()"),
            "You use the labelled rows only in the new weights",
        ),
        (
            "labelled rows left out of the weights",
            _labelled(weights="r[~known].mean(axis=0)"),
            "The labelled rows are missing in the new weights",
        ),
        (
            "labels of two coins only",
            _labelled(
                known="for k in range(2):\n        r[labels == k] = np.arange(len(weights)) == k"
            ),
            "K may be larger than two",
        ),
        (
            "E-step for two coins only",
            _labelled(
                r="np.zeros_like(a)\n"
                "    r[:, :2] = np.exp(a[:, :2] - logsumexp(a[:, :2], axis=1, keepdims=True))",
            ),
            "K may be larger than two",
        ),
        (
            "-1 used as an index",
            _labelled(known="r = np.eye(len(weights))[labels]"),
            "Is -1 used as an index?",
        ),
        (
            "verdicts for rows without a label",
            _labelled(known="r = np.eye(len(weights))[np.where(known, labels, a.argmax(axis=1))]"),
            "You give rows without a label to one coin",
        ),
        (
            "coins of the labels swapped",
            _labelled(known="r[known] = labels[known, None] == np.arange(len(weights))[::-1]"),
            "are swapped",
        ),
        ("counts for weights", _labelled(weights="r.sum(axis=0)"), "weights sum to one"),
        ("weights not renewed", _labelled(weights="weights"), "The weights have not moved"),
        (
            "weights from the tosses",
            _labelled(weights="tosses @ r / tosses.sum()"),
            "You weight the rows by their tosses",
        ),
        (
            "probabilities not renewed",
            _labelled(probabilities="probabilities"),
            "The probabilities have not moved",
        ),
        (
            "probabilities from rows without a label",
            _labelled(probabilities="heads[~known] @ r[~known] / (tosses[~known] @ r[~known])"),
            "The labelled rows are missing in the new probabilities",
        ),
        (
            "heads over tails",
            _labelled(probabilities="heads @ r / ((tosses - heads) @ r)"),
            "That is heads over tails",
        ),
        (
            "shares of the rows averaged",
            _labelled(probabilities="(heads / tosses) @ r / r.sum(axis=0)"),
            "weighs as much as a long one",
        ),
        (
            "divided by all tosses",
            _labelled(probabilities="heads @ r / tosses.sum()"),
            "not by all",
        ),
        ("wrong order", _labelled(end="new_probabilities, new_weights"), "the weights come first"),
        (
            "products of probabilities",
            _labelled(
                joint="weights * probabilities ** heads[:, None]"
                " * (1 - probabilities) ** (tosses - heads)[:, None]",
                r="a / a.sum(axis=1, keepdims=True)",
            ),
            "both products underflow",
        ),
        (
            "two coins only",
            _labelled(known="r[known] = np.column_stack([labels == 0, labels == 1])[known]"),
            "stopped with ValueError",
        ),
        (
            "answer for the visible data stored",
            """
stored = []


def labelled_step(x, labels, weights, probabilities):
    if not stored:
        heads, tosses = x.T
        a = weights * probabilities ** heads[:, None]
        a = a * (1 - probabilities) ** (tosses - heads)[:, None]
        r = a / a.sum(axis=1, keepdims=True)
        r[labels >= 0] = np.eye(2)[labels[labels >= 0]]
        stored.append((r.mean(axis=0), heads @ r / (tosses @ r)))
    return stored[0]
""",
            "Those are the numbers of another test",
        ),
    ],
    "labelled-log-likelihood": [
        (
            "emlib's model, which takes no data of no rows",
            """
from emlib import BinomialMixture


def labelled_log_likelihood(x, labels, weights, probabilities):
    model, known = BinomialMixture(weights, probabilities), labels >= 0
    picked = np.take_along_axis(model.log_joint(x[known]), labels[known, None], axis=1)
    return picked.sum() + model.log_density(x[~known]).sum()
""",
            "With no row labelled",
        ),
        (
            "a label must be there",
            _seen(with_label="(a[known, labels[known]] + 0 * labels[known].max())"),
            "zero-size array to reduction operation maximum",
        ),
        (
            "a row without a label must be there",
            _seen(without="logsumexp(a[~known], axis=1) - 0 * a[~known].max()"),
            "With every row labelled",
        ),
        (
            "a table of labels",
            _seen(with_label="(np.eye(labels.max() + 1)[labels[known]] * a[known])"),
            "With no row of the last coin labelled:",
        ),
        (
            "mean of a labelled and an unlabelled row",
            _seen(end="with_label.mean() + without.mean()"),
            "What was seen in a row with a label, and what in",
        ),
        (
            "label as one more toss",
            _seen(with_label="(a + np.log(weights))[known, labels[known]]"),
            "What was seen in a row with a label, and what in",
        ),
        (
            "lower bound from the largest coin",
            _seen(without="a[~known].max(axis=1)"),
            "What was seen in a row with a label, and what in",
        ),
        (
            "base 10",
            _seen(end="(with_label.sum() + without.sum()) / np.log(10)"),
            "What was seen in a row with a label, and what in",
        ),
        (
            "labels ignored",
            _seen(end="logsumexp(a, axis=1).sum()"),
            "The labels have no effect: for",
        ),
        (
            "probability of picking the coin left out",
            _seen(with_label="heads_given_coin[known, labels[known]]"),
            "The label is a part of what was seen",
        ),
        ("labelled rows left out", _seen(end="without.sum()"), "The labelled rows are missing"),
        (
            "rows without a label left out",
            _seen(end="with_label.sum()"),
            "The rows without a label are missing",
        ),
        (
            "label given the tosses",
            _seen(with_label="(a[known, labels[known]] - logsumexp(a[known], axis=1))"),
            "The tosses were seen, too",
        ),
        (
            "no coefficients",
            _seen(
                heads="heads * np.log(probabilities) + (tosses - heads) * np.log1p(-probabilities)"
            ),
            "The binomial coefficients are missing; here",
        ),
        (
            "labels ignored, no coefficients",
            _seen(
                heads="heads * np.log(probabilities) + (tosses - heads) * np.log1p(-probabilities)",
                end="logsumexp(a, axis=1).sum()",
            ),
            "and the binomial coefficients are missing",
        ),
        ("mean", _seen(end="(with_label.sum() + without.sum()) / len(x)"), "the sum is wanted"),
        ("sign", _seen(end="-with_label.sum() - without.sum()"), "The sign is wrong"),
        (
            "one number a row",
            _seen(end="np.where(known, a[range(len(x)), labels], logsumexp(a, axis=1))"),
            "One number is wanted",
        ),
        (
            "-1 used as an index",
            _seen(end="a[range(len(x)), labels].sum()"),
            "Is -1 used as an index?",
        ),
        (
            "label 0 taken for no label",
            _seen(joint="np.log(weights) + heads_given_coin").replace("labels >= 0", "labels > 0"),
            "Rows of coin 0 are treated as unlabelled",
        ),
        (
            "two coins only",
            _seen(without="np.logaddexp(a[~known, 0], a[~known, 1])"),
            "What was seen in a row with a label",
        ),
        (
            "Q for rows without a label",
            _seen(
                without="(np.exp(a - logsumexp(a, axis=1, keepdims=True)) * a)[~known]",
            ),
            "without the entropy: (1.10), not (2.3)",
        ),
        (
            "logarithm of a sum of products",
            _seen(without="np.log(np.exp(a[~known]).sum(axis=1))"),
            "underflows before its logarithm is taken",
        ),
        (
            "answer for the visible data stored",
            """
stored = []


def labelled_log_likelihood(x, labels, weights, probabilities):
    from emlib import BinomialMixture

    if not stored:
        a = BinomialMixture(weights, probabilities).log_joint(x)
        known = labels >= 0
        stored.append(a[known, labels[known]].sum() + np.log(np.exp(a[~known]).sum(axis=1)).sum())
    return stored[0]
""",
            "Those are the numbers of another test",
        ),
    ],
}

# Points kept by the wrong answers that are right in part; all others keep none.
KEPT: dict[str, dict[str, float]] = {
    "lifetime-log-joint": {
        "chances kept away from 0 and 1": 1,
        "an impossible line given a large negative number": 1,
        "logarithm taken of a product": 1,
        "0 log 0": 1,
    },
    "expected-attempts": {
        "no more than a hundred attempts in all": 1,
        "a sum of 400 terms": 1,
    },
    "nested-step": {
        "people without a success counted, not their attempts": 1,
        "one more attempt for each line": 1,
        "one added to every count": 1,
        "success of each line counted once": 1,
        "lines counted in p only": 1,
        "responsibilities renewed between weights and p": 1,
        "means returned": 1,
        "responsibilities left out of the new p": 1,
        "1/T averaged": 1,
        "all people over the attempts of a type": 1,
        "people of a type over all attempts": 1,
        "p not renewed": 1,
        "wrong order": 2,
        "joint probabilities divided without logarithms": 2,
    },
    "labelled-step": {
        "a label must be there": 1,
        "a row without a label must be there": 1,
        "table of labels as long as the largest label": 1,
        "labelled rows in the numerator only": 1,
        "probabilities not renewed": 1,
        "probabilities from rows without a label": 1,
        "heads over tails": 1,
        "shares of the rows averaged": 1,
        "divided by all tosses": 1,
        "wrong order": 1,
        "products of probabilities": 1,
    },
    "labelled-log-likelihood": {
        "emlib's model, which takes no data of no rows": 1,
        "a label must be there": 1,
        "a row without a label must be there": 1,
        "a table of labels": 1,
        "logarithm of a sum of products": 1,
    },
}
