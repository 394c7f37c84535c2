"""Independent jobs shared out among processes, each with a random stream of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

import numpy as np

CTRL_C = "stopped by Ctrl-C"  # so the message of a fit begins that was
Job = TypeVar("Job")
Result = TypeVar("Result")
Rng = int | np.random.Generator | np.random.SeedSequence | np.random.RandomState


def seed_of(rng: Rng) -> np.random.SeedSequence:
    """Return the root of all streams: of a seed, or of the next number from a generator."""
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.RandomState):
        return np.random.SeedSequence(rng.randint(2**31))
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int(rng.integers(2**63)))
    if not isinstance(rng, (int, np.integer)):
        raise ValueError(f"rng must be a seed (a whole number) or a generator, not {rng!r}.")
    return np.random.SeedSequence(int(rng))


def child(seed: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return the stream of that name: the same however many others there are."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


def map_jobs(
    function: Callable[[Job], Result], jobs: Sequence[Job], n_jobs: int, family: Any
) -> list[Result]:
    """Return function(job) of all jobs, in order, worked out by n_jobs processes."""
    whole = isinstance(n_jobs, (int, np.integer))
    if not whole or (n_jobs != -1 and n_jobs < 1):
        raise ValueError(f"n_jobs must be a positive number of processes, or -1, not {n_jobs!r}.")
    n = min(os.cpu_count() or 1 if n_jobs == -1 else n_jobs, len(jobs))
    if n <= 1:
        return [function(job) for job in jobs]
    _require_importable(family)
    _require_sendable((function, jobs))
    context = multiprocessing.get_context("spawn")  # safe whatever threads are running here
    with ProcessPoolExecutor(n, mp_context=context, initializer=_one_thread) as pool:
        return list(pool.map(function, jobs))


def finished(fit: Any) -> Any:
    """Return a fit that is one of many; if Ctrl-C has ended it, go on with the interrupt."""
    if fit.message.startswith(CTRL_C):
        raise KeyboardInterrupt
    return fit


def _require_importable(family: Any) -> None:
    if family.__module__ == "__main__" and _in_notebook():
        raise ValueError(
            f"{family.__name__} is defined in this notebook, where other processes cannot find "
            "it. Put it into a file and import it from there, or use n_jobs=1."
        )


def _require_sendable(work: Any) -> None:
    """Refuse what cannot be pickled, or what another process could not unpickle."""
    try:
        sent = pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"x or an option cannot be sent to other processes: {error}. Define it in a file, not "
            "inside a function or as a lambda, and import it from there; or use n_jobs=1."
        ) from None
    if _in_notebook() and b"__main__" in sent:
        raise ValueError(
            "x or an option is of a class, or is a function, defined in this notebook, where other "
            "processes cannot find it. Put it into a file and import it from there, or use "
            "n_jobs=1."
        )


def _in_notebook() -> bool:
    return not hasattr(sys.modules["__main__"], "__file__")


def _one_thread() -> None:
    """Keep the linear algebra of this process to one thread: the processes are many enough."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return
    threadpool_limits(1)
