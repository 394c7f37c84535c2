"""Right and wrong answers to the exercises of chapter 6."""

from fractions import Fraction

import numpy as np
from scipy.special import entr, logsumexp, xlogy
from scipy.stats import multivariate_normal, norm

# --- 6.3


def by_entr(log_likelihood, n_parameters, r):
    deviance, n = -2 * log_likelihood, len(r)
    bic = deviance + n_parameters * np.log(n)
    return deviance + 2 * n_parameters, bic, bic + 2 * entr(r).sum()


def as_a_list(log_likelihood, n_parameters, r):
    aic, bic, _ = by_entr(log_likelihood, n_parameters, r)
    return [aic, bic, bic - 2 * xlogy(r, r).sum()]


def with_a_floor(log_likelihood, n_parameters, r):
    """No logarithm of 0, and numbers in arrays of one element."""
    aic, bic, _ = by_entr(log_likelihood, n_parameters, r)
    return np.array([[aic], [bic], [bic - 2 * (r * np.log(np.maximum(r, 1e-300))).sum()]])


def by_nansum(log_likelihood, n_parameters, r):
    aic, bic, _ = by_entr(log_likelihood, n_parameters, r)
    with np.errstate(all="ignore"):
        return np.array([aic]), [bic], bic - 2 * np.nansum(r * np.log(r))


def only_full_rows(u, p, r):
    aic, bic, _ = by_entr(u, p, r)
    return aic, bic, bic + 2 * entr(r[(r > 0).all(axis=1)]).sum()


def changed(change):
    def wrong(u, p, r):
        return change(u, p, r, *by_entr(u, p, r))

    return wrong


def with_nan(u, p, r):
    aic, bic, _ = by_entr(u, p, r)
    with np.errstate(all="ignore"):
        return aic, bic, bic - 2 * (r * np.log(r)).sum()


# --- 6.4


def cautious(observed, replicates):
    return (1 + len(replicates) - (replicates < observed).sum()) / (1 + len(replicates))


def by_sorting(observed, replicates):
    """The rank of the observed among all, from above."""
    filled = np.where(np.isnan(replicates), np.inf, replicates)
    below = np.searchsorted(np.sort(filled), observed, side="left")
    return 1 - below / (len(filled) + 1)


def as_a_fraction(observed, replicates):
    small = sum(1 for value in replicates if value < observed)
    return Fraction(1 + len(replicates) - small, 1 + len(replicates))


def not_below(observed, replicates):
    return np.array([(1 + (~(replicates < observed)).sum()) / (1 + replicates.size)])


# --- 6.5


def by_cholesky(log_likelihood, log_prior, hessian):
    half = np.log(np.diag(np.linalg.cholesky(hessian))).sum()
    return [log_likelihood + log_prior + len(hessian) / 2 * np.log(2 * np.pi) - half]


def by_eigenvalues(log_likelihood, log_prior, hessian):
    values = np.linalg.eigvalsh(hessian)
    if values.min() <= 0:
        return float("nan")
    return log_likelihood + log_prior + 0.5 * np.log(2 * np.pi / values).sum()


def by_slogdet_with_its_sign(log_likelihood, log_prior, hessian):
    sign, log_det = np.linalg.slogdet(hessian)
    if sign <= 0:
        raise ValueError("not positive definite")
    return log_likelihood + log_prior + 0.5 * (len(hessian) * np.log(2 * np.pi) - log_det)


def by_slogdet(log_likelihood, log_prior, hessian):
    _, log_det = np.linalg.slogdet(hessian)
    return log_likelihood + log_prior + 0.5 * (len(hessian) * np.log(2 * np.pi) - log_det)


def by_the_normal_constant(log_likelihood, log_prior, hessian):
    """A normal with this precision has minus the wanted constant at its centre."""
    p = len(hessian)
    centre = multivariate_normal(np.zeros(p), np.linalg.inv(hessian)).logpdf(np.zeros(p))
    return log_likelihood + log_prior - centre


def log_det(h):
    return np.linalg.slogdet(h)[1]


def with_det(log_likelihood, log_prior, hessian):
    with np.errstate(all="ignore"):
        half = 0.5 * np.log(np.linalg.det(hessian))
    return log_likelihood + log_prior + len(hessian) / 2 * np.log(2 * np.pi) - half


