"""``gsanet evaluate`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typed import gsanet

from gsanet.video.images import write_mask


def write_run(root: Path, inside: str, offset: int) -> Path:
    for name in ("cow", "pig"):
        folder = root / name / inside
        folder.mkdir(parents=True)
        for i in range(5):
            mask = np.zeros((40, 60), bool)
            mask[8:30, 10 + i + offset : 30 + i + offset] = True
            write_mask(folder / f"{i:05d}.png", mask)
    return root


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    runs = [("gt", "GT", 0), ("ours", "masks", 1), ("theirs", "", 6)]
    gt, ours, theirs = (write_run(tmp_path / name, inside, offset) for name, inside, offset in runs)
    return gt, ours, theirs


def test_prints_the_table_and_every_choice(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, ours, _ = folders
    assert gsanet(monkeypatch, "evaluate", ours, gt, "--jobs", 1, "--row", "latex") == 0
    out = capsys.readouterr().out
    # 19 of 21 columns overlap; a shift of one pixel is within the tolerance of F.
    assert "cow                   3  95.2  90.5" in out
    assert "all 2 sequences" in out
    assert "Frames 2 to L-1" in out
    assert r"ours & 95.2 & 90.5 & 100.0 & 0.0 & 100.0 & 100.0 & 0.0 \\" in out


def test_writes_json_and_html_and_compares(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, ours, theirs = folders
    out = gt.parent / "out"
    words = ("evaluate", theirs, gt, "--jobs", 1, "--name", "baseline", "--json", out / "base.json")
    assert gsanet(monkeypatch, *words) == 0
    assert json.loads((out / "base.json").read_text())["name"] == "baseline"
    words = ("evaluate", ours, gt, "--jobs", 1, "--compare", out / "base.json", "--compare", f"again={theirs}")
    assert gsanet(monkeypatch, *words, "--html", out / "report.html") == 0
    printed = capsys.readouterr().out
    assert "ours against baseline: J&F +" in printed
    assert "ours against again: J&F +" in printed
    assert "again" in (out / "report.html").read_text()


def test_a_mistake_is_one_line_and_exit_1(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, ours, _ = folders
    (ours / "pig" / "masks" / "00002.png").unlink()
    assert gsanet(monkeypatch, "evaluate", ours, gt, "--jobs", 1) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "gsanet: pig: no prediction for 1 of 5 annotated frames: 00002\n"
    assert gsanet(monkeypatch, "evaluate", ours, gt, "--row", "excel") == 1
    assert "--row is markdown or latex, not 'excel'" in capsys.readouterr().err


def test_selected_sequences_only(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, ours, _ = folders
    assert gsanet(monkeypatch, "evaluate", ours, gt, "--sequences", "pig", "--protocol", "segtrack2") == 0
    out = capsys.readouterr().out
    assert "pig                   5" in out
    assert "cow" not in out
