"""Results on disk: what can be saved, and how one clip's folder is filled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.segment import render
from gsanet.segment.result import FrameResult
from gsanet.video.clip import Clip
from gsanet.video.encoder import VideoWriter
from gsanet.video.images import write_mask, write_picture

Picture = NDArray[np.uint8]
Files = Iterator[tuple[str, "Picture | NDArray[np.bool_]"]]


def _masks(result: FrameResult) -> Files:
    yield "masks", result.mask


def _cutout(result: FrameResult) -> Files:
    yield "cutout", render.cutout(result)


def _panel(result: FrameResult) -> Files:
    yield "panel", render.panel(result)


def _slots(result: FrameResult) -> Files:
    for name, values in result.slots.items():
        yield f"slots/{name}", render.grey(values)


def _flow(result: FrameResult) -> Files:
    yield "flow", result.flow


def _probability(result: FrameResult) -> Files:
    yield "probability", render.grey(result.probability)


PICTURES: dict[str, Callable[[FrameResult], Files]] = {
    "masks": _masks,
    "cutout": _cutout,
    "panel": _panel,
    "slots": _slots,
    "flow": _flow,
    "probability": _probability,
}
"""What is saved as pictures: name -> (folder, picture) for a frame; every file is called after its frame."""

VIDEOS: dict[str, Callable[[FrameResult], Picture]] = {"overlay": render.overlay}
"""What is saved as ``<name>.mp4``: name -> picture for a frame."""


def _rle(result: FrameResult) -> dict[str, Any]:
    # Imported here: few ask for it.
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(result.mask, np.uint8))
    return {
        "frame": result.name,
        "time": round(result.time, 6),
        "size": list(result.mask.shape),
        "counts": encoded["counts"].decode("ascii"),
    }


RECORDS: dict[str, Callable[[FrameResult], dict[str, Any]]] = {"rle": _rle}
"""What is saved as ``<name>.jsonl``: name -> one line of JSON for a frame. ``rle`` is COCO's compressed run-length
code; ``pycocotools.mask.decode`` takes a line as it is."""

KINDS = (*VIDEOS, *PICTURES, *RECORDS)
"""All that can be saved."""

NEED_SLOTS = frozenset({"panel", "slots"})

DEFAULT = ("masks", "overlay")


def parse_kinds(text: str) -> tuple[str, ...]:
    """``masks,overlay`` -> its parts.

    Raises:
        GsanetError: one of them is unknown, or there is none.
    """
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise GsanetError(f"cannot save {', '.join(unknown) or 'nothing'}: choose from {', '.join(sorted(KINDS))}")
    return kinds


class ClipWriter:
    """Fills *folder* (which exists and is empty) with the results of one clip, frame by frame.

    Use in a ``with`` block: videos are finished at its end, or thrown away if it fails.

    Args:
        kinds: from :func:`parse_kinds`.
    """

    def __init__(self, folder: Path, clip: Clip, kinds: Sequence[str]) -> None:
        self.folder = folder
        self.frames = 0
        self._area = 0.0
        self._begins = 0.0
        self._pictures = [PICTURES[kind] for kind in kinds if kind in PICTURES]
        self._videos = [
            (VIDEOS[kind], VideoWriter(folder / f"{kind}.mp4", clip.fps)) for kind in kinds if kind in VIDEOS
        ]
        self._records = [(RECORDS[kind], folder / f"{kind}.jsonl") for kind in kinds if kind in RECORDS]
        self._made: set[str] = set()

    def add(self, result: FrameResult) -> None:
        """Save one frame.

        Raises:
            GsanetError: the disk is full, or the folder has become unwritable.
        """
        if not self.frames:
            self._begins = result.time  # a part of a clip keeps the times of the whole, its video begins at 0
        for make in self._pictures:
            for place, picture in make(result):
                if place not in self._made:
                    make_folder(self.folder / place)
                    self._made.add(place)
                file = self.folder / place / f"{result.name}.png"
                if picture.dtype == np.bool_:
                    write_mask(file, picture.astype(bool, copy=False))
                else:
                    write_picture(file, picture.astype(np.uint8, copy=False))
        for draw, video in self._videos:
            video.write(draw(result), result.time - self._begins)
        for describe, file in self._records:
            _add_line(file, json.dumps(describe(result)))
        self.frames += 1
        self._area += float(result.mask.mean())

    def summary(self) -> dict[str, Any]:
        """Facts about what was saved."""
        area = self._area / self.frames if self.frames else 0.0
        return {"frames": self.frames, "mean_mask_area": round(area, 6)}

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, video in self._videos:
            if kind is None:
                video.close()
            else:
                video.abort()


def _add_line(file: Path, line: str) -> None:
    try:
        with file.open("a") as lines:
            lines.write(f"{line}\n")
    except OSError as error:
        raise GsanetError(f"cannot write {file}: {error.strerror or error}") from None


def make_folder(folder: Path) -> None:
    """With its parents.

    Raises:
        GsanetError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GsanetError(f"cannot make the folder {folder}: {error.strerror or error}") from None
