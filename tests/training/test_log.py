"""The log of a run that was killed and went on."""

from __future__ import annotations

from pathlib import Path

from gsanet.training.log import RunLog


def _log(out: Path, first: int) -> RunLog:
    return RunLog(out, steps=100, first=first, batch=2, every=1, quiet=True)


def test_steps_taken_again_are_logged_once(tmp_path: Path) -> None:
    with _log(tmp_path, 0) as log:
        for step in range(3):
            log.step(step, 1.0 + step, {}, 0.1)
            if step:
                log.scores(step + 1, {"score": 0.5})
    # Killed here, in a line; the checkpoint had two steps and the validation that follows them.
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("3,los")
    with _log(tmp_path, 2) as log:
        log.step(2, 9.0, {}, 0.1)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[0] == "step,name,value"
    kept = [line for line in lines if ",loss," in line or ",val/" in line]
    assert kept == ["0,loss,1", "1,loss,1.5", "2,val/score,0.5", "2,loss,9"]
    assert all(len(line.split(",")) == 3 for line in lines)


def test_what_was_logged_is_on_disk_at_once(tmp_path: Path) -> None:
    with _log(tmp_path, 0) as log:
        log.step(0, 1.0, {"mask": 2.0}, 0.1)
        assert "0,loss/mask,2" in (tmp_path / "metrics.csv").read_text().splitlines()


def test_a_file_without_a_header_gets_one(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").touch()
    with _log(tmp_path, 0):
        pass
    assert (tmp_path / "metrics.csv").read_text().splitlines() == ["step,name,value"]
