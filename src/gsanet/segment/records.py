"""Results that are text: run-length codes, line by line."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.segment.result import FrameResult


class Record(ABC):
    """Fills a file or a folder of its own in *folder*, frame by frame, in memory that does not grow with the clip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def add(self, result: FrameResult) -> None:
        """Describe one frame.

        Raises:
            GsanetError: it cannot be written.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to finish
        """After the last frame: what is still missing is written.

        Raises:
            GsanetError: it cannot be written.
        """


class RunLengths(Record):
    """``rle.jsonl``: a line for each frame, which ``pycocotools.mask.decode`` takes as it is."""

    def add(self, result: FrameResult) -> None:
        line = {"frame": result.name, "time": round(result.time, 6), **encoded(result.mask)}
        add_line(self.folder / "rle.jsonl", json.dumps(line))


def encoded(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length code: ``size`` [H, W] and ``counts``."""
    # Imported here: few ask for it.
    from pycocotools import mask as coco

    code = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": code["counts"].decode("ascii")}


def objects(result: FrameResult) -> list[tuple[int, NDArray[np.bool_]]]:
    """(id, mask (H,W)) of every object of a frame that is seen; ids are those of the whole clip, from 1.

    Without ids (:mod:`gsanet.segment.result`) all that is object is one.
    """
    ids: NDArray[np.uint8] | None = getattr(result, "ids", None)
    if ids is None:
        return [(1, result.mask)] if result.mask.any() else []
    return [(int(one), ids == one) for one in np.unique(ids) if one]


def add_line(file: Path, line: str) -> None:
    """Append a line to *file*.

    Raises:
        GsanetError: it cannot be written.
    """
    try:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{line}\n")
    except OSError as error:
        raise GsanetError(f"cannot write {file}: {error.strerror or error}") from None
