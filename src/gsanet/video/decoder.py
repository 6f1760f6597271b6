"""Decoding the video stream of a file with PyAV (FFmpeg), and living with what is broken in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gsanet.base.errors import GsanetError

_MOST_THREADS = 4
"""More decoding threads hold a frame each and gain nothing beside a network."""

_PIXELS_OF_ALL_THREADS = 2 * 3840 * 2160
"""Every decoding thread holds pictures of its own: of large ones there are fewer threads, two at 4K, one at 8K."""

_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Streams that are pictures beside the film: covers and thumbnails."""

_TWO_FRAMES = 1.5
"""A stream that lasts less than so many frames has one: lengths are rounded."""

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders of what lies beside the colours in WebM; FFmpeg's own see the colours only."""


class VideoDecoder:
    """A file's video stream, opened; close it, or use it in a ``with`` block.

    Args:
        threads: of the decoder; as many as are worth it if None.

    Attributes:
        container, stream: as PyAV has them.
        broken: packets that could not be decoded so far.
        reached: seconds from the start of the stream to the end of the last packet that was read.

    Raises:
        GsanetError: the file cannot be read as a video, or has none in it.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.path = path
        self._open(threads)

    def frames(self) -> Iterator[VideoFrame]:
        """Frames from here on, in the order of showing; packets that make no sense are counted and passed over.

        At the first of those, decoding threads lose frames that were whole. So from there on one thread does it.
        """
        last: int | None = None
        count, ordered = 0, True
        for frame in self._decoded():
            if frame is None:
                if self._threads == 1:
                    continue
                break
            ordered = ordered and frame.pts is not None and (last is None or frame.pts > last)
            last, count = frame.pts, count + 1
            yield frame
        else:
            return
        self.container.close()
        self._open(threads=1)
        for frame in self._after(last if ordered else None, count):
            if frame is not None:
                yield frame

    def seek(self, stamp: int) -> bool:
        """Go on at the key frame before *stamp* (in the stream's time base); whether the file can do that."""
        try:
            self.container.seek(stamp, stream=self.stream, backward=True)
        except av.FFmpegError:
            return False
        return True

    def close(self) -> None:
        """Give the file back."""
        self.container.close()

    def __enter__(self) -> VideoDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, threads: int | None) -> None:
        self.container = open_container(self.path)
        try:
            self.stream = best_stream(self.container, self.path)
        except GsanetError:
            self.container.close()
            raise
        self.broken, self.reached = 0, 0.0
        self._context = _with_alpha(self.stream) or self.stream.codec_context
        self._threads = threads or worthwhile_threads(self.stream.width, self.stream.height)
        self._context.thread_type = "AUTO"
        self._context.thread_count = self._threads

    def _after(self, last: int | None, count: int) -> Iterator[VideoFrame | None]:
        """What follows the frame with the stamp *last*, which was number *count*; sought where stamps lead to it."""
        if last is not None and self.seek(last):
            frames = self._decoded()
            for frame in frames:
                if frame is not None and frame.pts is not None and frame.pts >= last:
                    if frame.pts == last:
                        yield from frames
                        return
                    break
            self.container.close()
            self._open(threads=1)
        for frame in self._decoded():
            if count and frame is not None:
                count -= 1
            else:
                yield frame

    def _decoded(self) -> Iterator[VideoFrame | None]:
        """Frames in the order of showing, and None where a packet could not be decoded."""
        packets = self.container.demux(self.stream)
        base = self.stream.time_base or Fraction(1)
        start = self.stream.start_time
        ended = False
        while not ended:
            packet = None
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.broken += 1
                ended = True
            if packet is not None:
                stamp = packet.pts if packet.pts is not None else packet.dts
                if stamp is not None:
                    start = stamp if start is None else start
                    self.reached = max(self.reached, float((stamp + (packet.duration or 0) - start) * base))
                if not packet.size:
                    # The last packet is empty: it asks the decoder for what it still holds. Another empty one repeats
                    # the frame before, and given to the decoder it would end it.
                    if stamp is not None:
                        continue
                    ended = True
            try:
                yield from self._context.decode(packet)
            except av.EOFError:
                return
            except av.FFmpegError:
                self.broken += 1
                yield None


def open_container(path: Path) -> InputContainer:
    """The file as PyAV has it.

    Raises:
        GsanetError: it cannot be read as a video.
    """
    try:
        return av.open(f"file:{path}")  # a relative path with a colon in it is no address
    except (av.FFmpegError, OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise GsanetError(f"{path} cannot be read as a video ({reason}); does it play elsewhere?") from None


def best_stream(container: InputContainer, path: Path) -> VideoStream:
    """The video stream that FFmpeg thinks the best, as long as it is a film: covers and thumbnails are not.

    Raises:
        GsanetError: there is none.
    """
    films = [stream for stream in container.streams.video if not stream.disposition & _NO_FILM]
    # A thumbnail that is not marked as one has a single frame.
    films = [stream for stream in films if not _single(stream)] or films
    if not films:
        kinds = sorted({stream.type for stream in container.streams})
        raise GsanetError(f"{path} has no video in it, only {', '.join(kinds) or 'an empty container'}")
    best = container.streams.best("video")
    return next((stream for stream in films if stream is best), None) or max(films, key=_area)


def promised_seconds(container: InputContainer, stream: VideoStream) -> float:
    """How long the stream is by the file's header; 0 if it does not say."""
    seconds = _own_seconds(stream)
    # Where there is sound as well, the length of the file may be that of the sound.
    alone = not container.streams.audio and len(container.streams.video) == 1
    return container.duration / av.time_base if not seconds and alone and container.duration else seconds


def _own_seconds(stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", _said(stream, "duration"))
    if not match:
        return 0.0
    hours, minutes, seconds = map(float, match.groups())
    return 3600 * hours + 60 * minutes + seconds - float((stream.start_time or 0) * (stream.time_base or 0))


def _said(stream: VideoStream, name: str) -> str:
    """What a stream's notes say; Matroska writes their names in capitals or not."""
    return next((text.strip("\0 ") for key, text in stream.metadata.items() if key.lower() == name), "")


def _single(stream: VideoStream) -> bool:
    """Whether a stream has one frame, as far as the file says."""
    if stream.frames:
        return stream.frames == 1
    seconds = _own_seconds(stream)
    return 0 < seconds * (stream.average_rate or 0) < _TWO_FRAMES


def worthwhile_threads(width: int, height: int) -> int:
    """How many threads decode pictures of this size."""
    return max(1, min(os.cpu_count() or 1, _MOST_THREADS, _PIXELS_OF_ALL_THREADS // max(1, width * height)))


def _area(stream: VideoStream) -> int:
    return stream.width * stream.height


def _with_alpha(stream: VideoStream) -> VideoCodecContext | None:
    """The decoder that sees transparency in WebM, where there is some."""
    name = _WITH_ALPHA.get(stream.codec_context.codec.canonical_name, "")
    if _said(stream, "alpha_mode") != "1" or name not in av.codecs_available:
        return None
    context = CodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = stream.codec_context.extradata
    return context
