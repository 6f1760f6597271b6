"""What the training loop asks of a stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn
from torch.utils.data import Dataset

from gsanet.data.sample import Draw, Sample
from gsanet.training.steps import Sampler


class Stage(Sampler, Protocol):
    """What differs between pretraining and training."""

    @property
    def name(self) -> str:
        """Of the recipe's table: ``pretrain`` or ``train``."""
        ...

    @property
    def dataset(self) -> Dataset[Sample]:
        """What draws are made from."""
        ...

    def describe(self, draw: Draw) -> str:
        """Which pictures a sample is made of, for a person."""
        ...

    def loss(self, model: nn.Module, batch: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss to minimise, a mean over the batch, and its parts by name."""
        ...

    def held_out_parts(self) -> int:
        """How many parts (pictures, videos) a validation has; 0: nothing held out."""
        ...

    def examine(self, model: nn.Module, part: int) -> dict[str, float]:
        """Results on one part."""
        ...

    def scores(self, results: Sequence[dict[str, float]]) -> dict[str, float]:
        """Scores by name from the results of all parts; ``score`` chooses the checkpoint, higher is better."""
        ...

    def picture(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """A sheet of sample results, uint8 (H,W,3)."""
        ...

    def save(self, model: nn.Module, path: Path, info: dict[str, Any]) -> None:
        """Write the weights others will use."""
        ...
