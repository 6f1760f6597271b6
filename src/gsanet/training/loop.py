"""The one training loop of both stages.

A stage (:class:`Stage`) says what a sample is, what the loss is and how to validate; the loop does the rest:
schedule, averaging, checkpoints, logs. Step *n* depends only on the recipe, the seed and the weights
after step *n - 1*, so a run may be killed anywhere.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gsanet.data.datasets import Draw, Sample, collate
from gsanet.errors import GsanetError
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.segment.network import choose_precision
from gsanet.training.config import StageConfig, TrainingConfig
from gsanet.training.depthwise import speed_up_depthwise
from gsanet.training.log import RunLog
from gsanet.training.memory import keep_freed_memory
from gsanet.training.state import RunState, WeightAverage, load_state, save_state


class Stage(Protocol):
    """What differs between pretraining and training."""

    @property
    def name(self) -> str:
        """Of the recipe's table: ``pretrain`` or ``train``."""
        ...

    @property
    def config(self) -> StageConfig:
        """That table."""
        ...

    @property
    def dataset(self) -> Dataset[Sample]:
        """What draws are made from."""
        ...

    def draw(self, rng: np.random.Generator, step: int, place: int, size: tuple[int, int]) -> Draw:
        """The sample for one place of a step's batch."""
        ...

    def places(self) -> int:
        """Samples per step."""
        ...

    def loss(self, model: nn.Module, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss to minimise and its parts by name."""
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores by name; ``score`` chooses the checkpoint, higher is better. Empty: nothing held out."""
        ...

    def picture(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """A sheet of sample results, uint8 (H,W,3)."""
        ...

    def save(self, model: nn.Module, path: Path, info: dict[str, Any]) -> None:
        """Write the weights others will use."""
        ...


class _Steps:
    """Batches of draws for the steps still to do, each a function of the seed and the step's number alone."""

    def __init__(self, stage: Stage, seed: int, first: int) -> None:
        self.stage, self.seed, self.first = stage, seed, first

    def __iter__(self) -> Iterator[list[Draw]]:
        config = self.stage.config
        for step in range(self.first, config.steps):
            rng = np.random.default_rng((self.seed, step))
            size = config.sizes[int(rng.integers(len(config.sizes)))]
            yield [self.stage.draw(rng, step, place, size) for place in range(self.stage.places())]

    def __len__(self) -> int:
        return self.stage.config.steps - self.first


def learning_rate(config: StageConfig, step: int) -> float:
    """Of step number *step* from 0: linear rise, then a cosine from ``lr`` to ``lr_end`` at the last step."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - 1 - config.warmup)
    return config.lr_end + (config.lr - config.lr_end) * (1 + math.cos(math.pi * min(1.0, done))) / 2


def autocast(enabled: bool, device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 autocast, or nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


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
    stage: Stage,
    model: GSANet | SaliencyNet,
    recipe: TrainingConfig,
    out: Path,
    *,
    started_from: str,
    quiet: bool = False,
) -> Path:
    """Train *model* to the end of *stage*, going on where ``out/last.pt`` stopped if there is one.

    Writes ``last.pt`` (resume), ``best.safetensors`` (best on the held-out part, or the last where nothing is
    held out), ``last.safetensors``, ``metrics.csv``, TensorBoard events and sheets of samples to *out*.

    Returns:
        the file of the chosen weights.

    Raises:
        GsanetError: the loss is no longer a number, or *out* belongs to another recipe.
    """
    config = stage.config
    cv2.setNumThreads(0)
    keep_freed_memory()
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    reduced = choose_precision(recipe.precision, device) == "bfloat16"
    out.mkdir(parents=True, exist_ok=True)

    model.to(device)
    model.to(memory_format=torch.channels_last)
    average = WeightAverage(model, config.ema)
    if device.type == "cpu":
        speed_up_depthwise(model)
    optimiser = torch.optim.AdamW(parameter_groups(model, config), lr=config.lr, betas=(0.9, 0.999))
    parts = {"model": model, "average": average.model, "optimiser": optimiser}
    fingerprint = _fingerprint(stage, recipe, started_from)
    last = out / "last.pt"
    state = load_state(last, parts, fingerprint) if last.is_file() else RunState()

    loader = DataLoader(
        stage.dataset,
        batch_sampler=_Steps(stage, recipe.seed, state.step),
        collate_fn=collate,
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        worker_init_fn=_quiet_worker,
    )
    info = {"recipe": recipe.to_dict(), "stage": stage.name, "started_from": started_from}
    saved_at = started = time.monotonic()
    with RunLog(out, config.steps, state.step, quiet=quiet) as log:
        for step, batch in enumerate(loader, start=state.step):
            loss, losses = _step(stage, model, optimiser, recipe.seed, step, _to(batch, device), reduced)
            if config.ema:
                average.update(model, step)
            if not math.isfinite(loss):
                raise GsanetError(
                    f"the loss is {loss} at step {step}: lower the learning rate (--set {stage.name}.lr=...), "
                    f"or use --set precision=float32; {last} holds the run as it was before"
                )
            log.step(step, loss, losses, optimiser.param_groups[0]["lr"])
            state.step = step + 1
            finished = state.step == config.steps
            if state.step % config.validate_every == 0 or finished:
                chosen = average.model if config.ema else model
                _validate(stage, chosen, state, out, info, log, reduced, device)
                model.train()
            if finished or time.monotonic() - saved_at > 60 * recipe.checkpoint_minutes:
                now = time.monotonic()
                state.seconds += now - started
                started = saved_at = now
                save_state(last, state, parts, fingerprint)
        chosen = average.model if config.ema else model
        stage.save(chosen, out / "last.safetensors", {**info, **vars(state)})
        best = out / "best.safetensors"
        if not best.is_file():
            stage.save(chosen, best, {**info, **vars(state)})
    return best


def _fingerprint(stage: Stage, recipe: TrainingConfig, started_from: str) -> dict[str, Any]:
    """What must not change between two sittings of a run: all that its weights depend on, and no more."""
    plain: dict[str, Any] = json.loads(json.dumps(recipe.to_dict()))
    kept = {name: plain[name] for name in ("model", "seed", "precision", stage.name)}
    return {"stage": stage.name, "started_from": started_from, **kept}


def _step(
    stage: Stage,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    seed: int,
    step: int,
    batch: Sample,
    reduced: bool,
) -> tuple[float, dict[str, Tensor]]:
    # Dropout is drawn anew from the step's number: a resumed run draws what an uninterrupted one would.
    torch.manual_seed(seed * 1_000_003 + step)
    rate = learning_rate(stage.config, step)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]
    model.train()
    with autocast(reduced, batch.rgb.device):
        loss, losses = stage.loss(model, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    value = float(loss.detach())
    if math.isfinite(value):
        nn.utils.clip_grad_norm_(model.parameters(), stage.config.clip)
        optimiser.step()
    return value, losses


def _validate(
    stage: Stage,
    model: nn.Module,
    state: RunState,
    out: Path,
    info: dict[str, Any],
    log: RunLog,
    reduced: bool,
    device: torch.device,
) -> None:
    model.eval()
    with torch.inference_mode(), autocast(reduced, device):
        scores = stage.validate(model)
        log.picture(state.step, stage.picture(model))
    log.scores(state.step, scores)
    if scores and scores["score"] > state.best:
        state.best, state.best_step = scores["score"], state.step
        stage.save(model, out / "best.safetensors", {**info, **vars(state), "scores": scores})


def _to(batch: Sample, device: torch.device) -> Sample:
    return Sample(*(t.to(device, non_blocking=True) for t in batch))


def _quiet_worker(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
