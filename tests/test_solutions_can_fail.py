"""What notebooks/conftest.py asks of an exercise: a small chapter with good and bad ones is run."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import refresh

SETUP = """
from emlib import checks

@checks.exercise("9.1")
def check(function):
    checks.close(checks.call(function, 2.0), 4.0, "the double")
"""
STUB = "def double(x):\n    return ...\n\ncheck(double)"
RIGHT = "def double(x):\n    return 2 * x"


def folded(code):
    return f"<details>\n<summary>Solution</summary>\n\n```python\n{code}\n```\n</details>"


GOOD = {
    "as it should be": (STUB, folded(RIGHT)),
    "calls the checker itself": (STUB, folded(f"{RIGHT}\n\ncheck(double)")),
    "in two fences": (
        STUB,
        folded("two = 2\n```\n\nThen:\n\n```python\ndouble = lambda x: two * x"),
    ),
}
# An exercise, and what is said about it.
BAD = {
    "wrong": (STUB, folded("def double(x):\n    return 3 * x"), "It is not correct: Exercise 9.1"),
    "not solved": (STUB, folded(STUB), "It is not correct: Exercise 9.1: no answer yet"),
    "stops": (STUB, folded(f"{RIGHT}\n1 / 0"), "Cell execution caused an exception"),
    "wrong, then right": (
        STUB,
        folded(f"check(lambda x: 3)\n{RIGHT}\ncheck(double)"),
        "It prints: Exercise 9.1: not yet",
    ),
    "warns": (STUB, folded(f"import warnings\nwarnings.warn('beware')\n{RIGHT}"), "It warns"),
    "not folded": (STUB, "The solution is simple.", "No folded solution follows"),
    "without code": (STUB, "<details>\nThink.\n</details>", "The folded solution has no ```python"),
    "stub solved": (f"{RIGHT}\ncheck(double)", folded(RIGHT), "The stub is not: no answer yet"),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Run the chapter; return pytest's report, and the outcome of each solution by its name."""
    cells = [new_code_cell(SETUP)]
    for stub, answer, *_ in (GOOD | BAD).values():
        exercise = new_code_cell(stub, metadata={"tags": ["exercise"]})
        left = new_code_cell(
            "print(double(1))",
            execution_count=1,
            outputs=[new_output("stream", text="2\n" if stub.startswith(RIGHT) else "Ellipsis\n")],
        )
        cells += [exercise, new_markdown_cell(answer), left]
    folder = tmp_path_factory.mktemp("chapter")
    nbformat.write(new_notebook(cells=cells), folder / "09-sample.ipynb")
    shutil.copy(refresh.HERE / "conftest.py", folder)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), "-rA"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--nbval", "--nbval-current-env"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*command, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    results = re.findall(
        r"^(PASSED|FAILED) \S+::Cell (\d+)(, solved)?(?: - .*)?$", done.stdout, re.M
    )
    assert len(results) == 1 + 3 * len(GOOD | BAD), done.stdout + done.stderr
    return done.stdout, {(int(cell), bool(solved)): word for word, cell, solved in results}


def place(name):
    """Return the number of an exercise's cell, among those of code."""
    return 1 + 2 * list(GOOD | BAD).index(name)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_exercise_passes(name, outcome):
    assert outcome[1][place(name), True] == "PASSED"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_exercise_fails_and_it_is_said_why(name, outcome):
    report, words = outcome
    assert words[place(name), True] == "FAILED"
    assert f"Cell {place(name)}: {BAD[name][-1]}" in report


@pytest.mark.parametrize("name", GOOD | BAD)
def test_the_chapter_goes_on_as_if_nobody_had_solved_the_exercise(name, outcome):
    assert outcome[1][place(name), False] == "PASSED"
    assert outcome[1][place(name) + 1, False] == "PASSED"
