"""Clips that flash and beep at once, and where a clip does so."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

FPS = 25
RATE = 44_100
FLASH = 0.2
"""Seconds."""


def flashing(
    path: Path,
    seconds: float,
    every: float,
    *,
    codec: str = "aac",
    video_from: float = 0.0,
    sound_from: float = 0.0,
    sound_to: float | None = None,
    rate: int = RATE,
    layout: str = "stereo",
    picture: str = "mpeg4",
    options: dict[str, str] | None = None,
) -> Path:
    """A clip, white and loud for a fifth of a second every *every* seconds of its clock, else black and silent.

    Args:
        video_from: seconds on that clock at which its frames begin.
        sound_from: at which its sound begins.
        sound_to: at which its sound ends; with the frames if None.
    """
    with av.open(str(path), "w", **({"options": options} if options else {})) as container:
        video: Any = container.add_stream(picture, rate=FPS)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sound: Any = container.add_stream(codec, rate=rate)
        sound.codec_context.layout, sound.codec_context.bit_rate = layout, 128_000
        packets = []
        for i in range(round(seconds * FPS)):
            time = video_from + i / FPS
            frame = VideoFrame.from_ndarray(np.full((32, 32, 3), 255 * _loud(time, every), np.uint8))
            frame.pts, frame.time_base = round(time * FPS), Fraction(1, FPS)
            packets += video.encode(frame)
        packets += video.encode(None)
        count = round((sound_to or video_from + seconds) * rate)
        for start in range(round(sound_from * rate), count, 1024):
            times = np.arange(start, min(start + 1024, count)) / rate
            tone = np.where(_loud(times, every), 0.5 * np.sin(2 * np.pi * 1000 * times), 0).astype(np.float32)
            channels = 2 if layout == "stereo" else 1
            piece = AudioFrame.from_ndarray(np.repeat(tone[None], channels, 0), format="fltp", layout=layout)
            piece.sample_rate, piece.pts, piece.time_base = rate, start, Fraction(1, rate)
            packets += sound.encode(piece)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _loud(time: Any, every: float) -> Any:
    # A hair more, so that a flash begins with its frame and not one later.
    return (time + 1e-6) % every < FLASH


def flashes(path: Path) -> list[float]:
    """Seconds at which it becomes white."""
    times, bright = [], False
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            white = frame.to_ndarray(format="gray").mean() > 128
            if white and not bright:
                times.append(float(frame.time))
            bright = bool(white)
    return times


def beeps(path: Path) -> list[float]:
    """Seconds at which it becomes loud."""
    times, last = [], -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float64)
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            samples = samples[0] / (32768 if frame.format.name.startswith("s16") else 1)
            for k in np.flatnonzero(np.abs(samples) > 0.1):
                now = float(frame.time) + k / frame.sample_rate
                if now - last > 0.1:
                    times.append(now)
                last = now
    return times


def ends(path: Path) -> dict[str, tuple[str, float, float]]:
    """Kind of stream -> (codec, when its first frame begins, when its last ends), in seconds."""
    found = {}
    for kind in ("video", "audio"):
        with av.open(str(path)) as container:
            stream = next((one for one in container.streams if one.type == kind), None)
            if stream is None:
                continue
            frames = [
                (float(f.time), f.samples / f.sample_rate if isinstance(f, AudioFrame) else 1 / FPS)
                for f in container.decode(stream)
            ]
            found[kind] = (stream.codec_context.name, frames[0][0], max(time + length for time, length in frames))
    return found
