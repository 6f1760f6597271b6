"""The one training loop of both stages.

A stage (:class:`~gsanet.training.stage.Stage`) says what a sample is, what the loss is and how to validate; the loop
does the rest: schedule, averaging, checkpoints, logs. Step *n* depends only on the recipe, the seed and the weights
after step *n - 1*, so a run may be killed anywhere; one that is asked to stop saves first.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gsanet.base.errors import GsanetError, Stopped
from gsanet.data.sample import Sample, collate
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.runtime.allocator import keep_freed_memory
from gsanet.training.config import StageConfig, TrainingConfig
from gsanet.training.depthwise import speed_up_depthwise
from gsanet.training.folder import RunFolder
from gsanet.training.log import RunLog
from gsanet.training.parallel import claimed, gather, mean_over_processes, prepare_norms, share_buffers, train_mode
from gsanet.training.stage import Stage
from gsanet.training.state import RunState, WeightAverage, load_state, save_state
from gsanet.training.steps import Share, draws_of, learning_rate
from gsanet.training.stop import StopRequest, leave_stopping_to_parent, stop_requests


class _WithLoss(nn.Module):
    """Batch in, loss out: gradients are averaged over processes only around ``forward``."""

    def __init__(self, model: nn.Module, stage: Stage) -> None:
        super().__init__()
        self.model = model
        self._loss = stage.loss

    def forward(self, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        return self._loss(self.model, batch)


def parameter_groups(model: nn.Module, config: StageConfig) -> list[dict[str, Any]]:
    """Backbones learn slower; biases and norms are not decayed."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((".backbone." in name, parameter.dim() > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "scale": config.backbone_lr if backbone else 1.0,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (backbone, decayed), parameters in groups.items()
    ]


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
        optimiser = torch.optim.AdamW(parameter_groups(self.model, self.config), lr=self.config.lr, betas=(0.9, 0.999))
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
        self.wrapped, self.optimiser = fabric.setup(_WithLoss(self.model, stage), optimiser, move_to_device=False)
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
        with log or nullcontext(), stop_requests() as stop:
            self._steps(log, stop)
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

    def _steps(self, log: RunLog | None, stop: StopRequest) -> None:
        saved_at = time.monotonic()
        batches = iter(self._loader())
        for step in range(self.state.step, self.config.steps):
            asked = time.monotonic()
            mine = [next(batches) for _ in range(self.config.accumulate)]
            if log:
                log.waited(time.monotonic() - asked)
            loss, losses = self._step(step, mine)
            if self.config.ema:
                self.average.update(self.model, step)
            if log:
                log.step(step, loss, losses, self.optimiser.param_groups[0]["lr"])
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
                    f"the same command goes on from {self.folder.checkpoint}"
                )

    def _loader(self) -> DataLoader[Sample]:
        return DataLoader(
            self.stage.dataset,
            batch_sampler=self.share,
            collate_fn=collate,
            num_workers=self.recipe.workers,
            prefetch_factor=4 if self.recipe.workers else None,
            worker_init_fn=quiet_worker,
            pin_memory=self.fabric.device.type == "cuda",
        )

    def _step(self, step: int, batches: Sequence[Sample]) -> tuple[float, dict[str, float]]:
        """One optimiser step: loss and its parts, averaged over micro-batches and processes."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, step) * group["scale"]
        train_mode(self.model, self.recipe.norm)
        self.optimiser.zero_grad(set_to_none=True)
        values: list[Tensor] = []
        names: list[str] = []
        for part, batch in enumerate(batches):
            # Dropout is drawn anew from the numbers of step and micro-batch: a resumed run draws what an
            # uninterrupted one would, and two processes what one with two micro-batches would.
            torch.manual_seed(self.recipe.seed * 1_000_003 + step + self.share.number(part) * 7_368_787)
            with self.fabric.no_backward_sync(self.wrapped, enabled=part + 1 < len(batches)):
                loss, losses = self.wrapped(_to(batch, self.fabric.device))
                self.fabric.backward(loss / len(batches))
            names = list(losses)
            values.append(torch.stack([loss.detach(), *losses.values()]).float())
        mine = torch.stack(values).mean(0)
        mean = mean_over_processes(self.fabric, mine).tolist()
        if not math.isfinite(mean[0]):
            self._no_number(step, f"the loss is {mean[0]}", bool(mine[0].isfinite()))
        # Without a limit it still measures: a norm that is no number is the first sign of trouble.
        norm = self.fabric.clip_gradients(
            self.wrapped, self.optimiser, max_norm=self.config.clip or math.inf, error_if_nonfinite=False
        )
        # float16's scaler meets such gradients while it looks for its scale, and leaves the step out by itself.
        if norm is not None and not math.isfinite(float(norm)) and not self._scaled():
            self._no_number(step, f"the gradient's norm is {float(norm)}", True)
        self.optimiser.step()
        return mean[0], dict(zip(names, mean[1:], strict=True))

    def _scaled(self) -> bool:
        return getattr(self.fabric.strategy.precision, "scaler", None) is not None

    def _no_number(self, step: int, what: str, mine_is_finite: bool) -> None:
        """Every process gets here together; each raises the same."""
        fine = gather(self.fabric, mine_is_finite)
        draws = draws_of(self.stage, self.recipe.seed, step)
        each = len(draws) // len(fine)
        # Where no single process is to blame, the whole batch is.
        blamed = [i for i, good in enumerate(fine) if not good] or range(len(fine))
        culprits = [self.stage.describe(d) for i in blamed for d in draws[i * each : (i + 1) * each]]
        raise GsanetError(
            f"{what} at step {step}, in a batch of {', '.join(culprits)}: lower the learning rate "
            f"(--set {self.stage.name}.lr=...), or use --set precision=float32; "
            f"{self.folder.checkpoint} holds the run as it was before"
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


def _to(batch: Sample, device: torch.device) -> Sample:
    return Sample(*(t.to(device, non_blocking=True) for t in batch))


def quiet_worker(_: int) -> None:
    """A loader process shares the machine with the network."""
    leave_stopping_to_parent()
    one_thread()


def one_thread() -> None:
    """The part of a loader: PyTorch and OpenCV compute on one thread from here on."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
