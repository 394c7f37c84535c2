"""Ten cheats, a cut-off experiment and a lost picture, through the real autograder."""

import importlib

import nbformat
import pytest

import assignments
import test_course

pytestmark = pytest.mark.course

CHEATS = {
    "gradebook": (
        "import glob, sqlite3\n"
        "for file in glob.glob('../**/gradebook.db', recursive=True) + ['{course}/gradebook.db']:\n"
        "    sqlite3.connect(file).execute('update grade set manual_score = 9')",
        "sqlite3",
    ),
    "source": ("print(open('{course}/source/set1/set1.ipynb').read())", "source/"),
    "patch": (
        "import emlib.checks.set1 as s\n"
        "for n in dir(s):\n"
        "    if not n.startswith('_'):\n"
        "        setattr(s, n, lambda *a, **k: print('correct.'))",
        "emlib.checks",
    ),
    "frames": ("import sys\nf = sys._getframe()", "_getframe"),
    "transform": (
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass'])",
        "get_ipython",
    ),
    "exceptions": (
        "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)",
        "set_custom_exc",
    ),
    "exits": ("import os\nos._exit(0)", "os._exit"),
    "noise": ("import os\nprint('x' * 10**8)\nos.kill(os.getpid(), 9)", "os.kill"),
    "disk": ("import emlib\nopen(emlib.__file__, 'a').write('# mine')", "open("),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Autograde one cheat a student; return the course and what was printed."""
    course = test_course.Course(tmp_path_factory.mktemp("cheats"))
    course.run("folder")
    with (course.folder / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("c.ExecuteAll.timeout = 4\n")
    course.run("record")
    for student, (code, _) in CHEATS.items():
        nb = test_course.released(course.folder, "set1")
        answer = assignments.cell_of(nb, assignments.tasks(nb)[0])
        answer.source = code.replace("{course}", str(course.folder))
        hand_in(course, student, nb)
    nb = test_course.released(course.folder, "set1")
    for cell in [cell for cell in nb.cells if assignments.is_test(cell)]:
        cell.source = ""
        cell.metadata.nbgrader.points = 100
    nb.cells.append(forged_cell())
    hand_in(course, "forge", nb)
    nb = test_course.released(course.folder, "set1")
    slow = nbformat.v4.new_code_cell("import time\ntime.sleep(60)")
    slow.outputs = [nbformat.v4.new_output("stream", name="stdout", text="my honest table")]
    nb.cells.insert(2, slow)
    nb.cells.append(nbformat.v4.new_markdown_cell("![](attachment:lost.png)"))
    hand_in(course, "slow", nb)
    return course, course.run("autograde")


def forged_cell():
    """Return a test of the student's own, worth 100 points."""
    about = {"grade": True, "solution": False, "locked": True, "task": False}
    more = {"schema_version": 3, "grade_id": "bonus", "points": 100, "cell_type": "code"}
    return nbformat.v4.new_code_cell("pass", metadata={"nbgrader": about | more})


def hand_in(course, student, nb):
    """Put a notebook where nbgrader looks for it."""
    path = course.submit("set1", student)
    path.parent.mkdir(parents=True)
    nbformat.write(nb, path)


def result(course, student):
    return (course.folder / "autograded" / student / "set1" / "set1.ipynb").read_text("utf-8")


@pytest.mark.parametrize("student", CHEATS)
def test_a_cheat_is_named(graded, student):
    _, log = graded
    reading = [line for line in log.splitlines() if "Read cell" in line]
    assert any(CHEATS[student][1] in line for line in reading)


def test_a_cheat_that_is_fended_off_earns_nothing(graded):
    course, _ = graded
    course.shell("python -W ignore export.py tasks.csv --format tasks")
    rows = (course.folder / "tasks.csv").read_text("utf-8").splitlines()
    assert not any("bonus" in row for row in rows)
    for student in ("forge", "exits", "noise", "exceptions"):
        scores = [float(row.split(",")[3]) for row in rows if row.split(",")[1] == student]
        assert len(scores) > 5
        assert set(scores) == {0}
        assert len(result(course, student)) < test_course.SMALL


@pytest.mark.parametrize("student", ["gradebook", "source", "disk"])
def test_a_cheat_finds_nothing_in_the_box(graded, student):
    course, log = graded
    if "No box here" in log:
        pytest.skip("no box on this machine")
    expected = {"gradebook": "OperationalError", "source": "FileNotFoundError", "disk": "OSError"}
    assert expected[student] in result(course, student)


def test_what_was_handed_in_is_kept_when_a_cell_is_cut_off(graded):
    course, _ = graded
    text = result(course, "slow")
    assert "my honest table" in text
    assert "CellTimeoutError" in text


def test_a_lost_picture_is_named(graded):
    course, log = graded
    assert "Picture 'lost.png' was not handed in" in log
    assert "attachment:lost.png" not in result(course, "slow")


def test_what_a_notebook_changed_is_put_back(tmp_path, monkeypatch):
    """Where there is no box."""
    monkeypatch.syspath_prepend(str(assignments.ROOT / "assignments"))
    box = importlib.import_module("box")
    monkeypatch.setattr(box, "INSTALLED", tmp_path / "emlib")
    (tmp_path / "emlib").mkdir()
    gradebook = tmp_path / "gradebook.db"
    gradebook.write_bytes(b"marks")
    before = box.guarded(tmp_path)
    gradebook.write_bytes(b"better marks")
    new = tmp_path / "emlib" / "new.py"
    new.write_bytes(b"")
    assert box.put_back(before, box.guarded(tmp_path)) == [new, gradebook]
    assert box.guarded(tmp_path) == before
