"""The parts of the report that plot frames: their distribution, and every sequence over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gsanet.evaluation.report.overlays import frame_values
from gsanet.evaluation.report.parts import Key, legend, run_style
from gsanet.evaluation.report.plots import Series, histogram, over_time
from gsanet.evaluation.result import Result, SequenceResult
from gsanet.evaluation.table import columns

_HALF = 0.5


@dataclass(frozen=True)
class Distribution:
    """One measure over all frames of each run."""

    measure: str
    below: list[str]
    """Share of frames at most half, a phrase for each run."""
    drawn: Markup


@dataclass(frozen=True)
class Score:
    """A number under a sequence's name."""

    label: str
    text: str


@dataclass(frozen=True)
class Card:
    """A sequence over time."""

    name: str
    scores: list[Score]
    drawn: Markup


@dataclass(frozen=True)
class OverTime:
    """All sequences over time."""

    what: str
    legend: list[Key]
    cards: list[Card]


def distributions(results: Sequence[Result]) -> list[Distribution]:
    """The parts of the headline, all runs in one plot."""
    found = []
    for measure in results[0].values_shown:
        every = [
            Series(r.name, run_style(i), [v for s in r.sequences for v in s.values.get(measure, [])])
            for i, r in enumerate(results)
        ]
        series = [s for s in every if s.values]
        shares = [f"{100 * sum(v <= _HALF for v in s.values) / len(s.values):.1f} %" for s in series]
        below = [f"{s.label} {share}" for s, share in zip(series, shares, strict=True)] if len(results) > 1 else shares
        found.append(Distribution(measure, below, histogram(series, f"distribution of {measure} over frames")))
    return found


def curves(results: Sequence[Result]) -> OverTime:
    """One run: the parts of its headline. Several: the headline of each that has the same frames."""
    first = results[0]
    alone = len(results) == 1
    cards = []
    for s in first.sequences:
        scores = [
            Score(c.label, c.text(s.summary))
            for c in columns([first])
            if c.key in (first.headline, *first.values_shown)
        ]
        series = [Series(m, _style(m), s.values[m]) for m in first.values_shown] if alone else _runs(results, s)
        cards.append(Card(s.name, scores, over_time(series, s.frames, f"{s.name} over time")))
    keys = [Key(_style(m), m) for m in first.values_shown] if alone else legend(results)
    return OverTime(" and ".join(first.values_shown) if alone else first.headline, keys, cards)


def _style(measure: str) -> str:
    return f"m-{measure[0].lower()}"


def _runs(results: Sequence[Result], sequence: SequenceResult) -> list[Series]:
    found = []
    for number, run in enumerate(results):
        own = next((s for s in run.sequences if s.name == sequence.name), None)
        if own is not None and own.frames == sequence.frames:
            found.append(Series(run.name, run_style(number), frame_values(run, sequence.name)))
    return found
