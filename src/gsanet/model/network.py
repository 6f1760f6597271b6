"""The whole network: two streams with guided slots and one decoder, and the single-stream pretraining model.

docs/method.md, sections 2 to 6. Read after ``fusion``, ``clustering``, ``aggregation`` and ``slots``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gsanet.model.backbone import build_backbone
from gsanet.model.config import GSANetConfig
from gsanet.model.edges import EdgeHead
from gsanet.model.fusion import MultiScaleFusion, StreamFusion, TopDownDecoder
from gsanet.model.slots import GuidedSlots, SlotState

STREAMS = ("rgb", "flow")

_CERTAIN = 1e-6
"""How near to 0 or 1 a probability may come before it becomes a logit."""


@dataclass
class ReferenceFeatures:
    """All the network keeps of a video's reference frames: R x C x C numbers per stream."""

    rgb: Tensor
    """(B,R,C,C)"""
    flow: Tensor
    """(B,R,C,C)"""

    def expand(self, batch: int) -> ReferenceFeatures:
        """The same references for *batch* targets, without a copy; B must be 1."""
        return ReferenceFeatures(*(t.expand(batch, -1, -1, -1) for t in (self.rgb, self.flow)))

    @staticmethod
    def join(parts: Sequence[ReferenceFeatures]) -> ReferenceFeatures:
        """All references of the same videos, in order."""
        return ReferenceFeatures(*(torch.cat([getattr(p, name) for p in parts], dim=1) for name in ("rgb", "flow")))


@dataclass
class GSANetOutput:
    """Everything a forward pass yields; sizes are those of the network's input unless said otherwise."""

    masks: list[Tensor]
    """Logits m1..m4 at stride 4, each (B,1,H/4,W/4); m1 is the prediction."""
    slots: dict[str, SlotState]
    """Per stream (``rgb``, ``flow``), at stride 16; empty without slot attention."""
    size: tuple[int, int]
    """(H,W)."""
    edges: Tensor | None = None
    """Added to the logits at input size, (B,1,H,W), by a network with a head that draws edges."""

    @property
    def logits(self) -> Tensor:
        """The prediction at input size, (B,1,H,W)."""
        grown = resize_logits(self.masks[0].float(), self.size)
        return grown if self.edges is None else grown + self.edges.float()

    def float(self) -> GSANetOutput:
        """In float32, as losses and thresholds want it after a forward pass under autocast."""
        slots = {name: state.float() for name, state in self.slots.items()}
        edges = None if self.edges is None else self.edges.float()
        return GSANetOutput([m.float() for m in self.masks], slots, self.size, edges)

    def slot_maps(self, logits: bool = False) -> dict[str, Tensor]:
        """The two coarse and four fine slot maps as probabilities at stride 16, each (B,1,h,w), by name.

        Fewer in an ablation: no coarse ones with random slots, none at all without slot attention.
        ``coarse_fg_*`` is the foreground slot's soft mask; ``fine_fg_*`` (cos + 1)/2 of slot 0;
        ``fine_not_bg_*`` 1 - (cos + 1)/2 of slot 1 (docs/method.md, section 6).

        Args:
            logits: of the probabilities instead, as losses want them; those of the fine maps are bounded, which keeps
                cos = +-1 finite.
        """
        maps = {}
        for name, state in self.slots.items():
            if state.coarse is not None:
                # Softmax over the slots as a logit: log p0 - log(1 - p0).
                coarse = state.coarse[:, :1] - state.coarse[:, 1:].logsumexp(1, keepdim=True)
                maps[f"coarse_fg_{name}"] = coarse if logits else coarse.sigmoid()
            for part, p in (("fg", (state.fine[:, 0:1] + 1) / 2), ("not_bg", (1 - state.fine[:, 1:2]) / 2)):
                maps[f"fine_{part}_{name}"] = torch.logit(p, eps=_CERTAIN) if logits else p
        return maps


