"""Asked to stop, a run finishes its step and saves: no work is lost to Ctrl-C or to a scheduler's SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        self.code = 130
        """What the command line exits with then: 128 and the signal's number, Ctrl-C's if another process was asked."""

    def __bool__(self) -> bool:
        return self.asked


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While it lasts, the first SIGINT or SIGTERM is only noted; a second one interrupts as ever.

    A signal that the process was started to ignore (``nohup``, a shell's background) stays ignored. Outside the main
    thread, where Python takes no signals, nothing is changed.

    Raises:
        KeyboardInterrupt: the second signal.
    """
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request.asked:
            raise KeyboardInterrupt
        request.asked, request.code = True, 128 + number

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_stopping_to_parent() -> None:
    """For a loader process. A terminal's Ctrl-C goes to it too, and so does the SIGTERM of a scheduler that warns a
    whole job; but when to stop is for the training loop to say, which cannot save once PyTorch sees a loader die."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
