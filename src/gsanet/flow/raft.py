"""Optical flow by RAFT (Teed and Deng, ECCV 2020; arXiv 2003.12039), torchvision's network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.models.optical_flow import RAFT
from torchvision.models.optical_flow.raft import CorrBlock

from gsanet.base.device import choose_device
from gsanet.base.errors import GsanetError
from gsanet.flow.base import FlowMethod, Pair, require_pair
from gsanet.flow.colour import Flow, Picture
from gsanet.flow.raft_weights import build_raft, read_weights

ITERATIONS = 12
"""Of the refinement; torchvision's default."""

BATCH = {"cpu": 1, "cuda": 8}
"""Pairs given to the network at once; a CPU gains nothing from company."""

PRECISIONS = ("auto", "float32", "float16", "bfloat16")

_STRIDE, _SMALLEST = 8, 128
"""The network needs sides that are multiples of the one and no shorter than the other."""

_CPU_VOLUME = 2 * 2**30
"""Bytes that the correlations of a batch may take on a CPU; on a GPU it is a quarter of its memory."""


class RAFTFlow(FlowMethod):
    """Flow between two pictures of one size, by a RAFT network.

    Sides are padded with their border to a multiple of 8, 128 at least, evenly on both sides as RAFT's authors do,
    and the flow is cropped back. The correlations of all pairs of pixels take memory that grows with the square of
    their number (:func:`volume_bytes`): a batch is split where it would take more than the device has room for.

    The threads that share one take turns.

    Args:
        network: torchvision's; is put in eval mode and moved, in place.
        iterations: of the refinement; :data:`ITERATIONS` if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: of encoders and refinement; correlations and coordinates are float32 always. ``auto`` is float16
            on a GPU, as RAFT's authors have it, and float32 elsewhere.
        batch: pairs at once; :data:`BATCH` if None.

    Raises:
        GsanetError: no such device or precision, fewer than one iteration or pair.
    """

    parallel = False

    def __init__(
        self,
        network: RAFT,
        *,
        iterations: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch: int | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.iterations = ITERATIONS if iterations is None else iterations
        self.batch = BATCH.get(self.device.type, 1) if batch is None else batch
        if min(self.iterations, self.batch) < 1:
            raise GsanetError(f"RAFT needs at least one iteration and one pair, got {self.iterations} and {self.batch}")
        if precision not in PRECISIONS:
            raise GsanetError(f"unknown precision {precision!r} for flow: choose one of {', '.join(PRECISIONS)}")
        if precision == "auto":
            precision = "float16" if self.device.type == "cuda" else "float32"
        self.precision = precision
        self._network = network.eval().to(self.device)
        block = network.corr_block
        self._network.corr_block = _Correlation(num_levels=block.num_levels, radius=block.radius)
        self._turn = threading.Lock()

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
        height, width = pairs[0][0].shape[:2]
        count = self._at_once(height, width)
        for start in range(0, len(moving), count):
            part = moving[start : start + count]
            for i, flow in zip(part, self._run([pairs[i] for i in part]), strict=True):
                flows[i] = flow
        return flows

    def _at_once(self, height: int, width: int) -> int:
        """Pairs whose correlations fit together; one where not even one's do."""
        top, bottom, left, right = padding(height, width)
        one = volume_bytes(height + top + bottom, width + left + right)
        return max(1, min(self.batch, _room(self.device) // one))

    def _run(self, pairs: Sequence[Pair]) -> list[Flow]:
        height, width = pairs[0][0].shape[:2]
        top, _, left, _ = padding(height, width)
        try:
            with self._turn, torch.inference_mode(), self._autocast():
                first, second = (self._input([pair[k] for pair in pairs]) for k in (0, 1))
                try:
                    flow = self._network(first, second, num_flow_updates=self.iterations)[-1]
                finally:
                    self._network.corr_block.forget()
                flows = flow[:, :, top : top + height, left : left + width].permute(0, 2, 3, 1).float().cpu().numpy()
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise GsanetError(
                f"not enough memory on {self.device} for RAFT on {len(pairs)} pairs of {width}x{height}: "
                f"compute the flow smaller with --flow-size{', or fewer at once with --batch' * (len(pairs) > 1)}"
            ) from None
        return [np.ascontiguousarray(one) for one in flows]

    def _input(self, pictures: Sequence[Picture]) -> Tensor:
        """Pictures (H,W,3) -> (B,3,H',W') padded, in [-1, 1]."""
        border = padding(*pictures[0].shape[:2])
        padded = [cv2.copyMakeBorder(picture, *border, cv2.BORDER_REPLICATE) for picture in pictures]
        tensor = torch.from_numpy(np.stack(padded)).to(self.device).permute(0, 3, 1, 2)
        return (tensor.float() / 127.5 - 1).contiguous()

    def _autocast(self) -> AbstractContextManager[object]:
        mixed = self.precision != "float32"
        kind = torch.float16 if self.precision == "float16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=mixed)


def load_raft(size: str, *, weights: Path | str | None = None, **settings: object) -> RAFTFlow:
    """RAFT with trained weights.

    Args:
        size: ``small`` or ``large``.
        weights: torchvision's file, or its tensors as .safetensors; None downloads torchvision's default.
        settings: of :class:`RAFTFlow`.

    Raises:
        GsanetError: the weights cannot be had, or are not of this network.
    """
    state = read_weights(size, None if weights is None else Path(weights))
    network = build_raft(size)
    network.load_state_dict(state, strict=False)  # all that matters is there: `read_weights` has looked
    return RAFTFlow(network, **settings)  # type: ignore[arg-type]


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Rows and columns to add: top, bottom, left, right."""
    down, across = (max(_SMALLEST, -(-side // _STRIDE) * _STRIDE) - side for side in (height, width))
    return down // 2, down - down // 2, across // 2, across - across // 2


def volume_bytes(height: int, width: int) -> int:
    """What the correlations of one pair take while they are made, for padded pictures: they are there twice."""
    return 2 * 4 * (height // _STRIDE * (width // _STRIDE)) ** 2


class _Correlation(CorrBlock):  # type: ignore[misc]
    """Torchvision's, in float32 whatever the precision around it."""

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Features (B,C,h,w) of both pictures -> the products of all pairs of pixels, at several levels."""
        with torch.autocast(fmap1.device.type, enabled=False):
            super().build_pyramid(fmap1.float(), fmap2.float())

    def forget(self) -> None:
        """Give the memory back: it would be kept until the next pair."""
        self.corr_pyramid: list[Tensor] = []


def _room(device: torch.device) -> int:
    """Bytes for the correlations of a batch."""
    if device.type != "cuda":
        return _CPU_VOLUME
    return int(torch.cuda.get_device_properties(device).total_memory) // 4


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.cuda.OutOfMemoryError) or "allocate memory" in str(error)
