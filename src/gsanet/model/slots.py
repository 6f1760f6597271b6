"""Slot generator and guided slot attention of one stream (docs/method.md, sections 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gsanet.model.aggregation import FeatureAggregationTransformer, cosine_map, nearest_features
from gsanet.model.clustering import kmeans, pool_clusters
from gsanet.model.config import GSANetConfig
from gsanet.model.slot_transformer import StandardSlotAttention


@dataclass
class SlotState:
    """What the slot generator and slot attention of one stream leave behind."""

    coarse: Tensor | None
    """Logits of the soft slot masks before their softmax, (B,S,h,w); None where slots start at random."""
    guided: Tensor
    """Guided (or random) slots that attention starts from, (B,S,C)."""
    aggregated: Tensor
    """P_A, local features enriched with global ones, (B,D,C)."""
    refined: Tensor
    """Slots after guided slot attention, (B,S,C)."""
    similarity: Tensor
    """Cosine of each pixel with the D features and the S refined slots, (B,D+S,h,w)."""

    def float(self) -> SlotState:
        """In float32."""
        coarse = None if self.coarse is None else self.coarse.float()
        tensors = (self.guided, self.aggregated, self.refined, self.similarity)
        return SlotState(coarse, *(t.float() for t in tensors))

    @property
    def fine(self) -> Tensor:
        """Cosine of each pixel with the refined slots, (B,S,h,w)."""
        return self.similarity[:, -self.refined.shape[1] :]


def region_features(squeezed: Tensor) -> Tensor:
    """Global extractor: every channel's map is a soft region; one feature per region (docs/method.md, section 3).

    Args:
        squeezed: embedded stage-4 feature G of the references, (B,C,h,w).

    Returns:
        (B,C regions,C).
    """
    pixels = squeezed.flatten(2)
    return pixels.softmax(-1) @ pixels.transpose(1, 2)


class GuidedSlots(nn.Module):
    """Slot generator, guided slot attention, and what they add to the stage-3 feature, for one stream.

    docs/method.md, sections 3, 5 and the first step of 6.
    """

    def __init__(self, config: GSANetConfig) -> None:
        super().__init__()
        self.config = config
        self.squeeze = nn.Conv2d(config.channels, config.channels, 1)
        if config.slot_init == "guided":
            self.slot_masks = nn.Conv2d(config.channels, config.slots, 1)
        else:
            # One Gaussian per slot, not one for all: slot 0 has to know that it is the foreground.
            self.slot_mean = nn.Parameter(nn.init.xavier_uniform_(torch.empty(config.slots, config.channels)))
            self.slot_log_std = nn.Parameter(nn.init.xavier_uniform_(torch.empty(config.slots, config.channels)))
        self.generator = _aggregator(config)
        self.attention = _aggregator(config)
        self.enrich = nn.Conv2d(config.channels + config.clusters + config.slots, config.channels, 1)

    def embed_reference(self, stage4: Tensor) -> Tensor:
        """A reference's stage-4 feature (B,C,h,w) -> its global features (B,C,C)."""
        return region_features(self.squeeze(stage4))

    def forward(self, x: Tensor, references: Tensor, labels: Tensor | None = None) -> tuple[Tensor, SlotState]:
        """A stage-3 feature -> the same with what the slots say about it, and the slots.

        Args:
            x: stage-3 feature X, (B,C,h,w).
            references: global features of R reference frames, (B,R,C,C).
            labels: clusters of its pixels, (B,h*w), instead of our own k-means; for comparison with other
                implementations.

        Returns:
            The new stage-3 feature, (B,C,h,w), and all that was found on the way.
        """
        config = self.config
        squeezed = self.squeeze(x)  # X_L
        pixels = squeezed.flatten(2).transpose(1, 2)
        if labels is None:
            labels, centres = kmeans(pixels.detach(), config.clusters, config.kmeans_iterations)
        else:
            centres = pixels.new_zeros(len(pixels), config.clusters, config.channels)

        coarse, guided = self._guide(x, pixels) if config.slot_init == "guided" else (None, self._draw(len(x)))
        local = pool_clusters(pixels, labels, centres, config.pooling)
        aggregated = self.generator(local, references)

        slots = guided
        for _ in range(config.iterations):
            if config.knn_filter:
                groups = nearest_features(slots, aggregated, config.neighbours)
            else:
                groups = aggregated.unsqueeze(1).expand(-1, config.slots, -1, -1)
            slots = self.attention(slots, groups)

        similarity = cosine_map(squeezed, torch.cat((aggregated, slots), dim=1))
        enriched = self.enrich(torch.cat((x, similarity), dim=1))
        return enriched, SlotState(coarse, guided, aggregated, slots, similarity)

    def _guide(self, x: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Guided slots: x (B,C,h,w), pixels (B,h*w,C) -> mask logits (B,S,h,w) and slots (B,S,C)."""
        coarse: Tensor = self.slot_masks(x)
        masks = coarse.softmax(1).flatten(2)
        guided = masks @ pixels
        if self.config.pooling == "mean":
            guided = guided / masks.sum(-1, keepdim=True).clamp(min=torch.finfo(masks.dtype).tiny)
        return coarse, guided

    def _draw(self, batch: int) -> Tensor:
        """Random slots (B,S,C): a draw in training, the mean in eval mode so that results repeat."""
        slots = self.slot_mean.expand(batch, -1, -1)
        if self.training:
            slots = slots + self.slot_log_std.exp() * torch.randn_like(slots)
        return slots


def _aggregator(config: GSANetConfig) -> FeatureAggregationTransformer | StandardSlotAttention:
    if config.aggregation == "standard":
        return StandardSlotAttention(config.channels)
    return FeatureAggregationTransformer(config.channels, config.heads, config.head_dim, config.dropout)
