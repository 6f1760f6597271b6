"""Filling the ``FLOW`` folders of a data set, whatever the form of its layout."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gsanet.data.images import Picture, read_rgb, read_size, write_rgb
from gsanet.data.layout import FLOW, Frame, Sequence, sequences
from gsanet.errors import GsanetError
from gsanet.flow.colour import flow_to_picture
from gsanet.flow.methods import FlowMethod, flow_method
from gsanet.flow.sequence import sequence_flow

_CHUNK = 32
"""Frames one thread takes at a time, so that a single long sequence keeps all threads busy."""


@dataclass(frozen=True)
class Filled:
    """What :func:`fill_flow` did."""

    written: int
    kept: int
    """Frames whose flow picture was there already."""
    sequences: int


@dataclass(frozen=True)
class _Chunk:
    """Neighbouring frames of one sequence whose flow is wanted: ``frames[start:stop]``."""

    frames: list[Frame]
    start: int
    stop: int
    folder: Path
    """Where the pictures go."""


def fill_flow(
    root: Path,
    *,
    method: str = "dis",
    out: Path | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Filled:
    """Write a flow picture (PNG, named as its frame) for every frame that has none.

    It can be stopped and started again at any moment: pictures are written whole, and those there are kept.

    Args:
        root: flat (``root/RGB``) or with a folder for each sequence; flow never crosses from one to the next.
        method: of :data:`gsanet.flow.methods.METHODS`.
        out: write ``FLOW`` below this folder instead, in the same form.
        overwrite: draw all of them again.
        jobs: threads; as many as processors if not given.
        progress: called with (frames done, frames to do), from one thread at a time.

    Raises:
        GsanetError: unknown method or layout, an unreadable frame, frames of several sizes in a sequence, a
            folder that cannot be written to.
    """
    compute = flow_method(method)
    root, out = Path(root), Path(out or root)
    if out != root:
        _make_folder(out)
    found = sequences(root, check_sizes=False, flow_root=out)
    chunks: list[_Chunk] = []
    for sequence in found:
        chunks += _wanted(sequence, out / sequence.folder.relative_to(root) / FLOW, overwrite)
    todo = sum(chunk.stop - chunk.start for chunk in chunks)
    for folder in dict.fromkeys(chunk.folder for chunk in chunks):
        _make_folder(folder)

    if progress is not None:
        progress(0, todo)
    counter = _Counter(todo, progress)
    stop = threading.Event()
    pool = ThreadPoolExecutor(max_workers=max(1, jobs or os.cpu_count() or 1), thread_name_prefix="flow")
    try:
        futures = [pool.submit(_draw, chunk, compute, counter, stop) for chunk in chunks]
        finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in finished:
            future.result()
    finally:  # an error or Ctrl-C: the others stop after the frame they are at
        stop.set()
        pool.shutdown(cancel_futures=True)
    return Filled(todo, sum(len(sequence.frames) for sequence in found) - todo, len(found))


def _wanted(sequence: Sequence, folder: Path, overwrite: bool) -> Iterator[_Chunk]:
    """The sequence's frames without a picture, as runs of neighbours of at most _CHUNK."""
    frames = sequence.frames
    wanted = [i for i, frame in enumerate(frames) if overwrite or frame.flow is None]
    if wanted:
        _require_one_size(sequence)
    start = 0
    for end in range(1, len(wanted) + 1):
        if end == len(wanted) or wanted[end] != wanted[end - 1] + 1 or end - start == _CHUNK:
            yield _Chunk(frames, wanted[start], wanted[end - 1] + 1, folder)
            start = end


def _draw(chunk: _Chunk, method: FlowMethod, counter: _Counter, stop: threading.Event) -> None:
    # The frame after the run is read too, for the flow of the run's last; a sequence's last needs the one before.
    start = max(0, chunk.start - 1) if chunk.start == len(chunk.frames) - 1 else chunk.start
    flows = sequence_flow(map(_read, chunk.frames[start : chunk.stop + 1]), method)
    wanted = islice(flows, chunk.start - start, chunk.stop - start)
    for frame, flow in zip(chunk.frames[chunk.start : chunk.stop], wanted, strict=True):
        if stop.is_set():
            return
        target = chunk.folder / f"{frame.name}.png"
        write_rgb(target, flow_to_picture(flow))
        if frame.flow is not None and not frame.flow.samefile(target):
            frame.flow.unlink()  # drawn again under another ending: two of one name would be an error
        counter.step()


def _read(frame: Frame) -> Picture:
    return read_rgb(frame.rgb)


def _require_one_size(sequence: Sequence) -> None:
    first = sequence.frames[0]
    size = read_size(first.rgb)
    for frame in sequence.frames[1:]:
        other = read_size(frame.rgb)
        if other != size:
            raise GsanetError(
                f"{frame.rgb} is {other[1]}x{other[0]} and {first.rgb.name} is {size[1]}x{size[0]}: "
                f"the frames of a sequence must be of one size for flow"
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GsanetError(
            f"cannot make the folder {folder} ({error.strerror}): to put flow elsewhere, pass --out DIR"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise GsanetError(f"cannot write into {folder}: to put flow elsewhere, pass --out DIR")


class _Counter:
    """Counts frames of all threads and tells *progress*."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._lock = threading.Lock()
        self._done, self._total, self._progress = 0, total, progress

    def step(self) -> None:
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total)
