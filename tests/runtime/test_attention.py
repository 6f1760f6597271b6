"""MiT's attention by the fused kernel: the same numbers, and only where it is quicker."""

from __future__ import annotations

import pytest
import torch

from gsanet.model.backbone import build_backbone
from gsanet.runtime.attention import FusedAttention, fuse_attention, fusing_pays

pytest.importorskip("segmentation_models_pytorch")


@pytest.mark.parametrize(("precision", "close"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
def test_a_fused_encoder_sees_the_same(precision: torch.dtype, close: float) -> None:
    torch.manual_seed(0)
    encoder = build_backbone("mit_b0").eval()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Linear):  # fresh weights are so small that all attention is a plain average
            torch.nn.init.normal_(module.weight, std=module.in_features**-0.5)
    picture = torch.randn(2, 3, 96, 160)
    with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
        expected = encoder(picture)
        fuse_attention(encoder)
        fused = encoder(picture)
    assert len([m for m in encoder.modules() if isinstance(m, FusedAttention)]) == 8
    for one, other in zip(fused, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).float().norm() < close * other.float().norm()


def test_it_is_used_where_it_is_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for has_amx in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has_amx=has_amx: has_amx, raising=False)
        assert fusing_pays(cpu, "bfloat16") is has_amx
        assert fusing_pays(cpu, "float32") and fusing_pays(torch.device("cuda"), "bfloat16")
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert not fusing_pays(cpu, "bfloat16")


def test_a_model_without_mit_is_left_alone() -> None:
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU())
    fuse_attention(plain)
    assert [type(m) for m in plain] == [torch.nn.Conv2d, torch.nn.ReLU]
