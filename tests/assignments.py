"""The assignments as tests see them: their parts, their form, and grading without a kernel.

`grade` runs a set's cells in this process, with one answer in the place of the model solution,
and then its test cell. test_course.py has nbgrader do the same, in kernels, on whole submissions.
"""

import contextlib
import functools
import importlib.util
import io
import re
import warnings
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import matplotlib
import nbformat
from nbformat import NotebookNode

from emlib.checks import Wrong

matplotlib.use("Agg")  # before a set-up cell imports pyplot
from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "assignments" / "source"
RELEASE = ROOT / "assignments" / "release"
ANSWERS = ROOT / "tests" / "answers"
POINTS = 20  # of a set as the book has it; a course may leave tasks out
ROW = re.compile(r"^\|[^|\n]*\| `([a-z0-9-]+)`[^|\n]*\| (\d+(?:\.\d+)?) \|[^|\n]*\|$", re.M)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS$\n?", re.M | re.S)
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.M | re.S)
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


# --- parts of a set


def names() -> list[str]:
    """Return the names of the sets that have a source, in order."""
    return sorted(found.stem for found in SOURCE.glob("*/*.ipynb"))


def path(name: str) -> Path:
    """Return where the source of a set is."""
    return SOURCE / name / f"{name}.ipynb"


def read(name: str) -> NotebookNode:
    """Return the source of a set, for the caller to keep."""
    return nbformat.read(path(name), as_version=4)


def load(name: str, file: Path) -> ModuleType:
    """Import a file that is on no path, under a name that nothing else has."""
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def answers(name: str) -> ModuleType:
    """Return the tables of right and wrong answers to a set, or to the exercises of a chapter."""
    return load(f"answers_{name}", ANSWERS / f"{name}.py")


def stored(name: str, task: str) -> str | None:
    """Return the wrong answer of the tables that holds the numbers of the visible test."""
    wrong = answers(name).WRONG.get(task, [])
    names = re.compile("stored|hard-coded|visible")
    return next((source for mistake, source, _ in wrong if names.search(mistake)), None)


def kept(name: str, task: str, mistake: str) -> float:
    """Return the points that the tables say a wrong answer keeps."""
    return answers(name).KEPT.get(task, {}).get(mistake, 0)


def about(cell: NotebookNode) -> dict:
    """Return nbgrader's metadata of a cell, with all that is absent false."""
    absent = {"grade": False, "solution": False, "locked": False, "grade_id": None, "points": 0}
    return absent | cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    """Is this the test cell of a coding task?"""
    return about(cell)["grade"] and not about(cell)["solution"]


def tasks(nb: NotebookNode) -> list[str]:
    """Return the names of the coding tasks, in order."""
    return [about(cell)["grade_id"].removesuffix("-test") for cell in nb.cells if is_test(cell)]


def questions(nb: NotebookNode) -> list[str]:
    """Return the names of what is graded by hand, in order."""
    return [
        about(cell)["grade_id"]
        for cell in nb.cells
        if about(cell)["grade"] and about(cell)["solution"]
    ]


def points(nb: NotebookNode) -> dict[str, float]:
    """Return the points of each graded cell, by its grade id."""
    return {about(c)["grade_id"]: about(c)["points"] for c in nb.cells if about(c)["grade"]}


def stated(nb: NotebookNode) -> dict[str, float]:
    """Return the points of each task and question as the table in the first cell has them."""
    return {name: float(worth) for name, worth in ROW.findall(nb.cells[0].source)}


def whole(nb: NotebookNode) -> bool:
    """Is this a set as the book has it, with no task left out?"""
    return sum(stated(nb).values()) == POINTS


class Missing(LookupError):
    """A task of which there are answers, or a test, is not in the source of its set."""


def cell_of(nb: NotebookNode, name: str) -> NotebookNode:
    """Return the cell of this grade id."""
    for cell in nb.cells:
        if about(cell)["grade_id"] == name:
            return cell
    title = nb.cells[0].source.partition("\n")[0].lstrip("# ")
    raise Missing(f"'{title}' has no cell {name}. Was a task left out, or is it called otherwise?")


def visible(source: str) -> str:
    """Return a test cell without its hidden part."""
    return HIDDEN.sub("", source)


def stub(source: str) -> str:
    """Return a coding cell with nbgrader's stub instead of the solution."""

    def indented(found: re.Match) -> str:
        return "\n".join(found[1] + line for line in STUB.split("\n"))

    return SOLUTION.sub(indented, source)


# --- grading in this process


