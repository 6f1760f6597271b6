"""What a process knows of its machine and of the one that started it. Light: a worker loads it before NumPy."""

from __future__ import annotations

import os
import threading
from multiprocessing import connection, parent_process


def processors() -> int:
    """How many of the machine's processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, however that happens."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(parent: int) -> None:
    """Nobody is left who waits for this process, or would notice if it wrote."""
    connection.wait([parent])
    os._exit(1)
