"""Clips that are in memory already, and frames that arrive one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame
from gsanet.video.objects import picture_of


class ListClip(Clip):
    """A list of frames, each whatever :func:`gsanet.video.objects.picture_of` takes, known as a whole.

    Raises:
        GsanetError: there are no frames, or the first is no picture.
    """

    def __init__(
        self, frames: Sequence[object] | NDArray[Any], name: str = "list", fps: Fraction = STILLS_PER_SECOND
    ) -> None:
        if len(frames) == 0:
            raise GsanetError("there are no frames: the list is empty")
        first = picture_of(frames[0], 0)
        super().__init__(name, None, first.shape[1], first.shape[0], fps)
        self._frames = frames

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(len(self._frames)))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`; only these are converted."""
        for index in sorted(set(indices)):
            if 0 <= index < len(self._frames):
                image = picture_of(self._frames[index], index)
                self.check_size(image, index)
                yield Frame(index, float(index / self.fps), f"{index:05d}", np.ascontiguousarray(image))


class ArrayClip(ListClip):
    """Frames in an array, uint8 RGB (T,H,W,3), which is not copied.

    Raises:
        GsanetError: another shape or type, or no frames.
    """

    def __init__(self, frames: NDArray[Any], name: str = "array", fps: Fraction = STILLS_PER_SECOND) -> None:
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise GsanetError(f"frames must be uint8 RGB of shape (T,H,W,3), got {frames.dtype} {frames.shape}")
        if len(frames) == 0:
            raise GsanetError("there are no frames in the array, it is (0,H,W,3)")
        super().__init__(frames, name, fps)


class LiveClip(Clip):
    """Frames from any iterable, a camera say: they come once, their number is unknown, and none can be fetched ahead.

    Args:
        frames: what :func:`gsanet.video.objects.picture_of` takes; the first is taken at once. They are copied: who
            hands them out may fill the same array again.

    Raises:
        GsanetError: there is no first frame, or it is no picture.
    """

    live = True

    def __init__(self, frames: Iterable[object], name: str = "live", fps: Fraction = STILLS_PER_SECOND) -> None:
        rest = iter(frames)
        first = next(rest, None)
        if first is None:
            raise GsanetError("there are no frames: the iterable ended at once")
        image = picture_of(first, 0).copy()
        super().__init__(name, None, image.shape[1], image.shape[0], fps)
        self._rest: Iterator[object] | None = chain((image,), rest)

    @property
    def length(self) -> None:
        """Not known."""
        return None

    def __iter__(self) -> Iterator[Frame]:
        frames, self._rest = self._rest, None
        if frames is None:
            raise GsanetError("these frames have been taken already: an iterator can be read only once")
        for index, one in enumerate(frames):
            image = picture_of(one, index)
            self.check_size(image, index)
            yield Frame(index, float(index / self.fps), f"{index:05d}", image.copy())

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Nothing can be fetched."""
        return iter(())


class PushedClip(Clip):
    """Frames that are handed in one by one; each can be taken once.

    Args:
        height, width: of every frame.
    """

    live = True

    def __init__(self, height: int, width: int, fps: Fraction = STILLS_PER_SECOND) -> None:
        super().__init__("live", None, width, height, fps)
        self._waiting: deque[Frame] = deque()
        self._count = 0
        self._last = -1.0

    @property
    def length(self) -> None:
        """Not known."""
        return None

    def push(self, image: object, time: float | None = None) -> None:
        """Hand the next frame in.

        Args:
            image: uint8 RGB (H,W,3). Is copied: cameras fill the same array again.
            time: seconds since the first frame, later than the last; one period after it if None.

        Raises:
            GsanetError: it is no such picture, of another size, or earlier than the last.
        """
        image = picture_of(image, self._count)
        self.check_size(image, self._count)
        if time is None:
            time = 0.0 if self._last < 0 else self._last + float(1 / self.fps)
        if time <= self._last:
            raise GsanetError(f"frame {self._count} is of {time:g} s, the one before of {self._last:g} s: time runs on")
        self._waiting.append(Frame(self._count, time, f"{self._count:05d}", image.copy()))
        self._count, self._last = self._count + 1, time

    def __iter__(self) -> Iterator[Frame]:
        while self._waiting:
            yield self._waiting.popleft()

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Nothing can be fetched."""
        return iter(())
