"""Pictures that are numbered alike: one clip, though its frames are named one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from gsanet.video.images import SUFFIXES

_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$", re.S)
_PLACE = re.compile(r"%(?:0(\d+))?d")
"""``%04d`` or ``%d``, as FFmpeg and C have it."""

_FULLEST = 2
"""Of the numbers from the first to the last, at least one in so many is there; or the steps are all equal."""


def rows(files: Sequence[Path]) -> tuple[list[list[Path]], list[Path]]:
    """Pictures that are numbered alike, and those that stand alone, each in the order of *files*.

    A row lies in one folder, its names differ in their last number only, and its numbers run on: at most every second
    one is missing, or they rise by equal steps. Photographs named by date and time are no row.
    """
    groups: dict[tuple[Path, str, str, str], list[tuple[int, Path]]] = {}
    alone = []
    for file in files:
        parts = _LAST_NUMBER.match(file.stem)
        if parts is None or file.suffix.lower() not in SUFFIXES:
            alone.append(file)
            continue
        groups.setdefault((file.parent, parts[1], parts[3], file.suffix), []).append((int(parts[2]), file))
    found = []
    for members in groups.values():
        members.sort(key=lambda member: member[0])
        if _runs_on([number for number, _ in members]):
            found.append([file for _, file in members])
        else:
            alone += [file for _, file in members]
    place = {file: i for i, file in enumerate(files)}
    return found, sorted(alone, key=place.__getitem__)


def row_name(files: Sequence[Path]) -> str:
    """What the names of a row begin with, without the signs before the number; may be empty."""
    parts = _LAST_NUMBER.match(files[0].stem)
    return parts[1].rstrip(" _-.([#") if parts else ""


def spelled_out(pattern: Path) -> list[Path] | None:
    """The pictures that ``folder/name%04d.png`` stands for, in order; None if it is no such pattern."""
    if len(_PLACE.findall(pattern.name)) != 1:
        return None
    before, width, after = re.split(_PLACE, pattern.name)
    digits = rf"\d{{{int(width)},}}" if width else r"\d+"
    name = re.compile(rf"{re.escape(before)}({digits}){re.escape(after)}")
    try:
        children = list(pattern.parent.iterdir())
    except OSError:
        return []
    found = [(int(match[1]), child) for child in children if (match := name.fullmatch(child.name))]
    return [child for _, child in sorted(found)]


def _runs_on(numbers: Sequence[int]) -> bool:
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        return False
    span = numbers[-1] - numbers[0]
    if span < _FULLEST * len(numbers):
        return True
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) > 2 and len(steps) == 1
