"""What is exported: the two things that the engine asks of a network, as plain functions of tensors.

Pictures go in as they are decoded, uint8 rows of RGB pixels: whoever runs the graph cannot normalise them wrongly.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gsanet.model import GSANet, ReferenceFeatures

Part = Literal["step", "references"]
PARTS: tuple[Part, ...] = ("step", "references")

FEATURES = ("references_rgb", "references_flow")
"""What the reference encoder gives and the step takes, (1,R,C,C) each."""

PROBABILITY = "probability"
"""First output of the step, (1,H,W); the others are slot maps by name, (1,H/16,W/16) each."""


def graph_name(part: Part, size: tuple[int, int]) -> str:
    """The file of one part for pictures of *size* (H,W), such as ``step_256x448.onnx``."""
    return f"{part}_{size[0]}x{size[1]}.onnx"


class FrameStep(nn.Module):
    """One frame: both streams, guided slots, k-means with its fixed number of iterations, aggregation and decoder."""

    def __init__(self, model: GSANet) -> None:
        super().__init__()
        self.model = model

    def forward(self, rgb: Tensor, flow: Tensor, references_rgb: Tensor, references_flow: Tensor) -> dict[str, Tensor]:
        """Pictures (1,H,W,3) uint8 and reference features (1,R,C,C) -> :data:`PROBABILITY` and slot maps."""
        references = ReferenceFeatures(references_rgb, references_flow)
        output = self.model(_normalised(self.model, rgb), _normalised(self.model, flow), references)
        maps = {name: value[:, 0] for name, value in output.slot_maps().items()}
        return {PROBABILITY: output.logits.sigmoid()[:, 0], **maps}

    def example(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """Inputs that look like something: blots of colour, so that clusters and neighbours are no toss-up."""
        config = self.model.config
        pictures = _blots(2, size)
        features = torch.rand(2, 1, config.references, config.channels, config.channels, generator=_dice())
        return (pictures[:1], pictures[1:], features[0], features[1])


class ReferenceEncoder(nn.Module):
    """R reference frames -> all that the step needs of them."""

    def __init__(self, model: GSANet) -> None:
        super().__init__()
        self.model = model

    def forward(self, rgb: Tensor, flow: Tensor) -> dict[str, Tensor]:
        """Pictures (R,H,W,3) uint8 -> :data:`FEATURES`, (1,R,C,C) each."""
        pictures = [_normalised(self.model, picture).unsqueeze(0) for picture in (rgb, flow)]
        features = self.model.encode_references(pictures[0], pictures[1])
        return dict(zip(FEATURES, (features.rgb, features.flow), strict=True))

    def example(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """As many pictures as the model has references, but two at the least: of one, tracing makes a constant."""
        count = max(2, self.model.config.references)
        pictures = _blots(2 * count, size)
        return (pictures[:count], pictures[count:])


def build_graph(part: Part, model: GSANet) -> FrameStep | ReferenceEncoder:
    """The module of one part, in eval mode."""
    return (FrameStep if part == "step" else ReferenceEncoder)(model).eval()


def _normalised(model: GSANet, picture: Tensor) -> Tensor:
    return model.normalise(picture.permute(0, 3, 1, 2))


def _dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _blots(count: int, size: tuple[int, int]) -> Tensor:
    """(count,H,W,3) uint8."""
    coarse = torch.rand(count, 3, 6, 8, generator=_dice())
    smooth = nn.functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return (255 * smooth).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
