"""Every right answer gets its points, every known wrong one loses them; the files are in order."""

import contextlib
import io
import re
import warnings

import nbformat
import numpy as np
import pytest

import assignments
from emlib.checks import hidden_rng

pytestmark = pytest.mark.course
build = assignments.load("assignments_build", assignments.ROOT / "assignments" / "build.py")
NAMES = assignments.names()
TASKS = [(name, task) for name in NAMES for task in assignments.tasks(assignments.read(name))]
RIGHT = [
    (name, task, number)
    for name, task in TASKS
    for number in range(len(assignments.answers(name).RIGHT.get(task, [])))
]
WRONG = [
    (name, task, number)
    for name, task in TASKS
    for number in range(len(assignments.answers(name).WRONG.get(task, [])))
]


def report(problems):
    assert not problems, "\n" + "\n".join(f"- {problem}" for problem in problems)


# --- answers


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_model_solution_is_right(name, task):
    assert assignments.grade(name, task).message == ""


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_stub_is_no_answer(name, task):
    stub = assignments.stub(assignments.cell_of(assignments.read(name), task).source)
    assert assignments.grade(name, task, stub).message.startswith(f"{task}: no answer yet.")


@pytest.mark.parametrize(("name", "task", "number"), RIGHT)
def test_right_answers_are_right_however_they_are_written(name, task, number):
    right = assignments.answers(name).RIGHT[task][number]
    assert assignments.grade(name, task, right).message == ""


@pytest.mark.parametrize(("name", "task", "number"), WRONG)
def test_wrong_answers_are_told_what_is_wrong(name, task, number):
    mistake, source, fragment = assignments.answers(name).WRONG[task][number]
    message = assignments.grade(name, task, source).message
    assert message.startswith(f"{task}: not yet. "), f"{mistake}: {message or 'it passes'}"
    assert fragment in message, mistake


@pytest.mark.parametrize(("name", "task", "number"), WRONG)
def test_wrong_answers_that_are_right_in_part_keep_a_part(name, task, number):
    mistake, source, _ = assignments.answers(name).WRONG[task][number]
    assert assignments.grade(name, task, source).kept == assignments.kept(name, task, mistake)


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_of_what_is_kept_are_in_order(name):
    nb = assignments.read(name)
    for task, kept in assignments.answers(name).KEPT.items():
        known = [mistake for mistake, _, _ in assignments.answers(name).WRONG[task]]
        assert set(kept) <= set(known)
        most = assignments.points(nb)[f"{task}-test"]
        assert all(0 < points < most for points in kept.values())
        assert most > 1


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_tables_are_full(name, task):
    right = assignments.answers(name).RIGHT[task]
    wrong = assignments.answers(name).WRONG[task]
    model = assignments.cell_of(assignments.read(name), task).source
    squeezed = {re.sub(r"\s+|#.*", "", source) for source in [model, *right]}
    assert len(squeezed) == 1 + len(right) >= 3
    assert len({mistake for mistake, _, _ in wrong}) == len(wrong) >= 6
    assert all(len(fragment) >= 3 for _, _, fragment in wrong)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_an_answer_stored_for_the_visible_data_is_among_the_wrong_ones(name, task):
    assert assignments.stored(name, task)


@pytest.mark.parametrize("name", NAMES)
def test_hidden_tests_find_what_visible_ones_let_pass(name):
    if not assignments.whole(assignments.read(name)):
        pytest.skip("a task is left out")
    assert any(assignments.verdict_on_wrong(n, t, i).by_hidden for n, t, i in WRONG if n == name)


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_know_no_other_tasks(name):
    """But for those that a course has left out."""
    nb = assignments.read(name)
    tasks = set(assignments.tasks(nb))
    assert set(assignments.answers(name).RIGHT) == set(assignments.answers(name).WRONG) >= tasks
    assert set(assignments.answers(name).RIGHT) == tasks or not assignments.whole(nb)


