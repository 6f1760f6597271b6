"""``gsanet average``: the mean of several runs' weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli.app import command
from gsanet.cli.weights import Output, check_weights_name, write_weights


@command("gsanet average runs/a/last.safetensors runs/b/last.safetensors -o mean.safetensors")
def average(
    files: Annotated[list[Path], typer.Argument(help="Weights of two runs or more, .safetensors.", metavar="FILE")],
    output: Output,
) -> None:
    """Average the weights of several runs into one model.

    The runs must have started from the same weights. The mean is usually as good as the best of them, and often better;
    `gsanet score` tells.
    """
    import torch

    from gsanet.model import GSANet
    from gsanet.weights.average import average_of

    check_weights_name(output)
    model = average_of(files)
    # As training saves them: stage 1 in full, for stage 2 to start from.
    dtype = torch.float16 if isinstance(model, GSANet) else None
    write_weights(model, output, {"average_of": [str(file) for file in files]}, dtype)
    typer.echo(output)
