"""The two small building blocks that every other module is made of."""

from __future__ import annotations

from torch import nn


def conv_bn(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    """Convolution and batch norm, (B,inputs,H,W) -> (B,outputs,H/stride,W/stride), rounded up.

    The convolution has no bias: the batch norm after it would cancel it (docs/method.md, section 2).
    """
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
    )
