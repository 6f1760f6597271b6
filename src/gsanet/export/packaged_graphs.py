"""Graphs without weights that come with the package: one for each structure, whatever the weights."""

from __future__ import annotations

from importlib import resources

from gsanet.export.graph_file import read_metadata
from gsanet.export.graph_info import KEY, GraphInfo, same_network
from gsanet.model.config import GSANetConfig

SUFFIX = ".graph.onnx"


def packaged_graph(config: GSANetConfig, precision: str = "float32", weights: str = "") -> bytes | None:
    """The graph of networks built as *config* says, if there is one.

    Args:
        precision: ``float32`` or ``int8``.
        weights: their fingerprint; an int8 graph is for some weights alone.
    """
    folder = resources.files("gsanet") / "weights"
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name.endswith(SUFFIX):
            graph = file.read_bytes()
            info = GraphInfo.from_json(read_metadata(graph)[KEY])
            if info.precision == precision and same_network(info.config, config) and info.calibrated in (None, weights):
                return graph
    return None
