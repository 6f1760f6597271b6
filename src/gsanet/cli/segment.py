"""``gsanet segment``: clips in, masks and pictures of them out; ``gsanet demo`` does so with the bundled clip."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from gsanet.cli import batch_options as many_opt
from gsanet.cli import options as opt
from gsanet.cli.app import command
from gsanet.cli.choices import SAVES, several

if TYPE_CHECKING:
    from gsanet.base.errors import Stopped
    from gsanet.cli.stopping import Stopping
    from gsanet.scale.outcome import ClipOutcome
    from gsanet.segment import ClipJob, Segmenter
    from gsanet.segment.planning import Existing
    from gsanet.video.trimmed import Span

DEMO_SAVE = ("masks", "overlay", "panel")


@command(
    "gsanet segment holiday.mp4 -o out",
    "gsanet segment clips/*.mp4 frames_folder -o out --save masks,cutout --resume",
    "gsanet segment holiday.mp4 -o out --quality best --overwrite",
    "gsanet segment holiday.mp4 -o one --object largest --save masks,ids",
    "gsanet segment holiday.mp4 -o part --start 0:00:00.2 --duration 0.5 --every 2",
    "gsanet segment clips/*.mp4 -o all --jobs auto --report all.json",
)
def segment(
    clips: Annotated[
        list[str],
        typer.Argument(
            help="Videos, folders of frames or of videos, pictures, patterns; an address (https://, rtsp://), a camera "
            "(0, /dev/video0), a pipe (-).",
            metavar="CLIP",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Where results go: into FOLDER/holiday/ for holiday.mp4. Also s3://BUCKET/FOLDER and the like.",
            metavar="FOLDER",
            rich_help_panel=opt.RESULTS,
        ),
    ],
    save: Annotated[
        str, several("--save", SAVES, "What to write, separated by commas.", panel=opt.RESULTS)
    ] = "masks,overlay",
    background: Annotated[
        str,
        typer.Option(
            help="What is behind the object in `--save composite`: a colour (green, #00ff00), a picture, a video, "
            "blur, or transparent.",
            metavar="WHAT",
            rich_help_panel=opt.RESULTS,
        ),
    ] = "blur",
    truth: opt.Truth = None,
    preview: opt.Preview = False,
    object: opt.Object = None,
    hint: opt.Hint = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep the results of clips that are finished, do the others.", rich_help_panel=opt.RESULTS
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there.", rich_help_panel=opt.RESULTS)
    ] = False,
    start: opt.Start = None,
    end: opt.End = None,
    duration: opt.Duration = None,
    every: opt.Every = 1,
    each: opt.Each = False,
    quality: opt.Quality = "balanced",
    model: opt.Model = "lite",
    size: opt.Size = None,
    fovea: opt.Fovea = None,
    keyframes: opt.Keyframes = None,
    keyframe_interval: opt.KeyframeInterval = None,
    keyframe_overlap: opt.KeyframeOverlap = None,
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
    threshold: opt.Threshold = 0.5,
    online: opt.Online = False,
    flow: opt.Flow = None,
    flow_weights: opt.FlowWeights = None,
    flow_size: opt.FlowSize = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
    batch: opt.Batch = None,
    jobs: many_opt.Jobs = "",
    engine: many_opt.Engine = "local",
    address: many_opt.Address = None,
    shard: many_opt.Shard = None,
    piece: many_opt.Piece = None,
    retries: many_opt.Retries = 2,
    report: many_opt.Report = None,
) -> None:
    """Find the prominent object in videos, and write its masks.

    Masks are named after the frames and have their size; summary.json says how they were made. A clip that cannot be
    read does not stop the others; the exit code is then 1.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.cli.batch import ManyClips
    from gsanet.cli.batch_view import some
    from gsanet.cli.stopping import stopping
    from gsanet.video.finding import find_clips

    if resume and overwrite:
        raise GsanetError("--resume and --overwrite exclude each other")
    many = ManyClips.from_options(jobs, engine, address, shard, piece, retries)
    part = _part(start, end, duration, every)
    arguments = opt.said(
        device=device, precision=precision, runtime=runtime, batch=batch, quality=quality, size=size, fovea=fovea,
        keyframes=keyframes, keyframe_interval=keyframe_interval, keyframe_overlap=keyframe_overlap,
        online=online, flow=flow, flow_weights=opt.text(flow_weights), flow_size=flow_size,
        scales=None if scales is None else _numbers(scales), smooth=smooth, threshold=threshold,
        object=object, hint=" ".join(hint) if hint else None,
    )  # fmt: skip
    found = find_clips(clips, each=each)
    if not found.clips:
        raise GsanetError("; ".join(found.missing or found.passed_over))
    for line in found.passed_over + found.missing:
        typer.echo(f"gsanet: {line}", err=True)
    with stopping() as stop:
        try:
            from gsanet.scale.task import Batch
            from gsanet.segment import Segmenter, plan_clips
            from gsanet.segment.background import check_background
            from gsanet.segment.save import parse_kinds

            kinds = parse_kinds(save)
            check_background(background)
            existing: Existing = "overwrite" if overwrite else "resume" if resume else "error"
            # All of this is known before the model is loaded.
            if not preview and many.in_processes(out, len(found.clips), arguments):
                batch_of_all = Batch(
                    out,
                    model,
                    arguments,
                    kinds,
                    background,
                    existing,
                    place=str(Path.cwd()),
                    piece=many.piece,
                    truth=None if truth is None else str(truth.resolve()),
                )
                told = many.run(found.clips, batch_of_all, part, stop, report)
            else:
                planned = plan_clips(found.clips, Path(out), existing, part, many.share)
                told = many.report_of(planned, out)
                if planned:
                    segmenter = Segmenter.from_pretrained(model, **arguments)
                    with many.telling(told, report):
                        _segment_all(segmenter, planned, kinds, stop, told.outcomes, background, truth, preview)
        except KeyboardInterrupt:
            raise _stopped("stopped before the first clip", stop) from None
    failed = found.missing + told.failed
    if failed:
        raise GsanetError(f"{len(failed)} of {len(told.outcomes) + len(found.missing)} clips failed: {some(failed)}")


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
    from gsanet.cli.stopping import stopping
    from gsanet.scale.outcome import ClipOutcome
    from gsanet.segment import Segmenter, plan_clips
    from gsanet.video.sample_clip import sample_clip

    arguments: dict[str, Any] = {"device": device, "precision": precision, "runtime": runtime, "quality": quality}
    with stopping() as stop:
        try:
            (job,) = plan_clips([sample_clip()], out, "overwrite")
            outcomes = [ClipOutcome(job.said, str(job.folder))]
            _segment_all(Segmenter.from_pretrained(model, **arguments), [job], DEMO_SAVE, stop, outcomes)
        except KeyboardInterrupt:
            raise _stopped("stopped; nothing was written", stop) from None
    folder = job.folder
    typer.echo(f"look at   {folder / 'overlay.mp4'}")
    typer.echo(f"masks     {folder / 'masks'}")
    typer.echo(f"slot maps {folder / 'panel'}")


