"""Slow motion is followed over several frames, so that it stands out of the noise of the camera and the codec.

Flow of something that moves by a tenth of a pixel from one frame to the next is mostly noise. Over four frames it is
four times as far, and the noise of four flows is twice that of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping

import numpy as np

from gsanet.flow.colour import Flow
from gsanet.segment.links import carry
from gsanet.segment.options import Way
from gsanet.segment.pictures import Prepared

MOST = 4
"""Frames that motion is followed over, at most."""

SLOW = 0.009
"""Of the longer side: where all but a hundredth of the pixels move less than this, motion is slow. It is four pixels of
448 (docs/experiments.md, "Slow motion")."""

_STEP = 8
"""One of so many rows and columns is asked how fast it is."""


def followed(frames: Iterable[Prepared], causal: bool) -> Generator[Prepared, None, None]:
    """Frames whose slow flow leads further: to later frames, or from earlier ones.

    A frame that moves fast enough is left as it is, and nothing leads into another shot. A slow one waits for up to
    :data:`MOST` frames to come if it has forward flow, and later ones wait behind it.

    Args:
        frames: all of a clip or a part of it, in order, with their links and with computed flow, in pixels.
        causal: all flow comes from the frames before, and no frame waits.
    """
    waiting: deque[_Followed] = deque()
    past: deque[Mapping[Way, Flow]] = deque(maxlen=MOST - 1)
    for one in frames:
        if one.link is None:  # a cut: nothing leads across
            yield from (held.frame for held in waiting)
            waiting.clear()
            past.clear()
        elif waiting:
            # Only now it is known that the flow of the frame before stays in the shot.
            *earlier, last = waiting
            for held in earlier:
                held.lead_on(last.one.flows)
        new = _Followed(one, causal)
        # What shows a picture once more has the flow of the first time already.
        for flows in reversed([*past][:-1] if one.again else past):
            new.come_from(flows)
        if one.link is not None and not one.again:  # the first of a shot has no flow back that means anything
            past.append(one.flows)
        waiting.append(new)
        while waiting and waiting[0].arrived:
            yield waiting.popleft().frame
    yield from (held.frame for held in waiting)


class _Followed:
    """A frame whose flows grow."""

    def __init__(self, one: Prepared, causal: bool) -> None:
        self.one = one
        """As it was."""
        self._longer = dict(one.flows)
        slow = {way for way, flow in one.flows.items() if _is_slow(flow)}
        self._to = set() if causal else {way for way in slow if way.direction == "forward"}
        """Slow ways that lead to later frames,"""
        self._from = slow - self._to
        """and that come from earlier ones."""
        self._frames = 1

    @property
    def arrived(self) -> bool:
        """Whether no later frame would change it."""
        return self._frames == MOST or not self._to

    @property
    def frame(self) -> Prepared:
        """The frame with the flows that it has now."""
        return self.one._replace(flows=self._longer)

    def lead_on(self, flows: Mapping[Way, Flow]) -> None:
        """On to one more frame, with the flows of the last one that was reached."""
        self._frames += 1
        self._grow(self._to, flows, 1)

    def come_from(self, flows: Mapping[Way, Flow]) -> None:
        """From one frame more, with the flows of the first one that was reached."""
        self._grow(self._from, flows, -1)

    def _grow(self, ways: set[Way], flows: Mapping[Way, Flow], sign: int) -> None:
        # Flow from earlier frames is turned round, so that it says where things go.
        for way in list(ways):
            longer = self._longer[way]
            self._longer[way] = longer = longer + carry(flows[way], np.float32(sign) * longer)
            if not _is_slow(longer):
                ways.remove(way)


def _is_slow(flow: Flow) -> bool:
    lengths = np.square(flow[::_STEP, ::_STEP]).sum(-1)
    return bool(np.percentile(lengths, 99) < (SLOW * max(flow.shape[:2])) ** 2)
