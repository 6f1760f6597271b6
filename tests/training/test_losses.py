"""The loss: nothing for a perfect prediction, something for each mistake, and a gradient that is always finite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gsanet.model.network import GSANetOutput
from gsanet.model.slots import SlotState
from gsanet.training.losses import mask_loss, outline_importance, supervised_maps, total_loss

SIZE = 32


def block(value: float = 1.0) -> Tensor:
    """(1,1,32,32): a foreground of 16x16 pixels, aligned with the grid of every stage."""
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[:, :, 8:24, 16:] = value
    return mask


def logits_of(mask: Tensor, strength: float = 20.0) -> Tensor:
    return (mask * 2 - 1) * strength


def perfect_output(mask: Tensor) -> GSANetOutput:
    """What a network would say that knows *mask*: all maps at its size."""
    sign = mask * 2 - 1
    states = {}
    for name in ("rgb", "flow"):
        fine = torch.cat((sign, -sign), 1)
        nothing = torch.zeros(1, 2, 4)
        states[name] = SlotState(torch.cat((sign, -sign), 1) * 20, nothing, nothing, nothing, fine)
    return GSANetOutput([logits_of(mask)] * 4, states, (SIZE, SIZE))


@pytest.mark.parametrize("mask", [block(), torch.zeros(1, 1, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE)])
def test_a_perfect_mask_costs_nothing(mask: Tensor) -> None:
    assert mask_loss(logits_of(mask), mask).item() < 1e-4


@pytest.mark.parametrize("mask", [block(), torch.zeros(1, 1, SIZE, SIZE)])
def test_a_perfect_prediction_costs_nothing_in_every_map_of_logits(mask: Tensor) -> None:
    _, parts = total_loss(perfect_output(mask), mask)
    assert len(parts) == 10
    logits = {name: loss.item() for name, loss in parts.items() if not name.startswith("fine")}
    assert len(logits) == 6
    assert max(logits.values()) < 1e-4, logits


def test_a_perfect_cosine_costs_only_its_bound() -> None:
    """A cosine is held at 1e-4 from certainty, so the fine maps cost a few times that."""
    _, parts = total_loss(perfect_output(block()), block())
    fine = [loss.item() for name, loss in parts.items() if name.startswith("fine")]
    assert len(fine) == 4
    assert max(fine) < 1e-3


def test_iou_and_cross_entropy_by_hand() -> None:
    target = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    p = torch.tensor([[[[0.8, 0.4, 0.3, 0.1]]]])
    iou = 1 - (0.8 + 0.4 + 1) / (1 + 1 + 0.3 + 0.1 + 1)
    error = [0.2, 0.6, 0.3, 0.1]
    bce = sum(-math.log(1 - e) / (1 + math.exp(-e)) for e in error) / 4
    assert mask_loss(torch.logit(p), target).item() == pytest.approx(iou + bce, abs=1e-6)


def test_important_pixels_count_by_hand() -> None:
    target = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    p = torch.tensor([[[[0.8, 0.4, 0.3, 0.1]]]])
    iou = 1 - (0.8 + 3 * 0.4 + 1) / (1 + 3 * 1 + 2 * 0.3 + 0.1 + 1)
    error = [0.2, 0.6, 0.3, 0.1]
    bce = sum(w * -math.log(1 - e) / (1 + math.exp(-e)) for w, e in zip((1, 3, 2, 1), error, strict=True)) / 7
    importance = torch.tensor([[[[1.0, 3.0, 2.0, 1.0]]]])
    assert mask_loss(torch.logit(p), target, importance).item() == pytest.approx(iou + bce, abs=1e-6)


def test_outlines_and_thin_parts_are_important() -> None:
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 16:64, 16:64] = 1  # windows are 9 pixels wide
    mask[..., 80, 20:60] = 1
    weights = outline_importance(mask, 5.0)[0, 0]
    assert weights[40, 40] == weights[0, 0] == weights[40, 90] == 1  # far from all outlines
    assert weights[40, 16].item() == pytest.approx(1 + 5 * 4 / 9)  # four columns of nine lie outside
    assert weights[80, 40].item() == pytest.approx(1 + 5 * 8 / 9)  # a line
    assert weights[16, 16].item() == pytest.approx(1 + 5 * (1 - 25 / 81))  # a corner
    assert torch.equal(outline_importance(torch.ones(1, 1, 96, 96), 5.0), torch.ones(1, 1, 96, 96))


def test_only_the_masks_losses_know_outlines() -> None:
    target, other = block(), torch.roll(block(), 3, -1)
    plain, outlined = (total_loss(perfect_output(other), target, outline)[1] for outline in (0.0, 5.0))
    assert {name for name in plain if plain[name] != outlined[name]} == {f"mask_stride{s}" for s in (4, 8, 16, 32)}


def test_the_weight_makes_a_large_error_count_more() -> None:
    """For one pixel, loss / plain cross-entropy = sigmoid(error): 0.5 when right and 0.73 when wrong."""
    target = torch.ones(1, 1, 1, 1)
    for p in (0.9, 0.5, 0.1):
        logit = torch.logit(torch.full((1, 1, 1, 1), p))
        bce = mask_loss(logit, target).item() - (1 - (p + 1) / 2)
        assert bce / -math.log(p) == pytest.approx(1 / (1 + math.exp(p - 1)), rel=1e-5)


def test_the_weight_has_no_gradient() -> None:
    logit = torch.tensor([[[[-1.0]]]], requires_grad=True)
    mask_loss(logit, torch.ones(1, 1, 1, 1)).backward()
    p = torch.tensor(-1.0).sigmoid().item()
    weight = 1 / (1 + math.exp(p - 1))
    # d/dx of weight * -log p, the weight held fixed, and of the IoU part 1 - (p + 1)/2.
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-weight * (1 - p) - p * (1 - p) / 2, rel=1e-5)


def test_each_picture_has_its_own_iou() -> None:
    good, bad = logits_of(block()), -logits_of(block())
    both = mask_loss(torch.cat((good, bad)), torch.cat((block(), block())))
    alone = (mask_loss(good, block()) + mask_loss(bad, block())) / 2
    torch.testing.assert_close(both, alone)


@pytest.mark.parametrize("strength", [30.0, 1e3, 1e5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sign", [1, -1])
def test_gradient_is_finite_on_saturated_logits(strength: float, dtype: torch.dtype, sign: int) -> None:
    logits = (sign * logits_of(block(), strength)).to(dtype).requires_grad_()
    loss = mask_loss(logits.float(), block())
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    if sign < 0:  # wholly wrong: it must still be told so
        assert logits.grad.abs().max() > 0


def test_gradient_is_finite_where_cosines_are_certain() -> None:
    for sign in (1, -1):
        fine = (sign * torch.cat((block() * 2 - 1, 1 - block() * 2), 1)).requires_grad_()
        nothing = torch.zeros(1, 2, 4)
        coarse = torch.zeros(1, 2, SIZE, SIZE, requires_grad=True)
        state = SlotState(coarse, nothing, nothing, nothing, fine)
        loss, _ = total_loss(GSANetOutput([logits_of(block())] * 4, {"rgb": state}, (SIZE, SIZE)), block())
        loss.backward()
        assert loss.isfinite()
        assert fine.grad is not None
        assert fine.grad.isfinite().all()


def test_maps_are_the_logits_of_the_slot_maps() -> None:
    torch.manual_seed(0)
    state = SlotState(torch.randn(1, 3, 4, 4), *[torch.zeros(1, 3, 4)] * 3, torch.rand(1, 3, 4, 4) * 1.8 - 0.9)
    output = GSANetOutput([torch.zeros(1, 1, 4, 4)] * 4, {"rgb": state}, (8, 8))
    maps, probabilities = supervised_maps(output), output.slot_maps()
    assert state.coarse is not None
    torch.testing.assert_close(probabilities["coarse_fg_rgb"], state.coarse.softmax(1)[:, :1])
    torch.testing.assert_close(probabilities["fine_fg_rgb"], (state.fine[:, :1] + 1) / 2)
    torch.testing.assert_close(probabilities["fine_not_bg_rgb"], 1 - (state.fine[:, 1:2] + 1) / 2)
    assert maps.keys() - probabilities.keys() == {f"mask_stride{s}" for s in (4, 8, 16, 32)}
    for name, probability in probabilities.items():
        torch.testing.assert_close(maps[name].sigmoid(), probability)


def test_the_total_is_the_sum_of_all_maps_at_the_size_of_the_target() -> None:
    output = perfect_output(1 - block())
    total, parts = total_loss(output, block())
    torch.testing.assert_close(total, torch.stack(list(parts.values())).sum())
    assert all(loss > 0.5 for loss in parts.values())
    half = torch.nn.functional.avg_pool2d(block(), 2)
    small, _ = total_loss(output, half)
    torch.testing.assert_close(small, total, rtol=0.3, atol=0)


def test_a_slot_free_output_has_four_maps() -> None:
    output = GSANetOutput([logits_of(block())] * 4, {}, (SIZE, SIZE))
    assert set(supervised_maps(output)) == {f"mask_stride{s}" for s in (4, 8, 16, 32)}


def test_what_a_head_draws_counts_as_one_more_map() -> None:
    plain = perfect_output(1 - block())
    drawn = GSANetOutput(plain.masks, plain.slots, plain.size, 2 * logits_of(block()))
    before, after = total_loss(plain, torch.nn.functional.avg_pool2d(block(), 2)), total_loss(drawn, block(), stride=2)
    # The masks are all wrong, the head turns the first into the truth; the others are compared as before.
    assert after[1]["edges"] < 1e-5
    for name, loss in before[1].items():
        torch.testing.assert_close(after[1][name], loss)
    assert total_loss(GSANetOutput(plain.masks, plain.slots, plain.size, block()), block(), stride=2)[1]["edges"] > 0.5
