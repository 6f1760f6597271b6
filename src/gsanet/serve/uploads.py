"""Uploads: parts of a form, written to disk as they come, and never more of them than is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gsanet.serve.body import Body
from gsanet.serve.limits import RefusedError

_LONGEST_FIELD = 64_000
"""Bytes of a field that is no file."""

_PARTS = 16

_AT_ONCE = 1 << 20
"""Bytes that are collected before they are parsed and written, in a thread."""


@dataclass
class Form:
    """What came."""

    files: dict[str, Path] = field(default_factory=dict)
    """Name of the part -> where it was written."""
    names: dict[str, str] = field(default_factory=dict)
    """Name of the part -> what the file is called by whoever sent it."""
    fields: dict[str, bytes] = field(default_factory=dict)


async def receive_form(body: Body, content_type: str, folder: Path, *, files: tuple[str, ...], most: int) -> Form:
    """Read a ``multipart/form-data`` body.

    Args:
        body: of the request.
        folder: files are written here, under the names of their parts.
        files: names of the parts that may be files.
        most: bytes of the whole body.

    Raises:
        RefusedError: 415, it is no such form; 400, it is damaged, or ends too early; 413, it is too large.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise RefusedError("send the clip as multipart/form-data, in a part called file", 415)
    reader = _Reader(folder, files, boundary)
    try:
        seen, waiting = 0, bytearray()
        async for chunk in body:
            seen += len(chunk)
            if seen > most:
                raise RefusedError(f"the upload is larger than {most / 1e6:g} MB, which this server takes", 413)
            waiting += chunk
            if len(waiting) >= _AT_ONCE:
                await to_thread.run_sync(reader.write, bytes(waiting))
                waiting.clear()
        await to_thread.run_sync(reader.write, bytes(waiting))
        reader.finish()
    finally:
        reader.close()
    return reader.form


class _Reader:
    """Turns the parser's calls into a :class:`Form`."""

    def __init__(self, folder: Path, files: tuple[str, ...], boundary: bytes) -> None:
        self.form = Form()
        self._folder, self._allowed = folder, files
        self._header, self._value = b"", b""
        self._disposition = ""
        self._part = ""
        self._file: IO[bytes] | None = None
        self._parts, self._ended = 0, False
        calls: dict[str, Any] = {
            "on_part_begin": self._begin,
            "on_header_field": self._name,
            "on_header_value": self._worth,
            "on_header_end": self._known,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self.close,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, calls, max_header_count=8, max_header_size=4096)
        except FormParserError as error:
            raise RefusedError(f"the form is damaged: {error}") from None

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise RefusedError(f"the form is damaged: {error}") from None
        except OSError as error:
            raise RefusedError(f"the upload cannot be kept: {error.strerror}", 413) from None

    def finish(self) -> None:
        if not self._ended:
            raise RefusedError("the upload was cut off: its end is missing")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _PARTS:
            raise RefusedError(f"the form has more than {_PARTS} parts")
        self._disposition = ""

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _worth(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _known(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value.decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _open(self) -> None:
        told = Message()
        told["content-disposition"] = " ".join(self._disposition.splitlines())
        self._part = str(told.get_param("name", "", "content-disposition"))
        if self._part in self.form.files or self._part in self.form.fields:
            raise RefusedError(f"the form has two parts called {self._part[:40]!r}")
        name = told.get_filename()
        if name is None:
            self.form.fields[self._part] = b""
            return
        if self._part not in self._allowed:
            raise RefusedError(
                f"a file may be called {' or '.join(self._allowed)} in the form, not {self._part[:40]!r}"
            )
        # The part's name is one of ours; that of the file is only remembered.
        self.form.names[self._part] = name
        self.form.files[self._part] = self._folder / f"{self._part}.part"
        self._file = self.form.files[self._part].open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self.form.fields[self._part] += data[start:end]
        if len(self.form.fields[self._part]) > _LONGEST_FIELD:
            raise RefusedError(f"the part {self._part[:40]!r} is longer than {_LONGEST_FIELD} bytes")

    def _end(self) -> None:
        self._ended = True
