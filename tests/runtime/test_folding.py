"""Norms folded into convolutions: the same network, whatever the backbone, the size and the precision."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from gsanet.model import GSANet, variant
from gsanet.runtime.folding import FoldedConv2d, folded
from gsanet.runtime.torch_network import TorchNetwork
from gsanet.segment import Segmenter
from tiny import moving_square


def _trained(model: nn.Module, *inputs: torch.Tensor) -> nn.Module:
    """*model* with norms that have seen something: fresh ones are nearly the identity, and hide mistakes."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(*inputs)
    return model.eval()


# Norms with their activation inside and TensorFlow's padding; norms, sums in place and activations apart; SiLU.
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18", "test_efficientnet"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_backbone_stays_what_it_was(name: str, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 96, 128)
    model = _trained(timm.create_model(name, features_only=True, pretrained=False), x).to(memory_format=layout)
    quick = folded(model, lambda m: m(x))
    assert not [m for m in quick.modules() if isinstance(m, nn.BatchNorm2d) and type(m) is nn.BatchNorm2d]
    assert any(isinstance(m, FoldedConv2d) for m in quick.modules())
    # Another size than it was folded at, with odd sides.
    for size in ((96, 128), (75, 101), (64, 64), (96, 128), (33, 65), (128, 96)):
        other = torch.randn(1, 3, *size)
        with torch.inference_mode():
            for one, two in zip(model(other), quick(other), strict=True):
                torch.testing.assert_close(two, one, atol=2e-4, rtol=2e-4)


def test_a_norm_that_has_no_convolution_of_its_own_stays() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4)
            self.act = nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            y += 1
            return self.act(self.norm(y))

    x = torch.randn(2, 3, 16, 16)
    model = _trained(Forked(), x)
    quick = folded(model, lambda m: m(x))
    assert isinstance(quick.norm, nn.BatchNorm2d)
    torch.testing.assert_close(quick(x), model(x), atol=1e-5, rtol=1e-5)


def test_the_network_keeps_its_masks_and_leaves_the_model_alone(tiny_model: GSANet) -> None:
    before = {name: value.clone() for name, value in tiny_model.state_dict().items()}
    network = TorchNetwork(tiny_model, "cpu", "float32")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.model.modules())
    assert tiny_model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in tiny_model.state_dict().items())
    picture = torch.from_numpy(moving_square(4, 64, 96)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        rgb, flow = tiny_model.normalise(picture), tiny_model.normalise(255 - picture)
        outputs = [
            model(rgb, flow, model.encode_references(rgb[None], flow[None]).expand(4))
            for model in (tiny_model, network.model)
        ]
    torch.testing.assert_close(outputs[1].logits, outputs[0].logits, atol=1e-4, rtol=1e-4)


def test_slots_and_what_sees_the_picture_stay_in_full_precision(tiny_model: GSANet) -> None:
    network = TorchNetwork(tiny_model, "cpu", "bfloat16")
    convs = {name: m.weight.dtype for name, m in network.model.named_modules() if isinstance(m, FoldedConv2d)}
    slots = {name: dtype for name, dtype in convs.items() if name.startswith(("rgb_slots", "flow_slots"))}
    assert slots and set(slots.values()) == {torch.float32}
    backbone = {name: dtype for name, dtype in convs.items() if ".backbone." in name}
    exact = {name.split("encoder.")[1] for name, dtype in backbone.items() if dtype == torch.float32}
    assert exact == {"conv_stem", "blocks.0.0.conv"}
    assert {dtype for dtype in backbone.values() if dtype != torch.float32} == {torch.bfloat16}


def test_a_norm_right_before_the_next_layer_does_not_repeat_that_layer() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 16, 16)
    layers = (
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Linear(14, 14),
    )
    model = _trained(nn.Sequential(*layers), x)
    quick = folded(model, lambda m: m(x))
    assert [type(m) for m in quick.modules()].count(FoldedConv2d) == 2
    torch.testing.assert_close(quick(x), model(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_linear_layer_is_cast_once_and_gives_the_same_bits(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(24, 40, bias=False), nn.GELU(), nn.Linear(40, 16)).eval()
    x = torch.randn(2, 24, 500).transpose(1, 2)  # as pixels come: not contiguous

    def run(m: nn.Module) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            return m(x)

    quick = folded(model, run)
    assert {p.dtype for p in quick.parameters()} == {dtype}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    with torch.inference_mode():
        assert torch.equal(run(quick), run(model))


@pytest.mark.slow
def test_a_transformer_keeps_its_masks_and_its_precisions() -> None:
    pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    model = GSANet(variant("mit_b0", channels=8, clusters=6, neighbours=3, head_dim=4)).eval()
    picture = torch.randn(3, 3, 96, 128)

    def run(m: GSANet) -> torch.Tensor:
        known = m.encode_references(picture[None, 1:], picture[None, 1:])
        return m(picture[:1], picture[:1].flip(-1), known).logits

    exact, quick = (TorchNetwork(model, "cpu", precision).model for precision in ("float32", "bfloat16"))
    with torch.inference_mode():
        torch.testing.assert_close(run(exact), run(model), atol=1e-4, rtol=1e-3)
    linears = {name: m.weight.dtype for name, m in quick.named_modules() if isinstance(m, nn.Linear)}
    assert {dtype for name, dtype in linears.items() if "backbone" in name} == {torch.bfloat16}
    assert {dtype for name, dtype in linears.items() if "_slots" in name} == {torch.float32}
    convs = {name: m.weight.dtype for name, m in quick.named_modules() if isinstance(m, FoldedConv2d)}
    first = {dtype for name, dtype in convs.items() if "patch_embed1" in name}
    assert first == {torch.float32} and {d for n, d in convs.items() if "patch_embed2" in n} == {torch.bfloat16}


def test_without_onednn_the_masks_are_the_same(tiny_model: GSANet, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = moving_square(3, 64, 96)
    expected = Segmenter(tiny_model, precision="float32").segment(frames)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert (Segmenter(tiny_model, precision="float32").segment(frames) == expected).mean() > 0.999
