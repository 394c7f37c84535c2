"""Right and wrong answers to the exercises of chapter 4."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import chi2, norm

# --- 4.3


def by_solving(x, mean, covariance):
    lower = np.linalg.cholesky(covariance)
    return np.sqrt((solve_triangular(lower, (x - mean).T, lower=True) ** 2).sum(axis=0))


def by_cdist(x, mean, covariance):
    return cdist(x, mean[None], "mahalanobis", VI=np.linalg.inv(covariance))[:, 0]


def squared(x, mean, covariance):
    return by_solving(x, mean, covariance) ** 2


def ruler(x, mean, covariance):
    return np.linalg.norm(x - mean, axis=1)


def untilted(x, mean, covariance):
    return np.linalg.norm((x - mean) / np.sqrt(np.diag(covariance)), axis=1)


def stretched(x, mean, covariance):
    return np.linalg.norm((x - mean) @ np.linalg.cholesky(covariance), axis=1)


def transposed(x, mean, covariance):
    lower = np.linalg.cholesky(covariance)
    return np.linalg.norm(np.linalg.solve(lower.T, (x - mean).T), axis=0)


def not_centred(x, mean, covariance):
    return by_solving(x, 0 * mean, covariance)


def upper(x, mean, covariance):
    return np.linalg.norm(solve_triangular(np.linalg.cholesky(covariance), (x - mean).T), axis=0)


def over_points(x, mean, covariance):
    lower = np.linalg.cholesky(covariance)
    return np.sqrt((solve_triangular(lower, (x - mean).T, lower=True) ** 2).sum(axis=1))


def in_rows(x, mean, covariance):
    return np.linalg.norm(np.linalg.solve(np.linalg.cholesky(covariance), x - mean), axis=0)


# --- 4.4


def tied_by_loop(x, r):
    means = r.T @ x / r.sum(axis=0)[:, None]
    parts = [((x - m).T * w) @ (x - m) for m, w in zip(means, r.T, strict=True)]
    return r.mean(axis=0), means, sum(parts) / len(x)


def tied_by_total(x, r):
    """Total covariance less the covariance between the components."""
    weights, means, _ = tied_by_loop(x, r)
    overall = x.mean(axis=0)
    between = ((means - overall).T * weights) @ (means - overall)
    return [weights, means, np.cov(x.T, bias=True) - between]


def tied(change):
    def wrong(x, r):
        return change(x, r, *tied_by_loop(x, r))

    return wrong


def per_component(x, r, means):
    counts = r.sum(axis=0)
    return np.array(
        [((x - m).T * w) @ (x - m) / c for m, w, c in zip(means, r.T, counts, strict=True)]
    )


plain_average = tied(lambda x, r, w, m, c: (w, m, per_component(x, r, m).mean(axis=0)))
one_mean = tied(lambda x, r, w, m, c: (w, m, np.cov(x.T, bias=True)))
one_each = tied(lambda x, r, w, m, c: (w, m, per_component(x, r, m)))
not_divided = tied(lambda x, r, w, m, c: (w, m, c * len(x)))
unbiased = tied(lambda x, r, w, m, c: (w, m, c * len(x) / (len(x) - len(w))))
counts_for_weights = tied(lambda x, r, w, m, c: (w * len(x), m, c))
means_over_n = tied(lambda x, r, w, m, c: (w, r.T @ x / len(x), c))
means_transposed = tied(lambda x, r, w, m, c: (w, m.T, c))
two_things = tied(lambda x, r, w, m, c: (m, c))
other_order = tied(lambda x, r, w, m, c: (m, c, w))
means_first = tied(lambda x, r, w, m, c: (m, w, c))
weighted_sums = tied(lambda x, r, w, m, c: (w, r.T @ x, c))
by_np_cov = tied(lambda x, r, w, m, c: (w, m, np.cov(x.T)))
no_responsibilities = tied(
    lambda x, r, w, m, c: (w, m, sum((x - mean).T @ (x - mean) for mean in m) / len(x))
)
counted_twice = tied(
    lambda x, r, w, m, c: (
        w,
        m,
        sum(a * a * b for a, b in zip(r.sum(axis=0), per_component(x, r, m), strict=True)) / len(x),
    )
)

# --- 4.6


def by_eigvalsh(covariance, content):
    return np.sqrt(-2 * np.log(1 - content) * np.linalg.eigvalsh(covariance)[::-1])


def by_formula(covariance, content):
    """Eigenvalues of a 2 x 2 matrix from trace and determinant."""
    half, det = covariance.trace() / 2, np.linalg.det(covariance)
    root = np.sqrt(half**2 - det)
    return [np.sqrt(chi2.ppf(content, 2) * (half + s * root)) for s in (1, -1)]


def ascending(covariance, content):
    return by_eigvalsh(covariance, content)[::-1]


def whole(covariance, content):
    return 2 * by_eigvalsh(covariance, content)


def variances_for_lengths(covariance, content):
    return np.sqrt(-2 * np.log(1 - content)) * np.linalg.eigvalsh(covariance)[::-1]


def squares(covariance, content):
    return by_eigvalsh(covariance, content) ** 2


def from_the_line(covariance, content):
    return norm.ppf((1 + content) / 2) * np.sqrt(np.linalg.eigvalsh(covariance)[::-1])


def from_the_diagonal(covariance, content):
    return np.sqrt(-2 * np.log(1 - content) * np.sort(np.diag(covariance))[::-1])


def outside(covariance, content):
    return by_eigvalsh(covariance, 1 - content)


def in_sd(sd):
    def wrong(covariance, content):
        return sd * np.sqrt(np.linalg.eigvalsh(covariance)[::-1])

    return wrong


fixed_on_the_line, two_sd, fixed_in_the_plane = in_sd(1.96), in_sd(2), in_sd(2.4477)


def no_root_of_c(covariance, content):
    return -2 * np.log(1 - content) * np.sqrt(np.linalg.eigvalsh(covariance)[::-1])


def no_factor_two(covariance, content):
    return by_eigvalsh(covariance, content) / np.sqrt(2)


def whole_and_ascending(covariance, content):
    return whole(covariance, content)[::-1]


def from_the_factor(covariance, content):
    return np.sqrt(-2 * np.log(1 - content)) * np.diag(np.linalg.cholesky(covariance))


def no_minus(covariance, content):
    with np.errstate(invalid="ignore"):
        return np.sqrt(2 * np.log(1 - content) * np.linalg.eigvalsh(covariance)[::-1])


def complex_axes(covariance, content):
    return by_eigvalsh(covariance, content) + 0j


def a_word(covariance, content):
    return "long"


# --- 4.8


def by_responsibilities(t, weights, means, covariances, scores=None, slopes=None, hard=False):
    sd = np.sqrt(covariances[:, 0, 0])
    if scores is None:
        scores = np.log(weights) + norm.logpdf(t[:, None], means[:, 0], sd)
    if slopes is None:
        slopes = covariances[:, 0, 1] / covariances[:, 0, 0]
    lines = means[:, 1] + slopes * (t[:, None] - means[:, 0])
    r = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    if hard:
        r = np.eye(len(weights))[r.argmax(axis=1)]
    return (r * lines).sum(axis=1)


def by_integration(t, weights, means, covariances):
    """Integrate the joint density over the wait."""
    grid = np.linspace(means[:, 1].min() - 60, means[:, 1].max() + 60, 60_001)
    density = np.zeros((len(t), len(grid)))
    for w, m, c in zip(weights, means, covariances, strict=True):
        a, b = t[:, None] - m[0], grid - m[1]
        det = np.linalg.det(c)
        q = (c[1, 1] * a**2 - 2 * c[0, 1] * a * b + c[0, 0] * b**2) / det
        density += w / np.sqrt(det) * np.exp(-q / 2)
    return (density * grid).sum(axis=1) / density.sum(axis=1)


def prior_weights(t, weights, means, covariances):
    scores = np.broadcast_to(np.log(weights), (len(t), len(weights)))
    return by_responsibilities(t, weights, means, covariances, scores=scores)


def flat(t, weights, means, covariances):
    return by_responsibilities(t, weights, means, covariances, slopes=0.0)


def hard(t, weights, means, covariances):
    return by_responsibilities(t, weights, means, covariances, hard=True)


def no_weights(t, weights, means, covariances):
    return by_responsibilities(t, np.ones(len(weights)), means, covariances)


def no_volume(t, weights, means, covariances):
    scores = np.log(weights) - (t[:, None] - means[:, 0]) ** 2 / covariances[:, 0, 0] / 2
    return by_responsibilities(t, weights, means, covariances, scores=scores)


def other_variance(t, weights, means, covariances):
    slopes = covariances[:, 0, 1] / covariances[:, 1, 1]
    return by_responsibilities(t, weights, means, covariances, slopes=slopes)


def pooled_line(t, weights, means, covariances):
    middle = weights @ means
    total = sum(
        w * (c + np.outer(m - middle, m - middle))
        for w, m, c in zip(weights, means, covariances, strict=True)
    )
    return middle[1] + total[1, 0] / total[0, 0] * (t - middle[0])


def not_normalised(t, weights, means, covariances):
    variance = covariances[:, 0, 0]
    joint = weights * norm.pdf(t[:, None], means[:, 0], np.sqrt(variance))
    lines = means[:, 1] + covariances[:, 0, 1] / variance * (t[:, None] - means[:, 0])
    return (joint * lines).sum(axis=1)


def slope_over_sd(t, weights, means, covariances):
    slopes = covariances[:, 0, 1] / np.sqrt(covariances[:, 0, 0])
    return by_responsibilities(t, weights, means, covariances, slopes=slopes)


def variance_for_sd(t, weights, means, covariances):
    scores = np.log(weights) + norm.logpdf(t[:, None], means[:, 0], covariances[:, 0, 0])
    return by_responsibilities(t, weights, means, covariances, scores=scores)


def no_broadcasting(t, weights, means, covariances):
    return means[:, 1] + covariances[:, 0, 1] / covariances[:, 0, 0] * (t - means[:, 0])


RIGHT = {
    "mahalanobis": [
        by_solving,
        by_cdist,
    ],
    "tied_m_step": [
        tied_by_loop,
        tied_by_total,
    ],
    "half_axes": [
        by_eigvalsh,
        by_formula,
    ],
    "expected_wait": [
        by_responsibilities,
        by_integration,
    ],
}

WRONG = {
    "mahalanobis": [
        (squared, "squared"),
        (ruler, "ruler"),
        (untilted, "tilt"),
        (stretched, "undone"),
        (transposed, "transposed"),
        (not_centred, "subtracted"),
        (upper, "lower=True"),
        (over_points, "over the points"),
        (in_rows, "columns"),
    ],
    "tied_m_step": [
        (plain_average, "plain average"),
        (one_mean, "common mean"),
        (one_each, "one for all"),
        (not_divided, "divided"),
        (unbiased, "N - K"),
        (counts_for_weights, "counts"),
        (means_over_n, "own count"),
        (means_transposed, "shape"),
        (two_things, "three"),
        (other_order, "order"),
        (means_first, "order"),
        (weighted_sums, "not yet divided"),
        (by_np_cov, "common mean"),
        (no_responsibilities, "responsibilities"),
        (counted_twice, "already a sum"),
    ],
    "half_axes": [
        (ascending, "order"),
        (fixed_on_the_line, "written into"),
        (two_sd, "written into"),
        (fixed_in_the_plane, "rounded"),
        (no_root_of_c, "root is missing"),
        (no_factor_two, "factor 2"),
        (whole_and_ascending, "whole axes"),
        (from_the_factor, "Cholesky"),
        (no_minus, "sign"),
        (complex_axes, "complex"),
        (a_word, "numbers"),
        (whole, "half"),
        (variances_for_lengths, "Standard deviations"),
        (squares, "root"),
        (from_the_line, "one dimension"),
        (from_the_diagonal, "eigenvalues"),
        (outside, "1 - content"),
    ],
    "expected_wait": [
        (prior_weights, "responsibilities"),
        (flat, "slope"),
        (hard, "hard switch"),
        (no_weights, "weights"),
        (no_volume, "factor"),
        (other_variance, "variance of the wait"),
        (pooled_line, "one regression line"),
        (not_normalised, "normalised"),
        (slope_over_sd, "standard deviation of the eruption"),
        (variance_for_sd, "variance where"),
        (no_broadcasting, "t[:, None]"),
    ],
}
