"""What a data set says it will write, before anything is written: plain data, made from the listing alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gsanet.base.errors import GsanetError
from gsanet.data.flat_names import flat_name
from gsanet.prepare.download import Download, Entry
from gsanet.prepare.masks import Rule, without_void
from gsanet.video.listing import natural_key

Form = Literal["pairs", "flat", "folders"]
"""Of :mod:`gsanet.data.layout`: single pictures, ``sequence_00000`` in one folder, a folder for each sequence."""


@dataclass(frozen=True, slots=True)
class Item:
    """One photograph and its annotation."""

    sequence: str
    """Empty for single pictures."""
    name: str
    """Without ending: of the frame in its sequence, or of the picture."""
    photo: Entry
    masks: tuple[Entry, ...] = ()
    """One file, or one for each object; none if the frame is not annotated."""
    rule: Rule = without_void


@dataclass
class Part:
    """One folder of the layout, such as ``DAVIS_train``."""

    folder: str
    form: Form
    items: list[Item] = field(default_factory=list)
    sparse: bool = False
    """Only some frames are annotated, and that is as it should be."""
    sequences: int | None = None
    """As published; none if there is no number to be sure of."""
    frames: int | None = None
    """As published: pictures with a mask."""
    protocol: str = ""
    """Which ``gsanet evaluate --protocol`` it is for."""
    missing: list[str] = field(default_factory=list)
    """What should be there and is not, by name."""
    surplus: list[str] = field(default_factory=list)
    """Annotations without a photograph, by name: they are left out."""

    @property
    def sequence_names(self) -> list[str]:
        return list(dict.fromkeys(item.sequence for item in self.items))

    @property
    def annotated(self) -> int:
        return sum(bool(item.masks) for item in self.items)

    def shortfalls(self) -> list[str]:
        """Where the counts differ from the published ones, as sentences."""
        found: list[str] = []
        sequences = len(self.sequence_names)
        if self.sequences is not None and sequences != self.sequences:
            found.append(f"{sequences:,} sequences, published are {self.sequences:,}")
        if self.frames is not None and self.annotated != self.frames:
            found.append(f"{self.annotated:,} pictures with a mask, published are {self.frames:,}")
        return found


@dataclass
class Plan:
    """Everything one call will write."""

    parts: list[Part]
    notes: list[str] = field(default_factory=list)
    """What a user of the result must know, as sentences."""

    def __post_init__(self) -> None:
        self.parts = [part for part in self.parts if part.items or part.missing]

    @property
    def usable(self) -> bool:
        return any(part.annotated for part in self.parts)


@dataclass(frozen=True)
class Choices:
    """Choices of a user that concern some data sets only."""

    resolution: Literal["480p", "full"] = "480p"
    """Of DAVIS."""
    name: str = ""
    """Of a user's own data."""


@dataclass(frozen=True)
class DataSet:
    """One line of the table in :mod:`gsanet.prepare.datasets`."""

    name: str
    title: str
    expects: str
    """What must be given, as a phrase for messages."""
    plan: Callable[[Download, Choices], Plan]


Tree = Mapping[tuple[str, ...], list[Entry]]
"""Files by the folders above them."""


def under(download: Download, *anchor: str) -> Tree:
    """Files anywhere below folders called *anchor* (one in the other, in any case), by the folders between.

    ``under(download, "JPEGImages", "480p")`` has ``("bear",)``, whatever is above ``JPEGImages``.
    """
    wanted = tuple(part.lower() for part in anchor)
    n = len(wanted)
    places: dict[tuple[str, ...], int] = {}
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in download.entries:
        folders = entry.parts[:-1]
        if folders not in places:
            lower = tuple(part.lower() for part in folders)
            places[folders] = next((i + n for i in range(len(lower) - n + 1) if lower[i : i + n] == wanted), -1)
        if places[folders] >= 0:
            found.setdefault(folders[places[folders] :], []).append(entry)
    return found


def pictures(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Name without ending -> picture, in natural order; of several with one name the first one listed."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.is_picture and not entry.name.startswith("."):
            found.setdefault(entry.stem, entry)
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


def words(listed: str) -> tuple[str, ...]:
    """Names written one after the other."""
    return tuple(listed.split())


def text(entries: Iterable[Entry]) -> list[str]:
    """The lines of the first of *entries*, stripped, without empty ones; none if there is no entry."""
    for entry in entries:
        return [line.strip() for line in entry.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return []


def add_sequence(
    part: Part,
    sequence: str,
    photos: Mapping[str, Entry],
    masks: Mapping[str, tuple[Entry, ...]],
    rule: Rule = without_void,
) -> None:
    """Add a sequence (or, if it has no name, single pictures) to *part*, frame by frame of the same name.

    A frame that should have a mask and has none is told as missing; in the flat form and in pairs, which are
    for training, it is left out.
    """
    if sequence and len(photos) == len(masks) and not set(photos) & set(masks):
        # Numbered otherwise, but one for one: the order says it all.
        masks = dict(zip(photos, masks.values(), strict=True))
    where = f"{sequence}/" if sequence else ""
    part.surplus += [f"{where}{name}" for name in masks if name not in photos]
    for name, photo in photos.items():
        files = masks.get(name, ())
        if not files and not part.sparse:
            part.missing.append(f"mask of {where}{name}")
        if files or part.form == "folders":
            part.items.append(Item(sequence, name, photo, files, rule))


def single(found: Mapping[str, Entry]) -> dict[str, tuple[Entry, ...]]:
    """One file a mask."""
    return {name: (entry,) for name, entry in found.items()}


def expect(part: Part, names: Collection[str], what: str = "sequence") -> None:
    """Tell as missing whichever of *names* has no frame in *part*."""
    there = set(part.sequence_names)
    part.missing += [f"{what} {name}" for name in names if name not in there]


def flat_names(items: Iterable[Item]) -> Iterator[str]:
    """``sequence_00000`` for each item, with the frame's own number where names have one.

    The number keeps its digits; a sequence whose numbers are not all there or not all different is counted.
    """
    by_sequence: dict[str, list[Item]] = {}
    items = list(items)
    for item in items:
        by_sequence.setdefault(item.sequence, []).append(item)
    numbers: dict[tuple[str, str], str] = {}
    for sequence, members in by_sequence.items():
        found = [re.search(r"\d+$", item.name) for item in members]
        own = [match.group() if match else "" for match in found]
        usable = all(own) and len({int(number) for number in own}) == len(own)
        for index, item in enumerate(members):
            numbers[sequence, item.name] = own[index] if usable else str(index)
    return (flat_name(item.sequence, numbers[item.sequence, item.name]) for item in items)


def not_this(dataset: DataSet, download: Download, looks_like: str = "") -> GsanetError:
    """One line for a download that is not the one asked for: what was expected, what is there."""
    folders: dict[str, None] = {}
    for entry in download.entries:
        folders["/".join(entry.parts[1:-1][:3]) or entry.name] = None
        if len(folders) == 4:
            break
    found = f"found {', '.join(list(folders)[:3])}{', ...' if len(folders) > 3 else ''}" if folders else "it is empty"
    hint = f"; it looks like `gsanet prepare {looks_like}`" if looks_like else ""
    return GsanetError(f"{download.label} is not {dataset.title}: expected {dataset.expects}; {found}{hint}")
