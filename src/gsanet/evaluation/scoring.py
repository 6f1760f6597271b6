"""One sequence: read its frames, measure them, sum up. Runs in a process of its own, so it stays light to import."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.data.masks import Decided
from gsanet.data.raw_masks import RawMask, read_raw
from gsanet.evaluation.masks import Reading, foreground
from gsanet.evaluation.measures import boundary_accuracy, region_similarity, statistics
from gsanet.evaluation.pairing import SequenceFiles
from gsanet.evaluation.protocols import Protocol
from gsanet.evaluation.result import Scores, SequenceResult
from gsanet.evaluation.saliency import SaliencyMeasures, curve_scores, saliency_map
from gsanet.evaluation.stability import mean_stability, warped_iou
from gsanet.video.images import Mask, read_rgb
from gsanet.video.resize import resize, resize_mask


@dataclass(frozen=True)
class Settings:
    """A protocol and what the user chose beside it."""

    protocol: Protocol
    threshold: float | None = None
    """Predictions are soft maps: foreground is above this share of white."""
    resize: bool = False
    """Bring predictions of another size to the ground truth's."""
    stability: bool = False
    """Also measure temporal stability; needs the pictures."""
    stretch: bool = True
    """Video saliency: spread every map over 0..1 first."""

    @property
    def reading(self) -> Reading:
        return Reading(self.threshold, self.protocol.merge, self.protocol.void)


def score_sequence(files: SequenceFiles, settings: Settings) -> SequenceResult:
    """All measures of the protocol on one sequence.

    Raises:
        GsanetError: a file that is not what it should be; see :func:`~gsanet.evaluation.masks.foreground`.
    """
    protocol = settings.protocol
    frames = list(files.gt)
    if protocol.inner:
        if len(frames) < 3:
            raise GsanetError(
                f"{files.name} has {len(frames)} annotated frame(s), and {protocol.name} leaves out the first and the "
                "last: pass --frames all"
            )
        frames = frames[1:-1]
    result = SequenceResult(files.name, [], {}, {})
    if protocol.measures == ("saliency",):
        _score_saliency(files, frames, settings, result)
    else:
        _score_masks(files, frames, settings, result)
    if settings.stability:
        result.summary.update(sequence_stability(files, settings))
    return result


def _score_masks(files: SequenceFiles, frames: list[str], settings: Settings, result: SequenceResult) -> None:
    protocol = settings.protocol
    watch = _Watch(settings)
    series: dict[str, list[float]] = {name: [] for name in protocol.measures}
    for frame in frames:
        pred, gt = read_pair(files, frame, settings, watch)
        if protocol.skip_empty and not gt.any():
            result.skipped.append(frame)
            continue
        result.frames.append(frame)
        result.areas.append(float(gt.mean()))
        if "J" in series:
            series["J"].append(region_similarity(pred, gt))
        if "F" in series:
            series["F"].append(boundary_accuracy(pred, gt))
        watch.compare(pred, gt)
    result.warnings += watch.conclude(files, result.frames)
    result.values = series
    if not result.frames:
        return
    for name, values in series.items():
        summed = statistics(values)
        result.summary |= {name: summed.mean, f"{name}_recall": summed.recall, f"{name}_decay": summed.decay}
    if len(series) == 2:
        result.summary[protocol.headline] = (result.summary["J"] + result.summary["F"]) / 2


def _score_saliency(files: SequenceFiles, frames: list[str], settings: Settings, result: SequenceResult) -> None:
    measures = SaliencyMeasures(settings.stretch)
    assumed: set[str] = set()
    for frame in frames:
        path = files.pred[frame]
        pred = saliency_map(read_raw(path), path)
        truth = _truth(files.gt[frame], Reading(None, merge=True), assumed)
        pred = resize(pred, _size_for(path, pred.shape, truth.mask.shape, settings.resize))
        measures.add(pred, truth.mask)
        result.frames.append(frame)
        result.areas.append(float(truth.mask.mean()))
    result.warnings += [f"{files.name}: {text}" for text in sorted(assumed)]
    result.values, result.curves = measures.values(), measures.curves()
    result.summary = {name: float(np.mean(values)) for name, values in result.values.items()}
    result.summary |= curve_scores(result.curves)


