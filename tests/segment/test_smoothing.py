"""Averages over time: errors of single frames go, borders stay, cuts and other ends begin anew."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gsanet.model import GSANet
from gsanet.segment import Segmenter
from gsanet.segment.averaging import LOOKAHEAD, smoothed
from gsanet.segment.links import Link, Linker, carry, inverse, likeness
from gsanet.segment.motion import Window, open_motion
from gsanet.segment.options import Options
from gsanet.segment.pictures import prepared_frames
from gsanet.segment.result import FrameResult
from gsanet.video.clip import Frame
from gsanet.video.resize import limit, limited
from gsanet.video.sources import open_clip
from tiny import TINY

STEP = 3


def _world(count: int, noise: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A textured square that moves STEP pixels a frame over a textured ground: frames (96,160,3) and masks."""
    rng = np.random.default_rng(noise)
    ground, thing = (_texture(rng, size) for size in ((96, 160, 3), (40, 40, 3)))
    frames, masks = [], []
    for t in range(count):
        frame, mask = ground.copy(), np.zeros((96, 160), bool)
        left = 20 + STEP * t
        frame[30:70, left : left + 40], mask[30:70, left : left + 40] = thing, True
        frames.append(frame)
        masks.append(mask)
    return frames, masks


def _texture(rng: np.random.Generator, size: tuple[int, int, int]) -> np.ndarray:
    blurred = cv2.GaussianBlur(rng.random(size, np.float32), (0, 0), 3)
    return cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def _links(frames: list[np.ndarray]) -> list[Link | None]:
    linker = Linker(lookahead=True)
    shown = [Frame(i, i / 10, f"{i:05d}", image) for i, image in enumerate(frames)]
    # Not by `windows`, which takes equal pictures for one that is shown again.
    small = [limit(frame.image, 448) for frame in shown]
    sides = zip([None, *small], [*small[1:], None], strict=False)
    return [linker(Window(*one, *side)) for *one, side in zip(shown, small, sides, strict=True)]


def _result(index: int, frame: np.ndarray, probability: np.ndarray) -> FrameResult:
    return FrameResult(index, index / 10, f"{index:05d}", frame, probability.astype(np.float32), frame, {})


def _smooth(frames, maps, links, lookahead: int = LOOKAHEAD) -> list[FrameResult]:
    size = limited(frames[0].shape[:2], 448)
    given = zip(range(len(frames)), (np.asarray(one, np.float32) for one in maps), links, strict=True)
    return [_result(i, frames[i], probability) for i, probability in smoothed(given, size, lookahead)]


@pytest.mark.parametrize("lookahead", [LOOKAHEAD, 1, 0])
def test_a_frame_that_fails_is_mended_by_its_neighbours(lookahead: int) -> None:
    frames, masks = _world(8)
    maps = [np.where(m, 0.9, 0.1) for m in masks]
    maps[4] = np.full_like(maps[4], 0.1)  # missed
    done = _smooth(frames, maps, _links(frames), lookahead)
    assert [r.index for r in done] == list(range(8))
    for result, mask in zip(done, masks, strict=True):
        inter, union = (result.mask & mask).sum(), (result.mask | mask).sum()
        # Where it was missed, a border of pixels that the flow is not sure of may be left out.
        assert inter / union > (0.7 if result.index == 4 else 0.85), result.index


def test_frames_that_fail_at_the_start_are_mended_by_those_that_come() -> None:
    frames, masks = _world(8)
    maps = [np.where(m, 0.9, 0.1) for m in masks]
    maps[0] = maps[1] = np.full_like(maps[0], 0.1)  # missed, and there is no past

    def missed(lookahead: int) -> float:
        first = _smooth(frames, maps, _links(frames), lookahead)[0]
        return float(0.9 - first.probability[masks[0]].mean())

    # In full trust (0.1 + FUTURE (0.15 0.1 + 0.85 0.9)) / (1 + FUTURE): 0.50 below the others. Of one frame nothing.
    assert missed(LOOKAHEAD) < 0.6 < 0.75 < missed(1) < missed(0) + 1e-3


@pytest.mark.parametrize("count", [1, 2, LOOKAHEAD, 2 * LOOKAHEAD - 1, 2 * LOOKAHEAD, 5 * LOOKAHEAD + 1])
def test_every_frame_comes_once_in_order_and_soon(count: int) -> None:
    still = np.zeros((32, 48, 2), np.float32)
    sure = np.ones((32, 48), np.float32)
    given = -1

    def results():  # type: ignore[no-untyped-def]
        nonlocal given
        for given in range(count):
            yield given, sure * 0.2, Link(still, sure, still, sure) if given else None

    for expected, (index, probability) in enumerate(smoothed(results(), (32, 48))):
        assert index == expected
        assert given - expected <= (2 * LOOKAHEAD - 1 if expected else LOOKAHEAD)  # the first one is waited for
        assert probability == pytest.approx(0.2)
    assert expected == count - 1


@pytest.mark.parametrize("frame", range(2 * LOOKAHEAD))
def test_every_frame_knows_so_many_that_come(frame: int) -> None:
    image = np.full((32, 48, 3), 90, np.uint8)
    still, sure = np.zeros((32, 48, 2), np.float32), np.ones((32, 48), np.float32)
    links = [None, *[Link(still, sure, still, sure)] * (4 * LOOKAHEAD - 1)]
    images, maps = [image] * len(links), [sure * 0] * len(links)
    plain = _smooth(images, maps, links)[frame].probability
    maps[frame + LOOKAHEAD] = sure
    assert (_smooth(images, maps, links)[frame].probability > plain).all()


