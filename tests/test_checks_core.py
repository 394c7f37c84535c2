"""How checkers work: they print a verdict, never raise, and say what to look at."""

import numpy as np
import pytest

from emlib import checks
from emlib.checks import NotAttempted, Problem, Wrong
from emlib.checks._core import furthest


@checks.exercise("9.1")
def double(function):
    """Wants a function that doubles."""
    checks.close(checks.call(function, np.array([1.0, 2.0])), [2.0, 4.0], "the double")


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (lambda x: 2 * x, True, "Exercise 9.1: correct."),
        (lambda x: 3 * x, False, "Exercise 9.1: not yet. the double is off"),
        (None, False, "Exercise 9.1: no answer yet. Replace the `...` and run again."),
        (..., False, "no answer yet"),
        (
            lambda x: None,
            False,
            "not yet. Your function returned nothing. Did you forget `return`?",
        ),
        (lambda x: ..., False, "no answer yet"),
        (lambda x: 1 / 0, False, "stopped with ZeroDivisionError: division by zero"),
        (lambda: 1, False, "stopped with TypeError"),
        (4.0, False, "A function is wanted here, but this is float"),
    ],
)
def test_a_checker_prints_a_verdict_and_returns_it(answer, verdict, words, capsys):
    assert double(answer) is verdict
    assert words in capsys.readouterr().out


def test_a_checker_keeps_its_name_and_docstring():
    assert double.__name__ == "double"
    assert double.__doc__ == "Wants a function that doubles."


def test_a_mistake_in_the_checker_itself_is_not_hidden():
    @checks.exercise("9.2")
    def broken(answer):
        raise KeyError("a bug of ours")

    with pytest.raises(KeyError):
        broken(1)


def test_several_answers_need_all_of_them(capsys):
    @checks.exercise("9.3")
    def both(a, b):
        pass

    assert both(1, 2) is True
    assert both(1, ...) is False
    assert both(None, 2) is False
    assert capsys.readouterr().out.count("no answer yet") == 2


@checks.task("triple-it")
def triple(function, x=2.0, *, times=None):
    """Wants a function that triples."""
    if times is not None:
        assert times == 3
    checks.close(checks.call(function, x), 3 * x, "the triple")


def test_a_task_prints_when_right_and_returns_nothing(capsys):
    assert triple(lambda x: 3 * x) is None
    assert triple(lambda x: 3 * x, 5.0, times=3) is None
    assert capsys.readouterr().out == "triple-it: correct.\n" * 2


def not_implemented(x):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: 2 * x, r"^triple-it: not yet\. the triple is off: yours is 4\.$"),
        (lambda x: 1 / 0, r"^triple-it: not yet\. Your function stopped with ZeroDivisionError"),
        (lambda x: None, r"not yet\. Your function returned nothing"),
        (lambda x: ..., r"no answer yet"),
        (None, r"no answer yet"),
        (
            not_implemented,
            r"^triple-it: no answer yet\. Replace `raise NotImplementedError\(\)` and run again\.$",
        ),
    ],
)
def test_a_task_raises_when_wrong(answer, words, capsys):
    with pytest.raises(Wrong, match=words) as caught:
        triple(answer)
    assert capsys.readouterr().out == ""
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_task_keeps_its_name_and_docstring():
    assert (triple.__name__, triple.__doc__) == ("triple", "Wants a function that triples.")


def test_a_mistake_in_the_checker_of_a_task_is_not_hidden():
    with pytest.raises(AssertionError):
        triple(lambda x: 3 * x, times=4)


def test_jupyter_shows_the_message_of_a_wrong_answer_alone():
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    assert shell  # IPython asks the exception for its own traceback by this name:
    assert Wrong("triple-it: not yet.")._render_traceback_() == ["triple-it: not yet."]


def test_the_readers_function_gets_copies():
    x = np.array([1.0, np.nan])

    def spoils(a):
        a[:] = 0
        return a

    with pytest.raises(Problem, match="changes its input in place"):
        checks.call(spoils, x)
    np.testing.assert_array_equal(x, [1.0, np.nan])
    np.testing.assert_array_equal(checks.call(lambda a, k: a + k, x, 1), [2.0, np.nan])


