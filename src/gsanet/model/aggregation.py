"""The feature aggregation transformer, FAT (docs/method.md, section 4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentivePooling(nn.Module):
    """Step 1: each group of q features becomes one, weighted by a learned score."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, 1, bias=False)
        self.project = nn.Linear(channels, channels, bias=False)

    def forward(self, groups: Tensor) -> Tensor:
        """(B,m,q,C) -> (B,m,C)."""
        weight = self.score(groups).softmax(dim=2)
        pooled: Tensor = self.project((weight * groups).sum(2))
        return pooled


class CrossAttention(nn.Module):
    """Steps 2 and 4: single-head attention of one set of tokens over another, scale C^-1/2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """tokens (B,a,C), source (B,b,C) -> (tokens + attended, the source's values), (B,a,C) and (B,b,C)."""
        value = self.value(source)
        attention = (self.query(tokens) @ self.key(source).transpose(1, 2)) * tokens.shape[-1] ** -0.5
        return tokens + self.out(attention.softmax(-1) @ value), value


class SelfAttention(nn.Module):
    """Multi-head self-attention whose inner width, heads x head_dim, does not depend on C."""

    def __init__(self, channels: int, heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(channels, 3 * heads * head_dim, bias=False)
        self.out = nn.Linear(heads * head_dim, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B,n,C) -> (B,n,C)."""
        batch, n, _ = x.shape
        q, k, v = self.qkv(x).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = ((q @ k.transpose(-1, -2)) * self.scale).softmax(-1) @ v
        mixed: Tensor = self.dropout(self.out(attended.transpose(1, 2).reshape(batch, n, -1)))
        return mixed


class TransformerBlock(nn.Module):
    """Steps 3 and 5: pre-norm self-attention and MLP C -> 2C -> C, with residuals."""

    def __init__(self, channels: int, heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = SelfAttention(channels, heads, head_dim, dropout)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * channels, channels),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B,n,C) -> (B,n,C)."""
        x = x + self.attention(self.norm1(x))
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed


class FeatureAggregationTransformer(nn.Module):
    """FAT: local tokens are refined with groups of global features, and the other way round."""

    def __init__(self, channels: int, heads: int = 2, head_dim: int = 32, dropout: float = 0.3) -> None:
        super().__init__()
        self.pool = AttentivePooling(channels)
        self.global_from_local = CrossAttention(channels)
        self.global_block = TransformerBlock(channels, heads, head_dim, dropout)
        self.local_from_global = CrossAttention(channels)
        self.local_block = TransformerBlock(channels, heads, head_dim, dropout)

    def forward(self, x: Tensor, groups: Tensor) -> Tensor:
        """Local tokens (B,n,C) and m groups of q global features (B,m,q,C) -> (B,n,C)."""
        z = self.pool(groups)
        z, value = self.global_from_local(z, x)
        z = self.global_block(z)
        # From here the values of step 2 stand in for the local tokens themselves (docs/method.md, section 4).
        local, _ = self.local_from_global(value, z)
        return F.leaky_relu(self.local_block(local), 0.2)


def cosine_map(pixels: Tensor, vectors: Tensor) -> Tensor:
    """Cosine similarity of every pixel with every vector: (B,C,h,w), (B,n,C) -> (B,n,h,w) in [-1, 1]."""
    batch, _, h, w = pixels.shape
    similarity = F.normalize(vectors, dim=-1) @ F.normalize(pixels.flatten(2), dim=1)
    return similarity.view(batch, -1, h, w)


def nearest_features(slots: Tensor, features: Tensor, count: int) -> Tensor:
    """KNN filtering: for each slot the *count* features nearest by cosine, (B,S,C), (B,D,C) -> (B,S,count,C)."""
    similarity = F.normalize(slots, dim=-1) @ F.normalize(features, dim=-1).transpose(1, 2)
    index = similarity.topk(count, dim=-1).indices
    batch = torch.arange(len(features), device=features.device).view(-1, 1, 1)
    return features[batch, index]
