"""RAFT: padding, batches, memory, precision; with random weights, for what they find is no matter here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_method, flow_to_picture, sequence_flow
from gsanet.flow.raft import ITERATIONS, RAFTFlow, padding, volume_bytes
from gsanet.flow.raft_weights import build_raft, read_weights

Picture = NDArray[np.uint8]


def texture(height: int = 128, width: int = 128, seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def moved(picture: Picture, right: int, down: int) -> Picture:
    return np.roll(picture, (down, right), axis=(0, 1))


def random_raft(size: str = "small") -> torch.nn.Module:
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    network = build_raft(size)
    torch.random.set_rng_state(state)
    return network


@pytest.fixture(scope="module")
def flow() -> RAFTFlow:
    return RAFTFlow(random_raft(), iterations=2, device="cpu")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, flow: RAFTFlow) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """What the network is given."""
    calls: list[tuple[Tensor, Tensor]] = []
    hook = flow._network.register_forward_pre_hook(lambda _, inputs: calls.append(inputs))
    yield calls
    hook.remove()


def test_flow_of_the_pictures_size_that_is_not_nothing(flow: RAFTFlow) -> None:
    found = flow(texture(), moved(texture(), 3, 1))
    assert found.shape == (128, 128, 2)
    assert found.dtype == np.float32
    assert np.isfinite(found).all() and np.abs(found).max() > 0.1
    assert flow.iterations == 2 and flow.batch == 1
    assert RAFTFlow(random_raft(), device="cpu").iterations == ITERATIONS == 12


def test_it_is_torchvisions_network_on_its_own_input(flow: RAFTFlow) -> None:
    """Channels, range and the last of the iterations, as torchvision documents them."""
    from torchvision.models.optical_flow import Raft_Small_Weights

    pair = texture(), texture(seed=1)
    tensors = (torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in pair)
    first, second = Raft_Small_Weights.DEFAULT.transforms()(*tensors)
    with torch.inference_mode():
        theirs = random_raft().eval()(first, second, num_flow_updates=2)[-1]
    assert np.allclose(flow(*pair), theirs[0].permute(1, 2, 0), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (129, 131), (127, 128), (136, 144)])
def test_any_size_is_padded_with_its_border_and_cropped_back(
    flow: RAFTFlow, seen: list[tuple[Tensor, Tensor]], size: tuple[int, int]
) -> None:
    first, second = texture(*size), texture(*size, seed=1)
    found = flow(first, second)
    assert found.shape == (*size, 2)
    top, bottom, left, right = padding(*size)
    padded = [np.pad(p, ((top, bottom), (left, right), (0, 0)), mode="edge") for p in (first, second)]
    height, width = padded[0].shape[:2]
    assert height % 8 == width % 8 == 0 and min(height, width) >= 128
    assert (height < size[0] + 8 or height == 128) and abs(top - bottom) <= 1 and abs(left - right) <= 1
    assert np.array_equal(seen[0][1][0], torch.from_numpy(padded[1]).permute(2, 0, 1) / 127.5 - 1)
    assert np.array_equal(found, flow(*padded)[top : top + size[0], left : left + size[1]])


def test_a_size_that_fits_is_not_padded(flow: RAFTFlow, seen: list[tuple[Tensor, Tensor]]) -> None:
    flow(texture(128, 160), texture(128, 160, seed=1))
    assert seen[0][0].shape == (1, 3, 128, 160)
    assert -1 <= seen[0][0].min() < 0 < seen[0][0].max() <= 1


def test_a_batch_gives_what_one_by_one_gives(flow: RAFTFlow, seen: list[tuple[Tensor, Tensor]]) -> None:
    pairs = [(texture(90, 130, seed=i), moved(texture(90, 130, seed=i), i, 1)) for i in range(4)]
    pairs.insert(2, (texture(90, 130), texture(90, 130)))
    alone = [flow(*pair) for pair in pairs]
    seen.clear()
    together = RAFTFlow(flow._network, iterations=2, device="cpu", batch=3).many(pairs)
    assert [len(call[0]) for call in seen] == [3, 1]
    for one, other in zip(alone, together, strict=True):
        assert np.allclose(one, other, atol=1e-3)
    assert not together[2].any() and together[1].any()


def test_equal_pictures_have_exactly_no_flow(flow: RAFTFlow, seen: list[tuple[Tensor, Tensor]]) -> None:
    found = flow(texture(), texture())
    assert not found.any() and not seen
    assert (flow_to_picture(found) == 255).all()


def test_a_sequence_in_batches_ends_as_any_other(flow: RAFTFlow) -> None:
    frames = [moved(texture(40, 60), 2 * i, i) for i in range(5)]
    frames[3] = frames[2]
    for direction in ("forward", "backward"):
        one_by_one = list(sequence_flow(frames, flow, direction))
        batched = list(sequence_flow(frames, RAFTFlow(flow._network, iterations=2, device="cpu", batch=3), direction))
        assert len(batched) == 5
        assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(one_by_one, batched, strict=True))
    assert np.array_equal(next(iter(sequence_flow(frames, flow, "backward"))), -flow(frames[0], frames[1]))
    assert not list(sequence_flow(frames, flow))[2].any()


def test_a_batch_is_split_where_its_correlations_would_not_fit(flow: RAFTFlow) -> None:
    large = RAFTFlow(flow._network, device="cpu", batch=8)
    assert large.at_once(128, 128) == 8
    assert large.at_once(480, 854) == 2 * 2**30 // volume_bytes(480, 856) == 6
    # 4K would take 2 x 67 GB.
    assert volume_bytes(2160, 3840) > 100e9
    assert large.at_once(2160, 3840) == 1


def test_what_takes_much_memory_is_said_once_for_each_size(flow: RAFTFlow, caplog: pytest.LogCaptureFixture) -> None:
    large = RAFTFlow(flow._network, device="cpu")
    large.at_once(480, 854)
    assert not caplog.records
    for _ in range(2):
        large.at_once(1080, 1920)
    (line,) = caplog.messages
    assert line.startswith(f"RAFT takes about {volume_bytes(1080, 1920) / 1e9:.1f} GB") and "--flow-size" in line


def test_memory_is_given_back(flow: RAFTFlow) -> None:
    flow(texture(), texture(seed=1))
    assert not flow._network.corr_block.corr_pyramid


def test_too_little_memory_is_one_line(flow: RAFTFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr(flow._network, "forward", allocate)
    with pytest.raises(GsanetError, match=r"not enough memory on cpu for RAFT on 1 pairs of 130x90: .*--flow-size"):
        flow(texture(90, 130), texture(90, 130, seed=1))
    monkeypatch.setattr(flow._network, "forward", lambda *_, **__: torch.zeros(2) + torch.zeros(3))
    with pytest.raises(RuntimeError, match="must match"):
        flow(texture(), texture(seed=1))


@pytest.mark.parametrize("precision, off", [("bfloat16", 0.2), ("float16", 0.03)])
def test_mixed_precision_is_near(flow: RAFTFlow, precision: str, off: float) -> None:
    mixed = RAFTFlow(random_raft(), iterations=2, device="cpu", precision=precision)
    pair = texture(), texture(seed=1)
    found, exact = mixed(*pair), flow(*pair)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < off * np.abs(exact).max()


def test_threads_take_turns_and_get_the_same(flow: RAFTFlow) -> None:
    pairs = [(texture(seed=i), moved(texture(seed=i), i + 1, 1)) for i in range(4)]
    alone = [flow(*pair) for pair in pairs]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda pair: flow(*pair), pairs))
    assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(alone, together, strict=True))


def test_the_large_network_runs_too() -> None:
    large = RAFTFlow(random_raft("large"), iterations=1, device="cpu")
    assert large(texture(), texture(seed=1)).shape == (128, 128, 2)


def test_settings_that_cannot_be(flow: RAFTFlow) -> None:
    with pytest.raises(GsanetError, match="device 'abacus' cannot be used"):
        RAFTFlow(flow._network, device="abacus")
    with pytest.raises(GsanetError, match="unknown precision 'int8' for flow: choose one of auto"):
        RAFTFlow(flow._network, device="cpu", precision="int8")
    with pytest.raises(GsanetError, match="at least one iteration, got 0"):
        RAFTFlow(flow._network, device="cpu", iterations=0)
    with pytest.raises(ValueError, match="one size"):
        flow(texture(), texture(64, 64))
    with pytest.raises(
        GsanetError, match="flow by dis-fast takes no iterations: that is for raft-small and raft-large"
    ):
        flow_method("dis-fast", iterations=3)
    assert flow_method("dis", device="cpu", precision="float32", weights=None).batch == 1


def test_dis_needs_no_torch() -> None:
    """Whoever asks for DIS does not wait for torch and torchvision."""
    code = "import sys, gsanet.data.flow_folder as f; f.flow_method('dis'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def trained(name: str) -> Path:
    """The file of trained weights that the environment names, if it is this size's."""
    given = os.environ.get("GSANET_RAFT_WEIGHTS", "")
    if not given:
        pytest.skip(f"{name}: no trained weights (set GSANET_RAFT_WEIGHTS to torchvision's files, comma-separated)")
    for file in given.split(","):
        try:
            read_weights(name.removeprefix("raft-"), Path(file))
        except GsanetError as error:
            if not Path(file).is_file():
                raise error
            continue
        return Path(file)
    pytest.skip(f"{name}: GSANET_RAFT_WEIGHTS names weights of the other size only")


