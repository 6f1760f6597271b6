"""Frames that are told from those around them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from bright import Bright

from gsanet.model import GSANet
from gsanet.segment import Segmenter
from gsanet.segment.keyframes import LARGEST, Placed, carried_between, settle, stretches
from gsanet.segment.links import Link

SHAPE = (24, 40)

INTERVAL = 4

OVERLAP = 0.85


def square(left: float, size: tuple[int, int] = SHAPE) -> np.ndarray:
    """A square of a quarter of the height, that many pixels of SHAPE from the left."""
    map = np.zeros(size, np.float32)
    scale = size[0] // SHAPE[0]
    map[6 * scale : 12 * scale, round(left * scale) : round((left + 6) * scale)] = 1
    return map


def moving(by: float) -> Link:
    """All things go *by* pixels to the right in each frame."""
    flow = np.zeros((*SHAPE, 2), np.float32)
    flow[..., 0] = by
    sure = np.ones(SHAPE, np.float32)
    return Link(-flow, sure, flow, sure)


def test_maps_go_along_with_what_moves() -> None:
    maps = carried_between(square(4), square(10), [moving(2)] * 3, OVERLAP)
    assert maps is not None
    np.testing.assert_array_equal(maps, [square(6), square(8)])


def test_a_map_that_is_finer_than_the_flow_stays_as_fine() -> None:
    fine = (3 * SHAPE[0], 3 * SHAPE[1])
    maps = carried_between(square(4), square(6, fine), [moving(1)] * 2, OVERLAP)
    assert maps is not None and maps[0].shape == fine
    np.testing.assert_array_equal(maps[0] > 0.5, square(5, fine) > 0.5)


def test_the_side_that_fits_the_picture_counts() -> None:
    start, end = square(8) * 0.6, square(8)
    for trusted, expected in (((1.0, 0.0), 0.6), ((0.0, 1.0), 1.0), ((0.0, 0.0), 0.8), ((0.5, 0.5), 0.8)):
        zero = np.zeros((*SHAPE, 2), np.float32)
        past, future = (np.full(SHAPE, trust, np.float32) for trust in trusted)
        maps = carried_between(start, end, [Link(zero, past, zero, past), Link(zero, future, zero, future)], OVERLAP)
        assert maps is not None
        assert maps[0].max() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("end", "agree"),
    [
        (square(8), True),
        (square(9), False),  # five of seven columns are in both
        (np.zeros(SHAPE, np.float32), False),
    ],
)
def test_both_sides_must_agree(end: np.ndarray, agree: bool) -> None:
    assert (carried_between(square(8), end, [moving(0)] * 4, OVERLAP) is not None) == agree


def test_where_nothing_is_found_nothing_is_looked_for() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    maps = carried_between(nothing, nothing, [moving(3)] * 4, OVERLAP)
    assert maps is not None and len(maps) == 3 and not np.any(maps)


def numbered(count: int, cuts: tuple[int, ...] = (0,)) -> Iterator[Placed[int]]:
    for i in range(count):
        yield Placed(i, None if i in cuts else moving(0), i % INTERVAL == 0 or i in cuts)


def test_a_stretch_ends_with_a_key_frame_and_the_last_of_a_shot_is_one() -> None:
    found = list(stretches(numbered(15, cuts=(0, 7, 9, 10))))
    parts = [([one.frame for one in part.between], part.key.frame) for part in found]
    assert parts == [
        ([], 0), ([1, 2, 3], 4), ([5], 6), ([], 7), ([], 8), ([], 9), ([], 10), ([11], 12), ([13], 14),
    ]  # fmt: skip
    assert [part.before is None for part in found] == [part.key.frame in (0, 7, 9, 10) for part in found]


def test_frames_before_a_break_come_all_the_same() -> None:
    def broken() -> Iterator[Placed[int]]:
        yield from numbered(6)
        raise OSError("the disk")

    parts = stretches(broken())
    assert [next(parts).key.frame for _ in range(3)] == [0, 4, 5]
    with pytest.raises(OSError, match="the disk"):
        next(parts)


def settled(places: list[float], cuts: tuple[int, ...] = (0,)) -> tuple[list[np.ndarray], list[int]]:
    """What is found of a square in *places*, and which frames were looked at; the flow says that nothing moves."""
    looks: list[int] = []

    def look(frame: int) -> tuple[int, np.ndarray]:
        looks.append(frame)
        return frame, square(places[frame])

    done = [
        one
        for part in stretches(numbered(len(places), cuts))
        for one in settle(part, look, lambda frame: frame, OVERLAP)
    ]
    assert [frame for frame, _ in done] == list(range(len(places)))
    return [map for _, map in done], sorted(looks)


def test_only_what_is_not_told_is_looked_at() -> None:
    rest = [8.0] * 9
    maps, looks = settled(rest)
    assert looks == [0, 4, 8]
    np.testing.assert_array_equal(maps, [square(8)] * 9)
    # It leaps in the second stretch: the middle says in which half.
    leaps = [8.0] * 7 + [20.0] * 2
    maps, looks = settled(leaps)
    assert looks == [0, 4, 6, 7, 8]
    np.testing.assert_array_equal(maps, [square(at) for at in leaps])
    assert settled([2.0 * i for i in range(9)])[1] == list(range(9)), "nothing agrees"


def test_nothing_is_told_over_a_cut() -> None:
    places = [8.0] * 6 + [20.0] * 6
    maps, looks = settled(places, cuts=(0, 6))
    assert looks == [0, 4, 5, 6, 8, 11]
    np.testing.assert_array_equal(maps, [square(at) for at in places])


def test_an_error_of_one_look_ends_the_next_stretch_too() -> None:
    first, second = list(stretches(numbered(5)))

    def fails(frame: int) -> tuple[int, np.ndarray]:
        if frame == 0:
            raise ValueError("no memory")
        return frame, square(8)

    for part in (first, second):
        with pytest.raises(ValueError, match="no memory"):
            settle(part, fails, lambda frame: frame, OVERLAP)


def ball(frames: int, speed: int) -> np.ndarray:
    """A red square that crosses a picture of grain."""
    grain = np.random.default_rng(0).integers(0, 100, (144, 256, 3), np.uint8)
    clip = np.repeat(grain[None], frames, 0)
    for i, frame in enumerate(clip):
        at = 16 + speed * i % 160
        frame[40:88, at : at + 48] = grain[40:88, 80:128] + np.array([150, 0, 0], np.uint8)
    return clip


@pytest.fixture
def red(tiny_model: GSANet) -> Iterator[tuple[Segmenter, Bright]]:
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", size=256)
    network = Bright(segmenter.runtime)
    segmenter.runtime = network  # type: ignore[assignment]
    yield segmenter, network


@pytest.mark.parametrize("fovea", ["off", "instead"])
@pytest.mark.parametrize("smooth", [True, False])
def test_the_engine_looks_at_few_frames_of_a_quiet_clip(
    red: tuple[Segmenter, Bright], fovea: str, smooth: bool
) -> None:
    segmenter, network = red
    clip = ball(21, 1)
    masks, looks = {}, {}
    for keyframes in (True, False):
        network.sizes.clear()
        masks[keyframes] = segmenter.segment(clip, fovea=fovea, smooth=smooth, keyframes=keyframes)  # type: ignore[arg-type]
        looks[keyframes] = len(network.sizes)
    assert looks[True] < 0.7 * looks[False]
    truth = clip[..., 0] > 127
    for found in masks.values():
        assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_it_looks_at_more_frames_where_things_leap(red: tuple[Segmenter, Bright]) -> None:
    segmenter, network = red
    looks = []
    for speed in (1, 43):
        network.sizes.clear()
        segmenter.segment(ball(21, speed), fovea="off")
        looks.append(len(network.sizes))
    assert looks[0] < looks[1] <= 21


def test_fewer_frames_are_looked_at_where_less_is_asked_for(red: tuple[Segmenter, Bright]) -> None:
    segmenter, network = red

    def looks(**changes: float) -> int:
        network.sizes.clear()
        segmenter.segment(ball(17, 43), fovea="off", **changes)  # type: ignore[arg-type]
        return len(network.sizes)

    assert looks(keyframe_overlap=0, keyframe_interval=8) == 6, "the first four, and the key frames 8 and 16"
    assert looks(keyframe_overlap=0) == 8 < looks(keyframe_overlap=0.3) <= looks() <= looks(keyframe_overlap=1)


@pytest.mark.parametrize("changes", [{}, {"fovea": "off"}, {"keyframe_interval": 2}, {"batch": 3}, {"smooth": False}])
@pytest.mark.parametrize("fails", [1, 3, 7])
def test_a_beginning_that_fails_or_is_left_ends(
    red: tuple[Segmenter, Bright], changes: dict[str, object], fails: int, threads_of_torch: Callable[[int], None]
) -> None:
    threads_of_torch(4)
    segmenter, network = red
    assert segmenter.runtime.workers > 1
    looks = itertools.count(1)

    class Failing(Bright):
        def __call__(self, pictures, references, slots=False):  # type: ignore[no-untyped-def]
            if next(looks) >= fails:
                raise MemoryError("no room")
            return super().__call__(pictures, references, slots)

    segmenter.runtime = Failing(network)  # type: ignore[assignment]
    with pytest.raises(MemoryError, match="no room"):
        segmenter.segment(ball(17, 1), **changes)  # type: ignore[arg-type]
    segmenter.runtime = network  # type: ignore[assignment]
    stream = segmenter.stream(ball(17, 1), **changes)  # type: ignore[arg-type]
    next(stream)
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gsanet")]


def test_slots_and_batches_change_no_mask(red: tuple[Segmenter, Bright]) -> None:
    segmenter, _ = red
    clip = ball(14, 2)
    plain = [result.probability for result in segmenter.stream(clip)]
    for changes in ({"slots": True}, {"batch": 3}):
        others = [result.probability for result in segmenter.stream(clip, **changes)]  # type: ignore[arg-type]
        for one, other in zip(plain, others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_large_frames_are_all_looked_at(red: tuple[Segmenter, Bright]) -> None:
    segmenter, network = red
    looks = []
    for changes in ({}, {"keyframes": False}):
        network.sizes.clear()
        clip = np.repeat(np.repeat(ball(6, 1), 9, axis=1), 9, axis=2)
        assert clip.shape[1] * clip.shape[2] > LARGEST
        segmenter.segment(clip, **changes)
        looks.append(len(network.sizes))
    assert looks[0] == looks[1]


@pytest.mark.parametrize("changes", [{"online": True}, {"fovea": "beside"}])
def test_all_frames_are_looked_at_where_it_cannot_be_otherwise(red: tuple[Segmenter, Bright], changes) -> None:  # type: ignore[no-untyped-def]
    segmenter, network = red
    assert not segmenter.options.change(changes).sparse
    segmenter.segment(ball(9, 1), **changes)
    assert len(network.sizes) >= 9
