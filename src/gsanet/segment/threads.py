"""Threads beside the network: one that runs ahead, one that follows, several abreast; all on a short leash."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")

_PATIENCE = 0.1
"""Seconds between looks at whether the other side is still there."""

_BEGINNING = 1.5
"""Seconds that :func:`held_back` waits at most."""


class _End:
    """The last thing in a queue, with what ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class UntilBroken(Generic[Item]):
    """Iterates *items* as far as they go. What breaks them off waits for :meth:`settle`, until whoever holds some of
    them back has handed these out: a clip that breaks off still has the frames before.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        try:
            return next(self._items)
        except StopIteration:
            raise
        except Exception as error:
            self._error = error
            raise StopIteration from None

    def settle(self) -> None:
        """Raise what broke the items off, if something did."""
        if self._error is not None:
            raise self._error


def ahead(items: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    """Iterate *items* in a thread of its own that is at most *depth* items ahead.

    What it raises is raised here, after the items before it. When this generator is closed the thread stops
    at its next item, and is waited for.
    """
    passed: queue.Queue[Item | _End] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stop.is_set():
            try:
                passed.put(item, timeout=_PATIENCE)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(item):
                    break
                del item  # it would wait for the next one
            put(_End())
        except BaseException as error:
            put(_End(error))
        finally:
            # A generator holds files open; they are closed where they were used.
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="gsanet-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = passed.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item
    finally:
        stop.set()
        thread.join()


def held_back(items: Iterable[Item], count: int, begun: threading.Event) -> Iterator[Item]:
    """*items*, of which those after the first *count* wait until it has *begun*.

    They do not wait for long: this is an order of work, and whoever is stopped, or fails, before it has begun must not
    wait for ever for the thread that lists them.
    """
    for number, item in enumerate(items):
        if number == count:
            begun.wait(_BEGINNING)
        yield item


def abreast(
    tasks: Iterable[Callable[[], Item]], workers: int, begin: Callable[[], None], waiting: int = 1
) -> Generator[Item, None, None]:
    """Results of *tasks* in their order, worked on by several threads at once, at most *workers* ahead.

    What a task raises is raised in its place; what *tasks* raise while they are listed, after the results of those
    before. When this generator is closed, tasks that run are waited for.

    Args:
        workers: one: no thread, each task is done when its result is asked for.
        begin: called once in each thread, in all of them before the first task.
        waiting: tasks that wait beside those that are worked on, so that no thread does while results are taken.
    """
    if workers == 1:
        yield from (task() for task in tasks)
        return
    started = threading.Barrier(workers)
    room = threading.Semaphore(workers + waiting)
    closed = threading.Event()

    def start() -> None:
        try:
            begin()
        finally:
            started.wait()  # each thread has one of these: none can take two

    def submitted(pool: ThreadPoolExecutor) -> Iterator[Future[Item]]:
        listed = iter(tasks)
        while room.acquire() and not closed.is_set():
            task = next(listed, None)
            if task is None:
                return
            yield pool.submit(task)

    with ThreadPoolExecutor(workers, "gsanet-abreast") as pool:
        for one in [pool.submit(start) for _ in range(workers)]:
            one.result()
        # Listed in a thread of their own: a result that is there need not wait until the next task is.
        with closing(ahead(submitted(pool), workers + waiting)) as running:
            try:
                for future in running:
                    yield future.result()
                    del future  # what it holds would wait for the next one
                    room.release()
            finally:
                closed.set()
                room.release()
                pool.shutdown(wait=False, cancel_futures=True)


class Behind(Generic[Item]):
    """Calls *work* with each item in a thread of its own that is at most *depth* items behind; with a depth of 0 at
    once, and in no thread.

    What it raises is raised by the next :meth:`put` or at the end of the ``with`` block; nothing is worked on
    after that. Leaving the block by an exception throws away what is still waiting.
    """

    def __init__(self, work: Callable[[Item], None], depth: int) -> None:
        self._work, self._direct = work, depth == 0
        self._waiting: queue.Queue[Item | _End] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gsanet-behind", daemon=True)

    def put(self, item: Item) -> None:
        """Hand over *item*; waits while *depth* items are waiting already."""
        if self._direct:
            return self._work(item)
        self._put(item)
        return self._raise()

    def _put(self, item: Item | _End) -> None:
        while self._thread.is_alive():
            try:
                return self._waiting.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
        return None

    def _run(self) -> None:
        try:
            while True:
                item = self._waiting.get()
                if isinstance(item, _End) or self._stop.is_set():
                    return
                self._work(item)
                del item  # a large one would wait for the next
        except BaseException as error:
            self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def __enter__(self) -> Behind[Item]:
        if not self._direct:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._direct:
            return
        if kind is not None:
            self._stop.set()
        self._put(_End())
        self._thread.join()
        if kind is None:
            self._raise()
