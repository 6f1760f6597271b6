"""Which network computes a model: the runtimes by name."""

from __future__ import annotations

import os
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from gsanet.base.errors import GsanetError
from gsanet.runtime.allocator import give_back_freed_memory
from gsanet.runtime.interface import Runtime, RuntimeName
from gsanet.weights.packaged import find_weights, packaged_weights

if TYPE_CHECKING:
    from gsanet.model import GSANet

RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)

INSTALL_TORCH = "run `pip install 'gsanet[torch]'`"


def runtime_version(name: RuntimeName) -> dict[str, str]:
    """The library behind a runtime, and its version."""
    package = {"torch": "torch", "onnx": "onnxruntime"}[name]
    return {package: metadata.version(package)}


def open_runtime(model: GSANet | Runtime, device: str = "auto", precision: str = "auto") -> Runtime:
    """A PyTorch model made ready to run; what is a runtime already comes back as it is.

    Raises:
        GsanetError: it cannot compute on this device in this precision.
    """
    if isinstance(getattr(model, "name", None), str):
        return model  # type: ignore[return-value]
    # Imported here: whoever has a model has torch, others may not.
    from gsanet.runtime.torch_network import TorchNetwork

    return TorchNetwork(model, device, precision)  # type: ignore[arg-type]


def open_pretrained(
    name_or_path: str | os.PathLike[str] = "lite",
    runtime: RuntimeName = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Runtime:
    """Trained weights made ready to run.

    Args:
        name_or_path: a name inside the package (``lite``), a file, a repository on the hub (``owner/name``), or an
            exported model: the folder that ``gsanet export`` has filled, or a file in it.
        runtime: ``torch``, ``onnx`` or ``auto``: ONNX Runtime for what is exported, else PyTorch.

    Raises:
        GsanetError: there are no such weights, or this runtime cannot run them here.
    """
    if runtime not in RUNTIMES:
        raise GsanetError(f"unknown runtime {runtime!r}: choose one of {', '.join(RUNTIMES)}")
    from gsanet.runtime.onnx_graphs import ExportedModel, is_exported
    from gsanet.runtime.onnx_network import OnnxNetwork, cached_export

    # A folder of exports that happens to be called `lite` is meant when it is written `./lite`.
    if os.fspath(name_or_path) not in packaged_weights() and is_exported(Path(name_or_path)):
        if runtime == "torch":
            raise GsanetError(f"{name_or_path} holds an exported model, which PyTorch cannot run: use the runtime onnx")
        return OnnxNetwork(ExportedModel(Path(name_or_path)), device, precision)
    if not util.find_spec("torch"):
        raise GsanetError(f"running {name_or_path} needs PyTorch: {INSTALL_TORCH}")
    from gsanet.weights.checkpoint import load_model

    with find_weights(name_or_path) as file:
        model = load_model(file)
    if runtime == "onnx":
        return OnnxNetwork(cached_export(model, os.fspath(name_or_path)), device, precision)
    opened = open_runtime(model, device, precision)
    # The network is a folded copy: the model as it was read is of no further use, and larger.
    del model
    give_back_freed_memory()
    return opened