@pytest.mark.parametrize("size", [(650, 1001), (481, 853), (1080, 1920), (719, 449), (3, 2000)])
def test_every_size_is_averaged_at_that_of_its_links(size: tuple[int, int]) -> None:
    image = _texture(np.random.default_rng(0), (*size, 3))
    maps = [np.full(size, value, np.float32) for value in (0.0, 1.0, 0.0)]
    middle = _smooth([image] * 3, maps, _links([image] * 3))[1].probability
    assert middle.shape == size
    assert middle.max() < 0.5


def test_what_is_the_same_in_every_frame_stays() -> None:
    frames, masks = _world(5)
    maps = [np.full(m.shape, 0.3) for m in masks]
    for result in _smooth(frames, maps, _links(frames)):
        assert np.allclose(result.probability, 0.3, atol=1e-6)


def test_a_cut_lets_nothing_through() -> None:
    one, masks = _world(4)
    other, _ = _world(4, noise=7)
    frames = [*one, *(frame[:, ::-1] for frame in other)]
    maps = [np.where(m, 0.95, 0.05) for m in masks] + [np.full(masks[0].shape, 0.05)] * 4
    links = _links(frames)
    assert [link is None for link in links] == [True, False, False, False, True, False, False, False]
    after = _smooth(frames, maps, links)[4:]
    assert max(r.probability.max() for r in after) < 0.06


def test_without_a_link_the_average_begins_anew() -> None:
    frames, masks = _world(4)
    maps = [np.where(m, 0.9, 0.1) for m in masks]
    links = _links(frames)
    links[2] = None
    done = _smooth(frames, maps, links)
    alone = _smooth(frames[2:], maps[2:], [None, links[3]])
    assert np.array_equal(done[2].probability, alone[0].probability)
    assert np.array_equal(done[3].probability, alone[1].probability)


def test_carry_looks_where_the_flow_leads() -> None:
    values = np.zeros((20, 30), np.float32)
    values[8, 12] = 1
    flow = np.zeros((20, 30, 2), np.float32)
    flow[..., 0], flow[..., 1] = 2, 3
    assert carry(values, flow)[5, 10] == 1


def test_likeness_is_of_what_the_flow_leads_to() -> None:
    frames, masks = _world(2)
    flow = np.zeros((96, 160, 2), np.float32)
    flow[masks[0]] = (STEP, 0)
    inside = cv2.erode(masks[0].astype(np.uint8), np.ones((9, 9))) > 0
    assert likeness(frames[0], frames[1], flow)[inside].min() > 0.99
    assert likeness(frames[0], np.zeros_like(frames[0]), flow * 0).mean() < 0.01


def test_the_inverse_leads_back() -> None:
    """A wave of 3 pixels with a slope of at most 0.3: back to within a tenth of a pixel."""
    x, y = np.meshgrid(np.arange(120, dtype=np.float32), np.arange(90, dtype=np.float32))
    flow = np.stack((3 * np.sin(x / 10) + 2, 2 * np.cos(y / 12)), axis=-1)
    back = inverse(flow)
    there_and_back = carry(flow, back) + back
    assert np.abs(there_and_back[10:-10, 10:-10]).max() < 0.1
    assert not inverse(flow * 0).any()


def test_flow_that_is_known_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, _ = _world(3)
    linker = Linker(lookahead=True)
    calls: list[int] = []
    compute = linker._dis
    monkeypatch.setattr(linker, "_dis", lambda a, b: calls.append(1) or compute(a, b))
    forward = np.full((48, 80, 2), 0.5, np.float32)  # at half the size
    # Twice the same picture, so that no flow leads to another colour.
    first = Window(Frame(0, 0, "0", frames[0]), frames[0], None, frames[0])
    second = Window(Frame(1, 0, "1", frames[0]), frames[0], frames[0], None)
    assert linker(first, forward) is None
    link = linker(second, None, np.full((96, 160, 2), -1, np.float32))
    assert link is not None and calls == []
    assert np.allclose(link.forth, 1) and np.allclose(link.back, -1)
    assert linker(second) is not None and len(calls) == 1  # one search, and its inverse


@pytest.mark.parametrize("options", [{}, {"flow_directions": "both"}, {"online": True}, {"flow": "none"}])
def test_links_of_the_engine_lead_to_the_frame_before(options: dict[str, object]) -> None:
    frames, masks = _world(5)
    clip = open_clip(np.stack(frames))
    chosen = Options().change(options)
    views = chosen.views(clip.height, clip.width, TINY)
    linker = Linker(lookahead=not chosen.online)
    prepared = list(prepared_frames(clip, views, open_motion(chosen, clip), linker=linker))
    assert prepared[0].link is None
    for one, mask in zip(prepared[1:], masks[1:], strict=True):
        assert one.link is not None
        inside = cv2.erode(mask.astype(np.uint8), np.ones((13, 13))) > 0
        assert np.median(one.link.back[inside][:, 0]) == pytest.approx(-STEP, abs=0.3)
        if chosen.online:
            assert one.link.forth is None
            continue
        before = cv2.erode(masks[one.frame.index - 1].astype(np.uint8), np.ones((13, 13))) > 0
        assert np.median(one.link.forth[before][:, 0]) == pytest.approx(STEP, abs=0.3)


def test_the_engine_smooths_unless_told_not_to(tiny_model: GSANet, tiny_clip: Path) -> None:
    segmenter = Segmenter(tiny_model, precision="float32")
    smooth, plain = (list(segmenter.stream(tiny_clip, smooth=s)) for s in (True, False))
    assert [r.index for r in smooth] == [r.index for r in plain] == list(range(12))
    flicker = [np.abs(np.diff([r.probability for r in rs], axis=0)).mean() for rs in (smooth, plain)]
    assert flicker[0] < flicker[1]
