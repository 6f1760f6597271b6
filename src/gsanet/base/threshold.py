"""The one place where probabilities become a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
"""A pixel is object above this. Plain, not chosen on any data (docs/method.md, section 9, row 7)."""


def object_mask(probability: NDArray[np.floating], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Probabilities of any shape -> where the object is, true above *threshold*."""
    return np.asarray(probability > threshold)
