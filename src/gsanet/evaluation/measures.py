"""The DAVIS measures as plain functions: region similarity J, boundary accuracy F, and their statistics.

Written from the benchmark's definition and held to ``vos-benchmark`` within 1e-6 by the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.video.images import Mask

BOUND = 0.008
"""Tolerance of F as a share of the image diagonal."""


def region_similarity(pred: Mask, gt: Mask) -> float:
    """J, the intersection over union of two masks (H,W), in [0, 1]. Two empty masks agree: 1.

    Raises:
        ValueError: different shapes, or not boolean.
    """
    _check(pred, gt)
    intersection = int(np.count_nonzero(pred & gt))
    union = int(np.count_nonzero(pred)) + int(np.count_nonzero(gt)) - intersection
    return intersection / union if union else 1.0


def boundary_accuracy(pred: Mask, gt: Mask, bound: float = BOUND) -> float:
    """F, the harmonic mean of precision and recall of the contour, in [0, 1].

    A contour pixel counts as found when the other mask has one within a disk whose radius is
    ceil(bound x diagonal) pixels. No contour in either mask is 1, in one of them alone is 0;
    a mask that covers the whole image has no contour.

    Args:
        pred: (H,W) bool; gt: (H,W) bool.
        bound: share of the image diagonal.

    Raises:
        ValueError: different shapes, or not boolean.
    """
    _check(pred, gt)
    radius = boundary_tolerance(pred.shape, bound)
    # Contours lie inside the box around both masks (and one pixel up and left of it): leave the rest out.
    x, y, w, h = cv2.boundingRect((pred | gt).view(np.uint8))
    window = np.s_[max(y - 1, 0) : y + h + 1, max(x - 1, 0) : x + w + 1]
    if w == 0 or h == 0:
        return 1.0
    pred_edge, gt_edge = boundary(pred[window]), boundary(gt[window])
    found, wanted = int(np.count_nonzero(pred_edge)), int(np.count_nonzero(gt_edge))
    if found == 0 and wanted == 0:
        return 1.0
    if found == 0 or wanted == 0:
        return 0.0
    disk = _disk(radius)
    right = np.count_nonzero(pred_edge & _dilate(gt_edge, disk))
    hit = np.count_nonzero(gt_edge & _dilate(pred_edge, disk))
    precision, recall = right / found, hit / wanted
    return 2 * precision * recall / (precision + recall) if right or hit else 0.0


def boundary_tolerance(shape: Sequence[int], bound: float = BOUND) -> int:
    """Radius of the disk in pixels for an image of (H,W): 8 at 480x854."""
    return math.ceil(bound * math.hypot(*shape))


def boundary(mask: Mask) -> Mask:
    """One-pixel contour of a mask, (H,W) -> (H,W) bool.

    A pixel is on it when it, its right, lower and lower-right neighbours are not all equal. The image is
    continued beyond its edge, so its frame is never a contour.
    """
    edge: NDArray[np.uint8] = cv2.morphologyEx(
        np.ascontiguousarray(mask).view(np.uint8),
        cv2.MORPH_GRADIENT,
        np.ones((2, 2), np.uint8),
        anchor=(0, 0),
        borderType=cv2.BORDER_REPLICATE,
    )
    return edge.view(np.bool_)


@dataclass(frozen=True)
class Statistics:
    """What DAVIS reports of one measure on one sequence, each as a share (not a percentage)."""

    mean: float
    recall: float
    """Share of frames above 0.5."""
    decay: float
    """Mean of the first quarter minus mean of the last; positive when quality is lost over time."""


def statistics(values: Sequence[float] | NDArray[np.floating[Any]]) -> Statistics:
    """Mean, recall and decay of per-frame *values* in order of time.

    The four bins of the decay share their border frames, as in DAVIS; the frame numbers are ordinary
    integers, so that sequences beyond 256 frames are binned right (the official script keeps them in eight bits).

    Raises:
        ValueError: no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise ValueError("statistics of no frames")
    # Half up, not to even: this is how DAVIS rounds.
    edges = np.floor(np.linspace(1, array.size, 5) + 0.5).astype(np.int64) - 1
    first, last = array[: edges[1] + 1], array[edges[3] :]
    return Statistics(float(array.mean()), float((array > 0.5).mean()), float(first.mean() - last.mean()))


def _check(pred: Mask, gt: Mask) -> None:
    if pred.dtype != np.bool_ or gt.dtype != np.bool_:
        raise ValueError(f"masks must be boolean, got {pred.dtype} and {gt.dtype}: threshold them first")
    if pred.shape != gt.shape or pred.ndim != 2:
        raise ValueError(f"masks must both be (H,W) of one size, got {pred.shape} and {gt.shape}")


@lru_cache(maxsize=16)
def _disk(radius: int) -> NDArray[np.uint8]:
    offset = np.arange(-radius, radius + 1)
    return (offset[:, None] ** 2 + offset**2 <= radius**2).astype(np.uint8)


def _dilate(edge: Mask, disk: NDArray[np.uint8]) -> Mask:
    grown: NDArray[np.uint8] = cv2.dilate(edge.view(np.uint8), disk)
    return grown.view(np.bool_)
