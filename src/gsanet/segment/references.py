"""A clip's reference frames: which they are, and what the network keeps of them (docs/method.md, sections 1 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from threading import Lock
from typing import TypeAlias

from gsanet.runtime.interface import Pictures, Reference
from gsanet.segment.motion import Motion
from gsanet.segment.options import View
from gsanet.segment.pictures import Prepared, prepared_frames
from gsanet.video.clip import Clip

Features: TypeAlias = Sequence[Sequence[Reference]]
"""For each view, one for each reference."""

Known = Callable[[], Features]
"""Returns what the network keeps of the references."""

Encode = Callable[[Iterable[Pictures]], list[Reference]]
"""R pictures of one view -> for each what the network keeps of it. They may be made one by one while it is at work."""


def reference_indices(length: int, count: int) -> list[int]:
    """Evenly spread over the clip: i * floor(L/R). A clip shorter than R uses each of its frames once."""
    if length <= count:
        return list(range(length))
    return [i * (length // count) for i in range(count)]


class ReferenceBank:
    """All the network keeps of the references, for each view: encoded once, however long the clip is.

    This one does not change; :class:`OnlineBank` grows with the clip.

    Args:
        known: returns it, and waits for it where it is not there yet.
    """

    def __init__(self, known: Known) -> None:
        self._known = known

    def known(self) -> Known:
        """References of the frames that are looked at from now on."""
        return self._known

    def wants(self, index: int) -> bool:
        """Whether frame *index* is to be shown to :meth:`add` before it is segmented."""
        return False

    def add(self, index: int, views: Sequence[Pictures]) -> None:
        """Take frame *index* in, as its views show it."""
        raise NotImplementedError("the references of a whole clip are chosen beforehand")


class OnlineBank(ReferenceBank):
    """References from the past only, evenly spread over it whatever its length.

    Every *stride*-th frame is taken in; when a frame comes for which there is no place, every second one is
    given up and the stride doubles. So the number of frames encoded grows with the logarithm of the clip's
    length, no frame is kept, and the bank of frame t depends on t alone.

    Attributes:
        indices: which frames they are.
        features: for each view, one for each of these.
    """

    def __init__(self, count: int, encode: Encode) -> None:
        self.indices: list[int] = []
        self.features: list[list[Reference]] = []
        self._count = count
        self._encode = encode
        self._stride = 1

    def known(self) -> Known:
        """As :meth:`ReferenceBank.known`; what comes later is not among them."""
        features = list(self.features)
        return lambda: features

    def wants(self, index: int) -> bool:
        """Frames 0, stride, 2 * stride and so on."""
        return index % self._stride == 0

    def add(self, index: int, views: Sequence[Pictures]) -> None:
        """Encode one more reference, and thin the others out if there are too many."""
        if len(self.indices) == self._count:
            self._stride *= 2
            keep = [i for i, number in enumerate(self.indices) if number % self._stride == 0]
            self.indices = [self.indices[i] for i in keep]
            self.features = [[view[i] for i in keep] for view in self.features]
            if index % self._stride:
                return
        new = [self._encode([pictures]) for pictures in views]
        self.features = [[*old, *one] for old, one in zip(self.features or [[]] * len(new), new, strict=True)]
        self.indices.append(index)


def choose_references(
    clip: Clip,
    views: Sequence[View],
    motion: Motion,
    count: int,
    encode: Encode,
    online: bool = False,
    later: bool = False,
) -> ReferenceBank:
    """The bank for a clip: fixed where its frames can be fetched by number, else online.

    A reference's flow comes from its own neighbours, which are fetched with it.

    Args:
        online: from the past alone.
        later: they are not read before somebody asks for them, who may be in any thread.
    """
    length = None if online or clip.live else clip.length
    if not length:
        return OnlineBank(count, encode)
    if length == 1:
        return ReferenceBank(own_references(views))
    indices = reference_indices(length, count)
    wanted = {near for index in indices for near in _with_neighbours(index, length, views, motion)}

    def encoded() -> Features:
        chosen: list[Prepared] = []

        def coming() -> Iterator[Prepared]:
            for one in prepared_frames(clip.frames_at(wanted), views, motion, only=indices):
                chosen.append(one)
                yield one

        # The first view is encoded while the frames are still being read.
        first = encode(one.picture(views[0]) for one in coming())
        return [first, *(encode([one.picture(view) for one in chosen]) for view in views[1:])]

    once, lock = cache(encoded), Lock()

    def known() -> Features:
        with lock:
            return once()

    if not later:
        known()
    return ReferenceBank(known)


def own_references(views: Sequence[View]) -> Known:
    """Of frames that have no others: each is its own, as a picture is."""
    return lambda: [[] for _ in views]


def _with_neighbours(index: int, length: int, views: Sequence[View], motion: Motion) -> set[int]:
    """The frame and those its flow may be computed from; no more, for each may have to be sought in the file.

    On one side three: the nearer ones may be the same picture again.
    """
    wanted = {index}
    if motion.neighbours and length > 1:
        for step in {1 if view.way.direction == "forward" else -1 for view in views}:
            side = step if 0 <= index + step < length else -step
            wanted |= {near for near in (index + side * n for n in (1, 2, 3)) if 0 <= near < length}
    return wanted
