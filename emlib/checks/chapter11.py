"""Checkers for the exercises of chapter 11, heavy tails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma

from emlib._machinery.value import FloatArray
from emlib.checks._core import Problem, call, close, exercise, numbers, shape_of


def _problem(n: int, d: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return rows (N, D), a centre, a scale and degrees of freedom, none of them like another."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((d, d))
    return 3 * rng.standard_normal((n, d)), rng.standard_normal(d), root @ root.T + np.eye(d), 2.5


def _squares(x: FloatArray, mu: FloatArray, scale: FloatArray) -> FloatArray:
    return np.asarray(((x - mu) @ np.linalg.inv(scale) * (x - mu)).sum(axis=1))


SIZES = ((7, 2, 0), (4, 3, 1), (5, 1, 2), (2, 4, 3))


@exercise("11.2")
def precisions(function: Callable[..., Any]) -> None:
    """Check `function(x, mu, S, nu)`, which returns the expected precisions (N,)."""
    for size in SIZES:
        x, mu, scale, nu = _problem(*size)
        s, d = _squares(x, mu, scale), x.shape[1]
        wrong_way = ((x - mu) @ scale * (x - mu)).sum(axis=1)
        plain = ((x - mu) ** 2).sum(axis=1)
        upper = (np.linalg.solve(np.linalg.cholesky(scale).T, (x - mu).T) ** 2).sum(axis=0)
        u = (nu + d) / (nu + s)
        hints = [
            (s, "Those are the squared distances s; the weights are (nu + D) / (nu + s)."),
            ((nu + 1) / (nu + s), "The numerator is nu + D, with D the number of columns."),
            (nu / (nu + s), "The numerator is nu + D, not nu alone."),
            ((nu + len(x)) / (nu + s), "D is the number of columns, not of rows."),
            ((nu + s) / (nu + d), "That is the weight upside down: far rows count little."),
            ((nu + d) / (nu + np.sqrt(s)), "The distance s is squared."),
            ((nu + d) / (nu + wrong_way), "s has the inverse of S: solve, do not multiply."),
            ((nu + d) / (nu + plain), "s is measured by S: whiten the rows first."),
            ((nu + d) / s, "The denominator is nu + s: no row has an infinite weight."),
            ((nu + d) / (nu + upper), "Whiten with the lower factor L itself, not with L^T."),
            (u / u.sum(), "The weights need not sum to one: nothing is to be divided here."),
            (u / u.mean(), "Dividing by the mean is PX-EM's step: here u stays as it is."),
        ]
        close(call(function, x, mu, scale, nu), u, "u", hints, "See (11.3).")


def _pair(value: Any) -> tuple[Any, Any]:
    """Return the two things that an answer holds, in whatever container."""
    try:
        first, second = value
    except Exception:  # no container, or another number of things
        raise Problem("Return two things: the centre and the scale.") from None
    return first, second


@exercise("11.4")
def px_step(function: Callable[..., Any]) -> None:
    """Check `function(x, mu, S, nu)`, which returns the next centre and scale by PX-EM."""
    for size in SIZES[:3]:
        x, mu, scale, nu = _problem(*size)
        u = (nu + x.shape[1]) / (nu + _squares(x, mu, scale))
        new = u @ x / u.sum()

        def about(place: FloatArray, u: FloatArray = u, x: FloatArray = x) -> FloatArray:
            return np.asarray((u[:, None] * (x - place)).T @ (x - place))

        first, second = _pair(call(function, x, mu, scale, nu))
        if shape_of(first) == scale.shape and shape_of(second) == mu.shape != scale.shape:
            raise Problem("That is the scale first: return the centre, then the scale.")
        once = "The E-step comes first: in the scale stand the same u as in the centre."
        late = (nu + x.shape[1]) / (nu + _squares(x, new, scale))
        centre_hints = [
            (u @ x, "The centre is a sum still to be divided by the sum of u."),
            (x.mean(axis=0), "The centre is the plain mean: rows count by their u."),
            (u @ x / len(x), "The centre's weights sum to sum u, not to N."),
            (mu, "The centre has not moved."),
        ]
        close(first, new, "The centre", centre_hints, "See (11.6).")
        scale_hints = [
            (about(new) / len(x), "That is EM's scale: PX-EM divides by the sum of u, not by N."),
            (about(new), "The scale is a sum still to be divided by the sum of u."),
            (about(mu) / u.sum(), "The scale is about the new centre, not the old one."),
            ((x - new).T @ (x - new) / len(x), "In the scale too rows count by their u."),
            ((x - new).T @ (x - new) / u.sum(), "In the scale too rows count by their u."),
            (about(new) / (u.sum() - 1), "Divide by the sum of u, not by one less."),
            (about(new) * u.sum() / len(x) ** 2, "Divide by the mean of u, do not multiply."),
            (about(new, u**2) / u.sum(), "In the scale a row counts by u once, not by its square."),
            (about(new, late) / u.sum(), once),
            (about(new, late) / late.sum(), once),
        ]
        close(second, about(new) / u.sum(), "The scale", scale_hints, "See (11.11).")


@exercise("11.5")
def freedom(function: Callable[..., Any]) -> None:
    """Check `function(c)`, which returns the root of (11.8)."""
    for c in (0.3, 1.7, 1e-2, 40.0, 1e-5, 1e5):
        root = brentq(lambda a, c=c: np.log(a) - digamma(a) - c, 0.45 / c, 1.05 / c, xtol=1e-300)
        nu = 2 * root
        hints = [
            (root, "That is nu / 2: the equation holds nu / 2 in both places."),
            (4 * root, "That is twice nu."),
            (1 / c, "That is only one end of the bracket; the root lies between 1/c and 2/c."),
            (2 / c, "That is only one end of the bracket; the root lies between 1/c and 2/c."),
            (1.5 / c, "That is the middle of the bracket, not the root."),
        ]
        where = f"c = {c:g}: the root lies between 1/c and 2/c."
        try:
            value = call(function, c)
        except Problem as problem:
            raise Problem(f"With {where} {problem}") from None
        found = float(numbers(value, "nu", ()))
        relative = found / nu
        shown = [(np.asarray(wrong) / nu, words) for wrong, words in hints]
        close(relative, 1.0, "nu, as a share of the root,", shown, f"Here {where}", rtol=1e-4)


@exercise("11.6")
def least_freedom(function: Callable[..., Any]) -> None:
    """Check `function(x)`, which returns the edge below which there is no bound."""
    rng = np.random.default_rng(5)
    plain = rng.standard_normal((7, 2))
    tied = np.repeat(rng.standard_normal((4, 3)), [1, 3, 2, 1], axis=0)
    same_entry = np.column_stack([np.ones(5), np.arange(5.0)])
    for x in (plain, tied, same_entry, np.arange(5.0)[:, None]):
        n, d = x.shape
        counts = np.unique(x, axis=0, return_counts=True)[1]
        m = counts.max()
        entries = max(np.unique(x, return_counts=True)[1].max(), 1)
        hints = [
            (d / (n - 1), "Rows that are equal count together: m of them, not one."),
            (
                m / (n - m),
                "A row's density grows like sigma^-D: D belongs into the numerator.",
            ),
            (m * d / n, "Those that fall are the others: N - m of them."),
            (m * d / (n - 1), "With m rows at the centre there are N - m others."),
            ((n - m) / (m * d), "That is upside down."),
            (entries * d / max(n - entries, 1), "Count whole rows, not entries."),
            (d / (len(counts) - 1), "Count the rows, copies included, not the distinct ones."),
        ]
        close(call(function, x), m * d / (n - m), "The edge", hints, "See (11.12).")
    same = "If all rows are equal there is no bound for any nu: return np.inf."
    try:
        value = np.asarray(call(function, np.ones((4, 2))), dtype=float)
    except Problem as problem:
        raise Problem(f"{same} {problem}") from None
    except Exception:  # whatever else it is
        raise Problem(same) from None
    if value.size != 1 or not np.isposinf(value).all():
        raise Problem(same)
