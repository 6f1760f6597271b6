"""Cut-outs: clean away from the object, as soft as its edge, in the object's own colours."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from gsanet.segment import FrameResult, Segmenter
from gsanet.segment.background import composite
from gsanet.segment.cutout import alpha_of, cutout

HEIGHT, WIDTH = 240, 426
GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (0, 255, 0)}


def result_of(image: np.ndarray, probability: np.ndarray) -> FrameResult:
    return FrameResult(0, 0.0, "00000", image, probability.astype(np.float32), image, {})


def texture(rng: np.random.Generator, colour: tuple[int, int, int], grain: int) -> np.ndarray:
    small = rng.standard_normal((HEIGHT // grain + 2, WIDTH // grain + 2, 3)).astype(np.float32)
    noise = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.float32(colour) + 20 * noise, 0, 255)


def scene(seed: int, soft: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(picture, object's colours, its true alpha, a probability with a wavering border and haze).

    Args:
        soft: pixels over which the edge goes.
    """
    rng = np.random.default_rng(seed)
    colours = [((180, 90, 60), (70, 120, 70)), ((70, 70, 90), (170, 180, 190)), ((210, 210, 200), (90, 100, 140))]
    front, behind = (texture(rng, colour, grain) for colour, grain in zip(colours[seed], (12, 5), strict=True))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    angle, away = np.arctan2(y - HEIGHT / 2, x - WIDTH / 2), np.hypot(y - HEIGHT / 2, x - WIDTH / 2)
    inside = 70 + 9 * np.sin(5 * angle) - away
    alpha = np.clip(0.5 + inside / soft, 0, 1).astype(np.float32)
    picture = front * alpha[..., None] + behind * (1 - alpha[..., None])
    wave = cv2.resize(rng.standard_normal((8, 14)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    probability = 1 / (1 + np.exp(-(inside + 1.2 * wave) / 2.5))
    haze = cv2.resize(rng.random((5, 9)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    probability += np.clip(haze - 0.6, 0, 1) * (inside < -15)
    return picture.astype(np.uint8), front, alpha, np.clip(probability, 0, 1)


def off(mask: np.ndarray) -> np.ndarray:
    """Pixels to the mask, (H,W)."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("soft", [1.5, 4.0, 7.0])
def test_on_any_ground_it_is_near_the_true_composite(seed: int, soft: float) -> None:
    picture, front, alpha, probability = scene(seed, soft)
    result = result_of(picture, probability)
    made = cutout(result)
    edge = (off(alpha > 0.5) < 8) & (off(alpha <= 0.5) < 8)
    plain = np.dstack((picture, (probability * 255).astype(np.uint8)))
    hard = np.dstack((picture, result.mask * np.uint8(255)))
    for colour in GROUNDS.values():
        ground = np.full(picture.shape, colour, np.uint8)
        right = front * alpha[..., None] + ground * (1 - alpha[..., None])

        def error(rgba: np.ndarray, ground: np.ndarray = ground, right: np.ndarray = right) -> float:
            return float(np.abs(composite(rgba, ground) - right)[edge].mean())

        assert error(made) < 14
        assert error(made) < 0.7 * error(plain)
        assert error(made) < 0.95 * error(hard)


def test_the_objects_colour_is_free_of_the_background() -> None:
    picture, front, alpha, _ = scene(0, 6.0)
    made = cutout(result_of(picture, alpha))
    edge = (alpha > 0.1) & (alpha < 0.9)
    before, after = (np.abs(colours[edge] - front[edge]).mean() for colours in (picture, made[..., :3]))
    assert after < 0.4 * before


def test_nothing_shows_away_from_the_object() -> None:
    picture, _, _, probability = scene(1, 3.0)
    result = result_of(picture, probability)
    haze = (off(result.mask) > 10) & (probability > 0.05)
    assert haze.any()
    made = cutout(result)
    far = off(result.mask) > 10
    assert not made[far][:, 3].any()
    assert (made[off(~result.mask) > 10][:, 3] == 255).all()
    assert not made[off(result.mask) > 30].any()


def test_a_wide_edge_gets_a_wide_band() -> None:
    widths = []
    for soft in (1.0, 7.0):
        picture, _, _, _ = scene(1, soft)
        sure = scene(1, 5.0)[3]
        alpha = alpha_of(result_of(picture, sure))
        widths.append(((alpha > 0.1) & (alpha < 0.9)).sum())
    assert widths[1] > 1.5 * widths[0]


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (48, 64)])
def test_any_size_and_any_mask(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 100, np.uint8)
    assert not cutout(result_of(image, np.zeros(size))).any()
    whole = cutout(result_of(image, np.ones(size)))
    assert (whole[..., 3] == 255).all() and np.abs(whole[..., :3].astype(int) - 100).max() <= 1
    half = np.zeros(size)
    half[: -(-size[0] // 2)] = 1
    made = cutout(result_of(image, half))
    assert made.shape == (*size, 4) and made[0, 0, 3] > 0
    np.testing.assert_array_equal(made[..., 3], np.round(alpha_of(result_of(image, half)) * 255).astype(np.uint8))


def test_the_cutout_of_a_case_has_no_haze() -> None:
    clip = Path(os.environ.get("GSANET_SHARED", Path(__file__).parents[3] / "shared"))
    clip = clip / "cases" / "16_cutout" / "base.mp4"
    if not clip.is_file():
        pytest.skip("no case 16_cutout (set GSANET_SHARED)")
    for result in Segmenter.from_pretrained().stream(clip):
        if result.index % 14 == 0:
            assert not (cutout(result)[..., 3] * (off(result.mask) > 10)).any()
