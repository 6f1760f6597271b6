"""The head that draws edges: silent before it is trained, exact for any size, and part of every form of the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gsanet.model.config import variant
from gsanet.model.edges import EdgeHead
from gsanet.model.network import GSANet, SaliencyNet, resize_logits
from gsanet.weights.transfer import start_from_pretrained


def pictures(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(64, 96), (65, 98), (67, 97)])
def test_its_correction_has_the_size_of_the_picture(size: tuple[int, int]) -> None:
    head = EdgeHead(5, 4).eval()
    torch.nn.init.normal_(head.last.weight)
    small = (-(-size[0] // 4), -(-size[1] // 4))
    with torch.inference_mode():
        correction = head(pictures(*size), torch.rand(1, 5, *small), torch.zeros(1, 1, *small))
    assert correction.shape == (1, 1, *size) and correction.std() > 0


def test_a_pixel_is_corrected_by_what_is_around_it() -> None:
    """A spot at (i, j) of the picture changes what is near it alone: the shuffled parts lie where they belong."""
    head = EdgeHead(5, 16).eval()
    torch.nn.init.normal_(head.last.weight)
    plain = pictures(64, 64)
    spot = plain.clone()
    spot[..., 21, 42] += 10
    rest = (torch.zeros(1, 5, 16, 16), torch.zeros(1, 1, 16, 16))
    with torch.inference_mode():
        rows, columns = np.nonzero((head(spot, *rest) - head(plain, *rest))[0, 0].abs().numpy() > 1e-7)
    assert len(rows) and abs(rows - 21).max() <= 7 and abs(columns - 42).max() <= 7


def test_before_training_it_says_nothing_and_goes_on_from_a_network_without() -> None:
    torch.manual_seed(0)
    before = GSANet(variant("lite", edge_channels=0)).eval()
    after = GSANet(variant("lite", edge_channels=8)).eval()
    assert start_from_pretrained(after, before) == len([k for k in before.state_dict() if "batches" not in k])
    rgb, flow = pictures(64, 96), pictures(64, 96).flip(3)
    with torch.inference_mode():
        old, new = (net(rgb, flow, net.encode_references(rgb[None], flow[None])) for net in (before, after))
    assert new.edges is not None and not new.edges.any()
    torch.testing.assert_close(new.logits, old.logits)


def test_the_prediction_is_corrected_and_stage_1_brings_the_head_along() -> None:
    saliency = SaliencyNet(variant("lite", edge_channels=8)).eval()
    assert saliency.edges is not None
    torch.nn.init.constant_(saliency.edges.last.bias, 3.0)
    with torch.inference_mode():
        output = saliency(pictures(64, 96))
    torch.testing.assert_close(output.logits, resize_logits(output.masks[0], (64, 96)) + 3)
    video = GSANet(variant("lite", edge_channels=8))
    start_from_pretrained(video, saliency)
    assert video.edges is not None and video.edges.last.bias is not None
    assert (video.edges.last.bias == 3).all()
