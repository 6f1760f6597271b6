"""Masks change their size without a value that was not there."""

from __future__ import annotations

import numpy as np
import pytest

from gsanet.video.resize import resize_mask


@pytest.mark.parametrize("size", [(4, 6), (16, 24), (7, 5), (1, 1)])
def test_no_value_is_invented(size: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 38, 255], np.uint8), (8, 12))
    resized = resize_mask(labels, size)
    assert resized.shape == size and resized.dtype == np.uint8 and set(np.unique(resized)) <= {0, 38, 255}
    mask = resize_mask(labels > 0, size)
    assert mask.dtype == np.bool_ and mask.shape == size
    colours = resize_mask(np.dstack([labels] * 3), size)
    assert colours.shape == (*size, 3)


def test_a_mask_of_the_size_is_given_back() -> None:
    mask = np.zeros((4, 6), bool)
    assert resize_mask(mask, (4, 6)) is mask


def test_nothing_shifts() -> None:
    """A square in the middle stays there, also to a size that is no multiple."""
    mask = np.zeros((90, 90), bool)
    mask[30:60, 30:60] = True
    for side in (180, 60, 45):
        resized = resize_mask(mask, (side, side))
        assert np.array_equal(resized, resized[::-1, ::-1]), side
