"""A training sample: what it is drawn from, and how one is made from decoded pictures.

A sample is a pure function of its :class:`Draw`: the same draw gives the same sample, in whichever process and
however often a run was interrupted. That is what makes training resumable to the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.base.validation import Amount, Probability, Whole, settings
from gsanet.data.augment import (
    Augmentation,
    colour_jitter,
    plain_warp,
    random_warp,
    warp_flow,
    warp_image,
    warp_mask,
)
from gsanet.data.cache import Arrays
from gsanet.data.ground import resting
from gsanet.data.masks import read_truth
from gsanet.flow.colour import STILL, Flow, flow_to_picture
from gsanet.flow.dis import PRESETS, DISFlow
from gsanet.video.images import Picture, read_rgb
from gsanet.video.resize import limit, resize, resize_mask


class Draw(NamedTuple):
    """Which sample to make."""

    seed: tuple[int, ...]
    """Decides every random choice."""
    items: tuple[int, ...]
    """Picture numbers, or the numbers of one video's frames."""
    size: tuple[int, int]
    """(h,w) to make."""
    source: int = 0
    """Which of several data sets, in a :class:`Mixture`."""


class Sample(NamedTuple):
    """One or more training pictures, ready to be stacked."""

    rgb: Tensor
    """uint8 (K,3,h,w)"""
    flow: Tensor
    """uint8 (K,3,h,w); (K,0,h,w) where there is none"""
    mask: Tensor
    """uint8 (K,1,h/s,w/s), 0..255: the share of each pixel block that is object"""


def collate(samples: Sequence[Sample]) -> Sample:
    """Samples of one step -> one batch, groups side by side: (sum K, ...)."""
    return Sample(*(torch.cat(parts) for parts in zip(*samples, strict=True)))


@settings
class FlowVariation:
    """How training flow is varied beyond the warp it shares with its frame."""

    gaps: tuple[int, ...] = ()
    """Distances in frames (negative: backwards) of DIS flow computed on the fly; none: the pictures in ``FLOW/``."""
    long_side: Whole = 0
    """It is computed on frames of this many pixels at most, as the engine does; 0: on the decoded ones."""
    dis: tuple[str, ...] = ("medium",)
    """Presets of DIS (:data:`gsanet.flow.dis.PRESETS`), one of which is drawn for each flow that is computed."""
    noise: Amount = 0.0
    """Largest standard deviation, in grey levels of 255, of noise that either frame gets before it is computed: frames
    that were rendered have none of their own."""
    rest: Probability = 0.0
    """Probability that parts of the object move as the ground does, as a foot that stands."""
    global_motion: Amount = 0.0
    """Largest added camera motion, as a fraction of the frame's own largest motion."""
    blank: Probability = 0.0
    """Probability of a still (blank) picture: motion is not always there."""

    def __post_init__(self) -> None:
        if 0 in self.gaps:
            raise ValueError(f"gaps must not hold 0, the frame itself, got {self.gaps}")
        if not self.dis or not set(self.dis) <= set(PRESETS):
            raise ValueError(f"dis must list presets of DIS ({', '.join(PRESETS)}), got {self.dis}")

    def draw_dis(self, rng: np.random.Generator) -> Callable[[Picture, Picture], Flow]:
        """The method for one flow. Nothing is drawn from *rng* where nothing can come of it."""
        dis = DISFlow(self.dis[0] if len(self.dis) == 1 else str(rng.choice(self.dis)))
        if not self.noise:
            return dis
        amount = self.noise * rng.random()
        return lambda first, second: dis(noisy(rng, first, amount), noisy(rng, second, amount))


def noisy(rng: np.random.Generator, image: Picture, amount: float) -> Picture:
    """*image* (h,w,3) with grey noise of standard deviation *amount*."""
    noise = amount * rng.standard_normal((*image.shape[:2], 1), np.float32)
    grainy: Picture = np.clip(image + noise + np.float32(0.5), 0, 255).astype(np.uint8)
    return grainy


