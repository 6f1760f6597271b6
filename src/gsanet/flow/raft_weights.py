"""RAFT's weights: torchvision's own, downloaded or from a file, and what is wrong with another file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchvision.models import optical_flow

from gsanet.base.errors import GsanetError
from gsanet.weights.state_dict import read_state_dict
from gsanet.weights.tensors import counts_batches, weights_of


class _Size(NamedTuple):
    build: Any
    """Makes the network."""
    weights: Any
    """Torchvision's trained weights, an enumeration."""


_SIZES = {
    "small": _Size(optical_flow.raft_small, optical_flow.Raft_Small_Weights),
    "large": _Size(optical_flow.raft_large, optical_flow.Raft_Large_Weights),
}


def build_raft(size: str) -> optical_flow.RAFT:
    """The network, ``small`` or ``large``, with random weights."""
    return _SIZES[size].build(weights=None)


def default_file(size: str) -> str:
    """The name of the file with torchvision's default weights."""
    return str(_SIZES[size].weights.DEFAULT.url).rpartition("/")[2]


def read_weights(size: str, file: Path | None) -> dict[str, Tensor]:
    """A state dict that fits :func:`build_raft`, batch counters aside.

    Args:
        file: a state dict as torchvision publishes it (.pth), or the same tensors as .safetensors; None asks
            torchvision, which downloads its default once and keeps it.

    Raises:
        GsanetError: no network, no such file, not a file of weights, or weights of something else.
    """
    if file is None:
        return _download(size)
    try:
        state = read_state_dict(file)
    except GsanetError as error:
        raise GsanetError(f"{error}: {_wanted(size)}") from None
    reason = _misfit(state, size)
    if reason:
        raise GsanetError(f"{file} does not hold the weights of raft-{size} ({reason}): {_wanted(size)}")
    return state


def _download(size: str) -> dict[str, Tensor]:
    weights = _SIZES[size].weights.DEFAULT
    try:
        with redirect_stdout(sys.stderr):  # the hub says on stdout what it downloads
            state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except Exception as error:  # whatever urllib, http, ssl and torch.hub have: each its own, all of them final
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GsanetError(
            f"the weights of raft-{size} could not be downloaded ({reason}): get torchvision's file "
            f"{default_file(size)} by other means and pass it with --flow-weights FILE"
        ) from None
    return state


def _misfit(state: Mapping[str, Tensor], size: str) -> str:
    """Why these are no weights of this size; empty if they are."""
    wanted = _shapes(size)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if not counts_batches(name)}
    if shapes == wanted:
        return ""
    for other in _SIZES:
        if other != size and shapes == _shapes(other):
            return f"it is raft-{other}'s"
    if any("fnet." in name for name in shapes):
        return "it is the RAFT authors' own, under other names; torchvision's files hold the same and newer weights"
    wrong = [name for name in wanted if shapes.get(name) != wanted[name]] or [
        name for name in shapes if name not in wanted
    ]
    return f"{len(wrong)} of {len(wanted)} tensors are missing, unknown or of another shape, such as {wrong[0]}"


def _shapes(size: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):  # shapes alone: nothing is allocated or drawn
        network = build_raft(size)
    return {name: tuple(tensor.shape) for name, tensor in weights_of(network).items()}


def _wanted(size: str) -> str:
    return f"pass torchvision's {default_file(size)}, or its tensors as .safetensors"
