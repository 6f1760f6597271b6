"""Frames that arrive: from a pipe, an address on the net, or a camera. Each comes once, and is segmented online."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame, Image
from gsanet.video.decoder import best_stream
from gsanet.video.named import STDIN, NamedClip
from gsanet.video.pixels import PixelReader, orientation_of, raw
from gsanet.video.times import Clock
from gsanet.video.values import FEWER_BITS, largest

_PATIENCE = 10.0
"""Seconds that a sender on the net may take to answer, and to send more."""

_LOOK = 0.1
"""Seconds between looks at whether a pipe is still wanted."""

_FASTEST = 1000
"""Frames per second. More than that is a time base that was taken for a rate."""

Arriving = Iterator[tuple[float | None, Image]]
"""(seconds on the sender's clock if it has one, RGB (H,W,3)) for each frame."""

_reading: list[StreamClip] = []
"""Those of this process whose frames are being taken."""


class StreamClip(Clip):
    """Frames as they arrive. They can be taken once, and end where the sender or :meth:`stop` ends them.

    Args:
        arriving: called once, at once, with this clip, whose :attr:`stopped` it minds; the first frame is awaited.

    Raises:
        GsanetError: nothing comes, or it is no video.
    """

    live = True

    def __init__(self, named: NamedClip, arriving: Callable[[StreamClip], tuple[Arriving, Fraction]]) -> None:
        self.stopped = False
        self.hint = "does it send video?"
        # No path: nobody else may open a pipe or a camera to see what is in it.
        super().__init__(named.said, None, 1, 1, STILLS_PER_SECOND)
        frames, self.fps = arriving(self)
        first = next(frames, None)
        if first is None:
            raise GsanetError(f"{named.said}: no frame came; {self.hint}")
        self.height, self.width = first[1].shape[:2]
        self._said, self.name = named.said, named.name
        self._rest: Arriving | None = frames
        self._first = first

    @property
    def length(self) -> None:
        """Not known."""
        return None

    def stop(self) -> None:
        """No more frames are wanted: the clip ends with the last that came. May be called from anywhere."""
        self.stopped = True

    def __iter__(self) -> Iterator[Frame]:
        frames, self._rest = self._rest, None
        if frames is None:
            raise GsanetError(f"the frames of {self._said} have been taken already: they come only once")
        clock = Clock(self.fps)
        index = -1
        _reading.append(self)
        try:
            for index, (stamp, image) in enumerate(chain((self._first,), frames)):
                yield Frame(index, clock(stamp), f"{index:05d}", self.fit(image, index))
                if self.stopped:
                    break
            if self.stopped:
                self.note(f"stopped after {index + 1} frames")
        finally:
            _reading.remove(self)
            close = getattr(frames, "close", None)
            if close is not None:
                close()

    def frames_at(self, indices: Any) -> Iterator[Frame]:
        """Nothing can be fetched."""
        return iter(())


def open_stream(named: NamedClip) -> StreamClip:
    """What arrives under a name whose :attr:`NamedClip.live` is true; waits for the first frame.

    Raises:
        GsanetError: there is no such camera, nobody answers, or what comes is no video.
    """
    if named.kind == "camera":
        return StreamClip(named, lambda clip: _camera(named, clip))
    if named.kind == "pipe":
        return StreamClip(named, lambda clip: _pipe(named, clip))
    return StreamClip(named, lambda clip: _from_net(named, clip))


def stop_streams() -> bool:
    """Let every stream of this process whose frames are being taken end; whether there was one. For signal handlers."""
    reading = list(_reading)
    for clip in reading:
        clip.stop()
    return bool(reading)


class _Pipe:
    """The reading end of a pipe as PyAV wants it: waits for data only as long as these are wanted."""

    def __init__(self, descriptor: int, clip: StreamClip) -> None:
        self._descriptor, self._clip = descriptor, clip

    def read(self, count: int) -> bytes:
        # Windows cannot wait for a pipe and something else; there the next data end the waiting.
        while sys.platform != "win32" and not select.select([self._descriptor], [], [], _LOOK)[0]:
            if self._clip.stopped:
                return b""
        return os.read(self._descriptor, count)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)


