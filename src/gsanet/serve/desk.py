"""The desk: takes jobs, lets a few at once be done by workers, keeps results for a while, and throws them away."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.serve.child import Child, ChildEndedError
from gsanet.serve.inspection import Inspector
from gsanet.serve.job import ServedJob, State
from gsanet.serve.job_options import Wanted
from gsanet.serve.limits import Limits, RefusedError
from gsanet.serve.private_folder import PrivateFolder
from gsanet.serve.work import BACKGROUND, CLIP, Assigned, Engine, work

log = logging.getLogger("gsanet.serve")

_SWEEP = 2.0
"""Seconds between two looks for what is too old."""

_A_JOB = 30.0
"""Seconds that a job is thought to take while none was done yet."""

PAGE = "page"
"""Folder of what the page was given and was not handed in yet."""

_UNUSED = 8
"""Uploads of the largest size that this folder may hold."""

_NAME = 120
"""Letters of an upload's name that are kept."""


class Desk:
    """One for a server. Its methods can be called from any thread.

    Args:
        engine: what workers compute with.

    Attributes:
        root: the private folder of all that is kept on disk; it goes with :meth:`close`.
        problem: why no job can be done, if so: the model cannot be opened.
    """

    def __init__(self, limits: Limits | None = None, engine: Engine | None = None) -> None:
        self.limits = limits or Limits()
        self._folder = PrivateFolder()
        self.root = self._folder.path
        self._engine = engine or Engine()
        self._lock = threading.Condition()
        self._jobs: dict[str, ServedJob] = {}
        self._waiting: deque[ServedJob] = deque()
        self._arriving = 0
        self._running: dict[str, Child] = {}
        self._usual = _A_JOB
        self.problem: str | None = None
        self._closed = threading.Event()
        self._inspector = Inspector(self.limits)
        slots = [threading.Thread(target=self._slot, args=(i == 0,), daemon=True) for i in range(self.limits.jobs)]
        self._threads = [*slots, threading.Thread(target=self._sweep, daemon=True)]

    def start(self) -> None:
        """Workers begin to wait for jobs."""
        self._inspector.start()
        for thread in self._threads:
            thread.start()

    @contextmanager
    def place(self, wanted: Wanted | None = None, *, watch: bool = False) -> Iterator[ServedJob]:
        """A job whose upload is about to be written to its folder; hand it to :meth:`submit`.

        A job that was not submitted when the block ends goes without a trace.

        Raises:
            RefusedError: 429, too many wait already, or are kept.
        """
        with self._lock:
            if self._arriving + len(self._waiting) >= self.limits.queue:
                behind = -(-len(self._waiting) // self.limits.jobs)
                raise RefusedError(
                    "too many jobs are waiting: try again later", 429, max(1, round(self._usual * behind))
                )
            if len(self._jobs) + self._arriving >= self.limits.kept + self.limits.queue + self.limits.jobs:
                raise RefusedError("the results of too many jobs are kept: try again later", 429, self._next_removal())
            self._arriving += 1
        name = secrets.token_urlsafe(18)
        job = ServedJob(name, "", self.root / name, wanted or Wanted({}), watch=watch)
        try:
            job.folder.mkdir(mode=0o700)
            yield job
        finally:
            with self._lock:
                self._arriving -= 1
                submitted = job.id in self._jobs
            if not submitted:
                shutil.rmtree(job.folder, ignore_errors=True)

    def submit(self, job: ServedJob, clip: Path, *, name: str, wanted: Wanted, background: Path | None = None) -> None:
        """Look at what was uploaded, and let it wait for its turn.

        Args:
            clip, background: files in the job's folder.
            name: of the upload, for people.

        Raises:
            RefusedError: 4xx: it cannot be read, or is beyond the limits.
        """
        facts = self._inspector(clip)
        self._check_length(facts.seconds, wanted)
        job.clip, job.name, job.wanted = f"{CLIP}{facts.suffix}", shown_name(name), wanted
        job.width, job.height = facts.width, facts.height
        clip.replace(job.folder / job.clip)
        if background is not None:
            job.background = f"{BACKGROUND}{self._inspector(background).suffix}"
            background.replace(job.folder / job.background)
        with self._lock:
            if self._closed.is_set():
                raise RefusedError("the server is stopping", 429, 10)
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._lock.notify()

    def room_for_pages(self) -> None:
        """Whether the page may take another file: what it was given and did not use yet must not fill the disk.

        Raises:
            RefusedError: 429.
        """
        held = 0
        for file in list((self.root / PAGE).rglob("*")):
            with suppress(OSError):  # one may go while they are counted
                held += file.stat().st_size if file.is_file() else 0
        if held > _UNUSED * self.limits.bytes:
            raise RefusedError("too many files were uploaded and not used: try again later", 429, 60)

    def find(self, id: str) -> ServedJob | None:
        """The job of that id, if there is one still."""
        with self._lock:
            return self._jobs.get(id)

    def tell(self, job: ServedJob) -> dict[str, Any]:
        """What is known of it now (:meth:`ServedJob.to_dict`)."""
        with self._lock:
            before = self._waiting.index(job) if job in self._waiting else None
            return job.to_dict(waiting_before=before, expires=self._expires(job))

    def cancel(self, job: ServedJob) -> None:
        """Stop it where it is, at once."""
        with self._lock:
            if job.over:
                return
            if job in self._waiting:
                self._waiting.remove(job)
            self._end(job, "cancelled")
            child = self._running.get(job.id)
            if child is not None:
                child.kill()

    def remove(self, job: ServedJob) -> None:
        """Stop it and remove all of it."""
        self.cancel(job)
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def counts(self) -> dict[str, int]:
        """How many jobs wait, run and are kept."""
        with self._lock:
            over = sum(job.over for job in self._jobs.values())
            return {
                "waiting": len(self._waiting) + self._arriving,
                "running": len(self._jobs) - len(self._waiting) - over,
                "kept": over,
            }

    def close(self) -> None:
        """End all work and remove all files."""
        self._closed.set()
        with self._lock:
            children = list(self._running.values())
            self._waiting.clear()
            self._lock.notify_all()
        for child in children:
            child.kill()
        self._inspector.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)
        self._folder.close()

    def _check_length(self, seconds: float, wanted: Wanted) -> None:
        span = wanted.span
        lasts = (seconds if span.end is None else min(seconds, span.end)) - span.start
        if lasts > self.limits.seconds:
            raise RefusedError(
                f"that is {lasts:.0f} seconds of film: this server takes {self.limits.seconds:g}; "
                "the options start and end choose a part",
                413,
            )

    def _expires(self, job: ServedJob) -> float | None:
        return None if job.ended is None else max(0.0, job.ended + 60 * self.limits.keep - time.monotonic())

    def _next_removal(self) -> int:
        times = [left for job in self._jobs.values() if (left := self._expires(job)) is not None]
        return max(1, round(min(times, default=self._usual)))

    def _end(self, job: ServedJob, state: State, error: str | None = None) -> None:
        """With the lock held."""
        if not job.over:
            job.state, job.ended, job.error = state, time.monotonic(), error
            if job.began is not None and state == "done":
                self._usual = 0.7 * self._usual + 0.3 * (job.ended - job.began)

    def _slot(self, early: bool) -> None:
        """One of the threads that let jobs be done, one after the other, by a worker of its own."""
        child = Child(work, self._engine) if early else None
        ready = early and child is not None and self._opened(child)
        while True:
            with self._lock:
                while not self._waiting and not self._closed.is_set():
                    self._lock.wait()
                if self._closed.is_set():
                    break
                job = self._waiting.popleft()
                job.state = "running"
                if child is None or not child.alive:
                    child, ready = Child(work, self._engine), False
                self._running[job.id] = child
            try:
                if not ready:
                    ready = self._opened(child)
                if not ready:
                    raise GsanetError(self.problem or "the model cannot be opened")
                self._follow(job, child)
            except GsanetError as error:
                line = f"the job crashed: {error}" if isinstance(error, ChildEndedError) else str(error)
                with self._lock:
                    if not job.over:
                        log.warning("job %s: %s", job.id, line)
                    self._end(job, "failed", line)
                child.close()
                # Another is made at once: the next job should not wait for it.
                child, ready = None if self._closed.is_set() else Child(work, self._engine), False
            finally:
                with self._lock:
                    self._running.pop(job.id, None)
                    gone = job.id not in self._jobs
                if gone:  # removed while it ran: the worker may have written a last file
                    shutil.rmtree(job.folder, ignore_errors=True)
        if child is not None:
            child.close()

    def _opened(self, child: Child) -> bool:
        """Whether its network is ready; if not, :attr:`problem` says why."""
        try:
            kind, *rest = child.receive(self.limits.patience)
        except ChildEndedError as error:
            kind, rest = "failed", [f"the worker crashed: {error}"]
        if kind == "ready":
            self.problem = None
            return True
        self.problem = str(rest[0])
        if not self._closed.is_set():
            log.error("no job can be done: %s", self.problem)
        return False

    def _follow(self, job: ServedJob, child: Child) -> None:
        """Until the job is over.

        Raises:
            ChildEndedError: the worker is gone.
        """
        child.send(Assigned(str(job.folder), job.clip, job.background, job.wanted, self.limits.frames, job.watch))
        while True:
            kind, *rest = child.receive(self.limits.patience)
            with self._lock:
                if kind == "frames":
                    job.frames, job.total = rest
                    job.began = job.began or time.monotonic()
                elif kind == "view":
                    number, at = rest
                    if at is None:
                        job.views.pop(number, None)
                    else:
                        job.views[number] = at
                elif kind == "done":
                    if not job.over:
                        job.summary, job.results = rest
                    self._end(job, "done")
                    return
                else:
                    self._end(job, "failed", job.said(rest[0]))
                    return

    def _sweep(self) -> None:
        while not self._closed.wait(_SWEEP):
            with self._lock:
                old = [job for job in self._jobs.values() if self._expires(job) == 0]
            for job in old:
                self.remove(job)
            before = time.time() - 60 * self.limits.keep
            for file in list((self.root / PAGE).rglob("*")):
                with suppress(OSError):
                    if file.is_file() and file.stat().st_mtime < before:
                        file.unlink()


def shown_name(name: str) -> str:
    """The last part of a name that came with an upload, without signs that are no letters for people."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(sign for sign in last if sign.isprintable()).strip()
    return clean[:_NAME] or "clip"
