"""A batch from its list of clips to what became of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.scale.outcome import ClipOutcome
from gsanet.scale.schedule import PAUSE, RETRIES, Event, Finished, Schedule
from gsanet.scale.store import NetStore, open_store
from gsanet.scale.task import Batch, Description, Pool, Ready
from gsanet.scale.worker import pieces_folder
from gsanet.segment.naming import folder_names
from gsanet.segment.planning import ClipJob, beside_results, keep_finished, plan_clips
from gsanet.video.named import NamedClip
from gsanet.video.trimmed import Span


def plan_batch(clips: Sequence[NamedClip], batch: Batch, part: Span, share: slice = slice(None)) -> list[ClipJob]:
    """What is to be done about each clip (:func:`gsanet.segment.planning.plan_clips`), wherever results go.

    Args:
        share: which of the clips (:func:`gsanet.scale.shard.parse_shard`).

    Raises:
        GsanetError: results that are there already may not be replaced or kept, or a clip comes to this process alone.
    """
    for clip in clips:
        if clip.kind in ("pipe", "camera"):
            raise GsanetError(f"{clip.said} comes to this process alone: segment it without --jobs and --engine")
    store = open_store(batch.out)
    if not isinstance(store, NetStore):
        return plan_clips(clips, store.root, batch.existing, part, share)
    clips = list(dict.fromkeys(clips))
    names = folder_names(clips)[share]
    there = store.names()
    summaries = store.summaries(name for name in names if name in there)
    jobs = []
    for clip, name in zip(clips[share], names, strict=True):
        job = ClipJob(clip, Path(name), part=part)
        if name in summaries:
            job = beside_results(job, store.place(name), summaries[name], batch.existing)
        elif name in there and not store.unfinished(name):
            raise GsanetError(
                f"{store.place(name)} exists and was not made by gsanet segment: choose another --out, or move it away"
            )
        jobs.append(job)
    return jobs


def outcomes_of(jobs: Sequence[ClipJob], out: str) -> list[ClipOutcome]:
    """One for each job, of which nothing has become yet."""
    store = open_store(out)
    return [ClipOutcome(job.said, store.place(job.folder.name)) for job in jobs]


def run_batch(
    batch: Batch,
    jobs: Sequence[ClipJob],
    outcomes: Sequence[ClipOutcome],
    pool: Pool,
    *,
    retries: int = RETRIES,
    pause: float = PAUSE,
) -> Generator[Event, None, None]:
    """Give the jobs to the pool's workers, and tell what happens. Closing this generator ends the workers.

    Args:
        outcomes: from :func:`outcomes_of`; are filled in.
        retries, pause: of :class:`~gsanet.scale.schedule.Schedule`.

    Raises:
        GsanetError: no worker can begin, or results that are there were made with other settings.
    """
    todo = []
    try:
        if any(not job.problem for job in jobs):
            pool.begin()
        if any(job.made is not None for job in jobs):
            jobs = keep_finished(jobs, _described(pool), batch.save, batch.background)
        there = open_store(batch.out).names() if any(job.finished for job in jobs) else set()
        for number, (job, outcome) in enumerate(zip(jobs, outcomes, strict=True)):
            if job.problem:
                outcome.state, outcome.error = "failed", job.problem
            elif job.finished:
                outcome.state = "kept"
                if pieces_folder(job.folder.name) in there:
                    open_store(batch.out).remove(pieces_folder(job.folder.name))
            else:
                todo.append(number)
                continue
            yield Finished(number, outcome)
        with closing(Schedule(jobs, outcomes, pool, todo, retries=retries, pause=pause).run()) as events:
            yield from events
    finally:
        pool.close()


def _described(pool: Pool) -> Description:
    while True:
        for message in pool.wait(1.0):
            if isinstance(message, Ready):
                return message.description
