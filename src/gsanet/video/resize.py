"""The one rule by which pictures and maps change their size."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Array = TypeVar("Array", NDArray[np.uint8], NDArray[np.float32])


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
