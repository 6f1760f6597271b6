"""DAVSOD: ``<set>/select_<video>/{Imgs,GT_object_level}``, one download for each of its five sets.

Frames are numbered as in the source video, with gaps; masks without a photograph and the reverse occur.
"""

from __future__ import annotations

from gsanet.prepare.download import Download, Entry
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, pictures, single


def _plan(download: Download, choices: Choices) -> Plan:
    parts = {
        "train": Part("DAVSOD_train", "flat", sequences=61),
        "valid": Part("DAVSOD_val", "folders", sequences=46, protocol="vsod"),
        "easy": Part("DAVSOD_test_easy", "folders", sequences=35, protocol="vsod"),
        "normal": Part("DAVSOD_test_normal", "folders", sequences=25, protocol="vsod"),
        "difficult": Part("DAVSOD_test_difficult", "folders", sequences=20, protocol="vsod"),
    }
    photos: dict[tuple[str, ...], list[Entry]] = {}
    masks: dict[tuple[str, ...], list[Entry]] = {}
    for entry in download.entries:
        found = {"Imgs": photos, "GT_object_level": masks}.get(entry.parts[-2]) if len(entry.parts) > 2 else None
        if found is not None:
            found.setdefault(entry.parts[:-2], []).append(entry)
    for folders in sorted(photos.keys() | masks.keys()):
        *above, name = folders
        part = next((p for word, p in parts.items() if any(word in folder.lower() for folder in reversed(above))), None)
        if part is None:
            continue
        if folders in masks and folders in photos:
            add_sequence(part, name, pictures(photos[folders]), single(pictures(masks[folders])))
        else:
            part.missing.append(f"{'photographs' if folders in masks else 'masks'} of {name}")
    return Plan(list(parts.values()) if any(part.items for part in parts.values()) else [])


DAVSOD = DataSet(
    "davsod",
    "DAVSOD",
    "DAVSOD-TrainingSet.zip, DAVSOD-ValidationSet.zip, Easy-35.zip, Normal-25.zip, Difficult-20.zip, or some of them",
    _plan,
)
