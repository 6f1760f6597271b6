"""The colour wheel: as torchvision draws it, white where nothing moves, and readable."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.utils import flow_to_image

from gsanet.flow.colour import STILL, UNKNOWN, flow_to_picture, picture_to_flow, redraw_still, transform_flow


def random_flow(height: int = 60, width: int = 80, scale: float = 6.0, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(height, width, 2)).astype(np.float32) * np.float32(scale)


def disc(size: int = 201) -> NDArray[np.float32]:
    """Every direction and length: (u, v) over the unit disc, zero outside it."""
    v, u = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return np.where(np.hypot(u, v)[..., None] <= 1, np.stack([u, v], -1), 0).astype(np.float32)


def torchvision_picture(flow: NDArray[np.float32]) -> NDArray[np.uint8]:
    return flow_to_image(torch.from_numpy(flow).permute(2, 0, 1)).permute(1, 2, 0).numpy()


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.abs(a.astype(int) - b)


@pytest.mark.parametrize("scale", [0.01, 6.0, 400.0])
def test_agrees_with_torchvision_to_a_grey_level(scale: float) -> None:
    flow = random_flow(scale=scale)
    assert difference(flow_to_picture(flow, still=0), torchvision_picture(flow)).max() <= 1


def test_agrees_with_torchvision_all_around_the_wheel() -> None:
    assert difference(flow_to_picture(disc(), still=0), torchvision_picture(disc())).max() <= 1


def test_each_frame_has_its_own_scale() -> None:
    slow, fast = random_flow(scale=2), random_flow(scale=50, seed=1)
    together = flow_to_picture(np.stack([[slow], [fast]]))
    assert together.shape == (2, 1, 60, 80, 3)
    assert np.array_equal(together[0, 0], flow_to_picture(slow))
    assert np.array_equal(together[1, 0], flow_to_picture(fast))


def test_no_motion_is_exactly_white() -> None:
    assert (flow_to_picture(np.zeros((5, 7, 2), np.float32)) == 255).all()
    assert (flow_to_picture(np.zeros((5, 7, 2), np.float32), still=0) == 255).all()


def test_noise_of_a_still_frame_stays_nearly_white_and_a_real_motion_does_not() -> None:
    noise = random_flow(scale=0.02)
    assert flow_to_picture(noise).min() > 220
    assert flow_to_picture(noise, still=0).min() < 5
    moving = noise.copy()
    moving[20:40, 20:40] += (3, 0)
    picture = flow_to_picture(moving)
    assert picture[30, 30].min() < 10
    assert picture[0, 0].min() > 240


def test_the_scale_is_continuous_where_stretching_begins() -> None:
    flow = random_flow(scale=1)
    flow *= STILL / np.hypot(flow[..., 0], flow[..., 1]).max()
    assert difference(flow_to_picture(flow), flow_to_picture(flow, still=0)).max() <= 1


def test_unknown_vectors_count_as_no_motion_and_do_not_set_the_scale() -> None:
    flow = random_flow()
    clean = flow.copy()
    for y, value in enumerate([np.nan, np.inf, -np.inf, 2 * UNKNOWN]):
        flow[y, 3, y % 2] = value
        clean[y, 3] = 0
    with np.errstate(all="raise"):
        picture = flow_to_picture(flow)
    assert np.array_equal(picture, flow_to_picture(clean))
    assert (picture[:4, 3] == 255).all()
    assert (flow_to_picture(np.full((4, 4, 2), np.nan, np.float32)) == 255).all()


def test_empty_and_misshapen_flow() -> None:
    assert flow_to_picture(np.zeros((0, 4, 5, 2), np.float32)).shape == (0, 4, 5, 3)
    with pytest.raises(ValueError, match=r"H,W,2"):
        flow_to_picture(np.zeros((4, 5, 3), np.float32))


def test_a_picture_gives_its_vectors_back() -> None:
    flow = random_flow()
    fastest = np.hypot(flow[..., 0], flow[..., 1]).max()
    read = picture_to_flow(torchvision_picture(flow))
    assert read.dtype == np.float32
    assert np.linalg.norm(read - flow / fastest, axis=-1).max() < 0.01


def test_every_direction_and_length_reads_back() -> None:
    error = np.linalg.norm(picture_to_flow(flow_to_picture(disc(), still=0)) - disc(), axis=-1)
    assert error.max() < 0.01
    assert error.mean() < 0.003


def test_a_picture_read_and_drawn_again_is_the_same_picture() -> None:
    picture = flow_to_picture(disc())
    again = flow_to_picture(picture_to_flow(picture), still=redraw_still(picture_to_flow(picture)))
    # A level or two, but where the wheel's end meets its start: there red may come out without its tinge of blue.
    assert np.percentile(difference(picture, again), 99.9) <= 2
    assert difference(picture, again)[..., :2].max() <= 2


def test_a_pale_picture_of_a_still_frame_stays_pale_when_drawn_again() -> None:
    picture = flow_to_picture(random_flow(scale=0.02))
    vectors = picture_to_flow(picture)
    assert difference(flow_to_picture(vectors, still=redraw_still(vectors)), picture).max() <= 3


def test_a_cropped_picture_is_stretched_anew() -> None:
    flow = np.zeros((40, 40, 2), np.float32)
    flow[:, :20], flow[:, 20:] = (4, 0), (10, 0)
    vectors = picture_to_flow(flow_to_picture(flow))
    crop = flow_to_picture(np.ascontiguousarray(vectors[:, :20]), still=redraw_still(vectors))
    assert difference(crop, flow_to_picture(flow[:, :20])).max() <= 2


def test_reading_survives_jpeg() -> None:
    v, u = np.mgrid[-1:1:90j, -1:1:120j]
    flow = np.stack([5 + 2 * u, 3 * v - 4 * u], -1).astype(np.float32)
    flow[30:60, 40:80] = (-6, 2)
    buffer = io.BytesIO()
    Image.fromarray(flow_to_picture(flow)).save(buffer, "JPEG", quality=75)
    read = picture_to_flow(np.array(Image.open(buffer)))
    error = np.linalg.norm(read - flow / np.hypot(flow[..., 0], flow[..., 1]).max(), axis=-1)
    assert np.median(error) < 0.03
    assert np.percentile(error, 95) < 0.15


def test_greys_are_no_motion() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert not picture_to_flow(greys).any()


def test_reading_needs_a_colour_picture() -> None:
    with pytest.raises(ValueError, match="uint8"):
        picture_to_flow(np.zeros((4, 4), np.uint8))


def test_flipping_the_vectors_is_not_flipping_the_colours() -> None:
    """The mirrored scene, seen afresh, has the mirrored vectors: what a plain flip of the picture gets wrong."""
    flow = np.zeros((20, 30, 2), np.float32)
    flow[5:15, 4:12] = (6, 1)
    mirrored_scene = np.zeros_like(flow)
    mirrored_scene[5:15, 18:26] = (-6, 1)
    flipped = transform_flow(flow[:, ::-1], np.array([[-1.0, 0], [0, 1]]))
    assert np.array_equal(flipped, mirrored_scene)
    assert not np.array_equal(flow_to_picture(flow)[:, ::-1], flow_to_picture(mirrored_scene))


def test_rotation_turns_vectors_and_keeps_their_length() -> None:
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flow = random_flow()[None]
    turned = transform_flow(flow, turn)
    assert turned.shape == flow.shape
    assert np.allclose(turned, flow @ turn.T, atol=1e-5)
    assert np.allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(flow, axis=-1), rtol=1e-5)
    with pytest.raises(ValueError, match="2x2"):
        transform_flow(flow, np.eye(3))
