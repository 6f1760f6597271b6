"""Many pictures, each by itself: one has too little work for all processors, so that several are segmented at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from itertools import groupby
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.segment.planning import ClipJob
from gsanet.segment.threads import abreast

MOST = 4
"""Pictures at once, for the sake of memory: photographs of 50 megapixels take 0.65 GB each (docs/performance.md)."""

Work = Callable[[ClipJob], dict[str, Any]]
"""Segments a clip, and returns its summary."""


def segment_each(
    jobs: Iterable[ClipJob], work: Work, workers: int
) -> Generator[dict[str, Any] | GsanetError, None, None]:
    """Summaries of *jobs* in their order, or what was wrong with one.

    Pictures that follow on each other are worked on by several threads at once, at most *workers* and
    :data:`MOST`. Other clips keep all processors busy, and come one by one.
    """

    def attempt(job: ClipJob) -> dict[str, Any] | GsanetError:
        try:
            return work(job)
        except GsanetError as error:
            return error

    for pictures, group in groupby(jobs, lambda job: job.named.picture):
        tasks = (partial(attempt, job) for job in group)
        yield from abreast(tasks, min(workers, MOST) if pictures else 1, lambda: None)
