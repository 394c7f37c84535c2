"""A whole course: assignments/README.md's commands, as printed, on three students' work.

Ada hands in the model solutions. Ben solves the first half, in Colab. Cleo's two notebooks are
broken in every way that we know: cells deleted, edited or without nbgrader's metadata, answers
that loop, kill the kernel, print 100 MB, do not parse, or are copied from the visible test.
"""

import copy
import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import assignments

pytestmark = pytest.mark.course
README = (assignments.ROOT / "assignments" / "README.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^<!-- run: (?P<name>[\w ]+) -->\n```bash\n(?P<command>.*?)^```\n"
    r"(?:\n[^\n`]*\n?\n```(?:text|csv)\n(?P<prints>.*?)^```\n)?",
    re.M | re.S,
)
STEPS = {step["name"]: step for step in STEP.finditer(README)}
NAMES = assignments.names()
BROKEN = ("set1", "set3")  # what Cleo hands in
SMALL = 2_000_000  # bytes

NEVER_ENDS = "\n    import time\n    while True:\n        time.sleep(1)\n"
CANNOT_BE_STOPPED = """
    import time
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""
KILLS_THE_KERNEL = "\n    import os\n    os._exit(1)\n"
ONE_LONG_LINE = "print('x' * 100_000_000)\n"
MANY_LINES = "for _ in range(20_000):\n    print('x' * 99)\n"


ALL_MARKS = """
import json
from nbgrader.api import Gradebook

with Gradebook("sqlite:///gradebook.db") as gradebook:
    marks = [
        (notebook.name, submission.student.id, {g.name: g.score for g in notebook.grades})
        for assignment in gradebook.assignments
        for submission in gradebook.assignment_submissions(assignment.name)
        for notebook in submission.notebooks
    ]
