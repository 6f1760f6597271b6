"""What a server takes from strangers, and how long it keeps it."""

from __future__ import annotations

from gsanet.base.errors import GsanetError
from gsanet.base.validation import Count, Positive, settings

MOST_FRAMES_A_SECOND = 240
"""No camera makes more that anybody would want every mask of; a header may claim millions."""


@settings
class Limits:
    """Each is told to those who go beyond it."""

    megabytes: Positive = 512
    """Of an upload: clip and background together."""
    seconds: Positive = 300
    """Of a clip, or of the part of it that is wanted."""
    megapixels: Positive = 9
    """Of a frame; 4K has 8.3."""
    jobs: Count = 1
    """At once. One uses all processors already."""
    queue: Count = 32
    """Jobs that may wait."""
    keep: Positive = 60
    """Minutes until results, and the upload, are removed."""
    kept: Count = 200
    """Finished jobs that are kept at the same time."""
    patience: Positive = 300
    """Seconds without a sign of life after which a job is taken for dead."""

    @property
    def bytes(self) -> int:
        """Of an upload."""
        return int(self.megabytes * 1_000_000)

    @property
    def frames(self) -> int:
        """Of a job, whatever the clip says of its own length."""
        return int(self.seconds * MOST_FRAMES_A_SECOND)


class RefusedError(GsanetError):
    """A request that is not carried out.

    Args:
        status: of HTTP, 4xx.
        after: seconds after which it may go, if waiting helps.
    """

    def __init__(self, message: str, status: int = 400, after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.after = status, after
