"""Run the model solution of a set with the numbers of its students.

python own.py set1 ada ben    writes own/ada/set1.txt and own/ben/set1.txt

Each file holds what the cells with the tag `own` print if the identifier in the set is this
student's. Run it in the course folder, where source/ is.
"""

import argparse
import contextlib
import io
import re
import sys
from pathlib import Path
from unittest import mock

import matplotlib
import nbformat

matplotlib.use("Agg")  # before a set-up cell imports pyplot
from matplotlib import pyplot as plt

ME = re.compile(r'^me = "[^"\n]*"', re.M)


def is_own(cell):
    """Return whether what a cell prints depends on the student."""
    return "own" in cell.metadata.get("tags", [])


def needed(cells):
    """Return the code cells to run: no tests, and of other experiments nothing."""
    about = [cell.metadata.get("nbgrader", {}) for cell in cells]
    tests = {a["grade_id"] for a in about if a.get("grade") and not a.get("solution")}
    return [
        cell
        for cell, a in zip(cells, about, strict=True)
        if cell.cell_type == "code"
        and a.get("grade_id") not in tests
        and (is_own(cell) or not a.get("solution") or f"{a['grade_id']}-test" in tests)
    ]


def run(nb, me):
    """Run a source for a student; return what its own cells print, by id, and all names."""
    printed, names = {}, {"__name__": "__main__"}
    for cell in needed(nb.cells):
        source = ME.sub(f"me = {me!r}", cell.source) if cell.id == "me" else cell.source
        out = io.StringIO()
        quiet = mock.patch("emlib.plotting.show")  # figures are not text
        with contextlib.redirect_stdout(out), matplotlib.rc_context(), quiet:
            exec(compile(source, f"<{cell.id}>", "exec"), names)
        plt.close("all")
        if is_own(cell):
            printed[cell.id] = out.getvalue()
    return printed, names


def main(argv=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set", help="the name of the set")
    parser.add_argument("students", nargs="+", help="identifiers, as in submitted/")
    options = parser.parse_args(argv)
    source = Path("source", options.set, f"{options.set}.ipynb")
    if not source.exists():
        print(f"There is no {source} here: run this in the course folder.", file=sys.stderr)
        return 1
    nb = nbformat.read(source, as_version=4)
    for student in options.students:
        printed, _ = run(nb, student)
        path = Path("own", student, f"{options.set}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"{options.set}: what the model solution prints with the numbers of {student}"]
        parts += [f"--- {name}\n{text}" for name, text in printed.items()]
        path.write_text("\n\n".join(parts), encoding="utf-8")
        print(f"{path.as_posix()} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
