"""The flow of a whole sequence, frame by frame, and the one rule for its ends (docs/method.md, section 1)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.flow.base import FlowMethod
from gsanet.flow.colour import Flow, Picture
from gsanet.flow.methods import flow_method

Direction = Literal["forward", "backward"]
"""Forward: to the next frame, t -> t+1. Backward: to the one before, t -> t-1."""


class Step(NamedTuple):
    """A frame and the neighbour to which its flow is computed."""

    frame: Picture
    other: Picture | None
    """None for a single frame, which stands still."""
    side: Direction
    """Where the neighbour lies."""

    def orient(self, flow: Flow | None, direction: Direction) -> Flow:
        """*flow* to the neighbour (None where there is no neighbour), turned round if that lies the other way."""
        if flow is None:
            return np.zeros((*self.frame.shape[:2], 2), np.float32)
        # Subtracted from zero, not negated: a zero stays a plain zero.
        return flow if self.side == direction else np.float32(0) - flow


def choose_step(before: Picture | None, frame: Picture, after: Picture | None, look: Direction) -> Step:
    """The rule: the neighbour that *look* asks for; a frame at an end, which lacks it, takes the other one."""
    if after is not None and (look == "forward" or before is None):
        return Step(frame, after, "forward")
    return Step(frame, before, "backward")


def sequence_flow(
    frames: Iterable[Picture],
    method: FlowMethod | None = None,
    direction: Direction = "forward",
    only: Container[int] | None = None,
) -> Iterator[Flow]:
    """One flow for each frame, in order, as soon as it can be known.

    Forward, the flow of frame t is t -> t+1; the last frame has no successor: it gets its flow to its predecessor,
    negated. Backward, it is t -> t-1, and the first frame gets its flow to its successor, negated. A single frame
    gets zero. Three frames are held at a time, or the method's batch and two.

    Args:
        frames: RGB (H,W,3), all of one size.
        method: DIS if not given.
        only: numbers of the frames whose flow is wanted; the others are just neighbours.

    Yields:
        (H,W,2) in pixels.

    Raises:
        GsanetError: a frame has another size than the one before it.
    """
    method = method or flow_method("dis")
    steps = (
        choose_step(before, frame, after, direction)
        for index, (before, frame, after) in enumerate(_neighbourhoods(frames))
        if only is None or index in only
    )
    while group := list(islice(steps, method.batch)):
        flows = iter(method.many([(step.frame, step.other) for step in group if step.other is not None]))
        for step in group:
            yield step.orient(None if step.other is None else next(flows), direction)


def _neighbourhoods(frames: Iterable[Picture]) -> Iterator[tuple[Picture | None, Picture, Picture | None]]:
    """Each frame between the ones before and after it, one frame late."""
    before: Picture | None = None
    last: Picture | None = None
    for index, frame in enumerate(frames):
        if last is not None:
            if frame.shape != last.shape:
                raise GsanetError(
                    f"frame {index} is {frame.shape[1]}x{frame.shape[0]} and the one before it is "
                    f"{last.shape[1]}x{last.shape[0]}: flow needs frames of one size"
                )
            yield before, last, frame
        before, last = last, frame
    if last is not None:
        yield before, last, None
