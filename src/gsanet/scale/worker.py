"""What one worker does, wherever it runs: it loads the model once, and takes one task after the other."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.flow.methods import METHODS
from gsanet.runtime.opening import runtime_version
from gsanet.scale.long_clip import LookedUp, compute_piece, cut, references_of
from gsanet.scale.store import NetStore, Unreachable, open_store
from gsanet.scale.task import Batch, CutClip, Description, Task, TaskResult
from gsanet.segment.clip_folder import open_job, segment_clip
from gsanet.segment.engine import Segmenter
from gsanet.segment.pipeline import Pipeline
from gsanet.segment.planning import ClipJob, beside_results, keep_finished, plan_clip, settings_of
from gsanet.segment.save import NEED_SLOTS
from gsanet.video.identity import facts_about

Progress = Callable[[int, int | None], None]

PIECES = ".pieces"
"""Ending of the hidden folder, beside a clip's own, that holds what is known of its pieces."""

_QUICK = tuple(name for name in METHODS if name.startswith("dis"))
"""Ways to find motion that take less time than the network. Others would be the longer part of a join, which finds the
motion of the whole clip once more."""


class ClipWorker:
    """One loaded model and the tasks that it is given, one at a time.

    Args:
        batch: what holds for all of them.

    Raises:
        GsanetError: the model cannot be loaded.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._store = open_store(batch.out)
        self._segmenter = Segmenter.from_pretrained(batch.model, **batch.arguments)
        self.description = Description.of(self._segmenter)

    def run(self, task: Task, progress: Progress) -> TaskResult:
        """Do it. Whatever goes wrong is in the result, and says whether another try may help.

        Args:
            progress: called with (frames done, frames in all, if that is known). What it raises stops the task.
        """
        started = time.perf_counter()
        try:
            step = {"clip": self._clip, "piece": self._piece, "join": self._join}[task.step]
            result = step(task, progress)
        except GsanetError as error:
            result = TaskResult("failed", error=str(error), again=_may_pass(error))
        except Exception as error:
            said = str(error).strip().splitlines() or [""]
            line = f"{task.job.said}: {type(error).__name__}: {said[0]}"
            result = TaskResult("failed", error=line, again=True)
        return replace(result, seconds=time.perf_counter() - started)

    def _clip(self, task: Task, progress: Progress) -> TaskResult:
        if task.attempt > 1 and self._there(task.job):
            return TaskResult("kept")
        if self._batch.piece and not task.job.problem and (found := self._cut(task.job)) is not None:
            return TaskResult("cut", frames=found.frames, cut=found)
        summary = self._segment(self._segmenter, task.job, progress)
        return TaskResult("done", frames=summary["frames"], warnings=tuple(summary["warnings"]))

    def _there(self, job: ClipJob) -> bool:
        """Whether the try before got as far as the end: only its message was lost."""
        if self._batch.existing == "overwrite":
            return False
        if isinstance(self._store, NetStore):
            name = job.folder.name
            found = self._store.summaries([name])
            if not found:
                return False
            now = beside_results(job, self._store.place(name), found[name], "resume")
        elif job.folder.exists():
            now = plan_clip(job.named, job.folder, "resume", job.part)
        else:
            return False
        (kept,) = keep_finished([now], self._segmenter, self._batch.save, self._batch.background)
        return kept.finished

    def _segment(self, segmenter: Segmenter, job: ClipJob, progress: Progress) -> dict[str, Any]:
        save, background, truth = self._batch.save, self._batch.background, self._batch.truth
        if not isinstance(self._store, NetStore):
            return segment_clip(segmenter, job, save=save, background=background, truth=truth, progress=progress)
        with tempfile.TemporaryDirectory(prefix="gsanet-") as scratch:
            here = replace(job, folder=Path(scratch) / job.folder.name)
            summary = segment_clip(segmenter, here, save=save, background=background, truth=truth, progress=progress)
            self._store.put(here.folder, job.folder.name)
        return summary

    def _cut(self, job: ClipJob) -> CutClip | None:
        options = self._segmenter.options
        quick = all(name in _QUICK for name in options.methods)
        if job.named.live or options.online or not quick:
            return None
        clip = open_job(job)
        length = clip.length
        if length is None or length < 2 * self._batch.piece:
            return None
        runtime = self._segmenter.runtime
        references = references_of(Pipeline(runtime, clip, options), runtime, clip)
        return CutClip(length, cut(length, self._batch.piece), references)

    def _piece(self, task: Task, progress: Progress) -> TaskResult:
        place = self._place(task.job)
        name, index = f"{place}/{task.piece:05d}.npz", f"{place}/{task.piece:05d}.json"
        if not self._store.has(index):  # of an earlier run
            clip, own = open_job(task.job), self._segmenter
            slots = not NEED_SLOTS.isdisjoint(self._batch.save)
            with self._store.written(name) as file:
                keys = compute_piece(
                    own.runtime, clip, own.options, task.frames, task.references, file, slots=slots, progress=progress
                )
            with self._store.written(index) as file:  # last: whoever sees it has the answers too
                file.write_text(json.dumps(keys))
        return TaskResult("piece", frames=len(task.frames))

    def _join(self, task: Task, progress: Progress) -> TaskResult:
        place, pieces = self._place(task.job), task.piece
        if task.attempt > 1 and not self._store.has(f"{place}/{0:05d}.json"):
            return TaskResult("done", frames=len(task.frames))  # pieces go when all is done
        with tempfile.TemporaryDirectory(prefix="gsanet-") as scratch:
            homes: dict[str, int] = {}
            for number in range(pieces):
                text = self._store.fetch(f"{place}/{number:05d}.json", Path(scratch)).read_text()
                homes.update(dict.fromkeys(json.loads(text), number))

            def fetch(number: int) -> Path:
                if not self._store.local:
                    for file in Path(scratch).glob("*.npz"):
                        file.unlink()  # one that is still open can be read on
                return self._store.fetch(f"{place}/{number:05d}.npz", Path(scratch))

            own = self._segmenter
            with closing(LookedUp(own.runtime, homes, fetch)) as known:
                segmenter = Segmenter(known, own.options, batch=own.batch, name=own.name)
                summary = self._segment(segmenter, task.job, progress)
        self._store.remove(pieces_folder(task.job.folder.name))
        warnings = tuple(summary["warnings"])
        return TaskResult("done", frames=summary["frames"], warnings=warnings, computed=known.computed)

    def _place(self, job: ClipJob) -> str:
        """Where the answers for this clip are, as long as clip and settings are the same."""
        decides = {
            "settings": settings_of(self._segmenter),
            "source": facts_about(job.named).get("hash"),
            "part": job.part.to_dict(),
            "piece": self._batch.piece,
            "slots": not NEED_SLOTS.isdisjoint(self._batch.save),
            "versions": {"gsanet": __version__, **runtime_version(self._segmenter.runtime.name)},
        }
        mark = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
        return f"{pieces_folder(job.folder.name)}/{mark}"


def _may_pass(error: GsanetError) -> bool:
    """Whether it is no fault of the clip: a disk or the net, or a worker of a killed run, which is about to end."""
    return isinstance(error, Unreachable) or str(error).startswith(("cannot write", "another run"))


def pieces_folder(name: str) -> str:
    """The hidden folder for the pieces of the clip whose results are called *name*."""
    return f".{name}{PIECES}"
