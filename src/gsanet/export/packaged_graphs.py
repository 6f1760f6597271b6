"""Graphs without weights that come with the package: one for each structure, whatever the weights."""

from __future__ import annotations

from importlib import resources

from gsanet.export.graph_file import read_metadata
from gsanet.export.graph_info import KEY, GraphInfo, same_network
from gsanet.model.config import GSANetConfig

SUFFIX = ".graph.onnx"


def packaged_graph(config: GSANetConfig) -> bytes | None:
    """The graph of networks built as *config* says, if there is one."""
    folder = resources.files("gsanet") / "weights"
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name.endswith(SUFFIX):
            graph = file.read_bytes()
            if same_network(GraphInfo.from_json(read_metadata(graph)[KEY]).config, config):
                return graph
    return None
