"""Data in one piece or in many, and sums over the pieces.

One gate for whatever may be data: an array, something that NumPy reads as one, a collection of
blocks, or a dask array. `located` decides which it is; everything else follows.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from emlib._machinery.dask import Chunks, is_dask
from emlib._machinery.validation import number_array, sample_weights
from emlib._machinery.value import FloatArray, OfRows

MOST = 100_000  # rows that a start looks at


class Blocks:
    """Data, with their weights, as what can be summed over.

    Attributes
    ----------
    in_pieces : bool
        Whether they came in more than one piece, so that an error should say which it is about.
    """

    def __init__(self, x: Any, sample_weight: Any, in_pieces: bool) -> None:
        self._x, self._sample_weight, self.in_pieces = x, sample_weight, in_pieces

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if not self.in_pieces:
            yield self._x, self._sample_weight
        elif self._sample_weight is None:
            for block in self._x:
                yield block, None
        else:
            yield from _weighted(self._x, self._sample_weight)

    def total(self, function: Callable[[Any, Any], Any]) -> Any:
        """Return the sum of function(block, weights) over all blocks."""
        total = None
        for number, (block, weights) in enumerate(self):
            try:
                part = function(block, weights)
            except ValueError as error:
                if self.in_pieces:
                    error.add_note(f"This is about block {number} of x, counted from zero.")
                raise
            total = part if total is None else total + part
        return total


def located(model: Any, x: Any, sample_weight: Any = None) -> Blocks:
    """Return data as `Blocks`, once a fit: what must be sent to a cluster is sent once.

    Parameters
    ----------
    model : EMModel or type
        Whose data they are. For a model of rows that are vectors a list of vectors is rows, for
        any other it is blocks.
    x : array_like, re-iterable of arrays, or dask array
        Anything that NumPy reads as one array of numbers is one block, a memory-mapped array too.
        A list of arrays, or any object that gives arrays each time it is iterated over, is that
        many blocks. A dask array is one block, `Chunks`, which a model of rows takes to pieces.
    sample_weight : array_like, re-iterable of arrays or None
        One weight a row, in one array or in blocks like those of x; or one weight a block, where
        there are fewer blocks than rows.

    Raises
    ------
    ValueError
        If x is a one-shot iterator.

    Examples
    --------
    >>> [len(block) for block, _ in located(None, [np.zeros(3), np.zeros(2)])]
    [3, 2]
    """
    if isinstance(x, Blocks):
        return x
    if is_dask(x):
        return Blocks(Chunks(x, sample_weight), None, in_pieces=False)
    if _is_array(x):
        return Blocks(x, sample_weight, in_pieces=False)
    _refuse_iterator(x, "x")
    rank = _item_rank(x)
    if rank > 1 or (rank == 1 and not _has_vectors(model)):
        return Blocks(x, sample_weight, in_pieces=True)
    return Blocks(list(x), sample_weight, in_pieces=False)


def started(model: Any) -> Any:
    """Return the model that a climb starts from, refusing what is none."""
    if isinstance(model, type):
        start = f"{model.__name__}.start(x, 2, rng=0)" if hasattr(model, "start") else "one"
        raise TypeError(f"model is the class {model.__name__}, no model. Start from {start}.")
    if not callable(getattr(model, "e_step", None)):
        raise TypeError(f"model must be a model to start from, not {type(model).__name__}.")
    return model


def unit_of(sample_weight: Any) -> float:
    """Return the mean weight of the rows that have any, or 1 if that is less.

    What a row weighs where weights are no counts but shares, so that nothing that is said of a
    fit depends on their sum.
    """
    if sample_weight is None:
        return 1.0
    if is_dask(sample_weight):
        total, n = (float(v.compute()) for v in (sample_weight.sum(), (sample_weight > 0).sum()))
        return min(1.0, total / n) if n else 1.0
    w = np.ravel(number_array(joined(sample_weight), "sample_weight"))
    with np.errstate(over="ignore"):  # the mean of very large weights is above 1 in any case
        return min(1.0, float(w[w > 0].mean())) if (w > 0).any() else 1.0


def joined(sample_weight: Any) -> Any:
    """Return weights that may have come in blocks as one array; what is no blocks as it is."""
    if sample_weight is None or _is_array(sample_weight):
        return sample_weight
    _refuse_iterator(sample_weight, "sample_weight")
    if _item_rank(sample_weight) == 0:
        return sample_weight
    return np.concatenate([np.ravel(number_array(part, "sample_weight")) for part in sample_weight])


def pieces(
    family: Any, check: Callable[[Any], FloatArray], x: Any, sample_weight: Any = None
) -> Iterator[tuple[FloatArray, FloatArray | None]]:
    """Yield the data of a family of rows piece by piece, checked, rows of weight zero absent."""
    for block, weights in located(family, x, sample_weight):
        parts = block if isinstance(block, Chunks) else [(block, weights)]
        for part, own in parts:
            rows = check(part)
            w = sample_weights(own, len(rows))
            yield (rows, None) if w is None else (rows[w > 0], w[w > 0])


def gathered(
    family: Any,
    check: Callable[[Any], FloatArray] | None,
    x: Any,
    sample_weight: Any = None,
    rng: np.random.Generator | None = None,
) -> tuple[FloatArray, FloatArray | None]:
    """Return the rows that have any weight in one array, with their weights if there are any.

    With a generator, no more than `MOST` of them, chosen at random: enough to start from. Without
    a `check` they are numbers, not yet checked by the family.
    """
    check = check or family.numbers
    sizes = [len(rows) for rows, _ in pieces(family, check, x, sample_weight)]
    if not sum(sizes):
        why = "x is empty; at least one row is needed."
        nothing = "all sample weights are zero, so there is nothing to fit."
        raise ValueError(why if sample_weight is None else nothing)
    chosen: list[Any] = [slice(None)] * len(sizes)
    if rng is not None and sum(sizes) > MOST:
        edges = np.cumsum([0, *sizes])
        index = np.sort(rng.choice(edges[-1], MOST, replace=False))
        cuts = np.searchsorted(index, edges[1:-1])
        chosen = [own - edge for own, edge in zip(np.split(index, cuts), edges, strict=False)]
    found = [
        (rows[own], w if w is None else w[own])
        for (rows, w), own in zip(pieces(family, check, x, sample_weight), chosen, strict=True)
    ]
    weights = [w for _, w in found if w is not None]
    if len(found) == 1:
        return found[0]
    return np.concatenate([rows for rows, _ in found]), np.concatenate(weights) if weights else None


def as_array(family: Any, x: Any) -> FloatArray:
    """Return all rows of a family, or of a model, in one array of numbers, not yet checked."""
    blocks = [rows for rows, _ in pieces(family, family.numbers, x)]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def row_count(family: Any, x: Any) -> int:
    """Return the number of rows in all."""
    return sum(len(rows) for rows, _ in pieces(family, family.numbers, x))


def summed(
    family: type,
    check: Callable[[Any], FloatArray],
    function: Callable[[FloatArray, FloatArray], Any],
    x: Any,
    sample_weight: Any = None,
) -> Any:
    """Return the sum of function(rows, weights) over all pieces; without weights they are 1."""
    parts = (
        function(rows, np.ones(len(rows)) if w is None else w)
        for rows, w in pieces(family, check, x, sample_weight)
    )
    return functools.reduce(operator.add, parts)


def _is_array(x: Any) -> bool:
    """Whether x is an array, a data frame, a number or a text: nothing to iterate over."""
    whole = hasattr(x, "__array__") or hasattr(x, "toarray") or hasattr(x, "collect")
    return whole or not isinstance(x, Iterable) or isinstance(x, (str, Mapping))


def _refuse_iterator(x: Any, name: str) -> None:
    if isinstance(x, Iterator):
        raise ValueError(
            f"{name} is an iterator, which is used up after one pass, and EM passes over the data "
            f"once an iteration. Give a list, list({name}), or an object with __iter__."
        )


def _item_rank(x: Iterable[Any]) -> int:
    """Return the number of dimensions of the arrays in x: 0 for numbers and lists of them."""
    first = list(islice(x, 1))
    if not first and not isinstance(x, Sized):  # an empty list is an array without rows
        raise ValueError("x holds no blocks; at least one row is needed.")
    return np.ndim(first[0]) if first and hasattr(first[0], "__array__") else 0


def _has_vectors(model: Any) -> bool:
    kind = model if isinstance(model, type) else type(model)
    return issubclass(kind, OfRows) and bool(model.row_ndim == 1)  # a model may ask another


def _weighted(x: Iterable[Any], sample_weight: Any) -> Iterator[tuple[Any, Any]]:
    """Yield blocks with their weights."""
    _refuse_iterator(sample_weight, "sample_weight")
    if not _is_array(sample_weight) and _item_rank(sample_weight) > 0:
        yield from _paired(x, sample_weight)
        return
    weights = number_array(sample_weight, "sample_weight")
    if isinstance(x, Sized) and weights.shape == (len(x),) and len(x) < sum(map(len, x)):
        yield from zip(x, weights, strict=True)
    else:
        yield from _sliced(x, weights)


def _paired(x: Iterable[Any], sample_weight: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    missing = object()
    for pair in zip_longest(x, sample_weight, fillvalue=missing):
        if pair[0] is missing or pair[1] is missing:
            more, fewer = ("x", "sample_weight") if pair[1] is missing else ("sample_weight", "x")
            raise ValueError(f"{more} has more blocks than {fewer}. Give one array of all weights.")
        yield pair


def _sliced(x: Iterable[Any], weights: FloatArray) -> Iterator[tuple[Any, Any]]:
    start = 0
    for block in x:
        yield block, weights[start : start + len(block)]
        start += len(block)
    if start != len(weights):
        raise ValueError(f"sample_weight has {len(weights)} entries, but x has {start} rows.")
