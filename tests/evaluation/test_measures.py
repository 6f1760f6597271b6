"""J and F against ``vos-benchmark``, and the statistics against hand-made numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gsanet.evaluation.measures import boundary, boundary_accuracy, boundary_tolerance, region_similarity, statistics

TOLERANCE = 1e-6


def reference(pred: np.ndarray, gt: np.ndarray) -> tuple[float, float]:
    """J and F of one frame by vos-benchmark. It knows an object only once it has been seen: show it one first."""
    evaluator_module = pytest.importorskip("vos_benchmark.evaluator", reason="vos-benchmark is not installed")
    evaluator = evaluator_module.Evaluator()
    evaluator.objects_in_gt.add(1)
    evaluator.feed_frame(pred.astype(np.uint8), gt.astype(np.uint8))
    return float(evaluator.object_iou[1][0]), float(evaluator.boundary_f[1][0])


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A few random ellipses, some of them cut by the frame."""
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for _ in range(rng.integers(1, 4)):
        cy, cx = rng.uniform(-0.1, 1.1, 2) * (height, width)
        ry, rx = rng.uniform(0.05, 0.4, 2) * (height, width)
        mask |= ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return mask


def corner_cases(height: int = 45, width: int = 70) -> dict[str, np.ndarray]:
    masks = {name: np.zeros((height, width), bool) for name in ("empty", "one pixel", "corner", "last corner")}
    masks["one pixel"][20, 30] = True
    masks["corner"][0, 0] = True
    masks["last corner"][-1, -1] = True
    masks["full"] = np.ones((height, width), bool)
    for name, window in {
        "left": np.s_[10:30, :20],
        "right": np.s_[10:30, 50:],
        "top": np.s_[:15, 20:50],
        "bottom": np.s_[30:, 20:50],
        "last row": np.s_[-1:, :],
        "last column": np.s_[:, -1:],
        "all but a pixel": np.s_[:, :],
        "box": np.s_[12:33, 15:48],
        "shifted box": np.s_[14:35, 18:51],
    }.items():
        masks[name] = np.zeros((height, width), bool)
        masks[name][window] = True
    masks["all but a pixel"][5, 5] = False
    return masks


CASES = corner_cases()


@pytest.mark.parametrize("pred", CASES)
@pytest.mark.parametrize("gt", CASES)
def test_corner_cases_agree_with_vos_benchmark(pred: str, gt: str) -> None:
    j, f = reference(CASES[pred], CASES[gt])
    assert abs(region_similarity(CASES[pred], CASES[gt]) - j) < TOLERANCE
    assert abs(boundary_accuracy(CASES[pred], CASES[gt]) - f) < TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (37, 53), (240, 427)])
def test_random_masks_agree_with_vos_benchmark(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(size))
    for _ in range(12):
        gt = blob(rng, *size)
        pred = blob(rng, *size) if rng.random() < 0.3 else np.roll(gt, rng.integers(-6, 7, 2), axis=(0, 1))
        pred = pred ^ (rng.random(size) < 0.002)
        j, f = reference(pred, gt)
        assert abs(region_similarity(pred, gt) - j) < TOLERANCE
        assert abs(boundary_accuracy(pred, gt) - f) < TOLERANCE


def test_real_masks_agree_with_vos_benchmark() -> None:
    from PIL import Image

    root = Path(os.environ.get("GSANET_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    folder = root / "data" / "DAVIS_train" / "GT"
    if not folder.is_dir():
        pytest.skip("no shared DAVIS masks (GSANET_SHARED)")
    rng = np.random.default_rng(0)
    for path in sorted(folder.glob("*.png"))[::140]:
        gt = np.asarray(Image.open(path)).astype(bool)
        pred = np.roll(gt, rng.integers(-9, 10, 2), axis=(0, 1)) ^ (rng.random(gt.shape) < 0.0005)
        j, f = reference(pred, gt)
        assert 0 < f < 1
        assert abs(region_similarity(pred, gt) - j) < TOLERANCE
        assert abs(boundary_accuracy(pred, gt) - f) < TOLERANCE


def test_empty_and_full_by_hand() -> None:
    empty, full, dot = CASES["empty"], CASES["full"], CASES["one pixel"]
    assert (region_similarity(empty, empty), boundary_accuracy(empty, empty)) == (1, 1)
    assert (region_similarity(full, full), boundary_accuracy(full, full)) == (1, 1)
    assert (region_similarity(empty, dot), boundary_accuracy(empty, dot)) == (0, 0)
    # A full mask has no contour, so F cannot tell it from an empty one, while J can.
    assert (region_similarity(empty, full), boundary_accuracy(empty, full)) == (0, 1)
    assert boundary(dot).sum() == 4


def test_tolerance_is_eight_pixels_at_480p() -> None:
    assert boundary_tolerance((480, 854)) == 8
    near, far = np.zeros((480, 854), bool), np.zeros((480, 854), bool)
    gt = np.zeros((480, 854), bool)
    gt[100, 100], near[108, 100], far[110, 100] = True, True, True
    assert boundary_accuracy(near, gt) == 1
    assert boundary_accuracy(far, gt) == 0


def test_masks_must_be_boolean_and_of_one_size() -> None:
    with pytest.raises(ValueError, match="boolean"):
        region_similarity(np.zeros((3, 3), np.uint8), np.zeros((3, 3), bool))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one size"):
        boundary_accuracy(np.zeros((3, 4), bool), np.zeros((3, 3), bool))


def test_statistics_by_hand() -> None:
    result = statistics([1.0, 0.9, 0.5, 0.51, 0.2])
    assert result.mean == pytest.approx(0.622)
    assert result.recall == pytest.approx(3 / 5)
    assert result.decay == pytest.approx(0.95 - 0.355)
    assert statistics([0.7]).decay == 0


def test_decay_beyond_256_frames() -> None:
    values = np.linspace(1, 0, 1001)
    # Bins of frames 0..250 and 750..1000: their means are those of their middle frames.
    assert statistics(values).decay == pytest.approx(values[125] - values[875])
    wrapped = values[np.array([0, 250, 500, 750, 1000]).astype(np.uint8)]
    assert statistics(values).decay != pytest.approx(wrapped[0] - wrapped[3], abs=0.05)


def test_decay_of_short_sequences_matches_the_official_rule() -> None:
    rng = np.random.default_rng(1)
    for count in (1, 2, 3, 4, 5, 6, 7, 10, 33, 78, 200):
        values = rng.random(count)
        ids = (np.round(np.linspace(1, count, 5) + 1e-10) - 1).astype(np.uint8)
        expected = values[ids[0] : ids[1] + 1].mean() - values[ids[3] : ids[4] + 1].mean()
        assert statistics(values).decay == pytest.approx(expected, abs=1e-12)
