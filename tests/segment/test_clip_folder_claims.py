"""Two runs and one folder, and what a killed run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsanet.base.errors import GsanetError
from gsanet.segment.claims import claimed
from gsanet.segment.naming import hidden

SCRIPT = """
import sys
from pathlib import Path
from gsanet.segment.claims import claimed
with claimed([Path(name) for name in sys.argv[1:]]):
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_run(*folders: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes these folders, until the block ends."""
    command = [sys.executable, "-c", SCRIPT, *map(str, folders)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def half_written(folder: Path) -> Path:
    part = hidden(folder, ".part")
    (part / "masks").mkdir(parents=True)
    (part / "masks" / "00000.png").touch()
    return part


def test_the_second_run_says_so_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with other_run(out / "a", out / "b") as other:
        part = half_written(out / "a")
        refused = rf"another run \(process {other.pid} on .+\) is writing .*b: wait"
        with pytest.raises(GsanetError, match=refused), claimed([out / "c", out / "b"]):
            pytest.fail("b is not ours")
        assert part.exists(), "somebody is writing it"
        # Other clips may go into the same place, but none twice, in one process neither.
        with claimed([out / "c"]), pytest.raises(GsanetError, match=f"process {os.getpid()} "), claimed([out / "c"]):
            pytest.fail("c is claimed")
    with claimed([out / "a"]):
        pass
    assert list(out.iterdir()) == [], "nothing stays"


def test_what_a_killed_run_left_is_cleared_away_at_the_next_start(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with other_run(out / "a", out / ("x" * 100)) as other:
        half_written(out / "a")
        # Killed between two renamings: what was there before comes back.
        hidden(out / "b", ".old").mkdir()
        other.send_signal(signal.SIGKILL)
        other.wait()
    (claim,) = (path for path in out.iterdir() if path.suffix == ".run")
    said = json.loads(claim.read_text())
    claim.write_text(json.dumps({**said, "folders": ["a", "b", "../../etc"]}))
    foreign = out / ".somebody.part"
    foreign.mkdir()
    with claimed([out / "c"]):
        pass
    assert sorted(path.name for path in out.iterdir()) == [".somebody.part", "b"]


def test_a_folder_that_nothing_came_of_goes_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError), claimed([tmp_path / "new" / "a"]):
        assert (tmp_path / "new").is_dir()
        raise ValueError
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    with pytest.raises(GsanetError, match=r"cannot make the folder .*file"), claimed([tmp_path / "file" / "a"]):
        pytest.fail("it is no folder")
