"""Every size of the network in one dataclass, and the ready-made variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class GSANetConfig:
    """Sizes and choices of a :class:`~gsanet.model.GSANet`; saved inside every checkpoint.

    The defaults are the published model (METHOD.md, symbols). Fields that exist only to load or
    compare with the published code say so.
    """

    backbone: str = "mit_b2"
    """``mit_b0`` .. ``mit_b5`` or the name of any timm model with features at strides 4/8/16/32."""
    channels: int = 128
    """C: width of every feature map after the multi-scale fusion."""
    detail_channels: int = 0
    """Width at stride 4, where most of a light network's time goes; 0 is C. Otherwise the decoder's deeper steps work
    at stride 8 (see :class:`~gsanet.model.fusion.TopDownDecoder`)."""
    slots: int = 2
    """S: slot 0 is the foreground, slot 1 the background."""
    clusters: int = 64
    """D: k-means clusters of the local extractor."""
    neighbours: int = 16
    """N: features kept per slot by the KNN filter."""
    iterations: int = 3
    """T: slot-attention iterations."""
    references: int = 4
    """R: reference frames per video at test time (paper 3, published code 4)."""
    kmeans_iterations: int = 10
    """Lloyd iterations of the local extractor."""
    dilations: tuple[int, int, int] = (6, 12, 18)
    """Dilations of the three context branches of the multi-scale fusion."""
    heads: int = 2
    """Heads of the transformer blocks inside the feature aggregation transformer."""
    head_dim: int = 32
    """Width of one of those heads."""
    dropout: float = 0.3
    """Dropout inside those transformer blocks, training only."""
    pooling: Literal["mean", "sum"] = "mean"
    """How pixels become slots and cluster features. ``sum`` only loads published checkpoints, whose
    code forgets to divide by the mask's weight (METHOD.md section 9, row 1)."""
    size: int = 512
    """Input size at test time: the long side, or both sides when :attr:`square`."""
    square: bool = True
    """Squash frames to a square, as the paper does, instead of keeping their shape."""
    slot_init: Literal["guided", "random"] = "guided"
    """Ablation. ``random``: each slot starts from a learned Gaussian (in eval mode its mean), as in standard slot
    attention, instead of the pixels under its soft mask; there are no coarse slot masks then."""
    knn_filter: bool = True
    """Ablation. False: every slot attends to all D features instead of its N nearest."""
    aggregation: Literal["fat", "standard"] = "fat"
    """Ablation. ``standard``: both feature aggregation transformers are replaced by the standard slot-attention
    update (softmax over the slots, GRU, MLP)."""
    slot_attention: bool = True
    """Ablation. False: the baseline of METHOD.md section 10: no slots, clusters or references; the streams' stage-3
    features go to the decoder as they are."""
    backbone_norm_eps: float | None = None
    """Epsilon of the backbone's LayerNorms; None leaves its own. Published checkpoints were trained with the 1e-5
    of ``transformers``, where SegFormer's own code has 1e-6."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Mean of the RGB and flow pictures in [0, 1] that the backbone was trained with."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Standard deviation, likewise."""

    def __post_init__(self) -> None:
        for name in ("channels", "clusters", "neighbours", "iterations", "references", "size", "heads", "head_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"model config: {name} must be at least 1, got {getattr(self, name)}")
        if self.detail_channels < 0:
            raise ValueError(f"model config: detail_channels must not be negative, got {self.detail_channels}")
        if self.slots < 2:
            raise ValueError(f"model config: slots must be at least 2 (foreground, background), got {self.slots}")
        if self.knn_filter and self.neighbours > self.clusters:
            raise ValueError(f"model config: neighbours ({self.neighbours}) cannot exceed clusters ({self.clusters})")
        if self.pooling not in ("mean", "sum"):
            raise ValueError(f"model config: pooling must be 'mean' or 'sum', got {self.pooling!r}")
        if self.slot_init not in ("guided", "random"):
            raise ValueError(f"model config: slot_init must be 'guided' or 'random', got {self.slot_init!r}")
        if self.aggregation not in ("fat", "standard"):
            raise ValueError(f"model config: aggregation must be 'fat' or 'standard', got {self.aggregation!r}")

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of stages 1 to 4 after the multi-scale fusion."""
        return (self.detail_channels or self.channels, self.channels, self.channels, self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GSANetConfig:
        """Inverse of :meth:`to_dict`. Unknown names raise ``ValueError``: they would change the model unseen."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"model config: unknown field(s) {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


_LIGHT = GSANetConfig(
    backbone="tf_efficientnet_lite2",
    channels=48,
    detail_channels=32,
    references=3,
    size=448,
    square=False,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)

VARIANTS: dict[str, GSANetConfig] = {
    "lite": _LIGHT,
    "mit_b0": GSANetConfig(backbone="mit_b0"),
    "mit_b2": GSANetConfig(),
    "resnet101": GSANetConfig(backbone="resnet101"),
}
"""Ready-made configurations by name."""


def variant(name: str, **changes: Any) -> GSANetConfig:
    """The ready-made configuration *name*, with single fields changed.

    Args:
        name: of :data:`VARIANTS`, also as ``gsanet-mit-b2``.

    Raises:
        ValueError: there is none of that name, or no such field value.
    """
    key = name.removeprefix("gsanet-").replace("-", "_")
    if key not in VARIANTS:
        raise ValueError(f"unknown model variant {name!r}; there are {', '.join(VARIANTS)}")
    return replace(VARIANTS[key], **changes)
