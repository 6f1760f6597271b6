"""The one reader of pictures and the one writer, and files that are broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.video import images
from gsanet.video.images import read_mask, read_rgb, read_size, write_mask, write_rgb

MASK = np.zeros((9, 14), bool)
MASK[2:6, 3:11] = True


def save(path: Path, pixels: NDArray[np.generic], **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".PNG", ".webp", ".tif", ".ppm"])
def test_pictures_of_any_kind(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    path = save(tmp_path / f"a{suffix}", pixels, **({"lossless": True} if suffix == ".webp" else {}))
    read = read_rgb(path)
    assert np.array_equal(read, pixels)
    assert read.flags.writeable
    assert read_size(path) == (9, 14)


def test_grey_and_sixteen_bit_pictures_become_rgb(tmp_path: Path) -> None:
    grey = np.arange(126, dtype=np.uint8).reshape(9, 14)
    three = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(read_rgb(save(tmp_path / "8.png", grey)), three)
    assert np.array_equal(read_rgb(save(tmp_path / "16.png", grey.astype(np.uint16) * 257)), three)
    assert np.array_equal(read_rgb(save(tmp_path / "alpha.png", np.dstack([three, grey]))), three)


def test_orientation_marks_are_not_followed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.jpg", np.zeros((9, 14, 3), np.uint8), exif=exif)
    assert read_rgb(path).shape == (9, 14, 3)
    assert read_size(path) == (9, 14)


GREY = MASK.astype(np.uint8) * np.uint8(255)


def test_masks_are_written_as_eight_bit_0_and_255_and_read_back(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", MASK)
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.format) == ("L", "PNG")
        assert sorted(np.unique(np.asarray(image))) == [0, 255]
    assert np.array_equal(read_mask(tmp_path / "a.png"), MASK)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_pictures_are_written_without_loss(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    write_rgb(tmp_path / "a.png", pixels)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), pixels)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mask(tmp_path / "a.png", MASK)

    def full(self: Image.Image, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half a pict")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images.Image.Image, "save", full)
    with pytest.raises(GsanetError, match=r"cannot write .*a\.png: No space left on device"):
        write_mask(tmp_path / "a.png", ~MASK)
    monkeypatch.undo()
    assert np.array_equal(read_mask(tmp_path / "a.png"), MASK)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"cannot write .*nowhere"):
        write_mask(tmp_path / "nowhere" / "a.png", MASK)


def test_what_is_no_mask_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bool"):
        write_mask(tmp_path / "a.png", GREY)
    with pytest.raises(ValueError, match="uint8"):
        write_rgb(tmp_path / "a.png", np.zeros((4, 4, 3)))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_a_file_cut_short_is_named(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path / f"short{suffix}", pixels)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (read_rgb, read_mask):
        with pytest.raises(GsanetError, match=rf"short\{suffix} cannot be read as a picture") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_other_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "folder.png").mkdir()
    for read in (read_rgb, read_mask, read_size):
        with pytest.raises(GsanetError, match=r"empty\.png is empty \(0 bytes\)"):
            read(tmp_path / "empty.png")
        with pytest.raises(GsanetError, match=r"text\.png cannot be read as a picture"):
            read(tmp_path / "text.png")
        with pytest.raises(GsanetError, match=r"folder\.png cannot be read"):
            read(tmp_path / "folder.png")
        with pytest.raises(GsanetError, match=r"no such file: .*gone\.png"):
            read(tmp_path / "gone.png")
