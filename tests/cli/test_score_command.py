"""``gsanet score`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typed import gsanet

from gsanet.model import GSANet, variant
from gsanet.video.images import write_mask, write_rgb
from gsanet.weights.checkpoint import save_model


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for kind in ("RGB", "GT"):
        (tmp_path / "data" / "cow" / kind).mkdir(parents=True)
    for i in range(4):
        write_rgb(tmp_path / "data" / "cow" / "RGB" / f"{i}.png", rng.integers(0, 256, (40, 60, 3), np.uint8))
        mask = np.zeros((40, 60), bool)
        mask[5:20, 5 + i : 30 + i] = True
        write_mask(tmp_path / "data" / "cow" / "GT" / f"{i}.png", mask)
    return tmp_path / "data"


def test_scores_speed_and_files(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_model(GSANet(variant("lite", channels=8, clusters=8, neighbours=4, size=64)), tmp_path / "tiny.safetensors")
    words = ("score", tmp_path / "tiny.safetensors", "--data", data, "--jobs", 1, "--precision", "float32")
    files = ("-o", tmp_path / "masks", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert gsanet(monkeypatch, *words, *files) == 0
    out = capsys.readouterr().out
    assert "cow" in out
    assert "4 frames segmented in" in out
    assert f"masks are in {tmp_path / 'masks'}" in out
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["name"] == "tiny"
    assert result["facts"]["frames_per_second"] > 0
    assert len(list((tmp_path / "masks" / "cow" / "masks").iterdir())) == 4
    assert "frames per second" in (tmp_path / "r.html").read_text()


def test_what_is_wrong_is_said_before_the_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gsanet(monkeypatch, "score", "lite", "--data", data, "--compare", data) == 1
    assert "--json file of another run" in capsys.readouterr().err
    assert gsanet(monkeypatch, "score", tmp_path / "none.safetensors", "--data", data) == 1
    assert "no weights" in capsys.readouterr().err


def test_its_old_name_works_and_tells_the_new_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gsanet(monkeypatch, "benchmark", tmp_path / "none.safetensors", "--data", data, "--workers", 1) == 1
    told, error = capsys.readouterr().err.splitlines()
    assert told == "gsanet: `gsanet benchmark` is called `gsanet score` now"
    assert "no weights" in error
    assert gsanet(monkeypatch, "benchmark", "--help") == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: gsanet score MODEL --data FOLDER") and said.err == f"{told}\n"
