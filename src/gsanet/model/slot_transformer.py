"""The standard slot-attention update, which FAT replaces; for the paper's ablation (docs/method.md, section 10)."""

from __future__ import annotations

from torch import Tensor, nn


class StandardSlotAttention(nn.Module):
    """One iteration of slot attention as Locatello et al. (2020) define it, with FAT's interface.

    The tokens compete for the features: the attention is a softmax over the tokens, then made an average over
    the features. A GRU takes the result in, a residual MLP C -> 2C -> C follows. Groups are not kept apart: every
    token sees all m*q features, and one that two groups hold counts twice.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_tokens = nn.LayerNorm(channels)
        self.norm_features = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.gru = nn.GRUCell(channels, channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 2 * channels),
            nn.ReLU(inplace=True),
            nn.Linear(2 * channels, channels),
        )

    def forward(self, x: Tensor, groups: Tensor) -> Tensor:
        """Tokens (B,n,C) and m groups of q features (B,m,q,C) -> (B,n,C)."""
        features = self.norm_features(groups.flatten(1, 2))
        scores = self.query(self.norm_tokens(x)) @ self.key(features).transpose(1, 2)
        attention = (scores * x.shape[-1] ** -0.5).softmax(1)
        # Tokens that win nowhere must not divide by zero.
        attention = attention / (attention.sum(-1, keepdim=True) + 1e-8)
        update = attention @ self.value(features)
        new: Tensor = self.gru(update.flatten(0, 1), x.flatten(0, 1).to(update.dtype)).view(x.shape)
        mixed: Tensor = new + self.mlp(new)
        return mixed
