"""A graph whose convolutions compute in int8: twice as quick where the processor has instructions for it.

The weights stay out of it, in float: ONNX Runtime rounds them when it opens the graph, channel by channel. In the graph
are the ranges of what flows through it, which belong to the weights that they were measured with.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.export.graph_file import read_metadata, with_weights
from gsanet.export.graph_info import INPUTS, KEY, GraphInfo
from gsanet.export.weight_arrays import fingerprint, initialisers

_EXACT = re.compile(r"conv_stem|blocks\.0\.|blocks\.1\.0\.conv_dw|_slots\.|\.heads\.|edges\.picture|edges\.last")
"""Weights that stay in float: what sees a picture first, of whose 256 values none may be lost; what clusters,
neighbours and slots are chosen by; and what says the last word."""

_QUANTISED = ("Clip", "Conv", "Relu")
"""Operators that compute in int8. An activation costs nothing: it goes into the range of what is before it."""


def quantise(
    graph: bytes, tensors: Mapping[str, NDArray[Any]], pictures: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> bytes:
    """A graph without weights in float32 -> the same in int8, for a checkpoint's *tensors* alone.

    Args:
        pictures: RGB and flow of a hundred frames like those to come, (h,w,3) each; sides are multiples of 32. The
            largest and the smallest value in each layer give its range.

    Raises:
        GsanetError: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
        from onnxruntime import quantization
    except ImportError as error:
        raise GsanetError(
            f"quantising needs onnx and onnxruntime ({error}): run `pip install 'gsanet[export]'`"
        ) from None
    info = GraphInfo.from_json(read_metadata(graph)[KEY])
    assert info.plan is not None
    with TemporaryDirectory() as folder, _quiet():
        whole, simple, ranged = (Path(folder) / f"{name}.onnx" for name in ("whole", "simple", "ranged"))
        whole.write_bytes(with_weights(graph, initialisers(info.plan, tensors), {}))
        # What is not simplified before, such as padding apart from its convolution, could not be after.
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(simple)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(
            str(whole),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConstantSharing"],  # of two weights that happen to be equal it would leave one
        )
        nodes = [node for node in onnx.load(simple).graph.node if node.op_type in _QUANTISED]
        quantization.quantize_static(
            str(simple),
            str(ranged),
            _Reader(pictures, info.config.channels),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_quantize=[
                node.name for node in nodes if node.op_type != "Conv" or not _EXACT.search(node.input[1])
            ],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"AddQDQPairToWeight": True, "QuantizeBias": False},
        )
        model = onnx.load(ranged)
    made = {*info.plan.taken, *(f"{conv}.{kind}" for conv in info.plan.folded for kind in ("weight", "bias"))}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in made]
    if len(kept) + len(made) != len(model.graph.initializer):
        raise GsanetError(
            "this version of onnxruntime renames weights when it simplifies a graph: nothing was quantised"
        )
    del model.graph.initializer[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.doc_string = ""
    quantised = replace(info, precision="int8", calibrated=fingerprint(tensors))
    return with_weights(model.SerializeToString(), (), {KEY: quantised.to_json()})


class _Reader:
    """Gives the quantiser one frame after the other, each its own reference."""

    def __init__(self, pictures: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]], channels: int) -> None:
        self._pictures = iter(pictures)
        self._none = np.zeros((1, 0, channels, channels), np.float32)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        pair = next(self._pictures, None)
        if pair is None:
            return None
        return dict(zip(INPUTS, (pair[0][None], pair[1][None], self._none, self._none), strict=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice to simplify the graph, which has been done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