def test_a_function_that_stops_keeps_its_cause():
    with pytest.raises(Problem) as caught:
        checks.call(lambda: [][1])
    assert isinstance(caught.value.__cause__, IndexError)


def test_no_answer_is_not_a_problem():
    with pytest.raises(NotAttempted):
        checks.call(lambda: ...)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("two", "r should be numbers, but it is str"),
        (object(), "r should be numbers, but it is object"),
        ([[1, 2, 3], [4, 5]], "r should be numbers, but it is list"),
        ([[10**400] * 3] * 2, "r should be numbers, but it is list"),
        ([1, 2, 3], r"r should have shape \(2, 3\), but has \(3,\)\.$"),
        (np.ones((3, 2)), r"has \(3, 2\)\. It looks transposed"),
        (np.full((2, 3), np.nan), "r holds NaN. Is there a 0/0"),
    ],
)
def test_numbers_explains(value, words):
    with pytest.raises(Problem, match=words):
        checks.numbers(value, "r", (2, 3))


def test_numbers_returns_floats():
    assert checks.numbers([[1, 2, 3]], "r", (1, 3)).dtype == np.float64
    assert checks.numbers(3, "r", ()) == 3.0
    assert np.isinf(checks.numbers(np.inf, "r", ()))
    with pytest.raises(Problem) as caught:
        checks.numbers(np.ones((3, 3, 1)), "r", (3, 3))
    assert "transposed" not in str(caught.value)


def test_close_forgives_rounding_only():
    checks.close(1 / 3 + 1e-9, 1 / 3, "t")
    checks.close([0.0, 1e-10], [0.0, 0.0], "t")
    checks.close(1.01, 1.0, "t", rtol=0.02)
    with pytest.raises(Problem, match=r"t is off: yours is 0\.4\. Look at \(1\)\.$"):
        checks.close(0.4, 1 / 3, "t", otherwise="Look at (1).")
    with pytest.raises(
        Problem, match=r"0\.33334\. It is off by 6\.7e-06 only: .*? Look at \(1\)\.$"
    ):
        checks.close(0.33334, 1 / 3, "t", otherwise="Look at (1).")
    with pytest.raises(Problem, match=r"t is off at index \(0, 1\): yours is 5\.$"):
        checks.close([[1, 5.0], [0, 0.1]], [[1, 2.0], [0, 0]], "t")


def test_close_knows_the_usual_mistakes():
    hints = [([9.0], "wrong shape for a hint"), ([4.0, 9.0], "You squared."), ([2, 3], "no")]
    with pytest.raises(Problem, match=r"^You squared\.$"):
        checks.close([4.0, 9.0], [2.0, 3.0], "t", hints)
    checks.close([2.0, 3.0], [2.0, 3.0], "t", hints)  # a right answer needs no hint


def test_distributions_explains():
    good = np.array([[0.2, 0.8], [1.0, 0.0]])
    np.testing.assert_array_equal(checks.distributions(good, "r", (2, 2)), good)
    with pytest.raises(Problem, match=r"must not be negative, but the smallest is -0\.5"):
        checks.distributions([[1.5, -0.5]], "r", (1, 2))
    with pytest.raises(Problem, match=r"between 1\.2 and 2\.4\.$"):
        checks.distributions([[0.6, 0.6], [1.2, 1.2]], "r", (2, 2))
    with pytest.raises(Problem, match="Its columns do: is the division over the right axis"):
        checks.distributions([[0.2, 0.3], [0.8, 0.7]], "r", (2, 2))


def test_climbing_explains():
    checks.climbing([-5.0, -4.0, -4.0, -4.0 - 1e-12])
    with pytest.raises(Problem, match=r"the bound falls at step 2, by 0\.5 nats"):
        checks.climbing([-5.0, -4.0, -4.5, -1.0, -2.0], "the bound")
    with pytest.raises(Problem, match="the log-likelihood falls at step 1"):
        checks.climbing([0.0, -1e-6])


