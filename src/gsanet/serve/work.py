"""What a worker does: it opens the network once, and then takes one job after the other. A process of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import zipfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from gsanet.base.errors import GsanetError
from gsanet.serve.job_options import Wanted

RESULTS, VIEWS, CLIP, BACKGROUND = "results", "views", "clip", "background"
"""Names in a job's folder. The upload is ``clip`` and a suffix of its kind: no name comes from outside."""

SUMMARY = "summary.json"


class Engine(NamedTuple):
    """What computes: chosen by whoever starts the server (:meth:`gsanet.Segmenter.from_pretrained`)."""

    model: str = "lite"
    runtime: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    batch: int | None = None


class Assigned(NamedTuple):
    """A job, as the worker is told of it."""

    folder: str
    clip: str
    """Name of the upload in the folder."""
    background: str | None
    """Name of what was uploaded to lie behind the object."""
    wanted: Wanted
    frames: int
    """Of the clip that are segmented at the most, whatever its header says of its length."""
    watch: bool
    """Somebody looks at it: pictures for the page are made too."""


def work(pipe: Connection, engine: Engine) -> None:
    """Answer tasks from *pipe* until it closes. What is sent back are tuples: ("ready",), ("frames", done, total),
    ("view", number, time or None), and at the end ("done", summary, {name of a result: bytes}) or ("failed", line)."""
    from gsanet.runtime.opening import open_pretrained

    logging.getLogger("gsanet").addHandler(logging.NullHandler())  # what is wrong with a clip is told to its owner
    try:
        network = open_pretrained(engine.model, engine.runtime, engine.device, engine.precision)  # type: ignore[arg-type]
    except GsanetError as error:
        pipe.send(("failed", str(error)))
        return
    pipe.send(("ready",))
    while True:
        task: Assigned = pipe.recv()
        # Relative names from here on: no path of the server gets into messages and summaries.
        os.chdir(task.folder)
        try:
            pipe.send(("done", *_segment(pipe, network, engine, task)))
        except GsanetError as error:
            pipe.send(("failed", str(error)))
        except MemoryError:
            pipe.send(("failed", "there is not enough memory for this clip: try a part of it, or smaller frames"))
        finally:
            os.chdir("/")


def _segment(pipe: Connection, network: Any, engine: Engine, task: Assigned) -> tuple[dict[str, Any], dict[str, int]]:
    from gsanet.segment import Segmenter, segment_to_folder
    from gsanet.serve.views import Views

    def progress(done: int, total: int | None) -> None:
        if done > task.frames:
            raise GsanetError(f"the clip has more than {task.frames} frames, which is what this server takes")
        pipe.send(("frames", done, total))

    wanted = task.wanted
    segmenter = Segmenter(
        network, quality=wanted.given.get("quality"), batch=engine.batch, name=engine.model, **wanted.changes
    )
    # Called by the thread that calls progress too: only one writes to the pipe.
    views = Views(Path(VIEWS), lambda index, time: pipe.send(("view", index, time))) if task.watch else None
    span = wanted.span
    folder = segment_to_folder(
        task.clip,
        RESULTS,
        segmenter=segmenter,
        save=wanted.save,
        background=task.background or wanted.given.get("background", "blur"),
        start=span.start,
        end=span.end,
        every=span.every,
        progress=progress,
        watch=None if views is None else views.add,
    )
    summary = json.loads((folder / SUMMARY).read_text())
    summary.pop("source_facts", None)  # the path is in it
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    return summary, _packed(folder)


def _packed(folder: Path) -> dict[str, int]:
    """Results as single files right below :data:`RESULTS`: folders become archives. Their names and sizes."""
    out = folder.parent
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            with zipfile.ZipFile(out / f"{child.name}.zip", "w", zipfile.ZIP_STORED) as archive:
                for file in sorted(child.rglob("*")):
                    if file.is_file():
                        archive.write(file, file.relative_to(folder))
        else:
            child.replace(out / child.name)
    shutil.rmtree(folder)
    return {file.name: file.stat().st_size for file in sorted(out.iterdir()) if file.is_file()}
