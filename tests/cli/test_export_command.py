"""``gsanet export`` as it is typed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gsanet.model import GSANet
from gsanet.weights.checkpoint import save_model
from tiny import TINY

pytest.importorskip("onnxscript", reason="the extra onnx is not installed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "256"], "--size must be height x width, such as 224x384; got '256'"),
        (["--size", "250x448"], "multiples of 32, at least 64; got 250x448"),
        (["--format", "tflite"], "--format is onnx, not 'tflite'"),
    ],
)
def test_mistakes_are_one_line(gsanet, tiny_weights: Path, tmp_path: Path, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("export", tiny_weights, "-o", tmp_path / "out", *arguments)
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"gsanet: .*{message}.*\n", err), err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_export_then_segment(gsanet, tiny_clip: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    folder, weights = tmp_path / "exported", tmp_path / "small.safetensors"
    # Fewer iterations make a smaller graph, which is exported sooner.
    save_model(GSANet(replace(TINY, kmeans_iterations=1, iterations=1)), weights)
    # The tiny clip is 3:2, and rounded to 32 pixels that is the model's own size for 16:9 as well.
    code, out, err = gsanet("export", weights, "-o", folder)
    assert code == 0, err
    names = ["step_64x96.onnx", "references_64x96.onnx"]
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == names
    assert all(line.endswith("MB, same as PyTorch") for line in out.splitlines())
    assert sorted(file.name for file in folder.iterdir()) == sorted(names)
    code, out, err = gsanet("segment", tiny_clip, "-o", tmp_path / "out", "--model", folder, "--save", "masks")
    assert code == 0, err
    assert '"runtime": "onnx"' in (tmp_path / "out" / "tiny" / "summary.json").read_text()
    code, _, err = gsanet("segment", tiny_clip, "-o", tmp_path / "b", "--model", folder, "--size", 128)
    assert code == 1 and "was exported for pictures of 64x96" in err and not (tmp_path / "b" / "tiny").exists()
