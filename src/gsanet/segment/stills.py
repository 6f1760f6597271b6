"""Many pictures, each by itself: one has too little work for all processors, so that several are segmented at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from itertools import groupby
from typing import Any

from gsanet.base.errors import GsanetError
from gsanet.segment.planning import ClipJob
from gsanet.segment.threads import abreast
from gsanet.video.images import SUFFIXES

MOST = 4
"""Pictures at once: a photograph of 50 megapixels takes half a gigabyte while it is worked on."""

Work = Callable[[ClipJob], dict[str, Any]]
"""Segments a clip, and returns its summary."""


def is_picture(job: ClipJob) -> bool:
    """Whether the clip is a single file of a kind that holds pictures; it is not looked into."""
    clip = job.named
    return clip.kind == "file" and clip.suffix.lower() in SUFFIXES


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

    for pictures, group in groupby(jobs, is_picture):
        tasks = (partial(attempt, job) for job in group)
        yield from abreast(tasks, min(workers, MOST) if pictures else 1, lambda: None)
