"""The one rule for ``sequence_00000``: how a frame is called where all sequences lie in one folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_FORM = re.compile(r"(?P<sequence>.+)_(?P<number>\d+)")
_DIGITS = 5


class FlatName(NamedTuple):
    """A name taken apart."""

    sequence: str
    """All before the last underscore, so it may hold underscores itself."""
    number: str
    """The digits as they stand, leading zeros too."""


def flat_name(sequence: str, number: int | str) -> str:
    """``flat_name("bear", 7)`` is ``bear_00007``; digits given as text are kept, and filled up to five."""
    return f"{sequence}_{str(number).zfill(_DIGITS)}"


def parse_flat_name(name: str) -> FlatName | None:
    """Sequence and number of a name without ending, or None if it does not end in ``_<number>``."""
    match = _FORM.fullmatch(name)
    return FlatName(match["sequence"], match["number"]) if match else None


def by_sequence(names: Iterable[str]) -> dict[str, dict[str, str]] | None:
    """Sequence -> number -> name, both in the order of *names*; None if one of them has another form."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        parsed = parse_flat_name(name)
        if parsed is None:
            return None
        found.setdefault(parsed.sequence, {})[parsed.number] = name
    return found
