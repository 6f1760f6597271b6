"""Asked to stop, a run finishes its step and saves: no work is lost to Ctrl-C or to a scheduler's SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gsanet.base.signals import STOPPING, minding_stops


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.code = 0
        """What the command line exits with then: 128 and the signal's number; 0 while none came."""

    def __bool__(self) -> bool:
        return self.code != 0


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While it lasts, the first SIGINT or SIGTERM is only noted; a second one interrupts as ever.

    Raises:
        KeyboardInterrupt: the second signal.
    """
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request:
            raise KeyboardInterrupt
        request.code = 128 + number

    with minding_stops(note):
        yield request


def leave_stopping_to_parent() -> None:
    """For a loader process. A terminal's Ctrl-C goes to it too, and so does the SIGTERM of a scheduler that warns a
    whole job; but when to stop is for the training loop to say, which cannot save once PyTorch sees a loader die."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
