"""``gsanet flow``: optical flow pictures for a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli import app


@app.command()
def flow(
    root: Annotated[Path, typer.Argument(help="Folder with RGB/ (names sequence_00000) or <sequence>/RGB/.")],
    method: Annotated[str, typer.Option(help="dis, dis-fast or dis-ultrafast.")] = "dis",
    out: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(help="Write FLOW/ below this folder instead of ROOT, in the same form."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Draw pictures again that are there.")] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Threads; as many as processors if not given."),
    ] = None,
) -> None:
    """Fill FLOW/ of a data folder: one colour-wheel picture (PNG) for each frame, kept if it is there already."""
    from gsanet.cli.progress import frame_progress
    from gsanet.data.flow_folder import fill_flow

    with frame_progress("flow") as progress:
        filled = fill_flow(root, method=method, out=out, overwrite=overwrite, jobs=jobs, progress=progress)
    noun = "sequence" if filled.sequences == 1 else "sequences"
    typer.echo(
        f"{filled.sequences} {noun}: {filled.written} flow pictures written, {filled.kept} kept, in {out or root}"
    )
