"""``gsanet bench``: how fast it is here, and where the time goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import app, command
from gsanet.cli.choices import SAVES, STAGES, choice, several
from gsanet.cli.help import Group
from gsanet.cli.train import Config, Data, Set

bench = typer.Typer(rich_markup_mode=None)
app.add_typer(bench, name="bench")

Json = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
    typer.Option("--json", help="Also write the numbers to this file.", metavar="FILE"),
]


@bench.callback(
    cls=Group,
    invoke_without_command=True,
    epilog="gsanet bench\n"
    "gsanet bench --clip holiday.mp4 --quality fast\n"
    "gsanet bench loader --config lite --data DATA",
)
def segmenting(
    context: typer.Context,
    clip: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="A video or a folder of frames.", metavar="CLIP", show_default="the clip that comes with gsanet"
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="How often, each time in a process of its own.", metavar="N")] = 2,
    save: Annotated[
        str, several("--save", SAVES, "What to write meanwhile, separated by commas; deleted again.")
    ] = "masks,overlay",
    out: Json = None,
    quality: opt.Quality = "balanced",
    model: opt.Model = "lite",
    size: opt.Size = None,
    flow: opt.Flow = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
) -> None:
    """How fast gsanet is on this machine, and where the time goes.

    A clip is segmented as with `gsanet segment`, from a cold start; then every step of the way is timed by itself.
    """
    if context.invoked_subcommand is not None:
        return
    from statistics import median

    from gsanet.segment import Segmenter
    from gsanet.segment.profile import PARTS, STAGES, profile_process, profile_stages
    from gsanet.segment.save import parse_kinds
    from gsanet.video.sample_clip import sample_clip

    source = clip or sample_clip()
    kinds = parse_kinds(save)
    arguments = opt.said(
        name_or_path=model, device=device, precision=precision, quality=quality, size=size, flow=flow, runtime=runtime
    )
    runs = [profile_process(source, arguments, kinds) for _ in range(repeat)]
    segmenter = Segmenter.from_pretrained(**arguments)
    stages = profile_stages(segmenter, source, save=kinds)

    typer.echo(
        f"{source}, model {model}, {quality}, {segmenter.runtime.name} {segmenter.runtime.precision} "
        f"on {segmenter.runtime.device}\n"
    )
    typer.echo("run  imported  model there  first frame   frames per second  peak memory")
    for i, run in enumerate(runs, 1):
        typer.echo(
            f"{i:3}  {run['import']:6.2f} s  {run['load']:9.2f} s  {run['first_frame']:9.2f} s  "
            f"{run['frames_per_second']:18.1f}  {run['peak_mb']:8.0f} MB"
        )
    typer.echo("\nstage, by itself   ms per frame, mean")
    for name, what in STAGES.items():
        typer.echo(f"{name:9} {stages[name]:8.2f}   {what}")
    total = sum(value for name, value in stages.items() if name not in PARTS)
    frame = median([1000 / run["frames_per_second"] for run in runs])
    typer.echo(f"{'sum':9} {total:8.2f}   one after the other; together a frame takes {frame:.2f}")
    if out is not None:
        out.write_text(json.dumps({"arguments": arguments, "runs": runs, "stages": stages}, indent=1) + "\n")


@command("gsanet bench loader --config lite --data DATA --seconds 5", within=bench)
def loader(
    config: Config = None,
    data: Data = None,
    stage: Annotated[str, choice("--stage", STAGES, "For which of the two commands.")] = "train",
    cache: Annotated[
        Path,
        typer.Option(help="Where decoded pictures are kept: give that of your runs.", metavar="FOLDER"),
    ] = Path("runs/cache"),
    changes: Set = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long to measure, for each line of the result.", metavar="X")
    ] = 10.0,
    out: Json = None,
) -> None:
    """How fast training data are read, and where that time goes."""
    from dataclasses import asdict

    from gsanet.cli.train import loading_progress, read_recipe
    from gsanet.training.loader_profile import profile_loader

    recipe = read_recipe(config, data, changes)
    profile = profile_loader(recipe, stage, cache, seconds=seconds, progress=loading_progress(False))
    typer.echo("part               ms per picture")
    for part, value in sorted(profile.parts.items(), key=lambda item: -item[1]):
        typer.echo(f"{part:18} {value:14.2f}")
    typer.echo(f"{'sum':18} {sum(profile.parts.values()):14.2f}   in one process, under a profiler\n")
    count = profile.pictures
    for workers, speed in profile.pictures_per_second.items():
        where = f"{workers} worker{'s' if workers > 1 else ''}" if workers else "no workers"
        typer.echo(f"{where}: {speed:.1f} pictures per second, {count / speed:.2f} s for a step of {count}")
    typer.echo("a run's metrics.csv has `waited`: the share of a step that the network waited for its batch")
    if out is not None:
        out.write_text(json.dumps(asdict(profile), indent=1) + "\n")
