"""Right and wrong answers to assignment 1."""

# --- bit-posterior

_POSTERIOR = """
from scipy.special import logsumexp


def bit_posterior(records, prior, flip):
    y, m = np.asarray(records).T
    one = {one}
    zero = {zero}
    return {end}
"""
_ONE = "np.log(prior) + y * np.log(1 - flip) + (m - y) * np.log(flip)"
_ZERO = "np.log(1 - prior) + y * np.log(flip) + (m - y) * np.log(1 - flip)"


def _posterior(one: str = _ONE, zero: str = _ZERO, end: str = "") -> str:
    return _POSTERIOR.format(one=one, zero=zero, end=end or "np.exp(one - np.logaddexp(one, zero))")


_PRODUCTS = """
def bit_posterior(records, prior, flip):
    y, m = np.asarray(records).T
    one = prior * (1 - flip) ** y * flip ** (m - y)
    zero = (1 - prior) * flip**y * (1 - flip) ** (m - y)
    return {end}
"""

# --- channel-elbo

_ELBO = """
from scipy.special import gammaln, xlogy


def channel_elbo(records, q, prior, flip):
    y, m = np.asarray(records).T
    q = np.asarray(q, dtype=float)
    c = {coefficient}
    one = {one} + c + y * np.log(1 - flip) + (m - y) * np.log(flip)
    zero = {zero} + c + y * np.log(flip) + (m - y) * np.log(1 - flip)
    entropy = {entropy}
    return {end}
"""


def _elbo(**change: str) -> str:
    usual = {
        "coefficient": "gammaln(m + 1) - gammaln(y + 1) - gammaln(m - y + 1)",
        "one": "np.log(prior)",
        "zero": "np.log(1 - prior)",
        "entropy": "-xlogy(q, q) - xlogy(1 - q, 1 - q)",
        "end": "np.sum(q * one + (1 - q) * zero + entropy)",
    }
    return _ELBO.format(**(usual | change))


# --- channel-gap

_GAP = """
from scipy.special import rel_entr, xlogy


def channel_gap(records, q, prior, flip):
    y, m = np.asarray(records).T
    q = np.asarray(q, dtype=float)
    odds = prior / (1 - prior) * ((1 - flip) / flip) ** (2.0 * y - m)
    r = {r}
    return {end}
"""


def _gap(end: str, r: str = "odds / (1 + odds)") -> str:
    return _GAP.format(end=end, r=r)


# --- channel-step

_STEP = """
def channel_step(records, prior, flip):
    y, m = np.asarray(records).T
    odds = prior / (1 - prior) * ((1 - flip) / flip) ** (2.0 * y - m)
    r = odds / (1 + odds)
    {extra}
    flipped = {flipped}
    return {end}
"""


def _step(
    end: str = "r.mean(), flipped.sum() / m.sum()",
    flipped: str = "r * (m - y) + (1 - r) * y",
    extra: str = "",
) -> str:
    return _STEP.format(end=end, flipped=flipped, extra=extra)


# --- truthful-fit

_FIT = """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    theta, history = start, [log_likelihood(start)]
    for _ in range(max_iter):
        new = step(theta)
        height = log_likelihood(new)
        gain = height - history[-1]
        {fall}
        theta = new
        history.append(height)
        if gain <= 0:
            return theta, history, "converged"
        if len(history) > 2:
            ratio = {ratio}
            if {enough}:
                return {done}
    return theta, history, {end}
"""


_fit_fall = 'if gain < -1e-9: return theta, history, "fell"'


def _fit(**change: str) -> str:
    usual = {
        "fall": _fit_fall,
        "ratio": "gain / (history[-2] - history[-3])",
        "enough": "ratio < 1 and gain * ratio / (1 - ratio) <= tol",
        "done": 'theta, history, "converged"',
        "end": '"max_iter"',
    }
    return _FIT.format(**(usual | change))


