"""What the page shows of a job: a few hundred small pictures of it, spread over the clip however long that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.segment import FrameResult, render
from gsanet.video.resize import resize

VIEWS = ("frame", "overlay", "flow", "slots")
"""Pictures of a frame, as the page shows them side by side."""

MOST = 240
"""Frames of a clip that are kept: a page's slider has no more pixels than a few times that."""

WIDTH = 640

_QUALITY = 82

_SHEET = ("coarse_fg_rgb", "fine_fg_rgb", "fine_not_bg_rgb", "coarse_fg_flow", "fine_fg_flow", "fine_not_bg_flow")
"""Slot maps, the stream of the frame above that of the flow."""


class Views:
    """Writes them to *folder*: ``12-overlay.jpg``.

    Args:
        tell: called with (number of the frame, its time) when a frame can be looked at, and with (number, None) when
            its pictures are gone.
    """

    def __init__(self, folder: Path, tell: Callable[[int, float | None], None]) -> None:
        self._folder, self._tell = folder, tell
        self._step = 1
        self._kept: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, result: FrameResult) -> None:
        """Draw one frame, if it is its turn."""
        if result.index % self._step:
            return
        pictures = {
            "frame": result.image,
            "overlay": render.overlay(result),
            "flow": result.flow,
            "slots": slot_sheet(result),
        }
        for name, picture in pictures.items():
            cv2.imwrite(
                str(view_file(self._folder, result.index, name)),
                cv2.cvtColor(_small(picture), cv2.COLOR_RGB2BGR),
                (cv2.IMWRITE_JPEG_QUALITY, _QUALITY),
            )
        self._kept.append(result.index)
        self._tell(result.index, result.time)
        if len(self._kept) > MOST:
            self._step *= 2
            for index in [index for index in self._kept if index % self._step]:
                self._kept.remove(index)
                for name in VIEWS:
                    view_file(self._folder, index, name).unlink(missing_ok=True)
                self._tell(index, None)


def view_file(folder: Path, index: int, name: str) -> Path:
    """Where the picture *name* (one of :data:`VIEWS`) of frame *index* lies."""
    return folder / f"{index}-{name}.jpg"


def slot_sheet(result: FrameResult) -> NDArray[np.uint8]:
    """Six slot maps in one picture as wide as three frames and as high as two, at a third of that."""
    height, width = result.image.shape[:2]
    size = (max(1, round(WIDTH * height / width / 3)), WIDTH // 3)
    empty = np.zeros(size, np.uint8)
    tiles = [render.heat(resize(result.slots[name], size)) if name in result.slots else None for name in _SHEET]
    filled = [np.repeat(empty[..., None], 3, axis=2) if tile is None else tile for tile in tiles]
    return np.concatenate([np.concatenate(filled[:3], axis=1), np.concatenate(filled[3:], axis=1)])


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    return resize(picture, (max(1, round(height * WIDTH / width)), WIDTH))
