"""``gsanet segment``: clips in, masks and pictures of them out; ``gsanet demo`` does so with the bundled clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import command
from gsanet.cli.choices import SAVES, several

if TYPE_CHECKING:
    from gsanet.segment import ClipJob, Segmenter

DEMO_SAVE = ("masks", "overlay", "panel")


@command(
    "gsanet segment holiday.mp4 -o out",
    "gsanet segment clips/*.mp4 frames_folder -o out --save masks,cutout --resume",
    "gsanet segment holiday.mp4 -o out --quality best --overwrite",
)
def segment(
    clips: Annotated[
        list[str],
        typer.Argument(help="Videos, folders of numbered frames, single pictures; also patterns.", metavar="CLIP"),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Where results go: into FOLDER/holiday/ for holiday.mp4.",
            metavar="FOLDER",
            rich_help_panel=opt.RESULTS,
        ),
    ],
    save: Annotated[
        str, several("--save", SAVES, "What to write, separated by commas.", panel=opt.RESULTS)
    ] = "masks,overlay",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep the results of clips that are finished, do the others.", rich_help_panel=opt.RESULTS
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there.", rich_help_panel=opt.RESULTS)
    ] = False,
    quality: opt.Quality = "balanced",
    model: opt.Model = "lite",
    size: opt.Size = None,
    scales: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(
            help="Look at each frame at several sizes, these multiples of --size, and average: 0.75,1,1.25.",
            metavar="X,X,...",
            show_default="that of --quality",
            rich_help_panel=opt.QUALITY,
        ),
    ] = None,
    smooth: Annotated[
        bool,
        typer.Option(
            "--smooth/--no-smooth",
            help="Average each mask with those of the frames around it, along the motion: steadier and more exact.",
            rich_help_panel=opt.QUALITY,
        ),
    ] = True,
    online: opt.Online = False,
    flow: opt.Flow = "dis",
    flow_weights: opt.FlowWeights = None,
    flow_size: opt.FlowSize = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
    batch: opt.Batch = None,
) -> None:
    """Find the prominent object in videos, and write its masks.

    Masks are named after the frames and have their size; summary.json says how they were made. A clip that cannot be
    read does not stop the others; the exit code is then 1.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.segment import Segmenter, plan_clips
    from gsanet.segment.save import parse_kinds
    from gsanet.video.sources import find_clips

    if resume and overwrite:
        raise GsanetError("--resume and --overwrite exclude each other")
    kinds = parse_kinds(save)
    sources = find_clips(clips)
    arguments: dict[str, Any] = {
        "device": device, "precision": precision, "runtime": runtime, "batch": batch, "size": size, "flow": flow,
        "flow_weights": None if flow_weights is None else str(flow_weights), "online": online, "quality": quality,
        "smooth": smooth,
    }  # fmt: skip
    if scales is not None:
        arguments["scales"] = _numbers(scales)
    if flow_size is not None:
        arguments["flow_size"] = flow_size
    segmenter = Segmenter.from_pretrained(model, **arguments)
    plans = plan_clips(sources, out, segmenter, kinds, "overwrite" if overwrite else "resume" if resume else "error")
    failed = _segment_all(segmenter, plans, kinds)
    if failed:
        raise GsanetError(f"{len(failed)} of {len(plans)} clips failed: {', '.join(str(p.source) for p in failed)}")


@command("gsanet demo", "gsanet demo --quality fast -o out")
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where results go: into FOLDER/bunny/.", metavar="FOLDER")
    ] = Path("gsanet-demo"),
    quality: opt.Quality = "balanced",
    model: opt.Model = "lite",
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
) -> None:
    """Segment the five-second clip that comes with gsanet.

    Writes masks, the clip with the object tinted, and pictures of what the model saw; says where they are.
    """
    from gsanet.segment import Segmenter, plan_clips
    from gsanet.video.sample_clip import sample_clip

    arguments: dict[str, Any] = {"device": device, "precision": precision, "runtime": runtime, "quality": quality}
    segmenter = Segmenter.from_pretrained(model, **arguments)
    plans = plan_clips([sample_clip()], out, segmenter, DEMO_SAVE, "overwrite")
    _segment_all(segmenter, plans, DEMO_SAVE)
    folder = plans[0].folder
    typer.echo(f"look at   {folder / 'overlay.mp4'}")
    typer.echo(f"masks     {folder / 'masks'}")
    typer.echo(f"slot maps {folder / 'panel'}")


def _segment_all(segmenter: Segmenter, plans: Sequence[ClipJob], kinds: Sequence[str]) -> list[ClipJob]:
    """One line for each clip on stdout, errors on stderr; the clips that failed.

    Raises:
        GsanetError: the only clip failed.
    """
    from gsanet.base.errors import GsanetError, Stopped
    from gsanet.cli.progress import frame_progress
    from gsanet.segment import segment_clip

    failed = []
    for plan in plans:
        if plan.finished:
            typer.echo(f"{plan.source}: finished already, kept in {plan.folder}")
            continue
        try:
            with frame_progress(plan.folder.name) as progress:
                summary = segment_clip(segmenter, plan, save=kinds, progress=progress)
        except KeyboardInterrupt:
            raise Stopped(f"stopped at {plan.source}; with --resume the finished clips are kept") from None
        except GsanetError as error:
            if len(plans) == 1:
                raise
            typer.echo(f"gsanet: {error}", err=True)
            failed.append(plan)
            continue
        noun = "frame" if summary["frames"] == 1 else "frames"
        typer.echo(
            f"{plan.source}: {summary['frames']} {noun} in {summary['seconds']:.1f} s "
            f"({summary['frames_per_second']:.1f} per second) -> {plan.folder}"
        )
    return failed


def _numbers(text: str) -> tuple[float, ...]:
    from gsanet.base.errors import GsanetError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise GsanetError(f"--scales must be numbers separated by commas, such as 0.75,1,1.25; got {text!r}") from None
