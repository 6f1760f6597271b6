"""From a frame between its neighbours to what the network is shown."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from gsanet.flow.colour import Flow
from gsanet.runtime.interface import Pictures, Timer
from gsanet.segment.fovea import Closer
from gsanet.segment.kept import Kept
from gsanet.segment.links import Link, Linker
from gsanet.segment.motion import ComputedMotion, Motion, Window, draw, windows
from gsanet.segment.options import View, Way
from gsanet.video.clip import Frame


class Prepared(NamedTuple):
    """A frame and its views, ready for the network."""

    frame: Kept
    views: list[Pictures]
    link: Link | None = None
    """To the frame before, if it was asked for and there is one."""
    repeats: tuple[Kept, ...] = ()
    """Frames right after it that show the same picture, and have no pictures of their own."""
    closer: Closer | None = None
    """What a closer look needs, if one was asked for."""


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
    """The pictures of every frame, in order; one frame late if the motion looks ahead.

    Args:
        only: numbers of the frames that are wanted; the others are just neighbours.
        linker: finds out how each frame is connected with the one before.
        timer: of the stages ``flow`` and ``prepare``.
        images: whether frames keep their own pictures beside.
        closer: (h,w) of the frame for a closer look, if there is to be one.
    """
    sizes = [view.size for view in views] + ([] if closer is None else [closer])
    for window in windows(frames, motion.lookahead, motion.size, sizes, images):
        if only is None or any(frame.index in only for frame in (window.frame, *window.repeats)):
            with timer("flow"):
                flows = {way: motion(window, way) for way in dict.fromkeys(view.way for view in views)}
                link = None if linker is None else linker(window, *known_flow(window, flows, motion))
            with timer("prepare"):
                pictures = show(window, views, flows, motion.in_pixels)
            again = None if closer is None else Closer(window.images[closer], flows, motion.in_pixels)
            yield Prepared(window.frame, pictures, link, window.repeats, again)


def known_flow(window: Window, flows: Mapping[Way, Flow], motion: Motion) -> tuple[Flow | None, Flow | None]:
    """Flow to the next frame and to the one before by the first method, as far as *flows* have it."""
    if not isinstance(motion, ComputedMotion):
        return None, None
    backward = flows.get(Way("backward", motion.first)) if window.before is not None else None
    # Both directions say where things go: the way back is the other one.
    return flows.get(Way("forward", motion.first)), None if backward is None else np.float32(0) - backward


def show(window: Window, views: Sequence[View], flows: Mapping[Way, Flow], in_pixels: bool) -> list[Pictures]:
    """The pictures of one frame, view by view."""
    shown = []
    for size, way, mirrored in views:
        image = window.images[size]
        flow = draw(flows[way], size, in_pixels, mirrored)
        shown.append(Pictures(np.ascontiguousarray(image[:, ::-1]) if mirrored else image, flow))
    return shown
