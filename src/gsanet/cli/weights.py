"""Weights that a command writes where it was told to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gsanet.base.errors import GsanetError

if TYPE_CHECKING:
    import torch

    from gsanet.model import GSANet, SaliencyNet

Output = Annotated[
    Path, typer.Option("--out", "-o", "--output", help="The file to write, .safetensors.", metavar="FILE")
]


def check_weights_name(output: Path) -> None:
    """Before any work is done.

    Raises:
        GsanetError: the name is not that of a safetensors file.
    """
    if output.suffix != ".safetensors":
        raise GsanetError(f"{output}: the output is a safetensors file, give it a name that ends in .safetensors")


def write_weights(
    model: GSANet | SaliencyNet, output: Path, info: Mapping[str, Any], dtype: torch.dtype | None = None
) -> None:
    """:func:`~gsanet.weights.checkpoint.save_model`, with an error a person understands.

    Raises:
        GsanetError: it cannot be written.
    """
    from gsanet.weights.checkpoint import save_model

    try:
        save_model(model, output, dtype=dtype, info=info)
    except OSError as error:
        raise GsanetError(f"cannot write {output}: {error.strerror or error}") from None
