"""Folders of frames and single pictures as clips."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gsanet.base.errors import GsanetError
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.images import write_rgb


def picture(level: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_natural_order_and_own_names(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_rgb(tmp_path / f"shot{number}.png", picture(number))
    (tmp_path / "notes.txt").write_text("no frame")
    clip = FrameFolder(tmp_path)
    assert (clip.name, clip.length, clip.width, clip.height) == (tmp_path.name, 3, 30, 20)
    for _ in range(2):
        assert [(f.index, f.name, int(f.image[0, 0, 0])) for f in clip] == [
            (0, "shot1", 1),
            (1, "shot9", 9),
            (2, "shot10", 10),
        ]
    assert [frame.name for frame in clip.frames_at([2])] == ["shot10"]


def test_a_sequence_folder_bears_its_own_name(tmp_path: Path) -> None:
    folder = tmp_path / "bear"
    (folder / "RGB").mkdir(parents=True)
    write_rgb(folder / "RGB" / "00000.png", picture(5))
    assert FrameFolder(folder).name == "bear"
    assert FrameFolder(folder).length == 1


def test_a_picture_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    write_rgb(tmp_path / "cat.png", picture(7))
    clip = FrameFolder.of_picture(tmp_path / "cat.png")
    assert [(frame.name, int(frame.image.max())) for frame in clip] == [("cat", 7)]


def test_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match="no pictures"):
        FrameFolder(tmp_path)
    write_rgb(tmp_path / "0.png", picture(1))
    (tmp_path / "1.png").write_bytes(b"not a picture")
    with pytest.raises(GsanetError, match=r"1\.png"):
        list(FrameFolder(tmp_path))


def test_pictures_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    for i, (height, width) in enumerate(((20, 30), (20, 30), (40, 30), (40, 30))):
        write_rgb(tmp_path / f"{i}.png", picture(10 * i, height, width))
    clip = FrameFolder(tmp_path)
    assert [(frame.image.shape, int(frame.image[0, 0, 0])) for frame in clip] == [
        ((20, 30, 3), level) for level in (0, 10, 20, 30)
    ]
    assert len(clip.problems) == 1
    assert "from frame 2 on there are frames of 30x40, those before are 30x20" in clip.problems[0]


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_pictures_are_turned_as_their_exif_data_say(tmp_path: Path, suffix: str) -> None:
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:20, :30] = (250, 120, 0)
    stored[30:, :10] = (0, 100, 200)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = tmp_path / f"{orientation}.{suffix}"
        Image.fromarray(stored).save(file, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
        clip = FrameFolder.of_picture(file)
        with Image.open(file) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        (frame,) = clip
        assert (clip.height, clip.width) == expected.shape[:2]
        np.testing.assert_array_equal(frame.image, expected)
        assert (clip.facts == []) == (orientation == 1 or suffix == "tif")  # PIL itself turns a TIFF
    assert clip.problems == []


def test_data_sets_are_taken_as_they_are_stored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "0.jpg"
    Image.fromarray(picture(90)).save(file, exif=exif)
    assert FrameFolder.of_files("shot", {"0": file}).width == 20
    clip = FrameFolder.of_files("shot", {"0": file}, stored=True)
    assert (clip.width, next(iter(clip)).image.shape, clip.facts) == (30, (20, 30, 3), [])


def noisy_where_transparent(mode: str) -> Image.Image:
    """The left half is green, the right half is transparent noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    pixels[:, :15] = (0, 200, 0, 255)
    pixels[:, 15:, 3] = 0
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize(("mode", "suffix"), [("RGBA", "png"), ("LA", "png"), ("RGBA", "tif"), ("RGBA", "webp")])
def test_transparent_pixels_are_white(tmp_path: Path, mode: str, suffix: str) -> None:
    noisy_where_transparent(mode).save(tmp_path / f"0.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    clip = FrameFolder(tmp_path)
    image = next(iter(clip)).image
    assert (image[:, 15:] == 255).all()
    assert (image[:, :15] == ((0, 200, 0) if mode == "RGBA" else (117, 117, 117))).all()
    assert clip.facts == ["transparent pixels are shown on white"]


def test_half_transparent_pixels_are_mixed(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4, 4), (100, 0, 255, 51), np.uint8)).save(tmp_path / "0.png")
    assert next(iter(FrameFolder(tmp_path))).image[0, 0].tolist() == [224, 204, 255]


