"""The kinds of video that are written: container, encoder, pixels, and what sound they can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LARGE = 4_000_000
"""Pixels of a frame: more than 2560x1440."""

HUGE = 4 * LARGE
"""Pixels of a frame: more than 4K."""


@dataclass(frozen=True)
class SoundFormat:
    """What becomes of the source's sound."""

    copied: frozenset[str]
    """Codecs whose packets are taken over as they are: what the container holds and its players know."""
    encoder: str
    """For all others."""
    rate: int | None = None
    """Samples per second, where the encoder does not take any."""
    bits_per_channel: int | None = None
    """Bits per second."""


@dataclass(frozen=True)
class OutputFormat:
    """One kind of video file."""

    container: str
    """FFmpeg's name."""
    suffix: str
    encoders: tuple[str, ...]
    """The first that this build of FFmpeg has is used."""
    pixels: str
    """FFmpeg's name."""
    sound: SoundFormat
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the first encoder; another has other ones."""
    large_options: Mapping[str, str] = field(default_factory=dict)
    """Besides, for frames of more than :data:`LARGE` pixels: what keeps the encoder from holding many of them."""
    huge_options: Mapping[str, str] = field(default_factory=dict)
    """Besides, for more than :data:`HUGE`."""
    alpha: bool = False
    """Frames are RGBA, colours not multiplied by alpha."""
    even: bool = False
    """Sides must be even, for colour is stored for every other pixel."""
    square: bool = False
    """PyAV cannot write the shape of pixels into this container: other pixels are made square."""
    smallest: int = 1
    """Pixels of the shorter side that the encoder takes."""

    def options_for(self, pixels: int) -> dict[str, str]:
        """Of the first encoder, for frames of so many pixels."""
        large = self.large_options if pixels > LARGE else {}
        huge = self.huge_options if pixels > HUGE else {}
        return {**self.options, **large, **huge}


H264 = OutputFormat(
    container="mp4",
    suffix=".mp4",
    encoders=("libx264", "libopenh264", "h264", "mpeg4"),
    pixels="yuv420p",
    sound=SoundFormat(
        frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}), encoder="aac", bits_per_channel=96_000
    ),
    options={"crf": "20", "preset": "superfast"},
    # No frames that look ahead, and threads that share a frame: of 8K 610 MB instead of 1.5 GB, and no larger a file.
    large_options={"tune": "zerolatency"},
    # Whole pixels of motion need no enlarged copies of the last frame: 200 MB less.
    huge_options={"x264-params": "subme=0"},
    even=True,
    smallest=16,  # a macroblock
)
"""H.264 in mp4, which plays everywhere."""

VP9_ALPHA = OutputFormat(
    container="webm",
    suffix=".webm",
    encoders=("libvpx-vp9",),
    pixels="yuva420p",
    sound=SoundFormat(frozenset({"opus", "vorbis"}), encoder="libopus", rate=48_000, bits_per_channel=64_000),
    # Constant quality; "realtime" is the encoder's word for its quick ways, which cost little at this quality.
    options={"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1", "auto-alt-ref": "0"},
    large_options={"lag-in-frames": "0"},
    alpha=True,
    square=True,
)
"""VP9 with alpha in WebM: for web pages and video editors."""

PRORES_4444 = OutputFormat(
    container="mov",
    suffix=".mov",
    encoders=("prores_ks",),
    pixels="yuva444p10le",
    sound=SoundFormat(
        frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le"}),
        encoder="pcm_s16le",
    ),
    options={"profile": "4444", "alpha_bits": "8", "vendor": "apl0"},
    alpha=True,
)
"""ProRes 4444 in QuickTime: for video editors; large files."""
