"""Time, memory, speed and differences. As a program: the memory of one fit, in bytes.

`python measure.py LIBRARY FOLDER STEPS` is how `peak_memory` gets a fresh process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from contenders import FINDERS, Library, Problem

from emlib import GaussianMixture

WARM_UP = 10_000  # rows of the fit before a measurement of memory
COMPARED = 4  # steps after which parameters are compared
FEWEST = 3  # turns that every library has
AT_REST = 1e-9  # relative change of the parameters below which a library may stop by itself


class Pace(NamedTuple):
    """Seconds an iteration of the whole problem takes, also as a multiple of emlib's.

    And how many rows it was measured on.
    """

    seconds: float
    ratio: float
    rows: int


def seconds(function: Callable[[], object]) -> float:
    """Return how long a call takes, by the clock on the wall."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def matmul_speed(size: int = 1500, repeats: int = 5) -> float:
    """Return the best speed of a product of two square float64 matrices, in flops a second."""
    a = np.random.default_rng(0).standard_normal((size, size))
    return 2 * size**3 / min(seconds(lambda: np.dot(a, a)) for _ in range(repeats))


def exp_pace(size: int = 10_000, repeats: int = 20) -> float:
    """Return the least time that NumPy takes for an exponential, in seconds, on one core.

    An E-step takes one for each row and component. It depends much on the processor: where that
    has no AVX-512, NumPy works them out one by one.
    """
    x = np.random.default_rng(0).standard_normal(size)
    return min(seconds(lambda: np.exp(x)) for _ in range(repeats)) / size


def difference(a: GaussianMixture, b: GaussianMixture) -> float:
    """Return the largest difference in weights, means or covariances, relative to the largest."""
    pairs = [(getattr(a, n), getattr(b, n)) for n in ("weights", "means", "covariances")]
    return max(float(abs(p - q).max() / abs(q).max()) for p, q in pairs)


# -- time -------------------------------------------------------------------------------------


def rows_for(library: Library, problem: Problem, budget: float) -> int:
    """Return how many rows to time a library on: all, unless it goes row by row and is slow."""
    n, d = problem.x.shape
    if not library.row_by_row:
        return n
    few = min(n, 1000)
    a_row = seconds(lambda: library.fit(problem.head(few), 1)) / few
    return min(n, max(int(budget / a_row), 3 * d * problem.start.n_components))


def paces(
    contenders: Sequence[Library], problem: Problem, budget: float, repeats: int
) -> dict[str, Pace]:
    """Return the time an iteration takes in each library.

    That is a fit of 2 m steps less one of m, divided by m, so that all that is done once a fit
    drops out; a fit of m steps takes about `budget` seconds. The libraries take turns, and of
    each fit the shortest time counts: what else the machine does only adds to a time. There are
    `repeats` turns, but fewer (at least `FEWEST`) for a library that has used up 20 budgets.
    """
    lanes = [Lane.of(library, problem, budget) for library in contenders]
    for turn in range(repeats):
        for lane in lanes:
            if turn < FEWEST or lane.spent() < 20 * budget:
                lane.run()
    ours = lanes[0].pace()
    return {
        lane.library.name: Pace(
            lane.pace() * len(problem.x), lane.pace() / ours, len(lane.problem.x)
        )
        for lane in lanes
    }


class Lane(NamedTuple):
    """One library under measurement: the rows it is given, m, and its times for m and 2 m."""

    library: Library
    problem: Problem
    m: int
    times: tuple[list[float], list[float]]

    @classmethod
    def of(cls, library: Library, problem: Problem, budget: float) -> Lane:
        """Return a lane whose library is warm, with m such that a fit takes the budget."""
        head = problem.head(rows_for(library, problem, budget))
        library.fit(head.head(WARM_UP), 1)
        one = min(seconds(lambda: library.fit(head, 1)) for _ in range(2))
        return cls(library, head, int(np.clip(budget / one, 1, 200)), ([], []))

    def run(self) -> None:
        """Take the time of both fits, once more."""
        models = []
        for times, n in zip(self.times, (self.m, 2 * self.m), strict=True):
            fit = lambda n=n: models.append(self.library.fit(self.problem, n))  # noqa: E731
            times.append(seconds(fit))
        if not difference(*models) > AT_REST:
            raise RuntimeError(f"{self.library.name} is at rest after {self.m} steps: no race.")

    def spent(self) -> float:
        """Return the seconds used up so far."""
        return sum(map(sum, self.times))

    def pace(self) -> float:
        """Return the seconds that an iteration takes of a row; NaN if lost in the noise."""
        short, long = map(min, self.times)
        return (long - short) / self.m / len(self.problem.x) if long > short else math.nan


def differences(
    contenders: Sequence[Library], problem: Problem, rows: dict[str, int]
) -> dict[str, float]:
    """Return how far each library's parameters are from emlib's on the same rows."""
    emlib, *others = contenders
    found = {}
    for library in others:
        head = problem.head(rows[library.name])
        found[library.name] = difference(library.fit(head, COMPARED), emlib.fit(head, COMPARED))
    return found


# -- memory -----------------------------------------------------------------------------------


def peak_memory(library: Library, problem: Problem) -> float | None:
    """Return the peak of resident memory during a fit beyond that just before it, in bytes.

    Measured in a fresh process, after a fit on the first rows, so that imports and pools of
    threads do not count. None where the system cannot tell (only Linux resets its record).
    Two steps, because the second begins while the results of the first still stand; one where
    steps are slow.
    """
    if not can_measure_memory():
        return None
    steps = 1 if library.row_by_row else 2
    with tempfile.TemporaryDirectory() as folder:
        save(problem, Path(folder))
        command = [sys.executable, __file__, library.name, folder, str(steps)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(found)


def save(problem: Problem, folder: Path) -> None:
    """Write a problem to a folder."""
    start = problem.start
    np.save(folder / "x.npy", problem.x)
    np.savez(
        folder / "start.npz",
        weights=start.weights,
        means=start.means,
        covariances=start.covariances,
        covariance_type=start.covariance_type,
    )


def load(folder: Path) -> Problem:
    """Read a problem from a folder."""
    with np.load(folder / "start.npz") as parts:
        fields = {name: parts[name] for name in parts.files}
    fields["covariance_type"] = str(fields["covariance_type"])
    return Problem(np.load(folder / "x.npy"), GaussianMixture(**fields))


def growth(function: Callable[[], object]) -> int:
    """Return how far the resident memory of this process rises during a call, in bytes."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # hand back what earlier calls have freed
    _forget_peak()
    before = _status("VmRSS")
    function()
    return _status("VmHWM") - before


def can_measure_memory() -> bool:
    """Return whether this system can reset and read the peak of resident memory."""
    try:
        _forget_peak()
        return _status("VmHWM") > 0
    except (OSError, KeyError):
        return False


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[name].split()[0]) * 1024


def main(name: str, folder: str, steps: str) -> None:
    """Print how much memory one fit takes."""
    library = FINDERS[name]()  # this one alone, to leave the others unimported
    problem = load(Path(folder))
    library.fit(problem.head(WARM_UP), 1)
    print(growth(lambda: library.fit(problem, int(steps))))


if __name__ == "__main__":
    main(*sys.argv[1:])
