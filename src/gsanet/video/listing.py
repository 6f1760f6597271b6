"""Which pictures lie in a folder, and in what order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.video.images import SUFFIXES

RGB = "RGB"
"""The folder of a sequence's frames in the data layout (:mod:`gsanet.data.layout`)."""


def list_images(folder: Path, *, empty: bool = False) -> dict[str, Path]:
    """Name without ending -> file, of all pictures directly in *folder*, in natural order.

    Hidden files and files that are no pictures are passed over.

    Args:
        empty: whether a folder without pictures, or no folder at all, is fine.

    Raises:
        GsanetError: there is none, or two pictures differ in their ending only.
    """
    if not folder.is_dir():
        if empty:
            return {}
        raise GsanetError(f"no such folder: {folder}{found_folders(folder.parent)}")
    images: dict[str, Path] = {}
    for file in sorted(folder.iterdir(), key=lambda file: (natural_key(file.stem), file.suffix)):
        if file.suffix.lower() not in SUFFIXES or file.name.startswith(".") or not file.is_file():
            continue
        if file.stem in images:
            raise GsanetError(f"{folder} holds both {images[file.stem].name} and {file.name}: remove one of them")
        images[file.stem] = file
    if not images and not empty:
        inside = sorted(child.name for child in folder.iterdir() if child.is_dir())
        hint = f"; it holds folders ({some_of(inside)}), but pictures lie in it directly" if inside else ""
        raise GsanetError(f"no pictures in {folder}{hint}")
    return images


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key by which ``frame2`` comes before ``frame10``."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), name


def some_of(names: Sequence[str], most: int = 5) -> str:
    """The first few of *names*, for a message: ``a, b, c and 4 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def found_folders(folder: Path) -> str:
    """What is there instead, for a message; the usual slip is another spelling of RGB."""
    if not folder.is_dir():
        return ""
    names = sorted(child.name for child in folder.iterdir() if child.is_dir())
    return f" (found {some_of(names)})" if names else ""
