"""What the engine asks of a network, whatever computes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from gsanet.model import GSANetConfig, ReferenceFeatures


class Pictures(NamedTuple):
    """One view of one frame."""

    rgb: NDArray[np.uint8]
    """(h,w,3)"""
    flow: NDArray[np.uint8]
    """On the colour wheel, (h,w,3)."""


class Backend(Protocol):
    """:class:`~gsanet.runtime.torch_network.Network`, or whatever computes the same."""

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

    def load_sizes(self, sizes: Iterable[tuple[int, int]]) -> None:
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
