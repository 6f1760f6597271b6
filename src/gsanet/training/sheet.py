"""Sheets of sample pictures, so that a run can be judged by eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gsanet.video.resize import resize

Picture = np.ndarray[Any, Any]


def sheet(rows: Sequence[Sequence[Picture]], width: int = 192) -> Picture:
    """Rows of photographs (uint8 (h,w,3)), masks (bool (h,w)) or maps (float (h,w) in [0, 1]) -> uint8 (H,W,3)."""
    cells = [[_cell(p, width) for p in row] for row in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in cells], axis=0)


def _cell(picture: Picture, width: int) -> Picture:
    if picture.dtype != np.uint8:
        picture = (np.clip(picture.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return resize(picture, (height, width))
