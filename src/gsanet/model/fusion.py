"""Convolutional parts: multi-scale fusion inside a stream, fusion of the two streams, the top-down decoder.

docs/method.md, sections 2 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gsanet.model.layers import conv_bn


class MultiScaleFusion(nn.Module):
    """MFFM: one stage's feature, seen at growing dilations (docs/method.md, section 2.2).

    Args:
        inputs: channels of the backbone's stage.
        channels: C.
        dilations: of the three context branches.
    """

    def __init__(self, inputs: int, channels: int, dilations: Sequence[int] = (6, 12, 18)) -> None:
        super().__init__()
        self.shortcut = conv_bn(inputs, channels, kernel=1)
        self.reduce = nn.Conv2d(inputs, channels, 1)
        self.branches = nn.ModuleList(conv_bn(channels, channels, dilation=d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B,inputs,h,w) -> (B,C,h,w)."""
        reduced = self.reduce(x)
        context = self.branches[0](reduced)
        for branch in self.branches[1:]:
            context = branch(reduced + context)
        return F.relu(self.shortcut(x) + context)


class StreamFusion(nn.Module):
    """RGB and flow features of one stage become one (docs/method.md, section 6)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        both = 2 * channels
        self.residual = nn.Sequential(
            nn.Conv2d(both, both, 3, padding=1),
            nn.BatchNorm2d(both),
            nn.ReLU(inplace=True),
            nn.Conv2d(both, both, 3, padding=1),
        )
        self.project = nn.Sequential(
            nn.Conv2d(both, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, rgb: Tensor, flow: Tensor) -> Tensor:
        """Two (B,C,h,w) -> (B,C,h,w)."""
        both = torch.cat((rgb, flow), dim=1)
        fused: Tensor = self.project(F.relu(both + self.residual(both)))
        return fused


class TopDownDecoder(nn.Module):
    """From four stages to 4 accumulated mask logits at stride 4 (docs/method.md, section 6).

    Args:
        channels: C.
        detail: channels of stage 1 unless 0, which is C. With a width of its own the steps before it work at stride 8:
            at stride 4 they cost most of a light network's time and have nothing finer to say.
    """

    def __init__(self, channels: int, detail: int = 0) -> None:
        super().__init__()
        first = detail or channels
        self.merge = nn.ModuleList(conv_bn(2 * width, width) for width in (first, channels, channels))
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for width in (first, channels, channels, channels))
        self.narrow = nn.Conv2d(channels, detail, 1) if detail else None

    def forward(self, stages: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Stages 1..4, each (B,C,.,.) at strides 4/8/16/32 -> logits m1..m4, each (B,1,H/4,W/4), and a feature.

        m1 is the prediction; the feature (B,C,H/4,W/4) is what it was read from.
        """
        detail, deep = stages[0], stages[1:]
        size = detail.shape[-2:] if self.narrow is None else deep[0].shape[-2:]
        maps = [stage if stage.shape[-2:] == size else self.grow(stage, size) for stage in deep]
        y = maps[2]
        logits = [self.heads[3](y)]
        for k in (2, 1):
            y = self._merge(k, maps[k - 1], y)
            logits.append(self.heads[k](y) + logits[-1])
        if self.narrow is not None:
            y = self.grow(self.narrow(y), detail.shape[-2:])
            logits = [self.grow(m, detail.shape[-2:]) for m in logits]
        y = self._merge(0, detail, y)
        logits.append(self.heads[0](y) + logits[-1])
        return logits[::-1], y

    def _merge(self, k: int, x: Tensor, y: Tensor) -> Tensor:
        return F.relu(self.merge[k](torch.cat((x, x * y), dim=1)))

    @staticmethod
    def grow(x: Tensor, size: Sequence[int]) -> Tensor:
        """(B,C,h,w) at *size* (H,W): bilinear, corners not aligned."""
        return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
