"""Frames with the prediction's hits and faults painted on, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.threshold import object_mask
from gsanet.data.raw_masks import read_raw
from gsanet.evaluation.masks import foreground
from gsanet.evaluation.pairing import SequenceFiles
from gsanet.evaluation.result import Result
from gsanet.evaluation.saliency import saliency_map
from gsanet.evaluation.scoring import Settings, read_pair
from gsanet.video.images import Mask, read_rgb
from gsanet.video.resize import limit, resize

TRUE, FALSE, MISSED = (34, 180, 95), (232, 60, 62), (52, 120, 246)
"""RGB of found, wrongly marked and overlooked pixels."""

LONGEST = 480
JPEG_QUALITY = 78


@dataclass(frozen=True)
class Ranked:
    """A frame and its value on the headline measure."""

    sequence: str
    frame: str
    value: float


def frame_values(result: Result, sequence: str) -> list[float]:
    """The headline per frame of one sequence; J&F is the mean of both."""
    found = next(s for s in result.sequences if s.name == sequence)
    rows = [found.values[n] for n in result.headline.split("&")]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def rank(result: Result, count: int, *, best: bool = False, each: int = 2, apart: int = 8) -> list[Ranked]:
    """The *count* worst (or best) frames, at most *each* a sequence and *apart* frames from one another.

    Nothing found where nothing is would be among the best, and is not worth looking at.
    """
    every = [
        (value, s.name, i)
        for s in result.sequences
        for i, value in enumerate(frame_values(result, s.name))
        if not best or s.areas[i] > 0
    ]
    every.sort(key=lambda item: (-item[0] if best else item[0], item[1], item[2]))
    return _spread(result, every, count, each, apart)


def most_different(base: Result, other: Result, count: int) -> list[Ranked]:
    """Frames on which *other* differs most from *base*, value = other minus base."""
    theirs = {s.name: dict(zip(s.frames, frame_values(other, s.name), strict=True)) for s in other.sequences}
    every = []
    for s in base.sequences:
        for i, (frame, value) in enumerate(zip(s.frames, frame_values(base, s.name), strict=True)):
            if frame in theirs.get(s.name, {}):
                every.append((theirs[s.name][frame] - value, s.name, i))
    every.sort(key=lambda item: (-abs(item[0]), item[1], item[2]))
    return _spread(base, every, count, 2, 8)


def _spread(
    result: Result, ordered: Sequence[tuple[float, str, int]], count: int, each: int, apart: int
) -> list[Ranked]:
    frames = {s.name: s.frames for s in result.sequences}
    taken: dict[str, list[int]] = {}
    chosen = []
    for value, name, index in ordered:
        near = taken.setdefault(name, [])
        if len(near) < each and all(abs(index - other) >= apart for other in near):
            near.append(index)
            chosen.append(Ranked(name, frames[name][index], value))
            if len(chosen) == count:
                break
    return chosen


def overlay(files: SequenceFiles, frame: str, settings: Settings) -> str:
    """A frame as a data URI: on its picture if there is one, else on grey."""
    if settings.protocol.measures == ("saliency",):
        path, truth = files.pred[frame], files.gt[frame]
        gt = foreground(read_raw(truth), truth, settings.reading, truth=True).mask
        pred = saliency_map(read_raw(path), path)
        mask = object_mask(resize(pred, (gt.shape[0], gt.shape[1])) / np.float32(255))
    else:
        mask, gt = read_pair(files, frame, settings)
    picture = read_rgb(files.rgb[frame]) if frame in files.rgb else None
    return encode(paint(mask, gt, picture), photograph=picture is not None)


def paint(pred: Mask, gt: Mask, picture: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Green on hits, red on false pixels, blue on missed ones; (H,W,3) whose long side is at most :data:`LONGEST`."""
    height, width = gt.shape
    if picture is None:
        ground = np.full((height, width, 3), 58, np.float32)
        strength = 0.9
    else:
        picture = resize(picture, (height, width))
        # Paler and greyer than it was, so that colour means the comparison and nothing else.
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        ground = (0.35 * picture + 0.65 * grey) * 0.8
        strength = 0.55
    painted = ground.copy()
    for region, colour in ((pred & gt, TRUE), (pred & ~gt, FALSE), (gt & ~pred, MISSED)):
        painted[region] = (1 - strength) * ground[region] + strength * np.asarray(colour, np.float32)
    return np.clip(limit(painted, LONGEST), 0, 255).astype(np.uint8)


def encode(image: NDArray[np.uint8], *, photograph: bool) -> str:
    """Data URI: JPEG for photographs, PNG for flat colours."""
    buffer = io.BytesIO()
    if photograph:
        Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    else:
        Image.fromarray(image).save(buffer, "PNG", optimize=True)
    kind = "jpeg" if photograph else "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
