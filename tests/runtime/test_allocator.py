from __future__ import annotations

import platform
from pathlib import Path

import pytest

from gsanet.runtime.allocator import give_back_freed_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator is what this is about")


def _megabytes() -> float:
    """Of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def test_freed_memory_between_what_is_in_use_goes_back() -> None:
    give_back_freed_memory()
    blocks = [bytes(60_000) for _ in range(3000)]
    full = _megabytes()
    kept = blocks[-1:]  # the heap cannot shrink below this one by itself
    del blocks
    give_back_freed_memory()
    assert _megabytes() < full - 120, "of 180 MB freed"
    assert len(kept[0]) == 60_000
