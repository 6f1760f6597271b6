"""Looking closer: a small object is shown to the network in a picture of just its surroundings.

A network that sees the whole frame at 448 pixels has few of them for a bird in the sky. A closer look has the same
number of pixels for a part of the frame. There are two ways, measured in docs/experiments.md:

- *beside* (:func:`places`): every frame is looked at as a whole, then once more where something small was found;
- *instead* (:func:`between`): only every few frames are looked at as a whole, which says where to look closer at them
  and at those between. It takes no longer than looking at each frame as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask
from gsanet.flow.colour import Flow
from gsanet.model.input_size import MULTIPLE, SMALLEST
from gsanet.runtime.interface import Pictures
from gsanet.segment.links import Link
from gsanet.segment.motion import coloured
from gsanet.segment.options import Way
from gsanet.segment.threads import UntilBroken
from gsanet.video.resize import resize

Map = NDArray[np.float32]
Item = TypeVar("Item")

CLOSEST = 0.3
"""Share of the frame's sides that is shown at least: what is around an object says what it is."""

WIDEST = 0.8
"""Share of both sides from which on there is nothing to gain: the whole frame shows as much."""

_ROOM = 1.7
"""Sides of what is shown against those of the object."""

_PART = 0.1
"""Pieces smaller than this share of the largest are not looked at closer."""

SHARE = 0.5
"""How much the closer look counts where it looks and the whole frame was looked at too. Measured on still and moving
pictures of DUTS-TE (docs/experiments.md)."""

REACH = 3
"""Frames before and after that say where the object may be."""

PIXELS = 0.75
"""Share of the whole frame's pixels that a closer look has where it is made instead: then four frames, of which the
first is looked at twice, take as long as four whole ones. More are no better (docs/experiments.md)."""

_TOUCHING = 0.02
"""Share of an edge of a closer look that must be object to say that the object goes on beyond it."""