ODD = {
    "none": "def {f}(*a, **k):\n    return None",
    "ellipsis": "def {f}(*a, **k):\n    return ...",
    "text": "def {f}(*a, **k):\n    return 'two'",
    "empty": "def {f}(*a, **k):\n    return []",
    "huge": "def {f}(*a, **k):\n    return np.full((7, 5, 3), np.nan)",
    "nan": "def {f}(*a, **k):\n    return np.nan",
    "object": "def {f}(*a, **k):\n    return object()",
    "stops": "def {f}(*a, **k):\n    raise ValueError('no')",
    "no arguments": "def {f}():\n    return 1.0",
    "not a function": "{f} = 3.0",
    "erased": "{f} = None",
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("name", "task"), TASKS)
def test_checkers_survive_odd_answers(name, task, odd):
    """Whatever an answer is, a message comes back: `grade` lets pass no other exception."""
    test = assignments.cell_of(assignments.read(name), f"{task}-test").source
    answer = re.search(rf"{name}\.\w+\((\w+)", test)[1]  # what the checker is given
    source = ODD[odd].format(f=answer)
    assert assignments.grade(name, task, source).message.startswith(f"{task}: n")


@pytest.mark.parametrize(("mean", "seed"), [(2.7, 3), (30, 0), (500, 1)])
def test_a_right_table_of_counts_of_ones_own_is_right_in_set5(mean, seed):
    """Counts that are nearly one Poisson, of which each search has doubts of its own."""
    if ("set5", "honest-table") not in TASKS:
        pytest.skip("this task is left out")
    task = assignments.cell_of(assignments.read("set5"), "honest-table").source
    own = np.random.default_rng(seed).poisson(mean, 60)
    test = "from emlib.checks import set5\n\nset5.honest_table(honest_table, own, most=1)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = assignments.before("set5", "honest-table") | {"own": own}
        assignments.run([("honest-table", task), ("test", test)], before)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_what_is_drawn_for_a_course_tells_right_from_stored(name, task, monkeypatch):
    model = assignments.cell_of(assignments.read(name), task).source
    for seed in ("a course", "another", "Ünal 2027"):
        monkeypatch.setenv("EM_COURSE_SEED", seed)
        for right in [model, *assignments.answers(name).RIGHT[task]]:
            assert assignments.on_drawn(name, task, right) == "", seed
        assert assignments.on_drawn(name, task, assignments.stored(name, task)), seed


@pytest.mark.parametrize(("name", "task"), [t for t in TASKS if t[1] != "honest-table"])
def test_no_seed_of_a_course_refuses_the_model_solution(name, task, monkeypatch):
    """As data on which a checker itself comes to grief would."""
    model = assignments.cell_of(assignments.read(name), task).source
    for seed in range(3 if task == "log-determinants" else 12):
        monkeypatch.setenv("EM_COURSE_SEED", f"seed {seed}")
        assert assignments.on_drawn(name, task, model) == "", seed


def test_hidden_data_are_those_of_the_course(monkeypatch):
    def draws(seed, name):
        monkeypatch.setenv("EM_COURSE_SEED", seed)
        return hidden_rng(name).random(3).tolist()

    assert draws("a", "channel-gap") == draws("a", "channel-gap")
    others = [draws("b", "channel-gap"), draws("a", "channel-elbo"), draws("", "channel-gap")]
    assert draws("a", "channel-gap") not in others
    monkeypatch.delenv("EM_COURSE_SEED")
    assert hidden_rng("channel-gap").random(3).tolist() == others[2]


# --- form


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", assignments.CHECKS, ids=lambda check: check.__name__)
def test_form(name, check):
    report(check(assignments.read(name), name))


@pytest.mark.parametrize("name", NAMES)
def test_the_release_gives_nothing_away(name):
    release = nbformat.read(assignments.RELEASE / name / f"{name}.ipynb", as_version=4)
    report(assignments.leaks(release, assignments.read(name), name))


