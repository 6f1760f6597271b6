"""One clip from end to end: segmented, saved, and put in its place only when it is complete."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from gsanet.base.atomic import write_text
from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.runtime.opening import runtime_version
from gsanet.segment.background import DEFAULT as BACKGROUND
from gsanet.segment.background import check_background
from gsanet.segment.choice import ALL
from gsanet.segment.claims import PART, claimed, put_in_place
from gsanet.segment.engine import Segmenter
from gsanet.segment.kept import waiting
from gsanet.segment.naming import hidden
from gsanet.segment.options import OptionChanges
from gsanet.segment.planning import ClipJob, Existing, keep_finished, plan_clips, settings_of
from gsanet.segment.result import FrameResult
from gsanet.segment.save import DEFAULT, NEED_SLOTS, NO_IMAGE, ClipWriter, make_folder, parse_kinds
from gsanet.segment.threads import Behind
from gsanet.segment.truth import open_truth
from gsanet.video.clip import Clip
from gsanet.video.finding import SUMMARY
from gsanet.video.identity import facts_about
from gsanet.video.named import missing, named
from gsanet.video.sources import open_clip
from gsanet.video.trimmed import Span, seconds

_WAITING = 4
"""Frames that may wait to be written."""

NOTHING_FOUND = (
    "nothing was found: no pixel of any frame is object. Something small may need a larger --size, something still "
    "--flow none; --save probability shows how near it was"
)


def segment_clip(
    segmenter: Segmenter,
    plan: ClipJob,
    *,
    save: Sequence[str] = DEFAULT,
    background: str = BACKGROUND,
    truth: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    watch: Callable[[FrameResult], None] | None = None,
    mine: bool = False,
) -> dict[str, Any]:
    """Segment one clip into its folder, and return its summary.

    All is written to a hidden folder beside it, which takes the folder's name at the end. Whatever happens before
    that, Ctrl-C included, leaves nothing behind, and what was there before stays.

    Args:
        background: of a ``composite`` (:func:`gsanet.segment.background.open_background`).
        truth: a folder of true masks, for panels (:func:`gsanet.segment.truth.open_truth`).
        progress: called with (frames done, frames in all, if that is known).
        watch: called with each result when it has been saved, in a thread; results have their images and slot maps
            then, whatever is saved.
        mine: the caller has claimed the folder already (:func:`gsanet.segment.claims.claimed`).

    Raises:
        GsanetError: the clip cannot be read, the results cannot be written, or another run is writing them.
    """
    if plan.problem:
        raise GsanetError(plan.problem)
    facts = facts_about(plan.named)
    clip = open_job(plan)
    with nullcontext() if mine else claimed([plan.folder]):
        part = hidden(plan.folder, PART)
        shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
        make_folder(part)
        started = time.perf_counter()
        total = clip.length
        found = False
        try:
            if progress is not None:
                progress(0, total)
            known = None if truth is None else open_truth(Path(truth), clip.name)
            with ClipWriter(part, clip, save, background=background, truth=known) as writer:

                def work(result: FrameResult) -> None:
                    nonlocal found
                    writer.add(result)
                    if watch is not None:
                        watch(result)
                    found = found or bool(result.mask.any())
                    if progress is not None:
                        progress(writer.frames, total)

                # Numbers of objects are there if objects are told apart.
                apart: OptionChanges = {"object": ALL} if "ids" in save and segmenter.options.choice is None else {}
                results = segmenter.stream(
                    clip,
                    slots=watch is not None or not NEED_SLOTS.isdisjoint(save),
                    images=watch is not None or not NO_IMAGE.issuperset(save),
                    **apart,
                )
                with closing(results), Behind(work, waiting(clip.width * clip.height, _WAITING)) as behind:
                    for result in results:
                        behind.put(result)
            if not found:
                clip.note(NOTHING_FOUND)
            duration = time.perf_counter() - started
            summary = _summary(segmenter, clip, plan, save, writer, duration) | {"source_facts": facts}
            write_text(part / SUMMARY, json.dumps(summary, indent=2) + "\n")
            put_in_place(part, plan.folder)
        except OSError as error:
            raise GsanetError(f"cannot write {plan.folder}: {error.strerror or error}") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return summary


def segment_to_folder(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    segmenter: Segmenter | None = None,
    save: Sequence[str] = DEFAULT,
    background: str = BACKGROUND,
    existing: Existing = "error",
    start: float | str = 0.0,
    end: float | str | None = None,
    every: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
    watch: Callable[[FrameResult], None] | None = None,
) -> Path:
    """Segment one clip into a folder of its own below *out*, as ``gsanet segment SOURCE -o OUT`` does.

    Args:
        source: a video, a folder of frames, a picture, or another name that :func:`gsanet.open_clip` takes.
        segmenter: the one of the package with its defaults if None.
        save: what to write, any of :data:`gsanet.segment.save.KINDS`.
        background: of a ``composite``: a colour, a picture, a video, ``blur`` or ``transparent``.
        existing: what to do about results that are there: ``error``, ``resume`` (keep them if source and settings are
            the same) or ``overwrite``.
        start, end: the part that is wanted, in seconds or as ``1:02.5``.
        every: of its frames, each N-th.
        progress: called with (frames done, frames in all, if that is known).
        watch: called with each result, which has its image and slot maps, when it has been saved, in a thread.

    Returns:
        The folder, ``OUT/<clip>``; its ``summary.json`` says what was done.

    Raises:
        GsanetError: the clip cannot be read, or the results are there already or cannot be written.
    """
    kinds = parse_kinds(",".join(save))
    check_background(background)
    clip = named(source)
    if line := missing(clip):
        raise GsanetError(line)
    part = Span(seconds(start), None if end is None else seconds(end), every)
    jobs = plan_clips([clip], Path(out), existing, part)
    segmenter = segmenter or Segmenter.from_pretrained()
    (job,) = keep_finished(jobs, segmenter, kinds, background)
    if not job.finished:
        segment_clip(segmenter, job, save=kinds, background=background, progress=progress, watch=watch)
    return job.folder


def open_job(job: ClipJob) -> Clip:
    """The clip that is to be segmented, or the part of it.

    Raises:
        GsanetError: it cannot be read.
    """
    return open_clip(job.source, **(job.part.to_dict() if job.part else {}))


def _summary(
    segmenter: Segmenter, clip: Clip, plan: ClipJob, save: Sequence[str], writer: ClipWriter, seconds: float
) -> dict[str, Any]:
    return {
        "clip": clip.name,
        "source": plan.said,
        "part": plan.part.to_dict(),
        "width": clip.width,
        "height": clip.height,
        "fps": round(float(clip.fps), 3),
        **writer.summary(),
        **settings_of(segmenter, live=clip.live),
        "device": segmenter.runtime.device,
        "saved": sorted(save),
        "seconds": round(seconds, 3),
        "frames_per_second": round(writer.frames / seconds, 2),
        "warnings": clip.problems,
        "notes": clip.facts,
        "versions": {
            "gsanet": __version__,
            **runtime_version(segmenter.runtime.name),
            "python": platform.python_version(),
        },
    }
