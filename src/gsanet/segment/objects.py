"""The objects that are meant: results with everything that was found -> results with those that were asked for.

Objects are told apart and followed by :mod:`gsanet.segment.tracks`. A choice only leaves out: no pixel becomes object
that was not before. Where the choice depends on what comes later in the shot (``largest``, a hint at a later time),
the shot's results wait on disk (:mod:`gsanet.segment.spool`), so that it holds for the whole shot. Online nothing
waits: a choice holds from the moment at which it is known, and ``largest`` is the largest so far. Numbers end with the
shot, so a hint says nothing about other shots, and nothing is kept of them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.segment.choice import ALL, LARGEST, Choice, Hint
from gsanet.segment.links import Link
from gsanet.segment.pieces import nearest_label
from gsanet.segment.result import FrameResult, Seen
from gsanet.segment.spool import Spool
from gsanet.segment.threads import UntilBroken
from gsanet.segment.tracks import Tracker
from gsanet.video.clip import Clip

PATIENCE = 1.0
"""Seconds after the time of a hint within which something must be found there."""

_NEAR = 0.05
"""Of the long side: so far beside the object may be pointed."""

_ROUNDED = 0.0005
"""Seconds, as players show them."""


class Linked(NamedTuple):
    """A result and what it has to do with the one before."""

    result: FrameResult
    """With all that was found."""
    link: Link | None = None
    """None for a repeat of the same picture, and where a shot begins."""
    new: bool = False
    """A shot begins."""
    back: bool = False
    """After a flash: the shot goes on that was there before the last one began."""


def chosen(
    results: Iterable[Linked], choice: Choice, clip: Clip, *, size: int, online: bool
) -> Generator[FrameResult, None, None]:
    """The same results with :attr:`FrameResult.ids` and :attr:`FrameResult.objects`, and of their masks what is meant.

    Args:
        results: in order.
        size: long side of what the links lead between, at most.
        online: nothing waits for what comes.

    Raises:
        GsanetError: where a hint points nothing was found, or no object has one of the numbers that are asked for. Of a
            live clip it is a note.
    """
    tracker, picker = Tracker(size), _Picker(choice, clip, online)
    coming = UntilBroken(results)
    with Spool(clip) as waiting:
        for result, link, new, back in coming:
            if new or back:
                yield from map(picker.pick, waiting.take())
                picker.begin_shot(back)
            result = replace(result, ids=tracker(result.mask, result.image, result.time, link, new, back))
            result = replace(result, objects=_objects(result))
            picker.look(result)
            if not picker.settled:
                waiting.put(result)
                continue
            yield from map(picker.pick, waiting.take())
            yield picker.pick(result)
        yield from map(picker.pick, waiting.take())
    coming.settle()
    picker.finish()


class _Picker:
    """Learns from each result which objects are meant."""

    def __init__(self, choice: Choice, clip: Clip, online: bool) -> None:
        self._choice, self._clip, self._online = choice, clip, online
        self._open = list(choice.hints)
        self._wanted: set[int] = set(choice.ids)
        self._areas: dict[int, int] = {}
        self._left: tuple[dict[int, int], set[int]] | None = None
        self._known: set[int] = set()
        self._last: FrameResult | None = None
        self._first: float | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing that comes in this shot changes what is meant."""
        return self._online or not (self._open or self._choice.object == LARGEST)

    def begin_shot(self, back: bool) -> None:
        """Numbers of before are not seen again, but after a flash those of before it."""
        left = self._left
        self._left = None if back else (self._areas, self._wanted)
        if back and left is not None:
            self._areas, self._wanted = left
        else:
            self._areas, self._wanted = {}, set(self._choice.ids)

    def look(self, result: FrameResult) -> None:
        """Learn from the next result, which has all that was found."""
        self._last = result
        self._first = result.time if self._first is None else self._first
        for one in result.objects:
            self._known.add(one.id)
            self._areas[one.id] = self._areas.get(one.id, 0) + one.area
        if self._choice.object == LARGEST and self._areas:
            self._wanted = {max(self._areas, key=lambda id: self._areas[id])}
        for hint in list(self._open):
            time = self._first if hint.time is None else hint.time
            if result.time < time - _ROUNDED:
                continue
            late = result.time > time + PATIENCE
            meant = set() if late else _pointed_at(hint, result)
            self._wanted |= meant
            if meant or late:
                self._open.remove(hint)
            if late:
                self._complain(_nothing_at(hint, result))

    def pick(self, result: FrameResult) -> FrameResult:
        """Of *result* what is meant, as far as it is known."""
        return result if self._choice.object == ALL else picked(result, self._wanted)

    def finish(self) -> None:
        """After the last result: whatever was asked for and never came."""
        last = self._last
        for hint in self._open:
            if last is None or (hint.time or 0.0) > last.time:
                ends = 0.0 if last is None else last.time
                self._complain(f"the hint {hint} was never reached: the last frame is at {ends:.2f} s")
            else:
                self._complain(_nothing_at(hint, last))
        missing = sorted(self._choice.ids - self._known)
        if missing and self._known:
            line = f"there is no object {', '.join(map(str, missing))}: objects are numbered 1 to {max(self._known)}"
            if len(missing) == len(self._choice.ids):
                self._complain(line)
            else:
                self._clip.note(line)

    def _complain(self, problem: str) -> None:
        if not self._clip.live:
            raise GsanetError(f"{self._clip.path or self._clip.name}: {problem}")
        self._clip.note(problem)


