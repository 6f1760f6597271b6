"""The flow of a whole sequence, frame by frame (METHOD.md section 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gsanet.errors import GsanetError
from gsanet.flow.colour import Flow, Picture
from gsanet.flow.methods import FlowMethod, flow_method


def sequence_flow(frames: Iterable[Picture], method: FlowMethod | None = None) -> Iterator[Flow]:
    """One flow for each frame, in order, as soon as it can be known.

    The flow of frame t is t -> t+1. The last frame has no successor: it gets its flow to its predecessor,
    negated. A single frame gets zero. No more than two frames are held at a time.

    Args:
        frames: RGB (H,W,3), all of one size.
        method: DIS if not given.

    Yields:
        (H,W,2) in pixels.

    Raises:
        GsanetError: a frame has another size than the one before it.
    """
    method = method or flow_method("dis")
    before: Picture | None = None
    last: Picture | None = None
    for index, frame in enumerate(frames):
        if last is not None:
            if frame.shape != last.shape:
                raise GsanetError(
                    f"frame {index} is {frame.shape[1]}x{frame.shape[0]} and the one before it is "
                    f"{last.shape[1]}x{last.shape[0]}: flow needs frames of one size"
                )
            yield method(last, frame)
        before, last = last, frame
    if last is None:
        return
    if before is None:
        yield np.zeros((*last.shape[:2], 2), np.float32)
    else:
        # Subtracted from zero, not negated: a zero stays a plain zero.
        yield np.float32(0) - method(last, before)
