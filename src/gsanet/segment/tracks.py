"""Objects over time: each connected piece of the mask gets the number of the object that it belongs to.

A frame's pieces are compared with the objects of the frame before, carried along by the flow that the engine has anyway
(:mod:`gsanet.segment.links`). What covers the same place is the same object. An object that is gone is looked for where
its own motion leads, by place and colour, for a little more than a second; then its number is given up. No number is
given twice. Only the past is used, so they are the same online and offline.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.segment.assignment import Assignment
from gsanet.segment.links import Link, carry_labels
from gsanet.segment.looks import colours_of, histogram, in_common
from gsanet.segment.pieces import Ids, Pieces, nearest_label
from gsanet.video.resize import limit

HIDDEN = 1.25
"""Seconds for which an object that is not seen is waited for."""

_CLAIM = 0.2
"""Of an object's usual area: as much of it must lie in a piece for the piece to be it, or be shared by it."""
_MOSTLY = 0.5
"""Of a piece's area: whatever covers so much of it has a claim too."""
_SLIGHTLY = 0.1
"""Of a piece's area: the least that counts at all."""
_PART = 0.2
"""Of the largest piece of an object: others as large may be another object, which was hidden, or is on its own now."""
_APART = 1.0
"""Seconds for which a part keeps away from the object that it came from until it is one of its own."""
_GAP = 0.25
"""Sides of the object, by which its part must keep away."""
_ALIKE = 0.35
"""Of two histograms of colour, what they have in common at least."""
_FAMILIAR = 0.5
"""What it must have in common with itself to be learned from."""
_CONFUSED, _ENOUGH = 0.5, 30
"""Two that have so much more in common with each other's colours than with their own, of 2, have been confused; so many
pixels of the flow say so."""
_LARGER = 4.0
"""Times its usual area: what is larger is not the object that was hidden."""
_REACH, _DRIFT = 1.5, 0.25
"""How far from where it is expected a hidden object is looked for: in its own sides, and in long sides of the picture
for each second."""
_MEMORY, _UNSEEN = 2.0, 0.01
"""Where objects touch: what being carried there counts against the logarithm of how common the colour is in the object,
and the share of a colour that it never had."""
_NEIGHBOURHOOD = 50
"""Part of the long side over which this is averaged."""
_YOUNG = 0.5
"""Seconds: what is not known for so long is no object beside another in one piece."""
_SHRINK = 0.95
"""An object's usual area follows what is seen of it at once upwards, and so slowly downwards: it may be half hidden."""


@dataclass
class _Track:
    """What is known of an object; places and areas in pixels of the links."""

    id: int
    born: float
    """When it was first seen."""
    seen: float
    """When, last."""
    centre: NDArray[np.float64]
    """(x, y)"""
    velocity: NDArray[np.float64]
    """A second."""
    area: float
    colours: NDArray[np.float64]
    apart: float | None = None
    """Since when a part of it keeps away."""

    def expected(self, time: float) -> NDArray[np.float64]:
        """Where it would be if it went on as before."""
        place: NDArray[np.float64] = self.centre + self.velocity * (time - self.seen)
        return place


