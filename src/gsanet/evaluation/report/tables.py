"""The figures at the top of the report and its table of sequences."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from markupsafe import Markup

from gsanet.evaluation.compare import interval
from gsanet.evaluation.report.overlays import frame_values
from gsanet.evaluation.report.parts import headlines, run_style
from gsanet.evaluation.report.plots import sparkline
from gsanet.evaluation.result import Result, Scores
from gsanet.evaluation.table import Column, columns


@dataclass(frozen=True)
class Figure:
    """A measure at the top."""

    column: Column
    value: str
    spread: str
    """Its interval, or nothing."""


@dataclass(frozen=True)
class Cell:
    """A number of the table."""

    text: str
    value: str
    """With six decimals, to sort by; nothing where there is no number."""
    meter: str = ""
    """Length of the bar behind it in percent, or nothing."""


@dataclass(frozen=True)
class TableRow:
    """A sequence or a class."""

    name: str
    cells: list[Cell]
    frames: int = 0
    spark: Markup = field(default_factory=Markup)


@dataclass(frozen=True)
class Table:
    """Every sequence, classes if there are any, and all together."""

    columns: list[Column]
    sequences: list[TableRow]
    classes: list[TableRow]
    frames: int
    overall: list[Cell]


def figures(result: Result) -> list[Figure]:
    """The headline measures with their intervals over sequences."""
    found = []
    for column in (c for c in columns([result]) if c.key in headlines(result)):
        # The maximum of an averaged curve is no average of the sequences' own maxima.
        averaged = column.key in result.sequences[0].summary and not column.key.endswith("_max")
        around = interval(result, column.key) if averaged else None
        spread = ""
        if around and not math.isnan(around.low):
            spread = " – ".join(column.text({column.key: v}) for v in (around.low, around.high))
        found.append(Figure(column, column.text(result.overall), spread))
    return found


def sequence_table(result: Result) -> Table:
    """All measures of *result*, the headline with a bar behind it."""
    chosen = columns([result])

    def cells(scores: Scores, headline: str = "") -> list[Cell]:
        return [_cell(column, scores, headline) for column in chosen]

    sequences = [
        TableRow(
            s.name,
            cells(s.summary, result.headline),
            len(s.frames),
            sparkline(frame_values(result, s.name), run_style(0)),
        )
        for s in result.sequences
    ]
    classes = [TableRow(label, cells(scores)) for label, scores in result.classes.items()]
    return Table(chosen, sequences, classes, result.frames, cells(result.overall))


def _cell(column: Column, scores: Scores, headline: str) -> Cell:
    value = scores.get(column.key, math.nan)
    if math.isnan(value):
        return Cell(column.text(scores), "")
    meter = f"{100 * max(0.0, min(1.0, value)):.1f}" if column.key == headline else ""
    return Cell(column.text(scores), f"{value:.6f}", meter)
