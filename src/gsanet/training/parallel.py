"""One process or many: the devices of a run, through Lightning Fabric.

Fabric starts the processes (or finds those that ``torchrun`` started), moves, casts and averages; what a step
computes does not depend on how many processes share it (see :mod:`gsanet.training.steps`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from gsanet.base.device import choose_device
from gsanet.base.errors import GsanetError
from gsanet.runtime.precision import choose_precision
from gsanet.training.config import TrainingConfig
from gsanet.training.folder import RunFolder

T = TypeVar("T")

_FABRIC_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


def launch(recipe: TrainingConfig) -> Fabric:
    """Start the processes that *recipe* asks for; all of them go on from here.

    With several devices this runs the same command line again, once for each further process.

    Raises:
        GsanetError: devices that are not there, or a precision they do not have.
    """
    accelerator = choose_device(recipe.accelerator).type
    precision = _precision(recipe.precision, torch.device(accelerator))
    devices = _devices(recipe.devices, accelerator)
    count = devices if isinstance(devices, int) else len(devices)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
        # Under torchrun the environment says how many; Fabric wants to be told the same.
        here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        if count == 1:
            devices = count = here
    several = count * recipe.nodes > 1
    if recipe.norm == "synchronised" and accelerator != "cuda":
        raise GsanetError("norm synchronised needs NVIDIA GPUs (PyTorch's SyncBatchNorm): use batch or frozen here")
    if not several:
        # Fabric says at length what it found; a person who asked for one process need not read it.
        logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=recipe.nodes,
            strategy="ddp" if several else "auto",
            precision=_FABRIC_PRECISION[precision],  # type: ignore[arg-type]
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError, MisconfigurationException) as error:
        raise GsanetError(f"devices {recipe.devices!r} cannot be used: {str(error).strip().splitlines()[0]}") from None
    return fabric


def _precision(name: str, device: torch.device) -> str:
    if name != "float16":
        return choose_precision(name, device)
    if device.type == "cpu":
        raise GsanetError("precision float16 needs a GPU: use auto, bfloat16 or float32 here")
    return name


def _devices(text: str, accelerator: str) -> int | list[int]:
    """``2``: so many. ``0,1`` or ``1,``: these; on a CPU, which has no numbers, as many."""
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or ("," not in text and numbers[0] < 1) or len(set(numbers)) < len(numbers):
        raise GsanetError(f"devices {text!r}: give how many (2) or which (0,1)")
    if "," not in text:
        return numbers[0]
    return numbers if accelerator == "cuda" else len(numbers)


def prepare_norms(model: nn.Module, norm: str) -> nn.Module:
    """*model* with its batch norms as the recipe wants them (:attr:`gsanet.training.config.TrainingConfig.norm`)."""
    if norm == "synchronised":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synchronised
    return model


def train_mode(model: nn.Module, norm: str) -> None:
    """Training mode; ``frozen`` norms keep the statistics they came with."""
    model.train()
    if norm == "frozen":
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def mean_over_processes(fabric: Fabric, values: Tensor) -> Tensor:
    """*values* (K), averaged over all processes; the same in each."""
    if fabric.world_size == 1:
        return values
    averaged = fabric.all_reduce(values, reduce_op="mean")
    assert isinstance(averaged, Tensor)
    return averaged


@contextmanager
def claimed(fabric: Fabric, folder: RunFolder) -> Iterator[None]:
    """The first process claims *folder* for all.

    Raises:
        GsanetError: another run writes there; in every process.
    """
    with ExitStack() as stack:
        problem = ""
        if fabric.is_global_zero:
            try:
                stack.enter_context(folder.claimed())
            except GsanetError as error:
                problem = str(error)
        problem = gather(fabric, problem)[0]
        if problem:
            raise GsanetError(problem)
        yield


def gather(fabric: Fabric, value: T) -> list[T]:
    """What each process has, in order of rank; the same list in each."""
    if fabric.world_size == 1:
        return [value]
    values: list[T | None] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return [v for v in values if v is not None]


def share_buffers(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the running statistics of the first."""
    if fabric.world_size > 1:
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)


def is_first() -> bool:
    """Whether this process speaks for the run, as the environment of a launched process has it."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0
