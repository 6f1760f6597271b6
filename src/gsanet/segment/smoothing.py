"""Probabilities averaged over time along the flow: what a frame lacks, its neighbours know.

A mask that is missed or added in single frames is the commonest error of a network that sees one frame at a time. Each
frame's probability is averaged with those of the past and of some frames that come, carried along by the flow. How much
the carried values count is decided for every pixel: where the flow leads to another colour, as it does at borders of
what moves and on things that come out from behind, they do not. At a cut the average begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.flow.colour import Flow
from gsanet.flow.dis import DISFlow
from gsanet.flow.scaled import enlarge
from gsanet.segment.motion import Window
from gsanet.segment.resize import limit, resize
from gsanet.segment.threads import UntilBroken

if TYPE_CHECKING:
    from gsanet.segment.engine import FrameResult

Map = NDArray[np.float32]
Array = TypeVar("Array", NDArray[np.float32], NDArray[np.uint8])

PAST = 0.85
"""Weight of the past, all of it, against 1 - PAST of the frame itself."""

PAST_ALONE = 0.65
"""The same where nothing that comes may count: so much trust in the past alone would lag behind what changes."""

FUTURE = 0.8
"""Weight of the average of what comes, itself made like that of the past, against 1 of frame and past. This, like the
others, was chosen on the development split: docs/experiments.md."""

LOOKAHEAD = 3
"""Frames that come and count, at least. Up to twice as many are held back, with their pictures, which takes memory."""

_COLOUR = 15.0
"""Of 255: by how much colours may differ, averaged over the channels and a window of 5 x 5."""

_ROUNDS = 2
"""More change nothing in the scores, fewer cost half a point."""

CUT = 0.45
"""Where the past can be trusted less than this, averaged over the frame, there is a cut. In the thirty videos of DAVIS
train it is 0.73 or more from frame to frame, and 0.23 or less from one video to the next."""


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

    def __call__(self, window: Window, forward: Flow | None = None, backward: Flow | None = None) -> Link | None:
        """The link of a frame to the one before; None where there is none, or a cut between.

        Args:
            forward: flow to :attr:`Window.after` if it is known, of any size and in its own pixels.
            backward: flow to :attr:`Window.before`, likewise.
        """
        known, self._next = self._next, forward if window.after is not None else None
        if window.before is None:
            return None
        here, there = window.small, window.before
        back, forth = (None if flow is None else enlarge(flow, here.shape[:2]) for flow in (backward, known))
        if back is None:
            back = self._dis(here, there) if forth is None else inverse(forth)
        past = likeness(here, there, back)
        if past.mean() < CUT:
            return None
        if not self._lookahead:
            return Link(back, past)
        if forth is None:
            forth = inverse(back)
        return Link(back, past, forth, likeness(there, here, forth))


def inverse(flow: Flow) -> Flow:
    """The way back: flow (h,w,2) from one frame to another -> from the other to the one, roughly.

    Each pixel looks for the one that comes to it, from where the flow at its own place would have it come. Far
    cheaper than another search in the pictures; where nothing comes, what it finds is for :func:`likeness` to doubt.
    """
    back = -flow
    for _ in range(_ROUNDS):
        back = -carry(flow, back)
    return back


class _Held(NamedTuple):
    """A frame that waits for those after it; all maps in pixels of the links."""

    result: FrameResult
    own: Map
    past: Map
    """Average of all before, and of its own."""
    forth: Flow | None = None
    """From the frame before to this one, and how far that is trusted: of the link between them."""
    future: Map | None = None


def smoothed(
    results: Iterable[tuple[FrameResult, Link | None]], size: int, lookahead: int = LOOKAHEAD
) -> Iterator[FrameResult]:
    """The same results with smoother probabilities.

    Args:
        results: in order, each with its link to the one before; without a link the average begins anew.
        size: long side of what the links lead between, at most.
        lookahead: how many frames after each count at least, before a cut or the end; links must lead forth then.
            0: the past only, and no frame waits.
    """
    trust = PAST if lookahead else PAST_ALONE
    held: list[_Held] = []
    past = np.zeros((0, 0), np.float32)
    coming = UntilBroken(results)
    for result, link in coming:
        own = limit(result.probability, size)
        if link is None:
            yield from _with_future(held, len(held))
            past = own
            held.append(_Held(result, own, past))
        else:
            past = _joined(own, carry(past, link.back), trust, link.past)
            held.append(_Held(result, own, past, link.forth, link.future))
        # The way back over all that wait serves half of them at once: two steps a frame, however far it looks.
        if len(held) >= 2 * lookahead:
            yield from _with_future(held, max(lookahead, 1))
    yield from _with_future(held, len(held))
    coming.settle()


def _with_future(held: list[_Held], count: int) -> list[FrameResult]:
    """Take the first *count* of *held* out, averaged with what comes after them."""
    if not held:
        return []
    changes = [held[-1].past - held[-1].own]
    coming = held[-1].own
    for one, after in reversed(list(pairwise(held))):
        assert after.forth is not None and after.future is not None
        carried = carry(coming, after.forth)
        weight = FUTURE * after.future
        changes.append((one.past + weight * carried) / (1 + weight) - one.own)
        coming = _joined(one.own, carried, PAST, after.future)
    done = [_corrected(one.result, change) for one, change in zip(held[:count], reversed(changes), strict=False)]
    del held[:count]
    return done


def _joined(own: Map, carried: Map, trust: float, alike: Map) -> Map:
    """A frame's own values and the average of what came so far, carried to it: *trust* of that, where *alike* is 1."""
    weight = trust * alike
    joined: Map = ((1 - trust) * own + weight * carried) / (1 - trust + weight)
    return joined


def _corrected(result: FrameResult, change: Map) -> FrameResult:
    probability = result.probability + resize(change, result.probability.shape[:2])
    return replace(result, probability=np.clip(probability, 0, 1))


def carry(values: Array, flow: Flow) -> Array:
    """*values* (h,w) or (h,w,K) of another frame as seen from this one, whose *flow* (h,w,2) leads there."""
    x, y = _grid(flow)
    carried: Array = cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
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
