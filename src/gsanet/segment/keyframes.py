"""Keyframes: frames between two that the network has seen get their masks from these, carried along the flow.

Where what was found in the frame before is carried forth, and what was found in the frame after is carried back, and
both are the same mask, the network would hardly say anything else: it is not asked. Where they differ, the frame in the
middle is looked at, and what lies between is told from that. So a quiet scene takes a third of the work, and a scene
in which things leap takes all of it (docs/experiments.md). Key frames are an old idea of video networks (Zhu et al.,
"Deep Feature Flow for Video Recognition", CVPR 2017); that both sides must agree is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask
from gsanet.flow.colour import Flow
from gsanet.flow.scaled import enlarge
from gsanet.runtime.interface import Timer
from gsanet.segment.links import Link, carry
from gsanet.segment.threads import UntilBroken
from gsanet.video.resize import resize

Map = NDArray[np.float32]
Frame = TypeVar("Frame")
Seen = TypeVar("Seen")

LARGEST = 2048 * 1152
"""Pixels of a frame, of which a dozen more wait than if each was looked at: of larger ones all are looked at, for the
sake of memory."""

_LEAST = 1e-3
"""Weight of a side that cannot be trusted at all: where neither can, their mean."""


@dataclass(frozen=True)
class Placed(Generic[Frame]):
    """A frame that may be looked at."""

    frame: Frame
    link: Link | None
    """To the frame before; None where a shot begins."""
    key: bool
    """It is looked at in any case, as the first frame of a shot is."""


@dataclass(frozen=True)
class Stretch(Generic[Frame]):
    """A key frame, and what lies between it and the one before."""

    between: Sequence[Placed[Frame]]
    """At most a few; none where a shot begins."""
    key: Placed[Frame]
    before: Future[Map] | None
    """What is found in the key frame before, once it is; None where a shot begins."""
    found: Future[Map]
    """What is found in this one."""


def stretches(frames: Iterable[Placed[Frame]]) -> Iterator[Stretch[Frame]]:
    """All frames in order, up to each key frame; the last frame of a shot is one too."""
    held: list[Placed[Frame]] = []
    found: Future[Map] | None = None

    def stretch(key: Placed[Frame]) -> Stretch[Frame]:
        nonlocal found
        before, found = None if key.link is None else found, Future()
        between = tuple(held)
        held.clear()
        return Stretch(between, key, before, found)

    coming = UntilBroken(frames)
    for one in coming:
        if one.link is None and held:
            yield stretch(held.pop())
        if one.key:
            yield stretch(one)
        else:
            held.append(one)
    if held:
        yield stretch(held.pop())
    coming.settle()


def settle(
    stretch: Stretch[Frame],
    look: Callable[[Frame], tuple[Seen, Map]],
    told: Callable[[Frame], Seen],
    overlap: float,
    timer: Timer = lambda stage: nullcontext(),
) -> list[tuple[Seen, Map]]:
    """Every frame of a stretch with its map.

    Stretches may be settled at the same time, as long as each was begun after the one before.

    Args:
        look: shows a frame to the network.
        told: is called in place of it for a frame that need not be shown.
        overlap: as :attr:`gsanet.segment.options.Options.keyframe_overlap`.
        timer: of the stage ``smooth``.
    """
    try:
        key, map = look(stretch.key.frame)
    except BaseException as error:
        stretch.found.set_exception(error)
        raise
    stretch.found.set_result(map)
    if stretch.before is None:
        return [(key, map)]

    def between(frames: Sequence[Placed[Frame]], links: Sequence[Link], start: Map, end: Map) -> list[tuple[Seen, Map]]:
        if not frames:
            return []
        with timer("smooth"):
            maps = carried_between(start, end, links, overlap)
        if maps is not None:
            return [(told(one.frame), map) for one, map in zip(frames, maps, strict=True)]
        middle = len(frames) // 2
        found = look(frames[middle].frame)
        return [
            *between(frames[:middle], links[: middle + 1], start, found[1]),
            found,
            *between(frames[middle + 1 :], links[middle + 1 :], found[1], end),
        ]

    links = [one.link for one in (*stretch.between, stretch.key) if one.link is not None]
    return [*between(stretch.between, links, stretch.before.result(), map), (key, map)]


def carried_between(start: Map, end: Map, links: Sequence[Link], overlap: float) -> list[Map] | None:
    """Maps of the frames between two, told from those two; None if these do not agree.

    Each pixel is the average of what comes from both sides, by how well the picture there fits.

    Args:
        start: map of the first frame (h,w).
        end: map of the last (h',w').
        links: from each frame after the first to the one before it, the last frame's included; they lead forth too.
        overlap: of the masks from both sides (intersection over union), from which on they count as the same.

    Returns:
        One map for each frame between, of the larger size of the two.
    """
    past = list(_ways((link.back, link.past) for link in links[:-1]))
    future = list(_ways((link.forth, link.future) for link in reversed(links[1:])))[::-1]
    # Whether they agree is seen in few pixels.
    small = links[0].past.shape
    one, other = (object_mask(resize(map, small)).view(np.uint8) for map in (start, end))
    if not all(_agree(carry(one, a.flow), carry(other, b.flow), overlap) for a, b in zip(past, future, strict=True)):
        return None
    size = max(start.shape, end.shape)
    start, end = resize(start, size), resize(end, size)
    return [_joined(a.carried(start), b.carried(end)) for a, b in zip(past, future, strict=True)]


class _Way(NamedTuple):
    """From a frame to another, over those between."""

    flow: Flow
    """(h,w,2)"""
    trust: Map
    """(h,w)"""

    def carried(self, map: Map) -> tuple[Map, Map]:
        """A map (h',w') of the other as seen from the frame, and how far it can be trusted."""
        size = (map.shape[0], map.shape[1])
        return carry(map, enlarge(self.flow, size)), resize(self.trust, size) + np.float32(_LEAST)


def _ways(steps: Iterable[tuple[Flow | None, Map | None]]) -> Iterator[_Way]:
    """The way back to where the first of *steps* leads from, from each next frame.

    Steps are joined to one way, so that a map is carried once however far it goes: each time would blur it.
    """
    way: _Way | None = None
    for flow, trust in steps:
        assert flow is not None and trust is not None
        way = _Way(flow, trust) if way is None else _Way(flow + carry(way.flow, flow), trust * carry(way.trust, flow))
        yield way


def _joined(past: tuple[Map, Map], future: tuple[Map, Map]) -> Map:
    joined: Map = (past[1] * past[0] + future[1] * future[0]) / (past[1] + future[1])
    return joined


def _agree(one: NDArray[np.uint8], other: NDArray[np.uint8], overlap: float) -> bool:
    """Whether two masks (h,w) of 0 and 1 are the same, nearly."""
    either = int(cv2.countNonZero(one | other))
    return either == 0 or int(cv2.countNonZero(one & other)) >= overlap * either