def run(cells: list[tuple[str, str]], namespace: dict | None = None) -> dict:
    """Run (name, source) pairs one after the other, quietly; return the names they leave."""
    names = {"__name__": "__main__", **(namespace or {})}
    try:
        with contextlib.redirect_stdout(io.StringIO()), matplotlib.rc_context():
            for name, source in cells:
                exec(compile(source, f"<{name}>", "exec"), names)
    finally:
        plt.close("all")
    return names


class Verdict(NamedTuple):
    """What a test cell says: no message to a right answer."""

    message: str
    by_hidden: bool = False  # the visible part let it pass
    kept: float = 0.0  # points of an answer that is right in part


@functools.cache
def before(name: str, task: str) -> dict:
    """Return what an answer to a task finds defined, if all that stands above it was run.

    That is what is given, and the model solutions of other tasks; tests and experiments are left
    out.
    """
    nb = read(name)
    coding = tasks(nb)
    cells = []
    for cell in nb.cells:
        grade_id = about(cell)["grade_id"]
        if grade_id == task:
            break
        experiment = about(cell)["solution"] and grade_id not in coding
        if cell.cell_type == "code" and not is_test(cell) and not experiment:
            cells.append((cell.id, cell.source))
    return run(cells)


def run_test(source: str, names: dict) -> tuple[str, float | None]:
    """Run the lines of a test cell; return the first complaint, and the points at its end."""
    *lines, last = source.strip().split("\n")
    printed, wrong, kept = io.StringIO(), [], 0.0
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile("\n".join(lines), "<test>", "exec"), names)
            kept = eval(last, names)
    except Wrong as error:
        wrong = [str(error)]
    partly = [line for line in printed.getvalue().splitlines() if ": not yet. " in line]
    return [*partly, *wrong, ""][0], kept


@functools.cache
def grade(name: str, task: str, answer: str | None = None) -> Verdict:
    """Return the verdict of a task's test cell on an answer, by default the model solution."""
    nb = read(name)
    test = cell_of(nb, f"{task}-test").source
    cell = (task, cell_of(nb, task).source if answer is None else answer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's log(0) is no error
        names = run([cell], before(name, task))
        shown, kept = run_test(visible(test), names)
        if kept == 0:
            return Verdict(shown)
        end = test.strip().split("\n")[-1]
        more, kept_on = run_test("".join(HIDDEN.findall(test)) + end, names)
    scores = [score for score in (kept, kept_on) if score is not None]
    return Verdict(shown or more, kept is None, min(scores)) if scores else Verdict("")


def on_drawn(name: str, task: str, answer: str) -> str:
    """Return what is wrong with an answer on the data of `EM_COURSE_SEED` alone."""
    test = cell_of(read(name), f"{task}-test").source
    line = "\n".join(re.findall(r"^from .*|.*drawn.*", test, re.M))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = run([(task, answer)], before(name, task))
        return run_test(line + "\n" + test.strip().split("\n")[-1], names)[0]


def verdict_on_wrong(name: str, task: str, number: int) -> Verdict:
    """Return the verdict on a wrong answer of the table, without what is in all messages.

    Of an exception in the student's code, only the kind: the words are Python's or NumPy's,
    and differ between their versions.
    """
    verdict = grade(name, task, answers(name).WRONG[task][number][1])
    message = verdict.message.removeprefix(f"{task}: not yet. ")
    message = re.sub(r"(stopped with \w+): .*", r"\1", message, flags=re.S).replace("\n", " ")
    return verdict._replace(message=message)


# --- form: each check returns problems, each a sentence that says what to do


def setup_problems(nb: NotebookNode, name: str) -> list[str]:
    kinds = [cell.id for cell in nb.cells[:3]]
    if not re.match(r"# \S", nb.cells[0].source) or kinds[1:] != ["badges", "setup"]:
        return [f"{name} must begin with title, links, set-up: run assignments/build.py ({kinds})"]
    return []


def points_problems(nb: NotebookNode, name: str) -> list[str]:
    total = sum(points(nb).values())
    by_hand = sum(points(nb)[question] for question in questions(nb))
    found = []
    says = stated(nb)
    if total != sum(says.values()):
        said = f"{sum(says.values()):g}"
        found.append(f"the points of {name} add up to {total:g}; its table has {said}")
    for task, worth in points(nb).items():
        if (row := says.get(task.removesuffix("-test"))) != worth:
            found.append(f"{task} of {name} is worth {worth:g}; the table in its text has {row}")
    if whole(nb) and not 9 <= total - by_hand <= 13:
        found.append(f"coding is {total - by_hand:g} points of {name}: about 11 are wanted")
    if whole(nb) and not 4 <= len(tasks(nb)) <= 7:
        found.append(f"{name} has {len(tasks(nb))} coding tasks: 4 to 7 are wanted")
    return found


def id_problems(nb: NotebookNode, name: str) -> list[str]:
    found = []
    claimed = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
    for cell in claimed:
        if cell.id != about(cell)["grade_id"]:
            found.append(f"cell {cell.id} of {name} has the grade_id {about(cell)['grade_id']}")
        if about(cell).get("schema_version") != 3:
            found.append(f"cell {cell.id} of {name} has no schema_version 3")
    twice = [i for i, n in Counter(cell.id for cell in nb.cells).items() if n > 1]
    found += [f"the id {i} stands twice in {name}" for i in twice]
    found += [
        f"'{cell.id}' is no readable cell id: letters, digits and hyphens, not a random number"
        for cell in nb.cells
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell.id)
        or re.fullmatch(r"[0-9a-f]{8}(-.*)?", cell.id)
    ]
    return found


