"""The mixture families under test: random models and data, and unconstrained coordinates.

A new family joins by one more `Case` in `CASES`; every law in laws.py then applies to it. With
a prior for its components in `COMPONENT_PRIORS`, so does its MAP fit, in `CASES_WITH_PRIOR`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from emlib import (
    Beta,
    BinomialMixture,
    Dirichlet,
    Gamma,
    GaussianMixture,
    GaussianMixture1D,
    IncompleteGaussianMixture,
    MixturePrior,
    NormalInverseWishart,
    StudentTMixture,
)
from emlib.families.poisson import PoissonMixture
from emlib.mixture import Mixture


@dataclass(frozen=True)
class Case:
    """One family, with one choice of its options.

    `draw(rng)` gives a random model and data unrelated to it; `clear(rng)` a start and data
    from which EM converges fast; `move(rng, model, x)` transforms both, and gives the log of
    the factor by which a density of one row shrinks (or of each row, if they differ).
    """

    name: str
    draw: Callable[[np.random.Generator], tuple[Mixture, np.ndarray]]
    clear: Callable[[np.random.Generator], tuple[Mixture, np.ndarray]]
    move: Callable[..., tuple[Mixture, np.ndarray, float]] | None = None

    @property
    def labels_alone(self) -> bool:
        """Whether no more than the label of a row is hidden."""
        return self.draw(np.random.default_rng(0))[0].labels_alone

    def __str__(self) -> str:
        return self.name


def parameters(model: Mixture) -> dict[str, Any]:
    """Return the public fields of a model."""
    return {f.name: getattr(model, f.name) for f in fields(model) if f.init}


def relabel(model: Mixture, order: np.ndarray) -> Mixture:
    """Return the model with its components in another order."""
    shared = ("covariances",) if getattr(model, "covariance_type", None) == "tied" else ()
    arrays = {
        n: v
        for n, v in parameters(model).items()
        if n in {"weights", "degrees_of_freedom", *model.spaces} and n not in shared
    }
    new = {name: value[order] for name, value in arrays.items()}
    if model.prior is not None and model.prior.weights.concentration.ndim:
        weights = Dirichlet(model.prior.weights.concentration[order])
        new["prior"] = MixturePrior(model.prior.components, weights)
    return replace(model, **new)


# --- the families


def _weights(rng, k):
    return rng.dirichlet(np.full(k, 5.0))


def _binomial(fixed):
    def draw(rng):
        k, n = rng.integers(1, 4), 25
        tosses = rng.integers(1, 12, n)
        x = np.column_stack([rng.binomial(tosses, rng.uniform(0.1, 0.9, n)), tosses])
        return BinomialMixture(_weights(rng, k), rng.uniform(0.2, 0.8, k), fixed), x

    def clear(rng):
        heads = rng.binomial(20, np.repeat([0.2, 0.8], 15))
        model = BinomialMixture([0.4, 0.6], [0.3, 0.6], fixed)
        return model, np.column_stack([heads, np.full(30, 20)])

    def move(rng, model, x):  # heads become tails
        tails = np.column_stack([x[:, 1] - x[:, 0], x[:, 1]])
        moved = replace(
            model,
            probabilities=1 - model.probabilities,
            prior=_moved(model.prior, lambda beta: Beta(beta.b, beta.a)),
        )
        return moved, tails, 0.0

    return Case("binomial" + fixed * "-fixed-weights", draw, clear, move)


def _gaussian1d(common):
    def draw(rng):
        k = rng.integers(1, 4)
        variances = np.full(k, rng.uniform(1, 4)) if common else rng.uniform(1, 4, k)
        model = GaussianMixture1D(_weights(rng, k), 2 * rng.standard_normal(k), variances, common)
        return model, 2 * rng.standard_normal(25)

    def clear(rng):
        x = np.repeat([-4.0, 4.0], 15) + rng.standard_normal(30)
        return GaussianMixture1D([0.4, 0.6], [-3.0, 3.0], 2.0, common), x

    def move(rng, model, x):
        a, b = rng.choice([-1, 1]) * np.exp(rng.standard_normal()), 10 * rng.standard_normal()
        moved = replace(
            model,
            means=a * model.means + b,
            variances=a**2 * model.variances,
            prior=_moved(model.prior, lambda p: _niw(p, a * p.mean + b, a**2 * p.scale)),
        )
        return moved, a * x + b, np.log(abs(a))

    return Case("gaussian-1d" + common * "-common", draw, clear, move)


def _gaussian(kind):
    def covariances(rng, k, d):
        a = rng.standard_normal((k, d, d))
        full = a @ a.transpose(0, 2, 1) + np.eye(d)
        return {
            "full": full,
            "tied": full[0],
            "diag": rng.uniform(1, 4, (k, d)),
            "spherical": rng.uniform(1, 4, k),
        }[kind]

    def draw(rng):
        k, d = rng.integers(1, 4), rng.integers(1, 4)
        means = rng.standard_normal((k, d))
        model = GaussianMixture(_weights(rng, k), means, covariances(rng, k, d), kind)
        return model, 2 * rng.standard_normal((50, d))

    def clear(rng):
        x = np.repeat([[-4.0, 0.0], [4.0, 1.0]], 20, axis=0) + rng.standard_normal((40, 2))
        start = {"full": [np.eye(2)] * 2, "tied": np.eye(2), "diag": np.ones((2, 2))}
        means = [[-3.0, 0.0], [3.0, 0.0]]
        return GaussianMixture([0.4, 0.6], means, start.get(kind, np.ones(2)), kind), x

    def move(rng, model, x):
        """Apply a map that leaves the family as it is: any, stretched axes, or a similarity."""
        d = x.shape[1]
        b = 10 * rng.standard_normal(d)
        stretch = np.exp(rng.standard_normal(d))
        rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
        a = {"diag": np.diag(stretch), "spherical": rotation * stretch[0]}.get(
            kind, rotation * stretch
        )

        def seen(covariance):
            if kind == "diag":
                return covariance * stretch**2
            if kind == "spherical":
                return covariance * stretch[0] ** 2
            moved = a @ covariance @ a.T
            return (moved + np.swapaxes(moved, -1, -2)) / 2

        new = replace(
            model,
            means=model.means @ a.T + b,
            covariances=seen(model.covariances),
            prior=_moved(model.prior, lambda p: _niw(p, a @ p.mean + b, seen(p.scale))),
        )
        return new, x @ a.T + b, np.linalg.slogdet(a)[1]

    return Case(f"gaussian-{kind}", draw, clear, move)


def _poisson():
    def draw(rng):
        k = rng.integers(1, 4)
        x = rng.poisson(rng.uniform(0.5, 8, 25)).astype(float)
        return PoissonMixture(_weights(rng, k), rng.uniform(1, 8, k)), x

    def clear(rng):
        x = rng.poisson(np.repeat([2.0, 20.0], 15)).astype(float)
        return PoissonMixture([0.4, 0.6], [3.0, 15.0]), x

    return Case("poisson", draw, clear)


def _student(fixed):
    def draw(rng):
        k, d = rng.integers(1, 4), rng.integers(1, 4)
        a = rng.standard_normal((k, d, d))
        scales = a @ a.transpose(0, 2, 1) + np.eye(d)
        nu = rng.uniform(1, 20, k)
        means = rng.standard_normal((k, d))
        model = StudentTMixture(_weights(rng, k), means, scales, nu, fixed)
        return model, 2 * rng.standard_t(3, (50, d))

    def clear(rng):
        share = np.tile((np.arange(40) + 0.5) / 40, 2)  # squares are quantiles, tails heavy
        radii = np.sqrt(2 * ((1 - share) ** -1.0 - 1))
        angles = rng.uniform(0, 2 * np.pi, 80)
        x = radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
        x += np.repeat([[-60.0, 0.0], [60.0, 1.0]], 40, axis=0)
        means = [[-58.0, 0.0], [58.0, 0.0]]
        return StudentTMixture([0.4, 0.6], means, [np.eye(2)] * 2, [2.0, 3.0], fixed), x

    def move(rng, model, x):
        d = x.shape[1]
        b = 10 * rng.standard_normal(d)
        stretch = np.exp(rng.standard_normal(d))
        a = np.linalg.qr(rng.standard_normal((d, d)))[0] * stretch

        def seen(scale):
            moved = a @ scale @ a.T
            return (moved + np.swapaxes(moved, -1, -2)) / 2

        new = replace(
            model,
            means=model.means @ a.T + b,
            scales=seen(model.scales),
            prior=_moved(model.prior, lambda p: _niw(p, a @ p.mean + b, seen(p.scale))),
        )
        return new, x @ a.T + b, np.linalg.slogdet(a)[1]

    return Case("student-t" + fixed * "-fixed", draw, clear, move)


def _incomplete():
    def with_holes(rng, x):
        """Take entries out, a third of the rows excepted."""
        holes = rng.random(x.shape) < 0.3
        holes[: len(x) // 3] = False
        return np.where(holes, np.nan, x)

    def draw(rng):
        k, d = rng.integers(1, 4), rng.integers(1, 4)
        a = rng.standard_normal((k, d, d))
        covariances = a @ a.transpose(0, 2, 1) + np.eye(d)
        means = rng.standard_normal((k, d))
        model = IncompleteGaussianMixture(_weights(rng, k), means, covariances)
        return model, with_holes(rng, 2 * rng.standard_normal((50, d)))

    def clear(rng):
        x = np.repeat([[-9.0, 0.0], [9.0, 1.0]], 30, axis=0) + rng.standard_normal((60, 2))
        means = [[-8.0, 0.0], [8.0, 0.0]]
        x[rng.permutation(60)[:12], 1] = np.nan  # more holes, and EM is slow
        return IncompleteGaussianMixture([0.4, 0.6], means, [np.eye(2)] * 2), x

    def move(rng, model, x):
        """Stretch and move each axis: where entries are missing there is no other map."""
        d = x.shape[1]
        b, a = 10 * rng.standard_normal(d), np.exp(rng.standard_normal(d))
        new = replace(
            model,
            means=model.means * a + b,
            covariances=model.covariances * np.outer(a, a),
            prior=_moved(model.prior, lambda p: _niw(p, a * p.mean + b, p.scale * np.outer(a, a))),
        )
        return new, x * a + b, ~np.isnan(x) @ np.log(a)

    return Case("incomplete", draw, clear, move)


# --- the families with a prior


def _moved(prior, move):
    """Return the prior as it looks after the data have been moved."""
    return None if prior is None else MixturePrior(move(prior.components), prior.weights)


def _niw(prior, mean, scale):
    return replace(prior, mean=mean, scale=scale)


def _any_niw(rng, model):
    """A normal-inverse-Wishart prior of the right shape, weak or strong, none of its numbers 1."""
    d = model.means.shape[1] if model.means.ndim == 2 else 1
    a = rng.standard_normal((d, d))
    matrix = a @ a.T + np.eye(d)
    kind = getattr(model, "covariance_type", "1-D" if model.means.ndim == 1 else "full")
    scale = {"1-D": matrix[0, 0], "spherical": matrix[0, 0], "diag": np.diag(matrix)}
    mean = 2 * rng.standard_normal(model.means.shape[1:])
    freedom = d - 1 + rng.uniform(0.1, 6)
    return NormalInverseWishart(mean, rng.uniform(0.05, 3), freedom, scale.get(kind, matrix))


COMPONENT_PRIORS = {
    BinomialMixture: lambda rng, model: Beta(*rng.uniform(1, 4, 2)),
    PoissonMixture: lambda rng, model: Gamma(rng.uniform(1, 4), rng.uniform(0.1, 2)),
    GaussianMixture1D: _any_niw,
    GaussianMixture: _any_niw,
    IncompleteGaussianMixture: _any_niw,
    StudentTMixture: _any_niw,
}


def some_prior(rng, model):
    """A random prior for a model, with one concentration for all weights or one for each."""
    concentration = rng.uniform(1, 4, rng.choice([1, model.n_components]))
    weights = Dirichlet(concentration if len(concentration) > 1 else concentration[0])
    return MixturePrior(COMPONENT_PRIORS[type(model)](rng, model), weights)


def _with_prior(case):
    def draw(rng):
        model, x = case.draw(rng)
        return replace(model, prior=some_prior(rng, model)), x

    def clear(rng):
        model, x = case.clear(rng)
        return replace(model, prior=some_prior(rng, model)), x

    return Case(f"{case.name}-prior", draw, clear, case.move)


CASES = [
    _binomial(False),
    _binomial(True),
    _gaussian1d(False),
    _gaussian1d(True),
    *(_gaussian(kind) for kind in ("full", "tied", "diag", "spherical")),
    _poisson(),
    _incomplete(),
    _student(False),
    _student(True),
]
# A prior from elsewhere widens scales so much that degrees of freedom without a hold drift away.
CASES_WITH_PRIOR = [_with_prior(case) for case in CASES if case.name != "student-t"]
