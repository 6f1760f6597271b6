"""What of the source is kept in saved videos, and which file holds what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.segment import FrameResult
from gsanet.segment.save import ClipWriter
from gsanet.video import VideoFile
from gsanet.video.clip import Clip
from gsanet.video.sources import open_clip

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from sounds import beeps, ends, flashes, flashing

MAPS = [f"{kind}_{stream}" for kind in ("coarse_fg", "fine_fg", "fine_not_bg") for stream in ("rgb", "flow")]


def save(clip: Clip, folder: Path, kinds: Sequence[str], **options: Any) -> dict[str, Any]:
    """Results of *clip* in which the object is the middle of every frame."""
    folder.mkdir(exist_ok=True)
    with ClipWriter(folder, clip, kinds, **options) as writer:
        for frame in clip:
            probability = np.zeros(frame.image.shape[:2], np.float32)
            probability[4:-4, 4:-4] = 1
            slots = {name: np.zeros((4, 6), np.float32) for name in MAPS}
            result = FrameResult(frame.index, frame.time, frame.name, frame.image, probability, frame.image, slots)
            writer.add(result)
    return writer.summary()


def test_videos_have_the_clips_sound_rate_and_length(tmp_path: Path) -> None:
    source = flashing(tmp_path / "in.mp4", 4, 2)
    kinds = ("overlay", "alpha", "prores", "composite", "panel_video")
    summary = save(open_clip(source), tmp_path / "out", kinds, background="black")
    assert summary["background"] == "black"
    sounds = {"overlay.mp4": "aac", "alpha.webm": "opus", "prores.mov": "aac", "composite.mp4": "aac"}
    for name, codec in sounds.items():
        path = tmp_path / "out" / name
        found = ends(path)
        assert found["audio"][0] == codec
        assert found["video"][2] == pytest.approx(4, abs=2e-3)
        clip = VideoFile(path)
        assert (clip.length, clip.width, clip.height) == (100, 32, 32)
        assert clip.fps == pytest.approx(25, rel=1e-3)
    seen, heard = flashes(tmp_path / "out" / "overlay.mp4"), beeps(tmp_path / "out" / "overlay.mp4")
    assert np.abs(np.subtract(seen, heard)).max() < 0.02
    assert VideoFile(tmp_path / "out" / "panel_video.mp4").width > 5 * 320


def test_a_part_of_a_clip_is_in_sync(tmp_path: Path) -> None:
    clip = open_clip(flashing(tmp_path / "in.mp4", 6, 2), start=1.0)
    save(clip, tmp_path / "out", ("overlay",))
    assert flashes(tmp_path / "out" / "overlay.mp4") == pytest.approx([1, 3], abs=1e-3)
    assert beeps(tmp_path / "out" / "overlay.mp4") == pytest.approx([1, 3], abs=0.01)


def test_pixels_keep_their_shape(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    from gsanet.video import VideoWriter

    with VideoWriter(source, Fraction(25), pixel_aspect=Fraction(4, 3)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    save(open_clip(source), tmp_path / "out", ("overlay", "panel_video"))
    for name, aspect in (("overlay.mp4", Fraction(4, 3)), ("panel_video.mp4", 1)):
        with av.open(str(tmp_path / "out" / name)) as container:
            assert container.streams.video[0].sample_aspect_ratio == aspect


def test_frames_without_a_file_make_silent_videos(tmp_path: Path, tiny_frames: np.ndarray) -> None:
    save(open_clip(tiny_frames), tmp_path, ("overlay", "coco"))
    assert set(ends(tmp_path / "overlay.mp4")) == {"video"}


def test_a_composite_on_nothing_is_transparent(tmp_path: Path, tiny_clip: Path) -> None:
    save(open_clip(tiny_clip), tmp_path, ("composite",), background="transparent")
    assert [file.name for file in tmp_path.iterdir()] == ["composite.webm"]
    with pytest.raises(GsanetError, match="gren"):
        save(open_clip(tiny_clip), tmp_path, ("composite",), background="gren")
    # Who saves no composite needs no background.
    save(open_clip(tiny_clip), tmp_path, ("rle",), background="gren")


def test_a_failed_clip_leaves_no_unfinished_record(tmp_path: Path, tiny_clip: Path) -> None:
    clip = open_clip(tiny_clip)
    with pytest.raises(RuntimeError), ClipWriter(tmp_path, clip, ("coco", "yolo", "alpha")):
        raise RuntimeError
    assert not (tmp_path / "coco.json").exists()
