"""Folders of frames and single pictures as clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
    write_rgb(tmp_path / "1.png", picture(1, 20, 31))
    with pytest.raises(GsanetError, match=r"1\.png is 31x20"):
        list(FrameFolder(tmp_path))
    (tmp_path / "1.png").write_bytes(b"not a picture")
    with pytest.raises(GsanetError, match=r"1\.png"):
        list(FrameFolder(tmp_path))
