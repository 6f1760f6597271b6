"""Video files, decoded with PyAV (FFmpeg)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import av
from av.video.frame import VideoFrame

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame, Image
from gsanet.video.decoder import VideoDecoder, promised_seconds
from gsanet.video.pixels import PixelReader, raw
from gsanet.video.times import Clock
from gsanet.video.values import ALL_BITS, largest, looked_at, said_of_cut, said_of_white, white_of

_MISSING = 0.95
"""A file that yields less than this part of what it promises is reported as cut off."""


class _Index(NamedTuple):
    """Time stamps of a stream, in its own time base, ascending."""

    frames: list[int]
    keys: list[int]
    leads: bool
    """Whether a stamp belongs to one frame, and they ascend through the file: then it can be sought by them."""


class VideoFile(Clip):
    """A video file, seen as a player shows it; a damaged or cut-off one yields what can be decoded.

    Frames of another size than the first are scaled to it. Times only go forwards, even if the file's do not.

    Raises:
        GsanetError: unreadable, without video, or not one frame can be decoded.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size == 0:
            raise GsanetError(f"{path} is empty (0 bytes)")
        self._file = path
        # One thread: more would first be given a frame each.
        with VideoDecoder(path, threads=1) as decoder:
            stream = decoder.stream
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            self._promised = promised_seconds(decoder.container, stream)
            self._counted = stream.frames
            first = next(decoder.frames(), None)
            if first is None:
                raise GsanetError(f"{path}: not one frame could be decoded; is the file complete?")
            reader = PixelReader(stream)
            height, width = reader(first).shape[:2]
            facts, turned = reader.facts(first), reader.orientation(first).transposed
            aspect = stream.sample_aspect_ratio or Fraction(1)
            self._first = first.pts
            self._raw = raw(first)
        fps = Fraction(rate) if rate and rate > 0 else STILLS_PER_SECOND
        super().__init__(path.stem, path, width, height, fps)
        self.pixel_aspect = 1 / aspect if turned else aspect
        for fact in facts:
            self.remark(fact)

    @property
    def length(self) -> int:
        """Frames in the file, counted without decoding them: one pass over its packets."""
        return len(self._index.frames)

    def __iter__(self) -> Iterator[Frame]:
        index = -1
        clock = Clock(self.fps)
        with VideoDecoder(self._file) as decoder:
            reader = PixelReader(decoder.stream, self._white)
            for index, decoded in enumerate(decoder.frames()):
                time = clock(None if decoded.pts is None else decoded.time)
                yield Frame(index, time, f"{index:05d}", self._shown(reader, decoded, index))
            broken, reached = decoder.broken, decoder.reached
        if clock.restarts:
            self.remark(f"its clock starts again {clock.restarts} time(s): the times of its frames run on")
        self._report(index + 1, broken, reached)

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`: seeks to the key frame before each, so a long file is not decoded for it.

        Where the time stamps do not lead to the frame (some old containers, a clock that starts again), the file is
        decoded from its start.
        """
        times = self._index.frames
        wanted = sorted({i for i in indices if 0 <= i < len(times)})
        found = 0
        if self._index.leads:
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
        times = self._index.frames
        with VideoDecoder(self._file) as decoder:
            reader = PixelReader(decoder.stream, self._white)
            base = decoder.stream.time_base or Fraction(1)
            for number, decoded in self._sought(decoder, wanted):
                seconds = float((times[number] - times[0]) * base)
                yield Frame(number, seconds, f"{number:05d}", self._shown(reader, decoded, number))

    def _sought(self, decoder: VideoDecoder, wanted: list[int]) -> Iterator[tuple[int, VideoFrame]]:
        """The same frames as they are decoded, with their numbers."""
        times, keys, _ = self._index
        frames = decoder.frames()
        position = times[0] - 1 if times else 0
        for number in wanted:
            key = bisect_right(keys, times[number]) - 1
            if key >= 0 and keys[key] > position:
                if not decoder.seek(keys[key]):
                    return
                frames = decoder.frames()
            for decoded in frames:
                position = decoded.pts if decoded.pts is not None else times[number] + 1
                if position >= times[number]:
                    break
            if position != times[number]:
                return
            yield number, decoded

    def _shown(self, reader: PixelReader, frame: VideoFrame, index: int) -> Image:
        image = reader(frame)
        if reader.cut is not None:
            self.note(said_of_cut(index, reader.cut))
        return self.fit(image, index)

    @cached_property
    def _white(self) -> float | None:
        """The value that is white in all frames, if they are raw; None if it is that of all their bits."""
        if not self._raw:
            return None
        wanted = looked_at(self.length)
        maxima = self._maxima(wanted) if self._index.leads else []
        if len(maxima) < max(1, len(wanted)):
            maxima = self._maxima(None)
        white = white_of(maxima, floating=False)
        if white == ALL_BITS:
            return None
        self.remark(said_of_white(maxima, white))
        return white

    def _maxima(self, wanted: list[int] | None) -> list[float]:
        """The largest value of each of these frames, as far as they can be sought; None: of all frames."""
        with VideoDecoder(self._file) as decoder:
            values = PixelReader(decoder.stream).values
            frames = decoder.frames() if wanted is None else (frame for _, frame in self._sought(decoder, wanted))
            return [largest(values(frame)) for frame in frames]

    @cached_property
    def _index(self) -> _Index:
        frames, keys = [], []
        last: int | None = None
        leads = True
        with VideoDecoder(self._file, threads=1) as decoder:
            try:
                for packet in decoder.container.demux(decoder.stream):
                    stamp = packet.pts if packet.pts is not None else packet.dts
                    # A packet without data shows nothing new; a discarded one is cut away by an edit list.
                    if packet.size and not packet.is_discard:
                        frames.append(stamp if stamp is not None else -1)
                        if packet.is_keyframe and stamp is not None:
                            keys.append(stamp)
                    if packet.dts is not None:
                        leads = leads and (last is None or packet.dts > last)
                        last = packet.dts
            except av.FFmpegError:
                pass  # cut off: what came before it counts
        # A recording may begin with frames whose key frame is not in it.
        if leads and self._first is not None:
            frames = [stamp for stamp in frames if stamp >= self._first]
        return _Index(sorted(frames), sorted(keys), leads and len(set(frames)) == len(frames))

    def _report(self, decoded: int, broken: int, reached: float) -> None:
        """After the last frame: was that all of it?"""
        if decoded < self._counted and reached < _MISSING * self._promised:
            self.note(f"cut off: {decoded} of {self._counted} frames could be read, and these are used")
        elif not self._counted and reached < _MISSING * self._promised:
            self.note(f"cut off: {reached:.1f} of {self._promised:.1f} seconds could be read, and these are used")
        elif broken:
            self.note(f"damaged: {broken} packet(s) could not be decoded; {decoded} frames could, and are used")
