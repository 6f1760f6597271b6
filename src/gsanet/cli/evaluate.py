"""``gsanet evaluate``: masks against ground truth, by a benchmark's rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import command
from gsanet.cli.choices import FRAMES, choice
from gsanet.cli.progress import frame_progress

if TYPE_CHECKING:
    from gsanet.evaluation import Evaluation, Result

RULES = "Exceptions from the protocol"
"""Heading in the help."""


@command(
    "gsanet evaluate out DATA/DAVIS_test",
    "gsanet evaluate out DATA/DAVIS_test --html report.html --json ours.json",
    "gsanet evaluate out DATA/DAVIS_test --compare theirs=other_masks",
)
def evaluate(
    pred: Annotated[
        Path,
        typer.Argument(
            help="Folder of the masks to measure: <sequence>/*.png, <sequence>/masks/*.png (as `gsanet segment` "
            "writes them) or sequence_00000.png.",
            metavar="MASKS",
        ),
    ],
    gt: Annotated[
        Path,
        typer.Argument(
            help="Folder of the true masks: a DAVIS folder as downloaded, <sequence>/GT, GT/sequence_00000.png, "
            "or <sequence>/*.png.",
            metavar="TRUTH",
        ),
    ],
    protocol: opt.Protocol = "davis16",
    sequences: opt.Sequences = "",
    split: opt.Split = "val",
    name: Annotated[
        str,
        typer.Option(help="What to call these masks in tables.", metavar="TEXT", show_default="the folder's name"),
    ] = "",
    threshold: Annotated[
        Optional[float],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(
            help="The masks are grey: what is brighter than this share of white is object, such as 0.5.",
            metavar="X",
            show_default="grey masks are an error",
        ),
    ] = None,
    resize: Annotated[
        bool, typer.Option("--resize", help="Stretch masks of another size than the true ones; else an error.")
    ] = False,
    rgb: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="The pictures, for --html and --stability.",
            metavar="FOLDER",
            show_default="beside the true masks",
        ),
    ] = None,
    frames: Annotated[
        Optional[str],  # noqa: UP045
        choice("--frames", FRAMES, "Which frames count.", default="as the protocol says", panel=RULES),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Several objects in a mask count as one.", rich_help_panel=RULES)
    ] = False,
    keep_empty: Annotated[
        bool,
        typer.Option(
            "--keep-empty", help="With fbms: frames in which nothing is to be found count too.", rich_help_panel=RULES
        ),
    ] = False,
    no_stretch: Annotated[
        bool,
        typer.Option(
            "--no-stretch",
            help="With vsod: take grey maps as they are, instead of stretching each to the whole range first.",
            rich_help_panel=RULES,
        ),
    ] = False,
    html: opt.Html = None,
    json: opt.Json = None,
    row: opt.Row = None,
    compare: opt.Compare = None,
    stability: opt.Stability = False,
    jobs: opt.Jobs = None,
) -> None:
    """Measure masks you have against the true ones (ground truth).

    By the rules of the benchmark that --protocol names; every rule applied is printed with the numbers. The masks may
    come from any program.
    """
    from gsanet.evaluation import evaluate as run

    wanted = [s.strip() for s in sequences.split(",") if s.strip()] or None

    def one(folder: Path, label: str) -> Evaluation:
        with frame_progress(f"evaluating {label or folder.name}") as show:
            return run(
                folder,
                gt,
                label or None,
                protocol_name=protocol,
                sequences=wanted,
                split=split,
                threshold=threshold,
                merge=merge,
                keep_empty=keep_empty,
                frames=frames or "",
                resize=resize,
                stability=stability,
                stretch=not no_stretch,
                rgb=rgb,
                workers=jobs or os.cpu_count() or 1,
                progress=lambda _, done, total: show(done, total),
            )

    runs: list[Evaluation | Result] = [one(pred, name)]
    for text in compare or []:
        label, path = split_name(text)
        runs.append(load(path, label) if path.is_file() else one(path, label))
    present(runs, html=html, json=json, row=row)


def split_name(text: str) -> tuple[str, Path]:
    """``NAME=PATH`` or ``PATH``; a path that exists as it stands is never split."""
    label, sign, path = text.partition("=")
    return ("", Path(text)) if not sign or Path(text).exists() else (label, Path(path))


def load(path: Path, label: str) -> Result:
    """An earlier run from its JSON."""
    from gsanet.evaluation import Result

    result = Result.load(path)
    result.name = label or result.name
    return result


def present(runs: list[Evaluation | Result], *, html: Path | None, json: Path | None, row: str | None) -> None:
    """Print the first run and its comparison with the others; write the files asked for."""
    from gsanet.evaluation import Result
    from gsanet.evaluation.report import write_report
    from gsanet.evaluation.table import rows, spread, text_comparison, text_table

    results = [run if isinstance(run, Result) else run.result for run in runs]
    first = results[0]
    typer.echo(text_table(first))
    typer.echo(f"\n{spread(first)}")
    if len(results) > 1:
        typer.echo(text_comparison(results))
    typer.echo("\nChoices behind these numbers:")
    for sentence in first.choices:
        typer.echo(f"  {sentence}")
    for result in results:
        for warning in result.warnings:
            typer.echo(f"warning: {result.name}: {warning}" if len(results) > 1 else f"warning: {warning}", err=True)
    if row:
        typer.echo("\n" + rows(results, row))
    if json:
        first.save(json)
        typer.echo(f"\nwrote {json}")
    if html:
        write_report(runs, html)
        typer.echo(f"wrote {html}")
