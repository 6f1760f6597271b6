"""``gsanet export`` as it is typed."""

from __future__ import annotations

import re
from pathlib import Path


def test_mistakes_are_one_line(gsanet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for words, message in (
        (("lite", "--format", "tflite"), "--format is onnx, not 'tflite'"),
        ((tmp_path / "gone.safetensors",), "no weights .*gone.*"),
    ):
        code, out, err = gsanet("export", *words, "-o", tmp_path / "out")
        assert (code, out) == (1, "")
        assert re.fullmatch(rf"gsanet: {message}\n", err), err
        assert not (tmp_path / "out").exists()


def test_the_file_may_be_named(gsanet, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / "models" / "mine.onnx"
    code, out, err = gsanet("export", "lite", "-o", place)
    assert code == 0 and out.startswith(f"{place}: ") and place.is_file(), err


def test_the_packages_own_model_then_segment(gsanet, tiny_clip: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = gsanet("export", "-o", tmp_path / "exported")
    assert code == 0, err
    place = tmp_path / "exported" / "lite.onnx"
    assert re.fullmatch(rf"{re.escape(str(place))}: [\d.]+ MB\n", out) and place.is_file()
    words = ("segment", tiny_clip, "-o", tmp_path / "out", "--save", "masks", "--size", 96)
    code, _, err = gsanet(*words, "--model", place)
    assert code == 0, err
    assert '"runtime": "onnx"' in (tmp_path / "out" / "tiny" / "summary.json").read_text()
    code, _, err = gsanet(*words, "--model", place, "--overwrite", "--runtime", "torch")
    assert code == 1 and re.fullmatch(r"gsanet: .*lite\.onnx is an exported model, .*\n", err)
