"""What each step of a run is: its learning rate and its samples, a function of the recipe and the step's number.

A step's samples are drawn for the whole run and then shared out, so that one process or eight, with or without
accumulation, train on the same samples in the same step, at the same size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.data.sample import Draw
from gsanet.training.config import StageConfig


class Sampler(Protocol):
    """The part of a stage that chooses samples."""

    @property
    def config(self) -> StageConfig:
        """The stage's table of the recipe."""
        ...

    def draw(self, rng: np.random.Generator, step: int, place: int, size: tuple[int, int]) -> Draw:
        """The sample for one place of a step's batch."""
        ...

    def samples_per_step(self) -> int:
        """How many draws make a step's batch, over all processes; a sample may be several frames."""
        ...


def draws_of(sampler: Sampler, seed: int, step: int) -> list[Draw]:
    """All samples of step number *step* (from 0), of one size."""
    rng = np.random.default_rng((seed, step))
    sizes = sampler.config.sizes
    size = sizes[int(rng.integers(len(sizes)))]
    return [sampler.draw(rng, step, place, size) for place in range(sampler.samples_per_step())]


class Share:
    """One process's part of a run, as a batch sampler: for each step from *first* on, ``accumulate`` micro-batches.

    Raises:
        GsanetError: the batch cannot be shared evenly.
    """

    def __init__(self, sampler: Sampler, seed: int, first: int, rank: int = 0, processes: int = 1) -> None:
        self.sampler, self.seed, self.first = sampler, seed, first
        self.rank, self.parts = rank, sampler.config.accumulate
        samples, shares = sampler.samples_per_step(), processes * self.parts
        if samples % shares:
            what = "pictures" if samples == sampler.config.batch else "groups of frames"
            raise GsanetError(
                f"a batch of {samples} {what} cannot be shared by {processes} processes "
                f"with accumulate = {self.parts}: make it a multiple of {shares}"
            )
        self.each = samples // shares

    def number(self, part: int) -> int:
        """Of micro-batch *part* of this process among all of a step."""
        return self.rank * self.parts + part

    def __iter__(self) -> Iterator[list[Draw]]:
        for step in range(self.first, self.sampler.config.steps):
            draws = draws_of(self.sampler, self.seed, step)
            for part in range(self.parts):
                start = self.number(part) * self.each
                yield draws[start : start + self.each]

    def __len__(self) -> int:
        return (self.sampler.config.steps - self.first) * self.parts


def learning_rate(config: StageConfig, step: int) -> float:
    """Of step number *step* from 0: linear rise, then a cosine from ``lr`` to ``lr_end`` at the last step."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - 1 - config.warmup)
    return config.lr_end + (config.lr - config.lr_end) * (1 + math.cos(math.pi * min(1.0, done))) / 2
