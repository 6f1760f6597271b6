"""What is known of a frame on its way through the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsanet.segment.kept import Kept
from gsanet.segment.links import Link
from gsanet.segment.pictures import Prepared
from gsanet.segment.references import Known

Map = NDArray[np.float32]


class Again(NamedTuple):
    """What another look at a frame takes."""

    prepared: Prepared
    references: Known
    """Those of the first look."""
    whole: Map | None
    """What the whole frame showed, if it was looked at for its slot maps alone."""


class Computed(NamedTuple):
    """All that a result says, but for the probability, which is averaged yet."""

    frame: Kept
    drawn: Callable[[], NDArray[np.uint8]]
    """Draws the flow picture."""
    slots: dict[str, Map]
    repeats: tuple[Kept, ...]
    """Frames that show its picture again."""
    link: Link | None
    """To the frame before; None where a shot begins."""
    again: Again | None = None
    """For another look."""


Found = tuple[Computed, Map, Link | None]
"""A frame, its probability (h,w), and its link to the frame before."""

First = tuple[Computed, Map | None, Link | None]
"""The same after the first look, if there was one."""
