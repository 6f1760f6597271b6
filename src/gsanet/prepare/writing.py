"""Putting a plan on disk: photographs as they are, masks as 1-bit PNG, what is there already is kept.

Each file is written beside its place and then renamed, so that a run may be killed at any moment and called again.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from gsanet.base.atomic import ENDING, written_whole
from gsanet.base.errors import GsanetError
from gsanet.data.cache import Progress
from gsanet.data.layout import GT
from gsanet.data.masks import VOID
from gsanet.prepare.download import Entry
from gsanet.prepare.masks import Rule
from gsanet.prepare.plan import Item, Part, flat_names
from gsanet.video.images import Mask, open_bytes
from gsanet.video.listing import RGB
from gsanet.video.resize import resize_mask

_KEPT_FORMATS = (".jpg", ".jpeg", ".png", ".webp")
"""Photographs copied byte for byte; others (PPM, BMP, TIFF) become PNG, which loses nothing."""
_CHUNK = 16
"""Pictures a thread takes at a time."""
_SAME_SHAPE = 0.02
"""A mask whose width by height differs by more than this share from its photograph's is told by name."""


@dataclass(frozen=True, slots=True)
class Job:
    """An item and where it goes."""

    item: Item
    rgb: Path
    gt: Path
    need_rgb: bool
    need_gt: bool

    @property
    def done(self) -> bool:
        return not (self.need_rgb or self.need_gt)


@dataclass
class Outcome:
    """What happened to one part."""

    written: int = 0
    kept: int = 0
    empty: list[str] = field(default_factory=list)
    """Masks without any object, of those written now."""
    resized: list[str] = field(default_factory=list)
    """Masks that were of another size than their photograph, of those written now."""
    stretched: list[str] = field(default_factory=list)
    """Those of them whose shape differs too."""
    unreadable: list[str] = field(default_factory=list)
    """Left out, with the reason."""
    with_object: dict[str, int] = field(default_factory=dict)
    """Masks that have an object, by sequence, of those written now."""
    assumed: dict[str, list[str]] = field(default_factory=dict)
    """What was assumed about the form of masks, as a sentence -> the masks written now that it was assumed of."""


def jobs_of(part: Part, root: Path) -> list[Job]:
    """Where each item of *part* goes, and what of it is there already.

    Raises:
        GsanetError: a picture is there under another ending, so this is the place of some other data.
    """
    base = root / part.folder
    names = flat_names(part.items) if part.form == "flat" else (item.name for item in part.items)
    there: dict[Path, dict[str, str]] = {}
    jobs: list[Job] = []
    for item, name in zip(part.items, names, strict=True):
        folder = base / item.sequence if part.form == "folders" else base
        suffix = item.photo.suffix if item.photo.suffix in _KEPT_FORMATS else ".png"
        rgb, gt = folder / RGB / f"{name}{suffix}", folder / GT / f"{name}.png"
        for target in (rgb, gt):
            if target.parent not in there:
                files = os.listdir(target.parent) if target.parent.is_dir() else []  # noqa: PTH208 - names suffice
                there[target.parent] = {Path(file).stem: file for file in files if file[0] != "."}
            other = there[target.parent].get(name, target.name)
            if other != target.name:
                raise GsanetError(
                    f"{target.parent} holds {other} already, which would be {target.name} here: it is other data; "
                    "choose another -o, or move it away"
                )
        jobs.append(
            Job(item, rgb, gt, name not in there[rgb.parent], bool(item.masks) and name not in there[gt.parent])
        )
    return jobs


def require_space(root: Path, jobs: list[Job]) -> None:
    """Fail before the work if the photographs alone do not fit.

    Raises:
        GsanetError: they do not.
    """
    needed = sum(job.item.photo.size for job in jobs if job.need_rgb)
    free = shutil.disk_usage(root).free
    if needed > free:
        raise GsanetError(f"{root} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed: make room first")


