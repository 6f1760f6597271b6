"""One job: what is known of it, from the upload to the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gsanet.serve.job_options import Wanted
from gsanet.serve.work import RESULTS, VIEWS

State = Literal["waiting", "running", "done", "failed", "cancelled"]
OVER = ("done", "failed", "cancelled")

_SETTLED = 1.0
"""Seconds of work after which a speed can be told."""


@dataclass
class ServedJob:
    """One job. Only the desk (:mod:`gsanet.serve.desk`) changes it."""

    id: str
    """Unguessable: who knows it may see the results."""
    name: str
    """Of the upload, for people; it is never part of a path."""
    folder: Path
    wanted: Wanted
    clip: str = ""
    """Name of the upload in the folder."""
    background: str | None = None
    watch: bool = False
    """The page shows it."""
    state: State = "waiting"
    width: int = 0
    height: int = 0
    frames: int = 0
    """Done so far."""
    total: int | None = None
    error: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)
    """Name -> bytes."""
    views: dict[int, float] = field(default_factory=dict)
    """Number -> time of the frames that can be looked at, in order."""
    began: float | None = None
    """When the first frame was asked for (monotonic clock)."""
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Nothing happens to it any more."""
        return self.state in OVER

    @property
    def speed(self) -> float | None:
        """Frames per second."""
        if self.began is None or not self.frames:
            return None
        spent = (self.ended or time.monotonic()) - self.began
        return self.frames / spent if spent > _SETTLED or self.ended else None

    @property
    def seconds_left(self) -> float | None:
        """As far as that can be told."""
        if self.state != "running" or self.total is None or not self.speed:
            return None
        return max(0, self.total - self.frames) / self.speed

    def said(self, text: str) -> str:
        """A message about the file in the folder, as one about the upload."""
        return text.replace(self.clip, self.name) if self.clip else text

    def result(self, name: str) -> Path | None:
        """The file of a result; None if there is none of that name."""
        return self.folder / RESULTS / name if name in self.results else None

    @property
    def looks(self) -> Path:
        """Folder of the pictures for the page."""
        return self.folder / VIEWS

    def to_dict(self, *, waiting_before: int | None, expires: float | None) -> dict[str, Any]:
        """As the service tells it.

        Args:
            waiting_before: jobs that come first.
            expires: seconds until it is removed.
        """
        speed, left = self.speed, self.seconds_left
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "waiting_before": waiting_before,
            "progress": {
                "frames": self.frames,
                "total": self.total,
                "frames_per_second": None if speed is None else round(speed, 2),
                "seconds_left": None if left is None else round(left, 1),
            },
            "options": self.wanted.resolved(),
            "warnings": [self.said(line) for line in self.summary.get("warnings", ())],
            "error": self.error,
            "width": self.width,
            "height": self.height,
            "results": [
                {"name": name, "bytes": size, "url": f"/v1/jobs/{self.id}/results/{name}"}
                for name, size in self.results.items()
            ],
            "expires_in": None if expires is None else round(expires),
        }
