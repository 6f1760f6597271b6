"""The exported graph computes what the model does, at any size, in ONNX Runtime alone and in the engine."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsanet.base.errors import GsanetError
from gsanet.export import tracing
from gsanet.export.exporter import export_onnx
from gsanet.export.frame_network import Features, FrameNetwork
from gsanet.export.graph_file import read_metadata
from gsanet.export.graph_info import GraphInfo
from gsanet.export.quantise import quantise
from gsanet.export.tracing import arrays_of
from gsanet.export.weight_arrays import fingerprint
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.runtime.onnx_network import OnnxNetwork
from gsanet.segment import Segmenter
from tiny import TINY, moving_square

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytestmark = pytest.mark.slow

CLOSE = 1e-4
"""Largest difference of a probability or slot map; measured 3e-6. A wrong neighbour or cluster costs more."""


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Smallest IoU of two clips' masks; two empty masks agree."""
    union = (one | other).sum((1, 2))
    return float(np.where(union, (one & other).sum((1, 2)) / np.maximum(union, 1), 1.0).min())


def by_torch(
    model: GSANet, pictures: np.ndarray, flows: np.ndarray
) -> tuple[ReferenceFeatures, dict[str, torch.Tensor]]:
    """The first picture with the others for references; alone it is its own."""
    rgb, flow = (model.normalise(torch.from_numpy(p).permute(0, 3, 1, 2)) for p in (pictures, flows))
    first = 1 if len(pictures) > 1 else 0
    with torch.no_grad():
        references = model.encode_references(rgb[None, first:], flow[None, first:])
        output = model(rgb[:1], flow[:1], references)
    return references, {"probability": output.logits.sigmoid()} | output.slot_maps()


@pytest.mark.parametrize("size", [(64, 96), (128, 64), (64, 64), (160, 224)])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_same_outputs_at_any_size_with_any_number_of_references(
    exported: Path, tiny_model: GSANet, size: tuple[int, int], count: int
) -> None:
    network = FrameNetwork.open(exported)
    pictures = moving_square(count + 1, *size, seed=count)
    flows = 255 - pictures
    wanted_features, wanted = by_torch(tiny_model, pictures, flows)
    features = network.references(pictures[1:], flows[1:]) if count else None
    if features is not None:
        assert features.rgb.shape == (1, count, 8, 8)
        np.testing.assert_allclose(features.rgb, wanted_features.rgb, rtol=1e-4, atol=CLOSE)
        np.testing.assert_allclose(features.flow, wanted_features.flow, rtol=1e-4, atol=CLOSE)
    found = network.step(pictures[0], flows[0], features)
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value[0, 0], atol=CLOSE, err_msg=name)
    assert found["probability"].std() > 0.01


def test_other_weights_run_in_the_same_graph(tiny_graph: bytes) -> None:
    torch.manual_seed(1)
    other = GSANet(replace(TINY, references=1, size=64)).eval()
    pictures = moving_square(1, 64, 96)
    _, wanted = by_torch(other, pictures, 255 - pictures)
    # Untrained it answers nearly the same everywhere; the logit tells more.
    found = FrameNetwork(tiny_graph, arrays_of(other)).step(pictures[0], 255 - pictures[0], slots=False)
    assert list(found) == ["probability"]
    np.testing.assert_allclose(found["probability"], wanted["probability"][0, 0], atol=CLOSE)


def test_the_file_says_what_it_is_and_nothing_of_this_machine(exported: Path, tiny_model: GSANet) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    (entry,) = model.metadata_props
    facts = json.loads(entry.value)
    assert entry.key == "gsanet" and facts["format"] == "gsanet-onnx-2" and facts["weights"] is None
    assert (facts["references"], facts["model"], facts["licence"]) == (3, "tiny", "CC0")
    assert facts["mean"] == list(tiny_model.config.mean)
    assert str(Path(tracing.__file__).parents[2]).encode() not in exported.read_bytes()
    sides = [[side.dim_param or side.dim_value for side in one.type.tensor_type.shape.dim] for one in model.graph.input]
    assert sides == [[1, "height", "width", 3]] * 2 + [[1, "references", 8, 8]] * 2
    types = {tensor.data_type for tensor in model.graph.initializer}
    assert onnx.TensorProto.DOUBLE not in types
    # Folded norms are gone, and so is whatever pads by size.
    assert not {"BatchNormalization", "Identity", "If", "Loop"} & {node.op_type for node in model.graph.node}


