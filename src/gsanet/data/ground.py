"""The ground's part in a flow: its motion, and what moves with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.flow.colour import Flow

_STEP = 8
"""Every so many pixels one is asked how the ground moves,"""
_FEWEST = 8
"""and so many have to answer."""
_SPILL = 0.02
"""How far flow spills over an edge, of the picture's diagonal."""


def ground_motion(flow: Flow, ground: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The affine motion that fits *flow* (h,w,2) best where *ground* (h,w) is, what moves otherwise left out.

    Returns:
        (3,2) in pixels: (1, row, column) times this is the motion there; None if there is hardly any ground.
    """
    rows, columns = np.nonzero(ground[::_STEP, ::_STEP])
    if len(rows) < _FEWEST:
        return None
    rows, columns = _STEP * rows, _STEP * columns
    places, vectors = np.stack([np.ones_like(rows), rows, columns], 1), flow[rows, columns]
    fit = np.linalg.lstsq(places, vectors, rcond=None)[0]
    # Once more without what does not move as most of it does.
    far = np.linalg.norm(places @ fit - vectors, axis=1)
    kept = far <= 2 * np.median(far)
    motion: NDArray[np.float64] = np.linalg.lstsq(places[kept], vectors[kept], rcond=None)[0]
    return motion


def laid_over(flow: Flow, motion: NDArray[np.float32], where: NDArray[np.bool_]) -> Flow:
    """*flow* (h,w,2) with *motion*, (2,) or (h,w,2), in *where* (h,w), edges as soft as those of estimated flow."""
    share = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 0.005 * float(np.hypot(*where.shape)))[..., None]
    mixed: Flow = share * motion + (1 - share) * flow
    return mixed


def resting(rng: np.random.Generator, flow: Flow, mask: NDArray[np.bool_]) -> Flow:
    """*flow* (h,w,2) as it is where parts of the object, *mask* (h,w), move as the ground does or seem to: a foot that
    stands, a belly without texture. In one of three it is the other way round: only these parts move on.

    One to three ellipses about pixels of the object, each 15 to 50 % of its mean side in half-axes.
    """
    y, x = np.nonzero(mask)
    ground = ground_motion(flow, ~mask) if len(y) else None
    if ground is None:
        return flow
    reach = float(np.sqrt(len(y)))
    where = np.zeros(mask.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(y)))
        axes = rng.uniform(0.15, 0.5, 2) * reach
        cv2.ellipse(
            where, (int(x[at]), int(y[at])), (round(axes[0]), round(axes[1])), float(rng.uniform(0, 180)), 0, 360, 1, -1
        )
    if rng.random() < 1 / 3:
        where = 1 - where
    # Estimated flow spills over the object's edge: a rim of it would tell where the object is.
    side = 2 * round(_SPILL * float(np.hypot(*mask.shape))) + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    motion = np.stack([np.ones_like(rows), rows, columns], -1) @ ground.astype(np.float32)
    return laid_over(flow, motion, (where > 0) & near)
