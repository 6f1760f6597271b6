"""Every form of mask file is read for what it is, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gsanet.base.errors import GsanetError
from gsanet.data.raw_masks import read_raw
from gsanet.evaluation.masks import Reading, foreground

BOX = np.zeros((20, 30), bool)
BOX[5:12, 8:20] = True


def save(path: Path, values: np.ndarray, palette: list[int] | None = None) -> Path:
    image = Image.fromarray(values)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)
    return path


def read(path: Path, *, threshold: float | None = None, merge: bool = True, void: bool = False, truth: bool = False):
    return foreground(read_raw(path), path, Reading(threshold, merge, void), truth=truth)


def ramp() -> np.ndarray:
    return np.tile(np.linspace(0, 255, 30).astype(np.uint8), (20, 1))


# All 256 entries: PIL writes as few bits a pixel as a short palette needs, and 255 would become 3.
DAVIS_PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [224, 224, 192] * 252


@pytest.mark.parametrize("value", [1, 128, 255])
def test_two_values_are_a_mask_whatever_the_second_is(tmp_path: Path, value: int) -> None:
    path = save(tmp_path / "m.png", BOX.astype(np.uint8) * value)
    assert np.array_equal(read(path, merge=False).mask, BOX)


def test_bit_palette_sixteen_bits_and_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(BOX).save(tmp_path / "bit.png")
    save(tmp_path / "palette.png", BOX.astype(np.uint8), DAVIS_PALETTE)
    save(tmp_path / "sixteen.png", BOX.astype(np.uint16) * 65535)
    save(tmp_path / "rgb.png", np.repeat(BOX.astype(np.uint8)[..., None] * 255, 3, axis=2))
    # A grey palette in which index 0 is white, as optimisers write it: its colours count.
    save(tmp_path / "swapped.png", (~BOX).astype(np.uint8), [255, 255, 255, 0, 0, 0])
    for path in sorted(tmp_path.iterdir()):
        if path.name == "swapped.png":
            raw = read_raw(path)
            assert raw.kind == "grey"
        assert np.array_equal(read(path, merge=False).mask, BOX), path.name


def test_several_objects_are_merged_only_when_that_is_wanted(tmp_path: Path) -> None:
    values = BOX.astype(np.uint8)
    values[15:18, 2:6] = 2
    path = save(tmp_path / "objects.png", values, DAVIS_PALETTE)
    assert np.array_equal(read(path).mask, values > 0)
    with pytest.raises(GsanetError, match=r"2 objects .*davis17-merged"):
        read(path, merge=False, truth=True)
    with pytest.raises(GsanetError, match=r"2 objects .*--merge"):
        read(path, merge=False)
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[BOX] = (200, 0, 0)
    colours[15:18, 2:6] = (0, 90, 40)
    assert np.array_equal(read(save(tmp_path / "colours.png", colours)).mask, values > 0)


def test_void_is_left_out_of_palette_masks_only(tmp_path: Path) -> None:
    values = BOX.astype(np.uint8)
    values[0:3] = 255
    decided = read(save(tmp_path / "void.png", values, DAVIS_PALETTE), void=True, truth=True)
    assert decided.void is not None
    assert np.array_equal(decided.mask, BOX)
    assert np.array_equal(decided.void, values == 255)
    grey = read(save(tmp_path / "grey.png", BOX.astype(np.uint8) * 255), void=True, truth=True)
    assert grey.void is None
    assert np.array_equal(grey.mask, BOX)


def test_a_soft_map_needs_a_threshold(tmp_path: Path) -> None:
    path = save(tmp_path / "soft.png", ramp())
    with pytest.raises(GsanetError, match="--threshold"):
        read(path)
    assert np.array_equal(read(path, threshold=0.5).mask, ramp() > 127.5)
    assert np.array_equal(read(path, threshold=0.9).mask, ramp() > 229.5)
    sixteen = save(tmp_path / "soft16.png", ramp().astype(np.uint16) * 257)
    assert np.array_equal(read(sixteen, threshold=0.5).mask, ramp() > 127.5)


def test_soft_ground_truth_is_cut_at_half_and_said(tmp_path: Path) -> None:
    decided = read(save(tmp_path / "soft.png", ramp()), truth=True)
    assert np.array_equal(decided.mask, ramp() > 127)
    assert "brighter than half" in decided.assumed


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    with pytest.raises(GsanetError, match="colour picture"):
        read(save(tmp_path / "photo.png", photograph))
    cut_out = np.dstack([photograph, BOX.astype(np.uint8) * 255])
    with pytest.raises(GsanetError, match="cut-out"):
        read(save(tmp_path / "cutout.png", cut_out))
    with pytest.raises(GsanetError, match="no background"):
        read(save(tmp_path / "values.png", np.where(BOX, 255, 127).astype(np.uint8)))
    with pytest.raises(GsanetError, match="palette entry 0"):
        read(save(tmp_path / "reordered.png", (~BOX).astype(np.uint8), [250, 200, 0, 20, 0, 0]))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    with pytest.raises(GsanetError, match="cannot be read"):
        read(tmp_path / "broken.png")
