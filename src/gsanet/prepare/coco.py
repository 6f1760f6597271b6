"""Annotations in COCO's form, as annotation tools write them (CVAT, Label Studio, Datumaro, FiftyOne) and we do.

One or several JSON files with ``images``, ``annotations`` and ``categories``, and the pictures they name. Objects of
all categories count. Outlines and run-length codes are read, the latter also where ``iscrowd`` is 1, as CVAT and
Datumaro write masks; an annotation that is only a box is none. A picture that is listed and has no annotation is empty.

The form: https://cocodataset.org/#format-data; the codes are decoded by pycocotools.
"""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.prepare.download import Download, Entry
from gsanet.prepare.folder import checked_name
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence
from gsanet.video.listing import natural_key

_FOLDERS = ("images", "image", "data", "frames", "rgb", "annotations", "default", "train", "val", "test", "jpegimages")
"""Names that say nothing about which clip it is."""

_INSTANCES = "instances_"
_OTHER_TASKS = ("captions_", "image_info_", "labels_", "panoptic_", "person_keypoints_", "stuff_")
"""How files of COCO's other tasks begin: they list the pictures of ``instances_...`` once more (so does Datumaro)."""

_SHAPES = 2
"""An outline needs more than two corners, each of two numbers."""


class _Listed(NamedTuple):
    """A picture of a list, with what is drawn on it."""

    file: PurePosixPath
    mask: Entry


class _Drawn:
    """A store of masks that are drawn when they are asked for."""

    def __init__(self) -> None:
        self._shapes: dict[str, tuple[tuple[int, int], list[Any]]] = {}

    def keep(self, key: str, size: tuple[int, int], shapes: list[Any]) -> None:
        self._shapes[key] = (size, shapes)

    def read(self, key: str | tuple[int, int]) -> bytes:
        """The union of the shapes, as PNG. What pycocotools does not understand is a ValueError."""
        from pycocotools import mask as coco

        (height, width), shapes = self._shapes[str(key)]
        mask = np.zeros((height, width), np.bool_)
        for shape in shapes:
            try:
                code = coco.frPyObjects(shape, height, width) if not _is_packed(shape) else shape
                decoded = coco.decode(code)
            except (TypeError, KeyError, IndexError, AttributeError) as error:
                raise ValueError(f"its segmentation is neither outlines nor a run-length code: {error}") from None
            if decoded.shape[:2] != mask.shape:
                raise ValueError(
                    f"its run-length code is of {decoded.shape[1]}x{decoded.shape[0]}, not {width}x{height}"
                )
            mask |= (decoded if decoded.ndim == 2 else decoded.any(axis=2)).astype(np.bool_)
        buffer = io.BytesIO()
        Image.fromarray(mask).save(buffer, format="PNG")
        return buffer.getvalue()


def _is_packed(shape: Any) -> bool:
    return isinstance(shape, dict) and isinstance(shape.get("counts"), str)


def _plan(download: Download, choices: Choices) -> Plan:
    name = checked_name(choices.name or (download.entries[0].parts[0] if download.entries else "clips"))
    entries, passed_over = _of_instances(download.entries)
    lists = [(entry, found) for entry in entries if (found := _read(entry)) is not None]
    photos: dict[str, list[Entry]] = {}
    for entry in download.entries:
        if entry.is_picture:
            photos.setdefault(entry.stem, []).append(entry)
    part, notes, boxes = Part(name, "folders", sparse=True), [], 0
    if passed_over:
        names = ", ".join(sorted(entry.name for entry in passed_over))
        notes.append(f"{names}: of other tasks than the {_INSTANCES}... beside them, not read")
    clips: dict[str, dict[str, tuple[Entry, Entry]]] = {}
    for entry, found in lists:
        listed, only_boxes = _listed(entry, found)
        boxes += only_boxes
        for one in listed:
            clip = _clip(one.file, entry) or name
            photo = _photo(one.file, entry, photos.get(one.file.stem, []))
            if photo is None:
                part.missing.append(f"picture {one.file} of {entry.name}")
            elif one.file.stem in clips.setdefault(clip, {}):
                before = clips[clip][one.file.stem][1]
                raise GsanetError(
                    f"{entry} and {before.parts[-2]} both annotate {one.file}: give them one by one, with --name"
                )
            else:
                clips[clip][one.file.stem] = (photo, one.mask)
    for clip, frames in sorted(clips.items(), key=lambda item: natural_key(item[0])):
        ordered = dict(sorted(frames.items(), key=lambda item: natural_key(item[0])))
        masks = {frame: (mask,) for frame, (_, mask) in ordered.items()}
        add_sequence(part, clip, {frame: photo for frame, (photo, _) in ordered.items()}, masks)
    if boxes:
        notes.append(f"{boxes:,} annotations are boxes without a mask: they do not count")
    if part.missing and not part.items:
        notes.append("the pictures that the list names must be given too: the folder of frames, beside the JSON file")
    return Plan([part] if lists else [], notes)


