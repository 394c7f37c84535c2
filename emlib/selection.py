"""How many components? Criteria in a table, a bootstrap in place of chi-square, held-out data.

Everything here works for any family of mixtures that has a `start`: it fits each candidate from
several starts, keeps the best run, and says in the result how every run ended. Runs are
independent of one another, so they may be shared out among processes (`n_jobs`); each has a random
stream of its own, named after its place, so that results do not depend on how they were shared.
"""

from __future__ import annotations

import html
import inspect
import itertools
import multiprocessing
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, entr

from emlib import em
from emlib._machinery.validation import one_of, sample_weights
from emlib._machinery.value import FloatArray, IntArray

if TYPE_CHECKING:  # the processes that share the work start faster without matplotlib
    from matplotlib.axes import Axes

    from emlib.plotting import Drawing

METHODS = ("kmeans", "k-means++", "random_from_data")  # of the starts, in turn
CRITERIA = ("aic", "bic", "icl", "held_out")
SAME = 1e-2  # nats: smaller differences between two fits do not count

Job = TypeVar("Job")
Result = TypeVar("Result")
Rng = int | np.random.Generator


# ---------------------------------------------------------------------------------------------
# One candidate, fitted from several starts
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A family with so many components and such options, and how hard to look for its best fit."""

    family: Any
    n_components: int
    options: Mapping[str, Any]
    n_starts: int
    tol: float
    max_iter: int

    def run(self, x: Any, weight: Any, seed: np.random.SeedSequence, i: int) -> em.Fit[Any] | str:
        """Return the fit from start number i, or why there is none."""
        generator = np.random.default_rng(_child(seed, i))
        options = dict(self.options)
        if "method" in inspect.signature(self.family.start).parameters:
            options.setdefault("method", METHODS[i % len(METHODS)])
        with warnings.catch_warnings():  # what they would say stands in the table
            warnings.simplefilter("ignore", em.DegenerateWarning)
            try:
                start = self.family.start(x, self.n_components, generator, **options)
                return em.fit(start, x, sample_weight=weight, tol=self.tol, max_iter=self.max_iter)
            except (ValueError, em.DegenerateError) as error:
                return str(error)

    def best(self, x: Any, weight: Any, seed: np.random.SeedSequence) -> em.Fit[Any] | str:
        """Return the best of all starts, or why there is none."""
        return _best([self.run(x, weight, seed, i) for i in range(self.n_starts)])


def _best(runs: Sequence[em.Fit[Any] | str]) -> em.Fit[Any] | str:
    """Return the run with the highest objective, a degenerate one only if there is no other."""
    fits = tuple(run for run in runs if not isinstance(run, str))
    if not fits:
        return next(run for run in runs if isinstance(run, str))
    best = max(fits, key=lambda fit: (fit.status != "degenerate", fit.objective[-1]))
    return replace(best, runs=fits)


def _seed(rng: Rng) -> np.random.SeedSequence:
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int(rng.integers(2**63)))
    return np.random.SeedSequence(rng)


def _child(seed: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return the stream of that name: the same however many others there are."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


# ---------------------------------------------------------------------------------------------
# Sharing the work
# ---------------------------------------------------------------------------------------------


def _map(
    function: Callable[[Job], Result], jobs: Sequence[Job], n_jobs: int, family: Any
) -> list[Result]:
    """Return function(job) of all jobs, in order, worked out by n_jobs processes."""
    if n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"n_jobs must be a positive number of processes, or -1, not {n_jobs!r}.")
    n = min(os.cpu_count() or 1 if n_jobs == -1 else n_jobs, len(jobs))
    if n <= 1:
        return [function(job) for job in jobs]
    _require_importable(family)
    context = multiprocessing.get_context("spawn")  # safe whatever threads are running here
    with ProcessPoolExecutor(n, mp_context=context, initializer=_one_thread) as pool:
        return list(pool.map(function, jobs))


def _require_importable(family: Any) -> None:
    main = sys.modules["__main__"]
    if family.__module__ == "__main__" and not hasattr(main, "__file__"):
        raise ValueError(
            f"{family.__name__} is defined in this notebook, where other processes cannot find "
            "it. Put it into a file and import it from there, or use n_jobs=1."
        )


def _one_thread() -> None:
    """Keep the linear algebra of this process to one thread: the processes are many enough."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return
    threadpool_limits(1)


