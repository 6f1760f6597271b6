"""Options of ``gsanet segment`` for many clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli import choices

# Typer reads annotations at run time on every supported Python, so they are written for the oldest.
# ruff: noqa: UP045

MANY = "Many clips"

Jobs = Annotated[
    str,
    typer.Option(
        help="Segment so many clips at once, each in a process of its own; auto: one for every four processors.",
        metavar="N|auto",
        show_default="1; with --engine ray the processors of the cluster",
        rich_help_panel=MANY,
    ),
]
Engine = Annotated[str, choices.choice("--engine", choices.ENGINES, "What the processes are.", panel=MANY)]
Address = Annotated[
    Optional[str],
    typer.Option(
        help="Of a Ray cluster: auto, HOST:6379 or ray://HOST:10001.",
        metavar="ADDRESS",
        show_default="a cluster of this machine alone, as long as it takes",
        rich_help_panel=MANY,
    ),
]
Shard = Annotated[
    Optional[str],
    typer.Option(
        help="Do the I-th of N parts of the clips, for schedulers such as Slurm; all must be given the same clips.",
        metavar="I/N",
        show_default="all clips",
        rich_help_panel=MANY,
    ),
]
Report = Annotated[
    Optional[Path],
    typer.Option(
        help="Also write what became of each clip, as JSON.",
        metavar="FILE",
        show_default="none",
        rich_help_panel=MANY,
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        help="Try a clip again so often whose process was killed or whose disk failed; not one that cannot be read.",
        metavar="N",
        rich_help_panel=MANY,
    ),
]
Piece = Annotated[
    Optional[int],
    typer.Option(
        min=0,
        help="Give a clip of twice so many frames or more to several workers, in pieces; 0: no clip.",
        metavar="FRAMES",
        show_default="0; with --engine ray 5000",
        rich_help_panel=MANY,
    ),
]
