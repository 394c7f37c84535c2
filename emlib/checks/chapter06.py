"""Checkers for the exercises of chapter 6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import entr

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise


@exercise("6.3")
def scores(function: Callable[..., Any]) -> None:
    """Check `function(log_likelihood, n_parameters, r)`, which returns AIC, BIC and ICL."""
    for log_likelihood, p, r in _fits():
        n, k = r.shape
        entropy = float(entr(r).sum())
        aic = -2 * log_likelihood + 2 * p
        bic = -2 * log_likelihood + p * np.log(n)
        value = _three(call(function, log_likelihood, p, r))
        hints = [
            (-aic, "The sign of AIC is turned; smaller should be better."),
            (-log_likelihood + p, "That is half of AIC: by custom both terms are doubled."),
            (2 * log_likelihood - 2 * p, "The sign of AIC is turned; smaller should be better."),
            (-2 * log_likelihood + p, "AIC charges 2 for each parameter, not 1."),
            (-2 * log_likelihood - 2 * p, "Your AIC pays for parameters instead of charging."),
            (2 * log_likelihood + 2 * p, "The log-likelihood enters AIC with a minus."),
        ]
        close(value[0], aic, "AIC", hints, "See (6.8).")
        hints = [
            (-bic, "The sign of BIC is turned, as in mclust; here smaller should be better."),
            (-log_likelihood + p / 2 * np.log(n), "That is half of BIC."),
            (-2 * log_likelihood + p * np.log10(n), "log10 where the natural logarithm belongs."),
            (-2 * log_likelihood + p * np.log2(n), "log2 where the natural logarithm belongs."),
            (-2 * log_likelihood + p * np.log(k), "log K where log N belongs: r has N rows."),
            (-2 * log_likelihood + p * np.log(r.size), "r has N K entries, but N is its rows."),
            (
                -2 * log_likelihood + 2 * p * np.log(n),
                "BIC charges log N a parameter, not 2 log N.",
            ),
            (-2 * log_likelihood + p * n, "BIC charges log N a parameter, not N."),
            (aic, "That is AIC once more."),
        ]
        close(value[1], bic, "BIC", hints, "See (6.12).")
        _no_nan(value[2])
        largest = float(np.log(r.max(axis=1)).sum())
        hints = [
            (bic + entropy, "The entropy counts twice in (6.15)."),
            (bic - 2 * entropy, "The sign of the entropy is turned: doubt must make ICL larger."),
            (bic - entropy, "The sign of the entropy is turned, and it counts twice in (6.15)."),
            (bic, "The entropy is missing."),
            (aic + 2 * entropy, "You have added the entropy to AIC; it belongs to BIC."),
            (bic + 2 * entropy / n, "You average the entropy; (6.14) is a sum over observations."),
            (bic + 2 * entropy / np.log(2), "The entropy is in bits; take natural logarithms."),
            (bic - 2 * largest, "That takes the most probable label of each row (exercise 6.8)."),
        ]
        close(value[2], bic + 2 * entropy, "ICL", hints, "See (6.14) and (6.15).")


def _fits() -> list[tuple[float, int, FloatArray]]:
    rng = np.random.default_rng(63)
    soft = rng.dirichlet([0.6, 0.8, 0.5], size=20)
    some = soft.copy()
    some[:5] = np.eye(3)[[0, 1, 2, 0, 1]]
    return [(-123.4, 8, soft), (57.25, 5, some)]


def _three(value: Any) -> tuple[Any, Any, Any]:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 3:
        raise Problem("Return three numbers: AIC, BIC and ICL, in this order.")
    return value[0], value[1], value[2]


def _no_nan(value: Any) -> None:
    if isinstance(value, (float, np.floating)) and np.isnan(value):
        raise Problem(
            "ICL is NaN: some responsibilities are exactly 0, and 0 times the logarithm of 0 is "
            "not a number to a computer. What is the limit of r log r as r goes to 0?"
        )


@exercise("6.4")
def p_value(function: Callable[..., Any]) -> None:
    """Check `function(observed, replicates)`, the bootstrap p-value."""
    nan = float("nan")
    cases = (
        (5.0, [1.0, 6.0, 2.0, 0.0]),
        (3.0, [3.0, 1.0, 3.0, 8.0, 0.0, 0.5, 2.0]),
        (4.0, [1.0, nan, 5.0, nan, 2.0, 0.0, 0.0, 3.0, nan]),
    )
    for observed, listed in cases:
        t = np.array(listed)
        n, valid = len(t), t[~np.isnan(t)]
        small = int((t < observed).sum())
        large = int((t >= observed).sum())
        right = (1 + n - small) / (n + 1)
        hints = [
            (large / n, "Without the ones p can be 0, which no finite number of samples allows."),
            ((n - small) / n, "Without the ones p can be 0, which no finite B allows."),
            ((1 + n - small) / n, "The data count in the denominator as well: B + 1."),
            ((1 + large) / n, "The data count in the denominator as well: B + 1."),
            (
                small / n,
                "You count the replicates below the observed; large ones speak for chance.",
            ),
            ((1 + small) / (n + 1), "You count the replicates below the observed statistic."),
            (
                (1 + large) / (n + 1),
                "Replicates that are nan count as small in yours, as `nan >= observed` is False: "
                "that helps the newcomer. Count those that are not smaller.",
            ),
            (
                (1 + large) / (len(valid) + 1),
                "You drop the replicates that are nan. Near a singularity it is the large ones "
                "that fail, so dropping them helps the newcomer. Count them as large.",
            ),
        ]
        if (t == observed).any():
            tie = "A replicate as large as the observed one must count too: >= in (6.21)."
            hints.append(((1 + int((t > observed).sum())) / (n + 1), tie))
            hints.append(((1 + n - int((t <= observed).sum())) / (n + 1), tie))
        close(call(function, observed, t), right, "The p-value", hints, "See (6.21).")


@exercise("6.5")
def laplace(function: Callable[..., Any]) -> None:
    """Check `function(log_likelihood, log_prior, hessian)`, an approximate marginal likelihood."""
    rng = np.random.default_rng(65)
    root = rng.standard_normal((3, 3))
    small = root @ root.T + 4 * np.eye(3)
    large = 1e4 * np.eye(200) + 100 * np.ones((200, 200))
    for log_likelihood, log_prior, matrix in ((-50.0, -2.5, small), (-900.0, -40.0, large)):
        p = len(matrix)
        log_det = float(np.linalg.slogdet(matrix)[1])
        half_pi = p / 2 * np.log(2 * np.pi)
        right = log_likelihood + log_prior + half_pi - log_det / 2
        hints = [
            (
                right + log_det,
                "The sign of the determinant is turned: a sharp peak is a small one.",
            ),
            (right - log_det / 2, "The determinant enters with its square root: one half of log."),
            (right + log_det / 2, "The determinant is missing."),
            (right - half_pi, "The factor with 2 pi is missing."),
            (right - 2 * half_pi, "The factor with 2 pi multiplies: its sign is turned."),
            (right + half_pi, "2 pi has the exponent p/2, not p."),
            (right - half_pi + 0.5 * np.log(2 * np.pi), "2 pi has the exponent p/2, not 1/2."),
            (right - log_prior, "The prior is missing."),
            (right - 2 * log_prior, "The log prior is to be added, not subtracted."),
            (np.exp(right), "That is the marginal likelihood; its logarithm is wanted."),
            (
                right + log_det / 2 - np.log(np.diag(matrix)).sum() / 2,
                "Only the diagonal of the matrix is used: that is its determinant only if the "
                "rest is zero.",
            ),
            (
                right + log_det / 2 - log_det / 4,
                "The diagonal of the Cholesky factor gives the root of the determinant: do not "
                "halve its logarithm again.",
            ),
        ]
        value = call(function, log_likelihood, log_prior, matrix)
        if p == 200 and _infinite(value):
            raise Problem(
                "With 200 parameters the determinant overflows, and its logarithm with it. Add "
                "up logarithms instead: (4.6)."
            )
        close(value, right, "The log marginal likelihood", hints, "See (6.10).")


def _infinite(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and not np.isfinite(value)


@exercise("6.7")
def held_out_normal(function: Callable[..., Any]) -> None:
    """Check `function(x, fold)`, the held-out log-likelihood of a normal."""
    rng = np.random.default_rng(67)
    for n, n_folds in ((12, 3), (25, 4)):
        x = 3 + 2 * rng.standard_normal(n) + np.arange(n) / 5
        fold = rng.permutation(np.arange(n) % n_folds)

        def score(
            used: Callable[[int], FloatArray],
            scored: Callable[[int], FloatArray],
            ddof: int = 0,
            parts: int = n_folds,
        ) -> float:
            total = 0.0
            for v in range(parts):
                rest, own = used(v), scored(v)
                var = rest.var(ddof=ddof)
                density = -0.5 * np.log(2 * np.pi * var) - (own - rest.mean()) ** 2 / (2 * var)
                total += float(density.sum())
            return total

        def rest(v: int, x: FloatArray = x, fold: Any = fold) -> FloatArray:
            return np.asarray(x[fold != v])

        def own(v: int, x: FloatArray = x, fold: Any = fold) -> FloatArray:
            return np.asarray(x[fold == v])

        def whole(v: int, x: FloatArray = x) -> FloatArray:
            return x

        right = score(rest, own)
        constant = n / 2 * np.log(2 * np.pi)
        hints = [
            (
                score(whole, own),
                "You fit to all the data and score them again: that is the in-sample "
                "log-likelihood. Leave out the part that you score.",
            ),
            (score(own, own), "You fit to each part and score the same part; fit to the others."),
            (score(own, rest), "You fit to the part and score the others; it is the other way."),
            (score(rest, rest), "You score the data that you have fitted to; score the part."),
            (score(rest, whole), "You score all the data each time; score the part left out."),
            (score(rest, own, ddof=1), "Maximum likelihood divides by the number: ddof=0."),
            (right / n, "That is the mean over observations; (6.23) is a sum."),
            (right / n_folds, "That is the mean over the parts; (6.23) is a sum."),
            (-right, "The sign is turned: larger should be better."),
            (-2 * right, "That is -2 times the sum; (6.23) is the sum itself."),
            (right + constant, "The constant with 2 pi is missing in your density."),
            (
                score(rest, own, parts=n_folds - 1),
                "The last part is missing from your sum.",
            ),
        ]
        close(call(function, x, fold), right, "The held-out sum", hints, "See (6.23).")
