"""A file of weights for a network of flow: read, and what is wrong with it if it is not this network's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gsanet.base.errors import GsanetError
from gsanet.weights.state_dict import read_state_dict
from gsanet.weights.tensors import counts_batches, weights_of

Shapes = Mapping[str, tuple[int, ...]]
"""Of tensors by name, without norms' counts of batches."""


def shapes_of(build: Callable[[], nn.Module]) -> Shapes:
    """Of the network that *build* makes; nothing is allocated or drawn for it."""
    with torch.device("meta"):
        return _shapes(weights_of(build()))


def read_fitting(
    file: Path, method: str, needed: Shapes, wanted: str, explain: Callable[[Shapes], str | None]
) -> dict[str, Tensor]:
    """The tensors of a file of weights, which are those that *needed* names, with or without counts of batches.

    Args:
        file: as :func:`~gsanet.weights.state_dict.read_state_dict` reads it; ``module.`` before its names, as of
            networks trained on several GPUs, is left out.
        method: whose weights they should be.
        needed: their names and shapes.
        wanted: the file to pass instead, in words.
        explain: whose weights those of a file that does not fit are, if it can tell.

    Raises:
        GsanetError: no such file, not a file of weights, or weights of something else.
    """
    try:
        state = {name.removeprefix("module."): tensor for name, tensor in read_state_dict(file).items()}
    except GsanetError as error:
        raise GsanetError(f"{error}: pass {wanted}") from None
    found = _shapes(state)
    if found != needed:
        reason = explain(found) or _difference(found, needed)
        raise GsanetError(f"{file} does not hold the weights of {method} ({reason}): pass {wanted}")
    return state


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items() if not counts_batches(name)}


def _difference(found: Shapes, needed: Shapes) -> str:
    wrong = [name for name in needed if found.get(name) != needed[name]] or [
        name for name in found if name not in needed
    ]
    return f"{len(wrong)} of {len(needed)} tensors are missing, unknown or of another shape, such as {wrong[0]}"
