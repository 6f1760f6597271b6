"""The one rule by which frames become network inputs, and maps become frame-sized again."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.errors import GsanetError
from gsanet.model import GSANetConfig

MULTIPLE = 32
"""The deepest stride: sides that are multiples of it waste nothing."""

SMALLEST = 64
"""Pixels; the network refuses less."""

Array = TypeVar("Array", NDArray[np.uint8], NDArray[np.float32])


def network_size(height: int, width: int, config: GSANetConfig, size: int | None = None) -> tuple[int, int]:
    """(h,w) of the network's input for a frame of *height* x *width*.

    ``config.square`` squashes to (size,size); else the long side becomes *size* and the other keeps its proportion.
    Both are rounded to multiples of 32, at least 64.

    Args:
        size: instead of the model's own ``config.size``.

    Raises:
        GsanetError: *size* is below 64.
    """
    side = config.size if size is None else size
    if side < SMALLEST:
        raise GsanetError(f"input size {side} is too small: the network needs at least {SMALLEST} pixels")
    if config.square:
        return _round(side), _round(side)
    scale = side / max(height, width)
    return _round(height * scale), _round(width * scale)


def _round(side: float) -> int:
    return max(SMALLEST, MULTIPLE * round(side / MULTIPLE))


def resize(picture: Array, size: tuple[int, int]) -> Array:
    """(H,W) or (H,W,K) to *size* (h,w): averaged over areas where it shrinks, bilinear where it grows."""
    height, width = size
    if picture.shape[:2] == size:
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    resized: Array = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized


def limit(picture: Array, side: int) -> Array:
    """Bring the long side down to *side*; smaller pictures stay as they are."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))