class Tracker:
    """Numbers the objects of a clip's frames, one frame after the other.

    Args:
        size: long side of what the links lead between, at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 1
        self._tracks: dict[int, _Track] = {}
        self._before: Ids | None = None
        self._left: tuple[dict[int, _Track], Ids | None] | None = None
        """What was known when the shot began, in case that it was a flash."""

    def __call__(
        self,
        mask: NDArray[np.bool_],
        image: NDArray[np.uint8],
        time: float,
        link: Link | None,
        new: bool,
        back: bool = False,
    ) -> Ids:
        """The objects of the next frame.

        Args:
            mask: (H,W), all that was found.
            image: (H,W,3), RGB.
            time: in seconds.
            link: to the frame before. None: it shows the same picture, or *new*.
            new: nothing of before can be seen any more: a shot begins, and the numbers of before end.
            back: after a flash: all is as it was before the last shot began.

        Returns:
            (H,W) uint16: the number of the object of each pixel of *mask*, from 1, and 0 elsewhere.
        """
        if back and self._left is not None:
            self._tracks, self._before = self._left
            self._left = None
        elif new or self._before is None:
            self._left = (self._tracks, self._before)
            self._tracks, self._before = {}, None
        small = limit(image, self._size)
        pieces = Pieces(mask, small.shape[:2])
        carried = np.zeros(small.shape[:2], np.uint16)
        if self._before is not None:
            carried = self._before if link is None else carry_labels(self._before, link.back)
        colours = colours_of(small)
        found = Assignment(pieces, self._claims(pieces, carried, time))
        self._exchange(found, colours)
        largest = max((track.area for track in self._tracks.values()), default=0.0)
        specks = {piece for piece in found.free() if pieces.is_speck(piece, largest)}
        self._return(found, specks, colours, time)
        for piece in found.free():
            if piece not in specks:
                found.give(piece, self._next)
                self._next += 1
        borders = self._borders(found, carried, colours)
        _, self._before = pieces.draw(found.claims, borders)
        self._join(found, time)
        ids, _ = pieces.draw(found.claims, borders)
        self._learn(found, self._before, colours, time)
        return ids

    def _claims(self, pieces: Pieces, carried: Ids, time: float) -> list[list[int]]:
        """For each piece the objects that it is, most of it first; several where objects touch."""
        claims: list[list[int]] = []
        overlap = pieces.overlap(carried)
        for piece in range(pieces.count):
            covered, area = overlap[piece], pieces.small_areas[piece]
            known = {id: pixels for id, pixels in covered.items() if id in self._tracks}
            ordered = sorted(known, key=lambda id: -known[id])
            strong = [id for id in ordered if known[id] >= min(_CLAIM * self._tracks[id].area, max(_MOSTLY * area, 1))]
            # Parts that appear on their own and soon grow together have been one object all the time.
            grown = [id for id in strong if time - self._tracks[id].born >= _YOUNG]
            strong = strong if len(strong) == 1 else grown or strong[:1]
            claims.append(strong or [id for id in ordered[:1] if known[id] >= _SLIGHTLY * area])
        return claims

    def _exchange(self, found: Assignment, colours: NDArray[np.uint8]) -> None:
        """Two objects that each look like the other have been taken for each other where they touched."""
        shared = found.shared()
        looks = {
            id: histogram(colours[found.pieces.at(piece)])
            for id, piece in found.largest().items()
            if id not in shared and found.pieces.small_areas[piece] >= _ENOUGH
        }
        for one, other in combinations(looks, 2):
            first, second = self._tracks[one].colours, self._tracks[other].colours
            right = in_common(looks[one], first) + in_common(looks[other], second)
            crossed = in_common(looks[one], second) + in_common(looks[other], first)
            if crossed > right + _CONFUSED:
                found.exchange(one, other)
                return

    def _return(self, found: Assignment, specks: set[int], colours: NDArray[np.uint8], time: float) -> None:
        """Give pieces that are new, or only a part of an object, to objects that were hidden and fit better."""
        hidden = [track for track in self._tracks.values() if track.id not in found.owners()]
        offers = []
        for piece in [one for one in (*found.free(), *found.parts(_PART)) if one not in specks]:
            own = found.claims[piece]
            look = histogram(colours[found.pieces.at(piece)])
            known = in_common(look, self._tracks[own[0]].colours) if own else _ALIKE
            for track in hidden:
                away = float(np.hypot(*(found.pieces.centres[piece] - track.expected(time))))
                waited = time - track.seen
                reach = _REACH * track.area**0.5 + _DRIFT * self._size * waited
                alike = in_common(look, track.colours)
                fits = away <= reach and alike >= known and found.pieces.small_areas[piece] <= _LARGER * track.area
                if fits and waited <= HIDDEN:
                    offers.append((alike - away / reach, piece, track.id))
        for _, piece, id in sorted(offers, reverse=True):
            if id not in found.owners() and piece not in found.given:
                found.give(piece, id)

    def _borders(self, found: Assignment, carried: Ids, colours: NDArray[np.uint8]) -> dict[int, Ids]:
        """For each piece that is several objects, which of them each pixel is, (h,w).

        What is carried along is worth less the nearer it is to another object, for there one comes out from behind the
        other; there colours say whose it is, if they differ.
        """
        borders = {}
        side = max(3, self._size // _NEIGHBOURHOOD | 1)
        for piece, claims in enumerate(found.claims):
            if len(claims) > 1:
                scores = []
                for id in claims:
                    likely = np.log(self._tracks[id].colours + _UNSEEN).astype(np.float32)[colours]
                    before = (carried == id).astype(np.float32)
                    scores.append(cv2.blur(likely + np.float32(_MEMORY) * before, (side, side)))
                borders[piece] = np.array(claims, np.uint16)[np.argmax(scores, axis=0)]
        return borders

    def _join(self, found: Assignment, time: float) -> None:
        """Specks belong to what is nearest. Nothing is concluded from it: they are judged anew in the next frame."""
        left = found.free()
        if not left:
            return
        nearest = nearest_label(self._before) if self._before is not None and self._before.any() else None
        for piece in left:
            x, y = found.pieces.centres[piece]
            if nearest is not None:
                height, width = nearest.shape
                found.claims[piece] = [int(nearest[min(int(y), height - 1), min(int(x), width - 1)])]
            elif self._tracks:
                away = {id: float(np.hypot(*(track.expected(time) - (x, y)))) for id, track in self._tracks.items()}
                found.claims[piece] = [min(away, key=lambda id: away[id])]
            else:
                found.claims[piece] = [max(self._next - 1, 1)]  # smaller than a pixel of the links, and all there is

    def _learn(self, found: Assignment, ids: Ids, colours: NDArray[np.uint8], time: float) -> None:
        shared = found.shared()
        for id in sorted(found.owners()):
            inside = ids == id
            area = int(np.count_nonzero(inside))
            if not area:
                continue  # smaller than a pixel of the links: it is waited for
            rows, columns = np.nonzero(inside)
            centre = np.array([columns.mean(), rows.mean()])
            look = histogram(colours[inside])
            track = self._tracks.get(id)
            if track is None:
                self._tracks[id] = _Track(id, time, time, centre, np.zeros(2), area, look)
                continue
            if time > track.seen:
                velocity = (centre - track.centre) / (time - track.seen)
                track.velocity += 0.3 * (velocity - track.velocity)
            track.centre, track.seen = centre, time
            if id not in shared:  # else the border between the two is a guess
                track.area = max(area, _SHRINK * track.area)
                if in_common(look, track.colours) > _FAMILIAR:
                    track.colours += 0.1 * (look - track.colours)
        self._tracks = {id: track for id, track in self._tracks.items() if time - track.seen <= HIDDEN}
        self._part_ways(found, time)

    def _part_ways(self, found: Assignment, time: float) -> None:
        """What has kept away from its object for long enough has a number of its own from the next frame on."""
        parted: dict[int, int] = {}
        for piece in found.parts(_PART):
            (id,) = found.claims[piece]
            track = self._tracks.get(id)
            if track is not None and found.gap(piece, id) > _GAP * track.area**0.5:
                parted.setdefault(id, piece)
        for id, track in self._tracks.items():
            if id not in parted:
                track.apart = None
            elif track.apart is None:
                track.apart = time
            elif time - track.apart >= _APART and self._before is not None:
                inside = found.pieces.at(parted[id])
                self._before[inside] = self._next
                rows, columns = np.nonzero(inside)
                centre = np.array([columns.mean(), rows.mean()])
                self._tracks = dict(self._tracks)
                self._tracks[self._next] = _Track(
                    self._next, time, time, centre, track.velocity.copy(), len(rows), track.colours.copy()
                )
                track.area, track.apart = float(np.count_nonzero(self._before == id)), None
                self._next += 1
