"""``gsanet segment``: clips in, masks and pictures of them out; ``gsanet demo`` does so with the bundled clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gsanet.cli import app

if TYPE_CHECKING:
    from gsanet.segment import ClipJob, Segmenter

Model = Annotated[
    str,
    typer.Option(
        help="Trained weights: a name inside the package, a file, owner/name on the hub, or an exported model."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
Precision = Annotated[str, typer.Option(help="auto (bfloat16 where the device computes in it), float32 or bfloat16.")]
Backend = Annotated[
    str,
    typer.Option(
        help="torch, compile (torch.compile: minutes, then quicker frames), onnx (ONNX Runtime on the CPU), "
        "or auto: onnx for an exported model, else torch."
    ),
]
Quality = Annotated[
    str,
    typer.Option(
        help="fast: one pass per frame at 6/7 of the size; balanced: one; best: four at 8/7, mirrored and backward too."
    ),
]
FlowSize = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=64, help="Long side of the pictures on which flow is computed; the preset's if not given."),
]
DEMO_SAVE = ("masks", "overlay", "panel")


@app.command()
def segment(
    clips: Annotated[
        list[str], typer.Argument(help="Videos, folders of frames, pictures, or patterns.", metavar="CLIP")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Results go to OUT/<clip>/.", metavar="OUT")],
    save: Annotated[
        str, typer.Option(help="Any of masks,overlay,cutout,panel,slots,flow,probability,rle.", metavar="A,B,...")
    ] = "masks,overlay",
    model: Model = "lite",
    flow: Annotated[
        str,
        typer.Option(
            help="dis, dis-fast, dis-ultrafast, raft-small, raft-large, none, or a folder that `gsanet flow` filled.",
            metavar="METHOD|DIR|none",
        ),
    ] = "dis",
    flow_weights: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(help="RAFT's weights, as for `gsanet flow --weights`.", metavar="FILE"),
    ] = None,
    flow_size: FlowSize = None,
    device: Device = "auto",
    precision: Precision = "auto",
    backend: Backend = "auto",
    batch: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(min=1, help="Frames a GPU is given at once; a CPU takes them one by one."),
    ] = None,
    size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=64, help="Long side of the network's input in pixels; the model's own if not given."),
    ] = None,
    online: Annotated[bool, typer.Option("--online", help="Use only the past, as for a live stream.")] = False,
    quality: Quality = "balanced",
    scales: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Average over these multiples of the input size, e.g. 0.75,1."),
    ] = None,
    smooth: Annotated[bool, typer.Option("--smooth/--no-smooth", help="Average over time, along the flow.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Keep clips that are finished.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")] = False,
) -> None:
    """Masks of the prominent object in every frame, in OUT/<clip>/: masks/*.png, overlay.mp4, summary.json.

    A clip that fails does not stop the others; the exit code is then 1.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.segment import Segmenter, find_clips, plan_clips
    from gsanet.segment.save import parse_kinds

    if resume and overwrite:
        raise GsanetError("--resume and --overwrite exclude each other")
    kinds = parse_kinds(save)
    sources = find_clips(clips)
    segmenter = Segmenter.from_pretrained(
        model,
        device=device,
        precision=precision,
        backend=backend,
        batch=batch,
        size=size,
        flow=flow,
        flow_weights=None if flow_weights is None else str(flow_weights),
        online=online,
        quality=quality,
        smooth=smooth,
        **({} if scales is None else {"scales": _numbers(scales)}),
        **({} if flow_size is None else {"flow_size": flow_size}),
    )
    plans = plan_clips(sources, out, segmenter, kinds, "overwrite" if overwrite else "resume" if resume else "error")
    failed = _segment_all(segmenter, plans, kinds)
    if failed:
        raise GsanetError(f"{len(failed)} of {len(plans)} clips failed: {', '.join(str(p.source) for p in failed)}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Results go to OUT/bunny/.", metavar="OUT")] = Path(
        "gsanet-demo"
    ),
    model: Model = "lite",
    device: Device = "auto",
    precision: Precision = "auto",
    quality: Quality = "balanced",
) -> None:
    """Segment the bundled five seconds of Big Buck Bunny, and say where the results are."""
    from gsanet.segment import Segmenter, plan_clips
    from gsanet.video.sample_clip import sample_clip

    segmenter = Segmenter.from_pretrained(model, device=device, precision=precision, quality=quality)
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
