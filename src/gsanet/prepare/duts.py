"""DUTS: single pictures with masks. Masks are grey and not quite black and white: object is above half."""

from __future__ import annotations

from gsanet.prepare.download import Download, Entry
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, pair, pictures, single, under


def _plan(source: Download, options: Choices) -> Plan:
    train = Part("DUTS_train", "pairs", frames=10553)
    val = Part("DUTS_val", "pairs", frames=5019)
    for part, letters in ((train, "TR"), (val, "TE")):
        pair(part, "", _all(source, f"DUTS-{letters}-Image"), single(_all(source, f"DUTS-{letters}-Mask")))
    return Plan([train, val])


def _all(source: Download, folder: str) -> dict[str, Entry]:
    return pictures(entry for entries in under(source, folder).values() for entry in entries)


DUTS = DataSet("duts", "DUTS", "DUTS-TR.zip or DUTS-TE.zip (DUTS-TR-Image and DUTS-TR-Mask), or both", _plan)
