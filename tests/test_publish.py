"""The public course repository: what students can clone holds no solution."""

import itertools
import re
import sys

import pytest

import assignments

pytestmark = pytest.mark.course
ADDRESS, TAG = "https://github.com/uni/em-course", "week1"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return the folder that publish.py makes."""
    folder = tmp_path_factory.mktemp("public") / "em-public"
    sys.path.insert(0, str(assignments.ROOT / "assignments"))
    try:
        publish = assignments.load("publish", assignments.ROOT / "assignments" / "publish.py")
        assert publish.main([str(folder), ADDRESS + ".git", TAG]) == 0
    finally:
        sys.path.remove(str(assignments.ROOT / "assignments"))
    return folder


def pairs(text):
    """Return each two lines that follow one another, if they are long enough to be told apart."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("import ", "from "))]
    joined = ["\n".join(pair) for pair in itertools.pairwise(lines)]
    return {pair for pair in joined if len(pair) > 50}


def secrets(name):
    """Return the pairs of lines of a set that are not for students.

    Set 4 gives the program that is to be mended: its lines are no secret.
    """
    nb = assignments.read(name)
    found, given = set(), set()
    for cell in nb.cells:
        for text in [each[0] for each in assignments.SOLUTION.finditer(cell.source)]:
            found |= pairs(text)
        for text in assignments.HIDDEN.findall(cell.source):
            found |= pairs(text)
        if cell.cell_type == "markdown" and assignments.about(cell)["solution"]:
            found |= pairs(cell.source)
        elif not assignments.about(cell)["solution"]:
            given |= pairs(assignments.visible(cell.source))
    return found - given


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", assignments.names())
def test_no_line_of_a_solution_is_public(published, name):
    known = secrets(name)
    assert len(known) > 50
    for path in files(published):
        if path.is_relative_to(published / "emlib" / "checks"):
            continue  # spare_* functions, of which README speaks
        if path.suffix == ".ipynb":
            cells = assignments.nbformat.read(path, as_version=4).cells
            text = "\n\n".join(cell.source for cell in cells)
        elif path.suffix in {".py", ".md", ".toml", ".txt"}:
            text = path.read_text(encoding="utf-8")
        else:
            continue
        assert known & pairs(text) == set(), path


def test_nothing_else_of_the_course_is_public(published):
    assert {path.name for path in (published / "assignments").iterdir()} == {"release"}
    assert not (published / "tests").exists()
    forbidden = re.compile("BEGIN SOLUTION|BEGIN HIDDEN|__pycache__")
    for path in files(published / "assignments") + files(published / "notebooks"):
        if path.suffix == ".ipynb":
            assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_set_up_and_links_lead_to_the_tag(published):
    notebooks = list(published.rglob("*.ipynb"))
    assert len(notebooks) > 20
    for path in notebooks:
        text = path.read_text(encoding="utf-8")
        assert "em-book/em-book" not in text, path
        assert f"git+{ADDRESS}@{TAG}" in text
        assert f"github/uni/em-course/blob/{TAG}/{path.relative_to(published).as_posix()}" in text
        assert f"gh/uni/em-course/{TAG}?urlpath" in text
