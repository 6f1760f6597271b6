"""From what is typed to a list of clips, with a line for everything that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gsanet.video.finding import find_clips
from gsanet.video.named import named
from gsanet.video.numbered import rows


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def said(*words: str, each: bool = False) -> list[str]:
    return [clip.said for clip in find_clips(words, each=each).clips]


def test_patterns_are_spelled_out_in_natural_order(here: Path) -> None:
    touch("clip10.mp4", "clip9.mp4", "odd[1].mp4", "deep/er/clip1.mp4")
    assert said("clip*.mp4", "clip9.mp4", "./odd[1].mp4") == ["clip9.mp4", "clip10.mp4", "odd[1].mp4"]
    assert said("**/*.mp4") == ["clip9.mp4", "clip10.mp4", "deep/er/clip1.mp4", "odd[1].mp4"]


def test_a_file_beside_a_video_is_a_line_and_no_clip(here: Path) -> None:
    touch("DJI_0001.mp4", "DJI_0001.srt", "DJI_0001.THM", "DJI_0002.mp4", "notes.txt", "DJI_0001.json")
    for words in (["*"], sorted(path.name for path in here.iterdir())):
        found = find_clips(words)
        assert [clip.said for clip in found.clips] == ["DJI_0001.mp4", "DJI_0002.mp4"]
        assert len(found.passed_over) == 4 and not found.missing
        assert "DJI_0001.srt is passed over: it is no video (.srt)" in found.passed_over


def test_what_is_not_there_is_a_line_and_stops_no_other(here: Path) -> None:
    touch("a.mp4")
    found = find_clips(["gone*.mp4", "a.mp4", "gone.mp4", "gone%03d.png"])
    assert [clip.said for clip in found.clips] == ["a.mp4"]
    assert found.missing == [
        "nothing matches gone*.mp4",
        "no such file or folder: gone.mp4",
        "no pictures are named like gone%03d.png",
    ]


def test_a_folder_of_videos_is_its_videos(here: Path) -> None:
    touch("day/b10.mp4", "day/b9.MOV", "day/b9.srt", "day/.hidden.mp4", "day/inside/c.mp4")
    assert said("day") == ["day/b9.MOV", "day/b10.mp4"]
    touch("frames/0.png", "frames/1.png", "frames/preview.mp4")
    found = find_clips(["frames"])
    assert [clip.said for clip in found.clips] == ["frames"]
    assert found.passed_over == ["frames is a clip of its pictures: the videos in it are passed over (preview.mp4)"]
    touch("cow/RGB/0.png", "cow/preview.mp4")
    assert said("cow") == ["cow"]


def test_results_are_no_clips(here: Path) -> None:
    touch("a.mp4", "a/overlay.mp4", "a/summary.json", "a/masks/00000.png")
    found = find_clips(["*"])
    assert [clip.said for clip in found.clips] == ["a.mp4"]
    assert found.passed_over == ["a is passed over: it holds results"]


def test_pictures_numbered_alike_are_one_clip_unless_each_is_wanted(here: Path) -> None:
    touch(*(f"shot/take1_{i:03d}.png" for i in range(8, 12)), "shot/take2_001.png", "shot/logo.png", "a.mp4")
    for words in (["a.mp4", "shot/*.png"], ["a.mp4", *sorted(map(str, Path("shot").iterdir()))]):
        found = find_clips(words)
        row, names = "shot/take1_008.png ... take1_011.png", {clip.said: clip.name for clip in found.clips}
        assert names == {"a.mp4": "a", row: "take1", "shot/take2_001.png": "take2_001", "shot/logo.png": "logo"}
        assert found.passed_over == [f"{row}: 4 pictures numbered alike are one clip (--each: one by one)"]
        assert next(clip for clip in found.clips if clip.said == row).pictures == tuple(
            Path(f"shot/take1_{i:03d}.png") for i in range(8, 12)
        )
        assert len(find_clips(words, each=True).clips) == 7


def test_animations_are_clips_though_they_are_numbered(here: Path) -> None:
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    for i in range(3):
        pages[0].save(f"smile{i}.gif", save_all=True, append_images=pages[1:])
        pages[0].save(f"still{i}.gif")
    found = find_clips(["*.gif"])
    assert sorted(clip.name for clip in found.clips) == ["smile0", "smile1", "smile2", "still"]


@pytest.mark.parametrize(
    ("names", "lengths"),
    [
        (["0.png", "1.png", "2.png"], [3]),
        (["0.png", "10.png", "20.png"], [3]),  # every tenth frame
        (["0.png", "1.png", "3.png", "4.png"], [4]),  # one is lost
        (["IMG_20240101_093015.jpg", "IMG_20240101_110742.jpg", "IMG_20240101_184201.jpg"], []),  # photographs
        (["1a.png", "1b.png"], []),
        (["a1.png", "a2.jpg"], []),
        (["a1.png", "a01.png"], []),
        (["x1/1.png", "x2/1.png"], []),
        (["a1.png", "b1.png", "a2.png", "b2.png"], [2, 2]),
        (["a1.mp4", "a2.mp4"], []),
    ],
)
def test_what_is_numbered_alike(names: list[str], lengths: list[int]) -> None:
    found, alone = rows([Path(name) for name in names])
    assert [len(row) for row in found] == lengths
    assert len(alone) == len(names) - sum(lengths)


@pytest.mark.parametrize(
    ("text", "said", "name", "kind"),
    [
        ("-", "stdin", "stdin", "pipe"),
        ("0", "camera 0", "camera0", "camera"),
        ("rtsp://admin:secret@10.0.0.7:554/live/ch1", "rtsp://10.0.0.7:554/live/ch1", "ch1", "address"),
        ("https://h.example/a/My%20clip.mp4?key=secret", "https://h.example/a/My%20clip.mp4", "My clip", "address"),
        ("rtsp://10.0.0.7:554", "rtsp://10.0.0.7:554", "10.0.0.7_554", "address"),
        ("http://h.example/../..", "http://h.example/../..", "stream", "address"),
    ],
)
def test_what_is_no_file(here: Path, text: str, said: str, name: str, kind: str) -> None:
    clip = named(text)
    assert (clip.said, clip.name, clip.kind, clip.live) == (said, name, kind, True)
    assert "secret" not in clip.said


def test_a_file_comes_before_what_its_name_might_mean(here: Path) -> None:
    touch("0", "a*.mp4", "12:30:45.mp4", "x%03d.png")
    for name in ("0", "a*.mp4", "12:30:45.mp4", "x%03d.png"):
        clip = named(name)
        assert (clip.kind, clip.path) == ("file", Path(name))
    assert named(f"file://{here}/a*.mp4").path == here / "a*.mp4"
