"""A run's checkpoint: everything a killed run needs to go on as if nothing had happened."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError


class WeightAverage:
    """Exponential moving average of a model's weights and buffers.

    The decay grows from 0 as (1 + step) / (10 + step), so that early averages are not full of the start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards *model* after optimiser step number *step* (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine = self.model.state_dict()
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                mine[name].lerp_(tensor, 1 - decay)
            else:
                mine[name].copy_(tensor)


@dataclass
class RunState:
    """Where a run stands."""

    step: int = 0
    """Optimiser steps done."""
    best: float = -1.0
    """Best validation score so far."""
    best_step: int = 0
    seconds: float = 0.0
    """Time spent training, over all sittings."""


def save_state(path: Path, state: RunState, parts: dict[str, Any], config: dict[str, Any]) -> None:
    """Write a checkpoint whole: a kill at any moment, or a power cut, leaves the one before.

    Raises:
        GsanetError: it cannot be written.
    """
    content = {"state": vars(state), "config": config, **{k: v.state_dict() for k, v in parts.items()}}
    # Given a name instead of a file, torch tells of a full disk by a RuntimeError about positions.
    with written_whole(path) as part, part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())


def load_state(path: Path, parts: dict[str, Any], config: dict[str, Any]) -> RunState:
    """Restore what :func:`save_state` wrote into *parts*.

    Raises:
        GsanetError: written by another recipe; going on would give neither run.
    """
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if saved["config"] != config:
        keys = [k for k in config if saved["config"].get(k) != config[k]]
        raise GsanetError(
            f"{path} belongs to a run with another recipe (differs in: {', '.join(keys)}); "
            "go on with the old one, or give this run a folder of its own with --out"
        )
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return RunState(**saved["state"])
