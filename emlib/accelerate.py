"""Faster ways to the same summit: climbs like `em.iterate`, to be followed by `em.run`.

EM maps the free coordinates of a model to those of the next. Near a summit it shrinks the error
by one matrix, step after step the same, and the last steps show enough of it to leap ahead. A
leap that leads to no model, or lower than where the climb stands, is not taken, and a plain step
of EM is taken instead: the objective still never falls, and every E-step is counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from emlib import em
from emlib._machinery.blocks import Blocks, located, unit_of
from emlib._machinery.value import FloatArray
from emlib.coordinates import pack, pull, unpack, unpacker
from emlib.differences import DROP, gradient, jacobian, quick_gradient, reaches
from emlib.em import Step

MANY = 500  # parameters P from which on P x P numbers a step cost more than they save
SHARES = (1.0, 0.25, 0.0625)  # of a quasi-Newton leap that are tried, one after another
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
    >>> fit.status, fit.n_e_steps < 150  # EM itself takes 1304 E-steps
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
        end = pack(two)
        leap = _squared(pack(step.model), pack(one), end)
        step, _ = _leap(two, end, [leap], data, first.objective)


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
    >>> fit.status, fit.n_e_steps < 50  # EM itself takes 1304 E-steps
    ('converged', True)
    """
    data = located(model, x, sample_weight)
    step, at = Step(model, em.expect(model, data)), pack(model)
    ends: list[FloatArray] = []  # where EM leads from each of the last points, (P,)
    moves: list[FloatArray] = []  # and how far that is
    while True:
        yield step
        plain = step.model.m_step(step.expectation)
        end = pack(plain)
        ends = [*ends[-memory:], end]
        moves = [*moves[-memory:], _difference(end, at)]
        step, at = _leap(plain, end, [_mixed(ends, moves)], data, step.objective)
        if step.model is plain:
            ends, moves = ends[-1:], moves[-1:]


def quasi_newton(model: Model, x: Any, sample_weight: Any = None) -> Iterator[Step[Model]]:
    """Yield the iterates of a quasi-Newton method that begins as EM: Jamshidian and Jennrich's QN2.

    EM's own move stands for a Newton step whose curvature is that of the complete data. What the
    slope of the objective and that move have done from point to point corrects it, by a
    symmetric matrix that begins as zero, until the curvature is that of the objective.

    Parameters
    ----------
    model : EMModel
        Where to start; it says in `spaces` where its P free parameters live, and has a
        `complete_log_likelihood`, of which the slope is taken (Fisher's identity, eq. 1.11).
        That takes no pass over the data.
    x, sample_weight
        As for `em.iterate`.

    Yields
    ------
    Step
        The start, then leaps. One that is refused is tried a quarter as long, and again; then a
        step of EM is taken and the correction begins anew. All E-steps are counted.

    Raises
    ------
    ValueError
        If the model has no `complete_log_likelihood`.

    References
    ----------
    Jamshidian and Jennrich (1997), J. R. Statist. Soc. B 59:569-587, section 4: QN2.

    Examples
    --------
    >>> from emlib import PoissonMixture, data, em
    >>> deaths, days = data.death_notices()
    >>> start = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    >>> fit = em.fit(start, deaths, sample_weight=days, steps=quasi_newton)
    >>> fit.status, fit.n_e_steps < 50  # EM itself takes 1304 E-steps
    ('converged', True)
    """
    data = located(model, x, sample_weight)
    step, at = Step(model, em.expect(model, data)), pack(model)
    before: tuple[FloatArray, FloatArray, FloatArray] | None = None  # place, move and slope, (P,)
    correction = np.zeros((len(at), len(at)))
    while True:
        yield step
        plain = step.model.m_step(step.expectation)
        end = pack(plain)
        here = at, _difference(end, at), slope(step)
        if before is not None:
            correction = _corrected(correction, *map(_difference, here, before))
        _, move, uphill = here
        way = move - correction @ uphill
        leads_up = correction.any() and np.isfinite(way).all() and way @ uphill > 0
        places = [at + share * way for share in SHARES] if leads_up else []
        step, at = _leap(plain, end, places, data, step.objective)
        before = here
        if places and step.model is plain:
            before, correction = None, np.zeros_like(correction)


def fast(model: Model, x: Any, sample_weight: Any = None) -> Iterator[Step[Model]]:
    """Yield the climb that takes the fewest E-steps, as far as the model allows.

    That is `quasi_newton`, but `anderson` for 500 parameters and more, where matrices of P x P
    numbers cost more than they save, and for a model without `complete_log_likelihood`.

    Parameters
    ----------
    model : EMModel
        Where to start; it says in `spaces` where its P free parameters live.
    x, sample_weight
        As for `em.iterate`.

    Yields
    ------
    Step
        As `quasi_newton` or `anderson` does.

    Examples
    --------
    >>> from emlib import PoissonMixture, data, em
    >>> deaths, days = data.death_notices()
    >>> start = PoissonMixture([0.3, 0.7], [1.0, 2.5])
    >>> em.fit(start, deaths, sample_weight=days, steps=fast).n_e_steps < 50
    True
    """
    few = len(pack(model)) < MANY
    climb = (quasi_newton if few else anderson)(model, x, sample_weight)
    start = next(climb)
    if few and not _has_slope(start):
        climb = anderson(model, x, sample_weight)
        start = replace(next(climb), n_e_steps=2)  # that of the other climb is gone
    yield start
    yield from climb


