"""``gsanet average`` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typed import gsanet

from gsanet.model import GSANet, SaliencyNet, variant
from gsanet.weights.checkpoint import load_model, load_saliency, read_header, save_model

SMALL = {
    "channels": 8,
    "detail_channels": 4,
    "clusters": 6,
    "neighbours": 3,
    "head_dim": 8,
    "backbone": "test_efficientnet",
}


def written(folder: Path, kind: type[GSANet] | type[SaliencyNet], count: int, **changes: object) -> list[Path]:
    """Files of *count* random models."""
    files = []
    for seed in range(count):
        torch.manual_seed(seed)
        files.append(folder / f"{kind.__name__}{seed}{len(changes)}.safetensors")
        save_model(kind(variant("lite", **{**SMALL, **changes})), files[-1])
    return files


@pytest.mark.parametrize("kind", [GSANet, SaliencyNet])
def test_every_tensor_is_the_mean(
    kind: type[GSANet] | type[SaliencyNet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, output = written(tmp_path, kind, 3), tmp_path / "new" / "mean.safetensors"
    assert gsanet(monkeypatch, "average", *files, "-o", output) == 0
    parts, mean = [load_file(file) for file in files], load_file(output)
    assert mean.keys() == parts[0].keys()
    for name, tensor in mean.items():
        assert tensor.dtype == (torch.float16 if kind is GSANet else torch.float32)
        wanted = sum(part[name].double() for part in parts) / 3
        torch.testing.assert_close(tensor.double(), wanted, atol=1e-3 if kind is GSANet else 1e-7, rtol=0)
    assert read_header(output)[2]["average_of"] == [str(file) for file in files]
    (load_model if kind is GSANet else load_saliency)(output)


def test_a_head_that_only_some_have_is_the_mean_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = written(tmp_path, GSANet, 1, edge_channels=0)
    files, output = [*without, *written(tmp_path, GSANet, 2)], tmp_path / "mean.safetensors"
    assert gsanet(monkeypatch, "average", *files, "-o", output) == 0
    parts, mean = [load_file(file) for file in files], load_file(output)
    assert mean.keys() == parts[1].keys() > parts[0].keys()
    for name, tensor in mean.items():
        have = [part[name].double() for part in parts if name in part]
        torch.testing.assert_close(tensor.double(), sum(have) / len(have), atol=1e-3, rtol=0)
    load_model(output)


def test_what_cannot_be_averaged_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def complaint(*words: object) -> str:
        assert gsanet(monkeypatch, "average", *words) == 1
        error = capsys.readouterr().err
        assert error.startswith("gsanet: ") and error.count("\n") == 1
        return error

    (video,), (stage1,), output = (
        written(tmp_path, GSANet, 1),
        written(tmp_path, SaliencyNet, 1),
        tmp_path / "m.safetensors",
    )
    (wide,) = written(tmp_path, GSANet, 1, channels=16)
    assert "of two files or more, got 1" in complaint(video, "-o", output)
    assert "holds another network than" in complaint(video, stage1, "-o", output)
    assert "holds another network than" in complaint(video, wide, "-o", output)
    assert "no such weights file" in complaint(video, tmp_path / "gone.safetensors", "-o", output)
    assert "ends in .safetensors" in complaint(video, video, "-o", tmp_path / "m.pth")
    (tmp_path / "file").touch()
    assert "cannot write" in complaint(video, video, "-o", tmp_path / "file" / "m.safetensors")
    assert not output.exists()
