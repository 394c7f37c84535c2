"""Every checker of a chapter accepts right answers, and names the mistake in wrong ones.

The answers are in answers/chapterNN.py, as those to the assignments are in answers/setN.py. RIGHT
and WRONG hold them for each checker; STUBS, where there is one, holds what else is no answer yet.
"""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from assignments import answers
from emlib import checks

CHAPTERS = {
    module.name: importlib.import_module(f"emlib.checks.{module.name}")
    for module in pkgutil.iter_modules(checks.__path__)
    if module.name.startswith("chapter")
}


def checkers(chapter):
    """Return the names of a chapter's checkers: `exercise` has wrapped them."""
    found = vars(CHAPTERS[chapter]).items()
    return [name for name, value in found if hasattr(value, "__wrapped__")]


EXERCISES = [(chapter, name) for chapter in CHAPTERS for name in checkers(chapter)]


def wants_a_function(chapter, name):
    """Return whether an answer to this exercise is a function: most are."""
    return inspect.isfunction(answers(chapter).RIGHT[name][0])


def cases(table):
    """Return a case for each entry of a table: the checker, and the entry."""
    return [
        pytest.param(getattr(CHAPTERS[chapter], name), entry, id=f"{chapter}-{name}-{number}")
        for chapter, name in EXERCISES
        for number, entry in enumerate(getattr(answers(chapter), table, {}).get(name, []))
    ]


def every(exercises):
    """Return a case for each exercise: its checker."""
    return [
        pytest.param(getattr(CHAPTERS[chapter], name), id=f"{chapter}-{name}")
        for chapter, name in exercises
    ]


FUNCTIONS = every(exercise for exercise in EXERCISES if wants_a_function(*exercise))


@pytest.mark.parametrize(("check", "answer"), cases("RIGHT"))
def test_right_answers_are_right_however_they_are_written(check, answer, capsys):
    assert check(answer) is True, capsys.readouterr().out
    assert "correct" in capsys.readouterr().out


@pytest.mark.parametrize(("check", "wrong"), cases("WRONG"))
def test_wrong_answers_are_told_what_is_wrong(check, wrong, capsys):
    answer, words = wrong
    assert check(answer) is False
    said = capsys.readouterr().out
    assert "not yet" in said and words in said


@pytest.mark.parametrize("check", every(EXERCISES))
def test_nothing_is_no_answer_yet(check, capsys):
    assert check(...) is False
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize("check", FUNCTIONS)
def test_a_function_that_returns_nothing_yet_is_no_answer(check, capsys):
    assert check(lambda *arguments: ...) is False
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize(("check", "stub"), cases("STUBS"))
def test_other_stubs_are_no_answer_yet(check, stub, capsys):
    assert check(stub) is False
    assert "no answer yet" in capsys.readouterr().out


class Stubborn:
    """What refuses to be read, with an error of its own: a tensor that has a gradient does."""

    def __array__(self, *arguments, **options):
        raise RuntimeError("no")


STRANGE = (Stubborn(), 10**400, 1j, [[1.0, 2.0], [3.0]], {"a": 1.0}, {1.0, 2.0}, "ab", b"ab")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("check", FUNCTIONS)
def test_whatever_an_answer_returns_is_explained(check, size, capsys):
    for strange in STRANGE:
        for value in {1: [strange], 2: [(strange,) * 2, [1.0, strange]], 3: [(strange,) * 3]}[size]:
            assert check(lambda *arguments, value=value: value) is False
            assert "not yet" in capsys.readouterr().out


@pytest.mark.parametrize("check", FUNCTIONS)
def test_an_answer_that_stops_is_explained(check, capsys):
    def stops(*arguments):
        raise KeyError("heads")

    assert check(stops) is False
    assert "stopped with KeyError" in capsys.readouterr().out


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_tables_are_full(chapter):
    right, wrong = answers(chapter).RIGHT, answers(chapter).WRONG
    stubs = getattr(answers(chapter), "STUBS", {})
    assert set(right) == set(wrong) == set(checkers(chapter)) >= set(stubs)
    for name in right:
        assert len(right[name]) >= 2
        assert len(wrong[name]) >= 5
        assert all(len(words) >= 3 for _, words in wrong[name])


def test_no_message_prints_the_last_bits():
    """Another order of adding up changes them, and so would the message."""
    folder = Path(__file__).resolve().parent.parent / "assignments"
    messages = (folder / "wrong-answers.md").read_text(encoding="utf-8")
    assert not re.findall(r"\d\.\d{12,}", messages)
