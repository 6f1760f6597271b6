"""Results that wait until more of the clip is known: on disk, without their pictures, which the clip has."""

from __future__ import annotations

import pickle
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.segment.result import FrameResult
from gsanet.video.clip import Clip

_LEVEL = 1
"""Of zlib: what can be gained is gained by it."""


class Spool:
    """Takes results and gives them back in order, unchanged, in memory that does not grow. Use it in a ``with`` block.

    Args:
        clip: where the pictures are fetched again by number; it must not be live.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._file: IO[bytes] | None = None
        self._places: dict[int, tuple[int, int]] = {}
        """By number of the frame: where in the file, and how many bytes."""

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def put(self, result: FrameResult) -> None:
        """Keep one result for later.

        Raises:
            GsanetError: there is no room for it.
        """
        plain = replace(result, picture=None, map=_EMPTY)
        packed = zlib.compress(pickle.dumps((plain, result.map.shape, _bytewise(result.map)), protocol=5), _LEVEL)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="gsanet-")  # noqa: SIM115 - it is closed with this
            place = self._file.seek(0, 2)
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            raise GsanetError(
                f"no room in {tempfile.gettempdir()} for what waits for the rest of the clip "
                f"({error.strerror or error}): set TMPDIR to a folder with more"
            ) from None
        self._places[result.index] = (place, len(packed))

    def take(self) -> Iterator[FrameResult]:
        """All results, in order, with their pictures; they are given up one by one.

        Raises:
            GsanetError: the clip has changed since.
        """
        file = self._file
        if file is None or not self._places:
            return
        for frame in self._clip.frames_at(list(self._places)):
            place, length = self._places.pop(frame.index)
            file.seek(place)
            # Written by this process, into a file that nobody else can open.
            plain, shape, values = pickle.loads(zlib.decompress(file.read(length)))
            yield replace(plain, picture=frame.image, map=_back(values, shape))
        if self._places:
            raise GsanetError(
                f"{self._clip.path or self._clip.name} has changed while it was read: frame {min(self._places)} is "
                "not there"
            )
        file.seek(0)
        file.truncate()


_EMPTY = np.zeros((0, 0), np.float32)


def _bytewise(values: NDArray[np.float32]) -> bytes:
    """First bytes first: neighbours have them in common, which zlib sees only if they stand side by side."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 4).T.tobytes()


def _back(packed: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.frombuffer(packed, np.uint8).reshape(4, -1).T.copy().view(np.float32).reshape(shape)
