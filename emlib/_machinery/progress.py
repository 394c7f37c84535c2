"""Progress bars: over the steps of a climb, and over the work of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def with_progress(steps: Iterator[Any], progress: bool) -> Iterator[Any]:
    """Yield the steps; show how many there were, and their objective, if asked to."""
    if not progress:
        yield from steps
        return
    from tqdm.auto import tqdm  # imported only when asked for

    with tqdm(desc="EM", unit=" steps") as bar:
        for step in steps:
            bar.set_postfix_str(f"objective {step.objective:.6f}", refresh=False)
            bar.update()
            yield step


@contextmanager
def work_bar(total: int, progress: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function to be told of E-steps as they are spent, which shows them if asked to."""
    if not progress:
        yield lambda n_e_steps: None
        return
    from tqdm.auto import tqdm  # imported only when asked for

    with tqdm(total=total, desc="search", unit=" E-steps") as bar:
        yield lambda n_e_steps: bar.update(min(n_e_steps, total - bar.n))  # no fuller than full
