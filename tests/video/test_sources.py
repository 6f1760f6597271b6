"""From what a user names to a clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.segment import clip_name, find_clips, open_clip
from gsanet.video.images import write_rgb


def test_each_kind_of_source(tiny_clip: Path, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    write_rgb(tmp_path / "00000.png", tiny_frames[0])
    for source, kind in (
        (tiny_clip, "VideoFile"),
        (str(tiny_clip), "VideoFile"),
        (tmp_path, "FrameFolder"),
        (tmp_path / "00000.png", "FrameFolder"),
        (tiny_frames, "ArrayClip"),
        (list(tiny_frames), "LiveClip"),
    ):
        clip = open_clip(source)
        assert type(clip).__name__ == kind
        assert (clip.width, clip.height) == (96, 64)
        if isinstance(source, Path):
            assert clip.name == clip_name(source)
        assert open_clip(clip) is clip
    assert open_clip(tmp_path, fps=Fraction(5)).fps == 5


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"no such file or folder: .*gone\.mp4"):
        open_clip(tmp_path / "gone.mp4")
    with pytest.raises(GsanetError, match="no pictures in"):
        open_clip(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(GsanetError, match=r"bad\.png is empty"):
        open_clip(tmp_path / "bad.png")


def test_patterns_are_spelled_out_in_natural_order(tmp_path: Path) -> None:
    for name in ("clip10.mp4", "clip9.mp4", "other.txt", "odd[1].mp4"):
        (tmp_path / name).touch()
    found = find_clips([str(tmp_path / "clip*.mp4"), str(tmp_path / "clip9.mp4"), str(tmp_path / "odd[1].mp4"), "gone"])
    assert [path.name for path in found] == ["clip9.mp4", "clip10.mp4", "odd[1].mp4", "gone"]
    with pytest.raises(GsanetError, match=r"nothing matches .*\*\.mov"):
        find_clips([str(tmp_path / "*.mov")])
