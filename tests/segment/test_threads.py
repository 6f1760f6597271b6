"""The threads before and behind the network: order, leash, errors, and that they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from gsanet.segment.threads import Behind, ahead


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
