"""What is exported: one frame from its pictures to its probability, for any size, and the norms folded before.

Pictures go in as they are decoded, uint8 rows of RGB pixels: whoever runs the graph cannot normalise them wrongly.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from torch import Tensor, nn

from gsanet.export.graph_info import OWN, PROBABILITY
from gsanet.model.input_size import MULTIPLE
from gsanet.model.network import GSANet, ReferenceFeatures


class FrameGraph(nn.Module):
    """Both streams, guided slots, k-means with its fixed number of iterations, aggregation and decoder.

    Sides are multiples of 32. So whatever the size, every map is a whole number of times larger than the next and every
    padding a constant: hardly anything is left in the graph that computes with sizes.

    Args:
        model: in float32 on the CPU; is copied.

    Attributes:
        folded: by the name of a convolution, the norm that is now in it, and the norm's epsilon.
    """

    def __init__(self, model: GSANet) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        self.folded = _fold(self.model)
        for name, conv in _named(self.model, Conv2dSame):
            _replace(self.model, name, _SameConv2d(conv))
        self.model.decoder.grow = _grow_by_factor  # type: ignore[method-assign]
        if self.model.edges is not None:
            self.model.edges.grow = _grow_by_factor  # type: ignore[method-assign]

    def forward(self, rgb: Tensor, flow: Tensor, references_rgb: Tensor, references_flow: Tensor) -> dict[str, Tensor]:
        """Pictures (1,H,W,3) uint8 and reference features (1,R,C,C) -> probability, slot maps, own features.

        With R = 0 the frame is its own reference.
        """
        model = self.model
        pictures = [model.normalise(picture.permute(0, 3, 1, 2)) for picture in (rgb, flow)]
        stages = model.encode(pictures[0], pictures[1])
        own = model.embed_references(stages[0][3], stages[1][3], 1)
        # While it is traced there are references: the exporter assumes as much of every free size.
        given = ReferenceFeatures(references_rgb, references_flow) if references_rgb.shape[1] else own
        output = model.decode(stages, given, pictures[0])
        logits = F.interpolate(output.masks[0], scale_factor=4.0, mode="bilinear", align_corners=True)
        if output.edges is not None:
            logits = logits + output.edges
        maps = {name: value[:, 0] for name, value in output.slot_maps().items()}
        return {PROBABILITY: logits.sigmoid()[:, 0], **maps, **dict(zip(OWN, (own.rgb, own.flow), strict=True))}

    def example(self, size: tuple[int, int], references: int) -> tuple[Tensor, ...]:
        """Inputs that look like something: blots of colour, so that clusters and neighbours are no toss-up."""
        channels = self.model.config.channels
        dice = torch.Generator().manual_seed(0)
        coarse = torch.rand(2, 3, 6, 8, generator=dice)
        smooth = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        pictures = (255 * smooth).round().to(torch.uint8).permute(0, 2, 3, 1)
        # Of two views of one tensor the exporter would make one input.
        features = [torch.rand(1, references, channels, channels, generator=dice) for _ in range(2)]
        return (pictures[:1].clone(), pictures[1:].clone(), *features)


class _SameConv2d(nn.Module):
    """timm's convolution that pads as TensorFlow does, for inputs whose sides are multiples of the stride."""

    def __init__(self, conv: Conv2dSame) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self._place = (conv.stride, 0, conv.dilation, conv.groups)
        self._pads: list[int] = []
        for kernel, stride, dilation in zip(conv.kernel_size, conv.stride, conv.dilation, strict=True):
            needed = max(dilation * (kernel - 1) + 1 - stride, 0)
            self._pads = [needed // 2, needed - needed // 2, *self._pads]

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self._pads), self.weight, self.bias, *self._place)


def _grow_by_factor(x: Tensor, size: Sequence[int]) -> Tensor:
    factor = int(size[0] // x.shape[-2])
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _fold(model: GSANet) -> dict[str, tuple[str, float]]:
    """Let every convolution take on the batch norm after it; which that is, is seen by running the model."""
    folded = {}
    for name, norm_name in _norms_after_convolutions(model).items():
        conv, norm = model.get_submodule(name), model.get_submodule(norm_name)
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        shift = -norm.running_mean.double() if conv.bias is None else conv.bias.double() - norm.running_mean
        conv.weight = nn.Parameter((conv.weight * scale.view(-1, 1, 1, 1)).float())
        conv.bias = nn.Parameter((shift * scale + norm.bias).float())
        # timm's norms bring their activation along.
        _replace(model, norm_name, getattr(norm, "act", nn.Identity()))
        folded[name] = (norm_name, norm.eps)
    return folded


@torch.no_grad()
def _norms_after_convolutions(model: GSANet) -> dict[str, str]:
    names = {module: name for name, module in model.named_modules()}
    # By the number of a result, its convolution. Results are kept: the number of one that is gone may be given away.
    made: dict[int, tuple[nn.Module, Tensor]] = {}
    pairs: dict[str, str] = {}

    def convolved(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        made[id(output)] = (module, output)

    def normed(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        conv = made.get(id(inputs[0]), (None,))[0]
        if conv is not None and module.weight is not None and type(getattr(module, "drop", None)) in _NO_DROP:
            pairs[names[conv]] = names[module]

    hooks = [conv.register_forward_hook(convolved) for _, conv in _named(model, nn.Conv2d)]
    hooks += [norm.register_forward_pre_hook(normed) for _, norm in _named(model, nn.BatchNorm2d)]
    blank = torch.zeros(1, 1, 3, 2 * MULTIPLE, 2 * MULTIPLE)
    model(blank[0], blank[0], model.encode_references(blank, blank))
    for hook in hooks:
        hook.remove()
    return pairs


_NO_DROP = (type(None), nn.Identity)


def _named(model: nn.Module, kind: type[nn.Module]) -> list[tuple[str, Any]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, kind)]


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
