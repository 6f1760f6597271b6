"""What every variant of the model must do: a base class that each test class inherits with its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from gsanet.model import GSANet, GSANetConfig, GSANetOutput, ReferenceFeatures
from gsanet.training.losses import total_loss
from gsanet.weights.checkpoint import load_model, save_model

SMALL = {"channels": 16, "clusters": 6, "neighbours": 3, "iterations": 2, "head_dim": 8, "size": 96}
"""Sizes that make the parts after the backbone cheap."""


def frames(*shape: int, seed: int = 0) -> Tensor:
    """Normalised noise, (*shape,3,H,W) for shape = (..., H, W)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape[:-2], 3, *shape[-2:], generator=generator)


def references(model: GSANet, batch: int, count: int, size: tuple[int, int] = (64, 96)) -> ReferenceFeatures:
    return model.encode_references(frames(batch, count, *size, seed=3), frames(batch, count, *size, seed=4))


class VariantCase:
    """Inherit, name it ``Test...``, and give the configuration; the fixture ``model`` is its model."""

    config: ClassVar[GSANetConfig]
    maps: ClassVar[int] = 10
    """How many maps are supervised."""

    def run(self, model: GSANet, batch: int = 1, size: tuple[int, int] = (64, 96), count: int = 2) -> GSANetOutput:
        model.eval()
        with torch.inference_mode():
            return model(frames(batch, *size, seed=1), frames(batch, *size, seed=2), references(model, batch, count))

    @pytest.mark.parametrize("batch", [1, 5])
    @pytest.mark.parametrize("size", [(64, 96), (97, 171)])
    def test_shapes_at_any_size(self, model: GSANet, batch: int, size: tuple[int, int]) -> None:
        output = self.run(model, batch, size)
        quarter = (-(-size[0] // 4), -(-size[1] // 4))
        assert [tuple(m.shape) for m in output.masks] == [(batch, 1, *quarter)] * 4
        assert output.logits.shape == (batch, 1, *size)
        assert output.logits.isfinite().all()
        sixteenth = (-(-size[0] // 16), -(-size[1] // 16))
        slot_maps = output.slot_maps()
        assert len(slot_maps) == self.maps - 4
        for m in slot_maps.values():
            assert m.shape == (batch, 1, *sixteenth)
            assert m.min() >= -1e-6
            assert m.max() <= 1 + 1e-6

    @pytest.mark.parametrize("count", [1, 3, 8])
    def test_any_number_of_references(self, model: GSANet, count: int) -> None:
        assert self.run(model, count=count).logits.isfinite().all()

    def test_a_batch_is_its_frames_one_by_one(self, model: GSANet) -> None:
        model.eval()
        rgb, flow = frames(3, 64, 96, seed=1), frames(3, 64, 96, seed=2)
        with torch.inference_mode():
            shared = references(model, 1, 2)
            together = model(rgb, flow, shared.expand(3)).logits
            alone = torch.cat([model(rgb[i : i + 1], flow[i : i + 1], shared).logits for i in range(3)])
        torch.testing.assert_close(together, alone, atol=1e-4 * alone.abs().max().item(), rtol=0)

    def test_every_parameter_learns(self, model: GSANet) -> None:
        # timm's ResNets start each residual branch at zero, through which its inside learns nothing on the first step.
        for name, parameter in model.named_parameters():
            if name.endswith("weight") and not parameter.any():
                nn.init.constant_(parameter, 0.1)
        model.train()
        model.zero_grad()
        output = model(frames(2, 64, 96, seed=1), frames(2, 64, 96, seed=2), references(model, 2, 2))
        target = torch.zeros(2, 1, 64, 96)
        target[:, :, 16:48, 24:72] = 1
        loss, parts = total_loss(output, target)
        loss.backward()
        assert len(parts) == self.maps + (model.edges is not None)
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, f"{name} takes no part"
            assert parameter.grad.isfinite().all(), name
            if parameter.dim() > 1:
                assert parameter.grad.any(), f"{name} has a gradient of zero"
        model.zero_grad(set_to_none=True)

    def test_saved_and_loaded_it_is_the_same_to_the_bit(self, model: GSANet, tmp_path: Path) -> None:
        save_model(model, tmp_path / "model.safetensors", info={"epochs": 3})
        loaded = load_model(tmp_path / "model.safetensors")
        assert loaded.config == model.config
        assert not loaded.training
        for name, tensor in loaded.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                assert torch.equal(tensor, model.state_dict()[name]), name
        assert torch.equal(self.run(loaded).logits, self.run(model).logits)

    def test_twice_the_same_to_the_bit(self, model: GSANet) -> None:
        first, second = self.run(model, 2), self.run(model, 2)
        assert all(torch.equal(a, b) for a, b in zip(first.masks, second.masks, strict=True))
        for name, m in first.slot_maps().items():
            assert torch.equal(m, second.slot_maps()[name])

    def test_groups_equal_explicit_references(self, model: GSANet) -> None:
        model.eval()
        rgb, flow = frames(6, 64, 96, seed=1), frames(6, 64, 96, seed=2)
        with torch.inference_mode():
            grouped = model.forward_groups(rgb, flow, 3).logits
            others = torch.tensor([[1, 2], [2, 0], [0, 1], [4, 5], [5, 3], [3, 4]])
            explicit = model(rgb, flow, model.encode_references(rgb[others], flow[others])).logits
        torch.testing.assert_close(grouped, explicit, atol=1e-4 * explicit.abs().max().item(), rtol=0)


class CompiledVariantCase(VariantCase):
    """And for a variant that is worth the wait (half a minute of tracing): ``torch.compile`` takes it whole."""

    @pytest.mark.slow
    def test_compiles_whole(self, model: GSANet) -> None:
        """No graph break anywhere. The eager backend runs what was traced without waiting for a C++ compiler."""
        model.eval()
        torch.compiler.reset()
        compiled: nn.Module = torch.compile(model, backend="eager", fullgraph=True)
        rgb, flow = frames(1, 64, 96, seed=1), frames(1, 64, 96, seed=2)
        with torch.no_grad():
            shared = references(model, 1, 2)
            wanted = model(rgb, flow, shared)
            got = compiled(rgb, flow, shared)
        torch.compiler.reset()
        for ours, theirs in zip(wanted.masks, got.masks, strict=True):
            torch.testing.assert_close(theirs, ours, atol=1e-3 * ours.abs().max().item(), rtol=0)
