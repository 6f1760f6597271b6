"""``gsanet export``: a trained model as ONNX files that run without PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsanet.cli import app

if TYPE_CHECKING:
    from gsanet.model import GSANetConfig

FORMATS = ("onnx",)

WIDESCREEN = (9, 16)
"""Height and width, in proportion, of the clips that a model is exported for where nothing else is said."""


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.", metavar="FOLDER")],
    model: Annotated[
        str, typer.Argument(help="Trained weights: a name inside the package, a file, or owner/name on the hub.")
    ] = "lite",
    format_: Annotated[str, typer.Option("--format", help="What to export to: onnx.")] = "onnx",
    size: Annotated[
        str,
        typer.Option(
            help="Height and width of the network's input, multiples of 32; by default that of segment for 16:9.",
            metavar="HxW",
        ),
    ] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights, noted in the files.", metavar="TEXT")] = "",
) -> None:
    """Write FOLDER/step_HxW.onnx (one frame) and FOLDER/references_HxW.onnx (reference frames).

    Each file is compared with PyTorch by ONNX Runtime, where that is installed, and not kept if it differs. Run again
    with another --size to have both in the folder; `gsanet segment --model FOLDER` takes the one that fits a clip.
    """
    from importlib import util

    from gsanet.base.errors import GsanetError
    from gsanet.export.exporter import export_onnx
    from gsanet.export.metadata import Facts
    from gsanet.weights.checkpoint import load_model
    from gsanet.weights.packaged import find_weights, licence_of

    if format_ not in FORMATS:
        raise GsanetError(f"unknown format {format_!r}: choose one of {', '.join(FORMATS)}")
    with find_weights(model) as file:
        network = load_model(file)
    facts = Facts(Path(model).name, licence or licence_of(model))
    files = export_onnx(network, out, _size(size, network.config), facts=facts)
    checked = "same as PyTorch" if util.find_spec("onnxruntime") else "not checked: onnxruntime is not installed"
    for place in files:
        typer.echo(f"{place}: {place.stat().st_size / 1e6:.1f} MB, {checked}")


def _size(text: str, config: GSANetConfig) -> tuple[int, int]:
    from gsanet.base.errors import GsanetError
    from gsanet.segment.options import DEFAULT_QUALITY, preset

    if not text:
        return preset(DEFAULT_QUALITY, {}).views(*WIDESCREEN, config)[0].size
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not match:
        raise GsanetError(f"--size must be height x width, such as 224x384; got {text!r}")
    return int(match[1]), int(match[2])
