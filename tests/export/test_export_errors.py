"""What is wrong with an export is one line, and nothing is left half-written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from gsanet.base.errors import GsanetError
from gsanet.export.exporter import export_onnx
from gsanet.export.frame_network import FrameNetwork
from gsanet.export.graph_info import GraphInfo
from gsanet.export.packaged_graphs import packaged_graph
from gsanet.export.tracing import trace_graph
from gsanet.export.weight_arrays import read_arrays
from gsanet.model import GSANet
from gsanet.runtime.opening import open_pretrained
from gsanet.segment import Segmenter
from gsanet.weights.checkpoint import load_model
from gsanet.weights.packaged import find_weights
from tiny import TINY

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture
def small() -> Callable[..., Path]:
    """Writes a graph that passes its input on, with metadata like ours."""

    def write(file: Path, metadata: str | None = None) -> Path:
        value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "small", value[:1], value[1:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
        onnx.helper.set_model_props(model, {"gsanet": GraphInfo(TINY).to_json() if metadata is None else metadata})
        onnx.save(model, file)
        return file

    return write


def test_files_that_are_not_ours(small: Callable[..., Path], tmp_path: Path) -> None:
    small(tmp_path / "a.onnx", metadata="{}")
    (tmp_path / "b.onnx").write_bytes(b"not a graph")
    small(tmp_path / "c.onnx", metadata='{"format": "gsanet-onnx-9"}')
    for name, message in (
        ("a", r"a\.onnx: its format is None"),
        ("b", r"b\.onnx cannot be opened by ONNX Runtime"),
        ("c", r"format is 'gsanet-onnx-9', not 'gsanet-onnx-2'; it may need a newer gsanet"),
        ("gone", r"gone\.onnx cannot be read: No such file"),
    ):
        with pytest.raises(GsanetError, match=message) as caught:
            Segmenter.from_pretrained(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)


def test_checkpoints_that_do_not_run_without_torch(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"of another structure .*`gsanet export .*tiny.safetensors -o FOLDER`"):
        FrameNetwork.open(tiny_weights)
    with pytest.raises(GsanetError, match="no such weights file"):
        FrameNetwork.open(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_text("text")
    with pytest.raises(GsanetError, match="is not a safetensors file"):
        FrameNetwork.open(tmp_path / "text.safetensors")
    save_file({"x": np.ones(1, np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(GsanetError, match="was not written by gsanet"):
        FrameNetwork.open(tmp_path / "x.safetensors")


def test_a_checkpoint_that_lacks_a_tensor() -> None:
    with find_weights("lite") as file:
        config, tensors = read_arrays(file)
    graph = packaged_graph(config)
    assert graph is not None
    del tensors["decoder.narrow.bias"]
    with pytest.raises(GsanetError, match=r"mine does not fit its graph: it lacks decoder.narrow.bias"):
        FrameNetwork(graph, tensors, name="mine")


def test_pictures_that_do_not_fit() -> None:
    with find_weights("lite") as file:
        network = FrameNetwork.open(file)
    for shapes in (((64, 100, 3),) * 2, ((32, 96, 3),) * 2, ((64, 96),) * 2, ((64, 96, 3), (96, 64, 3))):
        rgb, flow = (np.zeros(shape, np.uint8) for shape in shapes)
        with pytest.raises(GsanetError, match="of one size, sides multiples of 32 from 64 on; got"):
            network.step(rgb, flow)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runtime": "onnx", "device": "cuda"}, "used on the CPU: device 'cuda' needs the runtime torch"),
        ({"runtime": "onnx", "precision": "bfloat16"}, "computes in float32"),
        ({"runtime": "tensorrt"}, "unknown runtime 'tensorrt': choose one of auto, torch, onnx"),
    ],
)
def test_what_the_runtime_cannot_do(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        Segmenter.from_pretrained("lite", **arguments)  # type: ignore[arg-type]


def test_an_exported_model_does_not_run_in_torch(small: Callable[..., Path], tmp_path: Path) -> None:
    file = small(tmp_path / "small.onnx")
    with pytest.raises(GsanetError, match=r"small.onnx is an exported model, which PyTorch cannot run"):
        Segmenter.from_pretrained(file, runtime="torch")


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == package else find(name))


def test_tracing_needs_an_extra(tiny_model: GSANet, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnxscript")
    with pytest.raises(GsanetError, match=r"exporting needs onnxscript.*run `pip install 'gsanet\[export\]'`"):
        trace_graph(tiny_model)


def test_what_needs_torch_says_so(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "torch")
    assert open_pretrained("lite").name == "onnx"
    for arguments, message in (
        (("lite", "torch"), "the runtime torch needs PyTorch"),
        ((tiny_weights,), r"tiny\.safetensors is not built like the model of the package"),
        (("lite", "auto", "cuda"), "used on the CPU: device 'cuda' needs the runtime torch"),
    ):
        with pytest.raises(GsanetError, match=message):
            open_pretrained(*arguments)  # type: ignore[arg-type]


def test_what_cannot_be_exported(tiny_model: GSANet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GsanetError, match="without slot attention"):
        export_onnx(GSANet(replace(TINY, slot_attention=False)), tmp_path / "out.onnx")

    def fails(*arguments: object, **options: object) -> None:
        raise RuntimeError("no such operator\nand a page of advice")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(GsanetError, match=r"cannot export this model \(RuntimeError: no such operator\)$"):
        export_onnx(tiny_model, tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(file: Path, data: bytes) -> None:
        with file.open("wb") as stream:
            stream.write(b"half")
        raise OSError(28, "No space left on device")

    with find_weights("lite") as file:
        model = load_model(file)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        with pytest.raises(GsanetError, match=r"cannot write .*lite\.onnx: No space left on device"):
            export_onnx(model, tmp_path / "out" / "lite.onnx")
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GsanetError, match="cannot write"):
        export_onnx(model, tmp_path / "file" / "lite.onnx")
