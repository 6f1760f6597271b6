"""What a file holds decides what it is: a video, an animation, a stack, one picture."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.video.animation import Animation
from gsanet.video.container import VideoFile
from gsanet.video.files import open_file
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.images import read_rgb, read_size

LEVELS = [20, 60, 100, 140, 180, 220]
TIMES = [80, 80, 160, 80, 80, 80]
"""Milliseconds."""


def frames(height: int = 64, width: int = 96) -> list[Image.Image]:
    return [Image.fromarray(np.full((height, width, 3), level, np.uint8)) for level in LEVELS]


def animated(path: Path, **options: Any) -> Path:
    first, *rest = frames()
    first.save(path, save_all=True, append_images=rest, **options)
    return path


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("gif", {}),
    ("webp", {"lossless": True}),
    ("png", {}),
    ("apng", {"format": "PNG"}),
    ("avif", {"quality": 95}),
]


@pytest.mark.parametrize(("suffix", "options"), KINDS, ids=[kind for kind, _ in KINDS])
def test_animations_are_clips_with_times_of_their_own(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    if suffix == "avif" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    clip = open_file(animated(tmp_path / f"move.{suffix}", duration=TIMES, loop=0, **options))
    assert isinstance(clip, Animation)
    assert (clip.name, clip.length, clip.width, clip.height) == ("move", 6, 96, 64)
    for _ in range(2):
        seen = list(clip)
        assert np.abs([int(frame.image.mean()) - level for frame, level in zip(seen, LEVELS, strict=True)]).max() <= 3
        np.testing.assert_allclose([frame.time for frame in seen], np.cumsum([0, *TIMES[:-1]]) / 1000, atol=1e-6)
        assert [frame.name for frame in seen][:2] == ["00000", "00001"]
    for frame in clip.frames_at([4, 2, 99]):
        np.testing.assert_array_equal(frame.image, seen[frame.index].image)
        assert frame.time == seen[frame.index].time
    assert float(clip.fps) == pytest.approx(5 / 0.48, rel=0.01)
    assert clip.problems == [] and clip.facts == []


def test_times_that_browsers_do_not_keep(tmp_path: Path) -> None:
    assert [frame.time for frame in open_file(animated(tmp_path / "a.gif", duration=10))][:3] == [0, 0.1, 0.2]


def test_a_stack_is_a_clip(tmp_path: Path) -> None:
    path = animated(tmp_path / "stack.tif")
    clip = open_file(path, Fraction(10))
    assert isinstance(clip, FrameFolder) and (clip.name, clip.length) == ("stack", 6)
    assert [int(frame.image.mean()) for frame in clip] == LEVELS
    assert [(frame.name, frame.time) for frame in clip.frames_at([3])] == [("00003", 0.3)]


def test_a_stack_of_sixteen_bits_has_one_rule(tmp_path: Path) -> None:
    import cv2

    pages = [np.full((20, 30, 3), level, np.uint16) for level in (0, 200, 3000, 4000)]
    cv2.imwritemulti(str(tmp_path / "stack.tiff"), pages)
    clip = open_file(tmp_path / "stack.tiff")
    assert [int(frame.image[0, 0, 0]) for frame in clip] == [0, 12, 187, 249]


def test_a_smaller_copy_is_no_frame(tmp_path: Path) -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    small = ImageFileDirectory_v2()
    small[254] = 1
    copy = frames(32, 48)[0]
    copy.encoderinfo = {"tiffinfo": small}
    frames()[0].save(tmp_path / "scan.tif", save_all=True, append_images=[copy])
    with Image.open(tmp_path / "scan.tif") as image:
        assert image.n_frames == 2
    assert open_file(tmp_path / "scan.tif").length == 1


def test_one_picture_is_one_frame(tmp_path: Path) -> None:
    for suffix in ("gif", "webp", "png", "tif", "jpg", "bmp"):
        frames()[0].save(tmp_path / f"still.{suffix}")
        clip = open_file(tmp_path / f"still.{suffix}")
        assert isinstance(clip, FrameFolder) and [frame.name for frame in clip] == ["still"]


def test_both_eyes_of_a_camera_are_no_film(tmp_path: Path) -> None:
    left, right = frames()[:2]
    left.save(tmp_path / "eyes.jpg", format="MPO", save_all=True, append_images=[right])
    with Image.open(tmp_path / "eyes.jpg") as image:
        assert image.n_frames == 2
    assert open_file(tmp_path / "eyes.jpg").length == 1


def test_names_that_say_something_else(tmp_path: Path, tiny_clip: Path) -> None:
    film = tmp_path / "film.gif"
    film.write_bytes(tiny_clip.read_bytes())
    assert isinstance(open_file(film), VideoFile)
    picture = animated(tmp_path / "move.webp", lossless=True).rename(tmp_path / "move.mp4")
    assert isinstance(open_file(picture), Animation)
    bare = animated(tmp_path / "move.gif").rename(tmp_path / "move")
    assert open_file(bare).length == 6


def test_broken_pictures_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(GsanetError, match=r"empty\.png is empty \(0 bytes\)"):
        open_file(tmp_path / "empty.png")
    with pytest.raises(GsanetError, match=r"text\.png cannot be read as a picture"):
        open_file(tmp_path / "text.png")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_a_cut_off_animation_yields_what_is_left(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    first, *rest = (Image.fromarray(rng.integers(0, 256, (64, 96, 3), np.uint8)) for _ in range(6))
    path = tmp_path / f"cut.{suffix}"
    first.save(path, save_all=True, append_images=rest, **({"lossless": True} if suffix == "webp" else {}))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    try:
        clip = open_file(path)
    except GsanetError as error:
        assert suffix == "webp" and "\n" not in str(error)  # libwebp reads all or nothing
        return
    assert 1 <= len(list(clip)) < 6
    assert suffix == "gif" or "cut off" in clip.problems[0]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """With the structure of HEIC, as phones make it."""
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_0001.HEIC"
    heif.from_pillow(Image.fromarray(smooth(180, 320))).save(path, quality=95)
    return path


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, np.full_like(x, 90)], -1).astype(np.uint8)


def test_photographs_of_phones(photograph: Path) -> None:
    clip = open_file(photograph)
    (frame,) = clip
    assert (clip.width, clip.height, clip.name) == (320, 180, "IMG_0001")
    assert np.abs(frame.image.astype(int) - smooth(180, 320)).mean() < 4
    assert read_size(photograph) == (180, 320) and read_rgb(photograph).shape == (180, 320, 3)
    assert FrameFolder(photograph.parent).length == 1
    assert open_file(photograph.rename(photograph.with_suffix(".jpg"))).width == 320


def test_photographs_of_phones_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    for name in ("IMG_0001.HEIC", "photo.jpg", "clip.mp4"):
        path = tmp_path / name
        path.write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(100))
        with pytest.raises(GsanetError, match=rf"{name} is a HEIC photograph.*pip install 'gsanet\[heif\]'"):
            open_file(path)


@pytest.mark.parametrize(
    ("name", "count"), [("anim.webp", 20), ("anim.avif", 20), ("anim_png.png", 8), ("stack.tif", 6)]
)
def test_animations_of_the_field_test(shared: Path, name: str, count: int) -> None:
    path = shared / "cases" / "02_animated" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    clip = open_file(path)
    assert len(list(clip)) == clip.length == count
