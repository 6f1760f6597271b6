"""YouTube-VOS, train, 2018 or 2019 (the same 3,471 videos): every fifth frame is annotated, objects in a palette.

Only annotated frames are taken, so that every picture has a mask. The official ``train`` holds no others;
``train_all_frames`` does.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.prepare.download import Download, Entry
from gsanet.prepare.masks import with_void
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, expect, pictures, single, under

_ROOTS = ("train", "train_all_frames")


def _plan(download: Download, choices: Choices) -> Plan:
    photos, masks = _videos(download, "JPEGImages"), _videos(download, "Annotations")
    part = Part("YTVOS_train", "flat", sparse=True, sequences=3471)
    for name, entries in photos.items():
        if name in masks:
            add_sequence(part, name, pictures(entries), single(pictures(masks[name])), with_void)
    meta = _meta(download)
    expect(part, list(meta or dict.fromkeys((*photos, *masks))), "video")
    if meta:
        there = {(item.sequence, item.name) for item in part.items}
        videos = set(part.sequence_names)
        part.missing += [
            f"annotated frame {name}/{frame}"
            for name, frames in meta.items()
            for frame in frames
            if name in videos and (name, frame) not in there
        ]
    return Plan([part] if part.items else [])


def _videos(download: Download, folder: str) -> dict[str, list[Entry]]:
    """Files by video; the validation set, in which only first frames are annotated, is passed over."""
    found: dict[str, list[Entry]] = {}
    for root in _ROOTS:
        for folders, entries in under(download, root, folder).items():
            if len(folders) == 1:  # DAVIS has a resolution between
                found.setdefault(folders[0], []).extend(entries)
    return found


def _meta(download: Download) -> dict[str, list[str]]:
    """Annotated frames by video, from ``meta.json``; none if it is not there."""
    inside = chain.from_iterable(under(download, root).get((), []) for root in _ROOTS)
    entry = next((entry for entry in inside if entry.name == "meta.json"), None)
    if entry is None:
        return {}
    try:
        videos: dict[str, Any] = json.loads(entry.read())["videos"]
        return {
            name: sorted({frame for thing in video["objects"].values() for frame in thing["frames"]})
            for name, video in videos.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GsanetError(f"{entry} is not the list of YouTube-VOS ({error}): download it again") from None


YTVOS = DataSet("ytvos", "YouTube-VOS (train)", "train.zip with train/JPEGImages and train/Annotations", _plan)
