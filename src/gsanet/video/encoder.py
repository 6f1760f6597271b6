"""Writing H.264 in mp4, which plays everywhere."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from gsanet.base.errors import GsanetError
from gsanet.video.clip import Image

_TICKS = 90_000
"""Time base per second: every frame keeps its own time, so a variable frame rate stays what it was."""

_ENCODERS = ("libx264", "libopenh264", "h264", "mpeg4")
"""The first that this build of FFmpeg has."""

_SMALLEST = 16
"""Pixels. Encoders refuse frames smaller than a macroblock."""


class VideoWriter:
    """Frames in, one mp4 out, whole or not at all: it is written beside *path* and renamed by :meth:`close`.

    Sides that are odd gain a row or column (H.264 with 4:2:0 colour has only even ones), a copy of the last.
    Leaving a ``with`` block by an exception throws the file away.

    Args:
        path: of the result; the folder must exist.
        fps: average frame rate, for players; the times given to :meth:`write` decide.
        crf: quality, 0 (lossless) to 51.
    """

    def __init__(self, path: Path, fps: Fraction, *, crf: int = 20, preset: str = "superfast") -> None:
        self.path = path
        self.fps = fps
        self._options = {"crf": str(crf), "preset": preset}
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self._size: tuple[int, int] | None = None
        self._last = -1
        self._count = 0

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one frame.

        Args:
            image: RGB (H,W,3); all of one size.
            time: seconds since the first frame; without it, the frame comes one period after the last.

        Raises:
            GsanetError: the file cannot be written, or the frame has another size than the first.
        """
        height, width = image.shape[:2]
        if self._size is None:
            self._begin(width, height)
        if (width, height) != self._size:
            raise GsanetError(f"{self.path}: cannot write a frame of {width}x{height} after {self._size}")
        assert self._container is not None and self._stream is not None
        even = cv2.copyMakeBorder(
            image, 0, self._stream.height - height, 0, self._stream.width - width, cv2.BORDER_REPLICATE
        )
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        stamp = round((float(self._count / self.fps) if time is None else time) * _TICKS)
        # Players reject two frames at one time.
        self._last = max(stamp, self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._count += 1
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise GsanetError(f"cannot write {self.path}: {error.strerror or error}") from None

    def close(self) -> None:
        """Finish the file and give it its name. Without a frame there is no file."""
        if self._container is None or self._stream is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._beside.replace(self.path)
            self._container = None
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise GsanetError(f"cannot write {self.path}: {error.strerror or error}") from None

    def abort(self) -> None:
        """Throw away what was written."""
        container, self._container = self._container, None
        if container is not None:
            # A disk that is full cannot take the trailer either.
            with suppress(av.FFmpegError, OSError):
                container.close()
            self._beside.unlink(missing_ok=True)

    def _begin(self, width: int, height: int) -> None:
        encoder = next((name for name in _ENCODERS if name in av.codecs_available), None)
        if encoder is None:
            raise GsanetError("this build of PyAV has no H.264 encoder; install PyAV from PyPI (pip install av)")
        try:
            self._container = av.open(str(self._beside), "w", format="mp4")
        except (av.FFmpegError, OSError) as error:
            raise GsanetError(f"cannot write {self.path}: {error.strerror or error}") from None
        stream = self._container.add_stream(
            encoder, rate=self.fps.limit_denominator(1001), options=self._options if encoder == "libx264" else {}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width = max(_SMALLEST, width + width % 2)
        stream.height = max(_SMALLEST, height + height % 2)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        self._size = (width, height)
        self._stream = stream

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
