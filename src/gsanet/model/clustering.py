"""Batched, deterministic k-means on pixel vectors (docs/method.md, section 3, local extractor)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def evenly_spaced(points: int, count: int, device: torch.device | str = "cpu") -> Tensor:
    """Indices of *count* of *points* pixels, centred in equal intervals of the row-by-row order: (count,)."""
    return ((torch.arange(count, device=device) * 2 + 1) * points) // (2 * count)


def one_hot(labels: Tensor, clusters: int, dtype: torch.dtype) -> Tensor:
    """(B,P) cluster numbers -> (B,P,D) of 0 and 1. Each place is written once at most: deterministic anywhere."""
    empty = torch.zeros(*labels.shape, clusters, dtype=dtype, device=labels.device)
    return empty.scatter(-1, labels.unsqueeze(-1), 1.0)


@torch.no_grad()
def kmeans(x: Tensor, clusters: int, iterations: int = 10) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm over a whole batch at once, with no loop over images and no random start.

    The start is one pixel in each of *clusters* equal intervals of the image, so the same image always
    gives the same clusters. A cluster that loses its last pixel keeps its centre.

    Args:
        x: (B,P,C) vectors; pass the streams stacked along B.
        clusters: D; may exceed P (the surplus clusters stay empty).
        iterations: Lloyd iterations, a fixed number: a test for convergence would stall a GPU.

    Returns:
        labels (B,P) int64 and centres (B,D,C).
    """
    centres = x[:, evenly_spaced(x.shape[1], clusters, x.device)]
    labels = _nearest(x, centres)
    for _ in range(iterations):
        member = one_hot(labels, clusters, x.dtype)
        count = member.sum(1).unsqueeze(-1)
        centres = torch.where(count > 0, (member.transpose(1, 2) @ x) / count.clamp(min=1), centres)
        labels = _nearest(x, centres)
    return labels, centres


def _nearest(x: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre, (B,P). |x|^2 is the same for all centres and left out."""
    distance = centres.square().sum(-1).unsqueeze(1) - 2 * (x @ centres.transpose(1, 2))
    return distance.argmin(-1)


def pool_clusters(x: Tensor, labels: Tensor, centres: Tensor, pooling: Literal["mean", "sum"] = "mean") -> Tensor:
    """Local features: the average (or sum, docs/method.md, section 9, row 1) of the vectors of each cluster.

    The gradient flows through the pooled vectors, not through the assignment. An empty cluster
    answers with its centre (``mean``) or with zero (``sum``, as published).

    Args:
        x: (B,P,C); labels: (B,P); centres: (B,D,C).

    Returns:
        (B,D,C).
    """
    member = one_hot(labels, centres.shape[1], x.dtype)
    total = member.transpose(1, 2) @ x
    if pooling == "sum":
        return total
    count = member.sum(1).unsqueeze(-1)
    return torch.where(count > 0, total / count.clamp(min=1), centres)
