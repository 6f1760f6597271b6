"""``gsanet evaluate``: masks against ground truth, by a benchmark's rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli import app
from gsanet.cli.progress import frame_progress

if TYPE_CHECKING:
    from gsanet.evaluation import Evaluation, Result

# Shared with `gsanet benchmark`.
Protocol = Annotated[
    str,
    typer.Option(help="davis16, davis17-merged, fbms, youtube-objects, segtrack2, long-videos or vsod."),
]
Sequences = Annotated[str, typer.Option(help="Only these sequences, separated by commas.", metavar="A,B,...")]
Split = Annotated[str, typer.Option(help="Split of an official DAVIS root.")]
Name = Annotated[str, typer.Option(help="Name of this run in tables; by default the folder's.")]
Html = Annotated[Optional[Path], typer.Option(help="Write a report to look at: one file, no network.", metavar="FILE")]  # noqa: UP045
Json = Annotated[Optional[Path], typer.Option(help="Write every number, per frame, as JSON.", metavar="FILE")]  # noqa: UP045
Row = Annotated[str, typer.Option(help="Also print a table row to paste: markdown or latex.", metavar="STYLE")]
Compare = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        help="Another run to compare with: a folder of masks or a --json file; NAME=PATH names it. Repeatable.",
        metavar="[NAME=]PATH",
    ),
]
Stability = Annotated[
    bool,
    typer.Option("--stability", help="Also our own temporal stability (flow-warped IoU); needs the pictures."),
]
Rgb = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="Pictures, if not beside the ground truth (for --html and --stability).", metavar="FOLDER"),
]
Workers = Annotated[int, typer.Option(help="Processes; 0 is one per core.", min=0)]


@app.command()
def evaluate(
    pred: Annotated[Path, typer.Argument(help="Masks: <sequence>[/masks]/*.png or flat sequence_00000.png.")],
    gt: Annotated[Path, typer.Argument(help="DAVIS root, <sequence>/GT, flat GT/, or folders of masks.")],
    protocol: Protocol = "davis16",
    sequences: Sequences = "",
    split: Split = "val",
    name: Name = "",
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Predictions are soft maps: foreground is above this share of white, such as 0.5."),
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Take several objects as one.")] = False,
    keep_empty: Annotated[
        bool, typer.Option("--keep-empty", help="fbms: count frames whose ground truth is empty.")
    ] = False,
    frames: Annotated[str, typer.Option(help="all or inner (without first and last) instead of the protocol's.")] = "",
    resize: Annotated[bool, typer.Option("--resize", help="Stretch predictions of another size.")] = False,
    no_stretch: Annotated[
        bool, typer.Option("--no-stretch", help="vsod: take maps as they are instead of stretching them to 0..1.")
    ] = False,
    stability: Stability = False,
    rgb: Rgb = None,
    compare: Compare = None,
    html: Html = None,
    json: Json = None,
    row: Row = "",
    workers: Workers = 0,
) -> None:
    """Measure masks against ground truth exactly as a benchmark does, and say every choice made."""
    from gsanet.evaluation import evaluate as run

    check_row(row)
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
                frames=frames,
                resize=resize,
                stability=stability,
                stretch=not no_stretch,
                rgb=rgb,
                workers=workers or os.cpu_count() or 1,
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


def check_row(row: str) -> None:
    """Fail before the work, not after it."""
    from gsanet.base.errors import GsanetError

    if row not in ("", "markdown", "latex"):
        raise GsanetError(f"--row is 'markdown' or 'latex', not {row!r}")


def present(runs: list[Evaluation | Result], *, html: Path | None, json: Path | None, row: str) -> None:
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
