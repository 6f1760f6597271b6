"""All that is drawn of one frame: each picture at most once, however many results show it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gsanet.segment import cutout, render
from gsanet.segment.background import Background, composite
from gsanet.segment.result import FrameResult

Picture = NDArray[np.uint8]
Truth = Callable[[str], "NDArray[np.bool_] | None"]
"""Name of a frame -> its true mask (H,W), if there is one."""


class Drawn:
    """One frame.

    Args:
        background: of :attr:`composite`; None leaves it transparent.
        truth: of :attr:`panel`.
    """

    def __init__(self, result: FrameResult, background: Background | None = None, truth: Truth | None = None) -> None:
        self.result = result
        self._background, self._truth = background, truth

    @cached_property
    def overlay(self) -> Picture:
        """:func:`gsanet.segment.render.overlay`."""
        return render.overlay(self.result)

    @cached_property
    def cutout(self) -> Picture:
        """:func:`gsanet.segment.cutout.cutout`."""
        return cutout.cutout(self.result)

    @cached_property
    def composite(self) -> Picture:
        """The object on the background, RGB; on none it is the cut-out, RGBA."""
        if self._background is None:
            return self.cutout
        return composite(self.cutout, self._background.behind(self.result, self.cutout[..., 3]))

    @cached_property
    def panel(self) -> Picture:
        """:func:`gsanet.segment.render.panel`."""
        truth = None if self._truth is None else self._truth(self.result.name)
        return render.panel(self.result, truth)
