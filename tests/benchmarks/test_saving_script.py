"""``benchmarks/saving.py`` runs and has a row for everything that can be saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gsanet.segment.save import KINDS

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "saving.py"


@pytest.mark.slow
def test_every_kind_has_its_cost() -> None:
    command = [sys.executable, str(SCRIPT), "--height", "64", "--frames", "3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert {row[0].strip("| ") for row in rows} == set(KINDS)
    assert all(float(row[1]) > 0 for row in rows)
