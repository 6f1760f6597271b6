"""The network in ONNX Runtime, as a :class:`~gsanet.runtime.interface.Runtime`. Nothing here needs PyTorch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.base.processes import processors
from gsanet.export.frame_network import Features, FrameNetwork
from gsanet.export.graph_info import PROBABILITY
from gsanet.runtime.interface import Answer, Pictures, Reference, RuntimeName, Timer


class OnnxNetwork:
    """Frames one by one, on the CPU; several at once from several threads, each on one of its own.

    Args:
        network: the session; a frame in it runs on one thread.
        workers: threads that will call it; as many as there are processors for this process if None.

    Raises:
        GsanetError: another device or precision is asked for.
    """

    name: RuntimeName = "onnx"
    device = "cpu"
    batch = 1

    def __init__(self, network: FrameNetwork, workers: int | None = None) -> None:
        self._network = network
        self.config = network.config
        self.precision = network.info.precision
        self.workers = workers or threads_allowed()

    def one_thread(self, others: int) -> None:
        """Nothing to do: a session of one thread computes on the thread that calls it."""

    def encode(self, pictures: Iterable[Pictures], beside: bool = False) -> list[Reference]:
        """As :meth:`Runtime.encode`: several at once, each on one thread, if nothing else goes on."""

        def features(one: Pictures) -> Reference:
            return self._network.references(one.rgb[None], one.flow[None])

        if beside or self.workers == 1:
            return [features(one) for one in pictures]
        with ThreadPoolExecutor(self.workers, "gsanet-references") as pool:
            return list(pool.map(features, pictures))

    def __call__(
        self, pictures: Sequence[Pictures], references: Sequence[Reference], slots: bool = False
    ) -> list[Answer]:
        """As :meth:`Runtime.__call__`."""
        known = [one for one in references if isinstance(one, Features)]
        # Without any the graph takes the frame's own, at no cost.
        features = Features.join(known) if known else None
        return [_answer(self._network.step(one.rgb, one.flow, features, slots)) for one in pictures]

    def timed(self, timer: Timer) -> AbstractContextManager[object]:
        """As :meth:`Runtime.timed`: ONNX Runtime does not say where its time goes."""
        return nullcontext()


def _answer(found: dict[str, NDArray[np.float32]]) -> Answer:
    return Answer(found[PROBABILITY], {name: value for name, value in found.items() if name != PROBABILITY})


def threads_allowed() -> int:
    """How many threads may compute: as ``OMP_NUM_THREADS`` says, else one for each processor of this process."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else processors()


def require_onnx_can(device: str, precision: str) -> None:
    """Refuse what ONNX Runtime is not used for here.

    Raises:
        GsanetError: another device than the CPU, or bfloat16 is asked for.
    """
    if device not in ("auto", "cpu"):
        raise GsanetError(f"ONNX Runtime is used on the CPU: device {device!r} needs the runtime torch")
    if precision not in ("auto", "float32", "int8"):
        raise GsanetError(f"ONNX Runtime computes in float32 or int8: precision {precision!r} needs the runtime torch")
