"""The honest slow way through the experiments that take long: nothing of it is lost in grading.

Dora does what the statements of set 2 and set 3 ask for, word by word, with the plainest loops.
nbgrader runs her notebooks with the limits of the course, and the tables must be in the copies that
the marker reads.
"""

import re
import time

import nbformat
import pytest

import assignments
import test_course

pytestmark = pytest.mark.course
LIMIT = 600  # seconds, as nbgrader_config.py has it

LOOP_OVER_ROWS = next(
    answer
    for answer in assignments.answers("set2").RIGHT["labelled-step"]
    if "zip(x, labels)" in answer
)
WORTH = """
import time

began = time.process_time()
guess = 0.5
for coins in (mine.far, mine.near):
    rng = np.random.default_rng(7)
    v = sum(p * (1 - p) / 5 for p in coins) / 2
    for others in (0, 50, 200, 400):
        squares, middles, gaps = [], [], []
        for repetition in range(300):
            x, labels = make_rows(20, others, coins, rng)
            p = np.array(coins)
            while True:
                old = p
                p = np.array(labelled_step(x, labels, np.array([0.5, 0.5]), p)[1])
                if max(abs(p - old)) < 1e-5:
                    break
            error = p - coins
            squares.append(np.mean(error**2))
            middles.append(error.sum() / 2)
            gaps.append((error[0] - error[1]) / 2)
        worth = (v / np.mean(squares) - 20) / others if others else float("nan")
        print(f"ROW {coins} {others}: worth {worth:.2f}, middle {np.mean(np.square(middles)):.5f}, "
              f"half gap {np.mean(np.square(gaps)):.5f}")
print(f"SECONDS {time.process_time() - began:.0f}")
"""
PLAIN_STEP = """
def censored_step(t, died, weights, rates):
    log_joint = np.log(weights) - rates * t[:, None]
    log_joint = log_joint + np.where(died[:, None], np.log(rates), 0.0)
    r = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
    lives = np.where(died[:, None], t[:, None], t[:, None] + 1 / rates)
    return r.mean(axis=0), r.sum(axis=0) / (r * lives).sum(axis=0)
"""
TOO_EARLY = """
import time

began = time.process_time()
rng = np.random.default_rng(7)
for end in (1, 2, 4, 8, 16):
    estimates = []
    for box in range(20):
        t, died = watch_bulbs(end, rng, good=mine.good, lives=mine.lives)
        steps = int(1000 / end)
        everyone = np.ones(len(t), dtype=bool)
        estimates.append([
            mean_life(t[died], everyone[died], steps),
            mean_life(t, everyone, steps),
            mean_life(t, died, steps),
        ])
    print(f"ROW {end}: {np.percentile(estimates, [25, 50, 75], axis=0).round(2).T.tolist()}")
print(f"SECONDS {time.process_time() - began:.0f}")
"""
SLOW = {
    "set2": {"labelled-step": LOOP_OVER_ROWS, "worth-of-a-label-run": WORTH},
    "set3": {"censored-step": PLAIN_STEP, "too-early-code": TOO_EARLY},
}
ROWS = {"set2": 8, "set3": 5}


def work_of_dora(course, name):
    """Return a released notebook with the slow answers, and no other."""
    nb = test_course.released(course, name)
    for cell in nb.cells:
        if cell.id in SLOW[name]:
            head = cell.source.partition("### BEGIN")[0].replace(assignments.STUB, "")
            own = cell.id not in assignments.tasks(nb)
            cell.source = (head if own else "") + SLOW[name][cell.id]
    return nb


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Grade Dora's two sets as the course does."""
    course = test_course.Course(tmp_path_factory.mktemp("slow"))
    course.run("folder")
    course.run("record", "set1", "'*'")
    for name in SLOW:
        course.hand_in(
            name, "dora", work_of_dora(course.folder, name), {}, course.submit(name, "dora")
        )
    for name in SLOW:
        began = time.monotonic()
        course.run("autograde", "set1", name)
        print(f"{name}: graded in {time.monotonic() - began:.0f} s")
    return course


@pytest.mark.parametrize("name", SLOW)
def test_the_marker_finds_the_table_of_a_slow_experiment(slow, name):
    path = slow.folder / "autograded" / "dora" / name / f"{name}.ipynb"
    nb = nbformat.read(path, as_version=4)
    cell = assignments.cell_of(nb, [*SLOW[name]][1])
    printed = "".join(output.get("text", "") for output in cell.outputs)
    assert not [output for output in cell.outputs if output.output_type == "error"]
    assert len(re.findall(r"^ROW ", printed, re.M)) == ROWS[name], printed
    seconds = int(re.search(r"^SECONDS (\d+)$", printed, re.M)[1])
    print(f"{name}: {seconds} s of CPU")
    assert seconds < LIMIT / 2, "too slow for a machine that is half as fast"


@pytest.mark.parametrize("name", assignments.names())
def test_the_limits_are_said_in_the_notebooks(name):
    """And they are those of the settings."""
    settings = (assignments.ROOT / "assignments" / "nbgrader_config.py").read_text("utf-8")
    assert f"c.ExecuteAll.timeout = {LIMIT} " in settings
    assert "c.ExecuteAll.test_timeout = 60 " in settings
    said = assignments.read(name).cells[0].source
    assert "a test may run for a minute and any other cell for ten" in said
