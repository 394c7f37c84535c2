"""What is known beforehand: parameters that stay as they are, and rows whose component is known.

Each is a mixture around a mixture. Its two functions, the E-step and the M-step, are those of
the mixture inside with what is known put in, so that climbs, criteria and restarts go on as if
nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib._machinery.validation import number_array, reject_rows
from emlib._machinery.value import BoolArray, FloatArray, IntArray
from emlib.convergence import SAME
from emlib.coordinates import SIMPLEX, Space, pack, pull, unpack
from emlib.em import Expectation
from emlib.mixture import EMPTY, Mixture
from emlib.prior import MixturePrior

UNKNOWN = -1  # the label of a row whose component is not known


@dataclass(frozen=True, eq=False)
class Around(Mixture):
    """A mixture around another: what is not said here, the one inside says.

    Attributes
    ----------
    model : Mixture
        The mixture inside. Its parameters can be read from outside, too.
    """

    model: Mixture

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "model":  # not there yet, while it is unpickled
            raise AttributeError(name)
        return getattr(self.model, name)

    @property
    def weights(self) -> FloatArray:  # type: ignore[override]
        """Mixing weights, shape (K,)."""
        return self.model.weights

    @property
    def prior(self) -> MixturePrior | None:  # type: ignore[override]
        """Prior of the mixture inside."""
        return self.model.prior

    @property
    def labels_alone(self) -> bool:  # type: ignore[override]
        """Whether nothing but its label is hidden of a row."""
        return self.model.labels_alone

    @property
    def width(self) -> int:
        """Numbers that an E-step holds for each number of the data, about."""
        return self.model.width

    @property
    def _own(self) -> list[str]:
        return self.model._own

    def with_weights(self, weights: ArrayLike) -> Self:
        """Return the same, with other mixing weights of the mixture inside."""
        return replace(self, model=self.model.with_weights(weights))

    def log_prior(self) -> float:
        """Return the log prior density of the parameters, known or not; 0.0 without a prior."""
        return self.model.log_prior()

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return Q of the mixture inside, up to a constant, in nats."""
        return self.model.complete_log_likelihood(self._inside(expectation))

    def score(self, expectation: Expectation) -> dict[str, Any]:
        """Return the slope of Q + log prior by the parameters of the mixture inside."""
        return {"model": self.model.score(self._inside(expectation))}

    def _inside(self, expectation: Expectation) -> Expectation:
        """Return what the mixture inside expects."""
        return replace(expectation, of=expectation.of.model)

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K)."""
        return self.model.distances()

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit, one sentence each."""
        return self.model.doubts(counts)


# ---------------------------------------------------------------------------------------------
# Parameters that stay
# ---------------------------------------------------------------------------------------------


