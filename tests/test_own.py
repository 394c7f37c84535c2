"""Numbers of each student's own: what the rubrics say is true whoever the student is."""

import copy

import numpy as np
import pytest

import assignments
from emlib.checks import own_rng

pytestmark = pytest.mark.course
own = assignments.load("own", assignments.ROOT / "assignments" / "own.py")
NAMES = assignments.names()
STUDENTS = ["ada", "s1234567", "Özgür Ünal"]


def holds_in_set1(names, printed):
    steps, mine = names["steps"], names["mine"]
    for copies in (3, 9):
        assert (np.diff(steps[copies]) >= 0).all()  # the noisier, the slower
    assert (np.array(steps[9]) < steps[3]).all()
    assert steps[3][0] < 10 and steps[3][-1] > 8 * steps[3][0] and max(steps[9][:2]) < 6
    (a, b, c) = np.array(names["twins"])
    np.testing.assert_allclose(a + b, 1, atol=1e-4)
    np.testing.assert_allclose(c, 0.5)
    vote, posterior = names["wrong"]
    assert posterior < vote
    assert abs(mine.prior - 0.3) < 0.051


def holds_in_set2(names, printed):
    mine, others = names["mine"], np.array([50, 200, 400])
    far, near = (names["found"][coins] for coins in (mine.far, mine.near))
    worth = [(rows[1:, 0] - 20) / others for rows in (far, near)]
    assert (abs(worth[0] - 0.7) < [0.25, 0.2, 0.2]).all()
    assert worth[1][0] > worth[1][-1]  # the first rows are worth most
    assert abs(worth[1][0] - 0.3) < 0.15 and abs(worth[1][-1] - 0.15) < 0.08
    for rows in (far, near):
        assert abs(rows[0, 0] - 20) < 4
    assert (far[1:, 1] < far[1:, 2]).all()  # of the far coins the middle suffers
    assert (near[1:, 1] > 2 * near[1:, 2]).all()  # of the near ones the half gap
    assert near[-1, 1] > 300 and near[-1, 2] < 80 and abs(far[-1, 1] - 250) < 60


def holds_in_set3(names, printed):
    relative = names["table"] / names["mine"].mean_life  # (ends, quartiles, people)
    drop, died, censored = relative[:, 1].T
    assert (np.diff(drop) > 0).all() and (np.diff(died[:-1]) > 0).all()
    assert (drop < died).all() and (died[:4] < 1).all()
    assert abs(drop[0] - 0.2) < 0.05 and abs(drop[3] - 0.7) < 0.1
    assert abs(died[0] - 0.3) < 0.1 and abs(died[3] - 0.9) < 0.1
    assert (abs(censored[2:] - 1) < 0.2).all()
    width = relative[:, 2] - relative[:, 0]
    assert width[:2, 2].max() > 2 * width[-1, 2]
    assert (width[:, :2] < 0.2).all()  # close together, around a wrong value


def holds_in_set4(names, printed):
    gaps = [
        [
            names["gap"](names[step], names["first"], names["faithful"], *move)
            for move in names["moves"].values()
        ]
        for step in ("plain_step", "floored_step", "straight_step")
    ]
    follows = np.array(gaps) < 1e-9
    expected = [[True, True, True], [True, False, True], [True, True, False]]
    np.testing.assert_array_equal(follows, expected)
    assert gaps[1][1] > 0.3 and gaps[2][2] > 0.3
    first, summit = printed["floor-run"].splitlines()
    assert " 0 of 100 steps fall" in first
    assert " 0 of 20 steps fall" not in summit
    assert first.split()[-2] == summit.split()[-2]  # both come to rest at the same height
    _, history = names["climb_from"](names["summit"], names["floored_step"], 20)
    assert history[1] - history[0] < -0.7


def holds_in_set5(names, printed):
    mine = names["mine"]
    for rate, twice in zip(mine.rates, (2.0, 1.0, 1.0), strict=True):
        (share, mean), (hard_share, hard_mean) = names["table"][rate, 10_000]
        silent = np.exp(-rate)
        assert abs(share - mine.share) < 0.03 and abs(mean - rate) < 0.04
        assert abs(hard_share - (mine.share + (1 - mine.share) * silent)) < 0.02
        assert abs(hard_mean - rate / (1 - silent)) < 0.04
        assert hard_share / mine.share > 0.9 * twice
    assert mine.rates[0] < 1 < mine.rates[1] < 3 < 5 < mine.rates[2]


HOLDS = {
    "set1": holds_in_set1,
    "set2": holds_in_set2,
    "set3": holds_in_set3,
    "set4": holds_in_set4,
    "set5": holds_in_set5,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_rubric_is_true_of_other_students(name):
    printed = []
    for student in STUDENTS:
        texts, names = own.run(assignments.read(name), student)
        HOLDS[name](names, texts)
        printed.append(texts)
    for cell in printed[0]:  # each has results of their own
        assert len({texts[cell] for texts in printed}) == len(STUDENTS), cell


@pytest.mark.parametrize("name", NAMES)
def test_every_set_has_numbers_of_the_students_own(name):
    nb = assignments.read(name)
    ids = [cell.id for cell in nb.cells]
    assert ids[3:5] == ["me-text", "me"]
    assert own.ME.search(nb.cells[4].source)
    experiment = [cell for cell in nb.cells if own.is_own(cell)]
    assert sum("own(me)" in cell.source for cell in experiment) == 1


def test_only_the_cells_with_the_tag_depend_on_the_student():
    """In the set that runs in a second; what else prints says the same to everybody."""
    printed = []
    for student in STUDENTS:
        nb = copy.deepcopy(assignments.read("set4"))
        for cell in nb.cells[5:]:
            cell.metadata["tags"] = cell.metadata.get("tags", []) + ["own"]
        printed.append(own.run(nb, student)[0])
    tagged = {cell.id for cell in assignments.read("set4").cells if own.is_own(cell)}
    differ = {cell for cell in printed[0] if len({texts[cell] for texts in printed}) > 1}
    assert differ == tagged


def test_an_identifier_is_the_same_however_it_is_written():
    def draw(me, name="set1"):
        return own_rng(name, me).random()

    assert draw("ada") == draw(" Ada ")
    assert len({draw("ada"), draw("ben"), draw("ada", "set2")}) == 3
    for nobody in ("", "  ", None, 7):
        with pytest.raises(ValueError, match="your identifier"):
            draw(nobody)
