"""``gsanet segment`` for many clips, as it is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gsanet.cli.batch_view import some, table
from gsanet.scale.outcome import BatchReport, ClipOutcome
from gsanet.video.images import write_rgb

SMALL = ("--size", 64, "--flow-size", 64, "--save", "masks")


@pytest.fixture
def clips(tiny_frames: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Three clips of two frames, and one that is none."""
    for name in ("a", "b", "c"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for index in range(2):
            write_rgb(tmp_path / "clips" / name / f"{index}.png", tiny_frames[index])
    (tmp_path / "clips" / "d.mp4").write_bytes(b"no video" * 100)
    return tmp_path / "clips"


def test_a_report_and_a_table_say_what_failed_and_why(gsanet, clips: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    report = tmp_path / "reports" / "batch.json"
    code, out, err = gsanet("segment", clips / "*", "-o", tmp_path / "out", *SMALL, "--report", report)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == [str(clips / name) for name in ("a", "b", "c")]
    assert re.search(r"^ +3  segmented\n +1  failed\n +4  clips in [\d.]+ s, 6 frames, [\d.]+ per second$", err, re.M)
    assert re.search(r"^failed    .*d\.mp4 cannot be read as a video", err, re.M)
    said = json.loads(report.read_text())
    assert said["counts"] == {"done": 3, "kept": 0, "failed": 1, "stopped": 0}
    assert (said["engine"], said["workers"], said["frames"]) == ("local", 1, 6)
    by_name = {Path(clip["clip"]).name: clip for clip in said["clips"]}
    assert by_name["a"]["folder"] == str(tmp_path / "out" / "a") and by_name["a"]["frames"] == 2
    assert "cannot be read as a video" in by_name["d.mp4"]["error"]

    code, out, err = gsanet("segment", clips / "[abc]", "-o", tmp_path / "out", *SMALL, "--resume", "--report", report)
    assert code == 0 and json.loads(report.read_text())["counts"]["kept"] == 3
    assert out.count("finished already, kept in") == 3


def test_each_shard_does_its_part_and_no_more(gsanet, clips: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = []
    for i in (1, 2, 3, 4):
        code, out, err = gsanet("segment", clips / "[abc]", "-o", tmp_path / "out", *SMALL, "--shard", f"{i}/4")
        assert code == 0, err
        made.append([line.split(":")[0] for line in out.splitlines()])
    assert made == [[str(clips / name)] for name in ("a", "b", "c")] + [[]]
    assert err == "no clips for this shard\n", "more shards than clips is no error"


@pytest.mark.slow
def test_jobs_write_what_one_process_writes(gsanet, clips: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    report = tmp_path / "batch.json"
    base = ("segment", clips / "*", *SMALL)
    code, out, err = gsanet(*base, "-o", tmp_path / "two", "--jobs", 2, "--report", report)
    assert code == 1
    assert sorted(line.split(":")[0] for line in out.splitlines()) == [str(clips / name) for name in ("a", "b", "c")]
    assert err.splitlines()[-1] == f"gsanet: 1 of 4 clips failed: {clips / 'd.mp4'}"
    assert json.loads(report.read_text())["workers"] == 2
    assert gsanet(*base, "-o", tmp_path / "one")[0] == 1
    for mask in sorted((tmp_path / "one").rglob("*.png")):
        assert mask.read_bytes() == (tmp_path / "two" / mask.relative_to(tmp_path / "one")).read_bytes()
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "--jobs is a number from 1 on or auto, not '0'"),
        (["--jobs", "many"], "--jobs is a number from 1 on or auto, not 'many'"),
        (["--shard", "5/4"], "a shard is written i/n, .*; got '5/4'"),
        (["--address", "auto"], "--address is that of a Ray cluster: add --engine ray"),
        (["--engine", "spark"], "--engine is local or ray, not 'spark'"),
    ],
)
def test_mistakes_are_one_line(gsanet, clips: Path, tmp_path: Path, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("segment", clips / "a", "-o", tmp_path / "out", *arguments)
    assert (code, out) == (1, "") and re.fullmatch(f"gsanet: {message}\n", err), err
    assert not (tmp_path / "out").exists()


def test_what_comes_to_this_process_alone_is_not_given_to_others(gsanet, clips: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("segment", "-", clips / "a", "-o", tmp_path / "out", "--jobs", 2)
    assert (code, out) == (1, "")
    assert err == "gsanet: stdin comes to this process alone: segment it without --jobs and --engine\n"


def test_of_thousands_of_failed_clips_some_are_named() -> None:
    outcomes = [ClipOutcome(f"{i}.mp4", f"out/{i}", "failed", error=f"{i}.mp4 is no video") for i in range(3000)]
    lines = table(BatchReport(outcomes, seconds=3725.0))
    assert lines[:2] == ["   3000  failed", "   3000  clips in 1:02:05"]
    assert len(lines) == 23 and lines[-1] == "failed    2980 more, in the report (--report FILE)"
    assert some([f"{i}" for i in range(22)]).endswith(", 19 and 2 more") and some(["a", "b"]) == "a, b"
