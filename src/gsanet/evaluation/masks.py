"""From a mask file to booleans, with every doubt about its values raised rather than averaged.

Files of masks come as one bit, grey 0/255 or 0/1, palette indices, colours per object or soft grey maps.
Which of these a file is decides what its numbers mean, so the raw values are looked at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.evaluation.measures import Mask
from gsanet.video.images import open_picture

MOST_OBJECTS = 16
"""More distinct values than this in a grey image without a palette mean a soft map, not objects."""


@dataclass(frozen=True)
class RawMask:
    """Values of a mask file before anything is decided about them."""

    values: NDArray[Any]
    """(H,W) uint8, uint16 or, for colours, int32 0xRRGGBB."""
    levels: tuple[int, ...]
    """The distinct values, rising; cut off after :data:`MOST_OBJECTS` + 1 of them."""
    kind: str
    """``bit``, ``grey``, ``palette`` or ``colour``."""
    full: int
    """The value that means 1.0 in a soft map."""

    @property
    def soft(self) -> bool:
        """Too many values to be objects."""
        return len(self.levels) > MOST_OBJECTS


@dataclass(frozen=True)
class Reading:
    """How values become foreground."""

    threshold: float | None = None
    """Soft maps: foreground is above this share of full white."""
    merge: bool = True
    void: bool = False


@dataclass(frozen=True)
class Decided:
    """A mask and what was assumed to get it."""

    mask: Mask
    void: Mask | None = None
    assumed: str = ""
    """A sentence about an assumption worth a warning, or nothing."""


def read_raw(path: Path) -> RawMask:
    """The values in *path* as they are stored.

    Raises:
        GsanetError: unreadable, or a picture whose transparency carries the mask.
    """
    with open_picture(path) as image:
        return _raw(image, path)


def _raw(image: Image.Image, path: Path) -> RawMask:
    mode = image.mode
    if mode == "1":
        values: NDArray[Any] = np.asarray(image).view(np.uint8)
        return RawMask(values, _levels(values), "bit", 1)
    if mode == "P":
        values = np.asarray(image)
        levels = _levels(values)
        colours = _palette(image, levels)
        grey = (colours == colours[:, :1]).all()
        if not grey and len(levels) <= MOST_OBJECTS:
            _check_background(colours, levels, path)
            return RawMask(values, levels, "palette", 255)
        # A grey picture that some tool squeezed into a palette, or a photograph: go by the colours.
        image = image.convert("RGB")
    if mode in ("LA", "PA", "RGBA"):
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min() < 255:
            raise GsanetError(f"{path} is a cut-out with transparency, not a mask: give the masks instead")
        image = image.convert("RGB")
    if mode in ("I", "I;16", "I;16B"):
        values = np.asarray(image).astype(np.uint16)
        return RawMask(values, _levels(values), "grey", 65535)
    if mode == "L":
        values = np.asarray(image)
        return RawMask(values, _levels(values), "grey", 255)
    rgb = np.asarray(image.convert("RGB"))
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all():
        values = np.ascontiguousarray(rgb[..., 0])
        return RawMask(values, _levels(values), "grey", 255)
    codes = rgb.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    return RawMask(codes, _levels(codes), "colour", 0xFFFFFF)


def _levels(values: NDArray[Any]) -> tuple[int, ...]:
    if values.dtype == np.uint8:
        # OpenCV's histogram: several times as fast as numpy's, and this runs on every file.
        found = np.flatnonzero(cv2.calcHist([values], [0], None, [256], [0, 256]))
    else:
        found = np.unique(values)
    return tuple(int(v) for v in found[: MOST_OBJECTS + 1])


def _palette(image: Image.Image, levels: tuple[int, ...]) -> NDArray[np.uint8]:
    """RGB of the entries in use, (n,3); entries beyond the stored palette are black."""
    stored = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(stored)] = stored
    return colours[list(levels)]


def _check_background(colours: NDArray[np.uint8], levels: tuple[int, ...], path: Path) -> None:
    """Index 0 must look like background: some optimisers reorder the palette."""
    brightness = colours.astype(int).sum(1)
    if levels[0] == 0 and len(levels) > 1 and brightness[0] > brightness[1:].max():
        raise GsanetError(
            f"{path}: palette entry 0, the background, is lighter than the objects; the palette seems reordered: "
            "save the mask as grey 0/255"
        )


def decide(raw: RawMask, path: Path, reading: Reading, *, truth: bool = False) -> Decided:
    """Foreground of a mask file.

    Args:
        truth: ground truth; a soft one (compressed as JPEG, say) is cut at half instead of refused.

    Raises:
        GsanetError: a soft map without a threshold, several objects where one is wanted, or values that
            cannot be a mask; the message says which option resolves it.
    """
    values, levels = raw.values, raw.levels
    if raw.soft:
        if raw.kind == "colour":
            raise GsanetError(f"{path} is a colour picture, not a mask")
        if truth:
            return Decided(values > raw.full / 2, assumed="soft ground truth: foreground taken as brighter than half")
        if reading.threshold is None:
            raise GsanetError(
                f"{path} is a soft map (grey values between black and white): pass --threshold, for example 0.5"
            )
    if reading.threshold is not None and raw.kind == "grey" and not truth:
        return Decided(values > reading.threshold * raw.full)
    if len(levels) == 2 and 0 not in levels:
        raise GsanetError(f"{path} holds the values {levels[0]} and {levels[1]} and no background (0): not a mask")
    void = None
    if reading.void and raw.kind == "palette" and 255 in levels:
        void = values == 255
    objects = [level for level in levels if level and (void is None or level != 255)]
    if len(objects) > 1 and not reading.merge:
        what = "ground truth" if truth else "prediction"
        cure = (
            "this is the annotation of another year: use --protocol davis17-merged, or --merge to take all as one"
            if truth
            else "pass --merge to take all as one, or --threshold if it is a soft map"
        )
        shown = ", ".join(map(str, objects))
        raise GsanetError(f"{path}: the {what} holds {len(objects)} objects (values {shown}), not merged; {cure}")
    mask = values != 0
    return Decided(mask if void is None else mask & ~void, void)
