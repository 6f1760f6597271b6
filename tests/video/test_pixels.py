"""Colours of videos: their marks, high dynamic range and transparency; the shape of their pixels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.video import VideoFile
from gsanet.video.sources import open_clip
from gsanet.video.tone import HLG, PQ, ToneMap

COLOURS = np.array(
    [[230, 30, 30], [30, 200, 40], [30, 40, 220], [200, 200, 30], [128, 128, 128], [250, 250, 250], [10, 10, 10]]
)
WEIGHTS = {"709": (0.2126, 0.0722), "601": (0.299, 0.114), "2020": (0.2627, 0.0593)}


def bars(colours: NDArray[np.generic], height: int, width: int) -> NDArray[np.float64]:
    """(H,W,3): stripes of equal width, RGB 0..1."""
    index = np.arange(width) * len(colours) // width
    return np.broadcast_to(colours[index], (height, width, 3)).astype(float)


def middles(image: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """The colour in the middle of each stripe."""
    return image[image.shape[0] // 2, [(2 * i + 1) * image.shape[1] // (2 * count) for i in range(count)]].astype(int)


def write_yuv(
    path: Path,
    rgb: NDArray[np.float64],
    matrix: str,
    *,
    full: bool = False,
    bits: int = 8,
    frames: int = 2,
    **tags: int,
) -> Path:
    """Lossless YUV of *rgb* 0..1, computed here by the standards' formulas; *tags* go into the stream."""
    kr, kb = WEIGHTS[matrix]
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    difference = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    one, half = (2**bits - 1, 2 ** (bits - 1)) if full else (0, 128 << (bits - 8))
    planes = (
        [luma * one, *(half + one * part for part in difference)]
        if full
        else [(16 + 219 * luma) * 2 ** (bits - 8), *(half + 224 * 2 ** (bits - 8) * part for part in difference)]
    )
    pixels = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = pixels
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for number in range(frames):
            frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], pixels)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for name, value in tags.items():
                if hasattr(frame, name):
                    setattr(frame, name, value)
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.zeros((rgb.shape[0], plane.line_size), np.uint8)
                data = np.ascontiguousarray(np.round(values).astype(np.uint8 if bits == 8 else "<u2")).view(np.uint8)
                rows[:, : data.shape[1]] = data
                plane.update(rows.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("matrix", "full", "size", "tags"),
    [
        ("709", False, (96, 140), {"colorspace": 1, "color_range": 1}),
        ("709", True, (96, 140), {"colorspace": 1, "color_range": 2}),
        ("709", False, (720, 1260), {"colorspace": 1, "color_range": 1}),
        ("709", False, (720, 1260), {}),
        ("601", False, (480, 840), {}),
        ("601", False, (96, 140), {"colorspace": 5, "color_range": 1}),
        ("601", True, (720, 1260), {"colorspace": 6, "color_range": 2}),
    ],
    ids=str,
)
def test_saturated_colours_come_out_right(
    tmp_path: Path, matrix: str, full: bool, size: tuple[int, int], tags: dict[str, int]
) -> None:
    path = write_yuv(tmp_path / "clip.mkv", bars(COLOURS / 255, *size), matrix, full=full, **tags)
    clip = VideoFile(path)
    for frame in clip:
        assert np.abs(middles(frame.image, len(COLOURS)) - COLOURS).max() <= 3
    assert clip.facts == []


def pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 -> signal."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 with paper at 203 -> signal, which is 0.75 there."""
    scene = light / 203 * 0.265
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


@pytest.mark.parametrize(("signal", "transfer"), [(pq, PQ), (hlg, HLG)])
def test_high_dynamic_range_looks_like_the_ordinary_clip_of_the_scene(tmp_path: Path, signal, transfer: int) -> None:  # type: ignore[no-untyped-def]
    light = (COLOURS / 255) ** 2.4 @ TO_2020.T * 203
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": transfer, "color_range": 1}
    path = write_yuv(tmp_path / "hdr.mkv", bars(signal(light), 96, 140), "2020", bits=10, **tags)
    clip = VideoFile(path)
    for frame in (*clip, *clip.frames_at([1])):
        found = middles(frame.image, len(COLOURS))
        assert np.abs(found - COLOURS)[[1, 2, 4, 6]].max() <= 8  # below the shoulder nothing moves
        assert np.abs(found - COLOURS).max() <= 22
    assert "high dynamic range" in clip.facts[0] and clip.problems == []


def test_light_above_white_is_kept_apart() -> None:
    signal = pq(np.array([100.0, 203, 400, 700, 1000, 5000]))
    grey = np.round(signal * 65535).astype(np.uint16)[None, :, None].repeat(3, 2)
    shown = ToneMap(PQ)(grey)[0, :, 0].astype(int)
    assert np.all(np.diff(shown[:5]) >= [2, 2, 2, 1]) and shown[4] == 255 and shown[5] == 255
    assert ToneMap(PQ, peak=4000)(grey)[0, 4, 0] < 255


