"""Jobs in their processes: a crash, a kill, a cancel, the end of their time."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serve_client import SMALL

from gsanet.serve.desk import Desk, shown_name
from gsanet.serve.job import ServedJob
from gsanet.serve.job_options import wanted
from gsanet.serve.limits import Limits, RefusedError
from gsanet.serve.private_folder import PrivateFolder


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    one = Desk(Limits(queue=3, keep=1))
    one.start()
    yield one
    one.close()
    assert not one.root.exists()


def hand_in(desk: Desk, clip: Path, *, watch: bool = False, **options: object) -> ServedJob:
    with desk.place(watch=watch) as job:
        shutil.copy(clip, job.folder / "file.part")
        desk.submit(job, job.folder / "file.part", name="../../a.mp4", wanted=wanted({**SMALL, **options}))
    return job


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_worker_takes_only_its_job_with_it(desk: Desk, tiny_clip: Path) -> None:
    first, second = hand_in(desk, tiny_clip), hand_in(desk, tiny_clip, watch=True)
    until(lambda: first.id in desk._running)
    pid = desk._running[first.id].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: first.over and second.over)
    assert first.state == "failed" and "SIGKILL" in str(first.error)
    assert second.state == "done" and second.name == "a.mp4"
    assert list(second.views) == list(range(12)) and len(list(second.looks.iterdir())) == 48


def test_cancelled_at_once_whether_it_waits_or_runs(desk: Desk, tiny_clip: Path) -> None:
    slow = {"size": 2048, "scales": [2, 1.9, 1.8]}
    running, waiting = hand_in(desk, tiny_clip, **slow), hand_in(desk, tiny_clip, **slow)
    until(lambda: running.state == "running")
    assert desk.tell(waiting)["waiting_before"] == 0
    desk.cancel(waiting)
    desk.cancel(running)
    assert running.state == waiting.state == "cancelled"
    until(lambda: not desk._running)
    desk.remove(running)
    assert desk.find(running.id) is None and not running.folder.exists()


def test_the_queue_is_bounded_and_a_place_not_taken_leaves_nothing(desk: Desk) -> None:
    before = set(desk.root.iterdir())
    with desk.place(), desk.place(), desk.place(), pytest.raises(RefusedError) as refused, desk.place():
        pass
    assert refused.value.status == 429 and (refused.value.after or 0) >= 1
    assert set(desk.root.iterdir()) == before and desk.counts()["waiting"] == 0


def test_what_is_old_goes(desk: Desk, tiny_clip: Path) -> None:
    job = hand_in(desk, tiny_clip)
    until(lambda: job.over)
    assert job.state == "done" and desk.tell(job)["expires_in"] > 50
    job.ended = (job.ended or 0) - 60
    until(lambda: desk.find(job.id) is None and not job.folder.exists())


def test_a_model_that_is_not_there_is_said_of_the_job(tmp_path: Path) -> None:
    from gsanet.serve.child import Child
    from gsanet.serve.work import Engine, work

    child = Child(work, Engine(str(tmp_path / "none.safetensors")))
    kind, line = child.receive(60)
    child.close()
    assert kind == "failed" and "none.safetensors" in line


def test_folders_of_killed_servers_go_and_those_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / "gsanet-serve-dead"
    dead.mkdir()
    (dead / "lock").touch()
    mine = PrivateFolder()
    other = PrivateFolder()
    assert sorted(tmp_path.iterdir()) == sorted([mine.path, other.path])
    assert mine.path.stat().st_mode & 0o077 == 0
    mine.close()
    other.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/x.mp4", "x.mp4"),
        ("C:\\films\\a b.mov", "a b.mov"),
        ("\x00\n", "clip"),
        ("", "clip"),
        ("ä" * 300, "ä" * 120),
    ],
)
def test_names_are_for_people(name: str, shown: str) -> None:
    assert shown_name(name) == shown
