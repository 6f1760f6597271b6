"""Flow computed on smaller pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.flow import flow_method
from gsanet.flow.base import FlowMethod
from gsanet.flow.scaled import ScaledFlow, enlarge

Picture = NDArray[np.uint8]


class Constant(FlowMethod):
    """Two pixels right and one up in its own grid, whatever it is shown."""

    batch, parallel = 5, False

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, first: Picture, second: Picture) -> NDArray[np.float32]:
        self.shapes.append(first.shape[:2])
        return np.broadcast_to(np.array([2, -1], np.float32), (*first.shape[:2], 2)).copy()


def test_vectors_are_scaled_back_with_the_grid() -> None:
    inner = Constant()
    scaled = ScaledFlow(inner, 32)
    found = scaled(np.zeros((60, 128, 3), np.uint8), np.ones((60, 128, 3), np.uint8))
    assert inner.shapes == [(15, 32)]
    assert found.shape == (60, 128, 2) and found.dtype == np.float32
    assert np.allclose(found, (8, -4))
    # Rounding of a side counts: 10 rows became 3.
    found = scaled(np.zeros((10, 128, 3), np.uint8), np.ones((10, 128, 3), np.uint8))
    assert inner.shapes[-1] == (2, 32) and np.allclose(found, (8, -5))


def test_small_pictures_are_left_alone_and_batches_passed_on() -> None:
    inner = Constant()
    scaled = ScaledFlow(inner, 64)
    assert (scaled.batch, scaled.parallel) == (5, False)
    pictures: Sequence[Picture] = [np.full((20, 64, 3), i, np.uint8) for i in range(4)]
    found = scaled.many(list(pairwise(pictures)))
    assert len(found) == 3 and inner.shapes == [(20, 64)] * 3
    assert all(np.array_equal(one[0, 0], (2, -1)) for one in found)
    flow = found[0]
    assert enlarge(flow, (20, 64)) is flow


def test_dis_finds_the_same_shift_on_smaller_pictures() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (25, 33, 3), np.uint8)
    picture = cv2.resize(noise, (256, 192), interpolation=cv2.INTER_CUBIC)
    method = flow_method("dis", long_side=128)
    found = method(picture, np.roll(picture, (-4, 6), axis=(0, 1)))
    assert np.allclose(np.median(found[32:-32, 32:-32].reshape(-1, 2), axis=0), (6, -4), atol=0.5)
    assert not method(picture, picture).any()


def test_what_cannot_be() -> None:
    with pytest.raises(GsanetError, match="at least 16 pixels, got 8"):
        flow_method("dis", long_side=8)
    with pytest.raises(ValueError, match="one size"):
        ScaledFlow(Constant(), 32)(np.zeros((60, 128, 3), np.uint8), np.zeros((60, 120, 3), np.uint8))
