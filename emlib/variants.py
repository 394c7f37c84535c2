"""The EM family: change one of the two steps, and know what is left of the theorem.

EM climbs one function of two things, a distribution q over what is hidden and a model theta:

    F_T(q, theta) = E_q[log p(x, z | theta)] + T H(q) + log p(theta)

At temperature T = 1 that is the bound (eq. 1.5, with a prior if there is one). The E-step
maximises it over q, the M-step over theta. Each function below changes one of the two, is a
climb like `em.iterate`, and says which quantity still cannot fall. Where that is the objective,
`em.fit` follows it: ``fit(model, x, steps=part_way)``.

For the sake of the objective a step may look at all the data once more than the algorithm itself
needs; that pass is not counted in its `n_e_steps`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain, repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from emlib import em
from emlib._machinery.blocks import located
from emlib._machinery.validation import at_least_one, one_of, sample_weights, whole_weights
from emlib._machinery.value import FloatArray
from emlib.accelerate import expected, slope, slopes
from emlib.coordinates import pack, unpack
from emlib.differences import SMALL, Function, VectorFunction, jacobian
from emlib.em import Model, Step
from emlib.mixture import Mixture

M = TypeVar("M", bound=Mixture)
CMStep = Callable[[M, FloatArray, FloatArray], M]


@dataclass(frozen=True, eq=False)
class Move(Step[M]):
    """One iterate of a variant: a `Step` that also holds the q of that moment.

    Its `objective` is that of any step, log-likelihood + log prior of `model`. What the variant
    climbs may be something else: F_T is ``model.elbo(x, q, T) + model.log_prior()``.

    Attributes
    ----------
    q : ndarray, shape (N, K)
        The distribution over components that the variant has in its hands; rows sum to one.
    """

    q: FloatArray


# ---------------------------------------------------------------------------------------------
# Another M-step
# ---------------------------------------------------------------------------------------------


def part_way(
    model: Model, x: Any, sample_weight: Any = None, fraction: float = 0.5
) -> Iterator[Step[Model]]:
    """Yield a generalised EM (GEM) that goes only part of the way to the bound's summit.

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`; any model will do, mixture or not.
    fraction : float
        How far to go, from 0 (stay) to 1 (EM), on the straight line between the parameters.

    Yields
    ------
    Step
        Keeps the theorem: `objective` never falls, since on that line the bound only rises
        (eq. 7.6).

    References
    ----------
    Dempster, Laird and Rubin (1977), J. R. Statist. Soc. B 39:1-38, section 3, definition of GEM.

    Examples
    --------
    >>> from itertools import islice
    >>> from emlib import Linkage
    >>> for step in islice(part_way(Linkage(0.5), [125, 18, 20, 34]), 3):
    ...     print(f"{step.model.theta:.4f}")
    0.5000
    0.5541
    0.5854
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, but it is {fraction!r}.")
    data = located(model, x, sample_weight)
    while True:
        step = Step(model, em.expect(model, data))
        yield step
        model = between(model, model.m_step(step.expectation), fraction)


def between(model: Model, other: Model, fraction: float) -> Model:
    """Return the model at `fraction` of the way from one to another, parameter by parameter.

    Weights, means, rates, probabilities and covariances all live in convex sets, so that what
    lies between two models is a model.

    Examples
    --------
    >>> from emlib import Linkage
    >>> between(Linkage(0.2), Linkage(0.6), 0.25)
    Linkage(theta=0.3)
    """
    names = [f.name for f in fields(model) if f.init and f.compare]  # type: ignore[arg-type]
    new = {name: _between(getattr(model, name), getattr(other, name), fraction) for name in names}
    return replace(other, **new)  # type: ignore[type-var]


def _between(a: Any, b: Any, fraction: float) -> Any:
    """Return what lies between two values of a field: numbers, a model, or several of them."""
    if isinstance(a, tuple):
        return tuple(_between(inner, other, fraction) for inner, other in zip(a, b, strict=True))
    if is_dataclass(a):
        return between(a, b, fraction)
    if np.asarray(a).dtype.kind != "f":
        return a
    return a + fraction * (b - a) if fraction < 1 else b


def uphill(
    model: M,
    x: Any,
    sample_weight: Any = None,
    direction: str = "newton",
    length: float = 1.0,
) -> Iterator[Step[M]]:
    """Yield EM with one step up the bound in place of the M-step.

    For models whose M-step has no closed form. The step is taken in free coordinates
    (`emlib.coordinates`), and derivatives are those of Q as a function of the statistics: whatever
    the number of parameters, an iterate takes one pass over the data.

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`; the family says what its `complete_log_likelihood` is.
    direction : {"newton", "gradient"}
        A Newton step on the bound, or its slope.
    length : float
        How long a step to try first: a multiple of the Newton step or of the slope.

    Yields
    ------
    Step
        Keeps the theorem: `objective` never falls, since a step that would lower the bound is
        halved until it does not (eq. 7.9).

    References
    ----------
    The Newton step is the "EM gradient algorithm" of Lange (1995), J. R. Statist. Soc. B
    57:425-437: near a maximum as fast as EM. The plain slope is that of the log-likelihood by
    Fisher's identity (eq. 1.11): with it, this is gradient ascent.
    """
    one_of(direction, "direction", ("newton", "gradient"))
    data = located(model, x, sample_weight)
    while True:
        step = Step(model, em.expect(model, data))
        yield step
        at, way = pack(model), slope(step)
        if direction == "newton":
            way = _newton(slopes(step, SMALL), at, way)
        model = unpack(model, at + _halved(expected(step), at, length * way))


def _newton(slope_at: VectorFunction, at: FloatArray, uphill: FloatArray) -> FloatArray:
    """Return the Newton step (P,), or the slope itself where that would lead downhill."""
    inner = np.flatnonzero(np.isfinite(at))  # a coordinate at the edge of its range stays

    def among(v: FloatArray) -> FloatArray:
        whole = at.copy()
        whole[inner] = v
        return slope_at(whole)[inner]

    way = np.zeros_like(at)
    way[inner] = np.linalg.solve(jacobian(among, at[inner]), -uphill[inner])
    return way if way @ uphill >= 0 else uphill  # not the way to a saddle or a pit


def _halved(function: Function, at: FloatArray, step: FloatArray) -> FloatArray:
    """Return the step, halved until the function at its end is not below that at its start."""

    def height(v: FloatArray) -> float:
        try:
            with np.errstate(all="ignore"):
                return function(v)
        except ValueError:  # no model has these parameters
            return -np.inf

    here = height(at)
    while np.isfinite(step).all() and (at + step != at).any():
        if height(at + step) >= here:
            return step
        step = step / 2
    return np.zeros_like(at)


def ecm(
    model: M,
    x: ArrayLike,
    cm_steps: Sequence[CMStep[M]],
    sample_weight: ArrayLike | None = None,
    multicycle: bool = False,
) -> Iterator[Move[M]]:
    """Yield ECM: the M-step as a round of conditional maximisations (CM-steps).

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`, for one array of data.
    cm_steps : sequence of callable
        Each is called as ``cm_step(model, x, q)`` with q (N, K) the responsibilities times the
        sample weights, and returns the model that maximises the expected log joint over some
        parameters while the others stay. See `only`.
    multicycle : bool
        Whether to repeat the E-step before each CM-step. (What is hidden of a row beside its
        label is expected anew for each in any case.)

    Yields
    ------
    Move
        Once a round. Keeps the theorem: each CM-step raises the bound or leaves it, so that
        `objective` never falls.

    References
    ----------
    Meng and Rubin (1993), Biometrika 80:267-278, section 2; multicycle ECM is in section 5.

    Examples
    --------
    >>> from emlib import GaussianMixture1D
    >>> start = GaussianMixture1D([0.5, 0.5], [-1.0, 1.0], 1.0)
    >>> steps = ecm(start, [-2.0, -1.0, 1.0, 2.0], [only("weights"), only("means")])
    >>> next(steps).model == start
    True
    >>> next(steps).model.variances  # no CM-step for them
    array([1., 1.])
    """
    while True:
        step = _move(model, x, model.responsibilities(x), sample_weight)
        yield step
        q = _times(step.q, sample_weight)
        for cm_step in cm_steps:
            model = cm_step(model, model.check(x), q)
            if multicycle:
                q = _times(model.responsibilities(x), sample_weight)


def only(*names: str) -> Callable[[M, FloatArray, FloatArray], M]:
    """Return the CM-step that takes only the named fields from the full M-step.

    It is a conditional maximisation only if the summit in these fields is in the same place
    whatever the fields are that come after: true of weights, of the rates of Poissons, of the
    means of normals; of variances only after the means.
    """

    def cm_step(model: M, x: FloatArray, q: FloatArray) -> M:
        full = model.m_step(model.expect_under(x, q))
        taken = {name: getattr(full, name) for name in names}
        return replace(model, **taken)  # type: ignore[type-var]

    return cm_step


# ---------------------------------------------------------------------------------------------
# Another E-step
# ---------------------------------------------------------------------------------------------


def with_q(
    model: M,
    x: ArrayLike,
    choose: Callable[[FloatArray], FloatArray],
    sample_weight: ArrayLike | None = None,
    m_step: CMStep[M] | None = None,
) -> Iterator[Move[M]]:
    """Yield EM with another q in place of the responsibilities.

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`, for one array of data.
    choose : callable
        ``choose(log_joint)`` returns q (N, K) from log pi_k + log p(x_n | k). The climb is over
        when it raises StopIteration, as ``next(schedule)`` does at the end of a schedule.
    m_step : callable, optional
        In place of the full M-step, as in `ecm`.

    Yields
    ------
    Move
        What is kept of the theorem depends on `choose`.

    Examples
    --------
    The softmax gives the responsibilities, and so EM itself:

    >>> from scipy.special import softmax
    >>> from emlib import GaussianMixture1D
    >>> start = GaussianMixture1D([0.5, 0.5], [-1.0, 1.0], 1.0)
    >>> step = next(with_q(start, [0.0, 2.0], lambda a: softmax(a, axis=1)))
    >>> bool(np.allclose(step.q, start.responsibilities([0.0, 2.0])))
    True
    """
    while True:
        try:
            q = choose(model.log_joint(x))
        except StopIteration:
            return
        step = _move(model, x, q, sample_weight)
        yield step
        if m_step is None:
            model = model.m_step(step.expectation)
        else:
            model = m_step(model, model.check(x), _times(step.q, sample_weight))


def hard(
    model: M,
    x: ArrayLike,
    sample_weight: ArrayLike | None = None,
    m_step: CMStep[M] | None = None,
) -> Iterator[Move[M]]:
    """Yield hard EM (classification EM): each row goes whole to its most probable component.

    Parameters
    ----------
    model, x, sample_weight, m_step
        As for `with_q`. With ``m_step=only("means")`` and equal weights and spherical variances
        this is k-means.

    Yields
    ------
    Move
        Loses the theorem: `objective` may fall. What never falls is the classification
        likelihood ``step.model.elbo(x, step.q, temperature=0)`` (eq. 7.15).

    References
    ----------
    Celeux and Govaert (1992), Computational Statistics & Data Analysis 14:315-332, section 3.

    Examples
    --------
    >>> from emlib import GaussianMixture1D
    >>> start = GaussianMixture1D([0.5, 0.5], [-1.0, 1.0], 1.0)
    >>> next(hard(start, [0.1, 2.0])).q
    array([[0., 1.],
           [0., 1.]])
    """
    return with_q(model, x, _most_probable, sample_weight, m_step)


def _most_probable(log_joint: FloatArray) -> FloatArray:
    return np.asarray(np.eye(log_joint.shape[1])[log_joint.argmax(axis=1)])


def annealed(
    model: M,
    x: ArrayLike,
    temperatures: Iterable[float],
    sample_weight: ArrayLike | None = None,
) -> Iterator[Move[M]]:
    """Yield tempered EM: one step at each temperature, then EM for ever.

    With one step a temperature this is a quench. Deterministic annealing proper stays at each
    temperature until it has converged: repeat it in `temperatures`.

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`, for one array of data.
    temperatures : iterable of float
        Each positive, usually falling to 1: q is proportional to the joint density to the power
        1 / T, so that all components are equally probable at a high temperature.

    Yields
    ------
    Move
        While T stays the same ``step.model.elbo(x, step.q, T)`` never falls (eq. 7.13);
        the objective may, until T = 1.

    Notes
    -----
    At a high temperature the components move together. If they come to be the same, that is a
    saddle, which EM does not leave: start no hotter than where they stay apart.

    References
    ----------
    Rose, Gurewitz and Fox (1990), Physical Review Letters 65:945-948, for clustering; Ueda and
    Nakano (1998), Neural Networks 11:271-282, for EM.
    """
    schedule = chain(temperatures, repeat(1.0))

    def tempered(log_joint: FloatArray) -> FloatArray:
        temperature = next(schedule)
        if not temperature > 0:
            raise ValueError(f"temperatures must be positive, but one is {temperature!r}.")
        return np.asarray(softmax(log_joint / temperature, axis=1))

    return with_q(model, x, tempered, sample_weight)


def stochastic(
    model: M,
    x: ArrayLike,
    rng: int | np.random.Generator,
    sample_weight: ArrayLike | None = None,
) -> Iterator[Move[M]]:
    """Yield stochastic EM: the component of each row is drawn, not averaged.

    Parameters
    ----------
    model, x
        As for `em.iterate`, for one array of data.
    rng : int or Generator
        Seed or generator.
    sample_weight : array_like, shape (N,), optional
        Whole numbers: a row of weight 7 is drawn seven times.

    Yields
    ------
    Move
        Loses the theorem: the iterates are a Markov chain that wanders about near a maximum. Their
        average tends to the mean of the chain's stationary law, which is not the maximum.

    Raises
    ------
    DegenerateError
        If a component is drawn for no row, or for too few to have a variance.

    Notes
    -----
    A parameter that a draw has put at the edge of its range need not come back: a Poisson
    component that was drawn for zeros only has rate 0, and is never again drawn for a count.

    References
    ----------
    Celeux and Diebolt (1985), Computational Statistics Quarterly 2:73-82; Nielsen (2000),
    Bernoulli 6:457-489, on where the chain settles. Delyon, Lavielle and Moulines (1999), Annals
    of Statistics 27:94-128, make it converge (SAEM).
    """
    return monte_carlo(model, x, rng, 1, sample_weight)


def monte_carlo(
    model: M,
    x: ArrayLike,
    rng: int | np.random.Generator,
    n_draws: int | Iterable[int],
    sample_weight: ArrayLike | None = None,
) -> Iterator[Move[M]]:
    """Yield Monte Carlo EM: the responsibilities are shares of a number of draws.

    Parameters
    ----------
    model, x, rng, sample_weight
        As for `stochastic`, which is the case of one draw.
    n_draws : int or iterable of int
        Draws for each row: always the same number, or one number a step (for example
        ``itertools.count(1)``), for as many steps as it has.

    Yields
    ------
    Move
        Loses the theorem: `objective` may fall, and near a maximum it falls on average, by an
        amount that is in inverse proportion to the number of draws. As that grows, the step
        becomes that of EM.

    References
    ----------
    Wei and Tanner (1990), J. Amer. Statist. Assoc. 85:699-704. On how many draws to take: Booth
    and Hobert (1999), J. R. Statist. Soc. B 61:265-285.
    """
    generator = np.random.default_rng(rng)
    copies = whole_weights(sample_weight, len(model.check(x)))
    draws = repeat(n_draws) if isinstance(n_draws, (int, np.integer)) else iter(n_draws)

    def drawn(log_joint: FloatArray) -> FloatArray:
        size = next(draws)
        at_least_one(size, "n_draws")
        n = np.maximum(copies, 1) * size  # a row of weight zero is drawn, and counts zero
        return np.asarray(generator.multinomial(n, softmax(log_joint, axis=1)) / n[:, None])

    return with_q(model, x, drawn, sample_weight)


def incremental(model: M, blocks: Any, sample_weight: Any = None) -> Iterator[Move[M]]:
    """Yield incremental EM: an M-step after the E-step of each block of the data.

    Parameters
    ----------
    model : Mixture
        Where to start.
    blocks : array_like or re-iterable of arrays
        Data in blocks, as for `em.iterate`; an array is one block.
    sample_weight : array_like, re-iterable of arrays or None
        One weight a row.

    Yields
    ------
    Move
        Once a pass over the data. What never falls is the bound
        ``step.model.elbo(x, step.q)`` with the q in hand, which for most blocks is a
        little out of date (eq. 7.17); the objective lies above it, and may fall.

    Raises
    ------
    ValueError
        If more than the label of a row is hidden (a precision, an entry).

    Notes
    -----
    Statistics of all blocks are taken with the first model, so that they can be added whatever
    the point is from which a family measures. What it expects of a row must therefore depend on
    q alone.

    References
    ----------
    Neal and Hinton (1998), in Jordan (ed.), Learning in Graphical Models, 355-368.

    Examples
    --------
    >>> from itertools import islice
    >>> from emlib.families.poisson import PoissonMixture
    >>> start, x = PoissonMixture([0.5, 0.5], [1.0, 4.0]), np.array([0, 1, 2, 3, 7, 9])
    >>> ends = [list(islice(f(start, x), 5))[-1] for f in (incremental, em.iterate)]
    >>> bool(np.allclose(ends[0].model.rates, ends[1].model.rates))  # one block: that is EM
    True
    """
    if not model.labels_alone:
        raise ValueError(
            f"model: of a row of {type(model).__name__} more than its label is hidden, and what is "
            "expected of the rest depends on the model. Use em.iterate, which takes blocks too."
        )
    frame, data = model, list(located(model, blocks, sample_weight))
    data = [(frame.check(x), w) for x, w in data]
    q = [model.responsibilities(x) for x, _ in data]
    parts = [frame.expect_under(x, _times(r, w)) for (x, w), r in zip(data, q, strict=True)]
    while True:
        log_likelihood = sum(model.e_step(x, w).log_likelihood for x, w in data)
        total = functools.reduce(operator.add, parts)
        yield Move(model, replace(total, log_likelihood=log_likelihood), np.concatenate(q))
        for i, (x, w) in enumerate(data):
            q[i] = model.responsibilities(x)
            old, parts[i] = parts[i], frame.expect_under(x, _times(q[i], w))
            total = total + parts[i] + (-1) * old
            model = frame.m_step(total)


# ---------------------------------------------------------------------------------------------
# What they share
# ---------------------------------------------------------------------------------------------


def _times(q: FloatArray, sample_weight: ArrayLike | None) -> FloatArray:
    w = sample_weights(sample_weight, len(q))
    return q if w is None else q * w[:, None]


def _move(model: M, x: ArrayLike, q: FloatArray, sample_weight: ArrayLike | None) -> Move[M]:
    """Return the iterate of a variant that holds q: its statistics are those of q."""
    log_likelihood = model.e_step(x, sample_weight).log_likelihood
    statistics = model.expect_under(x, _times(q, sample_weight))
    return Move(model, replace(statistics, log_likelihood=log_likelihood), q)
