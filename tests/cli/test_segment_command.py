"""``gsanet segment`` and ``gsanet demo`` as they are typed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gsanet.video.images import read_mask, write_rgb


def test_a_clip_and_where_its_masks_are(gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("segment", tiny_clip, "-o", tmp_path / "out", "--model", tiny_weights, "--batch", 3)
    assert code == 0, err
    folder = tmp_path / "out" / "tiny"
    assert re.fullmatch(r".*tiny\.mp4: 12 frames in [\d.]+ s \([\d.]+ per second\) -> .*tiny\n", out)
    assert str(folder) in out
    assert sorted(path.name for path in folder.iterdir()) == ["masks", "overlay.mp4", "summary.json"]
    assert read_mask(folder / "masks" / "00011.png").shape == (64, 96)
    assert "12/12" in err

    code, out, err = gsanet("segment", tiny_clip, "-o", tmp_path / "out", "--model", tiny_weights)
    assert (code, out) == (1, "")
    assert re.fullmatch(r"gsanet: .*tiny exists already: --resume keeps .*\n", err)
    code, out, _ = gsanet("segment", tiny_clip, "-o", tmp_path / "out", "--model", tiny_weights, "--resume")
    assert code == 0 and "finished already, kept in" in out


def test_options_reach_the_engine(gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    arguments = (
        "--threshold",
        "0.6",
        "--quality",
        "best",
        "--scales",
        "0.75,1",
        "--size",
        128,
        "--precision",
        "float32",
    )
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks", *arguments)
    assert code == 0, err
    summary = json.loads((tmp_path / "tiny" / "summary.json").read_text())
    assert summary["precision"] == "float32"
    assert summary["options"] == {
        "size": 128,
        "flow": "dis-fine",
        "flow_weights": None,
        "flow_size": 512,
        "online": False,
        "flip": True,
        "scales": [0.75, 1.0],
        "smooth": True,
        "flow_directions": "both",
        "fovea": "beside",
        "keyframes": False,
        "keyframe_interval": 4,
        "keyframe_overlap": 0.85,
        "threshold": 0.6,
    }
    arguments = ("--overwrite", "--online", "--flow", "none", "--fovea", "off", "--keyframes")
    arguments += ("--keyframe-interval", 6, "--keyframe-overlap", 0.5)
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks", *arguments)
    summary = json.loads((tmp_path / "tiny" / "summary.json").read_text())
    assert code == 0 and summary["options"]["online"] and summary["options"]["flow"] == "none"
    assert summary["options"]["fovea"] == "off" and summary["options"]["keyframes"]
    assert summary["options"]["keyframe_interval"] == 6 and summary["options"]["keyframe_overlap"] == 0.5


def test_weights_for_the_flow(gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    base = (
        "segment",
        tiny_clip,
        "-o",
        tmp_path / "out",
        "--model",
        tiny_weights,
        "--flow-weights",
        tmp_path / "gone.pth",
    )
    code, _, err = gsanet(*base, "--flow", "raft-small")
    assert code == 1 and re.fullmatch(r"gsanet: no such file of weights: .*gone\.pth.*", err.splitlines()[-1])
    code, _, err = gsanet(*base)
    assert (
        code == 1
        and err == "gsanet: flow by dis-sharp takes no weights: that is for raft-small, raft-large and gmflow\n"
    )


def test_a_bad_clip_does_not_stop_the_others(gsanet, tiny_weights: Path, tiny_frames, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    clips = tmp_path / "clips"
    for name in ("a", "c"):
        (clips / name).mkdir(parents=True)
        for index in range(2):
            write_rgb(clips / name / f"{index}.png", tiny_frames[index])
    (clips / "b.mp4").write_bytes(np.random.default_rng(0).bytes(3000))
    code, out, err = gsanet("segment", clips / "*", "-o", tmp_path / "out", "--model", tiny_weights, "--save", "masks")
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == [str(clips / "a"), str(clips / "c")]
    errors = [line for line in err.splitlines() if line.startswith("gsanet:")]
    assert len(errors) == 2
    assert "b.mp4 cannot be read as a video" in errors[0]
    assert errors[1] == f"gsanet: 1 of 3 clips failed: {clips / 'b.mp4'}"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "c"]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.mp4"], "no such file or folder: gone.mp4"),
        (["no*.mp4"], r"nothing matches no\*.mp4"),
        (["x.mp4", "--save", "mask"], "--save takes masks, .* and panel_video, separated by commas; got 'mask'"),
        (["x.mp4", "--scales", "1;2"], "--scales must be numbers"),
        (["x.mp4", "--device", "tpu9"], "device 'tpu9' cannot be used"),
        (["x.mp4", "--precision", "int4"], "--precision is auto, .*, not 'int4'"),
        (["x.mp4", "--quality", "bset"], "--quality is fast, balanced or best, not 'bset'"),
        (["x.mp4", "--backend", "compile"], "--runtime is auto, torch or onnx, not 'compile'"),
        (["x.mp4", "--resume", "--overwrite"], "exclude each other"),
        (["x.mp4", "--model", "gone.safetensors"], "no weights 'gone.safetensors'"),
        (["gone.mp4", "no*.mp4"], r"no such file or folder: gone\.mp4; nothing matches no\*\.mp4"),
        (["x.mp4", "--start", "1m"], r"a time is in seconds \(12\.5\) .*, not '1m'"),
        (["x.mp4", "--start", "5", "--end", "0:05"], r"the end \(5 s\) must come after the start \(5 s\)"),
        (["x.mp4", "--end", "5", "--duration", "5"], "--end and --duration exclude each other"),
    ],
)
def test_mistakes_are_one_line(  # type: ignore[no-untyped-def]
    gsanet, tiny_weights: Path, tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(tiny_weights)]
    monkeypatch.chdir(tmp_path)
    Path("x.mp4").touch()
    code, out, err = gsanet("segment", *arguments, "-o", tmp_path / "out")
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"gsanet: .*{message}.*\n", err), err
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made(gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("in the way")
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path / "file", "--model", tiny_weights)
    assert code == 1
    assert err.startswith("gsanet: cannot make the folder") and "Traceback" not in err


def test_the_demo_says_where_its_results_are(
    gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("gsanet.video.sample_clip.sample_clip", lambda: tiny_clip)
    for _ in range(2):
        code, out, err = gsanet("demo", "-o", tmp_path, "--model", tiny_weights)
        assert code == 0, err
    places = [Path(line.split()[-1]) for line in out.splitlines()[1:]]
    assert [place.name for place in places] == ["overlay.mp4", "masks", "panel"]
    assert all(place.exists() for place in places)


def test_what_is_no_clip_is_a_line_and_stops_nobody(
    gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    Path("day").mkdir()
    for name in ("DJI_1.mp4", "DJI_2.mp4"):
        shutil.copy(tiny_clip, f"day/{name}")
    Path("day/DJI_1.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhigh\n")
    command = ("segment", "-o", "out", "--model", tiny_weights, "--save", "masks")
    code, out, err = gsanet(*command, "day/*")
    assert code == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == ["day/DJI_1.mp4", "day/DJI_2.mp4"]
    assert "gsanet: day/DJI_1.srt is passed over: it is no video (.srt)\n" in err
    # What was asked for and is not there is told first, and again at the end.
    code, out, err = gsanet(*command, "gone*", "day", "gone.mp4", "--resume")
    assert code == 1 and out.count("finished already") == 2
    lines = [line for line in err.splitlines() if line.startswith("gsanet: ")]
    assert lines == [
        "gsanet: nothing matches gone*",
        "gsanet: no such file or folder: gone.mp4",
        "gsanet: 2 of 4 clips failed: nothing matches gone*, no such file or folder: gone.mp4",
    ]


def test_pictures_numbered_alike_and_each_for_itself(
    gsanet, tiny_frames, tiny_weights: Path, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        (tmp_path / "f").mkdir(exist_ok=True)
        write_rgb(Path(f"f/{i:04d}.png"), tiny_frames[i])
    base = ("--model", tiny_weights, "--save", "masks")
    for pattern, out in (("f/*.png", "a"), ("f/%04d.png", "b")):
        code, said, err = gsanet("segment", pattern, "-o", out, *base)
        assert code == 0 and "3 frames in" in said, err
        assert [path.name for path in Path(out).iterdir()] == ["f"]
    code, said, err = gsanet("segment", "f/*.png", "-o", "c", *base, "--each")
    assert code == 0 and said.count("1 frame in") == 3, err
    assert sorted(path.name for path in Path("c").iterdir()) == ["0000", "0001", "0002"]


def test_a_part_of_a_clip(gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    part = ("--start", "0:00.25", "--duration", "0.5", "--every", 2)
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks", *part)
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "tiny" / "masks").iterdir()) == [
        "00003.png",
        "00005.png",
        "00007.png",
    ]


def test_the_clips_are_looked_at_before_the_model_is_loaded(
    gsanet, tiny_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    def loaded(*arguments: object, **options: object) -> None:
        pytest.fail("the model was loaded")

    code, _, _ = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks")
    assert code == 0
    monkeypatch.setattr("gsanet.segment.Segmenter.from_pretrained", loaded)
    assert "no such file" in gsanet("segment", tmp_path / "gone.mp4", "-o", tmp_path)[2]
    assert "exists already" in gsanet("segment", tiny_clip, "-o", tmp_path)[2]
