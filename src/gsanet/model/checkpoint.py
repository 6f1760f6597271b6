"""Weights on disk: safetensors with the configuration in the header.

One file holds the tensors of one model and, as text in its header, which model they belong to
(``kind``), its :class:`~gsanet.model.GSANetConfig` and anything worth knowing about its training.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gsanet.errors import GsanetError
from gsanet.model.config import GSANetConfig
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.model.pickled import SUFFIXES
from gsanet.model.published import import_published

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
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
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
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
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


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """All tensors of *model* by name, without its norms' counts of batches, which mean nothing elsewhere."""
    return {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy *tensors* into *model*; every one must fit, none may be left over.

    Raises:
        GsanetError: names the first tensors that are missing, unknown or misshapen.
    """
    wanted = {k: v.shape for k, v in weights_of(model).items()}
    problems = [f"missing {k}" for k in wanted if k not in tensors]
    problems += [f"unknown {k}" for k in tensors if k not in wanted]
    problems += [
        f"{k} is {tuple(tensors[k].shape)} instead of {tuple(s)}"
        for k, s in wanted.items()
        if k in tensors and tensors[k].shape != s
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise GsanetError(f"{source} does not fit the model: {'; '.join(problems[:5])}{more}")
    model.load_state_dict(dict(tensors), strict=False)


def start_from_pretrained(model: GSANet, pretrained: GSANet | SaliencyNet) -> int:
    """Begin stage 2 from stage 1 (METHOD.md section 8.2) or from another stage 2, counting every tensor.

    Of stage 1 the encoder and fusions go to both streams. The decoder has the same shape in both models and comes along
    too, and the parts that only the video model has start as near to "the average of the streams" as
    they can: the pretrained picture is not scrambled on its way to the pretrained decoder. Of a video model everything
    is taken.

    Returns:
        how many tensors were copied.

    Raises:
        GsanetError: another backbone, width or dilations; for a video model, any other structure.
    """
    if isinstance(pretrained, GSANet):
        tensors = weights_of(pretrained)
        load_tensors(model, tensors, "the pretrained video model")
        return len(tensors)
    mine, theirs = model.config, pretrained.config
    for name in ("backbone", "channels", "detail_channels", "dilations"):
        if getattr(mine, name) != getattr(theirs, name):
            raise GsanetError(
                f"the pretrained file has {name} {getattr(theirs, name)}, the model to train {getattr(mine, name)}"
            )
    source = pretrained.state_dict()
    target = model.state_dict()
    copied = {}
    for name, tensor in source.items():
        part = name.split(".", 1)
        for place in ("rgb", "flow") if part[0] == "rgb" else (part[0],):
            copied[f"{place}.{part[1]}"] = tensor
    strange = [k for k, v in copied.items() if k not in target or target[k].shape != v.shape]
    if strange:
        raise GsanetError(f"pretrained tensors without a place in the model: {', '.join(strange[:5])}")
    model.load_state_dict(copied, strict=False)
    _start_as_average(model)
    return len(copied)


@torch.no_grad()
def _start_as_average(model: GSANet) -> None:
    for fusion, width in zip(model.stream_fusion, model.config.widths, strict=True):
        fusion.get_parameter("residual.3.weight").mul_(0.1)
        project = fusion.get_parameter("project.0.weight").mul_(0.1)
        project[:, :width, 1, 1] += torch.eye(width) / 2
        project[:, width:, 1, 1] += torch.eye(width) / 2
    channels = model.config.channels
    identity = torch.eye(channels)
    for stage3 in (model.rgb_stage3, model.flow_stage3) if model.config.slot_attention else ():
        stage3.weight.mul_(0.1)
        stage3.weight[:, :channels, 0, 0] += identity
