"""The lists of sequences that DAVIS brings in ``ImageSets``."""

from __future__ import annotations

from collections.abc import Iterable


def listed_sequences(lines: Iterable[str]) -> list[str]:
    """Names of a list, each once and in its order: a name a line (2017), or a picture and its mask a line (2016)."""
    firsts = (line.split()[0] for line in lines if line.strip())
    return list(dict.fromkeys(first.split("/")[-2] if "/" in first else first for first in firsts))