# ---------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Row:
    """One candidate of a `Selection`.

    Attributes
    ----------
    n_components : int
        K.
    options : dict
        Those options that differ between the rows, such as ``{"covariance_type": "tied"}``.
    log_likelihood : float
        Of the best fit, in nats.
    n_parameters : int
        Free parameters; 0 if there is no fit.
    aic, bic, icl : float
        Smaller is better.
    held_out : float
        Log-likelihood of the data, each part under a model fitted without it, in nats: larger is
        better. NaN if not asked for.
    status : str
        Of the best fit: see `emlib.em.Fit`; or ``"failed"``: no start could be made.
    doubts : tuple of str
        Reasons to suspect the fit, or why there is none.
    fit : Fit or None
        The best fit, with all the others in its `runs`.
    """

    n_components: int
    options: dict[str, Any]
    log_likelihood: float
    n_parameters: int
    aic: float
    bic: float
    icl: float
    held_out: float
    status: str
    doubts: tuple[str, ...]
    fit: em.Fit[Any] | None

    @property
    def found(self) -> tuple[int, int]:
        """How many of the runs ended within 0.01 nats of the best, and how many there were."""
        if self.fit is None:
            return 0, 0
        runs = [run for run in self.fit.runs if run.status != "degenerate"]
        near = [run for run in runs if run.objective[-1] > self.fit.objective[-1] - SAME]
        return len(near), len(self.fit.runs)

    def __repr__(self) -> str:
        return str(Selection((self,)))


