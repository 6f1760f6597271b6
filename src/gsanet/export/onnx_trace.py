"""The graph of a network: traced by ``torch.export`` with free sizes, tidied, its weights inside or left out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gsanet.base.errors import GsanetError
from gsanet.export.frame_graph import FrameGraph
from gsanet.export.graph_info import INPUTS, OWN, PROBABILITY, TRANSPOSED, WeightPlan
from gsanet.model.input_size import MULTIPLE

OPSET = 18
"""Version of ONNX's operators; what PyTorch's exporter writes without converting, known to runtimes since 2023."""

MOST = {"height": 8192, "width": 8192, "references": 256}
"""For which sizes the exporter has to prove its graph right. The graph itself checks none of them."""

_PREFIX = "model."
"""Of the names of weights, for :class:`FrameGraph` has the network as an attribute."""

_EXAMPLE = ((6 * MULTIPLE, 8 * MULTIPLE), 3)
"""Size and number of references that are traced. Different numbers everywhere: equal ones would be taken for one."""


def trace(graph: FrameGraph, checkpoint: set[str]) -> tuple[bytes, WeightPlan]:
    """The file of *graph* without its weights and metadata, and how these weights are made.

    Args:
        checkpoint: names of the tensors that a checkpoint has. What else the graph needs stays inside.

    Raises:
        GsanetError: PyTorch cannot export the model.
    """
    import onnx_ir
    from onnxscript import optimizer

    with _quiet():
        model = _traced(graph)
        weights = {f"{_PREFIX}{name}" for name in graph.model.state_dict()}
        # Of the exporter's own optimisation only what ONNX Runtime does not do as well itself, in a tenth of the time.
        optimizer.fold_constants(model, should_fold=lambda node: None if _free_of(node, weights) else False)
        _transpose_once(model, weights)
        for name, own in zip(INPUTS[2:], OWN, strict=True):
            _or_own(model, name, own)
        _share_constants(model, weights)
        optimizer.remove_unused_nodes(model)
    for value in list(model.graph.initializers.values()):
        if value.name in weights or value.name.endswith(TRANSPOSED):
            value.name = value.name.removeprefix(_PREFIX)
    for node in model.graph.all_nodes():
        node.metadata_props.clear()  # where in whose folders each line of code was: more bytes than the node
        node.doc_string = None
    _name_sizes(model)
    plan = _plan(set(model.graph.initializers), graph, checkpoint)
    made = {*plan.taken, *(f"{conv}.{kind}" for conv in plan.folded for kind in ("weight", "bias"))}
    proto = onnx_ir.to_proto(model)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in made]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    return proto.SerializeToString(), plan


def _traced(graph: FrameGraph) -> Any:
    """*graph* as an ``onnx_ir`` model, as the exporter leaves it."""
    dims = {name: torch.export.Dim(name, min=2, max=most // MULTIPLE) for name, most in MOST.items()}
    picture = {1: MULTIPLE * dims["height"], 2: MULTIPLE * dims["width"]}
    features = {1: torch.export.Dim("references", min=1, max=MOST["references"])}
    example = graph.example(*_EXAMPLE)
    with torch.no_grad():
        names = list(graph(*example))
        try:
            program = torch.onnx.export(
                graph,
                example,
                dynamo=True,
                dynamic_shapes=(picture, picture, features, features),
                input_names=list(INPUTS),
                output_names=names,
                opset_version=OPSET,
                external_data=False,
                optimize=False,
                verbose=False,
            )
        except Exception as error:  # tracing and translating have errors of their own, of many kinds
            reason = f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
            raise GsanetError(f"PyTorch {torch.__version__} cannot export this model ({reason})") from None
    assert program is not None  # only the exporter before this one returns nothing
    return program.model


def _free_of(node: Any, weights: set[str]) -> bool:
    """Folded weights would lose their names. Their shapes may be folded."""
    return node.op_type == "Shape" or not any(value is not None and value.name in weights for value in node.inputs)


def _transpose_once(model: Any, weights: set[str]) -> None:
    """Weights that the graph turns, turned beforehand."""
    import onnx_ir as ir

    graph = model.graph
    for node in list(graph):
        source = node.inputs[0] if node.inputs else None
        if node.op_type != "Transpose" or source is None or source.name not in weights:
            continue
        tensor = source.const_value
        assert tensor is not None
        if len(tensor.shape) != 2:
            continue
        name = source.name + TRANSPOSED
        turned = graph.initializers.get(name)
        if turned is None:
            turned = ir.val(name, const_value=ir.tensor(np.ascontiguousarray(tensor.numpy().T), name=name))
            graph.register_initializer(turned)
        ir.convenience.replace_all_uses_with(node.outputs[0], turned)
        graph.remove(node, safe=True)


def _or_own(model: Any, name: str, own: str) -> None:
    """With no references in the input *name*, let the graph go on with its output *own*."""
    import onnx_ir as ir

    graph = model.graph
    given = next(value for value in graph.inputs if value.name == name)
    mine = next(value for value in graph.outputs if value.name == own)
    users = list(given.uses())
    tape = ir.tape.Tape()
    zero, one = (
        tape.initializer(ir.tensor([number], dtype=ir.DataType.INT64), name=f"{name}_{number}") for number in (0, 1)
    )
    count = tape.op("Shape", [given], {"start": 1, "end": 2})
    kept = tape.op("Max", [count, one])
    both = tape.op("Concat", [given, mine], {"axis": 1})
    used = tape.op("Slice", [both, zero, kept, one])
    for node, index in users:
        node.replace_input_with(index, used)
    for value in (zero, one):
        graph.register_initializer(value)
    graph.extend(tape.nodes)
    graph.sort()


def _share_constants(model: Any, weights: set[str]) -> None:
    """Numbers and whatever is computed of them, once: opening the file takes half the time."""
    from onnx_ir.passes import common

    graph = model.graph
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    seen: dict[Any, Any] = {}
    for value in list(graph.initializers.values()):
        # Weights stay apart even if they are equal: in another checkpoint they are not.
        if value.name not in weights and not value.name.endswith(TRANSPOSED):
            tensor = value.const_value
            first = seen.setdefault((tensor.dtype, tuple(tensor.shape), tensor.tobytes()), value)
            if first is not value:
                value.replace_all_uses_with(first)
                graph.initializers.pop(value.name)
    common.CommonSubexpressionEliminationPass()(model)


def _name_sizes(model: Any) -> None:
    """``height`` and the like, for whoever looks at the file; the exporter numbers them."""
    import onnx_ir as ir

    *pictures, features, _ = model.graph.inputs
    for value in pictures:
        value.shape = ir.Shape([1, "height", "width", 3])
    channels = features.shape[-1]
    for value in model.graph.inputs[2:]:
        value.shape = ir.Shape([1, "references", channels, channels])
    for value in model.graph.outputs:
        if len(value.shape) == 3:
            part = "" if value.name == PROBABILITY else "/16"
            value.shape = ir.Shape([1, f"height{part}", f"width{part}"])
    for value in (value for node in model.graph for value in node.outputs):
        if not value.is_graph_output():
            value.shape = None  # by the exporter's numbers; the runtime works them out again


def _plan(names: set[str], graph: FrameGraph, checkpoint: set[str]) -> WeightPlan:
    folded = {f"{conv}.{kind}": conv for conv in graph.folded for kind in ("weight", "bias")}
    taken = [name for name in sorted(names) if name not in folded and name.removesuffix(TRANSPOSED) in checkpoint]
    used = {folded[name] for name in names if name in folded}
    return WeightPlan(tuple(taken), {conv: pair for conv, pair in graph.folded.items() if conv in used})


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes to its own developers."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
