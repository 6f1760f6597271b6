"""Training sets: pictures with masks (stage 1) and groups of frames of one video (stage 2).

Both are pure functions of a :class:`Draw`: the same draw gives the same sample, in whichever process and however
often a run was interrupted. That is what makes training resumable to the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gsanet.data.augment import (
    Augmentation,
    colour_jitter,
    plain_warp,
    random_warp,
    warp_flow,
    warp_image,
    warp_mask,
)
from gsanet.data.cache import ArrayCache, Arrays
from gsanet.data.images import read_mask, read_rgb
from gsanet.data.layout import Frame, Pair
from gsanet.data.layout import Sequence as Video
from gsanet.data.synthetic import SyntheticMotion
from gsanet.errors import GsanetError
from gsanet.flow.colour import STILL, flow_to_picture, picture_to_flow, redraw_still
from gsanet.flow.dis import DISFlow

Progress = Callable[[int, int], None]


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


class SaliencyDataset(Dataset[Sample]):
    """Stage 1: single pictures and their masks.

    Args:
        pairs: from :func:`gsanet.data.layout.image_pairs`.
        cache: folder for decoded pictures.
        long_side: they are kept at, at most.
        augmentation: None leaves pictures as they are, resized.
        stride: masks are averaged over blocks of this many pixels.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        cache: Path,
        *,
        long_side: int = 320,
        augmentation: Augmentation | None = None,
        stride: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.augmentation = augmentation
        self.stride = stride
        self._arrays = ArrayCache.build(
            cache,
            pairs,
            lambda pair: _load(pair.rgb, pair.gt, None, long_side),
            ["pairs", long_side, *((p.rgb, p.gt, _time(p.rgb), _time(p.gt)) for p in pairs)],
            progress,
        )

    def __len__(self) -> int:
        return len(self._arrays)

    def arrays(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Decoded picture (h,w,3) and mask (h,w), 0 or 255."""
        rgb, gt = self._arrays[number]
        return rgb, gt

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        rgb, gt = self.arrays(draw.items[0])
        return _stack([_make(rng, rgb, None, gt, draw.size, self.augmentation)], self.stride)


@dataclass(frozen=True)
class FlowVariation:
    """How training flow is varied beyond the warp it shares with its frame."""

    gaps: tuple[int, ...] = ()
    """Distances in frames (negative: backwards) of DIS flow computed on the fly; none: the pictures in ``FLOW/``."""
    global_motion: float = 0.0
    """Largest added camera motion, as a fraction of the frame's own largest motion."""
    blank: float = 0.0
    """Probability of a still (blank) picture: motion is not always there."""


class VideoDataset(Dataset[Sample]):
    """Stage 2: groups of frames of one video, with flow and masks.

    ``frames_of[v]`` lists the frame numbers of video v, to draw from; arguments as :class:`SaliencyDataset`.

    Raises:
        GsanetError: a frame lacks its mask, or its flow where pictures are needed.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        cache: Path,
        *,
        long_side: int = 480,
        augmentation: Augmentation | None = None,
        variation: FlowVariation | None = None,
        stride: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.augmentation = augmentation
        self.variation = variation or FlowVariation()
        self.stride = stride
        frames = [frame for video in videos for frame in video.frames]
        pictures = not self.variation.gaps
        for frame in frames:
            if frame.gt is None:
                raise GsanetError(f"no mask in GT/ for frame {frame.name}")
            if pictures and frame.flow is None:
                raise GsanetError(f"no flow picture in FLOW/ for frame {frame.name}: run `gsanet flow` on the folder")
        self._arrays = ArrayCache.build(
            cache,
            frames,
            lambda f: _load(f.rgb, f.gt, f.flow if pictures else None, long_side),
            ["frames", pictures, long_side, *(_frame_key(f, pictures) for f in frames)],
            progress,
        )
        self.names = [video.name for video in videos]
        self.frames_of: list[range] = []
        for video in videos:
            start = self.frames_of[-1].stop if self.frames_of else 0
            self.frames_of.append(range(start, start + len(video.frames)))
        self._video_of = [v for v, frames in enumerate(self.frames_of) for _ in frames]
        self._dis: DISFlow | None = None

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        # One mirror and colour for the group would be truer to a video; frames varied apart teach the slots more.
        return _stack([self._frame(rng, i, draw.size) for i in draw.items], self.stride)

    def _frame(self, rng: np.random.Generator, number: int, size: tuple[int, int]) -> tuple[NDArray[np.uint8], ...]:
        rgb, gt, *picture = self._arrays[number]
        if picture:
            flow = picture_to_flow(picture[0])
            still = redraw_still(flow)
        else:
            flow, still = self._gap_flow(rng, number), STILL
        return _make(rng, rgb, flow, gt, size, self.augmentation, self.variation, still)

    def _gap_flow(self, rng: np.random.Generator, number: int) -> NDArray[np.float32]:
        """DIS flow to a frame at one of the gaps; near the end of a video the gap turns round, negated."""
        if self._dis is None:
            self._dis = DISFlow()
        frames = self.frames_of[self._video_of[number]]
        gap = int(rng.choice(self.variation.gaps))
        sign = 1.0
        if number + gap not in frames:
            gap, sign = -gap, -1.0
        if number + gap not in frames:
            return np.zeros((*self._arrays[number][0].shape[:2], 2), np.float32)
        return self._dis(self._arrays[number][0], self._arrays[number + gap][0]) * np.float32(sign)


class SyntheticDataset(Dataset[Sample]):
    """Stage 2 from single pictures: groups of variations of one picture, each with a motion of its own.

    A draw names one picture, once for each frame of the group. Arguments as :class:`SaliencyDataset`; *size* of the
    draw may be of another shape than the picture's, which is cropped to it first.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        cache: Path,
        *,
        long_side: int = 320,
        augmentation: Augmentation | None = None,
        variation: FlowVariation | None = None,
        motion: SyntheticMotion | None = None,
        stride: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self._pictures = SaliencyDataset(pairs, cache, long_side=long_side, progress=progress)
        self.augmentation = augmentation
        self.variation = variation or FlowVariation()
        self.motion = motion or SyntheticMotion()
        self.stride = stride
        self._dis = DISFlow()

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        frames = []
        for number in draw.items:
            rgb, gt = _crop_towards(rng, *self._pictures.arrays(number), draw.size)
            flow = self.motion.flow(rng, rgb, gt > 0, self._dis)
            frames.append(_make(rng, rgb, flow, gt, draw.size, self.augmentation, self.variation))
        return _stack(frames, self.stride)


class Mixture(Dataset[Sample]):
    """Several data sets behind one; a draw's ``source`` says which."""

    def __init__(self, *sets: VideoDataset | SyntheticDataset) -> None:
        self.sets = sets

    def __getitem__(self, draw: Draw) -> Sample:
        return self.sets[draw.source][draw]


def _crop_towards(
    rng: np.random.Generator, rgb: NDArray[np.uint8], gt: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Crop a picture half-way (in the logarithm) to the shape of *size* (h,w), around its object.

    Half-way: the rest is stretched, which hurts less than losing half of a portrait.
    """
    h, w = gt.shape
    ratio = np.sqrt((size[1] / size[0]) / (w / h))
    ch, cw = (round(h / ratio), w) if ratio > 1 else (h, round(w * ratio))
    top, left = int(rng.integers(h - ch + 1)), int(rng.integers(w - cw + 1))
    y, x = np.nonzero(gt)
    if len(y):
        # Shift as little as needed to have the object's middle well inside.
        top = int(np.clip(top, np.median(y) - 0.7 * ch, np.median(y) - 0.3 * ch))
        left = int(np.clip(left, np.median(x) - 0.7 * cw, np.median(x) - 0.3 * cw))
        top, left = min(max(top, 0), h - ch), min(max(left, 0), w - cw)
    window = (slice(top, top + ch), slice(left, left + cw))
    return np.ascontiguousarray(rgb[window]), np.ascontiguousarray(gt[window])


def _make(
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
    warp = plain_warp(source, size) if augmentation is None else random_warp(rng, source, size, augmentation)
    picture = warp_image(rgb, warp, size)
    if augmentation is not None:
        picture = colour_jitter(rng, picture, augmentation)
    mask = warp_mask(gt > 0, warp, size).astype(np.uint8) * np.uint8(255)
    if flow is None:
        return picture, mask
    moved = warp_flow(flow, warp, size)
    if variation is not None and augmentation is not None:
        moved = _vary_flow(rng, moved, variation)
    return picture, flow_to_picture(moved, still), mask


def _vary_flow(rng: np.random.Generator, flow: NDArray[np.float32], variation: FlowVariation) -> NDArray[np.float32]:
    if rng.random() < variation.blank:
        return np.zeros_like(flow)
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


def _stack(frames: Sequence[tuple[NDArray[np.uint8], ...]], stride: int) -> Sample:
    rgb = torch.from_numpy(np.stack([f[0] for f in frames])).permute(0, 3, 1, 2)
    flow = rgb[:, :0]
    if len(frames[0]) == 3:
        flow = torch.from_numpy(np.stack([f[1] for f in frames])).permute(0, 3, 1, 2)
    h, w = frames[0][-1].shape
    small = [cv2.resize(f[-1], (w // stride, h // stride), interpolation=cv2.INTER_AREA) for f in frames]
    return Sample(rgb, flow, torch.from_numpy(np.stack(small)).unsqueeze(1))


def _load(rgb: Path, gt: Path | None, flow: Path | None, long_side: int) -> Arrays:
    """Decoded and brought down to *long_side*: rgb, mask (0/255), and the flow picture if asked for."""
    assert gt is not None
    image = read_rgb(rgb)
    mask = read_mask(gt).astype(np.uint8) * np.uint8(255)
    if image.shape[:2] != mask.shape:
        raise GsanetError(f"{gt} is {_size(mask)} but its frame {rgb} is {_size(image)}")
    h, w = mask.shape
    scale = min(1.0, long_side / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    arrays = [_shrink(image, size, cv2.INTER_AREA), _shrink(mask, size, cv2.INTER_NEAREST)]
    if flow is not None:
        # Nearest: averaged colours of opposite motions would be a third direction.
        arrays.append(_shrink(read_rgb(flow), size, cv2.INTER_NEAREST))
    return tuple(arrays)


def _shrink(image: NDArray[np.uint8], size: tuple[int, int], how: int) -> NDArray[np.uint8]:
    if image.shape[1::-1] == size:
        return image
    small: NDArray[np.uint8] = cv2.resize(image, size, interpolation=how)
    return small


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _time(path: Path | None) -> int:
    return path.stat().st_mtime_ns if path else 0


def _frame_key(frame: Frame, pictures: bool) -> tuple[object, ...]:
    paths = (frame.rgb, frame.gt, frame.flow if pictures else None)
    return (*paths, *(_time(p) for p in paths))
