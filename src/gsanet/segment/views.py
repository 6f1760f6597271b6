"""Maps of one frame's several views, brought together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gsanet.segment.options import View
from gsanet.video.resize import resize

Map = NDArray[np.float32]


def average_views(probabilities: Sequence[Map], views: Sequence[View]) -> Map:
    """What every view gave, each (h,w) of its own, averaged at the largest of these sizes."""
    size = largest_size(views)
    total = np.zeros(size, np.float32)
    for probability, view in zip(probabilities, views, strict=True):
        total += resize(probability[:, ::-1] if view.mirrored else probability, size)
    return total / np.float32(len(views))


def largest_size(views: Sequence[View]) -> tuple[int, int]:
    """(h,w) of the largest view."""
    return max((view.size for view in views), key=lambda size: size[0] * size[1])
