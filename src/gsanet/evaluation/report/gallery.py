"""The part of the report that shows frames."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gsanet.evaluation.evaluator import Evaluation
from gsanet.evaluation.pairing import SequenceFiles
from gsanet.evaluation.report.overlays import Ranked, frame_values, most_different, overlay, rank
from gsanet.evaluation.report.parts import link
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import columns

WORST, BEST, DIFFERENT = 8, 4, 6
"""Frames shown of each kind."""


def gallery(runs: Sequence[Evaluation | None], results: Sequence[Result]) -> str:
    first = runs[0]
    if first is None:
        return ""
    parts = []
    if len(results) > 1 and runs[1] is not None:
        items = "".join(_side_by_side(first, runs[1], r) for r in most_different(results[1], results[0], DIFFERENT))
        both = f"{escape(results[0].name)} and {escape(results[1].name)}"
        parts.append(f'<h3>Where {both} differ most</h3><div class="frames wide">{items}</div>')
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
        f"<figcaption>{link(ranked.sequence)} {escape(ranked.frame)}"
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
        f'<figure><div class="two">{"".join(shown)}</div><figcaption>{link(ranked.sequence)} {escape(ranked.frame)}'
        f"<b>{_number(base.result, ranked.value, signed=True)}</b></figcaption></figure>"
    )


def _number(result: Result, value: float, signed: bool = False) -> str:
    column = next(c for c in columns([result]) if c.key == result.headline)
    return column.text({column.key: value}, signed=signed)


def _files_of(run: Evaluation, sequence: str) -> SequenceFiles:
    return next(f for f in run.files if f.name == sequence)


def _frames_of(run: Evaluation, sequence: str) -> list[str]:
    return next(s for s in run.result.sequences if s.name == sequence).frames
