"""Motion made from single pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gsanet.data.augment import Augmentation
from gsanet.data.datasets import Mixture, SyntheticDataset
from gsanet.data.layout import image_pairs
from gsanet.data.sample import Draw, FlowVariation
from gsanet.data.synthetic import SyntheticMotion, add_distractor
from gsanet.flow.dis import DISFlow


def _picture() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 2)
    mask = np.zeros((120, 160), bool)
    mask[40:90, 50:110] = True
    return image, mask


def test_object_and_background_move_differently() -> None:
    image, mask = _picture()
    motion = SyntheticMotion(camera=0.01, camera_turn=0, object=0.02, object_turn=0, still=0)
    inner, outer = cv2.erode(mask.astype(np.uint8), np.ones((15, 15))) > 0, ~mask
    outer[30:100, 40:120] = False
    apart = []
    for seed in range(6):
        flow = motion.flow(np.random.default_rng(seed), image, mask, DISFlow())
        apart.append(np.linalg.norm(np.median(flow[inner], 0) - np.median(flow[outer], 0)))
    # The relative shift has a standard deviation of 0.02 x 200 pixels in each direction.
    assert 1.5 < np.median(apart) < 10


def test_a_still_object_moves_with_the_camera() -> None:
    image, mask = _picture()
    motion = SyntheticMotion(camera=0.01, camera_turn=0, still=1.0)
    frame = motion.next_frame(np.random.default_rng(1), image, mask)
    without = motion.next_frame(np.random.default_rng(1), image, np.zeros_like(mask))
    assert np.array_equal(frame, without) and not np.array_equal(frame, image)


@pytest.mark.parametrize("size", [(64, 128), (96, 64)])
def test_a_group_is_one_picture_in_several_motions(tmp_path: Path, size: tuple[int, int]) -> None:
    image, mask = _picture()
    for kind, array in (("RGB", image), ("GT", mask.astype(np.uint8) * 255)):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "one.png"), array)
    data = SyntheticDataset(
        image_pairs(tmp_path), tmp_path / "cache",
        augmentation=Augmentation(), variation=FlowVariation(global_motion=0.3), stride=2,
    )  # fmt: skip
    draw = Draw((5,), (0, 0, 0), size)
    sample = Mixture(data)[draw]
    assert sample.rgb.shape == sample.flow.shape == (3, 3, *size)
    assert (sample.mask.float().mean((1, 2, 3)) > 20).all(), "the object stays in the crop"
    assert not torch.equal(sample.flow[0], sample.flow[1])
    assert all(torch.equal(a, b) for a, b in zip(sample, data[draw], strict=True))


def test_a_distractor_lies_behind_the_object_and_is_all_that_changes() -> None:
    image, mask = _picture()
    red = np.zeros_like(image)
    red[..., 0] = 255
    seen = 0
    for seed in range(8):
        result = add_distractor(np.random.default_rng(seed), image, mask, red, mask)
        changed = (result != image).any(-1)
        assert not changed[mask].any()
        pure = (result == (255, 0, 0)).all(-1)
        seen += pure.sum() > 100
        # The rest is its soft border.
        assert (changed & ~(cv2.dilate(pure.astype(np.uint8), np.ones((9, 9))) > 0)).sum() < 100
    assert seen >= 5
    assert np.array_equal(add_distractor(np.random.default_rng(0), image, mask, red, np.zeros_like(mask)), image)


def test_a_group_has_one_distractor_and_no_mask_of_it(tmp_path: Path) -> None:
    image, mask = _picture()
    other = np.zeros_like(image)
    other[..., 2] = 255  # written as BGR: red
    for name, picture in (("a", image), ("b", other)):
        for kind, array in (("RGB", picture), ("GT", mask.astype(np.uint8) * 255)):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f"{name}.png"), array)
    pairs = image_pairs(tmp_path)
    plain = SyntheticDataset(pairs, tmp_path / "cache", motion=SyntheticMotion())
    data = SyntheticDataset(pairs, tmp_path / "cache", motion=SyntheticMotion(distractor=1.0))
    reds = []
    for seed in range(12):
        sample, without = (d[Draw((seed,), (0, 0), (120, 160))] for d in (data, plain))
        red = (sample.rgb[:, 0] > 200) & (sample.rgb[:, 1] < 30)
        reds.append(int(red.sum()))
        assert not (red & (sample.mask[:, 0] > 127)).any()
        assert not ((without.rgb[:, 0] > 200) & (without.rgb[:, 1] < 30)).any()
    # The other picture is drawn half of the time; drawn for itself, it is no distractor.
    assert 2 <= sum(count > 500 for count in reds) < 12
