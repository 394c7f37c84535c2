"""Free coordinates: the parameters of a model as one vector without constraints, and back.

Weights sum to one, rates are positive, covariances are positive definite: a leap or a derivative
is easier to take where there are no such walls. A model says in `spaces` where each of its
parameters lives, and the rest follows. Faster climbs, standard errors and gradient steps work here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from scipy.special import expit, logit

from emlib._machinery.value import FloatArray


@dataclass(frozen=True)
class Space:
    """Where a parameter lives.

    Attributes
    ----------
    free : callable
        ``free(value)`` are its coordinates, any numbers, in an array of any shape.
    bound : callable
        ``bound(vector, like)`` is the value with those coordinates, of the shape of `like`.
    pull : callable, optional
        ``pull(value, slope)`` is the slope by the coordinates, given that by the value: the chain
        rule. Without it, slopes are taken by differences.
    """

    free: Callable[[FloatArray], FloatArray]
    bound: Callable[[FloatArray, FloatArray], FloatArray]
    pull: Callable[[FloatArray, Any], FloatArray] | None = None

    def pulled(self, value: FloatArray, slope: Any) -> FloatArray:
        """Return ``pull(value, slope)``, or raise NotImplementedError if there is none."""
        if self.pull is None:
            raise NotImplementedError("this space has no pull: take differences.")
        return self.pull(value, slope)


class HasSpaces(Protocol):
    """A frozen dataclass that says where its parameters live."""

    @property
    def spaces(self) -> Mapping[str, Space | None]:
        """Space of each free parameter; None for one that is itself such a model."""
        ...


Model = TypeVar("Model", bound=HasSpaces)
Spaces = Mapping[str, Space | None]


def pack(model: HasSpaces, spaces: Spaces | None = None) -> FloatArray:
    """Return the free parameters of a model as a vector without constraints, shape (P,).

    A parameter at the edge of its range, such as a weight of zero, gives an infinite coordinate.
    Given `spaces`, only these parameters are free, and these are the spaces.

    Examples
    --------
    >>> from emlib import PoissonMixture
    >>> pack(PoissonMixture([0.5, 0.5], [1.0, np.e]))
    array([0., 0., 1.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.concatenate([np.zeros(0)] + [part for _, _, part in _parts(model, spaces)])


def unpack(model: Model, vector: FloatArray, spaces: Spaces | None = None) -> Model:
    """Return a model like `model` with the free parameters in `vector`."""
    return unpacker(model, spaces)(vector)


def unpacker(model: Model, spaces: Spaces | None = None) -> Callable[[FloatArray], Model]:
    """Return `unpack` for this model: a function of the vector, for many of them."""
    with np.errstate(divide="ignore", invalid="ignore"):  # of a model at the edge, as in `pack`
        parts = [(name, space, len(part)) for name, space, part in _parts(model, spaces)]

    def unpacked(vector: FloatArray) -> Model:
        new, start = {}, 0
        for name, space, size in parts:
            own = vector[start : start + size]
            value = getattr(model, name)
            new[name] = _inner(value, own) if space is None else space.bound(own, np.asarray(value))
            start += size
        return replace(model, **new)  # type: ignore[type-var]

    return unpacked


def pull(model: HasSpaces, slopes: Mapping[str, Any], spaces: Spaces | None = None) -> FloatArray:
    """Return the slope of a function by the free coordinates, (P,), given that by the parameters.

    Parameters
    ----------
    model : EMModel
        Where the slope was taken.
    slopes : mapping of str to ndarray
        Of each parameter, in its shape. Of a matrix S that is symmetric, the G for which the
        function grows by sum(G * dS). Of a model inside, such a mapping again.

    Raises
    ------
    NotImplementedError
        If a space has no `pull`.

    Examples
    --------
    >>> from emlib import PoissonMixture
    >>> model = PoissonMixture([0.5, 0.5], [1.0, 3.0])
    >>> pull(model, {"weights": np.array([4.0, 6.0]), "rates": np.array([0.0, 2.0])})
    array([0.5, 0. , 6. ])
    """
    parts = [np.zeros(0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, space in (model.spaces if spaces is None else spaces).items():
            value: Any = getattr(model, name)
            if space is None:
                parts += map(pull, _models(value), _models(slopes[name]))
            else:
                parts.append(np.ravel(space.pulled(np.asarray(value), slopes[name])))
    return np.concatenate(parts)


def _inner(value: Any, vector: FloatArray) -> Any:
    """Unpack a model, or several of them end to end."""
    models = _models(value)
    ends = np.cumsum([len(pack(model)) for model in models])[:-1]
    inner = tuple(map(unpack, models, np.split(vector, ends)))
    return inner if isinstance(value, tuple) else inner[0]


def _parts(
    model: HasSpaces, spaces: Spaces | None
) -> Iterator[tuple[str, Space | None, FloatArray]]:
    """Yield each parameter's name, space and coordinates."""
    for name, space in (model.spaces if spaces is None else spaces).items():
        value: Any = getattr(model, name)
        if space is None:
            yield name, None, np.concatenate([pack(inner) for inner in _models(value)])
        else:
            yield name, space, np.ravel(space.free(np.asarray(value)))


def _models(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _simplex_free(p: FloatArray) -> FloatArray:
    return np.asarray(np.log(p[..., 1:] / p[..., :1]))


def _simplex_bound(v: FloatArray, like: FloatArray) -> FloatArray:
    logits = np.zeros(like.shape)
    logits[..., 1:] = v.reshape(*like.shape[:-1], -1) if v.size else 0.0
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _simplex_pull(p: FloatArray, slope: FloatArray) -> FloatArray:
    flow = np.where(p > 0, p * slope, 0.0)
    return np.asarray((flow - p * flow.sum(axis=-1, keepdims=True))[..., 1:])


_lower = functools.cache(np.tril_indices)


def _definite_free(matrix: FloatArray) -> FloatArray:
    lower = np.linalg.cholesky(matrix)
    i = np.arange(lower.shape[-1])
    lower[..., i, i] = np.log(lower[..., i, i])
    return np.asarray(lower[..., *_lower(len(i))])


def _definite_bound(v: FloatArray, like: FloatArray) -> FloatArray:
    lower = np.zeros(like.shape)
    i = np.arange(like.shape[-1])
    lower[..., *_lower(len(i))] = v.reshape(*like.shape[:-2], -1)
    lower[..., i, i] = np.exp(lower[..., i, i])
    return np.asarray(lower @ np.swapaxes(lower, -1, -2))


def _definite_pull(matrix: FloatArray, slope: FloatArray) -> FloatArray:
    lower = np.linalg.cholesky(matrix)
    by_factor = 2 * slope @ lower
    i = np.arange(lower.shape[-1])
    by_factor[..., i, i] *= lower[..., i, i]
    return np.asarray(by_factor[..., *_lower(len(i))])


REAL = Space(np.ravel, lambda v, like: v.reshape(like.shape), lambda value, slope: slope)
POSITIVE = Space(
    np.log, lambda v, like: np.exp(v).reshape(like.shape), lambda value, slope: value * slope
)
PROBABILITY = Space(
    logit,
    lambda v, like: np.asarray(expit(v)).reshape(like.shape),
    lambda value, slope: value * (1 - value) * slope,
)
SIMPLEX = Space(_simplex_free, _simplex_bound, _simplex_pull)  # along the last axis
DEFINITE = Space(_definite_free, _definite_bound, _definite_pull)  # along the last two axes
SHARED = Space(
    lambda a: np.log(a[:1]),
    lambda v, like: np.full(like.shape, np.exp(v)),
    lambda value, slope: value[:1] * slope.sum(),
)
