"""How long each library takes to come within a millionth of a nat of the optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from contenders import Library, Problem
from measure import seconds

from emlib import em

CLOSE = 1e-6  # nats of log-likelihood
PATIENCE = 20  # steps beyond emlib's after which a library is given up


class Climb(NamedTuple):
    """One library on one problem: steps and time to the top, and where it stops by itself."""

    problem: str
    library: str
    steps: int | None
    seconds: float
    default_steps: int
    missed: float


def climbs(
    name: str, contenders: Sequence[Library], problem: Problem, budget: float, repeats: int
) -> list[Climb]:
    """Return how every library fares on one problem."""
    history = em.fit(problem.start, problem.x, tol=1e-10, max_iter=20_000).log_likelihood
    best = history.max()
    first = int(np.argmax(history >= best - CLOSE))
    steps = {
        library.name: fewest(
            lambda n, fit=library.fit: best - log_likelihood(fit, problem, n), first
        )
        for library in contenders
    }
    times = to_the_top(contenders, problem, steps, budget, repeats)
    found = []
    for library in contenders:
        reached = log_likelihood(library.fit, problem, None)
        stop = int(np.argmin(abs(history - reached)))
        arrival = steps[library.name]
        found.append(Climb(name, library.name, arrival, times[library.name], stop, best - reached))
    return found


def log_likelihood(fit: Callable, problem: Problem, n: int | None) -> float:
    """Return the log-likelihood after n steps, always reckoned by the same program."""
    return fit(problem, n).log_likelihood(problem.x)


def fewest(gap: Callable[[int], float], guess: int) -> int | None:
    """Return the smallest number of steps after which the gap is at most CLOSE."""
    n = max(guess, 1)
    while gap(n) > CLOSE:
        n += 1
        if n > guess + PATIENCE:
            return None
    while n > 1 and gap(n - 1) <= CLOSE:
        n -= 1
    return n


def to_the_top(
    contenders: Sequence[Library],
    problem: Problem,
    steps: dict[str, int | None],
    budget: float,
    repeats: int,
) -> dict[str, float]:
    """Return the time of a fit with that many steps: the best of some, taking turns."""
    best = {library.name: math.inf for library in contenders if steps[library.name]}
    spent = dict.fromkeys(best, 0.0)
    for _ in range(repeats):
        for library in contenders:
            name = library.name
            if name in best and spent[name] < budget:
                took = seconds(lambda fit=library.fit, n=steps[name]: fit(problem, n))
                best[name], spent[name] = min(best[name], took), spent[name] + took
    return {library.name: best.get(library.name, math.nan) for library in contenders}
