"""The folders a data set comes in, and what lies in them.

Three forms, all with the picture's file name, without its ending, as the link between ``RGB``, ``GT`` and ``FLOW``:

- pairs: ``ROOT/{RGB,GT}``, single pictures (DUTS_train);
- flat sequences: ``ROOT/{RGB,GT,FLOW}`` with names ``sequence_00000`` (DAVIS_train), or one sequence with
  any numbered names;
- a folder for each sequence: ``ROOT/<sequence>/{RGB,GT,FLOW}`` with any numbered names (DAVIS_test).

Nothing here decodes a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.data.flat_names import by_sequence, parse_flat_name
from gsanet.video.images import read_size
from gsanet.video.listing import RGB, found_folders, list_images, natural_key, some_of

GT, FLOW = "GT", "FLOW"
"""Beside ``RGB``."""
FLOW_BACKWARD = "FLOW_BACKWARD"
"""Flow pictures to the frame before, where somebody wants them; nothing here reads it."""
RAW = "_RAW"
"""``FLOW_RAW`` and ``FLOW_BACKWARD_RAW`` hold the vectors of these pictures (:mod:`gsanet.flow.vectors`)."""

_FORMS = f"expected ROOT/{RGB} (pictures, or flat sequences named sequence_00000) or ROOT/<sequence>/{RGB}"


@dataclass(frozen=True)
class Pair:
    """A picture and its mask."""

    name: str
    """The file name without its ending."""
    rgb: Path
    gt: Path


@dataclass(frozen=True)
class FrameFiles:
    """One frame of a sequence."""

    name: str
    """The file name without its ending, in the flat form with the sequence's name before the number."""
    rgb: Path
    gt: Path | None
    flow: Path | None


@dataclass(frozen=True)
class Sequence:
    """A video as a list of frames, in the natural order of their names."""

    name: str
    frames: list[FrameFiles]
    folder: Path
    """The folder that holds ``RGB``: shared by all sequences in the flat form."""


def image_pairs(root: Path, *, check_sizes: bool = True) -> list[Pair]:
    """Single pictures with masks, ``root/RGB`` and ``root/GT``, in natural order.

    Args:
        check_sizes: read the header of every file; each mask must be as large as its picture.

    Raises:
        GsanetError: no such folder, nothing in it, a picture or mask without its partner or of another size.
    """
    root = Path(root)
    _require_folder(root)
    if not (root / RGB).is_dir():
        raise GsanetError(f"{root} has no {RGB} folder{found_folders(root)}: expected {root / RGB} and {root / GT}")
    rgb, gt = list_images(root / RGB), list_images(root / GT)
    _require_partners(root, rgb, gt, GT, need=True)
    pairs = [Pair(name, rgb[name], gt[name]) for name in rgb]
    if check_sizes:
        for pair in pairs:
            _require_size(pair.rgb, (pair.gt,))
    return pairs


def sequences(
    root: Path,
    *,
    need_gt: bool = False,
    need_flow: bool = False,
    check_sizes: bool = True,
    flow_root: Path | None = None,
) -> list[Sequence]:
    """All sequences below *root*, flat or with a folder for each, in natural order.

    Args:
        need_gt: every frame must have a mask; else those that are there are listed.
        need_flow: every frame must have a flow picture; likewise.
        check_sizes: read the header of every file; mask and flow must be as large as their picture.
        flow_root: where the ``FLOW`` folders are if not beside ``RGB``: a folder of the same form.

    Raises:
        GsanetError: no such folder, no form that we know, nothing in it, a file without its partner or of
            another size.
    """
    root = Path(root)
    folders = _sequence_folders(root)
    if flow_root is not None:
        _require_folder(Path(flow_root))
    found: list[Sequence] = []
    for folder in folders:
        flow_folder = folder if flow_root is None else Path(flow_root) / folder.relative_to(root)
        rgb = list_images(folder / RGB)
        gt = list_images(folder / GT, empty=not need_gt)
        flow = list_images(flow_folder / FLOW, empty=True)  # what is missing is told below, with the remedy
        _require_partners(folder, rgb, gt, GT, need=need_gt)
        _require_partners(folder, rgb, flow, FLOW, need=need_flow, other=flow_folder)
        names = _split(folder, list(rgb)) if folder == root else _whole(folder, list(rgb))
        for sequence, members in names.items():
            frames = [FrameFiles(name, rgb[name], gt.get(name), flow.get(name)) for name in members]
            found.append(Sequence(sequence, frames, folder))
    if check_sizes:
        for frame in (frame for sequence in found for frame in sequence.frames):
            _require_size(frame.rgb, (frame.gt, frame.flow))
    return found