@dataclass(frozen=True, eq=False)
class Selection:
    """What `select` returns: one `Row` a candidate; prints as a table.

    In the table a star marks the best value of each criterion; *found* says how many of the
    runs ended at the best fit, of how many. Doubts stand below.

    Attributes
    ----------
    rows : tuple of Row
        The candidates, in the order in which they were asked for.
    """

    rows: tuple[Row, ...]

    def best(self, criterion: str = "bic", doubtful: bool = True) -> Row:
        """Return the row that is best by a criterion.

        Rows whose fit is degenerate win only if there is no other.

        Parameters
        ----------
        criterion : {"bic", "aic", "icl", "held_out"}
            The first three are smallest at their best, the last is largest.
        doubtful : bool
            Whether rows whose fit has doubts may win where one without exists.

        Raises
        ------
        ValueError
            If the criterion is unknown or was not asked for.
        """
        one_of(criterion, "criterion", CRITERIA)
        rows = [row for row in self.rows if np.isfinite(getattr(row, criterion))]
        if not rows:
            raise ValueError(f"no row has a {criterion}; for held_out give select n_folds.")

        def rank(row: Row) -> tuple[bool, bool, float]:
            value = getattr(row, criterion)
            suspect = bool(row.doubts) and not doubtful
            return row.status == "degenerate", suspect, -value if criterion == "held_out" else value

        return min(rows, key=rank)

    def row(self, n_components: int, **options: Any) -> Row:
        """Return the row with so many components and these options.

        Raises
        ------
        ValueError
            If there is none, or more than one.
        """
        found = [
            row
            for row in self.rows
            if row.n_components == n_components and row.options.items() >= options.items()
        ]
        if len(found) != 1:
            raise ValueError(f"{len(found)} rows have n_components={n_components} and {options}.")
        return found[0]

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Return the head of the table and its rows, as text."""
        names = list(self.rows[0].options)
        criteria = [c for c in CRITERIA if np.isfinite([getattr(r, c) for r in self.rows]).any()]
        stars = {c: self.best(c) if len(self.rows) > 1 else None for c in criteria}
        titles = [f"{_NAMES[c]} " for c in criteria]  # a blank above the stars
        head = ["K", *names, "log-lik.", "p", *titles, "found", "status"]
        body = []
        for row in self.rows:
            values = (f"{getattr(row, c):.2f}{'*' if stars[c] is row else ' '}" for c in criteria)
            body.append(
                [
                    str(row.n_components),
                    *(str(row.options[name]) for name in names),
                    f"{row.log_likelihood:.2f}",
                    str(row.n_parameters),
                    *values,
                    "{}/{}".format(*row.found),
                    row.status + (f", doubts ({len(row.doubts)})" if row.doubts else ""),
                ]
            )
        return head, body

    def _notes(self) -> list[str]:
        """Return one line for each doubt, and for each candidate with degenerate runs."""
        notes = []
        for row in self.rows:
            name = ", ".join([f"K = {row.n_components}", *map(str, row.options.values())])
            notes += [f"{name}: {doubt}" for doubt in row.doubts]
            runs = row.fit.runs if row.fit is not None else ()
            collapsed = sum(run.status == "degenerate" for run in runs)
            if collapsed:
                notes.append(f"{name}: {collapsed} of {len(runs)} runs degenerate")
        return notes

    def __str__(self) -> str:
        head, body = self._cells()
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        words = {*self.rows[0].options, "status"}  # columns of words: flush left
        left = [title in words for title in head]
        lines = [
            "  ".join(
                cell.ljust(width) if flush else cell.rjust(width)
                for cell, width, flush in zip(cells, widths, left, strict=True)
            ).rstrip()
            for cells in [head, *body]
        ]
        return "\n".join([*lines, *self._notes()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, body = self._cells()
        top = "".join(f'<th scope="col">{html.escape(cell.strip())}</th>' for cell in head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell.strip())}</td>" for cell in cells) + "</tr>"
            for cells in body
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self._notes())
        table = f"<table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>"
        return table + (f"<ul>{notes}</ul>" if notes else "")

    def plot(self, ax: Axes, criteria: Sequence[str] = ("aic", "bic", "icl")) -> Drawing:
        """Draw criteria against K, one line for each criterion and choice of options.

        The best point of each criterion is large; open points have doubts.

        Parameters
        ----------
        ax : Axes
            Where to draw.
        criteria : sequence of {"aic", "bic", "icl", "held_out"}
            What to draw.
        """
        from emlib.plotting import Drawing

        artists: list[Any] = []
        words = []
        variants = list(dict.fromkeys(tuple(row.options.items()) for row in self.rows))
        for k, (criterion, variant) in enumerate(itertools.product(criteria, variants)):
            rows = [row for row in self.rows if tuple(row.options.items()) == variant]
            label = " ".join([_NAMES[criterion], *(str(value) for _, value in variant)])
            artists += _draw_line(ax, rows, criterion, label, self.best(criterion), k)
        for criterion in criteria:
            row = self.best(criterion)
            options = "".join(f", {value}" for value in row.options.values())
            words.append(
                f"{_NAMES[criterion]} is best, {getattr(row, criterion):.1f}, "
                f"at {row.n_components} components{options}"
            )
        ax.set_xlabel("components K")
        ax.set_ylabel("criterion")
        ax.set_xticks(sorted({row.n_components for row in self.rows}))
        return Drawing(tuple(artists), f"Criteria against K: {'; '.join(words)}.")


_NAMES = {"aic": "AIC", "bic": "BIC", "icl": "ICL", "held_out": "held-out"}


def _draw_line(
    ax: Axes, rows: Sequence[Row], criterion: str, label: str, best: Row, k: int
) -> list[Any]:
    """Draw one criterion of some rows, labelled at its right end."""
    from emlib.plotting import look

    style = look(k)
    sizes = [row.n_components for row in rows]
    values = [getattr(row, criterion) for row in rows]
    artists: list[Any] = list(ax.plot(sizes, values, color=style["color"], ls=style["linestyle"]))
    for row, size, value in zip(rows, sizes, values, strict=True):
        fill = "white" if row.doubts else style["color"]
        artists += ax.plot(
            [size], [value], style["marker"], color=style["color"], mfc=fill,
            markersize=10 if row is best else 5,
        )  # fmt: skip
    artists.append(
        ax.annotate(label, (sizes[-1], values[-1]), (8, 0), textcoords="offset points",
                    color=style["color"], va="center")
    )  # fmt: skip
    return artists


def select(
    family: Any,
    x: ArrayLike,
    n_components: int | Iterable[int],
    *,
    rng: Rng,
    n_starts: int = 10,
    n_folds: int = 0,
    sample_weight: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    n_jobs: int = 1,
    **options: Any,
) -> Selection:
    """Fit mixtures of several sizes and kinds, and put what criteria say of them into a table.

    Parameters
    ----------
    family : type
        A family of mixtures, such as `GaussianMixture`, with a class method `start`.
    x : array_like
        Data, as the family takes them.
    n_components : int or iterable of int
        Numbers of components K to try.
    rng : int or Generator
        Seed or generator. A fit depends on the seed, K, the options and the number of the start,
        but not on what else is in the table, nor on `n_jobs`.
    n_starts : int
        Starts of each candidate; the methods of `emlib.initial` take turns, unless the option
        `method` is given.
    n_folds : int
        Parts for the held-out log-likelihood; 0 leaves it out, as it multiplies the work.
    sample_weight : array_like, shape (N,), optional
        Integer weights, copies of each row: their sum takes the place of N.
    tol, max_iter
        As for `emlib.em.fit`.
    n_jobs : int
        Number of processes; -1 for one a core. Outside notebooks a script that uses more than
        one needs the usual ``if __name__ == "__main__":``.
    **options
        Passed on to `family.start`; for a list, every entry is tried.

    Returns
    -------
    Selection
        One row a candidate.

    Raises
    ------
    ValueError
        If no candidate can be fitted, or an argument is unusable.

    References
    ----------
    Akaike (1974), IEEE Trans. Automatic Control 19:716-723; Schwarz (1978), Annals of Statistics
    6:461-464; Biernacki, Celeux and Govaert (2000), IEEE PAMI 22:719-725; chapter 6 of the book.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> print(select(GaussianMixture1D, data.galaxies(), [1, 2, 3], rng=0, n_starts=3))
    K  log-lik.  p     AIC      BIC      ICL   found  status
    1   -240.42  2  484.83   489.65   489.65     3/3  converged
    2   -220.19  5  450.39   462.42   462.62     1/3  converged
    3   -203.48  8  422.96*  442.22*  442.22*    2/3  converged
    """
    weight = None if sample_weight is None else sample_weights(sample_weight, len(np.asarray(x)))
    if weight is not None and n_folds:
        raise ValueError(
            "rows with weights are not single observations, so they cannot be held out one by "
            "one: repeat the rows, np.repeat(x, weights, axis=0), or leave n_folds out."
        )
    ks = [n_components] if isinstance(n_components, (int, np.integer)) else list(n_components)
    if not ks:
        raise ValueError("n_components is empty; give at least one number of components.")
    _at_least_one(n_starts, "n_starts")
    varied = {name: value for name, value in options.items() if isinstance(value, (list, tuple))}
    fixed = {name: value for name, value in options.items() if name not in varied}
    candidates, shown, seeds = [], [], []
    for k, (v, choice) in itertools.product(ks, enumerate(itertools.product(*varied.values()))):
        shown.append(dict(zip(varied, choice, strict=True)))
        candidates.append(_Candidate(family, k, fixed | shown[-1], n_starts, tol, max_iter))
        seeds.append((k, v))
    seed = _seed(rng)
    jobs = [
        (candidate, _child(seed, 0, *key), i)
        for candidate, key in zip(candidates, seeds, strict=True)
        for i in range(n_starts)
    ]
    runs = _map(partial(_run, x, weight), jobs, n_jobs, family)
    best = [_best(runs[i : i + n_starts]) for i in range(0, len(runs), n_starts)]
    if all(isinstance(fit, str) for fit in best):
        raise ValueError(best[0])
    held = [float("nan")] * len(candidates)
    if n_folds:
        fold = _folds(len(np.asarray(x)), n_folds, _child(seed, 1))
        keys = [_child(seed, 2, *key) for key in seeds]
        held = [h.log_likelihood for h in _hold_out(candidates, x, fold, keys, n_jobs)]
    return Selection(
        tuple(
            _row(c, o, fit, x, weight, h)
            for c, o, fit, h in zip(candidates, shown, best, held, strict=True)
        )
    )


def _run(x: Any, weight: Any, job: tuple[_Candidate, np.random.SeedSequence, int]) -> Any:
    candidate, seed, i = job
    return candidate.run(x, weight, seed, i)


def _row(
    candidate: _Candidate,
    options: dict[str, Any],
    fit: em.Fit[Any] | str,
    x: Any,
    weight: FloatArray | None,
    held_out: float,
) -> Row:
    k, nan = candidate.n_components, float("nan")
    if isinstance(fit, str):
        return Row(k, options, nan, 0, nan, nan, nan, nan, "failed", (fit,), None)
    log_likelihood, p = float(fit.log_likelihood[-1]), fit.model.n_parameters
    entropy = entr(fit.model.responsibilities(x)).sum(axis=1)
    w = np.ones(len(entropy)) if weight is None else weight
    aic = -2 * log_likelihood + 2 * p  # eq. (6.8)
    bic = -2 * log_likelihood + p * np.log(w.sum())  # eq. (6.12)
    icl = bic + 2 * w @ entropy  # eq. (6.15)
    criteria = aic, float(bic), float(icl), held_out
    return Row(k, options, log_likelihood, p, *criteria, fit.status, fit.doubts, fit)


def _at_least_one(value: int, name: str) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}.")


# ---------------------------------------------------------------------------------------------
# Held-out likelihood
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What `held_out` returns.

    Attributes
    ----------
    log_density : ndarray, shape (N,)
        Of each observation, under the model fitted without its part of the data, in nats; NaN
        where that fit failed.
    fold : ndarray, shape (N,)
        Which part each observation was in, from 0.
    status : tuple of str
        How the fit without each part ended; ``"failed"`` if there is none.
    """

    log_density: FloatArray
    fold: IntArray
    status: tuple[str, ...]

    @property
    def log_likelihood(self) -> float:
        """Sum of all log densities, in nats: larger is better (eq. 6.23)."""
        return float(self.log_density.sum())


