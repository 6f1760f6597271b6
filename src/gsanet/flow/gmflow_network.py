"""GMFlow's network with one refinement: features of two pictures, made aware of each other, then matched.

Source: Xu et al., "GMFlow: Learning Optical Flow via Global Matching", CVPR 2022 (arXiv 2111.13680). The names
of the parameters are those of the published files, so that these load as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsanet.flow.gmflow_matching import (
    attend,
    enlarge,
    join,
    match_everywhere,
    match_nearby,
    neighbours,
    positions,
    split,
    strangers,
    warp,
)

CHANNELS = 128
"""Of the published files."""

LAYERS = 6
"""Of the transformer, in the published files."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in [0, 1]."""

_RADIUS = 4
"""Cells, of the refinement's matching."""

_FACTOR = 4
"""The finer features are a quarter of the picture."""


class _Block(nn.Module):
    """Two convolutions and a way round them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm = nn.InstanceNorm2d(after)
        self.downsample = nn.Sequential()
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride), nn.InstanceNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        way: Tensor = self.downsample(maps)
        inner = self.norm(self.conv1(maps)).relu()
        there: Tensor = self.norm(self.conv2(inner)).relu()
        return (way + there).relu()


class _SharedConv(nn.Module):
    """One kernel with several strides: the refinement has the matching's features, but denser (TridentNet's idea)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def forward(self, maps: Tensor, stride: int) -> Tensor:
        return functional.conv2d(maps, self.weight, stride=stride, padding=1)


