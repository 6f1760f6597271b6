"""Small pieces that several parts of the report share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gsanet.evaluation.result import Result


@dataclass(frozen=True)
class Key:
    """A colour of the legend: its style-sheet class and what it stands for."""

    style: str
    label: str


def run_style(number: int) -> str:
    """Style-sheet class of the colour of a run, in order of the runs."""
    return f"run{number % 5}"


def legend(results: Sequence[Result]) -> list[Key]:
    """The runs' colours; none where there is one run only."""
    return [Key(run_style(i), r.name) for i, r in enumerate(results)] if len(results) > 1 else []


def headlines(result: Result) -> tuple[str, ...]:
    """Keys of the measures that stand at the top of the page."""
    if result.headline == "S":
        return ("S", "F_max", "E_max", "MAE")
    return ("J&F", "J", "J_class", "F", "stability") if result.headline == "J&F" else ("J", "J_class", "J_recall")


def anchor(name: str) -> str:
    """Where on the page a sequence is: an id without any sign that means something in HTML."""
    return "s-" + "".join(c if c.isalnum() else "-" for c in name)
