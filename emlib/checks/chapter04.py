"""Checkers for the exercises of chapter 4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chi2

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, holds_nan, shape_of

CLOUDS = (
    (
        np.array([[1.0, 0.5, -2.0], [0.0, 3.0, 1.0], [2.5, 1.0, 0.5], [-1.0, 0.0, 4.0]]),
        np.array([0.5, -1.0, 0.25]),
        [[2.0, 0.6, -0.4], [0.6, 1.5, 0.3], [-0.4, 0.3, 0.8]],
    ),
    (np.array([[2.0, 3.0], [2.0, -3.0], [0.0, 1.0]]), np.zeros(2), [[4.0, 2.0], [2.0, 5.0]]),
    (np.array([[1.0], [-2.0]]), np.array([1.0]), [[4.0]]),  # one feature, a point at the centre
)


def _parts(value: Any, names: str, n: int) -> list[Any]:
    """Return the parts of an answer that should have n of them: in a tuple, a list, an iterator."""
    wanted = f"Return {names}, in this order."
    if isinstance(value, Mapping):
        raise Problem(f"{wanted} A dictionary has names for them, but the checker goes by order.")
    if isinstance(value, (str, bytes)):
        raise Problem(wanted)
    try:
        parts = list(value)
    except Exception:
        raise Problem(wanted) from None
    if len(parts) != n:
        raise Problem(f"{wanted} Yours are {len(parts)}.")
    return parts


def _run(function: Callable[..., Any], *arguments: Any, shapes: str) -> Any:
    """Call the reader's function; if arrays did not fit together, say which shapes are wanted."""
    try:
        return call(function, *arguments)
    except Problem as problem:
        said = str(problem)
        if "ValueError" in said and any(w in said for w in ("shape", "broadcast", "mismatch")):
            raise Problem(f"{said}. {shapes}") from None
        raise


@exercise("4.3")
def mahalanobis(function: Callable[..., Any]) -> None:
    """Check `function(x, mean, covariance)`, which returns the distance of each row."""
    for x, mean, matrix in CLOUDS:
        covariance = np.array(matrix)
        diff = x - mean
        lower = np.linalg.cholesky(covariance)
        right = np.sqrt(_quadratic(diff, np.linalg.inv(covariance)))
        hints = [
            (right**2, "That is the squared distance: the root is missing."),
            (
                np.sqrt((diff**2).sum(axis=1)),
                "That is the ruler's distance; the covariance has no part in it.",
            ),
            (
                np.sqrt((diff**2 / np.diag(covariance)).sum(axis=1)),
                "You divide each feature by its own standard deviation, which knows nothing of "
                "the tilt: the off-diagonal entries are ignored.",
            ),
            (
                np.sqrt(_quadratic(diff, covariance)),
                "You stretch where you should whiten: L must be undone, not applied.",
            ),
            (
                np.sqrt(_quadratic(diff, np.linalg.inv(lower.T @ lower))),
                "The factor is transposed somewhere: solve L y = x - mu with the lower one.",
            ),
            (
                np.sqrt((diff**2 / np.diag(lower) ** 2).sum(axis=1)),
                "Only the diagonal of the factor is used. `solve_triangular` reads the upper "
                "triangle unless you say `lower=True`.",
            ),
            (
                np.sqrt(_quadratic(x, np.linalg.inv(covariance))),
                "The mean has not been subtracted.",
            ),
            (
                np.linalg.norm(np.linalg.solve(covariance, diff.T), axis=0),
                "You solve with Sigma and take the length of that: whiten with its factor L, or "
                "multiply what you solved by x - mu once more.",
            ),
            (
                np.sqrt(_quadratic(diff, np.linalg.inv(covariance)) / len(mean)),
                "You average over the features; add up.",
            ),
            (
                np.abs(np.linalg.solve(lower, diff.T)).sum(axis=0),
                "You add up absolute values of y; a length is the root of the sum of squares.",
            ),
            (
                np.abs(np.linalg.solve(lower, diff.T)).max(axis=0),
                "That is the largest entry of y; a length is the root of the sum of squares.",
            ),
            (
                right / np.sqrt(2),
                "A factor is left over: the half belongs to the exponent of (4.4), not to (4.3).",
            ),
        ]
        value = _run(
            function,
            x,
            mean,
            covariance,
            shapes="To whiten all points at once, make them the columns of one matrix, (D, N).",
        )
        shape = shape_of(value)
        if shape == mean.shape != right.shape:
            raise Problem(
                f"The result has shape {mean.shape}, one number a feature: you added up over the "
                "points. Add up over the features of each point."
            )
        if shape == 2 * right.shape and len(x) > 1:
            raise Problem(
                f"The result has shape {shape}, a number for every pair of points: of that "
                "product only the diagonal is wanted."
            )
        if shape is None:
            raise Problem("Return the distances alone, one number for each row of x.")
        close(value, right, "The distance", hints, "Compare with the example worked by hand.")


