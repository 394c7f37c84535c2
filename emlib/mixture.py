"""What every finite mixture shares: all of it follows from the densities of its components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, logsumexp, xlogy

from emlib._machinery import parallel
from emlib._machinery.blocks import joined, pieces
from emlib._machinery.validation import (
    RowError,
    data_vector,
    number_array,
    one_of,
    reject_rows,
    sample_weights,
)
from emlib._machinery.value import BoolArray, FloatArray, IntArray, numbers
from emlib.convergence import ALIKE, SAME, pairs_within
from emlib.em import DegenerateError, Expectation
from emlib.prior import MixturePrior
from emlib.rows import Rows

EMPTY = 1e-12  # share of the data below which a component counts as empty
ROUNDING = 1e-12  # of the largest entry of an array: what its small ones may owe to rounding
COLLAPSED = 1e-14  # variance as a share of that of all the data: rounding lives below


class Mixture(Rows):
    """A finite mixture p(x) = sum_k pi_k p(x | k), given the densities of its components.

    A family is a frozen dataclass that derives from this class, has a field `weights` (K,), and
    defines `log_components`, `statistics`, `m_step` and `spaces`; `check` too if its data are not
    plain numbers of shape (N,), and `draw` if it is to be sampled from.
    """

    row_ndim: ClassVar[int] = 0
    labels_alone: ClassVar[bool] = True  # whether nothing else of a row is hidden
    weights: FloatArray
    prior: MixturePrior | None = None  # a family that takes one has a field of this name

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a family define `log_joint` in the place of `log_components`."""
        super().__init_subclass__(**options)
        if "log_joint" in vars(cls):
            cls._log_joint = cls.log_joint  # type: ignore[method-assign]

    # -- what a family defines ------------------------------------------------------------

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n | k), shape (N, K), in nats."""
        raise NotImplementedError(f"{type(self).__name__} must define log_components(x).")

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[Any, ...]:
        """Return the expected sufficient statistics that `m_step` needs besides the counts.

        Parameters
        ----------
        x : ndarray, shape (N,) or (N, D)
            Data as returned by `check`.
        responsibilities : ndarray, shape (N, K)
            Responsibilities, each row times its sample weight.
        """
        raise NotImplementedError(f"{type(self).__name__} must define statistics(x, r).")

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a float64 array after checking that the family can have produced it."""
        return data_vector(x)

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw one observation from component z_n for each n."""
        raise NotImplementedError(f"{type(self).__name__} cannot be sampled from: define draw.")

    def log_prior_components(self) -> float:
        """Return the log prior density of all parameters but the weights, given a prior."""
        raise NotImplementedError(f"{type(self).__name__} must define log_prior_components().")

    def complete_components(self, expectation: Expectation) -> float:
        """Return the part of `complete_log_likelihood` that is not the weights'."""
        raise NotImplementedError(f"{type(self).__name__} must define complete_components(e).")

    def score_components(self, expectation: Expectation) -> dict[str, FloatArray]:
        """Return the slope of Q + log prior by all parameters but the weights, by formulas.

        A family need not define it: differences of Q take its place. One that derives from
        another and has a Q or a prior of its own defines it anew.
        """
        raise NotImplementedError(f"{type(self).__name__} has no score_components(e).")

    @property
    def shared(self) -> tuple[str, ...]:
        """Parameters that are not each component's own: a tied covariance, for example."""
        return ()

    def m_step_given(self, expectation: Expectation, held: Mapping[str, BoolArray]) -> Self:
        """Return the M-step when some parameters stay, for `known.hold`.

        A family whose components have several parameters (mean and variance) defines it if the
        best value of one depends on where another stays.

        Parameters
        ----------
        expectation : Expectation
            What `m_step` takes.
        held : dict of str to ndarray, shape (K,)
            Of each parameter that stays, in which components. What is returned in their place
            does not matter: `known.hold` puts them back.
        """
        return self.m_step(expectation)

    # -- what follows ---------------------------------------------------------------------

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return len(self.weights)

    @property
    def width(self) -> int:
        """Numbers that densities take for each number of the data: one a component."""
        return self.n_components

    @property
    def log_weights(self) -> FloatArray:
        """Logarithms of the mixing weights, shape (K,); a weight of zero gives -inf."""
        with np.errstate(divide="ignore"):
            return np.log(self.weights)

    def log_joint(self, x: ArrayLike) -> FloatArray:
        """Return log pi_k + log p(x_n | k), shape (N, K), in nats."""
        return self._by_block(self._log_joint, x)

    def _log_joint(self, x: FloatArray) -> FloatArray:
        # "F": each component in one piece of memory, along which NumPy is several times as fast
        return np.add(self.log_components(x), self.log_weights, order="F")

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""
        if self.prior is None:
            return 0.0
        return self.prior.weights.log_density(self.weights) + self.log_prior_components()

    def complete_log_likelihood(self, expectation: Expectation) -> float:
        """Return Q, the expected complete-data log-likelihood of these parameters, in nats.

        Up to a constant that does not depend on the parameters.

        Parameters
        ----------
        expectation : Expectation
            What the E-step of this model, or of another of its family, has returned. With
            `log_prior` this is what `m_step` maximises; its slope at the model of the E-step is
            that of the log-likelihood (Fisher's identity, eq. 1.11).
        """
        weights = float(xlogy(expectation.counts, self.weights).sum())
        return weights + self.complete_components(expectation)

    def score(self, expectation: Expectation) -> dict[str, Any]:
        """Return the slope of Q + log prior by each parameter, in its shape (`coordinates.pull`).

        Parameters
        ----------
        expectation : Expectation
            As for `complete_log_likelihood`.

        Raises
        ------
        NotImplementedError
            If the family has no formulas for it.
        """
        counts = expectation.counts
        if self.prior is not None:
            counts = counts + self.prior.weights.concentration - 1
        with np.errstate(divide="ignore", invalid="ignore"):  # a weight of zero: at the edge
            weights = counts / self.weights
        return {"weights": weights, **self.score_components(expectation)}

    def latent_log_joint(
        self, x: FloatArray, w: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return log p(x_n, k), shape (N, K), and the weights of the rows, (N,)."""
        if not self.labels_alone:
            raise NotImplementedError("beside the label, more is hidden of each row.")
        return self._log_joint(x), np.ones(len(x)) if w is None else w

    def responsibilities(self, x: ArrayLike) -> FloatArray:
        """Return r_nk = p(z_n = k | x_n), shape (N, K); rows sum to one."""
        return self._by_block(lambda block: posterior(self._log_joint(block))[1], x)

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return log p(x_n), shape (N,), in nats."""
        return logsumexp(self._log_joint(x), axis=1) if len(x) else np.zeros(0)

    def predict(self, x: ArrayLike) -> IntArray:
        """Return the most probable component of each observation, shape (N,)."""

        def most_probable(block: FloatArray) -> Any:
            log_joint = self._log_joint(block)
            _highest(log_joint)
            return log_joint.argmax(axis=1)

        return self._by_block(most_probable, x)

    def expected_log_joint(self, x: ArrayLike, q: ArrayLike) -> float:
        """Return Q = sum_nk q_nk (log pi_k + log p(x_n | k)), what an M-step maximises."""
        return self.elbo(x, q, temperature=0.0)

    def elbo(
        self,
        x: ArrayLike,
        q: ArrayLike,
        temperature: float = 1.0,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the evidence lower bound L(q, theta), in nats.

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data.
        q : array_like, shape (N, K)
            Any distribution over components for each observation: rows sum to one.
        temperature : float
            What the entropy of q counts: 1 gives the bound, and 0 the expected log joint Q,
            which for a q of zeros and ones is the classification likelihood (chapter 7).
        sample_weight : array_like, shape (N,), optional
            One weight a row.

        Raises
        ------
        ValueError
            If a row of q is not a distribution, or the temperature is negative or not finite.

        References
        ----------
        Neal and Hinton (1998), "A view of the EM algorithm ...", equation (7); chapter 1,
        eq. (1.5). Ueda and Nakano (1998), Neural Networks 11:271-282, for other temperatures;
        chapter 7, eq. (7.13).
        """
        if not 0 <= temperature < np.inf:
            raise ValueError(f"temperature must be a number from 0 on, not {temperature!r}.")
        log_joint = self.log_joint(x)
        q = _distributions(q, log_joint.shape)
        w = sample_weights(joined(sample_weight), len(q))
        weight = q if w is None else q * w[:, None]
        joint = float((weight * np.where(weight > 0, log_joint, 0.0)).sum())  # 0 x -inf counts 0
        if temperature == 0:
            return joint
        entropy = entr(q) if w is None else entr(q) * w[:, None]
        return joint + temperature * float(entropy.sum())

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Draw n observations; return them and their components, x and z (n,)."""
        generator = np.random.default_rng(rng)
        z = generator.choice(self.n_components, size=n, p=self.weights)
        return self.draw(z, generator), z

    def draw_like(self, x: FloatArray, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw row n from component z_n, the same as row n of x in what is not random."""
        return self.draw(z, rng)

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set like x (N, ...): of the same size, and the same in what is not random."""
        generator = np.random.default_rng(rng)
        z = generator.choice(self.n_components, size=len(x), p=self.weights)
        return self.draw_like(x, z, generator)

    def icl(
        self, x: ArrayLike, sample_weight: ArrayLike | None = None, labels: str = "soft"
    ) -> float:
        """Return an integrated completed likelihood; smaller is better (eq. 6.15).

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data.
        sample_weight : array_like, shape (N,), optional
            Copies of each row.
        labels : {"soft", "hard"}
            "soft" is BIC + 2 x entropy of the responsibilities, known as ICL-BIC. "hard" scores
            the data together with their most probable labels: BIC - 2 x the sum of the logarithms
            of the largest responsibilities.

        References
        ----------
        "soft": McLachlan and Peel (2000), Finite Mixture Models, section 6.10.3. "hard":
        Biernacki, Celeux and Govaert (2000), IEEE PAMI 22:719-725.
        """
        one_of(labels, "labels", ("soft", "hard"))

        def clear_density(block: FloatArray) -> FloatArray:
            log_density, r = posterior(self._log_joint(block)) if len(block) else self._nothing()
            vague = entr(r).sum(axis=1) if labels == "soft" else -np.log(r.max(axis=1))
            return log_density - vague

        return self._bic_of(clear_density, x, sample_weight)

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the counts and `statistics` of a block under its responsibilities."""
        log_density, r = posterior(self._log_joint(x)) if len(x) else self._nothing()
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self.statistics(x, r))

    def expect_under(self, x: ArrayLike, q: ArrayLike) -> Expectation:
        """Return counts and statistics under any q, without a log-likelihood.

        What an M-step takes from a q that is not made of this model's responsibilities (chapter
        7), or from the groups of a start.

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data, in one piece or in blocks.
        q : array_like, shape (N, K)
            One row of non-negative numbers for each row of x: a distribution over components,
            times the weight of the row.

        Raises
        ------
        ValueError
            If q has another shape, or a number in it is negative or not finite.
        """
        shares, n = number_array(q, "q"), 0
        if shares.size and not 0 <= shares.min() <= shares.max() < np.inf:  # also if NaN
            good = np.atleast_1d((shares >= 0) & (shares < np.inf))
            bad = ~good.reshape(len(good), -1).all(axis=1)
            reject_rows(np.asarray(bad), "q", "negative or not finite", "Give shares of rows.")
        total: Any = None
        for rows, _ in pieces(self, self._rows, x):
            own = shares[n : n + len(rows)]
            n += len(rows)
            if own.shape == (len(rows), self.n_components):
                part = self._expected_under(rows, own)
                total = part if total is None else total + part
        if shares.shape != (n, self.n_components):
            wanted = f"({n}, {self.n_components}), one row for each row of x"
            raise ValueError(f"q must have shape {wanted}, not {shares.shape}.")
        return cast(Expectation, total)

    def _expected_under(self, rows: Any, q: FloatArray) -> Expectation:
        """Return counts and statistics of one array under q; errors name its rows."""
        starts = self._starts(rows)

        def part(start: int) -> Expectation:
            share = q[start : start + starts.step]
            try:
                block = self.check(rows[start : start + starts.step])
            except RowError as error:
                raise error.shifted(start) from None
            return Expectation(0.0, share.sum(axis=0), self.statistics(block, share))

        return cast(Expectation, parallel.total(part, starts))

    def _nothing(self) -> tuple[FloatArray, FloatArray]:
        """Return the log densities and responsibilities of no data."""
        return np.zeros(0), np.zeros((0, self.n_components))

    def with_weights(self, weights: ArrayLike) -> Self:
        """Return the same components with other mixing weights, shape (K,).

        What a model around a mixture calls if it knows better, such as one whose labels have a
        memory; weights that are held stay.
        """
        return replace(self, weights=weights)  # type: ignore[type-var]

    # -- the order of components ----------------------------------------------------------

    def sorted(self, by: str) -> Self:
        """Return the same mixture with its components in ascending order of a parameter.

        Parameters
        ----------
        by : str
            The name of a parameter that each component has its own of, such as "means" (if these
            are vectors, their first entry counts, then the next) or "weights".

        Raises
        ------
        ValueError
            If no such parameter can be put in order.

        Examples
        --------
        >>> from emlib import PoissonMixture
        >>> PoissonMixture([0.3, 0.7], [5.0, 1.0]).sorted("rates").weights
        array([0.7, 0.3])
        """
        own = [name for name in self._own if isinstance(getattr(self, name), np.ndarray)]
        keys = getattr(self, one_of(by, "by", own)).reshape(self.n_components, -1)
        return self.reordered(np.lexsort(keys.T[::-1]))

    @property
    def _own(self) -> list[str]:
        """Names of the parameters that each component has its own of."""
        return [name for name in {"weights": None, **self.spaces} if name not in self.shared]

    def reordered(self, order: ArrayLike) -> Self:
        """Return the same mixture with its components in another order.

        Parameters
        ----------
        order : array_like, shape (K,)
            The component that comes first, and so on.

        Raises
        ------
        ValueError
            If some component is not named once.
        """
        places = np.asarray(order)
        if not np.array_equal(np.sort(places, axis=None), np.arange(self.n_components)):
            raise ValueError(f"order must name each component once, but it is {order!r}.")
        new = {name: _in_order(getattr(self, name), places) for name in self._own}
        if self.prior is not None:
            new["prior"] = self.prior.reordered(places)
        return replace(self, **new)  # type: ignore[type-var]

    # -- doubts ---------------------------------------------------------------------------

    def distances(self) -> FloatArray:
        """Return how different components are, shape (K, K): 0 if the same, 1 for two per cent.

        Here the largest difference of any entry, relative to the larger of the two, whatever
        the units of the others. A family with units of its own may know better.
        """
        k = self.n_components
        names = [f.name for f in fields(self) if f.compare and f.name != "weights"]  # type: ignore[arg-type]
        arrays = [array for name in names for array in numbers(getattr(self, name))]
        own = [array.reshape(k, -1) for array in arrays if array.shape[:1] == (k,)]
        if not own:
            return np.ones((k, k)) - np.eye(k)
        relative = np.zeros((k, k))
        for array in own:
            size = abs(array)
            larger = np.maximum(size[:, None], size)
            larger = np.maximum(larger, ROUNDING * size.max() + np.finfo(float).tiny)
            gap = abs(array[:, None] - array) / larger
            relative = np.maximum(relative, gap.max(axis=2))
        return 50 * relative

    def coincident(self) -> list[tuple[int, int]]:
        """Return the pairs of components that are the same, so that EM treats them alike."""
        return pairs_within(self, SAME)

    @property
    def fewest(self) -> float:
        """Expected count below which a component rests on hardly any data."""
        return 1.0

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit, one sentence each.

        Parameters
        ----------
        counts : ndarray, shape (K,)
            Expected count of each component.
        """
        few = [
            f"component {k} rests on hardly any data: its expected count is {counts[k]:.3g}."
            for k in np.flatnonzero(counts < self.fewest)
        ]
        alike = [
            f"components {j} and {k} are nearly the same: fewer may be enough."
            for j, k in pairs_within(self, ALIKE)
        ]
        return tuple(few + alike)


def _in_order(value: Any, order: IntArray) -> Any:
    """Return what K components have, one array or several or a tuple of models, in this order."""
    if not isinstance(value, tuple):
        return value[order]
    if all(isinstance(item, np.ndarray) for item in value):
        return tuple(item[order] for item in value)
    return tuple(value[k] for k in order)


def posterior(log_joint: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log density (N,) and responsibilities (N, K) from the log joint (eq. 3.14).

    One exponential serves both: relative to the largest term of its row. The responsibilities
    take the place of the log joint.
    """
    largest = _highest(log_joint)
    r = log_joint
    r -= largest[:, None]
    np.exp(r, out=r)
    total = r.sum(axis=1)
    r /= total[:, None]
    return largest + np.log(total), r


def _highest(log_joint: FloatArray) -> FloatArray:
    """Return the largest term of each row of the log joint, (N,), refusing rows that have none."""
    largest = log_joint.max(axis=1)
    remedy = "Start from a model under which every observation has positive density."
    reject_rows(~np.isfinite(largest), "x", "impossible under every component", remedy)
    return np.asarray(largest)


def weighted(
    r: FloatArray, log_density: FloatArray, w: FloatArray | None
) -> tuple[FloatArray, float]:
    """Apply sample weights; return responsibilities times weight, and the log-likelihood."""
    if w is None:
        return r, float(log_density.sum())
    return r * w[:, None], float(w @ log_density)


def mixing(counts: FloatArray, prior: MixturePrior | None = None) -> FloatArray:
    """Return the M-step's mixing weights: counts, with the prior's, by their sum (eq. 3.9).

    Raises
    ------
    DegenerateError
        If a component is left without data.
    """
    total = counts.sum()
    if not total > 0:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    if prior is not None:
        counts = counts + (prior.weights.for_components(len(counts)) - 1)
        total = counts.sum()
    empty = counts <= EMPTY * total
    if empty.any():
        k = int(empty.argmax())
        raise DegenerateError(
            f"component {k} is empty: its expected count is {counts[k]:.3g} of {total:.6g}. "
            "Start elsewhere or use fewer components (chapter 5).",
            k,
        )
    return np.asarray(counts / total)


def _distributions(q: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = number_array(q, "q")
    if array.shape != shape:
        raise ValueError(f"q must have shape {shape}, one row an observation, not {array.shape}.")
    bad = ~((array >= 0).all(axis=1) & (abs(array.sum(axis=1) - 1) < 1e-8))
    reject_rows(bad, "q", "not a distribution", "Rows must be non-negative and sum to 1.")
    return array
