"""``gsanet bench``: how fast it is here, and where the time goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gsanet.cli import app
from gsanet.cli.segment import Device, Model, Precision, Quality
from gsanet.cli.train import Config, Data, Set

bench = typer.Typer(help="How fast it is on this machine, and where the time goes.", invoke_without_command=True)
app.add_typer(bench, name="bench")

Json = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
    typer.Option("--json", help="Write the numbers to this file too.", metavar="FILE"),
]


@bench.callback()
def segmenting(
    context: typer.Context,
    clip: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Video or folder of frames; the bundled clip if not given."),
    ] = None,
    model: Model = "lite",
    device: Device = "auto",
    precision: Precision = "auto",
    backend: Annotated[str, typer.Option(help="torch, compile, onnx or auto.")] = "auto",
    quality: Quality = "balanced",
    size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=64, help="Long side of the network's input in pixels; the model's own if not given."),
    ] = None,
    flow: Annotated[str, typer.Option(help="As for `gsanet segment`.")] = "dis",
    save: Annotated[str, typer.Option(help="What is written, as for `gsanet segment`.")] = "masks,overlay",
    repeat: Annotated[int, typer.Option(min=1, help="Runs from end to end, each in a process of its own.")] = 2,
    out: Json = None,
) -> None:
    """Segment a clip as a user would, cold; then time each stage by itself."""
    if context.invoked_subcommand is not None:
        return
    from statistics import median, quantiles

    from gsanet.segment import Segmenter
    from gsanet.segment.profile import STAGES, profile_process, profile_stages
    from gsanet.segment.save import parse_kinds
    from gsanet.video.sample_clip import sample_clip

    source = clip or sample_clip()
    kinds = parse_kinds(save)
    arguments: dict[str, Any] = {
        "name_or_path": model, "device": device, "precision": precision, "quality": quality, "size": size,
        "flow": flow, "backend": backend,
    }  # fmt: skip
    runs = [profile_process(source, arguments, kinds) for _ in range(repeat)]
    segmenter = Segmenter.from_pretrained(**arguments)
    stages = profile_stages(segmenter, source, save=kinds)

    typer.echo(f"{source}, model {model}, {quality}, {segmenter.network.precision} on {segmenter.network.device}\n")
    typer.echo("run  imported  model there  first frame   frames per second  peak memory")
    for i, run in enumerate(runs, 1):
        typer.echo(
            f"{i:3}  {run['import']:6.2f} s  {run['load']:9.2f} s  {run['first_frame']:9.2f} s  "
            f"{run['frames_per_second']:18.1f}  {run['peak_mb']:8.0f} MB"
        )
    typer.echo("\nstage, by itself       ms per frame   (a quarter of the frames is below, a quarter above)")
    for name, what in STAGES.items():
        low, _, high = quantiles(stages[name], n=4)
        typer.echo(f"{name:9} {median(stages[name]):8.2f} ({low:.2f}-{high:.2f})   {what}")
    total = sum(median(values) for values in stages.values())
    frame = median([1000 / run["frames_per_second"] for run in runs])
    typer.echo(f"{'sum':9} {total:8.2f}   one after the other; together a frame takes {frame:.2f}")
    if out is not None:
        out.write_text(json.dumps({"arguments": arguments, "runs": runs, "stages": stages}, indent=1) + "\n")


@bench.command()
def loader(
    config: Config = None,
    data: Data = None,
    stage: Annotated[str, typer.Option(help="pretrain or train.")] = "train",
    cache: Annotated[
        Path, typer.Option(help="Where decoded pictures are kept: that of your runs.", metavar="FOLDER")
    ] = Path("runs/cache"),
    changes: Set = None,
    seconds: Annotated[float, typer.Option(min=1, help="Of measuring, for each line.")] = 10.0,
    out: Json = None,
) -> None:
    """Samples per second of the training loader, and where its time goes."""
    from dataclasses import asdict

    from gsanet.base.errors import GsanetError
    from gsanet.cli.train import loading_progress, read_recipe
    from gsanet.training.loader_profile import profile_loader

    if stage not in ("pretrain", "train"):
        raise GsanetError(f"unknown stage {stage!r}: pretrain or train")
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
