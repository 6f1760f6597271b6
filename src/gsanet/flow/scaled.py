"""Flow computed on smaller pictures than those it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.flow.base import FlowMethod, Pair, require_pair
from gsanet.flow.colour import Flow, Picture
from gsanet.video.resize import limit

SMALLEST = 16
"""Pixels; no method finds anything in less."""


class ScaledFlow(FlowMethod):
    """Another method, on pictures whose long side is brought down to *long_side* (averaged over areas).

    The vectors are brought back to the pictures' own size, bilinearly, and stretched in the same proportion, so that
    they are in pixels of the pictures given. Smaller pictures are left as they are.
    """

    def __init__(self, method: FlowMethod, long_side: int) -> None:
        if long_side < SMALLEST:
            raise GsanetError(f"the long side for flow must be at least {SMALLEST} pixels, got {long_side}")
        self._method = method
        self.batch, self.parallel = method.batch, method.parallel
        self.long_side = long_side

    def __call__(self, first: Picture, second: Picture) -> Flow:
        return self.many([(first, second)])[0]

    def many(self, pairs: Sequence[Pair]) -> list[Flow]:
        for pair in pairs:
            require_pair(*pair)
        small = [(limit(first, self.long_side), limit(second, self.long_side)) for first, second in pairs]
        return [
            enlarge(flow, first.shape[:2]) for flow, (first, _) in zip(self._method.many(small), pairs, strict=True)
        ]


def enlarge(flow: Flow, size: tuple[int, int]) -> Flow:
    """Vectors (h,w,2) in pixels of their own grid -> (H,W,2) in pixels of *size* (H,W)."""
    height, width = size
    if flow.shape[:2] == size:
        return flow
    ratio = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    resized: Flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    resized *= ratio
    return resized