def held_out(
    family: Any,
    x: ArrayLike,
    n_components: int,
    *,
    rng: Rng,
    n_folds: int = 10,
    n_starts: int = 10,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    n_jobs: int = 1,
    **options: Any,
) -> HeldOut:
    """Cut the data into parts, and score each part under a model fitted to the others.

    With the same `rng`, `n_folds` and data the parts are the same, so that two candidates may be
    compared observation by observation.

    Parameters
    ----------
    family, x, n_components, rng, n_starts, tol, max_iter, n_jobs, **options
        As for `select`, but one candidate.
    n_folds : int
        Number of parts, of nearly equal size, between 2 and N.

    Raises
    ------
    ValueError
        If there are fewer than two parts, or more than observations.

    References
    ----------
    Smyth (2000), "Model selection for probabilistic clustering using cross-validated
    likelihood", Statistics and Computing 10:63-72.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> x = data.galaxies()
    >>> one, three = (held_out(GaussianMixture1D, x, k, rng=0, n_starts=3) for k in (1, 3))
    >>> bool(three.log_likelihood > one.log_likelihood + 20)
    True
    """
    _at_least_one(n_starts, "n_starts")
    seed = _seed(rng)
    candidate = _Candidate(family, n_components, options, n_starts, tol, max_iter)
    fold = _folds(len(np.asarray(x)), n_folds, _child(seed, 1))
    (result,) = _hold_out([candidate], x, fold, [_child(seed, 2, n_components, 0)], n_jobs)
    return result


