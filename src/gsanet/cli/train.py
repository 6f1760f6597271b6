"""``gsanet pretrain`` and ``gsanet train``: the two stages of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

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
Devices = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--devices", help="How many devices of a machine (2), or which GPUs (0,1); on a CPU, how many processes."
    ),
]
Nodes = Annotated[Optional[int], typer.Option("--nodes", help="How many machines.")]  # noqa: UP045
Accelerator = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--accelerator", help="cpu, cuda, mps or auto: a GPU if there is one."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only.")]


@app.command()
def pretrain(
    config: Config = None,
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; run again to go on.")] = Path(
        "runs/pretrain"
    ),
    pretrained: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--pretrained", help="Weights of another stage 1 to go on from, instead of ImageNet's."),
    ] = None,
    changes: Set = None,
    devices: Devices = None,
    nodes: Nodes = None,
    accelerator: Accelerator = None,
    quiet: Quiet = False,
) -> None:
    """Stage 1: the RGB stream on pictures with masks (DATA/DUTS_train, DUTS_val)."""
    from gsanet.training.pretrain import pretrain as run

    machine = {"devices": devices, "nodes": nodes, "accelerator": accelerator}
    recipe = read_recipe(config, data, changes, machine)
    with _stoppable(out):
        weights = run(recipe, out, pretrained=pretrained, quiet=quiet, progress=loading_progress(quiet))
    _say(weights)


@app.command()
def train(
    config: Config = None,
    data: Data = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; run again to go on.")] = Path(
        "runs/train"
    ),
    pretrained: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--pretrained",
            help="Weights to start from: of stage 1 (its best.safetensors), or of a video model, as lite.",
        ),
    ] = None,
    changes: Set = None,
    devices: Devices = None,
    nodes: Nodes = None,
    accelerator: Accelerator = None,
    quiet: Quiet = False,
) -> None:
    """Stage 2: both streams and the slots on videos (DATA/DAVIS_train)."""
    from gsanet.training.finetune import train as run
    from gsanet.weights.packaged import find_weights

    machine = {"devices": devices, "nodes": nodes, "accelerator": accelerator}
    recipe = read_recipe(config, data, changes, machine)
    with _stoppable(out), find_weights(pretrained) if pretrained else nullcontext() as file:
        weights = run(recipe, out, pretrained=file, quiet=quiet, progress=loading_progress(quiet))
    _say(weights)


def read_recipe(
    config: Path | None,
    data: Path | None,
    changes: list[str] | None,
    machine: dict[str, str | int | None] | None = None,
) -> TrainingConfig:
    """The recipe, with what the command line says of data and machine."""
    from dataclasses import replace

    from gsanet.training.config import load_config

    said: dict[str, Any] = {name: value for name, value in (machine or {}).items() if value is not None}
    if data:
        said["data"] = str(data)
    return replace(load_config(config, changes or []), **said)


@contextmanager
def _stoppable(out: Path) -> Iterator[None]:
    """Ctrl-C says what is kept; of several processes, the first says it."""
    from gsanet.base.errors import Stopped
    from gsanet.training.folder import RunFolder
    from gsanet.training.parallel import is_first

    try:
        yield
    except Stopped:
        if is_first():
            raise
        raise typer.Exit from None
    except KeyboardInterrupt:
        last = RunFolder(out).checkpoint
        kept = f"the same command goes on from {last}" if last.is_file() else "nothing was saved yet"
        raise Stopped(f"stopped; {kept}") from None


def _say(weights: Path) -> None:
    """Once, however many processes trained."""
    from gsanet.training.parallel import is_first

    if is_first():
        typer.echo(weights)


def loading_progress(quiet: bool) -> Callable[[int, int], None]:
    """For decoding into the cache: now and then a line on stderr."""

    def show(done: int, total: int) -> None:
        if not quiet and (done == total or done % 2048 < 256):
            typer.echo(f"decoding pictures once, for a quick start from now on: {done}/{total}", err=True)

    return show
