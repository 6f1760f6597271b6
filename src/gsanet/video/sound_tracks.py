"""Sound on its way from a source into a video that is written: copied packet by packet, or encoded anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from gsanet.video.output_format import SoundFormat

WRONG_SOUND = (av.FFmpegError, OSError, ValueError, ArithmeticError, NotImplementedError)
"""What FFmpeg and PyAV raise for sound that they cannot read or write."""

_LEAD_IN = 0.05
"""Seconds of packets kept before time zero: a decoder needs the one before to make the first that is heard."""

_JITTER = 0.02
"""Seconds by which a packet may lie off its place: old containers round their times."""

_RESTART = 1.0
"""Seconds. A clock that goes back further has begun anew: what comes then follows on what was."""

_MOST_SILENCE = 1.0
"""Seconds that are made at once."""

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

Opened = tuple[InputContainer, AudioStream]


class Sound(ABC):
    """Sound on its way from an open source into an open container, piece by piece as the video grows."""

    def __init__(self, origin: float, note: Callable[[str], object], opened: Opened, output: OutputContainer) -> None:
        self._input, self._stream = opened
        self._output = output
        self._origin, self._note = origin, note
        self._shift, self._heard = 0.0, -float("inf")
        self._end = float("inf")
        self._next = -float("inf")
        self._closed = False
        self._pieces = self._muxed()

    def fill(self, until: float) -> None:
        """Mux what is heard before *until*, in seconds of the written video."""
        try:
            while self._next < until:
                self._next = next(self._pieces, float("inf"))
        except WRONG_SOUND as error:
            self._give_up(error)

    def finish(self, end: float) -> None:
        """Mux the rest up to the *end* of the video, in seconds, and close the source."""
        self._end = end
        self.fill(end)
        try:
            if not self._closed:
                self._flush()
        except WRONG_SOUND as error:
            self._give_up(error)
        self.close()

    def close(self) -> None:
        """Let go of the source; nothing more is muxed."""
        self._next, self._closed = float("inf"), True
        self._input.close()

    def _give_up(self, error: Exception) -> None:
        self._note(f"the sound of what was written ends early ({reason(error)})")
        self.close()

    @abstractmethod
    def _muxed(self) -> Iterator[float]:
        """Mux one piece after the other; before each, yield the time at which it begins."""

    @abstractmethod
    def _flush(self) -> None:
        """Mux what an encoder still holds."""

    def _on_time(self, time: float, duration: float) -> float:
        """Seconds on the source's clock -> seconds of the written video; a clock that restarts runs on."""
        time += self._shift - self._origin
        if time < self._heard - _RESTART:
            self._shift += self._heard - time
            time = self._heard
        self._heard = max(self._heard, time + duration)
        return time

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """Those that can be read, in order, without the empty one at the end; a damaged end is an end."""
        with suppress(av.FFmpegError):
            for packet in self._input.demux(self._stream):
                if packet.size:
                    yield packet


class CopiedSound(Sound):
    """Packets as they are."""

    def __init__(self, origin: float, note: Callable[[str], object], opened: Opened, output: OutputContainer) -> None:
        super().__init__(origin, note, opened, output)
        self._written = output.add_stream_from_template(self._stream)

    def _muxed(self) -> Iterator[float]:
        last: int | None = None
        for packet in self._packets():
            base = packet.time_base
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None:
                continue
            duration = float((packet.duration or 0) * base)
            time = self._on_time(float(stamp * base), duration)
            # Of what an edit list cuts away, the lead-in is needed all the same.
            if time + duration <= -_LEAD_IN or (packet.is_discard and time >= 0):
                continue
            yield time
            if time >= self._end:
                return
            # Sound has no order of decoding besides that of hearing. Muxers refuse a time that does not grow.
            packet.pts = packet.dts = max(round(time / base), -(10**15) if last is None else last + 1)
            last = packet.pts
            packet.stream = self._written
            self._output.mux_one(packet)

    def _flush(self) -> None:
        pass


class EncodedSound(Sound):
    """Decoded and encoded again, as one line of samples without a gap from time zero to the end."""

    def __init__(
        self,
        origin: float,
        note: Callable[[str], object],
        opened: Opened,
        output: OutputContainer,
        format: SoundFormat,
        *,
        stereo: bool,
    ) -> None:
        super().__init__(origin, note, opened, output)
        self._rate = format.rate or self._stream.codec_context.sample_rate
        written = output.add_stream(format.encoder, rate=self._rate)
        assert isinstance(written, AudioStream)
        layout = self._stream.codec_context.layout
        # PCM often says only how many channels there are.
        named = _LAYOUTS.get(layout.nb_channels, layout.name) if "channels" in layout.name else layout.name
        self._layout = "stereo" if stereo and layout.nb_channels > 2 else named
        written.codec_context.layout = self._layout
        if format.bits_per_channel:
            written.codec_context.bit_rate = format.bits_per_channel * written.codec_context.channels
        written.codec_context.time_base = Fraction(1, self._rate)
        written.codec_context.open()
        self._written = written
        self._position = 0

    def _muxed(self) -> Iterator[float]:
        for time, samples in self._decoded():
            start = round(time * self._rate)
            late = start - self._position
            if abs(late) <= _JITTER * self._rate and self._position:
                late = 0
            while late > 0:
                yield self._position / self._rate
                step = min(late, int(_MOST_SILENCE * self._rate))
                self._encode(np.zeros((samples.shape[0], step), np.float32))
                late -= step
                if self._over():
                    return
            samples = samples[:, -late:]
            if samples.shape[1]:
                yield self._position / self._rate
                self._encode(samples)
                if self._over():
                    return

    def _over(self) -> bool:
        return self._position >= self._end * self._rate

    def _encode(self, samples: NDArray[np.float32]) -> None:
        if self._end < float("inf"):
            samples = samples[:, : max(0, round(self._end * self._rate) - self._position)]
        if not samples.shape[1]:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._position
        self._position += samples.shape[1]
        self._output.mux(self._written.encode(frame))

    def _flush(self) -> None:
        self._output.mux(self._written.encode(None))

    def _decoded(self) -> Iterator[tuple[float, NDArray[np.float32]]]:
        """(time, samples (channels, N)) in the written rate and layout."""
        resampler = AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        for packet in chain(self._packets(), (None,)):
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                continue  # silence takes its place
            for frame in frames:
                if frame.pts is None or frame.time_base is None:
                    time = max(self._heard, 0.0) + self._origin - self._shift
                else:
                    time = float(frame.pts * frame.time_base)
                time = self._on_time(time, frame.samples / frame.sample_rate)
                frame.pts = None
                for part in resampler.resample(frame):
                    samples = part.to_ndarray().astype(np.float32, copy=False)
                    yield time, samples
                    time += samples.shape[1] / self._rate


def reason(error: BaseException) -> str:
    """In a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