def write_jobs(jobs: dict[str, list[Job]], threads: int, progress: Progress | None = None) -> dict[str, Outcome]:
    """Do all *jobs* (by part); pictures that cannot be read are left out and told, everything else stops the run.

    Raises:
        GsanetError: a file cannot be written.
    """
    outcomes = {part: Outcome(kept=sum(job.done for job in members)) for part, members in jobs.items()}
    todo = [(part, job) for part, members in jobs.items() for job in members if not job.done]
    for folder in dict.fromkeys(path.parent for _, job in todo for path in (job.rgb, job.gt)):
        _make_folder(folder)
    lock, stop, done = threading.Lock(), threading.Event(), 0
    if progress is not None:
        progress(0, len(todo))

    def work(chunk: list[tuple[str, Job]]) -> None:
        nonlocal done
        for part, job in chunk:
            if stop.is_set():
                return
            told = _do(job)
            with lock:
                told(outcomes[part])
                done += 1
                if progress is not None:
                    progress(done, len(todo))

    pool = ThreadPoolExecutor(max_workers=max(1, threads), thread_name_prefix="prepare")
    try:
        futures = [pool.submit(work, todo[i : i + _CHUNK]) for i in range(0, len(todo), _CHUNK)]
        finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in finished:
            future.result()
    finally:  # an error or Ctrl-C: the others stop after the picture they are at
        stop.set()
        pool.shutdown(cancel_futures=True)
    for outcome in outcomes.values():
        for names in (
            outcome.empty, outcome.resized, outcome.stretched, outcome.unreadable, *outcome.assumed.values()
        ):  # fmt: skip
            names.sort()
    return outcomes


def _do(job: Job) -> Callable[[Outcome], None]:
    """Read and write one item; what comes back enters it in the books."""
    item = job.item
    name = f"{item.sequence}/{item.name}" if item.sequence else item.name
    size: tuple[int, int] = (0, 0)
    own: tuple[int, int] = (0, 0)
    mask: Mask | None = None
    assumed: list[str] = []
    try:
        photo = item.photo.read()
        with open_bytes(photo, str(item.photo)) as image:
            size = (image.height, image.width)
            if job.need_rgb and job.rgb.suffix != item.photo.suffix:
                photo = _png(image.convert("RGB"))
        if job.need_gt:
            mask, assumed = _merge(item.masks, item.rule)
    except GsanetError as error:
        reason = str(error)
        return lambda outcome: outcome.unreadable.append(reason)
    if job.need_rgb:
        _put(job.rgb, photo)
    if mask is not None:
        own = (mask.shape[0], mask.shape[1])
        _put(job.gt, _png(Image.fromarray(resize_mask(mask, size))))
    found = mask is not None and bool(mask.any())

    def told(outcome: Outcome) -> None:
        outcome.written += 1
        if found:
            outcome.with_object[item.sequence] = outcome.with_object.get(item.sequence, 0) + 1
        elif job.need_gt:
            outcome.empty.append(name)
        for sentence in assumed:
            outcome.assumed.setdefault(sentence, []).append(name)
        if own not in ((0, 0), size):
            outcome.resized.append(name)
            shape = (own[1] / own[0]) / (size[1] / size[0])
            if abs(shape - 1) > _SAME_SHAPE:
                outcome.stretched.append(f"{name} ({own[1]}x{own[0]} for {size[1]}x{size[0]})")

    return told


def _merge(files: tuple[Entry, ...], rule: Rule) -> tuple[Mask, list[str]]:
    """The objects of all *files* as one mask, (H,W) of the first file's size, and what was assumed."""
    merged: Mask | None = None
    assumed: list[str] = []
    for entry in files:
        with open_bytes(entry.read(), str(entry)) as image:
            decided = rule(image, str(entry))
        for sentence in (decided.assumed, VOID if decided.void is not None else ""):
            if sentence and sentence not in assumed:
                assumed.append(sentence)
        if merged is None:
            merged = decided.mask
        else:
            merged = merged | resize_mask(decided.mask, (merged.shape[0], merged.shape[1]))
    assert merged is not None
    return np.ascontiguousarray(merged), assumed


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _put(path: Path, data: bytes) -> None:
    with written_whole(path) as part:
        part.write_bytes(data)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GsanetError(f"cannot make the folder {folder} ({error.strerror}): choose another -o") from None


def leftovers(root: Path, parts: list[Part]) -> Iterator[Path]:
    """Half-written files of a run that was killed."""
    for part in parts:
        if (root / part.folder).is_dir():
            yield from (root / part.folder).rglob(f".*{ENDING}")
