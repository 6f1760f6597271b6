"""``gsanet flow``: optical flow pictures for a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli.app import command
from gsanet.cli.choices import DEVICE, DIRECTIONS, FLOW_FILES, FLOW_PRECISIONS, FLOWS, choice, several

NETWORKS, RAFT = "For RAFT and GMFlow", "For RAFT only"
"""Headings in the help."""


@command(
    "gsanet flow DATA/DAVIS_train",
    "gsanet flow DATA/DAVIS_train --method raft-large --device cuda",
    "gsanet flow DATA/DAVIS_train --save picture,flo --direction both",
)
def flow(
    root: Annotated[
        Path,
        typer.Argument(help="Data set: RGB/ with names sequence_00000, or <sequence>/RGB/.", metavar="FOLDER"),
    ],
    method: Annotated[str, choice("--method", FLOWS, "How motion is found.")] = "dis",
    flow_size: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(
            "--flow-size",
            "--long-side",
            min=16,
            help="Bring frames to this long side, in pixels, to find their motion; vectors are scaled back.",
            metavar="N",
            show_default="the frames' own size",
        ),
    ] = None,
    save: Annotated[str, several("--save", FLOW_FILES, "What to write, separated by commas.")] = "picture",
    direction: Annotated[
        str, choice("--direction", DIRECTIONS, "From each frame to which of its neighbours.")
    ] = "forward",
    gap: Annotated[
        int, typer.Option(min=1, help="To the N-th frame on (or back), in folders of their own.", metavar="N")
    ] = 1,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out",
            "-o",
            help="Write into this folder, in the same form.",
            metavar="FOLDER",
            show_default="the data set itself",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write again what is there; else it is kept.")] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="How many threads.", metavar="N", show_default="one per core; three with a network"),
    ] = None,
    flow_weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--flow-weights",
            "--weights",
            help="Weights of RAFT (torchvision's .pth) or GMFlow (.pkl, .pth), or either's as .safetensors.",
            metavar="FILE",
            show_default="for RAFT: downloaded when needed",
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where to compute; auto takes a GPU if there is one.", metavar=DEVICE, rich_help_panel=NETWORKS
        ),
    ] = "auto",
    precision: Annotated[
        str, choice("--precision", FLOW_PRECISIONS, "How exactly to compute.", panel=NETWORKS)
    ] = "auto",
    batch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="Pairs of frames at once.",
            metavar="N",
            show_default="8 on a GPU (GMFlow 4), 1 on a CPU",
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    iterations: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Steps of refinement.", metavar="N", show_default="12", rich_help_panel=RAFT),
    ] = None,
) -> None:
    """Write the optical flow of a data set, ahead of training.

    Optical flow says for each pixel how it moves to the next frame. `gsanet segment` computes it by itself, and so does
    training unless its recipe says otherwise: this is for recipes with flow by a network, and for looking at flow. One
    picture per frame goes into FLOW/ beside RGB/; a run that was stopped goes on.
    """
    from gsanet.cli.progress import frame_progress
    from gsanet.data.flow_folder import fill_flow

    kinds = [kind.strip() for kind in save.split(",")]
    with frame_progress("flow") as progress:
        filled = fill_flow(
            root,
            method=method,
            save=kinds,
            direction=direction,
            gap=gap,
            out=out,
            overwrite=overwrite,
            jobs=jobs,
            progress=progress,
            long_side=flow_size,
            weights=flow_weights,
            iterations=iterations,
            device=device,
            precision=precision,
            batch=batch,
        )
    sequences = "sequence" if filled.sequences == 1 else "sequences"
    things = "flow pictures" if kinds == ["picture"] else "frames' flow"
    typer.echo(
        f"{filled.sequences} {sequences}: {filled.written} {things} written, {filled.kept} kept, in {out or root}"
    )
