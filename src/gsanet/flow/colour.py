"""The colour wheel: the one place where flow becomes a picture, and where such a picture becomes flow again.

The wheel is Middlebury's, level for level that of ``torchvision.utils.flow_to_image``: hue is the direction
of the motion, paleness its slowness, white is no motion. Flow is (u, v) in pixels, u to the right, v downwards.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Flow = NDArray[np.float32]
Picture = NDArray[np.uint8]

STILL = 1.0
"""Pixels. A frame whose fastest pixel is slower than this is drawn paler, not stretched to full colour.

On stills sent through H.264, DIS sees 0.2 pixels at the worst pixel of a typical frame and 0.002 on average
(640x360); stretched to full colour that would look like motion, against one pixel it is white to the eye. Real
motion below a pixel keeps its colour, in proportion.
"""

UNKNOWN = 1e9
"""Middlebury's mark for "no flow known here": a component beyond it, or not a number, is drawn as no motion."""

_SEGMENTS = ((15, 0, 1), (6, 1, 0), (4, 1, 2), (11, 2, 1), (13, 2, 0), (6, 0, 2))
"""Red-yellow, yellow-green, green-cyan, cyan-blue, blue-magenta, magenta-red: colours, channel kept, channel moved."""

_PALE = 0.9
"""A picture none of whose colours is fuller than this was not stretched; noise may take that much from one that was."""

_CELLS = 1024
"""Cells along each side of the lookup table over the disc; with 1024 a colour is off by a grey level at most."""

_BAND = 16
"""Rows of that table made at once: the first picture waits for it, and few rows stay in the processor's cache."""

_HUES = 8192
"""Entries of the table from hue to direction."""


def flow_to_picture(flow: Flow, still: float = STILL) -> Picture:
    """Draw flow on the colour wheel, every frame scaled by its own fastest pixel.

    Args:
        flow: (...,H,W,2) in pixels. What is not finite counts as no motion.
        still: the scale never falls below this many pixels, so that the noise of a still or repeated
            frame stays nearly white. 0 always stretches, as torchvision does.

    Returns:
        (...,H,W,3) RGB.
    """
    if flow.ndim < 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow must be (...,H,W,2), got {flow.shape}")
    pictures = np.empty((*flow.shape[:-1], 3), np.uint8)
    frames = flow.reshape(-1, *flow.shape[-3:])
    for frame, picture in zip(frames, pictures.reshape(-1, *pictures.shape[-3:]), strict=True):
        _draw(np.ascontiguousarray(frame, np.float32), still, picture)
    return pictures


def picture_to_flow(picture: Picture) -> Flow:
    """Read the vectors back from a picture drawn with the wheel, by us or by anyone.

    A colour of the wheel is white with some part of a pure hue mixed in: that part is the length, the
    hue the direction. Colours that no wheel holds (noise of a JPEG, black borders) are read as the
    nearest in that sense; any grey is no motion.

    Args:
        picture: (H,W,3) RGB.

    Returns:
        (H,W,2), in units of the picture's own maximum: lengths lie in [0, 1].
    """
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"a flow picture must be uint8 (H,W,3), got {picture.dtype} {picture.shape}")
    hue, saturation, _ = cv2.split(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2HSV))
    # The wheel rounds down, so a level stands for half a level less motion; white stays white.
    length = np.maximum(saturation - np.float32(0.5 / 255), 0)
    index = (hue * np.float32(_HUES / 360)).astype(np.int16)
    along_u, along_v = _directions()
    return np.asarray(cv2.merge((along_u[index] * length, along_v[index] * length)), np.float32)


def redraw_still(flow: Flow) -> float:
    """The *still* with which vectors read from a picture are to be drawn again after they were cropped or turned.

    They are in units of their picture, so pixels say nothing. A pale picture was one of a still frame and keeps
    its scale; any other may be stretched anew, by twenty times at most.

    Args:
        flow: (H,W,2) as :func:`picture_to_flow` gave it.
    """
    if flow.size == 0:
        return 1.0
    fastest = float(np.sqrt(np.einsum("hwc,hwc->hw", flow, flow).max()))
    return 1.0 if fastest < _PALE else 1 / 20


