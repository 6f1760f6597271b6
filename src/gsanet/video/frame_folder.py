"""A folder of frames, or a single picture, as a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from gsanet.video.background import ON_WHITE, on_white
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame, Image
from gsanet.video.images import read_rgb, read_size
from gsanet.video.listing import RGB, list_images
from gsanet.video.orientation import UPRIGHT
from gsanet.video.shown import Page, read_shown, shown_size
from gsanet.video.values import Values, largest, looked_at, said_of_cut, said_of_white, to_eight, white_of


class FrameFolder(Clip):
    """Pictures in the natural order of their names; each frame bears its file's name.

    They are seen as a viewer shows them: upright as their EXIF data say, transparent ones on white, and those of more
    than eight bits by one rule for the whole clip (:mod:`gsanet.video.values`). Masks lie on that, not on what is
    stored.
    Pictures of another size than the first are scaled to it.

    A sequence folder of the data layout, with ``RGB`` inside, is a clip under its own name.

    Raises:
        GsanetError: no pictures in it, or the first is unreadable.
    """

    def __init__(self, folder: Path, fps: Fraction = STILLS_PER_SECOND) -> None:
        inside = folder / RGB
        pictures = inside if inside.is_dir() and not list_images(folder, empty=True) else folder
        self._begin(folder.resolve().name, folder, _pages(list_images(pictures)), fps)

    @classmethod
    def of_picture(cls, file: Path, fps: Fraction = STILLS_PER_SECOND) -> FrameFolder:
        """One picture is a clip of one frame."""
        clip = cls.__new__(cls)
        clip._begin(file.stem, file, {file.stem: Page(file)}, fps)
        return clip

    @classmethod
    def of_files(
        cls, name: str, files: Mapping[str, Path], fps: Fraction = STILLS_PER_SECOND, *, stored: bool = False
    ) -> FrameFolder:
        """Chosen pictures, by frame name in their order: one sequence of a folder that holds several.

        Args:
            stored: take them as :mod:`gsanet.video.images` does, for data sets: their annotations lie on that.
        """
        clip = cls.__new__(cls)
        clip._begin(name, next(iter(files.values())).parent, _pages(files), fps, stored)
        return clip

    @classmethod
    def of_stack(cls, file: Path, pages: Sequence[int], fps: Fraction = STILLS_PER_SECOND) -> FrameFolder:
        """Pages of one TIFF file, by their numbers."""
        clip = cls.__new__(cls)
        clip._begin(file.stem, file, {f"{i:05d}": Page(file, page) for i, page in enumerate(pages)}, fps)
        return clip

    def _begin(self, name: str, path: Path, pages: Mapping[str, Page], fps: Fraction, stored: bool = False) -> None:
        self._pages = list(pages.items())
        self._stored = stored
        first = self._pages[0][1]
        height, width = read_size(first.file) if stored else shown_size(first)
        super().__init__(name, path, width, height, fps)

    @property
    def length(self) -> int:
        """Number of pictures."""
        return len(self._pages)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(len(self._pages)))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`; only these files are read."""
        for index in sorted(set(indices)):
            if 0 <= index < len(self._pages):
                name, page = self._pages[index]
                image = read_rgb(page.file) if self._stored else self._read(page, index)
                yield Frame(index, float(index / self.fps), name, self.fit(image, index))

    def _read(self, page: Page, index: int) -> Image:
        values, orientation, animated = read_shown(page)
        if animated and len(self._pages) > 1:
            self.note(f"{page.file.name} is animated: of such files the first picture is used; alone each is a clip")
        picture = values if values.dtype == np.uint8 else self._eight(values, index)
        if picture.shape[-1] == 4:
            if picture[..., 3].min() < 255:
                self.remark(ON_WHITE)
            picture = on_white(picture)
        if orientation != UPRIGHT:
            self.remark("its pictures are turned or mirrored as their EXIF data say")
        return orientation.apply(picture)

    def _eight(self, values: Values, index: int) -> Image:
        if largest(values) > self._white and values.dtype.kind != "f":
            self.note(said_of_cut(index, self._white))
        return to_eight(values, self._white)

    @cached_property
    def _white(self) -> float:
        """The value that is white in all frames with more than eight bits."""
        maxima: dict[str, list[float]] = {}
        for values in (read_shown(self._pages[i][1]).values for i in looked_at(len(self._pages))):
            if values.dtype != np.uint8:
                maxima.setdefault(values.dtype.kind, []).append(largest(values))
        found = [most for kind in maxima.values() for most in kind]
        white = white_of(found, floating="f" in maxima)
        if found:
            self.remark(said_of_white(found, white))
        return white


def _pages(files: Mapping[str, Path]) -> dict[str, Page]:
    return {name: Page(file) for name, file in files.items()}
