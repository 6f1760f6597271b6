"""The command line, for scripts that train."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SCORES = "scores.json"
"""In the folder of a run that is done."""


def gsanet(*words: object, show: bool = False) -> None:
    """Run it in a process of its own; what it says on stdout is only for *show*. Ends the script where it fails."""
    command = [sys.executable, "-m", "gsanet", *map(str, words)]
    stdout = None if show else subprocess.DEVNULL
    done = subprocess.run(command, check=False, stdout=stdout, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


def train_and_score(
    folder: Path, recipe: str, data: Path, training: Sequence[object], scoring: Sequence[object]
) -> None:
    """Train a video model into *folder*, then segment and evaluate sequences of its data; :data:`SCORES` comes last.

    Args:
        training: more words for ``gsanet train``,
        scoring: and for ``gsanet score``.
    """
    gsanet("train", "--config", recipe, "--data", data, "-o", folder, *training)
    scores = ["--json", folder / SCORES]
    gsanet("score", folder / "last.safetensors", "--data", data / "DAVIS_train", *scores, *scoring)
