"""Exponentials and logarithms that are off in their last bit, as on another machine.

Run by IPython when a kernel begins (a file in `startup`). What a notebook prints must not depend
on it. Equal numbers are off by the same: the functions are still functions.
"""

import numpy as np


class Shaken:
    """A ufunc whose result differs in the last bit for about half of all numbers."""

    def __init__(self, ufunc):
        self._ufunc = ufunc

    def __call__(self, *args, **kwargs):
        result = self._ufunc(*args, **kwargs)
        if isinstance(result, np.ndarray) and result.dtype == float:
            result *= 1 + _off(result)  # in place: it may be somebody's `out`
            return result
        if isinstance(result, np.float64):
            return result * (1 + _off(np.array([result]))[0])
        return result

    def __getattr__(self, name):
        return getattr(self._ufunc, name)


def _off(numbers):
    """Return -1, 0 or 1 units in the last place for each number, as if at random."""
    bits = np.ascontiguousarray(numbers).view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
    return (np.array([-1, 0, 0, 1])[mixed >> np.uint64(62)]) * np.finfo(float).eps


np.exp, np.log = Shaken(np.exp), Shaken(np.log)
