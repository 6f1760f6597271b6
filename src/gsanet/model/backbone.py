"""Four-stage encoders: a feature pyramid at strides 4, 8, 16 and 32 (docs/method.md, section 2.1)."""

from __future__ import annotations

from torch import Tensor, nn

from gsanet.base.errors import GsanetError

STRIDES = (4, 8, 16, 32)


class Backbone(nn.Module):
    """A pretrained encoder behind one interface: (B,3,H,W) -> four features at strides 4/8/16/32.

    Attributes:
        channels: of the four features.
    """

    channels: tuple[int, ...]

    def __init__(self, encoder: nn.Module, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self.channels = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """Sizes are rounded up where the stride does not divide the input."""
        return list(self.encoder(x))[-4:]


def build_backbone(name: str, norm_eps: float | None = None) -> Backbone:
    """An encoder with random weights; :func:`gsanet.weights.imagenet.load_imagenet` fills them in.

    Args:
        name: ``mit_b0`` .. ``mit_b5`` (SegFormer's encoder) or any timm model with the four strides.
        norm_eps: epsilon of every LayerNorm in it; None leaves them as they are.

    Raises:
        ValueError: no such model, or it lacks one of the strides.
    """
    backbone = _mit(name) if name.startswith("mit_b") else _timm(name)
    for module in backbone.modules():
        if norm_eps is not None and isinstance(module, nn.LayerNorm):
            module.eps = norm_eps
    return backbone


def _mit(name: str) -> Backbone:
    # Imported here alone: it takes seconds, and only MiT needs it.
    try:
        from segmentation_models_pytorch.encoders import get_encoder
    except ImportError:
        raise GsanetError(f"{name} needs segmentation-models-pytorch: run `pip install 'gsanet[mit]'`") from None

    try:
        encoder = get_encoder(name, weights=None)
    except KeyError:
        raise ValueError(f"unknown backbone {name!r}; MiT comes as mit_b0 .. mit_b5") from None
    return Backbone(encoder, tuple(encoder.out_channels[-4:]))


def _timm(name: str) -> Backbone:
    import timm

    try:
        probe = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError) as error:
        raise ValueError(f"unknown backbone {name!r}: not mit_b0 .. mit_b5 and timm says: {error}") from None
    strides = list(probe.feature_info.reduction())
    missing = [s for s in STRIDES if s not in strides]
    if missing:
        raise ValueError(f"backbone {name!r} has features at strides {strides}; {missing} of 4/8/16/32 are missing")
    indices = tuple(strides.index(s) for s in STRIDES)
    encoder = timm.create_model(name, pretrained=False, features_only=True, out_indices=indices)
    return Backbone(encoder, tuple(encoder.feature_info.channels()))
