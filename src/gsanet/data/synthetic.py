"""Motion made from single pictures: the object and its background move differently, DIS says what it sees.

DAVIS has thirty training videos, DUTS ten thousand objects. A second frame is rendered from a picture and its mask
by moving the background one way and the object another; the flow between the two is estimated, not
computed, so that its errors at borders and in flat regions are those of real flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.base.threshold import object_mask
from gsanet.base.validation import Amount, Probability, settings
from gsanet.data.ground import ground_motion, laid_over
from gsanet.flow.colour import Flow
from gsanet.video.images import Picture

_SLOWEST = 20.0
"""Times slower than usual."""


@settings
class SyntheticMotion:
    """How far things move between two rendered frames; lengths are fractions of the picture's diagonal."""

    camera: Amount = 0.02
    """Standard deviation of the background's shift;"""
    camera_turn: Amount = 0.02
    """of its rotation (radians) and relative zoom."""
    object: Amount = 0.025
    """Standard deviation of the object's shift against the background;"""
    object_turn: Amount = 0.04
    """of its rotation and zoom."""
    steady: Probability = 0.0
    """Probability that the camera does not move."""
    slow: Probability = 0.0
    """Probability that all of this is slower, by up to 20 times: what flow gets wrong stands out then, as it does where
    real cameras and objects hardly move."""
    still: Probability = 0.1
    """Probability that the object does not move against its background."""
    distractor: Probability = 0.0
    """Probability that another picture's object lies in the picture and moves as the background does; with the
    same probability there is one more, and one more."""
    near: Amount = 0.0
    """How much nearer than the background such a thing may be: it moves up to 1 + this times as far."""
    front: Probability = 0.0
    """Probability that it hides the object instead of being hidden by it."""
    slant: Amount = 0.0
    """Largest share by which the ground's shift grows to the picture's lower edge and shrinks to the upper one, as
    that of a floor does."""

    def flow(
        self, rng: np.random.Generator, scene: Scene, dis: Callable[[Picture, Picture], Flow]
    ) -> NDArray[np.float32]:
        """Flow of *scene*, by *dis*, to a rendered next frame in which its object moved its own way.

        Returns:
            (h,w,2) in pixels.
        """
        return dis(scene.image, self.next_frame(rng, scene))

    def next_frame(self, rng: np.random.Generator, scene: Scene) -> Picture:
        """The rendered next frame, uint8 (h,w,3). Behind a thing lies what the picture shows around it."""
        h, w = scene.mask.shape
        diagonal = float(np.hypot(h, w))
        middle = (w / 2, h / 2)
        # Nothing is drawn where nothing can come of it, so that adding the options changed no run without them.
        pace = float(np.exp(-rng.uniform(0, np.log(_SLOWEST)))) if self.slow and rng.random() < self.slow else 1.0
        drive = 0.0 if self.steady and rng.random() < self.steady else pace
        camera = _motion(rng, middle, drive * self.camera * diagonal, drive * self.camera_turn)
        shift = camera[:2, :2] @ middle + camera[:2, 2] - middle
        ground = camera
        if self.slant:
            ground = _sheared(camera, rng.uniform(0, self.slant) * shift, h)
        frame: Picture = cv2.warpAffine(scene.image, ground[:2], (w, h), borderMode=cv2.BORDER_REFLECT_101)
        layers = []
        for thing in scene.things:
            if not (self.near or thing.front):
                continue  # it lies in the ground, and moves with it
            nearer = camera.copy()
            nearer[:2, 2] += rng.uniform(0, self.near) * shift
            layers.append((thing.front, thing.mask, nearer))
        y, x = np.nonzero(scene.mask)
        if len(y) and rng.random() >= self.still:
            centre = (float(x.mean()), float(y.mean()))
            own = _motion(rng, centre, pace * self.object * diagonal, pace * self.object_turn)
            layers.append((False, scene.mask, camera @ own))
        # What is behind the object, then the object, then what is before it.
        for _, mask, matrix in sorted(layers, key=lambda layer: (layer[0], layer[1] is scene.mask)):
            moved = cv2.warpAffine(scene.image, matrix[:2], (w, h), borderMode=cv2.BORDER_REFLECT_101)
            # A soft edge, as a lens would draw it: a hard one would be a cue that real frames do not give.
            share = cv2.warpAffine(mask.astype(np.float32), matrix[:2], (w, h))
            frame = _over(frame, moved, cv2.GaussianBlur(share, (0, 0), 0.7))
        return frame


