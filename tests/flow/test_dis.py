"""DIS flow, the table of methods, and the flow of a sequence with its last-frame rule."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_method, flow_to_picture, sequence_flow
from gsanet.flow.dis import PRESETS, DISFlow
from gsanet.flow.methods import METHODS


def texture(height: int = 96, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth random colours: something that can be followed."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def moved(picture: NDArray[np.uint8], right: int, down: int) -> NDArray[np.uint8]:
    return np.roll(picture, (down, right), axis=(0, 1))


@pytest.mark.parametrize("preset", PRESETS)
def test_follows_a_shift(preset: str) -> None:
    flow = DISFlow(preset)(texture(), moved(texture(), 3, -2))
    assert flow.shape == (96, 128, 2)
    assert flow.dtype == np.float32
    assert np.allclose(np.median(flow[16:-16, 16:-16].reshape(-1, 2), axis=0), (3, -2), atol=0.3)


def test_equal_pictures_have_exactly_no_flow() -> None:
    flow = DISFlow()(texture(), texture())
    assert not flow.any()
    assert (flow_to_picture(flow) == 255).all()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (8, 640), (33, 31), (481, 12)])
def test_any_size_works(preset: str, size: tuple[int, int]) -> None:
    flow = DISFlow(preset)(texture(*size), texture(*size, seed=1))
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


@pytest.mark.parametrize("preset, specks", [("medium", True), ("sharp", False), ("fine", True)])
def test_sharp_has_no_specks_and_keeps_outlines(monkeypatch: pytest.MonkeyPatch, preset: str, specks: bool) -> None:
    found = np.zeros((40, 60, 2), np.float32)
    found[:, 30:] = 5, -3
    outline = found.copy()
    found[10:13, 10:13] = 4, 4

    class Found:
        def calc(self, *_: object) -> NDArray[np.float32]:
            return found.copy()

    monkeypatch.setattr(DISFlow, "_take", lambda *_: Found())
    monkeypatch.setattr(DISFlow, "_give_back", lambda *_: None)
    flow = DISFlow(preset)(texture(40, 60), texture(40, 60, seed=1))
    assert np.array_equal(flow, found if specks else outline)


def test_threads_get_the_same_flow_as_one() -> None:
    method = DISFlow()
    pairs = [(texture(seed=i), moved(texture(seed=i), i, 1)) for i in range(12)]
    alone = [method(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: method(*pair), pairs))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_small_frame_leaves_no_trace_on_a_large_one(preset: str) -> None:
    """OpenCV's own object keeps the pyramid it chose for the small frame."""
    method, pair = DISFlow(preset), (texture(180, 320), moved(texture(180, 320), 9, 4))
    before = method(*pair)
    method(texture(12, 12), texture(12, 12, seed=1))
    assert np.array_equal(method(*pair), before)


def test_goes_to_another_process() -> None:
    method = pickle.loads(pickle.dumps(DISFlow("fast")))
    assert np.array_equal(method(texture(), moved(texture(), 2, 0)), DISFlow("fast")(texture(), moved(texture(), 2, 0)))


def test_leaves_opencv_threads_alone() -> None:
    before = cv2.getNumThreads()
    DISFlow()(texture(), moved(texture(), 1, 0))
    assert cv2.getNumThreads() == before


def test_unequal_sizes_and_unknown_names_are_errors() -> None:
    with pytest.raises(ValueError, match="one size"):
        DISFlow()(texture(), texture(64, 64))
    with pytest.raises(ValueError, match="medium"):
        DISFlow("best")
    with pytest.raises(GsanetError, match="dis-fast"):
        flow_method("lucas-kanade")


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if "weights" not in method.settings])
@pytest.mark.parametrize("right, down", [(4, 0), (-4, 0), (0, 3), (2, -3)])
def test_every_method_without_weights_finds_a_shift_in_x_and_y(name: str, right: int, down: int) -> None:
    flow = flow_method(name)(texture(), moved(texture(), right, down))
    inner = flow[16:-16, 16:-16]
    assert np.allclose(np.median(inner.reshape(-1, 2), axis=0), (right, down), atol=0.3)
    assert np.median(np.linalg.norm(inner - (right, down), axis=-1)) < 0.5


def test_sequence_runs_forward_and_its_last_frame_looks_back_negated() -> None:
    frames = [texture(), moved(texture(), 2, 0), moved(texture(), 5, 1)]
    method = DISFlow()
    flows = list(sequence_flow(frames, method))
    assert len(flows) == 3
    assert np.array_equal(flows[0], method(frames[0], frames[1]))
    assert np.array_equal(flows[1], method(frames[1], frames[2]))
    assert np.array_equal(flows[2], -method(frames[2], frames[1]))
    # So the direction of the motion, and with it the colour, does not turn round at the end.
    assert np.allclose(np.median(flows[2][16:-16, 16:-16].reshape(-1, 2), axis=0), (3, 1), atol=0.3)


def test_backward_sequence_looks_back_and_its_first_frame_ahead_negated() -> None:
    frames = [texture(), moved(texture(), 2, 0), moved(texture(), 5, 1)]
    method = DISFlow()
    flows = list(sequence_flow(frames, method, "backward"))
    assert np.array_equal(flows[0], -method(frames[0], frames[1]))
    assert np.array_equal(flows[1], method(frames[1], frames[0]))
    assert np.array_equal(flows[2], method(frames[2], frames[1]))
    assert np.allclose(np.median(flows[2][16:-16, 16:-16].reshape(-1, 2), axis=0), (-3, -1), atol=0.3)


def test_only_what_is_wanted_is_computed() -> None:
    class Counted(DISFlow):
        calls = 0

        def __call__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.calls += 1
            return super().__call__(first, second)

    frames = [moved(texture(), 2 * i, 0) for i in range(5)]
    method = Counted("fast")
    found = list(sequence_flow(frames, method, only=(1, 4)))
    assert method.calls == 2
    everything = list(sequence_flow(frames, DISFlow("fast")))
    assert all(np.array_equal(one, everything[i]) for one, i in zip(found, (1, 4), strict=True))


def test_one_frame_and_no_frame() -> None:
    (flow,) = sequence_flow([texture()])
    assert flow.shape == (96, 128, 2)
    assert not flow.any()
    assert list(sequence_flow([])) == []


def test_sequence_takes_frames_only_as_it_needs_them() -> None:
    taken = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        while True:
            taken += 1
            yield moved(texture(48, 64), taken, 0)

    flows = sequence_flow(endless())
    for _ in range(5):
        next(flows)
    assert taken == 6


def test_change_of_size_is_named() -> None:
    flows = sequence_flow([texture(), texture(), texture(64, 64)])
    next(flows)
    with pytest.raises(GsanetError, match="frame 2 is 64x64 and the one before it is 128x96"):
        next(flows)