def _folds(n_rows: int, n_folds: int, seed: np.random.SeedSequence) -> IntArray:
    """Return the part of each row (N,): parts of nearly equal size, at random."""
    if not 2 <= n_folds <= n_rows:
        raise ValueError(f"n_folds must be between 2 and the {n_rows} rows of x, not {n_folds!r}.")
    return np.random.default_rng(seed).permutation(np.arange(n_rows) % n_folds)


def _hold_out(
    candidates: Sequence[_Candidate],
    x: ArrayLike,
    fold: IntArray,
    seeds: Sequence[np.random.SeedSequence],
    n_jobs: int,
) -> list[HeldOut]:
    rows = np.asarray(x)
    n_folds = int(fold.max()) + 1
    jobs = [
        (candidate, _child(seed, part), part)
        for candidate, seed in zip(candidates, seeds, strict=True)
        for part in range(n_folds)
    ]
    parts = _map(partial(_score_part, rows, fold), jobs, n_jobs, candidates[0].family)
    results = []
    for i in range(0, len(parts), n_folds):
        log_density = np.empty(len(rows))
        for part, (own, _) in enumerate(parts[i : i + n_folds]):
            log_density[fold == part] = own
        results.append(HeldOut(log_density, fold, tuple(s for _, s in parts[i : i + n_folds])))
    return results


def _score_part(
    x: Any, fold: IntArray, job: tuple[_Candidate, np.random.SeedSequence, int]
) -> tuple[FloatArray, str]:
    """Return log densities of one part under the best fit to the others, and its status."""
    candidate, seed, part = job
    fit = candidate.best(x[fold != part], None, seed)
    if isinstance(fit, str):
        return np.full((fold == part).sum(), np.nan), "failed"
    return fit.model.log_density(x[fold == part]), fit.status


