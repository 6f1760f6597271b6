"""One clip on its way through the engine: frames, flow, network, average over time, each a generator over the last."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gsanet.runtime.interface import Reference, Runtime, Timer
from gsanet.segment.averaging import LOOKAHEAD, smoothed
from gsanet.segment.fovea import (
    REACH,
    SHARE,
    Box,
    Closer,
    canvas,
    closer_pictures,
    closer_size,
    closest_side,
    places,
    put_in,
)
from gsanet.segment.kept import LARGE, Kept, second_look, waiting
from gsanet.segment.links import Link, Linker
from gsanet.segment.motion import open_motion
from gsanet.segment.objects import Linked, chosen
from gsanet.segment.options import Options, View
from gsanet.segment.pictures import Prepared, prepared_frames
from gsanet.segment.references import ReferenceBank, choose_references
from gsanet.segment.result import FrameResult
from gsanet.segment.threads import UntilBroken, abreast, ahead
from gsanet.video.clip import Clip, Frame
from gsanet.video.resize import limited, resize

Item = TypeVar("Item")
Map = NDArray[np.float32]


class Computed(NamedTuple):
    """All that a result says, but for the probability, which is averaged yet."""

    frame: Kept
    flow: NDArray[np.uint8]
    slots: dict[str, Map]
    repeats: tuple[Kept, ...]
    """Frames that show its picture again."""
    link: Link | None
    """To the frame before; None where a shot begins."""
    again: tuple[Closer, Sequence[Sequence[Reference]]] | None = None
    """For a closer look, with the references of the first."""


def untimed(stage: str) -> nullcontext[None]:
    """The timer of those who do not look at the clock."""
    return nullcontext()


class Pipeline:
    """Everything that is settled before the first frame of a clip.

    Args:
        batch: frames given to the network at once.
        slots: whether results have slot maps.
        images: whether results have the frames' pictures. Large ones are read a second time for it
            (:mod:`gsanet.segment.kept`).
        threads: decode and draw ahead in a thread, and segment several frames at once. Without, one stage follows the
            other for one frame after the other: for frames that somebody hands in one by one, and for timing.
        timer: called with the name of each stage (:data:`gsanet.segment.profile.STAGES`).

    Raises:
        GsanetError: an option is wrong.
    """

    def __init__(
        self,
        runtime: Runtime,
        clip: Clip,
        options: Options,
        *,
        batch: int = 1,
        slots: bool = False,
        images: bool = True,
        threads: bool = True,
        timer: Timer = untimed,
    ) -> None:
        self.options = options.change({"online": True}) if clip.live else options
        self.views = self.options.views(clip.height, clip.width, runtime.config)
        exact = runtime.precision == "float32"
        self.motion = open_motion(self.options, clip, runtime.device, "float32" if exact else "auto")
        self._runtime, self._clip = runtime, clip
        self._batch, self._slots, self._threads, self._timer = batch, slots, threads, timer
        pixels = clip.height * clip.width
        self._images = images or self.options.choice is not None  # objects are told apart by their colours too
        self._twice = self._images and pixels > LARGE and not clip.live
        self._waiting = max(1, waiting(pixels, 2 * batch))
        self._closer = None
        """(h,w) of frames for a closer look."""
        if self.options.fovea:
            self._closer = limited((clip.height, clip.width), max(closest_side(view.size) for view in self.views))

    def run(self) -> Generator[FrameResult, None, None]:
        """The clip's results in order. Closing this generator stops the threads and closes the clip."""
        options, choice = self.options, self.options.choice
        with closing(self._linked()) as results:
            if choice is None:
                yield from (result for result, *_ in results)
            else:
                yield from chosen(results, choice, self._clip, size=self.motion.size, online=options.online)

    def _linked(self) -> Generator[Linked, None, None]:
        """Results with all that was found, and how each hangs together with the one before."""
        options, timer = self.options, self._timer
        count = self._runtime.config.references
        bank = choose_references(self._clip, self.views, self.motion, count, self._runtime.encode, options.online)
        linker = Linker(lookahead=options.smooth and not options.online)
        wait = self._images and not self._twice
        prepared = prepared_frames(
            self._decoded(), self.views, self.motion, linker=linker, timer=timer, images=wait, closer=self._closer
        )
        frames: Generator[Prepared, None, None] = prepared
        if self._threads:
            frames = ahead(prepared, depth=self._waiting)
        with closing(frames), self._second_look() as look:
            tasks = (
                # The features are those of now: the bank may change while the task waits.
                partial(self._segment, group, list(bank.features))
                for group in _batches(frames, bank, self._batch)
            )
            found: Iterator[tuple[Computed, Map, Link | None]]
            found = (one for group in self._abreast(tasks) for one in group)
            if self._closer is not None:
                looks = places(found, 0 if options.online else REACH)
                found = self._abreast(partial(self._look_closer, one, box) for one, box in looks)
            done: Iterator[tuple[Computed, Map]]
            if options.smooth:
                size = limited((self._clip.height, self._clip.width), self.motion.size)
                done = smoothed(found, size, 0 if options.online else LOOKAHEAD, timer=timer)
            else:
                done = ((one, probability) for one, probability, _ in found)
            shot = -1
            for one, probability in done:
                back = one.frame.index in linker.returned
                shot += -1 if back else one.link is None
                for frame in (one.frame, *one.repeats):
                    result = FrameResult(
                        frame.index, frame.time, frame.name, look(frame), probability, one.flow, one.slots, frame.size,
                        shot=shot, threshold=options.threshold,
                    )  # fmt: skip
                    first = frame is one.frame
                    new = first and one.link is None and not back
                    yield Linked(result, one.link if first else None, new, first and back)

    @contextmanager
    def _second_look(self) -> Iterator[Callable[[Kept], NDArray[np.uint8] | None]]:
        """What knows the pictures of frames for results, asked in their order."""
        if not self._twice:
            yield lambda kept: kept.image
            return
        with second_look(self._clip) as look:

            def timed(kept: Kept) -> NDArray[np.uint8]:
                with self._timer("decode"):
                    return look(kept)

            yield timed

    def _decoded(self) -> Iterator[Frame]:
        frames = iter(self._clip)
        while True:
            with self._timer("decode"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame
            del frame  # or its picture would wait for the next one

    def _segment(
        self, group: Sequence[Prepared], references: Sequence[Sequence[Reference]]
    ) -> list[tuple[Computed, Map, Link | None]]:
        """One batch: every view through the network, then for each frame their average, and its link."""
        with self._timer("network"):
            by_view = [
                self._runtime([one.views[k] for one in group], references[k], self._slots and k == 0)
                for k in range(len(self.views))
            ]
        found = []
        for i, one in enumerate(group):
            with self._timer("resize"):
                probability = average_views([answers[i].probability for answers in by_view], self.views)
            again = None if one.closer is None else (one.closer, references)
            all_but = Computed(one.frame, one.views[0].flow, by_view[0][i].slots, one.repeats, one.link, again)
            found.append((all_but, probability, one.link))
        return found

    def _look_closer(
        self, one: tuple[Computed, Map, Link | None], box: Box | None
    ) -> tuple[Computed, Map, Link | None]:
        """The same frame with what every view of its *box* adds; as it is where there is no box."""
        computed, whole, link = one
        assert computed.again is not None
        closer, references = computed.again
        computed = computed._replace(again=None)
        if box is None:
            return computed, whole, link
        shape = (closer.image.shape[0], closer.image.shape[1])
        box = box.snapped(shape)
        views = self.views
        if not self._runtime.config.square:
            views = [view._replace(size=closer_size(box, shape, view.size)) for view in views]
        with self._timer("prepare"):
            pictures = [closer_pictures(closer, box, *view) for view in views]
        with self._timer("network"):
            answers = [self._runtime([shown], references[k])[0] for k, shown in enumerate(pictures)]
        with self._timer("resize"):
            part = average_views([answer.probability for answer in answers], views)
            map = canvas(whole, part, box, computed.frame.size)
            put_in(map, part, box, SHARE)
        return computed, map, link

    def _abreast(self, tasks: Iterable[Callable[[], Item]]) -> Iterator[Item]:
        """Results of *tasks* in order; on a CPU several frames at once, each on one thread.

        Threads that share a frame wait for one another at every layer, and burn the time. A live clip is not kept
        waiting: all threads work on its newest frame.
        """
        workers = 1 if self._clip.live or not self._threads else self._runtime.workers
        return abreast(tasks, workers, partial(self._runtime.one_thread, workers))


def average_views(probabilities: Sequence[Map], views: Sequence[View]) -> Map:
    """What every view gave, each (h,w) of its own, averaged at the largest of these sizes."""
    size = max((view.size for view in views), key=lambda size: size[0] * size[1])
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