def test_the_graph_alone_is_small_and_no_model(tiny_graph: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tiny.graph.onnx"
    file.write_bytes(tiny_graph)
    with pytest.raises(GsanetError, match=r"tiny.graph.onnx is a graph without weights"):
        FrameNetwork.open(file)
    plan = json.loads(read_metadata(tiny_graph)["gsanet"])["weights"]
    assert "decoder.heads.0.weight" in plan["taken"] and "rgb.fusion.0.shortcut.0" in plan["folded"]


@pytest.mark.parametrize("options", [{}, {"quality": "best"}, {"online": True}, {"flow": "none"}])
def test_the_engine_gives_the_same_masks(
    exported: Path, tiny_model: GSANet, tiny_frames: np.ndarray, options: dict[str, object]
) -> None:
    options = {"quality": "fast", **options}
    torch_masks = Segmenter(tiny_model, precision="float32", **options).segment(tiny_frames)  # type: ignore[arg-type]
    segmenter = Segmenter.from_pretrained(exported, **options)  # type: ignore[arg-type]
    assert (segmenter.runtime.name, segmenter.runtime.precision) == ("onnx", "float32")
    masks = segmenter.segment(tiny_frames)
    assert 0.05 < masks.mean() < 0.95
    assert overlap(torch_masks, masks) >= 0.995


def test_slot_maps_and_a_short_clip(exported: Path, tiny_model: GSANet, tiny_frames: np.ndarray) -> None:
    segmenters = [Segmenter(tiny_model, precision="float32"), Segmenter(OnnxNetwork(FrameNetwork.open(exported)))]
    one, other = (list(segmenter.stream(tiny_frames[:2], slots=True)) for segmenter in segmenters)
    assert len(other) == 2 and sorted(one[0].slots) == sorted(other[0].slots)
    for name, values in other[1].slots.items():
        np.testing.assert_allclose(values, one[1].slots[name], atol=CLOSE, err_msg=name)


def test_a_graph_is_traced_once_into_the_cache(
    tiny_weights: Path,
    tiny_graph: bytes,
    tiny_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("GSANET_CACHE", str(tmp_path))
    traced = []
    monkeypatch.setattr(tracing, "trace_graph", lambda model: traced.append(model) or tiny_graph)
    for frames in (tiny_frames[:2], tiny_frames[:2, :, :64]):  # another size needs no other graph
        segmenter = Segmenter.from_pretrained(tiny_weights, runtime="onnx")
        assert segmenter.segment(frames).shape == frames.shape[:3]
    assert len(traced) == 1
    lines = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 1 and lines[0].startswith("exporting tiny.safetensors to ONNX, once, into")
    (file,) = (tmp_path / "onnx").iterdir()
    assert file.suffix == ".onnx"


def test_a_graph_that_computes_something_else_is_not_kept(
    tiny_model: GSANet, tiny_graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the exporter had mixed up the two streams."""

    def wrong(graph: object, checkpoint: object) -> tuple[bytes, object]:
        model = onnx.load_from_string(tiny_graph)
        swap = {"rgb": "flow", "flow": "rgb"}
        for node in model.graph.node:
            node.input[:] = [swap.get(name, name) for name in node.input]
        info = GraphInfo.from_json(read_metadata(tiny_graph)["gsanet"])
        return model.SerializeToString(), info.plan

    monkeypatch.setattr(tracing, "trace", wrong)
    with pytest.raises(GsanetError, match=r"does not compute what PyTorch does .*not kept"):
        export_onnx(tiny_model, tmp_path / "out" / "tiny.onnx")
    assert not (tmp_path / "out").exists()


def test_one_session_serves_several_threads(exported: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    network = FrameNetwork.open(exported)
    pictures = moving_square(8, 64, 96)
    features = Features.join([network.references(pictures[:2], 255 - pictures[:2])] * 2)
    alone = [network.step(one, 255 - one, features)["probability"] for one in pictures]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda one: network.step(one, 255 - one, features)["probability"], pictures))
    np.testing.assert_array_equal(alone, together)


def test_quantised_for_its_own_weights(tiny_graph: bytes, tiny_model: GSANet) -> None:
    tensors = arrays_of(tiny_model)
    pictures = moving_square(12, 64, 96)
    quantised = quantise(tiny_graph, tensors, ((one, 255 - one) for one in pictures))
    info = GraphInfo.from_json(read_metadata(quantised)["gsanet"])
    assert (info.precision, info.calibrated) == ("int8", fingerprint(tensors))
    assert len(quantised) < 2 * len(tiny_graph)
    kinds = {node.op_type for node in onnx.load_from_string(quantised).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    networks = [FrameNetwork(graph, tensors) for graph in (tiny_graph, quantised)]
    found = [[n.step(one, 255 - one)["probability"] for one in pictures[::4]] for n in networks]
    # A tiny network has few channels to average errors over.
    assert 1e-4 < np.abs(np.subtract(*found)).mean() < 0.1


def test_a_fingerprint_is_of_the_weights_alone(tiny_model: GSANet) -> None:
    tensors = arrays_of(tiny_model)
    halves = {name: tensor.astype(np.float16) for name, tensor in reversed(tensors.items())}
    assert fingerprint(halves) == fingerprint(tensors)
    assert fingerprint({**tensors, "decoder.heads.0.bias": np.ones(1, np.float32)}) != fingerprint(tensors)
