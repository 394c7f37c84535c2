"""The second round of a course: late work, a mended test, a task left out; README's commands."""

import csv
import sys

import nbformat
import pytest

import assignments
import test_course

pytestmark = pytest.mark.course
MENDED = "bit-posterior-test"


def rows(course, name):
    """Return the rows of a table that was exported."""
    with (course.folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scores(course, name):
    """Return the score of each student's task in a table."""
    return {(row["student"], row["task"]): float(row["score"]) for row in rows(course, name)}


def hand_in(course, student, nb):
    """Put a notebook into the archive."""
    course.hand_in("set1", student, nb, {}, course.archive / f"{student}_set1.ipynb")


def without_experiments(nb):
    """Return a notebook that is graded fast; its questions are answered in a word."""
    for cell in nb.cells:
        about = assignments.about(cell)
        if about["solution"] and cell.cell_type == "markdown":
            cell.source = "An answer."
        elif about["solution"] and not about["grade"] and cell.id.endswith("-run"):
            cell.source = "pass"
    return nb


def broken(source):
    """Return a test as somebody had it wrong: it refuses all."""
    return source + "\nraise AssertionError('a test that is wrong')"


def edit_test(course, edit):
    """Change the mended test's source in the course folder."""
    path = course.folder / "source" / "set1" / "set1.ipynb"
    nb = nbformat.read(path, as_version=4)
    cell = assignments.cell_of(nb, MENDED)
    cell.source = edit(cell.source)
    nbformat.write(nb, path)
    return nb


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Run the first round with a wrong test, then the second, as the page says."""
    course = test_course.Course(tmp_path_factory.mktemp("second"))
    course.run("folder")
    edit_test(course, broken)
    course.run("record")
    course.run("deadline")
    course.run("downloads")
    course.archive = course.folder / "downloaded" / "set1" / "archive"
    ada, _ = test_course.work_of_ada(course.folder, "set1")
    hand_in(course, "ada", without_experiments(ada))
    hand_in(course, "ben", test_course.released(course.folder, "set1"))
    course.run("collect")
    course.run("autograde")
    course.run("blank table")
    marks = course.folder / "marks.csv"
    table = rows(course, "marks.csv")
    with marks.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows({**row, "points": row["max"], "comment": "Well said."} for row in table)
    course.run("enter marks")
    course.run("formats")
    course.first = scores(course, "tasks.csv")

    ben, _ = test_course.work_of_ben(course.folder, "set1")
    hand_in(course, "ben", ben)
    course.run_as_printed("collect again")
    course.run_as_printed("late")
    edit_test(course, lambda source: source.removesuffix(broken("")))
    course.run("regrade")
    course.waiting = course.run("confirm")
    course.run("formats")
    course.second = scores(course, "tasks.csv")
    course.run_as_printed("late export")
    course.run_as_printed("extension")
    return course


def test_the_second_round_grades_what_was_handed_in_again(second):
    tasks = assignments.tasks(assignments.read("set1"))
    assert all(second.first["ben", task] == 0 for task in tasks)
    points = assignments.points(assignments.read("set1"))
    solved = {task for task in tasks if second.second["ben", task] == points[f"{task}-test"]}
    assert solved == set(tasks[: len(tasks) // 2])


def test_a_mended_test_gives_its_points_and_keeps_the_marks(second):
    points = assignments.points(assignments.read("set1"))
    expected = {
        ("ada", name.removesuffix("-test")): 0 if name == MENDED else most
        for name, most in points.items()
    }
    assert {key: v for key, v in second.first.items() if key[0] == "ada"} == expected
    expected["ada", MENDED.removesuffix("-test")] = points[MENDED]
    assert {key: v for key, v in second.second.items() if key[0] == "ada"} == expected


def test_the_tables_for_learning_platforms(second):
    head, ada, _ = rows(second, "canvas.csv")
    assert (head["Student"], head["set1"]) == ("    Points Possible", "20.0")
    assert (ada["SIS Login ID"], ada["set1"]) == ("ada", "20.0")
    assert rows(second, "moodle.csv")[0] == {
        "Username": "ada",
        "Email address": "",
        "set1": "20.0",
    }


def test_an_impossible_mark_is_not_exported(second):
    code = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as gradebook:
    gradebook.find_grade("bit-posterior-test", "set1", "set1", "ben").manual_score = {mark}
    gradebook.db.commit()
"""
    put = f"'{sys.executable}' -W ignore -c '{code}'"
    (second.folder / "grades.csv").unlink(missing_ok=True)
    for mark in (9, -1):
        text = second.shell(f"{put.format(mark=mark)}\n! python -W ignore export.py grades.csv")
        assert f"ben, bit-posterior-test: {mark} of 2 points" in text
        assert not (second.folder / "grades.csv").exists()
    second.shell(put.format(mark=None))


def test_a_task_left_out_leaves_a_set_that_runs(tmp_path):
    course = test_course.Course(tmp_path)
    course.run("folder")
    text = course.shell(STEPS_TOO_FEW)
    assert "cell voltage needs shared_mean_step" in text
    course.run_as_printed("leave out")
    course.run("record", "set1", "set3")
    nb = nbformat.read(course.folder / "source" / "set3" / "set3.ipynb", as_version=4)
    names = {}
    for cell in nb.cells:
        about = assignments.about(cell)
        if cell.cell_type == "code" and (not about["solution"] or f"{cell.id}-test" in str(nb)):
            names = assignments.run([(cell.id, cell.source)], names)
    assert "which_make" in names


STEPS_TOO_FEW = "! python leave_out.py source/set3/set3.ipynb one-mean shared-mean-step"
