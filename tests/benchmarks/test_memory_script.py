"""``benchmarks/memory.py`` runs and has a row for each size and kind of results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gsanet import open_clip

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_every_size_and_kind_has_a_row(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--sizes", "96x64", "--frames", "3", "--clips", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, _, *rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()]
    assert [row[1].strip() for row in rows] == ["masks", "masks,overlay"]
    assert all(float(row[2]) > 20 and float(row[3]) > 0 for row in rows)
    (clip,) = tmp_path.iterdir()
    made = open_clip(clip)
    assert (made.width, made.height, made.length) == (96, 64, 3)