def _pipe(named: NamedClip, clip: StreamClip) -> tuple[Arriving, Fraction]:
    hint = "of an mp4 the index must come first (ffmpeg -movflags +faststart); matroska and mpegts need nothing"
    try:
        if named.address == STDIN:
            if sys.stdin is None or sys.stdin.isatty():
                raise GsanetError("nothing is piped in: - reads a video from another program (... | gsanet segment -)")
            descriptor = os.dup(sys.stdin.fileno())
        else:
            descriptor = os.open(named.path or "", os.O_RDONLY)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            source: Any = os.fdopen(descriptor, "rb", buffering=0)  # redirected: it can be sought in
        else:
            source = _Pipe(descriptor, clip)
    except (OSError, ValueError) as error:
        raise GsanetError(f"{named.said} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    return _decoded(source, named, clip, hint, threads="AUTO")


def _from_net(named: NamedClip, clip: StreamClip) -> tuple[Arriving, Fraction]:
    options = {}
    if named.address.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # over UDP, which loses packets, pictures are torn
    hint = "is the address right, and can this machine reach it?"
    return _decoded(named.address, named, clip, hint, threads="SLICE", timeout=(_PATIENCE, _PATIENCE), options=options)


def _decoded(
    source: Any, named: NamedClip, clip: StreamClip, hint: str, *, threads: str, **how: Any
) -> tuple[Arriving, Fraction]:
    """Frames of whatever FFmpeg can read from its beginning.

    Args:
        threads: ``SLICE`` keeps no frame back.
    """
    clip.hint = hint
    try:
        container = av.open(source, **how)
    except (av.FFmpegError, OSError, UnicodeError) as error:
        if hasattr(source, "close"):
            source.close()
        raise GsanetError(f"{named.said} cannot be read as a video ({_reason(error)}); {hint}") from None
    try:
        stream = best_stream(container, Path(named.said))
    except GsanetError:
        container.close()
        raise
    stream.codec_context.thread_type = threads
    rate = stream.average_rate or stream.guessed_rate
    return _frames(container, source, clip), Fraction(rate) if rate and 0 < rate < _FASTEST else STILLS_PER_SECOND


def _frames(container: InputContainer, source: Any, clip: StreamClip) -> Arriving:
    stream = best_stream(container, Path())
    pixels = PixelReader(stream)
    seen, broken = False, 0
    try:
        with closing(container):
            packets = container.demux(stream)
            ended = False
            while not ended and not clip.stopped:
                packet = None
                try:
                    packet = next(packets)
                    ended = not packet.size
                except StopIteration:
                    return
                except (av.FFmpegError, OSError) as error:
                    if not seen:
                        return
                    clip.note(f"it broke off ({_reason(error)}); the frames before are used")
                    ended = True
                try:
                    for frame in stream.decode(packet):
                        if not seen:
                            _describe(clip, frame, pixels, stream)
                        seen = True
                        yield frame.time if frame.pts is not None else None, pixels(frame)
                except av.EOFError:
                    return
                except av.FFmpegError:
                    broken += 1
    finally:
        if hasattr(source, "close"):
            source.close()
        if broken:
            clip.note(f"damaged: {broken} packet(s) could not be decoded")


def _describe(clip: StreamClip, frame: VideoFrame, pixels: PixelReader, stream: VideoStream) -> None:
    for fact in pixels.facts(frame):
        clip.remark(fact)
    if raw(frame) and (most := largest(pixels.values(frame))) <= FEWER_BITS:
        clip.note(f"values of 16 bits reach only {most:g} in its first frame: in a file all frames say what is white")
    aspect = stream.sample_aspect_ratio or Fraction(1)
    clip.pixel_aspect = 1 / aspect if orientation_of(frame).transposed else aspect


def _camera(named: NamedClip, clip: StreamClip) -> tuple[Arriving, Fraction]:
    """Through OpenCV, which knows the cameras of every system. Times are those of arrival."""
    import cv2

    device = named.address
    if device.isdecimal() and sys.platform.startswith("linux") and not Path(f"/dev/video{int(device)}").exists():
        raise GsanetError(f"there is no camera {int(device)} (no /dev/video{int(device)}); a file of that name neither")
    capture = cv2.VideoCapture(int(device) if device.isdecimal() else device)
    if not capture.isOpened():
        capture.release()
        raise GsanetError(f"{named.said} cannot be opened: is it a camera, and does no other program use it?")
    rate = capture.get(cv2.CAP_PROP_FPS)
    fps = Fraction(rate).limit_denominator(1001) if 0 < rate < _FASTEST else STILLS_PER_SECOND
    return _taken(capture, clip), fps


def _taken(capture: Any, clip: StreamClip) -> Arriving:
    try:
        while not clip.stopped:
            there, image = capture.read()
            if not there:
                clip.note("the camera gave no more frames")
                return
            yield time.monotonic(), image[..., ::-1].copy()
    finally:
        capture.release()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