def _has_slope(step: Step[Any]) -> bool:
    """Whether the model says what `quasi_newton` has to know."""
    try:
        expected(step)
    except ValueError:
        return False
    return True


def expected(step: Step[Any]) -> Callable[[FloatArray], float]:
    """Return Q + log prior as a function of the free coordinates (P,), given an E-step.

    It takes no pass over the data, and is defined up to a constant.

    Raises
    ------
    ValueError
        If the model has no `complete_log_likelihood`.
    """
    model = step.model
    model_at = unpacker(model)
    try:
        model.complete_log_likelihood(step.expectation)
    except (AttributeError, NotImplementedError) as error:
        if _is_slip(error, "complete_log_likelihood"):
            raise
        raise ValueError(
            f"{type(model).__name__} has no complete_log_likelihood(expectation), from which the "
            "slope is taken: define it, or use accelerate.anderson, which needs none."
        ) from error

    def q(v: FloatArray) -> float:
        other = model_at(v)
        return float(other.complete_log_likelihood(step.expectation) + other.log_prior())

    return q


def slope(step: Step[Any], steps: FloatArray | float | None = None) -> FloatArray:
    """Return the slope of the objective at a step, in free coordinates, shape (P,).

    By Fisher's identity (eq. 1.11) that of `expected`: by the family's formulas (its `score`), or
    by differences where it has none: quick ones, or as long as `steps`, (P,) or a number. 0 for a
    coordinate that is infinite, at the edge of its range.
    """
    at = pack(step.model)
    inner = np.isfinite(at)
    own = _by_formulas(step)
    if own is not None:
        return np.where(inner, own, 0.0)
    q, start = expected(step), np.where(inner, at, 0.0)

    def among(v: FloatArray) -> float:
        return q(np.where(inner, v, at))

    differences = quick_gradient(among, start) if steps is None else gradient(among, start, steps)
    return differences * inner


def slopes(step: Step[Any], steps: FloatArray | float) -> Callable[[FloatArray], FloatArray]:
    """Return the slope of `expected` as a function of the free coordinates, (P,) to (P,).

    Where the family has no formulas, by differences as long as `steps`, (P,) or a number.
    """
    if _by_formulas(step) is None:
        q = expected(step)
        return lambda v: gradient(q, v, steps)
    model_at = unpacker(step.model)
    return lambda v: pull(other := model_at(v), other.score(step.expectation))


def _by_formulas(step: Step[Any]) -> FloatArray | None:
    """Return the slope of Q at the model of a step; None if its family has no formulas."""
    try:
        return pull(step.model, step.model.score(step.expectation))
    except (AttributeError, NotImplementedError) as error:
        if _is_slip(error, "score"):
            raise
        return None


def _is_slip(error: Exception, method: str) -> bool:
    """Whether an error comes from inside a method, not from there being none."""
    return isinstance(error, AttributeError) and error.name != method


def rate_matrix(model: Model, x: Any, sample_weight: Any = None) -> FloatArray:
    """Return how EM's map moves when its start does, shape (P, P), in free coordinates.

    Entry (i, j) is the derivative of coordinate i after a step by coordinate j before it. At a
    summit its eigenvalues are the shares of the information that is missing, and the largest is
    the rate of EM. Takes 4 P E-steps.

    References
    ----------
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, theorem 4. Meng and Rubin
    (1991), J. Amer. Statist. Assoc. 86:899-909, section 3, who call it DM.

    Examples
    --------
    >>> from emlib import Linkage, data, em
    >>> fit = em.fit(Linkage(0.5), data.linkage(), tol=1e-12)
    >>> float(rate_matrix(fit.model, data.linkage())[0, 0].round(4))
    0.1328
    """
    data = located(model, x, sample_weight)
    model_at = unpacker(model)

    def after(v: FloatArray) -> FloatArray:
        before = model_at(v)
        return pack(before.m_step(em.expect(before, data)))

    at, drop = pack(model), DROP * unit_of(sample_weight)
    return jacobian(after, at, reaches(expected(Step(model, em.expect(model, data))), at, drop))


def _corrected(
    matrix: FloatArray, place: FloatArray, move: FloatArray, slope: FloatArray
) -> FloatArray:
    """Return the symmetric matrix S for which move - S slope = -place, of differences (P,).

    So the next move would have led from both points to the same summit. It is the least change
    of S in the sense of Broyden, Fletcher, Goldfarb and Shanno; none where the climb bends up.
    """
    bend = slope @ place
    if not bend < 0:
        return matrix
    missed = matrix @ slope - move
    outer = np.outer(missed, place)
    own = (1 + slope @ missed / bend) * np.outer(place, place)
    return np.asarray(matrix + (own - outer - outer.T) / bend)


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


def _leap(
    plain: Model, end: FloatArray, places: list[FloatArray], data: Blocks, floor: float
) -> tuple[Step[Model], FloatArray]:
    """Return the step to the first of some places that is a model and high enough, or to `plain`.

    And where that is. Each place is a vector (P,) of free coordinates; `end` is that of `plain`.
    """
    work = 1
    for place in places:
        if np.array_equal(place, end):
            break
        # What can be wrong with a leap is a ValueError: parameters that their family refuses, and
        # data that are impossible under them. What is wrong with x has been said at the start.
        with np.errstate(all="ignore"), contextlib.suppress(ValueError):
            model = unpack(plain, place)
            work += 1
            step = Step(model, em.expect(model, data), n_e_steps=work - 1)
            if floor <= step.objective < np.inf:
                return step, place
    return Step(plain, em.expect(plain, data), n_e_steps=work), end
