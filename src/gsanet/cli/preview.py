"""A picture of the current frame in the terminal: two pixels in each character, a few times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from gsanet.segment import FrameResult

_BETWEEN = 0.25
"""Seconds between two pictures."""
_WIDEST = 100
_ROWS_LEFT = 6
"""For the bar, and for what was there before."""
_FEWEST = 8
"""Columns: in fewer nothing is to be seen."""


class Preview:
    """Draws results as they come. Pictures are small: drawing one costs about a millisecond.

    Args:
        console: where they are shown; without a terminal nothing is drawn.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.picture: Text | None = None
        """The newest."""
        self._drawn = -_BETWEEN

    def __call__(self, result: FrameResult) -> None:
        """Draw *result*, unless the last was drawn a moment ago."""
        now = time.monotonic()
        if self.console.is_terminal and now - self._drawn >= _BETWEEN:
            self._drawn = now
            self.picture = half_blocks(result, self.console.width, self.console.height - _ROWS_LEFT)


def half_blocks(result: FrameResult, width: int, rows: int) -> Text | None:
    """The overlay of a frame as text: the upper pixel of each character is its colour, the lower its background.

    Args:
        width, rows: what there is room for, in characters; None if that is too little.
    """
    from dataclasses import replace

    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    from gsanet.segment.render import overlay
    from gsanet.video.resize import resize

    height, across = result.image.shape[:2]
    columns = min(width, _WIDEST, round(2 * rows * across / height))
    if columns < _FEWEST:
        return None
    size = (2 * max(1, round(columns * height / across / 2)), columns)
    small = replace(result, picture=resize(result.image, size), map=resize(result.probability, size), size=None)
    picture = overlay(small)
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(picture[::2].tolist(), picture[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        text.append("\n")
    return text
