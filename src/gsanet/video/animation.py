"""Animated pictures as clips: GIF, PNG, WebP, AVIF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

from PIL import Image as pil

from gsanet.base.errors import GsanetError
from gsanet.video.background import ON_WHITE, on_white
from gsanet.video.clip import Clip, Frame
from gsanet.video.images import open_picture
from gsanet.video.orientation import UPRIGHT
from gsanet.video.shown import orientation_of_picture, rgb_or_rgba

_SHORTEST = 0.0105
"""Seconds. What is to be shown no longer than that, browsers show for a tenth of a second; files of videos excepted."""

_USUAL = 0.1

_LOOKED_AT = 8
"""Frames whose times give the average rate."""


class Animation(Clip):
    """A file of pictures that follow each other, each for its own time; transparent pixels are on white.

    A file that is cut off yields what can be decoded.

    Raises:
        GsanetError: unreadable, or not one frame can be decoded.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with open_picture(file) as image:
            # Of an animated PNG the first picture may be meant for viewers that know no animation.
            self._skipped = int(getattr(image, "default_image", False) is True)
            self._count = int(getattr(image, "n_frames", 1)) - self._skipped
            self._orientation = orientation_of_picture(image)
            size = self._orientation.size(image.height, image.width)
        super().__init__(file.stem, file, size[1], size[0], Fraction(10))
        if self._orientation != UPRIGHT:
            self.remark("its pictures are turned or mirrored as their EXIF data say")
        times = [frame.time for frame in islice(self, _LOOKED_AT)]
        if not times:
            raise GsanetError(f"{file}: not one frame could be decoded; is the file complete?")
        if len(times) > 1:
            self.fps = Fraction((len(times) - 1) / times[-1]).limit_denominator(1001)

    @property
    def length(self) -> int:
        """Number of frames, by the file's header."""
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        return self._frames(set(range(self._count)))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`; decoded from the start, for a frame may say only what is new in it."""
        return self._frames({index for index in indices if 0 <= index < self._count})

    def _frames(self, wanted: set[int]) -> Iterator[Frame]:
        time = 0.0
        with open_picture(self._file) as image:
            for index in range(max(wanted, default=-1) + 1):
                try:
                    image.seek(index + self._skipped)
                    picture = rgb_or_rgba(image)
                except (OSError, SyntaxError, ValueError, EOFError, IndexError):
                    self.note(f"cut off: {index} of {self._count} frames could be read, and these are used")
                    return
                if index in wanted:
                    if picture.shape[-1] == 4:
                        if picture[..., 3].min() < 255:
                            self.remark(ON_WHITE)
                        picture = on_white(picture)
                    yield Frame(index, time, f"{index:05d}", self.fit(self._orientation.apply(picture), index))
                time += _seconds(image)


def _seconds(image: pil.Image) -> float:
    """How long the frame that was just decoded is shown."""
    said = float(image.info.get("duration") or 0) / 1000
    return said if said > (0 if image.format == "AVIF" else _SHORTEST) else _USUAL
