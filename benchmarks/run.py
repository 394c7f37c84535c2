"""emlib beside scikit-learn and OpenCV: `python benchmarks/run.py` (less than five minutes).

Needs the extra `bench`: pip install -e ".[bench]". The same data, the same start, the same number
of iterations, the same covariance type, in one run, every library free to use all cores. Prints
what `results.md` holds; what each column means stands below its table.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import report
from climb import Climb, climbs
from contenders import Library, libraries, random_problem, ring_problem
from measure import differences, exp_pace, matmul_speed, paces, peak_memory

HERE = Path(__file__).resolve().parent
STARTED = time.perf_counter()

Shape = tuple[int, int, int]
SHAPES: list[Shape] = [
    (1_000_000, 2, 4),
    (200_000, 16, 8),
    (50_000, 64, 16),
    (100_000, 8, 50),
    (1_000, 2, 4),
]
QUICK: list[Shape] = [(20_000, 2, 4), (5_000, 16, 8), (1_000, 2, 4)]
OTHER_TYPES_AT = [(200_000, 16, 8), (5_000, 16, 8)]  # tied, diag and spherical too
SCALING = (100_000, 1_000_000, 4_000_000)  # N, with D = 2 and K = 4


class Effort(NamedTuple):
    """How long to measure: seconds a fit, turns, rows of the climbs to the optimum."""

    budget: float
    repeats: int
    climb_rows: int


FULL = Effort(0.2, 7, 5_000)
BRIEF = Effort(0.02, 3, 500)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save."""
    options = parse(arguments)
    effort = BRIEF if options.quick else FULL
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    contenders = libraries()
    speeds, exponential = [matmul_speed()], exp_pace()
    shapes = options.shapes or (QUICK if options.quick else SHAPES)
    rows = [row for shape in shapes for row in measure_shape(shape, contenders, effort)]
    tops = to_the_optimum(contenders, effort)
    scaling = memory_by_size(contenders) if options.scaling else []
    speeds.append(matmul_speed())  # once more, for the machine may have been busy
    found = report.Results(contenders, max(speeds), exponential, load, rows, tops, scaling)
    text = report.markdown(found)
    print(text)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "results.md").write_text(text, encoding="utf-8")
        report.save_plot(found, options.output / "results.png")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; results of the whole run are saved, others only where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a trial of seconds at small sizes")
    parser.add_argument("--shapes", nargs="+", type=shape, metavar="N,D,K", help="other sizes")
    parser.add_argument("--scaling", action="store_true", help="add peak memory as N grows")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to save results")
    options = parser.parse_args(arguments)
    if options.output is None and not options.quick and not options.shapes:
        options.output = HERE
    return options


def shape(text: str) -> Shape:
    """Read "N,D,K"."""
    n, d, k = (int(float(part)) for part in text.split(","))
    return n, d, k


def measure_shape(shape: Shape, contenders: Sequence[Library], effort: Effort) -> list[report.Row]:
    """Return a row of the table for each library and covariance type at one shape."""
    types = ["full"]
    if shape in OTHER_TYPES_AT:
        types += ["tied", "diag", "spherical"]
    return [row for kind in types for row in measure_type(shape, kind, contenders, effort)]


def measure_type(
    shape: Shape, kind: str, contenders: Sequence[Library], effort: Effort
) -> list[report.Row]:
    """Return a row of the table for each library that has this covariance type."""
    able = [library for library in contenders if kind in library.covariance_types]
    problem = random_problem(*shape, kind)
    say(f"{shape} {kind}: time")
    pace = paces(able, problem, effort.budget, effort.repeats)
    say(f"{shape} {kind}: parameters")
    apart = differences(able, problem, {name: p.rows for name, p in pace.items()})
    rows = []
    for library in able:
        say(f"{shape} {kind}: memory of {library.name}")
        own = pace[library.name]
        memory = peak_memory(library, problem)
        rows.append(report.Row(*shape, kind, library.name, *own, memory, apart.get(library.name)))
    return rows


def to_the_optimum(contenders: Sequence[Library], effort: Effort) -> list[Climb]:
    """Return how each library fares on an easy and on a hard climb."""
    n = effort.climb_rows
    problems = {
        f"well separated: {n} points, 4 clouds, 6 sd apart": ring_problem(n, 4, 6),
        f"overlapping: {n} points, 2 clouds, 2.5 sd apart": ring_problem(n, 2, 2.5),
    }
    found = []
    for name, problem in problems.items():
        say(f"to the optimum, {name}")
        found += climbs(name, contenders, problem, 10 * effort.budget, effort.repeats)
    return found


def memory_by_size(
    contenders: Sequence[Library], sizes: Sequence[int] = SCALING
) -> list[tuple[int, str, float | None]]:
    """Return (N, library, bytes) as N grows."""
    found = []
    for n in sizes:
        problem = random_problem(n, 2, 4)
        for library in contenders:
            say(f"memory of {library.name} at N = {n}")
            found.append((n, library.name, peak_memory(library, problem)))
    return found


def say(text: str) -> None:
    """Tell the one who waits what is being measured."""
    print(f"{time.perf_counter() - STARTED:5.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
