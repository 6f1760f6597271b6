"""The size of the pictures that a network is shown."""

from __future__ import annotations

from gsanet.base.errors import GsanetError
from gsanet.model.config import GSANetConfig

MULTIPLE = 32
"""The deepest stride: sides that are multiples of it waste nothing."""

SMALLEST = 64
"""Pixels; the network refuses less."""


def network_size(height: int, width: int, config: GSANetConfig, size: int | None = None) -> tuple[int, int]:
    """(h,w) of the network's input for a frame of *height* x *width*.

    ``config.square`` squashes to (size,size); else the long side becomes *size* and the other keeps its proportion.
    Both are rounded to multiples of 32, at least 64.

    Args:
        size: instead of the model's own ``config.size``.

    Raises:
        GsanetError: *size* is below 64.
    """
    side = config.size if size is None else size
    if side < SMALLEST:
        raise GsanetError(f"input size {side} is too small: the network needs at least {SMALLEST} pixels")
    if config.square:
        return _round(side), _round(side)
    scale = side / max(height, width)
    return _round(height * scale), _round(width * scale)


def _round(side: float) -> int:
    return max(SMALLEST, MULTIPLE * round(side / MULTIPLE))
