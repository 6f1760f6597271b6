"""What flow by a network needs beside it: batches, padding, a device, a precision, turns, and enough memory."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from gsanet.base.device import choose_device
from gsanet.base.errors import GsanetError
from gsanet.flow.base import FlowMethod, Pair, require_pair
from gsanet.flow.colour import Flow, Picture

PRECISIONS = ("auto", "float32", "float16", "bfloat16")
"""Of the parts of a network that bear a lower one."""


class Border(NamedTuple):
    """Rows and columns to add."""

    top: int
    bottom: int
    left: int
    right: int


class NetworkFlow(FlowMethod):
    """Flow between two pictures of one size, by a network.

    Sides are padded with their border, evenly on both sides, to what the network needs, and the flow is cropped back.
    The threads that share one take turns.

    Args:
        network: is put in eval mode and moved, in place.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: ``auto`` is :attr:`gpu_precision` on a GPU and float32 elsewhere.
        batch: pairs at once; :attr:`gpu_batch` on a GPU and one elsewhere if None.

    Raises:
        GsanetError: no such device or precision, fewer than one pair.
    """

    parallel = False
    title: ClassVar[str]
    """The network's name for people."""
    gpu_batch: ClassVar[int]
    """Pairs given to the network at once on a GPU; a CPU gains nothing from company."""
    gpu_precision: ClassVar[str]

    def __init__(
        self, network: nn.Module, *, device: str = "auto", precision: str = "auto", batch: int | None = None
    ) -> None:
        self.device = choose_device(device)
        on_gpu = self.device.type == "cuda"
        self.batch = (self.gpu_batch if on_gpu else 1) if batch is None else batch
        if self.batch < 1:
            raise GsanetError(f"{self.title} needs at least one pair at once, got {self.batch}")
        if precision not in PRECISIONS:
            raise GsanetError(f"unknown precision {precision!r} for flow: choose one of {', '.join(PRECISIONS)}")
        if precision == "auto":
            precision = self.gpu_precision if on_gpu else "float32"
        self.precision = precision
        self.lower: torch.dtype | None = None if precision == "float32" else getattr(torch, precision)
        self._network: Any = network.eval().to(self.device)
        self._turn = threading.Lock()

    @abstractmethod
    def border(self, height: int, width: int) -> Border:
        """What pictures of this size are padded with."""

    @abstractmethod
    def compute(self, first: Tensor, second: Tensor, size: tuple[int, int]) -> Tensor:
        """RGB (B,3,H',W') of 0 to 255, padded, twice -> (B,2,H',W') in pixels, of any precision.

        Args:
            size: (H,W) of the pictures before they were padded.
        """

    def at_once(self, height: int, width: int) -> int:
        """Pairs of this size that are given to the network together."""
        return self.batch

    def __call__(self, first: Picture, second: Picture) -> Flow:
        return self.many([(first, second)])[0]

    def many(self, pairs: Sequence[Pair]) -> list[Flow]:
        """As one by one, but for rounding."""
        for pair in pairs:
            require_pair(*pair)
        flows = [np.zeros((*first.shape[:2], 2), np.float32) for first, _ in pairs]
        # The network sees some motion in anything; that of equal pictures is none.
        moving = [i for i, (first, second) in enumerate(pairs) if not np.array_equal(first, second)]
        if not moving:
            return flows
        count = self.at_once(*pairs[0][0].shape[:2])
        for start in range(0, len(moving), count):
            part = moving[start : start + count]
            for i, flow in zip(part, self._run([pairs[i] for i in part]), strict=True):
                flows[i] = flow
        return flows

    def _run(self, pairs: Sequence[Pair]) -> list[Flow]:
        height, width = pairs[0][0].shape[:2]
        border = self.border(height, width)
        try:
            with self._turn, torch.inference_mode():
                first, second = (self._input([pair[k] for pair in pairs], border) for k in (0, 1))
                flow = self.compute(first, second, (height, width))
                flow = flow[:, :, border.top : border.top + height, border.left : border.left + width]
                flows = flow.permute(0, 2, 3, 1).float().cpu().numpy()
        except RuntimeError as error:
            if not (isinstance(error, torch.cuda.OutOfMemoryError) or "allocate memory" in str(error)):
                raise
            raise GsanetError(
                f"not enough memory on {self.device} for {self.title} on {len(pairs)} pairs of {width}x{height}: "
                f"compute the flow smaller with --flow-size{', or fewer at once with --batch' * (len(pairs) > 1)}"
            ) from None
        return [np.ascontiguousarray(one) for one in flows]

    def _input(self, pictures: Sequence[Picture], border: Border) -> Tensor:
        """Pictures (H,W,3) -> (B,3,H',W') padded."""
        padded = [cv2.copyMakeBorder(picture, *border, cv2.BORDER_REPLICATE) for picture in pictures]
        return torch.from_numpy(np.stack(padded)).to(self.device).permute(0, 3, 1, 2).float().contiguous()


def even_border(height: int, width: int, *, multiple: int, smallest: int) -> Border:
    """What makes both sides multiples of the one and no shorter than the other, as much on one side as on the other."""
    down, across = (max(smallest, -(-side // multiple) * multiple) - side for side in (height, width))
    return Border(down // 2, down - down // 2, across // 2, across - across // 2)
