"""What is put behind the object: a colour, a picture, a video, the clip itself out of focus, or nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from gsanet.base.errors import GsanetError
from gsanet.segment.result import FrameResult
from gsanet.video.clip import Clip, Frame
from gsanet.video.resize import resize
from gsanet.video.sources import open_clip

Picture = NDArray[np.uint8]

BLUR, TRANSPARENT = "blur", "transparent"

DEFAULT = BLUR

_SMALL = 4
"""The blurred clip is made at one part in so many of the size: nobody sees it."""

_SOFT = 1 / 40
"""Width of the blur in parts of the long side."""


class Background(ABC):
    """Something as large as the clip's frames."""

    @abstractmethod
    def behind(self, result: FrameResult, alpha: Picture) -> Picture:
        """RGB (H,W,3) for this frame; frames come in the order of their times.

        Args:
            alpha: (H,W) of 0..255, of the object.
        """


class _Plain(Background):
    def __init__(self, colour: tuple[int, ...]) -> None:
        self._colour = colour[:3]

    def behind(self, result: FrameResult, alpha: Picture) -> Picture:
        return np.full(result.image.shape, self._colour, np.uint8)


class _Moving(Background):
    """A clip of any length, over and over; a picture is a clip of one frame."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._frames = self._endless()
        self._now = next(self._frames)
        self._next = self._now
        self._first: float | None = None
        self._shown: Picture | None = None

    def behind(self, result: FrameResult, alpha: Picture) -> Picture:
        self._first = result.time if self._first is None else self._first
        while self._next[0] <= result.time - self._first + 1e-6:
            self._now, self._next = self._next, next(self._frames)
            self._shown = None
        if self._shown is None:
            self._shown = _covering(self._now[1].image, result.image.shape[:2])
        return self._shown

    def _endless(self) -> Iterator[tuple[float, Frame]]:
        if self._clip.length == 1:
            (only,) = self._clip
            yield 0.0, only
            yield float("inf"), only
        begins = 0.0
        while True:
            time = 0.0
            for frame in self._clip:
                time = frame.time
                yield begins + time, frame
            begins += time + float(1 / self._clip.fps)


class _Blurred(Background):
    def behind(self, result: FrameResult, alpha: Picture) -> Picture:
        height, width = result.image.shape[:2]
        size = (-(-height // _SMALL), -(-width // _SMALL))
        image = resize(result.image, size).astype(np.float32)
        # The object itself does not count, or it would glow around its own edges.
        hidden: Picture = cv2.dilate(resize(alpha, size), np.ones((3, 3), np.uint8))
        weight = 1 - hidden.astype(np.float32) / 255
        side = max(1.0, max(size) * _SOFT)
        share = cv2.GaussianBlur(weight, (0, 0), side)[..., None]
        soft = cv2.GaussianBlur(image * weight[..., None], (0, 0), side)
        plain = cv2.GaussianBlur(image, (0, 0), side)
        # Deep inside a large object nothing of the background is near; it is hidden there.
        blurred = (soft + 1e-3 * plain) / (share + 1e-3)
        return resize(np.clip(blurred, 0, 255).astype(np.uint8), (height, width))


def open_background(text: str) -> Background | None:
    """What a user calls a background; None for ``transparent``.

    Args:
        text: ``blur``, ``transparent``, a colour (``green``, ``#00ff00``, ``rgb(0,255,0)``), or a picture, a video or
            whatever else :func:`gsanet.open_clip` takes. Pictures fill the frame and are cut to its shape; videos that
            are too short begin again.

    Raises:
        GsanetError: it is none of these, or cannot be read.
    """
    if text == TRANSPARENT:
        return None
    if text == BLUR:
        return _Blurred()
    colour = None if Path(text).exists() else _colour(text)
    if colour is not None:
        return _Plain(colour)
    clip = open_clip(text)
    if clip.live:
        raise GsanetError(f"a background must be a file that can be read again, not {text}")
    return _Moving(clip)


def check_background(text: str) -> None:
    """Raise before any work is done.

    Raises:
        GsanetError: it is no background.
    """
    try:
        open_background(text)
    except GsanetError as error:
        raise GsanetError(
            f"a background is a colour (green, #00ff00), a picture, a video, blur or transparent; of {text!r}: {error}"
        ) from None


def composite(cutout: Picture, behind: Picture) -> Picture:
    """The object (RGBA, colours not multiplied by alpha) on RGB of the same size."""
    alpha = cutout[..., 3].astype(np.float32) / 255
    front = np.ascontiguousarray(cutout[..., :3])
    laid: Picture = cv2.blendLinear(front, behind, alpha, 1 - alpha)
    return laid


def _colour(text: str) -> tuple[int, ...] | None:
    try:
        return ImageColor.getrgb(text)
    except ValueError:
        return None


def _covering(picture: Picture, size: tuple[int, int]) -> Picture:
    """Scaled to fill *size* (h,w), and what is too much cut off on both sides alike."""
    height, width = size
    scale = max(height / picture.shape[0], width / picture.shape[1])
    large = resize(picture, (max(height, round(picture.shape[0] * scale)), max(width, round(picture.shape[1] * scale))))
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])
