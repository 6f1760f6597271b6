"""What goes to a worker and what comes back. All of it pickles, and is small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from gsanet.runtime.interface import Reference
from gsanet.segment.options import Options
from gsanet.segment.planning import ClipJob, Existing
from gsanet.segment.save import DEFAULT

Step = Literal["clip", "piece", "join"]
"""A whole clip; the network's answers for some frames of a long one; the clip from the answers of its pieces."""


@dataclass(frozen=True)
class Batch:
    """What holds for all clips of a call. Each worker gets it once, and loads the model."""

    out: str
    """Where results go: a folder, or an address that fsspec knows (``s3://bucket/masks``)."""
    model: str = "lite"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of :meth:`gsanet.segment.engine.Segmenter.from_pretrained`."""
    save: tuple[str, ...] = DEFAULT
    background: str = "blur"
    existing: Existing = "error"
    place: str = ""
    """The folder that names without a root are meant in, for workers that begin elsewhere."""
    piece: int = 0
    """Frames of a piece; clips of twice as many and more are cut. 0: none is cut."""
    truth: str | None = None
    """A folder of true masks, for panels."""


@dataclass(frozen=True)
class Task:
    """One thing for one worker to do."""

    number: int
    """Of the clip in the batch, from 0."""
    job: ClipJob
    step: Step = "clip"
    piece: int = 0
    """Which piece, from 0; of a join how many there are."""
    frames: range = range(0)
    """Of a piece; of a join all."""
    references: tuple[tuple[Reference, ...], ...] = ()
    """For each view what the network keeps of the clip's references: all pieces are shown the same."""
    attempt: int = 1


class CutClip(NamedTuple):
    """A clip that is too long for one worker."""

    frames: int
    pieces: tuple[range, ...]
    references: tuple[tuple[Reference, ...], ...]


@dataclass(frozen=True)
class TaskResult:
    """What became of a task."""

    state: Literal["done", "kept", "cut", "piece", "failed"]
    frames: int = 0
    seconds: float = 0.0
    error: str = ""
    """One line."""
    again: bool = False
    """Another try may help: a disk or a network failed, not the clip."""
    warnings: tuple[str, ...] = ()
    """What was wrong with the clip but could be lived with."""
    cut: CutClip | None = None
    computed: int = 0
    """Frames of a join that no piece had an answer for, and that were computed once more."""


class Ready(NamedTuple):
    """A worker has loaded the model."""

    description: Description
    process: int = 0
    """Its number, on its own machine."""


class Advanced(NamedTuple):
    """A task goes on."""

    task: Task
    done: int
    total: int | None


class Ended(NamedTuple):
    """A task has ended, well or not."""

    task: Task
    result: TaskResult


class Lost(NamedTuple):
    """A worker has ended, with what it was at."""

    task: Task
    why: str


Message = Ready | Advanced | Ended | Lost


@dataclass(frozen=True)
class _NetworkDescription:
    name: str
    precision: str


@dataclass(frozen=True)
class Description:
    """All about a worker's segmenter that decides masks (:func:`gsanet.segment.planning.settings_of`)."""

    name: str
    options: Options
    runtime: _NetworkDescription

    @classmethod
    def of(cls, segmenter: Any) -> Description:
        """Of a :class:`~gsanet.segment.engine.Segmenter`."""
        network = _NetworkDescription(segmenter.runtime.name, segmenter.runtime.precision)
        return cls(segmenter.name, segmenter.options, network)


class Pool(Protocol):
    """Workers, wherever they are. One task at a time for each: what waits, waits with the scheduler."""

    size: int
    """Workers that there are when all have begun."""

    @property
    def free(self) -> int:
        """Workers that are ready and have nothing to do."""
        ...

    def begin(self) -> None:
        """Start the workers; :meth:`wait` tells of each that is ready."""
        ...

    def submit(self, task: Task) -> None:
        """Give a free worker something to do."""
        ...

    def wait(self, seconds: float) -> list[Message]:
        """What has happened; waits for something, at most so long.

        Raises:
            GsanetError: no worker can begin.
        """
        ...

    def close(self) -> None:
        """End all workers; what they were at is given up, and nothing half-written stays."""
        ...