def test_clips_of_the_field_test_in_high_dynamic_range(shared: Path) -> None:
    folder = shared / "cases" / "07_hdr"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    plain = [frame.image.astype(int) for frame in VideoFile(shared / "cases" / "16_cutout" / "base.mp4")]
    for name in ("pq.mp4", "hlg.mp4"):
        found = [frame.image for frame in VideoFile(folder / name)]
        assert np.mean([np.abs(a - b).mean() for a, b in zip(plain, found, strict=True)]) < 4


def write_rgba(path: Path, codec: str, pixels: str, frames: list[NDArray[np.uint8]], **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if pixels == "yuva420p":
            stream.metadata["alpha_mode"] = "1"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgba")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [("mov", "png", "rgba"), ("mov", "prores_ks", "yuva444p10le"), ("webm", "libvpx-vp9", "yuva420p")],
)
def test_transparent_videos_are_shown_on_white(tmp_path: Path, suffix: str, codec: str, pixels: str) -> None:
    rng = np.random.default_rng(0)
    picture = np.full((64, 96, 4), (200, 40, 40, 255), np.uint8)
    picture[:32, :, :3] = rng.integers(0, 256, 3)
    picture[:32, :, 3] = 0
    clip = VideoFile(write_rgba(tmp_path / f"clip.{suffix}", codec, pixels, [picture] * 3))
    image = next(iter(clip)).image.astype(int)
    assert np.abs(image[4:28] - 255).max() <= 4
    assert np.abs(image[36:60] - (200, 40, 40)).max() <= 12
    assert clip.facts == ["transparent pixels are shown on white"]


@pytest.mark.parametrize("turned", [False, True])
def test_the_shape_of_pixels_is_known(tmp_path: Path, turned: bool) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        if turned:
            if not hasattr(stream, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a display matrix")
            stream.set_display_rotation(90)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    assert VideoFile(path).pixel_aspect == (Fraction(3, 4) if turned else Fraction(4, 3))


def write_raw(path: Path, frames: list[NDArray[np.uint16]], pixels: str) -> Path:
    """Lossless video of 16 bits: (H,W) of grey, or (H,W,3) of RGB."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        for frame in frames:
            stored = av.VideoFrame.from_ndarray(frame, format="gray16le" if frame.ndim == 2 else "rgb48le")
            container.mux(stream.encode(stored.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("pixels", "bits"), [("gray16le", 12), ("gray16le", 16), ("gbrp16le", 12), ("rgb48le", 10)])
def test_of_sixteen_bits_all_frames_say_what_is_white(tmp_path: Path, pixels: str, bits: int) -> None:
    """A fade from black, of a camera that uses some of the bits: as bright in every frame as the same clip in eight."""
    grey = pixels.startswith("gray")
    scene = bars(COLOURS / 255, 48, 96)
    scene = scene.mean(axis=2) if grey else scene
    fade = [i / 7 * scene for i in range(8)]
    path = write_raw(tmp_path / "raw.mkv", [np.rint(f * (2**bits - 1)).astype(np.uint16) for f in fade], pixels)
    clip = VideoFile(path)
    for frame, expected in zip(clip, fade, strict=True):
        expected = np.repeat(expected[..., None], 3, axis=2) if grey else expected
        assert np.abs(frame.image - 255 * expected).max() <= 2
    (seventh,) = clip.frames_at([6])
    assert np.abs(seventh.image - list(VideoFile(path))[6].image.astype(int)).max() == 0
    said = [fact for fact in clip.facts if "is white in all frames" in fact]
    assert bool(said) == (bits < 16) and not clip.problems


def test_where_frames_cannot_be_sought_all_of_them_say_what_is_white(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gsanet.video.decoder.VideoDecoder.seek", lambda self, stamp: False)
    path = write_raw(tmp_path / "raw.mkv", [np.full((48, 96), v, np.uint16) for v in (0, 200, 4095, 200)], "gray16le")
    assert [int(frame.image.max()) for frame in VideoFile(path)] == [0, 12, 255, 12]


def test_a_pipe_of_sixteen_bits_that_looks_dark_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raw(tmp_path / "raw.mkv", [np.full((48, 96), 4000, np.uint16)] * 3, "gray16le")
    with path.open("rb") as file:
        monkeypatch.setattr("sys.stdin", file)
        clip = open_clip("-")
        assert len(list(clip)) == 3
    (said,) = clip.problems
    assert "reach only 4000 in its first frame" in said
