"""One file as a clip. What it holds decides what it is, not how it is called."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.video.animation import Animation
from gsanet.video.clip import STILLS_PER_SECOND, Clip
from gsanet.video.container import VideoFile
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.images import SUFFIXES, is_heif, open_picture
from gsanet.video.shown import MOVING, stack_pages

_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
"""First bytes of pictures that need no name. Raw photographs begin as TIFF does, and these FFmpeg knows better."""

_ROW_OF_PICTURES = frozenset((".mjpeg", ".mjpg"))
"""Films that begin as a picture does: one JPEG after the other."""


def open_file(file: Path, fps: Fraction = STILLS_PER_SECOND) -> Clip:
    """A video, an animated picture, a stack of pictures or one picture.

    Args:
        fps: of a stack, which has no times.

    Raises:
        GsanetError: it cannot be read; one line that says what and where.
    """
    if not _may_be_picture(file):
        return VideoFile(file)
    try:
        with open_picture(file) as image:
            kind, frames = image.format, int(getattr(image, "n_frames", 1))
    except GsanetError as problem:
        # A picture that PIL does not know, or a video under the name of one.
        if file.stat().st_size and not is_heif(file):
            for other in (FrameFolder.of_picture, VideoFile):
                with suppress(GsanetError):
                    return other(file)
        raise problem from None
    if kind in MOVING and frames > 1:
        return Animation(file)
    pages = stack_pages(file) if kind == "TIFF" and frames > 1 else []
    return FrameFolder.of_stack(file, pages, fps) if len(pages) > 1 else FrameFolder.of_picture(file, fps)


def _may_be_picture(file: Path) -> bool:
    ending = file.suffix.lower()
    if ending in SUFFIXES:
        return True
    if ending in _ROW_OF_PICTURES:
        return False
    with file.open("rb") as content:
        head = content.read(12)
    return (
        head.startswith(_BEGINNINGS)
        or (head[:4] == b"RIFF" and head[8:] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:] in (b"avif", b"avis"))
        or is_heif(file)
    )
