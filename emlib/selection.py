"""How many components? Criteria in a table, and data held out.

Everything here works for any family that has a `start`, and its `aic` and `bic`: it fits each
candidate from several starts, keeps the best run, and says in the result how every run ended. Runs
are independent of one another, so they may be shared out among processes (`n_jobs`); each has a
random stream of its own, named after its place, so that results do not depend on how they were
shared.
"""

from __future__ import annotations

import html
import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib import em
from emlib._machinery.blocks import as_array, joined, row_count
from emlib._machinery.processes import Rng, child, finished, map_jobs, seed_of
from emlib._machinery.validation import (
    at_least_one,
    component_count,
    copied,
    one_of,
    whole_weights,
)
from emlib._machinery.value import FloatArray, IntArray
from emlib.mixture import Mixture
from emlib.rows import Rows
from emlib.search import search

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emlib.plotting import Drawing

TURNS = ("kmeans", "k-means++", "random_from_data")  # of the starts, in turn
CRITERIA = {"aic": "AIC", "bic": "BIC", "icl": "ICL"}  # and how they are called in a table


# ---------------------------------------------------------------------------------------------
# One candidate, fitted from several starts
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Candidate:
    """A family with so many components and such options, and how hard to look for its best fit.

    By a search with a `budget` of E-steps; or by so many plain starts, if `n_starts` is given.
    """

    family: Any
    n_components: int
    options: Mapping[str, Any]
    budget: int
    n_starts: int | None
    tol: float
    max_iter: int
    sound: bool = True  # whether the search passes over fits that have doubts

    def __post_init__(self) -> None:
        at_least_one(self.budget, "budget")
        if self.n_starts is not None:
            at_least_one(self.n_starts, "n_starts")

    @property
    def n_jobs(self) -> int:
        """How many pieces the work can be shared out in: its starts, or one search."""
        return self.n_starts or 1

    def run(self, x: Any, weight: Any, seed: np.random.SeedSequence, i: int) -> em.Fit[Any] | str:
        """Return the fit of job number i, or why there is none."""
        generator = np.random.default_rng(child(seed, i))
        with warnings.catch_warnings():  # what they would say stands in the table
            warnings.simplefilter("ignore", em.DegenerateWarning)
            warnings.simplefilter("ignore", em.SpuriousWarning)
            try:
                if self.n_starts is None:
                    return finished(self._search(x, weight, generator))
                return finished(self._climb(x, weight, generator, TURNS[i % len(TURNS)]))
            except (ValueError, em.DegenerateError) as error:
                return str(error)

    def _search(self, x: Any, weight: Any, rng: np.random.Generator) -> em.Fit[Any]:
        how = {"budget": self.budget, "tol": self.tol, "sample_weight": weight}
        how["sound"] = self.sound
        return search(self.family, x, self.n_components, rng, **how, **self.options)

    def _climb(self, x: Any, weight: Any, rng: np.random.Generator, method: str) -> em.Fit[Any]:
        start = self._start(x, weight, rng, method)
        return em.fit(start, x, sample_weight=weight, tol=self.tol, max_iter=self.max_iter)

    def _start(self, x: Any, weight: Any, rng: Any, method: str) -> Any:
        options = {"method": method, **self.options}
        options |= {} if weight is None else {"sample_weight": weight}
        return self.family.start(x, self.n_components, rng, **options)

    def try_out(self, x: Any, weight: Any) -> None:
        """Raise what is wrong with the data or the options, before parts of them are fitted."""
        start = self._start(x, weight, 0, TURNS[0])
        em.fit(start, x, sample_weight=weight, tol=self.tol, max_iter=min(self.max_iter, 0))

    def best(self, x: Any, weight: Any, seed: np.random.SeedSequence) -> em.Fit[Any] | str:
        """Return the best fit, or why there is none."""
        return self.best_of([self.run(x, weight, seed, i) for i in range(self.n_jobs)])

    def best_of(self, runs: Sequence[em.Fit[Any] | str]) -> em.Fit[Any] | str:
        """Return the best of its jobs, or why there is none."""
        if self.n_starts is None:
            return runs[0]
        fits = [run for run in runs if not isinstance(run, str)]
        return em.best_of(fits) if fits else str(runs[0])


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
        Smaller is better; ICL with soft labels (see `Mixture.icl`), NaN for what is no mixture.
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
    status: str
    doubts: tuple[str, ...]
    fit: em.Fit[Any] | None

    @property
    def found(self) -> tuple[int, int]:
        """How many of the runs ended within 0.01 nats of the best, and how many there were."""
        return self.fit.found if self.fit is not None else (0, 0)

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
        criterion : {"bic", "aic", "icl"}
            Each is smallest at its best.
        doubtful : bool
            Whether rows whose fit has doubts may win where one without exists.

        Raises
        ------
        ValueError
            If the criterion is unknown, or no row has it.
        """
        one_of(criterion, "criterion", tuple(CRITERIA))
        rows = [row for row in self.rows if np.isfinite(getattr(row, criterion))]
        if not rows:
            raise ValueError(f"no row has a finite {criterion}.")

        def rank(row: Row) -> tuple[bool, bool, float]:
            suspect = bool(row.doubts) and not doubtful
            return row.status == "degenerate", suspect, getattr(row, criterion)

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
        titles = [f"{CRITERIA[c]} " for c in criteria]  # a blank above the stars
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
        """Draw criteria against K: see `plotting.criteria`."""
        from emlib import plotting  # here, because processes start faster without matplotlib

        return plotting.criteria(ax, self, criteria)


def select(
    family: Any,
    x: ArrayLike,
    n_components: int | Iterable[int],
    *,
    rng: Rng,
    budget: int = 4000,
    n_starts: int | None = None,
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
        Data, as the family takes them, in one piece or in blocks: fitted as `search` does, and
        scored block by block.
    n_components : int or iterable of int
        Numbers of components K to try.
    rng : int or Generator
        Seed or generator. A fit depends on the seed, K, the options and the budget, but not on
        what else is in the table, nor on `n_jobs`.
    budget : int
        E-steps that `emlib.search.search` may spend on each candidate.
    n_starts : int, optional
        Fit each candidate from so many starts instead of searching; the methods k-means,
        k-means++ and rows at random take turns, unless the option `method` is given.
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
    6:461-464; McLachlan and Peel (2000), Finite Mixture Models, section 6.10.3, for ICL; chapter 6.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> print(select(GaussianMixture1D, data.galaxies(), [1, 2, 3], rng=0, n_starts=3))
    K  log-lik.  p     AIC      BIC      ICL   found  status
    1   -240.42  2  484.83   489.65   489.65     3/3  converged
    2   -220.19  5  450.39   462.42   462.62     1/3  converged
    3   -203.48  8  422.96*  442.22*  442.22*    2/3  converged
    """
    weight = joined(sample_weight)
    weight = None if weight is None else whole_weights(weight, row_count(family, x))
    ks = list(n_components) if isinstance(n_components, Iterable) else [n_components]
    if not ks:
        raise ValueError("n_components is empty; give at least one number of components.")
    for k in ks:
        component_count(k, k)  # whether there are rows enough, its row will say
    varied = {name: value for name, value in options.items() if isinstance(value, (list, tuple))}
    for name, value in varied.items():
        if not value:
            raise ValueError(f"{name} is empty; give at least one value, or leave it out.")
    fixed = {name: value for name, value in options.items() if name not in varied}
    candidates, shown, seeds = [], [], []
    for k, (v, choice) in itertools.product(ks, enumerate(itertools.product(*varied.values()))):
        shown.append(dict(zip(varied, choice, strict=True)))
        how = fixed | shown[-1]
        candidates.append(Candidate(family, k, how, budget, n_starts, tol, max_iter))
        seeds.append((k, v))
    seed = seed_of(rng)
    jobs = [
        (candidate, child(seed, 0, *key), i)
        for candidate, key in zip(candidates, seeds, strict=True)
        for i in range(candidate.n_jobs)
    ]
    runs = map_jobs(partial(_run, x, weight), jobs, n_jobs, family)
    n = candidates[0].n_jobs
    shares = [runs[i : i + n] for i in range(0, len(runs), n)]
    best = [c.best_of(share) for c, share in zip(candidates, shares, strict=True)]
    if all(isinstance(fit, str) for fit in best):
        raise ValueError(best[0])
    return Selection(
        tuple(_row(c, o, fit, x, weight) for c, o, fit in zip(candidates, shown, best, strict=True))
    )


