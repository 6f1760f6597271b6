"""A long clip in pieces, on several computers, with the masks of a run in one piece, to the bit.

What takes long is the network, and each of its answers depends on nothing but two pictures and the clip's references.
What hangs together over the clip, the average over time, the files of results, is quick. So workers compute the
network's answers for a piece each, and keep them in a file under a digest of the pictures that the network was shown.
Then one worker runs the whole clip as always, except that its network looks its answers up. An answer that is not
there, as in a still scene across the border of two pieces, is computed once more: what comes out cannot differ.
"""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.runtime.interface import Answer, Pictures, Reference, Runtime, Timer
from gsanet.segment.options import Options
from gsanet.segment.pipeline import Pipeline
from gsanet.segment.references import ReferenceBank, choose_references
from gsanet.video.clip import Clip

BEFORE, AFTER = 48, 8
"""Frames before a piece and after it that are decoded with it. Flow needs one of each; but where pictures are shown
several times, which of them count depends on how many were the same before."""

AROUND = 2
"""So many times the interval between frames that are looked at as a whole is looked at before and after a piece, with
it: that says where to look closer at the piece's own."""

_PROBABILITY = "probability"

_OPEN = 3
"""Files of answers that are open at a time."""


def cut(frames: int, piece: int) -> tuple[range, ...]:
    """Pieces of about *piece* frames, all of one length give or take one."""
    count = max(1, round(frames / piece))
    borders = [frames * i // count for i in range(count + 1)]
    return tuple(range(first, last) for first, last in pairwise(borders))


def references_of(pipeline: Pipeline, runtime: Runtime, clip: Clip) -> tuple[tuple[Reference, ...], ...]:
    """For each view what the network keeps of the references of the whole clip."""
    count = runtime.config.references
    bank = choose_references(clip, pipeline.views, pipeline.motion, count, runtime.encode)
    return tuple(tuple(view) for view in bank.known()())


def compute_piece(
    runtime: Runtime,
    clip: Clip,
    options: Options,
    frames: range,
    references: Sequence[Sequence[Reference]],
    file: Path,
    *,
    slots: bool,
    progress: Callable[[int, int | None], None],
) -> list[str]:
    """Write the network's answers for some frames of a clip to *file*, in memory that does not grow with them.

    Args:
        options: of the segmenter; they say what the network is shown.
        frames: which.
        slots: whether slot maps are wanted too.

    Returns:
        The digests under which they are found.

    Raises:
        GsanetError: a frame cannot be read.
        OSError: the disk is full.
    """
    length = clip.length or frames.stop
    around = AROUND * options.keyframe_interval
    beside = range(max(0, frames.start - around), min(length, frames.stop + around))
    decoded = range(max(0, beside.start - BEFORE), min(length, beside.stop + AFTER))
    done = 0
    progress(0, len(frames))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kept:
        written = _WrittenDown(runtime, references, kept)
        pipeline = Pipeline(written, clip, options, slots=slots, images=False)
        with closing(pipeline.found(clip.frames_at(decoded), ReferenceBank(lambda: references), only=beside)) as found:
            for computed, _, _ in found:
                if computed.frame.index in frames:
                    done += 1
                    progress(done, len(frames))
    progress(len(frames), len(frames))
    return list(written.keys)


def _apart(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The first bytes of all numbers, then the second ones and so on: so they take a third of the space when packed."""
    return np.ascontiguousarray(np.moveaxis(np.ascontiguousarray(values)[..., None].view(np.uint8), -1, 0))


def _together(parts: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Numbers whose bytes were apart."""
    values: NDArray[np.float32] = np.ascontiguousarray(np.moveaxis(parts, 0, -1)).view(np.float32)[..., 0]
    return values


class _Known:
    """A :class:`~gsanet.runtime.interface.Runtime` like another one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.name, self.device, self.precision = runtime.name, runtime.device, runtime.precision
        self.config, self.batch = runtime.config, runtime.batch
        self._lock = threading.Lock()
        self._views: list[Sequence[Reference]] = []
        """For each view its references."""

    @property
    def workers(self) -> int:
        """As :attr:`Runtime.workers`."""
        return self._runtime.workers

    def one_thread(self, others: int) -> None:
        """As :meth:`Runtime.one_thread`."""
        self._runtime.one_thread(others)

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        """As :meth:`Runtime.encode`."""
        return self._runtime.encode(pictures, beside)

    def timed(self, timer: Timer) -> AbstractContextManager[object]:
        """As :meth:`Runtime.timed`."""
        return self._runtime.timed(timer)

    def _view(self, references: Sequence[Reference]) -> int:
        """Number of the view that has these; -1: none."""
        return next((k for k, known in enumerate(self._views) if _same(references, known)), -1)


class _WrittenDown(_Known):
    """Writes every answer into a file.

    Args:
        references: of each view.
    """

    def __init__(self, runtime: Runtime, references: Sequence[Sequence[Reference]], kept: zipfile.ZipFile) -> None:
        super().__init__(runtime)
        self._views, self._kept = list(references), kept
        self.keys: dict[str, None] = {}
        """Digests of what the network was shown."""

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """As :meth:`Runtime.__call__`."""
        answers = [self._runtime([one], references, slots)[0] for one in pictures]
        view = self._view(references)
        for one, answer in zip(pictures, answers, strict=True):
            key = digest(one, view)
            with self._lock:
                # Pictures that were shown before have their answer already.
                if key not in self.keys:
                    self.keys[key] = None
                    with self._kept.open(key, "w") as entry:
                        maps = {_PROBABILITY: answer.probability, **answer.slots}
                        packed: dict[str, Any] = {name: _apart(values) for name, values in maps.items()}
                        np.savez(entry, **packed)
        return answers


def digest(pictures: Pictures, view: int) -> str:
    """The same for the same pictures only, shown with the references of the same view (its number)."""
    whole = hashlib.blake2b(str(view).encode(), digest_size=16)
    for picture in pictures:
        whole.update(str(picture.shape).encode())
        whole.update(picture.tobytes())
    return whole.hexdigest()


def _same(some: Sequence[Reference], others: Sequence[Reference]) -> bool:
    """Whether they are the same objects."""
    return len(some) == len(others) > 0 and all(one is other for one, other in zip(some, others, strict=True))


class LookedUp(_Known):
    """Has most of its answers in files, and computes the others.

    Args:
        runtime: computes what is not there.
        homes: digest of pictures -> number of the piece that has the answer.
        fetch: number of a piece -> its file.

    Attributes:
        computed: answers that were not there.
    """

    def __init__(self, runtime: Runtime, homes: Mapping[str, int], fetch: Callable[[int], Path]) -> None:
        super().__init__(runtime)
        self._homes, self._fetch = homes, fetch
        self.computed = 0
        self._open: OrderedDict[int, zipfile.ZipFile] = OrderedDict()

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        """As :meth:`Runtime.encode`. References are encoded in the order of the views."""
        self._views.append(self._runtime.encode(pictures, beside))
        return list(self._views[-1])

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """As :meth:`Runtime.__call__`."""
        found = []
        view = self._view(references)
        for one in pictures:
            key = digest(one, view)
            if key in self._homes:
                found.append(self._read(key, slots))
            else:
                found += self._runtime([one], references, slots)
                self.computed += 1
        return found

    def close(self) -> None:
        """Give the files back."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _read(self, key: str, slots: bool) -> Answer:
        with self._lock:
            kept = self._file(self._homes[key])
            with kept.open(key) as entry:
                arrays = np.load(io.BytesIO(entry.read()), allow_pickle=False)
                maps = {name: _together(arrays[name]) for name in (arrays.files if slots else [_PROBABILITY])}
        return Answer(maps.pop(_PROBABILITY), maps)

    def _file(self, piece: int) -> zipfile.ZipFile:
        """Opened; frames come in their order, several of them at once, so that two pieces are needed at a time."""
        if piece not in self._open:
            if len(self._open) == _OPEN:
                self._open.popitem(last=False)[1].close()
            file = self._fetch(piece)
            try:
                self._open[piece] = zipfile.ZipFile(file)
            except (OSError, zipfile.BadZipFile) as error:
                raise GsanetError(f"{file} cannot be read: {error}") from None
        self._open.move_to_end(piece)
        return self._open[piece]
