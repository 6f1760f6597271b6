"""Optical flow by RAFT (Teed and Deng, ECCV 2020; arXiv 2003.12039), torchvision's network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.optical_flow import RAFT

from gsanet.base.errors import GsanetError
from gsanet.flow.network_flow import PRECISIONS, Border, NetworkFlow, even_border
from gsanet.flow.raft_correlation import LeanCorrelation, VolumeCorrelation, volume_bytes
from gsanet.flow.raft_weights import build_raft, read_weights

ITERATIONS = 12
"""Of the refinement; torchvision's default."""

_CPU_VOLUME = 2 * 2**30
"""Bytes that the correlation volumes of a batch may take on a CPU; on a GPU it is a quarter of its memory."""


class RAFTFlow(NetworkFlow):
    """Flow between two pictures of one size, by a RAFT network.

    Sides are padded to a multiple of 8, 128 at least. Up to a size the correlations of all pairs of pixels are kept, in
    a volume that grows with the square of their number; beyond *volume* bytes they are computed where they are looked
    up, slower, in memory that grows with the number. A batch is split where its volumes together would be larger.
    Which of these happens depends on the sizes alone.

    Args:
        network: torchvision's; is put in eval mode and moved, in place.
        iterations: of the refinement; :data:`ITERATIONS` if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: of encoders and refinement; correlations and coordinates are float32 always. ``auto`` is float16
            on a GPU, as RAFT's authors have it, and float32 elsewhere.
        batch: pairs at once; if None eight on a GPU, one elsewhere.
        volume: bytes; :data:`_CPU_VOLUME` or a quarter of the GPU's memory if None.

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
        volume: int | None = None,
    ) -> None:
        super().__init__(network, device=device, precision=precision, batch=batch)
        self.iterations = ITERATIONS if iterations is None else iterations
        if self.iterations < 1:
            raise GsanetError(f"RAFT needs at least one iteration, got {self.iterations}")
        self.volume = _volume_limit(self.device) if volume is None else volume
        block = network.corr_block
        self._full = VolumeCorrelation(num_levels=block.num_levels, radius=block.radius)
        self._lean = LeanCorrelation(num_levels=block.num_levels, radius=block.radius)

    def border(self, height: int, width: int) -> Border:
        return padding(height, width)

    def at_once(self, height: int, width: int) -> int:
        """Pairs whose volumes fit together; one where not even one does."""
        top, bottom, left, right = padding(height, width)
        one = volume_bytes(height + top + bottom, width + left + right)
        return max(1, min(self.batch, self.volume // one))

    def compute(self, first: Tensor, second: Tensor, size: tuple[int, int]) -> Tensor:
        lean = volume_bytes(*first.shape[2:]) > self.volume
        block = self._lean if lean else self._full
        kind = PRECISIONS[self.precision]
        self._network.corr_block = block
        try:
            with torch.autocast(self.device.type, kind or torch.bfloat16, enabled=kind is not None):
                steps = self._network(first / 127.5 - 1, second / 127.5 - 1, num_flow_updates=self.iterations)
        finally:
            block.forget()
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
    """To sides that are multiples of 8 and no shorter than 128: the network needs them."""
    return even_border(height, width, multiple=8, smallest=128)


def _volume_limit(device: torch.device) -> int:
    if device.type != "cuda":
        return _CPU_VOLUME
    return int(torch.cuda.get_device_properties(device).total_memory) // 4
