"""The exported graphs compute what the model does, in ONNX Runtime alone and in the engine."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from gsanet import Segmenter, open_clip, sample_clip
from gsanet.export import exporter as writing
from gsanet.export.exporter import export_onnx
from gsanet.export.metadata import Facts, fingerprint
from gsanet.model import GSANet
from gsanet.runtime.onnx_graphs import ExportedModel, Graphs
from tiny import moving_square

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytestmark = pytest.mark.slow

CLOSE = 1e-4
"""Largest difference of a probability or slot map; measured 3e-6. A wrong neighbour or cluster costs more."""


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Smallest IoU of two clips' masks; two empty masks agree."""
    union = (one | other).sum((1, 2))
    return float(np.where(union, (one & other).sum((1, 2)) / np.maximum(union, 1), 1.0).min())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_same_outputs_with_any_number_of_references(exported: Path, tiny_model: GSANet, count: int) -> None:
    graphs = Graphs(exported, (64, 96))
    pictures = moving_square(count + 1, 64, 96, seed=count)
    flows = 255 - pictures
    features = graphs.references(pictures[1:], flows[1:])
    rgb, flow = (tiny_model.normalise(torch.from_numpy(p).permute(0, 3, 1, 2)) for p in (pictures, flows))
    with torch.no_grad():
        references = tiny_model.encode_references(rgb[None, 1:], flow[None, 1:])
        output = tiny_model(rgb[:1], flow[:1], references)
    for name, wanted in (("references_rgb", references.rgb), ("references_flow", references.flow)):
        assert features[name].shape == (1, count, 8, 8)
        np.testing.assert_allclose(features[name], wanted, rtol=1e-4, atol=CLOSE)
    found = graphs.step(pictures[:1], flows[:1], *features.values())
    wanted = {"probability": output.logits.sigmoid()} | output.slot_maps()
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value[:, 0], atol=CLOSE, err_msg=name)
    assert found["probability"].std() > 0.01


def test_the_files_say_what_they_are_and_nothing_of_this_machine(exported: Path, tiny_model: GSANet) -> None:
    files = sorted(exported.iterdir())
    assert [file.name for file in files] == ["references_64x96.onnx", "step_64x96.onnx"]
    for file in files:
        model = onnx.load(file)
        onnx.checker.check_model(model)
        (entry,) = model.metadata_props
        facts = json.loads(entry.value)
        assert entry.key == "gsanet" and facts["format"] == "gsanet-onnx-1"
        assert (facts["height"], facts["width"], facts["references"], facts["model"]) == (64, 96, 3, "tiny")
        assert facts["licence"] == "CC0" and facts["mean"] == list(tiny_model.config.mean)
        assert facts["weights"] == fingerprint(tiny_model)
        assert str(Path(writing.__file__).parents[2]).encode() not in file.read_bytes()
        weights = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
        assert onnx.TensorProto.FLOAT in weights and onnx.TensorProto.DOUBLE not in weights


@pytest.mark.parametrize("options", [{}, {"quality": "best"}, {"online": True}, {"flow": "none"}])
def test_the_engine_gives_the_same_masks(
    exported: Path, tiny_model: GSANet, tiny_frames: np.ndarray, options: dict[str, object]
) -> None:
    torch_masks = Segmenter(tiny_model, precision="float32", **options).segment(tiny_frames)  # type: ignore[arg-type]
    segmenter = Segmenter.from_pretrained(exported, **{"quality": "fast", **options})  # type: ignore[arg-type]
    assert (segmenter.runtime.name, segmenter.runtime.precision) == ("onnx", "float32")
    masks = segmenter.segment(tiny_frames)
    assert 0.05 < masks.mean() < 0.95
    assert overlap(torch_masks, masks) >= 0.995


def test_slot_maps_and_a_short_clip(exported: Path, tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    segmenters = [Segmenter(tiny_model, precision="float32"), Segmenter(ExportedModel(exported / "step_64x96.onnx"))]
    one, other = (list(segmenter.stream(tiny_frames[:2], slots=True)) for segmenter in segmenters)
    assert len(other) == 2 and sorted(one[0].slots) == sorted(other[0].slots)
    for name, values in other[1].slots.items():
        np.testing.assert_allclose(values, one[1].slots[name], atol=CLOSE, err_msg=name)


def test_weights_are_exported_once_into_the_cache(
    tiny_model: GSANet,
    exported: Path,
    tiny_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("GSANET_CACHE", str(tmp_path))
    exports = []

    def export(model: GSANet, folder: Path, size: tuple[int, int], *, facts: Facts) -> None:
        exports.append(size)
        folder.mkdir(parents=True)
        for file in exported.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr("gsanet.runtime.onnx_network.export_onnx", export)
    for _ in range(2):
        segmenter = Segmenter(tiny_model, runtime="onnx", name="tiny.safetensors")
        assert segmenter.segment(tiny_frames[:2]).shape == (2, 64, 96)
    assert exports == [(64, 96)]
    lines = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 1 and lines[0].startswith("exporting tiny.safetensors to ONNX for 64x96 pictures, once, into")
    (folder,) = (tmp_path / "onnx").iterdir()
    assert folder.name.startswith(fingerprint(tiny_model))


def test_a_file_that_computes_something_else_is_not_kept(
    tiny_model: GSANet, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the exporter had mixed up the two streams."""

    def wrong(graph: object, info: object, file: Path) -> None:
        model = onnx.load(exported / f"{info.part}_64x96.onnx")  # type: ignore[attr-defined]
        swap = {"rgb": "flow", "flow": "rgb"}
        for node in model.graph.node:
            node.input[:] = [swap.get(name, name) for name in node.input]
        onnx.save(model, file)

    monkeypatch.setattr(writing, "_write", wrong)
    with pytest.raises(writing.GsanetError, match=r"step_64x96.onnx does not compute what PyTorch does .*not kept"):
        export_onnx(tiny_model, tmp_path / "out", (64, 96))
    assert not list((tmp_path / "out").iterdir())


def test_the_light_model_on_the_bundled_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSANET_CACHE", str(tmp_path))
    frames = np.stack([frame.image for frame in open_clip(sample_clip()).frames_at(range(0, 125, 25))])
    masks = [Segmenter.from_pretrained(precision="float32", runtime=name).segment(frames) for name in ("torch", "onnx")]
    assert 0.01 < masks[0].mean() < 0.9
    assert overlap(masks[0], masks[1]) >= 0.995
