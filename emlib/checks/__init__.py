"""Checkers for exercises and assignments: they say what is wrong and what to look at.

One module a chapter: ``from emlib.checks import chapter02``, then ``chapter02.mle(your_mle)``.
One module an assignment, too: ``set1``, and so on, whose checkers raise `Wrong`.
"""

from emlib.checks._core import (
    NotAttempted,
    Problem,
    Worth,
    Wrong,
    call,
    climbing,
    close,
    distributions,
    exercise,
    hidden_rng,
    holds_nan,
    numbers,
    own_rng,
    points,
    read,
    right_so_far,
    shape_of,
    task,
)

__all__ = [
    "NotAttempted",
    "Problem",
    "Worth",
    "Wrong",
    "call",
    "climbing",
    "close",
    "distributions",
    "exercise",
    "hidden_rng",
    "holds_nan",
    "numbers",
    "own_rng",
    "points",
    "read",
    "right_so_far",
    "shape_of",
    "task",
]
