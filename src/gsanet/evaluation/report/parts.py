"""Small pieces that several parts of the report share."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gsanet.evaluation.result import Result

RUN_STYLES = ("run0", "run1", "run2", "run3", "run4")
"""Style-sheet classes of the runs' colours, in order."""


def headlines(result: Result) -> tuple[str, ...]:
    if result.headline == "S":
        return ("S", "F_max", "E_max", "MAE")
    return ("J&F", "J", "J_class", "F", "stability") if result.headline == "J&F" else ("J", "J_class", "J_recall")


def link(name: str) -> str:
    return f'<a href="#{anchor(name)}">{escape(name)}</a>'


def anchor(name: str) -> str:
    return "s-" + "".join(c if c.isalnum() else "-" for c in name)


def legend(results: Sequence[Result]) -> str:
    if len(results) < 2:
        return ""
    keys = "".join(
        f'<span><span class="key {RUN_STYLES[i % len(RUN_STYLES)]}"></span>{escape(r.name)}</span>'
        for i, r in enumerate(results)
    )
    return f'<p class="legend">{keys}</p>'
