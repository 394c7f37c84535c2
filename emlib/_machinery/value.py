"""Models are values: frozen dataclasses of numbers and arrays, equal when all their fields are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Value:
    """A frozen dataclass of numbers and arrays: equal when of one class and equal in all fields."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [f.name for f in fields(self) if f.compare]  # type: ignore[arg-type]
        return all(_equal(getattr(self, n), getattr(other, n)) for n in names)

    __hash__ = None  # type: ignore[assignment]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or deep-copied value: its arrays are read-only again."""
        self.__dict__.update(state)
        for value in state.values():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, np.ndarray):
                    item.setflags(write=False)


class OfRows(Value):
    """A value that is a model of rows, each independent of the others.

    Attributes
    ----------
    row_ndim : int
        What a row is: 0 for one number, 1 for a vector of numbers.
    """

    row_ndim: ClassVar[int] = 1


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b) if isinstance(a, Value) else np.array_equal(a, b)


def numbers(value: Any) -> list[FloatArray]:
    """Return the arrays of real numbers in a value and in the values that it holds, in order.

    What is not a dataclass, and fields that do not count in comparisons, have none.

    Examples
    --------
    >>> from emlib import PoissonMixture
    >>> numbers(PoissonMixture([0.5, 0.5], [1.0, 2.0]))
    [array([0.5, 0.5]), array([1., 2.])]
    """
    if isinstance(value, tuple):
        return [array for item in value for array in numbers(item)]
    if not is_dataclass(value):
        array = np.asarray(value)
        return [array] if array.dtype.kind == "f" and array.size else []
    public = [getattr(value, field.name) for field in fields(value) if field.compare]
    return [array for item in public for array in numbers(item)]
