"""What a clip's results say about it as a whole: its shots and its objects, for the summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gsanet.segment.result import FrameResult, Seen


@dataclass
class _Object:
    """One object, as far as it has been seen."""

    first: FrameOf
    last: FrameOf
    largest: FrameOf
    box: tuple[int, int, int, int]
    picked: bool
    frames: int = 0
    most: int = 0
    share: float = 0.0

    def see(self, seen: Seen, frame: FrameOf, pixels: int) -> None:
        self.last, self.picked = frame, self.picked or seen.picked
        self.frames += 1
        self.share += seen.area / pixels
        if seen.area > self.most:
            self.most, self.largest, self.box = seen.area, frame, seen.box


@dataclass(frozen=True)
class FrameOf:
    """Which frame."""

    name: str
    time: float


class ClipFacts:
    """Collects them frame by frame; no picture is kept."""

    def __init__(self) -> None:
        self._objects: dict[int, _Object] = {}
        self._shots: list[tuple[FrameOf, FrameOf]] = []
        self._told_apart = False

    def add(self, result: FrameResult) -> None:
        """The next frame."""
        frame = FrameOf(result.name, round(result.time, 3))
        if result.shot == len(self._shots):
            self._shots.append((frame, frame))
        del self._shots[result.shot + 1 :]  # after a flash the shot before it goes on
        self._shots[-1] = (self._shots[-1][0], frame)
        self._told_apart = self._told_apart or result.ids is not None
        for seen in result.objects:
            known = self._objects.setdefault(seen.id, _Object(frame, frame, frame, seen.box, False))
            known.see(seen, frame, result.mask.size)

    def summary(self) -> dict[str, Any]:
        """``shots`` and, where objects are told apart, ``ids``: plain types, ready for JSON."""
        shots = [
            {"first_frame": first.name, "last_frame": last.name, "start": first.time, "end": last.time}
            for first, last in self._shots
        ]
        ids = [
            {
                "id": id,
                "picked": one.picked,
                "frames": one.frames,
                "first_frame": one.first.name,
                "first_time": one.first.time,
                "last_frame": one.last.name,
                "last_time": one.last.time,
                "area": round(one.share / one.frames, 6),  # of the frame, mean of those where it is seen
                "box": list(one.box),  # x, y, width, height where it is largest
                "box_frame": one.largest.name,
                "box_time": one.largest.time,
            }
            for id, one in sorted(self._objects.items())
        ]
        return {"shots": shots, **({"ids": ids} if self._told_apart else {})}
