"""What counts as object in an annotation: the one rule of :mod:`gsanet.data.masks`, with or without void.

All objects of a frame become one mask. A data set whose files mean something else brings a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from PIL import Image

from gsanet.data.masks import Decided, decide
from gsanet.data.raw_masks import raw_mask

Rule: TypeAlias = Callable[[Image.Image, str], Decided]
"""From an open picture and its name, for messages, to (H,W) masks."""


def _by_the_rule(image: Image.Image, name: str, *, void: bool) -> Decided:
    return decide(raw_mask(image, name), name, void=void)


without_void: Rule = partial(_by_the_rule, void=False)
"""Data sets whose annotators left nothing open."""
with_void: Rule = partial(_by_the_rule, void=True)
"""Data sets of VOS: what was left open becomes background."""
