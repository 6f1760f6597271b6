"""What the engine says about one frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask


@dataclass
class FrameResult:
    """One segmented frame."""

    index: int
    """From 0."""
    time: float
    """Seconds since the first frame."""
    name: str
    """``00042``, or the file's own name where frames are files."""
    image: NDArray[np.uint8]
    """The frame, RGB (H,W,3)."""
    probability: NDArray[np.float32]
    """That a pixel belongs to the prominent object, (H,W)."""
    flow: NDArray[np.uint8]
    """The flow picture as the network saw it, (h,w,3)."""
    slots: dict[str, NDArray[np.float32]]
    """Slot maps by name (:meth:`gsanet.model.GSANetOutput.slot_maps`), each (h/16,w/16); empty unless asked for."""

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The object, (H,W)."""
        return object_mask(self.probability)
