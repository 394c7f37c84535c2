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


def by_eigenvectors(x, mean, covariance):
    """A list, from the other square root of the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return list(np.hypot.reduce((x - mean) @ vectors / np.sqrt(values), axis=1))


def solved_with_sigma(x, mean, covariance):
    return np.linalg.norm(np.linalg.solve(covariance, (x - mean).T), axis=0)


def averaged(x, mean, covariance):
    return by_solving(x, mean, covariance) / np.sqrt(len(mean))


def absolute(x, mean, covariance):
    return abs(np.linalg.solve(np.linalg.cholesky(covariance), (x - mean).T)).sum(axis=0)


def largest(x, mean, covariance):
    return abs(np.linalg.solve(np.linalg.cholesky(covariance), (x - mean).T)).max(axis=0)


def every_pair(x, mean, covariance):
    with np.errstate(invalid="ignore"):
        return np.sqrt((x - mean) @ np.linalg.inv(covariance) @ (x - mean).T)


def with_the_points(x, mean, covariance):
    return by_solving(x, mean, covariance), x - mean


def with_an_imaginary_part(x, mean, covariance):
    return by_solving(x, mean, covariance) + 5j


def half_inside(x, mean, covariance):
    return by_solving(x, mean, covariance) / np.sqrt(2)


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


def tied_in_a_generator(x, r):
    """By whitening nothing: the scatter about the means, all at once."""
    counts = r.sum(axis=0)
    means = np.einsum("nk,nd->kd", r, x) / counts[:, None]
    e = x[:, None, :] - means
    yield counts / len(x)
    yield means.tolist()
    yield np.einsum("nk,nkd,nkf->df", r, e, e) / r.sum()


def with_aweights(x, r):
    weights, means, _ = tied_by_loop(x, r)
    return (
        weights,
        means,
        sum(p * np.cov(x.T, aweights=w) for p, w in zip(weights, r.T, strict=True)),
    )


def r_twice(x, r):
    weights, means, _ = tied_by_loop(x, r)
    parts = [
        (w[:, None] * (x - m)).T @ (w[:, None] * (x - m)) for m, w in zip(means, r.T, strict=True)
    ]
    return weights, means, sum(parts) / len(x)


less_one = tied(lambda x, r, w, m, c: (w, m, c * len(x) / (len(x) - 1)))
covariance_second = tied(lambda x, r, w, m, c: (w, c, m))
in_a_dict = tied(lambda x, r, w, m, c: {"weights": w, "means": m, "covariance": c})
copies = tied(lambda x, r, w, m, c: (w, m, np.array([c] * len(w))))
equal_weights = tied(lambda x, r, w, m, c: (np.full(len(w), 1 / len(w)), m, c))
summed = tied(lambda x, r, w, m, c: (w, m, per_component(x, r, m).sum(axis=0)))


def said_in_words(x, r):
    return "weights, means, covariance"


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


def by_svd(covariance, content):
    """A generator: singular values of a covariance are its eigenvalues, in descending order."""
    return (float(np.sqrt(-2 * np.log1p(-content) * s)) for s in np.linalg.svd(covariance)[1])


def matrix_for_values(covariance, content):
    """A generator, which stops only when it is gone through."""
    return (float(np.sqrt(-2 * np.log1p(-content) * s)) for s in abs(np.linalg.svd(covariance)[0]))


def with_c_written(covariance, content):
    return np.sqrt(5.991 * np.linalg.eigvalsh(covariance)[::-1])


def unsorted_diagonal(covariance, content):
    return np.sqrt(-2 * np.log(1 - content) * np.diag(covariance))


def quarters(covariance, content):
    return by_eigvalsh(covariance, content) / 2


def of_the_inverse(covariance, content):
    return by_eigvalsh(np.linalg.inv(covariance), content)


def decimal_logarithm(covariance, content):
    return np.sqrt(-2 * np.log10(1 - content) * np.linalg.eigvalsh(covariance)[::-1])


def with_the_angle(covariance, content):
    return by_eigvalsh(covariance, content), 0.5


def all_of_eigh(covariance, content):
    return np.linalg.eigh(covariance)


def in_three_dimensions(covariance, content):
    return np.sqrt(chi2.ppf(content, 3) * np.linalg.eigvalsh(covariance)[::-1])


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


def by_loop(t, weights, means, covariances):
    """Point by point, with densities multiplied out, in a list."""
    waits = []
    for one in t:
        parts = [
            w * norm.pdf(one, m[0], c[0, 0] ** 0.5)
            for w, m, c in zip(weights, means, covariances, strict=True)
        ]
        lines = [
            m[1] + c[1, 0] / c[0, 0] * (one - m[0]) for m, c in zip(means, covariances, strict=True)
        ]
        waits.append(np.dot(parts, lines) / sum(parts))
    return waits


def upside_down(t, weights, means, covariances):
    slopes = covariances[:, 0, 0] / covariances[:, 0, 1]
    return by_responsibilities(t, weights, means, covariances, slopes=slopes)


def downhill(t, weights, means, covariances):
    slopes = -covariances[:, 0, 1] / covariances[:, 0, 0]
    return by_responsibilities(t, weights, means, covariances, slopes=slopes)


def each_component(t, weights, means, covariances):
    return np.stack([by_responsibilities(t, weights, means, covariances)] * len(weights), axis=1)


def over_the_eruptions(t, weights, means, covariances):
    return each_component(t, weights, means, covariances).sum(axis=0)


def not_about_the_mean(t, weights, means, covariances):
    slopes = covariances[:, 0, 1] / covariances[:, 0, 0]
    shifted = means + np.stack([0 * slopes, slopes * means[:, 0]], axis=1)
    return by_responsibilities(t, weights, shifted, covariances)


def no_mean_wait(t, weights, means, covariances):
    return by_responsibilities(t, weights, means * [1, 0], covariances)


def no_half(t, weights, means, covariances):
    variance = covariances[:, 0, 0]
    scores = np.log(weights / np.sqrt(variance)) - (t[:, None] - means[:, 0]) ** 2 / variance
    return by_responsibilities(t, weights, means, covariances, scores=scores)


def with_its_parts(t, weights, means, covariances):
    return by_responsibilities(t, weights, means, covariances), weights


RIGHT = {
    "mahalanobis": [
        by_solving,
        by_cdist,
        by_eigenvectors,
    ],
    "tied_m_step": [
        tied_by_loop,
        tied_by_total,
        tied_in_a_generator,
    ],
    "half_axes": [
        by_eigvalsh,
        by_formula,
        by_svd,
    ],
    "expected_wait": [
        by_responsibilities,
        by_integration,
        by_loop,
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
        (solved_with_sigma, "solve with Sigma"),
        (averaged, "average"),
        (absolute, "absolute values"),
        (largest, "largest entry"),
        (every_pair, "pair of points"),
        (with_the_points, "alone"),
        (half_inside, "the half"),
        (with_an_imaginary_part, "complex"),
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
        (with_aweights, "bias=True"),
        (r_twice, "squared"),
        (less_one, "N - 1"),
        (covariance_second, "order"),
        (in_a_dict, "dictionary"),
        (copies, "one for all"),
        (equal_weights, "all equal"),
        (summed, "averaged"),
        (said_in_words, "three"),
    ],
    "half_axes": [
        (ascending, "order"),
        (matrix_for_values, "stopped with TypeError"),
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
        (with_c_written, "number c"),
        (unsorted_diagonal, "eigenvalues"),
        (quarters, "halve"),
        (of_the_inverse, "inverse"),
        (decimal_logarithm, "natural"),
        (with_the_angle, "alone"),
        (all_of_eigh, "alone"),
        (in_three_dimensions, "three dimensions"),
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
        (upside_down, "upside down"),
        (downhill, "sign"),
        (each_component, "over the components"),
        (over_the_eruptions, "over t"),
        (not_about_the_mean, "subtract mu_1"),
        (no_mean_wait, "mean wait mu_2"),
        (no_half, "half"),
        (with_its_parts, "nothing else"),
    ],
}