@pytest.mark.parametrize("name", ["raft-small", "raft-large"])
@pytest.mark.parametrize("right, down", [(6, 0), (-6, 0), (0, 5), (3, -4)])
def test_trained_weights_find_a_shift_in_x_and_y(name: str, right: int, down: int) -> None:
    """End-point error of a shifted picture; with DIS in test_dis.py."""
    found = flow_method(name, weights=trained(name), device="cpu")(
        texture(160, 192), moved(texture(160, 192), right, down)
    )
    inner = found[24:-24, 24:-24]
    assert np.allclose(np.median(inner.reshape(-1, 2), axis=0), (right, down), atol=0.3)
    assert np.median(np.linalg.norm(inner - (right, down), axis=-1)) < 0.5


def test_a_gpu_is_given_eight_pairs_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choices alone: there need be no GPU."""
    network = random_raft()
    monkeypatch.setattr("gsanet.flow.network_flow.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(network, "to", lambda device: network)
    flow = RAFTFlow(network)
    assert (flow.batch, flow.precision) == (8, "float16")
    assert RAFTFlow(network, precision="float32", batch=2).precision == "float32"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_agrees_with_the_cpu(flow: RAFTFlow) -> None:
    pairs = [(texture(120, 200, seed=i), moved(texture(120, 200, seed=i), 2, 1)) for i in range(3)]
    expected = [flow(*pair) for pair in pairs]
    for precision, off in (("float32", 0.02), ("float16", 0.1)):
        found = RAFTFlow(random_raft(), iterations=2, device="cuda", precision=precision).many(pairs)
        assert all(np.abs(a - b).max() < off * np.abs(b).max() for a, b in zip(found, expected, strict=True))
