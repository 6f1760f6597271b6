"""Training sets: pictures with masks (stage 1) and groups of frames of one video (stage 2).

All are pure functions of a :class:`~gsanet.data.sample.Draw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from gsanet.base.errors import GsanetError
from gsanet.data.augment import Augmentation, plain_warp, warp_flow
from gsanet.data.cache import Arrays, Progress, decoded
from gsanet.data.layout import FrameFiles, Pair
from gsanet.data.layout import Sequence as Video
from gsanet.data.masks import warn_if_empty
from gsanet.data.sample import Draw, FlowVariation, Sample, load_frame, make_frame, stack, window_around
from gsanet.data.synthetic import Scene, SyntheticMotion, carried_along
from gsanet.flow.colour import STILL, picture_to_flow, redraw_still
from gsanet.video.resize import limit

_RULES = ("masks 2",)
"""What is in a cache beside the files: to be counted up when masks are read or resized by another rule."""


class SaliencyDataset(Dataset[Sample]):
    """Stage 1: single pictures and their masks.

    Args:
        pairs: from :func:`gsanet.data.layout.image_pairs`.
        cache: folder for decoded pictures; None decodes them each time.
        long_side: they are kept at, at most.
        augmentation: None leaves pictures as they are, resized.
        stride: masks are averaged over blocks of this many pixels.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        cache: Path | None,
        *,
        long_side: int = 320,
        augmentation: Augmentation | None = None,
        stride: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.augmentation = augmentation
        self.stride = stride
        self._names = [pair.name for pair in pairs]
        decode = partial(_decode_pair, long_side=long_side)
        warn_if_empty([pair.gt for pair in pairs])
        files = [(p.rgb, p.gt) for p in pairs]
        self._arrays = decoded(cache, pairs, decode, (*_RULES, "pairs", long_side, *files), _times(files), progress)

    def __len__(self) -> int:
        return len(self._arrays)

    def names_of(self, numbers: Sequence[int]) -> list[str]:
        """Names of pictures, for a person."""
        return [self._names[i] for i in numbers]

    def arrays(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Decoded picture (h,w,3) and mask (h,w), 0 or 255."""
        rgb, gt = self._arrays[number]
        return rgb, gt

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        rgb, gt = self.arrays(draw.items[0])
        return stack([make_frame(rng, rgb, None, gt, draw.size, self.augmentation)], self.stride)


@dataclass(frozen=True)
class Distractors:
    """Objects of other pictures, to be put where they are not the object."""

    pictures: SaliencyDataset
    probability: float
    """of one, and of one more, and of one more."""
    motion: SyntheticMotion

    def draw(self, rng: np.random.Generator) -> list[int]:
        """Numbers of up to three pictures."""
        numbers: list[int] = []
        # Nothing is drawn where nothing can come of it, so that adding the option changed no run without it.
        while self.probability > 0 and len(numbers) < 3 and rng.random() < self.probability:
            numbers.append(int(rng.integers(len(self.pictures))))
        return numbers

    def put(self, rng: np.random.Generator, scene: Scene, number: int) -> Scene:
        """*scene* with the object of picture *number* in it."""
        picture, mask = self.pictures.arrays(number)
        return scene.with_thing(rng, picture, mask > 0, self.motion.front > 0 and rng.random() < self.motion.front)


class VideoDataset(Dataset[Sample]):
    """Stage 2: groups of frames of one video, with flow and masks.

    ``frames_of[v]`` lists the frame numbers of video v, to draw from.

    Args:
        variation: of the flow.
        distractors: still things to put into the frames, the same into all of a group, each time elsewhere.
        others: as of :class:`SaliencyDataset`.

    Raises:
        GsanetError: a frame lacks its mask, or its flow where pictures are needed.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        cache: Path | None,
        *,
        long_side: int = 480,
        augmentation: Augmentation | None = None,
        variation: FlowVariation | None = None,
        distractors: Distractors | None = None,
        stride: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.augmentation = augmentation
        self.variation = variation or FlowVariation()
        self.distractors = distractors
        self.stride = stride
        frames = [frame for video in videos for frame in video.frames]
        pictures = not self.variation.gaps
        for frame in frames:
            if frame.gt is None:
                raise GsanetError(f"no mask in GT/ for frame {frame.name}")
            if pictures and frame.flow is None:
                raise GsanetError(f"no flow picture in FLOW/ for frame {frame.name}: run `gsanet flow` on the folder")
        warn_if_empty([frame.gt for frame in frames if frame.gt])
        self._names = [frame.name for frame in frames]
        decode = partial(_decode_frame, pictures=pictures, long_side=long_side)
        files = [(f.rgb, f.gt, f.flow if pictures else None) for f in frames]
        key = (*_RULES, "frames", pictures, long_side, *files)
        self._arrays = decoded(cache, frames, decode, key, _times(files), progress)
        self.names = [video.name for video in videos]
        self.frames_of: list[range] = []
        for video in videos:
            start = self.frames_of[-1].stop if self.frames_of else 0
            self.frames_of.append(range(start, start + len(video.frames)))
        self._video_of = [v for v, frames in enumerate(self.frames_of) for _ in frames]

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        # One mirror and colour for the group would be truer to a video; frames varied apart teach the slots more.
        things = self.distractors.draw(rng) if self.distractors else []
        return stack([self._frame(rng, i, draw.size, things) for i in draw.items], self.stride)

    def names_of(self, numbers: Sequence[int]) -> list[str]:
        """Names of frames, for a person."""
        return [self._names[i] for i in numbers]

    def _frame(
        self, rng: np.random.Generator, number: int, size: tuple[int, int], things: Sequence[int]
    ) -> tuple[NDArray[np.uint8], ...]:
        rgb, gt, *picture = self._arrays[number]
        if picture:
            flow = picture_to_flow(picture[0])
            still = redraw_still(flow)
        else:
            flow, still = self._gap_flow(rng, number), STILL
        for thing in things:
            assert self.distractors is not None
            scene = self.distractors.put(rng, Scene(rgb, gt > 0), thing)
            if scene.things:
                flow = carried_along(rng, flow, scene, self.distractors.motion.near)
            rgb, gt = scene.image, scene.mask * np.uint8(255)
        return make_frame(rng, rgb, flow, gt, size, self.augmentation, self.variation, still)

    def _gap_flow(self, rng: np.random.Generator, number: int) -> NDArray[np.float32]:
        """DIS flow to a frame at one of the gaps; near the end of a video the gap turns round, negated."""
        dis = self.variation.draw_dis(rng)
        frames = self.frames_of[self._video_of[number]]
        gap = int(rng.choice(self.variation.gaps))
        sign = 1.0
        if number + gap not in frames:
            gap, sign = -gap, -1.0
        if number + gap not in frames:
            return np.zeros((*self._arrays[number][0].shape[:2], 2), np.float32)
        first, second = (self._arrays[i][0] for i in (number, number + gap))
        side = self.variation.long_side or max(first.shape)
        flow = dis(limit(first, side), limit(second, side)) * np.float32(sign)
        if flow.shape[:2] == first.shape[:2]:
            return flow
        size = (first.shape[0], first.shape[1])
        return warp_flow(flow, plain_warp((flow.shape[0], flow.shape[1]), size), size)


class SyntheticDataset(Dataset[Sample]):
    """Stage 2 from single pictures: groups of variations of one picture, each with a motion of its own.

    A draw names one picture, once for each frame of the group. Its *size* may be of another shape than the picture's,
    which is cropped to it first.

    Args:
        pictures: to set in motion, and to take distractors from; their own variation is not asked.
        variation: of the flow.
        others: as of :class:`SaliencyDataset`.
    """

    def __init__(
        self,
        pictures: SaliencyDataset,
        *,
        augmentation: Augmentation | None = None,
        variation: FlowVariation | None = None,
        motion: SyntheticMotion | None = None,
        stride: int = 1,
    ) -> None:
        self.pictures = pictures
        self.augmentation = augmentation
        self.variation = variation or FlowVariation()
        self.motion = motion or SyntheticMotion()
        self.distractors = Distractors(pictures, self.motion.distractor, self.motion)
        self.stride = stride

    def __len__(self) -> int:
        return len(self.pictures)

    def names_of(self, numbers: Sequence[int]) -> list[str]:
        """Names of pictures, for a person."""
        return self.pictures.names_of(numbers)

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        others = self.distractors.draw(rng)
        frames = []
        for number in draw.items:
            picture, truth = self.pictures.arrays(number)
            scene = Scene(picture, truth > 0)
            for other in others:
                if other != number:
                    scene = self.distractors.put(rng, scene, other)
            scene = scene.cropped(window_around(rng, scene.mask, draw.size))
            flow = self.motion.flow(rng, scene, self.variation.draw_dis(rng))
            gt = scene.mask * np.uint8(255)
            frames.append(make_frame(rng, scene.image, flow, gt, draw.size, self.augmentation, self.variation))
        return stack(frames, self.stride)


class Mixture(Dataset[Sample]):
    """Several data sets behind one; a draw's ``source`` says which."""

    def __init__(self, *sets: VideoDataset | SyntheticDataset) -> None:
        self.sets = sets

    def __getitem__(self, draw: Draw) -> Sample:
        return self.sets[draw.source][draw]


def _decode_pair(pair: Pair, long_side: int) -> Arrays:
    return load_frame(pair.rgb, pair.gt, None, long_side)


def _decode_frame(frame: FrameFiles, pictures: bool, long_side: int) -> Arrays:
    return load_frame(frame.rgb, frame.gt, frame.flow if pictures else None, long_side)


def _times(files: Iterable[Iterable[Path | None]]) -> Iterator[int]:
    """When each was last written; nothing is looked at before it is asked for."""
    return (path.stat().st_mtime_ns for group in files for path in group if path)
