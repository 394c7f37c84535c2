"""A progress bar over the steps of a climb."""

from __future__ import annotations

from collections.abc import Iterator
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
