"""Which network computes a model: the runtimes by name."""

from __future__ import annotations

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet
from gsanet.runtime.interface import Backend
from gsanet.runtime.onnx_graphs import ExportedModel
from gsanet.runtime.onnx_network import OnnxNetwork, cached_export
from gsanet.runtime.torch_network import TorchNetwork

BACKENDS = ("auto", "torch", "onnx")


def open_backend(
    model: GSANet | ExportedModel, backend: str, device: str, precision: str, name: str
) -> tuple[Backend, str]:
    """The network, and the name of what computes it (``torch`` or ``onnx``).

    Args:
        backend: of :data:`BACKENDS`; ``auto`` is ``onnx`` for an exported model, else ``torch``.
        name: of the model, should it be exported on the way.

    Raises:
        GsanetError: no such backend, or it cannot compute this model on this device in this precision.
    """
    if backend not in BACKENDS:
        raise GsanetError(f"unknown backend {backend!r}: choose one of {', '.join(BACKENDS)}")
    if isinstance(model, ExportedModel):
        if backend == "torch":
            raise GsanetError(
                f"{model.folder} holds an exported model, which the {backend} backend cannot run: use onnx"
            )
        return OnnxNetwork(model, device, precision), "onnx"
    if backend == "onnx":
        return OnnxNetwork(cached_export(model, name), device, precision), "onnx"
    return TorchNetwork(model, device, precision), "torch"
