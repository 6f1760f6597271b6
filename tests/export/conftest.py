"""Fixtures of the export's tests: the tiny model's graph, traced once, for that takes half a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsanet.export import tracing
from gsanet.export.exporter import export_onnx
from gsanet.export.graph_info import Facts
from gsanet.export.tracing import trace_graph
from gsanet.model import GSANet


@pytest.fixture(scope="session")
def tiny_graph(tiny_model: GSANet) -> bytes:
    """The tiny model's graph, without its weights."""
    return trace_graph(tiny_model)


@pytest.fixture(scope="session")
def exported(tiny_model: GSANet, tiny_graph: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as one file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "trace_graph", lambda model: tiny_graph)
        return export_onnx(tiny_model, tmp_path_factory.mktemp("exported") / "tiny.onnx", facts=Facts("tiny", "CC0"))
