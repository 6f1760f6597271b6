"""The house: rooms import downwards only, and no two files need each other. Read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gsanet

ROOT = Path(gsanet.__file__).parent

ROOMS = (
    ("cli",),
    ("training", "evaluation", "prepare", "scale", "serve"),
    ("segment",),
    ("runtime",),
    ("data",),
    ("flow",),
    ("video",),
    ("export",),
    ("weights",),
    ("model",),
    ("base",),
)
"""From the top down, as CONTRIBUTING.md has them. A room may use those below its line."""

BESIDE = {("training", "evaluation")}
"""Between rooms of one line: training chooses a checkpoint by the measures."""

LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = ("gsanet", *file.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(name: str) -> set[str]:
    """Modules of the package that *name* imports anywhere: inside functions and for type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in MODULES else node.module for one in inner}
    return {one for one in found if one in MODULES and one != name}


def room(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


def test_every_file_lies_in_a_room() -> None:
    loose = {name for name in MODULES if room(name) not in LEVEL} - {"gsanet", "gsanet.__main__"}
    assert not loose


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in LEVEL])
def test_imports_point_down(name: str) -> None:
    mine = room(name)
    for other in imports(name):
        theirs = room(other)
        assert other != "gsanet", f"{name} imports the top of the package"
        if theirs != mine and (mine, theirs) not in BESIDE:
            assert LEVEL[mine] < LEVEL[theirs], f"{name} imports {other}, which is not below it"


def test_no_circle_of_files() -> None:
    needs = {name: imports(name) for name in MODULES if name != "gsanet"}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name in done:
            return
        for other in sorted(needs.get(name, ())):
            walk(other, (*path, name))
        done.add(name)

    for name in needs:
        walk(name, ())


def test_no_name_is_defined_twice() -> None:
    """A public class has one meaning in the whole package."""
    homes: dict[str, list[str]] = {}
    for name, file in MODULES.items():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert not {name: places for name, places in homes.items() if len(places) > 1}


def test_the_map_in_the_contributing_guide_is_this_one() -> None:
    guide = (ROOT.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")]
    assert [name for name in named if name in LEVEL] == [room for rooms in ROOMS for room in rooms]
