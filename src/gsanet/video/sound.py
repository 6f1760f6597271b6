"""The sound of a source, carried into a video that is written from its frames.

Time zero of the written video is one of the source's frames, mostly its first. Sound keeps its distance from that
frame, whichever of the two begins earlier, and ends with the last one. What is wrong with it never stops the video: it
gets a note.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame

from gsanet.video.output_format import SoundFormat
from gsanet.video.sound_tracks import WRONG_SOUND, CopiedSound, EncodedSound, Opened, Sound

log = logging.getLogger("gsanet")


@dataclass(frozen=True)
class SoundSource:
    """Where the sound of a written video comes from."""

    path: Path
    """A file; one without sound gives a silent video."""
    after: float = 0.0
    """Seconds from the file's first frame to what is time zero of the written video."""
    note: Callable[[str], object] = log.warning
    """Told in one line what could not be taken over."""


def attach_sound(
    source: SoundSource, output: OutputContainer, format: SoundFormat, *, encoded: bool = False
) -> Sound | None:
    """Add a stream for the sound of *source* to *output*, before its first packet; None if there is no sound.

    Args:
        encoded: never copy: for a container that has refused to.

    Raises:
        any of FFmpeg's errors, ValueError: it cannot be taken over this way.
    """
    opened = _open(source.path)
    if opened is None:
        return None
    container, stream = opened
    try:
        origin = first_frame_time(source.path) + source.after
        if stream.codec_context.codec.canonical_name in format.copied and not encoded:
            return CopiedSound(origin, source.note, opened, output)
        return EncodedSound(origin, source.note, opened, output, format, stereo=encoded)
    except BaseException:
        container.close()
        raise


def first_frame_time(path: Path) -> float:
    """When the first frame is shown, in seconds on the file's own clock; 0 if there is none."""
    with suppress(*WRONG_SOUND, StopIteration), closing(av.open(f"file:{path}")) as container:
        stream = container.streams.best("video")
        frame = next(container.decode(stream)) if stream is not None else None
        if isinstance(frame, VideoFrame) and frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
    return 0.0


def _open(path: Path) -> Opened | None:
    try:
        container = av.open(f"file:{path}")  # a relative path with a colon in it is no address
    except WRONG_SOUND:
        return None  # frames that come from elsewhere: a folder, a picture
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        container.close()
        return None
    return container, stream
