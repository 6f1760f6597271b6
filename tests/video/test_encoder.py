"""What is written for players: colours, the shape of pixels, alpha, sizes. Times and failures: test_container.py."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from gsanet.video import VideoFile, VideoWriter
from gsanet.video.output_format import H264, PRORES_4444, VP9_ALPHA, OutputFormat

COLOURS = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255),
    (255, 90, 60), (20, 20, 20), (235, 235, 235), (128, 128, 128), (200, 30, 90), (30, 120, 10),
]  # fmt: skip
MATRIX = {1: Colorspace.ITU709, 6: Colorspace.ITU601}
SIZES = {(720, 1280): 1, (576, 1024): 6, (360, 640): 6}
"""(H,W) -> the matrix that players take for granted, in the standard's numbers."""


def patches(height: int, width: int) -> np.ndarray:
    """All colours, a stripe each."""
    image = np.zeros((height, width, 3), np.uint8)
    for k, colour in enumerate(COLOURS):
        image[:, k * width // len(COLOURS) :] = colour
    return image


def seen(path: Path, matrix: Colorspace | None) -> np.ndarray:
    """The first frame as a player shows it that takes *matrix* for granted, or reads the file's marks."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        matrix = MATRIX[frame.colorspace] if matrix is None else matrix
        return frame.to_ndarray(
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format", [H264, VP9_ALPHA, PRORES_4444], ids=lambda format: format.suffix)
def test_colours_are_the_same_in_players_that_read_the_marks_and_in_those_that_do_not(
    tmp_path: Path, size: tuple[int, int], format: OutputFormat
) -> None:
    image = patches(*size)
    path = tmp_path / f"out{format.suffix}"
    frame = np.dstack((image, np.full(size, 255, np.uint8))) if format.alpha else image
    with VideoWriter(path, Fraction(25), format=format) as writer:
        for _ in range(3):
            writer.write(frame)
    with av.open(str(path)) as container:
        context: Any = container.streams.video[0].codec_context
        space = SIZES[size]
        assert (context.colorspace, context.color_range) == (space, 1)
        # ProRes takes them from its frames, and frames of older PyAV have none.
        if format is not PRORES_4444 or hasattr(VideoFrame, "color_primaries"):
            assert (context.color_primaries, context.color_trc) == (1, 1)
    for matrix in (None, MATRIX[space]):
        shown = seen(path, matrix)
        for k, colour in enumerate(COLOURS):
            middle = shown[8:-8, k * size[1] // len(COLOURS) + 8 : (k + 1) * size[1] // len(COLOURS) - 8]
            # The encoder may be one more off here and there.
            assert np.abs(middle.mean((0, 1)) - colour).max() <= 2.5, colour
            assert np.abs(middle.astype(int) - colour).max() <= 5, colour


def test_pixels_keep_their_shape(tmp_path: Path) -> None:
    for format in (H264, VP9_ALPHA, PRORES_4444):
        path = tmp_path / f"out{format.suffix}"
        image = np.zeros((180, 240, 4 if format.alpha else 3), np.uint8)
        with VideoWriter(path, Fraction(25), format=format, pixel_aspect=Fraction(4, 3)) as writer:
            writer.write(image)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.width * (stream.sample_aspect_ratio or 1) / stream.height == Fraction(16, 9)


def alphas(path: Path) -> list[np.ndarray]:
    """Alpha of every frame, (H,W) of 0..255. FFmpeg's own decoder of VP9 leaves alpha out; libvpx's does not."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "vp9":
            return [frame.to_ndarray(format="rgba")[..., 3] for frame in container.decode(stream)]
        assert stream.metadata["alpha_mode"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [f.to_ndarray(format="rgba")[..., 3] for packet in packets for f in decoder.decode(packet)]


@pytest.mark.parametrize("format", [VP9_ALPHA, PRORES_4444], ids=lambda format: format.suffix)
@pytest.mark.parametrize("size", [(90, 160), (67, 91), (1, 1), (2, 90)])
def test_alpha_comes_back(tmp_path: Path, format: OutputFormat, size: tuple[int, int]) -> None:
    path = tmp_path / f"out{format.suffix}"
    height, width = size
    written = []
    with VideoWriter(path, Fraction(30000, 1001), format=format) as writer:
        for k in range(6):
            image = np.zeros((height, width, 4), np.uint8)
            image[..., :3] = (40, 160, 90)
            ramp = np.clip((np.arange(width) - 5 * k) * 12, 0, 255)
            image[..., 3] = ramp
            image[height // 2 :, :, 3] = 255 - ramp
            written.append(image[..., 3])
            writer.write(image)
    read = alphas(path)
    assert len(read) == 6 and read[0].shape == size
    error = np.abs(np.stack(read).astype(int) - np.stack(written))
    assert error.mean() < 4 and np.percentile(error, 99) < 24
    clip = VideoFile(path)
    assert (clip.width, clip.height) == (width, height)
    assert [frame.time for frame in clip] == pytest.approx([k * 1001 / 30000 for k in range(6)], abs=1e-3)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_overlay_of_a_case_keeps_its_colours(tmp_path: Path) -> None:
    source = Path(os.environ.get("GSANET_SHARED", Path(__file__).parents[3] / "shared"))
    source = source / "cases" / "09_overlay_colour" / "hd709.mp4"
    if not source.is_file():
        pytest.skip(f"no such case: {source.name} (set GSANET_SHARED)")
    image = seen(source, MATRIX[1])
    with VideoWriter(tmp_path / "out.mp4", Fraction(25)) as writer:
        writer.write(image)
    for matrix in (None, MATRIX[1]):
        assert np.abs(seen(tmp_path / "out.mp4", matrix).astype(int) - image).mean() < 3


@pytest.mark.parametrize(
    ("large", "huge", "says"),
    [
        (10**9, 10**9, {b"subme=1", b"bframes=3"}),
        (0, 10**9, {b"subme=1", b"bframes=0"}),
        (0, 0, {b"subme=0", b"bframes=0"}),
    ],
)
def test_of_large_frames_the_encoder_holds_fewer(
    large: int, huge: int, says: set[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was told stands in the stream."""
    monkeypatch.setattr("gsanet.video.output_format.LARGE", large)
    monkeypatch.setattr("gsanet.video.output_format.HUGE", huge)
    frames = [np.roll(patches(64, 96), 2 * i, axis=1) for i in range(4)]
    with VideoWriter(tmp_path / "a.mp4", Fraction(24)) as writer:
        for image in frames:
            writer.write(image)
    written = (tmp_path / "a.mp4").read_bytes()
    assert {word for word in (b"subme=0", b"subme=1", b"bframes=0", b"bframes=3") if word in written} == says
    for frame, image in zip(VideoFile(tmp_path / "a.mp4"), frames, strict=True):
        assert np.abs(frame.image.astype(int) - image).mean() < 6
