"""What a person sees of a run: a progress bar (or lines), ``metrics.csv``, TensorBoard, sheets of samples."""

from __future__ import annotations

import csv
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from gsanet.base.atomic import written_whole

_LINE_SECONDS = 60
"""Where the output is not a terminal, a line is printed this often."""

_HEADER = ["step", "name", "value"]
_VALIDATION = "val/"


def _forget_from(file: Path, first: int) -> None:
    """Take out of *file* what an earlier sitting wrote after the checkpoint that has *first* steps, and torn lines.

    Those steps are taken again. Losses are numbered by the steps before them, validations by the steps they follow.
    """
    rows: list[list[str]] = []
    if file.is_file():
        with file.open(newline="") as lines:
            for row in csv.reader(lines):
                if len(row) == len(_HEADER) and row[0].isdecimal() and row[2]:
                    step = int(row[0])
                    if step < first or (step == first and row[1].startswith(_VALIDATION)):
                        rows.append(row)
    with written_whole(file) as part, part.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([_HEADER, *rows])


class _Console(Console):
    """On stderr. Where the reader goes away (`2>&1 | tee log` at Ctrl-C), the run goes on in silence, or ends as it was
    asked to, with all that it has learned."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class RunLog:
    """Use as a context.

    Args:
        out: the run's folder.
        steps: of the whole run.
        first: steps done before.
        batch: samples per step, over all processes.
        every: steps between entries.
    """

    def __init__(self, out: Path, steps: int, first: int, batch: int, every: int, *, quiet: bool = False) -> None:
        self._batch, self._every = batch, every
        self._out, self._steps, self._quiet = out, steps, quiet
        self._console = _Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"),
            TimeRemainingColumn(), console=self._console, disable=quiet or not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=steps, completed=first)
        self._losses: deque[float] = deque(maxlen=100)
        self._first, self._started, self._line = first, time.monotonic(), 0.0
        self._waited, self._entry = 0.0, self._started

    def __enter__(self) -> RunLog:
        self._board = SummaryWriter(str(self._out / "tensorboard"), purge_step=self._first)
        file = self._out / "metrics.csv"
        _forget_from(file, self._first)
        self._file = file.open("a", newline="")
        self._csv = csv.writer(self._file)
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._board.close()
        self._file.close()

    def waited(self, seconds: float) -> None:
        """Before each optimiser step: how long its batch was waited for."""
        self._waited += seconds

    def step(self, step: int, loss: float, losses: dict[str, float], rate: float) -> None:
        """After each optimiser step."""
        self._losses.append(loss)
        mean = float(np.mean(self._losses))
        elapsed = time.monotonic() - self._started
        speed = (step + 1 - self._first) / max(elapsed, 1e-9)
        self._bar.update(self._task, completed=step + 1, description=f"loss {mean:.3f}  {speed:.2f} steps/s")
        if not self._console.is_terminal and elapsed - self._line > _LINE_SECONDS:
            self._line = elapsed
            left = (self._steps - step - 1) / speed / 60
            self._say(f"step {step + 1}/{self._steps}  loss {mean:.3f}  {speed:.2f} steps/s  {left:.0f} min left")
        if step % self._every == 0:
            now = time.monotonic()
            share = self._waited / max(now - self._entry, 1e-9)
            self._waited, self._entry = 0.0, now
            values = {"loss": mean, "lr": rate, "samples_per_second": speed * self._batch, "waited": share}
            self._write(step, {**values, **{f"loss/{name}": value for name, value in losses.items()}})

    def scores(self, step: int, scores: dict[str, float]) -> None:
        """After each validation."""
        if not scores:
            return
        self._write(step, {f"{_VALIDATION}{k}": v for k, v in scores.items()})
        self._say(f"step {step}  validation: " + "  ".join(f"{k} {v:.4f}" for k, v in scores.items()))

    def picture(self, step: int, picture: np.ndarray[Any, Any]) -> None:
        """A sheet of samples, to ``samples/`` and TensorBoard; uint8 (H,W,3)."""
        folder = self._out / "samples"
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"step_{step:06d}.jpg"), picture[..., ::-1])
        self._board.add_image("samples", picture, step, dataformats="HWC")

    def _write(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._csv.writerow([step, name, f"{value:.6g}"])
            self._board.add_scalar(name, value, step)
        # A run may be killed at any moment.
        self._file.flush()

    def _say(self, text: str) -> None:
        if self._bar.disable:
            self._console.print(text, highlight=False)
        else:
            self._bar.console.print(text, highlight=False)
