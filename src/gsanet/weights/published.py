"""Checkpoints of the published research code, as models of ours.

Two kinds are known: the video model (MiT encoder, both streams) and its pretraining (RGB stream alone). Every
tensor of our model must be found, with its shape; what is left over is reported by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.model.config import GSANetConfig
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.published_names import canonical, published_names
from gsanet.weights.state_dict import read_state_dict
from gsanet.weights.tensors import counts_batches

_MIT = {
    (32, (2, 2, 2, 2)): "mit_b0",
    (64, (2, 2, 2, 2)): "mit_b1",
    (64, (3, 4, 6, 3)): "mit_b2",
    (64, (3, 4, 18, 3)): "mit_b3",
    (64, (3, 8, 27, 3)): "mit_b4",
    (64, (3, 6, 40, 3)): "mit_b5",
}
"""Encoder by width of the first stage and blocks per stage."""


@dataclass(frozen=True)
class ImportReport:
    """What became of a published checkpoint."""

    kind: str
    """``gsanet`` (video) or ``saliency`` (pretraining)."""
    backbone: str
    """Recognised by the encoder's shapes."""
    used: int
    """How many tensors of the checkpoint are in the model now."""
    unused: tuple[str, ...]
    """Names, as in the file, of tensors that our model has no place for (docs/method.md, section 9, row 10)."""


def import_published(path: Path) -> tuple[GSANet | SaliencyNet, ImportReport]:
    """The model of a checkpoint written by the published code, in eval mode, float32, on the CPU.

    A video checkpoint becomes a :class:`GSANet` with ``pooling="sum"``, as that code computes; one of pretraining a
    :class:`SaliencyNet`.

    Raises:
        GsanetError: unreadable, more than tensors inside, an unknown encoder, or tensors missing or misshapen
            (the message lists them by their published names).
    """
    found = read_state_dict(path)
    theirs = {canonical(name): name for name in found}
    if len(theirs) < len(found):
        raise GsanetError(f"{path}: {len(found) - len(theirs)} tensors appear twice under different spellings")
    state = {name: found[original] for name, original in theirs.items()}
    video = any(re.match(r"(rgb|flow)_S[GA]\.", name) for name in state)
    config = _config(state, video, path)
    model = GSANet(config) if video else SaliencyNet(config)

    tensors: dict[str, Tensor] = {}
    problems: list[str] = []
    used: set[str] = set()
    for name, wanted in model.state_dict().items():
        sources = published_names(name)
        absent = [s for s in sources if s not in state]
        used.update(s for s in sources if s in state)
        if counts_batches(name):
            continue
        if absent:
            problems += [f"missing {s}" for s in absent]
            continue
        tensor = torch.cat([state[s] for s in sources]) if len(sources) > 1 else state[sources[0]]
        # Their linear layers are partly convolutions of size 1.
        extra = tensor.shape[wanted.dim() :]
        if tensor.shape[: wanted.dim()] == wanted.shape and set(extra) <= {1}:
            tensors[name] = tensor.reshape(wanted.shape).float()
        else:
            problems.append(f"{' + '.join(sources)} is {tuple(tensor.shape)} instead of {tuple(wanted.shape)}")
    if problems:
        more = f" and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise GsanetError(
            f"{path} does not hold the published {config.backbone} model: {'; '.join(problems[:20])}{more}"
        )
    model.load_state_dict(tensors, strict=False)
    unused = tuple(original for name, original in theirs.items() if name not in used)
    return model.eval(), ImportReport("gsanet" if video else "saliency", config.backbone, len(used), unused)


def _config(state: Mapping[str, Tensor], video: bool, path: Path) -> GSANetConfig:
    """Sizes are read off the tensors; what leaves no trace in them is as published."""
    width, blocks = 0, [0, 0, 0, 0]
    for name, tensor in state.items():
        if name == "rgb_encoder.segformer.encoder.patch_embeddings.0.proj.weight":
            width = tensor.shape[0]
        place = re.match(r"rgb_encoder\.segformer\.encoder\.block\.([0-3])\.(\d+)\.", name)
        if place:
            blocks[int(place[1])] = max(blocks[int(place[1])], int(place[2]) + 1)
    backbone = _MIT.get((width, (blocks[0], blocks[1], blocks[2], blocks[3])))
    if backbone is None:
        raise GsanetError(
            f"{path} is not a published checkpoint with a MiT encoder: "
            f"stages of {blocks} blocks, first width {width}, fit none of mit_b0 .. mit_b5"
        )
    sizes: dict[str, Any] = {"backbone_norm_eps": 1e-5}
    reduce = state.get("rgb_MFFM4.in_conv.weight")
    channels = GSANetConfig.channels if reduce is None else int(reduce.shape[0])
    if video:
        slots, maps = state.get("rgb_SG.slot_enc.weight"), state.get("rgb_fusion.weight")
        sizes["pooling"] = "sum"
        sizes["slots"] = GSANetConfig.slots if slots is None else int(slots.shape[0])
        sizes["clusters"] = GSANetConfig.clusters
        if maps is not None and maps.dim() == 4:
            sizes["clusters"] = int(maps.shape[1]) - channels - sizes["slots"]
    try:
        return GSANetConfig(backbone=backbone, channels=channels, **sizes)
    except ValueError as error:
        raise GsanetError(f"{path}: its tensors make no sensible model ({error})") from None
