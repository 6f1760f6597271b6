"""The connected pieces of one mask, at the frame's own size and at the size at which motion is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint16]
"""(H,W): a number for each object, 0 for none."""

_SPECK = 0.05
"""Of the largest piece: what is smaller is no object of its own."""

_MOST = 64
"""Pieces that are looked at one by one; in noise there may be thousands, and all others are specks."""


class Pieces:
    """The pieces of a mask, the largest first.

    Args:
        mask: (H,W).
        size: (h,w) of the picture in which flow is.
    """

    def __init__(self, mask: NDArray[np.bool_], size: tuple[int, int]) -> None:
        height, width = mask.shape
        _, labels, facts, centres = cv2.connectedComponentsWithStats(
            mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
        )
        order = np.argsort(-facts[1:, cv2.CC_STAT_AREA], kind="stable")
        renumber = np.zeros(len(facts), np.uint16)
        renumber[1 + order] = np.minimum(np.arange(1, len(order) + 1), _MOST + 1)
        self._labels: Ids = renumber[labels]
        self.count = min(len(order), _MOST)
        kept = 1 + order[: self.count]
        self.areas: list[int] = facts[kept, cv2.CC_STAT_AREA].tolist()
        scale = (size[1] / width, size[0] / height)
        self.centres = centres[kept] * scale
        """(x, y) for each piece, in pixels of the flow."""
        self._boxes = facts[kept, :4] * np.array([*scale, *scale])
        self._small: Ids = cv2.resize(self._labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        self.small_areas: list[int] = np.bincount(self._small.ravel(), minlength=_MOST + 2)[1 : self.count + 1].tolist()

    def at(self, piece: int) -> NDArray[np.bool_]:
        """Where *piece* is, (h,w)."""
        where: NDArray[np.bool_] = self._small == piece + 1
        return where

    def is_speck(self, piece: int, largest: float) -> bool:
        """Whether it is too small to be an object, beside the other pieces and beside an object of *largest* pixels of
        the flow.
        """
        return self.areas[piece] < _SPECK * self.areas[0] or self.small_areas[piece] < _SPECK * largest

    def gap(self, piece: int, other: int) -> float:
        """Pixels of the flow between the boxes of two pieces; 0 if they overlap."""
        (left, top, width, height), (left2, top2, width2, height2) = self._boxes[piece], self._boxes[other]
        beside = max(left2 - left - width, left - left2 - width2, 0)
        above = max(top2 - top - height, top - top2 - height2, 0)
        return float(np.hypot(beside, above))

    def overlap(self, carried: Ids) -> list[dict[int, int]]:
        """For each piece: number of an object of *carried* (h,w) -> how many of its pixels are in the piece."""
        both = (self._small > 0) & (carried > 0)
        pairs, counts = np.unique(
            self._small[both].astype(np.uint32) << 16 | carried[both].astype(np.uint32), return_counts=True
        )
        found: list[dict[int, int]] = [{} for _ in range(self.count)]
        for pair, pixels in zip(pairs.tolist(), counts.tolist(), strict=True):
            if (pair >> 16) <= self.count:
                found[(pair >> 16) - 1][pair & 0xFFFF] = pixels
        return found

    def draw(self, claims: Sequence[Sequence[int]], borders: Mapping[int, Ids]) -> tuple[Ids, Ids]:
        """Each piece with the number of its object, (H,W) and (h,w).

        Args:
            claims: for each piece its objects; none for what has no number yet.
            borders: for each piece that is several objects, which of them each pixel is, (h,w).
        """
        table = np.zeros(_MOST + 2, np.uint16)
        for piece, ids in enumerate(claims):
            if ids:
                table[piece + 1] = ids[0]
        if self.count == _MOST:
            table[_MOST + 1] = table[1]  # noise
        whole, small = table[self._labels], table[self._small]
        for piece, which in borders.items():
            inside = self._small == piece + 1
            small[inside] = which[inside]
            inside = self._labels == piece + 1
            height, width = inside.shape
            whole[inside] = cv2.resize(which, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)[inside]
        return whole, small


def nearest_label(labels: Ids) -> Ids:
    """For each pixel (H,W) the number that is nearest to it; at least one must not be 0."""
    _, areas = cv2.distanceTransformWithLabels(
        (labels == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(areas.max()) + 1, np.uint16)
    known = labels > 0
    table[areas[known]] = labels[known]
    nearest: Ids = table[areas]
    return nearest
