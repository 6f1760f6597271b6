"""A folder of frames, or a single picture, as a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from gsanet.base.errors import GsanetError
from gsanet.video.clip import STILLS_PER_SECOND, Clip, Frame
from gsanet.video.images import read_rgb, read_size
from gsanet.video.listing import RGB, list_images


class FrameFolder(Clip):
    """Pictures in the natural order of their names; each frame bears its file's name.

    A sequence folder of the data layout, with ``RGB`` inside, is a clip under its own name.

    Raises:
        GsanetError: no pictures in it, or the first is unreadable.
    """

    def __init__(self, folder: Path, fps: Fraction = STILLS_PER_SECOND) -> None:
        inside = folder / RGB
        pictures = inside if inside.is_dir() and not list_images(folder, empty=True) else folder
        self._begin(folder.resolve().name, folder, list_images(pictures), fps)

    @classmethod
    def of_picture(cls, file: Path, fps: Fraction = STILLS_PER_SECOND) -> FrameFolder:
        """One picture is a clip of one frame."""
        clip = cls.__new__(cls)
        clip._begin(file.stem, file, {file.stem: file}, fps)
        return clip

    @classmethod
    def of_files(cls, name: str, files: Mapping[str, Path], fps: Fraction = STILLS_PER_SECOND) -> FrameFolder:
        """Chosen pictures, by frame name in their order: one sequence of a folder that holds several."""
        clip = cls.__new__(cls)
        clip._begin(name, next(iter(files.values())).parent, files, fps)
        return clip

    def _begin(self, name: str, path: Path, files: Mapping[str, Path], fps: Fraction) -> None:
        self._files = list(files.items())
        height, width = read_size(self._files[0][1])
        super().__init__(name, path, width, height, fps)

    @property
    def length(self) -> int:
        """Number of pictures."""
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_at(range(len(self._files)))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """As :meth:`Clip.frames_at`; only these files are read."""
        for index in sorted(set(indices)):
            if not 0 <= index < len(self._files):
                continue
            name, file = self._files[index]
            image = read_rgb(file)
            if image.shape[:2] != (self.height, self.width):
                raise GsanetError(
                    f"{file} is {image.shape[1]}x{image.shape[0]}, the first frame of the folder "
                    f"{self.width}x{self.height}; all frames of a clip must be of one size"
                )
            yield Frame(index, float(index / self.fps), name, image)
