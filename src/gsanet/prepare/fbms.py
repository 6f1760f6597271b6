"""FBMS-59: some frames of each sequence are annotated, in files whose values only ``<sequence>Def.dat`` explains.

- The Freiburg half has colours (PPM); white is background. A PGM of the same name is a map of certainty, no mask,
  and files with PROB in their name are drawings of it.
- The Berkeley half has greys (PGM), as dark as 10 for an object, so that no threshold is right for all.
- ``Def.dat`` lists the value of each region, the first being background, and which photograph each file belongs to.

Every region but the first is object, as the data set defines it. What no region names is background, as in the official
evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.data.masks import Decided
from gsanet.prepare.download import Download, Entry
from gsanet.prepare.masks import Rule
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, expect, pictures, text, words

_TRAIN = words(
    "bear01 bear02 cars2 cars3 cars6 cars7 cars8 cars9 cats02 cats04 cats05 cats07 ducks01 horses01 horses03 horses06 "
    "lion02 marple1 marple10 marple11 marple13 marple3 marple5 marple8 meerkats01 people04 people05 rabbits01 rabbits05"
)
_TEST = words(
    "camel01 cars1 cars10 cars4 cars5 cats01 cats03 cats06 dogs01 dogs02 farm01 giraffes01 goats01 horses02 horses04 "
    "horses05 lion01 marple12 marple2 marple4 marple6 marple7 marple9 people03 people1 people2 rabbits02 rabbits03 "
    "rabbits04 tennis"
)
_WHITE = 0xFFFFFF
_LEAST_KNOWN = 0.5
"""If the definition explains fewer of a file's pixels than this share, it is not about this file."""


@dataclass(frozen=True)
class _Definition:
    """``Def.dat``: values of the regions, and annotated frames as (number from 0, annotation, photograph)."""

    values: tuple[int, ...]
    frames: tuple[tuple[int, str, str], ...]


def _plan(download: Download, choices: Choices) -> Plan:
    photos: dict[tuple[str, ...], list[Entry]] = {}
    truths: dict[tuple[str, ...], list[Entry]] = {}
    for entry in download.entries:
        folders = entry.parts[:-1]
        if folders and folders[-1].lower() == "groundtruth":
            truths.setdefault(folders[:-1], []).append(entry)
        else:
            photos.setdefault(folders, []).append(entry)
    train = Part("FBMS_train", "folders", sparse=True, sequences=29, protocol="fbms")
    test = Part("FBMS_test", "folders", sparse=True, sequences=30, protocol="fbms")
    notes: list[str] = []
    for folders in sorted(truths):
        name = folders[-1]
        part = train if name in _TRAIN else test if name in _TEST else None
        if part is None or folders not in photos:
            continue
        lines = text(entry for entry in truths[folders] if entry.name.lower().endswith("def.dat"))
        definition = _parse(lines)
        if definition is None:
            notes.append(f"{name} has no readable {name}Def.dat: white (PPM) or black (PGM) was taken as background")
        rule: Rule = partial(_regions, values=definition.values if definition else ())
        found = pictures(photos[folders])
        masks = {_photo_of(entry, list(found), definition): (entry,) for entry in _annotations(truths[folders])}
        add_sequence(part, name, found, masks, rule)
    for part, names in ((train, _TRAIN), (test, _TEST)):
        if part.items:
            expect(part, names)
    return Plan([train, test], notes)


def _annotations(entries: Iterable[Entry]) -> list[Entry]:
    drawn = [entry for entry in entries if "PROB" not in entry.name]
    return [e for e in drawn if e.suffix == ".ppm"] or [e for e in drawn if e.suffix == ".pgm"]


def _photo_of(annotation: Entry, photos: list[str], definition: _Definition | None) -> str:
    """The photograph's name: by name, by the definition, by number; the annotation's own if there is none."""
    name = re.sub(r"_gt$", "", annotation.stem)
    if name in photos:
        return name
    defined = [f for f in definition.frames if f[1] == annotation.name] if definition else []
    for _, _, photo in defined:
        stem = photo.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        if stem in photos:
            return stem
    number = _number(name)
    same = [photo for photo in photos if _number(photo) == number]
    if number is not None and len(same) == 1:
        return same[0]
    for index, _, _ in defined:
        if 0 <= index < len(photos):
            return photos[index]
    return name


def _number(name: str) -> int | None:
    match = re.search(r"\d+$", name)
    return int(match.group()) if match else None


def _parse(lines: list[str]) -> _Definition | None:
    """The file is pairs of lines: what comes, and its value."""
    values: list[int] = []
    frames: list[tuple[int, str, str]] = []
    index, truth = -1, ""
    try:
        for title, value in pairwise(lines):
            lower = title.lower()
            if lower.startswith("scale of region"):
                values.append(int(value))
            elif lower.startswith("frame number"):
                index = int(value)
            elif lower.startswith("file name"):
                truth = value
            elif lower.startswith("input file name"):
                frames.append((index, truth, value))
    except ValueError:
        return None
    return _Definition(tuple(values), tuple(frames)) if len(values) > 1 else None


def _regions(image: Image.Image, name: str, *, values: tuple[int, ...]) -> Decided:
    """Every region but the first; *values* are greys, or colours as 0xRRGGBB."""
    codes: NDArray[np.int64]
    if image.mode == "RGB":
        codes = np.asarray(image).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        background = _WHITE
    else:
        codes, background = np.asarray(image).astype(np.int64), 0
    if values and np.isin(codes, values).mean() >= _LEAST_KNOWN:
        return Decided(np.isin(codes, values[1:]))
    return Decided(np.asarray(codes != background))


FBMS = DataSet("fbms", "FBMS-59", "FBMS_Trainingset.zip or FBMS_Testset.zip (<sequence>/GroundTruth), or both", _plan)
