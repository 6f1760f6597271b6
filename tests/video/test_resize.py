"""The rule from frame size to network size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.model import variant
from gsanet.model.input_size import network_size
from gsanet.video.resize import limit, resize

LITE = variant("lite", size=512)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((360, 640), (288, 512)),
        ((480, 854), (288, 512)),
        ((481, 853), (288, 512)),
        ((640, 360), (512, 288)),
        ((500, 500), (512, 512)),
        ((20, 2000), (64, 512)),
        ((1, 1), (512, 512)),
    ],
)
def test_the_long_side_is_the_models(frame: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(*frame, LITE) == expected


def test_square_models_and_other_sizes() -> None:
    assert network_size(360, 640, replace(LITE, square=True)) == (512, 512)
    assert network_size(360, 640, replace(LITE, square=True), 384) == (384, 384)
    assert network_size(360, 640, LITE, 256) == (128, 256)
    with pytest.raises(GsanetError, match="at least 64"):
        network_size(360, 640, LITE, 63)


def test_resizing_keeps_what_fits_and_averages_what_shrinks() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, ::2] = 200
    assert resize(picture, (4, 6)) is picture
    assert (resize(picture, (2, 3)) == 100).all()
    assert limit(picture, 6) is picture
    assert limit(picture, 3).shape == (2, 3, 3)
