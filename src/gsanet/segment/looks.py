"""How an object looks: the colours that it has, which is enough to tell it from another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def colours_of(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One of 64 colours for each pixel of a picture (h,w,3), as a number (h,w)."""
    parts = small >> 6
    return np.asarray(parts[..., 0] << 4 | parts[..., 1] << 2 | parts[..., 2], np.uint8)


def histogram(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The share of each colour, (64,)."""
    counts = np.bincount(codes, minlength=64).astype(np.float64)
    return counts / max(1.0, float(counts.sum()))


def in_common(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """What two histograms have in common, 0 to 1 (Swain and Ballard, "Color Indexing", IJCV 1991)."""
    return float(np.minimum(one, other).sum())
