"""Weights on disk: safetensors with the configuration in the header.

One file holds the tensors of one model and, as text in its header, which model they belong to
(``kind``), its :class:`~gsanet.model.GSANetConfig` and anything worth knowing about its training.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.model.config import GSANetConfig
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.pickled import SUFFIXES
from gsanet.weights.published import import_published
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
    """
    kind = next(name for name, cls in KINDS.items() if type(model) is cls)
    header = {
        "format": "gsanet-1",
        "kind": kind,
        "config": json.dumps(model.config.to_dict()),
        "info": json.dumps(dict(info or {})),
    }
    tensors = {
        name: tensor.detach().to("cpu", dtype if dtype and tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in weights_of(model).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # safetensors keeps its files from everybody but the owner; this one gets the rights of any new file.
        beside.touch()
        rights = beside.stat().st_mode
        save_file(tensors, beside, metadata=header)
        beside.chmod(rights)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_header(path: Path) -> tuple[str, GSANetConfig, dict[str, Any]]:
    """Kind, configuration and training facts of a file written by :func:`save_model`.

    Raises:
        GsanetError: no such file, or not one of ours.
    """
    if not path.is_file():
        raise GsanetError(f"no such weights file: {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except SafetensorError as error:
        raise GsanetError(f"{path} is not a safetensors file ({error})") from None
    if header.get("format") != "gsanet-1" or header.get("kind") not in KINDS:
        raise GsanetError(f"{path} was not written by gsanet: its header names no gsanet model")
    try:
        config = GSANetConfig.from_dict(json.loads(header["config"]))
    except ValueError as error:
        raise GsanetError(f"{path}: {error}; it may need a newer gsanet") from None
    return header["kind"], config, json.loads(header.get("info", "{}"))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors, floating ones as float32."""
    with safe_open(path, framework="pt") as file:
        tensors = {_today(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def _today(name: str) -> str:
    """Files of version 0.1 call the convolution after the similarity maps by its stage."""
    return re.sub(r"^(rgb|flow)_stage3\.", r"\1_slots.enrich.", name)


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
