"""The house of emlib: imports go down only, methods know no family, two hooks and no more."""

import re

import pytest

import modules

FLOORS = [
    {"_machinery"},
    {"convergence", "coordinates", "prior", "initial", "data"},
    {"em"},
    {"rows"},
    {"mixture"},
    {"families"},
    {"plotting"},
    {"checks"},
]
# What can be done with any family: above mixtures, beside the families, below the figures.
METHODS = {
    "accelerate",
    "differences",
    "uncertainty",
    "moves",
    "search",
    "selection",
    "bootstrap",
    "variants",
    "known",
}
BELOW_METHODS = set().union(*FLOORS[: FLOORS.index({"families"})]) | METHODS
SHARED = {"families._multinomial", "families._quadratic", "families.covariance", "families.clouds"}
FILES = modules.files()
FAMILIES = [name for name in FILES if name.startswith("families.") and name not in SHARED]


def below(room):
    """The rooms from which a room may import."""
    if room in METHODS:
        return BELOW_METHODS - {room}
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    lower = set().union(*FLOORS[:floor])
    return lower | (METHODS if floor > FLOORS.index({"families"}) else set())


@pytest.mark.parametrize("name", FILES)
def test_imports_go_down_only(name):
    own = modules.room(name)
    upward = {m for m in modules.imports(FILES[name]) if modules.room(m) not in below(own) | {own}}
    assert not upward, f"{name} imports {sorted(upward)}"


@pytest.mark.parametrize("name", FILES)
def test_only_a_result_that_plots_itself_looks_up_and_only_when_asked(name):
    late = modules.imports(FILES[name], inside=True) - modules.imports(FILES[name])
    own = modules.room(name)
    upward = {m for m in late if modules.room(m) not in below(own) | {own}}
    assert upward <= ({"plotting"} if own in METHODS else set()), f"{name} imports {upward}"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_imports_no_family(name):
    used = modules.imports(FILES[name], inside=True)
    assert not {m for m in used if m in FAMILIES}, f"{name} imports {sorted(used)}"


def test_the_map_has_every_room_on_the_floor_where_it_stands():
    floors = modules.floors()
    assert sorted(room for floor in floors for room in floor) == sorted(
        set(map(modules.room, FILES))
    )
    height = {room: i for i, floor in enumerate(floors) for room in floor}
    for room, others in modules.stands_on().items():
        assert all(height[other] < height[room] for other in others), room
    house = modules.house()
    for floor in floors:
        assert all(f"<code>{room}</code>" in house for room in floor)


def test_a_circle_is_found(monkeypatch):
    monkeypatch.setattr(modules, "stands_on", lambda: {"a": {"b"}, "b": {"a"}, "c": set()})
    with pytest.raises(ValueError, match=r"circle: \['a', 'b'\]"):
        modules.floors()


def test_a_model_is_asked_for_two_optional_hooks_and_no_more():
    asked = {
        hook
        for name, path in FILES.items()
        if modules.room(name) not in ("_machinery", "checks", "plotting")
        for hook in re.findall(r'[sg]etattr\(\S+, "(\w+)"', path.read_text(encoding="utf-8"))
        + re.findall(r'hasattr\(\S+, "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert asked == {"distances", "doubts", "__array__"}  # the last is asked of data


def test_the_algorithm_is_read_in_one_sitting():
    assert len(FILES["em"].read_text(encoding="utf-8").splitlines()) < 450
