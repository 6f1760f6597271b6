"""The part of the report that shows frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gsanet.evaluation.evaluator import Evaluation
from gsanet.evaluation.pairing import SequenceFiles
from gsanet.evaluation.report.overlays import Ranked, frame_values, most_different, overlay, rank
from gsanet.evaluation.report.parts import Key
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import columns

WORST, BEST, DIFFERENT = 8, 4, 6
"""Frames shown of each kind."""


@dataclass(frozen=True)
class RankedFrame:
    """A frame of the first run."""

    sequence: str
    frame: str
    picture: str
    """Data URI."""
    value: str


@dataclass(frozen=True)
class FrameGroup:
    """Frames under one heading."""

    heading: str
    frames: list[RankedFrame]


@dataclass(frozen=True)
class RunFrame:
    """A frame as one of two runs has it."""

    run: str
    picture: str
    value: str


@dataclass(frozen=True)
class DifferingFrame:
    """A frame on which two runs differ."""

    sequence: str
    frame: str
    sides: list[RunFrame]
    value: str
    """First run minus the other."""


@dataclass(frozen=True)
class Gallery:
    """All frames of the page."""

    legend: list[Key]
    differing: list[DifferingFrame]
    groups: list[FrameGroup]


def gallery(runs: Sequence[Evaluation | None], results: Sequence[Result]) -> Gallery | None:
    """Nothing where the first run came without its files."""
    first = runs[0]
    if first is None:
        return None
    differing = []
    if len(results) > 1 and runs[1] is not None:
        differing = [_differing(first, runs[1], ranked) for ranked in most_different(results[1], results[0], DIFFERENT)]
    groups = [
        FrameGroup("Worst", [_shown(first, ranked) for ranked in rank(first.result, WORST)]),
        FrameGroup("Best", [_shown(first, ranked) for ranked in rank(first.result, BEST, best=True)]),
    ]
    keys = [Key("hit", "found"), Key("false", "marked wrongly"), Key("missed", "overlooked")]
    return Gallery(keys, differing, groups)


def _shown(run: Evaluation, ranked: Ranked) -> RankedFrame:
    picture = overlay(_files_of(run, ranked.sequence), ranked.frame, run.settings)
    return RankedFrame(ranked.sequence, ranked.frame, picture, _number(run.result, ranked.value))


def _differing(first: Evaluation, other: Evaluation, ranked: Ranked) -> DifferingFrame:
    sides = []
    for run in (first, other):
        values = dict(zip(_frames_of(run, ranked.sequence), frame_values(run.result, ranked.sequence), strict=True))
        picture = overlay(_files_of(run, ranked.sequence), ranked.frame, run.settings)
        sides.append(RunFrame(run.result.name, picture, _number(run.result, values[ranked.frame])))
    return DifferingFrame(ranked.sequence, ranked.frame, sides, _number(first.result, ranked.value, signed=True))


def _number(result: Result, value: float, signed: bool = False) -> str:
    column = next(c for c in columns([result]) if c.key == result.headline)
    return column.text({column.key: value}, signed=signed)


def _files_of(run: Evaluation, sequence: str) -> SequenceFiles:
    return next(f for f in run.files if f.name == sequence)


def _frames_of(run: Evaluation, sequence: str) -> list[str]:
    return next(s for s in run.result.sequences if s.name == sequence).frames