class _Encoder(nn.Module):
    """Pictures (B,3,H,W) -> features of an eighth and of a quarter of the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels // 2, channels // 4 * 3, channels)
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.norm = nn.InstanceNorm2d(widths[0])
        self.layer1 = nn.Sequential(_Block(widths[0], widths[0], 1), _Block(widths[0], widths[0], 1))
        self.layer2 = nn.Sequential(_Block(widths[0], widths[1], 2), _Block(widths[1], widths[1], 1))
        self.layer3 = nn.Sequential(_Block(widths[1], widths[2], 1), _Block(widths[2], widths[2], 1))
        self.conv2 = nn.Conv2d(widths[2], channels, 1)
        self.trident_conv = _SharedConv(channels)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.norm(self.conv1(pictures)).relu()
        maps = self.conv2(self.layer3(self.layer2(self.layer1(maps))))
        return self.trident_conv(maps, 2), self.trident_conv(maps, 1)


class _Attention(nn.Module):
    """Cells of *source* gather from those of *target*, window by window, with one head; and a network after, maybe."""

    def __init__(self, channels: int, *, after: bool) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.merge = (
            nn.Linear(channels, channels, bias=False) for _ in range(4)
        )
        self.norm1 = nn.LayerNorm(channels)
        self.after = after
        if after:
            self.mlp = nn.Sequential(
                nn.Linear(2 * channels, 8 * channels, bias=False),
                nn.GELU(),
                nn.Linear(8 * channels, channels, bias=False),
            )
            self.norm2 = nn.LayerNorm(channels)

    def forward(self, source: Tensor, target: Tensor, apart: Tensor | None) -> Tensor:
        """(B,windows,L,C) twice -> the same; *apart* (windows,L,L) is added to the scores."""
        query, key, value = self.q_proj(source), self.k_proj(target), self.v_proj(target)
        mask = None if apart is None else apart.to(query.dtype)
        message: Tensor = self.norm1(self.merge(functional.scaled_dot_product_attention(query, key, value, mask)))
        if self.after:
            message = self.norm2(self.mlp(torch.cat([source, message], -1)))
        return source + message


class _Layer(nn.Module):
    """Each picture looks at itself, then at the other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.self_attn = _Attention(channels, after=False)
        self.cross_attn_ffn = _Attention(channels, after=True)

    def forward(self, windows: Tensor, apart: Tensor | None) -> Tensor:
        other = windows.roll(len(windows) // 2, 0)  # the halves of the batch change places
        return self.cross_attn_ffn(self.self_attn(windows, windows, apart), other, apart)  # type: ignore[no-any-return]


class _Transformer(nn.Module):
    """The features of both pictures, in one batch one after the other, each aware of the other."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(channels) for _ in range(layers))

    def forward(self, maps: Tensor, count: int) -> Tensor:
        """(2B,C,H,W) -> the same, with *count* windows along each side, shifted by half of one in every other layer."""
        height, width = maps.shape[2:]
        down, across = height // count // 2, width // count // 2
        tokens = maps.permute(0, 2, 3, 1)
        apart = strangers(height, width, count, tokens) if count > 1 else None
        for number, layer in enumerate(self.layers):
            shifted = count > 1 and number % 2 == 1
            if shifted:
                tokens = tokens.roll((-down, -across), (1, 2))
            tokens = join(layer(split(tokens, count), apart if shifted else None), height, width)
            if shifted:
                tokens = tokens.roll((down, across), (1, 2))
        return tokens.permute(0, 3, 1, 2).contiguous()


class _Propagation(nn.Module):
    """Flow from where it is seen to where it is hidden, between cells that look alike."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def everywhere(self, features: Tensor, flow: Tensor) -> Tensor:
        query = _each_cell(self.q_proj, features)
        # The key is made of the query: so the weights were trained.
        return attend(query, _each_cell(self.k_proj, query), flow)

    def nearby(self, features: Tensor, flow: Tensor) -> Tensor:
        """Among the eight neighbours and itself. Beyond the border there is a score of zero and no motion."""
        query, key = (_each_cell(projection, features) for projection in (self.q_proj, self.k_proj))
        scores = [(query * other).sum(1, keepdim=True) for other in neighbours(key, 1)]
        share = (torch.cat(scores, 1) * features.shape[1] ** -0.5).softmax(1)
        return torch.stack([share[:, i, None] * other for i, other in enumerate(neighbours(flow, 1))]).sum(0)


class GMFlow(nn.Module):
    """Two pictures -> flow, at two scales.

    Args:
        channels: of the features.
        layers: of the transformer.
    """

    def __init__(self, channels: int = CHANNELS, layers: int = LAYERS) -> None:
        super().__init__()
        self.backbone = _Encoder(channels)
        self.transformer = _Transformer(channels, layers)
        self.feature_flow_attn = _Propagation(channels)
        self.upsampler = nn.Sequential(
            nn.Conv2d(2 + channels, 2 * channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(2 * channels, 9 * _FACTOR**2, 1)
        )

    def forward(
        self, first: Tensor, second: Tensor, windows: Sequence[int] = (2, 8), lower: torch.dtype | None = None
    ) -> Tensor:
        """RGB (B,3,H,W) in [0, 1] twice -> (B,2,H,W) in pixels, from *first* to *second*.

        Args:
            windows: of the transformer along each side, at an eighth and at a quarter of the size; these sides must be
                multiples of the one and the other, and a window four cells at least.
            lower: the precision of encoder and transformer. The matching is float32 always: in bfloat16 it was 0.2
                to 0.4 pixels off on average (DAVIS, 384x224), with a bfloat16 encoder and transformer 0.01 to 0.05.
        """
        both = torch.cat([first, second])
        mean, deviation = (both.new_tensor(one).view(1, 3, 1, 1) for one in (_MEAN, _DEVIATION))
        with _lowered(both, lower):
            coarse, fine = self.backbone((both - mean) / deviation)
        one, other = self._aware(coarse.float(), windows[0], lower)
        flow = self.feature_flow_attn.everywhere(one, match_everywhere(one, other))

        flow = functional.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True) * 2
        one, other = fine.float().chunk(2)
        one, other = self._aware(torch.cat([one, warp(other, flow)]), windows[1], lower)
        flow = self.feature_flow_attn.nearby(one, flow + match_nearby(one, other, _RADIUS))
        return enlarge(flow, self.upsampler(torch.cat([flow, one], 1)), _FACTOR)

    def _aware(self, maps: Tensor, count: int, lower: torch.dtype | None) -> tuple[Tensor, Tensor]:
        """The features of both pictures after the transformer."""
        height, width = (side // count for side in maps.shape[2:])
        maps = maps + positions(height, width, maps.shape[1], maps).repeat(1, 1, count, count)
        with _lowered(maps, lower):
            maps = self.transformer(maps, count)
        one, other = maps.float().chunk(2)
        return one, other


def _each_cell(linear: nn.Module, maps: Tensor) -> Tensor:
    """A linear layer on the channels of every cell."""
    return linear(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


def _lowered(like: Tensor, kind: torch.dtype | None) -> AbstractContextManager[object]:
    return torch.autocast(like.device.type, kind or torch.bfloat16, enabled=kind is not None)
