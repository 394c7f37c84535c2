"""How many components? The bootstrap in the place of a chi-square table that does not apply."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from emlib import em
from emlib._machinery.blocks import as_array, joined
from emlib._machinery.processes import Rng, child, map_jobs, seed_of
from emlib._machinery.validation import at_least_one, copied
from emlib._machinery.value import FloatArray
from emlib.selection import Candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emlib.plotting import Drawing


@dataclass(frozen=True, eq=False)
class BootstrapLRT:
    """What `bootstrap_lrt` returns; prints as a short report.

    Attributes
    ----------
    n_components : tuple of int
        K under the null hypothesis, and under the alternative.
    statistic : float
        Observed: twice the difference of the log-likelihoods, in nats.
    replicates : ndarray, shape (B,)
        The statistic of each sample drawn from the null model; NaN where it has none.
    status : tuple of str
        How the two fits of each replicate ended: ``"converged"``; ``"max_iter"``; ``"no gain"``
        where the larger model, which contains the smaller, fell back to it or came out below it
        (a negative statistic is set to 0); ``"degenerate"``, a collapse; ``"failed"``, no start.
    null, alternative : Fit
        The two fits to the data.
    """

    n_components: tuple[int, int]
    statistic: float
    replicates: FloatArray
    status: tuple[str, ...]
    null: em.Fit[Any] = field(repr=False)
    alternative: em.Fit[Any] = field(repr=False)

    @property
    def p_value(self) -> float:
        """(1 + number of replicates at least as large as the observed) / (B + 1) (eq. 6.21).

        A replicate without a statistic counts as large, so that it cannot help the alternative.
        """
        small = (self.replicates < self.statistic).sum()
        n = len(self.replicates)
        return float((1 + n - small) / (n + 1))

    @property
    def degrees_of_freedom(self) -> int:
        """Difference in parameters: of the chi-square that does *not* apply here."""
        return int(self.alternative.model.n_parameters - self.null.model.n_parameters)

    def __str__(self) -> str:
        few, many = self.n_components
        n = len(self.replicates)
        lines = [
            f"{few} against {many} components: 2 x difference in log-likelihood "
            f"{self.statistic:.2f}",
            f"bootstrap p-value {self.p_value:.3f} from {n} replicates (no less than "
            f"{1 / (n + 1):.3f} is possible)",
        ]
        counts = Counter(self.status)
        if counts["converged"] < n:
            said = ", ".join(f"{m} {word}" for word, m in sorted(counts.items()))
            lines.append(f"fits of the replicates: {said}")
        missing = int(np.isnan(self.replicates).sum())
        if missing:
            lines.append(f"{missing} replicates have no statistic and count as large")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def plot(self, ax: Axes, bins: int = 20) -> Drawing:
        """Draw it: see `plotting.bootstrap`."""
        from emlib import plotting  # here, because processes start faster without matplotlib

        return plotting.bootstrap(ax, self, bins)


def bootstrap_lrt(
    family: Any,
    x: ArrayLike,
    null: int,
    alternative: int,
    *,
    rng: Rng,
    n_bootstrap: int = 99,
    budget: int = 500,
    n_starts: int | None = None,
    sample_weight: ArrayLike | None = None,
    tol: float = 1e-3,
    max_iter: int = 10_000,
    n_jobs: int = 1,
    **options: Any,
) -> BootstrapLRT:
    """Test a number of components against a larger one by the parametric bootstrap.

    Samples of the size of the data are drawn from the fitted null model, both models are fitted
    to each *in the same way as to the data*, and the observed statistic is compared with theirs.

    Parameters
    ----------
    family, x, rng, budget, n_starts, max_iter, n_jobs, **options
        As for `select`, with each option one value. The family must define `draw` (or `draw_like`).
    null, alternative : int
        Numbers of components, the smaller first.
    n_bootstrap : int
        Number of replicates B. The p-value is a multiple of 1 / (B + 1).
    sample_weight : array_like, shape (N,), optional
        Integer weights: copies of each row.
    tol : float
        In nats, as for `emlib.em.fit`; the statistic needs no great precision.

    Returns
    -------
    BootstrapLRT
        Statistic, replicates, and p-value.

    Raises
    ------
    ValueError
        If the data cannot be fitted, or an argument is unusable.

    References
    ----------
    McLachlan (1987), "On bootstrapping the likelihood ratio test statistic for the number of
    components in a normal mixture", Applied Statistics 36:318-324; Davison and Hinkley (1997),
    Bootstrap Methods and their Application, section 4.2, for the p-value.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> x = data.galaxies()
    >>> print(bootstrap_lrt(GaussianMixture1D, x, 2, 3, rng=1, n_bootstrap=4, tol=0.1))
    2 against 3 components: 2 x difference in log-likelihood 33.42
    bootstrap p-value 0.200 from 4 replicates (no less than 0.200 is possible)
    """
    if not 1 <= null < alternative:
        raise ValueError(
            f"the null hypothesis must have fewer components, at least one: {null} against "
            f"{alternative}."
        )
    at_least_one(n_bootstrap, "n_bootstrap")
    rows = copied(as_array(family, x), joined(sample_weight))
    seed = seed_of(rng)
    # Heights are compared, so the highest fit counts, doubtful or not: on the data and on all
    # samples alike.
    pair = (
        Candidate(family, null, options, budget, n_starts, tol, max_iter, sound=False),
        Candidate(family, alternative, options, budget, n_starts, tol, max_iter, sound=False),
    )
    small, large = (candidate.best(rows, None, child(seed, 0)) for candidate in pair)
    if isinstance(small, str) or isinstance(large, str):
        raise ValueError(small if isinstance(small, str) else large)
    statistic, _ = _ratio(small, large)
    if np.isnan(statistic):
        raise ValueError(
            f"every fit of {null} or of {alternative} components to the data is degenerate."
        )
    seeds = [child(seed, 1, b) for b in range(n_bootstrap)]
    outcomes = map_jobs(partial(_replicate, pair, small.model, rows), seeds, n_jobs, family)
    replicates = np.array([value for value, _ in outcomes])
    status = tuple(word for _, word in outcomes)
    return BootstrapLRT((null, alternative), statistic, replicates, status, small, large)


def _replicate(
    pair: tuple[Candidate, Candidate], model: Any, x: Any, seed: np.random.SeedSequence
) -> tuple[float, str]:
    """Return the statistic of one sample from the null model, and how its fits ended."""
    y = model.sample_like(x, np.random.default_rng(child(seed, 0)))
    small, large = (candidate.best(y, None, child(seed, 1)) for candidate in pair)
    return _ratio(small, large)


def _ratio(small: em.Fit[Any] | str, large: em.Fit[Any] | str) -> tuple[float, str]:
    """Return twice the difference of the log-likelihoods, NaN if it has no meaning; and status."""
    if isinstance(small, str) or isinstance(large, str):
        return float("nan"), "failed"
    if _collapsed(small) or _collapsed(large):
        return float("nan"), "degenerate"
    value = float(2 * (large.log_likelihood[-1] - small.log_likelihood[-1]))
    if large.status == "degenerate" or value < em.FOUND:
        return max(value, 0.0), "no gain"
    return value, "max_iter" if "max_iter" in (small.status, large.status) else "converged"


def _collapsed(fit: em.Fit[Any]) -> bool:
    """Whether the fit is near a singularity; with two components the same it is not."""
    return fit.status == "degenerate" and not fit.model.coincident()
