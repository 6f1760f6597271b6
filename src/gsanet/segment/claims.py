"""Who writes where: two runs never write into one folder, and what a killed run left behind is cleared away.

A run keeps a hidden file, locked, in the folder of its results, with the names of the folders it is going to make.
The lock goes with the process, however that ends. A file without a lock is of a run that was killed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from gsanet.base.errors import GsanetError
from gsanet.segment.naming import hidden

PART, OLD = ".part", ".old"
"""Endings of hidden folders: results that are being written, and those that are being replaced by them."""

_CLAIM = ".gsanet-{}.run"


@contextmanager
def claimed(folders: Iterable[Path]) -> Iterator[None]:
    """While it lasts no other run writes *folders*, whose parents are made. What killed runs left is cleared away.

    Raises:
        GsanetError: another run is writing one of them, or the parent cannot be made.
    """
    by_parent: dict[Path, list[Path]] = {}
    for folder in folders:
        by_parent.setdefault(folder.parent, []).append(folder)
    with ExitStack() as stack:
        for parent, inside in by_parent.items():
            stack.enter_context(_claimed_in(parent, inside))
        yield


def put_in_place(part: Path, folder: Path) -> None:
    """Rename; what was there goes only when the new folder has its name."""
    if not folder.exists():
        part.rename(folder)
        return
    old = hidden(folder, OLD)
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _claimed_in(parent: Path, folders: list[Path]) -> Iterator[None]:
    made = not parent.exists()
    claim = parent / _CLAIM.format(uuid4().hex[:12])
    descriptor = -1
    try:
        try:
            descriptor = _claim(claim, [folder.name for folder in folders])
        except OSError as error:
            raise GsanetError(f"cannot make the folder {parent}: {error.strerror or error}") from None
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        with suppress(OSError):
            claim.unlink()
        if made:
            with suppress(OSError):
                parent.rmdir()  # if nothing came of it


def _claim(claim: Path, names: list[str]) -> int:
    """The file that says so, open and locked."""
    parent = claim.parent
    parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(parent):
        for other in sorted(parent.glob(_CLAIM.format("*"))):
            _respect(other, parent, names)
        descriptor = os.open(claim, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            _lock(descriptor)
            said = {"process": os.getpid(), "host": socket.gethostname(), "folders": names}
            os.write(descriptor, json.dumps(said).encode())
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def _respect(other: Path, parent: Path, names: list[str]) -> None:
    """Clear away after a run that was killed; refuse if one that is alive writes what is wanted."""
    said = _read(other)
    theirs = [name for name in said.get("folders", ()) if isinstance(name, str) and Path(name).name == name]
    if not _alive(other, said):
        for name in theirs:
            _sweep(parent / name)
        other.unlink(missing_ok=True)
        return
    both = [name for name in names if name in theirs]
    if both:
        raise GsanetError(
            f"another run (process {said.get('process')} on {said.get('host')}) is writing {parent / both[0]}: "
            "wait for it, or choose another --out"
        )


def _sweep(folder: Path) -> None:
    old = hidden(folder, OLD)
    if old.exists() and not folder.exists():
        old.rename(folder)  # killed between two renamings
    for rest in (old, hidden(folder, PART)):
        shutil.rmtree(rest, ignore_errors=True)


def _read(claim: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(claim.read_text())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


if sys.platform == "win32":  # an open file cannot be removed there, which serves as a lock

    @contextmanager
    def _one_at_a_time(parent: Path) -> Iterator[None]:
        yield

    def _lock(descriptor: int) -> None:
        pass

    def _alive(claim: Path, said: Mapping[str, Any]) -> bool:
        try:
            claim.unlink()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

else:
    import fcntl

    @contextmanager
    def _one_at_a_time(parent: Path) -> Iterator[None]:
        """Between looking at others' claims and making its own, a run is alone."""
        descriptor = os.open(parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems do not lock folders
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _lock(descriptor: int) -> None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _alive(claim: Path, said: Mapping[str, Any]) -> bool:
        try:
            descriptor = os.open(claim, os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError:
            return _process_runs(said)  # of another user
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return _process_runs(said)  # this file system has no locks
        finally:
            os.close(descriptor)
        return False

    def _process_runs(said: Mapping[str, Any]) -> bool:
        """By its number, where nothing else tells; one on another computer counts as alive."""
        process = said.get("process")
        if not isinstance(process, int) or said.get("host") != socket.gethostname():
            return bool(said)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True
