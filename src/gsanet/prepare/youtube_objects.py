"""YouTube-Objects with the masks of Jain and Grauman: ``<class>/data/<video>/shots/<shot>/labels/00001.jpg``.

The download of masks brings the photographs of annotated frames only (``images``), about one in ten. Given the
frames of YouTube-Objects v1 as well (``shots/<shot>/frame0001.jpg``), every frame of an annotated shot is taken.
Masks are JPEGs, and may be of another size than v1's frames.
"""

from __future__ import annotations

import re

from gsanet.prepare.download import Download, Entry
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, single, words

_CLASSES = words("aeroplane bird boat car cat cow dog horse motorbike train")
_NUMBER = re.compile(r"(?:frame)?(\d+)")

Shot = tuple[str, str, str]


def _plan(download: Download, choices: Choices) -> Plan:
    labels: dict[Shot, dict[str, Entry]] = {}
    images: dict[Shot, dict[str, Entry]] = {}
    frames: dict[Shot, dict[str, Entry]] = {}
    for entry in download.entries:
        number = _NUMBER.fullmatch(entry.stem)
        if number is None or not entry.is_picture:
            continue
        place = _place(entry.parts[:-1])
        if place is not None:
            shot, folder = place
            found = {"labels": labels, "images": images, "": frames}.get(folder)
            if found is not None:
                found.setdefault(shot, {}).setdefault(f"{int(number[1]):05d}", entry)
    part = Part("YouTubeObjects_test", "folders", sparse=True, protocol="youtube-objects")
    for shot in sorted(labels):
        photos = frames.get(shot) or images.get(shot, {})
        name = "_".join(shot)
        add_sequence(part, name, dict(sorted(photos.items())), single(labels[shot]))
        if not photos:
            part.missing.append(f"photographs of {name}")
    if not part.items:
        return Plan([])
    there = {name.split("_")[0] for name in part.sequence_names}
    part.missing += [f"class {name}" for name in _CLASSES if name not in there]
    notes = []
    if not any(shot in frames for shot in labels):
        notes.append(
            "only annotated frames are here, about one in ten: flow between them is of little use; give the frames of "
            "YouTube-Objects v1 as well to have all"
        )
    return Plan([part], notes)


def _place(folders: tuple[str, ...]) -> tuple[Shot, str] | None:
    """(class, video, shot) and the folder inside the shot, if any."""
    for i in range(1, len(folders) - 3):
        if folders[i] == "data" and folders[i + 2] == "shots":
            inside = folders[i + 4 :]
            if len(inside) <= 1:
                return (folders[i - 1], folders[i + 1], folders[i + 3]), "".join(inside)
    return None


YOUTUBE_OBJECTS = DataSet(
    "youtube-objects",
    "YouTube-Objects",
    "the masks of Jain and Grauman (<class>/data/<video>/shots/<shot>/labels), and v1's frames if you have them",
    _plan,
)
