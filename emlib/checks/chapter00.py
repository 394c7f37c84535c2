"""Checker for the exercise of chapter 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from emlib.checks._core import call, close, exercise

WAITS = (
    (np.array([50.0, 58.0, 77.0, 84.0]), np.array([0.9, 0.8, 0.1, 0.0])),
    (np.array([1.0, 2.0, 10.0]), np.array([0.5, 0.25, 0.75])),
    (np.array([3.0, -1.0, 4.0, 1.0, 5.0]), np.array([0.3, 1.0, 0.2, 0.6, 0.4])),
    (np.array([66.0]), np.array([0.125])),
)


@exercise("0.1")
def weighted_mean(function: Callable[..., Any]) -> None:
    """Check `function(x, shares)`, the mean weighted by shares."""
    for x, shares in WAITS:
        total = shares @ x
        hints = [
            (total / len(x), "You divide by the number of waits. How many does hump 0 own?"),
            (total, "That is a weighted sum; divide it by something."),
            (total / x.sum(), "You divide by the sum of the waits: by what are they weighted?"),
            (shares.mean(), "That is the mean share. The mean of the *waits* is wanted."),
            (shares.sum(), "That is how many waits hump 0 owns. What is their mean?"),
            (x.mean(), "That is the plain mean: the shares have no effect."),
        ]
        if (others := (1 - shares).sum()) > 0:
            hints.append(((1 - shares) @ x / others, "That is the mean of the *other* hump."))
        for verdict in (shares > 0.5, shares >= 0.5):
            if verdict.any():
                hints.append((x[verdict].mean(), "Do not decide who belongs: use every share."))
        close(
            call(function, x, shares),
            total / shares.sum(),
            f"The mean of the waits {x.tolist()} with the shares {shares.tolist()}",
            hints,
            "Each wait counts as much as its share; the shares are then divided out.",
        )
