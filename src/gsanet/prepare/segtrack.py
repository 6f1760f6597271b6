"""SegTrack v2: ``GroundTruth/<sequence>`` or, for several objects, ``GroundTruth/<sequence>/1``, ``2`` ...; merged.

Photographs and masks are PNG or BMP in no order (cheetah's first object is BMP, its second PNG), so only names
without ending count. ``worm`` has a stray mask without a photograph, which is left out.
"""

from __future__ import annotations

from gsanet.prepare.download import Download, Entry
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, expect, pictures, under, words

_SEQUENCES = words(
    "bird_of_paradise birdfall bmx cheetah drift frog girl hummingbird monkey monkeydog parachute penguin soldier worm"
)


def _plan(download: Download, choices: Choices) -> Plan:
    photos, truths = under(download, "JPEGImages"), under(download, "GroundTruth")
    part = Part("SegTrack2_test", "folders", sequences=14, protocol="segtrack2")
    for folders, entries in sorted(photos.items()):
        if len(folders) != 1:
            continue
        found = pictures(entries)
        masks: dict[str, tuple[Entry, ...]] = {}
        for place, files in sorted(truths.items()):
            one = place == folders or (place[:-1] == folders and place[-1].isdecimal())
            for name, entry in _named_as(found, pictures(files)).items() if one else ():
                masks[name] = (*masks.get(name, ()), entry)
        if masks:
            add_sequence(part, folders[0], found, masks)
    if part.items:
        expect(part, _SEQUENCES)
    return Plan([part])


def _named_as(photos: dict[str, Entry], masks: dict[str, Entry]) -> dict[str, Entry]:
    """One object's masks under the photographs' names: if none agrees, in order."""
    if len(photos) == len(masks) and not set(photos) & set(masks):
        return dict(zip(photos, masks.values(), strict=True))
    return masks


SEGTRACK = DataSet("segtrack2", "SegTrack v2", "SegTrackv2.zip with JPEGImages and GroundTruth", _plan)
