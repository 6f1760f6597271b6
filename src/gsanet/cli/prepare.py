"""``gsanet prepare``: an official download becomes folders that training and evaluation read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from gsanet.cli.app import command
from gsanet.cli.choices import DATASETS, RESOLUTIONS, choice, chosen

if TYPE_CHECKING:
    from gsanet.prepare import PartReport, Report

SHOWN = 20
"""Names of one kind that are printed; --json has all."""


@command(
    "gsanet prepare davis16 DAVIS-data.zip -o DATA --dry-run",
    "gsanet prepare duts DUTS-TR.zip DUTS-TE.zip -o DATA",
    "gsanet prepare folder my_clips -o DATA --name mine",
    "gsanet prepare coco corrected.json frames_folder -o DATA --name corrected",
)
def prepare(
    name: Annotated[str, chosen("DATASET", DATASETS, "What the download is.")],
    source: Annotated[
        list[Path],
        typer.Argument(
            help="The download as it is (zip, tar, tar.gz, JSON with coco), or unpacked; all, if it is several.",
            metavar="DOWNLOAD",
        ),
    ],
    root: Annotated[Path, typer.Option("--out", "-o", help="Folder of all your data sets.", metavar="DATA")],
    resolution: Annotated[str, choice("--resolution", RESOLUTIONS, "DAVIS comes in two.")] = "480p",
    label: Annotated[
        str,
        typer.Option(
            "--name",
            help="With folder and coco: what to call your data set.",
            metavar="TEXT",
            show_default="as what is given",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be written, and what is missing.")
    ] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(min=1, help="How many threads.", metavar="N", show_default="one per core"),
    ] = None,
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Also write the report, with every missing name, as JSON.", metavar="FILE"),
    ] = None,
) -> None:
    """Turn a download, or your own clips, into training and test data.

    Nothing is downloaded and nothing unpacked. Photographs are copied as they are; masks become black and white PNG of
    the photographs' size, all objects as one. What is there already is kept, so the same command goes on where it was
    stopped. Of an incomplete download what is there is written, and what is missing is named.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.cli.progress import frame_progress
    from gsanet.prepare import Choices
    from gsanet.prepare import prepare_dataset as run

    given: dict[str, Any] = {"resolution": resolution, "name": label}
    with frame_progress(name) as progress:
        report = run(name, source, root, choices=Choices(**given), dry_run=dry_run, jobs=jobs, progress=progress)
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
            typer.echo(f"  gsanet score lite --data {report.root / part.folder} --protocol {part.protocol}")


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
