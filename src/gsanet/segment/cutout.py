"""The object cut out: how much of each pixel is object, and what colour that part has.

The probability is unsure over several pixels, and a little everywhere; used as transparency it gives haze. Here its
border is laid on the edges of the picture (guided filter: He, Sun and Tang, "Guided Image Filtering", ECCV 2010), in a
narrow band: outside the band alpha is 0 or 1. In the band a pixel is a mixture of object and background; the object's
part is estimated (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021), so that the cut-out fits any
background.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.segment.result import FrameResult
from gsanet.video.resize import resize

Map = NDArray[np.float32]
Picture = NDArray[np.uint8]

_BAND = 1 / 107
"""Half the width of the band, in parts of the long side: as far as borders of masks lie off what they mean."""

_NARROWEST = 3
"""Pixels."""

_STEEP = 4.0
"""The probability's rise at the border, times this: it decides where the border is, the picture how wide."""

_SMOOTH = 1e-3
"""Variance of colour (of 0..1) below which the filter sees no edge."""

_CONTRAST = 2.0
"""The filter mixes both sides a little: alpha is stretched by this around one half. This and the smoothness were chosen
on drawn objects of known alpha and on DAVIS training frames, whose masks have hard edges: 1.5 is nearer to the first, 3
to the second."""

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Of colours, whose products are averaged."""

_SOFTENING = np.array([_SMOOTH if i == j else 0 for i, j in _PAIRS], np.float32)

_WIDE, _NARROW = 4.0, 0.7
"""Half the sides of the boxes over which the object's colour is averaged, in half widths of the band."""


def cutout(result: FrameResult) -> Picture:
    """RGBA (H,W,4), colours not multiplied by alpha; far from the object all four are 0."""
    height, width = result.mask.shape
    picture = np.zeros((height, width, 4), np.uint8)
    radius = _radius(height, width)
    part = _around(result.mask, 3 * radius)
    if part is None:
        return picture
    image = result.image[part].astype(np.float32) / np.float32(255)
    offset = _offset(result.mask[part])
    alpha = _alpha(image, result.probability[part] - result.threshold, offset, radius)
    colour = _object_colour(image, alpha, radius)
    # What is hidden is kept near the edge only: encoders that store colour for two pixels at once need it there.
    colour[offset < -2 * radius] = 0
    picture[part] = np.dstack((_bytes(colour), _bytes(alpha)))
    return picture


def alpha_of(result: FrameResult) -> Map:
    """How much of each pixel is object, (H,W) of 0 to 1."""
    alpha = np.zeros(result.mask.shape, np.float32)
    radius = _radius(*result.mask.shape)
    part = _around(result.mask, 3 * radius)
    if part is not None:
        image = result.image[part].astype(np.float32) / np.float32(255)
        alpha[part] = _alpha(image, result.probability[part] - result.threshold, _offset(result.mask[part]), radius)
    return alpha


def _radius(height: int, width: int) -> int:
    return max(_NARROWEST, round(max(height, width) * _BAND))


def _around(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice] | None:
    """The part of the frame that has the object in it; None if there is none."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    return (
        slice(max(0, top - margin), top + height + margin),
        slice(max(0, left - margin), left + width + margin),
    )


def _offset(mask: NDArray[np.bool_]) -> Map:
    """Pixels to the border, negative outside."""
    inside = mask.astype(np.uint8)
    if inside.all():
        return np.full(mask.shape, np.inf, np.float32)
    to_outside = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    to_inside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    offset: Map = np.where(mask, to_outside - 0.5, 0.5 - to_inside).astype(np.float32)
    return offset


def _alpha(image: Map, above: Map, offset: Map, radius: int) -> Map:
    border = np.clip(above * _STEEP + 0.5, 0, 1).astype(np.float32, copy=False)
    border[offset > radius] = 1
    border[offset < -radius] = 0
    # The filter's coefficients are smooth: half the size gives the same for a quarter of the work.
    half = (-(-image.shape[0] // 2), -(-image.shape[1] // 2))
    slope, base = _guided(resize(image, half), resize(border, half), max(1, round(radius / 2)))
    size = (image.shape[0], image.shape[1])
    alpha: Map = (resize(slope, size) * image).sum(axis=2) + resize(base, size)
    alpha = np.clip((alpha - 0.5) * _CONTRAST + 0.5, 0, 1)
    # Towards the ends of the band there is no doubt left.
    fade = radius / 2
    alpha = np.minimum(alpha, np.clip((offset + radius) / fade, 0, 1))
    alpha = np.maximum(alpha, 1 - np.clip((radius - offset) / fade, 0, 1))
    return np.asarray(alpha, np.float32)


def _guided(image: Map, values: Map, radius: int) -> tuple[Map, Map]:
    """Slope (H,W,3) and base (H,W) of the linear function of colour that is nearest to *values* around each pixel."""
    mean, mean_values = _box(image, radius), _box(values, radius)
    with_values = _box(image * values[..., None], radius) - mean * mean_values[..., None]
    products = _box(np.dstack([image[..., i] * image[..., j] for i, j in _PAIRS]), radius)
    spread = products - np.dstack([mean[..., i] * mean[..., j] for i, j in _PAIRS])
    a, b, c, d, e, f = np.moveaxis(spread + _SOFTENING, -1, 0)
    # The inverse of [[a, b, c], [b, d, e], [c, e, f]], written out: a solver for each pixel takes far longer.
    xx, xy, xz = d * f - e * e, c * e - b * f, b * e - c * d
    yy, yz, zz = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = np.moveaxis(with_values, -1, 0)
    slope = np.dstack((xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z))
    slope /= (a * xx + b * xy + c * xz)[..., None]
    base = mean_values - (slope * mean).sum(axis=2)
    return _box(slope, radius), _box(base, radius)


def _object_colour(image: Map, alpha: Map, radius: int) -> Map:
    """What the object's part of each pixel looks like, (H,W,3) of 0 to 1: once from afar, once from near."""
    front, behind = _separated(image, alpha, image, image, max(1, round(_WIDE * radius)))
    front, _ = _separated(image, alpha, front, behind, max(1, round(_NARROW * radius)))
    return front


def _separated(image: Map, alpha: Map, front: Map, behind: Map, radius: int) -> tuple[Map, Map]:
    """Colours of object and background, averaged around each pixel, the first corrected by what the pixel shows."""
    weight = alpha[..., None]
    share = _box(alpha, radius)[..., None]
    front = _box(front * weight, radius) / (share + 1e-5)
    behind = _box(behind * (1 - weight), radius) / (1 - share + 1e-5)
    corrected: Map = np.clip(front + weight * (image - weight * front - (1 - weight) * behind), 0, 1)
    return corrected, behind


def _box(values: Map, radius: int) -> Map:
    side = 2 * radius + 1
    averaged: Map = cv2.blur(values, (side, side))
    return averaged


def _bytes(values: Map) -> Picture:
    picture: Picture = cv2.convertScaleAbs(values, alpha=255)
    return picture
