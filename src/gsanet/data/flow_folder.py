"""Filling the ``FLOW`` folders of a data set, whatever the form of its layout."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gsanet.base.errors import GsanetError
from gsanet.data.layout import FLOW, FLOW_BACKWARD, RAW, FrameFiles, sequences
from gsanet.flow.base import FlowMethod
from gsanet.flow.colour import Flow, flow_to_picture
from gsanet.flow.methods import check_method, flow_method
from gsanet.flow.sequence import Direction, sequence_flow
from gsanet.flow.vectors import write_vectors
from gsanet.video.images import Picture, read_rgb, read_size, write_rgb
from gsanet.video.listing import list_images

SAVE = {"picture": ".png", "flo": ".flo", "npz": ".npz"}
"""What can be written of a frame's flow, and as what: the picture on the colour wheel, or the vectors themselves."""

DIRECTIONS: dict[str, tuple[Direction, ...]] = {
    "forward": ("forward",),
    "backward": ("backward",),
    "both": ("forward", "backward"),
}

_FOLDERS: dict[Direction, str] = {"forward": FLOW, "backward": FLOW_BACKWARD}

_CHUNK = 32
"""Frames one thread takes at a time, so that a single long sequence keeps all threads busy."""

_TURNS = 3
"""Threads for a method that computes in one at a time: the others read, draw and write."""


@dataclass(frozen=True)
class Filled:
    """What :func:`fill_flow` did; a frame counts once for each direction."""

    written: int
    kept: int
    """Frames of which everything was there already."""
    sequences: int


class _Output(NamedTuple):
    """A file that is wanted."""

    file: Path
    old: Path | None
    """What it takes the place of."""


@dataclass(frozen=True)
class _Chunk:
    """Neighbouring frames of one sequence whose flow is wanted, ``frames[start:stop]``, and the files of each."""

    frames: list[FrameFiles]
    start: int
    stop: int
    direction: Direction
    outputs: list[list[_Output]]


def fill_flow(
    root: Path,
    *,
    method: str = "dis",
    save: Several[str] = ("picture",),
    direction: str = "forward",
    gap: int = 1,
    out: Path | None = None,
    overwrite: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Filled:
    """Write the flow of every frame that has none, named as the frame.

    Pictures (PNG) go to ``FLOW``, backward ones to ``FLOW_BACKWARD``, with a *gap* of three ``FLOW_GAP3`` and
    ``FLOW_BACKWARD_GAP3``; vectors to folders of these names with ``_RAW`` behind. It can be stopped and started again
    at any moment: files are written whole, and those there are kept.

    Args:
        root: flat (``root/RGB``) or with a folder for each sequence; flow never crosses from one to the next.
        method: of :data:`gsanet.flow.methods.METHODS`.
        save: any of :data:`SAVE`.
        direction: of :data:`DIRECTIONS`: to the next frame, to the one before (not negated), or one after the other.
        gap: how many frames on or back the other frame is. The last *gap* frames of a sequence (backward: the first)
            take the one as far on the other side, negated; one that has none on either side stands still.
        out: write the folders below this one instead, in the same form.
        overwrite: write all of them again.
        jobs: threads; if not given as many as processors, or three where the method computes in one at a time.
        progress: called with (frames done, frames to do), from one thread at a time.
        settings: of the method, as :func:`gsanet.flow.methods.flow_method` takes them.

    Raises:
        GsanetError: unknown method, setting or layout, an unreadable frame, frames of several sizes in a sequence, a
            folder that cannot be written to.
    """
    long_side = settings.pop("long_side", None)
    check_method(method, **settings)
    _check_choice("save", save, SAVE)
    _check_choice("direction", (direction,), DIRECTIONS)
    if gap < 1:
        raise GsanetError(f"--gap must be at least 1, got {gap}")
    root, out = Path(root), Path(out or root)
    if out != root:
        _make_folder(out)
    found = sequences(root, check_sizes=False, flow_root=out)
    there = cache(_list_files)  # flat sequences share their folder
    chunks = [
        chunk
        for one in DIRECTIONS[direction]
        for sequence in found
        for start in range(gap)  # each begins a sequence of its own, of every gap-th frame
        for chunk in _wanted(
            sequence.frames[start::gap],
            out / sequence.folder.relative_to(root) / _folder(one, gap),
            one,
            save,
            overwrite,
            there,
        )
    ]
    todo = sum(chunk.stop - chunk.start for chunk in chunks)
    filled = Filled(todo, len(DIRECTIONS[direction]) * sum(len(s.frames) for s in found) - todo, len(found))
    if not chunks:
        if progress is not None:
            progress(0, 0)
        return filled
    # Only now: it may have to load a network, or even to download one.
    compute = flow_method(method, long_side=long_side, **settings)
    for folder in dict.fromkeys(output.file.parent for c in chunks for frame in c.outputs for output in frame):
        _make_folder(folder)

    if progress is not None:
        progress(0, todo)
    counter = _Counter(todo, progress)
    stop = threading.Event()
    threads = jobs or ((os.cpu_count() or 1) if compute.parallel else _TURNS)
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="flow")
    try:
        futures = [pool.submit(_fill, chunk, compute, counter, stop) for chunk in chunks]
        finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in finished:
            future.result()
    finally:  # an error or Ctrl-C: the others stop after the frame they are at
        stop.set()
        pool.shutdown(cancel_futures=True)
    return filled


