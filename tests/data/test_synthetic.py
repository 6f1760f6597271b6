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
from gsanet.data.synthetic import SyntheticMotion
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
