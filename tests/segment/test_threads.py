"""The threads before and behind the network: order, leash, errors, and that they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from gsanet.segment import threads
from gsanet.segment.threads import Behind, abreast, ahead, held_back


def no_threads_left() -> bool:
    return not [t for t in threading.enumerate() if t.name.startswith("gsanet")]


def test_order_is_kept_and_the_thread_is_never_far_ahead() -> None:
    made = 0

    def numbers() -> Iterator[int]:
        nonlocal made
        while made < 30:
            made += 1
            yield made

    taken = []
    for number in ahead(numbers(), depth=3):
        time.sleep(0.001)
        taken.append(number)
        # Three wait in the queue, and one in the hand of the thread.
        assert made - number <= 4
    assert taken == list(range(1, 31))
    assert no_threads_left()


def test_errors_arrive_after_what_came_before_them() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("bad frame")

    items = ahead(failing(), depth=2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="bad frame"):
        next(items)
    assert no_threads_left()


def test_leaving_early_closes_the_source_in_its_thread() -> None:
    closed = []

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.current_thread().name)

    items = ahead(endless(), depth=2)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed == ["gsanet-ahead"]
    assert no_threads_left()


def test_work_behind_is_done_in_order_before_the_block_ends() -> None:
    done: list[int] = []
    with Behind(done.append, depth=2) as behind:
        for number in range(20):
            behind.put(number)
    assert done == list(range(20))
    assert no_threads_left()


def test_an_error_behind_stops_the_work_and_is_raised() -> None:
    done = []

    def work(number: int) -> None:
        if number == 3:
            raise OSError("disk full")
        done.append(number)

    with pytest.raises(OSError, match="disk full"), Behind(work, depth=1) as behind:
        for number in range(100):
            behind.put(number)
    assert done == [0, 1, 2]
    assert no_threads_left()


def test_an_error_in_front_throws_the_waiting_away() -> None:
    started = threading.Event()
    done = []

    def work(number: int) -> None:
        started.set()
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(KeyboardInterrupt), Behind(work, depth=8) as behind:
        for number in range(8):
            behind.put(number)
        started.wait()
        raise KeyboardInterrupt
    assert len(done) < 4
    assert no_threads_left()


def test_what_is_held_back_comes_once_it_has_begun() -> None:
    begun = threading.Event()
    items = ahead(held_back(range(6), 3, begun), depth=9)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    threading.Timer(0.05, begun.set).start()
    started = time.monotonic()
    assert list(items) == [3, 4, 5]
    assert time.monotonic() - started < threads._BEGINNING


def test_nothing_is_held_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_BEGINNING", 0.05)
    assert list(held_back(range(6), 3, threading.Event())) == [*range(6)]


def test_abreast_keeps_the_order_and_works_at_once() -> None:
    together = threading.Barrier(3, timeout=20)
    begun: list[int] = []

    def task(number: int) -> int:
        if number < 3:
            together.wait()  # passes only if three run at the same time
        time.sleep(0.02 * (number % 2))
        return number

    results = abreast((partial(task, i) for i in range(12)), 3, lambda: begun.append(1))
    assert list(results) == list(range(12))
    assert len(begun) == 3


def test_abreast_is_on_a_short_leash() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[Callable[[], int]]:
        for i in range(100):
            taken.append(i)
            yield partial(int, i)

    results = abreast(tasks(), 2, lambda: None)
    assert next(results) == 0
    assert len(taken) <= 3
    results.close()
    assert len(taken) <= 3


def test_abreast_hands_out_what_is_there_while_the_next_task_is_not() -> None:
    taken = threading.Event()

    def tasks() -> Iterator[Callable[[], int]]:
        yield partial(int, 0)
        assert taken.wait(20), "the first result waits for the second task"
        yield partial(int, 1)

    results = abreast(tasks(), 2, lambda: None)
    assert next(results) == 0
    taken.set()
    assert list(results) == [1]
    assert no_threads_left()


def test_abreast_raises_in_its_place() -> None:
    def fail() -> int:
        raise ValueError("third")

    results = abreast(iter([lambda: 1, lambda: 2, fail, lambda: 4]), 2, lambda: None)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(results)


def test_abreast_finishes_what_was_listed_before_its_list_breaks() -> None:
    def tasks() -> Iterator[Callable[[], int]]:
        yield from (partial(int, i) for i in range(3))
        raise ValueError("no more")

    results = abreast(tasks(), 8, lambda: None)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_all_threads_have_begun_before_the_first_task() -> None:
    begun: list[int] = []

    def begin() -> None:
        time.sleep(0.02)
        begun.append(1)

    assert list(abreast(iter([lambda: len(begun)]), 4, begin)) == [4]


def test_abreast_raises_what_beginning_raises() -> None:
    def begin() -> None:
        raise ValueError("cannot begin")

    with pytest.raises(ValueError, match="cannot begin"):
        next(abreast(iter([lambda: 1]), 2, begin))
