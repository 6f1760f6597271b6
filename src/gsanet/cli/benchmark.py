"""``gsanet benchmark``: segment a data set and evaluate it, with speed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gsanet.cli import app
from gsanet.cli.evaluate import (
    Compare,
    Html,
    Json,
    Name,
    Protocol,
    Row,
    Sequences,
    Split,
    Stability,
    Workers,
    check_row,
    load,
    present,
    split_name,
)
from gsanet.cli.progress import frame_progress


@app.command()
def benchmark(
    model: Annotated[str, typer.Argument(help="Weights: a name inside the package (lite), a file, or owner/name.")],
    data: Annotated[Path, typer.Option(help="Data set with pictures and ground truth, as for `gsanet evaluate`.")],
    protocol: Protocol = "davis16",
    out: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time on every supported Python
        typer.Option("--out", "-o", help="Keep the masks here.", metavar="FOLDER"),
    ] = None,
    sequences: Sequences = "",
    split: Split = "val",
    name: Name = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, torch, compile or onnx, as for `gsanet segment`.")] = "auto",
    batch: Annotated[int, typer.Option(help="Frames at once; 0 lets the device decide.", min=0)] = 0,
    size: Annotated[int, typer.Option(help="Long side of the network's input; 0 is the model's own.", min=0)] = 0,
    flow: Annotated[str, typer.Option(help="Where flow comes from, as for `gsanet segment`.")] = "dis",
    flow_weights: Annotated[str, typer.Option(help="RAFT's weights, likewise.", metavar="FILE")] = "",
    flow_size: Annotated[int, typer.Option(help="Long side for flow; 0 is the preset's.", min=0)] = 0,
    quality: Annotated[str, typer.Option(help="fast, balanced or best, as for `gsanet segment`.")] = "balanced",
    online: Annotated[bool, typer.Option("--online", help="Use only the past.")] = False,
    stability: Stability = False,
    compare: Compare = None,
    html: Html = None,
    json: Json = None,
    row: Row = "",
    workers: Workers = 0,
) -> None:
    """Segment every sequence of a data set with a model, then evaluate the masks; prints scores and speed."""
    from gsanet.base.errors import GsanetError
    from gsanet.evaluation.benchmark import benchmark as run
    from gsanet.segment.engine import Segmenter

    check_row(row)
    others = []
    for text in compare or []:
        label, path = split_name(text)
        if not path.is_file():
            raise GsanetError(f"--compare takes the --json file of another run here, and {path} is none")
        others.append(load(path, label))
    options: dict[str, Any] = {"flow": flow, "flow_weights": flow_weights or None, "quality": quality, "online": online}
    if size:
        options["size"] = size
    if flow_size:
        options["flow_size"] = flow_size
    label = Path(model).stem if Path(model).is_file() else model
    segmenter = Segmenter.from_pretrained(
        model, name=label, device=device, precision=precision, backend=backend, batch=batch or None, **options
    )
    # The masks are deleted only after the report has shown the worst of them.
    with tempfile.TemporaryDirectory(prefix="gsanet-benchmark-") as scratch:
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
                workers=workers or os.cpu_count() or 1,
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