def task_problems(nb: NotebookNode, name: str) -> list[str]:
    found = []
    for task in tasks(nb):
        places = [i for i, cell in enumerate(nb.cells) if about(cell)["grade_id"] == task]
        if len(places) != 1:
            found.append(f"the test {task}-test of {name} has {len(places)} answer cells")
            continue
        answer, test = nb.cells[places[0] : places[0] + 2]
        if about(test)["grade_id"] != f"{task}-test":
            found.append(f"the test of {task} in {name} does not follow its answer")
            continue
        if not about(answer)["solution"] or about(answer)["locked"]:
            found.append(f"the answer {task} of {name} must be solution, and not locked")
        if not about(test)["locked"] or not about(test)["points"]:
            found.append(f"{task}-test of {name} must be locked, and have points")
        if not SOLUTION.search(answer.source):  # a class has one in each method
            found.append(f"{task} of {name} needs BEGIN SOLUTION ... END SOLUTION")
        if len(HIDDEN.findall(test.source)) != 1 or not visible(test.source).strip():
            found.append(f"{task}-test of {name} needs a visible and a hidden part")
        if f'**{name}.drawn("{task}")' not in "".join(HIDDEN.findall(test.source)):
            found.append(f"{task}-test of {name} does not try what is drawn for the course")
        if f"from emlib.checks import {name}" not in visible(test.source):
            found.append(f"{task}-test of {name} does not import its checkers: it must run alone")
        end = f'{name}.points("{task}", {about(test)["points"]:g})'
        if test.source.split("\n")[-1] != end:
            found.append(f"{task}-test of {name} must end with {end}")
        if "assert" in test.source:
            found.append(f"{task}-test of {name} asserts: let a checker say what is wrong")
    return found


def question_problems(nb: NotebookNode, name: str) -> list[str]:
    found = []
    for place, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown" and about(cell)["grade"]:
            above = next(
                before
                for before in reversed(nb.cells[:place])
                if before.cell_type == "markdown" and not about(before)["solution"]
            )
            question = about(cell)["grade_id"]
            if not about(above)["locked"]:
                found.append(f"the question above {question} in {name} is not locked")
            rows = re.findall(r"^\|.*\|$", above.source, flags=re.M)
            worth = [re.findall(r"\d+(?:\.\d+)?", row) for row in rows[2:]]
            if "point" not in above.source.lower() or len(worth) < 2:
                found.append(f"the question above {question} in {name} has no rubric table")
            if len(cell.source) < 100:
                found.append(f"{question} of {name} has no model solution")
    return found


def output_problems(nb: NotebookNode, name: str) -> list[str]:
    return [
        f"cell {cell.id} of {name} holds outputs: run assignments/build.py"
        for cell in nb.cells
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
    ]


CHECKS = [
    setup_problems,
    points_problems,
    id_problems,
    task_problems,
    question_problems,
    output_problems,
]


def leaks(release: NotebookNode, source: NotebookNode, name: str) -> list[str]:
    """Return what a released set gives away."""
    text = "\n".join(cell.source for cell in release.cells)
    found = [
        f"{word} stands in the release of {name}" for word in ("BEGIN ", "END ") if word in text
    ]
    for task in tasks(source):
        if cell_of(release, task).source != stub(cell_of(source, task).source):
            found.append(f"the release of {task} in {name} is not its stub")
    for question in questions(source):
        if cell_of(release, question).source != "YOUR ANSWER HERE":
            found.append(f"the release of {question} in {name} holds an answer")
    return found
