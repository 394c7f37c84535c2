"""Faster ways to the same summit: climbs like `em.iterate`, to be followed by `em.run`.

EM maps the free coordinates of a model to those of the next. Near a summit it shrinks the error
by one matrix, step after step the same, and the last steps show enough of it to leap ahead. A
leap that leads to no model, or lower than where the climb stands, is not taken, and a plain step
of EM is taken instead: the objective still never falls, and every E-step is counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from emlib import em
from emlib._machinery.blocks import Blocks, located
from emlib._machinery.value import FloatArray
from emlib.coordinates import pack, unpack
from emlib.em import Step

SINGULAR = 1e-10  # share of the largest singular value below which moves are no new direction

Model = TypeVar("Model", bound=Any)  # an EMModel that says in which `spaces` it lives


def squarem(model: Model, x: Any, sample_weight: Any = None) -> Iterator[Step[Model]]:
    """Yield the iterates of SQUAREM: a step of EM, then a leap as long as two steps suggest.

    From theta_0 EM goes to theta_1 and theta_2. With the move r = theta_1 - theta_0 and the bend
    v = theta_2 - 2 theta_1 + theta_0, the leap leads to theta_0 + 2 a r + a^2 v, where
    a = |r| / |v|; a = 1 is theta_2 itself, and shorter leaps are not tried.

    Parameters
    ----------
    model : EMModel
        Where to start; it says in `spaces` where its P free parameters live.
    x, sample_weight
        As for `em.iterate`.

    Yields
    ------
    Step
        The start, then in turn a step of EM and a leap. Where a leap is refused, a step of EM
        that has cost two E-steps (one if the leap led to no model).

    References
    ----------
    Varadhan and Roland (2008), Scandinavian Journal of Statistics 35:335-353: the scheme S3.

    Examples
    --------
    >>> from emlib import PoissonMixture, data, em
    >>> deaths, days = data.death_notices()
    >>> start = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    >>> fit = em.fit(start, deaths, sample_weight=days, steps=squarem)
    >>> fit.status, fit.n_e_steps < 150  # EM itself takes 1292 E-steps
    ('converged', True)
    """
    data = located(model, x, sample_weight)
    step = Step(model, em.expect(model, data))
    while True:
        yield step
        one = step.model.m_step(step.expectation)
        first = Step(one, em.expect(one, data))
        yield first
        two = one.m_step(first.expectation)
        step = _leap(two, _squared(pack(step.model), pack(one), pack(two)), data, first.objective)


def anderson(
    model: Model, x: Any, sample_weight: Any = None, memory: int = 5
) -> Iterator[Step[Model]]:
    """Yield the iterates of Anderson's acceleration: a mix of the last points of EM.

    Of the last points, each with the move that EM makes from there, the mix is taken whose moves
    nearly cancel: where nothing moves is the summit. After a refused leap the past is forgotten.

    Parameters
    ----------
    model : EMModel
        Where to start; it says in `spaces` where its P free parameters live.
    x, sample_weight
        As for `em.iterate`.
    memory : int
        How many points before the last one are mixed, at most.

    Yields
    ------
    Step
        The start, then leaps. Where one is refused, a step of EM that has cost two E-steps (one
        if the leap led to no model).

    References
    ----------
    Walker and Ni (2011), SIAM J. Numer. Anal. 49:1715-1735. First by Anderson (1965), J. ACM
    12:547-560.

    Examples
    --------
    >>> from emlib import PoissonMixture, data, em
    >>> deaths, days = data.death_notices()
    >>> start = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    >>> fit = em.fit(start, deaths, sample_weight=days, steps=anderson)
    >>> fit.status, fit.n_e_steps < 50  # EM itself takes 1292 E-steps
    ('converged', True)
    """
    data = located(model, x, sample_weight)
    step = Step(model, em.expect(model, data))
    ends: list[FloatArray] = []  # where EM leads from each of the last points, (P,)
    moves: list[FloatArray] = []  # and how far that is
    while True:
        yield step
        plain = step.model.m_step(step.expectation)
        end = pack(plain)
        ends = [*ends[-memory:], end]
        moves = [*moves[-memory:], _difference(end, pack(step.model))]
        step = _leap(plain, _mixed(ends, moves), data, step.objective)
        if step.model is plain:
            ends, moves = ends[-1:], moves[-1:]


def _squared(start: FloatArray, middle: FloatArray, end: FloatArray) -> FloatArray:
    """Return where SQUAREM leaps to from three successive points of EM, each (P,)."""
    move = _difference(middle, start)
    bend = _difference(end, middle) - move
    if not move @ move > bend @ bend > 0:
        return end
    length = np.sqrt((move @ move) / (bend @ bend))
    # theta_0 + 2 a r + a^2 v, as seen from theta_2: a coordinate at infinity stays there.
    return np.asarray(end + 2 * (length - 1) * move + (length**2 - 1) * bend)


def _mixed(ends: list[FloatArray], moves: list[FloatArray]) -> FloatArray:
    """Return the mix of the ends (P,) whose moves (P,) cancel best, in least squares."""
    if len(ends) == 1:
        return ends[-1]
    bends = np.diff(moves, axis=0).T
    shares = np.linalg.lstsq(bends, moves[-1], rcond=SINGULAR)[0]
    between = [_difference(b, a) for a, b in pairwise(ends)]
    return np.asarray(ends[-1] - shares @ between)


def _difference(b: FloatArray, a: FloatArray) -> FloatArray:
    """Return b - a; 0 for a coordinate that is infinite, at the edge of its range."""
    finite = np.isfinite(a) & np.isfinite(b)
    return np.subtract(b, a, where=finite, out=np.zeros_like(b))


def _leap(plain: Model, to: FloatArray, data: Blocks, floor: float) -> Step[Model]:
    """Return the step to the coordinates `to`, or to `plain` if that is no model or too low."""
    work = 1
    if not np.array_equal(to, pack(plain)):
        # What can be wrong with a leap is a ValueError: parameters that their family refuses, and
        # data that are impossible under them. What is wrong with x has been said at the start.
        with np.errstate(all="ignore"), contextlib.suppress(ValueError):
            model = unpack(plain, to)
            work = 2
            step = Step(model, em.expect(model, data))
            if floor <= step.objective < np.inf:
                return step
    return Step(plain, em.expect(plain, data), n_e_steps=work)
