"""Clips in memory, and frames that come once."""

from __future__ import annotations

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.video import ArrayClip, LiveClip


def test_an_array_is_a_clip() -> None:
    frames = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)
    clip = ArrayClip(frames)
    assert (clip.length, clip.width, clip.height) == (5, 6, 4)
    for _ in range(2):
        assert [int(frame.image[0, 0, 0]) for frame in clip] == [int(f[0, 0, 0]) for f in frames]
    assert [frame.index for frame in clip.frames_at([4, 1, 9])] == [1, 4]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), "float32"),
        (np.zeros((2, 4, 4), np.uint8), r"\(2, 4, 4\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), "no frames"),
        (np.zeros((2, 0, 4, 3), np.uint8), "4x0"),
    ],
)
def test_arrays_that_are_no_clip(frames: np.ndarray, message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        ArrayClip(frames)


def test_live_frames_come_once() -> None:
    images = [np.full((4, 6, 3), i, np.uint8) for i in range(3)]
    clip = LiveClip(iter(images))
    assert clip.length is None and clip.live
    assert [int(frame.image.max()) for frame in clip] == [0, 1, 2]
    with pytest.raises(GsanetError, match="only once"):
        list(clip)


def test_live_frames_are_checked_as_they_come() -> None:
    with pytest.raises(GsanetError, match="no frames"):
        LiveClip([])
    with pytest.raises(GsanetError, match="frame 0 must be"):
        LiveClip([np.zeros((4, 4), np.uint8)])
    good = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(GsanetError, match="frame 1 is 5x4, the frames before it 6x4"):
        list(LiveClip([good, good[:, :5]]))
