"""The one way to write a file: whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsanet.base.errors import GsanetError

ENDING = ".part"
"""Of what is being written. Such a file that nobody writes any more is of a run that was killed."""


_LONGEST = 200
"""Bytes of a file's own name that go into the name beside it."""


def beside(path: Path) -> Path:
    """A hidden name in the folder of *path* that no other process and no other thread uses."""
    # File systems count bytes, 255 of them, and a letter may have four.
    name = os.fsencode(path.name)[:_LONGEST].decode(errors="ignore")
    return path.with_name(f".{name}.{os.getpid()}-{threading.get_ident()}{ENDING}")


@contextmanager
def written_whole(path: Path, *, parents: bool = False) -> Iterator[Path]:
    """Yield a file beside *path* to write to; it takes the name of *path* when the block ends, or goes if it fails.

    A reader sees what was there before or all that is new, never a part, also if the process is killed.

    Args:
        parents: make the folder too.

    Raises:
        GsanetError: for any ``OSError``, of the block's own too: a full disk, a folder that is not there or not ours.
    """
    part = beside(path)
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise GsanetError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # a folder that cannot be written to has been named already
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, parents: bool = False) -> None:
    """Write *text* as UTF-8, whole or not at all.

    Raises:
        GsanetError: it cannot be written.
    """
    with written_whole(path, parents=parents) as part:
        part.write_text(text, encoding="utf-8")
