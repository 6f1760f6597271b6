"""``gsanet segment`` and ``gsanet demo`` as they are typed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
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
    arguments = ("--quality", "best", "--scales", "0.75,1", "--size", 128, "--precision", "float32")
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks", *arguments)
    assert code == 0, err
    summary = json.loads((tmp_path / "tiny" / "summary.json").read_text())
    assert summary["precision"] == "float32"
    assert summary["options"] == {
        "size": 128,
        "flow": "dis",
        "flow_weights": None,
        "flow_size": 512,
        "online": False,
        "flip": True,
        "scales": [0.75, 1.0],
        "smooth": True,
        "flow_directions": "both",
    }
    arguments = ("--overwrite", "--online", "--flow", "none")
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path, "--model", tiny_weights, "--save", "masks", *arguments)
    summary = json.loads((tmp_path / "tiny" / "summary.json").read_text())
    assert code == 0 and summary["options"]["online"] and summary["options"]["flow"] == "none"


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
    assert code == 1 and err == "gsanet: flow by dis takes no weights: that is for raft-small, raft-large and gmflow\n"


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
        (["x.mp4", "--save", "mask"], "--save takes masks, .* and panel, separated by commas; got 'mask'"),
        (["x.mp4", "--scales", "1;2"], "--scales must be numbers"),
        (["x.mp4", "--device", "tpu9"], "device 'tpu9' cannot be used"),
        (["x.mp4", "--precision", "int4"], "--precision is auto, float32 or bfloat16, not 'int4'"),
        (["x.mp4", "--quality", "bset"], "--quality is fast, balanced or best, not 'bset'"),
        (["x.mp4", "--backend", "compile"], "--runtime is auto, torch or onnx, not 'compile'"),
        (["x.mp4", "--resume", "--overwrite"], "exclude each other"),
        (["x.mp4", "--model", "gone.safetensors"], "no weights 'gone.safetensors'"),
        (["a/x.mp4", "b/x.mp4"], "a/x.mp4 and b/x.mp4 would both be saved in"),
    ],
)
def test_mistakes_are_one_line(gsanet, tiny_weights: Path, tmp_path: Path, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(tiny_weights)]
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


def test_ctrl_c_leaves_finished_clips_and_nothing_else(tiny_weights: Path, tiny_frames, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name, count in (("a", 1), ("b", 400)):
        (tmp_path / name).mkdir()
        for index in range(count):
            write_rgb(tmp_path / name / f"{index}.png", tiny_frames[index % 12])
    out = tmp_path / "out"
    command = [sys.executable, "-m", "gsanet", "segment", "a", "b", "-o", "out", "--model", str(tiny_weights)]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests that a shell put into the background are deaf to Ctrl-C, and so would be what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(out.glob(".b.part/masks/*3.png")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "a: 1 frame in" in stdout
    assert stderr.endswith("gsanet: stopped at b; with --resume the finished clips are kept\n")
    assert "Traceback" not in stderr
    assert sorted(path.name for path in out.iterdir()) == ["a"]