def hold(model: Mixture, *names: str, components: Iterable[int] | None = None) -> Held | Labelled:
    """Return the mixture with some of its parameters held: EM maximises over the others.

    Parameters
    ----------
    model : Mixture
        The held parameters keep the values that they have here.
    *names : str
        Which parameters; if none are named, all but the weights.
    components : iterable of int, optional
        Of which components, counted from zero; all if not given. What components share (a tied
        covariance, a common variance) is held for all of them.

    Returns
    -------
    Held
        With the mixture inside as `model`. Only free parameters count in `n_parameters`, and so
        in AIC and BIC. To hold more, hold it again.

    Raises
    ------
    ValueError
        If there is no such parameter or component; or if the family does not know how to
        maximise over one parameter of a component while another one is held (to know it, it
        defines `m_step_given`).

    References
    ----------
    Meng and Rubin (1993), Biometrika 80:267-278, for the maximum given some parameters.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, data, em
    >>> x = data.old_faithful()[:, 1]
    >>> start = GaussianMixture1D([0.5, 0.5], [55.0, 80.0], 30.0)
    >>> fit = em.fit(hold(start, "means"), x)
    >>> fit.status, fit.model.means, fit.model.n_parameters
    ('converged', array([55., 80.]), 3)

    A mixture of zeros and a Poisson:

    >>> from emlib import PoissonMixture
    >>> inflated = hold(PoissonMixture([0.5, 0.5], [0.0, 2.0]), components=[0])
    >>> fit = em.fit(inflated, [0, 0, 0, 0, 1, 2, 3])
    >>> fit.model.rates.round(2), fit.model.n_parameters
    (array([0.  , 1.59]), 2)
    """
    _require_mixture(model)
    if isinstance(model, Labelled):
        return replace(model, model=hold(model.model, *names, components=components))
    before: dict[str, BoolArray] = {}
    if isinstance(model, Held):
        before, model = model.masks, model.model
    k, own = model.n_components, list(model.spaces)
    for name in names:
        if name not in own:
            raise ValueError(
                f"{type(model).__name__} has no free parameter {name!r}, but {', '.join(own)}."
            )
    chosen = np.zeros(k, dtype=bool)
    if not (components is None or isinstance(components, Iterable)):
        raise ValueError(f"components must list whole numbers, such as [0], not {components!r}.")
    for component in range(k) if components is None else components:
        if isinstance(component, (bool, np.bool_)):
            raise ValueError("components must be numbers: of a mask, give np.flatnonzero(mask).")
        if not isinstance(component, (int, np.integer)):
            raise ValueError(f"components must list whole numbers, such as [0], not {component!r}.")
        if not 0 <= component < k:
            raise ValueError(f"components must lie between 0 and {k - 1}: there are {k}.")
        chosen[component] = True
    if not chosen.any():
        raise ValueError("components is empty; name at least one.")
    masks = dict.fromkeys(names or [name for name in own if name != "weights"], chosen)
    masks = {name: chosen | (name in model.shared) for name, chosen in masks.items()}
    masks |= {name: mask | masks.get(name, False) for name, mask in before.items()}
    _require_exact(model, masks)
    in_order = [name for name in own if name in masks]
    return Held(model, tuple((n, tuple(np.flatnonzero(masks[n]).tolist())) for n in in_order))


def _require_mixture(model: Any) -> None:
    if not isinstance(model, Mixture):
        raise ValueError(f"model must be a mixture, but {type(model).__name__} is none.")


def _require_exact(model: Mixture, masks: Mapping[str, BoolArray]) -> None:
    """Refuse to hold what the family cannot hold and yet reach the maximum over the rest."""
    for name, mask in masks.items():
        if model.spaces[name] is None and not mask.all():
            raise ValueError(f"{name} can only be held whole: hold a model inside it.")
    if type(model).m_step_given is not Mixture.m_step_given:
        return
    own = [name for name in model.spaces if name != "weights"]
    held = np.array([masks.get(name, np.zeros(model.n_components, dtype=bool)) for name in own])
    split = held.any(axis=0) & ~held.all(axis=0)
    loose = [name for name in own if name in model.shared and name not in masks]
    if split.any() or (held.any() and loose):
        raise ValueError(
            f"{type(model).__name__} does not say how to maximise over some of {', '.join(own)} "
            "of a component while others are held. Hold all of them, or define m_step_given."
        )


