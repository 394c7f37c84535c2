"""The algorithm, once, for every model in this book.

A model is a value; EM is two functions on it. `e_step` turns a model and data into expected
sufficient statistics, `m_step` turns those statistics into the next model, and statistics of
separate blocks of data add up. Everything here is a few lines around that sentence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from emlib import _dask
from emlib._validation import FloatArray, number_array

EPS = float(np.finfo(np.float64).eps)
WINDOW = 100  # gains looked back on when the rate is estimated
CTRL_C = "stopped by Ctrl-C"
PATIENCE = 3  # steps in a row that must agree that the summit is near
SAME = 1e-6  # distance between components below which EM cannot tell them apart


class MonotonicityError(ArithmeticError):
    """The objective fell. EM cannot do that (chapter 1, eq. 1.9): there is a bug."""


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
    """Expected sufficient statistics of some data under one model; two of them add up.

    Attributes
    ----------
    log_likelihood : float
        Observed-data log-likelihood of that model on those data, in nats.
    counts : ndarray, shape (K,)
        Expected number of observations in each latent component (or cell).
    statistics : tuple of ndarray
        What else the family's M-step needs, each additive over observations.

    Examples
    --------
    >>> a = Expectation(-1.0, np.array([2.0, 3.0]))
    >>> (a + a).counts
    array([4., 6.])
    """

    log_likelihood: float
    counts: FloatArray
    statistics: tuple[FloatArray, ...] = ()

    def __add__(self, other: Expectation) -> Expectation:
        return Expectation(
            self.log_likelihood + other.log_likelihood,
            self.counts + other.counts,
            tuple(a + b for a, b in zip(self.statistics, other.statistics, strict=True)),
        )


class EMModel(Protocol):
    """What a model must offer for `iterate` and `fit` to work on it."""

    def e_step(self, x: Any, sample_weight: Any = None) -> Expectation:
        """Return the expected sufficient statistics of x under this model."""
        ...

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises (or, for GEM, raises) the expected log joint."""
        ...

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""
        ...


Model = TypeVar("Model", bound=EMModel)


@dataclass(frozen=True, eq=False)
class Step(Generic[Model]):
    """One iterate: a model together with *its own* expectation and objective."""

    model: Model
    expectation: Expectation

    @property
    def log_likelihood(self) -> float:
        """Observed-data log-likelihood of `model`, in nats."""
        return self.expectation.log_likelihood

    @property
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
        Every run, for a fit made by `fit_best`; otherwise empty.
    """

    model: Model
    objective: FloatArray
    log_likelihood: FloatArray
    status: str
    message: str
    doubts: tuple[str, ...] = ()
    runs: tuple[Fit[Model], ...] = ()

    @property
    def n_iter(self) -> int:
        """Number of M-steps taken."""
        return len(self.objective) - 1

    @property
    def converged(self) -> bool:
        """Whether less than `tol` was left to be gained."""
        return self.status == "converged"

    @property
    def rate(self) -> float:
        """Linear rate of the iterates: the error shrinks by this factor a step (see `rate`)."""
        return rate(self.objective)


# ---------------------------------------------------------------------------------------------
# Data: one array, or blocks of it
# ---------------------------------------------------------------------------------------------


def blocks(x: Any, sample_weight: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield the blocks of x, each with its weights (or None).

    Parameters
    ----------
    x : array_like or re-iterable of arrays
        Anything that NumPy reads as one array is one block; a list of arrays, or any object
        that gives arrays each time it is iterated over, is that many blocks. A memory-mapped
        array is one block too: the E-step reads it piece by piece.
    sample_weight : array_like, re-iterable of arrays or None
        One weight a row: in one array, or in blocks like those of x.

    Raises
    ------
    ValueError
        If x is a one-shot iterator, or the weights do not match the blocks.

    Examples
    --------
    >>> [len(block) for block, _ in blocks([np.zeros(3), np.zeros(2)])]
    [3, 2]
    """
    if not _is_blocked(x):
        yield x, sample_weight
    elif sample_weight is None:
        for block in x:
            yield block, None
    elif _is_blocked(sample_weight, "sample_weight"):
        yield from zip(x, sample_weight, strict=True)
    else:
        yield from _sliced(x, number_array(sample_weight, "sample_weight"))


def _is_blocked(x: Any, name: str = "x") -> bool:
    if isinstance(x, Iterator):
        raise ValueError(
            f"{name} is an iterator, which is used up after one pass, and EM passes over the "
            "data once an iteration. Give a list of arrays or an object with __iter__."
        )
    if hasattr(x, "__array__") or not isinstance(x, Iterable):
        return False
    if isinstance(x, (list, tuple)):  # nested numbers are one array, not blocks
        return len(x) > 0 and all(isinstance(item, np.ndarray) and item.ndim for item in x)
    return True