@pytest.mark.parametrize("name", NAMES)
def test_a_source_runs_from_top_to_bottom_without_a_warning(name):
    cells = [(c.id, c.source) for c in assignments.read(name).cells if c.cell_type == "code"]
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()) as stderr:
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")  # no screen here
        assignments.run(cells)
    assert stderr.getvalue() == ""


def test_there_are_five_sets():
    assert NAMES == [f"set{number}" for number in range(1, 6)]


def test_what_is_generated_is_up_to_date():
    report(build.problems(build.generated()))


# --- a task is left out


def lines_that_leave_out():
    """Return the commands of the syllabus, each as (set, names of cells, points that are left)."""
    text = (build.HERE / "SYLLABUS.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^python leave_out\.py source/(set\d)/set\d\.ipynb (.*)$", text, flags=re.M)
    left = {"set3": "16 points of `set3`", "set5": "8 of `set5`", "set1": "7 points"}
    assert all(left[name] in text for name, _ in lines)
    return [(name, names.split(), int(re.search(r"\d+", left[name])[0])) for name, names in lines]


def test_the_syllabus_leaves_out_what_it_says():
    assert [name for name, _, _ in lines_that_leave_out()] == ["set3", "set5", "set1"]


@pytest.mark.parametrize(("name", "names", "points"), lines_that_leave_out())
def test_a_set_with_tasks_left_out_is_whole(name, names, points, tmp_path, monkeypatch, capsys):
    """As the syllabus has it: its form, what is built of it, and a run from top to bottom."""
    if not assignments.whole(assignments.read(name)):
        pytest.skip("it was done here")
    before = assignments.read(name)
    path = tmp_path / name / f"{name}.ipynb"
    path.parent.mkdir()
    path.write_text(assignments.path(name).read_text(encoding="utf-8"), encoding="utf-8")
    leave_out = assignments.load("leave_out", build.HERE / "leave_out.py")
    assert leave_out.main([str(path), *names]) == 0
    assert "speaks of" not in capsys.readouterr().out
    monkeypatch.setattr(assignments, "SOURCE", tmp_path)
    nb = assignments.read(name)
    assert sum(assignments.points(nb).values()) == points
    report([problem for check in assignments.CHECKS for problem in check(nb, name)])
    gone = set(assignments.tasks(before)) - set(assignments.tasks(nb))
    table = build.table()
    assert all(f"`{task}`" not in table for task in gone)
    assert all(f"{name} has no task {task}" in capsys.readouterr().out for task in [*gone][:1])
    cells = [(c.id, c.source) for c in nb.cells if c.cell_type == "code"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assignments.run(cells)
    with pytest.raises(assignments.Missing, match="Was a task left out"):
        assignments.cell_of(nb, gone.pop())


def test_leave_out_names_what_is_needed(tmp_path, capsys):
    if not assignments.whole(assignments.read("set3")):
        pytest.skip("it was done here")
    path = tmp_path / "set3.ipynb"
    path.write_text(assignments.path("set3").read_text(encoding="utf-8"), encoding="utf-8")
    leave_out = assignments.load("leave_out", build.HERE / "leave_out.py")
    before = path.read_bytes()
    assert leave_out.main([str(path), "shared-mean-step", "no-such-cell"]) == 1
    said = capsys.readouterr().err
    assert "cell voltage needs shared_mean_step" in said
    assert "no cell is called no-such-cell" in said
    assert path.read_bytes() == before


# --- the checks can fail


def spoil(change):
    """Return what the checks find in the first set after a change."""
    nb = assignments.read(NAMES[0])
    change(nb)
    return [problem for check in assignments.CHECKS for problem in check(nb, NAMES[0])]


def first_task(nb):
    return assignments.tasks(nb)[0]


def swap_test_and_answer(nb):
    place = nb.cells.index(assignments.cell_of(nb, first_task(nb)))
    nb.cells[place : place + 2] = nb.cells[place : place + 2][::-1]


def edit(cell_of_nb, old, new):
    """Return a change of the source of a cell."""

    def change(nb):
        cell = cell_of_nb(nb)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def answer(nb):
    return assignments.cell_of(nb, first_task(nb))


def first_test(nb):
    return assignments.cell_of(nb, first_task(nb) + "-test")


def question(nb):
    place = nb.cells.index(assignments.cell_of(nb, assignments.questions(nb)[0]))
    return next(c for c in reversed(nb.cells[:place]) if c.metadata.get("nbgrader"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda nb: nb.cells.pop(1), "must begin with title, links, set-up"),
        (lambda nb: first_test(nb).metadata.nbgrader.update(points=9), "add up to"),
        (lambda nb: first_test(nb).metadata.nbgrader.update(points=9), "the table in its text has"),
        (lambda nb: answer(nb).update(id="another"), "has the grade_id"),
        (lambda nb: answer(nb).update(id="0f3a9c21"), "is no readable cell id"),
        (lambda nb: answer(nb).metadata.nbgrader.pop("schema_version"), "schema_version 3"),
        (lambda nb: nb.cells.append(nb.cells[0]), "stands twice"),
        (swap_test_and_answer, "does not follow its answer"),
        (lambda nb: answer(nb).metadata.nbgrader.update(locked=True), "and not locked"),
        (lambda nb: first_test(nb).metadata.nbgrader.update(locked=False), "must be locked"),
        (edit(answer, "### BEGIN SOLUTION", "#"), "needs BEGIN SOLUTION"),
        (edit(first_test, "### BEGIN HIDDEN TESTS", "#"), "a visible and a hidden part"),
        (edit(first_test, ".drawn(", ".known("), "drawn for the course"),
        (edit(first_test, '", 2)', '", 3)'), "must end with"),
        (edit(first_test, "### BEGIN", "assert True\n### BEGIN"), "asserts"),
        (edit(question, "|", " "), "has no rubric table"),
        (lambda nb: question(nb).metadata.nbgrader.update(locked=False), "is not locked"),
        (lambda nb: answer(nb).update(execution_count=1), "holds outputs"),
    ],
)
def test_a_spoilt_source_is_found(change, words):
    assert not any(words in problem for problem in spoil(lambda nb: None))
    assert any(words in problem for problem in spoil(change))


