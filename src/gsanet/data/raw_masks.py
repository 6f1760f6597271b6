"""The values of a mask file as they are stored, and what kind of values they are.

The table is in :mod:`gsanet.data.masks`; nothing is decided here about object and background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import THRESHOLD
from gsanet.video.images import Picture, open_picture

_LARGEST_LABEL = 20
"""Numbers of objects as they are found in files; beside them 255 may be void."""
_MOST_LEVELS = _LARGEST_LABEL + 1
"""More values than these are no labels."""
_NEARLY_WHITE = 0.92
"""Of full: what is above is the white of a mask and no value in between."""
_IN_AREAS = 0.1
"""If at least this share of the values between lies among its like, they are labels; on borders it is next to none."""
NEARLY_BLACK = 31
"""Where colours are many: channels that differ by no more are grey and noise, and what is no brighter is black."""
_VOID = 255
_VOID_COLOUR = (224, 224, 192)
"""Entry 255 of the palette of PASCAL VOC, which DAVIS and YouTube-VOS use too."""
BLACK, WHITE = 0, 0xFFFFFF
_ALWAYS_LOSSY = ("JPEG", "MPO")


@dataclass(frozen=True)
class RawMask:
    """The values of a mask file, and what kind of values they are, before anything is decided."""

    values: NDArray[Any]
    """(H,W): uint8, uint16, float32, or int32 for colours (0xRRGGBB)."""
    levels: tuple[float, ...]
    """The distinct values, rising; cut off where there are too many for labels."""
    kind: Literal["bit", "grey", "palette", "colour"]
    full: int
    """The value that means 1.0 in a soft map."""
    soft: bool = False
    """Brightness, or many colours: no labels."""
    void: int | None = None
    """The value that is void if the data set has void."""
    cut_out: bool = False
    """Transparency decided."""


def read_raw(path: Path) -> RawMask:
    """The values in *path* as they are stored.

    Raises:
        GsanetError: no such file, not a picture, cut short, or a palette that seems reordered.
    """
    with open_picture(path) as image:
        return raw_mask(image, path)


def raw_mask(image: Image.Image, name: object) -> RawMask:
    """:func:`read_raw` of a picture that is open already and called *name* in messages."""
    lossy = image.format in _ALWAYS_LOSSY
    if image.mode == "1":
        values: NDArray[Any] = np.asarray(image).view(np.uint8)
        return RawMask(values, tuple(np.unique([values.min(), values.max()]).tolist()), "bit", 1)
    if image.mode.startswith(("I", "F")):
        return _deep(np.asarray(image))
    clear = "transparency" in image.info or image.mode[-1] in "Aa"
    if image.mode == "P":
        indexed = _indexed(image, clear, name)
        if indexed is not None:
            return indexed
    if clear:
        rgba = np.asarray(image.convert("RGBA"))
        alpha = rgba[..., 3]
        if alpha.min() != alpha.max() or alpha.max() == 0:
            return replace(_cut_out(rgba[..., :3], alpha), cut_out=True)
        return _coloured(rgba[..., :3], lossy)
    if image.mode == "L":
        return _grey(np.asarray(image), 255, lossy)
    return _coloured(np.asarray(image.convert("RGB")), lossy)


def _indexed(image: Image.Image, clear: bool, name: object) -> RawMask | None:
    """Labels of a palette, or the greys it stands for; None if it must go by its colours."""
    indices = np.asarray(image)
    levels = _levels(indices)
    if len(levels) > _MOST_LEVELS:
        return None
    table = _palette(image)
    colours = table[list(map(int, levels))]
    # Entries that are all alike (a palette that was forgotten) show nothing: then the indices must.
    if (colours == colours[:, :1]).all() and len(np.unique(colours[:, 0])) == len(levels):
        return None if clear else _grey(table[:, 0][indices], 255, False)
    brightness = colours.astype(int).sum(1)
    if levels[0] == 0 and len(levels) > 1 and brightness[0] > brightness[1:].max():
        raise GsanetError(
            f"{name}: palette entry 0, the background, is lighter than the objects; the palette seems reordered: "
            "save the mask as grey 0/255"
        )
    alone = set(levels) <= {0, _VOID} and tuple(table[_VOID]) != _VOID_COLOUR
    return RawMask(indices, levels, "palette", 255, void=_VOID if _VOID in levels and not alone else None)


def _palette(image: Image.Image) -> Picture:
    """RGB of all entries, (256,3); those beyond the stored palette are black."""
    stored = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(stored)] = stored
    return colours


def _deep(values: NDArray[Any]) -> RawMask:
    """Sixteen bits and floats, on the scale that their largest value shows."""
    values = np.maximum(np.nan_to_num(values), 0)
    top = float(values.max())
    whole = values.dtype.kind != "f" or bool((values == np.round(values)).all())
    if values.dtype.kind == "f" and (top <= 1 or (not whole and top < 2)):
        return _grey(values.astype(np.float32), 1, False)
    if top <= 255:
        return _grey(values.astype(np.uint8 if whole else np.float32), 255, False)
    return _grey(values.astype(np.uint16 if whole and top <= 65535 else np.float32), 65535, False)


def _grey(values: NDArray[Any], full: int, lossy: bool) -> RawMask:
    levels = _levels(values)
    soft = not set(levels) <= {0, full} if lossy else _is_soft(values, levels, full)
    numbered = not soft and full == 255 and any(0 < level <= _LARGEST_LABEL for level in levels)
    return RawMask(values, levels, "grey", full, soft, _VOID if numbered and _VOID in levels else None)


def _is_soft(values: NDArray[Any], levels: tuple[float, ...], full: int) -> bool:
    if len(levels) > _MOST_LEVELS:
        return True
    if len(levels) == 1 or levels[-1] <= full * THRESHOLD:
        return False
    if levels[0] != 0:
        return True
    return len(levels) > 2 and not _has_areas_between(values, full)


def _has_areas_between(values: NDArray[Any], full: int) -> bool:
    """Whether values between black and white lie in areas; an antialiased border is one pixel of each."""
    between = (values > 0) & (values <= full * _NEARLY_WHITE)
    around = np.ones((3, 3), np.uint8)
    alike = cv2.erode(values, around) == cv2.dilate(values, around)
    return bool(np.count_nonzero(alike & between) > _IN_AREAS * np.count_nonzero(between))


def _coloured(rgb: Picture, lossy: bool) -> RawMask:
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all():
        return _grey(np.ascontiguousarray(rgb[..., 0]), 255, lossy)
    codes = _codes(rgb)
    levels = _levels(codes)
    if lossy or len(levels) > _MOST_LEVELS:
        brightest = rgb.max(axis=2)
        if (brightest - rgb.min(axis=2)).max() <= NEARLY_BLACK:
            return _grey(brightest, 255, lossy)
        return RawMask(codes, levels, "colour", WHITE, soft=True)
    void = int(_codes(np.array(_VOID_COLOUR, np.uint8)))
    return RawMask(codes, levels, "colour", WHITE, void=void if void in levels else None)


def _cut_out(rgb: Picture, alpha: NDArray[np.uint8]) -> RawMask:
    opaque = alpha > 255 * THRESHOLD
    shown = _levels(_codes(rgb[opaque])) if opaque.any() else ()
    if 1 < len(shown) <= _MOST_LEVELS and shown[0] == BLACK:
        return _coloured(np.where(opaque[..., None], rgb, np.uint8(0)), False)
    return _grey(np.ascontiguousarray(alpha), 255, False)


def _codes(rgb: Picture) -> NDArray[np.int32]:
    """(...,3) -> (...) as 0xRRGGBB."""
    return rgb.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _levels(values: NDArray[Any]) -> tuple[float, ...]:
    if values.dtype == np.uint8:
        # OpenCV's histogram: several times as fast as numpy's, and this runs on every file.
        found = np.flatnonzero(cv2.calcHist([values], [0], None, [256], [0, 256]))
    else:
        found = np.unique(values)
    return tuple(found[: _MOST_LEVELS + 1].tolist())
