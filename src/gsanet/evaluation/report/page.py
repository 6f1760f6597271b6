"""The parts of the report, put together as one page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files as resources
from pathlib import Path

from gsanet.base.atomic import write_text
from gsanet.evaluation.compare import interval
from gsanet.evaluation.evaluator import Evaluation
from gsanet.evaluation.protocols import PROTOCOLS
from gsanet.evaluation.report.comparison import comparison
from gsanet.evaluation.report.gallery import gallery
from gsanet.evaluation.report.overlays import frame_values
from gsanet.evaluation.report.parts import RUN_STYLES, anchor, headlines, legend, link
from gsanet.evaluation.report.plots import Series, histogram, over_time, sparkline
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import Column, columns
from gsanet.evaluation.table import rows as table_rows


def write_report(runs: Sequence[Evaluation | Result], path: Path) -> None:
    """Write the report of one run, or of several of which the first is compared with each of the others.

    Runs given as bare results (from JSON) have no frames to show.

    Raises:
        GsanetError: runs of different protocols, or *path* cannot be written.
    """
    write_text(path, render(runs), parents=True)


def render(runs: Sequence[Evaluation | Result]) -> str:
    """The whole page as text."""
    results = [run if isinstance(run, Result) else run.result for run in runs]
    with_files = [run if isinstance(run, Evaluation) else None for run in runs]
    first = results[0]
    title = f"{' against '.join(r.name for r in results)} on {first.protocol}"
    body = [
        _header(results),
        _warnings(results),
        comparison(results),
        _table(first),
        _distribution(results),
        _over_time(results),
        gallery(with_files, results),
        _choices(results),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_asset('report.css')}</style></head><body><main>\n"
        + "\n".join(part for part in body if part)
        + f"\n</main><script>{_asset('report.js')}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return (resources("gsanet.evaluation.report") / name).read_text(encoding="utf-8")


def _header(results: Sequence[Result]) -> str:
    first = results[0]
    rules = PROTOCOLS.get(first.protocol)
    main = [c for c in columns([first]) if c.key in headlines(first)]
    figures = []
    for column in main:
        # The maximum of an averaged curve is no average of the sequences' own maxima.
        averaged = column.key in first.sequences[0].summary and not column.key.endswith("_max")
        found = interval(first, column.key) if averaged else None
        spread = ""
        if found and not math.isnan(found.low):
            low, high = (column.text({column.key: v}) for v in (found.low, found.high))
            spread = f'<span class="spread">{low} – {high}</span>'
        figures.append(
            f'<div class="figure"><span class="label">{escape(column.label)}</span>'
            f'<span class="value">{column.text(first.overall)}</span>{spread}'
            f'<span class="meaning">{escape(column.meaning)}</span></div>'
        )
    facts = [f"{len(first.sequences)} sequences", f"{first.frames:,} frames"]
    facts += [f"{label} {value}" for label, value in _speed(first)]
    name = escape(first.name) + "".join(f' <span class="against">against {escape(r.name)}</span>' for r in results[1:])
    return (
        f'<header><p class="eyebrow">{escape(rules.title if rules else first.protocol)}</p><h1>{name}</h1>'
        f'<p class="facts">{escape(" · ".join(facts))}</p></header>'
        f'<section class="figures">{"".join(figures)}</section>'
        '<p class="note">The small range is the 95 % bootstrap interval over sequences: what another draw of '
        "sequences of the same kind might have given.</p>"
    )


def _speed(result: Result) -> Iterable[tuple[str, str]]:
    speed = result.facts.get("frames_per_second")
    if speed:
        yield "segmented at", f"{speed:.1f} frames per second"
    if result.facts.get("device"):
        yield "on", str(result.facts["device"])


def _warnings(results: Sequence[Result]) -> str:
    said = [(r.name, w) for r in results for w in r.warnings]
    if not said:
        return ""
    items = "".join(
        f"<li>{f'<b>{escape(name)}</b> ' if len(results) > 1 else ''}{escape(text)}</li>" for name, text in said[:40]
    )
    more = f"<li>and {len(said) - 40} more, in the JSON</li>" if len(said) > 40 else ""
    return f'<section class="warnings"><h2>Warnings</h2><ul>{items}{more}</ul></section>'


def _table(result: Result) -> str:
    chosen = columns([result])
    head = '<th scope="col">sequence</th><th scope="col">frames</th><th scope="col" class="nosort left">over time</th>'
    head += "".join(f'<th scope="col" title="{escape(c.meaning)}">{escape(c.label)}</th>' for c in chosen)
    lines = []
    for s in result.sequences:
        spark = sparkline(frame_values(result, s.name), "run0")
        cells = "".join(_cell(c, s.summary, result.headline) for c in chosen)
        lines.append(
            f'<tr><th scope="row">{link(s.name)}</th><td class="num" data-v="{len(s.frames)}">{len(s.frames)}</td>'
            f"<td>{spark}</td>{cells}</tr>"
        )
    foot = []
    for label, scores in result.classes.items():
        foot.append(f'<tr><th scope="row">class {escape(label)}</th><td></td><td></td>')
        foot.append("".join(_cell(c, scores, "") for c in chosen) + "</tr>")
    foot.append(f'<tr class="total"><th scope="row">all sequences</th><td class="num">{result.frames}</td><td></td>')
    foot.append("".join(_cell(c, result.overall, "") for c in chosen) + "</tr>")
    return (
        f'<section id="sequences"><h2>Sequences</h2><p class="note">{escape(result.name)}, '
        "every sequence counts the same. Click a heading to sort.</p>"
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        f"<tfoot>{''.join(foot)}</tfoot></table></div></section>"
    )


def _cell(column: Column, scores: dict[str, float], headline: str) -> str:
    value = scores.get(column.key, math.nan)
    raw = "" if math.isnan(value) else f"{value:.6f}"
    meter = f' style="--v:{100 * max(0.0, min(1.0, value)):.1f}%"' if column.key == headline and raw else ""
    return f'<td class="num{" meter" if meter else ""}" data-v="{raw}"{meter}>{column.text(scores)}</td>'


def _distribution(results: Sequence[Result]) -> str:
    first = results[0]
    plots = []
    for measure in first.values_shown:
        series = [
            Series(r.name, RUN_STYLES[i % len(RUN_STYLES)], [v for s in r.sequences for v in s.values.get(measure, [])])
            for i, r in enumerate(results)
        ]
        series = [s for s in series if s.values]
        under = ", ".join(
            f"{f'{escape(s.label)} ' if len(results) > 1 else ''}{100 * _share_below(s.values):.1f} %" for s in series
        )
        plots.append(
            f"<figure><figcaption><b>{escape(measure)}</b> of all frames; below 50: {under}</figcaption>"
            f"{histogram(series, f'distribution of {measure} over frames')}</figure>"
        )
    shown = f'<div class="pair">{"".join(plots)}</div>'
    return f'<section id="distribution"><h2>Distribution</h2>{legend(results)}{shown}</section>'


def _share_below(values: Sequence[float], limit: float = 0.5) -> float:
    return sum(v <= limit for v in values) / len(values)


def _over_time(results: Sequence[Result]) -> str:
    first = results[0]
    cards = []
    others = [{s.name: s for s in r.sequences} for r in results[1:]]
    for s in first.sequences:
        if len(results) == 1:
            series = [Series(m, f"m-{m[0].lower()}", s.values[m]) for m in first.values_shown]
        else:
            series = [Series(first.name, "run0", frame_values(first, s.name))]
            for i, (run, other) in enumerate(zip(results[1:], others, strict=True), start=1):
                if s.name in other and other[s.name].frames == s.frames:
                    series.append(Series(run.name, RUN_STYLES[i % len(RUN_STYLES)], frame_values(run, s.name)))
        texts = " ".join(
            f"<span>{escape(c.label)} <b>{c.text(s.summary)}</b></span>"
            for c in columns([first])
            if c.key in (first.headline, *first.values_shown)
        )
        cards.append(
            f'<article class="card" id="{anchor(s.name)}"><h3>{escape(s.name)}</h3><p class="scores">{texts}</p>'
            f'{over_time(series, s.frames, f"{s.name} over time")}<p class="readout">&nbsp;</p></article>'
        )
    if len(results) == 1:
        keys = "".join(f'<span><span class="key m-{m[0].lower()}"></span>{m}</span>' for m in first.values_shown)
        keyed = f'<p class="legend">{keys}</p>'
    else:
        keyed = legend(results)
    what = " and ".join(first.values_shown) if len(results) == 1 else first.headline
    return (
        f'<section id="time"><h2>{escape(what)} over time</h2>{keyed}<p class="note">One point a frame, in '
        f'hundredths. Move over a plot to read it.</p><div class="cards">{"".join(cards)}</div></section>'
    )


def _choices(results: Sequence[Result]) -> str:
    first = results[0]
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in first.choices)
    other = [r for r in results[1:] if r.choices != first.choices]
    differ = "".join(
        f"<h3>{escape(r.name)}</h3><ul>{''.join(f'<li>{escape(c)}</li>' for c in r.choices)}</ul>" for r in other
    )
    version = escape(str(first.facts.get("gsanet", "")))
    return (
        f'<section id="choices"><h2>Choices behind the numbers</h2><ul>{items}</ul>{differ}'
        f"<details><summary>Rows to paste</summary><pre>{escape(table_rows(results, 'markdown'))}</pre>"
        f"<pre>{escape(table_rows(results, 'latex'))}</pre></details></section>"
        f"<footer>Measured by gsanet {version}.</footer>"
    )
