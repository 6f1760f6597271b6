"""Everything a training run depends on, readable from a TOML file and changeable with ``--set``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gsanet.base.errors import GsanetError
from gsanet.data.augment import Augmentation
from gsanet.data.sample import FlowVariation
from gsanet.data.synthetic import SyntheticMotion
from gsanet.model.config import VARIANTS, GSANetConfig, variant

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

NORMS = ("batch", "synchronised", "frozen")


SAMPLERS = ("weighted", "epoch")
REFERENCES = ("shared", "own")


@dataclass(frozen=True)
class VideoSource:
    """One of the data sets that stage 2 trains on."""

    path: str = ""
    """Folder in the mission's layout, below ``data`` or absolute."""
    weight: float = 1.0
    """How often it is drawn from, relative to the others (``sampler = "weighted"``)."""

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise GsanetError(f"training config: the weight of {self.path or 'a data set'} must be above 0")


@dataclass(frozen=True)
class StageConfig:
    """One stage of training. The defaults are a sound start for the light model on a CPU."""

    steps: int = 2000
    """Optimiser steps of the whole run."""
    batch: int = 8
    """Pictures per step, over all processes; in stage 2 frames with a mask to predict."""
    accumulate: int = 1
    """Micro-batches, one after the other, that a process's part of the batch is cut into: less memory, same step."""
    group: int = 4
    """Stage 2: frames that are drawn together from one video."""
    references: str = "shared"
    """Stage 2: ``shared``, all frames of a group are predicted and serve each other as references, at no cost; or
    ``own``, as published: one is predicted, the others are its references, encoded without gradient."""
    sizes: tuple[tuple[int, int], ...] = ((256, 256),)
    """Input sizes (height, width); one is drawn for each step."""
    lr: float = 1e-3
    """Peak learning rate,"""
    lr_end: float = 1e-5
    """which falls to this along a cosine,"""
    warmup: int = 100
    """after rising for this many steps."""
    backbone_lr: float = 0.3
    """Learning rate of the backbones, as a fraction of the others'."""
    weight_decay: float = 1e-2
    """AdamW's; 0 is plain Adam."""
    clip: float = 5.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    ema: float = 0.998
    """Decay of the averaged weights that are validated and saved; 0 saves the last ones."""
    loss_stride: int = 2
    """Masks are compared at 1/this of the input size."""
    outline: float = 0.0
    """How much more the masks' pixels at outlines and in thin parts count (F3Net takes 5); 0 is as published."""
    synthetic: float = 0.0
    """Stage 2: probability that a group is one DUTS picture with synthetic motion instead of a video."""
    videos: tuple[VideoSource, ...] = (VideoSource("DAVIS_train"),)
    """Stage 2: the data sets, ``[[train.videos]]``; the first one is held out from, and counts epochs."""
    sampler: str = "weighted"
    """Stage 2: ``weighted`` draws every group anew; ``epoch`` shows every frame of the first data set once an epoch
    and, as published, a new random subset of each other one as large as the first."""
    held_out: tuple[str, ...] = ()
    """Stage 2: sequences of the first data set kept from training, on which the checkpoint is chosen."""
    validate_every: int = 500
    """Steps between validations."""
    validate_frames: int = 100
    """Pictures, or frames over all held-out sequences, that each validation looks at."""
    long_side: int = 320
    """Pictures are decoded to no more than this,"""
    cache: bool = True
    """once, into files of plain arrays beside the run (0.4 MB a frame at 480); ``false`` decodes them each time."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    flow: FlowVariation = field(default_factory=FlowVariation)
    motion: SyntheticMotion = field(default_factory=SyntheticMotion)
    """Stage 2: of the synthetic groups."""
    distractor: float = 0.0
    """Stage 2: probability that a DUTS picture's object lies in the frames of a video, still, and of one more."""

    def __post_init__(self) -> None:
        if self.references not in REFERENCES:
            raise GsanetError(
                f"training config: references must be one of {', '.join(REFERENCES)}, got {self.references!r}"
            )
        if self.references == "own" and self.group < 2:
            raise GsanetError("training config: references own needs a group of at least 2: a frame and its references")
        if self.references == "shared" and self.batch % self.group:
            raise GsanetError(f"training config: batch ({self.batch}) must be a multiple of group ({self.group})")
        if self.accumulate < 1:
            raise GsanetError(f"training config: accumulate must be at least 1, got {self.accumulate}")
        if self.sampler not in SAMPLERS:
            raise GsanetError(f"training config: sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}")
        if self.sampler == "epoch" and self.synthetic:
            raise GsanetError("training config: sampler epoch takes no synthetic groups: set synthetic to 0")
        if not self.videos or not all(source.path for source in self.videos):
            raise GsanetError("training config: every [[train.videos]] needs a path")
        if self.outline < 0:
            raise GsanetError(f"training config: outline must not be negative, got {self.outline}")
        for name in ("synthetic", "distractor"):
            if not 0 <= getattr(self, name) <= 1:
                raise GsanetError(f"training config: {name} is a probability, got {getattr(self, name)}")
        for h, w in self.sizes:
            if h % self.loss_stride or w % self.loss_stride or min(h, w) < 64:
                raise GsanetError(
                    f"training config: size {h}x{w} must be at least 64 and divisible by loss_stride {self.loss_stride}"
                )


