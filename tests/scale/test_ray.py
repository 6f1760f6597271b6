"""Ray on this machine: the bytes of one process, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small import different, loaded, make_clip, written

from gsanet.base.errors import GsanetError
from gsanet.scale.run import outcomes_of, plan_batch, run_batch
from gsanet.scale.schedule import Retried
from gsanet.scale.task import Batch, Task
from gsanet.segment import segment_to_folder
from gsanet.video.named import named
from gsanet.video.trimmed import Span

pytest.importorskip("ray")

from gsanet.scale.actors import RayPool

pytestmark = pytest.mark.slow


class _OneDies(RayPool):
    """Kills a worker as soon as it is at a piece. A word about a piece may come too late: they are quick."""

    killed = 0

    def submit(self, task: Task) -> None:
        super().submit(task)
        if task.step == "piece" and not self.killed:
            self.killed = next(actor.process for actor in self._actors if actor.task is task)
            os.kill(self.killed, signal.SIGKILL)


def test_twelve_clips_and_a_long_one_with_a_worker_killed_in_the_middle(batch: Batch, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "clips" / "long", 40)
    clips = [make_clip(tmp_path / "clips" / f"clip{i:02d}", 3, seed=i) for i in range(12)]
    bad = tmp_path / "clips" / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    # Results go through fsspec, to a place that all processes see.
    batch = replace(batch, out=f"local://{tmp_path}/out", piece=10)
    jobs = plan_batch([named(clip) for clip in (long, bad, *clips)], batch, Span())
    outcomes = outcomes_of(jobs, batch.out)
    pool = _OneDies(batch, 2)
    retried = [event.why for event in run_batch(batch, jobs, outcomes, pool, pause=0.1) if isinstance(event, Retried)]
    assert [one.state for one in outcomes] == ["done", "failed", *["done"] * 12]
    assert outcomes[0].pieces == 4 and outcomes[0].frames == 40
    assert "bad.mp4 cannot be read as a video" in (outcomes[1].error or "") and outcomes[1].attempts == 1
    assert pool.killed and all("its worker was lost" in why for why in retried)
    for clip in (long, *clips):
        segment_to_folder(clip, tmp_path / "one", segmenter=loaded(), save=batch.save)
    there = written(tmp_path / "out")
    assert there == written(tmp_path / "one") and different(there) > 60
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        job.folder.name for job in jobs if job.folder.name != "bad"
    )


def test_the_driver_killed_and_the_same_command_again(batch: Batch, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "clips" / "long", 40)
    clips = [make_clip(tmp_path / "clips" / f"clip{i}", 3, seed=i) for i in range(3)]
    command = [sys.executable, "-m", "gsanet", "segment", str(long), *map(str, clips), "-o", batch.out]
    command += ["--engine", "ray", "--jobs", "1", "--piece", "10", "--resume", "--size", "64", "--flow-size", "64"]
    command += ["--save", "masks,probability", "--report", str(tmp_path / "report.json")]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out = tmp_path / "out"
    pieces = out / ".long.pieces"
    until(lambda: len(list(pieces.glob("*/*.json"))) >= 1)
    driver.kill()
    driver.wait()
    before = {file: file.stat().st_mtime_ns for file in pieces.glob("*/*.json")}
    assert before, "what is known of pieces stays"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["clip0", "clip1", "clip2", "long"]
    for source in (long, *clips):
        segment_to_folder(source, tmp_path / "one", segmenter=loaded(), save=batch.save)
    assert written(out) == written(tmp_path / "one")


def test_no_cluster_is_one_line(batch: Batch) -> None:
    with pytest.raises(GsanetError, match=r"no Ray cluster at 127\.0\.0\.1:1: .*refused"):
        RayPool(batch, 1, "127.0.0.1:1")


def until(condition, seconds: float = 300.0) -> None:  # type: ignore[no-untyped-def]
    """Wait for it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.005)
