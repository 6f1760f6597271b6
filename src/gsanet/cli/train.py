"""``gsanet pretrain`` and ``gsanet train``: the two stages of training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli import app

if TYPE_CHECKING:
    # At run time it would bring torch, and with it seconds, into every command's start.
    from gsanet.training.config import TrainingConfig

Config = Annotated[Optional[Path], typer.Option("--config", help="Recipe, a TOML file (see recipes/).")]  # noqa: UP045
Data = Annotated[Optional[Path], typer.Option("--data", help="Folder that holds the data sets.")]  # noqa: UP045
Set = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", help="Change one setting of the recipe, e.g. train.lr=3e-4. Repeatable."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only.")]


@app.command()
def pretrain(
    config: Config = None,
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; run again to go on.")] = Path(
        "runs/pretrain"
    ),
    changes: Set = None,
    quiet: Quiet = False,
) -> None:
    """Stage 1: the RGB stream on pictures with masks (DATA/DUTS_train, DUTS_val)."""
    from gsanet.training.pretrain import pretrain as run

    typer.echo(run(_recipe(config, data, changes), out, quiet=quiet, progress=_progress(quiet)))


@app.command()
def train(
    config: Config = None,
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; run again to go on.")] = Path(
        "runs/train"
    ),
    pretrained: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--pretrained", help="Weights of stage 1, its best.safetensors."),
    ] = None,
    changes: Set = None,
    quiet: Quiet = False,
) -> None:
    """Stage 2: both streams and the slots on videos (DATA/DAVIS_train)."""
    from gsanet.training.finetune import train as run

    recipe = _recipe(config, data, changes)
    typer.echo(run(recipe, out, pretrained=pretrained, quiet=quiet, progress=_progress(quiet)))


def _recipe(config: Path | None, data: Path | None, changes: list[str] | None) -> TrainingConfig:
    from dataclasses import replace

    from gsanet.training.config import load_config

    recipe = load_config(config, changes or [])
    return replace(recipe, data=str(data)) if data else recipe


def _progress(quiet: bool) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if not quiet and (done == total or done % 2048 < 256):
            typer.echo(f"decoding pictures once, for a quick start from now on: {done}/{total}", err=True)

    return show
