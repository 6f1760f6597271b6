"""Parts of an object that move as the ground does."""

from __future__ import annotations

import numpy as np
import pytest

from gsanet.data.augment import Augmentation
from gsanet.data.ground import ground_motion, resting
from gsanet.data.sample import FlowVariation, make_frame
from gsanet.flow.colour import Flow, flow_to_picture

H, W = 96, 128
OWN = (-9.0, 4.0)


def scene() -> tuple[Flow, Flow, np.ndarray]:
    """Flow of a ground that zooms with an object that moves its own way, the ground's alone, and the object."""
    y, x = np.mgrid[:H, :W]
    ground = np.stack([2 + 0.02 * x, 1 - 0.01 * y], -1).astype(np.float32)
    mask = np.zeros((H, W), bool)
    mask[30:70, 40:90] = True
    flow = ground.copy()
    flow[mask] = OWN
    return flow, ground, mask


def test_the_motion_of_the_ground_without_what_moves_otherwise() -> None:
    flow, ground, mask = scene()
    flow[75:85, 10:20] = (30, 30)
    fit = ground_motion(flow, ~mask)
    assert fit is not None
    y, x = np.mgrid[:H, :W]
    assert np.allclose(np.stack([np.ones_like(x), y, x], -1) @ fit, ground, atol=1e-4)
    assert ground_motion(flow, np.zeros_like(mask)) is None


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_the_object_rest_and_nothing_else_changes(seed: int) -> None:
    flow, ground, mask = scene()
    rested = resting(np.random.default_rng(seed), flow, mask)
    assert rested.dtype == np.float32
    inside = mask.copy()
    inside[:34] = inside[66:] = inside[:, :44] = inside[:, 86:] = False
    rests = np.linalg.norm(rested - ground, axis=-1) < 0.1
    moves = np.linalg.norm(rested - OWN, axis=-1) < 0.1
    assert 0.03 < rests[inside].mean() < 1, "a part of it, not all"
    assert (rests | moves)[inside].mean() > 0.7, "its edges are soft, and no wider than that"
    far = np.ones_like(mask)
    far[20:80, 30:100] = False
    assert np.allclose(rested[far], flow[far], atol=1e-3)


def test_where_there_is_no_object_or_no_ground_flow_stays() -> None:
    flow, _, mask = scene()
    rng = np.random.default_rng(0)
    assert resting(rng, flow, np.zeros_like(mask)) is flow
    assert resting(rng, flow, np.ones_like(mask)) is flow


def test_samples_are_as_they_were_without_it() -> None:
    flow, _, mask = scene()
    rgb = np.full((H, W, 3), 90, np.uint8)

    def sample(rest: float) -> tuple[np.ndarray, ...]:
        still = Augmentation(flip=0, crop=1, rotate_probability=0, jitter=0)
        rng = np.random.default_rng(3)
        return make_frame(rng, rgb, flow, mask * np.uint8(255), (H, W), still, FlowVariation(rest=rest))

    assert np.array_equal(sample(0.0)[1], flow_to_picture(flow))
    assert not np.array_equal(sample(1.0)[1], flow_to_picture(flow))
    for number in (0, 2):  # picture and mask
        assert np.array_equal(sample(1.0)[number], sample(0.0)[number])
