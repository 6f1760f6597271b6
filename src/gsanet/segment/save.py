"""Results on disk: what can be saved, and how one clip's folder is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.segment import background as backgrounds
from gsanet.segment import render
from gsanet.segment.annotations import Coco, Yolo
from gsanet.segment.drawn import Drawn, Truth
from gsanet.segment.facts import ClipFacts
from gsanet.segment.records import Record, RunLengths
from gsanet.segment.result import FrameResult
from gsanet.video.clip import Clip
from gsanet.video.encoder import VideoWriter
from gsanet.video.images import write_ids, write_mask, write_picture
from gsanet.video.output_format import H264, PRORES_4444, VP9_ALPHA, OutputFormat
from gsanet.video.sound import SoundSource

Picture = NDArray[np.uint8]
Files = Iterator[tuple[str, "Picture | NDArray[np.bool_] | NDArray[np.uint16]"]]


def _masks(drawn: Drawn) -> Files:
    yield "masks", drawn.result.mask


def _cutout(drawn: Drawn) -> Files:
    yield "cutout", drawn.cutout


def _panel(drawn: Drawn) -> Files:
    yield "panel", drawn.panel


def _slots(drawn: Drawn) -> Files:
    for name, values in drawn.result.slots.items():
        yield f"slots/{name}", render.grey(values)


def _flow(drawn: Drawn) -> Files:
    yield "flow", drawn.result.flow


def _probability(drawn: Drawn) -> Files:
    yield "probability", render.grey(drawn.result.probability)


def _ids(drawn: Drawn) -> Files:
    ids = drawn.result.ids
    yield "ids", drawn.result.mask.astype(np.uint16) if ids is None else ids


PICTURES: dict[str, Callable[[Drawn], Files]] = {
    "masks": _masks,
    "cutout": _cutout,
    "panel": _panel,
    "slots": _slots,
    "flow": _flow,
    "probability": _probability,
    "ids": _ids,
}
"""What is saved as pictures: name -> (folder, picture) for a frame; every file is called after its frame."""


class Video(NamedTuple):
    """Something that is saved as ``<name>`` with the suffix of its format."""

    draw: Callable[[Drawn], Picture]
    format: OutputFormat = H264
    shaped: bool = True
    """Its frames have the clip's size and shape of pixels."""


VIDEOS: dict[str, Video] = {
    "overlay": Video(lambda drawn: drawn.overlay),
    "alpha": Video(lambda drawn: drawn.cutout, VP9_ALPHA),
    "prores": Video(lambda drawn: drawn.cutout, PRORES_4444),
    "composite": Video(lambda drawn: drawn.composite),
    "panel_video": Video(lambda drawn: drawn.panel, shaped=False),
}
"""What is saved as videos: name -> picture for a frame. A composite without a background is as ``alpha``."""

RECORDS: dict[str, type[Record]] = {"rle": RunLengths, "coco": Coco, "yolo": Yolo}
"""What is saved as text. ``rle`` is a line of JSON for a frame, COCO's compressed run-length code;
``pycocotools.mask.decode`` takes a line as it is."""

KINDS = (*VIDEOS, *PICTURES, *RECORDS)
"""All that can be saved."""

NEED_SLOTS = frozenset({"panel", "panel_video", "slots"})

NO_IMAGE = frozenset({"masks", "probability", "slots", "flow", "ids", *RECORDS})
"""Made without the frame's own picture, which then need not be kept."""

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
        background: of a composite (:func:`gsanet.segment.background.open_background`).
        truth: true masks by name of frame, for panels.

    Raises:
        GsanetError: there is no such background.
    """

    def __init__(
        self,
        folder: Path,
        clip: Clip,
        kinds: Sequence[str],
        *,
        background: str = backgrounds.DEFAULT,
        truth: Truth | None = None,
    ) -> None:
        self.folder = folder
        self.frames = 0
        self._area = 0.0
        self._begins = 0.0
        self._clip = clip
        self._truth = truth
        self._named = background if "composite" in kinds else None
        self._background = None if self._named is None else backgrounds.open_background(self._named)
        self._pictures = [PICTURES[kind] for kind in kinds if kind in PICTURES]
        self._kinds = [kind for kind in kinds if kind in VIDEOS]
        self._videos: list[tuple[Callable[[Drawn], Picture], VideoWriter]] = []
        self._records = [RECORDS[kind](folder) for kind in kinds if kind in RECORDS]
        self._made: set[str] = set()
        self._facts = ClipFacts()

    def add(self, result: FrameResult) -> None:
        """Save one frame.

        Raises:
            GsanetError: the disk is full, or the folder has become unwritable.
        """
        if not self.frames:
            self._begins = result.time  # a part of a clip keeps the times of the whole, its video begins at 0
            self._videos = [self._video(kind) for kind in self._kinds]
        drawn = Drawn(result, self._background, self._truth)
        for make in self._pictures:
            for place, picture in make(drawn):
                if place not in self._made:
                    make_folder(self.folder / place)
                    self._made.add(place)
                file = self.folder / place / f"{result.name}.png"
                if picture.dtype == np.bool_:
                    write_mask(file, picture.astype(bool, copy=False))
                elif picture.dtype == np.uint16:
                    write_ids(file, picture.astype(np.uint16, copy=False))
                else:
                    write_picture(file, picture.astype(np.uint8, copy=False))
        for draw, video in self._videos:
            video.write(draw(drawn), result.time - self._begins)
        for record in self._records:
            record.add(result)
        self.frames += 1
        self._area += float(result.mask.mean())
        self._facts.add(result)

    def summary(self) -> dict[str, Any]:
        """Facts about what was saved."""
        area = self._area / self.frames if self.frames else 0.0
        facts: dict[str, Any] = {"frames": self.frames, "mean_mask_area": round(area, 6), **self._facts.summary()}
        return facts if self._named is None else facts | {"background": self._named}

    def _video(self, kind: str) -> tuple[Callable[[Drawn], Picture], VideoWriter]:
        video = VIDEOS[kind]
        format = VP9_ALPHA if kind == "composite" and self._background is None else video.format
        path = self._clip.path
        writer = VideoWriter(
            self.folder / f"{kind}{format.suffix}",
            self._clip.fps,
            format=format,
            pixel_aspect=self._clip.pixel_aspect if video.shaped else Fraction(1),
            sound=None if path is None or not path.is_file() else SoundSource(path, self._begins, self._clip.note),
        )
        return video.draw, writer

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
        if kind is None:
            for record in self._records:
                record.close()


def make_folder(folder: Path) -> None:
    """With its parents.

    Raises:
        GsanetError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GsanetError(f"cannot make the folder {folder}: {error.strerror or error}") from None