# ---------------------------------------------------------------------------------------------
# The bootstrap likelihood-ratio test
# ---------------------------------------------------------------------------------------------


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

    @property
    def chi_square_p_value(self) -> float:
        """What a chi-square table would say, wrongly (chapter 6)."""
        return float(chdtrc(self.degrees_of_freedom, max(self.statistic, 0.0)))

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
        """Draw a histogram of the replicates, the observed statistic, and the wrong chi-square.

        Parameters
        ----------
        ax : Axes
            Where to draw.
        bins : int
            Number of bars.
        """
        from scipy.stats import chi2

        from emlib.plotting import COLOURS, Drawing

        values = self.replicates[np.isfinite(self.replicates)]
        top = 1.05 * max(values.max(initial=1.0), self.statistic)
        edges = np.linspace(min(0.0, values.min(initial=0.0)), top, bins + 1)
        _, _, bars = ax.hist(
            values, bins=list(edges), density=True, color="#cfcabd", edgecolor="#fdfcf9"
        )
        grid = np.linspace(0.02 * top, top, 300)
        curve = chi2.pdf(grid, self.degrees_of_freedom)
        (wrong,) = ax.plot(grid, curve, ls="--", color=COLOURS[1], label="chi-square")
        line = ax.axvline(self.statistic, color=COLOURS[0], label="observed")
        ax.set_xlabel("2 × difference in log-likelihood (nats)")
        ax.set_ylabel("density")
        few, many = self.n_components
        alt = (
            f"Histogram of {len(values)} bootstrap statistics of {few} against {many} components, "
            f"with median {np.median(values):.1f} and largest {values.max():.1f}; the observed "
            f"statistic is {self.statistic:.1f}. A chi-square density with "
            f"{self.degrees_of_freedom} degrees of freedom lies over it."
        )
        return Drawing((bars, wrong, line), alt)


def bootstrap_lrt(
    family: Any,
    x: ArrayLike,
    null: int,
    alternative: int,
    *,
    rng: Rng,
    n_bootstrap: int = 99,
    n_starts: int = 5,
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
    family, x, rng, n_starts, max_iter, n_jobs, **options
        As for `select`, with each option one value. The family must define `draw` (or `sample`).
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
    _at_least_one(n_bootstrap, "n_bootstrap")
    _at_least_one(n_starts, "n_starts")
    rows = np.asarray(x)
    if sample_weight is not None:
        rows = np.repeat(rows, _copies(sample_weight, len(rows)), axis=0)
    seed = _seed(rng)
    pair = (
        _Candidate(family, null, options, n_starts, tol, max_iter),
        _Candidate(family, alternative, options, n_starts, tol, max_iter),
    )
    small, large = (candidate.best(rows, None, _child(seed, 0)) for candidate in pair)
    if isinstance(small, str) or isinstance(large, str):
        raise ValueError(small if isinstance(small, str) else large)
    statistic, _ = _ratio(small, large)
    if np.isnan(statistic):
        raise ValueError(
            f"every fit of {null} or of {alternative} components to the data is degenerate."
        )
    seeds = [_child(seed, 1, b) for b in range(n_bootstrap)]
    outcomes = _map(partial(_replicate, pair, small.model, rows), seeds, n_jobs, family)
    replicates = np.array([value for value, _ in outcomes])
    status = tuple(word for _, word in outcomes)
    return BootstrapLRT((null, alternative), statistic, replicates, status, small, large)


def _copies(sample_weight: ArrayLike, n_rows: int) -> IntArray:
    weight = sample_weights(sample_weight, n_rows)
    assert weight is not None
    if (weight != np.round(weight)).any():
        raise ValueError("sample_weight must be whole numbers here: copies of each row.")
    return weight.astype(np.int64)


def _replicate(
    pair: tuple[_Candidate, _Candidate], model: Any, x: Any, seed: np.random.SeedSequence
) -> tuple[float, str]:
    """Return the statistic of one sample from the null model, and how its fits ended."""
    y = model.sample_like(x, np.random.default_rng(_child(seed, 0)))
    small, large = (candidate.best(y, None, _child(seed, 1)) for candidate in pair)
    return _ratio(small, large)


def _ratio(small: em.Fit[Any] | str, large: em.Fit[Any] | str) -> tuple[float, str]:
    """Return twice the difference of the log-likelihoods, NaN if it has no meaning; and status."""
    if isinstance(small, str) or isinstance(large, str):
        return float("nan"), "failed"
    if _collapsed(small) or _collapsed(large):
        return float("nan"), "degenerate"
    value = float(2 * (large.log_likelihood[-1] - small.log_likelihood[-1]))
    if large.status == "degenerate" or value < SAME:
        return max(value, 0.0), "no gain"
    return value, "max_iter" if "max_iter" in (small.status, large.status) else "converged"


def _collapsed(fit: em.Fit[Any]) -> bool:
    """Whether the fit is near a singularity; with two components the same it is not."""
    return fit.status == "degenerate" and not fit.model.coincident()
