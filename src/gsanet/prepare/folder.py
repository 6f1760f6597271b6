"""A user's own clips with masks: photographs and masks in folders whose names say what they are.

``<clip>/RGB`` and ``<clip>/GT``, ``RGB/<clip>`` and ``GT/<clip>``, or ``RGB`` and ``GT`` with ``clip_00000`` in them;
other names for the two are in the lists below. What comes out is a folder for each clip, which training and evaluation
both read.
"""

from __future__ import annotations

from gsanet.base.errors import GsanetError
from gsanet.data.flat_names import by_sequence
from gsanet.prepare.download import Download, Entry
from gsanet.prepare.masks import with_void
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, pictures, single

PHOTOS = ("rgb", "jpegimages", "frames", "images", "image", "imgs", "img")
MASKS = ("gt", "groundtruth", "ground-truth", "ground_truth", "masks", "mask", "annotations", "annotation", "labels")

Clips = dict[tuple[str, ...], list[Entry]]


def _plan(download: Download, choices: Choices) -> Plan:
    photos: Clips = {}
    masks: Clips = {}
    for entry in download.entries:
        if not entry.is_picture:
            continue
        folders = entry.parts[1:-1]
        # The folder nearest to the file decides: "masks/RGB" would be a clip called masks.
        at = next((i for i in reversed(range(len(folders))) if folders[i].lower() in PHOTOS + MASKS), None)
        if at is not None:
            found = photos if folders[at].lower() in PHOTOS else masks
            found.setdefault(folders[:at] + folders[at + 1 :], []).append(entry)
    name = checked_name(choices.name or (download.entries[0].parts[0] if download.entries else "clips"))
    part = Part(name, "folders", sparse=True)
    for folders in sorted(photos):
        found_photos, found_masks = pictures(photos[folders]), pictures(masks.get(folders, []))
        if folders:
            add_sequence(part, "_".join(folders), found_photos, single(found_masks), with_void)
        else:
            for clip, members in _split(found_photos, name).items():
                own = {name: found_masks[name] for name in members if name in found_masks}
                add_sequence(part, clip, members, single(own), with_void)
    part.missing += [f"photographs of {'_'.join(folders) or name}" for folders in masks if folders not in photos]
    notes = []
    bare = len(part.items) - part.annotated
    if part.annotated and bare:
        notes.append(
            f"{bare:,} of {len(part.items):,} frames have no mask: fine for evaluation, but training needs all"
        )
    return Plan([part] if part.annotated else [], notes)


def checked_name(name: str) -> str:
    """*name*, which is that of a folder.

    Raises:
        GsanetError: it leads elsewhere.
    """
    if "/" in name or "\\" in name or name.startswith("."):
        raise GsanetError(f"--name {name!r} must be the name of a folder")
    return name


def _split(photos: dict[str, Entry], name: str) -> dict[str, dict[str, Entry]]:
    """Photographs in one folder: by clip if all are called ``clip_00000``, else one clip."""
    clips = by_sequence(photos)
    if clips is None:
        return {name: photos}
    return {clip: {photo: photos[photo] for photo in numbers.values()} for clip, numbers in clips.items()}


FOLDER = DataSet(
    "folder",
    "a folder of clips with masks",
    "<clip>/RGB and <clip>/GT, or RGB/<clip> and GT/<clip> (also JPEGImages, frames; masks, Annotations)",
    _plan,
)