RIGHT = {
    "bit-posterior": [
        """
class Receiver:
    def __init__(self, flip):
        self.weight = np.log1p(-flip) - np.log(flip)

    def __call__(self, records, prior):
        for ones, copies in np.asarray(records).tolist():
            yield 0.5 * (1 + np.tanh(0.5 * (np.log(prior / (1 - prior)) + self.weight * (
                ones - (copies - ones)))))


def bit_posterior(records, prior, flip):  # a generator, and a hyperbolic tangent
    return tuple(Receiver(flip)(records, prior))
""",
        _posterior(),
        """
import math


def bit_posterior(records, prior, flip):
    result = []
    for ones, copies in records:
        zeros = copies - ones
        evidence = math.log(prior / (1 - prior)) + (ones - zeros) * math.log((1 - flip) / flip)
        if evidence >= 0:
            result.append(1 / (1 + math.exp(-evidence)))
        else:
            result.append(math.exp(evidence) / (1 + math.exp(evidence)))
    return result
""",
        """
from scipy.special import softmax
from scipy.stats import binom


def bit_posterior(records, prior, flip):
    table = [[binom.logpmf(y, m, flip) + np.log(1 - prior) for y, m in records],
             [binom.logpmf(y, m, 1 - flip) + np.log(prior) for y, m in records]]
    return softmax(np.array(table), axis=0)[1]
""",
    ],
    "channel-elbo": [
        _elbo(),
        """
import math


def channel_elbo(records, q, prior, flip):
    total = 0.0
    for (y, m), qn in zip(records, q):
        p1 = prior * math.comb(m, y) * (1 - flip) ** y * flip ** (m - y)
        p0 = (1 - prior) * math.comb(m, y) * flip**y * (1 - flip) ** (m - y)
        for chance, p in ((qn, p1), (1 - qn, p0)):
            if chance > 0:
                total += chance * math.log(p / chance)
    return total
""",
        """
from scipy.special import rel_entr
from scipy.stats import binom


def channel_elbo(records, q, prior, flip):  # by (1.6): the log-likelihood minus the divergence
    y, m = np.asarray(records).T
    joint = np.stack([(1 - prior) * binom.pmf(y, m, flip), prior * binom.pmf(y, m, 1 - flip)])
    evidence = joint.sum(axis=0)
    q = np.stack([1 - np.asarray(q), np.asarray(q)])
    return np.log(evidence).sum() - rel_entr(q, joint / evidence).sum()
""",
    ],
    "channel-gap": [
        _gap("rel_entr(q, r) + rel_entr(1 - q, 1 / (1 + odds))"),
        """
import math


def channel_gap(records, q, prior, flip):
    gaps = []
    for (y, m), qn in zip(records, q):
        a = prior * (1 - flip) ** y * flip ** (m - y)
        b = (1 - prior) * flip**y * (1 - flip) ** (m - y)
        gap = 0.0
        if qn > 0:
            gap += qn * math.log(qn * (a + b) / a)
        if qn < 1:
            gap += (1 - qn) * math.log((1 - qn) * (a + b) / b)
        gaps.append(gap)
    return gaps
""",
        """
from scipy.special import entr


def channel_gap(records, q, prior, flip):  # l minus L, bit by bit
    y, m = np.asarray(records).T
    one = np.log(prior) + y * np.log(1 - flip) + (m - y) * np.log(flip)
    zero = np.log(1 - prior) + y * np.log(flip) + (m - y) * np.log(1 - flip)
    bound = q * one + (1 - q) * zero + entr(q) + entr(1 - q)
    return np.logaddexp(one, zero) - bound
""",
    ],
    "channel-step": [
        """
from scipy.optimize import minimize_scalar


def channel_step(records, prior, flip):  # by search, at SciPy's own tolerance
    y, m = records.T
    one = prior * (1 - flip) ** y * flip ** (m - y)
    zero = (1 - prior) * flip**y * (1 - flip) ** (m - y)
    r = one / (one + zero)

    def best(a, b):
        found = minimize_scalar(
            lambda p: -(a * np.log(p) + b * np.log1p(-p)), bounds=(0, 1), method="bounded"
        )
        return found.x

    flips = (r * (m - y) + (1 - r) * y).sum()
    return best(r.sum(), (1 - r).sum()), best(flips, m.sum() - flips)
""",
        _step(),
        """
def channel_step(records, prior, flip):
    expected_ones, flips, copies = 0.0, 0.0, 0
    for y, m in records:
        one = prior * (1 - flip) ** y * flip ** (m - y)
        zero = (1 - prior) * flip**y * (1 - flip) ** (m - y)
        r = one / (one + zero)
        expected_ones += r
        flips += r * (m - y)
        flips += (1 - r) * y
        copies += m
    return [expected_ones / len(records), flips / copies]
""",
        """
from emlib import BinomialMixture


def channel_step(records, prior, flip):  # zeros and ones apart, pooled at the end
    e = (c := BinomialMixture([1 - prior, prior], [flip, 1 - flip])).e_step(records)
    heads, tosses = e.statistics
    return np.array([e.counts[1], heads[0] + tosses[1] - heads[1]]) / [len(records), tosses.sum()]
""",
    ],
    "truthful-fit": [
        """
def truthful_fit(step, log_likelihood, start, tol, max_iter):  # calls step twice in a round
    theta, history = start, [log_likelihood(start)]
    for _ in range(max_iter):
        gain = log_likelihood(step(theta)) - history[-1]
        if gain < -1e-9:
            return theta, history, "fell"
        theta = step(theta)
        history.append(log_likelihood(theta))
        if gain <= 0:
            return theta, history, "converged"
        if len(history) > 2:
            before = history[-2] - history[-3]
            if gain < before and gain**2 / (before - gain) <= tol:
                return theta, history, "converged"
    return theta, history, "max_iter"
""",
        """
def truthful_fit(step, log_likelihood, start, tol, max_iter, before=None):  # calls itself
    here = log_likelihood(start)
    if max_iter <= 0:
        return start, [here], "max_iter"
    new = step(start)
    gain = log_likelihood(new) - here
    if gain < -1e-9:
        return start, [here], "fell"
    if gain <= 0:
        return start, [here], "converged"
    if before is not None and gain / before < 1 and gain * gain / (before - gain) <= tol:
        return new, [here, log_likelihood(new)], "converged"
    if max_iter > 800:  # as deep as Python allows, then a loop of such dives
        theta, history, status = truthful_fit(step, log_likelihood, new, tol, 800, gain)
        if status != "max_iter":
            return theta, [here, *history], status
        last = history[-1] - history[-2]
        theta, more, status = truthful_fit(step, log_likelihood, theta, tol, max_iter - 801, last)
        return theta, [here, *history, *more[1:]], status
    theta, history, status = truthful_fit(step, log_likelihood, new, tol, max_iter - 1, gain)
    return theta, [here, *history], status
""",
        _fit(),
        """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    thetas, heights = [start], [log_likelihood(start)]
    status = "max_iter"
    while len(thetas) <= max_iter and status == "max_iter":
        thetas.append(step(thetas[-1]))
        heights.append(log_likelihood(thetas[-1]))
        gains = np.diff(heights)
        if gains[-1] < -1e-9:
            thetas.pop(), heights.pop()
            status = "fell"
        elif gains[-1] <= 0:
            status = "converged"
        elif len(gains) > 1 and gains[-1] < gains[-2]:
            left = gains[-1] ** 2 / (gains[-2] - gains[-1])
            status = "converged" if left <= tol else status
    return thetas[-1], np.array(heights), status
""",
        """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    def left(before, last):
        if last <= 0:
            return 0.0
        if before is None or last >= before:
            return float("inf")
        return last / (before / last - 1)

    theta, history, before = start, [log_likelihood(start)], None
    while True:
        if len(history) == max_iter + 1:
            return [theta, history, "max_iter"]
        new = step(theta)
        history.append(log_likelihood(new))
        last = history[-1] - history[-2]
        if last < -1e-9:
            return [theta, history[:-1], "fell"]
        theta = new
        if left(before, last) <= tol:
            return [theta, history, "converged"]
        before = last
""",
        _fit(fall=_fit_fall + "\n        if gain <= 0: return theta, history, 'converged'"),
    ],
}

