"""``gsanet pretrain`` and ``gsanet train``: the two stages of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli.app import command
from gsanet.cli.choices import ACCELERATORS, choice

if TYPE_CHECKING:
    # At run time it would bring torch, and with it seconds, into every command's start.
    from gsanet.training.config import TrainingConfig

# Typer reads annotations at run time on every supported Python, so they are written for the oldest.
# ruff: noqa: UP045

MACHINE = "Machine"

Config = Annotated[
    Optional[str],
    typer.Option(
        "--config",
        help="The recipe: a TOML file with all settings of a training, or the name of one that comes with gsanet "
        "(`gsanet recipes` lists them).",
        metavar="RECIPE",
        show_default="the default of every setting",
    ),
]
Data = Annotated[
    Optional[Path],
    typer.Option(
        "--data",
        help="Folder that holds the data sets (`gsanet prepare` fills it).",
        metavar="FOLDER",
        show_default="the recipe's, else data",
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder of the run. The same folder again goes on with it.", metavar="FOLDER"),
]
Set = Annotated[
    Optional[list[str]],
    typer.Option("--set", help="Change one setting of the recipe. May be given several times.", metavar="NAME=VALUE"),
]
Devices = Annotated[
    Optional[str],
    typer.Option(
        "--devices",
        help="How many GPUs of this machine (2), or which (0,1); on a CPU, how many processes.",
        metavar="N|A,B,...",
        show_default="the recipe's, else 1",
        rich_help_panel=MACHINE,
    ),
]
Nodes = Annotated[
    Optional[int],
    typer.Option(
        "--nodes",
        help="How many machines train together.",
        metavar="N",
        show_default="the recipe's, else 1",
        rich_help_panel=MACHINE,
    ),
]
Accelerator = Annotated[
    Optional[str],
    choice("--accelerator", ACCELERATORS, "Where to compute.", default="the recipe's, else auto", panel=MACHINE),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but the file of the weights at the end.")]


@command(
    "gsanet pretrain --config lite --data DATA -o runs/pictures",
    "gsanet pretrain --config lite --data DATA --set pretrain.steps=100",
)
def pretrain(
    config: Config = None,
    data: Data = None,
    out: Out = Path("runs/pretrain"),
    pretrained: Annotated[
        Optional[Path],
        typer.Option(
            "--pretrained",
            help="Weights to start from: of another `gsanet pretrain`.",
            metavar="FILE",
            show_default="a network that knows ImageNet",
        ),
    ] = None,
    changes: Set = None,
    devices: Devices = None,
    nodes: Nodes = None,
    accelerator: Accelerator = None,
    quiet: Quiet = False,
) -> None:
    """First stage of training: find objects in single pictures.

    Reads DUTS_train and DUTS_val in the folder that --data names. It may be stopped at any moment: the same command
    goes on. `gsanet train` starts from best.safetensors in the run's folder.
    """
    from gsanet.training.pretrain import pretrain as run

    machine = {"devices": devices, "nodes": nodes, "accelerator": accelerator}
    recipe = read_recipe(config, data, changes, machine)
    with _stoppable(out):
        weights = run(recipe, out, pretrained=pretrained, quiet=quiet, progress=loading_progress(quiet))
    _say(weights)


@command(
    "gsanet train --config lite --data DATA -o runs/mine --pretrained runs/pictures/best.safetensors",
    "gsanet train --config lite-finetune --data DATA -o runs/more --pretrained lite",
)
def train(
    config: Config = None,
    data: Data = None,
    out: Out = Path("runs/train"),
    pretrained: Annotated[
        Optional[str],
        typer.Option(
            "--pretrained",
            help="Weights to start from: best.safetensors of a `gsanet pretrain`, or a model to go on from, such as "
            "lite (inside the package).",
            metavar="MODEL",
            show_default="a network that knows ImageNet",
        ),
    ] = None,
    changes: Set = None,
    devices: Devices = None,
    nodes: Nodes = None,
    accelerator: Accelerator = None,
    quiet: Quiet = False,
) -> None:
    """Second stage of training: follow objects in videos.

    Reads DAVIS_train in the folder that --data names, or what the recipe says. It may be stopped at any moment: the
    same command goes on. last.safetensors in the run's folder is the model, for `gsanet segment --model`.
    """
    from gsanet.training.finetune import train as run
    from gsanet.weights.packaged import find_weights

    machine = {"devices": devices, "nodes": nodes, "accelerator": accelerator}
    recipe = read_recipe(config, data, changes, machine)
    with _stoppable(out), find_weights(pretrained) if pretrained else nullcontext() as file:
        weights = run(recipe, out, pretrained=file, quiet=quiet, progress=loading_progress(quiet))
    _say(weights)


def read_recipe(
    config: str | None,
    data: Path | None,
    changes: list[str] | None,
    machine: dict[str, str | int | None] | None = None,
) -> TrainingConfig:
    """The recipe, with what the command line says of data and machine."""
    from gsanet.training.config import load_config

    options = {**(machine or {}), "data": str(data) if data else None}
    return load_config(config, changes or [], {name: said for name, said in options.items() if said is not None})


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
