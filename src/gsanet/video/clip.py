"""What every clip is, whichever way it is stored: frames in order, again and again, and single ones by number."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.video.resize import resize

Image = NDArray[np.uint8]

STILLS_PER_SECOND = Fraction(24)
"""Frame rate of what has none of its own: folders of frames and arrays."""

log = logging.getLogger("gsanet")


@dataclass(frozen=True)
class Frame:
    """One frame of a clip."""

    index: int
    """From 0, in the order of showing."""
    time: float
    """Seconds since the first frame."""
    name: str
    """``00042``, or the file's own name without its extension where frames are files."""
    image: Image
    """RGB, (H,W,3)."""


class Clip(ABC):
    """A clip can be iterated any number of times, each time from its first frame.

    Attributes:
        name: of the results' folder.
        path: where it lies; None if it is in memory.
        width, height: of every frame as it is shown, in pixels.
        fps: average frame rate; single frames know their own time.
        pixel_aspect: width of a pixel by its height, where it is not square: what is stored as 4:3 may be shown
            as 16:9.
        problems: one line for each thing that was wrong but could be lived with.
        facts: one line for each thing that was done to all frames and is right, for those who wonder: they were turned,
            say, or had their high dynamic range reduced.
        live: frames come once and cannot be fetched by number.
    """

    live = False

    def __init__(self, name: str, path: Path | None, width: int, height: int, fps: Fraction) -> None:
        if width < 1 or height < 1:
            raise GsanetError(f"{path or name} has frames of {width}x{height} pixels: there is nothing to segment")
        self.name = name
        self.path = path
        self.width = width
        self.height = height
        self.fps = fps
        self.pixel_aspect = Fraction(1)
        self.problems: list[str] = []
        self.facts: list[str] = []
        self._fitted: set[tuple[int, int]] = set()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """All frames, in order.

        Raises:
            GsanetError: a frame cannot be read, or one that was handed in has another size than the first.
        """

    @property
    @abstractmethod
    def length(self) -> int | None:
        """Number of frames; None where that is known only at the end."""

    @abstractmethod
    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """The frames with these numbers, each once, in ascending order; those that are not there are left out."""

    def check_size(self, image: Image, index: int) -> None:
        """Every frame that a program hands in must be as large as the first.

        Raises:
            GsanetError: it is not.
        """
        height, width = image.shape[:2]
        if (width, height) != (self.width, self.height):
            raise GsanetError(
                f"{self.path or self.name}: frame {index} is {width}x{height}, the frames before it "
                f"{self.width}x{self.height}; split the clip there or scale all frames to one size"
            )

    def fit(self, image: Image, index: int) -> Image:
        """Scale a frame of another size to that of the first, and say so once for each size."""
        height, width = image.shape[:2]
        if (width, height) == (self.width, self.height):
            return image
        if (width, height) not in self._fitted:
            self._fitted.add((width, height))
            self.note(
                f"from frame {index} on there are frames of {width}x{height}, those before are {self.width}x"
                f"{self.height}: they are scaled to that"
            )
        return resize(image, (self.height, self.width))

    def remark(self, fact: str) -> None:
        """Keep one line about what was done to all frames."""
        if fact not in self.facts:
            self.facts.append(fact)
            log.info("%s: %s", self.path or self.name, fact)

    def note(self, problem: str) -> None:
        """Keep one line about what was wrong, and log it once."""
        line = f"{self.path or self.name}: {problem}"
        if line not in self.problems:
            self.problems.append(line)
            log.warning(line)
