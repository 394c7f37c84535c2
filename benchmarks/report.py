"""The results as a table to read and as a picture."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from climb import Climb
from contenders import Library
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measure import COMPARED
from numpy.typing import ArrayLike

from emlib import plotting

MIB = 2**20
BLANK = "–"
BUSY = 0.7  # load beyond which times are not to be trusted


class Row(NamedTuple):
    """One library at one shape with one covariance type."""

    n: int
    d: int
    k: int
    covariance_type: str
    library: str
    seconds: float  # an iteration takes
    ratio: float  # of that to emlib's
    rows: int  # that it was timed on
    memory: float | None  # peak beyond the data, in bytes
    difference: float | None  # of parameters, from emlib's

    @property
    def case(self) -> tuple[int, int, int, str]:
        """What was measured, whoever did it."""
        return self.n, self.d, self.k, self.covariance_type

    @property
    def flops(self) -> float:
        """Flops of the matrix products in an iteration."""
        return 4 * self.n * self.k * self.d**2


class Results(NamedTuple):
    """All that one run has measured."""

    libraries: Sequence[Library]
    matmul: float  # flops a second
    exp: float  # seconds for one exponential
    load: float  # programs that ran already when the run began
    rows: Sequence[Row]
    climbs: Sequence[Climb]
    scaling: Sequence[tuple[int, str, float | None]]


def geometric_mean(name: str, rows: Sequence[Row]) -> float:
    """Return the mean ratio of a library over the shapes with full covariances."""
    mine = [row for row in rows if row.covariance_type == "full" and row.library == name]
    logs = [math.log(row.ratio) for row in mine if math.isfinite(row.ratio)]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


# -- the table --------------------------------------------------------------------------------


def markdown(found: Results) -> str:
    """Return everything as Markdown."""
    parts = ["# emlib beside its peers", setting(found), main_table(found), LEGEND]
    parts += ["## To the optimum", climb_table(found.climbs), CLIMB_LEGEND]
    if found.scaling:
        parts += ["## Peak memory beyond the data as N grows (D = 2, K = 4)"]
        parts += [scaling_table(found.scaling)]
    if any(row.memory is None for row in found.rows):
        parts += ["This system does not let a process reset its record of peak memory: no memory."]
    return "\n\n".join(parts) + "\n"


LEGEND = f"""\
* **time**: of one iteration, in milliseconds: a fit of 2m iterations less one of m, divided by m;
  the libraries take turns, and of each fit the shortest time counts, for what else the machine
  does only adds to it. ≈: timed on the first rows and scaled up, for OpenCV works through the
  data row by row.
* **ratio**: that time in units of emlib's. The geometric mean is over the shapes with full
  covariances. At D = 2 exponentials weigh most.
* **memory**: peak resident memory during a fit beyond that just before it, when the data are loaded
  and the library is warm, in a fresh process.
* **difference**: largest difference from emlib's weights, means or covariances after
  {COMPARED} iterations, relative to the largest of them.
* **speed**: 4 N K D² flops an iteration, as a share of the speed of a 1500 × 1500 matrix product
  in this run.
