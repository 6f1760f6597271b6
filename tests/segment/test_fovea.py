"""Where to look closer, what is shown there, and how it comes back into the map of the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
from bright import Bright

from gsanet import Segmenter
from gsanet.flow.colour import flow_to_picture
from gsanet.segment.fovea import (
    CLOSEST,
    WIDEST,
    Box,
    Closer,
    between,
    canvas,
    closer_pictures,
    closer_size,
    goes_on,
    look_at,
    object_box,
    places,
    put_in,
)
from gsanet.segment.links import Link
from gsanet.segment.options import Way

WAY = Way("forward", "dis")
LINK = Link(np.zeros((4, 4, 2), np.float32), np.ones((4, 4), np.float32))


def found(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = (40, 80)) -> np.ndarray:
    probability = np.zeros(size, np.float32)
    probability[top:bottom, left:right] = 0.9
    return probability


def test_the_box_holds_the_object_and_its_larger_pieces() -> None:
    probability = found(10, 20, 20, 40)
    probability[30:35, 60:70] = 0.8  # a quarter of the largest
    probability[0:2, 0:2] = 0.8  # a fiftieth
    assert object_box(probability) == Box(10 / 40, 35 / 40, 20 / 80, 70 / 80)
    assert object_box(np.zeros((40, 80), np.float32)) is None


def test_a_look_has_room_around_the_object_and_stays_in_the_frame() -> None:
    box = look_at([Box(0.4, 0.6, 0.0, 0.3), None])
    assert box is not None
    assert box.bottom - box.top == pytest.approx(1.7 * 0.2)
    assert (box.left, box.right) == (0, pytest.approx(1.7 * 0.3))
    assert (box.top + box.bottom) / 2 == pytest.approx(0.5)
    tiny = look_at([Box(0.98, 1.0, 0.5, 0.51)])
    assert tiny is not None
    assert tiny.bottom == pytest.approx(1)
    assert tiny.bottom - tiny.top == pytest.approx(CLOSEST)


def test_no_closer_look_at_what_fills_the_frame_or_was_not_found() -> None:
    assert look_at([Box(0.2, 0.8, 0.2, 0.8)]) is None
    assert look_at([None, None]) is None
    assert look_at([]) is None
    wide = look_at([Box(0.45, 0.55, 0.0, 1.0)])
    assert wide is not None
    assert wide.right - wide.left == pytest.approx(WIDEST)
    wide = look_at([Box(0.45, 0.55, 0.0, 1.0)], instead=True)
    assert wide is not None
    assert (wide.left, wide.right) == (0, 1)
    assert look_at([Box(0.2, 0.68, 0.0, 1.0)], instead=True) is None


def test_a_closer_look_takes_as_many_pixels_as_the_whole_frame() -> None:
    for box in (Box(0, 0.3, 0, 0.3), Box(0, 0.8, 0, 0.3), Box(0, 0.3, 0, 0.8)):
        height, width = closer_size(box, (480, 854), (256, 448))
        assert height % 32 == width % 32 == 0
        assert 0.8 < height * width / (256 * 448) < 1.25
        proportion = (box.right - box.left) * 854 / ((box.bottom - box.top) * 480)
        assert 0.75 < width / height / proportion < 1.34


def test_picture_and_flow_are_those_of_the_box() -> None:
    rows, columns = np.mgrid[0:80, 0:160]
    image = np.stack([rows, columns, rows], -1).astype(np.uint8)
    y, x = np.mgrid[0:40, 0:80].astype(np.float32)  # at half the size
    flow = np.stack([x / 10, y / 10], -1)
    box = Box(0.25, 0.75, 0.5, 1.0)
    shown = closer_pictures(Closer(image, {WAY: flow}, True), box, (80, 160), WAY, False)
    assert shown.rgb.shape == shown.flow.shape == (80, 160, 3)
    assert abs(int(shown.rgb[0, 0, 0]) - 20) <= 1
    assert abs(int(shown.rgb[0, 0, 1]) - 80) <= 1
    assert abs(int(shown.rgb[-1, -1, 1]) - 159) <= 1
    # A pixel of the look at (r, c) lies at (10 + r / 4, 40 + c / 4) of the flow, whose vectors are four times as long.
    r, c = np.mgrid[0:80, 0:160].astype(np.float32)
    expected = flow_to_picture(np.stack([(40 + (c + 0.5) / 4 - 0.5) * 0.4, (10 + (r + 0.5) / 4 - 0.5) * 0.4], -1))
    inside = (slice(4, -4), slice(4, -4))
    assert np.abs(shown.flow[inside].astype(int) - expected[inside]).max() <= 2
    mirrored = closer_pictures(Closer(image, {WAY: flow}, True), box, (80, 160), WAY, True)
    np.testing.assert_array_equal(mirrored.rgb, shown.rgb[:, ::-1])


def test_what_it_says_is_put_where_it_looked() -> None:
    truth = found(20, 40, 100, 120, (80, 160))
    box = Box(0.25, 0.75, 0.5, 1.0)
    closer = np.repeat(np.repeat(truth[20:60, 80:160], 2, 0), 2, 1)  # twice as fine
    whole = np.zeros((40, 80), np.float32)
    map = canvas(whole, closer, box, (1000, 2000))
    assert map.shape == (160, 320)
    put_in(map, closer, box, 0.5)
    np.testing.assert_allclose(map, np.repeat(np.repeat(truth, 2, 0), 2, 1) / 2, atol=1e-6)
    assert canvas(whole, closer, box, (60, 120)).shape == (60, 120), "no finer than the frame"
    assert not whole.any()


def test_frames_around_say_where_but_not_those_of_another_shot() -> None:
    maps = [found(0, 4, 8 * i, 8 * i + 4) for i in range(10)]
    items = [(i, maps[i], None if i in (0, 6) else LINK) for i in range(10)]
    placed = list(places(items))
    assert [one[0] for one, _ in placed] == list(range(10))

    def around(first: int, last: int) -> Box | None:
        return look_at(object_box(maps[i]) for i in range(first, last + 1))

    expected = [(0, 3), (0, 4), (0, 5), (0, 5), (1, 5), (2, 5), (6, 9), (6, 9), (6, 9), (6, 9)]
    assert [box for _, box in placed] == [around(*ends) for ends in expected]
    past = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (6, 6), (6, 7), (6, 8), (6, 9)]
    assert [box for _, box in places(items, 0)] == [around(*ends) for ends in past]


@pytest.mark.parametrize("changes", [{}, {"online": True}, {"flip": True, "flow_directions": "both"}])
def test_the_engine_sees_more_of_what_is_small(tiny_model, changes) -> None:  # type: ignore[no-untyped-def]
    clip = np.zeros((9, 270, 480, 3), np.uint8)
    for i, frame in enumerate(clip):
        frame[60:90, 100 + 4 * i : 140 + 4 * i] = 255
        frame[64:90:6, 100 + 4 * i : 140 + 4 * i] = 0  # gaps that the whole frame cannot show
        frame[65:90:6, 100 + 4 * i : 140 + 4 * i] = 0
    segmenter = Segmenter(
        tiny_model, device="cpu", precision="float32", smooth=False, keyframes=False, size=128, **changes
    )
    bright = Bright(segmenter.runtime)
    segmenter.runtime = bright  # type: ignore[assignment]
    masks, passes = {}, {}
    for fovea in ("off", "beside", "instead"):
        masks[fovea] = segmenter.segment(clip, fovea=fovea)
        passes[fovea] = len(bright.sizes)
        bright.sizes.clear()
    views = passes["off"] / 9
    assert passes["beside"] == 2 * passes["off"], "one closer pass for each pass"
    whole = 0 if changes.get("online") else 3
    assert passes["instead"] == (9 + whole) * views, "frames 0, 4 and 8 twice, but online"
    truth = clip[..., 0] > 127
    assert masks["instead"].shape == truth.shape

    def error(masks: np.ndarray) -> float:
        return float((masks != truth).mean())

    assert max(error(masks["beside"]), error(masks["instead"])) < error(masks["off"])


def test_slot_maps_change_no_mask(tiny_model) -> None:  # type: ignore[no-untyped-def]
    clip = np.zeros((10, 90, 160, 3), np.uint8)
    for i, frame in enumerate(clip):
        frame[40:50, 40 + 4 * i : 52 + 4 * i] = 255
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", smooth=False, keyframes=False, size=128)
    segmenter.runtime = bright = Bright(segmenter.runtime)  # type: ignore[assignment]
    plain = [result.probability for result in segmenter.stream(clip)]
    assert len(bright.sizes) == 10 + 3
    slots = [result.probability for result in segmenter.stream(clip, slots=True)]
    for one, other in zip(plain, slots, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_object_that_is_lost_or_goes_on_is_looked_for_in_the_whole_frame(tiny_model) -> None:  # type: ignore[no-untyped-def]
    clip = np.zeros((12, 270, 480, 3), np.uint8)
    for i, frame in enumerate(clip):
        frame[200:260, 30 * i : 30 * i + 60] = 100  # too dark to be the object; without it they would be one picture
    clip[:, 120:140, 220:250] = 255
    clip[4:9, :200] = 0  # nothing in frames 4 and 8, which are seen as a whole: so nobody knows where to look in 5 to 7
    clip[10, 120:140] = 255  # much more than frames 8 and 12 would tell
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", smooth=False, keyframes=False, size=128)
    segmenter.runtime = bright = Bright(segmenter.runtime)  # type: ignore[assignment]
    masks = segmenter.segment(clip)
    whole = sum(size == (64, 128) for size in bright.sizes)
    assert whole == 3 + 6, "every fourth, 5 to 7, and those after 8 in whose part nothing is known"
    assert not masks[4:9].any()
    assert masks[10, 120:140].mean() > 0.9


def test_the_place_between_frames_that_were_seen_as_a_whole() -> None:
    maps = [found(0, 4, 8 * i, 8 * i + 4) for i in range(10)]
    cuts, keys = (0, 6), (0, 4, 6, 8)
    items = [(i, maps[i] if i in keys else None, None if i in cuts else LINK) for i in range(10)]

    def around(*frames: int) -> Box | None:
        return look_at((object_box(maps[i]) for i in frames), instead=True)

    placed = list(between(items, online=False))
    assert [one[0] for one, _ in placed] == list(range(10))
    expected = [(0,), (0, 4), (0, 4), (0, 4), (0, 4), (4,), (6,), (6, 8), (6, 8), (8,)]
    assert [box for _, box in placed] == [around(*frames) for frames in expected]
    past = [(), (0,), (0,), (0,), (), (4,), (), (6,), (), (8,)]
    assert [box for _, box in between(items, online=True)] == [around(*frames) for frames in past]


def test_it_goes_on_where_the_look_ends_but_the_frame_does_not() -> None:
    box = Box(0, 0.5, 0.25, 0.75)
    assert not goes_on(found(0, 10, 20, 60), box), "the frame ends there too"
    assert not goes_on(found(5, 39, 1, 79), box)
    assert goes_on(found(5, 40, 30, 50), box)
    assert goes_on(found(5, 20, 0, 50), box) and goes_on(found(5, 20, 60, 80), box)


@pytest.mark.parametrize("fovea", ["beside", "instead"])
def test_a_frame_at_a_time_gives_the_same_as_online(tiny_model, fovea) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (6, 72, 96, 3), np.uint8)
    segmenter = Segmenter(tiny_model, device="cpu", precision="float32", size=96, fovea=fovea)
    whole = [frame.probability for frame in segmenter.stream(clip, online=True)]
    with segmenter.live() as live:
        steps = [live.step(image).probability for image in clip]
    np.testing.assert_allclose(steps, whole, atol=1e-5)
