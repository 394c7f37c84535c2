"""Data in one piece or in many, and sums over the pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from emlib._machinery.dask import Chunks, is_dask
from emlib._machinery.validation import number_array
from emlib._machinery.value import FloatArray


class Blocks:
    """Data, with their weights, as what can be summed over."""

    def __init__(self, x: Any, sample_weight: Any = None) -> None:
        self._x, self._sample_weight = x, sample_weight

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return blocks(self._x, self._sample_weight)

    def total(self, e_step: Callable[[Any, Any], Any]) -> Any:
        """Return the sum of e_step(block, weights) over all blocks."""
        total = None
        for number, (block, weights) in enumerate(self):
            try:
                part = e_step(block, weights)
            except ValueError as error:
                if _is_blocked(self._x):
                    error.add_note(f"This is about block {number} of x, counted from zero.")
                raise
            total = part if total is None else total + part
        if total is None:
            raise ValueError("x holds no blocks; at least one row is needed.")
        return total


def located(x: Any, sample_weight: Any = None) -> Blocks:
    """Return data as `Blocks`, once a fit: what must be sent to a cluster is sent once.

    A dask array is one block, `Chunks`, which a model of rows takes to pieces.
    """
    if isinstance(x, Blocks):
        return x
    return Blocks(Chunks(x, sample_weight)) if is_dask(x) else Blocks(x, sample_weight)


def blocks(x: Any, sample_weight: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield the blocks of x, each with its weights (or None).

    Parameters
    ----------
    x : array_like or re-iterable of arrays
        Anything that NumPy reads as one array is one block; a list of arrays, or any object
        that gives arrays each time it is iterated over, is that many blocks. A memory-mapped
        array is one block too: the E-step reads it piece by piece.
    sample_weight : array_like, re-iterable of arrays or None
        One weight a row, in one array or in blocks like those of x; or one weight a block, where
        there are fewer blocks than rows.

    Raises
    ------
    ValueError
        If x is a one-shot iterator, or the weights do not match the blocks.

    Examples
    --------
    >>> [len(block) for block, _ in blocks([np.zeros(3), np.zeros(2)])]
    [3, 2]
    """
    if not _is_blocked(x):
        yield x, sample_weight
    elif sample_weight is None:
        for block in x:
            yield block, None
    elif _is_blocked(sample_weight, "sample_weight"):
        yield from zip(x, sample_weight, strict=True)
    else:
        weights = number_array(sample_weight, "sample_weight")
        one_each = weights.ndim == 1 and isinstance(x, (list, tuple)) and len(weights) == len(x)
        if one_each and len(weights) < sum(map(len, x)):
            yield from zip(x, weights, strict=True)
        else:
            yield from _sliced(x, weights)


def _is_blocked(x: Any, name: str = "x") -> bool:
    if isinstance(x, Iterator):
        raise ValueError(
            f"{name} is an iterator, which is used up after one pass, and EM passes over the "
            "data once an iteration. Give a list of arrays or an object with __iter__."
        )
    if hasattr(x, "__array__") or not isinstance(x, Iterable):
        return False
    if isinstance(x, (list, tuple)):  # nested numbers are one array, not blocks
        return len(x) > 0 and all(isinstance(item, np.ndarray) and item.ndim for item in x)
    return True


def _sliced(x: Iterable[Any], weights: FloatArray) -> Iterator[tuple[Any, Any]]:
    start = 0
    for block in x:
        yield block, weights[start : start + len(block)]
        start += len(block)
    if start != len(weights):
        raise ValueError(f"sample_weight has {len(weights)} entries, but x has {start} rows.")
