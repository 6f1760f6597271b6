"""The parts of the report, put together as one page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files as resources
from pathlib import Path

from gsanet.evaluation.compare import compare, interval
from gsanet.evaluation.evaluator import Evaluation
from gsanet.evaluation.files import SequenceFiles
from gsanet.evaluation.protocols import PROTOCOLS
from gsanet.evaluation.report.overlays import Ranked, frame_values, most_different, overlay, rank
from gsanet.evaluation.report.plots import Series, difference_bar, histogram, over_time, sparkline
from gsanet.evaluation.result import Result, write_text
from gsanet.evaluation.table import Column, columns, describe
from gsanet.evaluation.table import rows as table_rows

WORST, BEST, DIFFERENT = 8, 4, 6
"""Frames shown of each kind."""

RUN_STYLES = ("run0", "run1", "run2", "run3", "run4")


def write_report(runs: Sequence[Evaluation | Result], path: Path) -> None:
    """Write the report of one run, or of several of which the first is the one the others are compared with.

    Runs given as bare results (from JSON) have no frames to show.

    Raises:
        GsanetError: runs of different protocols, or *path* cannot be written.
    """
    write_text(path, render(runs))


def render(runs: Sequence[Evaluation | Result]) -> str:
    """The whole page as text."""
    results = [run if isinstance(run, Result) else run.result for run in runs]
    with_files = [run if isinstance(run, Evaluation) else None for run in runs]
    first = results[0]
    title = f"{' against '.join(r.name for r in results)} on {first.protocol}"
    body = [
        _header(results),
        _warnings(results),
        _comparison(results),
        _table(first),
        _distribution(results),
        _over_time(results),
        _gallery(with_files, results),
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
    main = [c for c in columns([first]) if c.key in _headlines(first)]
    figures = []
    for column in main:
        found = interval(first, column.key) if column.key in first.sequences[0].summary else None
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


def _headlines(result: Result) -> tuple[str, ...]:
    if result.headline == "S":
        return ("S", "F_max", "E_max", "MAE")
    return ("J&F", "J", "J_class", "F", "stability") if result.headline == "J&F" else ("J", "J_class", "J_recall")


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


def _comparison(results: Sequence[Result]) -> str:
    if len(results) < 2:
        return ""
    base = results[0]
    chosen = [c for c in columns(results) if c.key in _headlines(base) and c.key != "J_class"]
    head = "".join(f'<th title="{escape(c.meaning)}">{escape(c.label)}</th>' for c in chosen)
    lines = [_run_row(base, chosen, "", "run0")]
    verdicts, tables = [], []
    for number, other in enumerate(results[1:], start=1):
        style = RUN_STYLES[number % len(RUN_STYLES)]
        lines.append(_run_row(other, chosen, "", style))
        headline = compare(base, other)
        changes = []
        for column in chosen:
            paired = compare(base, other, column.key) if _both_have(base, other, column.key) else None
            mean = paired.difference.mean if paired else math.nan
            clear = paired is not None and not (paired.difference.low <= 0 <= paired.difference.high)
            good = (mean > 0) == column.rising
            mark = (" gain" if good else " loss") if clear else ""
            changes.append(f'<td class="num{mark}">{column.text({column.key: mean}, signed=True)}</td>')
        lines.append(f'<tr class="change"><th>difference</th>{"".join(changes)}</tr>')
        verdicts.append(
            f"<p><b>{escape(other.name)}</b> against {escape(base.name)}: {escape(describe(headline))}.</p>"
        )
        tables.append(_differences(base, other))
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


def _run_row(result: Result, chosen: Sequence[Column], extra: str, style: str) -> str:
    cells = "".join(f'<td class="num">{c.text(result.overall)}</td>' for c in chosen)
    return f'<tr><th><span class="key {style}"></span>{escape(result.name)}</th>{cells}{extra}</tr>'


def _differences(base: Result, other: Result) -> str:
    change = compare(base, other)
    column = next(c for c in columns([base]) if c.key == change.measure)
    ordered = sorted(change.sequences.items(), key=lambda item: item[1][0] - item[1][1])
    reach = max(abs(b - a) for a, b in change.sequences.values())
    lines = []
    for name, (a, b) in ordered:
        texts = [column.text({column.key: v}) for v in (a, b)]
        moved = column.text({column.key: b - a}, signed=True)
        lines.append(
            f'<tr><th>{_link(name)}</th><td class="num">{texts[0]}</td><td class="num">{texts[1]}</td>'
            f'<td class="num">{moved}</td><td class="barcell">{difference_bar(b - a, reach)}</td></tr>'
        )
    return (
        f"<details open><summary>{escape(column.label)} by sequence: "
        f"{escape(other.name)} minus {escape(base.name)}</summary>"
        f'<div class="scroll"><table class="differences"><thead><tr><th>sequence</th><th>{escape(base.name)}</th>'
        f"<th>{escape(other.name)}</th><th>difference</th><th></th></tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _table(result: Result) -> str:
    chosen = columns([result])
    head = '<th scope="col">sequence</th><th scope="col">frames</th><th scope="col" class="nosort">over time</th>'
    head += "".join(f'<th scope="col" title="{escape(c.meaning)}">{escape(c.label)}</th>' for c in chosen)
    lines = []
    for s in result.sequences:
        spark = sparkline(frame_values(result, s.name), "run0")
        cells = "".join(_cell(c, s.summary, result.headline) for c in chosen)
        lines.append(
            f'<tr><th scope="row">{_link(s.name)}</th><td class="num" data-v="{len(s.frames)}">{len(s.frames)}</td>'
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


def _link(name: str) -> str:
    return f'<a href="#{_anchor(name)}">{escape(name)}</a>'


def _anchor(name: str) -> str:
    return "s-" + "".join(c if c.isalnum() else "-" for c in name)


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
    return f'<section id="distribution"><h2>Distribution</h2>{_legend(results)}{shown}</section>'


def _share_below(values: Sequence[float], limit: float = 0.5) -> float:
    return sum(v <= limit for v in values) / len(values)


def _legend(results: Sequence[Result]) -> str:
    if len(results) < 2:
        return ""
    keys = "".join(
        f'<span><span class="key {RUN_STYLES[i % len(RUN_STYLES)]}"></span>{escape(r.name)}</span>'
        for i, r in enumerate(results)
    )
    return f'<p class="legend">{keys}</p>'


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
            f'<article class="card" id="{_anchor(s.name)}"><h3>{escape(s.name)}</h3><p class="scores">{texts}</p>'
            f'{over_time(series, s.frames, f"{s.name} over time")}<p class="readout">&nbsp;</p></article>'
        )
    if len(results) == 1:
        keys = "".join(f'<span><span class="key m-{m[0].lower()}"></span>{m}</span>' for m in first.values_shown)
        legend = f'<p class="legend">{keys}</p>'
    else:
        legend = _legend(results)
    what = " and ".join(first.values_shown) if len(results) == 1 else first.headline
    return (
        f'<section id="time"><h2>{escape(what)} over time</h2>{legend}<p class="note">One point a frame, in '
        f'hundredths. Move over a plot to read it.</p><div class="cards">{"".join(cards)}</div></section>'
    )


def _gallery(runs: Sequence[Evaluation | None], results: Sequence[Result]) -> str:
    first = runs[0]
    if first is None:
        return ""
    parts = []
    if len(results) > 1 and runs[1] is not None:
        items = "".join(_side_by_side(first, runs[1], r) for r in most_different(results[0], results[1], DIFFERENT))
        parts.append(f'<h3>Where {escape(results[1].name)} differs most</h3><div class="frames wide">{items}</div>')
    for heading, best, count in (("Worst", False, WORST), ("Best", True, BEST)):
        items = "".join(_framed(first, r) for r in rank(first.result, count, best=best))
        parts.append(f'<h3>{heading} frames of {escape(results[0].name)}</h3><div class="frames">{items}</div>')
    return (
        '<section id="frames"><h2>Frames</h2><p class="legend"><span><span class="key hit"></span>found</span>'
        '<span><span class="key false"></span>marked wrongly</span>'
        '<span><span class="key missed"></span>overlooked</span></p>' + "".join(parts) + "</section>"
    )


def _framed(run: Evaluation, ranked: Ranked) -> str:
    picture = overlay(_files_of(run, ranked.sequence), ranked.frame, run.settings)
    return (
        f'<figure><img src="{picture}" alt="{escape(ranked.sequence)} frame {escape(ranked.frame)}" loading="lazy">'
        f"<figcaption>{_link(ranked.sequence)} {escape(ranked.frame)}"
        f"<b>{_number(run.result, ranked.value)}</b></figcaption></figure>"
    )


def _side_by_side(base: Evaluation, other: Evaluation, ranked: Ranked) -> str:
    shown = []
    for run in (base, other):
        values = dict(zip(_frames_of(run, ranked.sequence), frame_values(run.result, ranked.sequence), strict=True))
        picture = overlay(_files_of(run, ranked.sequence), ranked.frame, run.settings)
        label = f"{escape(run.result.name)} <b>{_number(run.result, values[ranked.frame])}</b>"
        shown.append(
            f'<span><img src="{picture}" alt="{escape(run.result.name)}" loading="lazy"><em>{label}</em></span>'
        )
    return (
        f'<figure><div class="two">{"".join(shown)}</div><figcaption>{_link(ranked.sequence)} {escape(ranked.frame)}'
        f"<b>{_number(base.result, ranked.value, signed=True)}</b></figcaption></figure>"
    )


def _number(result: Result, value: float, signed: bool = False) -> str:
    column = next(c for c in columns([result]) if c.key == result.headline)
    return column.text({column.key: value}, signed=signed)


def _files_of(run: Evaluation, sequence: str) -> SequenceFiles:
    return next(f for f in run.files if f.name == sequence)


def _frames_of(run: Evaluation, sequence: str) -> list[str]:
    return next(s for s in run.result.sequences if s.name == sequence).frames


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
