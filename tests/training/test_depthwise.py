"""The faster gradient of depthwise convolutions is the same gradient."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.layers import Conv2dSame
from torch import nn

from gsanet.training.depthwise import _SMALL_MAP, speed_up_depthwise


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("size", [(13, 18), (16, 16), (61, 84)])
def test_equals_autograd(kernel: int, stride: int, same: bool, size: tuple[int, int]) -> None:
    """Both roads of the weight's gradient: 13x18 lies below the limit for stride 1, 61x84 above."""
    torch.manual_seed(0)
    conv_class = Conv2dSame if same else nn.Conv2d
    plain = conv_class(6, 6, kernel, stride=stride, padding=0 if same else kernel // 2, groups=6, bias=False)
    fast = conv_class(6, 6, kernel, stride=stride, padding=0 if same else kernel // 2, groups=6, bias=False)
    fast.load_state_dict(plain.state_dict())
    assert speed_up_depthwise(fast) == 1

    x = torch.randn(2, 6, *size, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    wanted, got = plain(x), fast(y)
    torch.testing.assert_close(got, wanted)
    signal = torch.randn_like(wanted)
    wanted.backward(signal)
    got.backward(signal)
    assert x.grad is not None
    assert y.grad is not None
    torch.testing.assert_close(y.grad, x.grad, atol=1e-5, rtol=1e-4)
    limit = 1e-5 * plain.weight.grad.abs().max().item() + 1e-5
    torch.testing.assert_close(fast.weight.grad, plain.weight.grad, atol=limit, rtol=1e-4)


def test_the_sizes_above_take_both_roads() -> None:
    assert 13 * 18 <= _SMALL_MAP < 61 * 84


def test_no_gradient_for_an_input_that_needs_none() -> None:
    conv = nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False)
    speed_up_depthwise(conv)
    conv(torch.randn(1, 4, 9, 9)).sum().backward()
    assert conv.weight.grad is not None
    conv.weight.requires_grad_(False)
    x = torch.randn(1, 4, 9, 9, requires_grad=True)
    conv(x).sum().backward()
    assert x.grad is not None


def test_under_bfloat16_autocast_it_is_near_the_float32_gradient() -> None:
    torch.manual_seed(0)
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        conv = nn.Conv2d(8, 8, kernel, stride=stride, padding=kernel // 2, groups=8, bias=False)
        x = torch.randn(2, 8, 20, 24)
        conv(x).square().sum().backward()
        wanted = conv.weight.grad.clone()
        conv.weight.grad = None
        speed_up_depthwise(conv)
        with torch.autocast("cpu", torch.bfloat16):
            y = conv(x)
        assert y.dtype == torch.bfloat16
        y.float().square().sum().backward()
        error = (conv.weight.grad - wanted).norm() / wanted.norm()
        assert conv.weight.grad.dtype == torch.float32
        assert error < 0.02, (kernel, stride, error)


def test_only_what_qualifies_is_changed() -> None:
    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.full = nn.Conv2d(4, 4, 3)
            self.grouped = nn.Conv2d(4, 4, 3, groups=2)
            self.biased = nn.Conv2d(4, 4, 3, groups=4)
            self.dilated = nn.Conv2d(4, 4, 3, groups=4, dilation=2, bias=False)
            self.oblong = nn.Conv2d(4, 4, (1, 3), groups=4, bias=False)
            self.multiplier = nn.Conv2d(4, 8, 3, groups=4, bias=False)
            self.depthwise = nn.Conv2d(4, 4, 3, groups=4, bias=False)

    layers = Layers()
    assert speed_up_depthwise(layers) == 1
    changed = [name for name, child in layers.named_children() if "forward" in vars(child)]
    assert changed == ["depthwise"]


def test_a_whole_encoder_keeps_its_names_and_its_gradients() -> None:
    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0", features_only=True).eval()
    x = torch.randn(1, 3, 65, 97)

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        sum(f.square().mean() for f in model(x)).backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    names, before = list(model.state_dict()), gradients()
    assert speed_up_depthwise(model) == 16
    assert list(model.state_dict()) == names
    after = gradients()
    assert before.keys() == after.keys()
    for name, wanted in before.items():
        assert (after[name] - wanted).norm() <= 1e-4 * wanted.norm() + 1e-7, name