def window_around(rng: np.random.Generator, mask: NDArray[np.bool_], size: tuple[int, int]) -> tuple[slice, slice]:
    """The part of a picture that comes half-way (in the logarithm) to the shape of *size* (h,w), around its object.

    Half-way: the rest is stretched, which hurts less than losing half of a portrait.
    """
    h, w = mask.shape
    ratio = np.sqrt((size[1] / size[0]) / (w / h))
    ch, cw = (round(h / ratio), w) if ratio > 1 else (h, round(w * ratio))
    top, left = int(rng.integers(h - ch + 1)), int(rng.integers(w - cw + 1))
    y, x = np.nonzero(mask)
    if len(y):
        # Shift as little as needed to have the object's middle well inside.
        top = int(np.clip(top, np.median(y) - 0.7 * ch, np.median(y) - 0.3 * ch))
        left = int(np.clip(left, np.median(x) - 0.7 * cw, np.median(x) - 0.3 * cw))
        top, left = min(max(top, 0), h - ch), min(max(left, 0), w - cw)
    return slice(top, top + ch), slice(left, left + cw)


def make_frame(
    rng: np.random.Generator,
    rgb: NDArray[np.uint8],
    flow: NDArray[np.float32] | None,
    gt: NDArray[np.uint8],
    size: tuple[int, int],
    augmentation: Augmentation | None,
    variation: FlowVariation | None = None,
    still: float = STILL,
) -> tuple[NDArray[np.uint8], ...]:
    """One varied frame: rgb (h,w,3), flow picture (h,w,3) if any, mask (h,w) of 0 and 255."""
    source = rgb.shape[:2]
    warp = plain_warp(source, size) if augmentation is None else random_warp(rng, source, size, augmentation, gt > 0)
    picture = warp_image(rgb, warp, size)
    if augmentation is not None:
        picture = colour_jitter(rng, picture, augmentation)
    mask = warp_mask(gt > 0, warp, size).astype(np.uint8) * np.uint8(255)
    if flow is None:
        return picture, mask
    moved = warp_flow(flow, warp, size)
    if variation is not None and augmentation is not None:
        moved = _vary_flow(rng, moved, mask > 0, variation)
    return picture, flow_to_picture(moved, still), mask


def _vary_flow(
    rng: np.random.Generator, flow: NDArray[np.float32], mask: NDArray[np.bool_], variation: FlowVariation
) -> NDArray[np.float32]:
    if rng.random() < variation.blank:
        return np.zeros_like(flow)
    if variation.rest and rng.random() < variation.rest:
        flow = resting(rng, flow, mask)
    amount = variation.global_motion * rng.random()
    if amount == 0:
        return flow
    h, w = flow.shape[:2]
    reach = amount * float(np.sqrt(np.square(flow).sum(-1).max()))
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    shift = rng.normal(0, 0.5, 2) * reach
    zoom, turn = rng.normal(0, 0.25, 2) * reach
    camera = np.stack([shift[0] + zoom * x - turn * y, shift[1] + turn * x + zoom * y], -1)
    moved: NDArray[np.float32] = flow + camera.astype(np.float32)
    return moved


def stack(frames: Sequence[tuple[NDArray[np.uint8], ...]], stride: int) -> Sample:
    rgb = torch.from_numpy(np.stack([f[0] for f in frames])).permute(0, 3, 1, 2)
    flow = rgb[:, :0]
    if len(frames[0]) == 3:
        flow = torch.from_numpy(np.stack([f[1] for f in frames])).permute(0, 3, 1, 2)
    h, w = frames[0][-1].shape
    small = [resize(f[-1], (h // stride, w // stride)) for f in frames]
    return Sample(rgb, flow, torch.from_numpy(np.stack(small)).unsqueeze(1))


def load_frame(rgb: Path, gt: Path | None, flow: Path | None, long_side: int) -> Arrays:
    """Decoded and brought down to *long_side*: rgb, mask (0/255), and the flow picture if asked for."""
    assert gt is not None
    image = read_rgb(rgb)
    mask = read_truth(gt).astype(np.uint8) * np.uint8(255)
    if image.shape[:2] != mask.shape:
        raise GsanetError(f"{gt} is {_size(mask)} but its frame {rgb} is {_size(image)}")
    image = limit(image, long_side)
    size = (image.shape[0], image.shape[1])
    arrays = [image, resize_mask(mask, size)]
    if flow is not None:
        # As a mask: averaged colours of opposite motions would be a third direction.
        arrays.append(resize_mask(read_rgb(flow), size))
    return tuple(arrays)


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
