"""The benchmarks run, at tiny sizes, and their numbers agree; nothing here asserts a time."""

import importlib
import math
import platform
import re
from dataclasses import replace
from itertools import islice

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import gmean

import refresh
from emlib import em

FOLDER = refresh.ROOT / "benchmarks"


def module(name):
    """Import a module of benchmarks/, which holds scripts and is not a package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return importlib.import_module(name)


run, contenders, measure = module("run"), module("contenders"), module("measure")
climb, report = module("climb"), module("report")
LIBRARIES = contenders.libraries()
TINY = run.Effort(budget=1e-4, repeats=1, climb_rows=200)


@pytest.mark.parametrize("kind", contenders.ALL_TYPES)
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_library_takes_the_same_steps(library, kind):
    if kind not in library.covariance_types:
        pytest.skip(f"{library.name} has no {kind!r}")
    problem = contenders.random_problem(400, 3, 2, kind)
    for n in (1, 5):
        expected = em.fit(problem.start, problem.x, tol=0, max_iter=n).model
        assert measure.difference(library.fit(problem, n), expected) < 1e-10


@pytest.fixture
def no_processes(monkeypatch):
    """Let memory be something else: each measurement of it starts a process."""
    monkeypatch.setattr(run, "peak_memory", lambda library, problem: float(len(problem.x)))


def test_a_row_for_each_library_and_type(no_processes):
    rows = run.measure_type((300, 2, 2), "full", LIBRARIES, TINY)
    assert [row.library for row in rows] == [library.name for library in LIBRARIES]
    ours, *others = rows
    assert ours.difference is None
    assert all(row.difference < 1e-10 for row in others)
    assert ours.rows == 300
    assert all(0 < row.rows <= 300 for row in rows)
    assert all(row.memory == 300 for row in rows)


def test_peak_memory_comes_from_a_process_of_its_own():
    found = measure.peak_memory(LIBRARIES[0], contenders.random_problem(300, 2, 2))
    assert found is None if not measure.can_measure_memory() else 0 <= found < 2**26


def test_growth_sees_an_array_that_is_gone():
    if not measure.can_measure_memory():
        pytest.skip("this system does not let a process reset its record of peak memory")
    size = 64 * 2**20
    assert measure.growth(lambda: np.ones(size // 8).sum()) > 0.9 * size
    assert measure.growth(lambda: None) < 0.1 * size


def test_a_problem_survives_the_way_to_another_process(tmp_path):
    problem = contenders.random_problem(50, 3, 2, "diag")
    measure.save(problem, tmp_path)
    x, start = measure.load(tmp_path)
    assert (x == problem.x).all()
    assert start == problem.start


def test_matmul_speed_is_a_number_of_flops():
    assert measure.matmul_speed(size=50, repeats=1) > 0


def test_exp_pace_is_a_number_of_seconds():
    assert 0 < measure.exp_pace(size=50, repeats=1) < 1e-3


def test_slow_libraries_may_get_fewer_rows_and_say_so():
    def fit(problem, n):
        return problem.start

    problem = contenders.random_problem(2000, 2, 2)
    slow = contenders.Library("slow", "0", ("full",), fit, row_by_row=True)
    assert measure.rows_for(slow, problem, budget=0) == 3 * 2 * 2
    assert measure.rows_for(slow._replace(row_by_row=False), problem, budget=0) == 2000


def test_a_fit_at_rest_is_not_timed():
    still = contenders.Library("still", "0", ("full",), lambda problem, n: problem.start)
    lane = measure.Lane.of(still, contenders.random_problem(50, 2, 2), 1e-4)
    with pytest.raises(RuntimeError, match="at rest"):
        lane.run()


def test_what_counts_is_the_shortest_time_of_each_fit(monkeypatch):
    """A turn that another program disturbs does no harm."""
    times = {"emlib": [(1, 9), (5, 3), (1, 4)], "other": [(2, 9), (9, 8), (2, 26)]}

    def lane(library, problem, budget):
        m = ([float(a) for a, _ in times[library.name]], [float(b) for _, b in times[library.name]])
        return measure.Lane(library, problem, 1, m)

    monkeypatch.setattr(measure.Lane, "of", lane)
    monkeypatch.setattr(measure.Lane, "run", lambda self: None)
    both = [contenders.Library(name, "0", ("full",), None) for name in times]
    found = measure.paces(both, contenders.random_problem(10, 2, 2), 1e-4, 4)
    assert found["emlib"] == pytest.approx((2.0, 1.0, 10))  # 3 - 1
    assert found["other"] == pytest.approx((6.0, 3.0, 10))  # 8 - 2
    times["other"] = [(2, 1)]
    assert math.isnan(
        measure.paces(both, contenders.random_problem(10, 2, 2), 1e-4, 4)["other"].ratio
    )


@pytest.mark.parametrize("guess", [1, 5, 10, 12])
def test_fewest_steps_from_any_guess(guess):
    assert climb.fewest(lambda n: 10.0**-n * 2e4, guess) == 11


def test_fewest_gives_up_on_what_never_arrives():
    assert climb.fewest(lambda n: 1.0, 3) is None


def test_climbs_agree_on_the_summit():
    problem = contenders.ring_problem(200, 3, 5)
    found = climb.climbs("ring", LIBRARIES, problem, budget=0.0, repeats=1)
    steps = {c.library: c.steps for c in found}
    assert len(set(steps.values())) == 1
    assert found[0].library == "emlib"
    assert found[0].missed < 1e-5
    assert all(c.missed > -1e-6 and c.seconds >= 0 for c in found)


def row(library, seconds, n=100, kind="full", memory=2.0**21, rows=None):
    return report.Row(n, 2, 3, kind, library, seconds, seconds, rows or n, memory, 1e-15)


def results(rows, scaling=(), load=0.1):
    made = [contenders.Library(name, "1.0", (), None) for name in ("emlib", "other")]
    climbs = [
        climb.Climb("hill", "emlib", 9, 0.5, 11, 1e-8),
        climb.Climb("hill", "other", None, math.nan, 3, 0.25),
    ]
    return report.Results(made, 1e9, 2e-9, load, rows, climbs, scaling)


PAIRS = [
    row("emlib", 1.0),
    row("other", 2.0),
    row("emlib", 1.0, 200),
    row("other", 8.0, 200),
    row("emlib", 1.0, kind="diag"),
    row("other", 99.0, kind="diag"),
]


def test_ratios_and_their_geometric_mean():
    assert report.geometric_mean("other", PAIRS) == pytest.approx(4)
    assert report.geometric_mean("emlib", PAIRS) == 1
    assert math.isnan(report.geometric_mean("other", [row("emlib", 1.0), row("other", math.nan)]))


def test_the_table_says_what_was_measured():
    scaling = [(100, "emlib", 2.0**20), (100, "other", None)]
    text = report.markdown(
        results([*PAIRS, row("emlib", 1, 5), row("other", 3, 5, rows=2)], scaling)
    )
    assert "| geometric mean | **3.63** |" in text
    assert "| ≈ 3000 |" in " ".join(text.split())
    assert "| 100 | 1.0 | – |" in " ".join(text.split())
    assert "does not let" not in text
    assert "does not let" in report.markdown(results([row("emlib", 1.0, memory=None)]))


def test_a_race_on_a_busy_machine_is_called_unfair():
    assert "busy" not in report.markdown(results(PAIRS))
    assert "busy (load 3.0)" in report.markdown(results(PAIRS, load=3.0))


def test_the_title_states_what_the_data_say():
    found = results(PAIRS)
    assert report.finding(found) == (
        "One iteration takes other 4.0 times as long as emlib,\n"
        "which needs 2 MiB beyond the data at the most"
    )
    with plt.style.context("emlib.book"):
        fig = report.plot(found)
    drawn = [line.get_xdata() for line in fig.axes[0].lines[:2]]
    assert np.allclose(drawn, [[1, 1, 1], [2, 8, 4]])
    plt.close(fig)


def test_the_command_prints_and_saves(tmp_path, capsys, monkeypatch, no_processes):
    monkeypatch.setattr(run, "BRIEF", TINY)
    monkeypatch.setattr(run, "SCALING", (100,))
    monkeypatch.setattr(run, "matmul_speed", lambda: 1e9)
    monkeypatch.setattr(run, "ring_problem", lambda n, k, _: contenders.ring_problem(n, k, 7))
    run.main(["--quick", "--shapes", "300,2,2", "--scaling", "--output", str(tmp_path)])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text + "\n"
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    assert plt.get_fignums() == []


def test_only_the_whole_run_is_saved_unasked():
    assert run.parse([]).output == FOLDER
    assert run.parse(["--quick"]).output is None
    assert run.parse(["--shapes", "1e6,2,4"]).shapes == [(1_000_000, 2, 4)]
    assert run.parse(["--shapes", "10,2,2"]).output is None


def test_the_results_name_no_machine():
    text = report.markdown(results(PAIRS))
    for path in FOLDER.glob("*.md"):
        text += path.read_text(encoding="utf-8")
    assert platform.node() not in text
    assert str(refresh.ROOT) not in text


# --- climbs


climbs = module("climbs")


def printed_work() -> dict[str, list[int]]:
    """The table of climbs.md: the work of EM, SQUAREM, Anderson, quasi-Newton on each problem."""
    rows = re.findall(r"^\| (.+?) \|((?: \d+ \|)+)$", (FOLDER / "climbs.md").read_text(), re.M)
    return {name: [int(n) for n in cells.split("|")[:-1]] for name, cells in rows}


def test_the_printed_climbs_meet_their_bars():
    counts = np.array(list(printed_work().values()))
    assert counts.shape == (9, 5)
    plain, _, anderson, newton, reference = counts.T
    assert gmean(plain / newton) >= 20
    assert (counts[:, 1:4] <= plain[:, None]).all()
    assert gmean(reference / np.minimum(newton, anderson)) >= 1


def test_the_fast_climbs_take_as_long_as_printed():
    """Another BLAS may round a step away; EM itself, thousands of steps, is left to the script."""
    for problem in climbs.problems():
        _, _, anderson, newton, _ = printed_work()[problem.name]
        assert climbs.work(climbs.quasi_newton, problem) == pytest.approx(newton, rel=0.15, abs=2)
        if anderson < 200:
            assert climbs.work(climbs.anderson, problem) == pytest.approx(anderson, rel=0.3, abs=3)


def test_a_climb_that_falls_or_ends_elsewhere_is_found():
    problem = climbs.problems()[0]

    def falling(*arguments):
        steps = list(islice(em.iterate(*arguments), 5))
        return iter(steps[::-1])

    with pytest.raises(em.MonotonicityError, match="fell by"):
        climbs.work(falling, problem)
    with pytest.raises(ValueError, match="another summit"):
        climbs.work(climbs.quasi_newton, problem._replace(summit=-2000.0))


# --- which search finds the best maximum: search.py


finding = module("search")
GALAXIES = finding.DATA["galaxies"]


def test_a_table_of_what_was_found(capsys):
    rows = [row for row in finding.SECTIONS["listed"] if row.n_components == 2][:2]
    finding.table("two rows", rows, 2, (200,))
    title, *lines, total, _ = capsys.readouterr().out.split("\n")
    assert title.split() == ["two", "rows", "search", "200", "k-means", "200", "select", "200"]
    assert [line[:24].strip() for line in lines] == ["galaxies 2 full", "galaxies 2 tied", "all"]
    right = np.array([line[24:].split() for line in lines[:2]], dtype=int)
    assert right.shape == (2, 3) and right[:, 0].tolist() == [2, 2]
    assert lines[2].split()[1:] == [f"{share:.1%}" for share in right.sum(axis=0) / 4]
    assert total == ""


def test_only_a_converged_fit_without_doubts_has_a_gap():
    row = finding.Row("galaxies", 2, "full", -220.0)
    fit = em.fit(finding.GaussianMixture1D.start(GALAXIES, 2, 0), GALAXIES)
    assert row.gap(fit) == -220.0 - fit.objective[-1]
    for bad in (
        None,
        replace(fit, doubts=("component 0 is thin",)),
        replace(fit, status="max_iter"),
    ):
        assert row.gap(bad) == math.inf
