"""``gsanet prepare``: an official download becomes folders that training and evaluation read."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli import app

if TYPE_CHECKING:
    from gsanet.prepare import PartReport, Report

SHOWN = 20
"""Names of one kind that are printed; --json has all."""


class Resolution(str, Enum):
    """Of DAVIS."""

    sd = "480p"
    full = "full"


@app.command()
def prepare(
    name: Annotated[
        str,
        typer.Argument(
            help="duts, davis16, davis17, ytvos, fbms, youtube-objects, segtrack2, davsod, or folder (your own clips).",
            metavar="NAME",
        ),
    ],
    source: Annotated[
        list[Path],
        typer.Argument(help="The download as it is (zip, tar, tar.gz) or its folder; several if it comes in several."),
    ],
    root: Annotated[Path, typer.Option("--out", "-o", help="Folder of your data sets.", metavar="ROOT")],
    resolution: Annotated[Resolution, typer.Option(help="DAVIS: which of its two resolutions.")] = Resolution.sd,
    label: Annotated[
        str, typer.Option("--name", help="folder: what the result is called; else as what is given.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written and what is missing.")] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(min=1, help="Threads; as many as processors if not given."),
    ] = None,
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the whole report, with every missing name, as JSON.", metavar="FILE"),
    ] = None,
) -> None:
    """Write a data set in the layout of `gsanet train` and `gsanet evaluate`, straight from its official download.

    Nothing is unpacked. What is there already is kept, so the same command goes on where it was stopped.
    Photographs are copied as they are; masks become 1-bit PNG with all objects merged, at their photograph's size. An
    incomplete download is prepared as far as it goes: what is missing is named, and the exit code is 0. It is 1 when
    nothing is usable.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.cli.progress import frame_progress
    from gsanet.prepare import Choices
    from gsanet.prepare import prepare_dataset as run

    options = Choices(resolution.value, label)
    with frame_progress(name) as progress:
        report = run(name, source, root, options=options, dry_run=dry_run, jobs=jobs, progress=progress)
    _print(report)
    if json:
        from json import dumps

        try:
            json.write_text(dumps(report.to_dict(), indent=1))
        except OSError as error:
            raise GsanetError(f"cannot write {json}: {error.strerror or error}") from None
        typer.echo(f"wrote {json}")


def _print(report: Report) -> None:
    last = ("to write", "MB") if report.dry_run else ("written", "kept", "empty", "resized")
    rows = [("", "sequences", "frames", "masks", *last)]
    for part in report.parts:
        done = part.outcome
        counts = (done.written, done.kept, len(done.empty), len(done.resized))
        planned = (part.to_write, round(part.bytes_to_write / 1e6))
        numbers = (part.frames, part.masks, *(planned if report.dry_run else counts))
        rows.append((part.folder, f"{part.sequences:,}" if part.sequences else "-", *(f"{n:,}" for n in numbers)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join((first.strip().ljust(widths[0]), *others)))
    for part in report.parts:
        _warn(part)
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if report.dry_run:
        typer.echo("dry run: nothing was written")
        return
    typer.echo(f"\n{report.title} is in {report.root}")
    for part in report.parts:
        if part.protocol and part.masks:
            typer.echo(f"  gsanet benchmark lite --data {report.root / part.folder} --protocol {part.protocol}")


def _warn(part: PartReport) -> None:
    for sentence in part.shortfalls:
        typer.echo(f"warning: {part.folder}: {sentence}", err=True)
    for names, what in (
        (part.missing, "missing"),
        (part.surplus, "masks without a photograph, left out"),
        (part.outcome.stretched, "masks of another shape than their photograph, stretched to it"),
    ):
        if names:
            more = f" and {len(names) - SHOWN:,} more (--json has all)" if len(names) > SHOWN else ""
            typer.echo(f"warning: {part.folder}: {len(names):,} {what}: {', '.join(names[:SHOWN])}{more}", err=True)
