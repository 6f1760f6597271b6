"""``gsanet import``: a checkpoint of the published code becomes a file of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli.app import command
from gsanet.cli.weights import Output, check_weights_name, write_weights


@command("gsanet import best.pth -o published.safetensors", name="import")
def import_checkpoint(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="A .pth file that the paper's own code has saved: of videos, or of pretraining.", metavar="FILE"
        ),
    ],
    output: Output,
) -> None:
    """Turn a checkpoint of the paper's own code into a gsanet model.

    Tensors that have no place in the model are listed.
    """
    from gsanet.weights.published import import_published

    check_weights_name(output)
    model, report = import_published(checkpoint)
    write_weights(model, output, {"imported_from": checkpoint.name, "used": report.used, "unused": list(report.unused)})
    what = "video model" if report.kind == "gsanet" else "pretraining model"
    typer.echo(f"{output}: {what}, {report.backbone}, {report.used} tensors taken, {len(report.unused)} unused")
    for name in report.unused:
        typer.echo(f"  unused: {name}")
