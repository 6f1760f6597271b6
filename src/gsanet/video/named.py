"""What a user calls a clip, told apart by its name: a file, a folder, a row of pictures, a pipe, an address, a camera.

Nothing is opened here, so that a wrong name is told before any work is done.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from glob import glob
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from gsanet.base.errors import GsanetError
from gsanet.video.images import SUFFIXES
from gsanet.video.listing import natural_key, some_of
from gsanet.video.numbered import row_name, rows, spelled_out

Kind = Literal["file", "pictures", "pipe", "address", "camera"]

STDIN = "-"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_UNFIT = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')
"""What some file system does not take in a name."""


@dataclass(frozen=True)
class NamedClip:
    """A clip that has a name but was not looked at yet. :func:`gsanet.open_clip` opens it."""

    said: str
    """What it is called in messages and summaries: as the user typed it, without passwords."""
    name: str
    """That of its folder of results."""
    kind: Kind
    path: Path | None = None
    """File, folder, pipe or device; of a row of pictures their folder."""
    pictures: tuple[Path, ...] = ()
    """Of a row, in their order."""
    address: str = ""
    """URL, ``-``, or the number of a camera."""
    around: tuple[str, ...] = ()
    """Folders in which it lies, the innermost last; tells clips of one name apart."""
    suffix: str = ""
    """``.mp4``"""

    @property
    def picture(self) -> bool:
        """It is a single file of a kind that holds pictures, by its ending."""
        return self.kind == "file" and self.suffix.lower() in SUFFIXES

    @property
    def live(self) -> bool:
        """Its frames come once: it cannot be looked at before."""
        return self.kind in ("pipe", "address", "camera")


def named(source: str | os.PathLike[str]) -> NamedClip:
    """What *source* names. What is on disk under just that name comes first, whatever signs are in it.

    Raises:
        GsanetError: a pattern that matches nothing, or more than one clip; an address of an unknown kind.
    """
    text = os.fspath(source)
    path = Path(text)
    if text == STDIN:
        return NamedClip("stdin", "stdin", "pipe", address=STDIN)
    if _exists(path):
        return _on_disk(path, text)
    if scheme := _SCHEME.match(text):
        return _address(text, scheme[1].lower())
    if text.isdecimal():
        return camera(int(text))
    if (files := spelled_out(path)) is not None:
        if not files:
            raise GsanetError(f"no pictures are named like {text}")
        return row_of(text, files)
    if is_pattern(text):
        return _one_row(text)
    return of_path(path)


def camera(number: int) -> NamedClip:
    """The camera that the system counts so, from 0."""
    return NamedClip(f"camera {number}", f"camera{number}", "camera", address=str(number))


def of_path(path: Path, said: str | None = None) -> NamedClip:
    """A file or folder, there or not."""
    whole = whole_path(path)
    if is_folder(path):
        whole = path.resolve()
        return NamedClip(said or str(path), whole.name or "clip", "file", path, around=whole.parts[:-1])
    return NamedClip(said or str(path), path.stem, "file", path, around=whole.parts[:-1], suffix=path.suffix)


def row_of(said: str, files: list[Path]) -> NamedClip:
    """Pictures numbered alike as one clip, called as their names begin, or after their folder."""
    folder = files[0].parent
    whole = folder.resolve()
    name = row_name(files) or whole.name or "clip"
    return NamedClip(said, name, "pictures", folder, tuple(files), around=whole.parts, suffix=files[0].suffix)


def whole_path(path: Path) -> Path:
    """From the root, without ``..``; links are not followed, for they may lead to files of other names."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows them


def is_folder(path: Path) -> bool:
    """Whether there is a folder; of a name that no file system takes, too long say, there is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises then


def is_pattern(text: str) -> bool:
    """Whether it has signs that stand for other letters; a file may have a star or bracket in its name."""
    return any(sign in text for sign in "*?[") and not _exists(Path(text))


def matches(pattern: str) -> list[Path]:
    """What a pattern stands for (``clips/*.mp4``, ``**`` included), in natural order."""
    found = sorted(glob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 - Path.glob takes no absolute one
    return [Path(match) for match in found]


def missing(clip: NamedClip) -> str | None:
    """One line if it is not there; None if it is, or if only opening it can tell."""
    if clip.kind == "file" and clip.path is not None and not _exists(clip.path):
        return f"no such file or folder: {clip.said}"
    return None


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _on_disk(path: Path, text: str) -> NamedClip:
    try:
        mode = path.stat().st_mode
    except OSError:
        return of_path(path)
    if stat.S_ISFIFO(mode):
        return NamedClip(text, path.stem, "pipe", path)
    if stat.S_ISCHR(mode):
        return NamedClip(text, path.stem, "camera", path, address=str(path))
    return of_path(path)


def _one_row(pattern: str) -> NamedClip:
    files = matches(pattern)
    if not files:
        raise GsanetError(f"nothing matches {pattern}")
    if len(files) == 1:
        return _on_disk(files[0], str(files[0]))
    found, apart = rows(files)
    if len(found) != 1 or apart:
        names = some_of([file.name for file in files], 3)
        raise GsanetError(f"{pattern} is more than one clip ({names}): open them one by one")
    return row_of(pattern, found[0])


def _address(text: str, scheme: str) -> NamedClip:
    if scheme == "file":
        return named(unquote(urlsplit(text).path))
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    # What stands after the question mark is often a key, and no part of the name.
    said = f"{scheme}://{host}{parts.path}"
    way = [part for part in unquote(parts.path).split("/") if part]
    last = PurePosixPath(way.pop()) if way else PurePosixPath(host)
    name = _fit(last.stem if way or parts.path.strip("/") else host)
    around = tuple(_fit(part) for part in (host, *way))
    return NamedClip(said, name, "address", address=text, around=around, suffix=last.suffix)


def _fit(name: str) -> str:
    return _UNFIT.sub("_", name).strip(" .") or "stream"
