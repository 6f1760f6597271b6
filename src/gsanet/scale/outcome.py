"""What became of each clip of a batch, and the report about all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from gsanet.base.atomic import write_text
from gsanet.base.version import __version__

State = Literal["done", "kept", "failed", "stopped"]

STATES: dict[State, str] = {
    "done": "segmented",
    "kept": "finished before, kept",
    "failed": "failed",
    "stopped": "not done: the run was stopped",
}


@dataclass
class ClipOutcome:
    """One clip."""

    clip: str
    """As the user called it."""
    folder: str
    """Where its results are, or would be."""
    state: State = "stopped"
    frames: int = 0
    seconds: float = 0.0
    """That workers spent on it; of pieces all together."""
    error: str | None = None
    """Why it failed, in one line."""
    attempts: int = 0
    """How often it, or one of its pieces, was begun at most."""
    pieces: int = 0
    """In how many it was cut; 0: not at all."""
    warnings: list[str] = field(default_factory=list)
    """What was wrong with it but could be lived with."""


@dataclass
class BatchReport:
    """All clips of one call."""

    outcomes: Sequence[ClipOutcome]
    workers: int = 1
    engine: str = "local"
    begun: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    seconds: float = 0.0
    """From the first clip's start to the last one's end, on the clock."""

    def counts(self) -> dict[State, int]:
        """How many clips there are of each state, in the order of :data:`STATES`."""
        found = Counter(outcome.state for outcome in self.outcomes)
        return {state: found[state] for state in STATES}

    @property
    def failed(self) -> list[str]:
        """What failed clips are called."""
        return [outcome.clip for outcome in self.outcomes if outcome.state == "failed"]

    @property
    def frames(self) -> int:
        """That were segmented in this run."""
        return sum(outcome.frames for outcome in self.outcomes if outcome.state == "done")

    @property
    def frames_per_second(self) -> float:
        """All workers together."""
        return self.frames / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "gsanet": __version__,
            "begun": self.begun.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "engine": self.engine,
            "workers": self.workers,
            "counts": self.counts(),
            "frames": self.frames,
            "frames_per_second": round(self.frames_per_second, 2),
            "clips": [{**asdict(one), "seconds": round(one.seconds, 3)} for one in self.outcomes],
        }

    def write(self, file: Path) -> None:
        """As JSON, whole or not at all.

        Raises:
            GsanetError: it cannot be written.
        """
        write_text(file, json.dumps(self.to_dict(), indent=1) + "\n", parents=True)
