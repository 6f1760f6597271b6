"""Temporal stability, a measure of our own: do the masks move as the picture does?

DAVIS's T was withdrawn because it mistakes occlusion for jitter. Ours asks less: the mask of the next frame, carried
back along the optical flow, is compared with the mask of this one (IoU). It needs no ground truth. It says nothing
about being right: a mask that is stably wrong, or a ground truth whose object is stably occluded, scores as
its motion does. So it stands beside J, with the ground truth's own value as the ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.video.images import Mask


def warped_iou(mask: Mask, following: Mask, flow: NDArray[np.float32]) -> float:
    """IoU of *mask* with the *following* one carried back along *flow* (H,W,2 pixels, from this frame to the next).

    Pixels that leave the picture are left out. NaN when both masks are empty there: nothing to be stable.
    """
    height, width = mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    there_x, there_y = x + flow[..., 0], y + flow[..., 1]
    inside = (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
    carried = cv2.remap(following.view(np.uint8), there_x, there_y, cv2.INTER_NEAREST).view(np.bool_) & inside
    kept = mask & inside
    union = np.count_nonzero(kept | carried)
    return np.count_nonzero(kept & carried) / union if union else math.nan


def mean_stability(values: Iterable[float]) -> float:
    """Mean over the pairs that count; NaN when there are none."""
    counted = [v for v in values if not math.isnan(v)]
    return float(np.mean(counted)) if counted else math.nan
