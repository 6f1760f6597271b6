"""Which of the objects that were found is meant: the options ``object`` and ``hint``, in words and as they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsanet.base.errors import GsanetError
from gsanet.video.trimmed import seconds

ALL, LARGEST = "all", "largest"

_HINT = re.compile(r"(?P<numbers>[^@]+)(@(?P<time>.+))?")
_FORM = "x,y or x,y,width,height in pixels, and @time if it is not for the first frame: 320,180@1.5"
_POINT, _BOX = 2, 4


@dataclass(frozen=True)
class Hint:
    """A place where the object that is meant was seen, in pixels of the frame as it is shown, from the top left."""

    x: float
    y: float
    width: float | None = None
    """None: a point."""
    height: float | None = None
    time: float | None = None
    """Seconds of the clip; None: the first frame that is segmented."""

    def __str__(self) -> str:
        numbers = (self.x, self.y) if self.width is None else (self.x, self.y, self.width, self.height)
        place = ",".join(f"{number:g}" for number in numbers)
        return place if self.time is None else f"{place}@{self.time:g}"


@dataclass(frozen=True)
class Choice:
    """What is asked for, read from the two options."""

    object: str | None = None
    """:data:`ALL`, :data:`LARGEST`, or None if it is said otherwise."""
    ids: frozenset[int] = frozenset()
    hints: tuple[Hint, ...] = ()


def read_choice(object: str | None, hint: str | None) -> Choice | None:
    """The options as they are typed -> what they mean; None if neither is given.

    Args:
        object: ``largest``, ``all``, or numbers of objects separated by commas: ``1,3``.
        hint: a point ``x,y`` or a box ``x,y,width,height``, with ``@time`` or without; several, for several objects,
            separated by spaces.

    Raises:
        GsanetError: it cannot be read so, or both are given.
    """
    if object is not None and hint is not None:
        raise GsanetError("object and hint exclude each other: both say which object is meant")
    if hint is not None:
        hints = tuple(_read_hint(word) for word in hint.split())
        if not hints:
            raise GsanetError(f"a hint is {_FORM}; got nothing")
        return Choice(hints=hints)
    if object is None:
        return None
    word = object.strip().lower()
    if word in (ALL, LARGEST):
        return Choice(word)
    parts = [part.strip() for part in word.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise GsanetError(f"object is largest, all, or numbers of objects such as 1,3; got {object!r}")
    return Choice(ids=frozenset(map(int, parts)))


def _read_hint(word: str) -> Hint:
    match = _HINT.fullmatch(word)
    try:
        numbers = [float(part) for part in match["numbers"].split(",")] if match else []
    except ValueError:
        numbers = []
    if match is None or len(numbers) not in (_POINT, _BOX) or not all(0 <= number < float("inf") for number in numbers):
        raise GsanetError(f"a hint is {_FORM}; got {word!r}")
    if len(numbers) == _BOX and not (numbers[2] and numbers[3]):
        raise GsanetError(f"the box of the hint {word!r} has no area: it is x,y,width,height")
    x, y, width, height = [*numbers, None, None][:_BOX]
    assert x is not None and y is not None
    return Hint(x, y, width, height, None if match["time"] is None else seconds(match["time"]))
