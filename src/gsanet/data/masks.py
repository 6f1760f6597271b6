"""The one rule for files of masks: which pixels are object, which are not, and which the annotators left open (void).

Training, evaluation and ``gsanet prepare`` all read by it. What a number means depends on the form of the file, so that
is looked at first:

=========================  ============================================================================================
1 bit                      1 is object
palette of colours         every index but 0 is object (VOS annotations); 255 may be void. More than 21 indices in use:
                           as colours
palette of greys           a grey picture that some tool squeezed: its greys, as below; the order of the indices says
                           nothing
grey, one value beside 0   that value is object, whatever it is: 0/1, 0/38, 0/255
grey, labels               up to 21 values none of which is above half (0/1/2, or 0/38/75: colours of a palette turned
                           grey), or some of which are and those between lie in areas: every value but 0 is object; 255
                           beside numbers up to 20 may be void
grey, soft                 many values, or only borders between black and white, or no black at all (16/235): above half
                           is object
JPEG                       always soft, because it keeps no value: 3 beside 0 is noise
16 bits, float             the same on their own scale: of 65535, of 255 if nothing exceeds that, of 1 for floats up
                           to 1
colours                    all channels equal: as grey. Else labels drawn in colours: what is not black is object; (224,
                           224,192) may be void. In more than 21 colours what is nearly black counts as black
transparency               what is transparent is background; what is opaque is object, unless it shows a mask itself
                           (black and something else). The same everywhere: it says nothing
=========================  ============================================================================================

"May be void": where the data set has void (``void=True``), and the value does not stand alone, which would make it the
only object there is. In a palette it may stand alone if it has the colour that VOS data sets draw void in. Where a data
set has no void such a value is an object.

What cannot be told is refused: labels drawn on white, and a palette whose entry 0 is lighter than all the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import THRESHOLD
from gsanet.video.images import Mask, Picture, open_picture

log = logging.getLogger("gsanet")

SOFT = "soft masks (many grey values): object is what is brighter than half"
LABELS = "few grey values in areas are labels: every one but 0 is object"
VOID = "255 beside labels (in colours: 224,224,192) is void and no object"
COLOURS = "masks in many colours: object is what is not black"

_LARGEST_LABEL = 20
"""Numbers of objects as they are found in files; beside them 255 may be void."""
_MOST_LEVELS = _LARGEST_LABEL + 1
"""More values than these are no labels."""
_NEARLY_WHITE = 0.92
"""Of full: what is above is the white of a mask and no value in between."""
_IN_AREAS = 0.1
"""If at least this share of the values between lies among its like, they are labels; on borders it is next to none."""
_NEARLY_BLACK = 31
"""Where colours are many: channels that differ by no more are grey and noise, and what is no brighter is black."""
_VOID = 255
_VOID_COLOUR = (224, 224, 192)
"""Entry 255 of the palette of PASCAL VOC, which DAVIS and YouTube-VOS use too."""
_BLACK, _WHITE = 0, 0xFFFFFF
_ALWAYS_LOSSY = ("JPEG", "MPO")
_LOOKED_AT = 64
"""Files that are looked at before a whole truth is called empty."""


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


@dataclass(frozen=True)
class Decided:
    """A mask and what was assumed to get it."""

    mask: Mask
    """(H,W), true on the object."""
    void: Mask | None = None
    """(H,W), true where nothing is known; not object. None if there is no such pixel."""
    assumed: str = ""
    """A sentence about the form of the file that is worth saying, or nothing."""


def read_truth(path: Path, *, void: bool = True) -> Mask:
    """(H,W), true on the object, of an annotation to train on; void is not object. What is assumed is logged once.

    Args:
        void: the data set may hold void.

    Raises:
        GsanetError: no such file, not a picture, cut short, or a form that cannot be told.
    """
    decided = decide(read_raw(path), path, void=void)
    if decided.assumed:
        _say(logging.INFO if decided.assumed == SOFT else logging.WARNING, decided.assumed, path)
    if decided.void is not None:
        _say(logging.INFO, VOID, path)
    return decided.mask


def warn_if_empty(paths: Sequence[Path]) -> None:
    """Log a warning if no mask of *paths* has an object, which looks like a form of file that is not understood.

    Up to 64 of them are looked at, over the whole list, and none after the first object.

    Raises:
        GsanetError: as :func:`read_truth`.
    """
    chosen = (
        [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, _LOOKED_AT).round().astype(int))] if paths else []
    )
    if chosen and not any(read_truth(path).any() for path in chosen):
        log.warning(
            "no object in any of %d masks looked at, such as %s: is 0 their background?", len(chosen), chosen[0]
        )


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


def decide(raw: RawMask, name: object, *, void: bool = False) -> Decided:
    """Object and void of a mask file by the rule above.

    Args:
        name: of the file, for messages.
        void: the data set has void.

    Raises:
        GsanetError: labels drawn on white.
    """
    if raw.kind == "colour" and raw.soft:
        brightest = np.max([raw.values >> shift & 255 for shift in (16, 8, 0)], axis=0)
        return Decided(brightest > _NEARLY_BLACK, assumed=COLOURS)
    if raw.kind == "colour" and _BLACK not in raw.levels and _WHITE in raw.levels:
        raise GsanetError(f"{name} is drawn on white, and background is black: save it as grey, object 255 on 0")
    if raw.soft:
        return Decided(raw.values > raw.full * THRESHOLD, assumed=SOFT)
    found = objects_of(raw, void=void)
    assumed = LABELS if raw.kind == "grey" and len(found) > 1 else ""
    mask = np.asarray(raw.values != 0)
    if not void or raw.void is None:
        return Decided(mask, assumed=assumed)
    undecided = np.asarray(raw.values == raw.void)
    return Decided(mask & ~undecided, undecided, assumed)


def objects_of(raw: RawMask, *, void: bool = False) -> list[float]:
    """The values that stand for objects in a file of labels."""
    return [level for level in raw.levels if level and not (void and level == raw.void)]


# ---------------------------------------------------------------- forms


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
        if (brightest - rgb.min(axis=2)).max() <= _NEARLY_BLACK:
            return _grey(brightest, 255, lossy)
        return RawMask(codes, levels, "colour", _WHITE, soft=True)
    void = int(_codes(np.array(_VOID_COLOUR, np.uint8)))
    return RawMask(codes, levels, "colour", _WHITE, void=void if void in levels else None)


def _cut_out(rgb: Picture, alpha: NDArray[np.uint8]) -> RawMask:
    opaque = alpha > 255 * THRESHOLD
    shown = _levels(_codes(rgb[opaque])) if opaque.any() else ()
    if 1 < len(shown) <= _MOST_LEVELS and shown[0] == _BLACK:
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


# ---------------------------------------------------------------- saying

_said: set[str] = set()
_saying = threading.Lock()


def _say(level: int, sentence: str, path: Path) -> None:
    """Once in a process: a data set has thousands of such files."""
    with _saying:
        if sentence in _said:
            return
        _said.add(sentence)
    log.log(level, "%s (first seen in %s)", sentence, path)
