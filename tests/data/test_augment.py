"""Augmentation: one warp for all, and flow that turns with its frame."""

from __future__ import annotations

import numpy as np
import pytest

from gsanet.data.augment import Augmentation, colour_jitter, plain_warp, random_warp, warp_flow, warp_image, warp_mask
from gsanet.flow.colour import flow_to_picture, picture_to_flow


def _disc(h: int, w: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:h, :w]
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2


def test_plain_warp_resizes_as_pixel_centres_want_it() -> None:
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    half = warp_image(ramp, plain_warp((40, 100), (20, 50)), (20, 50))
    # The centre of a new pixel lies between two old ones: their mean, not the left one's value.
    assert np.abs(half[10, 5:45, 0].astype(float) - (np.arange(5, 45) * 4 + 1)).max() <= 1


def test_identity_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    none = Augmentation(flip=0, crop=1, rotate_probability=0, jitter=0)
    warp = random_warp(rng, (40, 60), (40, 60), none)
    assert np.array_equal(warp_image(image, warp, (40, 60)), image)
    assert np.array_equal(colour_jitter(rng, image, none), image)


def test_picture_mask_and_flow_move_together() -> None:
    rng = np.random.default_rng(1)
    strong = Augmentation(flip=0.5, crop=0.7, rotate=30, rotate_probability=1)
    disc = _disc(120, 160, (70, 60), 25)
    image = np.repeat(disc[..., None], 3, axis=2).astype(np.uint8) * 255
    flow = np.zeros((120, 160, 2), np.float32)
    flow[disc] = (3, 0)
    for _ in range(10):
        warp = random_warp(rng, (120, 160), (96, 128), strong)
        mask = warp_mask(disc, warp, (96, 128))
        assert mask.dtype == bool and mask.any()
        moved = np.linalg.norm(warp_flow(flow, warp, (96, 128)), axis=-1) > 1
        for other in (warp_image(image, warp, (96, 128))[..., 0] > 127, moved):
            assert (mask & other).sum() / (mask | other).sum() > 0.9


def test_vectors_turn_with_the_frame() -> None:
    """A point and where its flow leads must still belong together after any warp."""
    rng = np.random.default_rng(2)
    flow = np.tile(np.float32([4, -3]), (80, 100, 1))
    for _ in range(10):
        warp = random_warp(rng, (80, 100), (80, 100), Augmentation(rotate=90, rotate_probability=1))
        start, end = warp @ [50, 40, 1], warp @ [54, 37, 1]
        assert warp_flow(flow, warp, (80, 100))[40, 50] == pytest.approx(end - start, abs=1e-3)


def test_a_mirrored_flow_picture_is_coloured_anew() -> None:
    """Flow to the right, mirrored, is flow to the left: mirroring the picture alone keeps the wrong colour."""
    right = np.zeros((32, 32, 2), np.float32)
    right[8:24, 8:24] = (5, 2)
    mirror = np.array([[-1.0, 0, 31], [0, 1, 0]])
    vectors = picture_to_flow(flow_to_picture(right))
    mirrored = flow_to_picture(warp_flow(vectors, mirror, (32, 32)), still=0)
    left = np.zeros((32, 32, 2), np.float32)
    left[8:24, 8:24] = (-5, 2)
    expected = flow_to_picture(left)
    assert np.abs(mirrored.astype(int) - expected).max() <= 4
    assert np.abs(flow_to_picture(right)[:, ::-1].astype(int) - expected).max() > 100


def test_jitter_keeps_the_mean_within_reason_and_changes_the_picture() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(60, 190, (50, 50, 3), dtype=np.uint8)
    seen = [colour_jitter(rng, image, Augmentation(jitter=0.3)) for _ in range(20)]
    means = [s.mean() for s in seen]
    assert 0.65 * image.mean() < min(means) and max(means) < 1.35 * image.mean()
    assert np.std(means) > 5
    grey = colour_jitter(rng, image, Augmentation(jitter=0.0, grey=1.0))
    assert np.abs(grey[..., 0].astype(int) - grey[..., 2]).max() <= 1


def test_a_closer_crop_is_around_the_object() -> None:
    mask = np.zeros((120, 200), bool)
    mask[70:90, 150:180] = True
    closer = Augmentation(flip=0, crop=1, rotate_probability=0, closer=1)
    shares = []
    for seed in range(200):
        warp = random_warp(np.random.default_rng(seed), mask.shape, (96, 160), closer, mask)
        seen = warp_mask(mask, warp, (96, 160))
        sides = 1 / np.array([warp[0, 0] * 200 / 160, warp[1, 1] * 120 / 96])
        assert (sides > 0.3 - 1e-9).all() and (sides <= 1).all()
        assert 1 / 1.41 < sides[0] / sides[1] < 1.41
        # All of it is seen: as many pixels as its size in the crop.
        assert seen.sum() == pytest.approx(600 * warp[0, 0] * warp[1, 1], rel=0.08)
        shares.append(seen.mean())
    # The smallest crop, 0.3 of both sides, shows 27.7 % object.
    assert 0.15 < np.median(shares) < 0.3


def test_a_closer_crop_of_what_fills_the_picture_or_of_nothing() -> None:
    closer = Augmentation(flip=0, crop=0.5, rotate_probability=0, closer=1)
    full = np.ones((60, 90), bool)
    warp = random_warp(np.random.default_rng(0), full.shape, (60, 90), closer, full)
    np.testing.assert_allclose(warp, plain_warp((60, 90), (60, 90)), atol=1e-9)
    for mask in (np.zeros((60, 90), bool), None):
        crops = [random_warp(np.random.default_rng(s), (60, 90), (60, 90), closer, mask)[0, 0] for s in range(20)]
        assert 1 <= min(crops) < max(crops) <= 2
