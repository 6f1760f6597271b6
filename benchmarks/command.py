"""The command line, for scripts that train."""

from __future__ import annotations

import subprocess
import sys


def gsanet(*words: object, show: bool = False) -> None:
    """Run it in a process of its own; what it says on stdout is only for *show*. Ends the script where it fails."""
    command = [sys.executable, "-m", "gsanet", *map(str, words)]
    stdout = None if show else subprocess.DEVNULL
    done = subprocess.run(command, check=False, stdout=stdout, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
