"""Objects told apart, followed, and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from movers import FPS, SIZE, Place, draw, linked
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.segment.choice import Hint, read_choice
from gsanet.segment.objects import Linked, chosen
from gsanet.segment.options import Options
from gsanet.segment.result import FrameResult
from gsanet.segment.tracks import Tracker
from gsanet.video.sources import open_clip

RIGHT: Place = lambda t: (30 + 3.5 * t, 40)  # noqa: E731
LEFT: Place = lambda t: (165 - 3.5 * t, 70)  # noqa: E731


def followed(count: int, places: Sequence[Place], post: tuple[int, int] | None = None) -> list[list[dict[int, int]]]:
    """For each frame and each thing: number -> how many of its pixels have it."""
    frames, truths = draw(count, places, post)
    tracker = Tracker(448)
    found = []
    for (result, link, new, _), truth in zip(linked(frames, [truth > 0 for truth in truths]), truths, strict=True):
        ids = tracker(result.mask, result.image, result.time, link, new)
        assert ((ids > 0) == result.mask).all()  # all that was found is some object, and nothing else is
        things = []
        for thing in range(len(places)):
            numbers, pixels = np.unique(ids[truth == thing + 1], return_counts=True)
            things.append(dict(zip(numbers.tolist(), pixels.tolist(), strict=True)))
        found.append(things)
    return found


def of_most(pixels: dict[int, int]) -> int | None:
    """The number of most of a thing, if there are enough pixels of it to say."""
    return max(pixels, key=lambda id: pixels[id]) if sum(pixels.values()) > 60 else None


def test_an_object_keeps_its_number_behind_a_post() -> None:
    seen = [of_most(first) for (first,) in followed(56, [lambda t: (20 + 3 * t, 54)], (70, 125))]
    gone = [t for t, number in enumerate(seen) if number is None]
    assert len(gone) >= 8
    assert seen[0] == seen[-1] == 1 and set(seen) == {1, None}


def test_an_object_that_stays_away_longer_is_another_one() -> None:
    frames, truths = draw(60, [lambda t: (30 if t < 5 else -40 if t < 45 else 150, 54)])
    tracker = Tracker(448)
    numbers = set()
    for result, link, new, _ in linked(frames, [truth > 0 for truth in truths]):
        numbers |= set(np.unique(tracker(result.mask, result.image, result.time, link, new)).tolist())
    assert numbers == {0, 1, 2}


@pytest.mark.parametrize("post", [None, (85, 110)])
def test_two_that_cross_keep_their_numbers(post: tuple[int, int] | None) -> None:
    seen = followed(40, [lambda t: (30 + 3.5 * t, 48), lambda t: (165 - 3.5 * t, 62)], post)
    assert [of_most(one) for one in seen[0]] == [1, 2] == [of_most(one) for one in seen[-1]]
    assert all(of_most(first) in (1, None) and of_most(second) in (2, None) for first, second in seen)


def test_two_that_touch_at_first_are_told_apart_when_they_have_parted() -> None:
    seen = followed(60, [lambda t: (80 + max(0.0, 2.5 * (t - 15)), 54), lambda t: (56, 54)])
    assert [of_most(one) for one in seen[0]] == [1, 1]
    first, second = (of_most(one) for one in seen[-1])
    assert {first, second} == {1, 2}


def test_a_new_shot_has_new_numbers() -> None:
    frames, truths = draw(4, [RIGHT, LEFT])
    other, there = draw(4, [RIGHT], seed=7)
    links = linked(frames + [255 - frame for frame in other], [truth > 0 for truth in truths + there])
    assert [one.new for one in links] == [True, *[False] * 3, True, *[False] * 3]
    tracker = Tracker(448)
    ids = [tracker(one.result.mask, one.result.image, one.result.time, one.link, one.new) for one in links]
    assert set(np.unique(ids[3]).tolist()) == {0, 1, 2} and set(np.unique(ids[4]).tolist()) == {0, 3}


@pytest.mark.parametrize("asked", [{"object": "largest"}, {"hint": "30,40"}, {"object": "all"}])
def test_a_flash_ends_nothing(asked: dict[str, str]) -> None:
    frames, truths = draw(12, [RIGHT, LEFT])
    masks = [truth > 0 for truth in truths]
    for t in (5, 6):
        frames[t] = frames[t] // 10 + 229
        masks[t][:] = False
    for mask, truth in zip(masks, truths, strict=True):
        mask[(truth == 2) & (np.arange(SIZE[0])[:, None] > 70)] = False
    links = linked(frames, masks)
    assert [t for t, one in enumerate(links) if one.new] == [0, 5]
    assert [t for t, one in enumerate(links) if one.back] == [7]
    meant = (1, 2) if asked == {"object": "all"} else (1,)
    for result, mask, truth in zip(choose(links, **asked), masks, truths, strict=True):
        np.testing.assert_array_equal(result.mask, mask & np.isin(truth, meant))
        assert {one.id for one in result.objects} <= {1, 2}


def test_specks_are_of_the_nearest_object() -> None:
    frames, truths = draw(3, [RIGHT, LEFT])
    masks = [truth > 0 for truth in truths]
    masks[1][5:7, 5:7] = True
    tracker = Tracker(448)
    ids = [tracker(one.result.mask, one.result.image, 0.0, one.link, one.new) for one in linked(frames, masks)]
    assert set(np.unique(ids[1][5:7, 5:7]).tolist()) == {1}
    assert ids[2].max() == 2


def scene(count: int = 24) -> tuple[list[Linked], list[NDArray[np.uint8]]]:
    frames, truths = draw(count, [RIGHT, LEFT])
    return linked(frames, [truth > 0 for truth in truths]), truths


def choose(links: Sequence[Linked], online: bool = False, **asked: str | None) -> list[FrameResult]:
    choice = read_choice(asked.get("object"), asked.get("hint"))
    assert choice is not None
    clip = open_clip(np.stack([one.result.image for one in links]), fps=Fraction(FPS))
    return list(chosen(iter(links), choice, clip, size=448, online=online))


def test_all_objects_are_all_that_was_found() -> None:
    links, _ = scene()
    for result, (before, *_) in zip(choose(links, object="all"), links, strict=True):
        assert (result.mask == before.mask).all() and result.ids is not None
        assert ((result.ids > 0) == before.mask).all()
        assert [one.area for one in result.objects] == [int((result.ids == one.id).sum()) for one in result.objects]


@pytest.mark.parametrize(
    ("asked", "thing"),
    [
        ({"object": "2"}, 2),
        ({"hint": "165,70"}, 2),
        ({"hint": "30,40"}, 1),
        ({"hint": "141.4,75.2@0.4"}, 2),
        ({"hint": "36,20,40,44@0.4"}, 1),
        ({"hint": "10,20,60,40"}, 1),
    ],
)
def test_a_choice_is_kept_in_the_whole_clip(asked: dict[str, str], thing: int) -> None:
    links, truths = scene(14)
    for result, truth in zip(choose(links, **asked), truths, strict=True):
        np.testing.assert_array_equal(result.mask, truth == thing)
        assert [one.id for one in result.objects if one.picked] == [thing] and len(result.objects) == 2
        assert not result.probability[truth == 3 - thing].any()


def test_several_hints_pick_several() -> None:
    links, truths = scene(6)
    for result, truth in zip(choose(links, hint="30,40 165,70@0.1"), truths, strict=True):
        np.testing.assert_array_equal(result.mask, truth > 0)


def test_the_largest_is_that_of_the_whole_shot() -> None:
    frames, truths = draw(12, [RIGHT, LEFT])
    masks = [truth > 0 for truth in truths]
    for mask, truth in zip(masks[:4], truths[:4], strict=True):
        mask[(truth == 2) & (np.arange(SIZE[0])[:, None] > 70)] = False  # at first the second is half of itself
    for mask, truth in zip(masks[4:], truths[4:], strict=True):
        mask[(truth == 1) & (np.arange(SIZE[0])[:, None] > 36)] = False
    links = linked(frames, masks)
    for result, mask, truth in zip(choose(links, object="largest"), masks, truths, strict=True):
        np.testing.assert_array_equal(result.mask, mask & (truth == 2))
    online = [result.mask for result in choose(links, online=True, object="largest")]
    np.testing.assert_array_equal(online[0], masks[0] & (truths[0] == 1))  # the largest so far
    np.testing.assert_array_equal(online[-1], masks[-1] & (truths[-1] == 2))


def test_online_a_hint_counts_from_its_time_on() -> None:
    links, truths = scene(12)
    found = choose(links, online=True, hint="51,40@0.3")
    assert not any(result.mask.any() for result in found[:6])
    for result, truth in zip(found[6:], truths[6:], strict=True):
        np.testing.assert_array_equal(result.mask, truth == 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hint": "96,5@0.1"}, r"nothing was found where the hint 96,5@0.1 points; at 1.15 s there is object 1 at "),
        ({"hint": "30,40@99"}, r"the hint 30,40@99 was never reached: the last frame is at 1.45 s"),
        ({"hint": "96,40@1.4"}, r"nothing was found where the hint 96,40@1.4 points; at 1.45 s there is object 1 at "),
        ({"object": "7"}, r"there is no object 7: objects are numbered 1 to 2"),
    ],
)
def test_what_is_not_there_is_told(asked: dict[str, str], said: str) -> None:
    with pytest.raises(GsanetError, match=said):
        choose(scene(30)[0], **asked)


def test_a_hint_is_read() -> None:
    choice = read_choice(None, "320,180@1:02.5 10.5,20,30,40")
    assert choice is not None
    assert choice.hints == (Hint(320, 180, time=62.5), Hint(10.5, 20, 30, 40))
    assert [str(hint) for hint in choice.hints] == ["320,180@62.5", "10.5,20,30,40"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hint": "320"}, "a hint is x,y or x,y,width,height in pixels"),
        ({"hint": "a,b"}, "a hint is x,y"),
        ({"hint": ""}, "got nothing"),
        ({"hint": "1,2,0,4"}, "has no area"),
        ({"hint": "1,-2"}, "a hint is x,y"),
        ({"hint": "1,2@soon"}, "a time is in seconds"),
        ({"object": "biggest"}, "object is largest, all, or numbers"),
        ({"object": "0"}, "object is largest, all, or numbers"),
        ({"object": "all", "hint": "1,2"}, "exclude each other"),
    ],
)
def test_a_wrong_choice_is_told_at_once(asked: dict[str, str], said: str) -> None:
    with pytest.raises(GsanetError, match=said):
        Options(**asked)  # type: ignore[arg-type]


def test_unasked_nothing_is_said_of_objects() -> None:
    assert not {"object", "hint"} & Options().to_dict().keys()
    assert Options(object="all").to_dict()["object"] == "all"
