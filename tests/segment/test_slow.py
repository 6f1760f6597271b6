"""Slow motion is followed over several frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest
from movers import texture

from gsanet import Segmenter
from gsanet.flow.colour import Flow
from gsanet.model import GSANet
from gsanet.segment.kept import Kept
from gsanet.segment.links import Link
from gsanet.segment.options import Way
from gsanet.segment.pictures import Prepared
from gsanet.segment.slow import MOST, SLOW, followed

H, W = 48, 96
FORWARD, BACKWARD = Way("forward", "dis"), Way("backward", "dis")
PACE = 0.2
"""Pixels a frame: four frames are still slow."""
assert MOST * PACE < SLOW * W


def shift(pixels: float) -> Flow:
    return np.full((H, W, 2), (pixels, 0), np.float32)


def clip(
    count: int, flow: Flow, ways: Sequence[Way] = (FORWARD,), cuts: Sequence[int] = (0,), again: Sequence[int] = ()
) -> list[Prepared]:
    nothing = np.zeros((H, W), np.float32)
    return [
        Prepared(
            Kept(i, i / 25, f"{i:05d}", (H, W)), {}, dict.fromkeys(ways, flow), True,
            None if i in cuts else Link(shift(0), nothing), again=i in again,
        )
        for i in range(count)
    ]  # fmt: skip


def lengths(frames: Sequence[Prepared], way: Way = FORWARD, causal: bool = False) -> list[float]:
    """How far each frame's flow leads, in frames."""
    done = list(followed(iter(frames), causal))
    assert [one.frame.index for one in done] == list(range(len(frames)))
    return [round(float(one.flows[way][..., 0].mean()) / PACE, 3) for one in done]


def test_it_leads_over_four_frames_and_never_past_the_last() -> None:
    # The last frame's flow is that of the one before it, turned round: nothing goes on with it.
    assert lengths(clip(8, shift(PACE))) == [4, 4, 4, 4, 3, 2, 1, 1]
    assert lengths(clip(1, shift(PACE))) == [1]
    assert lengths([]) == []


def test_and_never_over_a_cut() -> None:
    assert lengths(clip(9, shift(PACE), cuts=(0, 5))) == [4, 3, 2, 1, 1, 3, 2, 1, 1]


def test_as_far_as_motion_is_slow() -> None:
    assert lengths(clip(6, shift(2.5 * PACE))) == [5, 5, 5, 5, 2.5, 2.5], "two frames are far enough"
    fast = clip(6, shift(10 * PACE))
    assert all(
        one.flows[FORWARD] is given.flows[FORWARD] for one, given in zip(followed(fast, False), fast, strict=True)
    )


def test_a_fast_frame_waits_for_none() -> None:
    asked = []

    def coming() -> Iterator[Prepared]:
        for one in clip(5, shift(10 * PACE)):
            asked.append(one.frame.index)
            yield one

    frames = followed(coming(), False)
    assert [next(frames).frame.index, *asked] == [0, 0]
    assert [next(frames).frame.index, *asked] == [1, 0, 1]


def test_backward_flow_comes_from_earlier_frames() -> None:
    both = clip(7, shift(PACE), (FORWARD, BACKWARD), cuts=(0, 4))
    # The first of a shot has flow of another kind: none goes on with it.
    assert lengths(both, BACKWARD) == [1, 1, 2, 3, 1, 1, 2]
    assert lengths(both) == [3, 2, 1, 1, 2, 1, 1]


def test_of_the_past_alone_no_frame_waits() -> None:
    frames = clip(7, shift(PACE))
    done = followed(iter(frames), True)
    assert next(done).frame.index == 0
    assert lengths(frames, causal=True) == [1, 1, 2, 3, 4, 4, 4]
    # What is shown once more is as it was.
    assert lengths(clip(7, shift(PACE), again=(3, 4)), causal=True) == [1, 1, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("causal", [False, True])
def test_each_pixel_is_followed_to_where_it_goes(causal: bool) -> None:
    x = np.arange(W, dtype=np.float32)[None].repeat(H, 0)
    zoom = 0.0015
    flow = np.stack([zoom * x, np.zeros_like(x)], -1).astype(np.float32)
    done = list(followed(clip(6, flow), causal))
    found = done[-1 if causal else 0].flows[FORWARD][..., 0]
    # Forward it is x (1 + z)^n - x; what comes to x was at x (1 - z)^n.
    expected = x * (1 - (1 - zoom) ** MOST if causal else (1 + zoom) ** MOST - 1)
    inside = slice(0, W - 4)
    assert np.allclose(found[:, inside], expected[:, inside], atol=1e-3)


def test_what_hardly_moves_stands_out_in_the_picture_that_the_network_is_shown(tiny_model: GSANet) -> None:
    size, pace = (192, 256), 0.3
    ground, thing = texture(0, size, 40, 120), texture(1, size, 80, 220)
    disc = cv2.circle(np.zeros(size, np.float32), (128, 96), 40, 1.0, -1)
    frames = []
    for t in range(9):
        by = np.array([[1, 0, pace * t], [0, 1, 0]])
        share, moved = (cv2.warpAffine(one, by, size[::-1], borderMode=cv2.BORDER_REFLECT) for one in (disc, thing))
        frames.append((share[..., None] * moved + (1 - share[..., None]) * ground + 0.5).astype(np.uint8))
    segmenter = Segmenter(tiny_model, precision="float32")

    def colour(index: int, online: bool) -> float:
        """How far from white the thing is, against a motion of one pixel."""
        result = list(segmenter.stream(np.stack(frames), online=online, flow="dis", size=256))[index]
        height, width = result.flow.shape[0] // 2, result.flow.shape[1] // 2
        return float((255 - result.flow[height - 8 : height + 8, width - 8 : width + 8].min(-1)).mean()) / 255

    # Four frames on, until there is but one more; or from four frames back, once there are so many.
    assert colour(2, False) > 0.9 and colour(7, False) < 0.7
    assert colour(7, True) > 0.9 and colour(1, True) < 0.7
