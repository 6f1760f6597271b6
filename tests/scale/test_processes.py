"""Worker processes: the masks of one process, whatever is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small import different, loaded, make_clip, run_here, written

from gsanet.base.errors import GsanetError
from gsanet.scale.outcome import ClipOutcome
from gsanet.scale.processes import ProcessPool
from gsanet.scale.run import outcomes_of, plan_batch, run_batch
from gsanet.scale.schedule import Event, Retried, Went
from gsanet.scale.signals import exit_reason
from gsanet.scale.task import Batch, Message, Ready
from gsanet.segment import segment_to_folder
from gsanet.video.named import named
from gsanet.video.trimmed import Span

pytestmark = pytest.mark.slow


class Known(ProcessPool):
    """Remembers the numbers of its processes."""

    def __init__(self, batch: Batch, size: int) -> None:
        super().__init__(batch, size, threads=1)
        self.processes: list[int] = []

    def wait(self, seconds: float) -> list[Message]:
        messages = super().wait(seconds)
        self.processes += [message.process for message in messages if isinstance(message, Ready)]
        return messages


def begun(batch: Batch, pool: ProcessPool, *clips: Path) -> tuple[Iterator[Event], list[ClipOutcome]]:
    jobs = plan_batch([named(clip) for clip in clips], batch, Span())
    outcomes = outcomes_of(jobs, batch.out)
    return run_batch(batch, jobs, outcomes, pool, pause=0.1), outcomes


def test_a_killed_worker_costs_nothing_but_time_and_a_bad_clip_fails_alone(batch: Batch, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / "clips" / f"clip{i}", 4, seed=i) for i in range(4)]
    long = make_clip(tmp_path / "clips" / "long", 40)
    bad = tmp_path / "clips" / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    pool = Known(batch, 2)
    events, outcomes = begun(batch, pool, long, bad, *clips)
    killed, told = 0, []
    for event in events:
        told.append(event)
        if isinstance(event, Went) and event.number == 0 and not killed:
            at = [worker.process.pid for worker in pool._workers if worker.task and worker.task.number == 0]
            killed = at[0] or 0
            os.kill(killed, signal.SIGKILL)
    assert [one.state for one in outcomes] == ["done", "failed", "done", "done", "done", "done"]
    assert "bad.mp4 cannot be read as a video" in (outcomes[1].error or "") and outcomes[1].attempts == 1
    assert (outcomes[0].attempts, outcomes[2].attempts) == (2, 1)
    (again,) = (event for event in told if isinstance(event, Retried))
    assert again.why.endswith("the process that segmented it was killed (SIGKILL): out of memory?")
    for clip in (long, *clips):
        segment_to_folder(clip, tmp_path / "one", segmenter=loaded(), save=batch.save)
    assert written(tmp_path / "out") == written(tmp_path / "one")
    assert different(written(tmp_path / "out")) > 40
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")], "nothing half-written"
    assert not any(alive(process) for process in pool.processes)

    # The next run has nothing to do.
    resumed = replace(batch, existing="resume")
    events, outcomes = begun(resumed, Known(resumed, 1), long, *clips)
    assert [type(event).__name__ for event in events] == ["Finished"] * 5
    assert {one.state for one in outcomes} == {"kept"}


def test_a_model_that_cannot_be_loaded_is_told_at_once(batch: Batch, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clips" / "a", 2)
    broken = replace(batch, model="gone.safetensors")
    pool = Known(broken, 1)
    events, _ = begun(broken, pool, clip)
    with pytest.raises(GsanetError, match=r"no weights 'gone\.safetensors'"):
        list(events)
    assert pool.free == 0 and not (tmp_path / "out").exists()


def test_workers_end_with_the_command_that_began_them(batch: Batch, tmp_path: Path) -> None:
    """Killed at once, it can clear nothing away: they see to it themselves, and the next run to what is left."""
    clip = make_clip(tmp_path / "clips" / "long", 40)
    other = make_clip(tmp_path / "clips" / "other", 40)
    command = [sys.executable, "-m", "gsanet", "segment", str(clip), str(other), "-o", batch.out, "--jobs", "2"]
    command += ["--size", "64", "--flow-size", "64", "--save", "masks,probability"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    out = tmp_path / "out"
    until(lambda: len(list(out.glob(".*.part/masks/*.png"))) >= 2)
    workers = children(driver.pid)
    driver.kill()
    driver.wait()
    assert workers
    until(lambda: not any(alive(worker) for worker in workers))
    outcomes, _ = run_here(replace(batch, existing="resume"), clip, other)
    assert {one.state for one in outcomes} == {"done"}
    assert sorted(path.name for path in out.iterdir()) == ["long", "other"]
    for source in (clip, other):
        segment_to_folder(source, tmp_path / "one", segmenter=loaded(), save=batch.save)
    assert written(out) == written(tmp_path / "one")


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, r"was killed \(SIGKILL\): out of memory\?"), (-11, r"was killed \(SIGSEGV\)"), (3, r".*\(exit code 3\)")],
)
def test_how_a_process_ended(code: int, words: str) -> None:
    assert re.fullmatch(words, exit_reason(code))


def alive(process: int) -> bool:
    """A zombie is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(parent: int) -> list[int]:
    """Of a process, those that are workers."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in found]


def until(condition, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    """Wait for it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.005)