def _quadratic(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    return np.asarray(((rows @ matrix) * rows).sum(axis=1))


def _cases(n: int, k: int, d: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    r = rng.dirichlet(np.full(k, 0.4), size=n)
    x = rng.standard_normal((n, d)) * np.arange(1, d + 1) + 3.0 * r @ rng.standard_normal((k, d))
    return x, r


@exercise("4.4")
def tied_m_step(function: Callable[..., Any]) -> None:
    """Check `function(x, r)`, which returns weights, means and the common covariance."""
    for x, r in (_cases(40, 3, 2, 44), _cases(60, 2, 4, 45), _cases(7, 1, 3, 46)):
        n, k, d = *r.shape, x.shape[1]
        counts = r.sum(axis=0)
        mu = r.T @ x / counts[:, None]
        scatter = np.array([((x - m).T * w) @ (x - m) for m, w in zip(mu, r.T, strict=True)])
        value = call(function, x, r)
        value = _parts(value, "three things: weights, means and the covariance", 3)
        shapes = [shape_of(part) for part in value]
        right_shapes = [(k,), (k, d), (d, d)]
        if shapes != right_shapes and sorted(map(str, shapes)) == sorted(map(str, right_shapes)):
            raise Problem("The order is wrong: weights come first, then means, then covariance.")
        hints = [
            (counts, "Those are the counts N_k; divide them by N."),
            (np.full(k, 1 / k), "The weights are all equal; they should be shares of the data."),
        ]
        close(value[0], counts / n, "The vector of weights", hints, "See (4.10).")
        hints = [
            (r.T @ x / n, "Each mean is divided by N; its own count N_k is wanted."),
            (r.T @ x, "Those are weighted sums, not yet divided by the counts N_k."),
            (np.tile(x.mean(axis=0), (k, 1)), "All your means are the mean of all the data."),
            (mu.T, "The means look transposed: one row a component is wanted, the shape (K, D)."),
        ]
        close(value[1], mu, "The array of means", hints, "See (4.13).")
        full = scatter / counts[:, None, None]
        if shapes[2] == (k, d, d):
            raise Problem(
                f"The covariance has shape {(k, d, d)}, one matrix a component; tied means that "
                "there is one for all."
            )
        centred = x - x.mean(axis=0)
        common = (
            "That is the covariance of all the data about one common mean: the distance between "
            "the clusters is in it. Measure each point from its component's mean."
        )
        unweighted = np.sum([(x - m).T @ (x - m) for m in mu], axis=0)
        squared = np.array([((x - m).T * w**2) @ (x - m) for m, w in zip(mu, r.T, strict=True)])
        left = counts - (r**2).sum(axis=0) / counts  # what np.cov divides by; 0 for a single point
        unbiased = scatter / np.maximum(left, 1e-9)[:, None, None]
        hints = [
            (
                full.mean(axis=0),
                "That is the plain average of the components' covariances; a component with more "
                "data should have more weight.",
            ),
            (centred.T @ centred / n, common),
            (centred.T @ centred / (n - 1), common),
            *(
                (unweighted / m, "The responsibilities have no part in your scatter matrices.")
                for m in (1, n, n * k)
            ),
            (
                (counts[:, None, None] * scatter).sum(axis=0) / n,
                "You multiply W_k by N_k, but W_k is already a sum: N_k times a covariance.",
            ),
            (scatter.sum(axis=0), "That is the sum over all points, not yet divided."),
            (full.sum(axis=0), "You add up the covariances; they must be averaged."),
            (
                scatter.sum(axis=0) / (n - k),
                "You divide by N - K. That is the unbiased estimate; maximum likelihood has N.",
            ),
            (np.diag(np.diag(scatter.sum(axis=0))) / n, "Your covariance is diagonal."),
            (
                scatter.sum(axis=0) / (n - 1),
                "You divide by N - 1. That is the unbiased estimate; maximum likelihood has N.",
            ),
            *(
                (
                    np.tensordot(shares, unbiased, axes=1),
                    "`np.cov` with `aweights` divides by less than N_k unless you say "
                    "`bias=True`: it wants to be unbiased, maximum likelihood does not.",
                )
                for shares in (counts / n, np.full(k, 1 / k))
            ),
            *(
                (
                    squared.sum(axis=0) / m,
                    "The responsibilities enter squared. In a product like (r (x - mu))' "
                    "(r (x - mu)) each factor has one; a single r is wanted.",
                )
                for m in (n, (r**2).sum())
            ),
        ]
        close(value[2], scatter.sum(axis=0) / n, "The covariance", hints, "See (4.19).")


@exercise("4.6")
def half_axes(function: Callable[..., Any]) -> None:
    """Check `function(covariance, content)`, which returns the half axes of an ellipse."""
    for matrix, content in (([[4.0, 2.0], [2.0, 5.0]], 0.95), ([[0.2, 0.1], [0.1, 9.0]], 0.5)):
        covariance = np.array(matrix)
        variances = np.linalg.eigvalsh(covariance)[::-1]
        c = -2 * np.log(1 - content)
        right = np.sqrt(c * variances)
        line = np.sqrt(chi2.ppf(content, df=1) * variances)
        lower = np.linalg.cholesky(covariance)
        rounded = (
            "The number of standard deviations is written into your function. Work it out from "
            "`content`; and what is right on the line is too little in the plane. See (4.27)."
        )
        fixed = (
            "The number of standard deviations is written into your function, and rounded. Work "
            "it out from `content`, by (4.27)."
        )
        hints = [
            (right[::-1], "The order is wrong: the longer axis comes first."),
            (2 * right, "Those are whole axes; half of each is wanted."),
            (2 * right[::-1], "Those are whole axes, and the shorter one comes first."),
            (1.96 * np.sqrt(variances), rounded),
            (2.0 * np.sqrt(variances), rounded),
            *((sd * np.sqrt(variances), fixed) for sd in (2.4477, 2.448, 2.45)),
            *(
                (
                    np.sqrt(number * variances),
                    "The number c is written into your function: work it out from `content`, by "
                    "(4.27).",
                )
                for number in (5.9915, 5.991, 5.99, 6.0)
            ),
            (right / 2, "You halve once too often: by (4.28) these are half axes already."),
            *(
                (
                    np.sqrt(c / axes),
                    "Those belong to the inverse of the covariance: lengths grow with variances.",
                )
                for axes in (variances, variances[::-1])
            ),
            *(
                (
                    np.sqrt(-factor * np.log10(1 - content) * variances),
                    "The logarithm in (4.27) is the natural one, `np.log`.",
                )
                for factor in (1, 2)
            ),
            (
                np.sqrt(c * np.diag(covariance)),
                "The diagonal of the covariance gives the axes only if the ellipse stands "
                "upright; eigenvalues are wanted.",
            ),
            (
                np.sqrt(c) * variances[::-1],
                "You use variances for lengths, and the shorter axis comes first.",
            ),
            (
                np.sqrt(chi2.ppf(content, df=3) * variances),
                "The quantile is that of three dimensions; in the plane there are two.",
            ),
            (
                c * np.sqrt(variances),
                "c is a squared distance, but you multiply a length by it: its root is missing.",
            ),
            (right / np.sqrt(2), "A factor 2 is missing: solve (4.27) for c once more."),
            *(
                (
                    np.sqrt(c) * axes,
                    "The diagonal of the Cholesky factor is not the half axes; eigenvalues of "
                    "the covariance are wanted.",
                )
                for axes in (np.diag(lower), np.sort(np.diag(lower))[::-1])
            ),
            (c * variances, "Those are squared: the root in (4.28) is missing."),
            (
                np.sqrt(c) * variances,
                "You use variances for lengths. Standard deviations belong here.",
            ),
            (
                line,
                "That is the quantile of one dimension: it holds too little in the plane. "
                "See (4.27).",
            ),
            (
                line[::-1],
                "That is the quantile of one dimension, and the shorter axis comes first.",
            ),
            (
                np.sqrt(variances),
                "Those are one standard deviation long; the content has no effect.",
            ),
            (
                np.sqrt(c * np.sort(np.diag(covariance))[::-1]),
                "The diagonal of the covariance gives the axes only if the ellipse stands "
                "upright; eigenvalues are wanted.",
            ),
            (
                np.sqrt(-2 * np.log(content) * variances),
                "Your ellipse holds the share 1 - content: look at what is inside in (4.27).",
            ),
        ]
        value = call(function, covariance, content)
        if shape_of(value) is None:
            raise Problem("Return the two half axes alone, the longer first.")
        if isinstance(value, Iterator):
            value = call(list, value)  # a generator runs, and may stop, only here
        if shape_of(value) == (2, 2):
            raise Problem("Return two numbers, the half axes: yours is a matrix.")
        if np.iscomplexobj(value):
            raise Problem("Your half axes are complex numbers; a symmetric matrix has `eigvalsh`.")
        if holds_nan(value):
            raise Problem(
                "You have taken the root of a negative number: log(1 - content) is negative. "
                "Look at the sign in (4.27)."
            )
        close(value, right, "The pair of half axes", hints, "See (4.27) and (4.28).")


@exercise("4.8")
def expected_wait(function: Callable[..., Any]) -> None:
    """Check `function(t, weights, means, covariances)`, the mean of x_2 given x_1 = t."""
    mixtures = (
        (
            np.array([0.2, 0.5, 0.3]),
            np.array([[-2.0, 1.0], [0.5, -1.0], [3.0, 4.0]]),
            np.array(
                [[[1.0, 0.3], [0.3, 0.5]], [[0.4, -0.2], [-0.2, 2.0]], [[2.0, 1.0], [1.0, 1.5]]]
            ),
        ),
        (
            np.array([0.4, 0.6]),
            np.array([[2.0, 54.0], [4.3, 80.0]]),
            np.array([[[0.07, 0.44], [0.44, 33.0]], [[0.17, 0.94], [0.94, 36.0]]]),
        ),
    )
    for (weights, means, covariances), t in zip(
        mixtures,
        (np.array([-2.5, -0.6, 1.4, 2.9, 5.0]), np.array([1.8, 3.0, 3.3, 4.6])),
        strict=True,
    ):
        variance, cross = covariances[:, 0, 0], covariances[:, 1, 0]
        distance2 = (t[:, None] - means[:, 0]) ** 2 / variance
        log_joint = np.log(weights) - 0.5 * np.log(variance) - 0.5 * distance2
        lines = means[:, 1] + cross / variance * (t[:, None] - means[:, 0])

        def average(scores: FloatArray, values: FloatArray) -> FloatArray:
            r = np.exp(scores - logsumexp(scores, axis=1)[:, None])
            return np.asarray((r * values).sum(axis=1))

        lines_only = lines @ weights
        middle = weights @ means
        pooled = np.tensordot(weights, covariances, axes=1)
        pooled = pooled + ((means - middle).T * weights) @ (means - middle)
        joint = np.exp(log_joint - 0.5 * np.log(2 * np.pi))
        hints = [
            (
                middle[1] + pooled[1, 0] / pooled[0, 0] * (t - middle[0]),
                "That is the one regression line of the whole mixture. Each component has its "
                "own line; average them with what t says about the component.",
            ),
            *(
                (
                    (scale * joint * lines).sum(axis=1),
                    "Your responsibilities are not normalised: for each t they must sum to one.",
                )
                for scale in (1.0, np.sqrt(2 * np.pi))
            ),
            (
                average(
                    log_joint,
                    means[:, 1] + cross / np.sqrt(variance) * (t[:, None] - means[:, 0]),
                ),
                "Your slope divides by the standard deviation of the eruption; by (4.5) its "
                "variance belongs there.",
            ),
            (
                average(
                    np.log(weights)
                    - np.log(variance)
                    - 0.5 * ((t[:, None] - means[:, 0]) / variance) ** 2,
                    lines,
                ),
                "You use the variance where the density of t wants the standard deviation.",
            ),
            (
                lines_only,
                "You average the lines with the weights pi_k. Given t, the components are no "
                "longer that probable: use responsibilities that see t.",
            ),
            (
                average(log_joint, np.broadcast_to(means[:, 1], lines.shape)),
                "The mean wait of each component is constant in yours: within a component the "
                "wait follows t, with a slope.",
            ),
            (
                average(log_joint + 0.5 * np.log(variance), lines),
                "The responsibilities lack a factor: the density of t in component k is divided "
                "by its standard deviation.",
            ),
            (
                average(log_joint - np.log(weights), lines),
                "The weights pi_k have no effect on your responsibilities.",
            ),
            (
                lines[np.arange(len(t)), log_joint.argmax(axis=1)],
                "You use the line of the most probable component only: a hard switch. Average.",
            ),
            (
                average(
                    log_joint,
                    means[:, 1] + cross / covariances[:, 1, 1] * (t[:, None] - means[:, 0]),
                ),
                "Your slope divides by the variance of the wait; the eruption's belongs there.",
            ),
            (
                average(log_joint, means[:, 1] + variance / cross * (t[:, None] - means[:, 0])),
                "Your slope is upside down: Sigma_21 stands over Sigma_11.",
            ),
            (
                average(log_joint, means[:, 1] - cross / variance * (t[:, None] - means[:, 0])),
                "Your slope has the wrong sign: a longer eruption than average adds to the wait "
                "where Sigma_21 is positive.",
            ),
            (
                average(log_joint, means[:, 1] + cross / variance * t[:, None]),
                "The line of a component passes through its mean: subtract mu_1 from t.",
            ),
            (
                average(log_joint, cross / variance * (t[:, None] - means[:, 0])),
                "The mean wait mu_2 of each component is missing from its line.",
            ),
            (
                average(2 * log_joint, lines),
                "Your responsibilities are too sure: the square of what they should be.",
            ),
            (
                average(log_joint - 0.5 * distance2, lines),
                "A half is missing from the exponent of the density of t.",
            ),
        ]
        value = _run(
            function,
            t,
            weights,
            means,
            covariances,
            shapes="t has N entries and there are K components: t[:, None] fits both.",
        )
        right, shape = average(log_joint, lines), shape_of(value)
        if shape == lines.shape:
            raise Problem("You return a number for each component: add up over the components.")
        if shape == weights.shape:
            raise Problem("You have added up over t; add up over the components.")
        if shape is None:
            raise Problem("Return one number for each entry of t, and nothing else.")
        close(value, right, "The expected wait", hints, "Check both factors of the average.")
