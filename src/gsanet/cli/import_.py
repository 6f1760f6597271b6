"""``gsanet import``: a checkpoint of the published code becomes a file of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli import app
from gsanet.cli.weights import check_weights_name, write_weights


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A .pth file of the published code, video or pretraining.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .safetensors file to write.")],
) -> None:
    """Translate a checkpoint of the published code; what has no place in our model is listed."""
    from gsanet.weights.published import import_published

    check_weights_name(output)
    model, report = import_published(checkpoint)
    write_weights(model, output, {"imported_from": checkpoint.name, "used": report.used, "unused": list(report.unused)})
    what = "video model" if report.kind == "gsanet" else "pretraining model"
    typer.echo(f"{output}: {what}, {report.backbone}, {report.used} tensors taken, {len(report.unused)} unused")
    for name in report.unused:
        typer.echo(f"  unused: {name}")
