"""A head that draws edges: the prediction at stride 4, corrected at the input's own size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gsanet.model.fusion import TopDownDecoder
from gsanet.model.layers import conv_bn


class EdgeHead(nn.Module):
    """What the prediction lacks between the pixels of stride 4, seen in the picture itself.

    Not in the paper, whose masks are predicted at stride 4 and grow from there: with perfect features such a mask of
    448 pixels cannot come above J 92.6 on DAVIS. It works at stride 2, is small, and says nothing before it is trained.

    Args:
        features: channels of the decoder's last feature.
        channels: its own.
    """

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.picture = conv_bn(3, channels, stride=2)
        self.features = nn.Conv2d(features + 1, channels, 1)
        self.merge = conv_bn(channels, channels)
        self.last = nn.Conv2d(channels, 4, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        """What is to be added to the logits at the picture's size, (B,1,H,W).

        Args:
            picture: (B,3,H,W), normalised.
            features: the decoder's last, (B,C,H/4,W/4).
            logits: its prediction, (B,1,H/4,W/4).
        """
        fine = self.picture(picture)
        # The probability, not the logit: far from an edge that has no limit, and nothing to say.
        coarse = self.features(torch.cat((features, logits.sigmoid().to(features.dtype)), dim=1))
        y = F.relu(self.merge(F.relu(fine + self.grow(coarse, fine.shape[-2:]))))
        grown = F.pixel_shuffle(self.last(y), 2)
        height, width = picture.shape[-2:]
        # An odd side was rounded up.
        return grown if height % 2 == width % 2 == 0 else grown[..., :height, :width]

    @staticmethod
    def grow(x: Tensor, size: Sequence[int]) -> Tensor:
        """As the decoder's."""
        return TopDownDecoder.grow(x, size)
