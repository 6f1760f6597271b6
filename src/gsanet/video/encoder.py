"""Writing a video from frames, whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from gsanet.base.atomic import beside
from gsanet.base.errors import GsanetError
from gsanet.video.clip import Image
from gsanet.video.colour_tags import encoded_colours, mark, tags_for
from gsanet.video.output_format import H264, OutputFormat
from gsanet.video.resize import resize
from gsanet.video.sound import SoundSource, attach_sound
from gsanet.video.sound_tracks import WRONG_SOUND, Sound, reason

_TICKS = 90_000
"""Time base per second: every frame keeps its own time, so a variable frame rate stays what it was."""


class VideoWriter:
    """Frames in, one video out, whole or not at all: it is written beside *path* and renamed by :meth:`close`.

    Where the format has only even sides, odd ones gain a row or column, a copy of the last. Colours are marked
    (:mod:`gsanet.video.colour_tags`). Leaving a ``with`` block by an exception throws the file away.

    Args:
        path: of the result; the folder must exist.
        fps: average frame rate, for players; the times given to :meth:`write` decide.
        format: container, encoder and pixels (:mod:`gsanet.video.output_format`).
        pixel_aspect: width of a pixel by its height, as the source has it.
        sound: where the sound comes from; silent if None.
    """

    def __init__(
        self,
        path: Path,
        fps: Fraction,
        *,
        format: OutputFormat = H264,
        pixel_aspect: Fraction = Fraction(1),
        sound: SoundSource | None = None,
    ) -> None:
        self.path = path
        self.fps = fps
        self._format = format
        self._stretch, self._pixel_aspect = (
            (pixel_aspect, Fraction(1)) if format.square else (Fraction(1), pixel_aspect)
        )
        self._sound_source = sound
        self._sound: Sound | None = None
        self._beside = beside(path)
        self._container: av.container.OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._converter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._last = -1
        self._count = 0

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one frame.

        Args:
            image: RGB (H,W,3), or RGBA (H,W,4) in a format with alpha; all of one size.
            time: seconds since the first frame; without it, the frame comes one period after the last.

        Raises:
            GsanetError: the file cannot be written, or the frame has another size than the first.
        """
        height, width = image.shape[:2]
        if self._stretch != 1:
            width = max(1, round(width * self._stretch))
            image = resize(image, (height, width))
        if self._size is None:
            self._begin(width, height)
        if (width, height) != self._size:
            raise GsanetError(f"{self.path}: cannot write a frame of {width}x{height} after {self._size}")
        assert self._container is not None and self._stream is not None
        below, right = self._stream.height - height, self._stream.width - width
        if below or right:
            image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
        frame = encoded_colours(self._converter, image, self._format.pixels, tags_for(width, height))
        seconds = float(self._count / self.fps) if time is None else time
        # Players reject two frames at one time.
        self._last = max(round(seconds * _TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._count += 1
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failure(error) from None
        if self._sound is not None:
            self._sound.fill(seconds)

    def close(self) -> None:
        """Finish the file and give it its name. Without a frame there is no file."""
        if self._container is None or self._stream is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.finish(self._last / _TICKS + float(1 / self.fps))
            self._container.close()
            self._beside.replace(self.path)
            self._container = None
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failure(error) from None

    def abort(self) -> None:
        """Throw away what was written."""
        container, self._container = self._container, None
        if self._sound is not None:
            self._sound.close()
        if container is not None:
            # A disk that is full cannot take the trailer either.
            with suppress(av.FFmpegError, OSError):
                container.close()
            self._beside.unlink(missing_ok=True)

    def _begin(self, width: int, height: int) -> None:
        """With the sound as it is, encoded anew if the container refuses it, and without it if that fails too."""
        self._size = (width, height)
        if self._sound_source is not None:
            try:
                return self._open(width, height, self._sound_source, encoded=False)
            except WRONG_SOUND:
                self.abort()
            try:
                return self._open(width, height, self._sound_source, encoded=True)
            except WRONG_SOUND as error:
                self.abort()
                failure = error
        try:
            self._open(width, height, None)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._failure(error) from None
        if self._sound_source is not None:
            self._sound_source.note(f"its sound could not be taken over into {self.path.name} ({reason(failure)})")
        return None

    def _open(self, width: int, height: int, sound: SoundSource | None, *, encoded: bool = False) -> None:
        format = self._format
        encoder = next((name for name in format.encoders if name in av.codecs_available), None)
        if encoder is None:
            names = " or ".join(format.encoders)
            raise GsanetError(f"this build of PyAV has no encoder {names}; install PyAV from PyPI (pip install av)")
        options = format.options_for(width * height)
        self._container = av.open(str(self._beside), "w", format=format.container)
        stream = self._container.add_stream(
            encoder,
            rate=self.fps.limit_denominator(1001),
            options=options if encoder == format.encoders[0] else {},
        )
        assert isinstance(stream, VideoStream)
        step = 2 if format.even else 1
        stream.width = max(format.smallest, width + width % step)
        stream.height = max(format.smallest, height + height % step)
        stream.pix_fmt = format.pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.sample_aspect_ratio = self._pixel_aspect
        mark(stream.codec_context, tags_for(width, height))
        self._stream = stream
        self._sound = None if sound is None else attach_sound(sound, self._container, format.sound, encoded=encoded)
        self._container.start_encoding()

    def _failure(self, error: Exception) -> GsanetError:
        return GsanetError(f"cannot write {self.path}: {reason(error)}")

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
