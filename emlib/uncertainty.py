"""How sure is a fit? From the curvature of the objective at its summit, or from data drawn anew.

Curvatures are taken in free coordinates (`emlib.coordinates`) and carried to the parameters by the
delta method. Four ways lead to the same matrix: plain differences of the objective, and three that
use what EM knows: the complete information less what is missing (Louis), how the slope of Q changes
with the E-step (Oakes), and how fast EM is (supplemented EM).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtri

from emlib import em
from emlib._machinery.blocks import Blocks, as_array, joined, located, unit_of
from emlib._machinery.processes import Rng, child, finished, seed_of
from emlib._machinery.validation import one_of, whole_weights
from emlib._machinery.value import FloatArray, IntArray
from emlib._machinery.warn import warn
from emlib.accelerate import expected, fast, rate_matrix, slope, slopes
from emlib.coordinates import (
    DEFINITE,
    POSITIVE,
    PROBABILITY,
    SHARED,
    SIMPLEX,
    Space,
    pack,
    unpack,
    unpacker,
)
from emlib.differences import DROP, hessian, jacobian, reaches
from emlib.em import DegenerateError, DegenerateWarning, Step
from emlib.known import Labelled
from emlib.mixture import Mixture

METHODS = ("oakes", "louis", "supplemented", "numerical")
FAR = 1e-3  # nats below the summit from which a curvature is not that of the summit
NOISE = 1e-5  # what differences may make of a share 0 of the information
SHARE = 0.05  # of a standard error: how far to go for the derivative of a parameter


class UncertaintyError(ArithmeticError):
    """There is no standard error here: the model is at an edge, a saddle or on a ridge."""


class UncertaintyWarning(RuntimeWarning):
    """A standard error or an interval that should not be trusted."""


# ---------------------------------------------------------------------------------------------
# The curvature
# ---------------------------------------------------------------------------------------------


def information(
    model: Any, x: Any, sample_weight: Any = None, *, method: str = "oakes"
) -> FloatArray:
    """Return the observed information: minus the curvature of the objective, shape (P, P).

    Parameters
    ----------
    model : EMModel
        At a summit; it says in `spaces` where its P free parameters live.
    x, sample_weight
        The data of the fit, as for `em.iterate`.
    method : {"oakes", "louis", "supplemented", "numerical"}
        How. The first three need the model's `complete_log_likelihood` and take about 4 P passes
        over the data, the last takes 4 P^2 and needs nothing:

        * "oakes": the curvature of Q, and how its slope changes when the E-step does.
        * "louis": the curvature of Q, less the variance of the complete-data slope given the
          data. For mixtures, and for counts of cells.
        * "supplemented": the curvature of Q times what EM's map leaves of an error.
        * "numerical": second differences of the objective. It asks for no Q, and so cannot tell a
          ridge as well as the others.

    Returns
    -------
    ndarray, shape (P, P)
        In the free coordinates of `pack`, in nats; the curvature of the prior included.

    Raises
    ------
    ValueError
        If the method needs what the model does not have.
    UncertaintyError
        If a parameter is at the edge of its range, where a curvature says nothing.

    References
    ----------
    Louis (1982), J. R. Statist. Soc. B 44:226-233. Oakes (1999), J. R. Statist. Soc. B
    61:479-482. Meng and Rubin (1991), J. Amer. Statist. Assoc. 86:899-909.

    Examples
    --------
    >>> from emlib import Linkage, data, em
    >>> y = data.linkage()
    >>> model = em.fit(Linkage(0.5), y, tol=1e-12).model
    >>> [round(float(information(model, y, method=way)[0, 0]), 4) for way in METHODS]
    [20.6565, 20.6565, 20.6565, 20.6565]
    """
    one_of(method, "method", METHODS)
    at, seen = pack(model), located(model, x, sample_weight)
    drop = DROP * unit_of(sample_weight)
    if not np.isfinite(at).all():
        edges = [name for name, space, value in _leaves(model) if not _is_inside(space, value)]
        profile = "how far from the edge it may be, a profile says (chapter 9)."
        hold = f"Hold what is there (hold); {profile}"
        remedy = hold if isinstance(model, Mixture) else profile.capitalize()
        where = f"{', '.join(edges)}: at the edge of the range"
        raise UncertaintyError(f"{where}, where a curvature says nothing. {remedy}")
    step = Step(model, em.expect(model, seen))
    if not np.sum(step.expectation.counts) > 0:
        raise ValueError("all sample weights are zero, so there is nothing to be sure of.")
    if method == "numerical":
        return _symmetric(_numerical(model, seen, drop))
    steps = reaches(expected(step), at, drop)
    complete = -jacobian(slopes(step, steps), at, steps)
    if method == "supplemented":
        return _symmetric(complete @ (np.eye(len(at)) - rate_matrix(model, x, sample_weight)))
    if method == "oakes":
        return _symmetric(complete - _moved_slopes(model, seen, steps))
    return _symmetric(complete - _missing(model, seen, steps))


def _numerical(model: Any, seen: Blocks, drop: float) -> FloatArray:
    """Return minus the second differences of the objective."""
    model_at = unpacker(model)

    def objective(v: FloatArray) -> float:
        other = model_at(v)
        return Step(other, em.expect(other, seen)).objective

    at = pack(model)
    return -hessian(objective, at, reaches(objective, at, drop))


def _moved_slopes(model: Any, seen: Blocks, steps: FloatArray) -> FloatArray:
    """Return how the slope of Q, where it is taken, changes with the model of the E-step."""
    model_at = unpacker(model)

    def slope_after(v: FloatArray) -> FloatArray:
        return slope(Step(model, em.expect(model_at(v), seen)), steps)

    return jacobian(slope_after, pack(model), steps)


def _missing(model: Any, seen: Blocks, steps: FloatArray) -> FloatArray:
    """Return the variance of the complete-data slope given the data, summed over rows."""
    at, model_at = pack(model), unpacker(model)

    def of_rows(rows: FloatArray, w: FloatArray | None) -> FloatArray:
        log_joint, weight = model.latent_log_joint(rows, w)
        possible = np.isfinite(log_joint)

        def logs(v: FloatArray) -> FloatArray:
            return np.where(possible, model_at(v).latent_log_joint(rows, w)[0], 0.0).ravel()

        r = np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1, keepdims=True))
        slopes = jacobian(logs, at, steps).reshape(*r.shape, -1)  # (M, K, P)
        apart = slopes - np.einsum("mk,mkp->mp", r, slopes)[:, None]
        return np.einsum("m,mk,mkp,mkq->pq", weight, r, apart, apart, optimize=True)

    try:
        return np.asarray(seen.total(lambda rows, w: model._total(of_rows, rows, w)))
    except (AttributeError, NotImplementedError) as error:
        raise ValueError(f'method="louis" cannot be used: {error} Use method="oakes".') from error


def _symmetric(matrix: FloatArray) -> FloatArray:
    return (matrix + matrix.T) / 2


# ---------------------------------------------------------------------------------------------
# Standard errors and intervals
# ---------------------------------------------------------------------------------------------


def standard_errors(
    model: Any, x: Any, sample_weight: Any = None, *, method: str = "oakes"
) -> dict[str, FloatArray]:
    """Return the standard error of every parameter, by its name, in the parameter's shape.

    The inverse of the information is the covariance of the free coordinates; their derivatives
    carry it to the parameters (the delta method). It presupposes that the model is right, that
    the data are many, and that K was not chosen by looking at them.

    Parameters
    ----------
    model, x, sample_weight, method
        As for `information`. Weights count as copies.

    Raises
    ------
    UncertaintyError
        If the information is not positive definite: the model is no summit, or lies on a ridge
        along which the data say nothing.

    Warns
    -----
    UncertaintyWarning
        If more than a thousandth of a nat is left to climb: fit with a smaller `tol`.

    References
    ----------
    McLachlan and Krishnan (2008), The EM Algorithm and Extensions, 2nd edition, chapter 4.

    Examples
    --------
    >>> from emlib import Linkage, data, em
    >>> fit = em.fit(Linkage(0.5), data.linkage(), tol=1e-12)
    >>> round(float(standard_errors(fit.model, data.linkage())["theta"]), 4)
    0.0515
    """
    values, covariance = _delta(model, x, sample_weight, method)
    variances = np.einsum("mp,pq,mq->m", values, covariance, values)
    return _by_name(model, np.sqrt(np.maximum(variances, 0.0)))


def confidence_intervals(
    model: Any, x: Any, sample_weight: Any = None, *, level: float = 0.95, method: str = "oakes"
) -> dict[str, FloatArray]:
    """Return an interval for every parameter, by its name: the parameter's shape, and two ends.

    Symmetric where the parameter has no edge: a logit for weights and probabilities, a logarithm
    for rates and variances, and the parameter itself otherwise. So no end is out of range.

    Parameters
    ----------
    model, x, sample_weight, method
        As for `standard_errors`, which says what is raised and warned of.
    level : float
        How often such an interval should hold the truth.

    Examples
    --------
    >>> from emlib import Linkage, data, em
    >>> fit = em.fit(Linkage(0.5), data.linkage(), tol=1e-12)
    >>> confidence_intervals(fit.model, data.linkage())["theta"].round(3)
    array([0.522, 0.721])
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95, not {level!r}.")
    errors = standard_errors(model, x, sample_weight, method=method)
    z = ndtri((1 + level) / 2)
    return {
        name: _interval(space, value, z * errors[name]) for name, space, value in _leaves(model)
    }


