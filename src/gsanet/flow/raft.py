"""Optical flow by RAFT (Teed and Deng, ECCV 2020; arXiv 2003.12039), torchvision's network."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.optical_flow import RAFT
from torchvision.models.optical_flow.raft import CorrBlock

from gsanet.base.errors import GsanetError
from gsanet.flow.network_flow import Border, NetworkFlow, even_border
from gsanet.flow.raft_weights import build_raft, read_weights

ITERATIONS = 12
"""Of the refinement; torchvision's default."""

_STRIDE, _SMALLEST = 8, 128
"""The network needs sides that are multiples of the one and no shorter than the other."""

_CPU_VOLUME = 2 * 2**30
"""Bytes that the correlations of a batch may take on a CPU; on a GPU it is a quarter of its memory."""

log = logging.getLogger("gsanet")


class RAFTFlow(NetworkFlow):
    """Flow between two pictures of one size, by a RAFT network.

    Sides are padded to a multiple of 8, 128 at least. The correlations of all pairs of pixels take memory that grows
    with the square of their number (:func:`volume_bytes`): a batch is split where it would take more than the device
    has room for.

    Args:
        network: torchvision's; is put in eval mode and moved, in place.
        iterations: of the refinement; :data:`ITERATIONS` if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: of encoders and refinement; correlations and coordinates are float32 always. ``auto`` is float16
            on a GPU, as RAFT's authors have it, and float32 elsewhere.
        batch: pairs at once; if None eight on a GPU, one elsewhere.

    Raises:
        GsanetError: no such device or precision, fewer than one iteration or pair.
    """

    title = "RAFT"
    gpu_batch = 8
    gpu_precision = "float16"

    def __init__(
        self,
        network: RAFT,
        *,
        iterations: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch: int | None = None,
    ) -> None:
        super().__init__(network, device=device, precision=precision, batch=batch)
        self.iterations = ITERATIONS if iterations is None else iterations
        if self.iterations < 1:
            raise GsanetError(f"RAFT needs at least one iteration, got {self.iterations}")
        self._told: tuple[int, int] | None = None
        block = network.corr_block
        self._network.corr_block = _Correlation(num_levels=block.num_levels, radius=block.radius)

    def border(self, height: int, width: int) -> Border:
        return padding(height, width)

    def at_once(self, height: int, width: int) -> int:
        """Pairs whose correlations fit together; one where not even one's do."""
        top, bottom, left, right = padding(height, width)
        one = volume_bytes(height + top + bottom, width + left + right)
        if one > _room(self.device) and (height, width) != self._told:
            self._told = (height, width)
            log.warning(
                "RAFT takes about %.1f GB of memory for pictures of %dx%d; a smaller --flow-size takes less",
                one / 1e9,
                width,
                height,
            )
        return max(1, min(self.batch, _room(self.device) // one))

    def compute(self, first: Tensor, second: Tensor, size: tuple[int, int]) -> Tensor:
        try:
            with torch.autocast(self.device.type, self.lower or torch.bfloat16, enabled=self.lower is not None):
                steps = self._network(first / 127.5 - 1, second / 127.5 - 1, num_flow_updates=self.iterations)
        finally:
            self._network.corr_block.forget()
        flow: Tensor = steps[-1]
        return flow


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


def padding(height: int, width: int) -> Border:
    """To sides that the network can take."""
    return even_border(height, width, multiple=_STRIDE, smallest=_SMALLEST)


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
