"""What folders of results are called, and the hidden ones beside them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gsanet.video.named import NamedClip

_LONGEST = 240
"""Bytes of a name. File systems take 255, and a hidden name needs some for itself."""


def folder_names(clips: Sequence[NamedClip]) -> list[str]:
    """The name of each clip's folder of results, all different.

    A clip that shares its name with no other of the call keeps it. Clips of one name get what tells them apart, the
    least of it that does for all of them: the suffix, if they lie in one folder (``clip-mp4``, ``clip-mov``), else the
    folders around them (``a-clip``, ``b-clip``). So the names do not depend on the order of the clips.
    """
    groups: dict[str, list[int]] = {}
    for i, clip in enumerate(clips):
        # Some file systems do not tell capitals apart.
        groups.setdefault(clip.name.casefold(), []).append(i)
    names = [clip.name for clip in clips]
    for group in groups.values():
        if len(group) > 1:
            for i, name in zip(group, _told_apart([clips[i] for i in group]), strict=True):
                names[i] = name
    taken: set[str] = set()
    for i, name in enumerate(names):
        if name.casefold() in taken:
            names[i] = f"{name}-{_mark(clips[i])}"
        taken.add(names[i].casefold())
    return [fitting(name) for name in names]


def hidden(folder: Path, ending: str) -> Path:
    """A hidden name beside *folder*, whole: FFmpeg would take a relative one with a colon in it for an address."""
    whole = folder.absolute()
    return whole.with_name(f".{fitting(whole.name)}{ending}")


def fitting(name: str, longest: int = _LONGEST) -> str:
    """*name*, or if it has too many bytes its beginning and a mark of the whole."""
    data = os.fsencode(name)
    if len(data) <= longest:
        return name
    return f"{data[: longest - 9].decode(errors='ignore')}~{hashlib.sha256(data).hexdigest()[:8]}"


def _told_apart(clips: Sequence[NamedClip]) -> list[str]:
    deepest = max(len(clip.around) for clip in clips)
    if len({clip.around for clip in clips}) == 1:
        candidates = [(0, True)]
    else:
        candidates = [(depth, suffix) for depth in range(1, deepest + 1) for suffix in (False, True)]
    for depth, with_suffix in candidates:
        names = [_long_name(clip, depth, with_suffix) for clip in clips]
        if len({name.casefold() for name in names}) == len(names):
            return names
    return [f"{clip.name}-{_mark(clip)}" for clip in clips]


def _long_name(clip: NamedClip, depth: int, with_suffix: bool) -> str:
    around = [part.strip("/\\:") for part in clip.around[-depth:]] if depth else []
    ending = [clip.suffix.lstrip(".")] if with_suffix else []
    return "-".join(part for part in (*around, clip.name, *ending) if part)


def _mark(clip: NamedClip) -> str:
    """A few letters that belong to this clip wherever it stands in the call."""
    return hashlib.sha256(os.fsencode("/".join((*clip.around, clip.said, clip.address)))).hexdigest()[:6]
