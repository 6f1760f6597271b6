"""Where training begins: stage 2 from stage 1, or from another stage 2."""

from __future__ import annotations

import json

import torch

from gsanet.base.errors import GsanetError
from gsanet.model.network import GSANet, SaliencyNet
from gsanet.weights.tensors import load_tensors, weights_of


def start_from_pretrained(model: GSANet, pretrained: GSANet | SaliencyNet) -> int:
    """Begin stage 2 from stage 1 (docs/method.md, section 8.2) or from another stage 2, counting every tensor.

    Of stage 1 the encoder and fusions go to both streams. The decoder has the same shape in both models and comes along
    too, and the parts that only the video model has start as near to "the average of the streams" as
    they can: the pretrained picture is not scrambled on its way to the pretrained decoder. Of a video model everything
    is taken.

    Returns:
        how many tensors were copied.

    Raises:
        GsanetError: another backbone, width or dilations; for a video model, any other structure. The message says
            which settings it was made with.
    """
    if isinstance(pretrained, GSANet):
        tensors = weights_of(pretrained)
        # A head that it lacks starts as it is, and says nothing yet.
        own = {} if pretrained.edges else {k: v for k, v in weights_of(model).items() if k.startswith("edges.")}
        try:
            load_tensors(model, {**tensors, **own}, "the pretrained video model")
        except GsanetError as error:
            current = model.config.to_dict()
            changes = [
                f"--set model.{name}={json.dumps(value)}"
                for name, value in pretrained.config.to_dict().items()
                if value is not None and current[name] != value  # TOML cannot say None; no structure hangs on it
            ]
            if not changes:
                raise
            raise GsanetError(f"{error}. {' '.join(changes)} gives the model its structure") from None
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
    for slots in (model.rgb_slots, model.flow_slots) if model.config.slot_attention else ():
        slots.enrich.weight.mul_(0.1)
        slots.enrich.weight[:, :channels, 0, 0] += identity
