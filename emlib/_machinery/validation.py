"""Checks on what comes in from outside: each says which argument, which rows, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emlib._machinery.value import FloatArray, IntArray

LARGEST = 1e152  # of a number that is to be squared
SMALLEST = 1e-151  # of a spread that is to be squared


class RowError(ValueError):
    """Some rows of an argument are unusable; knows which, so that a block can tell of the whole."""

    def __init__(self, rows: Sequence[int], name: str, fault: str, remedy: str) -> None:
        listed = ", ".join(str(row) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
        plural = "row" if len(rows) == 1 else "rows"
        super().__init__(f"{name}: {len(rows)} {plural} {fault} ({plural} {listed}). {remedy}")
        self.rows, self.parts = list(rows), (name, fault, remedy)

    def shifted(self, start: int) -> RowError:
        """Return the same error for rows of the whole, when those here begin at row `start`."""
        return RowError([row + start for row in self.rows], *self.parts)

    def among(self, rows: Sequence[int]) -> RowError:
        """Return the same error for rows of the whole, when those here are these of it."""
        return RowError([int(rows[row]) for row in self.rows], *self.parts)

    def __reduce__(self) -> tuple[Any, ...]:  # so that it survives the way from another process
        return RowError, (self.rows, *self.parts)


def number_array(values: ArrayLike, name: str) -> FloatArray:
    """Return `values` as a float64 array; integers and booleans become floats."""
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values  # a climb makes thousands of models, and this is what it makes them of
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked entries. Remove or impute them first ({name}.compressed() if a row "
            "is one number)."
        )
    try:
        array = np.asarray(values)
    except ValueError as error:  # NumPy says what is wrong, but not with which argument
        raise ValueError(f"{name} is not an array of numbers: {error}") from None
    except TypeError:
        array = np.array(None)
    if array.dtype.kind == "O" and hasattr(values, "items") and hasattr(values, "columns"):
        array = _by_column(values, array)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, but {_instead(values, array, name)}")
    with np.errstate(over="ignore"):  # a long double too large for float64 becomes infinite
        return array.astype(np.float64, copy=False)


def _by_column(frame: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Return a data frame's numbers if each column has some: pandas' own types do not mix."""
    columns = [np.asarray(column) for _, column in frame.items()]
    return np.column_stack(columns) if all(c.dtype.kind in "biuf" for c in columns) else array


def _instead(values: Any, array: NDArray[Any], name: str) -> str:
    """Return what values are that are no numbers, and how to make numbers of them."""
    kind = type(values).__name__
    if isinstance(values, dict):
        keys = list(values)
        give = f"{name}[{keys[0]!r}]" if len(keys) == 1 else f"np.column_stack([*{name}.values()])"
        return f"it is a dict. Give {give}."
    if kind == "Dataset":
        keys = list(values)
        give = f"{name}[{keys[0]!r}]" if len(keys) == 1 else f"{name}.to_dataarray().values.T"
        return f"it is a Dataset. Give {give}."
    if hasattr(values, "toarray"):
        return f"it is sparse. Give {name}.toarray()."
    if hasattr(values, "collect"):
        return f"it is lazy. Give {name}.collect()."
    if hasattr(values, "columns"):
        good = [c for c in values.columns if np.asarray(values[c]).dtype.kind in "biuf"]
        other = next(c for c in values.columns if c not in good)
        give = f"Give {name}[{good}]" if good else "Leave it out"
        return f"its column {other!r} does not. {give}, or code such columns as numbers."
    if array.dtype.names:
        if len(array.dtype.names) == 1:
            return f"it has a field. Give {name}[{array.dtype.names[0]!r}]."
        return (
            f"it has fields. Give structured_to_unstructured({name}), which is a function of "
            "numpy.lib.recfunctions."
        )
    first = array.ravel()[0] if array.dtype.kind == "O" and array.size else None
    if array.dtype.kind == "M" or hasattr(first, "year"):
        return (
            f"it holds dates. Give np.asarray({name}, dtype='M8[s]').astype(float) / 86400: days."
        )
    if array.dtype.kind == "m" or hasattr(first, "days"):
        return f"it holds times. Give np.asarray({name}, dtype='m8[s]').astype(float), in seconds."
    if array.dtype.kind == "c":
        return f"they are complex. Give np.column_stack([np.real({name}), np.imag({name})])."
    return (
        f"its type is {array.dtype}. Convert it first, for example with "
        f"np.asarray({name}, dtype=float)."
    )


def frozen(values: ArrayLike, name: str, shape: tuple[int | None, ...]) -> FloatArray:
    """Return a read-only float64 copy of a parameter, after checking shape and finiteness.

    A `None` in `shape` stands for any length.
    """
    array = np.array(number_array(values, name))  # a copy: no alias to the caller's array
    if array.shape != shape and not _matches(array.shape, shape):
        expected = tuple("any" if n is None else n for n in shape)
        raise ValueError(f"{name} must have shape {expected}, not {array.shape}.".replace("'", ""))
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but it is {array.tolist()}.")
    array.setflags(write=False)
    return array


def _matches(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    same = len(shape) == len(wanted)
    return same and all(w is None or n == w for n, w in zip(shape, wanted, strict=True))


def reject_rows(bad: NDArray[np.bool_], name: str, fault: str, remedy: str) -> None:
    """Raise a RowError that lists the rows where `bad` is true; do nothing if there are none."""
    if bad.any():
        raise RowError(np.flatnonzero(bad).tolist(), name, fault, remedy)


def data_matrix(x: ArrayLike, columns: int | None = None, *, missing: bool = False) -> FloatArray:
    """Return data as (N, D) float64 with N >= 1, all finite, or NaN where it may be `missing`."""
    array = number_array(x, "x")
    if array.ndim != 2:
        hint = _as_matrix(_array_name(x), array.shape, columns)
        raise ValueError(f"x must have shape (N, D), not {array.shape}.{hint}")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"x must have {columns} columns as the model has, not {array.shape[1]}.")
    if missing:
        remedy = "Give NaN where an entry is missing, and a number where it is known."
        reject_rows(np.asarray(np.isinf(array).any(axis=1)), "x", "with infinite values", remedy)
        _finite_rows(np.where(np.isnan(array), 0.0, array))
        return array
    return _finite_rows(array)


