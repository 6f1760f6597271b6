"""ONNX files taken apart and put together without the onnx package, against the onnx package."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gsanet.export.frame_graph import FrameGraph
from gsanet.export.graph_file import read_metadata, with_weights
from gsanet.export.graph_info import Facts, GraphInfo, WeightPlan, same_network
from gsanet.export.tracing import arrays_of
from gsanet.export.weight_arrays import initialisers
from gsanet.model import GSANet
from tiny import TINY


def test_what_onnx_writes_is_read_and_what_is_written_onnx_reads() -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 300]) for name in ("x", "y")]
    nodes = [onnx.helper.make_node("Mul", ["x", "w"], ["z"]), onnx.helper.make_node("Add", ["z", "b"], ["y"])]
    inside = onnx.numpy_helper.from_array(np.float32(3), "b")
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "small", value[:1], value[1:], [inside]))
    onnx.helper.set_model_props(model, {"gsanet": "é" * 200, "other": ""})
    data = model.SerializeToString()
    assert read_metadata(data) == {"gsanet": "é" * 200, "other": ""}

    weight = np.arange(600, dtype=np.float32).reshape(300, 2).T
    whole = with_weights(data, [("w", weight), ("scalar", np.float32(7))], {"new": "entry"})  # type: ignore[list-item]
    assert read_metadata(whole) == {"new": "entry"}
    read = onnx.load_from_string(whole)
    onnx.checker.check_model(read)
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in read.graph.initializer}
    assert list(found) == ["b", "w", "scalar"] and found["scalar"].shape == ()
    np.testing.assert_array_equal(found["w"], weight)
    read.graph.ClearField("initializer"), model.graph.ClearField("initializer")
    assert read.graph == model.graph


@pytest.mark.parametrize("data", [b"not a graph", b"\x3a\xff\x01short", b"\x80" * 20, b"\x0b"])
def test_what_is_no_such_file_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is not an ONNX file"):
        read_metadata(data)


def test_metadata_survives() -> None:
    for plan in (None, WeightPlan(("a", "b.T"), {"conv": ("norm", 1e-5)})):
        info = GraphInfo(TINY, plan, Facts("tiny", "CC0"), {"gsanet": "1"})
        assert GraphInfo.from_json(info.to_json()) == info
    assert same_network(TINY, TINY) and not same_network(TINY, GSANet().config)


def test_norms_are_folded_as_the_exporter_folds_them(tiny_model: GSANet) -> None:
    graph = FrameGraph(tiny_model)
    assert len(graph.folded) > 20
    tensors = arrays_of(tiny_model)
    folded = dict(initialisers(WeightPlan(("decoder.heads.0.bias",), graph.folded), tensors))
    for conv in graph.folded:
        module = graph.model.get_submodule(conv)
        for kind in ("weight", "bias"):
            wanted = module.get_parameter(kind).detach()
            np.testing.assert_allclose(folded[f"{conv}.{kind}"], wanted, rtol=1e-5, atol=1e-6)
    assert folded["decoder.heads.0.bias"].dtype == np.float32
    turned = dict(initialisers(WeightPlan(("rgb_slots.attention.pool.project.weight.T",)), tensors))
    (value,) = turned.values()
    np.testing.assert_array_equal(value, tensors["rgb_slots.attention.pool.project.weight"].T)


def test_the_model_itself_is_left_alone(tiny_model: GSANet) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_model.state_dict().items()}
    FrameGraph(tiny_model)
    after = tiny_model.state_dict()
    assert list(before) == list(after) and all(torch.equal(before[name], after[name]) for name in before)
