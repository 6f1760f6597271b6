"""``gsanet flow``: optical flow pictures for a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli import app


@app.command()
def flow(
    root: Annotated[Path, typer.Argument(help="Folder with RGB/ (names sequence_00000) or <sequence>/RGB/.")],
    method: Annotated[
        str, typer.Option(help="dis, dis-fast, dis-ultrafast, raft-small, raft-large or gmflow.", metavar="METHOD")
    ] = "dis",
    save: Annotated[
        str, typer.Option(help="Any of picture (FLOW/), flo, npz (vectors, FLOW_RAW/).", metavar="A,B,...")
    ] = "picture",
    direction: Annotated[
        str, typer.Option(help="forward, backward (to the frame before, in FLOW_BACKWARD/) or both.")
    ] = "forward",
    gap: Annotated[
        int, typer.Option(min=1, help="To the N-th frame on (or back); in FLOW_GAP3/ and so on.", metavar="N")
    ] = 1,
    out: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option("--out", "-o", help="Write below this folder instead of ROOT, in the same form."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write again what is there.")] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Threads; for DIS as many as processors if not given, for networks three."),
    ] = None,
    long_side: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=16, help="Compute on frames brought down to this; vectors are scaled back.", metavar="N"),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="RAFT: torchvision's file (.pth) or .safetensors; downloaded if not given. GMFlow: its file, needed.",
            metavar="FILE",
        ),
    ] = None,
    iterations: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="RAFT: steps of refinement; 12 if not given."),
    ] = None,
    device: Annotated[str, typer.Option(help="RAFT, GMFlow: auto, cpu, cuda, cuda:1 ...")] = "auto",
    precision: Annotated[
        str, typer.Option(help="RAFT, GMFlow: auto (on a GPU float16, bfloat16), float32, float16 or bfloat16.")
    ] = "auto",
    batch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="RAFT, GMFlow: pairs at once; if not given 8 and 4 on a GPU and 1 on a CPU."),
    ] = None,
) -> None:
    """Fill FLOW/ of a data folder: one colour-wheel picture (PNG) for each frame, kept if it is there already."""
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
            long_side=long_side,
            weights=weights,
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
