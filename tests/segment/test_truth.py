"""True masks beside a clip, in panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.segment import Segmenter, segment_clip
from gsanet.segment.planning import plan_clips
from gsanet.segment.truth import open_truth
from gsanet.video.images import read_rgb, write_mask


def mask(column: int) -> np.ndarray:
    made = np.zeros((64, 96), bool)
    made[10:30, column : column + 20] = True
    return made


@pytest.mark.parametrize("place", ["", "GT", "tiny", "tiny/GT"])
@pytest.mark.parametrize("name", ["00003", "tiny_00003"])
def test_masks_are_found_by_the_names_of_frames(place: str, name: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    write_mask(tmp_path / place / f"{name}.png", mask(3))
    truth = open_truth(tmp_path, "tiny")
    found = truth("00003")
    assert found is not None and (found == mask(3)).all()
    assert truth("00004") is None


def test_no_masks_are_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"no true masks of tiny: looked in .*GT"):
        open_truth(tmp_path, "tiny")


def test_panels_have_them(segmenter: Segmenter, tiny_clip: Path, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / "truth").mkdir(exist_ok=True)
        write_mask(tmp_path / "truth" / f"{number:05d}.png", mask(number))
    pictures = []
    for out, truth in (("plain", None), ("true", tmp_path / "truth")):
        (plan,) = plan_clips([tiny_clip], tmp_path / out)
        segment_clip(segmenter, plan, save=["panel"], truth=truth)
        pictures.append(read_rgb(tmp_path / out / "tiny" / "panel" / "00005.png"))
    plain, true = pictures
    assert true.shape[0] == plain.shape[0] and true.shape[1] > plain.shape[1]
    column = true[:, plain.shape[1] :]
    white = (column[: column.shape[0] // 2] == 255).all(-1).mean()
    assert 0.05 < white < 0.5  # the caption's strip, and the object on black
