"""Pictures of more than eight bits: what their values mean, by one rule for the whole clip.

A camera's 12 bits are often stored in 16, and floating point may mean 0..1 or 0..255. The file does not say which. So
the largest values of all frames together decide what is white; frame by frame, a fade would become bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

_WHITES = (255, 1023, 4095, 16383, 65535)
"""Largest values of 8, 10, 12, 14 and 16 bits."""

FEWER_BITS, ALL_BITS = _WHITES[2], _WHITES[-1]
"""Of 16 bits: values up to the first may be of a camera that uses fewer; the second is white if all are used."""

_LOOKED_AT = 16
"""Frames whose largest values say what is white."""

_LIGHT = 16
"""Floating point up to here is light, and 1 is white: highlights may go beyond it."""


def largest(values: Values) -> float:
    """The largest finite value, 0 if there is none."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return float(finite.max()) if finite.size else 0.0


def looked_at(length: int) -> list[int]:
    """Numbers of the frames, spread over a clip of *length*, whose largest values say what is white."""
    return sorted({round(i * (length - 1) / (_LOOKED_AT - 1)) for i in range(_LOOKED_AT)}) if length else []


def said_of_white(maxima: Sequence[float], white: float) -> str:
    """In words, for people: what :func:`white_of` found."""
    return f"its values have more than eight bits and reach {max(maxima):g}: {white:g} is white in all frames"


def said_of_cut(index: int, white: float) -> str:
    """In words: a frame that was not looked at has more than that."""
    return f"frame {index} has values above {white:g}, which is white in this clip: they are cut there"


def white_of(maxima: Sequence[float], floating: bool) -> float:
    """The value that is white in a clip whose frames reach *maxima*."""
    most = max(maxima, default=0.0)
    if floating and most <= _LIGHT:
        return 1.0
    return float(next((white for white in _WHITES if most <= white), most))


def to_eight(values: Values, white: float) -> NDArray[np.uint8]:
    """(H,W) or (H,W,K) -> uint8 (H,W,3) or (H,W,K), *white* -> 255; what is below 0 or no number is black."""
    scaled = np.nan_to_num(values.astype(np.float32) * np.float32(255 / white), nan=0.0, posinf=255.0, neginf=0.0)
    eight = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2) if eight.ndim == 2 else eight
