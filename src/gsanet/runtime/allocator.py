"""Freed memory, which glibc's allocator keeps or gives back to the kernel."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8

_ARENAS = 2
"""One saves hardly more, and all threads would wait for it (docs/performance.md)."""


def keep_freed_memory() -> bool:
    """Tell glibc to reuse large blocks. A network asks for the same few hundred megabytes again at every step,
    and by default each time the kernel must hand over, and clear, fresh pages: a fifth of a training step on a CPU
    (``benchmarks/depthwise.py --malloc``).

    Returns:
        False where there is no glibc; then nothing changes.
    """
    mallopt = _glibc("mallopt")
    limits = ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, (1 << 31) - 1), (_M_TOP_PAD, 1 << 28))
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in limits)


def share_freed_memory() -> bool:
    """Have all threads take memory from the same few of glibc's arenas.

    By default nearly every thread has one of its own, from which no other can take what was freed. The engine hands
    frames from thread to thread, and a dozen arenas each keep room for the most that was ever in them: a sixth of the
    memory at the peak. Threads that have an arena already keep it.

    Returns:
        False where there is no glibc; then nothing changes.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and mallopt(_M_ARENA_MAX, _ARENAS) == 1


def give_back_freed_memory() -> bool:
    """Have glibc return to the kernel what has been freed, holes between what is in use included. It does not do so
    by itself: the weights that a file was read into, before they were folded, stay a part of the process
    (docs/performance.md).

    Returns:
        False where there is no glibc, or nothing to give.
    """
    malloc_trim = _glibc("malloc_trim")
    return malloc_trim is not None and malloc_trim(0) == 1


def _glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return function
