"""The one reader and the one writer of pictures and masks on disk.

Pixels are taken as stored: an EXIF orientation is not applied, so that pictures, masks and flow of one name
always lie on each other. Of an animated file the first frame is read.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_ENDINGS = "png jpg jpeg jpe jfif webp bmp dib tif tiff gif ppm pgm pbm pnm jp2 avif tga"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""What counts as a picture in a folder, in lower case."""

LARGEST_LABEL = 20
"""A grey mask none of whose pixels exceeds this holds object numbers (0/1, or 0..n), not brightness."""

_DARKEST_COLOUR = 31
"""Channels that differ by more than this are colour, and no noise; in a coloured mask the rest is black."""

_RUN_LENGTHS = 3
"""zlib's Z_RLE: for flow and masks, which are smooth, it is as small as level 6 and four times as fast."""

# What PIL's decoders raise on files that are empty, cut short, damaged, of another kind or absurdly large.
_DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """The file as PIL sees it, for those who must look at the raw values; decode inside the block.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with Image.open(path) as image:
            yield image
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


@contextmanager
def open_bytes(data: bytes, name: str) -> Iterator[Image.Image]:
    """As :func:`open_picture`, of a file held in memory and called *name* in messages.

    Raises:
        GsanetError: not a picture, or cut short.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            yield image
    except _DECODING_ERRORS as error:
        raise GsanetError(f"{name} cannot be read as a picture ({error})") from None


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) from the file's header, without decoding it.

    Raises:
        GsanetError: no such file, or not a picture.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


def read_rgb(path: Path) -> Picture:
    """(H,W,3) RGB. Grey is repeated, 16 bits are cut to 8, transparency is dropped.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                grey = np.asarray(image)
                # Sixteen bits if it uses more than eight; PIL itself would clip instead of scaling.
                eight = np.clip(grey if grey.max() <= 255 else grey / 257, 0, 255).astype(np.uint8)
                return np.repeat(eight[..., None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


def read_mask(path: Path, labels: bool = True) -> Mask:
    """(H,W), true on the object, from any of the forms in which masks are found.

    ========================  =====================================================================
    1 bit                     1 is object
    palette                   every index but 0 is object (VOS annotations); a palette of greys alone
                              is a grey picture
    grey, 8 bits              above 127 is object, so antialiased borders are cut in the middle; if no
                              pixel exceeds 20 the file holds labels, and every one but 0 is object
    grey, 16 bits or float    the same on its own scale: above half of 65535 (of 255 if nothing
                              exceeds that, of 1.0 for floats)
    colour                    if it is all grey: as grey; else labels drawn in colours, and everything
                              that is not black is object
    transparency              shown on black first: what is transparent is background
    ========================  =====================================================================

    Args:
        labels: false reads small grey values as brightness too. For soft predictions, in which a map
            that stays below 20 means that nothing was found.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with Image.open(path) as image:
            return mask_of(image, labels)
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


def mask_of(image: Image.Image, labels: bool = True) -> Mask:
    """:func:`read_mask` of a picture that is open already."""
    if image.mode == "P" and not _grey_palette(image):
        return np.asarray(image) > 0
    return _mask(image, labels)


def write_mask(path: Path, mask: Mask) -> None:
    """Write (H,W) as an 8-bit PNG of 0 and 255, whole or not at all; the folder must exist.

    Raises:
        GsanetError: it cannot be written.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask must be bool (H,W), got {mask.dtype} {mask.shape}")
    write_picture(path, mask.astype(np.uint8) * np.uint8(255))


def write_rgb(path: Path, picture: Picture) -> None:
    """Write (H,W,3) RGB as a PNG, whole or not at all; the folder must exist.

    Raises:
        GsanetError: it cannot be written.
    """
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8 (H,W,3), got {picture.dtype} {picture.shape}")
    write_picture(path, picture)


def write_picture(path: Path, pixels: Picture) -> None:
    """Write grey (H,W), RGB (H,W,3) or RGBA (H,W,4) as a PNG, whole or not at all; the folder must exist.

    Raises:
        GsanetError: it cannot be written.
    """
    with written_whole(path) as part:
        Image.fromarray(pixels).save(part, format="PNG", compress_level=3, compress_type=_RUN_LENGTHS)


def _mask(image: Image.Image, labels: bool) -> Mask:
    if image.mode == "1":
        bits: Mask = np.asarray(image)
        return bits
    if image.mode.startswith(("I", "F")):
        grey = np.asarray(image)
        top = grey.max()
        scale = 65535 if top > 255 else 1 if image.mode == "F" and top <= 1 else 255
        return _object(grey, scale, labels and scale != 1)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        colour, alpha = np.split(np.asarray(image.convert("RGBA")), [3], axis=2)
        rgb = (colour * (alpha / np.float32(255))).astype(np.uint8)
    elif image.mode == "L":
        return _object(np.asarray(image), 255, labels)
    else:
        rgb = np.asarray(image.convert("RGB"))
    brightest = rgb.max(axis=2)
    if (brightest - rgb.min(axis=2)).max() > _DARKEST_COLOUR:
        return np.asarray(brightest > _DARKEST_COLOUR)
    return _object(brightest, 255, labels)


def _object(grey: NDArray[Any], scale: int, labels: bool) -> Mask:
    if labels and grey.max() <= LARGEST_LABEL:
        return np.asarray(grey > 0)
    return np.asarray(grey > scale / 2)


def _grey_palette(image: Image.Image) -> bool:
    """A grey picture that some tool has squeezed into a palette; its indices are in any order."""
    palette = image.getpalette("RGB") or []
    used = np.unique(np.asarray(image))
    colours = np.asarray(palette, np.uint8).reshape(-1, 3)
    colours = colours[used[used < len(colours)]]
    return bool((colours == colours[:, :1]).all())


def _unreadable(path: Path, error: Exception) -> GsanetError:
    if not path.exists():
        return GsanetError(f"no such file: {path}")
    if path.is_file() and path.stat().st_size == 0:
        return GsanetError(f"{path} is empty (0 bytes): restore it or remove it")
    reason = str(error).replace(str(path), "").strip(" :'\"") or type(error).__name__
    return GsanetError(f"{path} cannot be read as a picture ({reason}): restore it or remove it")
