"""Every size of the network in one dataclass, and the ready-made variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from gsanet.base.validation import Count, Name, Positive, Whole, settings, validated

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@settings
class GSANetConfig:
    """Sizes and choices of a :class:`~gsanet.model.GSANet`; saved inside every checkpoint.

    The defaults are the published model (docs/method.md, symbols). Fields that exist only to load or
    compare with the published code say so.
    """

    backbone: Name = "mit_b2"
    """``mit_b0`` .. ``mit_b5`` or the name of any timm model with features at strides 4/8/16/32."""
    channels: Count = 128
    """C: width of every feature map after the multi-scale fusion."""
    detail_channels: Whole = 0
    """Width at stride 4, where most of a light network's time goes; 0 is C. Otherwise the decoder's deeper steps work
    at stride 8 (see :class:`~gsanet.model.fusion.TopDownDecoder`)."""
    edge_channels: Whole = 0
    """Width of a head that corrects the prediction at the input's own size (:class:`~gsanet.model.edges.EdgeHead`);
    0: none, as in the paper."""
    slots: Annotated[int, Field(ge=2)] = 2
    """S: slot 0 is the foreground, slot 1 the background."""
    clusters: Count = 64
    """D: k-means clusters of the local extractor."""
    neighbours: Count = 16
    """N: features kept per slot by the KNN filter."""
    iterations: Count = 3
    """T: slot-attention iterations."""
    references: Count = 4
    """R: reference frames per video at test time (paper 3, published code 4)."""
    kmeans_iterations: Whole = 10
    """Lloyd iterations of the local extractor."""
    dilations: tuple[Count, Count, Count] = (6, 12, 18)
    """Dilations of the three context branches of the multi-scale fusion."""
    heads: Count = 2
    """Heads of the transformer blocks inside the feature aggregation transformer."""
    head_dim: Count = 32
    """Width of one of those heads."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Dropout inside those transformer blocks, training only."""
    pooling: Literal["mean", "sum"] = "mean"
    """How pixels become slots and cluster features. ``sum`` only loads published checkpoints, whose
    code forgets to divide by the mask's weight (docs/method.md, section 9, row 1)."""
    size: Count = 512
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
    """Ablation. False: the baseline of docs/method.md, section 10: no slots, clusters or references; the streams'
    stage-3 features go to the decoder as they are."""
    backbone_norm_eps: Positive | None = None
    """Epsilon of the backbone's LayerNorms; None leaves its own. Published checkpoints were trained with the 1e-5
    of ``transformers``, where SegFormer's own code has 1e-6."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Mean of the RGB and flow pictures in [0, 1] that the backbone was trained with."""
    std: tuple[Positive, Positive, Positive] = IMAGENET_STD
    """Standard deviation, likewise."""

    def __post_init__(self) -> None:
        if self.knn_filter and self.neighbours > self.clusters:
            raise ValueError(f"neighbours must not exceed clusters ({self.clusters}), got {self.neighbours}")

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of stages 1 to 4 after the multi-scale fusion."""
        return (self.detail_channels or self.channels, self.channels, self.channels, self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GSANetConfig:
        """Inverse of :meth:`to_dict`; what a file of an older version lacks has its default.

        Raises:
            InvalidSettings: a ``ValueError``; unknown names too, for they would change the model unseen.
        """
        return validated(cls, values)


_LIGHT = GSANetConfig(
    backbone="tf_efficientnet_lite2",
    channels=48,
    detail_channels=32,
    edge_channels=24,
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
        ValueError: there is none of that name.
        InvalidSettings: no such field, or no such value of it.
    """
    key = name.removeprefix("gsanet-").replace("-", "_")
    if key not in VARIANTS:
        raise ValueError(f"unknown model variant {name!r}; there are {', '.join(VARIANTS)}")
    return replace(VARIANTS[key], **changes)
