"""The one training loop of both stages.

A stage (:class:`~gsanet.training.stage.Stage`) says what a sample is, what the loss is and how to validate; the loop
does the rest: averaging, validations, checkpoints, logs. Step *n* depends only on the recipe, the seed and the weights
after step *n - 1*, so a run may be killed anywhere; one that is asked to stop saves first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import cv2
import torch
from lightning_fabric import Fabric
from torch import nn

from gsanet.base.errors import GsanetError, Stopped
from gsanet.data.sample import Sample
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.runtime.allocator import keep_freed_memory
from gsanet.training.config import TrainingConfig
from gsanet.training.depthwise import speed_up_depthwise
from gsanet.training.folder import RunFolder
from gsanet.training.loader import batches_of
from gsanet.training.log import RunLog
from gsanet.training.parallel import claimed, gather, mean_over_processes, prepare_norms, share_buffers
from gsanet.training.stage import Stage
from gsanet.training.state import RunState, WeightAverage, load_state, save_state
from gsanet.training.steps import Share
from gsanet.training.stop import StopRequest, stop_requests
from gsanet.training.update import Update, make_optimiser


def run_stage(
    fabric: Fabric,
    stage: Stage,
    model: GSANet | SaliencyNet,
    recipe: TrainingConfig,
    out: Path,
    *,
    started_from: str,
    quiet: bool = False,
) -> Path:
    """Train *model* to the end of *stage*, going on where ``out/last.pt`` stopped if there is one.

    Every process of the run calls this; the first one writes (see :mod:`gsanet.training.folder`).

    Args:
        fabric: launched, from :func:`gsanet.training.parallel.launch`.
        started_from: where *model*'s weights come from, for the record.

    Returns:
        the file of the chosen weights.

    Raises:
        GsanetError: the loss or its gradient is no longer a number, *out* belongs to another recipe, has done more
            steps or is being trained in, or the batch cannot be shared by the processes.
        Stopped: a SIGINT or SIGTERM; ``out/last.pt`` holds all that was done.
    """
    with claimed(fabric, RunFolder(out)):
        return _Run(fabric, stage, model, recipe, out, started_from, quiet).to_the_end()


class _Run:
    def __init__(
        self,
        fabric: Fabric,
        stage: Stage,
        model: GSANet | SaliencyNet,
        recipe: TrainingConfig,
        out: Path,
        started_from: str,
        quiet: bool,
    ) -> None:
        self.fabric, self.stage, self.recipe, self.config = fabric, stage, recipe, stage.config
        self.quiet = quiet
        cv2.setNumThreads(0)
        keep_freed_memory()
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = prepare_norms(model, recipe.norm)
        self.average = WeightAverage(self.model, self.config.ema)
        if fabric.device.type == "cpu":
            speed_up_depthwise(self.model)
        optimiser = make_optimiser(self.model, self.config)
        self.fingerprint = _fingerprint(stage, recipe, started_from)
        self.parts = {
            "model": self.model,
            "average": self.average.model,
            "optimiser": optimiser,
            "precision": fabric.strategy.precision,
        }
        self.folder = RunFolder(out)
        last = self.folder.checkpoint
        self.state = load_state(last, self.parts, self.fingerprint) if last.is_file() else RunState()
        if self.state.step > self.config.steps:
            raise GsanetError(
                f"{last} has done {self.state.step} steps, more than the {self.config.steps} asked for: "
                "use another --out"
            )
        self.share = Share(stage, recipe.seed, self.state.step, fabric.global_rank, fabric.world_size)
        self.update = Update(fabric, stage, self.model, optimiser, self.share, recipe, last)
        self.started_from = started_from
        self.info = {"recipe": recipe.to_dict(), "stage": stage.name, "started_from": started_from}

    def to_the_end(self) -> Path:
        self.since = time.monotonic()
        if self.fabric.is_global_zero:
            self.folder.begin(self.stage.name, self.recipe, self.started_from, self.fabric)
        # Nobody writes, or trains, before every process has read the checkpoint.
        self.fabric.barrier()
        log: RunLog | None = None
        if self.fabric.is_global_zero:
            log = RunLog(
                self.folder.path, self.config.steps, self.state.step, self.config.batch, self.recipe.log_every,
                quiet=self.quiet,
            )  # fmt: skip
        pin = self.fabric.device.type == "cuda"
        batches = batches_of(self.stage, self.share, self.recipe.workers, pin=pin)
        with log or nullcontext(), stop_requests() as stop, closing(batches):
            self._steps(batches, log, stop)
        best = self.folder.path / "best.safetensors"
        if self.fabric.is_global_zero:
            self.stage.save(self.chosen, self.folder.path / "last.safetensors", {**self.info, **vars(self.state)})
            if not best.is_file():
                self.stage.save(self.chosen, best, {**self.info, **vars(self.state)})
            self.folder.report(self.state, self.config.steps)
        self.fabric.barrier()
        return best

    @property
    def chosen(self) -> nn.Module:
        """The model that is validated and saved."""
        return self.average.model if self.config.ema else self.model

    def _steps(self, batches: Iterator[Sample], log: RunLog | None, stop: StopRequest) -> None:
        saved_at = time.monotonic()
        for step in range(self.state.step, self.config.steps):
            asked = time.monotonic()
            mine = [next(batches) for _ in range(self.config.accumulate)]
            if log:
                log.waited(time.monotonic() - asked)
            loss, losses = self.update(step, mine)
            if self.config.ema:
                self.average.update(self.model, step)
            if log:
                log.step(step, loss, losses, self.update.rate)
            self.state.step = step + 1
            finished = self.state.step == self.config.steps
            if self.state.step % self.config.validate_every == 0 or finished:
                self._validate(log)
            stopping, due = self._agreed(stop, time.monotonic() - saved_at > 60 * self.recipe.checkpoint_minutes)
            if finished or stopping or due:
                saved_at = time.monotonic()
                self._save()
            if stopping and not finished:
                raise Stopped(
                    f"stopped after step {self.state.step} of {self.config.steps}; "
                    f"the same command goes on from {self.folder.checkpoint}",
                    stop.code or 130,  # another process may be the one that was asked
                )

    def _agreed(self, stop: StopRequest, due: bool) -> tuple[bool, bool]:
        """Whether any process was asked to stop, and whether the first one's clock says that it is time to save.

        Signals and clocks differ between processes, and a checkpoint is an affair of all.
        """
        if self.fabric.world_size == 1:
            return bool(stop), due
        wishes = torch.tensor([float(bool(stop)), float(due and self.fabric.is_global_zero)], device=self.fabric.device)
        stopping, due = (mean_over_processes(self.fabric, wishes) > 0).tolist()
        return stopping, due

    def _save(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self.since
        self.since = now
        if self.fabric.is_global_zero:
            save_state(self.folder.checkpoint, self.state, self.parts, self.fingerprint)
            self.folder.report(self.state, self.config.steps)
        self.fabric.barrier()

    def _validate(self, log: RunLog | None) -> None:
        model = self.chosen
        share_buffers(self.fabric, model)
        model.eval()
        scores: dict[str, float] = {}
        with torch.inference_mode(), self.fabric.autocast():
            numbers = range(self.fabric.global_rank, self.stage.held_out_parts(), self.fabric.world_size)
            everyone = gather(self.fabric, {i: self.stage.examine(model, i) for i in numbers})
            results = {i: result for part in everyone for i, result in part.items()}
            if results:
                scores = self.stage.scores([results[i] for i in sorted(results)])
            if log:
                log.picture(self.state.step, self.stage.picture(model))
                log.scores(self.state.step, scores)
        if scores and scores["score"] > self.state.best:
            self.state.best, self.state.best_step = scores["score"], self.state.step
            if self.fabric.is_global_zero:
                info = {**self.info, **vars(self.state), "scores": scores}
                self.stage.save(model, self.folder.path / "best.safetensors", info)


def _fingerprint(stage: Stage, recipe: TrainingConfig, started_from: str) -> dict[str, Any]:
    """What must not change between two sittings of a run: all that its weights depend on, and no more.

    Not the number of steps: a run that is finished, or not yet, may be made longer. Nor how many processes share a
    batch, which changes rounding only, and the statistics of unsynchronised batch norms.
    """
    plain: dict[str, Any] = json.loads(json.dumps(recipe.to_dict()))
    del plain[stage.name]["steps"]
    kept = {name: plain[name] for name in ("model", "seed", "precision", "norm", stage.name)}
    return {"stage": stage.name, "started_from": started_from, **kept}
