"""``gsanet runs``: the training runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gsanet.cli.app import command


@command("gsanet runs", "gsanet runs experiments")
def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look: in it and two levels below.", metavar="FOLDER")] = Path(
        "runs"
    ),
) -> None:
    """List training runs: how far they are, best score, folder.

    The newest first. A run that was stopped goes on with the command that began it.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from gsanet.training.folder import list_runs

    found = list_runs(folder)
    if not found:
        typer.echo(f"no runs in {folder}")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("run", "stage", "steps", "best", "at step", "minutes", "written"):
        table.add_column(name, justify="left" if name in ("run", "stage") else "right", no_wrap=True)
    for run in found:
        chosen = (f"{run['best']:.4f}", str(run["best_step"])) if run["best"] >= 0 else ("-", "-")
        table.add_row(
            str(run["path"]), run["stage"], f"{run['step']}/{run['steps']}", *chosen,
            f"{run['seconds'] / 60:.0f}", run["time"],
        )  # fmt: skip
    console = Console()
    # In a narrow window lines run over its edge: names cut short would be of no use.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)
