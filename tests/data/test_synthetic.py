"""Motion made from single pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gsanet.data.augment import Augmentation
from gsanet.data.datasets import Distractors, Mixture, SaliencyDataset, SyntheticDataset, VideoDataset
from gsanet.data.layout import image_pairs, sequences
from gsanet.data.sample import Draw, FlowVariation
from gsanet.data.synthetic import Scene, SyntheticMotion, Thing, carried_along
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
        flow = motion.flow(np.random.default_rng(seed), Scene(image, mask), DISFlow())
        apart.append(np.linalg.norm(np.median(flow[inner], 0) - np.median(flow[outer], 0)))
    # The relative shift has a standard deviation of 0.02 x 200 pixels in each direction.
    assert 1.5 < np.median(apart) < 10


def test_a_still_object_moves_with_the_camera() -> None:
    image, mask = _picture()
    motion = SyntheticMotion(camera=0.01, camera_turn=0, still=1.0)
    frame = motion.next_frame(np.random.default_rng(1), Scene(image, mask))
    without = motion.next_frame(np.random.default_rng(1), Scene(image, np.zeros_like(mask)))
    assert np.array_equal(frame, without) and not np.array_equal(frame, image)


def test_with_a_steady_camera_only_the_object_moves() -> None:
    image, mask = _picture()
    motion = SyntheticMotion(object=0.02, still=0, steady=1.0)
    frame = motion.next_frame(np.random.default_rng(1), Scene(image, mask))
    changed = (frame != image).any(-1)
    assert changed.any()
    near = cv2.dilate(mask.astype(np.uint8), np.ones((61, 61))) > 0
    assert not changed[~near].any()


def test_slow_motion_is_the_same_motion_slower_by_up_to_twenty_times() -> None:
    image, mask = _picture()
    dis = DISFlow()

    def speed(seed: int, slow: float) -> float:
        motion = SyntheticMotion(camera=0.03, camera_turn=0, still=1.0, slow=slow)
        flow = motion.flow(np.random.default_rng(seed), Scene(image, mask), dis)
        return float(np.median(np.linalg.norm(flow, axis=-1)))

    usual, slow = (np.array([speed(seed, share) for seed in range(20)]) for share in (0.0, 1.0))
    # Shifts have a standard deviation of 6 pixels in each direction; a twentieth to all of that is left.
    assert 4 < np.median(usual) < 12
    assert 0.05 * 4 < np.median(slow) < 0.6 * np.median(usual)


@pytest.mark.parametrize("size", [(64, 128), (96, 64)])
def test_a_group_is_one_picture_in_several_motions(tmp_path: Path, size: tuple[int, int]) -> None:
    image, mask = _picture()
    for kind, array in (("RGB", image), ("GT", mask.astype(np.uint8) * 255)):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "one.png"), array)
    pictures = SaliencyDataset(image_pairs(tmp_path), tmp_path / "cache")
    data = SyntheticDataset(pictures, augmentation=Augmentation(), variation=FlowVariation(global_motion=0.3), stride=2)
    draw = Draw((5,), (0, 0, 0), size)
    sample = Mixture(data)[draw]
    assert sample.rgb.shape == sample.flow.shape == (3, 3, *size)
    assert (sample.mask.float().mean((1, 2, 3)) > 20).all(), "the object stays in the crop"
    assert not torch.equal(sample.flow[0], sample.flow[1])
    assert all(torch.equal(a, b) for a, b in zip(sample, data[draw], strict=True))


def _red() -> tuple[np.ndarray, np.ndarray]:
    """A red square, before the same."""
    image, mask = _picture()
    image[:] = (255, 0, 0)
    return image, mask


def test_a_thing_behind_the_object_is_all_that_changes() -> None:
    image, mask = _picture()
    red, shape = _red()
    seen = 0
    for seed in range(8):
        scene = Scene(image, mask).with_thing(np.random.default_rng(seed), red, shape, front=False)
        changed = (scene.image != image).any(-1)
        assert not changed[mask].any()
        assert np.array_equal(scene.mask, mask)
        pure = (scene.image == (255, 0, 0)).all(-1)
        seen += pure.sum() > 100
        # The rest is its soft border.
        assert (changed & ~(cv2.dilate(pure.astype(np.uint8), np.ones((9, 9))) > 0)).sum() < 100
        assert (scene.things[0].mask ^ pure).sum() < 0.2 * pure.sum() + 100
    assert seen >= 5
    assert Scene(image, mask).with_thing(np.random.default_rng(0), red, np.zeros_like(shape), False).things == ()


def test_a_thing_before_the_object_takes_pixels_from_its_mask_but_never_most() -> None:
    image, mask = _picture()
    red, shape = _red()
    hidden = []
    for seed in range(30):
        scene = Scene(image, mask).with_thing(np.random.default_rng(seed), red, shape, front=True)
        lost = mask & ~scene.mask
        assert not (scene.mask & scene.things[0].mask).any()
        inner = cv2.erode(scene.things[0].mask.astype(np.uint8), np.ones((7, 7))) > 0
        assert (np.abs(scene.image[inner].astype(int) - (255, 0, 0)) < 60).all()
        hidden.append(lost.sum() / mask.sum())
    assert max(hidden) <= 0.5
    assert sum(share > 0.05 for share in hidden) >= 5


def test_a_second_thing_hides_the_first() -> None:
    image, mask = _picture()
    red, shape = _red()
    scene = Scene(image, np.zeros_like(mask))
    for seed in range(20):
        scene = scene.with_thing(np.random.default_rng(seed), red, shape, front=bool(seed % 2))
    assert sum(thing.mask.astype(int) for thing in scene.things).max() == 1


def _shift(before: np.ndarray, after: np.ndarray, inside: np.ndarray) -> float:
    """How far what is well inside a mask moved."""
    inner = cv2.erode(inside.astype(np.uint8), np.ones((9, 9))) > 0
    return float(np.linalg.norm(np.median(DISFlow()(before, after)[inner], 0)))


def test_a_near_thing_moves_further_than_the_ground() -> None:
    image, mask = _picture()
    thing = np.zeros_like(mask)
    thing[45:85, 100:140] = True
    scene = Scene(image, np.zeros_like(mask), (Thing(thing, False),))
    ground = ~(cv2.dilate(thing.astype(np.uint8), np.ones((25, 25))) > 0)
    ratios = []
    for seed in range(8):
        motion = SyntheticMotion(camera=0.015, camera_turn=0, near=2.0)
        after = motion.next_frame(np.random.default_rng(seed), scene)
        ratios.append(_shift(image, after, thing) / _shift(image, after, ground))
    assert min(ratios) > 0.8 and max(ratios) < 3.3
    assert np.median(ratios) > 1.3


def test_slanted_ground_moves_further_at_the_lower_edge() -> None:
    image, mask = _picture()
    scene = Scene(image, np.zeros_like(mask))
    below = np.zeros_like(mask)
    below[85:] = True
    lower, upper = [], []
    for seed in range(8):
        after = SyntheticMotion(camera=0.015, camera_turn=0, slant=1.0).next_frame(np.random.default_rng(seed), scene)
        lower.append(_shift(image, after, below))
        upper.append(_shift(image, after, below[::-1]))
    assert sum(lower) > 1.5 * sum(upper)


def test_a_thing_is_carried_along_with_the_background_not_with_the_object() -> None:
    h, w = 120, 160
    _, mask = _picture()
    y, x = np.mgrid[:h, :w]
    flow = np.stack([2 + 0.02 * x, 1 - 0.01 * y], -1).astype(np.float32)
    ground = flow.copy()
    flow[mask] = (-9, -9)
    thing = np.zeros_like(mask)
    thing[40:80, 100:150] = True
    scene = Scene(np.zeros((h, w, 3), np.uint8), mask & ~thing, (Thing(thing, True),))
    moved = carried_along(np.random.default_rng(0), flow, scene, near=0.0)
    assert moved.dtype == np.float32
    # In its middle it shifts as the ground there; far from it nothing changed.
    assert np.allclose(moved[60, 125], ground[60, 125], atol=0.15)
    assert np.array_equal(moved[60, 60], flow[60, 60]) and np.array_equal(moved[5, 5], flow[5, 5])
    further = carried_along(np.random.default_rng(0), flow, scene, near=3.0)[60, 125] / moved[60, 125]
    assert np.ptp(further) < 0.01 and 1 < further[0] < 4


def test_where_no_background_is_left_flow_stays() -> None:
    mask = np.ones((64, 96), bool)
    mask[:20, :20] = False
    scene = Scene(np.zeros((64, 96, 3), np.uint8), mask, (Thing(~mask, False),))
    flow = np.ones((64, 96, 2), np.float32)
    assert carried_along(np.random.default_rng(0), flow, scene, 1.0) is flow


def _world(folder: Path) -> SaliencyDataset:
    """Noise with a square, and a red square."""
    for name, (picture, mask) in (("a", _picture()), ("b", _red())):
        for kind, array in (("RGB", picture[..., ::-1]), ("GT", mask.astype(np.uint8) * 255)):
            (folder / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / kind / f"{name}.png"), array)
    return SaliencyDataset(image_pairs(folder), folder / "cache")


def _reds(rgb: torch.Tensor) -> torch.Tensor:
    return (rgb[:, 0] > 200) & (rgb[:, 1] < 30)


@pytest.mark.parametrize("front", [0.0, 0.5])
def test_a_group_shares_its_distractors_and_its_mask_leaves_them_out(tmp_path: Path, front: float) -> None:
    pictures = _world(tmp_path)
    plain = SyntheticDataset(pictures, motion=SyntheticMotion())
    data = SyntheticDataset(pictures, motion=SyntheticMotion(distractor=0.8, front=front))
    reds = []
    for seed in range(12):
        sample, without = (d[Draw((seed,), (0, 0), (120, 160))] for d in (data, plain))
        red = _reds(sample.rgb)
        reds.append(int(red.sum()))
        assert not (red & (sample.mask[:, 0] > 127)).any()
        assert not _reds(without.rgb).any()
    # Either picture is drawn; drawn for itself, it is no distractor.
    assert 2 <= sum(count > 500 for count in reds) <= 12


def test_videos_get_distractors_that_their_flow_knows(tmp_path: Path) -> None:
    pictures = _world(tmp_path)
    image, mask = _picture()
    video = tmp_path / "video"
    for i in range(4):
        for kind, array in (("RGB", np.roll(image, 2 * i, 1)), ("GT", np.roll(mask, 4 * i, 1).astype(np.uint8) * 255)):
            (video / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(video / kind / f"one_{i:05d}.png"), array)
    motion = SyntheticMotion(front=0.3, near=0.5)
    gaps = FlowVariation(gaps=(1,))

    def frames(probability: float) -> VideoDataset:
        things = Distractors(pictures, probability, motion)
        return VideoDataset(sequences(video, need_gt=True), tmp_path / "cache", variation=gaps, distractors=things)

    data, never = frames(1.0), frames(0.0)
    plain = VideoDataset(sequences(video, need_gt=True), tmp_path / "cache", variation=gaps)
    moved = 0
    for seed in range(6):
        draw = Draw((seed,), (0, 1), (120, 160))
        sample, without = data[draw], plain[draw]
        red = _reds(sample.rgb)
        assert not (red & (sample.mask[:, 0] > 127)).any()
        assert all(torch.equal(a, b) for a, b in zip(never[draw], without, strict=True))
        moved += bool(red.sum() > 300) and not torch.equal(sample.flow, without.flow)
    assert moved >= 2
