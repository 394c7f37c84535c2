"""The algorithm, once, for every model in this book.

A model is a value; EM is two functions on it. `e_step` turns a model and data into expected
sufficient statistics, `m_step` turns those statistics into the next model, and statistics of
separate blocks of data add up. Everything here is a few lines around that sentence.

A climb is an iterator of steps. `iterate` is EM; other climbs are in `emlib.accelerate` and
`emlib.variants`. `run` follows any of them, and knows when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from emlib._machinery.blocks import located, started, unit_of
from emlib._machinery.processes import CTRL_C as CTRL_C
from emlib._machinery.progress import with_progress
from emlib._machinery.value import FloatArray
from emlib._machinery.warn import warn
from emlib.convergence import MonotonicityError as MonotonicityError  # it is raised here
from emlib.convergence import Watch, rate

FOUND = 1e-2  # nats: runs that end closer than this have found the same summit


class DegenerateError(ArithmeticError):
    """A component has collapsed or emptied, so that no next model exists.

    Attributes
    ----------
    component : int or None
        The component that has gone, counted from zero.
    """

    def __init__(self, message: str, component: int | None = None) -> None:
        super().__init__(message)
        self.component = component


class DegenerateWarning(RuntimeWarning):
    """A fit ended with ``status == "degenerate"``."""


class SpuriousWarning(RuntimeWarning):
    """The best of several runs has `doubts`: its objective may owe much to a near-collapse."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected sufficient statistics of some data under one model: they add up, and scale.

    Attributes
    ----------
    log_likelihood : float
        Observed-data log-likelihood of that model on those data, in nats.
    counts : ndarray, shape (K,)
        Expected number of observations in each latent component (or cell).
    statistics : tuple of ndarray or Expectation
        What else the family's M-step needs, each additive over observations.
    of : EMModel, optional
        The model, if it is known: sums over different models have no meaning.

    Examples
    --------
    >>> a = Expectation(-1.0, np.array([2.0, 3.0]))
    >>> (a + a).counts
    array([4., 6.])
    >>> (0.5 * a).counts
    array([1. , 1.5])
    """

    log_likelihood: float
    counts: FloatArray
    statistics: tuple[Any, ...] = ()
    of: Any = field(default=None, repr=False)

    def __add__(self, other: Expectation) -> Expectation:
        if not (self.of is None or other.of is None or self.of == other.of):
            raise ValueError("expectations under different models do not add up: use one model.")
        statistics = tuple(a + b for a, b in zip(self.statistics, other.statistics, strict=True))
        log_likelihood = self.log_likelihood + other.log_likelihood
        return Expectation(log_likelihood, self.counts + other.counts, statistics, self.of)

    def __rmul__(self, factor: float) -> Expectation:
        statistics = tuple(factor * a for a in self.statistics)
        log_likelihood, counts = factor * self.log_likelihood, factor * self.counts
        return Expectation(log_likelihood, counts, statistics, self.of)


class EMModel(Protocol):
    """What a model must offer for `iterate` and `fit` to work on it.

    Two more methods are optional; they make a fit more truthful:

    * ``distances()``, shape (K, K): how different any two components are, 0 if they are the same
      and EM cannot tell them apart, above 0.05 if they clearly differ. A fit that comes to rest
      with two the same is ``"degenerate"``.
    * ``doubts(counts)``: reasons to suspect a fit, a tuple of sentences, given the expected
      counts of its components.
    """

    def e_step(self, x: Any, sample_weight: Any = None) -> Expectation:
        """Return the expected sufficient statistics of x under this model."""

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises (or, for GEM, raises) the expected log joint."""

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""


Model = TypeVar("Model", bound=EMModel)


@dataclass(frozen=True, eq=False)
class Step(Generic[Model]):
    """One iterate: a model together with *its own* expectation and objective.

    Attributes
    ----------
    model : EMModel
        The iterate.
    expectation : Expectation
        Of all the data under this model.
    n_e_steps : int
        How many E-steps it took to come here from the step before: 1 in EM itself.
    """

    model: Model
    expectation: Expectation
    n_e_steps: int = field(default=1, kw_only=True)

    @property
    def log_likelihood(self) -> float:
        """Observed-data log-likelihood of `model`, in nats."""
        return self.expectation.log_likelihood

    @cached_property
    def objective(self) -> float:
        """What EM climbs: log-likelihood + log prior, in nats."""
        return self.log_likelihood + self.model.log_prior()