def test_a_leak_is_found():
    source = assignments.read(NAMES[0])
    found = assignments.leaks(source, source, NAMES[0])
    for words in ("BEGIN  stands", "is not its stub", "holds an answer"):
        assert any(words in problem for problem in found)


def test_stale_files_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "release" / "set0").mkdir(parents=True)
    (tmp_path / "release" / "set0" / "set0.ipynb").write_text("old")
    (tmp_path / "same").write_text("as it should be")
    (tmp_path / "other").write_text("edited")
    texts = {tmp_path / "same": "as it should be", tmp_path / "other": "as it should be"}
    assert build.problems({**texts, tmp_path / "none": ""}) == [
        "other is not what its source gives",
        "none is missing",
        "release/set0/set0.ipynb has no source",
    ]


def test_the_syllabus_names_every_task():
    """And no other: the names in the column of tasks are those of the sources."""
    text = (build.HERE / "SYLLABUS.md").read_text(encoding="utf-8")
    for name in NAMES:
        nb = assignments.read(name)
        rows = re.findall(rf"^\| `{name}` \|.*$", text, flags=re.M)
        named = re.findall(r"`([a-z0-9-]+)`", "".join(row.partition("|")[2] for row in rows))
        known = {*assignments.tasks(nb), *assignments.questions(nb)}
        assert set(named) - {name} >= known
        assert set(named) - {name} == known or not assignments.whole(nb)
