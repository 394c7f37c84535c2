"""The form of every chapter; chapters.py has the checks. nbval checks what the cells print."""

from pathlib import Path

import nbformat
import pytest

import chapters
import refresh

PATHS = refresh.chapter_files()


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def known_equations() -> set[str]:
    return {tag for path in PATHS for tag in chapters.equation_tags(read(path))}


def report(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(f"- {problem}" for problem in problems)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("check", chapters.CHECKS, ids=lambda check: check.__name__)
def test_form(check, path):
    report(check(read(path), path.name))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_equation_references_resolve(path):
    references = chapters.equation_references(read(path))
    report(chapters.reference_problems(references, known_equations()))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_size(path):
    report(chapters.size_problems(path.stat().st_size))


@pytest.mark.parametrize(
    "path", sorted((chapters.ROOT / "emlib").rglob("*.py")), ids=lambda path: path.stem
)
def test_equations_cited_in_emlib_exist(path):
    references = set(chapters.references_by_name(path.read_text(encoding="utf-8")))
    report(chapters.reference_problems(references, known_equations()))


def test_chapters_are_numbered_without_gaps():
    assert [int(path.name[:2]) for path in PATHS] == list(range(len(PATHS)))
