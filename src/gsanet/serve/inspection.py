"""A look at an upload before it is queued: what it is, how large, how long. Done in a process of its own."""

from __future__ import annotations

import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from gsanet.base.errors import GsanetError
from gsanet.serve.child import Child, ChildEndedError
from gsanet.serve.limits import Limits, RefusedError

_SECONDS = 20.0
_MEMORY = 4 << 30
"""Bytes of address space. The libraries take one of it."""

_PICTURES = {
    "PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif",
    "PPM": ".ppm", "JPEG2000": ".jp2", "AVIF": ".avif", "HEIF": ".heic", "TGA": ".tga",
}  # fmt: skip
"""PIL's formats that are pixels and nothing else (EPS, say, is a program), and what a file of each is called."""

_FILMS = {
    "mov": ".mp4", "matroska": ".mkv", "avi": ".avi", "mpegts": ".ts", "mpeg": ".mpg", "mpegvideo": ".mpg",
    "flv": ".flv", "ogg": ".ogv", "asf": ".wmv", "mxf": ".mxf", "ivf": ".ivf", "yuv4mpegpipe": ".y4m",
    "h264": ".h264", "hevc": ".hevc", "mjpeg": ".mjpeg", "obu": ".obu", "m4v": ".m4v", "dv": ".dv", "nut": ".nut",
}  # fmt: skip
"""FFmpeg's containers that hold all of the film. Playlists (HLS, DASH, concat) name other files and addresses, and
opening one would fetch them."""


class UploadFacts(NamedTuple):
    """What was found."""

    suffix: str
    """Of its kind, whatever the upload was called."""
    width: int
    height: int
    seconds: float
    picture: bool


class Inspector:
    """Looks at one file after the other. If a file kills it, another takes its place."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._child: Child | None = None

    def start(self) -> None:
        """Before the first file comes: it takes a second."""
        with self._lock:
            self._running()

    def __call__(self, file: Path) -> UploadFacts:
        """What *file* is, within the limits for a frame; that of length is for those who know which part is wanted.

        Raises:
            RefusedError: 422, it cannot be read, or 413, its frames are too large.
        """
        with self._lock:
            child = self._running()
            try:
                child.send(str(file))
                answer = child.receive(_SECONDS)
            except ChildEndedError:
                child.close()
                self._child = None
                raise RefusedError(
                    "the upload cannot be read: looking at it took too much memory or time", 422
                ) from None
        if isinstance(answer, str):
            raise RefusedError(answer, 422)
        facts = UploadFacts(*answer)
        most = self._limits.megapixels
        if facts.width * facts.height > most * 1e6:
            raise RefusedError(
                f"frames are {facts.width}x{facts.height}: this server takes {most:g} million pixels",
                413,
            )
        return facts

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._child is not None:
                self._child.close()
                self._child = None

    def _running(self) -> Child:
        if self._child is None or not self._child.alive:
            self._child = Child(_serve)
        return self._child


def _serve(pipe: Connection) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    while True:
        file = Path(pipe.recv())
        try:
            pipe.send(tuple(look_at(file)))
        except GsanetError as error:
            pipe.send(str(error).replace(str(file), "the upload"))
        except MemoryError:
            pipe.send("the upload cannot be read: it asks for too much memory")


def look_at(file: Path) -> UploadFacts:
    """By the headers only: no frame is decoded where the header says what must be known.

    Raises:
        GsanetError: it is none of the kinds that hold all that they show.
    """
    if not file.stat().st_size:
        raise GsanetError("the upload is empty (0 bytes)")
    return _picture(file) or _film(file)


def _picture(file: Path) -> UploadFacts | None:
    from gsanet.video.images import open_picture

    try:
        with open_picture(file) as image:
            kind, (width, height) = image.format or "", image.size
            lasting = getattr(image, "n_frames", 1) / 10 if kind in ("GIF", "WEBP", "PNG", "AVIF") else 0.0
    except GsanetError as problem:
        if "pip install" in str(problem):  # a photograph whose reader is not installed
            raise
        return None
    if kind not in _PICTURES:
        return None
    return UploadFacts(_PICTURES[kind], width, height, lasting, True)


def _film(file: Path) -> UploadFacts:
    import av

    from gsanet.video.decoder import best_stream, promised_seconds

    known = {"format_whitelist": ",".join(_FILMS), "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{file}", options=known) as container:
            stream = best_stream(container, file)
            names = container.format.name.split(",")
            suffix = next((_FILMS[name] for name in names if name in _FILMS), "")
            seconds = promised_seconds(container, stream)
            if not seconds:
                rate = stream.average_rate or stream.guessed_rate or 24
                seconds = sum(1 for packet in container.demux(stream) if packet.size) / float(rate)
            return UploadFacts(suffix, stream.width, stream.height, seconds, False)
    except (av.FFmpegError, OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise GsanetError(f"the upload is neither a picture nor a video that can be read ({reason})") from None
