"""The house of emlib, floor by floor, read off its imports.

`floors` serves the map on the library's page, and tests/test_imports.py, which keeps the house
standing: what is above may import what is below, and nothing else.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

EMLIB = Path(__file__).resolve().parents[1] / "emlib"
SHELVES = ("_machinery", "families", "checks")  # each is one room of the house


@functools.cache
def files() -> dict[str, Path]:
    """Return the files of emlib by the name of the module, such as ``families.abo``."""
    found = {}
    for path in sorted(EMLIB.rglob("*.py")):
        parts = path.relative_to(EMLIB).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


@functools.cache
def imports(path: Path, inside: bool = False) -> set[str]:
    """Return what a file imports of emlib, as modules; what functions import, only if asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if inside else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == "emlib"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "emlib":
            # `from emlib import em` names a module; `from emlib.em import fit` something in one
            whole = {f"{node.module}.{a.name}".removeprefix("emlib.") for a in node.names}
            modules = whole & set(files())
            found |= modules or {node.module.removeprefix("emlib.")}
    return found


def room(module: str) -> str:
    """Return the room that a module stands in: its shelf, or itself."""
    first = module.split(".")[0]
    return first if first in SHELVES else module


def stands_on() -> dict[str, set[str]]:
    """Return for each room the rooms from which it imports."""
    found: dict[str, set[str]] = {}
    for module, path in files().items():
        own = room(module)
        found.setdefault(own, set()).update(set(map(room, imports(path))) - {own})
    return found


def floors() -> list[list[str]]:
    """Return the rooms floor by floor, the lowest first: each stands on some of the one below."""
    left, built = stands_on(), []
    while left:
        above = {name: below - set().union(*built) for name, below in left.items()}
        floor = sorted(name for name, below in above.items() if not below)
        if not floor:
            raise ValueError(f"these import one another in a circle: {sorted(left)}")
        built.append(floor)
        left = {name: below for name, below in left.items() if name not in floor}
    return built


def house() -> str:
    """Return the map as HTML, the top floor first; rooms with a page of their own are links."""
    rows = []
    for floor in reversed(floors()):
        rooms = "".join(map(_door, floor))
        rows.append(f'<ul class="floor">{rooms}</ul>')
    return '<div class="house">' + "".join(rows) + "</div>"


def _door(name: str) -> str:
    says = ast.get_docstring(ast.parse(files()[name].read_text(encoding="utf-8"))) or ""
    says = says.partition("\n")[0].replace("`", "")
    label = f"<code>{name.rpartition('.')[2]}</code>"
    if name == "_machinery":
        return f"<li>{label} {says}</li>"
    inside = [m for m in files() if name == "families" and m.startswith("families.")]
    doors = "".join(_door(m) for m in inside if "._" not in m)
    listed = f"<ul>{doors}</ul>" if doors else ""
    return f'<li><a href="{name}.html">{label}</a> {says}{listed}</li>'
