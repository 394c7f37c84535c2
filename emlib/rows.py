"""Models of independent rows: all of it follows from the density of a block of rows.

Rows are worked on block by block, on all cores, so that no array grows with N but the result.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib._machinery import parallel
from emlib._machinery.blocks import located
from emlib._machinery.dask import Chunks
from emlib._machinery.validation import RowError, data_matrix, number_array, sample_weights
from emlib._machinery.value import FloatArray, OfRows
from emlib.coordinates import Space, pack
from emlib.em import Expectation

BLOCK = 2**17  # numbers in the largest temporary array of an E-step: about one megabyte
LONG = 4096  # rows of a block if that takes up to eight times as much: matrix products like length
FEWEST = 64  # rows of a block, however many components and features there are


class Rows(OfRows):
    """A model of rows that are independent of one another.

    A family is a frozen dataclass that derives from this class, and defines `log_density_block`,
    `expect_block`, `m_step` and `spaces`; `check` too if its rows are not vectors of plain
    numbers, with `row_ndim` 0 if each is one number. A mixture derives from `Mixture`, which
    defines the first two.

    Data are an array, blocks of it, a memory-mapped or a dask array (see `em.iterate`), the same
    for each method.
    """

    # -- what a family defines ------------------------------------------------------------

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return log p(x_n), shape (N,), in nats, of rows as returned by `check`."""
        raise NotImplementedError(f"{type(self).__name__} must define log_density_block(x).")

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return the expectation of rows as returned by `check`: what `m_step` takes.

        Parameters
        ----------
        x : ndarray, shape (N,) or (N, D)
            Any number of rows, none included.
        w : ndarray, shape (N,), or None
            Their weights, all positive.
        """
        raise NotImplementedError(f"{type(self).__name__} must define expect_block(x, w).")

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises the expected log joint, given its statistics."""
        raise NotImplementedError(f"{type(self).__name__} must define m_step(expectation).")

    @property
    def spaces(self) -> Mapping[str, Space | None]:
        """Where each free parameter lives: see `emlib.coordinates`."""
        raise NotImplementedError(f"{type(self).__name__} must say in which `spaces` it lives.")

    def latent_log_joint(
        self, x: FloatArray, w: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return log p(x_m, z), (M, K), of what is seen and all that may hide, and weights (M,).

        For a latent variable of K values, independent from row to row (`uncertainty`, "louis").
        """
        raise NotImplementedError(f"{type(self).__name__} has no latent_log_joint(x, w).")

    def sample_like(self, x: FloatArray, rng: int | np.random.Generator) -> FloatArray:
        """Draw a data set like x (N, ...): of the same size, and the same in what is not random."""
        raise NotImplementedError(
            f"{type(self).__name__} must define sample_like(x, rng). A bootstrap without it draws "
            "from the rows: parametric=False."
        )

    @staticmethod
    def numbers(x: ArrayLike) -> FloatArray:
        """Return x as a float64 array, not yet checked."""
        return number_array(x, "x")

    def check(self, x: ArrayLike) -> FloatArray:
        """Return x as a float64 array after checking that the family can have produced it."""
        return data_matrix(x)

    def log_prior(self) -> float:
        """Return the log prior density of the parameters; 0.0 without a prior."""
        return 0.0

    # -- what follows ---------------------------------------------------------------------

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        return len(pack(self))

    def log_density(self, x: ArrayLike) -> FloatArray:
        """Return log p(x_n), shape (N,), in nats."""
        return self._by_block(self.log_density_block, x)

    def log_likelihood(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return sum_n w_n log p(x_n), in nats; all weights w_n are 1 if none are given."""
        return self._sum_by_block(self.log_density_block, x, sample_weight)

    def aic(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return Akaike's criterion, -2 l + 2 p; smaller is better (eq. 6.8)."""
        return -2 * self.log_likelihood(x, sample_weight) + 2 * self.n_parameters

    def bic(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return Schwarz's criterion, -2 l + p log N; smaller is better (eq. 6.12).

        With weights, which count copies, N is their sum. Where a row counts several observations
        in cells, N is the number of them all.
        """
        return self._bic_of(self.log_density_block, x, sample_weight)

    def _bic_of(
        self, function: Callable[[FloatArray], FloatArray], x: Any, sample_weight: Any
    ) -> float:
        """Return -2 times the sum of function(block), one value a row, + p log N: in one pass."""

        def both(block: FloatArray, w: FloatArray | None) -> FloatArray:
            sizes = self._observations(block)
            return np.array([_weighted_sum(sizes, w), _weighted_sum(function(block), w)])

        n, total = self._total(both, x, sample_weight).tolist()
        if not n > 0:
            raise ValueError("x has no observations, or all sample weights are zero.")
        return -2 * total + self.n_parameters * float(np.log(n))

    def _observations(self, x: FloatArray) -> FloatArray:
        """Return how many observations each row is, (N,)."""
        return np.ones(len(x))

    def e_step(self, x: ArrayLike, sample_weight: ArrayLike | None = None) -> Expectation:
        """Return the expected sufficient statistics of x, worked out block by block.

        Parameters
        ----------
        x : array_like, shape (N,) or (N, D)
            Data.
        sample_weight : array_like, shape (N,), optional
            Non-negative weights; an integer weight counts as that many copies.

        Raises
        ------
        ValueError
            If x is not what the family can have produced; the message names the rows.
        """
        total: Expectation = self._total(self.expect_block, x, sample_weight, self.e_step_width)
        return Expectation(total.log_likelihood, total.counts, total.statistics, of=self)

    # -- block by block: no array grows with N but the result -----------------------------

    @property
    def width(self) -> int:
        """Numbers that a density takes for each number of the data, about."""
        return 1

    @property
    def e_step_width(self) -> int:
        """Numbers that `expect_block` takes for each number of the data, about."""
        return self.width

    def _rows(self, x: ArrayLike) -> Any:
        """Return x as an array with a first axis to cut, not yet copied.

        What is an array of numbers already is checked block by block, anything else at once.
        """
        with contextlib.suppress(TypeError):  # an array that cannot be made one has no numbers
            array = np.asanyarray(x) if hasattr(x, "__array__") else np.array(None)
            if array.dtype.kind in "biuf" and array.ndim == 1 + self.row_ndim and len(array):
                return array
        return self.check(x)

    def _starts(self, x: Any, width: int | None = None) -> range:
        """Return the first row of each block, small enough for its arrays to stay in cache."""
        numbers = (width or self.width) * max(1, math.prod(x.shape[1:]))
        rows = max(BLOCK // numbers, min(LONG, 8 * BLOCK // numbers), FEWEST)
        return range(0, len(x), rows)

    def _total(
        self,
        function: Callable[[FloatArray, FloatArray | None], Any],
        x: Any,
        sample_weight: Any = None,
        width: int | None = None,
    ) -> Any:
        """Return the sum of function(rows, weights); rows of weight zero are absent."""
        return located(self, x, sample_weight).total(partial(self._total_of, function, width))

    def _total_of(
        self,
        function: Callable[[FloatArray, FloatArray | None], Any],
        width: int | None,
        x: Any,
        sample_weight: Any,
    ) -> Any:
        """Return the sum over one array or over the chunks of one; errors name rows of x."""
        if isinstance(x, Chunks):
            return x.total(partial(self._total_of, function, width))
        rows = self._rows(x)
        w = sample_weights(sample_weight, len(rows))
        starts = self._starts(rows, width)

        def part(start: int) -> Any:
            block = rows[start : start + starts.step]
            try:
                block = self.check(block)
                if w is None:
                    return function(block, None)
                return _on_present(function, block, w[start : start + starts.step])
            except RowError as error:
                raise error.shifted(start) from None

        return parallel.total(part, starts)

    def _sum_by_block(
        self, function: Callable[[FloatArray], FloatArray], x: Any, sample_weight: Any = None
    ) -> float:
        """Return the sum of function(block), one value a row, times their weights if any."""
        return float(
            self._total(lambda block, w: _weighted_sum(function(block), w), x, sample_weight)
        )

    def _by_block(self, function: Callable[[FloatArray], FloatArray], x: Any) -> Any:
        """Return function(block) of all blocks of x, end to end."""
        parts = self._total(lambda block, _: [function(block)], x)
        return np.concatenate(parts)


def _on_present(
    function: Callable[[FloatArray, FloatArray | None], Any], x: FloatArray, w: FloatArray
) -> Any:
    """Return function(x, w) of the rows that have any weight; errors name rows of them all."""
    kept = np.flatnonzero(w)
    try:
        return function(x[kept], w[kept])
    except RowError as error:
        raise error.among(kept.tolist()) from None


def _weighted_sum(values: FloatArray, w: FloatArray | None) -> float:
    return float(values.sum() if w is None else w @ values)
