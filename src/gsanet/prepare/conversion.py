"""``prepare``: from an official download to folders that training and evaluation read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.data.cache import Progress
from gsanet.data.masks import SOFT
from gsanet.prepare.datasets import DATASETS, dataset
from gsanet.prepare.download import Download, open_download
from gsanet.prepare.plan import Choices, DataSet, Part, Plan, not_this
from gsanet.prepare.writing import Job, Outcome, jobs_of, leftovers, require_space, write_jobs
from gsanet.video.listing import some_of


@dataclass
class PartReport:
    """One folder of the result."""

    folder: str
    sequences: int
    """0 for single pictures."""
    frames: int
    masks: int
    to_write: int
    """Pictures of which something is not there yet: what a dry run would write."""
    bytes_to_write: int
    """Size of their photographs; masks add a few kilobytes each."""
    shortfalls: list[str]
    """What is not as it should be, as sentences: counts that differ from the published ones, empty masks."""
    missing: list[str]
    """What should be there and is not, by name."""
    surplus: list[str]
    """Masks without a photograph, by name."""
    protocol: str = ""
    outcome: Outcome = field(default_factory=Outcome)


@dataclass
class Report:
    """What :func:`prepare_dataset` found and did."""

    title: str
    root: Path
    dry_run: bool
    parts: list[PartReport]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "root": str(self.root)}


def prepare_dataset(
    name: str,
    paths: Sequence[Path | str],
    root: Path | str,
    *,
    choices: Choices | None = None,
    dry_run: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the data set *name* below *root* from its download; what is there already is kept.

    Args:
        name: of :data:`gsanet.prepare.datasets.DATASETS`.
        paths: archives, or folders of what was in them; several together are one download.
        dry_run: plan and count only; nothing is written.
        jobs: threads; as many as processors if not given.
        progress: called with (pictures done, pictures to do).

    Raises:
        GsanetError: an archive that is damaged, leads out of itself or holds another data set; nothing usable in it;
            a folder that holds other data or cannot be written to.
    """
    chosen, choices, root = dataset(name), choices or Choices(), Path(root)
    given = [Path(path) for path in paths]
    for path in given:
        if path.is_dir() and root.resolve().is_relative_to(path.resolve()):
            raise GsanetError(f"the output {root} lies inside {path}, which is read: choose another -o")
    with open_download(given, root) as download:
        plan = _plan(chosen, download, choices)
        todo = {part.folder: jobs_of(part, root) for part in plan.parts}
        outcomes: dict[str, Outcome] = {}
        if not dry_run:
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise GsanetError(f"cannot make the folder {root} ({error.strerror}): choose another -o") from None
            for file in leftovers(root, plan.parts):
                file.unlink(missing_ok=True)
            require_space(root, [job for members in todo.values() for job in members])
            outcomes = write_jobs(todo, jobs or os.cpu_count() or 1, progress)
            lost = [reason for outcome in outcomes.values() for reason in outcome.unreadable]
            if lost and not any(outcome.written or outcome.kept for outcome in outcomes.values()):
                raise GsanetError(f"none of the {len(lost):,} pictures could be read; the first: {lost[0]}")
    parts = [_report(part, todo[part.folder], outcomes) for part in plan.parts]
    assumed = [note for part in parts for note in _assumptions(part)]
    return Report(chosen.title, root, dry_run, parts, [*plan.notes, *assumed])


def _plan(chosen: DataSet, download: Download, choices: Choices) -> Plan:
    """The plan, or one line that says what was given instead."""
    plan = chosen.plan(download, choices)
    if plan.usable:
        return plan
    others = (d for d in DATASETS.values() if d is not chosen and d.name != "folder")
    raise not_this(chosen, download, next((other.name for other in others if _fits(other, download, choices)), ""))


def _fits(other: DataSet, download: Download, choices: Choices) -> bool:
    try:
        return other.plan(download, choices).usable
    except GsanetError:  # a list of another kind under the same name
        return False


def _report(part: Part, jobs: list[Job], outcomes: dict[str, Outcome]) -> PartReport:
    outcome = outcomes.get(part.folder, Outcome(kept=sum(job.done for job in jobs)))
    return PartReport(
        part.folder,
        0 if part.form == "pairs" else len(part.sequence_names),
        len(part.items),
        part.annotated,
        sum(not job.done for job in jobs),
        sum(job.item.photo.size for job in jobs if job.need_rgb),
        [*part.shortfalls(), *_empty(part, jobs, outcome)],
        [*part.missing, *outcome.unreadable],
        part.surplus,
        part.protocol,
        outcome,
    )


def _empty(part: Part, jobs: list[Job], outcome: Outcome) -> list[str]:
    """Sequences all of whose masks were written now and have no object: more likely a form that is not understood."""
    first: dict[str, str] = {}
    for job in jobs:
        if job.need_gt:
            first.setdefault(job.item.sequence, str(job.item.masks[0]))
    kept = {job.item.sequence for job in jobs if job.item.masks and not job.need_gt}
    empty = {name.rpartition("/")[0] for name in outcome.empty} - kept - outcome.with_object.keys()
    names = [name for name in first if name in empty]
    if not names:
        return []
    whole = not kept and not outcome.with_object
    which = f"all {len(outcome.empty):,} masks are" if whole else f"all masks of {some_of(names)} are"
    return [f"{which} empty, such as {first[names[0]]}: is 0 their background?"]


def _assumptions(part: PartReport) -> Iterator[str]:
    """What was assumed about masks; that soft ones are cut at half is no news."""
    for sentence, names in part.outcome.assumed.items():
        if sentence != SOFT:
            yield f"{part.folder}: {sentence} ({len(names):,} masks, such as {names[0]})"
