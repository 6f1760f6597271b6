"""Where a batch's results go: a folder, or a place on the net that fsspec knows (``s3://``, ``gs://``, ``sftp://``).

A folder on a disk gets its name when it is complete. Object stores have no folders and rename nothing: there a clip
counts as there once it has its ``summary.json``, which is written last. Until then it also has a mark of ours.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError
from gsanet.video.finding import SUMMARY

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(::|://)")

MARK = ".gsanet-upload"
"""In a folder on the net that is being written, or was when its writer was killed."""

_TRIES = 4
_PAUSE = 0.5
"""Seconds before the second try; twice as many before each one after."""

_AT_ONCE = 256
"""Summaries that are asked for together."""

Result = TypeVar("Result")


class Unreachable(GsanetError):
    """A place on the net that does not answer, or not as it should: later it may."""


def is_address(out: str) -> bool:
    """Whether *out* is a place on the net and no folder."""
    return _SCHEME.match(out) is not None and not Path(out).exists()


def open_store(out: str) -> Store:
    """The place that a user calls *out*.

    Raises:
        GsanetError: nothing knows such an address, or what does is not installed.
    """
    return NetStore(out) if is_address(out) else FolderStore(Path(out))


class FolderStore:
    """A folder, on a disk of this computer or one that all workers share."""

    local = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, name: str) -> str:
        """Where something lies, for messages."""
        return str(self.root / name)

    def names(self) -> set[str]:
        """What lies there."""
        return {child.name for child in self.root.iterdir()} if self.root.is_dir() else set()

    def has(self, name: str) -> bool:
        """Whether a file is there, whole."""
        return (self.root / name).is_file()

    @contextmanager
    def written(self, name: str) -> Iterator[Path]:
        """A file to write to; when the block ends it is there under *name*, whole, or if it fails not at all.

        Raises:
            GsanetError: it cannot be written.
        """
        with written_whole(self.root / name, parents=True) as part:
            yield part

    def fetch(self, name: str, scratch: Path) -> Path:
        """A file, where it can be read; *scratch* is a folder that may be used for it."""
        return self.root / name

    def remove(self, name: str) -> None:
        """A folder, if it is there and can be removed."""
        shutil.rmtree(self.root / name, ignore_errors=True)


class NetStore:
    """A folder behind fsspec. What fails is tried again a few times, ever later.

    Raises:
        GsanetError: nothing knows such an address, or what does is not installed.
    """

    local = False

    def __init__(self, out: str) -> None:
        try:
            import fsspec
        except ModuleNotFoundError:
            raise GsanetError(f"writing to {out} needs fsspec: pip install 'gsanet[ray]'") from None
        try:
            self._files, root = fsspec.core.url_to_fs(out)
        except ImportError as error:  # fsspec knows what is missing
            raise GsanetError(f"writing to {out} needs another package: {error}") from None
        except ValueError as error:
            raise GsanetError(f"{out} is no place that results can go to: {error}") from None
        self.out, self._root = out.rstrip("/"), str(root).rstrip("/")

    def place(self, name: str) -> str:
        """As :meth:`FolderStore.place`."""
        return f"{self.out}/{name}"

    def names(self) -> set[str]:
        """As :meth:`FolderStore.names`."""
        found: list[str] = self._try(lambda: self._list(self._root))
        return {path.rstrip("/").rpartition("/")[2] for path in found}

    def has(self, name: str) -> bool:
        """As :meth:`FolderStore.has`."""
        return bool(self._try(lambda: self._files.exists(f"{self._root}/{name}")))

    def summaries(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The summary of each folder that has one."""
        paths = {f"{self._root}/{name}/{SUMMARY}": name for name in names}
        by_path = {path.strip("/"): name for path, name in paths.items()}
        found: dict[str, dict[str, Any]] = {}
        whole = list(paths)
        for first in range(0, len(whole), _AT_ONCE):
            some = whole[first : first + _AT_ONCE]
            texts: dict[str, bytes] = self._try(partial(self._files.cat, some, on_error="omit"))
            for path, text in texts.items():
                with suppress(ValueError):  # one that was broken off is none
                    summary = json.loads(text)
                    if isinstance(summary, dict) and "versions" in summary:
                        found[by_path[path.strip("/")]] = summary
        return found

    def unfinished(self, name: str) -> bool:
        """Whether what lies under *name* is of a run that was broken off."""
        return self.has(f"{name}/{MARK}")

    def put(self, folder: Path, name: str) -> None:
        """All files of *folder*, in place of what is there; the summary goes first and comes last.

        Raises:
            GsanetError: it still cannot be written after some tries.
        """
        target = f"{self._root}/{name}"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        # Where folders are files of their own they must be there first.
        for place in sorted({file.parent.relative_to(folder).as_posix() for file in files} | {"."}):
            self._try(partial(self._files.makedirs, f"{target}/{place}".rstrip("/."), exist_ok=True))
        self._try(lambda: self._files.pipe_file(f"{target}/{MARK}", b"gsanet\n"))
        old = [path for path in self._try(lambda: self._found(target)) if not path.endswith(f"/{MARK}")]
        for path in sorted(old, key=lambda path: not path.endswith(f"/{SUMMARY}")):
            self._try(partial(self._drop, path))
        for file in sorted(files, key=lambda file: file == folder / SUMMARY):
            there = f"{target}/{file.relative_to(folder).as_posix()}"
            self._try(partial(self._files.put_file, str(file), there))
        self._try(lambda: self._drop(f"{target}/{MARK}"))

    @contextmanager
    def written(self, name: str) -> Iterator[Path]:
        """As :meth:`FolderStore.written`; under another name first: not everywhere is a file whole or not there."""
        there = f"{self._root}/{name}"
        with tempfile.TemporaryDirectory(prefix="gsanet-") as scratch:
            made = Path(scratch) / "made"
            yield made
            self._try(lambda: self._files.makedirs(there.rpartition("/")[0], exist_ok=True))
            self._try(lambda: self._files.put_file(str(made), f"{there}.part"))
        self._try(lambda: self._files.mv(f"{there}.part", there))

    def fetch(self, name: str, scratch: Path) -> Path:
        """As :meth:`FolderStore.fetch`."""
        here = scratch / name.replace("/", "_")
        self._try(lambda: self._files.get_file(f"{self._root}/{name}", str(here)))
        return here

    def remove(self, name: str) -> None:
        """As :meth:`FolderStore.remove`."""
        with suppress(Exception):  # what stays is in nobody's way, and goes the next time
            self._files.rm(f"{self._root}/{name}", recursive=True)

    def _list(self, path: str) -> list[str]:
        # Listings are kept by some file systems, and others write there too.
        self._files.invalidate_cache()
        try:
            listed: list[str] = self._files.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return listed

    def _found(self, path: str) -> list[str]:
        self._files.invalidate_cache()
        try:
            found: list[str] = self._files.find(path)
        except FileNotFoundError:
            return []
        return found

    def _drop(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(path)

    def _try(self, work: Callable[[], Result]) -> Result:
        """What *work* gives, which is tried again where a place on the net fails: it may be back in a moment."""
        for attempt in range(1, _TRIES + 1):
            try:
                return work()
            except FileNotFoundError:
                raise
            except Exception as error:  # every file system has its own
                if attempt == _TRIES or isinstance(error, PermissionError):
                    said = str(error).strip().splitlines() or [type(error).__name__]
                    raise Unreachable(f"{self.out} cannot be read or written: {said[0]}") from None
                time.sleep(_PAUSE * 2 ** (attempt - 1))
        raise AssertionError


Store = FolderStore | NetStore