@dataclass(frozen=True, eq=False)
class Fit(Generic[Model]):
    """The outcome of a fit.

    Attributes
    ----------
    model : EMModel
        The last model.
    objective, log_likelihood : ndarray, shape (n_iter + 1,)
        One value per iterate, in nats; the first belongs to the start, the last to `model`.
    status : str
        ``"converged"``, ``"max_iter"``, ``"degenerate"`` or ``"interrupted"``.
    message : str
        The status in a sentence.
    doubts : tuple of str
        Reasons to suspect the fit, as its family knows them (see `Mixture.doubts`); empty if
        there are none. A degenerate fit says in `message` what is wrong.
    runs : tuple of Fit
        Every run, for the best of several; otherwise empty.
    n_e_steps : int
        Passes over the data, by which climbs of different kinds are compared.
    unit : float
        What a row weighs, if that is less than 1: as for `run`.
    """

    model: Model
    objective: FloatArray
    log_likelihood: FloatArray
    status: str
    message: str
    doubts: tuple[str, ...] = ()
    runs: tuple[Fit[Model], ...] = ()
    n_e_steps: int = 0
    unit: float = 1.0

    @property
    def n_iter(self) -> int:
        """Number of steps taken after the start; in EM, of M-steps."""
        return len(self.objective) - 1

    @property
    def converged(self) -> bool:
        """Whether less than `tol` was left to be gained."""
        return self.status == "converged"

    @property
    def rate(self) -> float:
        """Linear rate of the iterates: the error shrinks by this factor a step."""
        return rate(self.objective / self.unit)

    @property
    def found(self) -> tuple[int, int]:
        """How many `runs` ended within 0.01 nats, times `unit`, of this one; and how many ran."""
        runs = self.runs or (self,)
        ends = [run.objective[-1] for run in runs if run.status != "degenerate"]
        return sum(abs(end - self.objective[-1]) < FOUND * self.unit for end in ends), len(runs)


def expect(model: EMModel, x: Any, sample_weight: Any = None) -> Expectation:
    """Return the expectation over all of x: the sum of `model.e_step` over its blocks."""
    total: Expectation = located(model, x, sample_weight).total(model.e_step)
    return total


def iterate(model: Model, x: Any, sample_weight: Any = None) -> Iterator[Step[Model]]:
    """Yield the iterates of EM for ever, the start first.

    Parameters
    ----------
    model : EMModel
        Where to start.
    x : array_like, re-iterable of arrays or dask array
        Data, as the model's `e_step` takes it, or blocks of it: a list of arrays, or any object
        that gives arrays each time it is iterated over. A block is a piece that is independent
        of the others: some rows, or a whole sequence.
    sample_weight : array_like, re-iterable of arrays or None
        One non-negative weight a row, in one array or in blocks like those of x; for models of
        sequences, one a sequence. An integer weight counts as that many copies.

    Yields
    ------
    Step
        Model, expectation and objective, all of the same parameters.

    References
    ----------
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, equations (2.2) and (2.3).

    Examples
    --------
    >>> from itertools import islice
    >>> from emlib import Linkage
    >>> for step in islice(iterate(Linkage(0.5), [125, 18, 20, 34]), 3):
    ...     print(f"{step.model.theta:.6f}")
    0.500000
    0.608247
    0.624321
    """
    data = located(model, x, sample_weight)
    while True:
        expectation = expect(model, data)
        yield Step(model, expectation)
        model = model.m_step(expectation)


def run(
    steps: Iterator[Step[Model]],
    *,
    unit: float = 1.0,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    callback: Callable[[Step[Model]], object] | None = None,
    progress: bool = False,
) -> Fit[Model]:
    """Follow a climb until what is left to be gained falls below `tol`.

    Parameters
    ----------
    steps : iterator of Step
        A climb whose objective never falls: `iterate`, or one from `emlib.accelerate` or
        `emlib.variants`.
    unit : float
        What a row weighs, if that is less than 1: `fit` knows it.
    tol : float
        In nats of objective *still to be gained*, as estimated by `convergence.cautious_gain`
        (not the gain of the last step, which is small on any slow climb), times `unit`: weights
        that are shares and not counts give a small objective. A loose one may be met on a plateau,
        before the slow part of the climb has begun; the message of the fit then says so.
    max_iter : int
        Largest number of steps after the start.
    callback : callable, optional
        Called with every `Step`; if it returns True the fit ends as ``"interrupted"``, as it
        does after Ctrl-C, with the model of the last whole iteration.
    progress : bool
        Show a progress bar (needs tqdm).

    Raises
    ------
    MonotonicityError
        If the objective falls by more than rounding can explain.
    ValueError
        If an argument is unusable; the message says which and why.

    Warns
    -----
    DegenerateWarning
        If a component collapses or empties, the last valid model is returned; likewise if EM
        comes to rest with two components that are the same, which it can never tell apart.

    Examples
    --------
    >>> from emlib import Linkage
    >>> run(iterate(Linkage(0.5), [125, 18, 20, 34]), max_iter=3).message
    'stopped after max_iter=3 steps, still climbing'
    """
    if not tol >= 0:
        raise ValueError(f"tol must be a non-negative number of nats, not {tol!r}.")
    if max_iter < 0:
        raise ValueError(f"max_iter must not be negative, but it is {max_iter!r}.")
    watch = Watch(tol, unit)
    seen: list[tuple[float, float, int]] = []
    last, n = None, 0
    status, message = "max_iter", f"stopped after max_iter={max_iter} steps, still climbing"
    try:
        for step in with_progress(steps, progress):
            verdict = watch.see(step.model, step.objective)
            seen.append((step.objective, step.log_likelihood, step.n_e_steps))
            last, n = step, len(seen)  # together, whenever Ctrl-C comes
            if callback is not None and type(said := callback(step)) in (bool, np.bool_) and said:
                verdict = "interrupted", "stopped by the callback"
            if verdict is not None:
                status, message = verdict
                break
            if n > max_iter:
                break
    except DegenerateError as error:
        if last is None:
            raise
        status, message = "degenerate", str(error)
    except KeyboardInterrupt:
        if last is None:
            raise
        status, message = "interrupted", CTRL_C
    if last is None:
        raise ValueError("steps is empty: a climb yields at least its start.")
    doubts: tuple[str, ...] = ()
    if status == "degenerate":
        warn(f"EM stopped: {message}", DegenerateWarning)
    elif hasattr(last.model, "doubts"):
        doubts = last.model.doubts(last.expectation.counts / unit)
    objective, log_likelihood, work = np.array(seen[:n]).T.copy()
    n_e_steps = int(work.sum())
    return Fit(last.model, objective, log_likelihood, status, message, doubts, (), n_e_steps, unit)


