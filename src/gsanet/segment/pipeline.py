"""One clip on its way through the engine: frames, flow, network, average over time, each a generator over the last."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from threading import Event
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gsanet.runtime.interface import Runtime, Timer
from gsanet.segment.averaging import LOOKAHEAD, smoothed
from gsanet.segment.found import Computed, First, Found
from gsanet.segment.fovea import PIXELS, REACH, between, closest_side, places
from gsanet.segment.kept import Kept, second_look, waiting
from gsanet.segment.keyframes import LARGEST, Placed, stretches
from gsanet.segment.links import Linker
from gsanet.segment.looker import Looker, Sighted
from gsanet.segment.motion import ComputedMotion, open_motion
from gsanet.segment.objects import Linked, chosen
from gsanet.segment.options import Options
from gsanet.segment.pictures import Prepared, prepared_frames
from gsanet.segment.references import Known, ReferenceBank, choose_references, own_references
from gsanet.segment.result import FrameResult
from gsanet.segment.slow import followed
from gsanet.segment.threads import UntilBroken, abreast, ahead, held_back
from gsanet.video.clip import Clip, Frame
from gsanet.video.output_format import LARGE
from gsanet.video.resize import limited

Item = TypeVar("Item")
Map = NDArray[np.float32]

EAGER = LOOKAHEAD + 1
"""So many frames at the beginning of a clip are all looked at, and wait for none that comes: with them the first mask
is done, which somebody waits for."""


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
        self._batch, self._threads, self._timer = batch, threads, timer
        pixels = clip.height * clip.width
        self._images = images or self.options.choice is not None  # objects are told apart by their colours too
        self._twice = self._images and pixels > LARGE and not clip.live
        self._waiting = max(1, waiting(pixels, 2 * batch))
        self._sparse = self.options.sparse and pixels <= LARGEST
        """Whether frames may be told from those around them."""
        in_blocks = self.options.fovea == "instead" or self._sparse
        self._interval = self.options.keyframe_interval if in_blocks else 1
        """One of so many frames is looked at as a whole."""
        self._eager = EAGER if self._sparse else 0
        self._workers = 1 if clip.live or not threads else runtime.workers
        """Frames that are looked at at once, each on one thread: threads that share a frame wait for one another at
        every layer. A live clip is not kept waiting: all threads work on its newest frame."""
        self._closer = None
        """(h,w) of frames for a closer look."""
        if self.options.fovea != "off":
            self._closer = limited((clip.height, clip.width), max(closest_side(view.size) for view in self.views))
        self._looker = Looker(
            runtime, self.views, slots=slots, twice=in_blocks or self.options.fovea == "beside", closer=self._closer,
            share=PIXELS if self.options.fovea == "instead" else 1.0, overlap=self.options.keyframe_overlap,
            timer=timer,
        )  # fmt: skip

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
        encode = partial(self._runtime.encode, beside=self._sparse)
        bank = choose_references(self._clip, self.views, self.motion, count, encode, options.online, later=self._sparse)
        linker = Linker(lookahead=self._sparse or (options.smooth and not options.online))
        with closing(self.found(self._decoded(), bank, linker)) as found, self._second_look() as look:
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
                        frame.index, frame.time, frame.name, look(frame), probability, one.drawn, one.slots, frame.size,
                        shot=shot, threshold=options.threshold,
                    )  # fmt: skip
                    first = frame is one.frame
                    new = first and one.link is None and not back
                    yield Linked(result, one.link if first else None, new, first and back)

    def found(
        self, frames: Iterable[Frame], bank: ReferenceBank, linker: Linker | None = None, only: range | None = None
    ) -> Generator[Found, None, None]:
        """What the network sees in frames of the clip, before it is averaged over time.

        Args:
            frames: decoded, in order.
            linker: finds out how each is connected with the one before; a new one if None.
            only: numbers of those that are wanted; None: all.
        """
        linker = linker or Linker(lookahead=self._sparse)
        prepared: Generator[Prepared, None, None] = prepared_frames(
            frames, self.views, self.motion, only, linker, self._timer, self._images and not self._twice, self._closer
        )
        if isinstance(self.motion, ComputedMotion):
            prepared = followed(prepared, causal=not self.motion.lookahead)
        if self._threads:
            prepared = ahead(prepared, depth=self._waiting)
        with closing(prepared):
            yield from self._looks(prepared, bank)

    def _looks(self, frames: Iterable[Prepared], bank: ReferenceBank) -> Iterator[Found]:
        """Each frame as its first look and the closer one show it."""
        tasks: Iterable[Callable[[], list[First]]] = (
            partial(self._looker.first, group, references)
            for group, references in self._batches(self._opening(frames), bank)
        )
        begun = Event()
        if self._eager and self._workers > 1:  # meanwhile all of them are there for the first mask
            tasks = held_back(tasks, self._eager, begun)
        # Closed in this order, whatever happens: else a thread of the one might still be at the frames of the other.
        with (
            closing(self._abreast(tasks)) as groups,
            closing(self._looked_again(one for group in groups for one in group)) as results,
        ):
            try:
                for count, found in enumerate(results, start=1):
                    if count >= self._eager:
                        begun.set()
                    yield found
            finally:
                begun.set()

    def _looked_again(self, first: Iterator[First]) -> Generator[Found, None, None]:
        """Frames after their first look, each as it is seen in the end."""
        placed: Iterable[Sighted]
        if self.options.fovea == "instead":
            placed = between(first, self.options.online, self._eager)
        elif self.options.fovea == "beside":
            placed = places(_as_wholes(first), 0 if self.options.online else REACH)
        elif self._sparse:
            placed = ((one, None) for one in first)
        else:
            yield from _as_wholes(first)
            return
        if not self._sparse:
            yield from self._abreast(partial(self._looker.again, one, box) for one, box in placed)
            return
        parts = stretches(
            Placed((one, box), one[2], one[1] is not None or number < self._eager)
            for number, (one, box) in enumerate(placed)
        )
        # Each is of several frames, so that no more of them should wait than are worked on.
        with closing(self._abreast((partial(self._looker.settled, part) for part in parts), waiting=0)) as groups:
            for group in groups:
                yield from group

    def _opening(self, frames: Iterable[Prepared]) -> Iterator[tuple[Prepared, bool]]:
        """Frames, and whether each is looked at as a whole from the first.

        Which are depends on nothing but their numbers and the shots, wherever one begins.
        """
        last = -1
        for one in frames:
            block = one.frame.index // self._interval
            yield one, block != last or one.link is None
            last = block

    def _batches(
        self, frames: Iterable[tuple[Prepared, bool]], bank: ReferenceBank
    ) -> Iterator[tuple[list[tuple[Prepared, bool]], Known]]:
        """Groups of frames that share their references, with these: a group ends early where the bank changes.

        Beside key frames the first frames of a clip, up to the second key frame, are their own references: so nobody
        waits with the first mask until those of the whole clip are read. Masks are as good (docs/experiments.md).
        """
        group: list[tuple[Prepared, bool]] = []
        own = own_references(self.views)
        alone = 0  # counted, not numbered: a clip may show each of them several times
        coming = UntilBroken(frames)
        for one, opens in coming:
            if self._sparse and one.frame.index == 0:
                alone = self._interval + 1
            if alone:
                alone -= 1
                yield [(one, opens)], own
                continue
            if bank.wants(one.frame.index):
                if group:
                    yield group, bank.known()
                    group = []
                bank.add(one.frame.index, [one.picture(view) for view in self.views])
            group.append((one, opens))
            if len(group) == self._batch:
                yield group, bank.known()
                group = []
        if group:
            yield group, bank.known()
        coming.settle()

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

    def _abreast(self, tasks: Iterable[Callable[[], Item]], waiting: int = 1) -> Generator[Item, None, None]:
        """Results of *tasks* in order."""
        return abreast(tasks, self._workers, partial(self._runtime.one_thread, self._workers), waiting)


def _as_wholes(found: Iterable[First]) -> Iterator[Found]:
    """Where every frame was looked at as a whole."""
    for computed, probability, link in found:
        assert probability is not None
        yield computed, probability, link