WRONG = {
    "bit-posterior": [
        (
            "records changed in place",
            """
def bit_posterior(records, prior, flip):
    records[:, 1] -= records[:, 0]
    y, zeros = records.T
    log_odds = np.log(prior / (1 - prior)) + (y - zeros) * np.log((1 - flip) / flip)
    return 1 / (1 + np.exp(-log_odds))
""",
            "changes its input in place",
        ),
        (
            "one column",
            _posterior(end="np.exp(one - np.logaddexp(one, zero))[:, None]"),
            "has (6, 1)",
        ),
        (
            "written into an array of whole numbers",
            """
def bit_posterior(records, prior, flip):
    y, m = records.T
    result = np.zeros_like(y)
    log_odds = np.log(prior / (1 - prior)) + (2 * y - m) * np.log((1 - flip) / flip)
    result[:] = 1 / (1 + np.exp(-log_odds))
    return result
""",
            "Your array has the integer type of `records`:",
        ),
        (
            "a line that flips most symbols thought impossible",
            _posterior().replace("    one =", "    flip = min(flip, 1 - flip)\n    one ="),
            "flip and 1 - flip have changed places:",
        ),
        (
            "five copies of every bit",
            _posterior().replace("    one =", "    m = 5\n    one ="),
            "There the record is 2 ones among 2 copies, the",
        ),
        (
            "log-odds returned",
            _posterior(end="one - zero"),
            "Which probability has these odds?",
        ),
        (
            "evidence of the prior counted once for each copy",
            _posterior(
                one="m * np.log(prior) + y * np.log(1 - flip) + (m - y) * np.log(flip)",
                zero="m * np.log(1 - prior) + y * np.log(flip) + (m - y) * np.log(1 - flip)",
            ),
            "There the record is 2 ones among 3 copies, the",
        ),
        (
            "columns changed about",
            """
def bit_posterior(records, prior, flip):
    m, y = np.asarray(records).T
    odds = np.log(prior / (1 - prior)) + (2 * y - m) * np.log((1 - flip) / flip)
    return 1 / (1 + np.exp(-odds))
""",
            "column 0",
        ),
        ("products that underflow", _PRODUCTS.format(end="one / (one + zero)"), "NaN: both"),
        (
            "a tiny number added against 0/0",
            _PRODUCTS.format(end="one / (one + zero + 1e-300)"),
            "underflows, or is clipped",
        ),
        (
            "prior left out",
            _posterior(one=_ONE.split(" + ", 1)[1], zero=_ZERO.split(" + ", 1)[1]),
            "The prior has no effect",
        ),
        ("probability of a 0", _posterior(one=_ZERO, zero=_ONE), "probability of a 0"),
        (
            "flip and 1 - flip exchanged",
            _posterior()
            .replace("np.log(1 - flip)", "np.log(_)")
            .replace("np.log(flip)", "np.log(1 - flip)")
            .replace("np.log(_)", "np.log(flip)"),
            "changed places",
        ),
        (
            "prior given to the 0",
            _posterior()
            .replace("np.log(prior)", "np.log(_)")
            .replace("np.log(1 - prior)", "np.log(prior)")
            .replace("np.log(_)", "np.log(1 - prior)"),
            "you give it to the 0",
        ),
        (
            "divided by the sum over the message",
            _posterior(end="np.exp(one - logsumexp(one))"),
            "a sum over the message",
        ),
        (
            "likelihood of a 1 for its posterior",
            """
from scipy.stats import binom


def bit_posterior(records, prior, flip):
    y, m = np.asarray(records).T
    return binom.pmf(y, m, 1 - flip)
""",
            "record given a 1",
        ),
        (
            "verdicts",
            _posterior(end="(one > zero).astype(float)"),
            "Those are verdicts",
        ),
        ("share of ones", _posterior(end="y / m"), "share of ones that arrived"),
        (
            "of a 0, the copies that are zeros left out",
            _posterior(zero="np.log(1 - prior) + y * np.log(flip)"),
            "There the record is 3 ones among 6 copies, the prior 0.3 and the flip 0.2.",
        ),
        (
            "both values of the bit returned",
            _posterior(end="np.exp(np.array([zero, one]) - np.logaddexp(one, zero)).T"),
            "one for each of its values",
        ),
        (
            "answer for the visible data stored",
            """
_stored = {6: [0.09677419354838712, 0.631578947368421, 0.9977265345891524,
               0.02608695652173914, 0.3, 0.8727272727272727]}


def bit_posterior(records, prior, flip):
    y, m = np.asarray(records).T
    odds = prior / (1 - prior) * ((1 - flip) / flip) ** (2.0 * y - m)
    return _stored.get(len(records), 1 / (1 + 1 / odds))
""",
            "numbers of the visible test",
        ),
    ],
    "channel-elbo": [
        (
            "certain bits left out",
            _elbo(end="np.sum((q * one + (1 - q) * zero + entropy)[(q > 0) & (q < 1)])"),
            "The ELBO of a q that is certain is off",
        ),
        (
            "q kept away from 0 and 1",
            _elbo().replace("    c =", "    q = q.clip(0.01, 0.99)\n    c ="),
            "The ELBO of a q that is certain is off",
        ),
        (
            "coefficient of the ones only",
            _elbo(zero="np.log(1 - prior) - c"),
            "Go back to (1.5), for one bit;",
        ),
        (
            "q changed in place",
            _elbo().replace(
                "    c =",
                "    np.clip(q, 1e-12, 1 - 1e-12, out=q)\n    c =",
            ),
            "changes its input in place",
        ),
        (
            "in bits",
            _elbo(end="np.sum(q * one + (1 - q) * zero + entropy) / np.log(2)"),
            "This book measures in nats:",
        ),
        ("entropy left out", _elbo(entropy="0"), "That is Q alone"),
        (
            "sign of the entropy",
            _elbo(entropy="xlogy(q, q) + xlogy(1 - q, 1 - q)"),
            "wrong sign. Look at (1.5)",
        ),
        ("binomial coefficient left out", _elbo(coefficient="0"), "coefficient is missing"),
        (
            "coefficient and entropy left out",
            _elbo(coefficient="0", entropy="0"),
            "Two things are missing",
        ),
        (
            "half of the entropy",
            _elbo(entropy="-xlogy(q, q)"),
            "half of the entropy",
        ),
        (
            "only the term of z = 1",
            _elbo(end="np.sum(q * one - xlogy(q, q))"),
            "bits that were a 0 are missing",
        ),
        ("prior left out", _elbo(one="0", zero="0"), "The prior is missing"),
        (
            "log-likelihood returned",
            _elbo(end="np.sum(np.logaddexp(one, zero))"),
            "whatever q is",
        ),
        (
            "mean over the bits",
            _elbo(end="np.mean(q * one + (1 - q) * zero + entropy)"),
            "the message wants the sum",
        ),
        (
            "one value a bit",
            _elbo(end="q * one + (1 - q) * zero + entropy"),
            "add up over the bits",
        ),
        (
            "NaN where q is 0 or 1",
            _elbo(entropy="-q * np.log(q) - (1 - q) * np.log(1 - q)"),
            "0 log 0 must count as 0",
        ),
        (
            "q given to the 0",
            _elbo(end="np.sum((1 - q) * one + q * zero + entropy)"),
            "you give it to the 0",
        ),
        (
            "answer for the visible data stored",
            """
def channel_elbo(records, q, prior, flip):
    return -12.4715158914703
""",
            "The ELBO of a q that is certain is off",
        ),
    ],
    "channel-gap": [
        (
            "both divergences added",
            _gap(
                "rel_entr(q, r) + rel_entr(1 - q, 1 - r) + rel_entr(r, q) + rel_entr(1 - r, 1 - q)"
            ),
            "You add the divergences both ways round;",
        ),
        (
            "one column",
            _gap("(rel_entr(q, r) + rel_entr(1 - q, 1 - r))[:, None]"),
            "has (6, 1)",
        ),
        (
            "an infinite gap of a verdict set to zero",
            _gap("np.where((q == 0) | (q == 1), 0, rel_entr(q, r) + rel_entr(1 - q, 1 - r))"),
            "There the record is 5 ones among 5 copies, q is",
        ),
        (
            "mean over the two values",
            _gap("np.mean([rel_entr(q, r), rel_entr(1 - q, 1 - r)], axis=0)"),
            "There the record is 0 ones among 1 copy, q is",
        ),
        (
            "divergence the wrong way round",
            _gap("rel_entr(r, q) + rel_entr(1 - r, 1 - q)"),
            "wrong way round",
        ),
        (
            "negative divergence",
            _gap("-rel_entr(q, r) - rel_entr(1 - q, 1 - r)"),
            "never negative",
        ),
        ("only the term of z = 1", _gap("rel_entr(q, r)"), "z = 0 is missing"),
        (
            "cross-entropy",
            _gap("-xlogy(q, r) - xlogy(1 - q, 1 - r)"),
            "That is a cross-entropy",
        ),
        (
            "bits for nats",
            _gap("(rel_entr(q, r) + rel_entr(1 - q, 1 - r)) / np.log(2)"),
            "That is in bits",
        ),
        (
            "summed over the message",
            _gap("np.sum(rel_entr(q, r) + rel_entr(1 - q, 1 - r))"),
            "Do not sum",
        ),
        (
            "half of the divergence",
            _gap("0.5 * (rel_entr(q, r) + rel_entr(1 - q, 1 - r))"),
            "There the record is 0 ones among 1 copy, q is 0.9, the prior 0.3 and the flip 0.2.",
        ),
        ("distance of probabilities", _gap("abs(q - r)"), "a distance of probabilities"),
        ("squared distance", _gap("(q - r) ** 2"), "a squared distance"),
        (
            "prior left out of the posterior",
            _gap(
                "rel_entr(q, r) + rel_entr(1 - q, 1 - r)",
                r="1 / (1 + (flip / (1 - flip)) ** (2.0 * y - m))",
            ),
            "The prior has no effect",
        ),
        (
            "NaN where q is 0 or 1",
            _gap("q * np.log(q / r) + (1 - q) * np.log((1 - q) / (1 - r))"),
            "0 log 0 must count as 0",
        ),
        (
            "one column a value of the bit",
            _gap("np.column_stack([rel_entr(1 - q, 1 - r), rel_entr(q, r)])"),
            "one for each of its values",
        ),
        (
            "answer for the visible data stored",
            """
def channel_gap(records, q, prior, flip):
    return [1.78693272, 0.0358834, 0.71870841, 0.00891234, 0.02258242, 0.16253734]
""",
            "The gap of a verdict is off",
        ),
    ],
    "channel-step": [
        (
            "shares written into whole numbers",
            _step(extra="whole = np.zeros_like(y); whole[:] = r; r = whole"),
            "Are the shares put into an array of whole",
        ),
        (
            "one added to every count",
            _step("(r.sum() + 1) / (len(y) + 2), (flipped.sum() + 1) / (m.sum() + 2)"),
            "The M-step takes them as they are",
        ),
        (
            "flip turned below one half",
            _step("r.mean(), min(flipped.sum() / m.sum(), 1 - flipped.sum() / m.sum())"),
            "That is the share of copies that arrived as they",
        ),
        (
            "records changed in place",
            _step(extra="records[:, 0] = m - y"),
            "changes its input in place",
        ),
        (
            "two steps for one",
            _step().replace("def channel_step", "def _once")
            + "\n\ndef channel_step(records, prior, flip):\n"
            "    return _once(records, *_once(records, prior, flip))\n",
            "That is the prior after two steps;",
        ),
        (
            "denominators less one",
            _step("r.sum() / (len(y) - 1), flipped.sum() / (m.sum() - 1)"),
            "Divide by the number of bits:",
        ),
        (
            "uncertain bits left out",
            _step(
                "r[sure].mean(), flipped[sure].sum() / m[sure].sum()",
                extra="sure = abs(r - 0.5) > 0.1",
            ),
            "Then look at your derivation, where L depends on",
        ),
        ("verdicts for shares", _step(extra="r = r.round()"), "You count verdicts"),
        (
            "flips divided by the number of bits",
            _step("r.mean(), flipped.sum() / len(y)"),
            "How many copies could flip",
        ),
        (
            "flips divided as if all bits had the copies of the first",
            _step("r.mean(), flipped.sum() / (len(y) * m[0])"),
            "How many copies could flip",
        ),
        (
            "the spare fit of the experiments",
            """
def channel_step(records, prior, flip):
    from emlib.checks import set1

    return set1.spare_fit(records, (prior, flip), 0, 1)[0]
""",
            "write a step of your own",
        ),
        (
            "mean of the shares of each bit",
            _step("r.mean(), np.mean(flipped / m)"),
            "Pool the counts",
        ),
        (
            "unharmed copies counted",
            _step(flipped="r * y + (1 - r) * (m - y)"),
            "arrived as they were sent",
        ),
        (
            "flips of ones only",
            _step("r.mean(), (r @ (m - y)) / (r @ m)"),
            "flips of ones only",
        ),
        (
            "flips of zeros only",
            _step("r.mean(), ((1 - r) @ y) / ((1 - r) @ m)"),
            "flips of zeros only",
        ),
        (
            "mean of the two flip rates",
            _step("r.mean(), ((r @ (m - y)) / (r @ m) + ((1 - r) @ y) / ((1 - r) @ m)) / 2"),
            "the mean of two shares",
        ),
        ("prior as a count", _step("r.sum(), flipped.sum() / m.sum()"), "a share of the bits"),
        (
            "prior weighted by copies",
            _step("r @ m / m.sum(), flipped.sum() / m.sum()"),
            "weight each bit by its copies",
        ),
        (
            "prior from the ones that arrived",
            _step("y.sum() / m.sum(), flipped.sum() / m.sum()"),
            "share of ones that *arrived*",
        ),
        ("prior not updated", _step("prior, flipped.sum() / m.sum()"), "prior has not moved"),
        ("flip not updated", _step("r.mean(), flip"), "The flip has not moved"),
        (
            "flips over unharmed copies",
            _step("r.mean(), flipped.sum() / (m.sum() - flipped.sum())"),
            "not over unharmed ones",
        ),
        (
            "posterior anew for the flip",
            _step(
                "new, flipped.sum() / m.sum()",
                extra="new = r.mean(); r = 1 / (1 + odds ** -1 * prior / (1 - prior)"
                " * (1 - new) / new)",
            ),
            "one E-step a step",
        ),
        (
            "prior left out of the E-step",
            _step(extra="r = 1 / (1 + prior / (1 - prior) / odds)"),
            "leaves the current prior out",
        ),
        ("wrong order", _step("flipped.sum() / m.sum(), r.mean()"), "the prior comes first"),
        (
            "answer for the visible data stored",
            """
def channel_step(records, prior, flip):
    return 0.4874823174591, 0.2753943781344
""",
            "numbers of the visible test",
        ),
    ],
    "truthful-fit": [
        (
            "ratio kept from the third value on",
            """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    theta, history, ratio = start, [log_likelihood(start)], None
    for _ in range(max_iter):
        new = step(theta)
        gain = log_likelihood(new) - history[-1]
        if gain < -1e-9:
            return theta, history, "fell"
        theta = new
        history.append(history[-1] + gain)
        if gain <= 0:
            return theta, history, "converged"
        if len(history) > 2 and ratio is None:
            ratio = gain / (history[-2] - history[-3])
        if ratio is not None and ratio < 1 and gain * ratio / (1 - ratio) <= tol:
            return theta, history, "converged"
    return theta, history, "max_iter"
""",
            "from the last two gains",
        ),
        (
            "a fall measured against the log-likelihood",
            _fit(fall='if gain < -1e-9 * abs(height): return theta, history, "fell"'),
            "The log-likelihood fell by 3e-09, from -5, tol is",
        ),
        (
            "falls below 1e-8 taken for rounding",
            _fit(fall='if gain < -1e-8: return theta, history, "fell"'),
            "The log-likelihood fell by 3e-09, from -5, tol is",
        ),
        (
            "falls beyond 1e-10 taken for falls",
            _fit(fall='if gain < -1e-10: return theta, history, "fell"'),
            "The log-likelihood fell by 3e-10, from -5, tol is",
        ),
        (
            "waits for three gains",
            _fit().replace("len(history) > 2", "len(history) > 3"),
            "Two gains give a ratio, and it says that 0.0001",
        ),
        (
            "mean of the last three ratios",
            _fit(
                ratio="np.mean((np.diff(history)[1:] / np.diff(history)[:-1])[-3:])",
            ),
            "from the last two gains",
        ),
        (
            "makes a step though none is allowed",
            _fit().replace("range(max_iter)", "range(max(1, max_iter))"),
            "With max_iter = 0 no step is allowed;",
        ),
        (
            "a loop until it has converged, max_iter seen only then",
            """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    theta, history = start, [log_likelihood(start)]
    while True:
        new = step(theta)
        height = log_likelihood(new)
        gain = height - history[-1]
        if gain < -1e-9:
            return theta, history, "fell"
        theta = new
        history.append(height)
        if gain <= 0:
            return theta, history, "converged"
        if len(history) > 2:
            ratio = gain / (history[-2] - history[-3])
            if ratio < 1 and gain * ratio / (1 - ratio) <= tol:
                return theta, history, "converged" if len(history) <= max_iter else "max_iter"
""",
            "Your function stopped with RuntimeError:",
        ),
        (
            "a tolerance of its own",
            _fit(enough="ratio < 1 and gain * ratio / (1 - ratio) <= 1e-6"),
            "After 9 steps what was left to gain was below",
        ),
        (
            "tol relative to the log-likelihood",
            _fit(enough="ratio < 1 and gain * ratio / (1 - ratio) <= tol * abs(height)"),
            "The status is 'converged', but 0.36 nats are left",
        ),
        (
            "a first gain below tol taken for the end",
            _fit().replace(
                "        if len(history) > 2:",
                '        if len(history) == 2 and gain <= tol: return theta, history, "converged"\n'
                "        if len(history) > 2:",
            ),
            "The status is 'converged', but 0.98 nats are left",
        ),
        (
            "gains that do not shrink taken for the end when small",
            _fit(enough="(ratio >= 1 and gain <= tol) or gain * ratio / (1 - ratio) <= tol"),
            "Your loop stops after 2 steps, when each gain was",
        ),
        (
            "checks for a fall only at the end",
            _fit(fall="", end='"fell" if min(np.diff(history)) < -1e-9 else "max_iter"').replace(
                "        if gain <= 0:", "        if gain == 0:"
            ),
            "The log-likelihood fell by 0.6 nats at the fourth",
        ),
        (
            "a fall by rounding taken for a fall",
            _fit(fall='if gain < 0: return theta, history, "fell"'),
            "a smaller one is rounding",
        ),
        (
            "a fall below tol forgiven",
            _fit(fall='if gain < -tol: return theta, history, "fell"'),
            "A fall of more than 1e-9",
        ),
        (
            "falls up to a tenth of a nat forgiven",
            _fit(fall='if gain < -0.1: return theta, history, "fell"'),
            "A fall of more than 1e-9",
        ),
        (
            "ratio of the first two gains",
            _fit(ratio="(history[2] - history[1]) / (history[1] - history[0])"),
            "from the last two gains",
        ),
        (
            "mean of all ratios",
            _fit(ratio="np.mean(np.diff(history)[1:] / np.diff(history)[:-1])"),
            "from the last two gains",
        ),
        ("stops at a small last gain", _fit(enough="gain <= tol"), "the first gain below tol"),
        (
            "only the next gain counted",
            _fit(enough="ratio < 1 and gain * ratio <= tol"),
            "but others follow",
        ),
        (
            "last gain counted again",
            _fit(enough="ratio < 1 and gain / (1 - ratio) <= tol"),
            "already made, counted again",
        ),
        (
            "root of the ratio",
            _fit(ratio="(gain / (history[-2] - history[-3])) ** 0.5"),
            "Do you take a root of the ratio",
        ),
        (
            "theta turned into an array",
            _fit()
            .replace("= start, [log_likelihood(start)]", "= np.array(start), []")
            .replace("    for _", "    history.append(log_likelihood(theta))\n    for _"),
            "pass it on unchanged",
        ),
        (
            "theta returned as an array",
            _fit(done='np.array(theta), history, "converged"'),
            "pass it on unchanged",
        ),
        (
            "theta taken for a pair",
            _fit().replace("new = step(theta)", "new = step((theta[0], theta[1]))"),
            "Do you look into theta",
        ),
        (
            "growing gains taken for the end",
            _fit(enough="gain * ratio / (1 - ratio) <= tol"),
            "leaving a saddle",
        ),
        (
            "never estimates what is left",
            _fit(enough="False"),
            "Does it estimate what is left",
        ),
        (
            "says converged at max_iter",
            _fit(end='"converged"'),
            "far from the summit",
        ),
        ("a fall called converged", _fit(fall=""), "EM cannot fall"),
        (
            "the theta after the fall",
            _fit(fall='if gain < -1e-9: return new, history, "fell"'),
            "the theta *before* it",
        ),
        (
            "history with the fall",
            _fit(fall='if gain < -1e-9: return new, history + [height], "fell"'),
            "history ends with the value before it",
        ),
        (
            "theta one step ahead of history",
            _fit(done='step(theta), history, "converged"'),
            "one step ahead",
        ),
        (
            "history without the start",
            _fit(done='theta, history[1:], "converged"'),
            "lacks its first value",
        ),
        (
            "ratio upside down",
            _fit(ratio="(history[-2] - history[-3]) / gain"),
            "Does it estimate what is left",
        ),
        (
            "two things returned",
            _fit(done="theta, history"),
            "three things",
        ),
        (
            "a status of one's own",
            _fit(done='theta, history, "done"'),
            "status should be one of",
        ),
        (
            "answer for the visible climb stored",
            """
def truthful_fit(step, log_likelihood, start, tol, max_iter):
    return 9, [-100 - 0.6**t for t in range(10)], "converged"
""",
            "history does not hold",
        ),
    ],
}