def data_vector(x: ArrayLike) -> FloatArray:
    """Return data as an (N,) float64 array with N >= 1, all finite."""
    array = number_array(x, "x")
    if array.ndim != 1:
        hint = " Use np.ravel(x) if each number is one observation." if array.ndim else ""
        if array.ndim == 2 and 1 not in array.shape:
            hint = f" Use {_array_name(x)}[:, 0] for its first column, or{hint[4:]}"
        raise ValueError(f"x must have shape (N,), not {array.shape}.{hint}")
    return _finite_rows(array)


def _array_name(x: Any) -> str:
    """Return how to write x as an array, of which anything else may be no slice."""
    return "x" if isinstance(x, np.ndarray) else "np.asarray(x)"


def _as_matrix(name: str, shape: tuple[int, ...], columns: int | None) -> str:
    """Return how an array of some shape may be meant as rows of columns."""
    if len(shape) > 2:
        return f" Use {name}.reshape(-1, {shape[-1]}) if each pixel or cell is one observation."
    if len(shape) == 0:
        return ""
    ways = [f"{name}[:, None] for one feature"] if columns in (None, 1) else []
    ways += [f"{name}[None] for one observation"] if columns in (None, shape[0]) else []
    return f" Use {' or '.join(ways)}." if ways else f" The model has {columns} columns."


def _finite_rows(array: FloatArray) -> FloatArray:
    if array.size == 0:
        what = "column" if len(array) else "row"
        raise ValueError(f"x is empty (its shape is {array.shape}); at least one {what} is needed.")
    if not max(array.max(), -array.min()) < LARGEST:  # also if one of them is NaN
        rows = array.reshape(len(array), -1)
        bad = np.asarray(~np.isfinite(rows).all(axis=1))
        remedy = "Remove or impute them first."
        if array.ndim == 2:  # a table with holes has a family of its own
            remedy += " For rows with holes there is IncompleteGaussianMixture (chapter 10)."
        reject_rows(bad, "x", "with NaN or infinite values", remedy)
        large = np.asarray((abs(rows) >= LARGEST).any(axis=1))
        remedy = "Measure in larger units, and look whether these are typing errors."
        reject_rows(large, "x", f"with values of {LARGEST:g} and more", remedy)
    return array


def sample_weights(sample_weight: ArrayLike | None, n_rows: int) -> FloatArray | None:
    """Return weights as an (N,) float64 array of non-negative numbers, or None."""
    if sample_weight is None:
        return None
    weights = number_array(sample_weight, "sample_weight")
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), one weight a row of x, "
            f"not {weights.shape}."
        )
    if weights.size and not 0 <= weights.min() <= weights.max() < np.inf:  # also if NaN
        bad = ~(np.isfinite(weights) & (weights >= 0))
        reject_rows(bad, "sample_weight", "negative or not finite", "Weights are counts of copies.")
    fault, remedy = f"with values of {LARGEST:g} and more", "Divide all weights by the largest."
    reject_rows(weights >= LARGEST, "sample_weight", fault, remedy)
    return weights


def whole_weights(sample_weight: ArrayLike | None, n_rows: int) -> IntArray:
    """Return how many copies of each row there are, (N,): one if there are no weights."""
    weights = sample_weights(sample_weight, n_rows)
    if weights is None:
        return np.ones(n_rows, dtype=np.int64)
    if (weights != np.round(weights)).any():
        raise ValueError("sample_weight must be whole numbers here: copies of each row.")
    return weights.astype(np.int64)


def copied(pieces: Any, sample_weight: ArrayLike | None) -> Any:
    """Return rows of an array, or sequences of a list, each as often as its weight says."""
    if sample_weight is None:
        return pieces
    index = np.repeat(np.arange(len(pieces)), whole_weights(sample_weight, len(pieces)))
    if not index.size:
        raise ValueError("all sample weights are zero, so there is nothing to fit.")
    return pieces[index] if isinstance(pieces, np.ndarray) else [pieces[i] for i in index]


def check_weights(weights: ArrayLike) -> FloatArray:
    """Return mixing weights (K,): non-negative, with sum one to within rounding."""
    pi = frozen(weights, "weights", (None,))
    if pi.size == 0 or (pi < 0).any() or abs(pi.sum() - 1.0) > 1e-8:
        raise ValueError(
            f"weights must be non-negative and sum to 1, but they are {pi.tolist()} "
            f"with sum {pi.sum():.10g}. Give w / w.sum() with w = np.asarray(weights, dtype=float)."
        )
    return pi


def component_count(n_components: int, n_rows: int) -> int:
    """Return the number of components K after checking 1 <= K <= N."""
    whole = isinstance(n_components, (int, np.integer)) and not isinstance(n_components, bool)
    if not whole or n_components < 1:
        raise ValueError(f"n_components must be a positive integer, not {n_components!r}.")
    if n_components > n_rows:
        raise ValueError(
            f"n_components is {n_components}, but x has only {n_rows} rows. Use fewer components."
        )
    return int(n_components)


def one_of(value: Any, name: str, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the allowed words."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}.")
    return str(value)


def at_least_one(value: int, name: str) -> None:
    """Refuse a number of things that is less than one."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}.")
