"""Inline SVG: lines over time, a histogram, a sparkline, a bar of differences. The page's style sheet colours them.

What they return is markup that is safe to put on the page: titles and names in it are escaped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name, the style-sheet class of its colour, and its values in [0, 1]."""

    label: str
    style: str
    values: Sequence[float]


def over_time(series: Sequence[Series], frames: Sequence[str], title: str) -> Markup:
    """Values per frame as lines, 0 to 1 upwards. Script on the page reads the data attributes for its read-out."""
    width, height, left, right, top, bottom = 340, 132, 26, 6, 8, 20
    inner_w, inner_h = width - left - right, height - top - bottom
    parts = []
    for tick in (0.0, 0.5, 1.0):
        y = top + inner_h * (1 - tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 5}" y="{y + 3.5:.1f}" text-anchor="end">{tick * 100:.0f}</text>')
    parts.append(f'<text class="tick" x="{left}" y="{height - 5}">{escape(frames[0])}</text>')
    if len(frames) > 1:
        last = escape(frames[-1])
        parts.append(f'<text class="tick" x="{width - right}" y="{height - 5}" text-anchor="end">{last}</text>')
    for line in series:
        points = _points(line.values, left, top, inner_w, inner_h)
        if len(line.values) == 1:
            dot_x, dot_y = points.split(",")
            parts.append(f'<circle class="dot {line.style}" cx="{dot_x}" cy="{dot_y}" r="3"/>')
        else:
            parts.append(f'<polyline class="line {line.style}" points="{points}"/>')
    parts.append(f'<line class="cursor" x1="0" x2="0" y1="{top}" y2="{top + inner_h}" visibility="hidden"/>')
    data = json.dumps([[s.label, [round(v * 100, 1) for v in s.values]] for s in series])
    return Markup(
        f'<svg class="time" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'data-left="{left}" data-width="{inner_w}" data-frames="{escape(json.dumps(list(frames)))}" '
        f'data-series="{escape(data)}">{"".join(parts)}</svg>'
    )


def histogram(series: Sequence[Series], title: str, bins: int = 20) -> Markup:
    """Share of frames by value, one step line a series."""
    width, height, left, right, top, bottom = 420, 190, 34, 10, 10, 34
    inner_w, inner_h = width - left - right, height - top - bottom
    shares = [np.histogram(s.values, bins=bins, range=(0, 1))[0] / max(1, len(s.values)) for s in series]
    highest = max(float(np.max(s)) for s in shares) or 1.0
    step = next(t for t in (0.05, 0.1, 0.2, 0.25, 0.5) if highest / t <= 4 or t == 0.5)
    ceiling = step * int(np.ceil(highest / step - 1e-9))
    parts = []
    for number in range(round(ceiling / step) + 1):
        y = top + inner_h * (1 - number * step / ceiling)
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        text = f"{number * step * 100:.0f} %"
        parts.append(f'<text class="tick" x="{left - 5}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>')
    for tick in (0, 25, 50, 75, 100):
        x = left + inner_w * tick / 100
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - bottom + 14}" text-anchor="middle">{tick}</text>')
    parts.append(
        f'<text class="tick" x="{left + inner_w / 2:.1f}" y="{height - 4}" text-anchor="middle">value of a frame</text>'
    )
    for line, share in zip(series, shares, strict=True):
        x0, y0 = float(left), top + float(inner_h)
        path = [f"M{x0:.1f},{y0:.1f}"]
        for i, value in enumerate(share):
            y = top + inner_h * (1 - value / ceiling)
            path.append(f"V{y:.1f}H{left + inner_w * (i + 1) / bins:.1f}")
        path.append(f"V{y0:.1f}")
        drawn = "".join(path)
        parts.append(f'<path class="area {line.style}" d="{drawn}Z"/><path class="line {line.style}" d="{drawn}"/>')
    return Markup(f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>')


def sparkline(values: Sequence[float], style: str) -> Markup:
    """A line of values, a thumbnail for a table cell."""
    return Markup(
        '<svg class="spark" viewBox="0 0 110 26" aria-hidden="true" preserveAspectRatio="none">'
        '<line class="grid" x1="0" x2="110" y1="13" y2="13"/>'
        f'<polyline class="line {style}" points="{_points(values, 1, 2, 108, 22)}"/></svg>'
    )


def difference_bar(value: float, reach: float) -> Markup:
    """A bar from the middle to the right (gain) or left (loss); *reach* is the value at full length."""
    length = 60 * min(1.0, abs(value) / reach) if reach else 0.0
    x = 60 if value >= 0 else 60 - length
    style = "gain" if value >= 0 else "loss"
    return Markup(
        '<svg class="bar" viewBox="0 0 120 14" aria-hidden="true">'
        f'<rect class="{style}" x="{x:.1f}" y="2" width="{length:.1f}" height="10" rx="1"/>'
        '<line class="axis" x1="60" x2="60" y1="0" y2="14"/></svg>'
    )


def _points(values: Sequence[float], left: float, top: float, width: float, height: float) -> str:
    steps = max(1, len(values) - 1)
    return " ".join(
        f"{left + width * i / steps:.1f},{top + height * (1 - min(1.0, max(0.0, v))):.1f}" for i, v in enumerate(values)
    )
