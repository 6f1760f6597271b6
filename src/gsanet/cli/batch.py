"""``gsanet segment`` for many clips: shards, several at once, on a cluster; what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gsanet.base.errors import GsanetError
from gsanet.cli.batch_view import shown, table

if TYPE_CHECKING:
    from gsanet.cli.stopping import Stopping
    from gsanet.scale.outcome import BatchReport
    from gsanet.scale.task import Batch, Pool
    from gsanet.segment import ClipJob
    from gsanet.video.named import NamedClip
    from gsanet.video.trimmed import Span

PIECE = 5000
"""Frames, where a cluster does the work: a clip of less than twice as many is one worker's."""


@dataclass(frozen=True)
class ManyClips:
    """What the options of ``gsanet segment`` say about many clips."""

    jobs: int | None
    """Workers; what suits if None."""
    engine: str
    address: str | None
    share: slice
    piece: int
    retries: int

    @classmethod
    def from_options(
        cls, jobs: str, engine: str, address: str | None, shard: str | None, piece: int | None, retries: int
    ) -> ManyClips:
        """From what was typed.

        Raises:
            GsanetError: it cannot be.
        """
        from gsanet.scale.shard import parse_shard

        ray = engine == "ray"
        if address is not None and not ray:
            raise GsanetError("--address is that of a Ray cluster: add --engine ray")
        if jobs not in ("", "auto") and not (jobs.isdecimal() and int(jobs)):
            raise GsanetError(f"--jobs is a number from 1 on or auto, not {jobs!r}")
        count = int(jobs) if jobs.isdecimal() else 1 if not jobs and not ray else None
        share = slice(None) if shard is None else parse_shard(shard)
        piece = piece if piece is not None else PIECE if ray else 0
        return cls(count, engine, address, share, piece, retries)

    def in_processes(self, out: str, clips: int, arguments: Mapping[str, Any]) -> bool:
        """Whether it is worth it to start workers; what is not, this process does by itself."""
        from gsanet.scale.sizing import suitable_jobs
        from gsanet.scale.store import is_address

        if self.engine == "ray" or self.piece or is_address(out):
            return True
        clips = len(range(clips)[self.share])
        return min(clips, self.jobs or suitable_jobs(clips, arguments)) > 1

    def report_of(self, jobs: Sequence[ClipJob], out: str, workers: int = 1) -> BatchReport:
        """A report of which nothing is known yet."""
        from gsanet.scale.outcome import BatchReport
        from gsanet.scale.run import outcomes_of

        if not jobs:
            typer.echo("no clips for this shard", err=True)
        return BatchReport(outcomes_of(jobs, out), workers, self.engine)

    @contextmanager
    def telling(self, report: BatchReport, file: Path | None) -> Iterator[None]:
        """However the block ends, then come the table and the report's file, if more than one clip or a file is wanted.

        Raises:
            GsanetError: the file cannot be written.
        """
        begun = time.monotonic()
        try:
            yield
        finally:
            report.seconds = time.monotonic() - begun
            if len(report.outcomes) > 1:
                for line in table(report):
                    typer.echo(line, err=True)
            if file is not None:
                report.write(file)
                typer.echo(f"report    {file}", err=True)

    def run(
        self, clips: Sequence[NamedClip], batch: Batch, part: Span, stop: Stopping, file: Path | None
    ) -> BatchReport:
        """A line on stdout for each clip that ends, errors on stderr, and there too how far it all is.

        Raises:
            GsanetError: no worker can begin, or results that are there may not be replaced or kept.
            Stopped: a signal came; what is finished is kept.
        """
        from gsanet.base.errors import Stopped
        from gsanet.scale.run import plan_batch, run_batch

        jobs = plan_batch(clips, batch, part, self.share)
        report = self.report_of(jobs, batch.out)
        if not jobs:
            return report
        pool = self._pool(batch, sum(job.problem is None for job in jobs))
        report.workers = pool.size
        names = [job.folder.name for job in jobs]
        with self.telling(report, file):
            try:
                events = run_batch(batch, jobs, report.outcomes, pool, retries=self.retries)
                with closing(events), shown(names) as show:
                    for event in events:
                        show(event)
            except KeyboardInterrupt:
                raise Stopped("stopped; with --resume the finished clips are kept", stop.code or 130) from None
        return report

    def _pool(self, batch: Batch, clips: int) -> Pool:
        if self.engine == "ray":
            from gsanet.scale.actors import RayPool

            pool = RayPool(batch, self.jobs, self.address, most=None if self.piece else clips)
            if pool.dashboard:
                typer.echo(f"dashboard http://{pool.dashboard}", err=True)
            return pool
        from gsanet.scale.processes import ProcessPool
        from gsanet.scale.sizing import suitable_jobs

        wanted = self.jobs or suitable_jobs(clips, batch.arguments)
        return ProcessPool(batch, max(1, wanted if self.piece else min(wanted, clips)))
