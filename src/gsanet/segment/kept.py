"""What stays of a frame while the network and the average over time are at it: not its picture, where that is large.

A result comes many frames after its picture was read. Of large frames (above 2560x1440) so many pictures would be most
of the memory, and reading the clip a second time, behind the first, costs less than anything else: two readers hold
what two decoders do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.video.clip import Clip, Frame
from gsanet.video.output_format import HUGE, LARGE

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Kept:
    """A frame without its picture, or with it."""

    index: int
    time: float
    name: str
    size: tuple[int, int]
    """(H,W)"""
    image: Image | None = None
    """RGB (H,W,3), if it waits."""


def keep(frame: Frame, image: bool) -> Kept:
    """What stays of *frame*; its picture if *image* says so."""
    height, width = frame.image.shape[:2]
    return Kept(frame.index, frame.time, frame.name, (height, width), frame.image if image else None)


def waiting(pixels: int, count: int) -> int:
    """How many frames of so many pixels may wait between two stages, where of small ones *count* may: of huge ones not
    even the next."""
    return 0 if pixels > HUGE else 1 if pixels > LARGE else count


@contextmanager
def second_look(clip: Clip) -> Iterator[Callable[[Kept], Image]]:
    """A reader of the pictures that did not wait: it is asked for frames in their order, and goes through the clip once
    more to find them.

    It raises a GsanetError if the clip has changed since.
    """
    frames = iter(clip)
    try:

        def look(kept: Kept) -> Image:
            for frame in frames:
                if frame.index == kept.index:
                    if frame.image.shape[:2] == kept.size:
                        return frame.image
                    break
            raise GsanetError(
                f"{clip.path or clip.name} has changed while it was read: frame {kept.index} is not there"
            )

        yield look
    finally:
        if isinstance(frames, Generator):
            frames.close()
