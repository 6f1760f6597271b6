"""What is wrong with an export is one line, and nothing is left half-written."""

from __future__ import annotations

from collections.abc import Callable
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import torch

from gsanet.base.errors import GsanetError
from gsanet.export import exporter as writing
from gsanet.export.exporter import export_onnx
from gsanet.export.metadata import GraphInfo
from gsanet.model import GSANet
from gsanet.runtime.onnx_graphs import ExportedModel, Graph, exported_sizes, is_exported
from gsanet.runtime.onnx_network import cache_folder
from gsanet.segment import Segmenter
from tiny import TINY

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture
def small() -> Callable[..., None]:
    """Writes a graph that passes its input on, with metadata like ours."""

    def write(file: Path, metadata: str | None = None, weights: str = "w") -> None:
        value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "small", value[:1], value[1:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
        part, size = file.stem.split("_") if "_" in file.stem else ("step", "64x96")
        height, width = map(int, size.split("x"))
        own = GraphInfo(part, height, width, TINY, weights)  # type: ignore[arg-type]
        onnx.helper.set_model_props(model, {"gsanet": own.to_json() if metadata is None else metadata})
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, file)

    return write


def pair(small: Callable[..., None], folder: Path, size: str, weights: str = "w") -> None:
    for part in ("step", "references"):
        small(folder / f"{part}_{size}.onnx", weights=weights)


def test_a_folder_of_exports(small: Callable[..., None], tmp_path: Path) -> None:
    assert not is_exported(tmp_path) and exported_sizes(tmp_path / "none") == []
    pair(small, tmp_path, "64x96")
    pair(small, tmp_path, "64x128")
    small(tmp_path / "step_128x128.onnx")  # its other half is missing
    (tmp_path / "notes.txt").write_text("mine")
    assert is_exported(tmp_path) and exported_sizes(tmp_path) == [(64, 96), (64, 128)]
    model = ExportedModel(tmp_path / "references_64x128.onnx")
    assert model.config == TINY
    assert model.graphs((64, 128)) is model.graphs((64, 128))
    assert Graph(tmp_path / "step_64x96.onnx")(np.ones(1, np.float32))["y"].tolist() == [1.0]


def test_metadata_survives(small: Callable[..., None], tmp_path: Path) -> None:
    small(tmp_path / "step_64x96.onnx")
    info = Graph(tmp_path / "step_64x96.onnx").info
    assert GraphInfo.from_json(info.to_json()) == info and info.size == (64, 96)


def test_a_size_that_is_not_there_is_an_error_at_once(
    small: Callable[..., None], tmp_path: Path, tiny_frames: np.ndarray
) -> None:
    pair(small, tmp_path, "64x128")
    segmenter = Segmenter.from_pretrained(tmp_path)
    message = r"exported for pictures of 64x128 .* needs 64x96: add it with `gsanet export MODEL --size 64x96 -o "
    with pytest.raises(GsanetError, match=message):
        segmenter.stream(tiny_frames)


def test_files_that_are_not_ours(small: Callable[..., None], tmp_path: Path) -> None:
    small(tmp_path / "a.onnx", metadata="{}")
    (tmp_path / "b.onnx").write_bytes(b"not a graph")
    small(tmp_path / "c.onnx", metadata='{"format": "gsanet-onnx-9"}')
    for name, message in (
        ("a", r"a\.onnx: its format is None"),
        ("b", r"b\.onnx cannot be opened by ONNX Runtime"),
        ("c", r"format is 'gsanet-onnx-9', not 'gsanet-onnx-1'; it may need a newer gsanet"),
    ):
        with pytest.raises(GsanetError, match=message) as caught:
            Graph(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)
    with pytest.raises(GsanetError, match="holds no exported model"):
        Segmenter.from_pretrained(tmp_path / "a.onnx")
    with pytest.raises(GsanetError, match="holds no exported model"):
        Segmenter.from_pretrained(tmp_path / "gone.onnx")


def test_files_of_different_weights_are_no_model(small: Callable[..., None], tmp_path: Path) -> None:
    pair(small, tmp_path, "64x96")
    pair(small, tmp_path, "64x128", weights="others")
    model = ExportedModel(tmp_path)
    with pytest.raises(GsanetError, match="different weights"):
        for size in ((64, 96), (64, 128)):
            model.graphs(size)
    with pytest.raises(GsanetError, match=r"another model exported at 64x.*: choose another folder"):
        export_onnx(GSANet(TINY), tmp_path, (96, 96))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "onnx", "device": "cuda"}, "runs on the CPU: device 'cuda' needs the torch backend"),
        ({"backend": "onnx", "precision": "bfloat16"}, "computes in float32"),
        ({"backend": "tensorrt"}, "unknown backend 'tensorrt': choose one of auto, torch, onnx"),
    ],
)
def test_what_the_backend_cannot_do(tiny_model: GSANet, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(GsanetError, match=message):
        Segmenter(tiny_model, **arguments)  # type: ignore[arg-type]


def test_an_exported_model_does_not_run_in_torch(small: Callable[..., None], tmp_path: Path) -> None:
    pair(small, tmp_path, "64x96")
    with pytest.raises(GsanetError, match="holds an exported model, which the torch backend cannot run"):
        Segmenter.from_pretrained(tmp_path, runtime="torch")


@pytest.mark.parametrize(
    ("package", "what"), [("onnxruntime", "running"), ("onnxscript", "exporting needs onnxscript")]
)
def test_missing_packages(tiny_model: GSANet, monkeypatch: pytest.MonkeyPatch, package: str, what: str) -> None:
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(GsanetError, match=what + r".*run `pip install 'gsanet\[onnx\]'`"):
        Segmenter(tiny_model, runtime="onnx") if package == "onnxruntime" else export_onnx(tiny_model, Path(), (64, 96))


def test_what_cannot_be_exported(tiny_model: GSANet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    for size in ((64, 100), (32, 96)):
        with pytest.raises(GsanetError, match="multiples of 32, at least 64"):
            export_onnx(tiny_model, tmp_path, size)
    with pytest.raises(GsanetError, match="without slot attention"):
        export_onnx(GSANet(replace(TINY, slot_attention=False)), tmp_path, (64, 96))

    def fails(*arguments: object, **options: object) -> None:
        raise RuntimeError("no such operator\nand a page of advice")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(GsanetError, match=r"cannot export this model \(RuntimeError: no such operator\)$"):
        export_onnx(tiny_model, tmp_path, (64, 96))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tiny_model: GSANet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(graph: object, info: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write", write)
    with pytest.raises(GsanetError, match=r"cannot write the exported model to .*: No space left on device"):
        export_onnx(tiny_model, tmp_path / "out", (64, 96))
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GsanetError, match="cannot write the exported model"):
        export_onnx(tiny_model, tmp_path / "file", (64, 96))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSANET_CACHE", "/a")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("GSANET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder() == Path("/b/gsanet")
