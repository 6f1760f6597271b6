"""What the engine asks of a network, whatever computes it. Arrays in, arrays out: nothing here knows of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gsanet.model.config import GSANetConfig

RuntimeName = Literal["auto", "torch", "onnx"]
Precision = Literal["auto", "float32", "bfloat16", "int8"]

Reference: TypeAlias = object
"""All that a runtime keeps of one reference frame of one view; only the runtime that made it can look into it."""

Timer: TypeAlias = Callable[[str], AbstractContextManager[object]]
"""Makes a context in which time is counted for the stage of that name."""


class Pictures(NamedTuple):
    """One view of one frame."""

    rgb: NDArray[np.uint8]
    """(h,w,3)"""
    flow: NDArray[np.uint8]
    """On the colour wheel, (h,w,3)."""


class Answer(NamedTuple):
    """What the network says about one view of one frame."""

    probability: NDArray[np.float32]
    """(h,w)"""
    slots: dict[str, NDArray[np.float32]]
    """Slot maps by name (:meth:`gsanet.model.GSANetOutput.slot_maps`), each (h/16,w/16); empty unless asked for."""


class Runtime(Protocol):
    """A network ready to run: :class:`~gsanet.runtime.torch_network.TorchNetwork`, or whatever computes the same."""

    name: RuntimeName
    """``torch`` or ``onnx``."""
    device: str
    """``cpu``, ``cuda`` ..."""
    precision: str
    """``float32``, ``bfloat16`` or ``int8``."""
    config: GSANetConfig
    batch: int
    """Frames that :meth:`__call__` is best given at once."""

    @property
    def workers(self) -> int:
        """Threads that may call this at once, each with a thread of its own to compute on."""
        ...

    def one_thread(self, others: int) -> None:
        """Called in each of several such threads before its first call; threads to come have *others* to compute on."""
        ...

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        """Reference frames of one view -> for each what the network keeps of it.

        Args:
            pictures: they may be made while they are asked for; whoever can encodes the first ones meanwhile.
            beside: other threads look at frames at the same time, so that one thread has to do.
        """
        ...

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """B pictures of one view and the references of that view -> an answer for each picture.

        Args:
            references: none: each picture is its own.
            slots: whether answers have slot maps.
        """
        ...

    def timed(self, timer: Timer) -> AbstractContextManager[object]:
        """A block in which the network's own parts are timed too (``rgb``, ``motion``, ``slots``), if it can."""
        ...
