"""One clip from end to end: segmented, saved, and put in its place only when it is complete."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.runtime.opening import runtime_version
from gsanet.segment.engine import Segmenter
from gsanet.segment.result import FrameResult
from gsanet.segment.save import DEFAULT, NEED_SLOTS, ClipWriter, make_folder, parse_kinds
from gsanet.segment.threads import Behind
from gsanet.video.clip import Clip
from gsanet.video.sources import clip_name, open_clip

SUMMARY = "summary.json"
"""Written last: a folder that has it is complete."""

Existing = Literal["error", "resume", "overwrite"]
"""What to do about results that are there already.

The default refuses: masks may have been corrected by hand, and leaving them out without a word would hide that
the settings have changed. ``resume`` keeps finished clips that were made with the same settings.
"""

_WAITING = 4
"""Frames that may wait to be written."""


@dataclass(frozen=True)
class ClipJob:
    """What is to be done about one clip."""

    source: Path
    folder: Path
    """Where its results go."""
    finished: bool
    """They are there already, and are kept."""


def plan_clips(
    sources: Sequence[Path], out: Path, segmenter: Segmenter, save: Sequence[str], existing: Existing = "error"
) -> list[ClipJob]:
    """Decide where each clip goes and find what stands in the way, before any work is done.

    Raises:
        GsanetError: two clips of one name, or results that are there already and may not be replaced or kept.
    """
    plans: dict[Path, ClipJob] = {}
    for source in dict.fromkeys(sources):
        folder = out / clip_name(source)
        if folder in plans:
            raise GsanetError(
                f"{plans[folder].source} and {source} would both be saved in {folder}: rename one, or run them "
                "one by one with an --out of their own"
            )
        plans[folder] = ClipJob(source, folder, _finished(source, folder, segmenter, save, existing))
    return list(plans.values())


def segment_clip(
    segmenter: Segmenter,
    plan: ClipJob,
    *,
    save: Sequence[str] = DEFAULT,
    progress: Callable[[int, int | None], None] | None = None,
) -> dict[str, Any]:
    """Segment one clip into its folder, and return its summary.

    All is written to a hidden folder beside it, which takes the folder's name at the end. Whatever happens before
    that, Ctrl-C included, leaves nothing behind, and what was there before stays.

    Args:
        progress: called with (frames done, frames in all, if that is known).

    Raises:
        GsanetError: the clip cannot be read, or the results cannot be written.
    """
    clip = open_clip(plan.source)
    part = plan.folder.with_name(f".{plan.folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    make_folder(part)
    started = time.perf_counter()
    total = clip.length
    if progress is not None:
        progress(0, total)
    try:
        with ClipWriter(part, clip, save) as writer:

            def work(result: FrameResult) -> None:
                writer.add(result)
                if progress is not None:
                    progress(writer.frames, total)

            results = segmenter.stream(clip, slots=not NEED_SLOTS.isdisjoint(save))
            with closing(results), Behind(work, _WAITING) as behind:
                for result in results:
                    behind.put(result)
        summary = _summary(segmenter, clip, plan, save, writer, time.perf_counter() - started)
        (part / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
        _put_in_place(part, plan.folder)
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
    existing: Existing = "error",
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Segment one clip into a folder of its own below *out*, as ``gsanet segment SOURCE -o OUT`` does.

    Args:
        source: a video, a folder of frames or a picture.
        segmenter: the one of the package with its defaults if None.
        save: what to write, any of :data:`gsanet.segment.save.KINDS`.
        existing: what to do about results that are there: ``error``, ``resume`` (keep them if the settings are the
            same) or ``overwrite``.
        progress: called with (frames done, frames in all, if that is known).

    Returns:
        The folder, ``OUT/<clip>``; its ``summary.json`` says what was done.

    Raises:
        GsanetError: the clip cannot be read, or the results are there already or cannot be written.
    """
    segmenter = segmenter or Segmenter.from_pretrained()
    kinds = parse_kinds(",".join(save))
    (job,) = plan_clips([Path(source)], Path(out), segmenter, kinds, existing)
    if not job.finished:
        segment_clip(segmenter, job, save=kinds, progress=progress)
    return job.folder


def _settings(segmenter: Segmenter) -> dict[str, Any]:
    """What decides the masks."""
    options = json.loads(json.dumps(segmenter.options.to_dict()))
    return {
        "model": segmenter.name,
        "options": options,
        "precision": segmenter.runtime.precision,
        "runtime": segmenter.runtime.name,
    }


def _summary(
    segmenter: Segmenter, clip: Clip, plan: ClipJob, save: Sequence[str], writer: ClipWriter, seconds: float
) -> dict[str, Any]:
    return {
        "clip": clip.name,
        "source": str(plan.source),
        "width": clip.width,
        "height": clip.height,
        "fps": round(float(clip.fps), 3),
        **writer.summary(),
        **_settings(segmenter),
        "device": segmenter.runtime.device,
        "saved": sorted(save),
        "seconds": round(seconds, 3),
        "frames_per_second": round(writer.frames / seconds, 2),
        "warnings": clip.problems,
        "versions": {
            "gsanet": __version__,
            **runtime_version(segmenter.runtime.name),
            "python": platform.python_version(),
        },
    }


def _finished(source: Path, folder: Path, segmenter: Segmenter, save: Sequence[str], existing: Existing) -> bool:
    if not folder.exists():
        return False
    if folder.resolve() == source.resolve() or folder.resolve() in source.resolve().parents:
        raise GsanetError(f"the results of {source} would replace the clip itself: choose another --out")
    summary = _read_summary(folder)
    if summary is None:
        raise GsanetError(f"{folder} exists and was not made by gsanet segment: choose another --out, or move it away")
    if existing == "overwrite":
        return False
    if existing == "error":
        raise GsanetError(f"{folder} exists already: --resume keeps finished clips, --overwrite replaces them")
    differences = [
        f"{key} {summary.get(key)} there, {value} now"
        for key, value in _settings(segmenter).items()
        if summary.get(key) != value
    ]
    missing = sorted(set(save) - set(summary.get("saved", ())))
    if missing:
        differences.append(f"without {', '.join(missing)}")
    if differences:
        raise GsanetError(f"{folder} was made with other settings ({'; '.join(differences)}): --overwrite replaces it")
    return True


def _read_summary(folder: Path) -> dict[str, Any] | None:
    try:
        summary = json.loads((folder / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and "versions" in summary else None


def _put_in_place(part: Path, folder: Path) -> None:
    """Rename; what was there goes only when the new folder has its name."""
    if not folder.exists():
        part.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
