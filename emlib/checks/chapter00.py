"""Checker for the exercise of chapter 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from emlib.checks._core import call, close, exercise

WAITS = (
    (np.array([50.0, 58.0, 77.0, 84.0]), np.array([0.9, 0.8, 0.1, 0.0])),
    (np.array([1.0, 2.0, 10.0]), np.array([0.5, 0.25, 0.75])),
)


@exercise("0.1")
def weighted_mean(function: Callable[..., Any]) -> None:
    """Check `function(x, shares)`, the mean weighted by shares."""
    for x, shares in WAITS:
        hints = [
            (shares @ x / len(x), "You divide by the number of waits. How many does hump 0 own?"),
            (shares @ x, "That is a weighted sum; divide it by something."),
            (x.mean(), "That is the plain mean: the shares have no effect."),
        ]
        close(call(function, x, shares), shares @ x / shares.sum(), "The mean", hints)
