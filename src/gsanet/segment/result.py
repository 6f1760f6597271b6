"""What the engine says about one frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import THRESHOLD, object_mask
from gsanet.video.resize import resize


class Seen(NamedTuple):
    """One object in one frame."""

    id: int
    """Of the object, the same in all frames of a shot, from 1."""
    area: int
    """Pixels."""
    box: tuple[int, int, int, int]
    """x, y, width, height in pixels."""
    picked: bool = True
    """Whether it is one of those that were asked for."""


@dataclass
class FrameResult:
    """One segmented frame."""

    index: int
    """From 0."""
    time: float
    """Seconds since the first frame."""
    name: str
    """``00042``, or the file's own name where frames are files."""
    picture: NDArray[np.uint8] | None
    """:attr:`image`, if it was wanted."""
    map: NDArray[np.float32]
    """The probability at the size at which it was computed, (h,w): all that there is to know."""
    drawn: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    """:attr:`flow`, or what draws it for whoever asks."""
    slots: dict[str, NDArray[np.float32]]
    """Slot maps by name (:meth:`gsanet.model.GSANetOutput.slot_maps`), each (h/16,w/16); empty unless asked for."""
    size: tuple[int, int] | None = None
    """(H,W) of the frame; that of the map if None."""
    ids: NDArray[np.uint16] | None = None
    """For each pixel the number of its object, 0 for none, (H,W); None unless objects are told apart
    (:attr:`gsanet.segment.options.Options.object`)."""
    objects: tuple[Seen, ...] = ()
    """All objects of the frame, also those that were not asked for; empty unless objects are told apart."""
    shot: int = 0
    """Which shot of the clip the frame is in, from 0."""
    threshold: float = THRESHOLD
    """A pixel whose probability is above this is in the mask."""

    @property
    def image(self) -> NDArray[np.uint8]:
        """The frame, RGB (H,W,3).

        Raises:
            GsanetError: it was not to be kept (``images=False``).
        """
        if self.picture is None:
            raise GsanetError("results have no images here: segment with images=True to have them")
        return self.picture

    @cached_property
    def flow(self) -> NDArray[np.uint8]:
        """The flow picture of the whole frame, (h,w,3) of the network's size."""
        return self.drawn() if callable(self.drawn) else self.drawn

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """That a pixel belongs to the prominent object, (H,W)."""
        return self._enlarged()

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The object, (H,W)."""
        # What is not asked for is not kept: of an 8K frame the probability is 130 MB.
        return object_mask(self._enlarged(), self.threshold)

    def _enlarged(self) -> NDArray[np.float32]:
        return self.map if self.size is None else resize(self.map, self.size)
