"""The part of the report that sets runs side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from gsanet.evaluation.compare import compare
from gsanet.evaluation.report.parts import headlines, run_style
from gsanet.evaluation.report.plots import difference_bar
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import Column, columns, describe


@dataclass(frozen=True)
class Change:
    """First run minus another, on one measure."""

    text: str
    mark: str
    """``gain`` or ``loss`` where it is beyond chance, else nothing."""


@dataclass(frozen=True)
class SequenceChange:
    """First run minus another, on one sequence."""

    name: str
    ours: str
    theirs: str
    moved: str
    bar: Markup


@dataclass(frozen=True)
class Run:
    """One line of the table, and how the first run stands against it."""

    name: str
    style: str
    values: list[str]
    changes: list[Change] = field(default_factory=list)
    """None of the first run itself."""
    verdict: str = ""
    sequences: list[SequenceChange] = field(default_factory=list)


@dataclass(frozen=True)
class SideBySide:
    """All runs, the first against each of the others."""

    columns: list[Column]
    headline: str
    runs: list[Run]


def side_by_side(results: Sequence[Result]) -> SideBySide | None:
    """Nothing where there is one run only.

    Raises:
        GsanetError: runs of different protocols or without a sequence in common.
    """
    if len(results) < 2:
        return None
    first, others = results[0], results[1:]
    chosen = [c for c in columns(results) if c.key in headlines(first) and c.key != "J_class"]
    headline = next(c for c in columns([first]) if c.key == first.headline)
    runs = [Run(first.name, run_style(0), [c.text(first.overall) for c in chosen])]
    for number, other in enumerate(others, start=1):
        runs.append(
            Run(
                other.name,
                run_style(number),
                [c.text(other.overall) for c in chosen],
                [_change(first, other, c) for c in chosen],
                describe(compare(other, first)),
                _sequences(first, other, headline),
            )
        )
    return SideBySide(chosen, headline.label, runs)


def _change(first: Result, other: Result, column: Column) -> Change:
    paired = compare(other, first, column.key) if _both_have(other, first, column.key) else None
    mean = paired.difference.mean if paired else math.nan
    clear = paired is not None and not (paired.difference.low <= 0 <= paired.difference.high)
    good = (mean > 0) == column.rising
    mark = ("gain" if good else "loss") if clear else ""
    return Change(column.text({column.key: mean}, signed=True), mark)


def _both_have(base: Result, other: Result, key: str) -> bool:
    """The measure is there, and a number, on every sequence of both."""
    return all(not math.isnan(s.summary.get(key, math.nan)) for r in (base, other) for s in r.sequences)


def _sequences(first: Result, other: Result, column: Column) -> list[SequenceChange]:
    """From the greatest gain to the greatest loss."""
    pairs = compare(other, first).sequences
    reach = max(abs(ours - theirs) for theirs, ours in pairs.values())

    def text(value: float, signed: bool = False) -> str:
        return column.text({column.key: value}, signed=signed)

    return [
        SequenceChange(
            name, text(ours), text(theirs), text(ours - theirs, signed=True), difference_bar(ours - theirs, reach)
        )
        for name, (theirs, ours) in sorted(pairs.items(), key=lambda item: item[1][0] - item[1][1])
    ]
