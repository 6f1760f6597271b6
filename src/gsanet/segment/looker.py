"""What shows frames to the network: as a whole, and closer where their object is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gsanet.runtime.interface import Runtime, Timer
from gsanet.segment.found import Again, Computed, First, Found
from gsanet.segment.fovea import SHARE, Box, Closer, canvas, closer_pictures, closer_size, goes_on, put_in
from gsanet.segment.keyframes import Stretch, settle
from gsanet.segment.options import View
from gsanet.segment.pictures import Prepared
from gsanet.segment.references import Known
from gsanet.segment.views import average_views, largest_size

Map = NDArray[np.float32]
Sighted = tuple[First, Box | None]
"""A frame after its first look, and where to look closer at it."""


class Looker:
    """Shows frames of a clip to the network.

    Args:
        views: of each frame.
        slots: whether slot maps of all frames are wanted.
        twice: whether frames may be looked at once more after the first look.
        closer: (h,w) of frames for a closer look; None if there is to be none.
        share: of the whole frame's pixels that a closer look has.
        overlap: as :attr:`gsanet.segment.options.Options.keyframe_overlap`.
        timer: of the stages ``prepare``, ``network``, ``resize`` and ``smooth``.
    """

    def __init__(
        self,
        runtime: Runtime,
        views: Sequence[View],
        *,
        slots: bool,
        twice: bool,
        closer: tuple[int, int] | None,
        share: float,
        overlap: float,
        timer: Timer,
    ) -> None:
        self._runtime, self._views, self._slots, self._timer = runtime, views, slots, timer
        self._twice, self._closer, self._share, self._overlap = twice, closer, share, overlap

    def first(self, group: Sequence[tuple[Prepared, bool]], references: Known) -> list[First]:
        """One batch: the first look at those frames that are to be seen as a whole, and the slot maps of all."""
        shown = [one for one, opens in group if opens or self._slots]
        probabilities, slots = self._whole(shown, references)
        found: list[First] = []
        looked = iter(zip(probabilities, slots, strict=True))
        for one, opens in group:
            probability, maps = next(looked) if opens or self._slots else (None, {})
            again = Again(one, references, None if opens else probability) if self._twice else None
            all_but = Computed(one.frame, one.drawn(self._views[0]), maps, one.repeats, one.link, again)
            found.append((all_but, probability if opens else None, one.link))
        return found

    def _whole(self, group: Sequence[Prepared], references: Known) -> tuple[list[Map], list[dict[str, Map]]]:
        """Every view of some frames through the network: for each the average, and its slot maps."""
        if not group:
            return [], []
        with self._timer("prepare"):
            shown = [[one.picture(view) for one in group] for view in self._views]
        known = references()
        with self._timer("network"):
            by_view = [self._runtime(pictures, known[k], self._slots and k == 0) for k, pictures in enumerate(shown)]
        with self._timer("resize"):
            maps = [
                average_views([one.probability for one in answers], self._views)
                for answers in zip(*by_view, strict=True)
            ]
        return maps, [answer.slots for answer in by_view[0]]

    def settled(self, stretch: Stretch[Sighted]) -> list[Found]:
        """Frames between two key frames, and the second of these."""

        def look(placed: Sighted) -> tuple[Computed, Map]:
            computed, map, _ = self.again(*placed)
            return computed, map

        def told(placed: Sighted) -> Computed:
            (computed, _, _), _ = placed
            return computed._replace(again=None)

        return [(one, map, one.link) for one, map in settle(stretch, look, told, self._overlap, self._timer)]

    def again(self, first: First, box: Box | None) -> Found:
        """A frame with what its views show in *box*.

        That is averaged with the map of the *whole* frame where there is one, and where the object goes on beyond the
        box. Where there is no box it is the whole frame.
        """
        computed, whole, link = first
        assert computed.again is not None
        prepared, references, seen = computed.again
        computed = computed._replace(again=None)
        part = None
        if box is not None:
            assert self._closer is not None
            box = box.snapped(self._closer)
            part = self._part(prepared.closer(self._closer), box, references)
        if whole is None and (box is None or part is None or goes_on(part, box)):
            whole = self._whole([prepared], references)[0][0] if seen is None else seen
        if box is None or part is None:
            assert whole is not None
            return computed, whole, link
        with self._timer("resize"):
            below = np.zeros(largest_size(self._views), np.float32) if whole is None else whole
            map = canvas(below, part, box, computed.frame.size)
            put_in(map, part, box, 1.0 if whole is None else SHARE)
        return computed, map, link

    def _part(self, closer: Closer, box: Box, references: Known) -> Map:
        """What the views of a frame show in *box*, which is of whole pixels."""
        shape = (closer.image.shape[0], closer.image.shape[1])
        views = self._views
        if not self._runtime.config.square:
            views = [view._replace(size=closer_size(box, shape, view.size, self._share)) for view in views]
        with self._timer("prepare"):
            pictures = [closer_pictures(closer, box, *view) for view in views]
        known = references()
        with self._timer("network"):
            answers = [self._runtime([shown], known[k])[0] for k, shown in enumerate(pictures)]
        with self._timer("resize"):
            return average_views([answer.probability for answer in answers], views)
