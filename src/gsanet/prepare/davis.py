"""DAVIS 2016 and 2017, at 480p or full resolution, split by the official lists; objects are merged.

The folder of full resolution is called 1080p in 2016 and Full-Resolution in 2017. Index 255 of a palette mask is void
(2017, unsupervised) and becomes background.
"""

from __future__ import annotations

from functools import partial

from gsanet.data.image_sets import listed_sequences
from gsanet.prepare.download import Download
from gsanet.prepare.masks import with_void
from gsanet.prepare.plan import (
    Choices,
    DataSet,
    Part,
    Plan,
    Tree,
    add_sequence,
    expect,
    pictures,
    single,
    text,
    under,
    words,
)

_RESOLUTIONS = {"480p": ("480p",), "full": ("Full-Resolution", "1080p")}

_TRAIN_2016 = words(
    "bear bmx-bumps boat breakdance-flare bus car-turn dance-jump dog-agility drift-turn elephant flamingo hike hockey "
    "horsejump-low kite-walk lucia mallard-fly mallard-water motocross-bumps motorbike paragliding rhino rollerblade "
    "scooter-gray soccerball stroller surf swing tennis train"
)
_VAL_2016 = words(
    "blackswan bmx-trees breakdance camel car-roundabout car-shadow cows dance-twirl dog drift-chicane drift-straight "
    "goat horsejump-high kite-surf libby motocross-jump paragliding-launch parkour scooter-black soapbox"
)


def _plan(download: Download, choices: Choices, *, year: int) -> Plan:
    photos = _tree(download, "JPEGImages", choices)
    masks = _tree(download, "Annotations", choices)
    notes: list[str] = []
    if year == 2017 and (unsupervised := _tree(download, "Annotations_unsupervised", choices)):
        masks = unsupervised
        notes.append("masks are those of Annotations_unsupervised")
    lists = under(download, "ImageSets")
    if year == 2016:
        parts = [
            Part("DAVIS_train", "flat", sequences=30, frames=2079),
            Part("DAVIS_test", "folders", sequences=20, frames=1376, protocol="davis16"),
        ]
        names = [_listed(lists, "train", ("2016", "480p", "1080p")), _listed(lists, "val", ("2016", "480p", "1080p"))]
        # The annotations alone do not say which is which, and these lists have not changed since 2016.
        names = [names[0] or list(_TRAIN_2016), names[1] or list(_VAL_2016)]
        if ("2017",) in lists:
            notes.append(
                "this is the download of 2017, whose masks of the 2016 sequences were redrawn: for numbers to compare "
                "with published ones take the download of DAVIS-2016"
            )
    else:
        parts = [
            Part("DAVIS17_train", "flat", sequences=60, frames=4209),
            Part("DAVIS17_test", "folders", sequences=30, frames=1999, protocol="davis17-merged"),
        ]
        names = [_listed(lists, "train", ("2017",)), _listed(lists, "val", ("2017",))]
    if not masks or not photos:
        return Plan([])
    for part, wanted in zip(parts, names, strict=True):
        for name in wanted:
            if (name,) in photos:
                found = pictures(photos[(name,)])
                add_sequence(part, name, found, single(pictures(masks.get((name,), []))), with_void)
        expect(part, wanted)
    return Plan(parts if any(part.items for part in parts) else [], notes)


def _tree(download: Download, folder: str, choices: Choices) -> Tree:
    for resolution in _RESOLUTIONS[choices.resolution]:
        found = under(download, folder, resolution)
        if found:
            return found
    return {}


def _listed(lists: Tree, split: str, folders: tuple[str, ...]) -> list[str]:
    """Sequences of the first list of *split* in one of *folders*; none if there is none."""
    for folder in folders:
        lines = text(entry for entry in lists.get((folder,), []) if entry.name == f"{split}.txt")
        if lines:
            return listed_sequences(lines)
    return []


_WHAT = "JPEGImages/480p, Annotations/480p and ImageSets (or Full-Resolution, with --resolution full)"
DAVIS16 = DataSet("davis16", "DAVIS-2016", f"its download with {_WHAT}", partial(_plan, year=2016))
DAVIS17 = DataSet("davis17", "DAVIS-2017", f"its trainval download with {_WHAT}", partial(_plan, year=2017))
