"""How often do the intervals of chapter 9 hold the truth? Prints its second table of coverage.

    python benchmarks/coverage_of_intervals.py

For mixtures of two Poissons: 500 data sets from a known truth; four intervals of 95 % for the
weight of the first component, which is the one with the lower rate. All data sets of a setting
are tables of counts on the same cells, so EM goes up for all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import chi2, norm, poisson

Array = NDArray[np.float64]
Z, DROP = norm.ppf(0.975), chi2.ppf(0.95, 1) / 2
SETTINGS = {
    "apart: 200 counts, weight 0.4, rates 2 and 10": (200, 0.4, (2.0, 10.0)),
    "close: 1096 counts, weight 0.36, rates 1.256 and 2.663": (1096, 0.36, (1.256, 2.663)),
}
METHODS = ("weight -/+ 1.96 se", "the same for the logit", "likelihood", "bootstrap")


@dataclass
class Many:
    """Mixtures of two Poissons, one for each of R data sets: arrays of shape (R,) and (R, 2)."""

    weight: Array
    rates: Array

    def log_joint(self, x: Array) -> Array:
        """Return log p(x, k) but for log x!, shape (R, M, 2)."""
        weights = np.stack([self.weight, 1 - self.weight], axis=-1)
        with np.errstate(divide="ignore"):  # a rate of zero
            logs = np.log(np.maximum(self.rates, 1e-300))
            own = np.log(weights) - self.rates
        return own[:, None] + x[:, None] * logs[:, None]

    def log_likelihood(self, x: Array, tables: Array) -> Array:
        """Return the log-likelihood of each table (R, M), shape (R,)."""
        return (tables * np.logaddexp.reduce(self.log_joint(x), axis=-1)).sum(axis=-1)


def climb(start: Many, x: Array, tables: Array, held: bool = False, n_steps: int = 6000) -> Many:
    """Return where EM ends for each of the tables (R, M); `held` keeps the weights."""
    w, a, b = start.weight.copy(), start.rates[:, 0].copy(), start.rates[:, 1].copy()
    going = np.arange(len(tables))
    t, n = tables, tables.sum(axis=1)
    for step in range(n_steps):
        v, c, d = w[going], a[going], b[going]
        ratio = np.log(d / c)[:, None] * x + (np.log1p(-v) - np.log(v) - d + c)[:, None]
        r = t / (1 + np.exp(np.minimum(ratio, 700)))
        mine = r.sum(axis=1)
        events = r @ x
        new_c, new_d = events / mine, (t @ x - events) / (n - mine)
        new_v = v if held else mine / n
        moved = np.maximum(abs(new_v - v), np.maximum(abs(new_c - c), abs(new_d - d)))
        w[going] = np.clip(new_v, 1e-9, 1 - 1e-9)
        a[going], b[going] = np.maximum(new_c, 1e-9), np.maximum(new_d, 1e-9)
        if step % 20 == 0:
            still = moved > 1e-7
            going, t, n = going[still], t[still], n[still]
            if not len(going):
                break
    return Many(w, np.stack([a, b], axis=1))


def in_order(model: Many) -> Many:
    """Return the mixtures with the lower rate first."""
    swap = model.rates[:, 0] > model.rates[:, 1]
    return Many(np.where(swap, 1 - model.weight, model.weight), np.sort(model.rates, axis=1))


def logit_errors(model: Many, x: Array, tables: Array) -> Array:
    """Return the standard errors of the logits of the weights, by Louis (9.6); NaN for none."""
    joint = model.log_joint(x)
    r = np.exp(joint - np.logaddexp.reduce(joint, axis=-1, keepdims=True))
    score = np.zeros((*r.shape, 3))  # (R, M, 2, 3), of (9.9)
    score[..., 0] = np.array([1.0, 0.0]) - model.weight[:, None, None]
    for k in (0, 1):
        score[:, :, k, 1 + k] = x - model.rates[:, k, None]
    mean = np.einsum("rmk,rmkp->rmp", r, score)
    apart = score - mean[:, :, None]
    missing = np.einsum("rm,rmk,rmkp,rmkq->rpq", tables, r, apart, apart, optimize=True)
    counts = np.einsum("rm,rmk->rk", tables, r)
    complete = np.zeros_like(missing)
    complete[:, 0, 0] = tables.sum(axis=1) * model.weight * (1 - model.weight)
    for k in (0, 1):
        complete[:, 1 + k, 1 + k] = counts[:, k] * model.rates[:, k]
    errors = np.full(len(missing), np.nan)
    for i, matrix in enumerate(complete - missing):
        if np.isfinite(matrix).all() and np.linalg.eigvalsh(matrix)[0] > 1e-6:
            errors[i] = np.sqrt(np.linalg.inv(matrix)[0, 0])
    return errors


def drawn(model: Many, n: int, x: Array, rng: np.random.Generator) -> Array:
    """Return a table of n counts from each mixture, shape (R, M)."""
    weights = np.stack([model.weight, 1 - model.weight], axis=1)
    cells = (weights[:, None] * poisson.pmf(x[:, None], model.rates[:, None])).sum(axis=-1)
    return rng.multinomial(n, cells / cells.sum(axis=1, keepdims=True)).astype(float)


def repeated(model: Many, times: int) -> Many:
    return Many(np.repeat(model.weight, times), np.repeat(model.rates, times, axis=0))


def coverage(
    n: int,
    weight: float,
    rates: tuple[float, float],
    rng: Any,
    n_sets: int = 500,
    resamples: int = 200,
) -> dict[str, Any]:
    """Return which data sets' intervals hold the weight, shape (n_sets,), by method."""
    rng = np.random.default_rng(rng)
    x = np.arange(poisson.ppf(1 - 1e-6, max(rates)) + 1)
    truth = repeated(Many(np.array([weight]), np.array([rates])), n_sets)
    tables = drawn(truth, n, x, rng)
    best = in_order(climb(truth, x, tables))
    errors = logit_errors(best, x, tables)
    slack = best.weight * (1 - best.weight) * errors
    with np.errstate(invalid="ignore"):
        wald = abs(best.weight - weight) <= Z * slack
        scaled = abs(logit(best.weight) - logit(weight)) <= Z * errors
    held = climb(truth, x, tables, held=True)
    lost = best.log_likelihood(x, tables) - held.log_likelihood(x, tables)
    found = dict(zip(METHODS, (wald, scaled, lost <= DROP), strict=False))
    if resamples:
        many = repeated(best, resamples)
        again = in_order(climb(many, x, drawn(many, n, x, rng)))
        low, high = np.quantile(again.weight.reshape(n_sets, -1), [0.025, 0.975], axis=1)
        found[METHODS[3]] = (low <= weight) & (weight <= high)
    return found | {"none": np.isnan(errors), "width": 2 * Z * slack}


def main() -> None:
    for name, setting in SETTINGS.items():
        held = coverage(*setting, rng=9)
        print(name)
        for method in METHODS:
            print(f"  {method:24s} {held[method].mean():6.1%}")
        print(f"  no curvature to go by    {held['none'].mean():6.1%}")


if __name__ == "__main__":
    main()
