"""A whole model as one ONNX file: a graph, from the package or traced, with the model's weights in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from gsanet.base.atomic import written_whole
from gsanet.export.graph_file import read_metadata, with_weights
from gsanet.export.graph_info import KEY, Facts, GraphInfo
from gsanet.export.packaged_graphs import packaged_graph
from gsanet.export.weight_arrays import initialisers, read_arrays
from gsanet.model.config import GSANetConfig

if TYPE_CHECKING:
    from gsanet.model import GSANet


def export_weights(weights: Path, file: Path, facts: Facts | None = None) -> Path:
    """Write the video model in *weights* as one ONNX file for pictures of any size and any number of references.

    Args:
        weights: a file of ours, or a checkpoint of the published code.
        facts: go into the file's metadata.

    Raises:
        GsanetError: *weights* hold no video model; or as :func:`export_onnx`.
    """
    if weights.suffix == ".safetensors":
        config, tensors = read_arrays(weights)
        graph = packaged_graph(config)
        if graph is not None:
            return _write(graph, config, tensors, file, facts)
    # Imported here: tracing needs torch, a graph that is there already does not.
    from gsanet.weights.checkpoint import load_model

    return export_onnx(load_model(weights), file, facts)


def export_onnx(model: GSANet, file: Path, facts: Facts | None = None) -> Path:
    """:func:`export_weights` of a model in memory, in float32 on the CPU.

    Raises:
        GsanetError: as :func:`gsanet.export.tracing.trace_graph`; or the file cannot be written. None is left then.
    """
    from gsanet.export.tracing import arrays_of, trace_graph

    graph = packaged_graph(model.config) or trace_graph(model)
    return _write(graph, model.config, arrays_of(model), file, facts)


def _write(
    graph: bytes, config: GSANetConfig, tensors: Mapping[str, NDArray[Any]], file: Path, facts: Facts | None
) -> Path:
    info = GraphInfo.from_json(read_metadata(graph)[KEY])
    assert info.plan is not None
    whole = replace(info, config=config, plan=None, facts=facts or Facts())
    data = with_weights(graph, initialisers(info.plan, tensors), {KEY: whole.to_json()})
    with written_whole(file, parents=True) as part:
        part.write_bytes(data)
    return file
