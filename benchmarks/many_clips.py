"""A batch of thousands of tiny clips: what listing, planning and handing out cost for each, and the driver's memory.

    python benchmarks/many_clips.py [--clips 10000] [--engine ray|none] [--workers 2] [--real 200]

Clips are folders of two pictures of 16x16. They are found and planned as by ``gsanet segment``, and handed out to Ray
actors that do nothing, so that all the time is that of the driver, the scheduler and Ray (``--engine none``: workers in
the driver's own process, which leaves the scheduler alone). ``--real`` clips are then segmented for real, at the
smallest size, by one worker: what a clip costs that hardly has frames. Nothing is asserted; rows are Markdown.

    python benchmarks/many_clips.py --wait 1.0 --clips 24

Actors that wait so many seconds for each clip and compute nothing: how one and two of them compare on a machine that
has no processors to spare for the work itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import deque
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gsanet.scale import actors
from gsanet.scale.outcome import BatchReport
from gsanet.scale.processes import ProcessPool
from gsanet.scale.run import outcomes_of, plan_batch, run_batch
from gsanet.scale.task import Batch, Ended, Message, Pool, Ready, Task, TaskResult
from gsanet.segment import Segmenter
from gsanet.video.finding import find_clips
from gsanet.video.images import write_rgb
from gsanet.video.trimmed import Span

SMALL = {"size": 64, "flow_size": 64, "runtime": "onnx", "device": "cpu"}


WAIT = 0.0
"""Seconds that an actor takes for a clip."""


class IdleSeat:
    """An actor that has a clip done at once."""

    def __init__(self, batch: Batch) -> None:
        pass

    def describe(self) -> Ready:
        return Ready(None, os.getpid())  # type: ignore[arg-type]

    def run(self, task: Task) -> TaskResult:
        time.sleep(WAIT)
        return TaskResult("done", frames=2, seconds=0.0)

    def far(self) -> tuple[int, int | None]:
        return (0, 2)

    def stop(self) -> None:
        pass


class IdlePool:
    """The same without processes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tasks: deque[Task] = deque()

    @property
    def free(self) -> int:
        return self.size - len(self._tasks)

    def begin(self) -> None:
        pass

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def wait(self, seconds: float) -> list[Message]:
        done = [Ended(task, TaskResult("done", frames=2)) for task in self._tasks]
        self._tasks.clear()
        return list(done)

    def close(self) -> None:
        pass


def memory() -> float:
    """Of this process, in MB."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def make(folder: Path, count: int) -> None:
    """Clips of two frames each."""
    picture = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    write_rgb(folder / "picture.png", picture)
    data = (folder / "picture.png").read_bytes()
    (folder / "picture.png").unlink()
    for i in range(count):
        clip = folder / f"clip{i:06d}"
        clip.mkdir()
        for frame in ("0.png", "1.png"):
            (clip / frame).write_bytes(data)


def row(what: str, seconds: float, count: int) -> None:
    """One line of the table."""
    print(f"| {what} | {count} | {seconds:.2f} | {1000 * seconds / count:.2f} | {memory():.0f} |", flush=True)


def simulate(folder: Path, count: int, engine: str, workers: int) -> None:
    """All steps, timed."""
    words = [str(folder / "clip*")]
    started = time.perf_counter()
    found = find_clips(words)
    row("find the clips", time.perf_counter() - started, count)
    batch = Batch(str(folder / "out"), arguments=SMALL, save=("masks",), place=str(folder))
    started = time.perf_counter()
    jobs = plan_batch(found.clips, batch, Span())
    outcomes = outcomes_of(jobs, batch.out)
    row("plan them", time.perf_counter() - started, count)
    pool: Any = IdlePool(workers)
    if engine == "ray":
        actors.Seat = IdleSeat  # type: ignore[misc,assignment]
        pool = actors.RayPool(batch, workers)
        pool.begin()
        ready = 0
        while ready < workers:
            ready += len(pool.wait(1.0))
        pool.begin = lambda: None
    before = memory()
    started = time.perf_counter()
    with closing(run_batch(batch, jobs, outcomes, pool)) as events:
        ended = sum(1 for _ in events)
    row(f"hand them out ({engine}, {workers} workers)", time.perf_counter() - started, count)
    assert ended
    with tempfile.TemporaryDirectory() as place:
        started = time.perf_counter()
        BatchReport(outcomes).write(Path(place) / "batch.json")
        row("write the report", time.perf_counter() - started, count)
        size = (Path(place) / "batch.json").stat().st_size
    print(f"\nmemory while clips are handed out: {memory() - before:+.0f} MB; the report has {size / 1e6:.1f} MB")


def compare(folder: Path, count: int, seconds: float) -> None:
    """One worker and two, in turns."""
    global WAIT
    WAIT = seconds
    actors.Seat = IdleSeat  # type: ignore[misc,assignment]
    batch = Batch(str(folder / "out"), arguments=SMALL, save=("masks",), place=str(folder))
    jobs = plan_batch(find_clips([str(folder / "clip*")]).clips, batch, Span())
    print(f"| workers | seconds for {count} clips of {seconds:g} s | times as quick |\n|---|---|---|")
    first = 0.0
    for workers in (1, 2):
        outcomes = outcomes_of(jobs, batch.out)
        pool = actors.RayPool(batch, workers)
        pool.begin()
        while pool.free < workers:
            pool.wait(1.0)
        pool.begin = lambda: None  # type: ignore[method-assign]
        started = time.perf_counter()
        with closing(run_batch(batch, jobs, outcomes, pool)) as events:
            for _ in events:
                took = time.perf_counter() - started
        first = first or took
        print(f"| {workers} | {took:.1f} | {first / took:.2f} |", flush=True)


def segment(folder: Path, count: int) -> None:
    """Some for real, in one worker process; then again with what is there kept."""
    print(f"\n| {count} clips for real, one worker | seconds | ms a clip |\n|---|---|---|")
    clips = find_clips([str(folder / "clip*")]).clips[:count]
    batch = Batch(str(folder / "real"), arguments=SMALL, save=("masks",), place=str(folder))
    Segmenter.from_pretrained("lite", **SMALL)  # what is read from disk is read
    for what, existing in (("segment", "error"), ("keep, with --resume", "resume")):
        batch = replace(batch, existing=existing)  # type: ignore[arg-type]
        jobs = plan_batch(clips, batch, Span())
        outcomes = outcomes_of(jobs, batch.out)
        pool: Pool = ProcessPool(batch, 1, threads=1)
        first = 0.0
        with closing(run_batch(batch, jobs, outcomes, pool)) as events:
            for _ in events:
                first = first or time.perf_counter()
            seconds = time.perf_counter() - first
        print(f"| {what} | {seconds:.2f} | {1000 * seconds / count:.1f} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10000)
    parser.add_argument("--engine", choices=["ray", "none"], default="ray")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--real", type=int, default=200)
    parser.add_argument("--wait", type=float)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, arguments.clips)
        if arguments.wait:
            compare(folder, arguments.clips, arguments.wait)
            return
        print("| | clips | seconds | ms a clip | MB of the driver after it |\n|---|---|---|---|---|")
        simulate(folder, arguments.clips, arguments.engine, arguments.workers)
        if arguments.real:
            segment(folder, min(arguments.real, arguments.clips))


if __name__ == "__main__":
    main()
