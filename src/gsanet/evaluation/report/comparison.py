"""The part of the report that sets runs side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from gsanet.evaluation.compare import compare
from gsanet.evaluation.report.parts import RUN_STYLES, headlines, link
from gsanet.evaluation.report.plots import difference_bar
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import Column, columns, describe


def comparison(results: Sequence[Result]) -> str:
    if len(results) < 2:
        return ""
    first = results[0]
    chosen = [c for c in columns(results) if c.key in headlines(first) and c.key != "J_class"]
    head = "".join(f'<th title="{escape(c.meaning)}">{escape(c.label)}</th>' for c in chosen)
    lines = [_run_row(first, chosen, "run0")]
    verdicts, tables = [], []
    for number, other in enumerate(results[1:], start=1):
        lines.append(_run_row(other, chosen, RUN_STYLES[number % len(RUN_STYLES)]))
        changes = []
        for column in chosen:
            paired = compare(other, first, column.key) if _both_have(other, first, column.key) else None
            mean = paired.difference.mean if paired else math.nan
            clear = paired is not None and not (paired.difference.low <= 0 <= paired.difference.high)
            good = (mean > 0) == column.rising
            mark = (" gain" if good else " loss") if clear else ""
            changes.append(f'<td class="num{mark}">{column.text({column.key: mean}, signed=True)}</td>')
        label = f"{escape(first.name)} minus {escape(other.name)}"
        lines.append(f'<tr class="change"><th>{label}</th>{"".join(changes)}</tr>')
        said = escape(describe(compare(other, first)))
        verdicts.append(f"<p><b>{escape(first.name)}</b> against {escape(other.name)}: {said}.</p>")
        tables.append(_differences(first, other))
    return (
        '<section id="comparison"><h2>Side by side</h2>'
        f'<div class="scroll"><table class="runs"><thead><tr><th>run</th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>{''.join(verdicts)}"
        '<p class="note">Paired bootstrap over the sequences both runs have, 10,000 draws. Coloured differences are '
        f"those whose 95 % interval excludes zero.</p>{''.join(tables)}</section>"
    )


def _both_have(base: Result, other: Result, key: str) -> bool:
    """The measure is there, and a number, on every sequence of both."""
    return all(not math.isnan(s.summary.get(key, math.nan)) for r in (base, other) for s in r.sequences)


def _run_row(result: Result, chosen: Sequence[Column], style: str) -> str:
    cells = "".join(f'<td class="num">{c.text(result.overall)}</td>' for c in chosen)
    return f'<tr><th><span class="key {style}"></span>{escape(result.name)}</th>{cells}</tr>'


def _differences(first: Result, other: Result) -> str:
    change = compare(other, first)
    column = next(c for c in columns([first]) if c.key == change.measure)
    ordered = sorted(change.sequences.items(), key=lambda item: item[1][0] - item[1][1])
    reach = max(abs(b - a) for a, b in change.sequences.values())
    lines = []
    for name, (theirs, ours) in ordered:
        texts = [column.text({column.key: v}) for v in (ours, theirs)]
        moved = column.text({column.key: ours - theirs}, signed=True)
        lines.append(
            f'<tr><th>{link(name)}</th><td class="num">{texts[0]}</td><td class="num">{texts[1]}</td>'
            f'<td class="num">{moved}</td><td class="barcell">{difference_bar(ours - theirs, reach)}</td></tr>'
        )
    return (
        f"<details open><summary>{escape(column.label)} by sequence: "
        f"{escape(first.name)} minus {escape(other.name)}</summary>"
        f'<div class="scroll"><table class="differences"><thead><tr><th>sequence</th><th>{escape(first.name)}</th>'
        f"<th>{escape(other.name)}</th><th>difference</th><th></th></tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )
