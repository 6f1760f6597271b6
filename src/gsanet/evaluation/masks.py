"""Masks to be measured: read by the one rule of :mod:`gsanet.data.masks`, with every doubt raised, not averaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.data import masks
from gsanet.data.masks import Decided
from gsanet.data.raw_masks import RawMask


@dataclass(frozen=True)
class Reading:
    """What a protocol and its user say about the files."""

    threshold: float | None = None
    """Predictions are soft maps: foreground is above this share of full white."""
    merge: bool = True
    """Several objects are one foreground; otherwise they are an error."""
    void: bool = False
    """The ground truth may hold void."""


def foreground(raw: RawMask, path: Path, reading: Reading, *, truth: bool = False) -> Decided:
    """Foreground of a mask file.

    Args:
        truth: ground truth, which may be soft (as JPEG, say) and hold void. In a prediction every value but 0 is
            foreground, and a soft one needs a threshold.

    Raises:
        GsanetError: a soft map without a threshold, several objects where one is wanted, or values that
            cannot be a mask; the message says which option resolves it.
    """
    levels = raw.levels
    if raw.cut_out:
        raise GsanetError(f"{path} is a cut-out with transparency, not a mask: give the masks instead")
    if raw.kind == "colour" and raw.soft:
        raise GsanetError(f"{path} is a colour picture, not a mask")
    if not truth and raw.kind == "grey":
        if reading.threshold is not None:
            return Decided(np.asarray(raw.values > reading.threshold * raw.full))
        if raw.soft and len(levels) > 2:
            raise GsanetError(
                f"{path} is a soft map (grey values between black and white): pass --threshold, for example 0.5"
            )
    if len(levels) == 2 and 0 not in levels:
        raise GsanetError(f"{path} holds the values {levels[0]} and {levels[1]} and no background (0): not a mask")
    void = truth and reading.void
    objects = masks.objects_of(raw, void=void)
    if len(objects) > 1 and not raw.soft and not reading.merge:
        what = "ground truth" if truth else "prediction"
        cure = (
            "this is the annotation of another year: use --protocol davis17-merged, or --merge to take all as one"
            if truth
            else "pass --merge to take all as one, or --threshold if it is a soft map"
        )
        shown = ", ".join(map(str, objects))
        raise GsanetError(f"{path}: the {what} holds {len(objects)} objects (values {shown}), not merged; {cure}")
    return masks.decide(raw, path, void=void)
