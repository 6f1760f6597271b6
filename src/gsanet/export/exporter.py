"""Export to ONNX: traced by ``torch.export``, checked with ONNX Runtime, and only then given its name."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path

import numpy as np
import torch

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.export.graphs import FEATURES, PARTS, PROBABILITY, FrameStep, ReferenceEncoder, build_graph, graph_name
from gsanet.export.metadata import KEY, Facts, GraphInfo, fingerprint
from gsanet.model import GSANet
from gsanet.runtime.onnx_graphs import INSTALL, Graph, exported_sizes

OPSET = 18
"""Version of ONNX's operators; what PyTorch's exporter writes without converting, known to runtimes since 2023."""

MOST_REFERENCES = 256

LIMIT = 1e-3
"""Largest mean difference from PyTorch, of the probability or (relative to their mean size) the reference features.
Measured 1e-7; single pixels may differ more where a cluster or neighbour is chosen by the last digit."""


def export_onnx(
    model: GSANet, folder: Path, size: tuple[int, int], *, facts: Facts | None = None, check: bool = True
) -> list[Path]:
    """Write the frame step and the reference encoder of *model* for pictures of *size* into *folder*.

    The graphs take one frame at a time and any number of references, in float32. Files of that size which
    are there already are replaced, files of other sizes stay.

    Args:
        model: in float32 on the CPU; is put in eval mode.
        size: (H,W), multiples of 32 and at least 64.
        facts: go into the files' metadata.
        check: compare each file with PyTorch by ONNX Runtime, if that is installed.

    Returns:
        the two files.

    Raises:
        GsanetError: onnx is not installed, PyTorch cannot export the model, the exported graph computes something
            else, or the files cannot be written. No file is left behind then.
    """
    _check_request(model, size)
    weights = fingerprint(model)
    _check_folder(folder, weights, size)
    info = [GraphInfo(part, *size, model.config, weights, facts or Facts(), _versions()) for part in PARTS]
    model.eval()
    places = [folder / graph_name(one.part, size) for one in info]
    beside = [place.with_name(f".{place.name}.{os.getpid()}.part") for place in places]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        for one, part in zip(info, beside, strict=True):
            graph = build_graph(one.part, model)
            _write(graph, one, part)
            if check and util.find_spec("onnxruntime"):
                _compare(graph, one, part)
        for part, place in zip(beside, places, strict=True):
            part.replace(place)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        for part in beside:
            part.unlink(missing_ok=True)
    return places


def _unwritable(folder: Path, error: OSError) -> GsanetError:
    return GsanetError(f"cannot write the exported model to {folder}: {error.strerror or error}")


def _check_request(model: GSANet, size: tuple[int, int]) -> None:
    missing = [name for name in ("onnx", "onnxscript") if not util.find_spec(name)]
    if missing:
        raise GsanetError(f"exporting needs {' and '.join(missing)}: {INSTALL}")
    if min(size) < 64 or size[0] % 32 or size[1] % 32:
        raise GsanetError(f"a model is exported for sides that are multiples of 32, at least 64; got {_text(size)}")
    if not model.config.slot_attention:
        raise GsanetError("this model is an ablation without slot attention and references: it is not exported")


def _check_folder(folder: Path, weights: str, size: tuple[int, int]) -> None:
    """Other sizes of other weights would make a folder that is no model."""
    for other in exported_sizes(folder):
        if other != size and util.find_spec("onnxruntime"):
            theirs = Graph(folder / graph_name("step", other)).info
            if theirs.weights != weights:
                name = theirs.facts.model or "another model"
                raise GsanetError(f"{folder} holds {name} exported at {_text(other)}: choose another folder")


def _write(graph: FrameStep | ReferenceEncoder, info: GraphInfo, file: Path) -> None:
    example = graph.example(info.size)
    count = torch.export.Dim("references", min=1, max=MOST_REFERENCES)
    # Of the step the features' second axis is free, of the encoder the pictures' first.
    free = ({}, {}, {1: count}, {1: count}) if info.part == "step" else ({0: count}, {0: count})
    with torch.no_grad(), _quiet():
        from onnxscript import optimizer

        names = list(graph(*example))
        try:
            program = torch.onnx.export(
                graph,
                example,
                dynamo=True,
                dynamic_shapes=free,
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
        # Of the exporter's own optimisation only what ONNX Runtime does not do as well itself, in a tenth of the time.
        optimizer.fold_constants(program.model)
        optimizer.remove_unused_nodes(program.model)
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # where in whose folders each line of code was: more bytes than the node
            node.doc_string = None
        program.model.metadata_props[KEY] = info.to_json()
        program.save(str(file), external_data=False)


def _compare(graph: FrameStep | ReferenceEncoder, info: GraphInfo, file: Path) -> None:
    """The file against the module on other numbers than it was traced with."""
    example = graph.example(info.size)
    inputs = [tensor.flip(1) for tensor in example]
    with torch.inference_mode():
        wanted = {name: tensor.numpy() for name, tensor in graph(*inputs).items()}
    found = Graph(file)(*(tensor.numpy() for tensor in inputs))
    for name in (PROBABILITY,) if info.part == "step" else FEATURES:
        scale = 1.0 if name == PROBABILITY else max(float(np.abs(wanted[name]).mean()), 1e-12)
        difference = float(np.abs(found[name] - wanted[name]).mean()) / scale
        if not difference <= LIMIT:  # NaN is no number below it
            raise GsanetError(
                f"the exported {graph_name(info.part, info.size)} does not compute what PyTorch does ({name} differs "
                f"by {difference:.2g} on average, {LIMIT:g} is allowed): it was not kept"
            )


def _versions() -> dict[str, str]:
    return {"gsanet": __version__, "torch": torch.__version__}


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


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
