"""The form of every chapter; chapters.py has the checks. nbval checks what the cells print."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import chapters
import refresh

CHAPTERS = refresh.chapter_files()
PATHS = refresh.notebook_files()
DEEPER = [path for path in PATHS if path not in CHAPTERS]


def name_of(path: Path) -> str:
    """Return what a notebook is called below notebooks/."""
    return path.relative_to(refresh.HERE).as_posix()


@functools.cache
def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@functools.cache
def known_equations() -> set[str]:
    return {tag for path in PATHS for tag in chapters.equation_tags(read(path))}


def report(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(f"- {problem}" for problem in problems)


@pytest.mark.parametrize("path", PATHS, ids=name_of)
@pytest.mark.parametrize("check", chapters.CHECKS, ids=lambda check: check.__name__)
def test_form(check, path):
    report(check(read(path), name_of(path)))


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_equation_references_resolve(path):
    references = chapters.equation_references(read(path))
    report(chapters.reference_problems(references, known_equations()))


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_size(path):
    report(chapters.size_problems(path.stat().st_size))


@pytest.mark.parametrize(
    "path", sorted((chapters.ROOT / "emlib").rglob("*.py")), ids=lambda path: path.stem
)
def test_equations_cited_in_emlib_exist(path):
    references = set(chapters.references_by_name(path.read_text(encoding="utf-8")))
    report(chapters.reference_problems(references, known_equations()))


def test_chapters_are_numbered_without_gaps():
    assert [int(path.name[:2]) for path in CHAPTERS] == list(range(len(CHAPTERS)))


def both(chapter: Path) -> list[nbformat.NotebookNode]:
    return [read(path) for path in (chapter, refresh.deeper_file(chapter)) if path]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=name_of)
def test_numbers_run_on_from_the_main_line(chapter):
    notebooks = both(chapter)
    tags = [tag for nb in notebooks for tag in chapters.equation_tags(nb)]
    titles = re.compile(r"^\*\*Exercise (\d+\.\d+)\.", re.MULTILINE)
    exercises = [n for nb in notebooks for n in titles.findall(chapters.markdown(nb))]
    report(
        chapters.numbering_problems(tags, "equation")
        + chapters.numbering_problems(exercises, "exercise")
    )


@pytest.mark.parametrize("path", DEEPER, ids=name_of)
def test_each_optional_section_runs_alone(path, tmp_path):
    headings = {}
    for number, (heading, code) in enumerate(chapters.section_code(read(path)).items()):
        (tmp_path / f"section{number}.py").write_text(code, encoding="utf-8")
        headings[f"section{number}.py"] = heading
    # F821: a name that nothing in the section defines
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "-q"]
    found = subprocess.run(
        [*command, "--output-format=concise", *headings],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report([f"'{headings[line.partition(':')[0]]}': {line}" for line in found.stdout.splitlines()])