def ramp() -> NDArray[np.float64]:
    """(20,30,3) 0..1: brighter to the right, each colour by its own factor."""
    return np.linspace(0, 1, 30)[None, :, None] * np.array([1, 0.6, 0.3]) * np.ones((20, 1, 1))


def save(path: Path, pixels: NDArray[np.generic]) -> None:
    cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "ppm"])
@pytest.mark.parametrize("white", [255, 1023, 4095, 65535])
@pytest.mark.parametrize("grey", [False, True])
def test_values_of_sixteen_bits(tmp_path: Path, suffix: str, white: int, grey: bool) -> None:
    pixels = ramp()[..., 0] if grey else ramp()
    suffix = "pgm" if grey and suffix == "ppm" else suffix
    save(tmp_path / f"0.{suffix}", np.round(pixels * white).astype(np.uint16))
    image = next(iter(FrameFolder(tmp_path))).image
    expected = np.repeat(pixels[..., None], 3, 2) if grey else pixels
    assert np.abs(image - 255 * expected).max() <= 1


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("white", [1, 255])
def test_values_of_floating_point(tmp_path: Path, white: int, grey: bool) -> None:
    pixels = ramp()[..., 0] if grey else ramp()
    save(tmp_path / "0.tif", (pixels * white).astype(np.float32))
    clip = FrameFolder(tmp_path)
    image = next(iter(clip)).image
    assert np.abs(image - 255 * (np.repeat(pixels[..., None], 3, 2) if grey else pixels)).max() <= 1
    assert f"{white} is white in all frames" in clip.facts[0]


def test_a_fade_of_sixteen_bits_stays_one(tmp_path: Path) -> None:
    """Frame by frame, the first of them would pass for pictures of eight bits."""
    levels = [0, 100, 250, 1000, 9000, 30000, 65535]
    for i, level in enumerate(levels):
        save(tmp_path / f"{i}.png", np.full((20, 30, 3), level, np.uint16))
    clip = FrameFolder(tmp_path)
    for frames in (list(clip), list(clip.frames_at(range(7)))):
        assert [int(frame.image[0, 0, 0]) for frame in frames] == [round(level / 257) for level in levels]
    assert "65535 is white in all frames" in clip.facts[0] and clip.problems == []


def test_brighter_frames_than_those_looked_at_are_a_warning(tmp_path: Path) -> None:
    for i in range(40):
        save(tmp_path / f"{i}.png", np.full((4, 4, 3), 60000 if i == 1 else 3000, np.uint16))
    clip = FrameFolder(tmp_path)
    assert [int(frame.image[0, 0, 0]) for frame in clip][:3] == [187, 255, 187]
    assert "frame 1 has values above 4095" in clip.problems[0]


def test_animated_files_among_frames_are_a_warning(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture(level)) for level in (10, 90)]
    for i in range(3):
        frames[0].save(tmp_path / f"{i}.webp", save_all=True, append_images=frames[1:], lossless=True)
    clip = FrameFolder(tmp_path)
    assert [int(frame.image[0, 0, 0]) for frame in clip] == [10, 10, 10]
    assert "0.webp is animated" in clip.problems[0]


def test_frames_of_the_field_test(shared: Path) -> None:
    folder = shared / "cases"
    if not (folder / "06_exif").is_dir():
        pytest.skip(f"no cases at {folder}")
    clip = FrameFolder(folder / "06_exif" / "frames")
    assert {frame.image.shape for frame in clip} == {(180, 320, 3)}
    assert (clip.width, clip.height, len(clip.facts)) == (320, 180, 1)
    clip = FrameFolder(folder / "17_alpha" / "frames")
    # Noise is gone: neighbours are alike.
    assert all(np.abs(np.diff(frame.image.astype(int), axis=1)).mean() < 10 for frame in clip)
    assert clip.facts == ["transparent pixels are shown on white"]
