"""What counts as object, in every form that annotations come in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from downloads import SIZE, colours, encode, grey, palette, values
from PIL import Image

from gsanet.prepare.masks import brightness, fit, objects

LEFT = values(1) > 0


def read(rule: object, data: bytes) -> np.ndarray:
    assert callable(rule)
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(rule(image))


def la(array: np.ndarray) -> bytes:
    return encode(Image.merge("LA", (Image.fromarray(array), Image.new("L", SIZE, 255))), "PNG")


@pytest.mark.parametrize("rule", [brightness, objects])
@pytest.mark.parametrize(
    "data",
    [
        grey(values(255)),
        grey(values(1)),
        la(values(255)),
        palette(values(2)),
        colours(values(1), {1: (128, 0, 0)}),
        encode(Image.fromarray(LEFT), "PNG"),
    ],
    ids=["grey", "0/1", "LA", "palette", "RGB", "1 bit"],
)
def test_one_object_in_every_mode(rule: object, data: bytes) -> None:
    assert np.array_equal(read(rule, data), LEFT)


def test_objects_are_merged_and_void_is_background() -> None:
    both = values(1, 0, 1) > 0
    assert np.array_equal(read(objects, palette(values(1, 255, 2))), both)
    assert np.array_equal(read(objects, grey(values(1, 255, 2))), both)
    drawn = colours(values(1, 3, 2), {1: (128, 0, 0), 2: (0, 128, 0), 3: (224, 224, 192)})
    assert np.array_equal(read(objects, drawn), both)
    # A third that is dark: palette colours turned grey are labels all the same.
    assert np.array_equal(read(objects, grey(values(38, 0, 75))), both)


def test_white_is_void_only_where_there_are_labels() -> None:
    assert np.array_equal(read(objects, grey(values(255))), LEFT)
    assert np.array_equal(read(objects, palette(values(255))), LEFT), "0 and 255 in a palette"


def test_the_noise_of_a_jpeg_is_no_object() -> None:
    faint = np.random.default_rng(0).integers(0, 12, SIZE[::-1], np.uint8)
    assert read(brightness, grey(faint)).any(), "in a PNG, values this small are labels"
    assert not read(brightness, grey(faint, "JPEG")).any()
    assert np.array_equal(read(brightness, encode(Image.fromarray(values(255)), "JPEG")), LEFT)


def test_antialiased_borders_are_cut_in_the_middle() -> None:
    ramp = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (4, 1))
    for rule in (brightness, objects):
        assert np.array_equal(read(rule, grey(ramp)), ramp > 127)


def test_fit_keeps_shapes() -> None:
    mask = values(1, size=(24, 16)) > 0
    assert np.array_equal(fit(mask, (8, 12)), LEFT)
    assert np.array_equal(fit(LEFT, (16, 24)), mask)