def resize_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """The one rule by which maps grow to the input's size: bilinear, corners aligned (docs/method.md, section 6)."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=True)


def full_precision(like: Tensor) -> torch.autocast:
    """A context in which autocast is off on the device of *like*.

    Slots, clusters and neighbours are chosen by comparing: bfloat16's three digits would choose others,
    and all of it is a hundredth of the work.
    """
    # The meta device, on which costs are counted, knows no autocast.
    return torch.autocast("cpu" if like.is_meta else like.device.type, enabled=False)


class Stream(nn.Module):
    """Encoder and the four multi-scale fusions; the same structure for RGB, flow and pretraining."""

    def __init__(self, config: GSANetConfig) -> None:
        super().__init__()
        self.backbone = build_backbone(config.backbone, config.backbone_norm_eps)
        self.fusion = nn.ModuleList(
            MultiScaleFusion(inputs, width, config.dilations)
            for inputs, width in zip(self.backbone.channels, config.widths, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B,3,H,W) -> stages 1..4, each (B,C,.,.) at strides 4/8/16/32; C as in the configuration's ``widths``."""
        return [fusion(feature) for fusion, feature in zip(self.fusion, self.backbone(x), strict=True)]

    def stage4(self, x: Tensor) -> Tensor:
        """Only the stage-4 feature, (B,3,H,W) -> (B,C,H/32,W/32): all that a reference needs."""
        feature: Tensor = self.fusion[3](self.backbone(x)[3])
        return feature


