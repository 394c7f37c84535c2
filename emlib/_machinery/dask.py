"""Expectations over dask arrays: the E-step goes to the data, and only statistics travel."""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from emlib._machinery.validation import RowError

BRANCHES = 8  # partial sums added up in one task


def is_dask(x: Any) -> bool:
    """Whether x is a dask array (without importing dask to find out)."""
    return type(x).__module__.startswith("dask.array.")


class Chunks:
    """The chunks of a dask array, each with its weights and the number of its first row.

    Only a model of independent rows may take them one by one. Which worker does what, and again
    after a worker has died, is the business of the scheduler that dask is set up with.
    """

    def __init__(self, x: Any, sample_weight: Any = None) -> None:
        x = _sized(x)
        if x.ndim > 1:
            x = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))  # every chunk has whole rows
        sizes = x.chunks[0] if x.ndim else ()
        if not sum(sizes):
            raise ValueError(f"x is empty (its shape is {x.shape}); at least one row is needed.")
        weights = _weights(sample_weight, sizes)
        self._held = x, weights  # a cluster forgets the chunks of an array that is gone
        parts = zip(
            x.to_delayed().ravel(),
            [None] * len(sizes) if weights is None else weights.to_delayed(),
            np.cumsum([0, *sizes[:-1]]).tolist(),
            sizes,
            strict=True,
        )
        self._chunks = [(block, weight, start) for block, weight, start, size in parts if size]

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError(
            "x is a dask array, and its chunks would cut what this model must see whole. Give "
            "x.compute(), or a list of arrays, one for each piece independent of the others."
        )

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield the chunks one by one, brought here, each with its weights or None."""
        for block, weight, _ in self._chunks:
            yield block.compute(), None if weight is None else weight.compute()

    def total(self, e_step: Callable[[Any, Any], Any]) -> Any:
        """Return the sum of e_step(chunk, weights) of all chunks, each worked out where it is."""
        from dask.delayed import delayed  # imported only when asked for

        # partial, because dask would take the model, a dataclass, to pieces to look into it.
        work = delayed(functools.partial(_on_chunk, e_step), pure=False)
        add_up = delayed(_add_up, pure=False)
        parts = [work(*chunk) for chunk in self._chunks]
        while len(parts) > 1:
            parts = [add_up(parts[i : i + BRANCHES]) for i in range(0, len(parts), BRANCHES)]
        return parts[0].compute()


def _on_chunk(e_step: Callable[[Any, Any], Any], block: Any, weights: Any, start: int) -> Any:
    try:
        return e_step(block, weights)
    except RowError as error:
        raise error.shifted(start) from None


def _add_up(parts: list[Any]) -> Any:
    return functools.reduce(operator.add, parts)


def _sized(x: Any) -> Any:
    """Return x with the sizes of its chunks known, which a selection of rows leaves open."""
    known = not any(np.isnan(sizes).any() for sizes in x.chunks)
    return x if known else x.copy().compute_chunk_sizes()  # a copy, because it works in place


def _weights(sample_weight: Any, sizes: tuple[int, ...]) -> Any:
    """Return the weights as a dask array with chunks of these sizes, or None."""
    if sample_weight is None:
        return None
    is_there = is_dask(sample_weight)
    weights: Any = _sized(sample_weight) if is_there else np.asarray(sample_weight)
    if weights.shape != (sum(sizes),):
        raise ValueError(
            f"sample_weight must have shape ({sum(sizes)},), one weight a row of x, "
            f"not {weights.shape}."
        )
    if is_there:
        return weights.rechunk((sizes,))
    da: Any = importlib.import_module("dask.array")  # imported only when asked for
    return da.from_array(weights, chunks=(sizes,)).persist()  # sent once
