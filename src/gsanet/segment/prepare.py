"""From a frame between its neighbours to what the network is shown."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsanet.segment.motion import Motion, Window, draw, windows
from gsanet.segment.options import View
from gsanet.segment.resize import resize
from gsanet.video.clip import Frame


class Pictures(NamedTuple):
    """One view of one frame."""

    rgb: NDArray[np.uint8]
    """(h,w,3)"""
    flow: NDArray[np.uint8]
    """On the colour wheel, (h,w,3)."""


class Prepared(NamedTuple):
    """A frame and its views, ready for the network."""

    frame: Frame
    views: list[Pictures]


def prepare(
    frames: Iterable[Frame], views: Sequence[View], motion: Motion, only: Container[int] | None = None
) -> Iterator[Prepared]:
    """The pictures of every frame, in order; one frame late if the motion looks ahead.

    Args:
        only: numbers of the frames that are wanted; the others are just neighbours.
    """
    for window in windows(frames, motion.lookahead):
        if only is None or window.frame.index in only:
            yield Prepared(window.frame, _show(window, views, motion))


def _show(window: Window, views: Sequence[View], motion: Motion) -> list[Pictures]:
    flows = {direction: motion(window, direction) for direction in dict.fromkeys(v.direction for v in views)}
    images = {size: resize(window.frame.image, size) for size in dict.fromkeys(view.size for view in views)}
    shown = []
    for size, direction, mirrored in views:
        image = images[size]
        flow = draw(flows[direction], size, motion.in_pixels, mirrored)
        shown.append(Pictures(np.ascontiguousarray(image[:, ::-1]) if mirrored else image, flow))
    return shown
