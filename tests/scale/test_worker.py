"""What a worker does about what failed, and about what only seems to have failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from small import loaded, make_clip, run_here

from gsanet.base.errors import GsanetError
from gsanet.scale import worker as workers
from gsanet.scale.run import plan_batch
from gsanet.scale.store import Unreachable
from gsanet.scale.task import Batch, Task, TaskResult
from gsanet.segment import Segmenter
from gsanet.video.named import named
from gsanet.video.trimmed import Span


def silent(done: int, total: int | None) -> None:
    pass


@pytest.fixture(params=["folder", "net"])
def somewhere(request: pytest.FixtureRequest, batch: Batch) -> Iterator[Batch]:
    """A batch into a folder, and one on the net."""
    net = request.param == "net"
    yield replace(batch, out="memory://there/masks") if net else batch
    files = fsspec.filesystem("memory")
    if net and files.exists("/there"):
        files.rm("/there", recursive=True)


@pytest.fixture(autouse=True)
def one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = loaded()
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *model, **arguments: segmenter)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (GsanetError("cannot write out/a: No space left on device"), True),
        (GsanetError("another run (process 1 on x) is writing out/a: wait for it"), True),
        (Unreachable("s3://x cannot be read or written: 503"), True),
        (RuntimeError("what nobody thought of"), True),
        (GsanetError("a.mp4 cannot be read as a video"), False),
    ],
)
def test_what_may_pass_is_tried_again(
    batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, again: bool
) -> None:
    clip = make_clip(tmp_path / "clips" / "a", 2)
    errors, real = [error], workers.segment_clip

    def failing(*arguments: Any, **options: Any) -> dict[str, Any]:
        if errors:
            raise errors.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(workers, "segment_clip", failing)
    (outcome,), _ = run_here(batch, clip)
    assert (outcome.state, outcome.attempts) == (("done", 2) if again else ("failed", 1))
    assert outcome.error is None if again else outcome.error == str(error)


def test_a_clip_whose_last_word_was_lost_is_not_done_twice(
    somewhere: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = plan_batch([named(make_clip(tmp_path / "clips" / "a", 2))], somewhere, Span())
    worker = workers.ClipWorker(somewhere)
    assert worker.run(Task(0, job, attempt=2), silent).state == "done", "nothing is there yet"
    monkeypatch.setattr(workers, "segment_clip", None)
    result = worker.run(Task(0, job, attempt=2), silent)
    assert result.state == "kept", result.error


def test_a_join_whose_last_word_was_lost_is_done(somewhere: Batch, tmp_path: Path) -> None:
    batch = replace(somewhere, piece=3)
    (job,) = plan_batch([named(make_clip(tmp_path / "clips" / "a", 6))], batch, Span())
    worker = workers.ClipWorker(batch)
    cut = worker.run(Task(0, job), silent).cut
    assert cut is not None and cut.frames == 6
    for i, frames in enumerate(cut.pieces):
        assert worker.run(Task(0, job, "piece", i, frames, cut.references), silent).state == "piece"
    join = Task(0, job, "join", len(cut.pieces), range(6))
    done: list[TaskResult] = [worker.run(join, silent), worker.run(replace(join, attempt=2), silent)]
    assert [(one.state, one.frames) for one in done] == [("done", 6), ("done", 6)], done[-1].error
