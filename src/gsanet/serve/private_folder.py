"""A server's folder for all that it keeps. What servers that were killed left behind goes when the next one starts."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

_PREFIX = "gsanet-serve-"
_LOCK = "lock"


class PrivateFolder:
    """Below the system's temporary folder, for this user only; locked as long as this process lives.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        for other in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                lock = (other / _LOCK).open("r+b")
                with lock:
                    if _locked(lock):  # nobody holds it any more
                        shutil.rmtree(other, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = (self.path / _LOCK).open("w+b")
        _locked(self._lock)

    def close(self) -> None:
        """Remove it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _locked(file: IO[bytes]) -> bool:
    """Whether the lock could be had. The system gives it back when a process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # Windows: folders of killed servers stay
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
