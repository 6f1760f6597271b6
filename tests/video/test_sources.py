"""From what a user names to a clip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.video.images import write_rgb
from gsanet.video.named import named
from gsanet.video.sources import open_clip


def test_each_kind_of_source(tiny_clip: Path, tiny_frames: np.ndarray, tmp_path: Path) -> None:
    write_rgb(tmp_path / "00000.png", tiny_frames[0])
    for source, kind in (
        (tiny_clip, "VideoFile"),
        (str(tiny_clip), "VideoFile"),
        (tmp_path, "FrameFolder"),
        (tmp_path / "00000.png", "FrameFolder"),
        (tiny_frames, "ArrayClip"),
        (list(tiny_frames), "ListClip"),
        (iter(tiny_frames), "LiveClip"),
    ):
        clip = open_clip(source)
        assert type(clip).__name__ == kind
        assert (clip.width, clip.height) == (96, 64)
        if isinstance(source, Path):
            assert clip.name == named(source).name
        assert open_clip(clip) is clip
    assert open_clip(tmp_path, fps=Fraction(5)).fps == 5


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"no such file or folder: .*gone\.mp4"):
        open_clip(tmp_path / "gone.mp4")
    with pytest.raises(GsanetError, match="no pictures in"):
        open_clip(tmp_path)
    with pytest.raises(GsanetError, match=r"no such file or folder: x+$"):
        open_clip("x" * 300)
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(GsanetError, match=r"bad\.png is empty"):
        open_clip(tmp_path / "bad.png")


def test_a_folder_of_videos_is_not_one_clip(tiny_clip: Path) -> None:
    with pytest.raises(GsanetError, match=r"holds videos \(tiny\.mp4\), and a clip is one of them"):
        open_clip(tiny_clip.parent)


@pytest.mark.parametrize("name", ["12:30:45.mp4", "a:b.mkv", "http:x.mp4", "x" * 246 + ".mp4", "100%d.mp4", "[1]*.mp4"])
def test_names_that_mean_something_elsewhere(
    tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copy(tiny_clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    clip = open_clip(name)
    assert (clip.name, clip.length) == (name.rpartition(".")[0], 12)
    assert sum(1 for _ in clip) == 12 and next(iter(clip.frames_at([7]))).index == 7


def test_pictures_numbered_alike_are_one_clip(tiny_frames: np.ndarray, tmp_path: Path) -> None:
    for number, frame in zip((8, 9, 10), tiny_frames, strict=False):
        write_rgb(tmp_path / f"shot_{number:04d}.png", frame)
    write_rgb(tmp_path / "poster.png", tiny_frames[11])
    for pattern in ("shot_%04d.png", "shot_%d.png", "shot_*.png"):
        clip = open_clip(tmp_path / pattern)
        assert (clip.name, clip.length) == ("shot", 3)
        assert [frame.name for frame in clip] == ["shot_0008", "shot_0009", "shot_0010"]
        np.testing.assert_array_equal(np.stack([frame.image for frame in clip]), tiny_frames[:3])
    assert open_clip(str(tmp_path / "shot_%d.png"), fps=Fraction(3)).fps == 3
    with pytest.raises(GsanetError, match=r"\*\.png is more than one clip .*: open them one by one"):
        open_clip(tmp_path / "*.png")
    with pytest.raises(GsanetError, match=r"no pictures are named like .*cut_%04d\.png"):
        open_clip(tmp_path / "cut_%04d.png")
    with pytest.raises(GsanetError, match=r"nothing matches .*\*\.jpg"):
        open_clip(tmp_path / "*.jpg")


def test_what_python_programs_hold(tiny_clip: Path, tiny_frames: np.ndarray) -> None:
    import cv2
    import torch
    from PIL import Image

    tensor = torch.from_numpy(tiny_frames)
    pictures = [Image.fromarray(frame) for frame in tiny_frames]
    for source in (tensor, tensor.permute(0, 3, 1, 2), pictures, tuple(tensor), list(tensor.permute(0, 3, 1, 2))):
        clip = open_clip(source)
        assert clip.length == len(tiny_frames) and not clip.live
        np.testing.assert_array_equal(np.stack([frame.image for frame in clip]), tiny_frames)
    assert open_clip(pictures[0]).length == 1
    capture = cv2.VideoCapture(str(tiny_clip))
    clip = open_clip(capture)
    assert clip.live and sum(1 for _ in clip) == len(tiny_frames)
    with pytest.raises(GsanetError, match=r"this cv2\.VideoCapture is not open"):
        open_clip(cv2.VideoCapture("nothing.mp4"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "a clip is a path, an array .* not None"),
        (3.5, "a clip is a path, an array .* not a float"),
        (True, "a clip is a path, an array .* not a bool"),
        (77, r"there is no camera 77|camera 77 cannot be opened"),
        ("nonsense://x/y.mp4", r"nonsense://x/y\.mp4 cannot be read as a video \(Protocol not found\)"),
        ([], "there are no frames: the list is empty"),
        (["a.png"], r"frame 0 must be a uint8 RGB array of shape \(H,W,3\), got str"),
        ([np.zeros((4, 4), np.uint8)], r"frame 0 must be .* got uint8 \(4, 4\)"),
    ],
    ids=str,
)
def test_what_is_no_clip(source: object, message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        open_clip(source)


def test_an_array_that_is_filled_again_and_again(tiny_frames: np.ndarray) -> None:
    """Cameras and decoders hand out one buffer for all frames."""

    def refilled() -> Iterator[np.ndarray]:
        buffer = np.empty_like(tiny_frames[0])
        for frame in tiny_frames:
            buffer[:] = frame
            yield buffer

    np.testing.assert_array_equal(np.stack([frame.image for frame in list(open_clip(refilled()))]), tiny_frames)
