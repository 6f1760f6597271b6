"""From a frame between its neighbours to what the network is shown."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsanet.flow.colour import Flow
from gsanet.runtime.interface import Pictures, Timer
from gsanet.segment.fovea import Closer
from gsanet.segment.kept import Kept
from gsanet.segment.links import Link, Linker
from gsanet.segment.motion import ComputedMotion, Motion, Window, draw, windows
from gsanet.segment.options import View, Way
from gsanet.video.clip import Frame


class Prepared(NamedTuple):
    """A frame with all that its pictures for the network are made of, once they are asked for: many never are."""

    frame: Kept
    images: Mapping[tuple[int, int], NDArray[np.uint8]]
    """The frame at the sizes (h,w) at which it may be shown, each (h,w,3)."""
    flows: Mapping[Way, Flow]
    """Over the whole frame, each (h,w,2) of any size."""
    in_pixels: bool
    """As :attr:`gsanet.segment.motion.Motion.in_pixels`."""
    link: Link | None = None
    """To the frame before, if it was asked for and there is one."""
    repeats: tuple[Kept, ...] = ()
    """Frames right after it that show the same picture, and have no pictures of their own."""
    again: bool = False
    """As :attr:`gsanet.segment.motion.Window.again`."""

    def picture(self, view: View) -> Pictures:
        """The whole frame as *view* shows it."""
        image = self.images[view.size]
        return Pictures(np.ascontiguousarray(image[:, ::-1]) if view.mirrored else image, self.drawn(view)())

    def drawn(self, view: View) -> Callable[[], NDArray[np.uint8]]:
        """What draws the flow picture of *view*, (h,w,3), and keeps nothing but the flow for it."""
        return partial(draw, self.flows[view.way], view.size, self.in_pixels, view.mirrored)

    def closer(self, size: tuple[int, int]) -> Closer:
        """What a closer look needs, whose frame has *size* (h,w)."""
        return Closer(self.images[size], self.flows, self.in_pixels)


def prepared_frames(
    frames: Iterable[Frame],
    views: Sequence[View],
    motion: Motion,
    only: Container[int] | None = None,
    linker: Linker | None = None,
    timer: Timer = lambda stage: nullcontext(),
    images: bool = False,
    closer: tuple[int, int] | None = None,
) -> Generator[Prepared, None, None]:
    """Every frame with its flow, in order; one frame late if the motion looks ahead.

    Args:
        only: numbers of the frames that are wanted; the others are just neighbours.
        linker: finds out how each frame is connected with the one before.
        timer: of the stage ``flow``.
        images: whether frames keep their own pictures beside.
        closer: (h,w) of the frame for a closer look, if there is to be one.
    """
    sizes = [view.size for view in views] + ([] if closer is None else [closer])
    for window in windows(frames, motion.lookahead, motion.size, sizes, images):
        if only is None or any(frame.index in only for frame in (window.frame, *window.repeats)):
            with timer("flow"):
                flows = {way: motion(window, way) for way in dict.fromkeys(view.way for view in views)}
                link = None if linker is None else linker(window, *known_flow(window, flows, motion))
            yield Prepared(window.frame, window.images, flows, motion.in_pixels, link, window.repeats, window.again)


def known_flow(window: Window, flows: Mapping[Way, Flow], motion: Motion) -> tuple[Flow | None, Flow | None]:
    """Flow to the next frame and to the one before by the first method, as far as *flows* have it."""
    if not isinstance(motion, ComputedMotion):
        return None, None
    backward = flows.get(Way("backward", motion.first)) if window.before is not None else None
    # Both directions say where things go: the way back is the other one.
    return flows.get(Way("forward", motion.first)), None if backward is None else np.float32(0) - backward
