"""A process of its own for what may crash, hang or be stopped, and a pipe to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.base.processes import end_with_parent

_POLITE = 5
"""How much the service goes before the work on the processors: it must answer while all of them are busy."""

_SECONDS_TO_END = 5.0


class ChildEndedError(GsanetError):
    """The process is gone, or did not answer in time and was ended."""


class Child:
    """A process that runs *target*, started anew (spawn): nothing of this process is copied into it.

    It ends when this process does, however that happens.

    Args:
        target: a function of a module; called with its end of the pipe, and *arguments*.
        arguments: what can be pickled.
    """

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, target, arguments), daemon=True)
        self._process.start()
        theirs.close()  # or its end would not be seen here

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Hand it something.

        Raises:
            ChildEndedError: it is gone.
        """
        try:
            self._pipe.send(message)
        except OSError:
            raise ChildEndedError(self._how_it_ended()) from None

    def receive(self, seconds: float) -> Any:
        """The next thing that it says.

        Raises:
            ChildEndedError: it is gone, or says nothing for so long, and then it is ended.
        """
        try:
            if self._pipe.poll(seconds):
                return self._pipe.recv()
        except (OSError, EOFError):
            raise ChildEndedError(self._how_it_ended()) from None
        self.kill()
        raise ChildEndedError(f"no sign of life for {seconds:g} seconds: it was ended")

    def kill(self) -> None:
        """End it where it is; from any thread, at once. Who waits in :meth:`receive` is told."""
        with suppress(OSError, ValueError):
            self._process.kill()

    def close(self) -> None:
        """End it, and give back what it held."""
        self.kill()
        self._process.join(_SECONDS_TO_END)
        self._pipe.close()

    def _how_it_ended(self) -> str:
        self._process.join(_SECONDS_TO_END)
        code = self._process.exitcode
        if code is None:
            return "the process closed its pipe"
        if code < 0:
            with suppress(ValueError):
                return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process ended with exit code {code}"


def _run(pipe: Connection, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent tidies up
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(_POLITE)
    with suppress(OSError):  # Linux only: if memory runs out, this process goes and not the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(EOFError, BrokenPipeError):
        target(pipe, *arguments)