class GSANet(nn.Module):
    """Guided slot attention network for unsupervised video object segmentation.

    Inputs are normalised pictures (:meth:`normalise`), H and W at least 64; any size works, multiples
    of 32 waste nothing.
    """

    def __init__(self, config: GSANetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GSANetConfig()
        self.rgb = Stream(config)
        self.flow = Stream(config)
        if config.slot_attention:
            self.rgb_slots = GuidedSlots(config)
            self.flow_slots = GuidedSlots(config)
        self.stream_fusion = nn.ModuleList(StreamFusion(width) for width in config.widths)
        self.decoder = TopDownDecoder(config.channels, config.detail_channels)
        self.edges = _edge_head(config)

    def normalise(self, picture: Tensor) -> Tensor:
        """uint8 (...,3,H,W) in 0..255 -> float32 as the backbone was trained to see it."""
        return normalise(picture, self.config)

    def encode_references(self, rgb: Tensor, flow: Tensor) -> ReferenceFeatures:
        """Reference frames, once per video: (B,R,3,H,W) each -> :class:`ReferenceFeatures`.

        The encoder and the fusion run without gradient (docs/method.md, section 2.3); the embedding has one.
        Without slot attention nothing looks at references: they are not encoded, and empty.
        """
        if not self.config.slot_attention:
            return self.embed_references(rgb.flatten(0, 1), flow.flatten(0, 1), rgb.shape[0])
        with torch.no_grad():
            stage4 = [self.rgb.stage4(rgb.flatten(0, 1)), self.flow.stage4(flow.flatten(0, 1))]
        return self.embed_references(stage4[0], stage4[1], rgb.shape[0])

    def embed_references(self, rgb: Tensor, flow: Tensor, batch: int) -> ReferenceFeatures:
        """Stage-4 features (batch*R,C,h,w) of both streams -> :class:`ReferenceFeatures`."""
        if not self.config.slot_attention:
            empty = rgb.new_zeros(batch, len(rgb) // batch, 0, self.config.channels)
            return ReferenceFeatures(empty, empty)
        with full_precision(rgb):
            features = (self.rgb_slots.embed_reference(rgb.float()), self.flow_slots.embed_reference(flow.float()))
        return ReferenceFeatures(*(f.view(batch, -1, *f.shape[1:]) for f in features))

    def encode(self, rgb: Tensor, flow: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Both streams' stages 1..4 of the target frames, (B,3,H,W) each."""
        if rgb.shape != flow.shape or rgb.dim() != 4 or rgb.shape[1] != 3:
            raise ValueError(f"rgb and flow must both be (B,3,H,W); got {tuple(rgb.shape)} and {tuple(flow.shape)}")
        if min(rgb.shape[-2:]) < 64:
            raise ValueError(f"the network needs at least 64x64 pixels, got {rgb.shape[-2]}x{rgb.shape[-1]}")
        return self.rgb(rgb), self.flow(flow)

    def decode(
        self,
        stages: tuple[list[Tensor], list[Tensor]],
        references: ReferenceFeatures,
        rgb: Tensor,
        labels: tuple[Tensor, Tensor] | None = None,
    ) -> GSANetOutput:
        """Slots, fusion of the streams and the top-down decoder.

        Args:
            stages: of both streams, from :meth:`encode`.
            references: one set per target.
            rgb: the target frames, (B,3,H,W).
            labels: k-means labels (B,h*w) of the stage-3 pixels of both streams, instead of our own
                clustering; for comparison with other implementations.
        """
        stage3 = [stages[0][2], stages[1][2]]
        states: dict[str, SlotState] = {}
        if self.config.slot_attention:
            with full_precision(stage3[0]):
                for i, (name, slots) in enumerate(zip(STREAMS, (self.rgb_slots, self.flow_slots), strict=True)):
                    known = None if labels is None else labels[i]
                    stage3[i], states[name] = slots(stage3[i].float(), getattr(references, name), known)
        fused = []
        for k, fusion in enumerate(self.stream_fusion):
            pair = stage3 if k == 2 else [stages[0][k], stages[1][k]]
            fused.append(fusion(pair[0], pair[1]))
        return _output(self.decoder, self.edges, fused, states, rgb)

    def forward(self, rgb: Tensor, flow: Tensor, references: ReferenceFeatures) -> GSANetOutput:
        """Target frames (B,3,H,W) of both kinds and their references (B,R,C,C) -> :class:`GSANetOutput`."""
        return self.decode(self.encode(rgb, flow), references, rgb)

    def forward_groups(self, rgb: Tensor, flow: Tensor, group: int) -> GSANetOutput:
        """Training on groups of *group* frames of one video: each frame's references are the others of its group.

        Their stage-4 features are at hand already, so references cost nothing. (B,3,H,W) each, B a multiple of
        *group* and frames of a group adjacent; R = group - 1, or the frame itself where a group is one.
        """
        stages = self.encode(rgb, flow)
        own = self.embed_references(stages[0][3].detach(), stages[1][3].detach(), len(rgb) // group)
        rgb_refs, flow_refs = (others_of_group(f) for f in (own.rgb, own.flow))
        return self.decode(stages, ReferenceFeatures(rgb_refs, flow_refs), rgb)


def others_of_group(features: Tensor) -> Tensor:
    """(G,K,...) features of K frames in each of G groups -> (G*K,K-1,...): for each frame, the others'."""
    k = features.shape[1]
    if k == 1:
        return features
    index = torch.arange(k, device=features.device)
    others = (index.view(-1, 1) + index[1:].view(1, -1)) % k
    return features[:, others].flatten(0, 1)


class SaliencyNet(nn.Module):
    """Stage 1 of training: the RGB stream alone, without slots and flow (docs/method.md, section 8.1)."""

    def __init__(self, config: GSANetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GSANetConfig()
        self.rgb = Stream(config)
        self.decoder = TopDownDecoder(config.channels, config.detail_channels)
        self.edges = _edge_head(config)

    def normalise(self, picture: Tensor) -> Tensor:
        """uint8 (...,3,H,W) in 0..255 -> float32 as the backbone was trained to see it."""
        return normalise(picture, self.config)

    def forward(self, rgb: Tensor) -> GSANetOutput:
        """(B,3,H,W) -> four mask logits; no slots."""
        return _output(self.decoder, self.edges, self.rgb(rgb), {}, rgb)


def _edge_head(config: GSANetConfig) -> EdgeHead | None:
    return EdgeHead(config.widths[0], config.edge_channels) if config.edge_channels else None


def _output(
    decoder: TopDownDecoder, head: EdgeHead | None, stages: Sequence[Tensor], slots: dict[str, SlotState], rgb: Tensor
) -> GSANetOutput:
    masks, last = decoder(stages)
    edges = None if head is None else head(rgb, last, masks[0])
    return GSANetOutput(masks, slots, (rgb.shape[-2], rgb.shape[-1]), edges)


def normalise(picture: Tensor, config: GSANetConfig) -> Tensor:
    """uint8 (...,3,H,W) in 0..255 -> float32, by the configuration's mean and standard deviation."""
    if len({*config.mean}) == len({*config.std}) == 1:
        # The same for all channels is one number: three, laid over pixel by pixel, would take twenty times as long.
        return picture.to(torch.float32, copy=True).sub_(255 * config.mean[0]).div_(255 * config.std[0])
    mean = torch.tensor(config.mean, device=picture.device).view(3, 1, 1) * 255
    std = torch.tensor(config.std, device=picture.device).view(3, 1, 1) * 255
    return (picture.float() - mean) / std
