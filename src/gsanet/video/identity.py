"""What a source is, so that a later run can tell whether it is still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gsanet.video.images import SUFFIXES
from gsanet.video.listing import RGB
from gsanet.video.named import NamedClip, whole_path

_BLOCK = 1 << 16
_BLOCKS = 16
"""Bytes that are looked at, in so many places spread over a file from its first byte to its last."""

_LOOKED_INTO = 16
"""Pictures of a folder whose bytes count; of the others name and size do."""


def facts_about(clip: NamedClip) -> dict[str, Any]:
    """Of a file: ``path``, ``bytes``, ``modified`` (UTC) and ``hash``; of pictures also ``files``, their number; of
    what comes frame by frame its ``address``. Empty if nothing is there.

    The hash is of the size and of blocks spread over the contents: a clip of any length takes milliseconds, and a file
    that was copied or moved stays the same.
    """
    if clip.kind == "address":
        return {"address": clip.said, "hash": _digest(clip.address.encode())}
    if clip.live or clip.path is None:
        return {"address": clip.said}
    try:
        files = _files(clip)
        sizes = [file.stat() for file in files]
        whole = hashlib.sha256()
        for i, (file, size) in enumerate(zip(files, sizes, strict=True)):
            whole.update(f"{file.name if len(files) > 1 else ''}:{size.st_size}\0".encode("utf-8", "surrogateescape"))
            if i in _spread(len(files), _LOOKED_INTO):
                _hash_blocks(file, size.st_size, whole)
    except OSError:
        return {}
    if not files:
        return {}
    latest = datetime.fromtimestamp(max(size.st_mtime for size in sizes), timezone.utc)
    return {
        "path": str(whole_path(clip.path)),
        **({"files": len(files)} if len(files) > 1 else {}),
        "bytes": sum(size.st_size for size in sizes),
        "modified": latest.isoformat(timespec="seconds"),
        "hash": whole.hexdigest()[:32],
    }


def same_source(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two clips are the same by what :func:`facts_about` said of them; a pipe or camera never gives the same
    again."""
    return "hash" in now and before.get("hash") == now["hash"]


def _files(clip: NamedClip) -> Sequence[Path]:
    path = clip.path or Path()
    if clip.pictures:
        return clip.pictures
    if not path.is_dir():
        return [path]
    places = [path, path / RGB] if (path / RGB).is_dir() else [path]
    return sorted(
        child
        for place in places
        for child in place.iterdir()
        if child.suffix.lower() in SUFFIXES and not child.name.startswith(".") and child.is_file()
    )


def _hash_blocks(file: Path, size: int, whole: Any) -> None:
    with file.open("rb") as data:
        if size <= _BLOCK * _BLOCKS:
            whole.update(data.read())
            return
        for place in _spread(size - _BLOCK + 1, _BLOCKS):
            data.seek(place)
            whole.update(data.read(_BLOCK))


def _spread(count: int, most: int) -> list[int]:
    """At most *most* numbers from 0 to *count* - 1, the ends among them."""
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
