"""The engine: clips in, masks out, in memory that does not grow with the clip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.model import GSANet, ReferenceFeatures
from gsanet.runtime.allocator import give_back_freed_memory
from gsanet.runtime.onnx_graphs import ExportedModel, is_exported
from gsanet.runtime.opening import open_backend
from gsanet.segment.averaging import LOOKAHEAD, smoothed
from gsanet.segment.links import Link, Linker
from gsanet.segment.motion import open_motion
from gsanet.segment.options import DEFAULT_QUALITY, View, preset
from gsanet.segment.pictures import Prepared, prepared_frames
from gsanet.segment.references import ReferenceBank, choose_references
from gsanet.segment.result import FrameResult
from gsanet.segment.threads import UntilBroken, abreast, ahead
from gsanet.video.resize import resize
from gsanet.video.sources import Source, open_clip
from gsanet.weights.packaged import find_weights, packaged_weights

Item = TypeVar("Item")

BATCH = {"cpu": 1, "cuda": 16}
"""Frames handed to the network at once, by device; 4 elsewhere. What it makes of them:
:meth:`gsanet.runtime.torch_network.Network.__call__`."""


class Segmenter:
    """Segments clips with one model.

    >>> segmenter = Segmenter.from_pretrained()
    >>> for frame in segmenter.stream("clip.mp4"): ...  # doctest: +SKIP

    Args:
        model: is put in eval mode and moved to the device, in place; or a model exported to ONNX.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: ``auto`` (bfloat16 where the device computes in it), ``float32`` or ``bfloat16``.
        backend: ``torch``, ``onnx`` (ONNX Runtime, on the CPU in float32; a model that is not exported yet is exported
            into the cache folder, once per input size), or ``auto``: ``onnx`` for an exported model, else ``torch``.
        batch: frames given to the network at once; :data:`BATCH` if None.
        name: of the model, for the summary.
        quality: ``fast``, ``balanced`` or ``best`` (:data:`~gsanet.segment.options.QUALITY`), for options not given.
        options: fields of :class:`~gsanet.segment.options.Options`, such as ``flow="none"`` or ``flip=True``.

    Raises:
        GsanetError: no such device, precision or option.
    """

    def __init__(
        self,
        model: GSANet | ExportedModel,
        *,
        device: str = "auto",
        precision: str = "auto",
        backend: str = "auto",
        batch: int | None = None,
        name: str = "",
        quality: str = DEFAULT_QUALITY,
        **options: Any,
    ) -> None:
        self.name = name or model.config.backbone
        self.network, self.backend = open_backend(model, backend, device, precision, self.name)
        self.options = preset(quality, options)
        self.batch = BATCH.get(self.network.device.type, 4) if batch is None else batch

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str] = "lite", **arguments: Any) -> Segmenter:
        """With trained weights: a name inside the package, a file, or a repository on the hub (``owner/name``);
        or an exported model: the folder that ``gsanet export`` has filled, or a file in it.

        Args:
            arguments: of :class:`Segmenter`.

        Raises:
            GsanetError: there are no such weights.
        """
        arguments = {"name": str(name_or_path), **arguments}
        # A folder of exports that happens to be called `lite` is meant when it is written `./lite`.
        if str(name_or_path) not in packaged_weights() and is_exported(Path(name_or_path)):
            return cls(ExportedModel(Path(name_or_path)), **arguments)
        # Imported here: reading weights needs safetensors, which `Segmenter(model)` does not.
        from gsanet.weights.checkpoint import load_model

        with find_weights(name_or_path) as file:
            model = load_model(file)
        segmenter = cls(model, **arguments)
        # The network is a folded copy: the model as it was read is of no further use, and larger.
        del model
        give_back_freed_memory()
        return segmenter

    def stream(
        self, source: Source, *, batch: int | None = None, slots: bool = False, **options: Any
    ) -> Iterator[FrameResult]:
        """Segment a clip frame by frame; decoding and flow run ahead in a thread.

        Args:
            source: a path (video, folder of frames, picture), an array (T,H,W,3) of uint8 RGB, or any iterable of
                frames (H,W,3). Of an iterable nothing is known beforehand, so it is segmented online.
            batch: instead of the segmenter's own.
            slots: whether results have slot maps.
            options: instead of the segmenter's own.

        Raises:
            GsanetError: the source cannot be read, or an option is wrong; at once, not at the first frame.
        """
        clip = open_clip(source)
        count = self.batch if batch is None else batch
        if count < 1:
            raise GsanetError(f"batch must be at least 1, got {count}")
        chosen = self.options.change({**options, "online": True} if clip.live else options)
        views = chosen.views(clip.height, clip.width, self.network.config)
        exact = self.network.precision == "float32"
        motion = open_motion(chosen, clip, str(self.network.device), "float32" if exact else "auto")
        self.network.load_sizes(view.size for view in views)

        def run() -> Iterator[FrameResult]:
            bank = choose_references(
                clip, views, motion, self.network.config.references, self.network.references, chosen.online
            )
            linker = Linker(lookahead=not chosen.online) if chosen.smooth else None
            frames = ahead(prepared_frames(clip, views, motion, linker=linker), depth=2 * count)
            with closing(frames):  # type: ignore[type-var]
                tasks = (
                    # The features are those of now: the bank may change while the task waits.
                    partial(self._segment, group, views, list(bank.features), slots)
                    for group in _batches(frames, bank, count)
                )
                results = (result for group in self._abreast(tasks, clip.live) for result in group)
                if chosen.smooth:
                    yield from smoothed(results, motion.size, 0 if chosen.online else LOOKAHEAD)
                else:
                    yield from (result for result, _ in results)

        return run()

    def segment(self, source: Source, **arguments: Any) -> NDArray[np.bool_]:
        """All masks of a clip at once, (T,H,W). Arguments as :meth:`stream`."""
        return np.stack([frame.mask for frame in self.stream(source, **arguments)])

    def _segment(
        self, group: Sequence[Prepared], views: Sequence[View], references: Sequence[ReferenceFeatures], slots: bool
    ) -> list[tuple[FrameResult, Link | None]]:
        """One batch: every view through the network, then for each frame the average at its own size, and its link."""
        by_view = [
            self.network([one.views[k] for one in group], references[k], slots and k == 0) for k in range(len(views))
        ]
        answers: list[tuple[FrameResult, Link | None]] = []
        for i, one in enumerate(group):
            probabilities = [results[i][0] for results in by_view]
            result = FrameResult(
                one.frame.index,
                one.frame.time,
                one.frame.name,
                one.frame.image,
                average_views(probabilities, views, one.frame.image.shape[:2]),
                one.views[0].flow,
                by_view[0][i][1],
            )
            answers.append((result, one.link))
        return answers

    def _abreast(self, tasks: Iterable[Callable[[], Item]], live: bool) -> Iterator[Item]:
        """Results of *tasks* in order; on a CPU several frames at once, each on one thread.

        Threads that share a frame wait for one another at every layer, and burn the time. A live clip is not kept
        waiting: all threads work on its newest frame.
        """
        workers = 1 if live else self.network.workers
        if workers == 1:
            return (task() for task in tasks)
        return abreast(tasks, workers, partial(self.network.one_thread, workers))


def average_views(
    probabilities: Sequence[NDArray[np.float32]], views: Sequence[View], size: tuple[int, int]
) -> NDArray[np.float32]:
    """What every view gave, each (h,w) of its own, averaged at the *size* (H,W) of the frame."""
    total = np.zeros(size, np.float32)
    for probability, view in zip(probabilities, views, strict=True):
        total += resize(probability[:, ::-1] if view.mirrored else probability, size)
    return total / np.float32(len(views))


def _batches(frames: Iterator[Prepared], bank: ReferenceBank, count: int) -> Iterator[list[Prepared]]:
    """Groups of *count* frames that share their references: a group ends early where the bank changes."""
    group: list[Prepared] = []
    coming = UntilBroken(frames)
    for one in coming:
        if bank.wants(one.frame.index):
            if group:
                yield group
                group = []
            bank.add(one)
        group.append(one)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group
    coming.settle()
