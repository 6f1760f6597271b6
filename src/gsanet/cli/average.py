"""``gsanet average``: the mean of several runs' weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli import app
from gsanet.cli.weights import check_weights_name, write_weights


@app.command()
def average(
    files: Annotated[list[Path], typer.Argument(help="Weights of runs that began alike, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .safetensors file to write.")],
) -> None:
    """Average weights of runs that began with the same ones: as good as the best of them, or better."""
    import torch

    from gsanet.model import GSANet
    from gsanet.weights.average import average_of

    check_weights_name(output)
    model = average_of(files)
    # As training saves them: stage 1 in full, for stage 2 to start from.
    dtype = torch.float16 if isinstance(model, GSANet) else None
    write_weights(model, output, {"average_of": [str(file) for file in files]}, dtype)
    typer.echo(output)
