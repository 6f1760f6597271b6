"""Clips that are in memory already, and frames that arrive one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame, Image


class ArrayClip(Clip):
    """Frames in an array, uint8 RGB (T,H,W,3).

    Raises:
        GsanetError: another shape or type, or no frames.
    """

    def __init__(self, frames: NDArray[Any], name: str = "array", fps: Fraction = STILLS_PER_SECOND) -> None:
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise GsanetError(f"frames must be uint8 RGB of shape (T,H,W,3), got {frames.dtype} {frames.shape}")
        if len(frames) == 0:
            raise GsanetError("there are no frames in the array, it is (0,H,W,3)")
        super().__init__(name, None, frames.shape[2], frames.shape[1], fps)
        self._frames = frames

    @property
    def length(self) -> int:
        """T."""
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(len(self._frames)))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`, without a copy."""
        for index in sorted(set(indices)):
            if 0 <= index < len(self._frames):
                yield Frame(index, float(index / self.fps), f"{index:05d}", np.ascontiguousarray(self._frames[index]))


class LiveClip(Clip):
    """Frames from any iterable, a camera say: they come once, their number is unknown, and none can be fetched ahead.

    Args:
        frames: uint8 RGB (H,W,3) each; the first is taken at once.

    Raises:
        GsanetError: there is no first frame, or it is no picture.
    """

    live = True

    def __init__(self, frames: Iterable[Image], name: str = "live", fps: Fraction = STILLS_PER_SECOND) -> None:
        rest = iter(frames)
        first = next(rest, None)
        if first is None:
            raise GsanetError("there are no frames: the iterable ended at once")
        _check(first, 0)
        super().__init__(name, None, first.shape[1], first.shape[0], fps)
        self._rest: Iterator[Image] | None = chain((first,), rest)

    @property
    def length(self) -> None:
        """Not known."""
        return None

    def __iter__(self) -> Iterator[Frame]:
        frames, self._rest = self._rest, None
        if frames is None:
            raise GsanetError("these frames have been taken already: an iterator can be read only once")
        for index, image in enumerate(frames):
            _check(image, index)
            self.check_size(image, index)
            yield Frame(index, float(index / self.fps), f"{index:05d}", image)

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Nothing can be fetched."""
        return iter(())


def _check(image: Image, index: int) -> None:
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise GsanetError(f"frame {index} must be a uint8 RGB array of shape (H,W,3), got {what}")
