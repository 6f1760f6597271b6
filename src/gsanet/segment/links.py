"""How each frame of a clip hangs together with the one before: flow there and back, and how far it can be trusted."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.flow.colour import Flow
from gsanet.flow.dis import DISFlow
from gsanet.flow.scaled import enlarge
from gsanet.segment.motion import Window

Map = NDArray[np.float32]
Array = TypeVar("Array", NDArray[np.float32], NDArray[np.uint8])

_COLOUR = 15.0
"""Of 255: by how much colours may differ, averaged over the channels and a window of 5 x 5."""

_ROUNDS = 2
"""More change nothing in the scores, fewer cost half a point."""

CUT = 0.45
"""Where the past can be trusted less than this, averaged over the frame, there is a cut. In the thirty videos of DAVIS
train it is 0.73 or more from frame to frame, and 0.23 or less from one video to the next."""


FLASH = 5
"""Frames at most between two cuts after which the picture of before is there again."""


class Link(NamedTuple):
    """How a frame is connected with the one before, in pixels of :attr:`Window.small`."""

    back: Flow
    """From the frame to the one before, (h,w,2)."""
    past: Map
    """For each pixel of the frame how far its past can be trusted, 0 to 1, (h,w)."""
    forth: Flow | None = None
    """From the one before to the frame, (h,w,2), if it was asked for."""
    future: Map | None = None
    """For each pixel of the one before how far the frame can."""


class Linker:
    """Finds the links of a clip's frames, one after the other; uses what flow there is, and computes by DIS or turns
    round what is missing.

    Args:
        lookahead: whether links lead forth too.
    """

    def __init__(self, lookahead: bool) -> None:
        self._dis = DISFlow()
        self._lookahead = lookahead
        self._next: Flow | None = None
        self._left: NDArray[np.uint8] | None = None
        self._since = 0
        self.returned: set[int] = set()
        """Numbers of the frames after a flash: without a link to the frame before, but of the same shot as those before
        the flash."""

    def __call__(self, window: Window, forward: Flow | None = None, backward: Flow | None = None) -> Link | None:
        """The link of a frame to the one before; None where there is none, or a cut between.

        Args:
            forward: flow to :attr:`Window.after` if it is known, of any size and in its own pixels.
            backward: flow to :attr:`Window.before`, likewise.
        """
        known, self._next = self._next, forward if window.after is not None else None
        if window.before is None:
            return None
        self._since += 1
        if window.again:  # nothing moves between the two, whatever the flow says: that is from further back
            shape = window.small.shape[:2]
            still, sure = np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32)
            return Link(still, sure, still, sure) if self._lookahead else Link(still, sure)
        here, there = window.small, window.before
        back, forth = (None if flow is None else enlarge(flow, here.shape[:2]) for flow in (backward, known))
        if back is None:
            back = self._dis(here, there) if forth is None else inverse(forth)
        past = likeness(here, there, back)
        if past.mean() < CUT:
            self._note_return(window, here, there)
            return None
        if not self._lookahead:
            return Link(back, past)
        if forth is None:
            forth = inverse(back)
        return Link(back, past, forth, likeness(there, here, forth))

    def _note_return(self, window: Window, here: NDArray[np.uint8], there: NDArray[np.uint8]) -> None:
        left, self._left = self._left, there.copy()  # of small frames it is the frame itself, which must not wait
        if left is not None and self._since <= FLASH and likeness(here, left, self._dis(here, left)).mean() >= CUT:
            self.returned.add(window.frame.index)
            self._left = None
        self._since = 0


def inverse(flow: Flow) -> Flow:
    """The way back: flow (h,w,2) from one frame to another -> from the other to the one, roughly.

    Each pixel looks for the one that comes to it, from where the flow at its own place would have it come. Far
    cheaper than another search in the pictures; where nothing comes, what it finds is for :func:`likeness` to doubt.
    """
    back = -flow
    for _ in range(_ROUNDS):
        back = -carry(flow, back)
    return back


def carry(values: Array, flow: Flow) -> Array:
    """*values* (h,w) or (h,w,K) of another frame as seen from this one, whose *flow* (h,w,2) leads there."""
    x, y = _grid(flow)
    carried: Array = cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return carried


def carry_labels(labels: NDArray[np.uint16], flow: Flow) -> NDArray[np.uint16]:
    """Numbers (h,w) of another frame as seen from this one, whose *flow* leads there; 0 for what lies outside of it."""
    x, y = _grid(flow)
    carried: NDArray[np.uint16] = cv2.remap(
        labels, x + flow[..., 0], y + flow[..., 1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    return carried


def likeness(image: NDArray[np.uint8], other: NDArray[np.uint8], flow: Flow) -> Map:
    """How well *image* (h,w,3) looks like *other* where its *flow* leads, 0 to 1, (h,w)."""
    difference = cv2.transform(cv2.absdiff(image, carry(other, flow)), np.full((1, 3), 1 / 3, np.float32))
    weight: Map = cv2.exp(np.float32(-0.5 / _COLOUR**2) * np.square(cv2.blur(difference, (5, 5)), dtype=np.float32))
    return weight


def _grid(flow: Flow) -> tuple[Map, Map]:
    h, w = flow.shape[:2]
    return np.arange(w, dtype=np.float32)[None].repeat(h, 0), np.arange(h, dtype=np.float32)[:, None].repeat(w, 1)
