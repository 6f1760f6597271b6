"""The rules by which pictures, maps and masks change their size."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Array = TypeVar("Array", NDArray[np.uint8], NDArray[np.float32])
Values = TypeVar("Values", NDArray[np.uint8], NDArray[np.bool_])


def resize(picture: Array, size: tuple[int, int]) -> Array:
    """(H,W) or (H,W,K) to *size* (h,w): averaged over areas where it shrinks, bilinear where it grows."""
    height, width = size
    if picture.shape[:2] == size:
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    resized: Array = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized


def resize_mask(mask: Values, size: tuple[int, int]) -> Values:
    """(H,W) or (H,W,K) to *size* (h,w) by nearest neighbour: for what must not be mixed, masks, labels or flow colours.

    Of several pixels the one at the middle counts, so that nothing shifts against a picture of :func:`resize`.
    """
    height, width = size
    if mask.shape[:2] == size:
        return mask
    plain = np.ascontiguousarray(mask).view(np.uint8)  # OpenCV knows no booleans
    return cv2.resize(plain, (width, height), interpolation=cv2.INTER_NEAREST_EXACT).view(mask.dtype)  # type: ignore[no-any-return]


def limit(picture: Array, side: int) -> Array:
    """Bring the long side down to *side*; smaller pictures stay as they are."""
    return resize(picture, limited((picture.shape[0], picture.shape[1]), side))


def limited(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size (h,w) to which :func:`limit` brings pictures of *size* (H,W)."""
    height, width = size
    scale = side / max(height, width)
    return size if scale >= 1 else (max(1, round(height * scale)), max(1, round(width * scale)))
