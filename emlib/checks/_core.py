"""How a checker works: it tries an answer, and says what is wrong and where to look."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from emlib._machinery.value import FloatArray

CORRECT = "correct."


SEED_VARIABLE = "EM_COURSE_SEED"
# Any text: change it in your course's copy of the book, and everybody's own numbers change.
YEAR = ""


def _generator(text: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def hidden_rng(name: str) -> np.random.Generator:
    """Return the generator that draws the hidden data of a task.

    It depends on the name and on the environment variable `EM_COURSE_SEED`, any text, which only
    the instructor knows and sets when grading. Without it, as in the tests of the book, the data
    are always the same.
    """
    return _generator(f"{os.environ.get(SEED_VARIABLE, '')}/{name}")


def own_rng(name: str, me: str) -> np.random.Generator:
    """Return the generator that draws a student's own numbers for a set.

    It depends on the name of the set, on the student's identifier, whatever its case and the
    spaces around it, and on `YEAR`.
    """
    if not isinstance(me, str) or not me.strip():
        raise ValueError("`me` is to be your identifier, as text between quotes")
    return _generator(f"{YEAR}/{name}/own/{me.strip().casefold()}")


class Problem(Exception):
    """An answer is wrong; the message says what to look at.

    In an assignment the answer keeps this share of its points, by default what `right_so_far` says.
    """

    def __init__(self, message: str, keeps: float | None = None) -> None:
        super().__init__(message)
        self.keeps = keeps


class Worth(str):
    """What `close` says of a mistake, with a share of the points of its own.

    The share is 0 for the mistake that a task is about, whatever else of the answer is right.
    """

    keeps: float

    def __new__(cls, text: str, keeps: float) -> Self:
        """Return the text, with its share."""
        made = super().__new__(cls, text)
        made.keeps = keeps
        return made


class NotAttempted(Exception):
    """There is no answer yet."""


class Wrong(Exception):
    """What the checker of a task in an assignment raises, so that its test cell fails.

    Jupyter shows the message alone: where in the checker it was raised is no news to anybody.
    """

    def _render_traceback_(self) -> list[str]:  # the name that IPython asks for
        return [str(self)]


# Partial credit. The share of the points, and what it is for, that a problem found now would
# leave; and the answers to each task that keep a share, until `points` asks for it.
_so_far: list[tuple[float, str]] = []
_kept: dict[str, tuple[tuple[Any, ...], float]] = {}


def right_so_far(share: float, what: str) -> None:
    """Say in a checker what share of the points all that was tried before this line is worth.

    A problem that is found after it leaves the answer that share, and the message says for `what`.
    A share of 0 takes back what was said before.
    """
    _so_far[:] = [(share, what)]


def points(name: str, most: float) -> float | None:
    """Return what an answer that is right in part keeps of its points; None if it keeps all.

    Test cells end with it: a number at the end of such a cell is, for nbgrader, its points.
    """
    if name not in _kept:
        return None
    _, share = _kept.pop(name)
    kept = round(share * most, 2)
    print(f"{name}: {kept:g} of {most:g} points.")
    return kept


def _verdict(
    check: Callable[..., None], answers: tuple[Any, ...], options: dict[str, Any], blank: str
) -> tuple[str, float]:
    """Return "correct." or what there is to say, and the share of the points.

    Never raise because of what the reader wrote.
    """
    _so_far.clear()
    try:
        if any(answer is None or answer is ... for answer in answers):
            raise NotAttempted
        check(*answers, **options)
    except NotAttempted:
        return f"no answer yet. Replace {blank} and run again.", 0.0
    except Problem as problem:
        share, what = _so_far[0] if _so_far else (0.0, "")
        if problem.keeps is not None or not share:
            return f"not yet. {problem}", problem.keeps or 0.0
        return f"not yet. {problem} (Right so far: {what}.)", share
    return CORRECT, 1.0


def _keep(name: str, answers: tuple[Any, ...], share: float) -> None:
    """Remember the smallest share of all tests of these very answers."""
    tried, before = _kept.pop(name, (answers, 1.0))
    if len(tried) == len(answers) and all(a is b for a, b in zip(tried, answers, strict=True)):
        share = min(share, before)
    if 0 < share < 1:
        _kept[name] = answers, share


def exercise(number: str) -> Callable[[Callable[..., None]], Callable[..., bool]]:
    """Turn a function that raises `Problem` into a checker that prints a verdict.

    The checker returns True for a right answer and False otherwise; it never raises because of
    what the reader wrote, so that an unsolved exercise does not stop the notebook.
    """

    def decorate(check: Callable[..., None]) -> Callable[..., bool]:
        @functools.wraps(check)
        def checker(*answers: Any) -> bool:
            verdict, _ = _verdict(check, answers, {}, "the `...`")
            print(f"Exercise {number}: {verdict}")
            return verdict == CORRECT

        return checker

    return decorate


def task(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function that raises `Problem` into the checker of a task in an assignment.

    The checker prints a line for a right answer, and for one that is right in part, and raises
    `Wrong` otherwise, so that the test cell which calls it, and ends with `points`, earns its
    points, a part of them, or none. Arguments given by name go to the function as they are: only
    the others are answers, of which none may be missing.
    """

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def checker(*answers: Any, **options: Any) -> None:
            verdict, share = _verdict(check, answers, options, "`raise NotImplementedError()`")
            _keep(name, answers, share)
            if not share:
                raise Wrong(f"{name}: {verdict}")
            print(f"{name}: {verdict}")

        return checker

    return decorate


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the reader's function on copies of the arguments, and explain what goes wrong."""
    if not callable(function):
        raise Problem(f"A function is wanted here, but this is {type(function).__name__}.")
    copies = [np.copy(a) if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        value = function(*copies)
    except Exception as error:  # whatever the reader's code does, the checker explains
        if isinstance(error, NotImplementedError) and not str(error):
            raise NotAttempted from None  # what stands in an assignment before there is an answer
        kind = type(error).__name__
        raise Problem(f"Your function stopped with {kind}: {error}") from error
    if value is ...:
        raise NotAttempted
    if value is None:
        raise Problem("Your function returned nothing. Did you forget `return`?")
    for original, copy in zip(arguments, copies, strict=True):
        if isinstance(original, np.ndarray) and not np.array_equal(original, copy, equal_nan=True):
            raise Problem("Your function changes its input in place; work on a copy instead.")
    return value


def read(value: Any) -> FloatArray | None:
    """Return real numbers as a float array, which may hold NaN; None for whatever else it is."""
    try:
        found = np.asarray(value)
        kind = found.dtype.kind
        # NumPy would make numbers of text, times and None, and drop what is imaginary.
        if kind in "SUmMc" or (kind == "O" and any(item is None for item in found.flat)):
            return None
        return np.asarray(value, dtype=float)
    except Exception:  # ragged lists, whole numbers too large for a float, objects that refuse
        return None


def holds_nan(value: Any) -> bool:
    """Whether a number of an answer is NaN; what is no number is explained elsewhere."""
    array = read(value)
    return array is not None and bool(np.isnan(array).any())


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of whatever a reader returned, or None if it has none."""
    try:
        return np.shape(value)
    except Exception:  # ragged, or an object of the reader's own that cannot be read
        return None


def numbers(value: Any, name: str, shape: tuple[int, ...], *, nan: bool = False) -> FloatArray:
    """Return an answer as a float array of the right shape, or explain.

    Where one number is wanted, an array of one is as good. NaN is explained too, unless it may be.
    """
    array = read(value)
    if array is None:
        if _is_complex(value):  # to make it real would drop a part in silence
            raise Problem(f"{name} should be real, but it holds complex numbers.")
        holder = isinstance(value, list | tuple | np.ndarray)
        what = type(value).__name__ + (" that holds something else" if holder else "")
        raise Problem(f"{name} should be numbers, but it is {what}.")
    if shape == () and array.size == 1:
        array = array.reshape(())
    if array.shape != shape:
        transposed = " It looks transposed." if array.shape == shape[::-1] != shape else ""
        wanted = f"have shape {shape}" if shape else "be one number, of shape ()"
        raise Problem(f"{name} should {wanted}, but has {array.shape}.{transposed}")
    if not nan and np.isnan(array).any():
        raise Problem(f"{name} holds NaN. Is there a 0/0, or inf - inf, on the way?")
    return array


def _is_complex(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind == "c"
    except Exception:  # whatever it is
        return False


def close(
    value: Any,
    expected: ArrayLike,
    name: str,
    hints: Sequence[tuple[ArrayLike, str]] = (),
    otherwise: str = "",
    rtol: float = 1e-6,
) -> None:
    """Compare an answer with what is expected.

    Parameters
    ----------
    value : array_like
        The reader's answer.
    expected : array_like
        The right one.
    name : str
        What it is called in the message.
    hints : sequence of (wrong value, message)
        What known mistakes lead to, and what to say about each.
    otherwise : str
        What to say if it is none of these.
    rtol : float
        Relative tolerance.
    """
    right = np.asarray(expected, dtype=float)
    array = numbers(value, name, right.shape)
    if np.allclose(array, right, rtol=rtol, atol=1e-9):
        return
    for wrong, message in hints:
        if np.shape(wrong) == array.shape and np.allclose(array, wrong, rtol=rtol, atol=1e-9):
            raise Problem(message, keeps=getattr(message, "keeps", None))
    where = np.unravel_index(furthest(array, right), right.shape)
    place = f" at index {tuple(int(i) for i in where)}" if right.ndim else ""
    far = abs(array[where] - right[where])
    nearly = ""  # rounding on the way, or a search that stops early
    if np.isfinite(far) and np.allclose(array, right, rtol=1e-3, atol=1e-9):
        nearly = f"It is off by {far:.2g} only: is something rounded, or stopped early? "
    raise Problem(
        f"{name} is off{place}: yours is {array[where]:.6g}. {nearly}{otherwise}".rstrip()
    )


def furthest(array: FloatArray, right: FloatArray) -> int:
    """Return where, counted flat, an array is furthest off: the first place, where several tie.

    Rounding, which differs from machine to machine, makes no difference; NaN is furthest.
    """
    off = np.nan_to_num(np.abs(array - right).ravel(), nan=np.inf, posinf=np.inf)
    return int((off >= off.max() * (1 - 1e-9)).argmax())


def distributions(value: Any, name: str, shape: tuple[int, int]) -> FloatArray:
    """Return responsibilities (N, K) after checking that each row is a distribution."""
    title = name[:1].upper() + name[1:]
    r = numbers(value, title, shape)
    if (r < 0).any():
        raise Problem(f"{title} must not be negative, but the smallest is {r.min():.3g}.")
    sums = r.sum(axis=1)
    if not np.allclose(sums, 1):
        axis = " Its columns do: is the division over the right axis?"
        raise Problem(
            f"Rows of {name} must sum to 1; yours sum to between {sums.min():.2g} and "
            f"{sums.max():.2g}." + (axis if np.allclose(r.sum(axis=0), 1) else "")
        )
    return r


def climbing(objective: ArrayLike, name: str = "the log-likelihood") -> None:
    """Check that a sequence never falls by more than rounding."""
    values = np.asarray(objective, dtype=float)
    falls = np.diff(values) < -1e-9 * np.maximum(1, np.abs(values[1:]))
    if falls.any():
        at = int(np.flatnonzero(falls)[0]) + 1
        raise Problem(
            f"{name} falls at step {at}, by {values[at - 1] - values[at]:.3g} nats. EM cannot do "
            "that: do the E-step and the M-step use the same model?"
        )