def transform_flow(flow: Flow, matrix: NDArray[np.floating]) -> Flow:
    """Turn the vectors as a warp of the picture turns what they describe.

    Args:
        flow: (...,H,W,2); the warp of the grid itself is the caller's.
        matrix: 2x2, the linear part A of the warp p' = A p + b that takes a point (x, y) of the old
            picture to its place in the new one. A horizontal flip is [[-1, 0], [0, 1]].
    """
    linear = np.asarray(matrix, np.float32)
    if linear.shape != (2, 2) or flow.shape[-1] != 2:
        raise ValueError(f"need flow (...,H,W,2) and a 2x2 matrix, got {flow.shape} and {linear.shape}")
    rows = np.ascontiguousarray(flow, np.float32).reshape(-1, flow.shape[-2], 2)
    return np.asarray(cv2.transform(rows, linear), np.float32).reshape(flow.shape)


def _draw(flow: Flow, still: float, out: Picture) -> None:
    """One frame, (H,W,2) -> (H,W,3) into *out*."""
    if flow.size == 0:
        return
    lowest, highest = float(flow.min()), float(flow.max())
    if not (lowest >= -UNKNOWN and highest <= UNKNOWN):  # also true of NaN
        known = (np.abs(flow) <= UNKNOWN).all(-1, keepdims=True)
        flow = np.where(known, flow, np.float32(0))
    fastest = float(np.sqrt(np.einsum("hwc,hwc->hw", flow, flow).max()))
    scale = max(fastest, still)
    if scale == 0:
        out[...] = 255
        return
    # Half a table is one length of the scale; a hair less, so that the fastest stays inside the table.
    cell = flow * np.float32((_CELLS / 2 - 1e-3) / scale)
    cell += np.float32(_CELLS / 2)
    # Whole-numbered coordinates: truncating is rounding down here, since nothing is negative.
    cv2.remap(_disc(), cell.astype(np.int16), None, cv2.INTER_NEAREST, dst=out)


def _hue_colours(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pure colours in [0, 1] at positions 0..54 around the wheel, (...,) -> (...,3)."""
    wheel = []
    for index, (count, kept, moved) in enumerate(_SEGMENTS):
        ramp = np.floor(255 * np.arange(count) / count)
        colours = np.zeros((count, 3))
        colours[:, kept] = 255
        colours[:, moved] = ramp if index % 2 == 0 else 255 - ramp
        wheel.append(colours)
    table = np.concatenate(wheel) / 255
    following = np.roll(table, -1, axis=0)
    below = position.astype(np.intp)
    part = position - below
    mixed = np.empty((*position.shape, 3))
    for channel in range(3):  # one at a time: twice as fast as all three
        here, there = table[:, channel].take(below), following[:, channel].take(below)
        mixed[..., channel] = (1 - part) * here + part * there
    return mixed


_STEPS = sum(count for count, _, _ in _SEGMENTS) - 1


@cache
def _disc() -> Picture:
    """Colours over the square (u, v) in [-1, 1], (_CELLS,_CELLS,3), each taken at its cell's middle.

    The borders between cells lie on the axes: the wheel has a seam on the right-hand one.
    """
    middle = (np.arange(_CELLS) + 0.5) / (_CELLS / 2) - 1
    disc: Picture = np.empty((_CELLS, _CELLS, 3), np.uint8)
    for top in range(0, _CELLS, _BAND):
        u, v = np.meshgrid(middle, middle[top : top + _BAND])
        position = (np.arctan2(-v, -u) / np.pi + 1) / 2 * _STEPS
        length = np.minimum(np.hypot(u, v), 1)[..., None]
        disc[top : top + _BAND] = 255 * (1 - length * (1 - _hue_colours(position)))
    half = _CELLS // 2
    disc[half - 1 : half + 1, half - 1 : half + 1] = 255
    disc.setflags(write=False)
    return disc


@cache
def _directions() -> tuple[Flow, Flow]:
    """Unit vectors (u, v) by hue: two tables of _HUES + 1 entries over 0..360 degrees."""
    position = np.linspace(0, _STEPS, 100 * _STEPS + 1)
    colours = _hue_colours(position).astype(np.float32)[None]
    hue = cv2.cvtColor(colours, cv2.COLOR_RGB2HSV)[0, :, 0].astype(np.float64)
    # The wheel ends a little before 360 degrees; between its end and its start it points to the right.
    around = np.interp((np.arange(_HUES + 1) + 0.5) * 360 / _HUES, hue, position, right=_STEPS)
    angle = (around / _STEPS * 2 - 1) * np.pi
    return (-np.cos(angle)).astype(np.float32), (-np.sin(angle)).astype(np.float32)
