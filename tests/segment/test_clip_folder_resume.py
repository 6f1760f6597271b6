"""Which results belong to which clip: names of folders, and whether what is there was made of the same source."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.segment import Segmenter, keep_finished, plan_clips, segment_clip, segment_to_folder
from gsanet.segment.naming import fitting, folder_names
from gsanet.video.identity import facts_about, same_source
from gsanet.video.images import write_rgb
from gsanet.video.named import named


@pytest.fixture
def segmenter(tiny_model: GSANet) -> Segmenter:
    return Segmenter(tiny_model, device="cpu", precision="float32", name="tiny", flow="none", smooth=False, size=64)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["x/one.mp4", "y/two.mp4"], ["one", "two"]),
        (["a/clip.mp4", "b/clip.mp4"], ["a-clip", "b-clip"]),
        (["a/clip.mp4", "a/clip.mov"], ["clip-mp4", "clip-mov"]),
        (["a/clip.mp4", "b/clip.mp4", "b/clip.mov"], ["a-clip-mp4", "b-clip-mp4", "b-clip-mov"]),
        (["1/a/clip.mp4", "2/a/clip.mp4"], ["1-a-clip", "2-a-clip"]),
        (["a/clip.mp4", "b/Clip.mp4", "c/other.mp4"], ["a-clip", "b-Clip", "other"]),
        (["rtsp://cam1/live", "rtsp://cam2/live"], ["cam1-live", "cam2-live"]),
    ],
    ids=lambda value: ",".join(value),
)
def test_clips_of_one_name_get_folders_of_their_own(here: Path, paths: list[str], expected: list[str]) -> None:
    clips = [named(path) for path in paths]
    assert folder_names(clips) == expected
    for order in itertools.permutations(range(len(clips))):
        assert folder_names([clips[i] for i in order]) == [expected[i] for i in order], "whatever the order"


def test_folder_names_are_different_in_any_case(here: Path) -> None:
    paths = ["a/clip.mp4", "b/clip.mp4", "c/a-clip.mp4", *("d" * 300 + f"/{'long' * 60}{i}.mp4" for i in range(2))]
    names = folder_names([named(path) for path in paths])
    assert len(set(names)) == 5 and names[:2] == ["a-clip", "b-clip"] and names[2].startswith("a-clip-")
    assert all(len(os.fsencode(name)) <= 240 for name in names)
    assert fitting("x" * 240) == "x" * 240 and len(fitting("x" * 241)) == 240


def test_two_clips_of_one_name_in_one_call(segmenter: Segmenter, tiny_clip: Path, here: Path) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy(tiny_clip, f"{folder}/clip.mp4")
    sources = [Path("a/clip.mp4"), Path("b/clip.mp4"), Path("a/clip.mp4")]
    for plan in plan_clips(sources, Path("out")):
        segment_clip(segmenter, plan, save=("masks",))
    assert sorted(path.name for path in Path("out").iterdir()) == ["a-clip", "b-clip"]
    jobs = keep_finished(plan_clips(sources[::-1], Path("out"), "resume"), segmenter, ("masks",))
    assert [(job.said, job.folder.name, job.finished) for job in jobs] == [
        ("a/clip.mp4", "a-clip", True),
        ("b/clip.mp4", "b-clip", True),
    ]


def another(path: Path) -> None:
    """As long as it was, with other contents."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def test_resume_keeps_what_was_made_of_the_same_source(segmenter: Segmenter, tiny_clip: Path, here: Path) -> None:
    Path("a").mkdir()
    clip = Path(shutil.copy(tiny_clip, "a/clip.mp4"))
    (job,) = plan_clips([clip], Path("out"))
    summary = segment_clip(segmenter, job, save=("masks",))

    def again(path: Path) -> tuple[bool, str | None]:
        (job,) = keep_finished(plan_clips([path], Path("out"), "resume"), segmenter, ("masks",))
        if job.problem:
            with pytest.raises(GsanetError):
                segment_clip(segmenter, job, save=("masks",))
        return job.finished, job.problem

    assert again(clip) == (True, None)
    os.utime(clip, (1, 1))
    assert again(clip) == (True, None), "a copy may have another time"
    Path("b").mkdir()
    assert again(Path(shutil.copy(clip, "b/clip.mp4"))) == (True, None), "moved"
    another(Path("b/clip.mp4"))
    finished, problem = again(Path("b/clip.mp4"))
    assert not finished and problem is not None
    assert problem.startswith(
        "out/clip holds the results of another clip, a/clip.mp4, not of b/clip.mp4: choose another"
    )
    another(clip)
    finished, problem = again(clip)
    assert not finished and problem == "a/clip.mp4 has changed since out/clip was made of it: --overwrite makes it anew"
    (job,) = plan_clips([clip], Path("out"), "overwrite")
    assert job.problem is None

    # Of summaries that say no more than the path, the path decides.
    del summary["source_facts"], summary["part"]
    Path("out/clip/summary.json").write_text(json.dumps(summary))
    assert again(clip) == (True, None)
    assert "another clip" in str(again(Path("b/clip.mp4"))[1])


def test_a_replaced_clip_does_not_stop_the_others(segmenter: Segmenter, tiny_clip: Path, here: Path) -> None:
    for name in ("x.mp4", "y.mp4"):
        shutil.copy(tiny_clip, name)
    sources = [Path("x.mp4"), Path("y.mp4")]
    for job in plan_clips(sources, Path("out")):
        segment_clip(segmenter, job, save=("masks",))
    another(Path("x.mp4"))
    jobs = keep_finished(plan_clips(sources, Path("out"), "resume"), segmenter, ("masks",))
    assert [(job.finished, bool(job.problem)) for job in jobs] == [(False, True), (True, False)]
    with pytest.raises(GsanetError, match=r"x\.mp4 has changed since"):
        segment_to_folder("x.mp4", "out", segmenter=segmenter, save=("masks",), existing="resume")


def test_facts_of_a_folder_of_frames(tiny_frames: np.ndarray, here: Path) -> None:
    Path("f").mkdir()
    for i in range(12):
        write_rgb(Path(f"f/{i:03d}.png"), tiny_frames[i])
    folder, row = facts_about(named("f")), facts_about(named("f/%03d.png"))
    assert folder["files"] == 12 and folder["bytes"] == sum(file.stat().st_size for file in Path("f").iterdir())
    assert same_source(folder, row) and folder["path"] == row["path"] == str(here / "f")
    (here / "f" / "notes.txt").write_text("no frame")
    assert same_source(folder, facts_about(named("f")))
    write_rgb(Path("f/011.png"), tiny_frames[0])
    assert not same_source(folder, facts_about(named("f")))


def test_what_comes_only_once_is_never_finished(here: Path) -> None:
    for address in ("-", "0"):
        facts = facts_about(named(address))
        assert not same_source(facts, facts)
    first, other = (facts_about(named(f"https://h.example/clip.mp4?id={i}")) for i in (1, 2))
    assert same_source(first, first) and not same_source(first, other)
    assert first["address"] == "https://h.example/clip.mp4"
