"""The tiny model's configuration and the tiny clip's frames; most tests take them as fixtures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsanet.model import GSANetConfig

TINY = GSANetConfig(
    backbone="test_efficientnet",
    channels=8,
    edge_channels=4,
    clusters=6,
    neighbours=3,
    iterations=2,
    references=3,
    head_dim=4,
    size=96,
    square=False,
)


def moving_square(frames: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(T,H,W,3): a bright textured square that crosses a dark textured ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 90, (height, width, 3), np.uint8)
    side = max(2, min(height, width) // 3)
    square = rng.integers(160, 256, (side, side, 3), np.uint8)
    clip = np.repeat(ground[None], frames, axis=0)
    for t in range(frames):
        x = round((width - side) * (t % 24) / 23)
        y = (height - side) // 2
        clip[t, y : y + side, x : x + side] = square
    return clip
