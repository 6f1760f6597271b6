"""Who does what when, with workers that only say what they would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gsanet.scale.outcome import BatchReport, ClipOutcome
from gsanet.scale.schedule import Begun, Event, Finished, Retried, Schedule, Went
from gsanet.scale.task import Advanced, CutClip, Ended, Lost, Message, Task, TaskResult
from gsanet.segment.planning import ClipJob

Act = Callable[[Task], "TaskResult | str"]
"""What becomes of a task; a text: why its worker was lost."""


class Actors:
    """A pool on a clock of its own. Each look takes a second, and ends the task that was begun first."""

    def __init__(self, size: int, act: Act) -> None:
        self.size, self._act = size, act
        self.now = 0.0
        self.running: list[Task] = []
        self.given: list[Task] = []
        self.when: list[float] = []
        self.most = 0

    @property
    def free(self) -> int:
        return self.size - len(self.running)

    def begin(self) -> None:
        raise NotImplementedError

    def submit(self, task: Task) -> None:
        self.running.append(task)
        self.given.append(task)
        self.when.append(self.now)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds: float) -> list[Message]:
        self.now += seconds
        if not self.running:
            return []
        task = self.running.pop(0)
        result = self._act(task)
        if isinstance(result, str):
            return [Lost(task, result)]
        return [Advanced(task, 1, result.frames), Ended(task, result)]

    def close(self) -> None:
        raise NotImplementedError


def run(count: int, size: int, act: Act, retries: int = 2) -> tuple[list[ClipOutcome], list[Event], Actors]:
    jobs = [ClipJob(Path(f"{i}.mp4"), Path(f"out/{i}")) for i in range(count)]
    outcomes = [ClipOutcome(job.said, str(job.folder)) for job in jobs]
    pool = Actors(size, act)
    schedule = Schedule(jobs, outcomes, pool, range(count), retries=retries, clock=lambda: pool.now)
    return outcomes, list(schedule.run()), pool


def test_every_clip_once_and_never_more_than_there_are_workers() -> None:
    outcomes, events, pool = run(50, 4, lambda task: TaskResult("done", frames=7, seconds=2.0))
    assert [task.number for task in pool.given] == list(range(50))
    assert pool.most == 4
    assert {(one.state, one.frames, one.attempts) for one in outcomes} == {("done", 7, 1)}
    assert Counter(type(event) for event in events) == {Begun: 50, Went: 50, Finished: 50}
    report = BatchReport(outcomes, seconds=10.0)
    assert (report.frames, report.frames_per_second, report.failed) == (350, 35.0, [])


def test_a_clip_that_cannot_be_read_fails_at_once_and_alone() -> None:
    def act(task: Task) -> TaskResult:
        return TaskResult("failed", error="no video") if task.number == 1 else TaskResult("done")

    outcomes, events, _ = run(3, 2, act)
    assert [one.state for one in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error == "no video" and outcomes[1].attempts == 1
    assert not any(isinstance(event, Retried) for event in events)
    assert BatchReport(outcomes).counts() == {"done": 2, "kept": 0, "failed": 1, "stopped": 0}


def test_a_lost_worker_costs_another_try_each_time_later() -> None:
    outcomes, events, pool = run(1, 1, lambda task: "it was killed" if task.attempt < 4 else TaskResult("done"), 3)
    assert [task.attempt for task in pool.given] == [1, 2, 3, 4]
    waits = [after - before for before, after in zip(pool.when, pool.when[1:], strict=False)]
    assert [event.seconds for event in events if isinstance(event, Retried)] == [1.0, 4.0, 16.0]
    assert all(wait >= seconds for wait, seconds in zip(waits, [1.0, 4.0, 16.0], strict=True))
    assert outcomes[0].state == "done" and outcomes[0].attempts == 4


def test_in_the_end_it_is_given_up_and_others_are_not_kept_waiting() -> None:
    def act(task: Task) -> TaskResult | str:
        return "it was killed" if task.number == 0 else TaskResult("done")

    outcomes, events, pool = run(20, 2, act, retries=1)
    assert outcomes[0].state == "failed" and outcomes[0].error == "0.mp4: it was killed"
    assert sum(task.number == 0 for task in pool.given) == 2
    assert all(one.state == "done" for one in outcomes[1:])
    order = [event.number for event in events if isinstance(event, Finished)]
    assert order[-1] == 0 or order.index(0) > 2, "while it waits, others go on"


PIECES = (range(4), range(4, 8), range(8, 12))


def cutting(task: Task) -> TaskResult:
    """The first clip is long."""
    if task.step == "clip" and task.number == 0:
        return TaskResult("cut", frames=12, cut=CutClip(12, PIECES, (("features",),)))
    if task.step == "piece":
        return TaskResult("piece", frames=len(task.frames), seconds=1.0)
    return TaskResult("done", frames=12 if task.step == "join" else 3, seconds=0.5)


def test_a_long_clip_is_joined_when_all_its_pieces_are_there() -> None:
    outcomes, events, pool = run(6, 2, cutting)
    steps = [(task.step, task.piece) for task in pool.given if task.number == 0]
    assert steps == [("clip", 0), ("piece", 0), ("piece", 1), ("piece", 2), ("join", 3)]
    assert [task.frames for task in pool.given if task.step == "piece"] == list(PIECES)
    assert all(task.references == (("features",),) for task in pool.given if task.step == "piece")
    assert (outcomes[0].pieces, outcomes[0].frames, outcomes[0].seconds) == (3, 12, 3.5)
    assert sum(isinstance(event, Finished) for event in events) == 6
    far = [(event.done, event.total) for event in events if isinstance(event, Went) and event.step == "piece"]
    assert far[-1] == (12, 12) and far == sorted(far)


@pytest.mark.parametrize("piece", [0, 2])
def test_a_piece_that_fails_fails_the_clip_once_and_what_is_left_of_it_is_not_begun(piece: int) -> None:
    def act(task: Task) -> TaskResult | str:
        return "it was killed" if task.step == "piece" and task.piece == piece else cutting(task)

    outcomes, events, pool = run(3, 1, act, retries=1)
    assert outcomes[0].state == "failed" and outcomes[0].error == "0.mp4: it was killed"
    assert [one.state for one in outcomes[1:]] == ["done", "done"]
    assert not any(task.step == "join" for task in pool.given)
    assert sum(isinstance(event, Finished) and event.number == 0 for event in events) == 1
