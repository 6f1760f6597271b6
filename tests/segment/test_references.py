"""Which frames are references, and that each is encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import torch

from gsanet.model import GSANet
from gsanet.runtime.interface import Pictures, Reference
from gsanet.runtime.torch_network import TorchNetwork
from gsanet.segment import Options, Segmenter
from gsanet.segment.pipeline import Pipeline
from gsanet.segment.references import OnlineBank, reference_indices
from gsanet.video import ArrayClip, Frame


def test_evenly_spread_by_the_rule_of_the_method() -> None:
    assert reference_indices(100, 4) == [0, 25, 50, 75]
    assert reference_indices(11, 4) == [0, 2, 4, 6]
    assert reference_indices(4, 4) == [0, 1, 2, 3]
    assert reference_indices(3, 4) == [0, 1, 2]
    assert reference_indices(1, 4) == [0]


def views(index: int) -> list[Pictures]:
    picture = np.zeros((1, 1, 3), np.uint8)
    return [Pictures(picture + np.uint8(index % 256), picture)]


def test_the_online_bank_is_spread_over_the_past() -> None:
    encoded: list[int] = []

    def encode(pictures: Iterable[Pictures]) -> list[Reference]:
        encoded.extend(int(one.rgb[0, 0, 0]) for one in pictures)
        return [encoded[-1]]

    bank = OnlineBank(4, encode)
    for index in range(200):
        if bank.wants(index):
            bank.add(index, views(index))
        held = bank.indices
        assert held[0] == 0 and held[-1] <= index
        assert len(held) <= 4
        assert bank.features[0] == held
        steps = set(np.diff(held))
        assert len(steps) <= 1
        if index >= 4:
            assert len(held) >= 2 and index - held[-1] <= 2 * max(steps)
    assert len(encoded) == len(set(encoded)) < 20


@pytest.fixture
def counted(tiny_model: GSANet, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """R of every call that encodes references."""
    calls: list[int] = []
    encode = tiny_model.encode_references

    def counting(rgb: torch.Tensor, flow: torch.Tensor):  # type: ignore[no-untyped-def]
        calls.append(rgb.shape[1])
        return encode(rgb, flow)

    monkeypatch.setattr(tiny_model, "encode_references", counting)
    return calls


def test_references_are_encoded_once_per_video(tiny_model: GSANet, tiny_frames: np.ndarray, counted: list[int]) -> None:
    segmenter = Segmenter(tiny_model, precision="float32", keyframes=False)
    counted.clear()  # of the run in which the network is folded
    segmenter.segment(tiny_frames)
    assert counted == [1, 1, 1], "a CPU takes them one by one"
    counted.clear()
    segmenter.segment(tiny_frames, flip=True)
    assert counted == [1] * 6
    counted.clear()
    segmenter.segment(tiny_frames[:2])
    assert counted == [1, 1]


def test_the_first_mask_waits_for_no_reference(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    class Watched(ArrayClip):
        fetched = 0

        def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
            wanted = list(indices)
            self.fetched += len(wanted) < len(frames)  # all of them: the clip is read
            return super().frames_at(wanted)

    frames = np.concatenate([tiny_frames, tiny_frames[::-1]])
    clip = Watched(frames)
    network = TorchNetwork(tiny_model, "cpu", "float32")
    results = Pipeline(network, clip, Options(), threads=False).run()
    first = next(results)
    assert first.index == 0 and clip.fetched == 0
    assert [one.index for one in results] == list(range(1, len(frames)))
    assert clip.fetched == 1, "read once, for all"
    with_threads = list(Pipeline(network, clip, Options()).run())
    np.testing.assert_array_equal(with_threads[0].probability, first.probability)
    # Without key frames nothing is sooner, and every frame has the references of the whole clip.
    clip.fetched = 0
    next(Pipeline(network, clip, Options(keyframes=False), threads=False).run())
    assert clip.fetched == 1


def test_a_reference_is_shown_as_the_frame_itself_is(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    """Same picture, same flow: from its own successor, and for the last frame from its predecessor."""
    shown: list[Pictures] = []
    network = TorchNetwork(tiny_model, "cpu", "float32")

    class Recording:
        def __call__(self, pictures: Iterable[Pictures]) -> list[Reference]:
            known = list(pictures)
            shown.extend(known)
            return network.encode(known)

    from gsanet.segment.motion import open_motion
    from gsanet.segment.pictures import prepared_frames
    from gsanet.segment.references import choose_references

    for count in (3, 12):
        shown.clear()
        clip = ArrayClip(tiny_frames)
        options = Options(flow_directions="both")
        views = options.views(64, 96, network.config)
        motion = open_motion(options, clip)
        bank = choose_references(clip, views, motion, count, Recording(), later=True)
        assert not shown, "nothing is read before it is asked for"
        assert bank.known()() is bank.known()(), "and but once"
        everything = list(prepared_frames(clip, views, motion))
        expected = [everything[i].picture(view) for view in views for i in reference_indices(len(tiny_frames), count)]
        assert len(shown) == len(expected) == 2 * count
        for one, other in zip(shown, expected, strict=True):
            np.testing.assert_array_equal(one.rgb, other.rgb)
            np.testing.assert_array_equal(one.flow, other.flow)


def test_a_picture_is_its_own_reference(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    network = TorchNetwork(tiny_model, "cpu", "float32")
    pictures = [Pictures(frame, 255 - frame) for frame in tiny_frames[:2]]
    for one, answer in zip(pictures, network(pictures, []), strict=True):
        np.testing.assert_array_equal(answer.probability, network([one], network.encode([one]))[0].probability)
    single = Segmenter(tiny_model, precision="float32")
    (alone,) = single.stream(tiny_frames[:1])
    (online,) = single.stream(tiny_frames[:1], online=True)
    np.testing.assert_array_equal(alone.probability, online.probability)
