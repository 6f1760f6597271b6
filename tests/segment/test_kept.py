"""Pictures of large frames do not wait; they are read a second time, and are the right ones."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_engine_memory import Counting, Nothing

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import Segmenter, kept
from gsanet.segment.kept import keep, second_look, waiting
from gsanet.segment.threads import Behind
from gsanet.video import ArrayClip, Frame
from gsanet.video.sources import open_clip


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is."""
    monkeypatch.setattr("gsanet.segment.pipeline.LARGE", 0)
    monkeypatch.setattr(kept, "LARGE", 0)


def test_results_are_those_of_small_frames(
    tiny_model: GSANet, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = Segmenter(tiny_model, precision="float32")
    small = list(segmenter.stream(tiny_clip))
    monkeypatch.setattr("gsanet.segment.pipeline.LARGE", 0)
    monkeypatch.setattr(kept, "LARGE", 0)
    for one, other in zip(small, segmenter.stream(tiny_clip), strict=True):
        assert (one.index, one.time, one.name) == (other.index, other.time, other.name)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)


def test_repeats_have_pictures_of_their_own(tiny_model: GSANet, tiny_frames: np.ndarray, large: None) -> None:
    doubled = np.repeat(tiny_frames[:6], 2, axis=0)
    doubled[1::2, 0, 0] ^= 1  # no more than a codec does
    results = list(Segmenter(tiny_model, precision="float32").stream(doubled))
    assert [result.index for result in results] == list(range(12))
    for result, image in zip(results, doubled, strict=True):
        np.testing.assert_array_equal(result.image, image)


@pytest.mark.parametrize(("images", "most"), [(True, 5), (False, 3)])
def test_no_picture_waits(large: None, images: bool, most: int) -> None:
    clip = Counting(60, 80, 128)
    # Frames larger than those for motion and closer looks: these would be the pictures themselves.
    segmenter = Segmenter(Nothing(), flow="none", fovea="off", size=64, flow_size=64)  # type: ignore[arg-type]
    count = 0
    for result in segmenter.stream(clip, images=images):
        count += 1
        del result
    gc.collect()
    assert count == 60
    assert clip.alive == 0
    # Each reader holds the frame that it has just made and the one before; the last result has one.
    assert clip.most <= most


def test_without_images_a_result_says_so(tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    with_images, without = (
        list(Segmenter(tiny_model, precision="float32").stream(tiny_frames, images=images)) for images in (True, False)
    )
    np.testing.assert_array_equal([one.mask for one in without], [one.mask for one in with_images])
    with pytest.raises(GsanetError, match="images=True"):
        _ = without[0].image


def test_a_clip_that_changes_between_the_looks_is_an_error(tiny_frames: np.ndarray) -> None:
    class Shrinking(ArrayClip):
        def __iter__(self) -> Iterator[Frame]:
            yield from list(super().__iter__())[:3]

    clip = Shrinking(tiny_frames)
    last = list(ArrayClip(tiny_frames))[4]
    with second_look(clip) as look, pytest.raises(GsanetError, match="changed while it was read: frame 4"):
        look(keep(last, image=False))


def test_leaving_closes_the_second_reader(tiny_model: GSANet, tiny_clip: Path, large: None) -> None:
    clip = open_clip(tiny_clip)
    open_now: list[bool] = []
    whole = type(clip).__iter__

    class Watched(type(clip)):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Frame]:
            open_now.append(True)
            try:
                yield from whole(self)
            finally:
                open_now.pop()

    clip.__class__ = Watched
    results = Segmenter(tiny_model, precision="float32").stream(clip)
    next(results)
    assert len(open_now) == 2
    results.close()
    assert not open_now


def test_fewer_large_frames_wait() -> None:
    sizes = [(854, 480), (2560, 1440), (3840, 2160), (7680, 4320)]
    assert [waiting(width * height, 4) for width, height in sizes] == [4, 4, 1, 0]


def test_with_a_depth_of_nothing_work_is_done_at_once() -> None:
    done: list[int] = []
    with Behind(done.append, 0) as behind:
        behind.put(1)
        assert done == [1]

    def fail(item: int) -> None:
        raise ValueError(item)

    with pytest.raises(ValueError, match="3"), Behind(fail, 0) as behind:
        behind.put(3)