def _run(x: Any, weight: Any, job: tuple[Candidate, np.random.SeedSequence, int]) -> Any:
    candidate, seed, i = job
    return candidate.run(x, weight, seed, i)


def _row(
    candidate: Candidate,
    options: dict[str, Any],
    fit: em.Fit[Any] | str,
    x: Any,
    weight: IntArray | None,
) -> Row:
    k, nan = candidate.n_components, float("nan")
    if isinstance(fit, str):
        return Row(k, options, nan, 0, nan, nan, nan, "failed", (fit,), None)
    model, log_likelihood = fit.model, float(fit.log_likelihood[-1])
    icl = model.icl(x, weight) if isinstance(model, Mixture) else nan
    criteria = model.aic(x, weight), model.bic(x, weight), icl
    return Row(
        k, options, log_likelihood, model.n_parameters, *criteria, fit.status, fit.doubts, fit
    )


# ---------------------------------------------------------------------------------------------
# Held-out likelihood
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What `held_out` returns.

    Attributes
    ----------
    log_density : ndarray, shape (N,)
        Of each observation (or sequence), under the model fitted without its part of the data,
        in nats; NaN where that fit failed. With weights, of each copy, one after another.
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
    budget: int = 1000,
    n_starts: int | None = None,
    sample_weight: ArrayLike | None = None,
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
    family, x, n_components, rng, budget, n_starts, tol, max_iter, n_jobs, **options
        As for `select`, but one candidate. For a model of sequences x is a list of them, and it
        is sequences that are held out.
    n_folds : int
        Number of parts, of nearly equal size, between 2 and N.
    sample_weight : array_like, shape (N,), optional
        Integer weights: copies of each observation, each in a part of its own.

    Raises
    ------
    ValueError
        If there are fewer than two parts, or more than observations; if the rows of x depend on
        one another; or if the candidate cannot even be started on all the data.

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
    seed = seed_of(rng)
    candidate = Candidate(family, n_components, options, budget, n_starts, tol, max_iter)
    pieces, weight = _pieces(family, x), joined(sample_weight)
    candidate.try_out(pieces, weight)
    pieces = copied(pieces, weight)
    fold = _folds(len(pieces), n_folds, child(seed, 1))
    jobs = [(child(seed, 2, n_components, 0, part), part) for part in range(n_folds)]
    scored = map_jobs(partial(_score_part, candidate, pieces, fold), jobs, n_jobs, family)
    log_density = np.empty(len(pieces))
    for part, (own, _) in enumerate(scored):
        log_density[fold == part] = own
    return HeldOut(log_density, fold, tuple(status for _, status in scored))


