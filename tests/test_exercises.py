"""Every exercise: the stub says that there is no answer yet, the folded solution is correct."""

import ast
import contextlib
import functools
import io
import json
import os
import re
import warnings
from pathlib import Path
from unittest.mock import MagicMock, patch

import matplotlib.pyplot as plt
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from emlib import plotting

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


@functools.cache
def read_cells(name):
    return json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]


def exercises():
    """Every exercise cell: the notebook's name, and the cell's place in it."""
    names = sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    return [
        (n, i) for n in names for i, cell in enumerate(read_cells(n)) if "exercise" in tags(cell)
    ]


def solution(name, place):
    """The code of the folded solution that follows an exercise, ending in the checker's call."""
    stub, answer = source(read_cells(name)[place]), source(read_cells(name)[place + 1])
    assert answer.startswith("<details>"), "an exercise is followed by its folded solution"
    code = "\n".join(FENCE.findall(answer))
    assert code, "the solution has no ```python fence"
    check = ast.get_source_segment(stub, ast.parse(stub).body[-1])
    return code if check in code else f"{code}\n{check}\n"


def run(code, namespace):
    """Execute a cell; return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(TransformerManager().transform_cell(code), "<cell>", "exec"), namespace)
    plt.close("all")
    return printed.getvalue()


@functools.cache
def run_chapter(name):
    """Run a chapter once; return what each stub printed, and what its solution printed."""
    namespace = {"__name__": "__main__", "get_ipython": MagicMock()}
    unseen = dict.fromkeys(("show", "animate", "slider"), MagicMock())  # nbval draws the figures
    outcomes = {}
    here = Path.cwd()
    os.chdir(NOTEBOOKS)
    try:
        with warnings.catch_warnings(), plt.rc_context(), patch.multiple(plotting, **unseen):
            for place, cell in enumerate(read_cells(name)):
                if cell["cell_type"] != "code":
                    continue
                expected = Exception if "raises-exception" in tags(cell) else ()
                with contextlib.suppress(expected):
                    before = run(source(cell), namespace)
                if "exercise" in tags(cell):
                    kept = dict(namespace)  # the chapter goes on as if nobody had solved it
                    outcomes[place] = before, run(solution(name, place), namespace)
                    namespace.clear()
                    namespace.update(kept)
    finally:
        os.chdir(here)
    return outcomes


@pytest.mark.parametrize(("name", "place"), exercises())
def test_an_exercise_waits_for_its_answer_and_its_solution_is_correct(name, place):
    stub, solved = run_chapter(name)[place]
    assert "no answer yet" in stub
    assert re.search(r"Exercise [\w.]+: correct\.", solved), solved
    assert "not yet" not in solved and "no answer yet" not in solved
