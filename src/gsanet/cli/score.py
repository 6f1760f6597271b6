"""``gsanet score``: segment a data set and measure the masks, with speed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Optional

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import command
from gsanet.cli.evaluate import load, present, split_name
from gsanet.cli.progress import frame_progress


@command(
    "gsanet score lite --data DATA/DAVIS_test",
    "gsanet score my.safetensors --data DATA/DAVIS_test --json mine.json",
    "gsanet score lite --data DATA/DAVIS_test --compare mine.json --html page.html",
)
def score(
    model: opt.ModelArgument,
    data: Annotated[
        Path,
        typer.Option(
            help="The data set: <sequence>/RGB and <sequence>/GT, RGB/ and GT/ with names sequence_00000, or a DAVIS "
            "folder as downloaded.",
            metavar="FOLDER",
        ),
    ],
    protocol: opt.Protocol = "davis16",
    sequences: opt.Sequences = "",
    split: opt.Split = "val",
    name: Annotated[
        str,
        typer.Option(help="What to call this model in tables.", metavar="TEXT", show_default="the model's own name"),
    ] = "",
    out: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option(
            "--out", "-o", help="Also keep the masks, in this folder.", metavar="FOLDER", rich_help_panel=opt.RESULTS
        ),
    ] = None,
    html: opt.Html = None,
    json: opt.Json = None,
    row: opt.Row = None,
    compare: opt.Compare = None,
    stability: opt.Stability = False,
    quality: opt.Quality = "balanced",
    size: opt.Size = None,
    fovea: opt.Fovea = None,
    keyframes: opt.Keyframes = None,
    keyframe_interval: opt.KeyframeInterval = None,
    keyframe_overlap: opt.KeyframeOverlap = None,
    online: opt.Online = False,
    flow: opt.Flow = None,
    flow_weights: opt.FlowWeights = None,
    flow_size: opt.FlowSize = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
    batch: opt.Batch = None,
    jobs: opt.Jobs = None,
) -> None:
    """Segment a data set with a model, and measure its masks and speed.

    The same as `gsanet segment` and then `gsanet evaluate`, with frames per second.
    """
    from gsanet.base.errors import GsanetError
    from gsanet.evaluation.benchmark import benchmark as run
    from gsanet.segment.engine import Segmenter

    others = []
    for text in compare or []:
        label, path = split_name(text)
        if not path.is_file():
            raise GsanetError(f"--compare takes the --json file of another run here, and {path} is none")
        others.append(load(path, label))
    arguments = opt.said(
        device=device, precision=precision, runtime=runtime, batch=batch, quality=quality, size=size, fovea=fovea,
        keyframes=keyframes, keyframe_interval=keyframe_interval, keyframe_overlap=keyframe_overlap,
        online=online, flow=flow, flow_weights=opt.text(flow_weights), flow_size=flow_size,
    )  # fmt: skip
    label = Path(model).stem if Path(model).is_file() else model
    segmenter = Segmenter.from_pretrained(model, name=label, **arguments)
    # The masks are deleted only after the report has shown the worst of them.
    with tempfile.TemporaryDirectory(prefix="gsanet-score-") as scratch:
        with frame_progress("segmenting") as show:
            evaluation = run(
                segmenter,
                data,
                out or scratch,
                name or None,
                protocol_name=protocol,
                sequences=[s.strip() for s in sequences.split(",") if s.strip()] or None,
                split=split,
                stability=stability,
                workers=jobs or os.cpu_count() or 1,
                step=lambda _, done, total: show(done, total),
            )
        facts = evaluation.result.facts
        present([evaluation, *others], html=html, json=json, row=row)
        typer.echo(
            f"\n{facts['segmented_frames']} frames segmented in {facts['segmenting_seconds']:.1f} s: "
            f"{facts['frames_per_second']:.1f} frames per second on {facts['device']}, reading and flow included"
        )
    if out:
        typer.echo(f"masks are in {out}")
