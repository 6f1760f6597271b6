"""Which way up a picture is shown: the eight ways in which a rectangle can be laid on itself.

Cameras store what the sensor saw and say beside it how to turn it: video files by a display matrix, pictures by an EXIF
tag. Both are one of eight, four of them mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values", bound=np.generic)

EXIF_TAG = 0x0112
"""Number of the EXIF tag that says so."""


class Orientation(NamedTuple):
    """What is done to the stored picture, in this order."""

    transposed: bool = False
    flipped_x: bool = False
    """Left and right change places."""
    flipped_y: bool = False
    """Top and bottom change places."""

    def apply(self, picture: NDArray[Values]) -> NDArray[Values]:
        """(H,W) or (H,W,K) as stored -> as shown, (W,H) or (W,H,K) if transposed; contiguous."""
        if self == UPRIGHT:
            return picture
        if self.transposed:
            picture = picture.swapaxes(0, 1)
        return np.ascontiguousarray(picture[:: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1])

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) as shown."""
        return (width, height) if self.transposed else (height, width)


UPRIGHT = Orientation()

_EXIF = {
    2: Orientation(flipped_x=True),
    3: Orientation(flipped_x=True, flipped_y=True),
    4: Orientation(flipped_y=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, flipped_x=True),
    7: Orientation(transposed=True, flipped_x=True, flipped_y=True),
    8: Orientation(transposed=True, flipped_y=True),
}


def of_exif(value: object) -> Orientation:
    """The orientation that an EXIF tag means; upright where it says nothing or nonsense."""
    return _EXIF.get(value, UPRIGHT) if isinstance(value, int) else UPRIGHT


def of_matrix(matrix: Sequence[int]) -> Orientation:
    """The orientation nearest to a display matrix (a b u, c d v, x y w), by which x' = ax + cy and y' = bx + dy.

    Players turn by quarters only, and so does this.
    """
    a, b, _, c, d, *_ = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
