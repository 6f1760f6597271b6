"""Signals: what ``gsanet segment`` leaves when it is told to stop, and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from gsanet.video.images import write_rgb


def start(tmp_path: Path, weights: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gsanet", "segment", *arguments, "-o", "out", "--model", str(weights)]
    return subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests that a shell put into the background are deaf to Ctrl-C, and so would be what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options,  # type: ignore[call-overload]
    )  # fmt: skip


def wait_for(there: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not there() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert there(), process.communicate(timeout=10)


@pytest.fixture
def clips(tiny_frames: np.ndarray, tmp_path: Path) -> Path:
    """A clip of one frame and a long one, named a and b."""
    for name, count in (("a", 1), ("b", 400)):
        (tmp_path / name).mkdir()
        for index in range(count):
            write_rgb(tmp_path / name / f"{index}.png", tiny_frames[index % 12])
    return tmp_path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_finished_clips_and_nothing_else(
    clips: Path, tiny_weights: Path, number: signal.Signals, code: int
) -> None:
    process, out = start(clips, tiny_weights, "a", "b"), clips / "out"
    wait_for(lambda: list(out.glob(".b.part/masks/*3.png")), process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert "a: 1 frame in" in stdout
    assert stderr.endswith("gsanet: stopped at b; with --resume the finished clips are kept\n")
    assert "Traceback" not in stderr
    assert sorted(path.name for path in out.iterdir()) == ["a"]


def test_a_second_run_is_refused_and_a_killed_one_swept(clips: Path, tiny_weights: Path) -> None:
    first, out = start(clips, tiny_weights, "b", "--save", "masks"), clips / "out"
    wait_for(lambda: list(out.glob(".b.part/masks/*3.png")), first)
    first.send_signal(signal.SIGSTOP)  # or on a busy machine it may be done before the second one looks
    second = start(clips, tiny_weights, "a", "b")
    stdout, stderr = second.communicate(timeout=120)
    first.kill()
    first.communicate(timeout=60)
    assert (second.returncode, stdout) == (1, "")
    assert f"another run (process {first.pid} on " in stderr and "is writing out/b: wait for it" in stderr
    assert (out / ".b.part").is_dir()
    third = start(clips, tiny_weights, "a", "--save", "masks")
    stdout, stderr = third.communicate(timeout=120)
    assert third.returncode == 0, stderr
    assert sorted(path.name for path in out.iterdir()) == ["a"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_comes_through_a_pipe_ends_at_a_signal_and_is_kept(
    tiny_frames: np.ndarray, tiny_weights: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    data = tmp_path / "long.ts"
    with av.open(str(data), "w") as container:
        stream = container.add_stream("libx264", rate=12, options={"g": "6", "bf": "0", "qp": "10"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for i in range(120):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(tiny_frames[i % 12], format="rgb24")))
        container.mux(stream.encode(None))
    reading, writing = os.pipe()
    process = start(tmp_path, tiny_weights, "-", "--save", "masks", stdin=reading)
    os.close(reading)
    with os.fdopen(writing, "wb") as feed:
        feed.write(data.read_bytes())
        feed.flush()  # and then nothing more: the pipe stays open
        wait_for(lambda: list((tmp_path / "out").glob(".stdin.part/masks/*50.png")), process)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr and stderr.endswith(
        "gsanet: stopped at stdin, whose frames up to then are kept; with --resume the finished clips are kept\n"
    )
    masks = list((tmp_path / "out" / "stdin" / "masks").iterdir())
    assert len(masks) >= 51 and f"stdin: {len(masks)} frames in" in stdout