def _sliced(x: Iterable[Any], weights: FloatArray) -> Iterator[tuple[Any, Any]]:
    start = 0
    for block in x:
        yield block, weights[start : start + len(block)]
        start += len(block)
    if start != len(weights):
        raise ValueError(f"sample_weight has {len(weights)} entries, but x has {start} rows.")


def expect(model: EMModel, x: Any, sample_weight: Any = None) -> Expectation:
    """Return the expectation over all of x: the sum of `model.e_step` over its blocks.

    The chunks of a dask array are its blocks; each is worked on where it is.

    Examples
    --------
    >>> from emlib.linkage import Linkage
    >>> float(expect(Linkage(0.5), [125, 18, 20, 34]).counts[1])
    25.0
    """
    x, sample_weight = _dask.located(x, sample_weight)
    if isinstance(x, _dask.Chunks):
        summed: Expectation = x.expect(model)
        return summed
    total: Expectation | None = None
    for number, (block, weight) in enumerate(blocks(x, sample_weight)):
        try:
            part = model.e_step(block, weight)
        except ValueError as error:
            if _is_blocked(x):
                error.add_note(f"This is about block {number} of x, counted from zero.")
            raise
        total = part if total is None else total + part
    if total is None:
        raise ValueError("x holds no blocks; at least one row is needed.")
    return total


# ---------------------------------------------------------------------------------------------
# The loop
# ---------------------------------------------------------------------------------------------


def iterate(model: Model, x: Any, sample_weight: Any = None) -> Iterator[Step[Model]]:
    """Yield the iterates of EM for ever, the start first.

    Parameters
    ----------
    model : EMModel
        Where to start.
    x : array_like, re-iterable of arrays or dask array
        Data, as the model's `e_step` takes it, or blocks of it (see `blocks`).
    sample_weight : array_like or None
        One non-negative weight an observation; an integer weight counts as that many copies.

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
    >>> from emlib.linkage import Linkage
    >>> for step in islice(iterate(Linkage(0.5), [125, 18, 20, 34]), 3):
    ...     print(f"{step.model.theta:.6f}")
    0.500000
    0.608247
    0.624321
    """
    x, sample_weight = _dask.located(x, sample_weight)
    while True:
        expectation = expect(model, x, sample_weight)
        yield Step(model, expectation)
        model = model.m_step(expectation)