@dataclass(frozen=True)
class TrainingConfig:
    """A recipe: the model, the data, both stages, and how the machine is used."""

    model: GSANetConfig = field(default_factory=lambda: VARIANTS["lite"])
    data: str = "data"
    """Folder that holds ``DUTS_train``, ``DUTS_val`` and ``DAVIS_train``."""
    backbone_weights: str = ""
    """File of ImageNet weights; empty: from an installed package or the hub."""
    seed: int = 0
    precision: str = "auto"
    """``float32``, ``bfloat16``, ``float16`` (GPU) or ``auto``: bfloat16 where the processor has it."""
    accelerator: str = "auto"
    """``cpu``, ``cuda``, ``mps`` or ``auto``: a GPU if there is one."""
    devices: str = "1"
    """How many devices of each machine (``2``), or which (``0,1``); on a CPU, how many processes."""
    nodes: int = 1
    """Machines."""
    norm: str = "batch"
    """Batch norms' statistics: ``batch``, each process's own; ``synchronised``; ``frozen``, those of the start."""
    threads: int = 0
    """Threads of the network; 0 leaves PyTorch's choice."""
    workers: int = 1
    """Loader processes; 0 loads in the training process."""
    log_every: int = 25
    """Steps between entries of ``metrics.csv`` and TensorBoard."""
    checkpoint_minutes: float = 5.0
    """A checkpoint is written at least this often."""
    pretrain: StageConfig = field(default_factory=lambda: StageConfig(group=1))
    train: StageConfig = field(
        default_factory=lambda: StageConfig(long_side=480, sizes=((224, 384),), flow=FlowVariation(global_motion=0.5))
    )

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise GsanetError(f"training config: norm must be one of {', '.join(NORMS)}, got {self.norm!r}")
        if self.log_every < 1:
            raise GsanetError(f"training config: log_every must be at least 1, got {self.log_every}")
        if self.nodes < 1:
            raise GsanetError(f"training config: nodes must be at least 1, got {self.nodes}")

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON or TOML."""
        return asdict(self)


def load_config(file: Path | None = None, changes: Sequence[str] = ()) -> TrainingConfig:
    """A recipe from a TOML file, with single values changed.

    Args:
        file: TOML with the fields of :class:`TrainingConfig`; ``model.variant`` names the variant to start from.
        changes: ``key=value`` with a dotted key (``train.lr=3e-4``) and a TOML value; bare words are strings.

    Raises:
        GsanetError: unreadable, or a field that does not exist or has the wrong type.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text())
        except OSError as error:
            raise GsanetError(f"cannot read the recipe {file}: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise GsanetError(f"{file} is not TOML: {error}") from None
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise GsanetError(f"--set takes key=value, got {change!r}")
        *path, last = key.strip().split(".")
        place = values
        for part in path:
            place = place.setdefault(part, {})
        try:
            place[last] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            place[last] = text
    model = dict(values.get("model", {}))
    name = model.pop("variant", "lite")
    try:
        base = replace(TrainingConfig(), model=variant(name))
    except ValueError as error:
        raise GsanetError(f"model.variant: {error}") from None
    return _merge(base, {**values, "model": model}, "")


def _merge(base: T, values: dict[str, Any], where: str) -> T:
    """*base* with the given fields replaced, nested dataclasses likewise."""
    assert is_dataclass(base)
    known = {f.name for f in fields(base)}
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise GsanetError(f"no such setting: {where}{name}; there are {', '.join(sorted(known))}")
        old = getattr(base, name)
        if is_dataclass(old):
            if not isinstance(value, dict):
                raise GsanetError(f"{where}{name} is a table of settings, got {value!r}")
            changed[name] = _merge(old, value, f"{where}{name}.")
        elif isinstance(old, tuple) and old and is_dataclass(old[0]):
            if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
                raise GsanetError(f"{where}{name} is a list of tables of settings, got {value!r}")
            kind: Any = type(old[0])
            changed[name] = tuple(_merge(kind(), v, f"{where}{name}.") for v in value)
        else:
            changed[name] = _as(type(old), value, f"{where}{name}")
    try:
        return replace(base, **changed)  # type: ignore[type-var]
    except ValueError as error:
        raise GsanetError(str(error)) from None


def _as(kind: type, value: Any, where: str) -> Any:
    if kind is tuple and isinstance(value, list):
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    if kind is type(None) and isinstance(value, int | float):
        return float(value)  # a setting that is off by default, and a number when on
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise GsanetError(f"{where} must be of type {kind.__name__}, got {value!r}")
    return value
