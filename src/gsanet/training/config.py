"""Everything a training run depends on, readable from a TOML file and changeable with ``--set``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import Annotated, Any, Literal

from pydantic import Field

from gsanet.base.errors import GsanetError
from gsanet.base.validation import (
    Amount,
    Count,
    InvalidSettings,
    Name,
    Positive,
    Probability,
    Problem,
    Whole,
    settings,
    validated,
)
from gsanet.data.augment import Augmentation
from gsanet.data.sample import FlowVariation
from gsanet.data.synthetic import SyntheticMotion
from gsanet.model.config import VARIANTS, GSANetConfig, variant
from gsanet.training.recipes import find_recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Side = Annotated[int, Field(ge=64)]
"""Of a picture in pixels; the network takes no fewer."""


@settings
class VideoSource:
    """One of the data sets that stage 2 trains on."""

    path: Name
    """Folder in the data layout, below ``data`` or absolute."""
    weight: Positive = 1.0
    """How often it is drawn from, relative to the others (``sampler = "weighted"``)."""


@settings
class StageConfig:
    """One stage of training. The defaults are a sound start for the light model on a CPU."""

    steps: Count = 2000
    """Optimiser steps of the whole run."""
    batch: Count = 8
    """Pictures per step, over all processes; in stage 2 frames with a mask to predict."""
    accumulate: Count = 1
    """Micro-batches, one after the other, that a process's part of the batch is cut into: less memory, same step."""
    group: Count = 4
    """Stage 2: frames that are drawn together from one video."""
    references: Literal["shared", "own"] = "shared"
    """Stage 2: ``shared``, all frames of a group are predicted and serve each other as references, at no cost; or
    ``own``, as published: one is predicted, the others are its references, encoded without gradient."""
    sizes: Annotated[tuple[tuple[Side, Side], ...], Field(min_length=1)] = ((256, 256),)
    """Input sizes (height, width); one is drawn for each step."""
    lr: Positive = 1e-3
    """Peak learning rate,"""
    lr_end: Amount = 1e-5
    """which falls to this along a cosine,"""
    warmup: Whole = 100
    """after rising for this many steps."""
    backbone_lr: Amount = 0.3
    """Learning rate of the backbones, as a fraction of the others'."""
    weight_decay: Amount = 1e-2
    """AdamW's; 0 is plain Adam."""
    clip: Amount = 5.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Decay of the averaged weights that are validated and saved; 0 saves the last ones."""
    loss_stride: Count = 2
    """Masks are compared at 1/this of the input size; what a head for edges draws, at the input size."""
    outline: Amount = 0.0
    """How much more the masks' pixels at outlines and in thin parts count (F3Net takes 5); 0 is as published."""
    synthetic: Probability = 0.0
    """Stage 2: probability that a group is one DUTS picture with synthetic motion instead of a video."""
    videos: Annotated[tuple[VideoSource, ...], Field(min_length=1)] = (VideoSource("DAVIS_train"),)
    """Stage 2: the data sets, ``[[train.videos]]``; the first one is held out from, and counts epochs."""
    sampler: Literal["weighted", "epoch"] = "weighted"
    """Stage 2: ``weighted`` draws every group anew; ``epoch`` shows every frame of the first data set once an epoch
    and, as published, a new random subset of each other one as large as the first."""
    held_out: tuple[Name, ...] = ()
    """Stage 2: sequences of the first data set kept from training, on which the checkpoint is chosen."""
    validate_every: Count = 500
    """Steps between validations."""
    validate_frames: Count = 100
    """Pictures, or frames over all held-out sequences, that each validation looks at."""
    long_side: Side = 320
    """Pictures are decoded to no more than this,"""
    cache: bool = True
    """once, into files of plain arrays beside the run (0.4 MB a frame at 480); ``false`` decodes them each time."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    flow: FlowVariation = field(default_factory=FlowVariation)
    motion: SyntheticMotion = field(default_factory=SyntheticMotion)
    """Stage 2: of the synthetic groups."""
    distractor: Probability = 0.0
    """Stage 2: probability that a DUTS picture's object lies in the frames of a video, still, and of one more."""

    def __post_init__(self) -> None:
        if self.references == "own" and self.group < 2:
            raise ValueError(
                f"group must be at least 2 with references own: a frame and its references, got {self.group}"
            )
        if self.references == "shared" and self.batch % self.group:
            raise ValueError(f"batch must be a multiple of group ({self.group}), got {self.batch}")
        if self.sampler == "epoch" and self.synthetic:
            raise ValueError(f"synthetic must be 0 with sampler epoch, got {self.synthetic}")
        for h, w in self.sizes:
            if h % self.loss_stride or w % self.loss_stride:
                raise ValueError(f"sizes must be divisible by loss_stride ({self.loss_stride}), got {h}x{w}")


