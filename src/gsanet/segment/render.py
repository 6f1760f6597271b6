"""Pictures of results, for people: overlay, and a panel of what the network looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.segment.result import FrameResult
from gsanet.video.resize import resize, resize_mask

Picture = NDArray[np.uint8]

TINT = (255, 90, 60)
"""RGB of the object in an overlay: rare in nature, and told from green and blue by most eyes."""

_MISSED = (40, 90, 255)

_STRENGTH = 0.45
_PANEL_WIDTH = 320
_GAP = 4
_CAPTION = 18

PANEL = (
    ("frame", "frame"),
    ("coarse_fg_rgb", "coarse, RGB"),
    ("fine_fg_rgb", "fine, RGB"),
    ("fine_not_bg_rgb", "fine not background, RGB"),
    ("probability", "probability"),
    ("flow", "flow"),
    ("coarse_fg_flow", "coarse, flow"),
    ("fine_fg_flow", "fine, flow"),
    ("fine_not_bg_flow", "fine not background, flow"),
    ("overlay", "mask"),
)
"""What the panel shows, row by row, with captions: a row for each stream, with the outcome at its end."""

_COLUMNS = 5


def overlay(result: FrameResult) -> Picture:
    """The frame with the object tinted and its contour drawn, (H,W,3)."""
    mask = result.mask.astype(np.uint8)
    picture = result.image.copy()
    # Only where the object is: a picture of plain tint as large as the frame would cost as much as the rest.
    left, top, width, height = cv2.boundingRect(mask)
    inside = (slice(top, top + height), slice(left, left + width))
    if width:
        part = picture[inside]
        tint = np.full_like(part, TINT)
        cv2.copyTo(cv2.addWeighted(part, 1 - _STRENGTH, tint, _STRENGTH, 0), mask[inside], part)
    # One pixel on small frames, more on large ones, so that it is seen at the size at which they are watched.
    thickness = max(1, round(max(mask.shape) / 600))
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, (255, 255, 255), thickness)
    return picture


def grey(values: NDArray[np.float32]) -> Picture:
    """[0, 1] -> 0..255."""
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def panel(result: FrameResult, truth: NDArray[np.bool_] | None = None) -> Picture:
    """Everything about one frame in one picture: frame, flow, the slot maps of both streams, and the mask.

    Slot maps are drawn on a colour scale from dark (0) to bright (1), not stretched.

    Args:
        result: with slot maps.
        truth: the true mask (H,W), shown in a column of its own with what differs from it.
    """
    height, width = result.image.shape[:2]
    size = (max(1, round(_PANEL_WIDTH * height / width)), _PANEL_WIDTH)
    plain = {"frame": result.image, "flow": result.flow, "overlay": overlay(result)}
    tiles = []
    for name, caption in PANEL:
        if name in plain:
            picture = resize(plain[name], size)
        elif name != "probability" and name not in result.slots:
            picture = np.full((*size, 3), 255, np.uint8)  # an ablated model has fewer maps: its place stays white
        else:
            values = result.probability if name == "probability" else result.slots[name]
            picture = heat(resize(values, size))
        tiles.append(_captioned(picture, caption))
    rows = [tiles[i : i + _COLUMNS] for i in range(0, len(tiles), _COLUMNS)]
    if truth is not None:
        truth = resize_mask(truth, (height, width))
        white = np.repeat(truth[..., None] * np.uint8(255), 3, axis=2)
        rows[0].append(_captioned(resize(white, size), "ground truth"))
        rows[1].append(_captioned(resize(_differences(result.mask, truth), size), "too much (red), missed (blue)"))
    return _join([_join(row, axis=1) for row in rows], axis=0)


def _differences(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Picture:
    picture = np.full((*mask.shape, 3), 255, np.uint8)
    picture[mask & truth] = 190
    picture[mask & ~truth] = TINT
    picture[truth & ~mask] = _MISSED
    return picture


def heat(values: NDArray[np.float32]) -> Picture:
    """[0, 1] -> colours from dark (0) to bright (1), RGB."""
    coloured = cv2.applyColorMap(grey(values), cv2.COLORMAP_VIRIDIS)
    picture: Picture = cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB)
    return picture


def _captioned(picture: Picture, caption: str) -> Picture:
    strip = np.full((_CAPTION, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, caption, (2, _CAPTION - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate((strip, picture))


def _join(pictures: list[Picture], axis: int) -> Picture:
    shape = list(pictures[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    spaced = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(spaced, axis=axis)