def _delta(model: Any, x: Any, sample_weight: Any, method: str) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of all parameters (M, P), and the covariance of the free ones."""
    at = pack(model)
    if not at.size:  # all is held
        return np.zeros((_flat(model).size, 0)), np.zeros((0, 0))
    row = unit_of(sample_weight)  # what a row weighs
    matrix = information(model, x, sample_weight, method=method)
    step = Step(model, em.expect(model, x, sample_weight))
    if method == "numerical":  # asks for no Q: the best units at hand
        unit = np.sqrt(np.abs(np.diag(matrix)))
    else:
        drop = DROP * row
        unit = np.sqrt(2 * drop) / reaches(expected(step), at, drop)  # as complete data see it
    covariance = _inverse(matrix, unit)
    if method != "numerical":
        uphill = slope(step)
        left = 0.5 * uphill @ covariance @ uphill
        if left > FAR * row:
            warn(
                f"the model is not at its summit: {left:.2g} nats are left to climb. Fit with a "
                "smaller tol.",
                UncertaintyWarning,
            )
    steps = SHARE * np.sqrt(row * np.diag(covariance))
    return jacobian(lambda v: _flat(unpack(model, v)), at, steps), covariance


def _inverse(matrix: FloatArray, unit: FloatArray) -> FloatArray:
    """Return the inverse of an information, refusing one that is no more than rounding.

    In units in which the complete data's information has diagonal 1, eigenvalues are about the
    share of it that is seen: 0 on a ridge, in whatever direction it runs.
    """
    values, vectors = np.linalg.eigh(matrix / np.outer(unit, unit))
    if values[0] < NOISE:
        worst = int(np.argmax(np.abs(vectors[:, 0])))
        raise UncertaintyError(
            f"the information is not positive definite (smallest eigenvalue {values[0]:.2g}, where "
            f"complete data have about 1; mostly along free coordinate {worst} of pack(model)): "
            "the model is no summit but a saddle, or lies on a ridge along which the data say "
            "nothing. Fit on from elsewhere, or a model with fewer parameters."
        )
    return np.asarray((vectors / values) @ vectors.T / np.outer(unit, unit))


def _interval(space: Space, value: FloatArray, reach: FloatArray) -> FloatArray:
    """Return value -/+ reach, an array of two more ends, on the scale that has no edge."""
    value, ends = np.asarray(value)[..., None], np.array([-1.0, 1.0])
    reach = np.asarray(reach)[..., None]
    if space in (SIMPLEX, PROBABILITY):
        inner = np.clip(value * (1 - value), np.finfo(float).tiny, None)
        return np.where(reach > 0, expit(logit(value) + ends * reach / inner), value)
    positive = np.full(value.shape, space in (POSITIVE, SHARED))
    if space is DEFINITE:
        positive[..., 0] = np.eye(value.shape[-2], dtype=bool)
    with np.errstate(over="ignore"):
        up = np.exp(np.where(positive, reach / np.where(value > 0, value, 1.0), 0.0))
    return np.where(positive, value * np.concatenate([1 / up, up], axis=-1), value + ends * reach)


# ---------------------------------------------------------------------------------------------
# The parameters of a model, with those of models inside
# ---------------------------------------------------------------------------------------------


def _leaves(model: Any) -> Iterator[tuple[str, Space, FloatArray]]:
    """Yield name, space and value of every parameter."""
    for name, space in model.spaces.items():
        value = getattr(model, name)
        if is_dataclass(value):
            yield from _leaves(value)
        elif isinstance(value, tuple):
            for i, inner in enumerate(value):
                yield from ((f"{name}[{i}].{n}", s, v) for n, s, v in _leaves(inner))
        else:
            yield name, space, np.asarray(value, dtype=float)


def _is_inside(space: Space, value: FloatArray) -> bool:
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(np.isfinite(space.free(value)).all())


def _flat(model: Any) -> FloatArray:
    return np.concatenate([np.ravel(value) for _, _, value in _leaves(model)])


def _by_name(model: Any, flat: FloatArray) -> dict[str, FloatArray]:
    """Return a vector of all parameters in pieces of their shapes, by name."""
    named, start = {}, 0
    for name, _, value in _leaves(model):
        named[name] = flat[start : start + value.size].reshape(value.shape)
        start += value.size
    return named


# ---------------------------------------------------------------------------------------------
# Data drawn anew
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Fits to data drawn anew, with their components in the order of the model's.

    Attributes
    ----------
    model : EMModel
        The fit whose uncertainty is asked for.
    models : tuple of EMModel
        One a data set, for all that came to a fit.
    failed : int
        How many did not: a component collapsed or emptied.
    switched : int
        In how many of `models` components had to be put into the model's order.
    """

    model: Any
    models: tuple[Any, ...]
    failed: int
    switched: int

    @property
    def doubts(self) -> tuple[str, ...]:
        """Reasons not to trust what follows, one sentence each."""
        n, found = len(self.models) + self.failed, []
        if self.failed > 0.05 * n:
            found.append(f"{self.failed} of {n} data sets came to no fit.")
        if self.switched > 0.05 * n:
            found.append(
                f"in {self.switched} of {n} data sets the components came in another order: "
                "which is which is itself uncertain."
            )
        return tuple(found)

    def standard_errors(self) -> dict[str, FloatArray]:
        """Return the standard deviation of every parameter over the data sets, by its name."""
        return _by_name(self.model, self._table.std(axis=0, ddof=1))

    def intervals(self, level: float = 0.95) -> dict[str, FloatArray]:
        """Return the percentile interval of every parameter: its shape, and two ends.

        References
        ----------
        Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, such as 0.95, not {level!r}.")
        low, high = np.quantile(self._table, [(1 - level) / 2, (1 + level) / 2], axis=0)
        lows, highs = _by_name(self.model, low), _by_name(self.model, high)
        return {name: np.stack([lows[name], highs[name]], axis=-1) for name in lows}

    @property
    def _table(self) -> FloatArray:
        return np.array([_flat(model) for model in self.models])


def bootstrap(
    model: Any,
    x: Any,
    rng: Rng,
    *,
    n: int = 200,
    sample_weight: Any = None,
    parametric: bool = True,
    **options: Any,
) -> Bootstrap:
    """Return fits to n data sets that might have been: drawn from the model, or from the rows.

    Parameters
    ----------
    model : Mixture, or another model with `sample_like`
        The fit; every data set is fitted from there.
    x : array_like, shape (N,) or (N, D)
        Its data.
    rng : int or Generator
        Seed or generator; each data set has a random stream of its own.
    n : int
        How many data sets.
    sample_weight : array_like, shape (N,), optional
        Whole numbers: copies of each row.
    parametric : bool
        Whether rows are drawn from the model (with what is not random in x, such as numbers of
        tosses, kept), or from the rows of x with replacement.
    **options
        Passed on to `em.fit`, such as `tol`; ``steps=accelerate.fast`` if not given.

    Raises
    ------
    ValueError
        If n is below 2, a weight is no whole number, or there is but one row to draw from.
    NotImplementedError
        If the model cannot draw data.
    UncertaintyError
        If fewer than two data sets come to a fit.

    Warns
    -----
    UncertaintyWarning
        If the result has `doubts`.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 5 and 6. For mixtures,
    labels matched: McLachlan and Peel (2000), Finite Mixture Models, section 2.16.

    Examples
    --------
    >>> from emlib import PoissonMixture
    >>> drawn = bootstrap(PoissonMixture([1.0], [4.0]), [3, 5, 4, 4], 0, n=400)
    >>> drawn.standard_errors()["rates"].round(1)  # sqrt(4 / 4)
    array([1.])
    """
    if n < 2:
        raise ValueError(f"n must be at least 2 data sets, not {n!r}.")
    rows = model.check(as_array(model, x))  # what a row is may depend on what a model holds
    copies = whole_weights(joined(sample_weight), len(rows))
    if not copies.any():
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    if not parametric and copies.sum() < 2:
        raise ValueError("x is one row: drawn from itself it is always the same.")
    rows, copies = rows[copies > 0], copies[copies > 0]
    options = {"steps": fast} | options
    seed = seed_of(rng)
    models, switched = [], 0
    for number in range(n):
        generator = np.random.default_rng(child(seed, number))
        new = _refitted(model, rows, copies, generator, parametric, options)
        if new is not None:
            new, moved = _in_order(model, new, rows, copies)
            models.append(new)
            switched += moved
    if len(models) < 2:
        raise UncertaintyError(f"only {len(models)} of {n} data sets came to a fit.")
    result = Bootstrap(model, tuple(models), n - len(models), switched)
    for doubt in result.doubts:
        warn(doubt, UncertaintyWarning)
    return result


def _refitted(
    model: Any,
    rows: FloatArray,
    copies: IntArray,
    rng: np.random.Generator,
    parametric: bool,
    options: dict[str, Any],
) -> Any:
    """Return the fit to one new data set, or None if a component went astray."""
    if parametric:
        x, w = model.sample_like(np.repeat(rows, copies, axis=0), rng), None
        if len(rows) < len(x):  # a table of counts again: far fewer rows for every step
            x, w = np.unique(x, axis=0, return_counts=True)
    else:
        x, w = rows, rng.multinomial(copies.sum(), copies / copies.sum()).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        try:
            fit = finished(em.fit(model, x, sample_weight=w, **options))
        except DegenerateError:
            return None
    return None if fit.status == "degenerate" else fit.model


def _in_order(model: Any, new: Any, rows: FloatArray, copies: IntArray) -> tuple[Any, bool]:
    """Return a fit with its components in the model's order, and whether they were not.

    Components that share responsibility for the same rows belong together.
    """
    from scipy.optimize import linear_sum_assignment  # here: it is slow to import

    if not isinstance(model, Mixture) or isinstance(model, Labelled):
        return new, False
    shared = (model.responsibilities(rows) * copies[:, None]).T @ new.responsibilities(rows)
    order = linear_sum_assignment(-shared)[1]
    if (order == np.arange(len(order))).all():
        return new, False
    return new.reordered(order), True