def read_pair(files: SequenceFiles, frame: str, settings: Settings, watch: _Watch | None = None) -> tuple[Mask, Mask]:
    """Prediction and ground truth of a frame as they are compared: one size, void pixels false in both."""
    truth = _truth(files.gt[frame], settings.reading, watch.assumed if watch else None)
    path = files.pred[frame]
    raw = read_raw(path)
    if watch:
        watch.see(raw)
    pred = foreground(raw, path, settings.reading).mask
    pred = resize_mask(pred, _size_for(path, pred.shape, truth.mask.shape, settings.resize))
    return (pred if truth.void is None else pred & ~truth.void), truth.mask


def _truth(path: Path, reading: Reading, assumed: set[str] | None) -> Decided:
    decided = foreground(read_raw(path), path, reading, truth=True)
    if decided.assumed and assumed is not None:
        assumed.add(decided.assumed)
    return decided


def _size_for(path: Path, found: tuple[int, ...], truth: tuple[int, ...], stretch: bool) -> tuple[int, int]:
    """(H,W) to bring the prediction in *path* to: the ground truth's.

    Raises:
        GsanetError: it has another size and may not be stretched.
    """
    if found != truth and not stretch:
        raise GsanetError(
            f"{path} is {found[1]}x{found[0]} and its ground truth {truth[1]}x{truth[0]}: predict at full "
            "size, or pass --resize to stretch the predictions"
        )
    return truth[0], truth[1]


class _Watch:
    """Notices over a whole sequence what no single frame can tell."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.assumed: set[str] = set()
        self.levels: set[float] = set()
        self.ever_found = False
        self.ever_there = False
        self.kept: list[float] = []
        self.inverted: list[float] = []

    def see(self, raw: RawMask) -> None:
        if raw.kind == "grey" and not raw.soft:
            self.levels.update(raw.levels)
        elif raw.soft:
            self.levels.add(raw.full)

    def compare(self, pred: Mask, gt: Mask) -> None:
        self.ever_found |= bool(pred.any())
        self.ever_there |= bool(gt.any())
        self.kept.append(region_similarity(pred, gt))
        # Only a bad fit can be an inverted one.
        self.inverted.append(region_similarity(~pred, gt) if self.kept[-1] < 0.1 else 0.0)

    def conclude(self, files: SequenceFiles, frames: list[str]) -> Iterator[str]:
        """Warnings about the sequence, of which *frames* count.

        Raises:
            GsanetError: a threshold for masks of 0 and 1, which would all be empty.
        """
        name = files.name
        if self.settings.threshold is not None and self.levels == {0, 1}:
            raise GsanetError(f"{name}: the predictions are masks of 0 and 1, not soft maps: leave out --threshold")
        for text in sorted(self.assumed):
            yield f"{name}: {text}"
        if self.settings.threshold is None and {1, 255} <= self.levels:
            yield f"{name}: foreground is 1 in some predictions and 255 in others; both were taken as foreground"
        if not frames:
            yield f"{name}: no frame counts, because the ground truth is empty throughout; the sequence is left out"
        elif not self.ever_there:
            first = files.gt[frames[0]]
            yield f"{name}: every ground-truth mask is empty ({first.parent.name}/{first.name} is the first)"
        elif not self.ever_found:
            yield f"{name}: every prediction is empty"
        elif math.fsum(self.kept) < 0.1 * len(frames) and math.fsum(self.inverted) > 0.5 * len(frames):
            yield f"{name}: the predictions look inverted (their opposite would fit the ground truth)"


def sequence_stability(files: SequenceFiles, settings: Settings) -> Scores:
    """Mean flow-warped IoU between neighbours, of the prediction and, where annotated, of the ground truth."""
    from gsanet.flow import flow_method

    flow = flow_method("dis")
    reading = settings.reading
    frames = [frame for frame in files.rgb if frame in files.pred]
    order = {frame: i for i, frame in enumerate(files.rgb)}
    found: dict[str, list[float]] = {"stability": [], "stability_gt": []}
    picture = masks = None
    previous = ""
    for frame in frames:
        now = read_rgb(files.rgb[frame])
        path = files.pred[frame]
        pred = foreground(read_raw(path), path, reading).mask
        pred = resize_mask(pred, _size_for(path, pred.shape, now.shape[:2], settings.resize))
        gt = _truth(files.gt[frame], reading, None).mask if frame in files.gt else None
        if picture is not None and masks is not None and order[frame] == order[previous] + 1:
            motion = flow(picture, now)
            found["stability"].append(warped_iou(masks[0], pred, motion))
            if gt is not None and masks[1] is not None:
                found["stability_gt"].append(warped_iou(masks[1], gt, motion))
        picture, masks, previous = now, (pred, gt), frame
    return {name: mean_stability(values) for name, values in found.items()}
