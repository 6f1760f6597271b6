"""A drawn clip with two things that move, before a ground and behind a post."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.segment.kept import Kept
from gsanet.segment.links import Linker
from gsanet.segment.motion import Window
from gsanet.segment.objects import Linked
from gsanet.segment.result import FrameResult
from gsanet.video.resize import limit

SIZE = (108, 192)
FPS = 20
RADIUS = 16
COLOURS = ((230, 60, 40), (60, 210, 90))

Place = Callable[[int], tuple[float, float]]


def texture(seed: int, size: tuple[int, int], low: int, high: int) -> NDArray[np.uint8]:
    """Soft noise, (h,w,3), that flow can hold on to."""
    blurred = cv2.GaussianBlur(np.random.default_rng(seed).random((*size, 3), np.float32), (0, 0), 2)
    return cv2.normalize(blurred, None, low, high, cv2.NORM_MINMAX).astype(np.uint8)


def draw(
    count: int, places: Sequence[Place], post: tuple[int, int] | None = None, seed: int = 0
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Frames (H,W,3) and what is what in them, (H,W): 1 is the first thing, 2 the second, which is before it.

    Args:
        places: for each thing frame -> centre (x,y).
        post: its left and right border; everything passes behind it.
    """
    ground = texture(seed, SIZE, 30, 110)
    side = 2 * RADIUS + 1
    patterns = [texture(10 + k, (side, side), 0, 120) // 2 + np.uint8(np.array(c) // 2) for k, c in enumerate(COLOURS)]
    disc = cv2.circle(np.zeros((side, side), np.uint8), (RADIUS, RADIUS), RADIUS, 1, -1).astype(bool)
    frames, truths = [], []
    for t in range(count):
        frame, truth = ground.copy(), np.zeros(SIZE, np.uint8)
        for k, place in enumerate(places):
            left, top = (round(value) - RADIUS for value in place(t))
            rows, columns = np.nonzero(disc)
            inside = (rows + top >= 0) & (rows + top < SIZE[0]) & (columns + left >= 0) & (columns + left < SIZE[1])
            rows, columns = rows[inside], columns[inside]
            frame[rows + top, columns + left] = patterns[k][rows, columns]
            truth[rows + top, columns + left] = k + 1
        if post is not None:
            frame[:, post[0] : post[1]] = texture(99, SIZE, 150, 250)[:, post[0] : post[1]]
            truth[:, post[0] : post[1]] = 0
        frames.append(frame)
        truths.append(truth)
    return frames, truths


def linked(frames: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_]]) -> list[Linked]:
    """Results with these masks, and the links that the engine would find."""
    linker = Linker(lookahead=False)
    found = []
    for t, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
        small = limit(frame, 448)
        before = limit(frames[t - 1], 448) if t else None
        link = linker(Window(Kept(t, t / FPS, "", SIZE), small, before, None))
        result = FrameResult(t, t / FPS, f"{t:05d}", frame, mask.astype(np.float32), frame, {}, SIZE)
        back = t in linker.returned
        found.append(Linked(result, link, link is None and not back, back))
    return found
