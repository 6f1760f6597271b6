"""The network as ONNX files, and these files as a network. Start reading at :mod:`gsanet.export.graphs`."""

from gsanet.export.graphs import graph_name
from gsanet.export.metadata import Facts, GraphInfo
from gsanet.export.runtime import ExportedModel, Graphs, is_exported
from gsanet.export.write import export_onnx

__all__ = ["ExportedModel", "Facts", "GraphInfo", "Graphs", "export_onnx", "graph_name", "is_exported"]
