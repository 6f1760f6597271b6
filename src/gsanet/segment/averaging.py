"""Probabilities averaged over time along the flow: what a frame lacks, its neighbours know.

A mask that is missed or added in single frames is the commonest error of a network that sees one frame at a time. Each
frame's probability is averaged with those of the past and of some frames that come, carried along by the flow. How much
the carried values count is decided for every pixel: where the flow leads to another colour, as it does at borders of
what moves and on things that come out from behind, they do not. At a cut the average begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gsanet.flow.colour import Flow
from gsanet.runtime.interface import Timer
from gsanet.segment.links import Link, carry
from gsanet.segment.threads import UntilBroken
from gsanet.video.resize import resize

Item = TypeVar("Item")
Map = NDArray[np.float32]

PAST = 0.85
"""Weight of the past, all of it, against 1 - PAST of the frame itself."""

PAST_ALONE = 0.65
"""The same where nothing that comes may count: so much trust in the past alone would lag behind what changes."""

FUTURE = 0.8
"""Weight of the average of what comes, itself made like that of the past, against 1 of frame and past. This, like the
others, was chosen on the development split: docs/experiments.md."""

LOOKAHEAD = 3
"""Frames that come and count, at least. Up to twice as many are held back."""


@dataclass(frozen=True)
class _Held(Generic[Item]):
    """A frame that waits for those after it; all maps but the first in pixels of the links."""

    item: Item
    map: Map
    own: Map
    past: Map
    """Average of all before, and of its own."""
    forth: Flow | None = None
    """From the frame before to this one, and how far that is trusted: of the link between them."""
    future: Map | None = None


def smoothed(
    items: Iterable[tuple[Item, Map, Link | None]],
    size: tuple[int, int],
    lookahead: int = LOOKAHEAD,
    timer: Timer = lambda stage: nullcontext(),
) -> Iterator[tuple[Item, Map]]:
    """The same items with smoother probabilities.

    Args:
        items: anything, in order, each with its probabilities (of any size) and its link to the one before; without a
            link the average begins anew.
        size: (h,w) of what the links lead between.
        lookahead: how many frames after each count at least, before a cut or the end; links must lead forth then.
            0: the past only, and no frame waits.
        timer: of the stage ``smooth``.
    """
    trust = PAST if lookahead else PAST_ALONE
    held: list[_Held[Item]] = []
    past = np.zeros((0, 0), np.float32)
    coming = UntilBroken(items)
    for item, probability, link in coming:
        done = []
        with timer("smooth"):
            own = resize(probability, size)
            if link is None:
                done += _with_future(held, len(held))
                past = own
                held.append(_Held(item, probability, own, past))
            else:
                past = _joined(own, carry(past, link.back), trust, link.past)
                held.append(_Held(item, probability, own, past, link.forth, link.future))
            # The way back over all that wait serves half of them at once: two steps a frame, however far it looks.
            # The first frame of a shot goes alone, as soon as it may: somebody waits for the first mask.
            if len(held) >= (lookahead + 1 if held[0].forth is None else 2 * lookahead):
                done += _with_future(held, max(len(held) - lookahead, 1))
        yield from done
    yield from _with_future(held, len(held))
    coming.settle()


def _with_future(held: list[_Held[Item]], count: int) -> list[tuple[Item, Map]]:
    """Take the first *count* of *held* out, averaged with what comes after them."""
    if not held:
        return []
    changes = [held[-1].past - held[-1].own]
    coming = held[-1].own
    for one, after in reversed(list(pairwise(held))):
        assert after.forth is not None and after.future is not None
        carried = carry(coming, after.forth)
        weight = FUTURE * after.future
        changes.append((one.past + weight * carried) / (1 + weight) - one.own)
        coming = _joined(one.own, carried, PAST, after.future)
    done = [
        (one.item, _corrected(one.map, change)) for one, change in zip(held[:count], reversed(changes), strict=False)
    ]
    del held[:count]
    return done


def _joined(own: Map, carried: Map, trust: float, alike: Map) -> Map:
    """A frame's own values and the average of what came so far, carried to it: *trust* of that, where *alike* is 1."""
    weight = trust * alike
    joined: Map = ((1 - trust) * own + weight * carried) / (1 - trust + weight)
    return joined


def _corrected(probability: Map, change: Map) -> Map:
    """The change alone is brought to the map's size: whatever finer things there are in the map stay."""
    size = (probability.shape[0], probability.shape[1])
    corrected: Map = np.clip(probability + resize(change, size), 0, 1)
    return corrected
