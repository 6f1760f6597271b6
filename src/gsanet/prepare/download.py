"""An official download as one listing of files, whether it is a zip, a tar or already a folder.

Nothing is unpacked: members are read where they are. A compressed tar cannot be read out of order, so it is
decompressed once into a nameless temporary file when the first picture is asked for.
"""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from gsanet.base.errors import GsanetError
from gsanet.video.images import SUFFIXES

_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_LISTS = (".txt", ".dat", ".json", ".bmf")
"""Small text files, kept while a compressed tar is listed: planning reads them and nothing else."""
_LARGEST_LIST = 64 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

# What zipfile, tarfile and their decompressors raise on files that are cut short or damaged.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


class _Store(Protocol):
    """Where the bytes of an entry are."""

    def read(self, key: str | tuple[int, int]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the download."""

    parts: tuple[str, ...]
    """Its path; the first part is the archive's or folder's own name, without ending: some archives name
    their split only there."""
    size: int
    """Bytes."""
    store: _Store
    key: str | tuple[int, int]

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0] or self.name

    @property
    def suffix(self) -> str:
        """``.png``, in lower case."""
        return Path(self.name).suffix.lower()

    @property
    def is_picture(self) -> bool:
        return self.suffix in SUFFIXES

    def __str__(self) -> str:
        return "/".join(self.parts)

    def read(self) -> bytes:
        """The whole file.

        Raises:
            GsanetError: it is damaged in the archive, or unreadable.
        """
        try:
            return self.store.read(self.key)
        except (*_DAMAGE, RuntimeError) as error:
            raise GsanetError(f"{self} cannot be read ({_reason(error)}): download it again") from None


@dataclass(frozen=True)
class Download:
    """All files of one or several archives and folders."""

    label: str
    """For messages: the paths as given."""
    entries: list[Entry]


@contextmanager
def open_download(paths: Sequence[Path], scratch: Path | None = None) -> Iterator[Download]:
    """List archives and folders together; the entries can be read inside the block, from any thread.

    Args:
        scratch: folder for the temporary file of a compressed tar; the system's own if not given.

    Raises:
        GsanetError: no such file, not an archive, damaged, encrypted, or with a member that leads out of it.
    """
    entries: list[Entry] = []
    with ExitStack() as stack:
        for path in paths:
            if path.is_dir():
                entries += _folder(path)
            elif not path.exists():
                raise GsanetError(f"no such file or folder: {path}")
            elif path.suffix.lower() == ".json":
                entries.append(Entry((path.resolve().parent.name, path.name), path.stat().st_size, _Files(), str(path)))
            else:
                entries += _archive(path, scratch, stack)
        yield Download(", ".join(map(str, paths)), entries)


def _archive(path: Path, scratch: Path | None, stack: ExitStack) -> list[Entry]:
    try:
        if zipfile.is_zipfile(path):
            return _zip(path, stack)
        if tarfile.is_tarfile(path):
            return _tar(path, scratch, stack)
    except PermissionError:
        raise GsanetError(f"{path} may not be read by this user (permission denied)") from None
    except _DAMAGE as error:
        raise GsanetError(f"{path} is damaged or incomplete ({_reason(error)}): download it again") from None
    if path.name.lower().endswith(_ENDINGS):
        raise GsanetError(f"{path} is damaged or incomplete: it cannot be opened as an archive; download it again")
    raise GsanetError(f"{path} is neither a folder nor an archive (zip, tar, tar.gz)")


def _own_name(path: Path) -> str:
    name = path.resolve().name
    ending = next((e for e in sorted(_ENDINGS, key=len, reverse=True) if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] or name


def _parts(path: Path, member: str) -> tuple[str, ...] | None:
    """The member's path below its archive's name; none for what operating systems leave behind.

    Raises:
        GsanetError: the path leads out of the archive.
    """
    plain = member.replace("\\", "/")
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    if plain.startswith("/") or ".." in parts or "\0" in plain or (parts and parts[0].endswith(":")):
        raise GsanetError(f"{path} holds {member!r}, which leads out of the archive: it is not an official download")
    if not parts or any(part in _JUNK for part in parts) or parts[-1].startswith("._"):
        return None
    return (_own_name(path), *parts)


# ---------------------------------------------------------------- folder


class _Files:
    def read(self, key: str | tuple[int, int]) -> bytes:
        return Path(cast(str, key)).read_bytes()


def _folder(root: Path) -> list[Entry]:
    store, name = _Files(), _own_name(root)
    entries: list[Entry] = []
    seen: set[str] = set()

    def fail(error: OSError) -> None:
        raise GsanetError(f"cannot read {error.filename} ({error.strerror})")

    # A user's tree may be put together from links, so they are followed, but none twice.
    for folder, children, files in os.walk(root, followlinks=True, onerror=fail):
        real = os.path.realpath(folder)
        if real in seen:
            children.clear()
            continue
        seen.add(real)
        children.sort()
        inside = Path(folder).relative_to(root).parts
        for file in sorted(files):
            if file in _JUNK or file.startswith("._"):
                continue
            full = Path(folder) / file
            if full.is_file():
                entries.append(Entry((name, *inside, file), full.stat().st_size, store, str(full)))
    return entries


# ---------------------------------------------------------------- zip


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def read(self, key: str | tuple[int, int]) -> bytes:
        return self._archive.read(cast(str, key))  # zipfile locks its file itself


def _zip(path: Path, stack: ExitStack) -> list[Entry]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    store = _Zip(archive)
    entries = []
    for member in archive.infolist():
        if stat.S_ISLNK(member.external_attr >> 16):
            raise GsanetError(f"{path} holds the link {member.filename!r}: it is not an official download")
        parts = _parts(path, member.filename)
        if parts is None or member.is_dir():
            continue
        if member.flag_bits & 1:
            raise GsanetError(
                f"{path} is encrypted ({member.filename}): unpack it with its password and give the folder"
            )
        if member.compress_type not in _METHODS:
            raise GsanetError(f"{path} is packed by a method Python cannot read: unpack it and give the folder")
        entries.append(Entry(parts, member.file_size, store, member.filename))
    return entries


# ---------------------------------------------------------------- tar


class _Tar:
    """Random access to an uncompressed tar by (offset, size)."""

    def __init__(self, path: Path, scratch: Path | None, stack: ExitStack, compressed: bool) -> None:
        self._path, self._scratch, self._stack, self._compressed = path, scratch, stack, compressed
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()
        self.lists: dict[tuple[int, int], bytes] = {}

    def read(self, key: str | tuple[int, int]) -> bytes:
        offset, size = cast("tuple[int, int]", key)
        if (offset, size) in self.lists:
            return self.lists[offset, size]
        with self._lock:
            if self._file is None:
                self._file = self._open()
            self._file.seek(offset)
            data = self._file.read(size)
        if len(data) != size:
            raise EOFError("cut short")
        return data

    def _open(self) -> IO[bytes]:
        if not self._compressed:
            return self._stack.enter_context(self._path.open("rb"))
        plain = self._stack.enter_context(tempfile.TemporaryFile(dir=self._scratch))  # noqa: SIM115
        with tarfile.open(self._path, "r:*") as archive:
            stream = archive.fileobj
            assert stream is not None
            stream.seek(0)
            while block := stream.read(1 << 20):
                plain.write(block)
        return plain


def _tar(path: Path, scratch: Path | None, stack: ExitStack) -> list[Entry]:
    try:
        with tarfile.open(path, "r:"):
            compressed = False
    except tarfile.ReadError:
        compressed = True
    store = _Tar(path, scratch, stack, compressed)
    entries = []
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if member.issym() or member.islnk():
                raise GsanetError(f"{path} holds the link {member.name!r}: it is not an official download")
            parts = _parts(path, member.name)
            if parts is None or not member.isfile():
                continue
            entry = Entry(parts, member.size, store, (member.offset_data, member.size))
            entries.append(entry)
            if compressed and entry.suffix in _LISTS and member.size <= _LARGEST_LIST:
                file = archive.extractfile(member)
                assert file is not None
                store.lists[member.offset_data, member.size] = file.read()
    if not entries:
        raise EOFError("no members")
    return entries


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0].strip(" .'\"") if str(error) else type(error).__name__