print(json.dumps(marks))
"""


# --- what students hand in


def released(course, name):
    return nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)


def function(task, body):
    return f"def {task.replace('-', '_')}(*a, **k):{body}"


def write_answers(nb, name, wanted):
    """Put the model solutions of the wanted cells into a released notebook."""
    source = assignments.read(name)
    for cell in nb.cells:
        if assignments.about(cell)["grade_id"] in wanted:
            cell.source = assignments.cell_of(source, cell.id).source


def say_who(nb, student):
    """Write whose numbers these are."""
    cell = next(cell for cell in nb.cells if cell.id == "me")
    cell.source = cell.source.replace("book", student, 1)


def work_of_ada(course, name):
    """Return all answers; test_assignments.py runs the experiments, which take long."""
    nb = released(course, name)
    say_who(nb, "ada")
    write_answers(nb, name, [*assignments.tasks(nb), *assignments.questions(nb)])
    return nb, assignments.points(nb)


def work_of_ben(course, name):
    """Return the first half solved, and the first question; as Colab saves a notebook.

    He began with Ada's file. One of his answers is right in part.
    """
    nb = released(course, name)
    say_who(nb, "ada")
    tasks, questions = assignments.tasks(nb), assignments.questions(nb)
    solved = tasks[: len(tasks) // 2]
    write_answers(nb, name, [*solved, questions[0]])
    kept_by = assignments.answers(name).KEPT
    half_right = next(task for task in tasks[len(solved) :] if task in kept_by)
    (mistake, kept), *_ = kept_by[half_right].items()
    wrong = assignments.answers(name).WRONG[half_right]
    answer = next(source for said, source, _ in wrong if said == mistake)
    assignments.cell_of(nb, half_right).source = answer
    earned = [f"{task}-test" for task in solved] + questions[:1]
    points = {k: v if k in earned else 0 for k, v in assignments.points(nb).items()}
    points[questions[0]] /= 2  # by hand
    points[f"{half_right}-test"] = kept
    nb.nbformat_minor = 0  # which has no cell ids
    nb.metadata = nbformat.from_dict({"colab": {"provenance": []}, **nb.metadata})
    for cell in nb.cells:
        cell.metadata["id"] = cell.pop("id")
    return nb, points


def work_of_cleo(course, name):
    """Return what must be graded all the same, cell by cell."""
    nb = released(course, name)
    say_who(nb, "cleo")
    tasks, questions = assignments.tasks(nb), assignments.questions(nb)
    a, b, c, d = tasks[:4]
    cell = {task: assignments.cell_of(nb, task) for task in tasks}
    test = {task: assignments.cell_of(nb, f"{task}-test") for task in tasks}
    if name == BROKEN[0]:
        write_answers(nb, name, [a, d, questions[0]])
        nb.cells.remove(test[a])  # a right answer whose test is gone
        cell[b].source = assignments.stored(name, b)
        test[b].source = "assert True"
        test[b].metadata.nbgrader.update(grade=False, points=100)
        cell[c].source = function(c, NEVER_ENDS)
        cell[d].source = ONE_LONG_LINE + cell[d].source
        right = [a, d]
        rest = function("-", NEVER_ENDS) + "\n_()"  # a cell that itself never ends
    else:
        write_answers(nb, name, [b, d, questions[0]])
        cell[a].source = assignments.stored(name, a)  # a wrong answer whose test is gone
        nb.cells.remove(test[a])
        test[b].source = "assert False"  # a right answer, from cells that lost their metadata
        for lost in (cell[b], test[b]):
            del lost.metadata["nbgrader"]
        cell[c].source = function(c, KILLS_THE_KERNEL if len(tasks) > 4 else CANNOT_BE_STOPPED)
        cell[d].source = MANY_LINES + cell[d].source
        right = [b, d]
        rest = function("-", CANNOT_BE_STOPPED) + "\n_()"
    for task in tasks[4:]:
        cell[task].source = "def oh(:\n"  # does not parse
    own = nbformat.v4.new_code_cell(rest)
    nb.cells.insert(nb.cells.index(cell[d]), own)
    nb.cells.append(copy.deepcopy(nb.cells[0]))  # an id that stands twice
    earned = [f"{task}-test" for task in right] + questions[:1]
    points = {k: v if k in earned else 0 for k, v in all_points(course, name).items()}
    points[questions[0]] = 0.5  # by hand
    return nb, points


def all_points(course, name):
    return assignments.points(released(course, name))


# --- the course


class Course:
    """A course folder, and README's commands in it."""

    def __init__(self, folder):
        self.folder = folder / "course"
        self.expected = {}  # (set, student) -> points by grade id
        bin_folder = str(Path(sys.executable).parent)
        user = {
            name: str(folder / name)
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        }
        self.environment = {
            **os.environ,
            **user,
            "IPYTHONDIR": str(folder / "ipython"),
            "COURSE": str(self.folder),
            "PATH": bin_folder + os.pathsep + os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, step, *edit):
        """Run a step of the page; return what it prints. `edit` replaces a word of it."""
        command = STEPS[step]["command"]
        return self.shell(command.replace(*edit) if edit else command)

    def shell(self, command):
        """Run a command in the course folder, or at the book's root; return what it prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder if self.folder.exists() else assignments.ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        text = done.stdout.replace(str(self.folder), "$COURSE")
        assert done.returncode == 0, f"{command}\n{text[-5000:]}"
        return text

    def run_as_printed(self, step):
        """Run a step, and see that it prints what the page says; a line `...` skips some.

        Return all that it prints.
        """
        text = self.run(step)
        lines = (STEPS[step]["prints"] or "").splitlines()
        printed = iter(text.splitlines())
        for line in lines:
            assert line == "..." or line in printed, f"{step}: not printed: {line}\n{text[-5000:]}"
        return text

    def hand_in(self, name, student, nb, points, path):
        self.expected[name, student] = points
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(nb), encoding="utf-8")  # not mended, as `writes` would

    def submit(self, name, student):
        return self.folder / "submitted" / student / name / f"{name}.ipynb"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Run a course from the empty folder to the exported marks."""
    course = Course(tmp_path_factory.mktemp("course"))
    course.run_as_printed("folder")
    with (course.folder / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(
            "c.ExecuteAll.timeout = c.ExecuteAll.test_timeout = 15\n"
        )  # for a test that ends
    course.run_as_printed("record")
    course.run("record", "set1", "'*'")
    works = {"ada": work_of_ada, "ben": work_of_ben, "cleo": work_of_cleo}
    course.run_as_printed("downloads")
    archive = course.folder / "downloaded" / "set1" / "archive"
    called = {"ada": "set1.ipynb", "ben": "Copy of set1.ipynb", "cleo": "set1 (1).ipynb"}
    for name in NAMES:
        for student, work in works.items():
            if student == "cleo" and name not in BROKEN:
                continue  # she hands in nothing
            path = course.submit(name, student)
            if name == "set1":
                path = archive / f"{student}_{called[student]}"
            course.hand_in(name, student, *work(course.folder, name), path)
    course.run_as_printed("collect")
    course.log = course.run_as_printed("autograde") + course.run("autograde", "set1", "'*'")
    course.run_as_printed("own numbers")
    course.run_as_printed("blank table")
    fill_in(course)
    course.run_as_printed("enter marks")
    course.run_as_printed("feedback")
    course.run("feedback", "set1", "'*'")
    course.run_as_printed("export")
    course.run("formats")
    return course


def fill_in(course):
    """Write into marks.csv the marks that the teacher gives."""
    path = course.folder / "marks.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["points"] = course.expected[row["assignment"], row["student"]][row["question"]]
        row["comment"] = f"Read by hand, {row['student']}."
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_the_exported_marks_are_exact(course):
    with (course.folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    marks = {(row["set"], row["student"]): float(row["score"]) for row in rows}
    expected = {
        (name, student): sum(course.expected.get((name, student), {}).values())
        for name in NAMES
        for student in ("ada", "ben", "cleo")
    }
    assert marks == expected
    most = {name: sum(assignments.stated(assignments.read(name)).values()) for name in NAMES}
    assert all(float(row["max"]) == most[row["set"]] for row in rows)
    assert {name: marks[name, "ada"] for name in NAMES} == most


def test_every_single_mark_is_exact(course):
    """Also where two mistakes would cancel in the sum."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALL_MARKS],
        cwd=course.folder,
        env=course.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    marks = {(name, student): points for name, student, points in json.loads(done.stdout)}
    assert marks == course.expected


def test_whose_numbers_are_whose_is_named(course):
    """Where they are another's, and nowhere else."""
    said = [line for line in course.log.splitlines() if "me is " in line or "whose numbers" in line]
    assert len(said) == len(NAMES)
    assert all("me is 'ada', handed in by ben" in line for line in said)


def test_the_marker_has_the_numbers_of_each_student(course):
    texts = [
        (course.folder / "own" / who / "set1.txt").read_text("utf-8") for who in ("ada", "ben")
    ]
    assert all("wrong pixels: vote" in text for text in texts)
    assert len({text.partition("---")[2] for text in texts}) == 2


def test_feedback_says_what_is_wrong(course):
    for (name, student), points in course.expected.items():
        html = (course.folder / "feedback" / student / name / f"{name}.html").read_text("utf-8")
        assert f"Read by hand, {student}." in html
        assert ("not yet." in html) == (student != "ada")
        for task in assignments.tasks(assignments.read(name)):
            most = assignments.points(assignments.read(name))[f"{task}-test"]
            right = points[f"{task}-test"] == most
            assert html.count(f"{task}: correct.") >= right * 2  # visible and hidden
            partly = 0 < points[f"{task}-test"] < most
            assert (f"{task}: {points[f'{task}-test']:g} of {most:g} points." in html) == partly


def test_nothing_swells(course):
    files = [course.folder / "gradebook.db"]
    for folder in ("autograded", "feedback"):
        files += [path for path in (course.folder / folder).rglob("*") if path.is_file()]
    assert len(files) > 2 * len(course.expected)
    assert {path.name: path.stat().st_size for path in files if path.stat().st_size > SMALL} == {}


def test_the_release_is_what_is_committed(course):
    """As notebooks: build.py orders the text of the file."""
    for name in NAMES:
        committed = assignments.RELEASE / name / f"{name}.ipynb"
        assert released(course.folder, name).cells == nbformat.read(committed, as_version=4).cells


def test_every_command_of_the_page_is_run(course):
    blocks = README.count("```bash")
    untested = README.count("<!-- by hand -->")
    assert blocks == len(STEPS) + untested
