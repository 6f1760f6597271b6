"""Small clips, the package's own model at its smallest size, which needs no PyTorch, and what was written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.runtime.interface import Runtime
from gsanet.scale.outcome import ClipOutcome
from gsanet.scale.run import outcomes_of, plan_batch, run_batch
from gsanet.scale.task import Batch, Ended, Message, Ready, Task, TaskResult
from gsanet.scale.worker import ClipWorker
from gsanet.segment import Segmenter
from gsanet.video.images import write_rgb
from gsanet.video.named import named
from gsanet.video.resize import resize
from gsanet.video.sample_clip import sample_clip
from gsanet.video.sources import open_clip
from gsanet.video.trimmed import Span

QUICK: dict[str, Any] = {"size": 64, "flow_size": 64, "runtime": "onnx", "device": "cpu"}
"""Of a segmenter that takes milliseconds for a frame."""


def make_clip(folder: Path, frames: int, *, seed: int = 0, still: range = range(0)) -> Path:
    """A folder of pictures of 54x96, of the sample clip; frames of *still* show the first of them, but for noise."""
    folder.mkdir(parents=True)
    pictures = sample()
    for i in range(frames):
        picture = pictures[seed + (still.start if i in still else i)]
        write_rgb(folder / f"{i:05d}.png", picture | np.uint8(i % 2) if i in still else picture)
    return folder


@cache
def sample() -> list[NDArray[np.uint8]]:
    """The first frames of the sample clip, small."""
    return [resize(frame.image, (54, 96)) for frame in open_clip(sample_clip()).frames_at(range(40))]


@cache
def loaded(**arguments: Any) -> Segmenter:
    """The package's model with these options; loaded once for all tests."""
    options = {key: value for key, value in {**QUICK, **arguments}.items() if key not in ("runtime", "device")}
    return Segmenter(network(), name="lite", **options)


@cache
def network() -> Runtime:
    return Segmenter.from_pretrained("lite", runtime="onnx", device="cpu").runtime


def written(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* by its name; of summaries what does not depend on the machine."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        if file.name == "summary.json":
            summary = json.loads(data)
            data = json.dumps({key: summary[key] for key in ("clip", "frames", "options", "mean_mask_area")}).encode()
        found[str(file.relative_to(folder))] = data
    return found


def different(masks: dict[str, bytes]) -> int:
    """How many masks there are: a test of equality must not be one of empty pictures."""
    return len({data for name, data in masks.items() if name.endswith(".png")})


class Here:
    """A pool of one worker that is this process; a task is done when it is waited for."""

    size = 1

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._task: Task | None = None
        self.results: list[TaskResult] = []
        self.worker: ClipWorker | None = None

    @property
    def free(self) -> int:
        return int(self._task is None and self.worker is not None)

    def begin(self) -> None:
        segmenter = loaded(**self._batch.arguments)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Segmenter, "from_pretrained", lambda *model, **arguments: segmenter)
            self.worker = ClipWorker(self._batch)

    def submit(self, task: Task) -> None:
        self._task = task

    def wait(self, seconds: float) -> list[Message]:
        assert self.worker is not None
        if self._task is None:
            return [Ready(self.worker.description)]
        task, self._task = self._task, None
        self.results.append(self.worker.run(task, lambda done, total: None))
        return [Ended(task, self.results[-1])]

    def close(self) -> None:
        pass


def run_here(batch: Batch, *clips: Path) -> tuple[list[ClipOutcome], list[TaskResult]]:
    """What became of each clip, and of each task."""
    jobs = plan_batch([named(clip) for clip in clips], batch, Span())
    outcomes = outcomes_of(jobs, batch.out)
    pool = Here(batch)
    for _ in run_batch(batch, jobs, outcomes, pool, pause=0.0):
        pass
    return outcomes, pool.results
