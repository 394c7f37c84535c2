"""The best summit that can be found with a budget of E-steps, for any family of mixtures.

EM climbs to the nearest summit, and there are many. Three things find a high one. Starts of
*different kinds*: where one kind fails, another may do. Short runs: after ten steps the start that
deserves more can be told. And moves: from a good summit, one component is taken away and one is
put in elsewhere, which finds a better one sooner than starting afresh. A round is all three; there
are as many rounds as the budget allows, and how many of them agree says how far to trust the best.

A move is made of responsibilities, from which the family's own M-step makes a model. So it needs to
know nothing of what the components are.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp, softmax

from emlib import accelerate, em
from emlib._machinery.validation import number_array, sample_weights
from emlib._machinery.value import FloatArray
from emlib._machinery.warn import warn
from emlib.convergence import remaining_gain
from emlib.em import DegenerateError, DegenerateWarning, Fit, SpuriousWarning, Step

KINDS = (  # of start, in turn: a method, and whether its components get reaches of their own
    ("k-means++", False),
    ("random_from_data", False),
    ("random_from_data", True),
    ("kmeans", False),
)
STARTS = 10  # short runs in a round
SHORT = 10  # steps of a short run
PATIENCE = 20  # moves that must fail in a row before a round is over
ENOUGH = 5  # rounds in a row that must end at the best summit before the search is over
NEAR = 0.05  # nats left to gain, below which a climb's doubts are believed
Rng = int | np.random.Generator


def search(
    family: Any,
    x: ArrayLike,
    n_components: int,
    rng: Rng,
    *,
    budget: int = 4000,
    sample_weight: ArrayLike | None = None,
    tol: float = 1e-6,
    **options: Any,
) -> Fit[Any]:
    """Return the best fit of a mixture that can be found with a budget of E-steps.

    Parameters
    ----------
    family : class
        A family of mixtures that has a `start`, such as `GaussianMixture`.
    x : array_like, shape (N,) or (N, D)
        Data, in one array.
    n_components : int
        Number of components K.
    rng : int or Generator
        Seed or generator. Each round has a random stream of its own, named after its number.
    budget : int
        How many E-steps may be spent in all. All that passes over the data counts: a start, and
        the responsibilities for a move, count as one each. The last step may cost one too many.
    sample_weight : array_like, shape (N,), optional
        Non-negative weights. An integer weight counts as that many copies; rows of weight zero
        are left out.
    tol : float
        As for `em.run`.
    **options
        Passed on to ``family.start``, such as a `prior` or a `covariance_type`.

    Returns
    -------
    Fit
        The best of all rounds; the message says how many of them found it. Each round is one of
        `runs`, with the work it took in its `n_e_steps`; that of the result is all work. A fit
        that has converged and has no doubts is better than one that has not or has some, however
        high; then one that is not degenerate; then the higher. Ctrl-C ends the search as
        ``"interrupted"`` with the best so far.

        The search is over when the budget is spent, or sooner when five rounds in a row have
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
    Biernacki, Celeux and Govaert (2003), Comput. Statist. Data Anal. 41:561-575, for short runs;
    Ueda, Nakano, Ghahramani and Hinton (2000), Neural Computation 12:2109-2128, for splits and
    merges; Zhao, Hautamaki, Karkkainen and Franti (2012), Pattern Recognition Letters
    33:2120-2126, for swaps.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data
    >>> fit = search(GaussianMixture1D, data.galaxies(), 4, rng=0)
    >>> print(f"{fit.objective[-1]:.4f}")
    -197.7103
    """
    if budget < 1:
        raise ValueError(f"budget must be a positive number of E-steps, not {budget!r}.")
    x, w = _present(x, sample_weight)
    here = _Search(family, x, w, n_components, options, tol, budget)
    seed = _entropy(rng)
    rounds: list[Fit[Any]] = []
    stopped = False
    with warnings.catch_warnings():  # most runs are no more than trials
        warnings.simplefilter("ignore", DegenerateWarning)
        try:
            while here.left > 0 and not _settled(rounds):
                stream = np.random.SeedSequence(seed, spawn_key=(len(rounds),))
                rounds += here.round(np.random.default_rng(stream))
        except KeyboardInterrupt:
            stopped = True
            rounds += here.unfinished()
            if not rounds:
                raise
    return _concluded(rounds or here.unfinished(), here.spent, stopped)


# ---------------------------------------------------------------------------------------------
# Which fit is better, and when to stop
# ---------------------------------------------------------------------------------------------


def _is_sound(fit: Fit[Any]) -> bool:
    return fit.converged and not fit.doubts


def _standing(fit: Fit[Any]) -> tuple[bool, bool, float]:
    """Return by what fits are compared: no height makes up for a doubt."""
    return _is_sound(fit), fit.status != "degenerate", float(fit.objective[-1])


def _better(new: Fit[Any], old: Fit[Any]) -> bool:
    """Whether a fit is better by more than two climbs to the same summit may differ."""
    *kind, height = _standing(new)
    *old_kind, old_height = _standing(old)
    return (*kind, height) > (*old_kind, old_height + em.FOUND)


def _settled(rounds: list[Fit[Any]]) -> bool:
    """Whether the last rounds have all ended at the best summit, and it is a sound one."""
    last = rounds[-ENOUGH:]
    best = max(rounds, key=_standing, default=None)
    return best is not None and len(last) == ENOUGH and all(_same(fit, best) for fit in last)


def _same(fit: Fit[Any], best: Fit[Any]) -> bool:
    kind = _standing(fit)[:2] == _standing(best)[:2]
    return kind and abs(fit.objective[-1] - best.objective[-1]) < em.FOUND


def _concluded(rounds: list[Fit[Any]], spent: int, stopped: bool) -> Fit[Any]:
    """Return the best round, with all of them in its `runs`, and warn if it cannot be trusted."""
    best = max(rounds, key=_standing)
    found = sum(_same(fit, best) for fit in rounds)
    message = f"{best.message}; found by {found} of {len(rounds)} runs"
    if best.status == "degenerate":
        warn(f"EM stopped: {best.message}", DegenerateWarning)
    elif best.doubts:
        text = f"the best of {len(rounds)} runs may be spurious: {best.doubts[0]}"
        warn(f"{text} No run is without doubts. Use fewer components or a prior.", SpuriousWarning)
    best = replace(best, message=message, runs=tuple(rounds), n_e_steps=spent)
    if not stopped:
        return best
    return replace(best, status="interrupted", message=f"{em.CTRL_C}; {message}")


# ---------------------------------------------------------------------------------------------
# One round
# ---------------------------------------------------------------------------------------------


@dataclass
class _Search:
    """What is being fitted, and how much work has gone into it."""

    family: Any
    x: FloatArray
    weight: FloatArray | None
    n_components: int
    options: dict[str, Any]
    tol: float
    budget: int
    spent: int = 0
    current: Fit[Any] | None = None  # where the round stands
    begun: int = 0  # what had been spent before it

    @property
    def left(self) -> int:
        """E-steps that may still be spent."""
        return self.budget - self.spent

    def round(self, rng: np.random.Generator) -> list[Fit[Any]]:
        """Return the end of one round; nothing if it has found no place to start from."""
        self.current, self.begun = None, self.spent
        start = self._best_start(rng)
        if start is not None and self.left > 0:
            self.current = self._climb(start.model)
            if self.n_components > 1:
                self._move_on(rng)
        return self.unfinished()

    def unfinished(self) -> list[Fit[Any]]:
        """Return where the round stands, with the work that has gone into it."""
        if self.current is None:
            return []
        return [replace(self.current, n_e_steps=self.spent - self.begun)]

    def _best_start(self, rng: np.random.Generator) -> Fit[Any] | None:
        """Return the best of short runs from starts of different kinds."""
        error = None
        for i in range(STARTS):
            if self.left <= 0:
                break
            try:
                model = self._start(*KINDS[i % len(KINDS)], rng)
            except (ValueError, DegenerateError) as reason:
                error = reason
                continue
            run = self._follow(em.iterate, model, max_iter=SHORT)
            # A run too short to have converged is judged by its doubts alone.
            if self.current is None or _promise(run) > _promise(self.current):
                self.current = run
        if self.current is None and self.begun == 0 and error is not None:
            raise error
        return self.current

    def _move_on(self, rng: np.random.Generator) -> None:
        """Try moves from where the round stands until so many in a row lead no higher."""
        failures, log_joint = 0, None
        while failures < PATIENCE and self.left > 0:
            assert self.current is not None
            if log_joint is None:
                self.spent += 1
                log_joint = self.current.model.log_joint(self.x)
            run = self._try(self.current, log_joint, rng)
            if run is not None and _better(run, self.current):
                self.current, failures, log_joint = run, 0, None
            else:
                failures += 1

    def _try(
        self, current: Fit[Any], log_joint: FloatArray, rng: np.random.Generator
    ) -> Fit[Any] | None:
        """Return the climb from one move; None if it leads nowhere."""
        try:
            model = self._moved(current.model, log_joint, rng)
        except (ValueError, DegenerateError):  # too few rows for what was to be made of them
            return None
        floor = current.objective[-1] if _is_sound(current) else -np.inf
        run = self._follow(em.iterate, model, max_iter=SHORT)
        if run.status == "degenerate" or run.doubts:
            return None
        if run.objective[-1] + 2 * remaining_gain(run.objective) < floor or self.left <= 0:
            return None
        return self._climb(run.model, floor)

    # -- climbs ---------------------------------------------------------------------------

    def _climb(self, model: Any, floor: float = -np.inf) -> Fit[Any]:
        """Return the fit from `model`, given up where it cannot end soundly above `floor`."""
        return self._follow(accelerate.anderson, model, callback=_hopeless(floor))

    def _follow(self, steps: Callable[..., Any], model: Any, **options: Any) -> Fit[Any]:
        """Return `em.run` of a climb, which ends when the budget is spent."""
        climb = self._counted(steps(model, self.x, self.weight))
        fit = em.run(climb, tol=self.tol, **options)
        if fit.message == em.CTRL_C:
            if self.current is None:
                self.current = fit
            raise KeyboardInterrupt
        if self.left <= 0 and fit.status == "max_iter":
            fit = replace(fit, message=f"stopped after budget={self.budget} E-steps")
        return fit

    def _counted(self, steps: Iterator[Step[Any]]) -> Iterator[Step[Any]]:
        for step in steps:
            self.spent += step.n_e_steps
            yield step
            if self.left <= 0:
                return

    # -- starts and moves, made of responsibilities -----------------------------------------

    def _start(self, method: str, own_reaches: bool, rng: np.random.Generator) -> Any:
        """Return a start; with reaches of their own, its components differ in shape as well."""
        self.spent += 1
        model = self._family_start(self.x, self.weight, self.n_components, method, self.options, rng)
        if not own_reaches:
            return model
        return self._made(model, softmax(self._kernels(model, rng), axis=1))

    def _family_start(
        self,
        x: FloatArray,
        w: FloatArray | None,
        k: int,
        method: str,
        options: dict[str, Any],
        rng: np.random.Generator,
    ) -> Any:
        """Return ``family.start``, given of method and weights what it takes."""
        extra = {"method": method, "sample_weight": w}
        known = inspect.signature(self.family.start).parameters
        taken = {name: value for name, value in extra.items() if name in known}
        return self.family.start(x, k, rng, **{**taken, **options})

    def _made(self, model: Any, q: FloatArray) -> Any:
        """Return the model that the M-step makes of any responsibilities q (N, K)."""
        q = q if self.weight is None else q * self.weight[:, None]
        return model.m_step(model.expect_under(self.x, q))

    def _moved(self, model: Any, log_joint: FloatArray, rng: np.random.Generator) -> Any:
        """Return the model with one component taken away, and one put in elsewhere."""
        q, free = _merged(log_joint, rng) if rng.random() < 0.5 else _removed(log_joint, rng)
        put_in = self._split if rng.random() < 0.5 else self._inserted
        return self._made(model, put_in(q, free, log_joint, rng))

    def _split(
        self, q: FloatArray, free: int, log_joint: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Share one component's responsibilities between itself and the free column."""
        counts = q.sum(axis=0)
        k = int(rng.choice(len(counts), p=counts / counts.sum()))
        own = q.argmax(axis=1) == k
        w = None if self.weight is None else self.weight[own]
        plain = {name: value for name, value in self.options.items() if name != "prior"}
        method = KINDS[rng.integers(2)][0]
        halves = self._family_start(self.x[own], w, 2, method, plain, rng)
        share = softmax(self._kernels(halves, rng), axis=1)
        q[:, free] = q[:, k] * share[:, 0]
        q[:, k] *= share[:, 1]
        return q

    def _inserted(
        self, q: FloatArray, free: int, log_joint: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Give the free column what a component of a fresh start takes from the others."""
        start = self._start("random_from_data", False, rng)
        new = self._kernels(start, rng)[:, rng.integers(self.n_components)]
        others = logsumexp(np.delete(log_joint, free, axis=1), axis=1)
        others = self._normalised(others) + np.log(self.n_components - 1)
        share = expit(new - others)
        q *= 1 - share[:, None]
        q[:, free] = share
        return q

    def _kernels(self, model: Any, rng: np.random.Generator) -> FloatArray:
        """Return log densities (N, K) of components whose reach has changed at random.

        A density to the power b reaches farther if b < 1 and less far if b > 1, whatever the
        family; what it should be divided by is not known, so all sum to one over the data.
        """
        self.spent += 1
        powers = np.exp(rng.standard_normal(model.n_components))
        return self._normalised(powers * model.log_components(self.x))

    def _normalised(self, log_values: FloatArray) -> FloatArray:
        """Return log values of shape (N,) or (N, K) that sum to one over the data."""
        b = None if self.weight is None else self.weight.reshape(-1, *[1] * (log_values.ndim - 1))
        return np.asarray(log_values - logsumexp(log_values, axis=0, b=b))


def _promise(run: Fit[Any]) -> tuple[bool, bool, float]:
    return not run.doubts, run.status != "degenerate", float(run.objective[-1])


def _hopeless(floor: float) -> Callable[[Step[Any]], bool]:
    """Return a callback that stops a climb which will not end soundly above `floor`."""
    heights: list[float] = []
    low = 0

    def stop(step: Step[Any]) -> bool:
        nonlocal low
        heights.append(step.objective)
        left = remaining_gain(heights)
        low = low + 1 if step.objective + left < floor + em.FOUND else 0
        near = left < NEAR and np.isfinite(floor)
        return low > 1 or (near and bool(step.model.doubts(step.expectation.counts)))

    return stop


def _removed(log_joint: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Return responsibilities (N, K) of all components but one, and which one is free now."""
    free = int(rng.integers(log_joint.shape[1]))
    rest = log_joint.copy()
    rest[:, free] = -np.inf
    return softmax(rest, axis=1), free


def _merged(log_joint: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Return responsibilities (N, K) with two components in one, preferably two that overlap."""
    q = softmax(log_joint, axis=1)
    length = np.sqrt((q**2).sum(axis=0)) + np.finfo(float).tiny
    i, j = np.triu_indices(q.shape[1], k=1)
    overlap = (q.T @ q / np.outer(length, length))[i, j] + 0.02  # none is ruled out
    pair = rng.choice(len(i), p=overlap / overlap.sum())
    q[:, i[pair]] += q[:, j[pair]]
    q[:, j[pair]] = 0.0
    return q, int(j[pair])


# ---------------------------------------------------------------------------------------------
# What comes in
# ---------------------------------------------------------------------------------------------


def _present(x: ArrayLike, sample_weight: ArrayLike | None) -> tuple[FloatArray, FloatArray | None]:
    """Return the rows that have any weight, and their weights."""
    rows = number_array(x, "x")
    if sample_weight is None:
        return rows, None
    w = sample_weights(sample_weight, len(rows))
    assert w is not None
    if not w.any():
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    return rows[w > 0], w[w > 0]


def _entropy(rng: Rng) -> int:
    """Return the number from which the streams of all rounds follow."""
    return int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)
