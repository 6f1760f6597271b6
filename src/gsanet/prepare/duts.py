"""DUTS: single pictures with masks. Masks are grey and not quite black and white: object is above half."""

from __future__ import annotations

from gsanet.prepare.download import Download, Entry
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, add_sequence, pictures, single, under


def _plan(download: Download, choices: Choices) -> Plan:
    train = Part("DUTS_train", "pairs", frames=10553)
    val = Part("DUTS_val", "pairs", frames=5019)
    for part, letters in ((train, "TR"), (val, "TE")):
        add_sequence(part, "", _all(download, f"DUTS-{letters}-Image"), single(_all(download, f"DUTS-{letters}-Mask")))
    return Plan([train, val])


def _all(download: Download, folder: str) -> dict[str, Entry]:
    return pictures(entry for entries in under(download, folder).values() for entry in entries)


DUTS = DataSet("duts", "DUTS", "DUTS-TR.zip or DUTS-TE.zip (DUTS-TR-Image and DUTS-TR-Mask), or both", _plan)
