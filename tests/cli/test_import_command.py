"""``gsanet import`` and ``gsanet info`` as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typed import gsanet

from gsanet.model import SaliencyNet
from gsanet.model.config import VARIANTS, GSANetConfig
from gsanet.weights.checkpoint import load_saliency, read_header
from gsanet.weights.published_names import published_names


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small pretraining checkpoint in the published names."""
    state = {}
    for name, tensor in SaliencyNet(GSANetConfig("mit_b0", channels=8)).state_dict().items():
        names = published_names(name)
        state |= {
            n: t.clone() for n, t in zip(names, tensor.chunk(len(names)) if tensor.dim() else [tensor], strict=True)
        }
    state["rgb_encoder.classifier.bias"] = torch.zeros(2)
    torch.save({"epoch": 1, "model_state_dict": state}, tmp_path / "best.pth")
    return tmp_path / "best.pth"


def test_import_writes_our_file_and_lists_what_is_left(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "model.safetensors"
    assert gsanet(monkeypatch, "import", checkpoint, "-o", output) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{output}: pretraining model, mit_b0, ")
    assert lines[0].endswith(" tensors taken, 1 unused")
    assert lines[1:] == ["  unused: rgb_encoder.classifier.bias"]
    kind, config, info = read_header(output)
    assert (kind, config.backbone, config.channels) == ("saliency", "mit_b0", 8)
    assert info["imported_from"] == "best.pth"
    assert info["unused"] == ["rgb_encoder.classifier.bias"]
    assert load_saliency(output).config == config


def test_import_says_what_is_wrong_in_one_line(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def complaint(*words: object) -> str:
        assert gsanet(monkeypatch, "import", *words) == 1
        error = capsys.readouterr().err
        assert error.startswith("gsanet: ")
        assert error.count("\n") == 1
        return error

    output = tmp_path / "model.safetensors"
    assert "no such file of weights" in complaint(tmp_path / "gone.pth", "-o", output)
    assert "give it a name that ends in .safetensors" in complaint(checkpoint, "-o", tmp_path / "model.pth")
    (tmp_path / "text.pth").write_text("hello")
    assert "text.pth" in complaint(tmp_path / "text.pth", "-o", output)
    (tmp_path / "file").touch()
    assert "cannot write" in complaint(checkpoint, "-o", tmp_path / "file" / "model.safetensors")
    assert not output.exists()


@pytest.mark.slow
def test_info_prints_a_line_for_each_variant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gsanet(monkeypatch, "info") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.split() and line.split()[0] in VARIANTS}
    assert list(rows) == list(VARIANTS)
    assert rows["lite"].split()[3:5] == ["10.4", "M"]
    assert rows["mit_b2"].split()[2:5] == ["512x512", "60.7", "M"]
    assert "60 frames" in lines[-1]
