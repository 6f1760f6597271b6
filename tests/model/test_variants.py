"""The four ready-made variants, with small parts after their real backbones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from variant_case import SMALL, CompiledVariantCase, VariantCase

from gsanet.model import VARIANTS, GSANet, GSANetConfig, SaliencyNet, variant
from gsanet.runtime.cost import input_size, model_cost


class TestLite(CompiledVariantCase):
    config = variant("lite", **SMALL, detail_channels=8)


class TestLiteOfOneWidth(VariantCase):
    """Stage 1 as wide as the others, the whole decoder at stride 4, as in the published variants."""

    config = variant("lite", **SMALL, detail_channels=0)


class TestMitB0(CompiledVariantCase):
    config = variant("mit_b0", **SMALL)


@pytest.mark.slow
class TestMitB2(VariantCase):
    config = variant("mit_b2", **SMALL)


@pytest.mark.slow
class TestResNet101(VariantCase):
    config = variant("resnet101", **SMALL)


def test_the_published_sizes() -> None:
    for name in ("mit_b0", "mit_b2", "resnet101"):
        config = VARIANTS[name]
        assert config.backbone == name
        assert (config.size, config.square, config.references, config.channels) == (512, True, 4, 128)
        assert (config.slots, config.clusters, config.neighbours, config.iterations) == (2, 64, 16, 3)
    assert VARIANTS["mit_b2"] == GSANetConfig()


def test_defaults_are_the_method_without_ablations() -> None:
    for config in VARIANTS.values():
        assert (config.slot_init, config.knn_filter, config.aggregation) == ("guided", True, "fat")
        assert (config.slot_attention, config.pooling, config.backbone_norm_eps) == (True, "mean", None)


def test_the_light_model_is_light() -> None:
    cost = model_cost(variant("lite"))
    assert cost.parameters < 12e6
    assert (cost.height, cost.width) == input_size(variant("lite"))
    assert cost.weight_bytes == 4 * cost.parameters
    # A reference passes the encoders alone, so it costs less than a target.
    assert 0 < cost.reference_flops / 3 < cost.frame_flops


def test_cost_counts_what_is_computed() -> None:
    config = variant("lite", **SMALL)
    cost = model_cost(config)
    assert cost.parameters == sum(p.numel() for p in GSANet(config).parameters())
    wider = model_cost(replace(config, size=192))
    assert input_size(config) == (64, 96)
    assert model_cost(config, (96, 192)) == wider
    assert input_size(replace(config, size=192)) == (96, 192)
    # Convolutions, nearly all of it, grow with the area: 3 times here.
    assert 2.5 < wider.frame_flops / cost.frame_flops < 3.5
    assert model_cost(replace(config, references=6)).reference_flops == 2 * cost.reference_flops
    assert cost.flops_per_frame(10) == cost.frame_flops + cost.reference_flops / 10


def test_the_network_says_what_is_wrong_with_its_input() -> None:
    model = GSANet(variant("lite", **SMALL)).eval()
    with pytest.raises(ValueError, match=r"at least 64x64 pixels, got 63x96"):
        model.encode(torch.zeros(1, 3, 63, 96), torch.zeros(1, 3, 63, 96))
    with pytest.raises(ValueError, match=r"must both be \(B,3,H,W\)"):
        model.encode(torch.zeros(1, 3, 64, 96), torch.zeros(1, 2, 64, 96))


def test_normalise_turns_bytes_into_what_the_backbone_knows() -> None:
    model = SaliencyNet(variant("mit_b0", **SMALL))
    picture = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    picture[1] = 255
    normal = model.normalise(picture)
    assert normal.dtype == torch.float32
    for channel, (mean, std) in enumerate(zip(model.config.mean, model.config.std, strict=True)):
        torch.testing.assert_close(normal[0, channel, 0, 0].item(), -mean / std, atol=1e-5, rtol=0)
        torch.testing.assert_close(normal[1, channel, 0, 0].item(), (1 - mean) / std, atol=1e-5, rtol=0)


def test_pretraining_model_shapes_and_gradients() -> None:
    torch.manual_seed(0)
    model = SaliencyNet(variant("lite", **SMALL))
    output = model(torch.randn(2, 3, 97, 71))
    assert output.logits.shape == (2, 1, 97, 71)
    assert output.slot_maps() == {}
    (sum(m.square().mean() for m in output.masks) + output.logits.square().mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("changes", [{"slot_init": "random"}, {"aggregation": "standard"}, {"slot_attention": False}])
def test_ablated_models_have_a_cost(changes: dict[str, Any]) -> None:
    config = variant("lite", **SMALL, **changes)
    assert model_cost(config).parameters == sum(p.numel() for p in GSANet(config).parameters())
