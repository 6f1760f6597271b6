"""Who does what when: clips to workers, long ones in pieces, what failed for no fault of its own once more.

Nothing here knows whether workers are processes or far away (:class:`~gsanet.scale.task.Pool`). At any time each worker
has one task, and all that waits is a list of names: memory does not grow with what is computed.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gsanet.scale.outcome import ClipOutcome
from gsanet.scale.task import Advanced, Ended, Lost, Message, Pool, Ready, Step, Task, TaskResult
from gsanet.segment.planning import ClipJob

RETRIES = 2
"""Times that a clip, or a piece of one, is tried again whose worker was killed or whose disk failed."""

PAUSE = 1.0
"""Seconds before the second try; four times as many before each one after, and not more than :data:`LONGEST_PAUSE`."""

LONGEST_PAUSE = 60.0

_PATIENCE = 0.5
"""Seconds between looks at what has to be done without anything having happened."""


class Begun(NamedTuple):
    """A clip, or the next part of the work on it, has begun."""

    number: int


class Went(NamedTuple):
    """Work on a clip goes on."""

    number: int
    done: int
    """Frames."""
    total: int | None
    step: Step


class Retried(NamedTuple):
    """A clip, or a piece of it, will be tried again."""

    number: int
    why: str
    seconds: float
    """Until then."""


class Finished(NamedTuple):
    """All about a clip is done, or failed."""

    number: int
    outcome: ClipOutcome
    computed: int = 0
    """Frames that no piece had an answer for."""


Event = Begun | Went | Retried | Finished


@dataclass
class _Cut:
    """A clip in pieces."""

    frames: int
    count: int
    left: set[int]
    """Pieces that are not there yet."""
    done: dict[int, int]
    """Frames of each piece so far."""


class Schedule:
    """A batch on its way through a pool of workers.

    Args:
        jobs: of the batch.
        outcomes: one for each job, which are filled in.
        todo: numbers of the jobs that are to be done.
        retries: how often a task is tried again after its worker was lost or its disk failed.
        pause: seconds before the second try.
        clock: seconds that pass.
    """

    def __init__(
        self,
        jobs: Sequence[ClipJob],
        outcomes: Sequence[ClipOutcome],
        pool: Pool,
        todo: Iterable[int],
        *,
        retries: int = RETRIES,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs, self._outcomes, self._pool = jobs, outcomes, pool
        self._retries, self._pause, self._clock = retries, pause, clock
        self._clips = deque(todo)
        self._first: deque[Task] = deque()
        """Pieces and joins of clips that have begun: what is begun is finished first."""
        self._later: list[tuple[float, int, Task]] = []
        self._running = 0
        self._cuts: dict[int, _Cut] = {}
        self._open: set[int] = set()

    def run(self) -> Generator[Event, None, None]:
        """All that happens, until there is nothing more to do.

        Raises:
            GsanetError: no worker can begin.
        """
        while self._clips or self._first or self._later or self._running:
            while self._later and self._later[0][0] <= self._clock():
                self._first.append(heapq.heappop(self._later)[2])
            yield from self._hand_out()
            if not (self._clips or self._first or self._later or self._running):
                return
            for message in self._pool.wait(self._until_next()):
                yield from self._heard(message)

    def _hand_out(self) -> Iterator[Event]:
        while self._pool.free:
            if self._first:
                task = self._first.popleft()
                if self._outcomes[task.number].state == "failed":
                    continue  # another of its pieces has failed for good
            elif self._clips:
                number = self._clips.popleft()
                task = Task(number, self._jobs[number])
            else:
                return
            outcome = self._outcomes[task.number]
            outcome.attempts = max(outcome.attempts, task.attempt)
            self._pool.submit(task)
            self._running += 1
            if task.number not in self._open:
                self._open.add(task.number)
                yield Begun(task.number)

    def _until_next(self) -> float:
        if not self._later:
            return _PATIENCE
        return min(_PATIENCE, max(0.0, self._later[0][0] - self._clock()))

    def _heard(self, message: Message) -> Iterator[Event]:
        if isinstance(message, Advanced):
            yield from self._advanced(message)
        elif isinstance(message, Ended):
            self._running -= 1
            yield from self._ended(message.task, message.result)
        elif isinstance(message, Lost):
            self._running -= 1
            result = TaskResult("failed", error=f"{message.task.job.said}: {message.why}", again=True)
            yield from self._ended(message.task, result)
        else:
            assert isinstance(message, Ready)

    def _advanced(self, message: Advanced) -> Iterator[Event]:
        task = message.task
        cut = self._cuts.get(task.number)
        if cut is None or task.step == "join":
            yield Went(task.number, message.done, message.total, task.step)
        else:
            cut.done[task.piece] = message.done
            yield Went(task.number, sum(cut.done.values()), cut.frames, task.step)

    def _ended(self, task: Task, result: TaskResult) -> Iterator[Event]:
        outcome = self._outcomes[task.number]
        outcome.seconds += result.seconds
        if outcome.state == "failed":
            return
        if result.state == "failed":
            yield from self._failed(task, result)
        elif result.cut is not None:
            pieces = result.cut.pieces
            outcome.pieces = len(pieces)
            self._cuts[task.number] = _Cut(result.cut.frames, len(pieces), set(range(len(pieces))), {})
            self._first += [
                Task(task.number, task.job, "piece", i, frames, result.cut.references)
                for i, frames in enumerate(pieces)
            ]
        elif result.state == "piece":
            cut = self._cuts[task.number]
            cut.done[task.piece] = result.frames
            cut.left.discard(task.piece)
            yield Went(task.number, sum(cut.done.values()), cut.frames, task.step)
            if not cut.left:
                self._first.append(Task(task.number, task.job, "join", cut.count, range(cut.frames)))
        else:
            outcome.state = "kept" if result.state == "kept" else "done"
            outcome.frames, outcome.warnings = result.frames, list(result.warnings)
            self._open.discard(task.number)
            self._cuts.pop(task.number, None)
            yield Finished(task.number, outcome, result.computed)

    def _failed(self, task: Task, result: TaskResult) -> Iterator[Event]:
        if result.again and task.attempt <= self._retries:
            seconds = min(LONGEST_PAUSE, self._pause * 4 ** (task.attempt - 1))
            again = replace(task, attempt=task.attempt + 1)
            heapq.heappush(self._later, (self._clock() + seconds, id(again), again))
            yield Retried(task.number, result.error, seconds)
            return
        outcome = self._outcomes[task.number]
        outcome.state, outcome.error = "failed", result.error
        self._open.discard(task.number)
        self._cuts.pop(task.number, None)
        yield Finished(task.number, outcome)
