"""The ablation switches of the paper's Table 2: each works alone, and each changes the result."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from variant_case import SMALL, CompiledVariantCase, VariantCase, frames, references

from gsanet.model import GSANet, variant
from gsanet.training.losses import supervised_maps

TINY = {**SMALL, "backbone": "test_efficientnet", "detail_channels": 12}
"""The switches are all behind the backbone, so timm's tiniest will do; at a quarter of the input's size fewer channels
than elsewhere, as in the light model."""
PLAIN = variant("lite", **TINY)


class TestRandomSlots(VariantCase):
    config = variant("lite", **TINY, slot_init="random")
    maps = 8  # no coarse ones

    def test_training_draws_and_evaluation_does_not(self, model: GSANet) -> None:
        slots = model.rgb_slots
        slots.train()
        first, second = slots._draw(3), slots._draw(3)
        assert first.shape == (3, 2, 16)
        assert not torch.equal(first, second)
        assert not torch.equal(first[0], first[1])
        spread = torch.stack([slots._draw(1) for _ in range(400)]).std(0)[0]
        torch.testing.assert_close(spread, slots.slot_log_std.exp().detach(), atol=0, rtol=0.25)
        slots.eval()
        assert torch.equal(slots._draw(2), slots.slot_mean.expand(2, -1, -1))


class TestNoKnn(VariantCase):
    config = variant("lite", **TINY, knn_filter=False)

    def test_it_is_knn_with_all_neighbours(self, model: GSANet) -> None:
        every = GSANet(variant("lite", **{**TINY, "neighbours": TINY["clusters"]}))
        every.load_state_dict(model.state_dict())
        torch.testing.assert_close(self.run(every).logits, self.run(model).logits, atol=1e-4, rtol=1e-4)


class TestStandardSlotAttention(VariantCase):
    config = variant("lite", **TINY, aggregation="standard")


class TestNoSlotAttention(VariantCase):
    config = variant("lite", **TINY, slot_attention=False)
    maps = 4

    def test_nothing_looks_at_references(self, model: GSANet) -> None:
        assert references(model, 1, 3).rgb.shape == (1, 3, 0, 16)
        assert not [name for name, _ in model.named_parameters() if "slots" in name or "stage3" in name]


class TestEverythingElseOff(CompiledVariantCase):
    config = variant("lite", **TINY, slot_init="random", knn_filter=False, aggregation="standard")
    maps = 8


@pytest.mark.parametrize(
    "change",
    [{"slot_init": "random"}, {"knn_filter": False}, {"aggregation": "standard"}, {"slot_attention": False}],
    ids=str,
)
def test_a_switch_changes_the_result_and_nothing_else(change: dict[str, Any]) -> None:
    torch.manual_seed(0)
    plain = GSANet(PLAIN).eval()
    # At their small random start the slots would hardly be heard.
    for name, parameter in plain.named_parameters():
        if "_slots" in name or "stage3" in name:
            nn.init.normal_(parameter, std=0.5)
    changed = GSANet(variant("lite", **TINY, **change)).eval()
    shared = {k: v for k, v in plain.state_dict().items() if k in changed.state_dict()}
    changed.load_state_dict(shared, strict=False)
    rgb, flow = frames(1, 64, 96, seed=1), frames(1, 64, 96, seed=2)
    with torch.inference_mode():
        before = plain(rgb, flow, references(plain, 1, 2))
        after = changed(rgb, flow, references(changed, 1, 2))
    # The last stage's mask is made before any slot has a say.
    torch.testing.assert_close(after.masks[3], before.masks[3])
    for k in range(3):
        difference = (after.masks[k] - before.masks[k]).abs().max() / before.masks[k].abs().max()
        assert difference > 1e-4
    assert set(supervised_maps(after)) <= set(supervised_maps(before))
    for stream, state in after.slots.items():
        assert (state.refined - before.slots[stream].refined).abs().max() > 1e-2