@dataclass(frozen=True, eq=False)
class Held(Around):
    """A mixture with some of its parameters held, as `hold` makes it.

    Attributes
    ----------
    model : Mixture
        The mixture.
    held : tuple of (str, tuple of int)
        Parameters that stay, and of which components.
    """

    held: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def row_ndim(self) -> int:  # type: ignore[override]
        """What a row is: 0 for one number, 1 for a vector of numbers."""
        return self.model.row_ndim

    @property
    def masks(self) -> dict[str, BoolArray]:
        """Of each parameter that stays, in which components, shape (K,)."""
        return {name: _mask(self.n_components, components) for name, components in self.held}

    # -- the mixture inside ---------------------------------------------------------------

    def numbers(self, x: ArrayLike) -> FloatArray:  # type: ignore[override]
        """Return x as an array of numbers, as the mixture inside does."""
        return self.model.numbers(x)

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as the mixture inside takes it."""
        return self.model.check(x)

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n | k), shape (N, K), in nats."""
        return self.model.log_components(x)

    def _log_joint(self, x: FloatArray) -> FloatArray:
        return self.model._log_joint(x)

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the expectation of a block: what is held makes no difference to it."""
        return self.model.expect_block(x, w)

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[Any, ...]:
        """Return the expected sufficient statistics of the mixture inside."""
        return self.model.statistics(x, responsibilities)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw one observation from component z_n for each n."""
        return self.model.draw(z, rng)

    def draw_like(self, x: FloatArray, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw row n from component z_n, the same as row n of x in what is not random."""
        return self.model.draw_like(x, z, rng)

    def sample(
        self, n: int, rng: int | np.random.Generator, **options: Any
    ) -> tuple[FloatArray, IntArray]:
        """Draw n observations and their components, as the mixture inside does."""
        return self.model.sample(n, rng, **options)

    # -- what is held ---------------------------------------------------------------------

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint over what is free."""
        # A component of which everything is known need not have any data.
        counts, masks = expectation.counts, list(self.masks.values())
        known = np.logical_and.reduce(masks) & (len(masks) == len(self.model.spaces))
        counts = np.where(known, np.maximum(counts, 2 * EMPTY * counts.sum()), counts)
        new = self.model.m_step_given(replace(expectation, counts=counts), self.masks)
        kept: dict[str, Any] = {}
        for name, mask in self.masks.items():
            old, value = getattr(self.model, name), getattr(new, name)
            if name == "weights":
                kept[name] = self._with_held(value)
            else:
                kept[name] = old if mask.all() else _put(value, mask, old[mask])
        return replace(self, model=replace(new, **kept))  # type: ignore[type-var]

    def with_weights(self, weights: ArrayLike) -> Self:
        """Return the same, with other mixing weights where they are not held."""
        return replace(self, model=self.model.with_weights(self._with_held(np.asarray(weights))))

    def _with_held(self, weights: FloatArray) -> FloatArray:
        """Return mixing weights of which the free ones share what the held ones leave."""
        old, mask = self.weights, self.masks.get("weights", np.zeros(self.n_components, dtype=bool))
        if mask.all() or not mask.any():
            return old if mask.all() else weights
        left = 1 - old[mask].sum()
        return np.where(mask, old, weights * (left / weights[~mask].sum()))

    @property
    def spaces(self) -> dict[str, Space]:
        """One, of the free parameters of the mixture inside."""
        own = dict(self.model.spaces)
        for name, mask in self.masks.items():
            space = own.pop(name)
            if space is not None and not mask.all():
                own[name] = _part_of_simplex(~mask) if name == "weights" else _part(space, ~mask)

        def free(model: Any) -> FloatArray:  # it comes as an array of one item
            return pack(model.item(), own)

        def bound(vector: FloatArray, like: Any) -> Any:
            return unpack(like.item(), vector, own)

        def pulled(like: Any, slopes: Any) -> FloatArray:
            return pull(like.item(), slopes, own)

        return {"model": Space(free, bound, pulled)}

    def reordered(self, order: ArrayLike) -> Self:
        """Return the same mixture with its components, and what is held of them, in this order."""
        order = np.asarray(order)
        held = [(n, tuple(np.flatnonzero(mask[order]).tolist())) for n, mask in self.masks.items()]
        return replace(self, model=self.model.reordered(order), held=tuple(held))


def _mask(k: int, components: tuple[int, ...]) -> BoolArray:
    """Return which of k components are among these, shape (K,)."""
    mask = np.zeros(k, dtype=bool)
    mask[list(components)] = True
    return mask


def _put(value: FloatArray, where: BoolArray, rows: FloatArray) -> FloatArray:
    """Return an array with these rows where they belong."""
    new = np.array(value)
    new[where] = rows
    return new


def _part(space: Space, free: BoolArray) -> Space:
    """Return the space of the free rows of a parameter."""
    return Space(
        lambda a: space.free(a[free]),
        lambda v, like: _put(like, free, space.bound(v, like[free])),
        lambda a, slope: space.pulled(a[free], slope[free]),
    )


def _part_of_simplex(free: BoolArray) -> Space:
    """Return the space of weights that share what the others leave."""
    return Space(
        lambda w: SIMPLEX.free(w[free]),
        lambda v, like: _put(like, free, SIMPLEX.bound(v, like[free]) * like[free].sum()),
        lambda w, slope: SIMPLEX.pulled(w[free] / w[free].sum(), w[free].sum() * slope[free]),
    )


# ---------------------------------------------------------------------------------------------
# Rows whose component is known
# ---------------------------------------------------------------------------------------------


def labelled(model: Mixture) -> Labelled:
    """Return the mixture for data of which some rows are known to be of a certain component.

    Parameters
    ----------
    model : Mixture
        Components in the order of the labels: start near where the labelled rows are. To hold
        parameters as well, hold them first or afterwards.

    Returns
    -------
    Labelled
        With the mixture inside as `model`, which takes rows without labels. Its own rows have
        one more column, the last: the number of the component, or -1 where it is not known
        (see `with_labels`). The responsibilities of a row with a label are 0 and 1, and what it
        adds to the log-likelihood is its log joint density with the label.

    References
    ----------
    McLachlan and Peel (2000), Finite Mixture Models, section 2.19, on partial classification.

    Examples
    --------
    >>> from emlib import GaussianMixture1D, em
    >>> x = with_labels([0.0, 1.0, 2.0, 5.0, 6.0], [0, -1, -1, -1, 1])
    >>> fit = em.fit(labelled(GaussianMixture1D([0.5, 0.5], [0.0, 6.0], 4.0)), x)
    >>> fit.model.responsibilities(x)[[0, 4]]
    array([[1., 0.],
           [0., 1.]])
    >>> fit.model.means.round(1)
    array([1. , 5.5])
    """
    _require_mixture(model)
    return model if isinstance(model, Labelled) else Labelled(model)


def with_labels(x: ArrayLike, labels: ArrayLike) -> FloatArray:
    """Return data with their labels as one more column: what a `labelled` mixture takes.

    Parameters
    ----------
    x : array_like, shape (N,) or (N, D)
        Data.
    labels : array_like, shape (N,)
        The component of each row, counted from zero, or -1 where it is not known.

    Returns
    -------
    ndarray, shape (N, 2) or (N, D + 1)

    Raises
    ------
    ValueError
        If there is not one label a row, or a label is no whole number from -1 up.

    Examples
    --------
    >>> with_labels([0.5, 2.5], [-1, 1])
    array([[ 0.5, -1. ],
           [ 2.5,  1. ]])
    """
    rows, column = number_array(x, "x"), number_array(labels, "labels")
    if rows.ndim not in (1, 2):
        raise ValueError(f"x must have shape (N,) or (N, D), not {rows.shape}.")
    if column.shape != rows.shape[:1]:
        raise ValueError(
            f"labels must have shape {rows.shape[:1]}, one a row of x, not {column.shape}."
        )
    bad = ~((column >= UNKNOWN) & (column == np.round(column)))
    reject_rows(bad, "labels", "that are no components", f"Give {UNKNOWN} if it is not known.")
    return np.column_stack([rows, column])


@dataclass(frozen=True, eq=False)
class Labelled(Around):
    """A mixture for rows with a label or without, as `labelled` makes it.

    Attributes
    ----------
    model : Mixture
        The mixture, of rows without labels.
    named : tuple of bool
        Of which components there were rows with a label, in the last M-step.
    """

    named: tuple[bool, ...] = field(default=(), repr=False, compare=False)
    row_ndim: ClassVar[int] = 1
    spaces = {"model": None}  # noqa: RUF012

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as rows that the mixture inside can have produced, each with a label."""
        array = number_array(x, "x")
        plain = self.model.row_ndim == 0
        if array.ndim != 2 or array.shape[1] < 2 or (plain and array.shape[1] > 2):
            wanted = "(N, 2)" if plain else "(N, D + 1)"
            raise ValueError(
                f"x must have shape {wanted}, its last column the labels, not {array.shape}. "
                "Join them by with_labels(x, labels); rows without labels go to .model."
            )
        rows, labels = self._split(array)
        bad = ~np.isin(labels, np.arange(UNKNOWN, self.n_components))
        remedy = f"There are {self.n_components}, from 0; {UNKNOWN} means that it is not known."
        reject_rows(bad, "x", "whose last column is the label of no component", remedy)
        return np.column_stack([self.model.check(rows), labels])

    def _split(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the rows as the mixture inside takes them, and the labels (N,)."""
        return (x[:, 0] if self.model.row_ndim == 0 else x[:, :-1]), x[:, -1]

    def _told(self, values: FloatArray, labels: FloatArray) -> FloatArray:
        """Return log densities (N, K), -inf where the label says another component."""
        other = (labels != UNKNOWN)[:, None] & (labels[:, None] != np.arange(self.n_components))
        return np.where(other, -np.inf, values)

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n, label_n | k), shape (N, K), in nats: -inf if the label is another."""
        rows, labels = self._split(self.check(x))
        return self._told(self.model.log_components(rows), labels)

    def _log_joint(self, x: FloatArray) -> FloatArray:
        rows, labels = self._split(x)
        return self._told(self.model._log_joint(rows), labels)

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[Any, ...]:
        """Return the statistics of the mixture inside, and how many rows are labelled, (K,)."""
        rows, labels = self._split(x)
        known = (labels != UNKNOWN).astype(np.float64) @ responsibilities
        return (*self.model.statistics(rows, responsibilities), known)

    def m_step(self, expectation: Expectation) -> Self:
        """Return the M-step of the mixture inside."""
        *inside, known = expectation.statistics
        model = self.model.m_step(replace(expectation, statistics=tuple(inside)))
        return replace(self, model=model, named=tuple((known > 0).tolist()))

    def _inside(self, expectation: Expectation) -> Expectation:
        return super()._inside(replace(expectation, statistics=expectation.statistics[:-1]))

    def distances(self) -> FloatArray:
        """Return how different components are, (K, K): never the same where labels tell apart."""
        own, named = self.model.distances(), np.array(self.named, dtype=bool)
        told = named[:, None] | named if named.size else np.zeros(own.shape, dtype=bool)
        return np.where(told & ~np.eye(len(own), dtype=bool), np.maximum(own, 2 * SAME), own)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw one observation, without a label, from component z_n for each n."""
        return with_labels(self.model.draw(z, rng), np.full(len(z), UNKNOWN))

    def sample(
        self, n: int, rng: int | np.random.Generator, **options: Any
    ) -> tuple[FloatArray, IntArray]:
        """Draw n observations without labels, as the mixture inside does, and their components."""
        x, z = self.model.sample(n, rng, **options)
        return with_labels(x, np.full(n, UNKNOWN)), z

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set like x: the same labels, and rows from the components that they name."""
        generator, (rows, labels) = np.random.default_rng(rng), self._split(self.check(x))
        z = generator.choice(self.n_components, size=len(labels), p=self.weights)
        z = np.where(labels == UNKNOWN, z, labels.astype(np.int64))
        return with_labels(self.model.draw_like(rows, z, generator), labels)

    def reordered(self, order: ArrayLike) -> Self:
        """Refuse: labels in the data name components by their place."""
        raise ValueError("labels name components by their place: give .model another order.")
