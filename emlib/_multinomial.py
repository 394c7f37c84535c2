"""What models of counts in cells share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from emlib._validation import FloatArray, number_array, reject_rows


def cell_counts(x: ArrayLike, of: str) -> FloatArray:
    """Return counts of four cells as (N, 4), one row an experiment; `of` says what is counted."""
    counts = np.atleast_2d(number_array(x, "x"))
    if counts.ndim != 2 or counts.shape[1] != 4 or counts.size == 0:
        raise ValueError(f"x must have shape (4,) or (N, 4), not {np.shape(x)}.")
    bad = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.round(counts))).all(axis=1)
    reject_rows(bad, "x", "not made of non-negative whole numbers", f"Give counts of {of}.")
    return counts


def log_coefficient(counts: FloatArray) -> FloatArray:
    """Return the log of the multinomial coefficient of each row, shape (N,)."""
    return np.asarray(gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1))