def fit(
    model: Model,
    x: Any,
    *,
    sample_weight: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    callback: Callable[[Step[Model]], object] | None = None,
    progress: bool = False,
) -> Fit[Model]:
    """Run EM from `model` until what is left to be gained falls below `tol`.

    Parameters
    ----------
    model, x, sample_weight
        As for `iterate`.
    tol : float
        In nats of objective *still to be gained*, as estimated by `remaining_gain`; not the
        gain of the last step, which is small on any slow climb.
    max_iter : int
        Largest number of M-steps.
    callback : callable, optional
        Called with every `Step`; if it returns True the fit ends as ``"interrupted"``.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    Fit
        With the last model, its history and a truthful `status`. Ctrl-C ends a fit as
        ``"interrupted"`` with the model of the last whole iteration.

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

    Notes
    -----
    Beside a saddle the objective hardly gains, although much is left. So a fit goes on, whatever
    `remaining_gain` says, while its steps grow, or while two components that are nearly the same
    part faster from step to step.

    Examples
    --------
    >>> from emlib.linkage import Linkage
    >>> result = fit(Linkage(0.5), [125, 18, 20, 34])
    >>> print(f"{result.model.theta:.6f} {result.status} {result.rate:.4f}")
    0.626821 converged 0.1328
    """
    if not tol >= 0:
        raise ValueError(f"tol must be a non-negative number of nats, not {tol!r}.")
    if max_iter < 0:
        raise ValueError(f"max_iter must not be negative, but it is {max_iter!r}.")
    objective: list[float] = []
    log_likelihood: list[float] = []
    step, whole = None, 0
    calm = 0
    place: list[FloatArray] = []
    moves: list[float] = []
    models: list[Any] = []
    status, message = "max_iter", f"stopped after max_iter={max_iter} steps, still climbing"
    try:
        for new in _with_progress(iterate(model, x, sample_weight), progress):
            objective.append(new.objective)
            log_likelihood.append(new.log_likelihood)
            step, whole = new, len(objective)  # together, whenever Ctrl-C comes
            _check_monotone(objective)
            place, before = _coordinates(step.model), place
            moves.append(_distance(before, place))
            models = [*models[-2:], step.model]
            near = remaining_gain(objective[-WINDOW - 2 :]) <= tol
            leaving = near and (_growing(moves) or _parting(models))
            calm = calm + 1 if near and not leaving else 0
            if callback is not None and callback(step) is True:
                status, message = "interrupted", "stopped by the callback"
                break
            if calm >= PATIENCE:
                status, message = _at_rest(step.model, tol)
                break
            if len(objective) > max_iter:
                break
    except DegenerateError as error:
        if step is None:
            raise
        status, message = "degenerate", str(error)
    except KeyboardInterrupt:
        if step is None:
            raise
        status, message = "interrupted", CTRL_C
    assert step is not None  # iterate yields at least the start
    doubts: tuple[str, ...] = ()
    if status == "degenerate":
        warnings.warn(f"EM stopped: {message}", DegenerateWarning, stacklevel=2)
    elif hasattr(step.model, "doubts"):
        doubts = step.model.doubts(step.expectation.counts)
    history = np.array(objective[:whole]), np.array(log_likelihood[:whole])
    return Fit(step.model, *history, status, message, doubts)


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
        The best run; all runs, in the order of `models`, in its `runs`. Ctrl-C ends them all:
        the best so far is returned, and the run that was stopped comes last.

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
    >>> from emlib.linkage import Linkage
    >>> best = fit_best([Linkage(0.1), Linkage(0.9)], [125, 18, 20, 34])
    >>> len(best.runs)
    2
    """
    runs = tuple(_until_ctrl_c(fit(model, x, **options) for model in models))
    if not runs:
        raise ValueError("models is empty; give at least one start.")
    best = max(runs, key=_merit)
    if best.doubts:
        warnings.warn(_second_thoughts(best, runs), SpuriousWarning, stacklevel=2)
    return replace(best, runs=runs)


def _until_ctrl_c(runs: Iterator[Fit[Model]]) -> Iterator[Fit[Model]]:
    """Yield runs up to the one that Ctrl-C has stopped."""
    begun = False
    try:
        for run in runs:
            yield run
            begun = True
            if run.message == CTRL_C:
                return
    except KeyboardInterrupt:  # before a later run had taken its first step
        if not begun:
            raise


def _merit(run: Fit[Any]) -> tuple[bool, float]:
    return run.status != "degenerate", float(run.objective[-1])


def _second_thoughts(best: Fit[Any], runs: Sequence[Fit[Any]]) -> str:
    """Return what there is to say of a best run with doubts."""
    text = f"the best of {len(runs)} runs may be spurious: {best.doubts[0]}"
    sound = [i for i, run in enumerate(runs) if run.status == "converged" and not run.doubts]
    if not sound:
        return f"{text} No run converged without doubts. Use fewer components or a prior."
    i = max(sound, key=lambda i: _merit(runs[i]))
    gap = best.objective[-1] - runs[i].objective[-1]
    return f"{text} The best run without doubts is runs[{i}], {gap:.6g} nats lower (chapter 5)."


def _at_rest(model: Any, tol: float) -> tuple[str, str]:
    """Return status and message of a fit that has come to rest."""
    twins = model.coincident() if hasattr(model, "coincident") else ()
    if not twins:
        return "converged", f"less than tol={tol:g} nats left to gain"
    first, second = twins[0]
    return "degenerate", (
        f"components {first} and {second} are the same, and EM cannot tell them apart: the start "
        "was a saddle, or fewer components are enough. Start elsewhere (chapter 5)."
    )


def _coordinates(model: object) -> list[FloatArray]:
    """Return the numbers of a dataclass model, one array a field."""
    public = [item.name for item in fields(model) if item.compare] if is_dataclass(model) else []
    values = [np.asarray(getattr(model, name)) for name in public]
    return [v for v in values if v.dtype.kind == "f" and v.size and np.isfinite(v).all()]


def _distance(before: list[FloatArray], after: list[FloatArray]) -> float:
    """Return the length of a step, each field in units of its own largest entry."""
    tiny = np.finfo(np.float64).tiny
    squared = 0.0
    for a, b in zip(before, after, strict=False):
        move = (b - a).ravel() / max(abs(a).max(), abs(b).max(), tiny)
        squared += float(move @ move)
    return float(np.sqrt(squared))


def _growing(moves: Sequence[float]) -> bool:
    """Whether the steps of the parameters grow: EM is leaving a saddle, not nearing a summit.

    The gain of the objective is quadratic in the step, so beside a saddle it drowns in
    rounding long before the step does.
    """
    return len(moves) > 2 and moves[-1] > moves[-2] and moves[-1] > 1e3 * EPS


def _parting(models: Sequence[Any]) -> bool:
    """Whether two components that are nearly the same move apart, faster from step to step.

    That too is EM leaving a saddle, even if all else is still coming to rest.
    """
    if len(models) < 3 or not hasattr(models[-1], "distances"):
        return False
    a, b, c = (model.distances() for model in models)
    near = (c < models[-1].alike) & (c > SAME)
    return bool((near & (b > a) & (c - b > b - a)).any())


def _with_progress(steps: Iterator[Step[Model]], progress: bool) -> Iterator[Step[Model]]:
    if not progress:
        yield from steps
        return
    from tqdm.auto import tqdm  # imported only when asked for

    with tqdm(desc="EM", unit=" steps") as bar:
        for step in steps:
            bar.set_postfix_str(f"objective {step.objective:.6f}", refresh=False)
            bar.update()
            yield step


def _check_monotone(objective: Sequence[float]) -> None:
    if not np.isfinite(objective[-1]):
        raise ValueError(
            f"the objective is {objective[-1]} at step {len(objective) - 1}: some observation "
            "is impossible under the model, or the model under its prior. Check x and the "
            "starting parameters."
        )
    if len(objective) < 2:
        return
    fall = objective[-2] - objective[-1]
    if fall > 2**16 * EPS * max(1.0, abs(objective[-1])):
        raise MonotonicityError(
            f"the objective fell by {fall:.3g} nats at step {len(objective) - 1}. EM cannot do "
            "that (eq. 1.9), so e_step, m_step and log_prior do not belong together."
        )


# ---------------------------------------------------------------------------------------------
# How fast, and how far still to go
# ---------------------------------------------------------------------------------------------


def rate(objective: ArrayLike) -> float:
    """Estimate the linear rate of the iterates from the objective alone.

    Near a summit the error shrinks by a factor `rate` a step, and the gains of the objective,
    being quadratic in the error, by its square. The ratio is taken over as many steps as it
    takes the gains to fall e-fold, so that rounding averages out on a slow climb, and only
    over gains that stand well above rounding.

    Parameters
    ----------
    objective : array_like, shape (n,)
        Objective of successive iterates, in nats.

    Returns
    -------
    float
        The rate; 0.0 if the climb is over after one step; NaN if there is too little to go by.

    References
    ----------
    Dempster, Laird and Rubin (1977), section 3 and theorem 4: the rate is the largest
    eigenvalue of the fraction of information that is missing.

    Examples
    --------
    >>> round(rate([-1.0, -0.25, -0.0625, -0.015625]), 12)
    0.5
    """
    values = np.asarray(objective, dtype=float)
    gains = np.diff(values)
    clear = np.flatnonzero(gains > 2e4 * EPS * max(1.0, abs(values[-1])))
    if clear.size == 0:
        return float("nan")
    last = int(clear[-1])
    if last == 0:
        return 0.0 if gains.size > 1 else float("nan")
    return float(np.sqrt(_gain_ratio(gains[: last + 1])))


def _gain_ratio(gains: FloatArray) -> float:
    """Mean factor between successive gains over the last e-folding of them."""
    last = len(gains) - 1
    high = np.flatnonzero(gains[:last] >= np.e * gains[last])
    first = int(high[-1]) if high.size else 0
    first = max(first, last - WINDOW)
    if gains[first] <= 0:
        first = last - 1
    if gains[first] <= 0:
        return float("inf")
    return float((gains[last] / gains[first]) ** (1.0 / (last - first)))


def remaining_gain(objective: ArrayLike) -> float:
    """Estimate the objective still to be gained, by Aitken's extrapolation.

    If each gain is r times the one before, what follows a gain g is
    g (r + r^2 + ...) = g r / (1 - r). The ratio r is the larger, that is the more cautious,
    of the last one and the mean over the last e-folding.

    Parameters
    ----------
    objective : array_like, shape (n,)
        Objective of successive iterates, in nats.

    Returns
    -------
    float
        Nats still to be gained; infinite while the gains grow or are fewer than two; 0.0 when
        the last step gained no more than rounding.

    References
    ----------
    Aitken (1926), Proc. R. Soc. Edinburgh 46:289-305; for EM: Boehning et al. (1994),
    Ann. Inst. Statist. Math. 46:373-388.

    Examples
    --------
    >>> remaining_gain([-1.0, -0.5, -0.25, -0.125])
    0.125
    """
    values = np.asarray(objective, dtype=float)
    gains = np.diff(values)
    if gains.size == 0:
        return float("inf")
    if gains[-1] <= 4 * EPS * max(1.0, abs(values[-1])):
        return 0.0
    if gains.size == 1 or gains[-2] <= 0:
        return float("inf")
    ratio = max(gains[-1] / gains[-2], _gain_ratio(gains))
    return float(gains[-1] * ratio / (1 - ratio)) if ratio < 1 else float("inf")