def fit(
    model: Model,
    x: Any,
    *,
    sample_weight: Any = None,
    steps: Callable[[Model, Any, Any], Iterator[Step[Model]]] = iterate,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    callback: Callable[[Step[Model]], object] | None = None,
    progress: bool = False,
) -> Fit[Model]:
    """Climb from `model` until what is left to be gained falls below `tol`.

    Parameters
    ----------
    model, x, sample_weight
        As for `iterate`.
    steps : callable
        The climb, called as ``steps(model, x, sample_weight)``: EM, or a faster way to the same
        summit such as `accelerate.anderson`.
    tol, max_iter, callback, progress
        As for `run`, which says what is returned, raised and warned of.

    Examples
    --------
    >>> from emlib import Linkage
    >>> result = fit(Linkage(0.5), [125, 18, 20, 34])
    >>> print(f"{result.model.theta:.6f} {result.status} {result.rate:.4f}")
    0.626821 converged 0.1328
    """
    climb, unit = steps(started(model), x, sample_weight), unit_of(sample_weight)
    return run(climb, unit=unit, tol=tol, max_iter=max_iter, callback=callback, progress=progress)


def fit_best(models: Iterable[Model], x: Any, **options: Any) -> Fit[Model]:
    """Fit every start and return the run with the highest objective.

    A run that ended ``"degenerate"`` is near a singularity of the likelihood, where the
    objective has no meaning: such runs are kept in `runs` but win only if there is no other.
    A run can also come to rest on its way there, at a spurious maximum: see the `doubts` of
    each run.

    Parameters
    ----------
    models : iterable of EMModel
        The starting points.
    x, **options
        As for `fit`.

    Returns
    -------
    Fit
        The best run; all runs, in the order of `models`, in its `runs`; the message says how
        many found it. Ctrl-C ends them all, and the run that was stopped comes last.

    Raises
    ------
    ValueError
        If there is no model to start from.

    Warns
    -----
    SpuriousWarning
        If the best run has doubts; the message names the best run that has none.

    Examples
    --------
    >>> from emlib import Linkage
    >>> best = fit_best([Linkage(0.1), Linkage(0.9)], [125, 18, 20, 34])
    >>> len(best.runs)
    2
    """
    runs: list[Fit[Model]] = []
    try:
        for model in models:
            runs.append(fit(model, x, **options))
            if runs[-1].message == CTRL_C:
                break
    except KeyboardInterrupt:  # before this run had taken its first step
        if not runs:
            raise
    if not runs:
        raise ValueError("models is empty; give at least one start.")
    best = best_of(runs)
    if best.doubts:
        warn(_second_thoughts(best), SpuriousWarning)
    return best


def best_of(runs: Sequence[Fit[Model]]) -> Fit[Model]:
    """Return the run with the highest objective, a degenerate one only if there is no other."""
    best = max(runs, key=lambda run: (run.status != "degenerate", run.objective[-1]))
    best = replace(best, runs=tuple(runs))
    return replace(best, message="{}; found by {} of {} runs".format(best.message, *best.found))


def _second_thoughts(best: Fit[Any]) -> str:
    """Return what there is to say of a best run with doubts."""
    runs = best.runs
    text = f"the best of {len(runs)} runs may be spurious: {best.doubts[0]}"
    sound = [i for i, run in enumerate(runs) if run.status == "converged" and not run.doubts]
    if not sound:
        return f"{text} No run converged without doubts. Use fewer components or a prior."
    i = max(sound, key=lambda i: runs[i].objective[-1])
    gap = best.objective[-1] - runs[i].objective[-1]
    return f"{text} The best run without doubts is runs[{i}], {gap:.6g} nats lower (chapter 5)."
