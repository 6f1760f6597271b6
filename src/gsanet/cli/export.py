"""``gsanet export``: a trained model as an ONNX file that runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import command
from gsanet.cli.choices import FORMATS, choice


@command(
    "gsanet export -o exported",
    "gsanet export runs/mine/best.safetensors -o exported",
    "gsanet segment holiday.mp4 -o out --model exported/best.onnx",
)
def export(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the file, or the file.", metavar="FOLDER|FILE.onnx")
    ],
    model: opt.TrainedModel = "lite",
    format_: Annotated[str, choice("--format", FORMATS, "What to export to.")] = "onnx",
    licence: Annotated[
        str,
        typer.Option(
            help="Licence of the weights, noted in the file.",
            metavar="TEXT",
            show_default="what is known of them",
        ),
    ] = "",
) -> None:
    """Write a model as one ONNX file, which runs without PyTorch.

    FOLDER/NAME.onnx takes a frame of any size and its references, and gives its probability. For models built like the
    one in the package this takes a second and needs no PyTorch either; others are traced, which takes a minute, and
    compared with PyTorch before they are kept.
    """
    from gsanet.export.exporter import export_weights
    from gsanet.export.graph_info import Facts
    from gsanet.weights.packaged import find_weights, licence_of

    name = Path(model).name
    with find_weights(model) as file:
        stem = file.stem if Path(model).is_file() else name
        named = out.suffix == ".onnx" and not out.is_dir()
        place = export_weights(file, out if named else out / f"{stem}.onnx", Facts(name, licence or licence_of(model)))
    typer.echo(f"{place}: {place.stat().st_size / 1e6:.1f} MB")
