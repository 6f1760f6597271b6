"""The flow of each frame of a clip, from wherever the user wants it: computed, read from a folder, or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.data.layout import FLOW, RAW
from gsanet.flow.base import FlowMethod
from gsanet.flow.colour import Flow, flow_to_picture, picture_to_flow, redraw_still, transform_flow
from gsanet.flow.methods import METHODS, flow_methods
from gsanet.flow.scaled import enlarge
from gsanet.flow.sequence import choose_step
from gsanet.flow.vectors import list_vectors, read_vectors
from gsanet.segment.kept import Kept, keep
from gsanet.segment.options import Options, Way
from gsanet.video.clip import Clip, Frame
from gsanet.video.images import read_rgb
from gsanet.video.listing import list_images
from gsanet.video.resize import limit, resize

MOST_REPEATS = 5
"""Of one picture; what is shown longer than that stands still. They wait, so there must be an end to them."""

_BLOCK = 8
"""Pixels of a side, at the size at which flow is computed."""

_NOISE = 2
"""Of 255."""

_MIRROR = np.array([[-1, 0], [0, 1]], np.float32)


class Window(NamedTuple):
    """A frame between its neighbours, as far as these are there and wanted."""

    frame: Kept
    small: NDArray[np.uint8]
    """The frame at the size at which flow is computed, (h,w,3), as are the neighbours."""
    before: NDArray[np.uint8] | None
    after: NDArray[np.uint8] | None
    repeats: tuple[Kept, ...] = ()
    """Frames right after it that show the same picture again; they are no neighbours."""
    images: Mapping[tuple[int, int], NDArray[np.uint8]] = MappingProxyType({})
    """The frame at the sizes (h,w) that were asked for."""
    again: bool = False
    """It shows what the frame before it shows; :attr:`before` is the last one that differs."""


class Motion(Protocol):
    """A source of flow."""

    neighbours: bool
    """Whether it looks at the frames beside a frame at all."""
    lookahead: bool
    """Whether :attr:`Window.after` is one of them."""
    in_pixels: bool
    """Vectors are in pixels of their own grid; else in units of the largest in the frame."""
    size: int
    """Long side of the small pictures in a window, at most."""

    def __call__(self, window: Window, way: Way) -> Flow:
        """(h,w,2), of any size."""
        ...


class ComputedMotion:
    """Flow by some of :data:`gsanet.flow.methods.METHODS`, with the flow room's rule for the ends of a clip.

    Backward flow is turned round: both directions say where things go.

    Args:
        methods: by name.
        size: :attr:`Motion.size`.
        causal: only the past is known.
    """

    neighbours = True
    in_pixels = True

    def __init__(self, methods: Mapping[str, FlowMethod], size: int, *, causal: bool) -> None:
        self._methods = methods
        self.size = size
        self.lookahead = not causal
        self.first = next(iter(methods))
        """The method by whose flow frames are joined."""

    def __call__(self, window: Window, way: Way) -> Flow:
        step = choose_step(window.before, window.small, window.after, way.direction)
        method = self._methods[way.method]
        return step.orient(None if step.other is None else method(step.frame, step.other), "forward")


class NoMotion:
    """Everything stands still: the flow picture is blank."""

    neighbours = False
    lookahead = False
    in_pixels = True

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, window: Window, way: Way) -> Flow:
        return np.zeros((*window.small.shape[:2], 2), np.float32)


class FolderMotion:
    """Flow made earlier, with the frames' names: vectors where there are any, else pictures.

    Raises:
        GsanetError: there is neither for this clip.
    """

    neighbours = False
    lookahead = False

    def __init__(self, folder: Path, clip: Clip, size: int) -> None:
        self.size = size
        places = [folder / clip.name / (FLOW + RAW), folder / clip.name / FLOW, folder / clip.name]
        places += [folder / (FLOW + RAW), folder / FLOW, folder]
        for place in places:
            for in_pixels, files in ((True, list_vectors(place)), (False, list_images(place, empty=True))):
                if files:
                    self._folder, self._files, self.in_pixels = place, files, in_pixels
                    return
        raise GsanetError(f"no flow pictures for {clip.name}: looked in {', '.join(str(place) for place in places)}")

    def __call__(self, window: Window, way: Way) -> Flow:
        file = self._files.get(window.frame.name)
        if file is None:
            raise GsanetError(f"no flow picture for frame {window.frame.name} in {self._folder}")
        return read_vectors(file) if self.in_pixels else picture_to_flow(read_rgb(file))


def open_motion(options: Options, clip: Clip, device: str = "auto", precision: str = "auto") -> Motion:
    """The source of flow that *options* name.

    Args:
        device: for flow that is computed by a network.
        precision: likewise.

    Raises:
        GsanetError: there is none of this name, it cannot be made, or its folder has nothing for this clip.
    """
    if options.flow == "none":
        return NoMotion(options.flow_size)
    if options.methods:
        methods = flow_methods(options.methods, weights=options.flow_weights, device=device, precision=precision)
        return ComputedMotion(methods, options.flow_size, causal=options.online)
    folder = Path(options.flow)
    if not folder.is_dir():
        raise GsanetError(
            f"unknown flow {options.flow!r}: choose {', '.join(METHODS)}, several of them with + between, none, or a "
            "folder of flow pictures"
        )
    if options.flow_directions == "both":
        raise GsanetError(f"{folder} holds flow in one direction: leave flow directions at forward")
    return FolderMotion(folder, clip, options.flow_size)


def windows(
    frames: Iterable[Frame], lookahead: bool, size: int, sizes: Iterable[tuple[int, int]] = (), images: bool = True
) -> Iterator[Window]:
    """Each frame with its neighbours, whose long side is brought down to *size*; with *lookahead*, one frame late.

    Frames whose numbers do not follow on each other are no neighbours. With *lookahead* a frame that shows the same
    picture as the one before it, as in screen recordings and in films brought to a higher frame rate, is a repeat of
    that one: between the two nothing moves, and the flow would be taken for that of something at rest. Without
    *lookahead* no frame waits for the next one, and a repeat is a frame of its own with the neighbour of the first.

    Args:
        sizes: of :attr:`Window.images`.
        images: whether frames keep their pictures; else only what was made of these stays.
    """
    held: Window | None = None
    repeats = 0
    wanted = tuple(dict.fromkeys(sizes))
    for frame in frames:
        small = limit(frame.image, size)
        before, again = None, False
        if held is not None:
            follows = frame.index == held.frame.index + len(held.repeats) + 1
            # Where none waits, the first repeat of a clip's first frame has no motion to take over.
            may = follows and repeats < MOST_REPEATS and (lookahead or held.before is not None)
            again = may and same_picture(small, held.small)
            repeats = repeats + 1 if again else 0
            if again and lookahead:
                held = held._replace(repeats=(*held.repeats, keep(frame, images)))
                continue
            if lookahead:
                yield held._replace(after=small if follows else None)
            before = held.before if again else held.small if follows else None
        shown = {one: resize(frame.image, one) for one in wanted}
        held = Window(keep(frame, images), small, before, None, images=shown, again=again)
        del frame  # its picture would wait for the next one
        if not lookahead:
            yield held
    if held is not None and lookahead:
        yield held


def same_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two pictures (h,w,3) differ by no more than what a codec makes of the same one twice.

    No block of pixels may differ by more than noise on average: a small thing that moves is seen in its own block,
    which an average over the whole picture would drown.
    """
    size = (max(1, one.shape[1] // _BLOCK), max(1, one.shape[0] // _BLOCK))
    blocks = cv2.resize(cv2.absdiff(one, other), size, interpolation=cv2.INTER_AREA)
    return int(blocks.max()) <= _NOISE


def draw(flow: Flow, size: tuple[int, int], in_pixels: bool, mirrored: bool) -> NDArray[np.uint8]:
    """Vectors (h,w,2) of any size -> the flow picture at *size*, (h,w,3): resized, mirrored, then coloured."""
    height, width = size
    # Bilinear in either direction, as in training; averaging over areas would be twice as slow for the same picture.
    resized = enlarge(flow, size) if in_pixels else cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    return coloured(resized, flow, in_pixels, mirrored)


def coloured(shown: Flow, flow: Flow, in_pixels: bool, mirrored: bool) -> NDArray[np.uint8]:
    """Vectors (h,w,2) at the size at which they are shown -> their picture (h,w,3), mirrored if asked for.

    Args:
        flow: what *shown* was made of, which says how slow counts as still.
    """
    if mirrored:
        shown = transform_flow(shown[:, ::-1], _MIRROR)
    return flow_to_picture(shown) if in_pixels else flow_to_picture(shown, redraw_still(flow))
