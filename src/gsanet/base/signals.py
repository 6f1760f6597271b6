"""Ctrl-C and SIGTERM, which schedulers and ``docker stop`` send, while something minds them in its own way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def minding_stops(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While it lasts, *handler* gets both.

    A signal that the process was started to ignore (``nohup``, a shell's background) stays ignored. Outside the main
    thread, where Python takes no signals, nothing is changed.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in STOPPING:
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
