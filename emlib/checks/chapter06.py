"""Checkers for the exercises of chapter 6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import entr, logsumexp

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, read


def _number(value: Any, name: str, shapes: Mapping[Any, str] | None = None) -> float:
    """Return an answer that should be one number, in whatever it is wrapped, or explain.

    `shapes` says of known wrong shapes what the mistake is.
    """
    array = read(value)
    if array is None:
        raise Problem(f"{name} should be one number, but it is {type(value).__name__}.")
    if array.size != 1:
        otherwise = f"{name} should be one number, but yours has shape {array.shape}."
        raise Problem((shapes or {}).get(array.shape, otherwise))
    return float(array.reshape(()))


# --- 6.3


@exercise("6.3")
def scores(function: Callable[..., Any]) -> None:
    """Check `function(log_likelihood, n_parameters, r)`, which returns AIC, BIC and ICL-BIC."""
    for log_likelihood, p, r in _fits():
        aic = -2 * log_likelihood + 2 * p
        bic = -2 * log_likelihood + p * np.log(len(r))
        first, second, third = _three(call(function, log_likelihood, p, r))
        swapped = [(bic, "AIC and BIC have changed places: return AIC, BIC, ICL-BIC.")]
        close(first, aic, "AIC", swapped + _aic_hints(log_likelihood, p, r.shape[1]), "See (6.8).")
        close(second, bic, "BIC", _bic_hints(log_likelihood, p, r), "See (6.12).")
        if np.isnan(third):
            raise Problem(
                "ICL-BIC is NaN: some responsibilities are exactly 0, and 0 times the logarithm "
                "of 0 is not a number to a computer. What is the limit of r log r as r goes to 0?"
            )
        right = bic + 2 * float(entr(r).sum())
        close(third, right, "ICL-BIC", _icl_hints(aic, bic, p, r), "See (6.14) and (6.15).")


def _aic_hints(log_likelihood: float, p: int, k: int) -> list[tuple[float, str]]:
    turned = "The sign of AIC is turned; smaller should be better."
    return [
        (2 * log_likelihood - 2 * p, turned),
        (-log_likelihood + p, "That is half of AIC: by custom both terms are doubled."),
        (-2 * log_likelihood + p, "AIC charges 2 for each parameter, not 1."),
        (-2 * log_likelihood - 2 * p, "Your AIC pays for parameters instead of charging."),
        (2 * log_likelihood + 2 * p, "The log-likelihood enters AIC with a minus."),
        (-log_likelihood + 2 * p, "The log-likelihood is doubled too: -2 l + 2 P."),
        (-2 * log_likelihood + 2 * k, "You charge for K components: count parameters instead."),
        (-2 * log_likelihood, "AIC charges for parameters; the charge is missing."),
    ]


def _bic_hints(log_likelihood: float, p: int, r: FloatArray) -> list[tuple[float, str]]:
    n, k = r.shape
    bic = -2 * log_likelihood + p * np.log(n)
    return [
        (-bic, "The sign of BIC is turned, as in mclust; here smaller should be better."),
        (-log_likelihood + p / 2 * np.log(n), "That is half of BIC."),
        (-2 * log_likelihood + p * np.log10(n), "log10 where the natural logarithm belongs."),
        (-2 * log_likelihood + p * np.log2(n), "log2 where the natural logarithm belongs."),
        (-2 * log_likelihood + p * np.log(k), "log K where log N belongs: r has N rows."),
        (-2 * log_likelihood + p * np.log(r.size), "r has N K entries, but N is its rows."),
        (-2 * log_likelihood + 2 * p * np.log(n), "BIC charges log N a parameter, not 2 log N."),
        (-2 * log_likelihood + p / 2 * np.log(n), "BIC charges log N a parameter, not half of it."),
        (-2 * log_likelihood + n * np.log(p), "P log N, not N log P."),
        (-2 * log_likelihood + p * n, "BIC charges log N a parameter, not N."),
        (-2 * log_likelihood - p * np.log(n), "Your BIC pays for parameters instead of charging."),
        (-2 * log_likelihood + 2 * p, "That is AIC once more."),
    ]


def _icl_hints(aic: float, bic: float, p: int, r: FloatArray) -> list[tuple[float, str]]:
    n, _ = r.shape
    entropy = float(entr(r).sum())
    largest = float(np.log(r.max(axis=1)).sum())
    whole = float(entr(r[(r > 0).all(axis=1)]).sum())
    weights = float(n * entr(r.mean(axis=0)).sum())
    return [
        (bic + entropy, "The entropy counts twice in (6.15)."),
        (bic - 2 * entropy, "The sign of the entropy is turned: doubt must make ICL larger."),
        (bic - entropy, "The sign of the entropy is turned, and it counts twice in (6.15)."),
        (bic, "The entropy is missing."),
        (aic + 2 * entropy, "You have added the entropy to AIC; it belongs to BIC."),
        (bic + 2 * entropy / n, "You average the entropy; (6.14) is a sum over observations."),
        (bic + 2 * entropy / np.log(2), "The entropy is in bits; take natural logarithms."),
        (bic - 2 * largest, "That takes the most probable label of each row: it is the other ICL."),
        (bic + 2 * whole, "You leave out the rows that hold a zero; leave out the zeros alone."),
        (bic + 2 * weights, "That is the entropy of the average row; (6.14) adds up those of all."),
        (aic - 2 * p + 2 * entropy, "The charge for parameters is missing from ICL-BIC."),
    ]


def _fits() -> list[tuple[float, int, FloatArray]]:
    """Return log-likelihoods, numbers of parameters and responsibilities: N, K and P differ."""
    rng = np.random.default_rng(63)
    soft = rng.dirichlet([0.6, 0.8, 0.5], size=20)
    some = rng.dirichlet([0.6, 0.8, 0.5, 0.7], size=13)
    some[:4] = np.eye(4)[[0, 1, 3, 0]]
    some[4] = [0.5, 0.0, 0.5, 0.0]
    return [(-123.4, 8, soft), (57.25, 7, some), (-9.5, 2, np.ones((6, 1)))]


def _three(value: Any) -> tuple[float, float, float]:
    parts = value.ravel() if isinstance(value, np.ndarray) else value
    if not isinstance(parts, (tuple, list, np.ndarray)) or len(parts) != 3:
        raise Problem("Return three numbers: AIC, BIC and ICL-BIC, in this order.")
    return _number(parts[0], "AIC"), _number(parts[1], "BIC"), _number(parts[2], "ICL-BIC")


# --- 6.4


@exercise("6.4")
def p_value(function: Callable[..., Any]) -> None:
    """Check `function(observed, replicates)`, the bootstrap p-value."""
    nan = float("nan")
    cases = (
        (5.0, [1.0, 6.0, 2.0, 0.0, 0.5, 7.0, 1.5, 0.0, 3.0]),
        (3.0, [3.0, 1.0, 3.0, 8.0, 0.0, 0.5, 2.0, 0.0, 1.0, 2.5, 0.0]),
        (4.0, [1.0, nan, 5.0, nan, 2.0, 0.0, 0.0, 3.0, nan, 0.0, 0.0, 0.0, 1.0]),
        (9.0, [1.0, 6.0, 2.0, 0.0]),  # none as large
        (0.0, [0.0, 0.0, 2.0]),  # all as large
        (2.0, [nan]),
    )
    for observed, listed in cases:
        t = np.array(listed)
        value = _number(call(function, observed, t), "The p-value")
        if np.isnan(value):
            raise Problem("The p-value is nan, because some replicates are. Count them, as large.")
        right = (1 + len(t) - int((t < observed).sum())) / (1 + len(t))
        close(value, right, "The p-value", _p_hints(observed, t, right), "See (6.21).")


def _p_hints(observed: float, t: FloatArray, right: float) -> list[tuple[float, str]]:
    n, valid = len(t), int((~np.isnan(t)).sum())
    small, large = int((t < observed).sum()), int((t >= observed).sum())
    ones = "Without the ones p can be 0, which no finite number of samples allows."
    denominator = "The data count in the denominator as well: B + 1."
    hints = [
        (2 * min(right, 1 - right), "You test on two sides; only a large statistic speaks."),
        (min(1.0, 2 * right), "You test on two sides; only a large statistic speaks."),
        (1 + n - small, "That is a count; divide by B + 1."),
        (large / n, ones),
        ((n - small) / n, ones),
        ((1 + n - small) / n, denominator),
        ((1 + large) / n, denominator),
        (
            (n - small) / (n + 1),
            "The data count in the numerator as well: they are as large as themselves.",
        ),
        ((1 + n - small) / (n + 2), "The denominator is B + 1."),
        (1 - right, "You have taken the p-value from one; large ones speak for chance."),
        (small / n, "You count the replicates below the observed; large ones speak for chance."),
        ((1 + small) / (n + 1), "You count the replicates below the observed statistic."),
        (
            (1 + large) / (n + 1),
            "Replicates that are nan count as small in yours, as `nan >= observed` is False: "
            "that helps the newcomer. Count those that are not smaller.",
        ),
        (
            (1 + large) / (valid + 1),
            "You drop the replicates that are nan. Near a singularity it is the large ones "
            "that fail, so dropping them helps the newcomer. Count them as large.",
        ),
    ]
    if (t == observed).any():
        tie = "A replicate as large as the observed one must count too: >= in (6.21)."
        hints.append(((1 + int((t > observed).sum())) / (n + 1), tie))
        hints.append(((1 + n - int((t <= observed).sum())) / (n + 1), tie))
    return hints


# --- 6.5


@exercise("6.5")
def laplace(function: Callable[..., Any]) -> None:
    """Check `function(log_likelihood, log_prior, hessian)`, an approximate marginal likelihood."""
    rng = np.random.default_rng(65)
    root = rng.standard_normal((3, 3))
    cases = (
        (-50.0, -2.5, root @ root.T + 4 * np.eye(3)),
        (-900.0, -40.0, 1e4 * np.eye(200) + 100 * np.ones((200, 200))),
        (-70.0, 30.0, 1e-3 * (np.eye(150) + 0.01 * np.ones((150, 150)))),
        (-7.0, 0.0, np.array([[2.5]])),
    )
    for log_likelihood, log_prior, matrix in cases:
        log_det = float(np.linalg.slogdet(matrix)[1])
        half_pi = len(matrix) / 2 * np.log(2 * np.pi)
        right = log_likelihood + log_prior + half_pi - log_det / 2
        with np.errstate(all="ignore"):
            value = _number(call(function, log_likelihood, log_prior, matrix), "The result")
        if len(matrix) > 100 and not np.isfinite(value):
            flows = "overflows" if log_det > 0 else "underflows"
            raise Problem(
                f"With {len(matrix)} parameters the determinant {flows}, and its logarithm with "
                "it. Add up logarithms instead: (4.6)."
            )
        hints = _laplace_hints(right, log_prior, half_pi, matrix)
        close(value, right, "The log marginal likelihood", hints, "See (6.10).")
    _refuses_saddles(function)


def _laplace_hints(
    right: float, log_prior: float, half_pi: float, matrix: FloatArray
) -> list[tuple[float, str]]:
    p, log_det = len(matrix), float(np.linalg.slogdet(matrix)[1])
    without = right + log_det / 2
    with np.errstate(over="ignore"):
        plain = float(np.exp(right))
    return [
        (right + log_det, "The sign of the determinant is turned: a sharp peak is a small one."),
        (right - log_det / 2, "The determinant enters with its square root: one half of log."),
        (without, "The determinant is missing."),
        (without + log_det, "The sign is turned, and the square root is missing: -1/2 log det."),
        (right - half_pi, "The factor with 2 pi is missing."),
        (right - 2 * half_pi, "The factor with 2 pi multiplies: its sign is turned."),
        (right + half_pi, "2 pi has the exponent P/2, not P."),
        (right - half_pi + 0.5 * np.log(2 * np.pi), "2 pi has the exponent P/2, not 1/2."),
        (right + (p - 1) * half_pi, "The matrix has P^2 entries, but P is the number of its rows."),
        (right - log_prior, "The prior is missing."),
        (right - 2 * log_prior, "The log prior is to be added, not subtracted."),
        (plain, "That is the marginal likelihood; its logarithm is wanted."),
        (-right, "The sign of the whole is turned."),
        (
            without - np.log(np.diag(matrix)).sum() / 2,
            "Only the diagonal of the matrix is used: that is its determinant only if the "
            "rest is zero.",
        ),
        (without - np.log(np.trace(matrix)) / 2, "That is the trace, not the determinant."),
        (
            without - log_det / 4,
            "The diagonal of the Cholesky factor gives the root of the determinant: do not "
            "halve its logarithm again.",
        ),
    ]


def _refuses_saddles(function: Callable[..., Any]) -> None:
    """Check that there is no number where the matrix is not positive definite."""
    turn = np.array([[3.0, 4.0], [-4.0, 3.0]]) / 5
    one_way = turn @ np.diag([2.0, -3.0]) @ turn.T
    two_ways = np.diag([2.0, -3.0, -1.5])
    for matrix, up in ((one_way, "one direction leads"), (two_ways, "two directions lead")):
        try:
            with np.errstate(all="ignore"):
                value = function(-50.0, -2.5, matrix.copy())
            finite = np.isfinite(_number(value, "The result"))
        except Exception:  # an error is an answer here, whatever its kind
            continue
        if finite:
            raise Problem(
                f"At a point from which {up} uphill there is no peak, but yours gives a "
                "number there. Raise an error, or return nan: which factor of a matrix exists "
                "only if it is positive definite?"
            )


# --- 6.7


@exercise("6.7")
def held_out_normal(function: Callable[..., Any]) -> None:
    """Check `function(x, fold)`, the held-out log-likelihood of a normal."""
    for x, fold in _divisions():
        right = _held_out(x, fold)
        value = call(function, x, fold)
        each = "You return a number for each observation; (6.23) adds them up."
        value = _number(value, "The held-out sum", {x.shape: each})
        close(value, right, "The held-out sum", _held_out_hints(x, fold, right), "See (6.23).")


def _divisions() -> list[tuple[FloatArray, Any]]:
    """Return data and their parts: of different sizes, some not called 0, 1, 2, and one a row."""
    rng = np.random.default_rng(67)
    parts = []
    for n, labels in ((12, [0, 1, 2]), (25, [0, 1, 2, 3]), (17, [2, 5, 9]), (7, range(7))):
        x = 3 + 2 * rng.standard_normal(n) + np.arange(n) / 5
        parts.append((x, rng.permutation(np.resize(np.array(labels), n))))
    return parts


def _held_out(
    x: FloatArray,
    fold: Any,
    used: str = "rest",
    scored: str = "own",
    ddof: int = 0,
    labels: Any = None,
    within: Callable[[FloatArray], float] = np.sum,
    change: Callable[[Any], Any] = lambda var: var,
) -> float:
    """Return (6.23), or what a mistake makes of it."""
    total = 0.0
    for v in np.unique(fold) if labels is None else labels:
        pieces = {"rest": x[fold != v], "own": x[fold == v], "whole": x}
        fitted, own = pieces[used], pieces[scored]
        with np.errstate(all="ignore"):
            var = change(fitted.var(ddof=ddof)) if len(fitted) > ddof else np.nan
            density = -0.5 * np.log(2 * np.pi * var) - (own - fitted.mean()) ** 2 / (2 * var)
        total += float(within(density)) if len(own) else 0.0
    return total


def _held_out_hints(x: FloatArray, fold: Any, right: float) -> list[tuple[float, str]]:
    n, labels = len(x), np.unique(fold)
    names = "The parts need not be called 0, 1, 2, ...: take the names that occur in `fold`."
    return [
        (
            _held_out(x, fold, "whole"),
            "You fit to all the data and score them again: that is the in-sample "
            "log-likelihood. Leave out the part that you score.",
        ),
        (_held_out(x, fold, "own"), "You fit to each part and score the same part; fit to the "
         "others."),
        (_held_out(x, fold, "own", "rest"), "You fit to the part and score the others; it is the "
         "other way."),
        (_held_out(x, fold, "rest", "rest"), "You score the data that you have fitted to; score "
         "the part."),
        (_held_out(x, fold, "rest", "whole"), "You score all the data each time; score the part "
         "left out."),
        (_held_out(x, fold, ddof=1), "Maximum likelihood divides by the number: ddof=0."),
        (_held_out(x, fold, change=np.square), "The variance stands where the standard deviation "
         "belongs: norm.logpdf takes the latter."),
        (_held_out(x, fold, change=np.sqrt), "The standard deviation stands where the variance "
         "belongs."),
        (_held_out(x, fold, within=np.mean), "You average within each part; (6.23) is a sum over "
         "all observations."),
        (_held_out(x, fold, within=logsumexp), "You add up densities within a part; (6.23) adds "
         "up their logarithms."),
        (right / n, "That is the mean over observations; (6.23) is a sum."),
        (right / len(labels), "That is the mean over the parts; (6.23) is a sum."),
        (-right, "The sign is turned: larger should be better."),
        (-2 * right, "That is -2 times the sum; (6.23) is the sum itself."),
        (right + n / 2 * np.log(2 * np.pi), "The constant with 2 pi is missing in your density."),
        (_held_out(x, fold, labels=labels[:-1]), "The last part is missing from your sum."),
        (_held_out(x, fold, labels=labels[1:]), "The first part is missing from your sum."),
        (_held_out(x, fold, labels=range(len(labels))), names),
        (_held_out(x, fold, labels=range(labels[-1])), "The last part is missing from your sum."),
        (_held_out(x, fold, labels=range(1, len(labels) + 1)), names),
    ]  # fmt: skip
