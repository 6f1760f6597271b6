"""Whatever a user calls a clip, as a :class:`~gsanet.video.Clip`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pil

from gsanet.base.errors import GsanetError
from gsanet.video.arrays import ArrayClip, ListClip, LiveClip
from gsanet.video.clip import Clip, Image
from gsanet.video.files import open_file
from gsanet.video.finding import holds_pictures, videos_in
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.listing import some_of
from gsanet.video.named import NamedClip, camera, is_folder, missing, named
from gsanet.video.objects import array_of, captured, is_capture, is_tensor
from gsanet.video.streams import open_stream
from gsanet.video.trimmed import Span, TrimmedClip, seconds

Source: TypeAlias = "str | os.PathLike[str] | NDArray[np.uint8] | Iterable[Image] | Clip | Any"
"""A path, an array (T,H,W,3), an iterable of (H,W,3), a clip, or what :func:`open_clip` takes besides."""


def open_clip(
    source: Source,
    *,
    fps: Fraction | None = None,
    start: float | str = 0.0,
    end: float | str | None = None,
    every: int = 1,
) -> Clip:
    """Open whatever is a clip.

    ====================================  ======================================================================
    a path                                video file, folder of frames, picture
    ``shot/%04d.png``, ``shot/*.png``     pictures that are numbered alike, as one clip
    ``-``, a named pipe                   any container that can be read from its beginning, as it comes
    ``https://``, ``rtsp://`` and others  what is sent from there, as it comes
    ``/dev/video0``, ``0`` or 0           a camera, as it comes
    array or torch tensor, uint8 RGB      (T,H,W,3), or a tensor (T,3,H,W)
    list or tuple of frames               each an array (H,W,3), a PIL image or a tensor; known as a whole
    one PIL image                         a clip of one frame
    ``cv2.VideoCapture``                  what it still has to give, as it comes
    any other iterable of frames          as they come
    ====================================  ======================================================================

    What comes frame by frame is segmented online, and can be iterated once.

    Args:
        fps: of sources that have no frame rate of their own; 24 if not given.
        start: first time that is wanted, in seconds or as ``1:02.5``; frames keep the names and times of the whole clip
            (:class:`~gsanet.video.trimmed.TrimmedClip`).
        end: time from which on nothing is wanted.
        every: of the frames between, the first and then each N-th.

    Raises:
        GsanetError: it is not there or not one of these, or has no frame in that part; one line that says what and
            where.
    """
    part = Span(seconds(start), None if end is None else seconds(end), every)
    clip = _open(source, {} if fps is None else {"fps": fps})
    return TrimmedClip(clip, part) if part else clip


def _open(source: Source, own: dict[str, Any]) -> Clip:
    if isinstance(source, Clip):
        return source
    if isinstance(source, int) and not isinstance(source, bool) and source >= 0:
        source = camera(source)
    elif isinstance(source, str | os.PathLike):
        source = named(source)
    if isinstance(source, NamedClip):
        return _open_named(source, own)
    if isinstance(source, np.ndarray) or is_tensor(source):
        return ArrayClip(array_of(source), **own)
    if isinstance(source, pil.Image):
        return ListClip([source], **own)
    if isinstance(source, list | tuple):
        return ListClip(source, **own)
    if is_capture(source):
        return LiveClip(captured(source), **own)
    if not isinstance(source, Iterable):
        raise GsanetError(f"a clip is a path, an array (T,H,W,3) or frames to iterate, not {_kind(source)}")
    return LiveClip(source, **own)


def _kind(source: object) -> str:
    return "None" if source is None else f"a {type(source).__name__}"


def _open_named(clip: NamedClip, own: dict[str, Any]) -> Clip:
    if clip.live:
        return open_stream(clip)
    if clip.kind == "pictures":
        return FrameFolder.of_files(clip.name, {file.stem: file for file in clip.pictures}, **own)
    path = clip.path or Path()
    try:
        if is_folder(path):
            videos = [] if holds_pictures(path) else videos_in(path)
            if videos:
                names = some_of([video.name for video in videos], 3)
                raise GsanetError(f"{path} holds videos ({names}), and a clip is one of them: open them one by one")
            return FrameFolder(path, **own)
        if line := missing(clip):
            raise GsanetError(line)
        return open_file(path, **own)
    except PermissionError:
        raise GsanetError(f"{path} may not be read by this user (permission denied)") from None
    except (OSError, ValueError) as error:
        raise GsanetError(f"{path} cannot be opened: {error}") from None
