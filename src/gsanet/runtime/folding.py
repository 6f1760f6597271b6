"""The network in the form in which it only runs: norms folded into convolutions, activations done by them.

A batch norm in eval mode is a scale and a shift per channel, which its convolution can take on; a rectifier can be
applied to a result while it is still in the processor. On a CPU with oneDNN the weights are besides laid out once
as the convolution wants them, not anew for every frame; linear layers' weights are cast once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from timm.layers.padding import get_same_padding
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)

_ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.Identity: ("none", []),
}
"""What a convolution can do to its result: oneDNN's name and numbers."""

_SIZES = 4
"""Input sizes for which packed weights are kept."""


class FoldedConv2d(nn.Module):
    """A convolution, with the norm and the activation after it.

    Args:
        conv: plain with zero padding, or timm's that pads as TensorFlow does.
        norm: a batch norm whose statistics are final, or None.
        activation: one of ReLU, ReLU6 and Identity.
        dtype: in which it computes.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self, conv: nn.Conv2d, norm: nn.modules.batchnorm._BatchNorm | None, activation: nn.Module, dtype: torch.dtype
    ) -> None:
        super().__init__()
        weight = conv.weight.detach().double()
        bias = torch.zeros(conv.out_channels).to(weight) if conv.bias is None else conv.bias.detach().double()
        if norm is not None:
            assert norm.running_mean is not None and norm.running_var is not None
            scale = (norm.running_var.double() + norm.eps).rsqrt()
            shift = -norm.running_mean.double() * scale
            if norm.affine:
                scale, shift = scale * norm.weight.detach(), shift * norm.weight.detach() + norm.bias.detach()
            weight, bias = weight * scale.view(-1, 1, 1, 1), bias * scale + shift
        self.activation = type(activation)
        # TensorFlow pads by what the size needs, on one side more than on the other.
        self._same = (conv.kernel_size, conv.stride, conv.dilation) if isinstance(conv, Conv2dSame) else None
        padding = (0, 0) if self._same else conv.padding
        self._place: tuple[Any, ...] = (padding, conv.stride, conv.dilation, conv.groups)
        weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias.to(dtype))
        self._packed: dict[torch.Size, Tensor | None] = {}

    def forward(self, x: Tensor) -> Tensor:
        """As the convolution, the norm and the activation one after the other."""
        x = x.to(self.weight.dtype) if self._same is None else self._pad(x)
        padding, stride, dilation, groups = self._place
        packed = self._pack(x.shape) if x.device.type == "cpu" else None
        if packed is not None:
            name, numbers = _ACTIVATIONS[self.activation]
            result: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, packed, self.bias, padding, stride, dilation, groups, name, numbers, ""
            )
            return result
        result = F.conv2d(x, self.weight, self.bias, stride, padding, dilation, groups)
        if self.activation is nn.ReLU:
            return F.relu_(result)
        return F.relu6(result, inplace=True) if self.activation is nn.ReLU6 else result

    def _pack(self, shape: torch.Size) -> Tensor | None:
        """The weights as oneDNN wants them for this input; None where PyTorch was built without it.

        Packed for another size, or for none, a few convolutions are fifty times slower.
        """
        packed = self._packed.get(shape)
        if packed is None:
            packed = _packed(self.weight, self._place, shape)
            # Several threads may run this layer. Replaced whole: nobody sees it half changed.
            kept = dict(list(self._packed.items())[1 - _SIZES :])
            self._packed = {**kept, shape: packed}
        return packed

    def _pad(self, x: Tensor) -> Tensor:
        """With zeros around it, in the convolution's precision and layout: F.pad would keep neither."""
        assert self._same is not None
        sides = []
        for length, kernel, stride, dilation in zip(x.shape[-2:], *self._same, strict=True):
            needed = get_same_padding(length, kernel, stride, dilation)
            sides.append((needed // 2, needed + length))
        (top, height), (left, width) = sides
        padded = torch.empty(
            (*x.shape[:2], height, width), dtype=self.weight.dtype, device=x.device, memory_format=torch.channels_last
        ).zero_()
        padded[..., top : top + x.shape[-2], left : left + x.shape[-1]] = x
        return padded


def _packed(weight: Tensor, place: tuple[Any, ...], shape: torch.Size) -> Tensor | None:
    # PyTorch's own compiler packs by these operations; they are not promised to stay.
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    try:
        _ = torch.ops.mkldnn._convolution_pointwise
        packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(weight, *place, list(shape))
    except (AttributeError, RuntimeError):
        return None
    return packed


def folded(model: Model, run: Callable[[Model], object], exact: Callable[[str], object] = lambda name: False) -> Model:
    """A copy of *model* whose convolutions are :class:`FoldedConv2d`, for inference alone.

    Which norm and which activation follow which convolution is seen by running it, so that any backbone will do. A
    layer keeps the precision that autocast gave it in that run.

    Args:
        model: in eval mode.
        run: calls the model, or all that will be called of it, with inputs of the right kind, under the autocast
            it will have.
        exact: says of a convolution, by its name, whether it computes in float32 whatever autocast gave it.
    """
    model = copy.deepcopy(model)
    names = {module: name for name, module in model.named_modules()}
    # Results are kept while it runs: the number of one that is gone may be given to another.
    # Its version tells whether something was added to it in place since.
    seen: dict[int, tuple[nn.Module, Tensor, int]] = {}
    dtypes: dict[nn.Module, torch.dtype] = {}
    follows: dict[nn.Module, nn.Module] = {}

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        maker, tensor, version = seen.get(id(inputs[0]), (None, None, 0))
        if maker is not None and tensor is not None and tensor._version == version:
            follows[maker] = module

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear):
            dtypes[module] = torch.float32 if exact(names[module]) else output.dtype
        seen[id(output)] = (module, output, output._version)

    hooks = []
    for module in names:
        if isinstance(module, nn.Conv2d | nn.Linear | nn.modules.batchnorm._BatchNorm | nn.ReLU | nn.ReLU6):
            hooks.append(module.register_forward_hook(after))
            # What another convolution does is no part of the one before it.
            if not isinstance(module, nn.Conv2d | nn.Linear):
                hooks.append(module.register_forward_pre_hook(before))
    with torch.no_grad():  # inference mode would keep no versions
        run(model)
    for hook in hooks:
        hook.remove()

    for conv, dtype in dtypes.items():
        if type(conv) is nn.Linear:
            # Autocast would cast the same weights again for every frame.
            conv.to(dtype)
            continue
        # A class we do not know may do more than convolve: it stays.
        if type(conv) not in (nn.Conv2d, Conv2dSame) or isinstance(conv.padding, str) or conv.padding_mode != "zeros":
            continue
        norm, activation = follows.get(conv), None
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            # timm's norms bring their activation along.
            activation = getattr(norm, "act", None) or follows.get(norm)
            if type(getattr(norm, "drop", None)) not in (type(None), nn.Identity):
                continue
        else:
            norm, activation = None, norm
        fused = type(activation) in _ACTIVATIONS
        rest = nn.Identity() if activation is None or fused else activation
        _replace(model, names[conv], FoldedConv2d(conv, norm, activation if fused else nn.Identity(), dtype))  # type: ignore[arg-type]
        if norm is not None:
            _replace(model, names[norm], rest)
        if activation in names and activation is not None and fused:
            _replace(model, names[activation], nn.Identity())
    return model


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