* OpenCV has no "tied", and its "spherical" is left out: it counts the log of a variance once
  instead of D times, and so climbs another function."""

CLIMB_LEGEND = """\
Iterations and time of the shortest fit that ends within 1e-6 nats of the best known log-likelihood
(of all the data, not a point); then where each library stops by its own default rule, and how
many nats it leaves."""


def setting(found: Results) -> str:
    """Return in which surroundings the run was made."""
    versions = [f"{library.name} {library.version}" for library in found.libraries]
    versions += [f"NumPy {np.__version__}", f"Python {platform.python_version()}"]
    text = (
        f"Written by `python benchmarks/run.py`. {', '.join(versions)}; {n_cores()} cores, "
        f"matrix product {found.matmul / 1e9:.0f} Gflop/s, an exponential {found.exp * 1e9:.1f} ns."
    )
    if found.load > BUSY:
        text += (
            f" **Not a fair race: the machine was busy (load {found.load:.1f}) when it began, "
            "which slows down libraries whose threads wait for each other most.**"
        )
    return text


def n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def main_table(found: Results) -> str:
    """Return time, memory and parameters of every library at every shape."""
    head = ["N", "D", "K", "covariance", "library", "time, ms", "ratio", "memory, MiB"]
    head += ["difference", "speed"]
    lines = [cells(row, found) for row in found.rows]
    for library in found.libraries[1:]:
        mean = number(geometric_mean(library.name, found.rows))
        blanks = [""] * 3
        lines.append([*blanks, "full", library.name, "geometric mean", f"**{mean}**", *blanks])
    return table(head, lines, left=(3, 4))


def cells(row: Row, found: Results) -> list[str]:
    """Return one line of the main table."""
    about = "≈ " if row.rows < row.n else ""
    share = row.flops / row.seconds / found.matmul
    return [
        grouped(row.n),
        str(row.d),
        str(row.k),
        row.covariance_type,
        row.library,
        about + number(1000 * row.seconds),
        number(row.ratio),
        mebibytes(row.memory),
        BLANK if row.difference is None else f"{row.difference:.0e}",
        f"{share:.1%}" if row.covariance_type == "full" and math.isfinite(share) else BLANK,
    ]


def climb_table(climbs: Sequence[Climb]) -> str:
    """Return iterations and time to the optimum, and what the default rules leave."""
    head = ["problem", "library", "iterations", "time, ms", "ratio", "default stops after"]
    head += ["and misses, nats"]
    ours = {climb.problem: climb.seconds for climb in climbs if climb.library == "emlib"}
    lines = [
        [
            climb.problem,
            climb.library,
            str(climb.steps or BLANK),
            number(1000 * climb.seconds),
            number(climb.seconds / ours[climb.problem]),
            str(climb.default_steps),
            f"{max(climb.missed, 0):.1g}",
        ]
        for climb in climbs
    ]
    return table(head, lines, left=(0, 1))


def scaling_table(scaling: Sequence[tuple[int, str, float | None]]) -> str:
    """Return peak memory, a line for each N and a column for each library."""
    names = list(dict.fromkeys(name for _, name, _ in scaling))
    memory = {(n, name): value for n, name, value in scaling}
    lines = [
        [grouped(n), *(mebibytes(memory[n, name]) for name in names)]
        for n in dict.fromkeys(n for n, _, _ in scaling)
    ]
    return table(["N", *(f"{name}, MiB" for name in names)], lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]], left: Sequence[int] = ()) -> str:
    """Return a Markdown table, columns aligned, that reads well as plain text too."""
    lines = [list(head), *lines]
    widths = [max(2, *(len(line[j]) for line in lines)) for j in range(len(head))]
    rule = ["-" * w if j in left else "-" * (w - 1) + ":" for j, w in enumerate(widths)]
    padded = [
        [
            text.ljust(w) if j in left else text.rjust(w)
            for j, (text, w) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], rule, *padded[1:]])


def number(value: float, figures: int = 3) -> str:
    """Return a number with so many figures, or as a whole number if that has more."""
    if not math.isfinite(value):
        return BLANK
    return f"{value:.0f}" if value >= 10 ** (figures - 1) else f"{value:#.{figures}g}"


def grouped(n: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{n:,}".replace(",", " ")


def mebibytes(value: float | None) -> str:
    """Return bytes in MiB."""
    return BLANK if value is None else f"{value / MIB:.1f}"


# -- the picture ------------------------------------------------------------------------------


def save_plot(found: Results, path: Path) -> None:
    """Draw and save the picture, in the style of the book."""
    with plt.style.context("emlib.book"):
        fig = plot(found)
        path.write_bytes(plotting.png(fig))
        plt.close(fig)


def plot(found: Results) -> Figure:
    """Return time and memory of each library at the shapes with full covariances."""
    rows = [row for row in found.rows if row.covariance_type == "full"]
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.6), sharey=True)
    fig.suptitle(finding(found), x=0.01, ha="left", fontweight="bold", fontsize=12)
    labels = list(dict.fromkeys(label(row) for row in rows))
    times, memory = [], []
    for library in found.libraries:
        mine = [row for row in rows if row.library == library.name]
        times.append([row.ratio for row in mine] + [geometric_mean(library.name, rows)])
        memory.append([math.nan if row.memory is None else row.memory / MIB for row in mine])
    dots(left, times, found.libraries)
    dots(right, np.maximum(memory, SMALLEST), found.libraries)
    left.set_yticks(range(len(labels) + 1), [*labels, "geometric mean"])
    left.set_ylim(len(labels) + 0.4, -0.6)
    left.set_title("Time of an iteration, emlib = 1", fontweight="normal")
    right.set_title("Peak memory beyond the data, MiB", fontweight="normal")
    for ax in (left, right):
        ax.axhline(len(labels) - 0.5, color=plotting.INK, linewidth=0.8)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.margins(x=0.15)
    right.legend(loc="lower center", ncols=3, handletextpad=0, columnspacing=1.5)
    return fig


def dots(ax: Axes, values: ArrayLike, libraries: Sequence[Library]) -> None:
    """Draw the values of each library (first axis), line by line, with their numbers."""
    values = np.asarray(values)
    for j, library in enumerate(libraries):
        style = {**plotting.look(j), "linestyle": "none", "label": library.name}
        ax.plot(values[j], range(values.shape[1]), **style)
    for y, line in enumerate(values.T):
        for rank, j in enumerate(np.argsort(line)):
            if math.isfinite(line[j]):
                text = number(line[j], figures=2) if line[j] > SMALLEST else f"≤ {SMALLEST}"
                offset, ha, va = SIDES[rank]
                words = {"ha": ha, "va": va, "color": plotting.COLOURS[j], "fontsize": 8.5}
                ax.annotate(text, (line[j], y), offset, textcoords="offset points", **words)


# Where the numbers of the smallest, the middle and the largest stand: apart even if dots meet.
SIDES = [
    ((-1, 6), "right", "bottom"),
    ((0, -6), "center", "top"),
    ((1, 6), "left", "bottom"),
]
SMALLEST = 0.1  # MiB; less is drawn here


def label(row: Row) -> str:
    """Return the shape of a row's problem in words."""
    return f"N = {grouped(row.n)}, D = {row.d}, K = {row.k}"


def finding(found: Results) -> str:
    """Return what the picture shows, in a sentence."""
    peers = found.libraries[1:]
    times = [f"{lib.name} {number(geometric_mean(lib.name, found.rows), 2)}" for lib in peers]
    text = f"One iteration takes {' and '.join(times)} times as long as emlib"
    memory = [row.memory for row in found.rows if row.library == "emlib" and row.memory is not None]
    if memory:
        text += f",\nwhich needs {math.ceil(max(memory) / MIB)} MiB beyond the data at the most"
    return text