class Box(NamedTuple):
    """A part of a frame, in shares of its height and width, 0 to 1."""

    top: float
    bottom: float
    left: float
    right: float

    def pixels(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns in a picture of *size* (H,W); at least one of each."""
        height, width = size
        top, left = min(round(self.top * height), height - 1), min(round(self.left * width), width - 1)
        return (
            slice(top, max(top + 1, round(self.bottom * height))),
            slice(left, max(left + 1, round(self.right * width))),
        )

    def snapped(self, size: tuple[int, int]) -> Box:
        """The same of whole pixels of a picture of *size* (H,W)."""
        rows, columns = self.pixels(size)
        return Box(rows.start / size[0], rows.stop / size[0], columns.start / size[1], columns.stop / size[1])


class Closer(NamedTuple):
    """What a closer look at a frame needs of it."""

    image: NDArray[np.uint8]
    """The frame (H,W,3), large enough for the closest look."""
    flows: Mapping[Way, Flow]
    """Over the whole frame, each (h,w,2)."""
    in_pixels: bool
    """As :attr:`gsanet.segment.motion.Motion.in_pixels`."""


def closest_side(size: tuple[int, int]) -> int:
    """Long side of the frame in whose closest look every pixel of the network's input *size* (h,w) is its own."""
    return round(max(size) / CLOSEST)


def object_box(probability: Map) -> Box | None:
    """What holds the object and its larger pieces in a map (h,w) of a whole frame; None if nothing is found."""
    count, _, pieces, _ = cv2.connectedComponentsWithStats(object_mask(probability).view(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = pieces[1:, cv2.CC_STAT_AREA]
    pieces = pieces[1:][areas >= _PART * areas.max()]
    left, top, width, height = (pieces[:, column] for column in range(4))
    rows, columns = probability.shape
    return Box(
        float(top.min()) / rows,
        float((top + height).max()) / rows,
        float(left.min()) / columns,
        float((left + width).max()) / columns,
    )


def look_at(found: Iterable[Box | None], instead: bool = False) -> Box | None:
    """Where to look closer at a frame, by where its object was *found* in it and in frames around it.

    None if nothing was found, or if the whole frame shows about as much.

    Args:
        instead: of the whole frame: all of the object must be seen, however long it is.
    """
    boxes = [box for box in found if box is not None]
    if not boxes:
        return None
    top, left = min(box.top for box in boxes), min(box.left for box in boxes)
    bottom, right = max(box.bottom for box in boxes), max(box.right for box in boxes)
    most = 1.0 if instead else WIDEST
    height, width = (min(max(_ROOM * side, CLOSEST), most) for side in (bottom - top, right - left))
    if height * width >= WIDEST**2:
        return None
    # Pushed back into the frame where it would reach beyond.
    top = min(max((top + bottom - height) / 2, 0.0), 1 - height)
    left = min(max((left + right - width) / 2, 0.0), 1 - width)
    return Box(top, top + height, left, left + width)


def closer_size(box: Box, shape: tuple[int, int], whole: tuple[int, int], share: float = 1.0) -> tuple[int, int]:
    """(h,w) of the network's input for *box* of a frame of *shape* (H,W): about as many pixels as the *whole* frame's
    (h,w), so that it takes no longer, or a *share* of them.
    """
    height, width = (box.bottom - box.top) * shape[0], (box.right - box.left) * shape[1]
    scale = (share * whole[0] * whole[1] / (height * width)) ** 0.5
    fitted = (max(SMALLEST, MULTIPLE * round(scale * side / MULTIPLE)) for side in (height, width))
    return next(fitted), next(fitted)


def closer_pictures(closer: Closer, box: Box, size: tuple[int, int], way: Way, mirrored: bool) -> Pictures:
    """The *box* of a frame at *size* (h,w), and its flow: cut out of that of the whole frame, then coloured.

    Args:
        box: of whole pixels of the frame (:meth:`Box.snapped`).
    """
    rows, columns = box.pixels((closer.image.shape[0], closer.image.shape[1]))
    image = np.ascontiguousarray(resize(closer.image[rows, columns], size))
    flow = closer.flows[way]
    part = _flow_in(flow, box, size, closer.in_pixels)
    picture = coloured(part, flow, closer.in_pixels, mirrored)
    return Pictures(np.ascontiguousarray(image[:, ::-1]) if mirrored else image, picture)


def _flow_in(flow: Flow, box: Box, size: tuple[int, int], in_pixels: bool) -> Flow:
    """The *box* of *flow* (H,W,2) on a grid of *size* (h,w), in pixels of that, or in units as they were."""
    # From the middle of a pixel of the grid to a place in the flow, to fractions of its pixels: it is coarse.
    y = (box.bottom - box.top) * flow.shape[0] / size[0]
    x = (box.right - box.left) * flow.shape[1] / size[1]
    place = np.array(
        [
            [x, 0, box.left * flow.shape[1] + x / 2 - 0.5],
            [0, y, box.top * flow.shape[0] + y / 2 - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part: Flow = cv2.warpAffine(flow, place, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if in_pixels:
        part /= np.array([x, y], np.float32)
    return part


def goes_on(closer: Map, box: Box) -> bool:
    """Whether the object in a closer look (h,w) at *box* seems to reach beyond it, where the frame goes on."""
    mask = object_mask(closer)
    edges = [
        (box.top > 0, mask[0]),
        (box.bottom < 1, mask[-1]),
        (box.left > 0, mask[:, 0]),
        (box.right < 1, mask[:, -1]),
    ]
    return any(inside and float(edge.mean()) > _TOUCHING for inside, edge in edges)


def canvas(whole: Map, closer: Map, box: Box, frame: tuple[int, int]) -> Map:
    """A copy of the map of the *whole* frame (h,w), with pixels as fine as those of the *closer* look (h',w') at *box*,
    but no finer than those of the *frame* (H,W)."""
    height = max(whole.shape[0], min(frame[0], round(closer.shape[0] / (box.bottom - box.top))))
    width = max(whole.shape[1], min(frame[1], round(closer.shape[1] / (box.right - box.left))))
    return resize(whole, (height, width)) if (height, width) != whole.shape else whole.copy()


def put_in(whole: Map, closer: Map, box: Box, share: float) -> None:
    """Blend what the *closer* look (h',w') at *box* says into the map of the *whole* frame (h,w), in place.

    Args:
        share: how much the closer look counts, 0 to 1.
    """
    rows, columns = box.pixels((whole.shape[0], whole.shape[1]))
    part = resize(closer, (rows.stop - rows.start, columns.stop - columns.start))
    whole[rows, columns] += np.float32(share) * (part - whole[rows, columns])


def places(
    found: Iterable[tuple[Item, Map, Link | None]], ahead: int = REACH
) -> Iterator[tuple[tuple[Item, Map, Link | None], Box | None]]:
    """Each frame, *ahead* frames late, with the place for a closer look at it.

    The object moves, and a first look may miss part of it: the place is around all that was found in :data:`REACH`
    frames before and *ahead* frames after, as far as these are of the same shot.

    Args:
        found: frames in order, each with the map (h,w) of its first look, and its link to the one before.
    """
    held: list[tuple[tuple[Item, Map, Link | None], int, Box | None]] = []
    shot = done = 0

    def settled(at: int) -> tuple[tuple[Item, Map, Link | None], Box | None]:
        one, number, _ = held[at]
        near = held[max(0, at - REACH) : at + ahead + 1]
        return one, look_at(box for _, its, box in near if its == number)

    coming = UntilBroken(found)
    for one in coming:
        shot += one[2] is None
        held.append((one, shot, object_box(one[1])))
        if len(held) - done > ahead:
            yield settled(done)
            done += 1
        if done > REACH:
            del held[0]
            done -= 1
    for at in range(done, len(held)):
        yield settled(at)
    coming.settle()


def between(
    found: Iterable[tuple[Item, Map | None, Link | None]], online: bool, eager: int = 0
) -> Iterator[tuple[tuple[Item, Map | None, Link | None], Box | None]]:
    """Each frame with the place for a closer look at it.

    That is around what was found in the frames before and after it that were looked at as a whole, as far as they are
    of the same shot; of one that was itself, around what was found in it and in the one before. So it waits for none.

    Args:
        found: frames in order, those that were looked at as a whole with the map (h,w) of that; the first of a shot,
            which has no link, is one.
        online: nothing is known of frames that come, no frame waits, and none takes longer than others: what was looked
            at as a whole is not looked at again.
        eager: so many frames at the beginning wait for none either.
    """
    held: list[tuple[Item, Map | None, Link | None]] = []
    before: Box | None = None

    def placed(after: Box | None) -> Iterator[tuple[tuple[Item, Map | None, Link | None], Box | None]]:
        yield from ((one, look_at((before, after), instead=True)) for one in held)
        held.clear()

    coming = UntilBroken(found)
    for number, one in enumerate(coming):
        if one[1] is None:
            held.append(one)
            if online or number < eager:
                yield from placed(None)
            continue
        cut, box = one[2] is None, object_box(one[1])
        yield from placed(None if cut else box)
        yield one, None if online else look_at((box,) if cut else (before, box), instead=True)
        before = box
    yield from placed(None)
    coming.settle()
