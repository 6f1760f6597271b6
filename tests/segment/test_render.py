"""Pictures of results."""

from __future__ import annotations

import numpy as np
import pytest

from gsanet.segment import FrameResult, render
from gsanet.segment.cutout import cutout


@pytest.fixture
def result() -> FrameResult:
    """A grey frame with an object in its middle."""
    probability = np.full((60, 100), 0.1, np.float32)
    probability[20:40, 30:70] = 0.9
    maps = [f"{kind}_{stream}" for kind in ("coarse_fg", "fine_fg", "fine_not_bg") for stream in ("rgb", "flow")]
    return FrameResult(
        index=0,
        time=0.0,
        name="00000",
        picture=np.full((60, 100, 3), 100, np.uint8),
        map=probability,
        drawn=np.full((64, 96, 3), 255, np.uint8),
        slots={name: np.full((4, 6), 0.5, np.float32) for name in maps},
    )


def test_an_overlay_tints_the_object_only(result: FrameResult) -> None:
    picture = render.overlay(result)
    outside = picture.copy()
    outside[19:41, 29:71] = 100
    assert (outside == 100).all()
    inside = picture[25:35, 35:65].reshape(-1, 3)
    assert (inside == inside[0]).all()
    assert inside[0, 0] > 150 > inside[0, 1]
    assert (picture[20, 30:70] == 255).all()
    assert (result.image == 100).all()


def test_an_overlay_of_nothing_is_the_frame(result: FrameResult) -> None:
    result.probability[:] = 0
    np.testing.assert_array_equal(render.overlay(result), result.image)


def test_a_panel_with_the_truth_shows_what_differs(result: FrameResult) -> None:
    without = render.panel(result)
    truth = result.mask.copy()
    truth[:, :50] = False
    truth[40:50, 30:70] = True
    picture = render.panel(result, truth)
    assert (picture.shape[0], picture.shape[1] - without.shape[1]) == (without.shape[0], 324)
    np.testing.assert_array_equal(picture[:, : without.shape[1]], without)
    tile = picture[picture.shape[0] // 2 + 20 :, -320:]
    colours, counts = np.unique(tile.reshape(-1, 3), axis=0, return_counts=True)
    found = {tuple(colour): count for colour, count in zip(colours.tolist(), counts.tolist(), strict=True)}
    too_much, missed = found[tuple(render.TINT)], found[(40, 90, 255)]
    assert 0.8 < too_much / missed < 1.3  # 20 x 20 and 40 x 10 pixels


@pytest.mark.parametrize("size", [(60, 100), (100, 60), (3, 200)])
def test_a_panel_shows_ten_pictures(result: FrameResult, size: tuple[int, int]) -> None:
    result.picture = np.full((*size, 3), 100, np.uint8)
    result.map = np.zeros(size, np.float32)
    picture = render.panel(result)
    height = max(1, round(320 * size[0] / size[1]))
    assert picture.shape == (2 * (height + 18) + 4, 5 * 320 + 4 * 4, 3)
    assert (picture[18, 0] == 100).all()


def test_grey_rounds() -> None:
    np.testing.assert_array_equal(render.grey(np.array([[-1, 0, 0.5, 1, 2]], np.float32)), [[0, 0, 128, 255, 255]])


def test_the_panel_of_an_ablated_model_leaves_white_what_is_not_there(result: FrameResult) -> None:
    whole = render.panel(result)
    result.slots = {name: value for name, value in result.slots.items() if not name.startswith("coarse")}
    fewer = render.panel(result)
    assert fewer.shape == whole.shape
    different = (fewer != whole).any(-1)
    assert different.any() and (fewer[different] == 255).all()


def test_the_threshold_moves_mask_and_cutout_alike() -> None:
    probability = np.tile(np.linspace(0, 1, 101, dtype=np.float32), (40, 1))
    image = np.full((40, 101, 3), 128, np.uint8)
    covered = []
    for threshold in (0.2, 0.5, 0.8):
        result = FrameResult(0, 0.0, "0", image, probability, image, {}, threshold=threshold)
        np.testing.assert_array_equal(result.mask, probability > threshold)
        alpha = cutout(result)[..., 3] > 127
        covered.append(int(alpha[20].sum()))
    assert covered == pytest.approx([80, 50, 20], abs=2)
