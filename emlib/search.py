"""The best summit that can be found with a budget of E-steps, for any family of mixtures.

EM climbs to the nearest summit, and there are many. Three things find a high one. Starts of
*different kinds*: where one kind fails, another may do. Short runs: after ten steps the start that
deserves more can be told. And moves: from a good summit, one component is taken away and one is
put in elsewhere, which finds a better one sooner than starting afresh. A round is all three, or
less where it comes to a summit whose moves an earlier round has tried. There are as many rounds as
the budget allows, and how many of them agree says how far to trust the best.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emlib import accelerate, em
from emlib._machinery.blocks import MOST, gathered, unit_of
from emlib._machinery.processes import Rng, child, seed_of
from emlib._machinery.progress import work_bar
from emlib._machinery.value import FloatArray
from emlib._machinery.warn import warn
from emlib.convergence import cautious_gain
from emlib.em import (
    DegenerateError,
    DegenerateWarning,
    Fit,
    MonotonicityError,
    SpuriousWarning,
    Step,
)
from emlib.moves import KINDS, Maker

SHORT = 10  # steps of a short run from a start
TRIAL = 4  # steps after a move, before it is climbed from if it is sound so far
PATIENCE = 20  # moves that must fail in a row before a round is over
ENOUGH = 10  # rounds in a row that must end at the best summit before the search is over
NEAR = 0.05  # nats left to gain, below which a climb's doubts are believed
CLIMBED = 3  # short runs that are continued, until one ends without doubts
FAILURES = (ValueError, DegenerateError, MonotonicityError)  # of one trial; the others go on


def search(
    family: Any,
    x: ArrayLike,
    n_components: int,
    rng: Rng,
    *,
    budget: int = 4000,
    sample_weight: ArrayLike | None = None,
    tol: float = 1e-6,
    progress: bool = False,
    sound: bool = True,
    **options: Any,
) -> Fit[Any]:
    """Return the best fit of a mixture that can be found with a budget of E-steps.

    Parameters
    ----------
    family : class
        A family of mixtures that has a `start`, such as `GaussianMixture`.
    x : array_like, shape (N,) or (N, D)
        Data, in one piece or in blocks. Moves look at all rows at once: of more than 100,000 the
        search sees so many, chosen at random, and the best that it finds there is then fitted to
        all of them, block by block. (The `runs` of such a fit are not kept.)
    n_components : int
        Number of components K.
    rng : int or Generator
        Seed or generator. Each round has a random stream of its own, named after its number.
    budget : int
        How many E-steps may be spent in all. All that passes over the data counts: a start, and
        the responsibilities for a move, count as one each. What is begun with the last of it may
        take up to four more. Where there are many parameters, 30 000 may be too few: look
        at how many rounds agree, and see benchmarks/search.md.
    sample_weight : array_like, shape (N,), optional
        Non-negative weights. An integer weight counts as that many copies; rows of weight zero
        are left out.
    tol : float
        As for `em.run`.
    progress : bool
        Show a progress bar of the E-steps spent (needs tqdm).
    sound : bool
        Whether a fit with `doubts` is passed over, however high it is. Not if heights are to be
        compared with each other, as in a likelihood-ratio test.
    **options
        Passed on to ``family.start``, such as a `prior` or a `covariance_type`.

    Returns
    -------
    Fit
        The best of all rounds; the message says how many of them found it. Each round is one of
        `runs`, with the work it took in its `n_e_steps`; that of the result is all work. Best is,
        however high others are, a fit that has converged and is sound; then one that has
        converged; then one that is not degenerate; then the higher. Ctrl-C ends the search as
        ``"interrupted"`` with the best so far.

        The search is over when the budget is spent, or sooner when ten rounds in a row have
        ended within 0.01 nats of the best.

    Raises
    ------
    ValueError
        If the budget is not positive, or no start can be made of x; the message says why.

    Warns
    -----
    SpuriousWarning
        If nothing was found that has no doubts.
    DegenerateWarning
        If nothing was found that is not degenerate.

    References
    ----------
    Short runs: Biernacki, Celeux and Govaert (2003), Comput. Statist. Data Anal. 41:561-575.
    Splits and merges: Ueda, Nakano, Ghahramani and Hinton (2000), Neural Computation
    12:2109-2128. Swaps: Zhao, Hautamäki, Kärkkäinen and Fränti (2012), Pattern Recognition
    Letters 33:2120-2126.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> fit = search(GaussianMixture1D, data.galaxies(), 4, rng=0)
    >>> print(f"{fit.objective[-1]:.4f}")
    -197.7103
    """
    if budget < 1:
        raise ValueError(f"budget must be a positive number of E-steps, not {budget!r}.")
    seed = seed_of(rng)
    rows, w = gathered(family, None, x, sample_weight, np.random.default_rng(seed))
    make = Maker(family, rows, w, n_components, options)
    stopped = False
    with warnings.catch_warnings(), work_bar(budget, progress) as tell:
        warnings.simplefilter("ignore", DegenerateWarning)  # most runs are no more than trials
        here = _Search(make, _Taste(sound), tol, budget, tell)
        try:
            for number in itertools.count():
                if here.left <= 0 or here.taste.is_settled(here.ends):
                    break
                here.round(np.random.default_rng(child(seed, number)))
        except KeyboardInterrupt:
            stopped = True
            if not here.ends:
                raise
    best = _concluded(here.taste, here.ends, here.spent, stopped)
    return best if stopped or len(rows) < MOST else _polished(best, x, sample_weight, tol)


# ---------------------------------------------------------------------------------------------
# Which fit is better, and when to stop
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taste:
    """By what fits are compared; `sound` is whether a doubt outweighs any height."""

    sound: bool

    def standing(self, fit: Fit[Any]) -> tuple[bool, bool, bool, float]:
        """Return what is compared, the most important first."""
        height = float(fit.objective[-1])
        return self.is_sound(fit), fit.converged, fit.status != "degenerate", height

    def is_sound(self, fit: Fit[Any]) -> bool:
        return fit.converged and not self.doubts(fit)

    def doubts(self, fit: Fit[Any]) -> bool:
        return self.sound and bool(fit.doubts)

    def promise(self, run: Fit[Any]) -> tuple[bool, float]:
        """Return by what short runs are compared, few of which have converged."""
        good = run.status != "degenerate" and not self.doubts(run)
        return good, float(run.objective[-1])

    def better(self, new: Fit[Any], old: Fit[Any]) -> bool:
        """Whether a fit is better by more than two climbs to the same summit may differ."""
        *kind, height = self.standing(old)
        return self.standing(new) > (*kind, height + em.FOUND * old.unit)

    def same(self, fit: Fit[Any], best: Fit[Any]) -> bool:
        return not self.better(fit, best) and not self.better(best, fit)

    def best(self, ends: list[Fit[Any]]) -> Fit[Any]:
        return max(ends, key=self.standing)

    def is_settled(self, ends: list[Fit[Any]]) -> bool:
        """Whether the last rounds have all ended at the best summit."""
        last = ends[-ENOUGH:]
        return len(last) == ENOUGH and all(self.same(fit, self.best(ends)) for fit in last)


def _concluded(taste: _Taste, ends: list[Fit[Any]], spent: int, stopped: bool) -> Fit[Any]:
    """Return the best round, with all of them in its `runs`, and warn if it cannot be trusted."""
    best = taste.best(ends)
    found = sum(taste.same(fit, best) for fit in ends)
    if best.status == "degenerate":
        warn(f"EM stopped: {best.message}", DegenerateWarning)
    elif taste.doubts(best):
        text = f"the best of {len(ends)} runs may be spurious: {best.doubts[0]}"
        warn(f"{text} No run is without doubts. Use fewer components or a prior.", SpuriousWarning)
    if best.status == "max_iter":
        best = replace(best, message=f"stopped after {spent} E-steps, still climbing")
    message = f"{best.message}; found by {found} of {len(ends)} runs"
    best = replace(best, message=message, runs=tuple(ends), n_e_steps=spent)
    if not stopped:
        return best
    return replace(best, status="interrupted", message=f"{em.CTRL_C}; {message}")


def _polished(best: Fit[Any], x: Any, sample_weight: Any, tol: float) -> Fit[Any]:
    """Return the climb over all rows from the best fit to some of them."""
    fit = em.fit(best.model, x, sample_weight=sample_weight, steps=accelerate.fast, tol=tol)
    message = f"{fit.message}; of {MOST} rows: {best.message}"
    return replace(fit, message=message, n_e_steps=best.n_e_steps + fit.n_e_steps)


# ---------------------------------------------------------------------------------------------
# One round
# ---------------------------------------------------------------------------------------------


class _Search:
    """What is being fitted, where each round has ended, and how much work has gone into it."""

    def __init__(
        self, make: Maker, taste: _Taste, tol: float, budget: int, tell: Callable[[int], object]
    ) -> None:
        self.make, self.taste = make, taste
        self.tol, self.budget, self.tell = tol, budget, tell
        self.unit = unit_of(make.weight)
        self.ends: list[Fit[Any]] = []
        self.spent = 0

    @property
    def left(self) -> int:
        """E-steps that may still be spent."""
        return self.budget - self.spent

    def _spend(self, n_e_steps: int) -> None:
        """Count work that has been done, or is about to be."""
        self.spent += n_e_steps
        self.tell(n_e_steps)

    def round(self, rng: np.random.Generator) -> None:
        """Add one round to the ends: the best of its starts, then moves from there."""
        before = self.spent
        place = len(self.ends)
        for run in self._short_runs(place, rng)[:CLIMBED]:
            with contextlib.suppress(*FAILURES):
                if self.left > 0:
                    self._keep(self._climb(run.model), place)
            if self.taste.is_sound(self.ends[place]):
                break
        if self.ends[place:] and self.make.n_components > 1:
            self._move_on(place, rng)
        if self.ends[place:]:
            self.ends[place] = replace(self.ends[place], n_e_steps=self.spent - before)

    def _keep(self, run: Fit[Any], place: int) -> bool:
        """Let the round end where a run has ended, if that is better; return whether it is."""
        better = not self.ends[place:] or self.taste.better(run, self.ends[place])
        if better:
            self.ends[place:] = [run]
        return better

    def _short_runs(self, place: int, rng: np.random.Generator) -> list[Fit[Any]]:
        """Return short runs from a start of each kind, the most promising first."""
        runs, errors = [], []
        for method, own_reaches in KINDS:
            if self.left <= 0:
                break
            self._spend(1 + own_reaches)
            try:
                runs.append(self._short_run(self.make.start(method, own_reaches, rng)))
                self._keep(runs[-1], place)
            except FAILURES as error:
                errors.append(error)
        if errors and not runs and not self.ends:
            raise errors[0]
        return sorted(runs, key=self.taste.promise, reverse=True)

    def _move_on(self, place: int, rng: np.random.Generator) -> None:
        """Try moves from where the round stands until so many in a row lead no higher."""
        failures, log_joint = 0, None
        while failures < PATIENCE and self.left > 0 and not self._is_known(place):
            if log_joint is None:
                self._spend(1)
                log_joint = self.ends[place].model.log_joint(self.make.x)
            try:
                run = self._try(self.ends[place], log_joint, rng)
            except FAILURES:  # such as too few rows for what was to be made of them
                run = None
            if run is not None and self._keep(run, place):
                failures, log_joint = 0, None
            else:
                failures += 1

    def _is_known(self, place: int) -> bool:
        """Whether an earlier round has ended where this one stands, and tried the moves there."""
        return any(self.taste.same(end, self.ends[place]) for end in self.ends[:place])

    def _try(
        self, current: Fit[Any], log_joint: FloatArray, rng: np.random.Generator
    ) -> Fit[Any] | None:
        """Return the climb from one move; None if that is unsound after a few steps.

        How high it stands by then does not tell how high it will end (benchmarks/search.md).
        """
        self._spend(2)  # densities under what is put in, and statistics
        run = self._short_run(self.make.moved(current.model, log_joint, rng), TRIAL)
        floor = current.objective[-1] if self.taste.is_sound(current) else -np.inf
        if not self.taste.promise(run)[0] or self.left <= 0:
            return None
        return self._climb(run.model, floor)

    # -- climbs ---------------------------------------------------------------------------

    def _short_run(self, model: Any, steps: int = SHORT) -> Fit[Any]:
        return self._follow(em.iterate, model, max_iter=steps)

    def _climb(self, model: Any, floor: float = -np.inf) -> Fit[Any]:
        """Return the fit from `model`, given up where it cannot end soundly above `floor`."""
        stop = _hopeless(floor, self.unit, self.taste.sound)
        return self._follow(accelerate.fast, model, callback=stop)

    def _follow(self, steps: Callable[..., Any], model: Any, **options: Any) -> Fit[Any]:
        """Return `em.run` of a climb, which ends when the budget is spent."""
        climb = self._counted(steps(model, self.make.x, self.make.weight))
        fit = em.run(climb, unit=self.unit, tol=self.tol, **options)
        if fit.message == em.CTRL_C:
            self.ends = self.ends or [fit]
            raise KeyboardInterrupt
        return fit

    def _counted(self, steps: Iterator[Step[Any]]) -> Iterator[Step[Any]]:
        for step in steps:
            self._spend(step.n_e_steps)
            yield step
            if self.left <= 0:
                return


def _hopeless(floor: float, unit: float, sound: bool) -> Callable[[Step[Any]], bool]:
    """Return a callback that stops a climb which will not end above `floor`, soundly if asked."""
    heights: list[float] = []
    low = 0

    def stop(step: Step[Any]) -> bool:
        nonlocal low
        heights.append(step.objective / unit)
        left = cautious_gain(heights)
        low = low + 1 if heights[-1] + left < floor / unit + em.FOUND else 0
        near = sound and left < NEAR and np.isfinite(floor)
        return low > 1 or (near and bool(step.model.doubts(step.expectation.counts / unit)))

    return stop
