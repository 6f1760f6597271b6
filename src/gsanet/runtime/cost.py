"""What a model costs: parameters and floating-point operations, counted without computing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from gsanet.model.config import GSANetConfig
from gsanet.model.network import GSANet

BYTES = 4
"""Of a float32 number."""


@dataclass(frozen=True)
class ModelCost:
    """Cost of a :class:`GSANet` in float32, one frame at a time."""

    height: int
    width: int
    """Input size that the rest is for."""
    parameters: int
    frame_flops: int
    """Of one target frame, given its references; a multiply-accumulate counts two."""
    reference_flops: int
    """Of all R reference frames together; they are encoded once per video."""

    @property
    def weight_bytes(self) -> int:
        """The weights in memory."""
        return self.parameters * BYTES

    def flops_per_frame(self, frames: int) -> float:
        """Including the references' share in a video of *frames* frames."""
        return self.frame_flops + self.reference_flops / frames


def input_size(config: GSANetConfig) -> tuple[int, int]:
    """(H,W) of a 16:9 frame at test time, rounded to multiples of 32."""
    height = config.size if config.square else round(config.size * 9 / 16 / 32) * 32
    return height, config.size


def model_cost(config: GSANetConfig, size: tuple[int, int] | None = None) -> ModelCost:
    """Count on PyTorch's meta device: operators run with shapes alone, so this takes a second or two.

    Args:
        size: (H,W) of the input; :func:`input_size` if None.
    """
    with torch.device("meta"), _NumbersOnCpu():
        # The counter cannot follow parameters that want a gradient where none is computed.
        model = GSANet(config).eval().requires_grad_(False)
    height, width = size or input_size(config)
    frame = torch.empty(1, 3, height, width, device="meta")
    frames = frame.unsqueeze(1).expand(-1, config.references, -1, -1, -1)
    with torch.no_grad():
        with FlopCounterMode(display=False) as of_references:
            references = model.encode_references(frames, frames)
        with FlopCounterMode(display=False) as of_frame:
            model(frame, frame, references)
    parameters = sum(p.numel() for p in model.parameters())
    return ModelCost(height, width, parameters, of_frame.get_total_flops(), of_references.get_total_flops())


class _NumbersOnCpu(TorchFunctionMode):
    """Lets an encoder compute its schedule of drop rates, which are numbers, beside weights without any."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.linspace:
            kwargs.setdefault("device", "cpu")
        return func(*args, **kwargs)
