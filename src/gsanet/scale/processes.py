"""Workers that are processes of this machine, each with the model loaded and its share of the processors."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

from gsanet.base.errors import GsanetError
from gsanet.base.processes import end_with_parent, processors
from gsanet.scale.signals import exit_reason

if TYPE_CHECKING:
    # Importing them loads NumPy, which reads the number of threads when it is loaded.
    from gsanet.scale.task import Batch, Message, Task

_OFTEN = 0.1
"""Seconds between two messages about how far a clip is."""

_GRACE = 10.0
"""Seconds for workers to clear away what they were at."""

_STARTS = 3
"""Times in a row that a worker may end before it has begun."""


class _Process:
    """A worker, seen from here."""

    def __init__(self, batch: Batch, threads: int) -> None:
        context = get_context("spawn")  # a fork would copy locks that threads hold
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_work, args=(theirs, batch, threads), name="gsanet-worker", daemon=True
        )
        self.process.start()
        theirs.close()
        self.ready = False
        self.task: Task | None = None

    def end(self, patience: float) -> None:
        self.process.join(patience)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


class ProcessPool:
    """A :class:`~gsanet.scale.task.Pool` on this machine. A worker that is killed is replaced.

    Args:
        batch: what each worker is to load.
        size: workers.
        threads: of each; what the processors allow if None.
    """

    def __init__(self, batch: Batch, size: int, threads: int | None = None) -> None:
        self.size = size
        self._batch = batch
        self._threads = threads or max(1, processors() // size)
        self._workers: list[_Process] = []
        self._failures = 0

    @property
    def free(self) -> int:
        """As :attr:`Pool.free`."""
        return sum(worker.ready and worker.task is None for worker in self._workers)

    def begin(self) -> None:
        """As :meth:`Pool.begin`."""
        self._workers = [_Process(self._batch, self._threads) for _ in range(self.size)]

    def submit(self, task: Task) -> None:
        """As :meth:`Pool.submit`."""
        worker = next(worker for worker in self._workers if worker.ready and worker.task is None)
        worker.task = task
        with suppress(OSError):  # it has ended: the next look finds out
            worker.pipe.send(task)

    def wait(self, seconds: float) -> list[Message]:
        """As :meth:`Pool.wait`."""
        by_handle = {worker.pipe: worker for worker in self._workers}
        found = connection.wait(list(by_handle), seconds)
        messages: list[Message] = []
        for handle in found:
            assert isinstance(handle, Connection)
            messages += self._heard(by_handle[handle])
        return messages

    def _heard(self, worker: _Process) -> list[Message]:
        from gsanet.scale.task import Advanced, Ended, Lost, Ready

        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            return [Lost(worker.task, why) for why in [self._replace(worker)] if worker.task is not None]
        if isinstance(said, Ready):
            worker.ready, self._failures = True, 0
            return [said]
        if isinstance(said, GsanetError):
            raise said  # the model cannot be loaded, by no worker
        if worker.task is None:
            return []
        if isinstance(said, tuple):
            return [Advanced(worker.task, *said)]
        task, worker.task = worker.task, None
        return [Ended(task, said)]

    def _replace(self, worker: _Process) -> str:
        """Another one in its place; why it ended."""
        worker.end(1.0)
        why = f"the process that segmented it {exit_reason(worker.process.exitcode)}"
        self._failures += not worker.ready
        if self._failures >= _STARTS:
            raise GsanetError(f"no worker can begin: its process {exit_reason(worker.process.exitcode)}")
        self._workers[self._workers.index(worker)] = _Process(self._batch, self._threads)
        return why

    def close(self) -> None:
        """As :meth:`Pool.close`."""
        for worker in self._workers:
            if worker.task is not None:
                worker.process.terminate()
            else:
                worker.process.kill()  # it has nothing to lose, and would take its time
        until = time.monotonic() + _GRACE
        for worker in self._workers:
            worker.end(max(0.0, until - time.monotonic()))
        self._workers = []


def _work(pipe: Connection, batch: Batch, threads: int) -> None:
    """The whole life of a worker."""
    # Ctrl-C goes to all processes of a terminal: the one that started this decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    end_with_parent()
    from gsanet.scale.task import Ready
    from gsanet.scale.worker import ClipWorker

    try:
        try:
            worker = ClipWorker(batch)
        except GsanetError as error:
            pipe.send(GsanetError(str(error)))
            return
        pipe.send(Ready(worker.description, os.getpid()))
        while True:
            task = pipe.recv()
            pipe.send(worker.run(task, seldom(lambda done, total: pipe.send((done, total)))))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        sys.exit(1)


def seldom(tell: Callable[[int, int | None], None], seconds: float = _OFTEN) -> Callable[[int, int | None], None]:
    """*tell*, but not more often than that; at the first and the last frame always."""
    last = [0.0]

    def progress(done: int, total: int | None) -> None:
        now = time.monotonic()
        if done in (0, total) or now - last[0] >= seconds:
            last[0] = now
            tell(done, total)

    return progress


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
