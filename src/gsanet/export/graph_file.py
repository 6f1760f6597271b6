"""ONNX files as bytes: metadata read, weights put in, without the ``onnx`` package.

A file is one message of Protocol Buffers. Four facts about these are used here: a message is a row of numbered fields;
a field with content says how long it is; fields that repeat are lists; and a field that holds a message may come in
pieces, which a reader puts together. So weights are put in by writing them behind the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

_GRAPH, _METADATA = 7, 14
"""Numbers of the fields of a model."""

_INITIALISER = 5
"""Of a graph."""

_DIMENSION, _TYPE, _NAME, _RAW = 1, 2, 8, 9
"""Of a tensor."""

_KEY, _VALUE = 1, 2
"""Of an entry of the metadata."""

_FLOAT = 1
"""The type of tensor that is written."""

Bytes = bytes | memoryview


def read_metadata(model: Bytes) -> dict[str, str]:
    """The entries of a file's metadata by key.

    Raises:
        ValueError: *model* is no such message.
    """
    entries = {}
    for number, entry in _fields(memoryview(model)):
        if number == _METADATA:
            parts = dict(_fields(entry))
            entries[bytes(parts.get(_KEY, b"")).decode()] = bytes(parts.get(_VALUE, b"")).decode()
    return entries


def with_weights(
    model: Bytes, weights: Iterable[tuple[str, NDArray[np.float32]]], metadata: Mapping[str, str]
) -> bytes:
    """A graph without weights and its initialisers -> a whole model, whose metadata are *metadata* alone.

    Args:
        weights: by name; each is asked for when it is written, so that no more than one needs to be there.

    Raises:
        ValueError: *model* is no such message.
    """
    whole = BytesIO()
    for number, start, _, end in _places(memoryview(model)):
        if number != _METADATA:
            whole.write(memoryview(model)[start:end])
    for key, value in metadata.items():
        entry = [*_field(_KEY, [key.encode()]), *_field(_VALUE, [value.encode()])]
        whole.writelines(_field(_METADATA, entry))
    for name, array in weights:
        shape = [_varint(_DIMENSION << 3) + _varint(side) for side in array.shape]
        kind = _varint(_TYPE << 3) + _varint(_FLOAT)
        data = np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data
        tensor = [*shape, kind, *_field(_NAME, [name.encode()]), *_field(_RAW, [data])]
        whole.writelines(_field(_GRAPH, _field(_INITIALISER, tensor)))
    return whole.getvalue()


def _field(number: int, content: list[Bytes]) -> list[Bytes]:
    return [_varint(number << 3 | 2), _varint(sum(map(len, content))), *content]


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of the fields that have content."""
    for number, _, inside, end in _places(message):
        if inside is not None:
            yield number, message[inside:end]


def _places(message: memoryview) -> Iterator[tuple[int, int, int | None, int]]:
    """Each field's number, where it starts, where its content starts (None for a plain number), and where it ends."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        inside = None
        if tag & 7 == 0:
            _, at = _read_varint(message, at)
        elif tag & 7 == 1:
            at += 8
        elif tag & 7 == 2:
            length, inside = _read_varint(message, at)
            at = inside + length
        elif tag & 7 == 5:
            at += 4
        else:
            raise ValueError("it is not an ONNX file")
        if at > len(message):
            raise ValueError("it is not an ONNX file, or the end of it is missing")
        yield tag >> 3, start, inside, at


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(message) and shift < 64:
        digit = message[at]
        number |= (digit & 127) << shift
        at, shift = at + 1, shift + 7
        if digit < 128:
            return number, at
    raise ValueError("it is not an ONNX file")
