"""Files of pictures as a viewer shows them, where :mod:`gsanet.video.images` has them as they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.video.images import open_picture
from gsanet.video.orientation import EXIF_TAG, Orientation, of_exif
from gsanet.video.values import Values

MOVING = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
"""Formats, as PIL calls them, whose pictures may follow each other in time. In others they lie beside each other: those
of a camera with two eyes, or a photograph and its thumbnail."""

_NOT_OF_THE_STACK = 0b101
"""Bits of TIFF's NewSubfileType: a smaller copy, a mask of transparency."""

_SUBFILE_TYPE = 254

_EIGHT_BITS = 255


class Page(NamedTuple):
    """A picture: a file, or one page of several in it."""

    file: Path
    number: int = 0


class ShownPicture(NamedTuple):
    """One picture, all that a viewer needs."""

    values: Values
    """uint8 (H,W,3) RGB or (H,W,4) RGBA; where a value has more than eight bits as stored, (H,W) grey as well."""
    orientation: Orientation
    animated: bool
    """Whether more frames follow in the file."""


def read_shown(page: Page) -> ShownPicture:
    """Decode a picture; its orientation is not yet applied.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with open_picture(page.file) as image:
            image.seek(page.number)
            deep = _is_deep(image)
            if not deep:
                values = rgb_or_rgba(image)
            elif image.mode.startswith(("I", "F")):
                values = np.array(image)
            else:
                # PIL would keep the upper eight bits, and these may all be zero.
                values = _by_opencv(page)
            moving = image.format in MOVING and bool(getattr(image, "is_animated", False))
            # Asked for at the end: where PIL itself has turned the picture, the tag is gone then.
            return ShownPicture(values, orientation_of_picture(image), moving)
    except GsanetError:
        # Floating point of three colours is beyond PIL.
        if page.file.suffix.lower() not in (".tif", ".tiff") or not page.file.is_file():
            raise
        try:
            return ShownPicture(_by_opencv(page), Orientation(), False)
        except (GsanetError, cv2.error):
            pass
        raise


def shown_size(page: Page) -> tuple[int, int]:
    """(height, width) as shown, by the header where that says it.

    Raises:
        GsanetError: no such file, not a picture, or cut short.
    """
    try:
        with open_picture(page.file) as image:
            image.seek(page.number)
            # PIL gives the size of a TIFF as it is shown, and of all others as stored.
            turned = Orientation() if image.format == "TIFF" else orientation_of_picture(image)
            return turned.size(image.height, image.width)
    except GsanetError:
        height, width = read_shown(page).values.shape[:2]
        return height, width


def stack_pages(file: Path) -> list[int]:
    """Numbers of the pages of a TIFF file that are pictures of the stack.

    Raises:
        GsanetError: no such file, or not a picture.
    """
    pages = []
    with open_picture(file) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            kind = getattr(image, "tag_v2", {}).get(_SUBFILE_TYPE, 0)
            if number == 0 or not (isinstance(kind, int) and kind & _NOT_OF_THE_STACK):
                pages.append(number)
    return pages


def orientation_of_picture(image: Image.Image) -> Orientation:
    """What its EXIF data say."""
    return of_exif(image.getexif().get(EXIF_TAG))


def rgb_or_rgba(image: Image.Image) -> Values:
    """uint8 (H,W,3), or (H,W,4) where something may be transparent."""
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    return np.array(image.convert("RGBA" if transparent else "RGB"))


def _is_deep(image: Image.Image) -> bool:
    """Whether its values have more than eight bits; before it is decoded."""
    if image.mode.startswith(("I", "F")):
        return True
    tiles = getattr(image, "tile", None)  # where the data lie, and what they are
    if not tiles:
        return False
    arguments = tiles[0][3]
    if image.format == "PPM":
        return isinstance(arguments, tuple) and isinstance(arguments[-1], int) and arguments[-1] > _EIGHT_BITS
    mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return isinstance(mode, str) and ";16" in mode


def _by_opencv(page: Page) -> Values:
    """As stored, RGB or RGBA."""
    there, pictures = cv2.imreadmulti(str(page.file), page.number, 1, flags=cv2.IMREAD_UNCHANGED)
    if not there or not pictures:
        raise GsanetError(f"{page.file} cannot be read as a picture: restore it or remove it")
    picture: Values = pictures[0]
    if picture.ndim == 2:
        return picture
    return picture[..., [2, 1, 0, 3][: picture.shape[2]]]
