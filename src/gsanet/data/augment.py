"""Augmentation: one affine warp for all pictures of a frame, colour for the photograph (docs/method.md, section 8).

Flips, crops, rotation and resizing are composed into a single matrix, so a picture is sampled once; a flow
picture is warped as *vectors*, turned by the matrix's linear part, and coloured again, because the colour wheel
encodes direction.
"""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gsanet.base.validation import Probability, settings
from gsanet.flow.colour import Flow, transform_flow
from gsanet.video.images import Picture

Matrix = NDArray[np.float64]


@settings
class Augmentation:
    """How strongly training pictures are varied; all zero and ``crop=1`` leaves them alone."""

    flip: Probability = 0.5
    """Probability of a horizontal flip."""
    crop: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Smallest side of a random crop, as a fraction of the picture's side."""
    closer: Probability = 0.0
    """Probability that the crop is instead around the object, so that this has about 20 to 70 % of it: what the engine
    shows when it looks closer (:mod:`gsanet.segment.fovea`)."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 15.0
    """Largest rotation in degrees,"""
    rotate_probability: Probability = 0.2
    """and how often it is applied."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Largest relative change of brightness, contrast, colour and sharpness."""
    grey: Probability = 0.0
    """Probability of losing all colour."""
    blur: Probability = 0.0
    """Probability of a Gaussian blur of up to 1.5 pixels."""


def random_warp(
    rng: np.random.Generator,
    source: tuple[int, int],
    target: tuple[int, int],
    augmentation: Augmentation,
    mask: NDArray[np.bool_] | None = None,
) -> Matrix:
    """A 2x3 matrix that takes pixels of a *source* (h,w) picture to a *target* (h,w) one.

    A crop with each side drawn from [crop, 1] of the picture, or one around its object, is stretched to the target,
    perhaps mirrored, perhaps turned about its centre.

    Args:
        mask: (h,w), the object, for :attr:`Augmentation.closer`.
    """
    (h, w), (th, tw) = source, target
    # Nothing is drawn where nothing can come of it, so that adding the option changed no run without it.
    closer = augmentation.closer > 0 and rng.random() < augmentation.closer
    window = _closer_window(rng, mask, tw / th) if closer and mask is not None else None
    if window is None:
        ch, cw = h * rng.uniform(augmentation.crop, 1), w * rng.uniform(augmentation.crop, 1)
        top, left = rng.uniform(0, h - ch), rng.uniform(0, w - cw)
    else:
        top, left, ch, cw = window
    angle = 0.0
    if rng.random() < augmentation.rotate_probability:
        angle = float(np.deg2rad(rng.uniform(-augmentation.rotate, augmentation.rotate)))
    mirror = -1.0 if rng.random() < augmentation.flip else 1.0
    return _compose((left + cw / 2, top + ch / 2), (tw / cw, th / ch), angle, mirror, target)


_CLOSEST = 0.3
"""Smallest side of a crop around an object, as a fraction of the picture's side; as the engine's."""


def _closer_window(
    rng: np.random.Generator, mask: NDArray[np.bool_], shape: float
) -> tuple[float, float, float, float] | None:
    """Top, left, height and width of a crop around the object, no more than 1.4 times wider or higher than *shape*
    (width / height) asks for; None if there is no object."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    size = np.array(mask.shape, np.float64)
    first = np.array([rows[0], columns[0]], np.float64)
    extent = np.array([rows[-1] + 1, columns[-1] + 1]) - first
    side = np.clip(extent * rng.uniform(1.2, 2.3) * rng.uniform(0.85, 1.15, 2), _CLOSEST * size, size)
    stretch = side[1] / side[0] / shape
    side = np.minimum(side * np.array([max(1.0, stretch / 1.4), max(1.0, 1 / (1.4 * stretch))]), size)
    # The object lies anywhere in it, as a whole if it fits.
    room = side - extent
    start = first - np.where(room > 0, rng.uniform(0.1, 0.9, 2), rng.uniform(0, 1, 2)) * room
    start = np.clip(start, 0, size - side)
    return float(start[0]), float(start[1]), float(side[0]), float(side[1])


def plain_warp(source: tuple[int, int], target: tuple[int, int]) -> Matrix:
    """The matrix that only resizes (h,w) to (h,w)."""
    (h, w), (th, tw) = source, target
    return _compose((w / 2, h / 2), (tw / w, th / h), 0.0, 1.0, target)


def _compose(
    centre: tuple[float, float], scale: tuple[float, float], angle: float, mirror: float, target: tuple[int, int]
) -> Matrix:
    """Move *centre* to the origin, turn, mirror, scale, move to the middle of *target*."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.diag([scale[0] * mirror, scale[1]]) @ turn
    middle = np.array([target[1] / 2, target[0] / 2])
    # Pixel centres lie at half coordinates: shift in, shift out.
    offset = middle - linear @ (np.array(centre) - 0.5) - 0.5
    return np.concatenate([linear, offset[:, None]], axis=1)


def warp_image(image: Picture, matrix: Matrix, target: tuple[int, int]) -> Picture:
    """Warp a photograph (h,w,3) to *target* (h,w), bilinear; what lies outside is reflected."""
    warped: Picture = cv2.warpAffine(
        image, matrix, target[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return warped


def warp_mask(mask: NDArray[np.bool_], matrix: Matrix, target: tuple[int, int]) -> NDArray[np.bool_]:
    """Warp a mask (h,w) to *target*, nearest neighbour: it stays binary."""
    warped = cv2.warpAffine(
        mask.astype(np.uint8), matrix, target[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, bool)


def warp_flow(flow: Flow, matrix: Matrix, target: tuple[int, int]) -> Flow:
    """Warp a flow field (h,w,2): its pixels move with the picture and its vectors turn, flip and stretch with it."""
    moved = cv2.warpAffine(flow, matrix, target[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return transform_flow(moved, matrix[:, :2])


def colour_jitter(rng: np.random.Generator, image: Picture, augmentation: Augmentation) -> Picture:
    """Brightness, contrast, colour and sharpness, each scaled by a factor in [1 - jitter, 1 + jitter]."""
    amount = augmentation.jitter
    brightness, contrast, colour, sharpness = rng.uniform(1 - amount, 1 + amount, 4)
    if rng.random() < augmentation.grey:
        colour = 0.0
    blur = rng.uniform(0.3, 1.5) if rng.random() < augmentation.blur else 0.0
    x = image.astype(np.float32)
    if amount or colour != 1:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        # All three are affine in the pixel: b * (c * (s * x + (1 - s) * grey) + (1 - c) * mean).
        light = brightness * contrast
        lift = brightness * (1 - contrast) * float(grey.mean())
        x = cv2.addWeighted(x, light * colour, cv2.merge([grey] * 3), light * (1 - colour), lift)
    if blur:
        x = cv2.GaussianBlur(x, (0, 0), blur)
    elif amount:
        x = cv2.addWeighted(x, sharpness, cv2.blur(x, (3, 3)), 1 - sharpness, 0)
    result: Picture = np.clip(x, 0, 255).astype(np.uint8)
    return result
