"""Clips in which frames are shown twice, as in screen recordings and films brought to a higher frame rate."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from gsanet import Segmenter
from gsanet.model import GSANet
from gsanet.segment.motion import MOST_REPEATS, same_picture, windows
from gsanet.video.arrays import ArrayClip
from tiny import moving_square


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, precision="float32")


def coded_again(frames: np.ndarray) -> np.ndarray:
    """The same pictures with what a codec adds."""
    noise = np.random.default_rng(0).integers(-2, 3, frames.shape)
    return np.clip(frames.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("options", [{}, {"flip": True, "flow_directions": "both"}, {"smooth": False}])
def test_masks_are_those_of_the_clip_without_repeats(
    segmenter: Segmenter, tiny_frames: np.ndarray, times: int, options: dict[str, object]
) -> None:
    once = list(segmenter.stream(tiny_frames, **options))  # type: ignore[arg-type]
    often = list(segmenter.stream(tiny_frames.repeat(times, axis=0), **options))  # type: ignore[arg-type]
    assert [result.index for result in often] == list(range(len(tiny_frames) * times))
    assert [result.name for result in often] == [f"{index:05d}" for index in range(len(tiny_frames) * times)]
    for result in often:
        np.testing.assert_array_equal(result.probability, once[result.index // times].probability)


def test_each_repeat_keeps_its_own_picture_and_time(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    shown = np.stack(list(chain.from_iterable(zip(tiny_frames, coded_again(tiny_frames), strict=True))))
    results = list(segmenter.stream(shown))
    assert np.all(np.diff([result.time for result in results]) > 0)
    for result, image in zip(results, shown, strict=True):
        np.testing.assert_array_equal(result.image, image)
    for result, again in zip(results[::2], results[1::2], strict=True):
        np.testing.assert_array_equal(result.mask, again.mask)


def test_what_is_shown_for_long_stands_still() -> None:
    still = np.repeat(moving_square(1, 64, 96), 4 * (MOST_REPEATS + 1), axis=0)
    found = list(windows(ArrayClip(still), True, 448))
    assert [len(window.repeats) for window in found] == [MOST_REPEATS] * 4
    assert sum(1 + len(window.repeats) for window in found) == len(still)


def test_something_small_that_moves_is_no_repeat() -> None:
    """A thousandth of the picture, by one pixel."""
    picture = coded_again(np.full((252, 448, 3), 120, np.uint8))
    one, other = picture.copy(), picture.copy()
    one[100:110, 200:212], other[100:110, 201:213] = 30, 30
    assert same_picture(picture, coded_again(picture))
    assert not same_picture(one, other)


def test_online_no_frame_waits(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    doubled = tiny_frames.repeat(2, axis=0)
    with segmenter.live() as live:
        assert [live.step(frame).index for frame in doubled] == list(range(len(doubled)))


def test_online_a_repeat_sees_the_motion_of_the_first(segmenter: Segmenter, tiny_frames: np.ndarray) -> None:
    """Otherwise every second frame would be one at rest, and its object one that does not move."""
    once = list(segmenter.stream(tiny_frames, online=True))
    exact = list(segmenter.stream(tiny_frames.repeat(2, axis=0), online=True))
    assert len({result.flow.tobytes() for result in once}) > 5
    for result in exact[2:]:
        np.testing.assert_array_equal(result.flow, once[result.index // 2].flow)
    coded = ArrayClip(coded_again(moving_square(6, 64, 96).repeat(2, axis=0)))
    assert [window.again for window in windows(coded, False, 448)][2:] == [False, True] * 5
    assert [result.shot for result in exact] == [0] * len(exact)


@pytest.mark.parametrize("options", [{"flow": "none"}, {"flow": "none", "online": True}, {"online": True}])
def test_where_no_frame_looks_ahead_repeats_are_frames_like_any(
    segmenter: Segmenter, tiny_frames: np.ndarray, options: dict[str, object]
) -> None:
    doubled = list(segmenter.stream(tiny_frames.repeat(2, axis=0), **options))  # type: ignore[arg-type]
    assert [result.index for result in doubled] == list(range(2 * len(tiny_frames)))
    assert {result.shot for result in doubled} == {0}


def test_online_what_is_shown_for_long_stands_still() -> None:
    moving = moving_square(2, 64, 96)
    clip = ArrayClip(np.concatenate([moving, moving[-1:].repeat(MOST_REPEATS + 3, axis=0)]))
    found = list(windows(clip, False, 448))
    assert [window.again for window in found] == [False, False, *[True] * MOST_REPEATS, False, True, True]
    for window in found[1 : 2 + MOST_REPEATS]:
        np.testing.assert_array_equal(window.before, found[0].small)
    for window in found[2 + MOST_REPEATS :]:
        np.testing.assert_array_equal(window.before, found[1].small)
