"""Ctrl-C and SIGTERM, which schedulers and ``docker stop`` send: both end a command in the same tidy way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gsanet.base.signals import minding_stops


class Stopping:
    """Which signal came.

    Attributes:
        code: exit code that says so, 130 or 143; 0 while none came.
    """

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handler: the first signal ends what arrives from a pipe, a camera or the net, and what came of it is kept.
        Otherwise, and the second time, work stops where it is.

        Raises:
            KeyboardInterrupt: work is to stop.
        """
        first, self.code = not self.code, 128 + number
        # If nothing was imported, nothing is being read.
        streams = sys.modules.get("gsanet.video.streams")
        if first and streams is not None and streams.stop_streams():
            return
        raise KeyboardInterrupt


@contextmanager
def stopping() -> Iterator[Stopping]:
    """While it lasts, SIGTERM is like Ctrl-C. A signal that the process was started to ignore stays ignored."""
    stop = Stopping()
    with minding_stops(stop):
        yield stop