def _sequence_folders(root: Path) -> list[Path]:
    """The folders that hold ``RGB``: *root* itself, or its children."""
    _require_folder(root)
    children = [child for child in root.iterdir() if child.is_dir() and not child.name.startswith(".")]
    children.sort(key=lambda child: natural_key(child.name))
    named = [child for child in children if (child / RGB).is_dir()]
    if (root / RGB).is_dir():
        if named:
            raise GsanetError(
                f"{root} holds both {RGB} and {named[0].name}/{RGB}: keep flat sequences and sequence folders apart"
            )
        return [root]
    for child in children:
        if child not in named and ((child / GT).is_dir() or (child / FLOW).is_dir()):
            raise GsanetError(f"sequence folder {child} has no {RGB} folder{found_folders(child)}")
    if not named:
        raise GsanetError(f"no sequences in {root}{found_folders(root)}: {_FORMS}")
    return named


def _split(root: Path, names: list[str]) -> dict[str, list[str]]:
    """Names of the flat form by sequence, both in natural order; *names* are sorted already."""
    split = by_sequence(names)
    if split is not None:
        return {sequence: list(numbers.values()) for sequence, numbers in split.items()}
    odd = [name for name in names if parse_flat_name(name) is None]
    # One sequence whose frames are just numbered; several prefixes would be several sequences run together.
    prefixes = {name.rstrip("0123456789") for name in names}
    if len(prefixes) > 1 or names == list(prefixes):
        raise GsanetError(
            f"{root / RGB}: {len(odd)} of {len(names)} names do not end in _<number> ({some_of(odd)}): "
            "name frames sequence_00000, or give each sequence a folder"
        )
    return {root.resolve().name: names}


def _whole(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The names in a sequence's own folder; several sequences in it mean that it is a data set itself."""
    inside = list(dict.fromkeys(parsed.sequence for parsed in map(parse_flat_name, names) if parsed))
    if len(inside) > 1:
        raise GsanetError(
            f"{folder} looks like a data set, not a sequence: its names speak of {len(inside)} sequences "
            f"({some_of(inside)}); pass {folder} itself, or give each sequence a folder"
        )
    return {folder.name: names}


def _require_folder(root: Path) -> None:
    if not root.is_dir():
        raise GsanetError(f"{root} is a file, not a folder" if root.exists() else f"no such folder: {root}")


def _require_partners(
    folder: Path,
    rgb: Mapping[str, Path],
    images: Mapping[str, Path],
    kind: str,
    *,
    need: bool,
    other: Path | None = None,
) -> None:
    """Every picture has its *kind* if that is needed, and no *kind* is without a picture."""
    where = (other or folder) / kind
    orphans = [images[name].name for name in images if name not in rgb]
    if orphans:
        raise GsanetError(
            f"{len(orphans)} of {len(images)} files in {where} have no picture of that name in {folder / RGB} "
            f"({some_of(orphans)}): add it or remove them"
        )
    missing = [rgb[name].name for name in rgb if name not in images]
    if need and missing:
        advice = "add it or remove the picture" if kind == GT else "`gsanet flow` makes what is missing"
        raise GsanetError(
            f"{len(missing)} of {len(rgb)} pictures in {folder / RGB} have no file of that name in {where} "
            f"({some_of(missing)}): {advice}"
        )


def _require_size(rgb: Path, partners: Iterable[Path | None]) -> None:
    size = read_size(rgb)
    for partner in partners:
        if partner is not None and read_size(partner) != size:
            height, width = read_size(partner)
            raise GsanetError(
                f"{partner} is {width}x{height} and its picture {rgb} is {size[1]}x{size[0]}: they must be of one size"
            )
