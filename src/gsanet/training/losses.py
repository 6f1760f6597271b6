"""The training loss (docs/method.md, section 8): soft IoU plus a binary cross-entropy weighted by the error itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gsanet.model.network import GSANetOutput, resize_logits


def mask_loss(logits: Tensor, target: Tensor, importance: Tensor | None = None) -> Tensor:
    """IoU loss + weighted BCE of one map.

    Both halves work on p = sigmoid(logits): IoU = 1 - sum min(p,g) / sum max(p,g) per image, and
    BCE weighted per pixel by w = sigmoid(|p - g|), through which no gradient flows.

    Args:
        logits: (B,1,H,W), before the sigmoid; saturated ones are fine.
        target: (B,1,H,W) in [0, 1].
        importance: (B,1,H,W), what each pixel counts in both halves; None: all alike.

    Returns:
        scalar, averaged over the batch; 0 for a perfect prediction, an empty mask included.
    """
    p = logits.sigmoid()
    each = torch.ones_like(p) if importance is None else importance
    intersection = (torch.minimum(p, target) * each).sum((1, 2, 3))
    union = (torch.maximum(p, target) * each).sum((1, 2, 3))
    # One pixel's worth of smoothing: an empty mask rightly predicted empty costs nothing.
    iou = 1 - (intersection + 1) / (union + 1)
    weight = (p.detach() - target).abs().sigmoid()
    bce = F.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="none")
    return iou.mean() + (bce * each).sum() / each.sum()


def outline_importance(target: Tensor, outline: float) -> Tensor:
    """What each pixel counts where outlines matter more: 1 + *outline* x |mean of the mask around it - mask|.

    F3Net's weight (Wei et al., AAAI 2020, who take 5 and a window of a twelfth of the picture's side): largest at
    outlines and in thin parts, 1 far from them.

    Args:
        target: (B,1,H,W) in [0, 1].
    """
    reach = min(target.shape[-2:]) // 24
    around = F.avg_pool2d(target, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return 1 + outline * (around - target).abs()


def supervised_maps(output: GSANetOutput) -> dict[str, Tensor]:
    """Logits of every supervised map by name: four masks and, for a video model, two coarse and four fine maps."""
    return {f"mask_stride{4 * 2**k}": m for k, m in enumerate(output.masks)} | output.slot_maps(logits=True)


EDGES = 5.0
"""Outline importance for the prediction that a head drew edges in: F3Net's."""


def total_loss(
    output: GSANetOutput, target: Tensor, outline: float = 0.0, stride: int = 1
) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum over all supervised maps with equal weight, at the size of *target*.

    Where a head has drawn edges its prediction counts as one more map, in full and with outlines counting more, and the
    others are compared at 1/*stride* of that.

    Args:
        output: of the network.
        target: (B,1,h,w) in [0, 1]. Smaller than the input means cheaper supervision: the maps are
            resized to it, so the target must be an area average of the mask. As large as the input for a network with
            a head for edges.
        outline: of :func:`outline_importance`, for the four masks; the slots' maps are too coarse for it.
        stride: divides the sides of *target*; 1 where there is no such head.

    Returns:
        the sum, and each map's own loss (detached) by name.
    """
    losses: dict[str, Tensor] = {}
    if output.edges is not None:
        losses["edges"] = mask_loss(output.logits, target, outline_importance(target, EDGES))
        target = F.avg_pool2d(target, stride)
    importance = outline_importance(target, outline) if outline else None
    losses |= {
        name: mask_loss(
            resize_logits(logits, target.shape[-2:]), target, importance if name.startswith("mask") else None
        )
        for name, logits in supervised_maps(output).items()
    }
    return torch.stack(list(losses.values())).sum(), {name: loss.detach() for name, loss in losses.items()}
