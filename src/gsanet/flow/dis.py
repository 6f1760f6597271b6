"""Optical flow on a CPU: OpenCV's dense inverse search (DIS)."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from gsanet.flow.base import FlowMethod, require_pair
from gsanet.flow.colour import Flow, Picture


class Preset(NamedTuple):
    """What DIS does."""

    opencv: int
    """OpenCV's preset, which the others change."""
    finest: int
    """Number of times that pictures are halved at the finest scale."""
    stride: int | None = None
    """Pixels from patch to patch."""
    descent: int | None = None
    """Steps of the search at each patch."""
    refinement: int | None = None
    """Steps of the variational refinement at each scale."""
    median: int = 0
    """Side in pixels of the median that either component is brought to; 0: none."""


PRESETS = {
    "ultrafast": Preset(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, 2),
    "fast": Preset(cv2.DISOPTICAL_FLOW_PRESET_FAST, 2),
    "medium": Preset(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 1),
    # So little refinement leaves specks where the ground has no texture, of the size of a patch and less: a median
    # takes them and leaves outlines where they are (docs/experiments.md).
    "sharp": Preset(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 0, stride=4, descent=12, refinement=2, median=5),
    "fine": Preset(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 0),
}
"""``sharp`` and ``fine`` are ours, the others OpenCV's."""

DIS_METHODS = {"dis": "medium", **{f"dis-{name}": name for name in ("sharp", "fine", "fast", "ultrafast")}}
"""The preset of each flow method that is DIS."""

_SHORTEST = 32
"""Pixels. Below it on either side some presets find no pyramid and fail."""

# An OpenCV instance keeps buffers between calls, tens of megabytes, and must not be used by two threads at once:
# whoever computes takes one that is idle. A list gives each of its items to one thread only, so there is no lock that a
# fork could find closed. An instance also keeps the pyramid it chose for a small frame when a large one follows, so
# another size gets a fresh one, and those of the size before go.
_idle: dict[str, tuple[tuple[int, ...], list[Any]]] = {}


class DISFlow(FlowMethod):
    """Flow between two pictures of one size. Safe to call from several threads; holds nothing, so it pickles.

    ``medium`` takes about 15 ms at 640x360 and 30 ms at 854x480 on two cores, ``fast`` and ``ultrafast`` a
    quarter of that and less; but only ``medium`` works at half the resolution, and what it gains is what the flow
    stream lives on: the outline of the thing that moves, its thin parts included. ``fine`` works at the resolution
    itself, in four times as long, ``sharp`` too, less thoroughly and with a median for what that leaves, in twice.

    The same pair gives the same flow to the bit, whatever OpenCV's number of threads (which is left alone).
    """

    def __init__(self, preset: str = "medium") -> None:
        if preset not in PRESETS:
            raise ValueError(f"unknown DIS preset {preset!r}; there are {', '.join(PRESETS)}")
        self.preset = preset

    def __call__(self, first: Picture, second: Picture) -> Flow:
        """Where each pixel of *first* went in *second*: RGB (H,W,3) twice -> (H,W,2) in pixels.

        Pictures that are equal give zero everywhere, to the bit.
        """
        require_pair(first, second)
        height, width = first.shape[:2]
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
        if np.array_equal(*grey):
            return np.zeros((height, width, 2), np.float32)
        below, right = max(0, _SHORTEST - height), max(0, _SHORTEST - width)
        if below or right:
            grey = [cv2.copyMakeBorder(g, 0, below, 0, right, cv2.BORDER_REPLICATE) for g in grey]
        instance = self._take(grey[0].shape)
        flow: Flow = instance.calc(grey[0], grey[1], None)
        self._give_back(grey[0].shape, instance)
        if median := PRESETS[self.preset].median:
            flow = cv2.merge([cv2.medianBlur(component, median) for component in cv2.split(flow)])
        return flow[:height, :width]

    def _take(self, shape: tuple[int, ...]) -> Any:
        """An instance that nobody else uses."""
        size, instances = _idle.get(self.preset, (shape, []))
        if size == shape:
            try:
                return instances.pop()
            except IndexError:
                pass
        preset = PRESETS[self.preset]
        made = cv2.DISOpticalFlow.create(preset.opencv)
        made.setFinestScale(preset.finest)
        if preset.stride is not None:
            made.setPatchStride(preset.stride)
        if preset.descent is not None:
            made.setGradientDescentIterations(preset.descent)
        if preset.refinement is not None:
            made.setVariationalRefinementIterations(preset.refinement)
        return made

    def _give_back(self, shape: tuple[int, ...], instance: Any) -> None:
        size, instances = _idle.get(self.preset, (None, []))
        if size == shape:
            instances.append(instance)
        else:
            _idle[self.preset] = (shape, [instance])
