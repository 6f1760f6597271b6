"""Everything that was typed for clips, as a list of clips, and a line for each thing that is none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.video.images import SUFFIXES, open_picture
from gsanet.video.listing import RGB, natural_key, some_of
from gsanet.video.named import NamedClip, is_folder, is_pattern, matches, missing, named, of_path, row_of, whole_path
from gsanet.video.numbered import rows, spelled_out

_VIDEOS = (
    "mp4 m4v mov qt mkv webm avi mpg mpeg mpe m2v ts mts m2ts wmv asf flv f4v 3gp 3g2 ogv vob mxf dv y4m h264 h265 "
    "hevc ivf rm rmvb divx"
)
_BESIDE = (
    "srt vtt ass ssa sub idx sbv lrc thm txt md json jsonl xml xmp csv tsv nfo log ini yaml yml toml html htm pdf gpx "
    "kml aae pto exif md5 sha256 zip rar wav mp3 m4a aac flac opus db lnk torrent py sh"
)
VIDEOS = frozenset(f".{ending}" for ending in _VIDEOS.split())
"""What is taken out of a folder of videos, in lower case. A file that is named itself may have any ending."""

BESIDE = frozenset(f".{ending}" for ending in _BESIDE.split())
"""Files that lie beside videos and are none, in lower case: captions, thumbnails, notes, sound."""

SUMMARY = "summary.json"
"""In a folder of results."""


@dataclass
class Found:
    """What was typed, sorted."""

    clips: list[NamedClip] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    """One line for each thing that is no clip, and need not be one; and for each row of pictures taken as one."""
    missing: list[str] = field(default_factory=list)
    """One line for each thing that was asked for and is not there."""


def find_clips(words: Iterable[str | os.PathLike[str]], *, each: bool = False) -> Found:
    """Sort out what was typed: patterns are spelled out in natural order, folders of videos opened, pictures that are
    numbered alike (:func:`gsanet.video.numbered.rows`) joined to one clip, files beside videos passed over.

    Args:
        each: every picture is a clip of its own.
    """
    found = Found()
    clips: dict[object, NamedClip] = {}
    for word in words:
        for clip in _meant(os.fspath(word), found):
            if line := missing(clip):
                found.missing.append(line)
            elif clip.suffix.lower() in BESIDE and clip.kind == "file":
                found.passed_over.append(f"{clip.said} is passed over: it is no video ({clip.suffix})")
            else:
                clips.setdefault(_identity(clip), clip)
    found.clips = list(clips.values()) if each else _joined(list(clips.values()), found)
    return found


def holds_pictures(folder: Path) -> bool:
    """Whether a folder is a clip of frames: pictures lie in it, or in ``RGB`` inside."""
    return (folder / RGB).is_dir() or any(child.suffix.lower() in SUFFIXES for child in _files(folder))


def videos_in(folder: Path) -> list[Path]:
    """Videos directly in a folder, in natural order."""
    found = [child for child in _files(folder) if child.suffix.lower() in VIDEOS]
    return sorted(found, key=lambda file: natural_key(file.name))


def _meant(word: str, found: Found) -> list[NamedClip]:
    """What one word stands for, with the folders of videos among it opened."""
    try:
        if not is_pattern(word) or spelled_out(Path(word)) is not None:
            return _opened(named(word), found)
        paths = matches(word)
        if not paths:
            raise GsanetError(f"nothing matches {word}")
        return [one for path in paths if not _is_result(path, found) for one in _opened(named(path), found)]
    except GsanetError as error:
        found.missing.append(str(error))
        return []


def _opened(clip: NamedClip, found: Found) -> list[NamedClip]:
    """A folder of videos as its videos; all else as it is."""
    if clip.kind != "file" or clip.path is None or not is_folder(clip.path):
        return [clip]
    videos = videos_in(clip.path)
    if not videos or (clip.path / SUMMARY).is_file():
        return [clip]
    if not holds_pictures(clip.path):
        return [of_path(video) for video in videos]
    names = some_of([video.name for video in videos], 3)
    found.passed_over.append(f"{clip.said} is a clip of its pictures: the videos in it are passed over ({names})")
    return [clip]


def _joined(clips: list[NamedClip], found: Found) -> list[NamedClip]:
    """Pictures that are numbered alike become one clip, in the place of the first of them."""
    single = {clip.path: clip for clip in clips if clip.picture and clip.path is not None and clip.path.is_file()}
    joined: dict[NamedClip, NamedClip] = {}
    for files in rows(list(single))[0]:
        if _moves(files[0]):
            continue
        said = f"{files[0]} ... {files[-1].name}"
        row = row_of(said, files)
        found.passed_over.append(f"{said}: {len(files)} pictures numbered alike are one clip (--each: one by one)")
        joined.update((single[file], row) for file in files)
    return list(dict.fromkeys(joined.get(clip, clip) for clip in clips))


def _moves(file: Path) -> bool:
    """Whether it is an animation, or a stack of pictures: a clip of its own, though it is numbered."""
    try:
        with open_picture(file) as picture:
            return bool(getattr(picture, "n_frames", 1) > 1)
    except GsanetError:
        return False


def _identity(clip: NamedClip) -> object:
    """The same for one clip however it was spelled."""
    if clip.kind == "pictures":
        return clip.pictures
    return clip.address or whole_path(clip.path or Path())


def _is_result(path: Path, found: Found) -> bool:
    if is_folder(path) and (path / SUMMARY).is_file() and not holds_pictures(path):
        found.passed_over.append(f"{path} is passed over: it holds results")
        return True
    return False


def _files(folder: Path) -> list[Path]:
    try:
        return [child for child in folder.iterdir() if not child.name.startswith(".") and child.is_file()]
    except OSError:
        return []
