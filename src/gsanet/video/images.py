"""The one reader and the one writer of pictures and masks on disk.

Pixels are taken as stored: an EXIF orientation is not applied, so that pictures, masks and flow of one name
always lie on each other. Of an animated file the first frame is read. That is right for data sets; what a clip shows is
in :mod:`gsanet.video.shown`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError
from gsanet.base.threshold import object_mask

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
"""(H,W), true on the object."""

_ENDINGS = "png jpg jpeg jpe jfif webp bmp dib tif tiff gif ppm pgm pbm pnm jp2 avif apng heic heif hif tga"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""What counts as a picture in a folder, in lower case."""

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"heif"))
"""Kinds of HEIF that are a photograph."""

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
        with _open(path) as image:
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
        with _open(path) as image:
            return image.height, image.width
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


def read_rgb(path: Path) -> Picture:
    """(H,W,3) RGB. Grey is repeated, 16 bits are cut to 8, transparency is dropped.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with _open(path) as image:
            if image.mode.startswith(("I", "F")):
                grey = np.asarray(image)
                # Sixteen bits if it uses more than eight; PIL itself would clip instead of scaling.
                eight = np.clip(grey if grey.max() <= 255 else grey / 257, 0, 255).astype(np.uint8)
                return np.repeat(eight[..., None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from None


def read_mask(path: Path) -> Mask:
    """(H,W), true where it is brighter than half: the inverse of :func:`write_mask`.

    Annotations, which come in many forms, are read by :mod:`gsanet.data.masks`.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    return object_mask(read_rgb(path)[..., 0] / np.float32(255))


def write_mask(path: Path, mask: Mask) -> None:
    """Write (H,W) as an 8-bit PNG of 0 and 255, whole or not at all; the folder must exist.

    Raises:
        GsanetError: it cannot be written.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask must be bool (H,W), got {mask.dtype} {mask.shape}")
    write_picture(path, mask.astype(np.uint8) * np.uint8(255))


def write_ids(path: Path, ids: NDArray[np.uint16]) -> None:
    """Write numbers of objects (H,W) as an 8-bit PNG with the palette of DAVIS, whole or not at all. The folder
    must exist.

    A palette has 256 entries and 0 is none: number 256 is written as 1, 257 as 2 and so on.

    Raises:
        GsanetError: it cannot be written.
    """
    indices = np.where(ids > 0, (ids - 1) % 255 + 1, 0).astype(np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(PALETTE.tobytes())
    with written_whole(path) as part:
        picture.save(part, format="PNG", compress_level=3, compress_type=_RUN_LENGTHS)


def _palette() -> NDArray[np.uint8]:
    """Of Pascal VOC, which DAVIS took over: each colour's bits are the number's, in turns, the lowest first."""
    numbers = np.arange(256)
    channels = [sum((numbers >> (3 * bit + k) & 1) << (7 - bit) for bit in range(3)) for k in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8)


PALETTE = _palette()
"""RGB (256,3) of the numbers of objects."""


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


def is_heif(path: Path) -> bool:
    """Whether the file is a photograph in HEIF, as phones make them (HEIC), by its first bytes."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        if not is_heif(path):
            raise
    try:
        import pillow_heif
    except ImportError:
        raise GsanetError(
            f"{path} is a HEIC photograph, and these need pillow-heif: pip install 'gsanet[heif]', or save it as JPEG"
        ) from None
    pillow_heif.register_heif_opener()
    return Image.open(path)


def _unreadable(path: Path, error: Exception) -> GsanetError:
    if not path.exists():
        return GsanetError(f"no such file: {path}")
    if path.is_file() and path.stat().st_size == 0:
        return GsanetError(f"{path} is empty (0 bytes): restore it or remove it")
    reason = str(error).replace(str(path), "").strip(" :'\"") or type(error).__name__
    return GsanetError(f"{path} cannot be read as a picture ({reason}): restore it or remove it")
