"""Segment a whole data set and evaluate the masks: a model's numbers and its speed in one go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsanet.base.errors import GsanetError
from gsanet.evaluation.evaluator import Evaluation, SequenceProgress, evaluate
from gsanet.evaluation.files import Frames, find_truth
from gsanet.evaluation.protocols import protocol
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.images import write_mask

if TYPE_CHECKING:
    from gsanet.segment.engine import Segmenter

Step = Callable[[str, int, int], None]
"""Called after each frame with the sequence, the frames segmented so far and in all."""


@dataclass
class Speed:
    """Time spent between asking for frames and having their masks."""

    frames: int = 0
    seconds: float = 0.0

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0


def find_pictures(
    data: Path, protocol_name: str, split: str = "val", sequences: Sequence[str] | None = None
) -> dict[str, Frames]:
    """The pictures of every sequence that has ground truth.

    Raises:
        GsanetError: a sequence without pictures, or with fewer pictures than annotated frames.
    """
    truth = find_truth(data, protocol(protocol_name), split)
    wanted = list(truth.sequences) if sequences is None else list(dict.fromkeys(sequences))
    for name in wanted:
        if name not in truth.sequences:
            raise GsanetError(f"no ground truth for {name} in {data}: check --sequences")
        lacking = [frame for frame in truth.sequences[name] if frame not in truth.rgb.get(name, {})]
        if lacking:
            raise GsanetError(f"{name}: no picture for annotated frame {lacking[0]} in {data}; is RGB/ complete?")
    return {name: truth.rgb[name] for name in wanted}


def segment_all(segmenter: Segmenter, pictures: dict[str, Frames], out: Path, step: Step | None = None) -> Speed:
    """Masks of every sequence into ``out/<sequence>/masks``, named as the pictures.

    The clock runs while frames are read, their flow is computed and the network works, not while masks are written.
    """
    total = sum(len(frames) for frames in pictures.values())
    speed = Speed()
    for name, files in pictures.items():
        folder = out / name / "masks"
        folder.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        for result in segmenter.stream(FrameFolder.of_files(name, files, stored=True)):
            mask = result.mask
            speed.seconds += time.perf_counter() - start
            speed.frames += 1
            write_mask(folder / f"{result.name}.png", mask)
            if step:
                step(name, speed.frames, total)
            start = time.perf_counter()
    return speed


def benchmark(
    segmenter: Segmenter,
    data: Path | str,
    out: Path | str,
    name: str | None = None,
    *,
    protocol_name: str = "davis16",
    sequences: Sequence[str] | None = None,
    split: str = "val",
    stability: bool = False,
    workers: int = 1,
    step: Step | None = None,
    progress: SequenceProgress | None = None,
) -> Evaluation:
    """Segment *data* and measure the masks; the result's facts tell speed, device and model.

    Args:
        data: a data set with pictures, as for :func:`~gsanet.evaluation.evaluate`.
        out: where the masks go.
        name: of the run; by default the model's.

    Raises:
        GsanetError: as :func:`~gsanet.evaluation.evaluate`, or pictures are missing.
    """
    data, out = Path(data), Path(out)
    pictures = find_pictures(data, protocol_name, split, sequences)
    speed = segment_all(segmenter, pictures, out, step)
    evaluation = evaluate(
        out,
        data,
        name or segmenter.name,
        protocol_name=protocol_name,
        sequences=list(pictures),
        split=split,
        stability=stability,
        workers=workers,
        progress=progress,
    )
    facts: dict[str, Any] = {
        "model": segmenter.name,
        "device": segmenter.runtime.device,
        "options": segmenter.options.to_dict(),
        "segmented_frames": speed.frames,
        "segmenting_seconds": round(speed.seconds, 3),
        "frames_per_second": round(speed.frames_per_second, 3),
    }
    evaluation.result.facts |= facts
    return evaluation
