"""Weights by name, by file, from the hub; and the sample."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import numpy as np
import pytest

from gsanet import Segmenter, open_clip, sample_clip
from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.weights import packaged


def test_weights_in_a_file(tiny_weights: Path, tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    loaded = Segmenter.from_pretrained(tiny_weights, quality="fast", precision="float32", flow="none")
    assert loaded.name == str(tiny_weights) and loaded.options.flow == "none"
    same = Segmenter(tiny_model, precision="float32", flow="none")
    np.testing.assert_array_equal(loaded.segment(tiny_frames[:3]), same.segment(tiny_frames[:3]))


def test_weights_inside_the_package(tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "small.safetensors").write_bytes(tiny_weights.read_bytes())
    monkeypatch.setattr(packaged.resources, "files", lambda package: tmp_path)
    assert packaged.packaged_weights() == ["small"]
    assert Segmenter.from_pretrained("small").name == "small"
    with pytest.raises(GsanetError, match=r"no weights 'large': neither a file nor one of the package's own \(small\)"):
        Segmenter.from_pretrained("large")


def test_weights_on_the_hub(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(tiny_weights)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert Segmenter.from_pretrained("someone/model").name == "someone/model"
    assert asked == [("someone/model", "model.safetensors")]

    def unreachable(repository: str, file: str) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(GsanetError, match=r"no weights 'someone/model'.*no connection"):
        Segmenter.from_pretrained("someone/model")


@pytest.mark.parametrize("name", ["gone.safetensors", "some/folder/gone.safetensors", "a/b/c", "../x"])
def test_a_missing_file_is_not_looked_for_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_: pytest.fail("asked the hub"))
    with pytest.raises(GsanetError, match="no weights"):
        Segmenter.from_pretrained(name)


def test_the_sample() -> None:
    path = sample_clip()
    assert path.stat().st_size < 500_000
    clip = open_clip(path)
    assert (clip.width, clip.height, clip.length, clip.fps, clip.name) == (640, 360, 125, 25, "bunny")
    attribution = path.with_name("ATTRIBUTION.md").read_text()
    for words in ("Blender Foundation", "peach.blender.org", "Creative Commons Attribution 3.0", "bunny.mp4"):
        assert words in attribution
