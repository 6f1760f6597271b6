"""Flow vectors on disk: Middlebury's ``.flo``, and a compressed ``.npz`` of half the precision in less room.

=========  ====================================================================================================
``.flo``   little-endian: the float 202021.25, width and height as 32-bit integers, then u and v of every pixel as
           32-bit floats, row by row from the top. Exact; 8 bytes a pixel.
``.npz``   NumPy's compressed archive with one array, ``flow``, (H,W,2) of float16: 11 bits of each component, steps of
           0.06 pixels at a motion of 100; 65,504 at most.
=========  ====================================================================================================
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError
from gsanet.flow.colour import UNKNOWN, Flow

_MAGIC = np.float32(202021.25).tobytes()
"""The letters PIEH."""

# What NumPy raises on archives that are empty, cut short, damaged or something else under that name.
_READING_ERRORS = (
    OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip


def write_vectors(path: Path, flow: Flow) -> None:
    """Write (H,W,2) in pixels in the form that the name's ending says, whole or not at all; the folder must exist.

    Raises:
        GsanetError: it cannot be written.
    """
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow must be (H,W,2), got {flow.shape}")
    write = _form(path)[0]
    with written_whole(path) as part, part.open("wb") as file:
        write(file, flow)


def read_vectors(path: Path) -> Flow:
    """(H,W,2) in pixels, as :func:`write_vectors` or any other writer of ``.flo`` left it.

    Raises:
        GsanetError: no such file, cut short, or of another kind.
    """
    read = _form(path)[1]
    try:
        flow = read(path)
    except FileNotFoundError:
        raise GsanetError(f"no such file: {path}") from None
    except _READING_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GsanetError(f"{path} cannot be read as flow vectors ({reason}): restore it or remove it") from None
    return np.ascontiguousarray(flow, np.float32)


def list_vectors(folder: Path) -> dict[str, Path]:
    """Name without ending -> file, of all files of vectors directly in *folder*; none if there is no folder.

    Where there are several of one name it is the exact one.
    """
    return {file.stem: file for ending in reversed(_FORMS) for file in sorted(folder.glob(f"[!.]*{ending}"))}


def _write_flo(file: BinaryIO, flow: Flow) -> None:
    height, width = flow.shape[:2]
    file.write(_MAGIC + np.array([width, height], "<i4").tobytes())
    file.write(np.ascontiguousarray(flow, "<f4").tobytes())


def _read_flo(path: Path) -> Flow:
    content = path.read_bytes()
    if content[:4] != _MAGIC:
        raise ValueError("it does not begin with the letters PIEH")
    if len(content) < 12:
        raise ValueError("it ends within its head")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, 4))
    if width < 1 or height < 1 or len(content) != 12 + 8 * width * height:
        raise ValueError(f"it says {width}x{height} and has {len(content)} bytes")
    return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2)


def _write_npz(file: BinaryIO, flow: Flow) -> None:
    largest = np.finfo(np.float16).max
    known = np.where(np.abs(flow) <= UNKNOWN, np.clip(flow, -largest, largest), np.float32(np.nan))
    np.savez_compressed(file, flow=known.astype(np.float16))


def _read_npz(path: Path) -> Flow:
    with np.load(path, allow_pickle=False) as archive:
        flow = archive["flow"]
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ValueError(f"its array flow is {flow.shape}, not (H,W,2)")
    return np.asarray(flow, np.float32)


_FORMS: dict[str, tuple[Callable[[BinaryIO, Flow], None], Callable[[Path], Flow]]] = {
    ".flo": (_write_flo, _read_flo),
    ".npz": (_write_npz, _read_npz),
}
"""Writer and reader by ending, the exact form first."""


def _form(path: Path) -> tuple[Callable[[BinaryIO, Flow], None], Callable[[Path], Flow]]:
    if path.suffix not in _FORMS:
        raise GsanetError(f"{path.name} names no form of flow vectors: endings are {' and '.join(_FORMS)}")
    return _FORMS[path.suffix]