def _nothing_at(hint: Hint, result: FrameResult) -> str:
    there = ", ".join(f"{one.id} at {','.join(map(str, one.box))}" for one in result.objects)
    return (
        f"nothing was found where the hint {hint} points; at {result.time:.2f} s there is "
        f"{f'object {there} (x,y,width,height)' if there else 'no object'}"
    )


def picked(result: FrameResult, ids: Collection[int]) -> FrameResult:
    """*result* with these objects only. What lies nearer to another object than to one of them is not theirs either."""
    assert result.ids is not None
    found = tuple(one._replace(picked=one.id in ids) for one in result.objects)
    if all(one.picked for one in found):
        return result
    table = np.zeros(max(one.id for one in found) + 1, np.bool_)
    table[[one.id for one in found if one.picked]] = True
    theirs = table[nearest_label(result.ids)]
    return replace(
        result,
        map=np.where(theirs, result.probability, np.float32(0)),
        size=None,
        ids=np.where(table[result.ids], result.ids, np.uint16(0)),
        objects=found,
    )


def _objects(result: FrameResult) -> tuple[Seen, ...]:
    assert result.ids is not None
    found = []
    areas = np.bincount(result.ids.ravel())
    for id in np.flatnonzero(areas[1:]) + 1:
        left, top, width, height = cv2.boundingRect((result.ids == id).view(np.uint8))
        found.append(Seen(int(id), int(areas[id]), (left, top, width, height)))
    return tuple(found)


def _pointed_at(hint: Hint, result: FrameResult) -> set[int]:
    """The objects that a hint means in one frame: under the point, or next to it; mostly inside the box."""
    assert result.ids is not None
    height, width = result.ids.shape
    if hint.width is None or hint.height is None:
        # Whole pixels: 10.7 is in pixel 10.
        x, y = min(int(hint.x), width - 1), min(int(hint.y), height - 1)
        reach = max(1, round(_NEAR * max(height, width)))
        left, top = max(0, x - reach), max(0, y - reach)
        rows, columns = np.nonzero(result.ids[top : y + reach + 1, left : x + reach + 1])
        if not rows.size:
            return set()
        away = np.hypot(rows + top - y, columns + left - x)
        nearest = int(away.argmin())
        if away[nearest] > reach:
            return set()
        return {int(result.ids[rows[nearest] + top, columns[nearest] + left])}
    box = result.ids[int(hint.y) : int(np.ceil(hint.y + hint.height)), int(hint.x) : int(np.ceil(hint.x + hint.width))]
    inside = {one.id: int(np.count_nonzero(box == one.id)) for one in result.objects}
    mostly = {one.id for one in result.objects if 2 * inside[one.id] > one.area}
    most = max(inside, key=lambda id: inside[id], default=0)
    return mostly or ({most} if inside.get(most) else set())
