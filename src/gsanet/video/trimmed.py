"""A part of a clip: from one time to another, and of that every N-th frame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.video.clip import Clip, Frame

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)")

_ROUNDED = 0.0005
"""Seconds. Players show milliseconds: a frame at 1.0010003 s is the one that is called 1.001."""


@dataclass(frozen=True)
class Span:
    """Which frames of a clip are wanted.

    Raises:
        GsanetError: a time is negative, the end is not after the start, or *every* is below 1.
    """

    start: float = 0.0
    """Seconds after the clip's first frame; the first frame at or after that time is the first that is wanted."""
    end: float | None = None
    """Seconds; the frame at that time is not wanted. None is the clip's end."""
    every: int = 1
    """Of the frames between, the first and then each N-th."""

    def __post_init__(self) -> None:
        if self.start < 0:
            raise GsanetError(f"the start of a clip cannot be before its first frame, got {self.start:g} s")
        if self.end is not None and self.end <= self.start:
            raise GsanetError(f"the end ({self.end:g} s) must come after the start ({self.start:g} s)")
        if self.every < 1:
            raise GsanetError(f"every must be at least 1 (all frames), got {self.every}")

    def __bool__(self) -> bool:
        return self != Span()

    def to_dict(self) -> dict[str, Any]:
        """For a summary."""
        return {"start": self.start, "end": self.end, "every": self.every}


def seconds(time: str | float) -> float:
    """A time as people write it: ``12.5``, ``1:02.5`` (minutes), ``0:01:02`` (hours); a number as it is.

    Raises:
        GsanetError: it is none of these.
    """
    if not isinstance(time, str):
        return float(time)
    match = _CLOCK.fullmatch(time.strip())
    if match is None:
        raise GsanetError(f"a time is in seconds (12.5) or on the clock (1:02.5, 0:01:02), not {time!r}")
    hours, minutes, rest = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


class TrimmedClip(Clip):
    """Span of a clip. Frames are counted anew from 0, but keep the names and times that they have in the whole clip:
    the mask of frame 300 is called 00300.

    Args:
        clip: any. Of one whose frames can be fetched by number, those before the start are not decoded.

    Raises:
        GsanetError: there is no frame in this part.
    """

    def __init__(self, clip: Clip, part: Span) -> None:
        # Whatever else is known of the clip holds for its part.
        vars(self).update({name: value for name, value in vars(clip).items() if not name.startswith("_")})
        self.fps = clip.fps / part.every
        self.live = clip.live
        self._clip, self._part = clip, part
        self._numbers: range | None = None
        length = None if clip.live else clip.length
        if length is not None:
            first = _first_from(clip, length, part.start)
            last = length if part.end is None else _first_from(clip, length, part.end)
            self._numbers = range(first, last, part.every)
            if not self._numbers:
                raise self._empty()

    @property
    def length(self) -> int | None:
        """Number of frames in the part; None where that is known only at the end."""
        return None if self._numbers is None else len(self._numbers)

    @property
    def begins(self) -> float:
        """Time of the first frame of the part in the whole clip, in seconds; of what comes frame by frame the least."""
        first = None if self._numbers is None else next(self._clip.frames_at([self._numbers.start]), None)
        return self._part.start if first is None else first.time

    def __iter__(self) -> Iterator[Frame]:
        if self._numbers is None:
            yield from self._as_they_come()
        elif self._numbers.start == 0:
            # From its first frame the clip itself says what is wrong with it.
            yield from self._renumbered(self._clip)
        else:
            yield from self._renumbered(self._clip.frames_at(self._numbers))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`, counted within the part."""
        if self._numbers is None:
            return iter(())
        wanted = [self._numbers[i] for i in set(indices) if 0 <= i < len(self._numbers)]
        return self._renumbered(self._clip.frames_at(wanted))

    def _renumbered(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        numbers: Sequence[int] = self._numbers or range(0)
        last = numbers[-1] if numbers else -1
        for frame in frames:
            if frame.index in numbers:
                yield Frame(numbers.index(frame.index), frame.time, frame.name, frame.image)
            if frame.index >= last:
                return

    def _as_they_come(self) -> Iterator[Frame]:
        seen = 0
        for frame in self._clip:
            if self._part.end is not None and frame.time >= self._part.end - _ROUNDED:
                break
            if frame.time < self._part.start - _ROUNDED:
                continue
            if seen % self._part.every == 0:
                yield Frame(seen // self._part.every, frame.time, frame.name, frame.image)
            seen += 1
        if not seen:
            raise self._empty()

    def _empty(self) -> GsanetError:
        part, whose = self._part, self.path or self.name
        until = "its end" if part.end is None else f"{part.end:g} s"
        return GsanetError(f"{whose} has no frame from {part.start:g} s to {until}: {_extent(self._clip)}")


def _first_from(clip: Clip, length: int, time: float) -> int:
    """Number of the first frame at *time* or later; *length* if there is none.

    The frame rate leads to it at once in most clips; in others halving does.
    """
    low, high = 0, length
    guess = round(time * clip.fps)
    while low < high:
        guess = min(max(guess, low), high - 1)
        for frame in clip.frames_at({max(low, guess - 1), guess}):
            if frame.time < time - _ROUNDED:
                low = max(low, frame.index + 1)
            else:
                high = min(high, frame.index)
        if low <= guess < high:
            high = guess  # this frame cannot be read, nor those after it
        guess = (low + high) // 2
    return low


def _extent(clip: Clip) -> str:
    length = None if clip.live else clip.length
    last = next(clip.frames_at([length - 1]), None) if length else None
    return "it ended before" if last is None else f"its last frame is at {last.time:.3f} s"
