"""Leave tasks out of a set: their text, their answer and their test.

python leave_out.py source/set3/set3.ipynb one-mean shared-mean-step voltage

The table in the first cell loses the rows of these tasks. Any cell can be named; what belongs to
`name` are the cells `name`, `name-test`, `name-question`, `name-text`, `name-run`, `name-code` and
`name-lead`. Nothing is written if a cell that is left needs what goes.
"""

import argparse
import ast
import re
import sys
from pathlib import Path

import nbformat

ROW = re.compile(r"^\|[^|\n]*\| `([a-z0-9-]+)`[^|\n]*\|.*\n", re.M)
SUFFIXES = ("", "-test", "-question", "-text", "-run", "-code", "-lead")


def parsed(cell):
    """Return the statements of a cell; none if it holds no Python."""
    try:
        return ast.parse(cell.source).body if cell.cell_type == "code" else []
    except SyntaxError:
        return []


def defined(cells):
    """Return the names of functions and classes that these cells define, and what they import."""
    names = set()
    for statement in [statement for cell in cells for statement in parsed(cell)]:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    return names


def used(cell):
    """Return the names that a cell uses: not what stands in texts, or behind a point."""
    nodes = [node for statement in parsed(cell) for node in ast.walk(statement)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def needing(cells, gone):
    """Return a sentence for each code cell that uses one of the names that go."""
    found = []
    for cell in cells:
        needs = ", ".join(sorted(gone & used(cell)))
        if needs:
            found.append(f"cell {cell.id} needs {needs}: leave it out too, or change it")
    return found


def main(argv=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", type=Path, help="the source of a set")
    parser.add_argument("names", nargs="+", help="tasks, or cells between them")
    options = parser.parse_args(argv)
    nb = nbformat.read(options.notebook, as_version=4)
    going = {name + suffix for name in options.names for suffix in SUFFIXES}
    goes = [cell for cell in nb.cells if cell.id in going]
    stays = [cell for cell in nb.cells if cell.id not in going]
    ids = {cell.id for cell in goes}
    unknown = [name for name in options.names if not ids & {name + end for end in SUFFIXES}]
    problems = [f"no cell is called {name}" for name in unknown]
    problems += needing(stays, defined(goes) - defined(stays))
    if problems:
        print("Nothing was left out:", *problems, sep="\n", file=sys.stderr)
        return 1
    nb.cells = stays
    head = stays[0]
    head.source = ROW.sub(lambda row: "" if row[1] in options.names else row[0], head.source)
    nbformat.write(nb, options.notebook)
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in stays)
    print(f"{len(goes)} cells left out; {options.notebook.stem} has {points:g} points now.")
    for cell in stays:
        if said := [name for name in options.names if f"`{name}`" in cell.source]:
            print(f"Edit the text of cell {cell.id}: it speaks of {', '.join(said)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
