"""RAFT's correlations of a pixel with those around the place it went to: from a volume of all pairs, or without one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.optical_flow.raft import CorrBlock

_CHUNK = 64 * 2**20
"""Bytes of looked-up features at once."""


def volume_bytes(height: int, width: int) -> int:
    """What the volume of one pair takes while it is made, for padded pictures: it is there twice."""
    return 2 * 4 * (height // 8 * (width // 8)) ** 2


class VolumeCorrelation(CorrBlock):  # type: ignore[misc]
    """Torchvision's, in float32 whatever the precision around it."""

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Features (B,C,h,w) of both pictures -> the volume and its coarser levels."""
        with torch.autocast(fmap1.device.type, enabled=False):
            super().build_pyramid(fmap1.float(), fmap2.float())

    def forget(self) -> None:
        """Give the memory back."""
        self.corr_pyramid: list[Tensor] = []


class LeanCorrelation(CorrBlock):  # type: ignore[misc]
    """The same numbers, but for rounding, from features pooled and looked up where they are needed.

    Pooling and bilinear lookup are linear, so they may as well come before the product of features as after it:
    memory is linear in the number of pixels, and every iteration looks up C channels where the volume has one.
    """

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Features (B,C,h,w) of both pictures -> the first's, scaled, and the second's at all levels."""
        self._features = fmap1.float() / fmap1.shape[1] ** 0.5
        self._levels = [fmap2.float()]
        for _ in range(self.num_levels - 1):
            self._levels.append(F.avg_pool2d(self._levels[-1], kernel_size=2, stride=2))

    def index_pyramid(self, centroids_coords: Tensor) -> Tensor:
        """Coordinates (B,2,h,w) in pixels of the feature map -> correlations (B,levels*(2r+1)^2,h,w)."""
        with torch.autocast(centroids_coords.device.type, enabled=False):
            return torch.stack([self._look_up(i, coords) for i, coords in enumerate(centroids_coords.float())])

    def _look_up(self, image: int, coords: Tensor) -> Tensor:
        """One picture's: (2,h,w) -> (levels*(2r+1)^2,h,w)."""
        channels, height, width = self._features.shape[1:]
        queries = self._features[image].flatten(1)
        centres = coords.flatten(1).T
        reach = torch.arange(-self.radius, self.radius + 1, device=coords.device, dtype=coords.dtype)
        around = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1).view(-1, 2)
        found: Tensor = queries.new_empty(self.out_channels, height * width)
        step = max(1, _CHUNK // (4 * channels * len(around)))
        for start in range(0, height * width, step):
            part = slice(start, start + step)
            for level, features in enumerate(self._levels):
                points = centres[part, None] / 2**level + around
                corner = points.new_tensor([features.shape[3] - 1, features.shape[2] - 1])
                grid = 2 * points / corner - 1  # the outermost pixels' middles are -1 and 1
                sampled = F.grid_sample(features[image, None], grid[None], mode="bilinear", align_corners=True)[0]
                rows = slice(level * len(around), (level + 1) * len(around))
                found[rows, part] = torch.einsum("cn,cns->sn", queries[:, part], sampled)
        return found.reshape(-1, height, width)

    def forget(self) -> None:
        """Give the memory back."""
        del self._features, self._levels
