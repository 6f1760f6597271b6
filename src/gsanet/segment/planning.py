"""What is to be done about each clip: where its results go, and whether they are there already.

The names of clips are enough for that; nothing heavy is loaded, so that a wrong word is told at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from gsanet.base.errors import GsanetError
from gsanet.segment.background import DEFAULT as BACKGROUND
from gsanet.segment.naming import folder_names
from gsanet.segment.options import Options
from gsanet.video.finding import SUMMARY
from gsanet.video.identity import facts_about, same_source
from gsanet.video.named import NamedClip, named
from gsanet.video.trimmed import Span

_ALL = slice(None)

Existing = Literal["error", "resume", "overwrite"]
"""What to do about results that are there already.

The default refuses: masks may have been corrected by hand, and leaving them out without a word would hide that
the settings have changed. ``resume`` keeps finished clips that were made of the same source with the same settings.
"""


@dataclass(frozen=True)
class ClipJob:
    """What is to be done about one clip."""

    source: NamedClip | Path
    folder: Path
    """Where its results go."""
    finished: bool = False
    """They are there already, and are kept."""
    part: Span = field(default_factory=Span)
    """Which of its frames are wanted."""
    problem: str | None = None
    """One line that says why nothing can be done about it."""
    made: Mapping[str, Any] | None = None
    """The summary of results that are there, if they may be kept."""

    @property
    def said(self) -> str:
        """What the clip is called in messages."""
        return self.source.said if isinstance(self.source, NamedClip) else str(self.source)

    @property
    def named(self) -> NamedClip:
        """The source, told apart."""
        return self.source if isinstance(self.source, NamedClip) else named(self.source)


def plan_clips(
    sources: Sequence[NamedClip | Path],
    out: Path,
    existing: Existing = "error",
    part: Span | None = None,
    share: slice = _ALL,
) -> list[ClipJob]:
    """Decide where each clip goes (:func:`gsanet.segment.naming.folder_names`) and find what stands in the way.

    A clip that differs from the one whose results are there gets a :attr:`ClipJob.problem`, and does not stop the
    others.

    Args:
        part: of every clip; all frames if None.
        share: which of the clips are planned. Names are those that they have among all.

    Raises:
        GsanetError: results that are there already and may not be replaced or kept.
    """
    part = part or Span()
    clips = [source if isinstance(source, NamedClip) else named(source) for source in dict.fromkeys(sources)]
    names = folder_names(clips)[share]
    return [plan_clip(clip, out / name, existing, part) for clip, name in zip(clips[share], names, strict=True)]


def keep_finished(
    jobs: Sequence[ClipJob], segmenter: Settled, save: Sequence[str], background: str = BACKGROUND
) -> list[ClipJob]:
    """Mark the jobs whose results are there as finished.

    Args:
        segmenter: a :class:`~gsanet.segment.engine.Segmenter`, or what says as much of one.
        save: what is wanted of each (:func:`gsanet.segment.save.parse_kinds`).
        background: of the composite, if that is wanted.

    Raises:
        GsanetError: results were made with other settings.
    """
    kept = []
    for job in jobs:
        if job.made is None or job.problem:
            kept.append(job)
            continue
        wanted = {**settings_of(segmenter, live=job.named.live), "part": job.part.to_dict()}
        if "composite" in save:
            wanted["background"] = background
        there = {"part": Span().to_dict(), **job.made}  # older summaries are of whole clips
        differences = [
            f"{key} {there.get(key)} there, {value} now" for key, value in wanted.items() if there.get(key) != value
        ]
        missing = sorted(set(save) - set(there.get("saved", ())))
        if missing:
            differences.append(f"without {', '.join(missing)}")
        if differences:
            raise GsanetError(
                f"{job.folder} was made with other settings ({'; '.join(differences)}): --overwrite replaces it"
            )
        kept.append(replace(job, finished=True))
    return kept


class SettledNetwork(Protocol):
    """All that decides masks about a network but its weights."""

    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...


class Settled(Protocol):
    """All that decides masks about a segmenter."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Options: ...
    @property
    def runtime(self) -> SettledNetwork: ...


def settings_of(segmenter: Settled, *, live: bool = False) -> dict[str, Any]:
    """What decides the masks, as JSON has it. What comes frame by frame is segmented online."""
    options = segmenter.options.change({"online": True}) if live else segmenter.options
    return {
        "model": segmenter.name,
        "options": json.loads(json.dumps(options.to_dict())),
        "precision": segmenter.runtime.precision,
        "runtime": segmenter.runtime.name,
    }


def plan_clip(clip: NamedClip, folder: Path, existing: Existing, part: Span) -> ClipJob:
    """As :func:`plan_clips`, for one clip whose folder is known."""
    job = ClipJob(clip, folder, part=part)
    if not folder.exists():
        return job
    if clip.path is not None and not clip.live:
        place, source = folder.resolve(), clip.path.resolve()
        if place == source or place in source.parents:
            raise GsanetError(f"the results of {clip.said} would replace the clip itself: choose another --out")
    summary = _read_summary(folder)
    if summary is None:
        raise GsanetError(f"{folder} exists and was not made by gsanet segment: choose another --out, or move it away")
    return beside_results(job, str(folder), summary, existing)


def beside_results(job: ClipJob, folder: str, summary: Mapping[str, Any], existing: Existing) -> ClipJob:
    """What is to be done about a clip where there are results of ours, with this *summary*.

    Args:
        folder: in words.

    Raises:
        GsanetError: they may not be replaced or kept.
    """
    if existing == "overwrite":
        return job
    if existing == "error":
        raise GsanetError(f"{folder} exists already: --resume keeps finished clips, --overwrite replaces them")
    problem = _difference(job.named, folder, summary)
    return replace(job, problem=problem, made=None if problem else summary)


def _difference(clip: NamedClip, folder: str, summary: Mapping[str, Any]) -> str | None:
    """Why results that are there are not of this clip."""
    if clip.live and clip.kind != "address":
        return f"{clip.said} comes only once, and {folder} holds what came before: choose another --out, or --overwrite"
    before, now = summary.get("source_facts"), facts_about(clip)
    if not isinstance(before, dict) or not before:
        # Made before summaries said more than the path.
        same_path = clip.path is not None and Path(str(summary.get("source"))).resolve() == clip.path.resolve()
        return None if same_path else _of_another(clip, folder, summary)
    if same_source(before, now):
        return None
    if before.get("path") == now.get("path"):
        return f"{clip.said} has changed since {folder} was made of it: --overwrite makes it anew"
    return _of_another(clip, folder, summary)


def _of_another(clip: NamedClip, folder: str, summary: Mapping[str, Any]) -> str:
    return (
        f"{folder} holds the results of another clip, {summary.get('source')}, not of {clip.said}: choose another "
        "--out, or --overwrite"
    )


def _read_summary(folder: Path) -> dict[str, Any] | None:
    try:
        summary = json.loads((folder / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and "versions" in summary else None
