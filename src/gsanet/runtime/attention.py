"""MiT's attention by PyTorch's fused kernel: the scores of all pairs are never written to memory.

Those of the first stage are 16,384 by 256 numbers at 512x512, which the library's own forward writes, scales, casts,
normalises and reads again: most of the time of this attention (docs/performance.md).
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gsanet.runtime.precision import has_amx

_LIBRARY = "segmentation_models_pytorch.encoders.mix_transformer"


class FusedAttention(nn.Module):
    """The same layers as those of the library's attention, for inference alone.

    Args:
        attention: an ``Attention`` of MiT, whose layers are shared.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.q, self.kv, self.proj = attention.q, attention.kv, attention.proj
        self.sr, self.norm = attention.sr, attention.norm
        self._heads, self._scale, self._reduces = attention.num_heads, attention.scale, attention.sr_ratio > 1

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        """(B,N,C) -> (B,N,C), N = height * width."""
        known = x
        if self._reduces:
            picture = x.transpose(1, 2).reshape(len(x), -1, height, width)
            known = self.norm(self.sr(picture).flatten(2).transpose(1, 2))
        queries = self.q(x).unflatten(2, (self._heads, -1)).transpose(1, 2)
        keys, values = self.kv(known).unflatten(2, (2, self._heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(queries, keys, values, scale=self._scale)
        result: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return result


def fuse_attention(model: nn.Module) -> None:
    """Replace every attention of MiT in *model*, in place."""
    library = sys.modules.get(_LIBRARY)
    if library is None:  # there is no MiT without it
        return
    for parent in list(model.modules()):
        for name, module in parent.named_children():
            if type(module) is library.Attention:
                setattr(parent, name, FusedAttention(module))


def fusing_pays(device: torch.device, precision: str) -> bool:
    """Whether the fused kernel is to be used. In bfloat16 on a CPU without AMX it takes half as long again."""
    return device.type != "cpu" or precision != "bfloat16" or has_amx()
