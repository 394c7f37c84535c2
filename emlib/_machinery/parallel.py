"""Sums over blocks of data, shared by the cores of this machine."""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

SHARES = 64  # partial sums, whatever the number of threads, so that rounding is always the same
_threads_taken = threading.Lock()

Item = TypeVar("Item")


def total(function: Callable[[Item], Any], items: Sequence[Item]) -> Any:
    """Return the sum of function(item) over items, at least one, on all cores.

    Items are cut into shares of neighbours, and sums of shares are added up in order: the sum,
    or the error of the first item that has one, is the same on any number of threads. NumPy
    lets go of Python's lock while it works, so threads do run at the same time. Inside them
    linear algebra keeps to one thread each: two cores that both share out every small product
    would mostly wait for each other.
    """
    size = -(-len(items) // SHARES)
    shares = [items[i : i + size] for i in range(0, len(items), size)]
    n = min(_n_threads(), len(shares)) if len(shares) > 1 else 1
    # Sums that are taken at the same time, as by the threads of dask, do not all get all cores.
    if n <= 1 or not _threads_taken.acquire(blocking=False):
        return _add_up(_add_up(map(function, share)) for share in shares)
    try:
        return _on_threads(n, function, shares)
    finally:
        _threads_taken.release()


def _on_threads(n: int, function: Callable[[Item], Any], shares: Sequence[Sequence[Item]]) -> Any:
    over = threading.Event()

    def add_up(share: Sequence[Item]) -> Any:
        return _add_up(function(item) for item in share if not over.is_set())

    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(n) as pool:
        try:
            return _add_up(pool.map(add_up, shares))
        finally:
            over.set()  # after an error or Ctrl-C no thread goes beyond the item it is at


def _add_up(values: Iterable[Any]) -> Any:
    return functools.reduce(operator.add, values)


@functools.cache
def _blas() -> Any:
    """Return a handle on the threads of linear algebra, or None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController  # comes with scikit-learn
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


def _n_threads() -> int:
    """Return how many threads linear algebra would use: a limit set for it is ours too."""
    libraries = _blas().lib_controllers if _blas() else []
    return max((library.num_threads or 1 for library in libraries), default=1)
