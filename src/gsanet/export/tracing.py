"""The graph of a model that the package has none for: traced, and compared with PyTorch before it is trusted."""

from __future__ import annotations

from importlib import util

import numpy as np
import torch

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.export.frame_graph import FrameGraph
from gsanet.export.frame_network import Features, FrameNetwork
from gsanet.export.graph_file import with_weights
from gsanet.export.graph_info import KEY, OWN, PROBABILITY, GraphInfo
from gsanet.export.onnx_trace import trace
from gsanet.model.network import GSANet
from gsanet.weights.tensors import weights_of

INSTALL = "run `pip install 'gsanet[export]'`"

LIMIT = 1e-3
"""Largest mean difference from PyTorch, of the probability or (relative to their mean size) the reference features.
Measured 1e-7; single pixels may differ more where a cluster or neighbour is chosen by the last digit."""

_CHECKED = ((96, 160), 2)
"""Size and number of references of the comparison: others than those that were traced."""


def trace_graph(model: GSANet) -> bytes:
    """Trace the graph of *model*, and compare it with PyTorch by ONNX Runtime, if that is installed.

    Any weights do for the graph, but for the comparison they should be trained: what noise gives is a toss-up.

    Raises:
        GsanetError: onnx is not installed, PyTorch cannot export the model, or the graph computes something else.
    """
    missing = [name for name in ("onnx", "onnxscript") if not util.find_spec(name)]
    if missing:
        raise GsanetError(f"exporting needs {' and '.join(missing)}: {INSTALL}")
    if not model.config.slot_attention:
        raise GsanetError("this model is an ablation without slot attention and references: it is not exported")
    traced = FrameGraph(model)
    graph, plan = trace(traced, set(weights_of(model)))
    versions = {"gsanet": __version__, "torch": torch.__version__}
    graph = with_weights(graph, (), {KEY: GraphInfo(model.config, plan, versions=versions).to_json()})
    if util.find_spec("onnxruntime"):
        _compare(model, traced, graph)
    return graph


def arrays_of(model: GSANet) -> dict[str, np.ndarray]:
    """The tensors of *model* by name, as a checkpoint of it would have them."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in weights_of(model).items()}


def _compare(model: GSANet, traced: FrameGraph, graph: bytes) -> None:
    rgb, flow, *features = traced.example(*_CHECKED)
    network = FrameNetwork(graph, arrays_of(model))
    with torch.inference_mode():
        wanted = {name: tensor.numpy() for name, tensor in traced(rgb, flow, *features).items()}
    found = network.step(rgb[0].numpy(), flow[0].numpy(), Features(*(tensor.numpy() for tensor in features)))
    own = network.references(rgb.numpy(), flow.numpy())
    for name, value in {PROBABILITY: found[PROBABILITY][None], **dict(zip(OWN, own, strict=True))}.items():
        scale = 1.0 if name == PROBABILITY else max(float(np.abs(wanted[name]).mean()), 1e-12)
        difference = float(np.abs(value - wanted[name]).mean()) / scale
        if not difference <= LIMIT:  # NaN is no number below it
            raise GsanetError(
                f"the exported graph does not compute what PyTorch does ({name} differs by {difference:.2g} on "
                f"average, {LIMIT:g} is allowed): it was not kept"
            )