@pytest.mark.parametrize("answer", [4.0, np.float32(4), [4.0], np.array([[4]]), (4,), True + 3])
def test_one_number_may_come_in_a_container(answer):
    assert checks.numbers(answer, "the size", ()) == 4.0


class Stubborn:
    def __array__(self, *arguments, **options):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "answer",
    [None, [None], "4.0", b"4", 4j, [4.0, [1.0, 2.0]], {"a": 4.0}, (x for x in [4.0]), 10**400,
     object(), np.array(["4.0"]), np.array([4j]), np.datetime64("1977-01-01"), Stubborn(), {4.0}],
    ids=lambda answer: type(answer).__name__,
)  # fmt: skip
def test_what_is_no_number_is_said_to_be_none(answer):
    said = r"the size should be (numbers, but it is|real, but it holds)"
    with pytest.raises(Problem, match=said):
        checks.numbers(answer, "the size", ())


def test_more_than_one_number_is_said_to_be_more():
    with pytest.raises(Problem, match=r"should be one number, of shape \(\), but has \(2,\)"):
        checks.numbers([1.0, 2.0], "the size", ())


# --- partial credit


@checks.task("a-pair")
def pair(function):
    """Wants the numbers 1 and 2, then 10 and 20."""
    for factor in (1.0, 10.0):
        a, b = function(factor)
        checks.right_so_far(0, "of the next pair")
        if (a, b) == (2 * factor, factor):
            raise Problem("The other way round.", keeps=2 / 3)
        checks.close(a, factor, "the first")
        checks.right_so_far(1 / 3, "the first")
        checks.close(b, 2 * factor, "the second", [(0.0, checks.Worth("That is nothing.", 0))])


def test_a_right_answer_keeps_all_points(capsys):
    pair(lambda f: (f, 2 * f))
    assert checks.points("a-pair", 3) is None
    assert capsys.readouterr().out == "a-pair: correct.\n"


@pytest.mark.parametrize(
    ("answer", "kept", "words"),
    [
        (lambda f: (f, 3 * f), 1, "(Right so far: the first.)"),
        (lambda f: (2 * f, f), 2, "The other way round.\n"),
    ],
)
def test_an_answer_that_is_right_in_part_keeps_a_part(answer, kept, words, capsys):
    pair(answer)  # and does not raise
    assert checks.points("a-pair", 3) == kept
    printed = capsys.readouterr().out
    assert printed.startswith("a-pair: not yet. ") and words in printed
    assert printed.endswith(f"a-pair: {kept} of 3 points.\n")


@pytest.mark.parametrize(
    "answer",
    [
        lambda f: (9.0, 2 * f),
        lambda f: (f, 0.0),  # the mistake that the task is about
        lambda f: (f, 2 * f) if f == 1 else (0.0, 0.0),  # of what was right before, nothing is left
    ],
)
def test_an_answer_that_is_wrong_keeps_nothing(answer):
    with pytest.raises(Wrong):
        pair(answer)
    assert checks.points("a-pair", 3) is None  # after an error nobody asks


def test_the_worst_of_several_tests_counts():
    @checks.task("a-number")
    def number(function, *, keeps):
        if keeps < 1:
            raise Problem("Not quite.", keeps=keeps)

    def mine():
        return 1

    for share in (1, 1 / 2, 1 / 4, 1):
        number(mine, keeps=share)
    assert checks.points("a-number", 2) == 0.5
    number(mine, keeps=1 / 2)
    number(lambda: 1, keeps=1)  # another answer, with which the first has nothing to do
    assert checks.points("a-number", 2) is None
    number(mine, keeps=1 / 2)
    with pytest.raises(Wrong):
        number(mine, keeps=0)
    assert checks.points("a-number", 2) is None


def test_of_places_equally_far_off_the_first_is_named():
    """Rounding would name another on another machine, and another message be printed."""
    right = np.zeros((2, 2))
    for tiny in (-1e-13, 0.0, 1e-13):
        assert furthest(np.array([[0.0, 1.0], [1.0 + tiny, 0.5]]), right) == 1
    assert furthest(np.array([[0.0, 1.0], [np.nan, 0.5]]), right) == 2