def _segment_all(
    segmenter: Segmenter,
    jobs: Sequence[ClipJob],
    kinds: Sequence[str],
    stop: Stopping,
    outcomes: Sequence[ClipOutcome],
    background: str = "blur",
    truth: Path | None = None,
    preview: bool = False,
) -> None:
    """One line for each clip on stdout, errors on stderr; *outcomes* are filled in.

    Raises:
        GsanetError: the only clip failed, or another run writes one of these folders.
        Stopped: a signal came.
    """
    from rich.console import Console

    from gsanet.base.errors import GsanetError
    from gsanet.cli.batch_view import ended
    from gsanet.cli.preview import Preview
    from gsanet.cli.progress import frame_progress
    from gsanet.segment import keep_finished, segment_clip
    from gsanet.segment.claims import claimed
    from gsanet.segment.stills import segment_each

    jobs = keep_finished(jobs, segmenter, kinds, background)
    wanted = [job for job in jobs if not job.finished]

    def work(job: ClipJob) -> dict[str, Any]:
        shown = Preview(Console(stderr=True)) if preview else None
        # Of many pictures the lines that tell of each are progress enough.
        bar = shown is not None or len(wanted) == 1 or not job.named.picture
        with frame_progress(job.folder.name, shown) if bar else nullcontext() as progress:
            return segment_clip(
                segmenter, job, save=kinds, background=background, truth=truth, progress=progress, watch=shown,
                mine=True,
            )  # fmt: skip

    workers = 1 if preview else segmenter.runtime.workers
    with claimed(job.folder for job in wanted), closing(segment_each(wanted, work, workers)) as done:
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.finished:
                outcome.state = "kept"
                typer.echo(ended(outcome))
                continue
            outcome.attempts = 1
            try:
                summary = next(done)
            except KeyboardInterrupt:
                raise _stopped(f"stopped at {job.said}", stop) from None
            if isinstance(summary, GsanetError):
                outcome.state, outcome.error = "failed", str(summary)
                if len(jobs) == 1:
                    raise summary
                typer.echo(ended(outcome), err=True)
                continue
            outcome.state, outcome.frames, outcome.seconds = "done", summary["frames"], summary["seconds"]
            outcome.warnings = summary["warnings"]
            typer.echo(ended(outcome))
            if stop.code:
                raise _stopped(f"stopped at {job.said}, whose frames up to then are kept", stop)


def _stopped(where: str, stop: Stopping) -> Stopped:
    from gsanet.base.errors import Stopped

    return Stopped(f"{where}; with --resume the finished clips are kept", stop.code or 130)


def _part(start: str | None, end: str | None, duration: str | None, every: int) -> Span:
    from gsanet.base.errors import GsanetError
    from gsanet.video.trimmed import Span, seconds

    if end is not None and duration is not None:
        raise GsanetError("--end and --duration exclude each other")
    first = 0.0 if start is None else seconds(start)
    last = None if end is None else seconds(end)
    return Span(first, last if duration is None else first + seconds(duration), every)


def _numbers(text: str) -> tuple[float, ...]:
    from gsanet.base.errors import GsanetError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise GsanetError(f"--scales must be numbers separated by commas, such as 0.75,1,1.25; got {text!r}") from None
