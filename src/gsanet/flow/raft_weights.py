"""RAFT's weights: torchvision's own, downloaded or from a file, and what is wrong with another file."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torchvision.models import optical_flow

from gsanet.base.errors import GsanetError
from gsanet.flow.network_weights import Shapes, read_fitting, shapes_of


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
    wanted = f"torchvision's {default_file(size)}, or its tensors as .safetensors"
    return read_fitting(file, f"raft-{size}", _shapes(size), wanted, _other)


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


def _other(found: Shapes) -> str | None:
    """What weights these are, if it is known."""
    for size in _SIZES:
        if found == _shapes(size):
            return f"it is raft-{size}'s"
    if any("fnet." in name for name in found):
        return "it is the RAFT authors' own, under other names; torchvision's files hold the same and newer weights"
    return None


def _shapes(size: str) -> Shapes:
    return shapes_of(partial(build_raft, size))
