"""One optimiser step after the other: losses, gradients, and what to say when they are no numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from gsanet.base.errors import GsanetError
from gsanet.data.sample import Sample
from gsanet.training.config import StageConfig, TrainingConfig
from gsanet.training.parallel import gather, mean_over_processes, train_mode
from gsanet.training.stage import Stage
from gsanet.training.steps import Share, draws_of, learning_rate


def make_optimiser(model: nn.Module, config: StageConfig) -> torch.optim.Optimizer:
    """AdamW. Backbones learn slower; biases and norms are not decayed."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((".backbone." in name, parameter.dim() > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "scale": config.backbone_lr if backbone else 1.0,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (backbone, decayed), parameters in groups.items()
    ]
    return torch.optim.AdamW(settings, lr=config.lr, betas=(0.9, 0.999))


class Update:
    """A run's optimiser steps; what each gives depends on its number and the weights alone.

    Args:
        model: of :func:`gsanet.training.parallel.prepare_norms`.
        optimiser: of :func:`make_optimiser`, for *model*.
        share: this process's part of the run.
        checkpoint: where the run's last state is, for the message of an error.
    """

    def __init__(
        self,
        fabric: Fabric,
        stage: Stage,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        share: Share,
        recipe: TrainingConfig,
        checkpoint: Path,
    ) -> None:
        self._fabric, self._stage, self._model, self._share = fabric, stage, model, share
        self._recipe, self._config, self._checkpoint = recipe, stage.config, checkpoint
        self._wrapped, self._optimiser = fabric.setup(_WithLoss(model, stage), optimiser, move_to_device=False)

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self._optimiser.param_groups[0]["lr"])

    def __call__(self, step: int, batches: Sequence[Sample]) -> tuple[float, dict[str, float]]:
        """Take step number *step* (from 0); its loss and the loss's parts, averaged over micro-batches and processes.

        Raises:
            GsanetError: the loss or its gradient is no number; in every process.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self._config, step) * group["scale"]
        train_mode(self._model, self._recipe.norm)
        self._optimiser.zero_grad(set_to_none=True)
        values: list[Tensor] = []
        names: list[str] = []
        for part, batch in enumerate(batches):
            # Dropout is drawn anew from the numbers of step and micro-batch: a resumed run draws what an
            # uninterrupted one would, and two processes what one with two micro-batches would.
            torch.manual_seed(self._recipe.seed * 1_000_003 + step + self._share.number(part) * 7_368_787)
            with self._fabric.no_backward_sync(self._wrapped, enabled=part + 1 < len(batches)):
                loss, losses = self._wrapped(Sample(*(t.to(self._fabric.device, non_blocking=True) for t in batch)))
                self._fabric.backward(loss / len(batches))
            names = list(losses)
            values.append(torch.stack([loss.detach(), *losses.values()]).float())
        mine = torch.stack(values).mean(0)
        mean = mean_over_processes(self._fabric, mine).tolist()
        if not math.isfinite(mean[0]):
            self._no_number(step, f"the loss is {mean[0]}", bool(mine[0].isfinite()))
        # Without a limit it still measures: a norm that is no number is the first sign of trouble.
        norm = self._fabric.clip_gradients(
            self._wrapped, self._optimiser, max_norm=self._config.clip or math.inf, error_if_nonfinite=False
        )
        # float16's scaler meets such gradients while it looks for its scale, and leaves the step out by itself.
        scaled = getattr(self._fabric.strategy.precision, "scaler", None) is not None
        if norm is not None and not math.isfinite(float(norm)) and not scaled:
            self._no_number(step, f"the gradient's norm is {float(norm)}", True)
        self._optimiser.step()
        return mean[0], dict(zip(names, mean[1:], strict=True))

    def _no_number(self, step: int, what: str, mine_is_finite: bool) -> NoReturn:
        """Every process gets here together; each raises the same."""
        fine = gather(self._fabric, mine_is_finite)
        draws = draws_of(self._stage, self._recipe.seed, step)
        each = len(draws) // len(fine)
        # Where no single process is to blame, the whole batch is.
        blamed = [i for i, good in enumerate(fine) if not good] or range(len(fine))
        culprits = [self._stage.describe(d) for i in blamed for d in draws[i * each : (i + 1) * each]]
        raise GsanetError(
            f"{what} at step {step}, in a batch of {', '.join(culprits)}: lower the learning rate "
            f"(--set {self._stage.name}.lr=...), or use --set precision=float32; "
            f"{self._checkpoint} holds the run as it was before"
        )


class _WithLoss(nn.Module):
    """Batch in, loss out: gradients are averaged over processes only around ``forward``."""

    def __init__(self, model: nn.Module, stage: Stage) -> None:
        super().__init__()
        self.model = model
        self._loss = stage.loss

    def forward(self, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        return self._loss(self.model, batch)