def _wanted(
    frames: list[FrameFiles],
    folder: Path,
    direction: Direction,
    save: Several[str],
    overwrite: bool,
    there: Callable[[Path, str], dict[str, Path]],
) -> Iterator[_Chunk]:
    """The frames of which something is missing, as runs of neighbours of at most _CHUNK."""
    outputs: list[list[_Output]] = []
    for frame in frames:
        outputs.append([])
        for suffix in (SAVE[kind] for kind in save):
            place = folder if suffix == SAVE["picture"] else folder.with_name(folder.name + RAW)
            old = there(place, suffix).get(frame.name)
            if overwrite or old is None:
                outputs[-1].append(_Output(place / f"{frame.name}{suffix}", old))
    wanted = [i for i, files in enumerate(outputs) if files]
    if wanted:
        _require_one_size(frames)
    start = 0
    for end in range(1, len(wanted) + 1):
        if end == len(wanted) or wanted[end] != wanted[end - 1] + 1 or end - start == _CHUNK:
            first, stop = wanted[start], wanted[end - 1] + 1
            yield _Chunk(frames, first, stop, direction, outputs[first:stop])
            start = end


def _folder(direction: Direction, gap: int) -> str:
    return _FOLDERS[direction] + (f"_GAP{gap}" if gap > 1 else "")


def _list_files(folder: Path, suffix: str) -> dict[str, Path]:
    """Name without ending -> file, of what is there; a picture may have any ending."""
    if suffix == SAVE["picture"]:
        return list_images(folder, empty=True)
    return {file.stem: file for file in folder.glob(f"[!.]*{suffix}")}


def _fill(chunk: _Chunk, method: FlowMethod, counter: _Counter, stop: threading.Event) -> None:
    # The frames beside the run are read too: the flow of its last or first leads there.
    start = max(0, chunk.start - 1)
    frames = map(_read, chunk.frames[start : chunk.stop + 1])
    only = range(chunk.start - start, chunk.stop - start)
    try:
        flows = sequence_flow(frames, method, chunk.direction, only)
        for outputs, flow in zip(chunk.outputs, flows, strict=True):
            if stop.is_set():
                return
            for output in outputs:
                _write(output, flow)
            counter.step()
    except BaseException:
        stop.set()  # at once: this thread would take the next run before the caller hears of it
        raise


def _write(output: _Output, flow: Flow) -> None:
    if output.file.suffix == SAVE["picture"]:
        write_rgb(output.file, flow_to_picture(flow))
    else:
        write_vectors(output.file, flow)
    if output.old is not None and not output.old.samefile(output.file):
        output.old.unlink()  # drawn again under another ending: two of one name would be an error


def _check_choice(what: str, chosen: Several[str], known: dict[str, Any]) -> None:
    unknown = [one for one in chosen if one not in known]
    if unknown or not chosen:
        raise GsanetError(f"--{what} knows no {', '.join(unknown) or 'empty choice'}: choose from {', '.join(known)}")


def _read(frame: FrameFiles) -> Picture:
    return read_rgb(frame.rgb)


def _require_one_size(frames: list[FrameFiles]) -> None:
    first = frames[0]
    size = read_size(first.rgb)
    for frame in frames[1:]:
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
