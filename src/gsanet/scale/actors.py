"""Workers that are Ray actors, on this machine or over a cluster, each with the model loaded.

Actors, and not Ray Data: a clip's results are files that the worker writes where they belong, so there are no rows that
would flow from block to block, and what has to be known of a clip (is it there, is it long, did its worker die, how far
is it) is known by name. A model is loaded once for each actor and serves all its clips.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.scale.processes import seldom
from gsanet.scale.task import Advanced, Batch, Ended, Lost, Message, Ready, Task, TaskResult
from gsanet.scale.worker import ClipWorker

_LOOK = 1.0
"""Seconds between two questions to an actor how far it is."""

_GRACE = 5.0
"""Seconds for actors to clear away what they were at."""

_HOST = re.compile(r"(?:ray://)?\[?([^/\]]+)\]?:(\d+)")
"""``host:6379``, ``ray://host:10001``."""

_ANSWER = 10.0
"""Seconds that a cluster may take to answer."""

_STARTS = 3
"""Actors in a row that may end before they have begun."""


class _GivenUp(BaseException):
    """The run ends, and with it what its workers are at."""


class Seat:
    """What an actor is: a worker that can be asked, while it works, how far it is, and told to stop."""

    def __init__(self, batch: Batch) -> None:
        with suppress(OSError):  # where all names are whole, or addresses, it is not needed
            os.chdir(batch.place)
        try:
            self._worker: ClipWorker | None = ClipWorker(batch)
            self._broken = ""
        except GsanetError as error:
            self._worker, self._broken = None, f"{error} (on {socket.gethostname()})"
        self._far: tuple[int, int | None] = (0, None)
        self._stop = threading.Event()
        self._frames, self._clips = _counters()

    def describe(self) -> Ready | str:
        """What is loaded; one line if it cannot be."""
        return self._broken if self._worker is None else Ready(self._worker.description, os.getpid())

    def run(self, task: Task) -> TaskResult:
        """As :meth:`ClipWorker.run`."""
        assert self._worker is not None
        counted = 0

        def progress(done: int, total: int | None) -> None:
            nonlocal counted
            self._far = (done, total)
            if task.step != "join" and done > counted:  # a join counts what was counted already
                self._frames.inc(done - counted)
                counted = done

        def minded(done: int, total: int | None) -> None:
            if self._stop.is_set():
                raise _GivenUp
            tell(done, total)

        tell = seldom(progress)
        try:
            result = self._worker.run(task, minded)
        except _GivenUp:
            result = TaskResult("failed", error=f"{task.job.said}: the run was stopped")
        if result.state in ("done", "failed"):
            self._clips.inc(1, {"state": result.state})
        return result

    def far(self) -> tuple[int, int | None]:
        """(frames done, frames in all) of what it is at."""
        return self._far

    def stop(self) -> None:
        """At the next frame it gives up, and clears away."""
        self._stop.set()


class _Actor:
    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.begins: Any = handle.describe.remote()
        self.ready = False
        self.process = 0
        self.task: Task | None = None
        self.result: Any = None
        self.far: Any = None


