"""Whatever a user calls a clip, as a :class:`~gsanet.video.Clip`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from glob import glob
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pil

from gsanet.base.errors import GsanetError
from gsanet.video.arrays import ArrayClip, ListClip, LiveClip
from gsanet.video.clip import Clip, Image
from gsanet.video.container import VideoFile
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.images import SUFFIXES
from gsanet.video.listing import natural_key
from gsanet.video.objects import array_of, captured, is_capture, is_tensor

Source: TypeAlias = "str | os.PathLike[str] | NDArray[np.uint8] | Iterable[Image] | Clip | Any"
"""A path, an array (T,H,W,3), an iterable of (H,W,3), a clip, or what :func:`open_clip` takes besides."""


def open_clip(source: Source, *, fps: Fraction | None = None) -> Clip:
    """Open whatever is a clip.

    ====================================  ======================================================================
    a path                                video file, folder of frames, picture
    array or torch tensor, uint8 RGB      (T,H,W,3), or a tensor (T,3,H,W)
    list or tuple of frames               each an array (H,W,3), a PIL image or a tensor; known as a whole
    one PIL image                         a clip of one frame
    ``cv2.VideoCapture``                  what it still has to give, as it comes
    any other iterable of frames          as they come: segmented online
    ====================================  ======================================================================

    Args:
        fps: of sources that have no frame rate of their own; 24 if not given.

    Raises:
        GsanetError: it is not there or not one of these; one line that says what and where.
    """
    if isinstance(source, Clip):
        return source
    own: dict[str, Any] = {} if fps is None else {"fps": fps}
    if isinstance(source, str | os.PathLike):
        return _open_path(Path(source), own)
    if isinstance(source, np.ndarray) or is_tensor(source):
        return ArrayClip(array_of(source), **own)
    if isinstance(source, pil.Image):
        return ListClip([source], **own)
    if isinstance(source, list | tuple):
        return ListClip(source, **own)
    if is_capture(source):
        return LiveClip(captured(source), **own)
    if not isinstance(source, Iterable):
        raise GsanetError(f"a clip is a path, an array (T,H,W,3) or frames to iterate, not {_named(source)}")
    return LiveClip(source, **own)


def _named(source: object) -> str:
    return "None" if source is None else f"a {type(source).__name__}"


def _open_path(path: Path, own: dict[str, Any]) -> Clip:
    try:
        if path.is_dir():
            return FrameFolder(path, **own)
        if not path.exists():
            raise GsanetError(f"no such file or folder: {path}")
        # A GIF among frames is a picture, on its own it is an animation.
        if path.suffix.lower() in SUFFIXES and path.suffix.lower() != ".gif":
            return FrameFolder.of_picture(path, **own)
        return VideoFile(path)
    except PermissionError:
        raise GsanetError(f"{path} may not be read by this user (permission denied)") from None
    except (OSError, ValueError) as error:
        raise GsanetError(f"{path} cannot be opened: {error}") from None


def clip_name(path: Path) -> str:
    """The name that :func:`open_clip` gives the clip at *path*, without opening it."""
    if path.is_dir():
        return path.resolve().name
    return path.stem


def find_clips(patterns: Iterable[str]) -> list[Path]:
    """Paths as they are, and patterns (``clips/*.mp4``, ``**`` included) spelled out in natural order.

    Raises:
        GsanetError: a pattern matches nothing.
    """
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        # A file may have a star or bracket in its name.
        if path.exists() or not any(sign in pattern for sign in "*?["):
            found.append(path)
            continue
        matches = sorted(glob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 - Path.glob takes no absolute one
        if not matches:
            raise GsanetError(f"nothing matches {pattern}")
        found += [Path(match) for match in matches]
    return list(dict.fromkeys(found))