# --- 6.7


def by_norm(x, fold):
    parts = [(x[fold != v], x[fold == v]) for v in np.unique(fold)]
    return sum(norm.logpdf(own, rest.mean(), rest.std()).sum() for rest, own in parts)


def one_by_one(x, fold):
    total = 0.0
    for value, part in zip(x, fold, strict=True):
        rest = x[fold != part]
        total += norm.logpdf(value, rest.mean(), rest.std())
    return total


def without_a_loop(x, fold):
    """Sums over the rest are sums over all without the part."""
    _, part = np.unique(fold, return_inverse=True)
    counts, sums, squares = (np.bincount(part, w) for w in (None, x, x**2))
    n = len(x) - counts
    mean = (x.sum() - sums) / n
    sd = np.sqrt(((x**2).sum() - squares) / n - mean**2)
    return np.array([norm.logpdf(x, mean[part], sd[part]).sum()])


def numbered(x, fold, labels):
    pieces = [(x[fold != v], x[fold == v]) for v in labels]
    return sum(norm.logpdf(own, rest.mean(), rest.std()).sum() for rest, own in pieces)


def spread(of, within=np.sum):
    """Parts scored with another number for the standard deviation, or put together otherwise."""

    def wrong(x, fold):
        pieces = [(x[fold != v], x[fold == v]) for v in np.unique(fold)]
        return sum(within(norm.logpdf(own, rest.mean(), of(rest))) for rest, own in pieces)

    return wrong


def by_parts(used, scored, ddof=0):
    def wrong(x, fold):
        total = 0.0
        for v in np.unique(fold):
            u, s = used(x, fold, v), scored(x, fold, v)
            total += norm.logpdf(s, u.mean(), u.std(ddof=ddof)).sum()
        return total

    return wrong


def rest(x, fold, v):
    return x[fold != v]


def own(x, fold, v):
    return x[fold == v]


def whole(x, fold, v):
    return x


RIGHT = {
    "scores": [
        by_entr,
        as_a_list,
        with_a_floor,
        by_nansum,
    ],
    "p_value": [
        cautious,
        by_sorting,
        as_a_fraction,
        not_below,
    ],
    "laplace": [
        by_cholesky,
        by_eigenvalues,
        by_the_normal_constant,
    ],
    "held_out_normal": [
        by_norm,
        one_by_one,
        without_a_loop,
    ],
}

