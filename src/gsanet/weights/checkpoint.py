"""Weights on disk: safetensors with the configuration in the header.

One file holds the tensors of one model and, as text in its header, which model they belong to
(``kind``), its :class:`~gsanet.model.GSANetConfig` and anything worth knowing about its training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.header import FORMAT, read_header, today
from gsanet.weights.published import import_published
from gsanet.weights.state_dict import SUFFIXES
from gsanet.weights.tensors import load_tensors, weights_of

KINDS: dict[str, type[GSANet] | type[SaliencyNet]] = {"gsanet": GSANet, "saliency": SaliencyNet}


def save_model(
    model: GSANet | SaliencyNet,
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write *model* to *path*, whole or not at all.

    Args:
        dtype: of the floating tensors on disk; float16 halves the file.
        info: JSON-able facts about the training, kept in the header.

    Raises:
        GsanetError: it cannot be written.
    """
    kind = next(name for name, cls in KINDS.items() if type(model) is cls)
    header = {
        "format": FORMAT,
        "kind": kind,
        "config": json.dumps(model.config.to_dict()),
        "info": json.dumps(dict(info or {})),
    }
    tensors = {
        name: tensor.detach().to("cpu", dtype if dtype and tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in weights_of(model).items()
    }
    with written_whole(path, parents=True) as part:
        # Not by safetensors' own hand, which keeps its files from everybody but the owner.
        part.write_bytes(save(tensors, metadata=header))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors, floating ones as float32."""
    with safe_open(path, framework="pt") as file:
        tensors = {today(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def load_model(path: Path) -> GSANet:
    """The video model in *path*, as :func:`load_any`.

    Raises:
        GsanetError: not a video model, or its tensors do not fit its configuration.
    """
    model = load_any(path)
    if not isinstance(model, GSANet):
        raise GsanetError(f"{path} holds a saliency (pretraining) model; give it to `gsanet train --pretrained` first")
    return model


def load_saliency(path: Path) -> SaliencyNet:
    """The pretraining model in *path*, as :func:`load_model`."""
    model = load_any(path)
    if not isinstance(model, SaliencyNet):
        raise GsanetError(f"{path} holds a gsanet model, not one from `gsanet pretrain`")
    return model


def load_any(path: Path) -> GSANet | SaliencyNet:
    """The model in *path*, whichever kind it is: eval mode, float32, on the CPU.

    A PyTorch file (``.pth``) is taken for a checkpoint of the published code and translated on the way.

    Raises:
        GsanetError: not a model, or its tensors do not fit its configuration.
    """
    if path.suffix in SUFFIXES:
        return import_published(path)[0]
    kind, config, _ = read_header(path)
    model = KINDS[kind](config)
    load_tensors(model, read_tensors(path), str(path))
    return model.eval()
