"""Many clips at once: how it is shown how far they are, and what became of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID
    from rich.text import Text

    from gsanet.scale.outcome import BatchReport, ClipOutcome
    from gsanet.scale.schedule import Event

_LINES = 12
"""Clips that have a line of their own; of more that run at once the first so many have."""

_EVERY = 30.0
"""Seconds between lines in a log, where no terminal can show bars."""

_TOLD = 20
"""Failed clips that are named; the report has them all."""


def some(names: Sequence[str]) -> str:
    """Names in a line, not all if they are many."""
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def table(report: BatchReport) -> list[str]:
    """How many clips there are of each kind, and which failed why."""
    from gsanet.scale.outcome import STATES

    counts = {state: count for state, count in report.counts().items() if count}
    lines = [f"{count:>7}  {STATES[state]}" for state, count in counts.items()]
    lines.append(f"{len(report.outcomes):>7}  clips in {_clock(report.seconds)}")
    if report.frames:
        lines[-1] += f", {report.frames} frames, {report.frames_per_second:.1f} per second"
    failed = [outcome for outcome in report.outcomes if outcome.state == "failed"]
    lines += [f"failed    {outcome.error}" for outcome in failed[:_TOLD]]
    if len(failed) > _TOLD:
        lines.append(f"failed    {len(failed) - _TOLD} more, in the report (--report FILE)")
    return lines


@contextmanager
def shown(names: Sequence[str]) -> Iterator[Callable[[Event], None]]:
    """Bars in a terminal, else a line now and then; lines of clips that end stand above them."""
    view = _Bars(names) if sys.stderr.isatty() else _Lines(len(names))
    try:
        yield view.show
    finally:
        view.close()


class _Lines:
    """For logs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = self._said = time.monotonic()
        self._ended = self._failed = self._frames = 0
        self._far: dict[int, int] = {}

    def show(self, event: Event) -> None:
        from gsanet.scale.schedule import Finished, Went

        _tell(event, typer.echo)
        if isinstance(event, Went) and event.step != "join":
            self._frames += max(0, event.done - self._far.get(event.number, 0))
            self._far[event.number] = max(event.done, self._far.get(event.number, 0))
        elif isinstance(event, Finished):
            self._ended += 1
            self._failed += event.outcome.state == "failed"
            self._far.pop(event.number, None)
        now = time.monotonic()
        if now - self._said >= _EVERY:
            self._said = now
            typer.echo(self._line(now - self._begun), err=True)

    def _line(self, seconds: float) -> str:
        text = f"{self._ended} of {self._total} clips"
        text += f", {self._failed} failed" if self._failed else ""
        text += f", {len(self._far)} under way, {self._frames / seconds:.1f} frames per second"
        if self._ended:
            text += f", about {_clock(seconds / self._ended * (self._total - self._ended))} left"
        return text

    def close(self) -> None:
        pass


class _Bars:
    """For terminals."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._progress = _progress()
        self._all: TaskID = self._progress.add_task("all clips", total=len(names))
        self._lines: dict[int, TaskID] = {}
        self._progress.start()

    def show(self, event: Event) -> None:
        from gsanet.scale.schedule import Finished, Went

        _tell(event, self._echo)
        if isinstance(event, Finished):
            self._progress.advance(self._all)
            if (line := self._lines.pop(event.number, None)) is not None:
                self._progress.remove_task(line)
        elif isinstance(event, Went):
            if event.number not in self._lines:
                if len(self._lines) == _LINES:
                    return
                self._lines[event.number] = self._progress.add_task(self._names[event.number], total=event.total)
            what = {"clip": "", "piece": " (in pieces)", "join": " (joining)"}[event.step]
            name = f"{self._names[event.number]}{what}"
            line = self._lines[event.number]
            self._progress.update(line, completed=event.done, total=event.total, description=name)

    def _echo(self, text: str, err: bool = False) -> None:
        if err or sys.stdout.isatty():
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)  # above the bars
        else:
            typer.echo(text)

    def close(self) -> None:
        self._progress.stop()


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _tell(event: Event, echo: Callable[..., Any]) -> None:
    """The line of a clip that has ended, or will be tried again."""
    from gsanet.scale.schedule import Finished, Retried

    if isinstance(event, Retried):
        echo(f"gsanet: {event.why}: once more in {event.seconds:.0f} s", err=True)
    elif isinstance(event, Finished):
        echo(ended(event.outcome), err=event.outcome.state == "failed")


def ended(outcome: ClipOutcome) -> str:
    """The line of a clip that has ended."""
    if outcome.state == "kept":
        return f"{outcome.clip}: finished already, kept in {outcome.folder}"
    if outcome.state == "failed":
        return f"gsanet: {outcome.error}"
    noun = "frame" if outcome.frames == 1 else "frames"
    speed = outcome.frames / outcome.seconds if outcome.seconds else 0.0
    return (
        f"{outcome.clip}: {outcome.frames} {noun} in {outcome.seconds:.1f} s ({speed:.1f} per second) "
        f"-> {outcome.folder}"
    )


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