WRONG = {
    "scores": [
        (changed(lambda u, p, r, a, b, i: (-a, b, i)), "sign of AIC"),
        (changed(lambda u, p, r, a, b, i: (a / 2, b, i)), "half of AIC"),
        (changed(lambda u, p, r, a, b, i: (a - p, b, i)), "charges 2"),
        (changed(lambda u, p, r, a, b, i: (a - 4 * p, b, i)), "instead of charging"),
        (changed(lambda u, p, r, a, b, i: (a + 4 * u, b, i)), "with a minus"),
        (changed(lambda u, p, r, a, b, i: (a, -b, i)), "as in mclust"),
        (changed(lambda u, p, r, a, b, i: (a, b / 2, i)), "half of BIC"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + p * np.log10(len(r)), i)), "log10"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + p * np.log2(len(r)), i)), "log2"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + p * np.log(r.shape[1]), i)), "log K"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + p * np.log(r.size), i)), "N K entries"),
        (changed(lambda u, p, r, a, b, i: (a, 2 * b + 2 * u, i)), "not 2 log N"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + p * len(r), i)), "not N"),
        (changed(lambda u, p, r, a, b, i: (a, a, i)), "AIC once more"),
        (with_nan, "is NaN"),
        (changed(lambda u, p, r, a, b, i: (a, b, (b + i) / 2)), "counts twice"),
        (changed(lambda u, p, r, a, b, i: (a, b, 2 * b - i)), "doubt must make"),
        (changed(lambda u, p, r, a, b, i: (a, b, b - (i - b) / 2)), "and it counts twice"),
        (changed(lambda u, p, r, a, b, i: (a, b, b)), "entropy is missing"),
        (changed(lambda u, p, r, a, b, i: (a, b, a + i - b)), "to AIC"),
        (changed(lambda u, p, r, a, b, i: (a, b, b + (i - b) / len(r))), "average the entropy"),
        (changed(lambda u, p, r, a, b, i: (a, b, b + (i - b) / np.log(2))), "in bits"),
        (
            changed(lambda u, p, r, a, b, i: (a, b, b - 2 * np.log(r.max(axis=1)).sum())),
            "the other ICL",
        ),
        (changed(lambda u, p, r, a, b, i: a), "Return three numbers"),
        (changed(lambda u, p, r, a, b, i: (a + 1, b, i)), "See (6.8)"),
        (changed(lambda u, p, r, a, b, i: (a, b + 1, i)), "See (6.12)"),
        (changed(lambda u, p, r, a, b, i: (a, b, i + 1)), "See (6.14) and (6.15)"),
        (lambda u, p, r: None, "forget `return`"),
        (changed(lambda u, p, r, a, b, i: (b, a, i)), "changed places"),
        (changed(lambda u, p, r, a, b, i: (a + 2 * (r.shape[1] - p), b, i)), "K components"),
        (changed(lambda u, p, r, a, b, i: (-2 * u, b, i)), "charge is missing"),
        (changed(lambda u, p, r, a, b, i: (a, -2 * u + len(r) * np.log(p), i)), "not N log P"),
        (changed(lambda u, p, r, a, b, i: (a, b, i - b - 2 * u)), "is missing from ICL-BIC"),
        (only_full_rows, "leave out the zeros alone"),
        (
            changed(lambda u, p, r, a, b, i: (a, b, b + 2 * len(r) * entr(r.mean(axis=0)).sum())),
            "entropy of the average row",
        ),
        (changed(lambda u, p, r, a, b, i: {"aic": a, "bic": b, "icl": i}), "Return three"),
        (changed(lambda u, p, r, a, b, i: (v for v in (a, b, i))), "Return three"),
        (changed(lambda u, p, r, a, b, i: (str(a), b, i)), "it is str"),
        (changed(lambda u, p, r, a, b, i: (a, [b, [b, b]], i)), "it is list"),
        (changed(lambda u, p, r, a, b, i: (a, b, b + 2 * entr(r).sum(axis=1))), "has shape"),
        (changed(lambda u, p, r, a, b, i: (a, None, i)), "it is NoneType"),
        (changed(lambda u, p, r, a, b, i: np.array(a)), "Return three"),
    ],
    "p_value": [
        (lambda t, b: (b >= t).mean(), "Without the ones"),
        (lambda t, b: (1 + (b >= t).sum()) / len(b), "denominator"),
        (lambda t, b: (1 + (b < t).sum()) / (1 + len(b)), "below the observed"),
        (lambda t, b: (b < t).mean(), "large ones speak"),
        (lambda t, b: (1 + (b > t).sum()) / (1 + len(b)), ">= in (6.21)"),
        (lambda t, b: (1 + (b >= t).sum()) / (1 + len(b)), "count as small"),
        (lambda t, b: (1 + (b >= t).sum()) / (1 + (~np.isnan(b)).sum()), "You drop"),
        (lambda t, b: 0.123, "See (6.21)"),
        (lambda t, b: 2 * min(cautious(t, b), 1 - cautious(t, b)), "two sides"),
        (lambda t, b: min(1, 2 * cautious(t, b)), "two sides"),
        (lambda t, b: 1 + (~(b < t)).sum(), "That is a count"),
        (lambda t, b: (~(b < t)).sum() / (1 + len(b)), "in the numerator as well"),
        (lambda t, b: (1 + (~(b < t)).sum()) / (2 + len(b)), "The denominator is B + 1"),
        (lambda t, b: 1 - cautious(t, b), "from one"),
        (lambda t, b: np.nan if np.isnan(b).any() else cautious(t, b), "is nan"),
        (lambda t, b: f"{cautious(t, b):.3f}", "it is str"),
        (lambda t, b: 1 + (b >= t), "has shape"),
        (lambda t, b: {"p": 0.2}, "it is dict"),
        (lambda t, b: (v for v in b), "it is generator"),
        (lambda t, b: 1 / 0, "stopped with"),
    ],
    "laplace": [
        (lambda u, q, h: by_slogdet(u, q, h) + log_det(h), "sign of the determinant"),
        (lambda u, q, h: by_slogdet(u, q, h) - log_det(h) / 2, "one half of log"),
        (lambda u, q, h: by_slogdet(u, q, h) + log_det(h) / 2, "determinant is missing"),
        (
            lambda u, q, h: by_slogdet(u, q, h) - len(h) / 2 * np.log(2 * np.pi),
            "factor with 2 pi is missing",
        ),
        (lambda u, q, h: by_slogdet(u, q, h) - len(h) * np.log(2 * np.pi), "2 pi multiplies"),
        (lambda u, q, h: by_slogdet(u, q, h) + len(h) / 2 * np.log(2 * np.pi), "not P."),
        (lambda u, q, h: by_slogdet(u, q, h) - (len(h) - 1) / 2 * np.log(2 * np.pi), "not 1/2"),
        (lambda u, q, h: by_slogdet(u, 0, h), "prior is missing"),
        (lambda u, q, h: by_slogdet(u, -q, h), "not subtracted"),
        (lambda u, q, h: np.exp(by_slogdet(u, q, h)), "its logarithm is wanted"),
        (lambda u, q, h: by_slogdet(u, q, np.diag(np.diag(h))), "Only the diagonal"),
        (lambda u, q, h: by_slogdet(u, q, h) + log_det(h) / 4, "halve its logarithm"),
        (with_det, "overflows"),
        (lambda u, q, h: 1.0, "See (6.10)"),
        (by_slogdet, "one direction leads uphill"),
        (lambda u, q, h: by_slogdet(u, q, -h), "one direction leads uphill"),
        (by_slogdet_with_its_sign, "two directions lead uphill"),
        (
            lambda u, q, h: with_det(u, q, h) if len(h) != 150 else np.inf,
            "overflows",
        ),
        (
            lambda u, q, h: by_slogdet(u, q, h) if len(h) != 150 else with_det(u, q, h),
            "underflows",
        ),
        (
            lambda u, q, h: by_slogdet(u, q, h) + log_det(h) / 2 - np.log(np.trace(h)) / 2,
            "the trace",
        ),
        (
            lambda u, q, h: by_slogdet(u, q, h) + (h.size - len(h)) / 2 * np.log(2 * np.pi),
            "number of its rows",
        ),
        (lambda u, q, h: by_slogdet(u, q, h) + 3 * log_det(h) / 2, "the square root is missing"),
        (lambda u, q, h: -by_slogdet(u, q, h), "sign of the whole"),
        (lambda u, q, h: "large", "it is str"),
        (lambda u, q, h: [u, [q, u]], "it is list"),
    ],
    "held_out_normal": [
        (by_parts(whole, own), "in-sample"),
        (by_parts(own, own), "fit to the others"),
        (by_parts(own, rest), "other way"),
        (by_parts(rest, rest), "score the part"),
        (by_parts(rest, whole), "all the data each time"),
        (by_parts(rest, own, ddof=1), "ddof=0"),
        (lambda x, fold: by_norm(x, fold) / len(x), "mean over observations"),
        (lambda x, fold: by_norm(x, fold) / len(np.unique(fold)), "mean over the parts"),
        (lambda x, fold: -by_norm(x, fold), "sign is turned"),
        (lambda x, fold: -2 * by_norm(x, fold), "-2 times"),
        (lambda x, fold: by_norm(x, fold) + len(x) / 2 * np.log(2 * np.pi), "constant with 2 pi"),
        (
            lambda x, fold: sum(
                norm.logpdf(own(x, fold, v), rest(x, fold, v).mean(), rest(x, fold, v).std()).sum()
                for v in range(fold.max())
            ),
            "last part",
        ),
        (lambda x, fold: 0.0, "See (6.23)"),
        (spread(np.var), "norm.logpdf takes the latter"),
        (spread(lambda rest: np.sqrt(rest.std())), "where the variance belongs"),
        (spread(np.std, np.mean), "average within each part"),
        (spread(np.std, logsumexp), "add up densities"),
        (lambda x, fold: numbered(x, fold, range(len(np.unique(fold)))), "need not be called"),
        (lambda x, fold: numbered(x, fold, np.unique(fold)[1:]), "first part"),
        (lambda x, fold: norm.logpdf(x, x.mean(), x.std()), "adds them up"),
        (lambda x, fold: [list(x), [1.0]], "it is list"),
        (lambda x, fold: (v for v in x), "it is generator"),
    ],
}
