"""Training sets: a sample is a function of its draw."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gsanet.base.errors import GsanetError
from gsanet.data.augment import Augmentation
from gsanet.data.cache import ArrayCache
from gsanet.data.datasets import SaliencyDataset, VideoDataset
from gsanet.data.layout import image_pairs, sequences
from gsanet.data.sample import Draw, FlowVariation, Sample, collate


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A square that moves right by 3 pixels a frame, four frames."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (96, 128, 3), dtype=np.uint8), (0, 0), 2)
    thing = cv2.GaussianBlur(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8), (0, 0), 1)
    for t in range(4):
        picture, mask = ground.copy(), np.zeros((96, 128), np.uint8)
        picture[30:70, 20 + 3 * t : 60 + 3 * t] = thing
        mask[30:70, 20 + 3 * t : 60 + 3 * t] = 255
        for kind, image in (("RGB", picture), ("GT", mask)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "data" / kind / f"walk_{t:05d}.png"), image)
    return tmp_path


def test_a_draw_decides_everything(video: Path) -> None:
    data = SaliencyDataset(image_pairs(video / "data"), video / "cache", augmentation=Augmentation(), stride=2)
    draw = Draw((1, 2, 3), (1,), (64, 96))
    one, two = data[draw], pickle.loads(pickle.dumps(data))[draw]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one.rgb, data[Draw((1, 2, 4), (1,), (64, 96))].rgb)
    assert one.rgb.shape == (1, 3, 64, 96) and one.mask.shape == (1, 1, 32, 48) and one.flow.shape[1] == 0


def test_without_augmentation_a_sample_is_the_resized_frame(video: Path) -> None:
    data = SaliencyDataset(image_pairs(video / "data"), video / "cache")
    sample = data[Draw((0,), (0,), (96, 128))]
    truth = cv2.imread(str(video / "data" / "RGB" / "walk_00000.png"))[..., ::-1]
    assert np.array_equal(sample.rgb[0].permute(1, 2, 0).numpy(), truth)
    assert set(sample.mask.unique().tolist()) == {0, 255}


def test_gap_flow_points_where_the_object_goes(video: Path) -> None:
    videos = sequences(video / "data", need_gt=True)
    from gsanet.flow.colour import picture_to_flow

    # From the last frame every gap turns round and is negated: still to the right.
    for gap, number, sign in ((1, 0, 1), (-1, 2, -1), (2, 1, 1), (1, 3, 1), (2, 3, 1)):
        data = VideoDataset(videos, video / "cache", variation=FlowVariation(gaps=(gap,)))
        sample = data[Draw((0,), (number,), (96, 128))]
        flow = picture_to_flow(sample.flow[0].permute(1, 2, 0).numpy())
        inside = cv2.erode((sample.mask[0, 0].numpy() > 0).astype(np.uint8), np.ones((21, 21))) > 0
        u, v = np.median(flow[inside], axis=0)
        assert sign * u > 0.5 and abs(v) < 0.2, (gap, number)


def test_flow_is_of_one_of_the_presets(video: Path) -> None:
    videos = sequences(video / "data", need_gt=True)

    def flow(seed: int, *presets: str) -> bytes:
        data = VideoDataset(videos, video / "cache", variation=FlowVariation(gaps=(1,), dis=presets))
        return data[Draw((seed,), (0,), (96, 128))].flow.numpy().tobytes()

    alone = {flow(0, preset) for preset in ("medium", "fast")}
    assert len(alone) == 2
    assert {flow(seed, "medium", "fast") for seed in range(12)} == alone


def test_noise_is_what_flow_sees_and_the_frame_does_not_show(video: Path) -> None:
    videos = sequences(video / "data", need_gt=True)

    def sample(noise: float, seed: int = 0) -> Sample:
        data = VideoDataset(videos, video / "cache", variation=FlowVariation(gaps=(1,), noise=noise))
        return data[Draw((seed,), (0,), (96, 128))]

    clean, noisy = sample(0.0), sample(8.0)
    assert torch.equal(clean.rgb, noisy.rgb) and torch.equal(clean.mask, noisy.mask)
    assert not torch.equal(clean.flow, noisy.flow)
    assert torch.equal(noisy.flow, sample(8.0).flow) and not torch.equal(noisy.flow, sample(8.0, seed=1).flow)


def test_groups_are_stacked_side_by_side(video: Path) -> None:
    data = VideoDataset(
        sequences(video / "data", need_gt=True), video / "cache",
        augmentation=Augmentation(), variation=FlowVariation(gaps=(1,), global_motion=0.5, blank=0.2), stride=2,
    )  # fmt: skip
    assert data.frames_of == [range(4)]
    batch = collate([data[Draw((0, i), (0, 2), (64, 64))] for i in range(2)])
    assert batch.rgb.shape == batch.flow.shape == (4, 3, 64, 64) and batch.mask.shape == (4, 1, 32, 32)


def test_a_blank_flow_is_white(video: Path) -> None:
    data = VideoDataset(
        sequences(video / "data", need_gt=True), video / "cache",
        augmentation=Augmentation(), variation=FlowVariation(gaps=(1,), blank=1.0),
    )  # fmt: skip
    assert (data[Draw((0,), (0,), (64, 64))].flow == 255).all()


def test_pictures_are_needed_where_no_flow_is_computed(video: Path) -> None:
    with pytest.raises(GsanetError, match="no flow picture in FLOW/ for frame walk_00000"):
        VideoDataset(sequences(video / "data", need_gt=True), video / "cache")


def test_a_mask_of_another_size_is_named(video: Path) -> None:
    cv2.imwrite(str(video / "data" / "GT" / "walk_00001.png"), np.zeros((10, 10), np.uint8))
    pairs = image_pairs(video / "data", check_sizes=False)
    with pytest.raises(GsanetError, match=r"walk_00001\.png is 10x10 but its frame .* is 128x96"):
        SaliencyDataset(pairs, video / "cache")


def test_a_cache_is_built_once_and_survives_a_broken_build(tmp_path: Path) -> None:
    calls: list[int] = []

    def load(item: int) -> tuple[np.ndarray, ...]:
        calls.append(item)
        if item == 9:
            raise GsanetError("no such picture")
        return np.full((2, item + 1), item, np.uint8), np.full((1,), 255, np.uint8)

    with pytest.raises(GsanetError, match="no such picture"):
        ArrayCache.build(tmp_path, [0, 9], load, ["a"], [1])
    assert not list(tmp_path.rglob("*.part"))
    cache = ArrayCache.build(tmp_path, range(5), load, ["b"], [1])
    again = ArrayCache.build(tmp_path, range(5), load, ["b"], [1])
    assert calls.count(3) == 1 and len(again) == 5
    for c in (cache, again):
        first, second = c[3]
        assert (first == 3).all() and first.shape == (2, 4) and second.tolist() == [255]


def test_a_cache_that_is_out_of_date_is_replaced(tmp_path: Path) -> None:
    """A copy of the same data with other times must not leave gigabytes behind."""

    def build(value: int, stamp: int, key: str = "a") -> ArrayCache:
        return ArrayCache.build(tmp_path, [value], lambda v: (np.full((2,), v, np.uint8),), [key], [stamp])

    def values(cache: ArrayCache) -> list[int]:
        result: list[int] = cache[0][0].tolist()
        return result

    old = build(1, stamp=1)
    assert values(old) == [1, 1]
    assert values(build(2, stamp=1)) == [1, 1], "nothing has changed: the cache answers"
    new = build(3, stamp=2)
    assert values(new) == [3, 3] and values(old) == [1, 1], "whoever reads the old one may go on"
    assert len(list(tmp_path.rglob("*.bin"))) == 1
    assert values(build(4, stamp=1, key="b")) == [4, 4] and len(list(tmp_path.rglob("*.bin"))) == 2
