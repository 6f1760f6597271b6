"""Which way up: the eight orientations, of matrices and of EXIF tags, as viewers show them."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gsanet.video import VideoFile
from gsanet.video.orientation import UPRIGHT, of_exif, of_matrix

# EXIF orientation -> (a, b, c, d) of the display matrix that says the same: x' = ax + cy, y' = bx + dy.
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def shown(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """By PIL, which others wrote."""
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("exif", MATRICES)
def test_matrix_and_exif_mean_what_viewers_show(exif: int) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    a, b, c, d = MATRICES[exif]
    orientation = of_matrix([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30])
    assert orientation == of_exif(exif)
    np.testing.assert_array_equal(orientation.apply(stored), shown(stored, exif))
    assert orientation.size(4, 6) == shown(stored, exif).shape[:2]


def test_what_says_nothing_is_upright() -> None:
    for value in (None, 0, 9, "6", b"6"):
        assert of_exif(value) == UPRIGHT
    assert of_matrix([0] * 9) == UPRIGHT


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write a display matrix into the only track of an mp4."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + (40 if data[data.index(b"tkhd") + 4] == 0 else 52)
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("exif", MATRICES)
def test_videos_are_shown_as_their_matrix_says(tmp_path: Path, exif: int) -> None:
    stored = np.full((64, 96, 3), 40, np.uint8)
    stored[:24, :36] = (220, 60, 60)  # three corners of different colours
    stored[:24, 60:] = (60, 220, 60)
    stored[40:, :36] = (60, 60, 220)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv444p"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    clip = VideoFile(with_matrix(path, *MATRICES[exif]))
    expected = shown(stored, exif)
    assert (clip.height, clip.width) == expected.shape[:2]
    frame = next(iter(clip)).image
    assert np.abs(frame.astype(int) - expected).mean() < 8
    assert (clip.facts == []) == (exif == 1)
    assert clip.problems == []


def test_mirrored_clips_of_the_field_test(shared: Path) -> None:
    folder = shared / "cases" / "01_mirrored"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    plain = next(iter(VideoFile(shared / "cases" / "16_cutout" / "base.mp4"))).image
    flipped = next(iter(VideoFile(folder / "hflip.mp4"))).image
    transposed = next(iter(VideoFile(folder / "transpose.mp4"))).image
    assert np.abs(flipped.astype(int) - plain[:, ::-1]).mean() < 3
    assert np.abs(transposed.astype(int) - plain.swapaxes(0, 1)).mean() < 3
