"""What a way to compute flow looks like to those who use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from gsanet.flow.colour import Flow, Picture

Pair = tuple[Picture, Picture]


class FlowMethod(ABC):
    """Flow between two pictures, callable from several threads at once."""

    batch: int = 1
    """Pairs that :meth:`many` is best given at once."""
    parallel: bool = True
    """Whether threads that share it compute at the same time; else they take turns."""

    @abstractmethod
    def __call__(self, first: Picture, second: Picture) -> Flow:
        """RGB (H,W,3) twice -> (H,W,2) in pixels, from *first* to *second*; equal pictures give zero."""

    def many(self, pairs: Sequence[Pair]) -> list[Flow]:
        """The same for several pairs, all of one size."""
        return [self(*pair) for pair in pairs]


def require_pair(first: Picture, second: Picture) -> None:
    """Two RGB pictures of one size.

    Raises:
        ValueError: they are not.
    """
    if first.shape != second.shape or first.ndim != 3 or first.shape[-1] != 3:
        raise ValueError(f"flow needs two RGB pictures (H,W,3) of one size, got {first.shape} and {second.shape}")