@dataclass(frozen=True)
class Thing:
    """Something in a scene that is not its object."""

    mask: NDArray[np.bool_]
    """(h,w), where it is seen"""
    front: bool
    """It hides the object."""


@dataclass(frozen=True)
class Scene:
    """A picture made of layers."""

    image: Picture
    """(h,w,3)"""
    mask: NDArray[np.bool_]
    """(h,w), where its object is seen"""
    things: tuple[Thing, ...] = ()

    def with_thing(self, rng: np.random.Generator, picture: Picture, mask: NDArray[np.bool_], front: bool) -> Scene:
        """The same scene with the object of another *picture* (h',w',3) in it, hidden by its object or hiding it.

        The thing is cut out, mirrored or not, brought to between a fifth and two thirds of the scene's height and put
        anywhere, partly outside perhaps. It stands out in the photograph, but is not what moves. It hides no more than
        half of the object.
        """
        y, x = np.nonzero(mask)
        if not len(y):
            return self
        window = (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
        thing, share = picture[window], mask[window].astype(np.float32)
        if rng.random() < 0.5:
            thing, share = thing[:, ::-1], share[:, ::-1]
        h, w = self.mask.shape
        scale = rng.uniform(0.2, 0.67) * h / share.shape[0]
        # A lying thing would span the picture.
        scale = min(scale, 0.67 * w / share.shape[1])
        place = np.array([[scale, 0, 0], [0, scale, 0]])
        centre = np.array([rng.uniform(0, w), rng.uniform(0, h)])
        place[:, 2] = centre - scale * np.array(share.shape[::-1]) / 2
        pasted = cv2.warpAffine(np.ascontiguousarray(thing), place, (w, h), borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpAffine(np.ascontiguousarray(share), place, (w, h))
        seen = object_mask(share)
        # An object that is hardly seen is none to learn from.
        front = front and int((self.mask & seen).sum()) <= int(self.mask.sum()) // 2
        soft = cv2.GaussianBlur(share, (0, 0), 0.7)
        if not front:
            seen, soft = seen & ~self.mask, np.where(self.mask, np.float32(0), soft)
        image = _over(self.image, pasted, soft)
        # What it hides of the others is no longer theirs.
        others = tuple(Thing(t.mask & ~seen, t.front) for t in self.things)
        return Scene(image, self.mask & ~seen, (*others, Thing(seen, front)))

    def cropped(self, window: tuple[slice, slice]) -> Scene:
        """A part of it."""
        things = tuple(Thing(np.ascontiguousarray(t.mask[window]), t.front) for t in self.things)
        return Scene(np.ascontiguousarray(self.image[window]), np.ascontiguousarray(self.mask[window]), things)


def carried_along(
    rng: np.random.Generator, flow: NDArray[np.float32], scene: Scene, near: float
) -> NDArray[np.float32]:
    """*flow* (h,w,2) of a frame as it would be if the last thing in *scene* had been there, still, when it was filmed.

    The background's motion is taken for affine. The thing shifts as that does at its middle, or up to 1 + *near* times
    as far.
    """
    thing = scene.things[-1].mask
    y, x = np.nonzero(thing)
    ground = ground_motion(flow, ~scene.mask & ~thing)
    if not len(y) or ground is None:
        return flow
    shift = np.array([1, y.mean(), x.mean()]) @ ground * (1 + rng.uniform(0, near))
    return laid_over(flow, shift.astype(np.float32), thing)


def _over(below: Picture, above: Picture, share: NDArray[np.float32]) -> Picture:
    """*above* laid over *below*, (h,w,3) each, with opacity *share* (h,w)."""
    alpha = share[..., None]
    mixed: Picture = (alpha * above + (1 - alpha) * below + 0.5).astype(np.uint8)
    return mixed


def _sheared(motion: NDArray[np.float64], shift: NDArray[np.float64], height: int) -> NDArray[np.float64]:
    """*motion* and, on top of it, *shift* at the lower edge, its opposite at the upper edge, nothing between them."""
    matrix = motion.copy()
    matrix[:2, 1] += shift / (height / 2)
    matrix[:2, 2] -= shift
    return matrix


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