def _of_instances(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """All but the files of COCO's other tasks that lie beside ``instances_...`` of the same pictures, and those."""
    there = {entry.parts for entry in entries}
    mine: list[Entry] = []
    others: list[Entry] = []
    for entry in entries:
        subset = next((entry.name.removeprefix(task) for task in _OTHER_TASKS if entry.name.startswith(task)), None)
        beside = subset is not None and (*entry.parts[:-1], _INSTANCES + subset) in there
        (others if beside else mine).append(entry)
    return mine, others


def _read(entry: Entry) -> dict[str, Any] | None:
    """A list of COCO's form; None for other JSON files.

    Raises:
        GsanetError: it is cut short.
    """
    if entry.suffix != ".json":
        return None
    try:
        found = json.loads(entry.read())
    except ValueError as error:
        raise GsanetError(f"{entry} is not JSON ({error}): export it again") from None
    lists = isinstance(found, dict) and isinstance(found.get("images"), list) and "annotations" in found
    return found if lists else None


def _listed(entry: Entry, found: dict[str, Any]) -> tuple[list[_Listed], int]:
    """Pictures with their masks, and how many annotations have none.

    Raises:
        GsanetError: something that every list of this form has is missing.
    """
    store, listed, boxes = _Drawn(), [], 0
    try:
        shapes: dict[Any, list[Any]] = {}
        for annotation in found["annotations"]:
            shape = annotation.get("segmentation")
            if isinstance(shape, list):
                shape = [corners for corners in shape if len(corners) > 2 * _SHAPES]
            if shape:
                shapes.setdefault(annotation["image_id"], []).append(shape)
            else:
                boxes += 1
        for image in found["images"]:
            file = PurePosixPath(str(image["file_name"]).replace("\\", "/"))
            key = str(image["id"])
            store.keep(key, (int(image["height"]), int(image["width"])), shapes.pop(image["id"], []))
            listed.append(_Listed(file, Entry((*entry.parts, file.name), 0, store, key)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise GsanetError(f"{entry} is not in COCO's form ({what}): export it again as COCO") from None
    if shapes:
        raise GsanetError(f"{entry} has annotations of pictures that it does not list: export it again")
    return listed, boxes


def _clip(file: PurePosixPath, entry: Entry) -> str:
    """The clip of a picture: by the folder that its name in the list has, else by that of the list."""
    for folders in (file.parts[:-1], entry.parts[1:-1]):
        named = [folder for folder in folders if folder.lower() not in _FOLDERS and folder not in ("/", "..", ".")]
        if named:
            return "_".join(named)
    return ""


def _photo(file: PurePosixPath, entry: Entry, photos: list[Entry]) -> Entry | None:
    """The picture that a list means: of those with the name (whatever their ending) that nearest to it."""

    def fits(photo: Entry) -> tuple[int, int, int]:
        wanted, folders = file.parts[-2::-1], photo.parts[-2::-1]
        same = next((i for i, (one, other) in enumerate(zip(wanted, folders, strict=False)) if one != other), None)
        beside = zip(photo.parts, entry.parts, strict=False)
        near = next((i for i, (one, other) in enumerate(beside) if one != other), 0)
        return (min(len(wanted), len(folders)) if same is None else same, near, photo.name == file.name)

    return max(photos, key=fits, default=None)


COCO = DataSet("coco", "annotations in COCO's form", "JSON files with images and annotations, and the pictures", _plan)
