from __future__ import annotations

import platform
import subprocess
import sys
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


_THREADS = """
import sys, threading
from gsanet.runtime.allocator import share_freed_memory
assert sys.argv[1] == "apart" or share_freed_memory()
leave = threading.Event()
def work(done):
    blocks = [b"x" * (60_000 + i) for i in range(500)]
    kept = blocks[-1:]  # the arena cannot shrink below this one
    del blocks
    done.set()
    leave.wait()
threads = []
for _ in range(8):  # one after the other, but all are still there at the end
    done = threading.Event()
    threads.append(threading.Thread(target=work, args=(done,)))
    threads[-1].start()
    done.wait()
print(int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6)
leave.set()
"""


def test_threads_use_what_others_have_freed() -> None:
    def megabytes(how: str) -> float:
        command = [sys.executable, "-c", _THREADS, how]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert megabytes("shared") < megabytes("apart") - 100, "of 240 MB, 30 in each thread"
