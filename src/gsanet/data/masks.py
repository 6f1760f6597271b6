"""The one rule for files of masks: which pixels are object, which are not, and which the annotators left open (void).

Training, evaluation and ``gsanet prepare`` all read by it. What a number means depends on the form of the file, so that
is looked at first:

=========================  ============================================================================================
1 bit                      1 is object
palette of colours         every index but 0 is object (VOS annotations); 255 may be void. More than 21 indices in use:
                           as colours
palette of greys           a grey picture that some tool squeezed: its greys, as below; the order of the indices says
                           nothing
grey, one value beside 0   that value is object, whatever it is: 0/1, 0/38, 0/255
grey, labels               up to 21 values none of which is above half (0/1/2, or 0/38/75: colours of a palette turned
                           grey), or some of which are and those between lie in areas: every value but 0 is object; 255
                           beside numbers up to 20 may be void
grey, soft                 many values, or only borders between black and white, or no black at all (16/235): above half
                           is object
JPEG                       always soft, because it keeps no value: 3 beside 0 is noise
16 bits, float             the same on their own scale: of 65535, of 255 if nothing exceeds that, of 1 for floats up
                           to 1
colours                    all channels equal: as grey. Else labels drawn in colours: what is not black is object; (224,
                           224,192) may be void. In more than 21 colours what is nearly black counts as black
transparency               what is transparent is background; what is opaque is object, unless it shows a mask itself
                           (black and something else). The same everywhere: it says nothing
=========================  ============================================================================================

"May be void": where the data set has void (``void=True``), and the value does not stand alone, which would make it the
only object there is. In a palette it may stand alone if it has the colour that VOS data sets draw void in. Where a data
set has no void such a value is an object.

What cannot be told is refused: labels drawn on white, and a palette whose entry 0 is lighter than all the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsanet.base.errors import GsanetError
from gsanet.base.threshold import THRESHOLD
from gsanet.data.raw_masks import BLACK, NEARLY_BLACK, WHITE, RawMask, read_raw
from gsanet.video.images import Mask

log = logging.getLogger("gsanet")

SOFT = "soft masks (many grey values): object is what is brighter than half"
LABELS = "few grey values in areas are labels: every one but 0 is object"
VOID = "255 beside labels (in colours: 224,224,192) is void and no object"
COLOURS = "masks in many colours: object is what is not black"

_LOOKED_AT = 64
"""Files that are looked at before a whole truth is called empty."""


@dataclass(frozen=True)
class Decided:
    """A mask and what was assumed to get it."""

    mask: Mask
    """(H,W), true on the object."""
    void: Mask | None = None
    """(H,W), true where nothing is known; not object. None if there is no such pixel."""
    assumed: str = ""
    """A sentence about the form of the file that is worth saying, or nothing."""


def read_truth(path: Path, *, void: bool = True) -> Mask:
    """(H,W), true on the object, of an annotation to train on; void is not object. What is assumed is logged once.

    Args:
        void: the data set may hold void.

    Raises:
        GsanetError: no such file, not a picture, cut short, or a form that cannot be told.
    """
    decided = decide(read_raw(path), path, void=void)
    if decided.assumed:
        _say(logging.INFO if decided.assumed == SOFT else logging.WARNING, decided.assumed, path)
    if decided.void is not None:
        _say(logging.INFO, VOID, path)
    return decided.mask


def warn_if_empty(paths: Sequence[Path]) -> None:
    """Log a warning if no mask of *paths* has an object, which looks like a form of file that is not understood.

    Up to 64 of them are looked at, over the whole list, and none after the first object.

    Raises:
        GsanetError: as :func:`read_truth`.
    """
    count = min(len(paths), _LOOKED_AT)
    chosen = [paths[i * len(paths) // count] for i in range(count)]
    if chosen and not any(read_truth(path).any() for path in chosen):
        log.warning(
            "no object in any of %d masks looked at, such as %s: is 0 their background?", len(chosen), chosen[0]
        )


def decide(raw: RawMask, name: object, *, void: bool = False) -> Decided:
    """Object and void of a mask file by the rule above.

    Args:
        name: of the file, for messages.
        void: the data set has void.

    Raises:
        GsanetError: labels drawn on white.
    """
    if raw.kind == "colour" and raw.soft:
        brightest = np.max([raw.values >> shift & 255 for shift in (16, 8, 0)], axis=0)
        return Decided(brightest > NEARLY_BLACK, assumed=COLOURS)
    if raw.kind == "colour" and BLACK not in raw.levels and WHITE in raw.levels:
        raise GsanetError(f"{name} is drawn on white, and background is black: save it as grey, object 255 on 0")
    if raw.soft:
        return Decided(raw.values > raw.full * THRESHOLD, assumed=SOFT)
    found = objects_of(raw, void=void)
    assumed = LABELS if raw.kind == "grey" and len(found) > 1 else ""
    mask = np.asarray(raw.values != 0)
    if not void or raw.void is None:
        return Decided(mask, assumed=assumed)
    undecided = np.asarray(raw.values == raw.void)
    return Decided(mask & ~undecided, undecided, assumed)


def objects_of(raw: RawMask, *, void: bool = False) -> list[float]:
    """The values that stand for objects in a file of labels."""
    return [level for level in raw.levels if level and not (void and level == raw.void)]


_said: set[str] = set()
_saying = threading.Lock()


def _say(level: int, sentence: str, path: Path) -> None:
    """Once in a process: a data set has thousands of such files."""
    with _saying:
        if sentence in _said:
            return
        _said.add(sentence)
    log.log(level, "%s (first seen in %s)", sentence, path)