# Points kept by the wrong answers that are right in part; all others keep none.
KEPT: dict[str, dict[str, float]] = {
    "bit-posterior": {
        "products that underflow": 1,
        "a tiny number added against 0/0": 1,
    },
    "channel-elbo": {
        "certain bits left out": 1,
        "q kept away from 0 and 1": 1,
        "q changed in place": 1,
        "NaN where q is 0 or 1": 1,
    },
    "channel-gap": {
        "an infinite gap of a verdict set to zero": 1,
        "NaN where q is 0 or 1": 1,
    },
    "channel-step": {
        "flip turned below one half": 1,
        "flips divided by the number of bits": 1,
        "flips divided as if all bits had the copies of the first": 1,
        "mean of the shares of each bit": 1,
        "unharmed copies counted": 1,
        "flips of ones only": 1,
        "flips of zeros only": 1,
        "mean of the two flip rates": 1,
        "flip not updated": 1,
        "flips over unharmed copies": 1,
        "posterior anew for the flip": 1,
        "wrong order": 2,
    },
    "truthful-fit": {
        "a fall measured against the log-likelihood": 1,
        "falls below 1e-8 taken for rounding": 1,
        "falls beyond 1e-10 taken for falls": 1,
        "waits for three gains": 1,
        "mean of the last three ratios": 1,
        "makes a step though none is allowed": 1,
        "gains that do not shrink taken for the end when small": 1,
        "a fall by rounding taken for a fall": 1,
        "a fall below tol forgiven": 1,
        "falls up to a tenth of a nat forgiven": 1,
        "growing gains taken for the end": 1,
        "the theta after the fall": 1,
        "history with the fall": 1,
    },
}
