"""The progress bar of commands that go through frames: how many, how fast, how long still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Task
    from rich.text import Text

    from gsanet.cli.preview import Preview


@contextmanager
def frame_progress(what: str, preview: Preview | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr while the block runs; call what it yields with (frames done, frames to do).

    Args:
        preview: has the picture that is shown above the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} frames/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())

    class WithPicture(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            if preview is not None and preview.picture is not None:
                yield preview.picture
            yield self.make_tasks_table(self.tasks)

    progress = WithPicture(*columns, console=Console(stderr=True) if preview is None else preview.console)
    task = progress.add_task(what, total=None)

    def show(done: int, total: int | None) -> None:
        progress.start()  # at the first call, so that an error before any work is not preceded by an empty bar
        progress.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        if progress.live.is_started:  # a bar that never began would still print an empty line
            progress.stop()
