"""Checkers for the exercises: they say what is wrong and what to look at.

One module a chapter: ``from emlib.checks import chapter02``, then ``chapter02.mle(your_mle)``.
"""

from emlib.checks._core import (
    NotAttempted,
    Problem,
    call,
    climbing,
    close,
    distributions,
    exercise,
    numbers,
)

__all__ = [
    "NotAttempted",
    "Problem",
    "call",
    "climbing",
    "close",
    "distributions",
    "exercise",
    "numbers",
]