@settings
class TrainingConfig:
    """A recipe: the model, the data, both stages, and how the machine is used."""

    model: GSANetConfig = field(default_factory=lambda: VARIANTS["lite"])
    data: Name = "data"
    """Folder that holds ``DUTS_train``, ``DUTS_val`` and ``DAVIS_train``."""
    backbone_weights: str = ""
    """File of ImageNet weights; empty: from an installed package or the hub."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """``float32``, ``bfloat16``, ``float16`` (GPU) or ``auto``: bfloat16 where the processor has it."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """``cpu``, ``cuda``, ``mps`` or ``auto``: a GPU if there is one."""
    devices: Name = "1"
    """How many devices of each machine (``2``), or which (``0,1``); on a CPU, how many processes."""
    nodes: Count = 1
    """Machines."""
    norm: Literal["batch", "synchronised", "frozen"] = "batch"
    """Batch norms' statistics: ``batch``, each process's own; ``synchronised``; ``frozen``, those of the start."""
    threads: Whole = 0
    """Threads of the network; 0 leaves PyTorch's choice."""
    workers: Whole = 1
    """Loader processes; 0 loads in the training process."""
    log_every: Count = 25
    """Steps between entries of ``metrics.csv`` and TensorBoard."""
    checkpoint_minutes: Amount = 5.0
    """A checkpoint is written at least this often."""
    pretrain: StageConfig = field(default_factory=lambda: StageConfig(group=1))
    train: StageConfig = field(
        default_factory=lambda: StageConfig(long_side=480, sizes=((224, 384),), flow=FlowVariation(global_motion=0.5))
    )

    def mask_stride(self, stage: Literal["pretrain", "train"]) -> int:
        """The true masks are needed at 1/this of the input size."""
        config: StageConfig = getattr(self, stage)
        return 1 if self.model.edge_channels else config.loss_stride

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON or TOML."""
        return asdict(self)


def load_config(
    recipe: str | os.PathLike[str] | None = None,
    changes: Sequence[str] = (),
    options: Mapping[str, str | int] | None = None,
) -> TrainingConfig:
    """A recipe, with single values changed.

    Args:
        recipe: TOML with the fields of :class:`TrainingConfig`, a file or the name of a packaged one
            (:func:`gsanet.training.recipes.find_recipe`); ``model.variant`` names the variant to start from. None: all
            defaults.
        changes: ``key=value`` with a dotted key (``train.lr=3e-4``) and a TOML value; bare words are strings.
        options: fields that have an option of their own on the command line, by name.

    Raises:
        GsanetError: no such recipe, no TOML, or a field that does not exist or cannot have its value; in one line, with
            the recipe, ``--set`` or the option that said so.
    """
    values: dict[str, Any] = {}
    written = "the default recipe"
    if recipe is not None:
        found = find_recipe(recipe)
        written = found.name
        try:
            values = tomllib.loads(found.text)
        except tomllib.TOMLDecodeError as error:
            raise GsanetError(f"{written} is not TOML: {error}") from None
    said: dict[str, str] = {}
    for change in changes:
        said[_change(values, change)] = "--set"
    for name, value in (options or {}).items():
        values[name] = value
        said[name] = f"--{name}"
    try:
        base = TrainingConfig(model=_variant(values))
        return validated(TrainingConfig, _merged(base.to_dict(), values))
    except InvalidSettings as error:
        raise InvalidSettings(_with_sources(error.problems, said, written)) from None


def _change(values: dict[str, Any], change: str) -> str:
    """Make a ``key=value`` true of *values*; returns the key."""
    name, equals, text = change.partition("=")
    name = name.strip()
    if not name or not equals:
        raise GsanetError(f"--set takes key=value, got {change!r}")
    *path, last = name.split(".")
    for part in path:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise GsanetError(f"--set {change}: {part} is not a table of settings")
    try:
        values[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = text
    return name


def _variant(values: dict[str, Any]) -> GSANetConfig:
    """The model to start from; takes its name, which is no field, out of *values*."""
    model = values.get("model")
    name = model.pop("variant", "lite") if isinstance(model, dict) else "lite"
    try:
        return variant(str(name))
    except ValueError:
        allowed = f"must be one of {', '.join(VARIANTS)}, got {name!r}"
        raise InvalidSettings([Problem("model.variant", allowed)]) from None


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """*base* with *values* in it, tables likewise; all else is replaced."""
    merged = dict(base)
    for name, value in values.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _with_sources(problems: Sequence[Problem], said: Mapping[str, str], written: str) -> list[Problem]:
    """Before each setting, where it was given: by the command line, itself or what it is part of, or in the recipe."""
    told: list[Problem] = []
    before = ""
    for setting, what in problems:
        sources = [source for name, source in said.items() if _part_of(setting, name) or _part_of(name, setting)]
        source = sources[-1] if sources else written
        told.append(Problem(setting if source == before else f"{source}: {setting}", what))
        before = source
    return told


def _part_of(setting: str, whole: str) -> bool:
    return setting == whole or setting.startswith((f"{whole}.", f"{whole}["))
