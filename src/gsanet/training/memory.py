"""Keep freed memory instead of giving it back to the kernel after every step."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Tell glibc to reuse large blocks. A network asks for the same few hundred megabytes again at every step,
    and by default each time the kernel must hand over, and clear, fresh pages: a fifth of a training step on a CPU
    (``benchmarks/depthwise.py --malloc``).

    Returns:
        False where there is no glibc; then nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    limits = ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, (1 << 31) - 1), (_M_TOP_PAD, 1 << 28))
    return all(mallopt(option, value) == 1 for option, value in limits)
