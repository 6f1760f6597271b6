"""A session as ONNX Runtime has made it ready, kept on disk: the next process opens it in a fraction of the time.

Making ready is folding weights into the graph, and reordering them for this processor. What comes out is for one
version of the library and one kind of processor, so both are in the name of the file, and so are the weights. The file
is written whole or not at all; where it cannot be, or cannot be read, all is made anew each time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gsanet.base.atomic import written_whole
from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__

SUFFIX = ".ort"

_KEPT = 4
"""Files of a folder, of 42 MB each; of more than these those go that have not been used for longest."""

_FORMAT = "session.save_model_format"

_PART, _PARTS = 4096, 64
"""Bytes of a part of the weights that is read for their name, and how many parts."""

log = logging.getLogger("gsanet")


class SessionCache:
    """The place of one session.

    Args:
        folder: need not be there.
        weights: the file of them, as it is on disk.
        graph: the graph that they are for.
    """

    def __init__(self, folder: Path, weights: Path, graph: bytes) -> None:
        self.file = folder / f"{_key(weights, graph)}{SUFFIX}"

    @property
    def ready(self) -> bool:
        """Whether the session is there."""
        return self.file.is_file()

    def open(self, options: Any) -> Any | None:
        """The session, with *options* (``onnxruntime.SessionOptions``); None if it is not there or not whole."""
        import onnxruntime

        if not self.ready:
            return None
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # all is done
        try:
            options.add_session_config_entry("session.load_model_format", "ORT")
            session = onnxruntime.InferenceSession(str(self.file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever is wrong with it, it can be made again
            log.debug("%s cannot be used (%s)", self.file, error)
            return None
        with suppress(OSError):
            os.utime(self.file)
        return session

    def make(self, source: bytes, options: Any) -> Any:
        """The session of a whole model, which is kept beside, if the disk takes it.

        Raises:
            Exception: ONNX Runtime cannot open the model.
        """
        import onnxruntime

        providers = ["CPUExecutionProvider"]
        session = None
        try:
            with written_whole(self.file, parents=True) as part:
                part.touch()  # where that fails, ONNX Runtime is not asked
                options.optimized_model_filepath = str(part)
                options.add_session_config_entry(_FORMAT, "ORT")
                session = onnxruntime.InferenceSession(source, options, providers=providers)
            self._sweep()
        except Exception as error:
            log.debug("a ready session is not kept (%s)", error)
            # The library may have failed at writing alone; what else is wrong it says once more.
            options.optimized_model_filepath = ""
            if session is None:
                session = onnxruntime.InferenceSession(source, options, providers=providers)
        return session

    def _sweep(self) -> None:
        with suppress(OSError):  # another process may do the same
            files = sorted(self.file.parent.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
            for old in files[:-_KEPT]:
                old.unlink(missing_ok=True)


def _key(weights: Path, graph: bytes) -> str:
    from importlib import metadata

    digest = hashlib.blake2b(digest_size=12)
    said = (__version__, metadata.version("onnxruntime"), platform.machine(), _processor())
    digest.update("\n".join(said).encode())
    digest.update(graph)
    try:
        _sample(weights, digest.update)
    except OSError as error:
        raise GsanetError(f"{weights} cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()


def _sample(weights: Path, take: Callable[[bytes], None]) -> None:
    """What tells a file of weights from others: all of it takes a tenth of a second to read, for each first mask.

    Another training differs in every part; for a file that somebody has changed in one place there is the time.
    """
    with weights.open("rb") as file:
        facts = os.fstat(file.fileno())
        take(f"{facts.st_size} {facts.st_mtime_ns}".encode())
        for part in range(_PARTS):
            file.seek(part * max(0, facts.st_size - _PART) // (_PARTS - 1))
            take(file.read(_PART))


def _processor() -> str:
    """What this processor can do, in words that differ where it matters."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return platform.processor()
