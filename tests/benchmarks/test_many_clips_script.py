"""``benchmarks/many_clips.py`` runs and has a row for each step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "many_clips.py"


def test_every_step_has_its_cost() -> None:
    command = [sys.executable, str(SCRIPT), "--clips", "30", "--engine", "none", "--real", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    steps = ["find the clips", "plan them", "hand them out (none, 2 workers)", "write the report"]
    assert [row[0] for row in rows] == steps
    assert all(row[1] == "30" for row in rows)
