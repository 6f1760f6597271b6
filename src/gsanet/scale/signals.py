"""How a process ended, in words."""

from __future__ import annotations

import signal


def exit_reason(code: int | None) -> str:
    """``was killed (SIGKILL): out of memory?``, ``ended by itself (exit code 3)``."""
    if code is None or code >= 0:
        return f"ended by itself (exit code {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed ({name})" + (": out of memory?" if name == "SIGKILL" else "")
