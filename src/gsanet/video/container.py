"""Video files, decoded with PyAV (FFmpeg)."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame, Image

_MOST_THREADS = 4
"""More decoding threads hold a frame each and gain nothing beside a network."""

_MISSING = 0.95
"""A file that yields less than this part of the frames it promises is reported as cut off."""


class _Index(NamedTuple):
    """Time stamps of a stream, in its own time base, ascending."""

    frames: list[int]
    keys: list[int]


class VideoFile(Clip):
    """A video file. Rotation of phones is undone; a damaged or cut-off file yields what can be decoded.

    Raises:
        GsanetError: unreadable, without video, or not one frame can be decoded.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size == 0:
            raise GsanetError(f"{path} is empty (0 bytes)")
        self._file = path
        self._broken = 0
        with closing(_open(path)) as container:
            stream = _video_stream(container, path)
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            self._promised = _promised_frames(container, stream)
            first = next(self._decode(container, stream), None)
        if first is None:
            raise GsanetError(f"{path}: not one frame could be decoded; is the file complete?")
        height, width = _upright(first, VideoReformatter()).shape[:2]
        fps = Fraction(rate) if rate and rate > 0 else STILLS_PER_SECOND
        super().__init__(path.stem, path, width, height, fps)

    @property
    def length(self) -> int:
        """Frames in the file, counted without decoding them: one pass over its packets."""
        return len(self._index.frames)

    def __iter__(self) -> Iterator[Frame]:
        self._broken = 0
        index = -1
        start: float | None = None
        converter = VideoReformatter()
        with closing(_open(self._file)) as container:
            stream = _video_stream(container, self._file)
            for index, decoded in enumerate(self._decode(container, stream)):
                time = float(index / self.fps) if decoded.pts is None else decoded.time
                start = time if start is None else start
                image = _upright(decoded, converter)
                self.check_size(image, index)
                yield Frame(index, time - start, f"{index:05d}", image)
        self._report(index + 1)

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`: seeks to the key frame before each, so a long file is not decoded for it.

        Where the time stamps do not lead to the frame (some old containers), the file is decoded from its start.
        """
        times = self._index.frames
        wanted = sorted({i for i in indices if 0 <= i < len(times)})
        found = 0
        if len(set(times)) == len(times):
            for frame in self._seek(wanted):
                found += 1
                yield frame
        left = set(wanted[found:])
        if left:
            for frame in self:
                if frame.index in left:
                    left.discard(frame.index)
                    yield frame
                if not left:
                    break

    def _seek(self, wanted: list[int]) -> Iterator[Frame]:
        """Frames by number through the index, until one is not where the index says."""
        times, keys = self._index
        converter = VideoReformatter()
        with closing(_open(self._file)) as container:
            stream = _video_stream(container, self._file)
            decoder = self._decode(container, stream)
            position = times[0] - 1 if times else 0
            for number in wanted:
                key = bisect_right(keys, times[number]) - 1
                if key >= 0 and keys[key] > position:
                    try:
                        container.seek(keys[key], stream=stream, backward=True)
                    except av.FFmpegError:
                        return
                    decoder = self._decode(container, stream)
                for decoded in decoder:
                    position = decoded.pts if decoded.pts is not None else times[number] + 1
                    if position >= times[number]:
                        break
                if position != times[number]:
                    return
                image = _upright(decoded, converter)
                self.check_size(image, number)
                seconds = float((times[number] - times[0]) * (stream.time_base or 0))
                yield Frame(number, seconds, f"{number:05d}", image)

    @cached_property
    def _index(self) -> _Index:
        frames, keys = [], []
        with closing(_open(self._file)) as container:
            stream = _video_stream(container, self._file)
            try:
                for packet in container.demux(stream):
                    stamp = packet.pts if packet.pts is not None else packet.dts
                    # A packet without data ends the stream; a discarded one is cut away by an edit list.
                    if packet.size and not packet.is_discard:
                        frames.append(stamp if stamp is not None else -1)
                        if packet.is_keyframe and stamp is not None:
                            keys.append(stamp)
            except av.FFmpegError:
                pass  # cut off: what came before it counts
        return _Index(sorted(frames), sorted(keys))

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Frames in the order of showing; packets that make no sense are counted and passed over."""
        packets = container.demux(stream)
        ended = False
        while not ended:
            packet = None
            try:
                packet = next(packets)
                # The last packet is empty: it asks the decoder for what it still holds.
                ended = not packet.size
            except StopIteration:
                return
            except av.FFmpegError:
                self._broken += 1
                ended = True
            try:
                yield from stream.decode(packet)
            except av.EOFError:
                return
            except av.FFmpegError:
                self._broken += 1

    def _report(self, decoded: int) -> None:
        """After the last frame: was that all of it?"""
        if self._promised and decoded < _MISSING * self._promised:
            self.note(f"cut off: {decoded} of {self._promised} frames could be read, and these are used")
        elif self._broken:
            self.note(f"damaged: {self._broken} packet(s) could not be decoded; {decoded} frames could, and are used")


def _open(path: Path) -> InputContainer:
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise GsanetError(f"{path} cannot be read as a video ({reason}); does it play elsewhere?") from None


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is no cover picture, set to decode with threads."""
    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = min(os.cpu_count() or 1, _MOST_THREADS)
        return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise GsanetError(f"{path} has no video in it, only {', '.join(kinds) or 'an empty container'}")


def _promised_frames(container: InputContainer, stream: VideoStream) -> int:
    """What the header says: a number of frames, or a duration; 0 if neither."""
    if stream.frames:
        return stream.frames
    rate = stream.average_rate
    if stream.duration and stream.time_base and rate:
        return int(stream.duration * stream.time_base * rate)
    if container.duration and rate:
        return int(Fraction(container.duration, 1_000_000) * rate)
    return 0


def _upright(frame: VideoFrame, converter: VideoReformatter) -> Image:
    """RGB as it is shown: quarter turns of the display matrix are carried out."""
    image = cast(Image, converter.reformat(frame, format="rgb24").to_ndarray())
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