class RayPool:
    """A :class:`~gsanet.scale.task.Pool` of Ray actors. One that dies is replaced, on whatever machine there is room.

    Args:
        batch: what each actor is to load.
        size: actors; as many as the cluster has processors if None. More than there is room for wait, and let a
            cluster that can do so grow.
        address: of a cluster (``auto``, ``host:6379``, ``ray://host:10001``); None: one is begun on this machine, for
            as long as this lasts.
        most: no more actors than that: there are not more clips.

    Raises:
        GsanetError: Ray is not installed, or there is no cluster at that address.
    """

    def __init__(self, batch: Batch, size: int | None, address: str | None = None, most: int | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what a user does is nobody else's business
        import ray

        self._ray, self._batch = ray, batch
        self._actors: list[_Actor] = []
        self._failures = 0
        self._looked = 0.0
        self._mine = not ray.is_initialized()
        if self._mine:
            with _own_signals():
                found = _joined(ray, address)
            self.dashboard = str(getattr(found, "dashboard_url", "") or "")
        else:
            self.dashboard = ""
        self.size = size or max(1, int(ray.cluster_resources().get("CPU", 1)))
        if most is not None:
            self.size = max(1, min(self.size, most))

    @property
    def free(self) -> int:
        """As :attr:`Pool.free`."""
        return sum(actor.ready and actor.task is None for actor in self._actors)

    def begin(self) -> None:
        """As :meth:`Pool.begin`."""
        self._actors = [self._another() for _ in range(self.size)]

    def submit(self, task: Task) -> None:
        """As :meth:`Pool.submit`."""
        actor = next(actor for actor in self._actors if actor.ready and actor.task is None)
        actor.task = task
        # The name is what Ray's dashboard shows.
        actor.result = actor.handle.run.options(name=f"{task.step} {task.job.folder.name}").remote(task)

    def wait(self, seconds: float) -> list[Message]:
        """As :meth:`Pool.wait`."""
        waiting = {actor.begins if not actor.ready else actor.result: actor for actor in self._actors}
        waiting.pop(None, None)
        found: list[Any] = []
        if waiting:
            found, _ = self._ray.wait(list(waiting), num_returns=1, timeout=seconds)
            if found:  # and all others that are there as well
                found, _ = self._ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        else:
            time.sleep(seconds)
        messages = [message for one in found for message in self._heard(waiting[one], one)]
        return messages + self._progress()

    def _another(self) -> _Actor:
        options: dict[str, Any] = {"num_cpus": 1, "max_concurrency": 2, "scheduling_strategy": "SPREAD"}
        if str(self._batch.arguments.get("device", "")).startswith("cuda"):
            options["num_gpus"] = 1
        return _Actor(self._ray.remote(Seat).options(**options).remote(self._batch))

    def _heard(self, actor: _Actor, one: Any) -> list[Message]:
        try:
            said = self._ray.get(one)
        except self._ray.exceptions.RayTaskError as error:
            # Not a clip's fault: a library that is missing there, another version of gsanet.
            return self._lost(actor, f"{type(error.cause).__name__}: {error.cause}")
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            return self._lost(actor, f"its worker was lost ({reason[0]})")
        if not actor.ready:
            if isinstance(said, str):
                raise GsanetError(said)
            actor.ready, actor.process, self._failures = True, said.process, 0
            return [said]
        task, actor.task, actor.result, actor.far = actor.task, None, None, None
        assert task is not None
        return [Ended(task, said)]

    def _lost(self, actor: _Actor, why: str) -> list[Message]:
        self._failures += not actor.ready
        if self._failures >= _STARTS:
            raise GsanetError(f"no worker can begin: {why}")
        with suppress(Exception):
            self._ray.kill(actor.handle)
        self._actors[self._actors.index(actor)] = self._another()
        return [] if actor.task is None else [Lost(actor.task, why)]

    def _progress(self) -> list[Message]:
        messages: list[Message] = []
        busy = [actor for actor in self._actors if actor.task is not None]
        asked = {actor.far: actor for actor in busy if actor.far is not None}
        if asked:
            there, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
            for one in there:
                actor = asked[one]
                actor.far = None
                with suppress(self._ray.exceptions.RayError):
                    done, total = self._ray.get(one)
                    assert actor.task is not None
                    messages.append(Advanced(actor.task, done, total))
        if time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            for actor in busy:
                if actor.far is None:
                    # Not told to the dashboard, or its list of clips would be one of such questions.
                    actor.far = actor.handle.far.options(enable_task_events=False).remote()
        return messages

    def close(self) -> None:
        """As :meth:`Pool.close`."""
        busy = [actor for actor in self._actors if actor.task is not None]
        for actor in busy:
            with suppress(Exception):
                actor.handle.stop.remote()
        if busy:
            with suppress(Exception):
                self._ray.wait([actor.result for actor in busy], num_returns=len(busy), timeout=_GRACE)
        for actor in self._actors:
            with suppress(Exception):
                self._ray.kill(actor.handle)
        self._actors = []
        if self._mine:
            self._ray.shutdown()


def _joined(ray: Any, address: str | None) -> Any:
    """The cluster at an address.

    Raises:
        GsanetError: there is none.
    """
    try:
        if match := _HOST.fullmatch(address or ""):
            # Ray itself would look for minutes.
            socket.create_connection((match[1], int(match[2])), _ANSWER).close()
        return ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise GsanetError(f"no Ray cluster at {address or 'this machine'}: {said[0]}") from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself, which the command line minds as it does Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _counters() -> tuple[Any, Any]:
    """What Ray's dashboard and Prometheus show: frames and clips, of all workers together."""
    from ray.util.metrics import Counter

    return (
        Counter("gsanet_frames", description="Frames that the network has seen"),
        Counter("gsanet_clips", description="Clips that have ended", tag_keys=("state",)),
    )
