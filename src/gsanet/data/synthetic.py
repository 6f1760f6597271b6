"""Motion made from single pictures: the object and its background move differently, DIS says what it sees.

DAVIS has thirty training videos, DUTS ten thousand objects. A second frame is rendered from a picture and its mask
by moving the background one way and the object another; the flow between the two is estimated, not
computed, so that its errors at borders and in flat regions are those of real flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.flow.dis import DISFlow

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class SyntheticMotion:
    """How far things move between two rendered frames; lengths are fractions of the picture's diagonal."""

    camera: float = 0.02
    """Standard deviation of the background's shift;"""
    camera_turn: float = 0.02
    """of its rotation (radians) and relative zoom."""
    object: float = 0.025
    """Standard deviation of the object's shift against the background;"""
    object_turn: float = 0.04
    """of its rotation and zoom."""
    still: float = 0.1
    """Probability that the object does not move against its background."""
    distractor: float = 0.0
    """Probability that another picture's object lies in the background, and moves with it."""

    def flow(
        self, rng: np.random.Generator, image: Image, mask: NDArray[np.bool_], dis: DISFlow
    ) -> NDArray[np.float32]:
        """Flow of *image* (h,w,3) to a rendered next frame in which what lies under *mask* (h,w) moved its own way.

        Returns:
            (h,w,2) in pixels.
        """
        return dis(image, self.next_frame(rng, image, mask))

    def next_frame(self, rng: np.random.Generator, image: Image, mask: NDArray[np.bool_]) -> Image:
        """The rendered next frame, uint8 (h,w,3). Behind the object lies what the picture shows around it."""
        h, w = mask.shape
        diagonal = float(np.hypot(h, w))
        camera = _motion(rng, (w / 2, h / 2), self.camera * diagonal, self.camera_turn)
        ground: Image = cv2.warpAffine(image, camera[:2], (w, h), borderMode=cv2.BORDER_REFLECT_101)
        if not mask.any() or rng.random() < self.still:
            return ground
        y, x = np.nonzero(mask)
        own = _motion(rng, (float(x.mean()), float(y.mean())), self.object * diagonal, self.object_turn)
        both = (camera @ own)[:2]
        thing = cv2.warpAffine(image, both, (w, h), borderMode=cv2.BORDER_REFLECT_101)
        # A soft edge, as a lens would draw it: a hard one would be a cue that real frames do not give.
        share = cv2.warpAffine(mask.astype(np.float32), both, (w, h))
        share = cv2.GaussianBlur(share, (0, 0), 0.7)[..., None]
        frame: Image = (share * thing + (1 - share) * ground + 0.5).astype(np.uint8)
        return frame


def add_distractor(
    rng: np.random.Generator, image: Image, mask: NDArray[np.bool_], other: Image, other_mask: NDArray[np.bool_]
) -> Image:
    """*image* (h,w,3) with the object of *other* behind the one under *mask* (h,w).

    It is cut out, mirrored or not, brought to between a fifth and two thirds of the picture's height and put anywhere,
    partly outside perhaps. A thing like this stands out in the photograph, but is not what moves.
    """
    y, x = np.nonzero(other_mask)
    if not len(y):
        return image
    window = (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
    thing, share = other[window], other_mask[window].astype(np.float32)
    if rng.random() < 0.5:
        thing, share = thing[:, ::-1], share[:, ::-1]
    h, w = mask.shape
    scale = rng.uniform(0.2, 0.67) * h / share.shape[0]
    # A lying thing would span the picture.
    scale = min(scale, 0.67 * w / share.shape[1])
    place = np.array([[scale, 0, 0], [0, scale, 0]])
    centre = np.array([rng.uniform(0, w), rng.uniform(0, h)])
    place[:, 2] = centre - scale * np.array(share.shape[::-1]) / 2
    pasted = cv2.warpAffine(np.ascontiguousarray(thing), place, (w, h), borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(np.ascontiguousarray(share), place, (w, h))
    share = np.where(mask, 0, cv2.GaussianBlur(share, (0, 0), 0.7))[..., None]
    result: Image = (share * pasted + (1 - share) * image + 0.5).astype(np.uint8)
    return result


def _motion(rng: np.random.Generator, centre: tuple[float, float], reach: float, turn: float) -> NDArray[np.float64]:
    """A 3x3 matrix: shift, and rotation and zoom about *centre*, of normal random amounts."""
    angle, zoom = rng.normal(0, turn, 2)
    shift = rng.normal(0, reach, 2)
    linear = (1 + zoom) * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array(centre)
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle - linear @ middle + shift
    return matrix
