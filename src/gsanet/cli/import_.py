"""``gsanet import``: a checkpoint of the published code becomes a file of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli import app


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A .pth file of the published code, video or pretraining.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .safetensors file to write.")],
) -> None:
    """Translate a checkpoint of the published code; what has no place in our model is listed."""
    from gsanet.errors import GsanetError
    from gsanet.model.checkpoint import save_model
    from gsanet.model.published import import_published

    if output.suffix != ".safetensors":
        raise GsanetError(f"{output}: the output is a safetensors file, give it a name that ends in .safetensors")
    model, report = import_published(checkpoint)
    try:
        save_model(
            model, output, info={"imported_from": checkpoint.name, "used": report.used, "unused": list(report.unused)}
        )
    except OSError as error:
        raise GsanetError(f"cannot write {output}: {error.strerror or error}") from None
    what = "video model" if report.kind == "gsanet" else "pretraining model"
    typer.echo(f"{output}: {what}, {report.backbone}, {report.used} tensors taken, {len(report.unused)} unused")
    for name in report.unused:
        typer.echo(f"  unused: {name}")
