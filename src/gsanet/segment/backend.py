"""What the engine needs of a network, and which of the two there are is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from gsanet.errors import GsanetError
from gsanet.export.runtime import ExportedModel
from gsanet.model import GSANet, GSANetConfig, ReferenceFeatures
from gsanet.segment.network import Network
from gsanet.segment.onnx_network import OnnxNetwork, cached_export
from gsanet.segment.prepare import Pictures

BACKENDS = ("auto", "torch", "compile", "onnx")


class Backend(Protocol):
    """:class:`~gsanet.segment.network.Network`, or whatever computes the same."""

    device: torch.device
    precision: str
    config: GSANetConfig

    @property
    def workers(self) -> int:
        """Threads that may call this at once, each with a thread of its own to compute on."""
        ...

    def one_thread(self, others: int) -> None:
        """Called in each of several such threads before its first call; threads to come have *others* to compute on."""
        ...

    def accept(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Called before a clip with the sizes (h,w) of its views; the place to refuse one.

        Raises:
            GsanetError: it cannot take inputs of one of these sizes.
        """
        ...

    def references(self, pictures: Sequence[Pictures]) -> ReferenceFeatures:
        """R pictures of one view -> their features, B = 1."""
        ...

    def __call__(
        self, pictures: Sequence[Pictures], references: ReferenceFeatures, slots: bool = False
    ) -> list[tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]]:
        """B pictures of one view -> for each its probability (h,w), and its slot maps (h/16,w/16) if asked for."""
        ...


def open_backend(
    model: GSANet | ExportedModel, backend: str, device: str, precision: str, name: str
) -> tuple[Backend, str]:
    """The network, and the name of what computes it (``torch``, ``compile`` or ``onnx``).

    Args:
        backend: of :data:`BACKENDS`; ``auto`` is ``onnx`` for an exported model, else ``torch``.
        name: of the model, should it be exported on the way.

    Raises:
        GsanetError: no such backend, or it cannot compute this model on this device in this precision.
    """
    if backend not in BACKENDS:
        raise GsanetError(f"unknown backend {backend!r}: choose one of {', '.join(BACKENDS)}")
    if isinstance(model, ExportedModel):
        if backend in ("torch", "compile"):
            raise GsanetError(
                f"{model.folder} holds an exported model, which the {backend} backend cannot run: use onnx"
            )
        return OnnxNetwork(model, device, precision), "onnx"
    if backend == "onnx":
        return OnnxNetwork(cached_export(model, name), device, precision), "onnx"
    if backend == "compile":
        # Imported here: few ask for it.
        from gsanet.segment.compiled import CompiledNetwork

        return CompiledNetwork(model, device, precision), "compile"
    return Network(model, device, precision), "torch"
