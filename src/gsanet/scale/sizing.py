"""How many worker processes suit this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsanet.base.processes import processors
from gsanet.runtime.opening import has_gpu, has_torch

PROCESSORS = 4
"""Of a worker. Decoding, flow and preparing are one thread's, and take a seventh of a frame's time (docs/scale.md): so
one process keeps seven busy, with less memory than several. Four leave room for the beginnings and ends of clips."""

MEMORY = 1 << 30
"""Bytes for a worker, with room."""


def suitable_jobs(clips: int, arguments: Mapping[str, Any]) -> int:
    """One for every four processors, as far as there are clips and memory; one where a GPU does the work.

    Args:
        arguments: of the segmenter.
    """
    device = str(arguments.get("device", "auto"))
    if device not in ("auto", "cpu") or (device == "auto" and has_gpu() and has_torch()):
        return 1
    room = free_memory()
    fitting = clips if room is None else room // MEMORY
    return max(1, min(processors() // PROCESSORS, clips, fitting))


def free_memory() -> int | None:
    """Bytes that can be had without swapping, also within the limit of a container; None where nothing says so."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        return None
    try:
        limit, used = (Path("/sys/fs/cgroup", name).read_text().strip() for name in ("memory.max", "memory.current"))
        found.append(int(limit) - int(used))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass
    return min(found, default=None)
