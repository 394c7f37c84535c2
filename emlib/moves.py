"""Where a search may go on: starts of different kinds, and moves away from a summit.

Both are made of responsibilities, from which the family's own M-step makes a model. So nothing
here knows what the components of a mixture are.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logsumexp, softmax

from emlib._machinery.blocks import unit_of
from emlib._machinery.value import FloatArray

KINDS = (  # of start, in turn: a method, and whether its components get reaches of their own
    ("k-means++", False),
    ("random_from_data", False),
    ("random_from_data", True),
    ("kmeans", False),
    ("slices", False),
    ("random_scales", True),
)
APART = 0.02  # weight of two components that do not overlap, beside 1 for two that are the same


@dataclass(frozen=True)
class Maker:
    """Makes models of K components of a family, for data x (N, ...) with weights (N,) or None.

    What it is asked to make of too few rows, or too equal ones, is refused by the family with a
    ValueError, or by its M-step with a DegenerateError.
    """

    family: Any
    x: FloatArray
    weight: FloatArray | None
    n_components: int
    options: dict[str, Any]

    @property
    def _weight(self) -> FloatArray:
        """What each row weighs, (N,)."""
        return np.ones(len(self.x)) if self.weight is None else self.weight

    def start(self, method: str, own_reaches: bool, rng: np.random.Generator) -> Any:
        """Return a start; with reaches of their own, its components differ in shape as well."""
        model = self._start(self.x, self.weight, self.n_components, method, self.options, rng)
        if not own_reaches:
            return model
        with np.errstate(invalid="ignore"):  # NaN, if no component has a row, fails the M-step
            return self._made(model, softmax(self._kernels(model, rng), axis=1))

    def moved(self, model: Any, log_joint: FloatArray, rng: np.random.Generator) -> Any:
        """Return a model with one component taken away, and one put in elsewhere.

        Two components become one, or one is removed and its rows go to the others; then one is
        split, or a new one takes its share from all of them.

        Parameters
        ----------
        model : Mixture
            Of K > 1 components.
        log_joint : ndarray, shape (N, K)
            ``model.log_joint(x)``.
        """
        if rng.random() < 0.5:
            q, free = _merged(log_joint, rng, self._weight)
        else:
            q, free = _removed(log_joint, rng)
        with np.errstate(invalid="ignore"):  # NaN, if a row was the removed one's, likewise
            if rng.random() < 0.5:
                return self._made(model, self._split(q, free, rng))
            return self._made(model, self._inserted(q, free, log_joint, rng))

    def _start(
        self,
        x: FloatArray,
        w: FloatArray | None,
        k: int,
        method: str,
        options: dict[str, Any],
        rng: np.random.Generator,
    ) -> Any:
        """Return ``family.start``, given of method and weights what it takes."""
        known = inspect.signature(self.family.start).parameters
        extra = {"method": method, "sample_weight": w}
        taken = {name: value for name, value in extra.items() if name in known}
        return self.family.start(x, k, rng, **{**taken, **options})

    def _made(self, model: Any, q: FloatArray) -> Any:
        """Return the model that the M-step makes of any responsibilities q (N, K)."""
        q = q if self.weight is None else q * self.weight[:, None]
        return model.m_step(model.expect_under(self.x, q))

    def _split(self, q: FloatArray, free: int, rng: np.random.Generator) -> FloatArray:
        """Share the rows of one component between itself and the free column of q (N, K)."""
        counts = self._weight @ q
        k = int(rng.choice(len(counts), p=counts / counts.sum()))
        own = q.argmax(axis=1) == k
        w = None if self.weight is None else self.weight[own]
        plain = {name: value for name, value in self.options.items() if name != "prior"}
        halves = self._start(self.x[own], w, 2, KINDS[rng.integers(2)][0], plain, rng)
        share = softmax(self._kernels(halves, rng), axis=1)
        q[:, free] = q[:, k] * share[:, 0]
        q[:, k] *= share[:, 1]
        return q

    def _inserted(
        self, q: FloatArray, free: int, log_joint: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Give the free column of q what a component of a fresh start takes from the others."""
        start = self.start("random_from_data", False, rng)
        new = self._kernels(start, rng)[:, rng.integers(self.n_components)]
        others = self._normalised(logsumexp(np.delete(log_joint, free, axis=1), axis=1))
        share = expit(new - others - np.log(self.n_components - 1))
        q *= 1 - share[:, None]
        q[:, free] = share
        return q

    def _kernels(self, model: Any, rng: np.random.Generator) -> FloatArray:
        """Return log densities (N, K) of components whose reach has changed at random.

        A density to the power b reaches farther if b < 1 and less far if b > 1, whatever the
        family; what it should be divided by is not known, so all sum to one over the data.
        """
        powers = np.exp(rng.standard_normal(model.n_components))
        return self._normalised(powers * model.log_components(self.x))

    def _normalised(self, log_values: FloatArray) -> FloatArray:
        """Return log values, (N,) or (N, K), that sum to one over the data."""
        w = self._weight.reshape(-1, *[1] * (log_values.ndim - 1)) / unit_of(self.weight)
        return np.asarray(log_values - logsumexp(log_values, axis=0, b=w))


def _removed(log_joint: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Return responsibilities (N, K) of all components but one, and which one is free now."""
    free = int(rng.integers(log_joint.shape[1]))
    rest = log_joint.copy()
    rest[:, free] = -np.inf
    with np.errstate(invalid="ignore"):
        return softmax(rest, axis=1), free


def _merged(
    log_joint: FloatArray, rng: np.random.Generator, w: FloatArray
) -> tuple[FloatArray, int]:
    """Return responsibilities (N, K) with two components in one, preferably two that overlap.

    Rows count as much as they weigh, (N,).
    """
    q = softmax(log_joint, axis=1)
    length = np.sqrt(w @ q**2) + np.finfo(float).tiny
    i, j = np.triu_indices(q.shape[1], k=1)
    overlap = APART + (q.T * w @ q / np.outer(length, length))[i, j]
    pair = rng.choice(len(i), p=overlap / overlap.sum())
    q[:, i[pair]] += q[:, j[pair]]
    q[:, j[pair]] = 0.0
    return q, int(j[pair])
