"""What stands behind the object."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.segment import FrameResult
from gsanet.segment.background import check_background, composite, open_background
from gsanet.video import VideoWriter
from gsanet.video.images import write_rgb

SIZE = (48, 80)


def frame(index: int = 0, time: float = 0.0) -> FrameResult:
    """Red on blue."""
    image = np.full((*SIZE, 3), (0, 0, 200), np.uint8)
    image[10:40, 20:60] = (200, 0, 0)
    probability = (image[..., 0] > 0).astype(np.float32)
    return FrameResult(index, time, f"{index:05d}", image, probability, image, {})


def behind(text: str, result: FrameResult) -> np.ndarray:
    ground = open_background(text)
    assert ground is not None
    return ground.behind(result, result.mask * np.uint8(255))


@pytest.mark.parametrize(("text", "colour"), [("green", (0, 128, 0)), ("#00ff00", (0, 255, 0)), ("#0f08", (0, 255, 0))])
def test_a_colour(text: str, colour: tuple[int, int, int]) -> None:
    picture = behind(text, frame())
    assert picture.shape == (*SIZE, 3) and (picture == colour).all()


def test_a_picture_fills_the_frame_and_is_cut(tmp_path: Path) -> None:
    wide = np.zeros((20, 200, 3), np.uint8)
    wide[:, 100:] = 255
    write_rgb(tmp_path / "wide.png", wide)
    ground = open_background(str(tmp_path / "wide.png"))
    assert ground is not None
    for k in range(3):
        picture = ground.behind(frame(k, k / 10), np.zeros(SIZE, np.uint8))
        assert picture.shape == (*SIZE, 3)
        assert not picture[:, :36].any() and (picture[:, 44:] == 255).all()


def test_a_video_keeps_its_own_time_and_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    with VideoWriter(path, Fraction(5)) as writer:
        for k in range(4):
            writer.write(np.full((32, 32, 3), 20 + 60 * k, np.uint8))
    ground = open_background(str(path))
    assert ground is not None
    shown = [ground.behind(frame(k, 3 + k / 10), np.zeros(SIZE, np.uint8)).mean() for k in range(20)]
    # Ten frames a second over five: each is shown twice, and all of them again after 0.8 seconds.
    expected = [20 + 60 * (k // 2 % 4) for k in range(20)]
    assert shown == pytest.approx(expected, abs=4)


def test_blur_takes_no_colour_from_the_object() -> None:
    picture = behind("blur", frame())
    outside = np.ones(SIZE, bool)
    outside[14:36, 24:56] = False
    assert picture[outside][:, 0].max() < 20 and picture[outside][:, 2].min() > 180


def test_transparent_is_nothing() -> None:
    assert open_background("transparent") is None


def test_a_composite_is_the_mixture() -> None:
    front = np.full((4, 4, 4), (200, 100, 0, 0), np.uint8)
    front[..., 3] = [0, 51, 204, 255]
    laid = composite(front, np.full((4, 4, 3), (0, 0, 100), np.uint8))
    np.testing.assert_allclose(laid[0], [[0, 0, 100], [40, 20, 80], [160, 80, 20], [200, 100, 0]], atol=1)


def test_what_is_no_background_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    for text in ("gren", str(tmp_path / "no.png"), str(tmp_path / "notes.txt")):
        with pytest.raises(GsanetError, match=r"a background is a colour \(green, #00ff00\), a picture") as caught:
            check_background(text)
        assert "\n" not in str(caught.value)
    check_background("blur")
