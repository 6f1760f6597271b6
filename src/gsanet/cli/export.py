"""``gsanet export``: a trained model as ONNX files that run without PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gsanet.cli import command
from gsanet.cli import options as opt
from gsanet.cli.choices import FORMATS, choice

if TYPE_CHECKING:
    from gsanet.model import GSANetConfig

WIDESCREEN = (9, 16)
"""Height and width, in proportion, of the clips that a model is exported for where nothing else is said."""


@command(
    "gsanet export -o exported",
    "gsanet export runs/mine/best.safetensors -o exported --size 288x512",
    "gsanet segment holiday.mp4 -o out --model exported",
)
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.", metavar="FOLDER")],
    model: opt.TrainedModel = "lite",
    format_: Annotated[str, choice("--format", FORMATS, "What to export to.")] = "onnx",
    size: Annotated[
        str,
        typer.Option(
            help="Height and width of the pictures that the files take, multiples of 32.",
            metavar="HxW",
            show_default="what the model was made for, at 16:9",
        ),
    ] = "",
    licence: Annotated[
        str,
        typer.Option(
            help="Licence of the weights, noted in the files.",
            metavar="TEXT",
            show_default="what is known of them",
        ),
    ] = "",
) -> None:
    """Write a model as ONNX files, which run without PyTorch.

    FOLDER/step_HxW.onnx computes a frame, FOLDER/references_HxW.onnx the reference frames of a clip. Both are compared
    with PyTorch by ONNX Runtime, if that is installed, and not kept if they differ. Files of several sizes can share a
    folder: `gsanet segment --model FOLDER` takes those that fit a clip.
    """
    from importlib import util

    from gsanet.export.exporter import export_onnx
    from gsanet.export.metadata import Facts
    from gsanet.weights.checkpoint import load_model
    from gsanet.weights.packaged import find_weights, licence_of

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