def _pieces(family: Any, x: Any) -> Any:
    """Return the data as pieces that are independent of one another: rows, or whole sequences."""
    if issubclass(family, Rows):
        return as_array(family, x)
    if isinstance(x, (list, tuple)) and all(np.ndim(piece) for piece in x):
        return [np.asarray(piece) for piece in x]
    raise ValueError(
        f"rows of a {family.__name__} depend on one another, so that they cannot be held out one "
        "by one. Give x as a list of arrays, one for each sequence."
    )


def _of(pieces: Any, chosen: NDArray[np.bool_]) -> Any:
    """Return some of the pieces: rows of an array, or entries of a list."""
    if isinstance(pieces, np.ndarray):
        return pieces[chosen]
    return [piece for piece, wanted in zip(pieces, chosen, strict=True) if wanted]


def _folds(n_pieces: int, n_folds: int, seed: np.random.SeedSequence) -> IntArray:
    """Return the part of each row (N,): parts of nearly equal size, at random."""
    if not isinstance(n_folds, (int, np.integer)) or not 2 <= n_folds <= n_pieces:
        raise ValueError(
            f"n_folds must be between 2 and the {n_pieces} rows of x, not {n_folds!r}."
        )
    return np.random.default_rng(seed).permutation(np.arange(n_pieces) % n_folds)


def _score_part(
    candidate: Candidate,
    pieces: Any,
    fold: IntArray,
    job: tuple[np.random.SeedSequence, int],
) -> tuple[FloatArray, str]:
    """Return log densities of one part under the best fit to the others, and its status."""
    seed, part = job
    fit = candidate.best(_of(pieces, fold != part), None, seed)
    if isinstance(fit, str):
        return np.full((fold == part).sum(), np.nan), "failed"
    return _log_densities(fit.model, _of(pieces, fold == part)), fit.status


def _log_densities(model: Any, pieces: Any) -> FloatArray:
    if isinstance(model, Rows):
        return model.log_density(pieces)
    return np.array([em.expect(model, piece).log_likelihood for piece in pieces])
