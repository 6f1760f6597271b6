"""A faster gradient for depthwise convolutions on a CPU.

PyTorch's CPU kernels for the backward pass of a depthwise convolution are slow in bfloat16 (up to 60 ms for a layer
whose forward takes 0.3 ms), and those layers are all that EfficientNet-lite is made of. The same gradients come
much sooner from a float32 backward and, for 5x5 kernels on small maps, from a grouped convolution of the input
with the output's gradient. ``benchmarks/depthwise.py`` measures both. Nothing but rounding changes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Above this many output pixels per map the grouped convolution loses to the float32 kernel.
_SMALL_MAP = 28 * 36


class _DepthwiseConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, stride=stride, padding=padding, groups=weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        stride, padding = [ctx.stride] * 2, [ctx.padding] * 2
        grouped = weight.shape[-1] >= 5 and grad.shape[-1] * grad.shape[-2] <= _SMALL_MAP
        need_x, need_w = ctx.needs_input_grad[:2]
        # The bfloat16 kernels are the faster ones for 3x3 with stride 1, and only there.
        dtype = x.dtype if weight.shape[-1] == 3 and ctx.stride == 1 else torch.float32
        native = torch.ops.aten.convolution_backward(
            grad.to(dtype), x.to(dtype), weight.to(dtype), None, stride, padding, [1, 1], False, [0, 0],
            weight.shape[0], [need_x, need_w and not grouped, False],
        )  # fmt: skip
        grad_w = native[1]
        if need_w and grouped:
            grad_w = _weight_gradient(x, grad, weight.shape[-1], ctx.stride, ctx.padding)
        return (
            native[0].to(x.dtype) if need_x else None,
            grad_w.to(weight.dtype) if need_w else None,
            None,
            None,
        )


def _weight_gradient(x: Tensor, grad: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Every map of x correlated with its own gradient: one convolution with B*C groups, (C,1,k,k) out."""
    batch, channels, h, w = x.shape
    maps = F.conv2d(
        x.reshape(1, batch * channels, h, w),
        grad.reshape(batch * channels, 1, *grad.shape[-2:]),
        padding=padding,
        dilation=stride,
        groups=batch * channels,
    )
    taps = maps.view(batch, channels, *maps.shape[-2:])[..., :kernel, :kernel]
    return taps.float().sum(0).unsqueeze(1)


def speed_up_depthwise(model: nn.Module) -> int:
    """Give every depthwise convolution of *model* the faster backward, in place.

    Only square, undilated, bias-free ones qualify (all of EfficientNet's); the others stay as they are.
    State dict and results are unchanged up to rounding.

    Returns:
        how many layers were changed.
    """
    count = 0
    for module in model.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        depthwise = module.groups == module.in_channels == module.out_channels > 1
        square = len({*module.kernel_size}) == 1 and len({*module.stride}) == 1 and module.dilation == (1, 1)
        if depthwise and square and module.bias is None:
            module.forward = _forward(module)  # type: ignore[method-assign]
            count += 1
    return count


def _forward(conv: nn.Conv2d) -> Any:
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    # timm's Conv2dSame pads as TensorFlow does, by the size of the input.
    same = type(conv).__name__ == "Conv2dSame"

    def forward(x: Tensor) -> Tensor:
        weight = conv.weight
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(dtype), weight.to(dtype)
        padding = int(conv.padding[0])
        if same:
            h, w = (max((-(-s // stride) - 1) * stride + kernel - s, 0) for s in x.shape[-2:])
            x, padding = F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2)), 0
        result: Tensor = _DepthwiseConv.apply(x, weight, stride, padding)
        return result

    return forward
