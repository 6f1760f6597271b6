"""The engine: clips in, masks out, in memory that does not grow with the clip."""

from __future__ import annotations

import os
from collections.abc import Generator
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.runtime.interface import Precision, Runtime, RuntimeName
from gsanet.runtime.opening import open_pretrained, open_runtime
from gsanet.segment.options import OptionChanges, Options, Quality, preset
from gsanet.segment.pipeline import Pipeline
from gsanet.segment.result import FrameResult
from gsanet.video.arrays import PushedClip
from gsanet.video.clip import STILLS_PER_SECOND
from gsanet.video.objects import picture_of
from gsanet.video.sources import Source, open_clip

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from gsanet.model import GSANet


class Segmenter:
    """Segments clips with one model. Use it in the process that made it, one clip at a time or several in turns.

    >>> segmenter = Segmenter.from_pretrained()
    >>> for frame in segmenter.stream("clip.mp4"): ...  # doctest: +SKIP

    Args:
        model: a PyTorch network, which is put in eval mode and moved to the device, in place; or a
            :class:`~gsanet.runtime.interface.Runtime` that is open already.
        options: how clips are segmented; a preset's, with *changes*, if None.
        quality: the preset: ``fast``, ``balanced`` (the default) or ``best`` (:data:`gsanet.segment.options.QUALITY`).
        device: for PyTorch: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: for PyTorch: ``auto`` (bfloat16 where the device computes in it), ``float32`` or ``bfloat16``.
        batch: frames given to the network at once; what suits the device if None.
        name: of the model, for the summary.
        changes: single fields of :class:`~gsanet.segment.options.Options`, such as ``flow="none"`` or ``flip=True``.

    Raises:
        GsanetError: no such device, precision or option.
    """

    def __init__(
        self,
        model: GSANet | Runtime,
        options: Options | None = None,
        *,
        quality: Quality | None = None,
        device: str = "auto",
        precision: Precision = "auto",
        batch: int | None = None,
        name: str = "",
        **changes: Unpack[OptionChanges],
    ) -> None:
        if options is not None and quality is not None:
            raise GsanetError("give options or a quality, not both: a preset is a set of options")
        self.options = preset(quality, changes) if options is None else options.change(changes)
        self.runtime = open_runtime(model, device, precision)
        self.name = name or self.runtime.config.backbone
        self.batch = _checked(self.runtime.batch if batch is None else batch)
        self._process = os.getpid()

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = "lite",
        options: Options | None = None,
        *,
        quality: Quality | None = None,
        runtime: RuntimeName = "auto",
        device: str = "auto",
        precision: Precision = "auto",
        batch: int | None = None,
        name: str = "",
        **changes: Unpack[OptionChanges],
    ) -> Segmenter:
        """With trained weights: a name inside the package, a file, a repository on the hub (``owner/name``), or a model
        exported to ONNX.

        Args:
            runtime: ``onnx`` (ONNX Runtime, on the CPU), ``torch`` (PyTorch, also on a GPU; ``gsanet[torch]``), or
                ``auto``: :func:`gsanet.runtime.opening.open_pretrained`.
            name: for the summary; *name_or_path* if not given.

        The other arguments are those of :class:`Segmenter`.

        Raises:
            GsanetError: there are no such weights, or this runtime cannot run them.
        """
        if options is None:
            preset(quality, changes)  # a wrong word is told before anything is loaded
        network = open_pretrained(name_or_path, runtime, device, precision)
        name = name or os.fspath(name_or_path)
        return cls(network, options, quality=quality, batch=batch, name=name, **changes)

    def stream(
        self,
        source: Source,
        *,
        batch: int | None = None,
        slots: bool = False,
        images: bool = True,
        **changes: Unpack[OptionChanges],
    ) -> Generator[FrameResult, None, None]:
        """Segment a clip frame by frame; decoding and flow run ahead in a thread.

        Args:
            source: whatever :func:`gsanet.open_clip` takes: a path, an array (T,H,W,3), a list of frames, or any
                iterable of frames (H,W,3). Of an iterable nothing is known beforehand, so it is segmented online.
            batch: instead of the segmenter's own.
            slots: whether results have slot maps.
            images: whether results have the frames' pictures. Without, memory is saved, or, of frames larger than
                2560x1440, time: they are read a second time for it.
            changes: fields of the options, instead of the segmenter's own.

        Returns:
            A generator, which can be closed before its end: threads stop, files are closed.

        Raises:
            GsanetError: the source cannot be read, or an option is wrong; at once, not at the first frame.
        """
        self._require_own_process()
        count = self.batch if batch is None else _checked(batch)
        clip = open_clip(source)
        options = self.options.change(changes)
        return Pipeline(self.runtime, clip, options, batch=count, slots=slots, images=images).run()

    def segment(
        self, source: Source, *, batch: int | None = None, **changes: Unpack[OptionChanges]
    ) -> NDArray[np.bool_]:
        """All masks of a clip at once, (T,H,W). Arguments as :meth:`stream`."""
        return np.stack([frame.mask for frame in self.stream(source, batch=batch, images=False, **changes)])

    def live(
        self, *, fps: Fraction | float = STILLS_PER_SECOND, slots: bool = False, **changes: Unpack[OptionChanges]
    ) -> LiveSegmenter:
        """For frames that come one by one, from a camera or a game loop: :meth:`LiveSegmenter.step` takes each.

        Args:
            fps: frames per second, where a step names no time.
            slots: whether results have slot maps.
            changes: fields of the options, instead of the segmenter's own.
        """
        self._require_own_process()
        chosen = self.options.change({**changes, "online": True})
        return LiveSegmenter(self.runtime, chosen, Fraction(fps), slots)

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            raise GsanetError(
                "this Segmenter was made in another process, whose threads a fork does not copy: make one in each "
                'process, or start processes with multiprocessing.get_context("spawn")'
            )


class LiveSegmenter:
    """A frame in, its mask out, at once and with nothing but the past (online). From :meth:`Segmenter.live`.

    >>> with segmenter.live(fps=30) as live:  # doctest: +SKIP
    ...     for image in camera:
    ...         show(live.step(image).mask)
    """

    def __init__(self, runtime: Runtime, options: Options, fps: Fraction, slots: bool) -> None:
        self._runtime, self._options, self._slots, self._fps = runtime, options, slots, fps
        self._clip: PushedClip | None = None
        self._results: Generator[FrameResult, None, None] | None = None

    def step(self, image: object, time: float | None = None) -> FrameResult:
        """Segment the next frame.

        Args:
            image: uint8 RGB (H,W,3), a PIL image or a tensor, every time of the same size.
            time: seconds since the first frame; one period after the last if None.

        Raises:
            GsanetError: it is no such picture, or the session is closed.
        """
        if self._clip is None or self._results is None:
            height, width = picture_of(image, 0).shape[:2]
            self._clip = PushedClip(height, width, self._fps)
            self._results = Pipeline(self._runtime, self._clip, self._options, slots=self._slots, threads=False).run()
        self._clip.push(image, time)
        result = next(self._results, None)
        if result is None:
            raise GsanetError("this live session is closed, or ended by an error: begin a new one")
        return result

    def close(self) -> None:
        """No frame comes any more."""
        if self._results is not None:
            self._results.close()

    def __enter__(self) -> LiveSegmenter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(batch: int) -> int:
    if batch < 1:
        raise GsanetError(f"batch must be at least 1, got {batch}")
    return batch
