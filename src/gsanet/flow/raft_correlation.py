"""RAFT's correlations of a pixel with those around the place it went to: from a volume of all pairs, or without one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.optical_flow.raft import CorrBlock

_CHUNK = {True: 8 * 2**20, False: 256 * 2**20}
"""Bytes of looked-up features at once: on a CPU what its cache holds, elsewhere what keeps a GPU busy."""


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
    """The same numbers, but for rounding, from features that are multiplied where the product is needed.

    Pooling is linear, so features may be pooled instead of products. And all points of a neighbourhood lie equally
    between whole-numbered ones, so products are taken at those and interpolated as the volume would be. Memory is
    linear in the number of pixels; every iteration multiplies anew what the volume multiplied once.
    """

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Features (B,C,h,w) of both pictures -> the first's, scaled, and the second's at all levels."""
        self._queries = fmap1.float() / fmap1.shape[1] ** 0.5
        level = fmap2.float()
        self._levels = [level.permute(0, 2, 3, 1).contiguous()]
        for _ in range(self.num_levels - 1):
            level = F.avg_pool2d(level, kernel_size=2, stride=2)
            self._levels.append(level.permute(0, 2, 3, 1).contiguous())

    def index_pyramid(self, centroids_coords: Tensor) -> Tensor:
        """Coordinates (B,2,h,w) in pixels of the feature map -> correlations (B,levels*(2r+1)^2,h,w)."""
        batch, _, height, width = centroids_coords.shape
        side = 2 * self.radius + 1
        found = centroids_coords.new_empty(batch, height * width, self.num_levels, side, side)
        step = max(1, _CHUNK[centroids_coords.device.type == "cpu"] // (4 * self._queries.shape[1] * (side + 1) ** 2))
        with torch.autocast(centroids_coords.device.type, enabled=False):
            for image, centres in enumerate(centroids_coords.float().flatten(2).mT):
                queries = self._queries[image].flatten(1).T
                for start in range(0, height * width, step):
                    part = slice(start, start + step)
                    for number, level in enumerate(self._levels):
                        around = self._around(queries[part], level[image], centres[part] / 2**number)
                        found[image, part, number] = around
        return found.flatten(2).mT.reshape(batch, -1, height, width)

    def _around(self, queries: Tensor, features: Tensor, centres: Tensor) -> Tensor:
        """Queries (n,C) with features (h,w,C) around centres (n,2), x first -> (n,2r+1,2r+1), x first too."""
        height, width, _ = features.shape
        # Far outside everything is zero; a whole number must hold it all the same.
        centres = centres.clamp(-1e6, 1e6)
        corner = centres.floor()
        reach = torch.arange(-self.radius, self.radius + 2, device=centres.device)
        x, y = (corner[:, i, None].long() + reach for i in (0, 1))
        inside = ((x >= 0) & (x < width))[:, :, None] & ((y >= 0) & (y < height))[:, None, :]
        rows = x.clamp(0, width - 1)[:, :, None] + width * y.clamp(0, height - 1)[:, None, :]
        looked_up = features.flatten(0, 1).index_select(0, rows.flatten()).view(len(queries), -1, queries.shape[1])
        products = torch.bmm(looked_up, queries[:, :, None]).view(rows.shape) * inside
        right, down = (centres - corner)[:, :, None, None].unbind(1)
        products = products[:, :-1] * (1 - right) + products[:, 1:] * right
        mixed: Tensor = products[:, :, :-1] * (1 - down) + products[:, :, 1:] * down
        return mixed

    def forget(self) -> None:
        """Give the memory back."""
        del self._queries, self._levels
