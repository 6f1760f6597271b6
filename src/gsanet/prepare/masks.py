"""What counts as object in an annotation: one rule for each kind of file that the data sets use.

A rule takes an open picture and gives (H,W) bool. All objects of a frame become one mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from gsanet.video.images import LARGEST_LABEL, Mask, mask_of

Rule: TypeAlias = Callable[[Image.Image], Mask]

VOID = 255
"""Index of what annotators left undecided, in palette masks of DAVIS-2017."""
_VOID_COLOUR = (224, 224, 192)
"""The same in masks that were saved as colours: entry 255 of the PASCAL VOC palette."""
_MOST_LABELS = 16
"""A grey mask with more values than this is brightness; with fewer, they may be objects."""


def brightness(image: Image.Image) -> Mask:
    """Object is what :func:`gsanet.video.images.read_mask` says: brighter than half, or any label.

    A JPEG holds no labels: its darkest values are the noise of compression around black.
    """
    return mask_of(image, labels=image.format != "JPEG")


def objects(image: Image.Image) -> Mask:
    """Object is every label but 0 and void, in palette, grey or colours.

    Grey needs a second look: labels drawn in colours and then turned grey (38, 75, 113 ...) are darker than half and
    still objects. A few distinct values are labels, unless they are only black and white.
    """
    if image.mode == "P":
        indices = np.asarray(image)
        if indices.max() == VOID and set(np.unique(indices)) <= {0, VOID}:
            return mask_of(image)  # black and white that was squeezed into a palette
        return np.asarray((indices > 0) & (indices != VOID))
    if image.mode == "L":
        grey = np.asarray(image)
        levels = np.unique(grey)
        if len(levels) <= _MOST_LABELS and not set(levels) <= {0, VOID}:
            void = VOID if ((levels > 0) & (levels <= LARGEST_LABEL)).any() else -1
            return np.asarray((grey > 0) & (grey != void))
    mask = mask_of(image)
    if image.mode == "RGB":
        mask = mask & (np.asarray(image) != _VOID_COLOUR).any(axis=2)
    return mask


def fit(mask: Mask, size: tuple[int, int]) -> Mask:
    """*mask* at (height, width) *size*, by nearest neighbour: no value is invented."""
    height, width = size
    resized = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, dtype=bool)
