"""Results as text: an aligned table for the terminal, rows of Markdown and LaTeX for papers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gsanet.base.errors import GsanetError
from gsanet.evaluation.compare import Comparison, compare, interval
from gsanet.evaluation.result import Result, Scores


@dataclass(frozen=True)
class Column:
    """One measure as it is printed."""

    key: str
    label: str
    meaning: str
    percent: bool = True
    rising: bool = True
    """Higher is better."""

    def text(self, scores: Scores, signed: bool = False) -> str:
        """The number as the field writes it: J and F in percent with one digit, saliency as a share with three."""
        value = scores.get(self.key, math.nan)
        if math.isnan(value):
            return "–"
        digits = f"{'+' if signed else ''}.{1 if self.percent else 3}f"
        return format(value * 100 if self.percent else value, digits)


_COLUMNS = (
    Column("J&F", "J&F", "mean of J and F"),
    Column("J", "J", "region similarity, mean"),
    Column("J_class", "J class", "region similarity, mean over classes"),
    Column("J_recall", "J rec", "share of frames with J above 0.5"),
    Column("J_decay", "J dec", "J of the first quarter minus the last", rising=False),
    Column("F", "F", "boundary accuracy, mean"),
    Column("F_recall", "F rec", "share of frames with F above 0.5"),
    Column("F_decay", "F dec", "F of the first quarter minus the last", rising=False),
    Column("S", "S", "structure measure", percent=False),
    Column("F_max", "F max", "F at the best threshold of the mean curve", percent=False),
    Column("F_mean", "F mean", "F averaged over thresholds", percent=False),
    Column("F_adaptive", "F adp", "F at twice the map's mean", percent=False),
    Column("E_max", "E max", "E at the best threshold of the mean curve", percent=False),
    Column("E_mean", "E mean", "E averaged over thresholds", percent=False),
    Column("E_adaptive", "E adp", "E at twice the map's mean", percent=False),
    Column("MAE", "MAE", "mean absolute error", percent=False, rising=False),
    Column("stability", "stab*", "flow-warped IoU between neighbours (gsanet's own measure)"),
    Column("stability_gt", "stab* GT", "the same of the ground truth: the ceiling"),
)


def columns(results: Sequence[Result]) -> list[Column]:
    """The measures that any of *results* has, in the order of print."""
    return [c for c in _COLUMNS if any(c.key in r.overall for r in results)]


def text_table(result: Result) -> str:
    """Sequences, classes if there are any, and the overall line last."""
    chosen = columns([result])
    head = ["sequence", "frames", *(c.label for c in chosen)]
    rows = [[s.name, str(len(s.frames)), *(c.text(s.summary) for c in chosen)] for s in result.sequences]
    rows += [[f"class {label}", "", *(c.text(scores) for c in chosen)] for label, scores in result.classes.items()]
    total = [f"all {len(result.sequences)} sequences", str(result.frames), *(c.text(result.overall) for c in chosen)]
    return _aligned([head, *rows, total], rules=(1, len(rows) + 1))


def text_comparison(results: Sequence[Result]) -> str:
    """The first run against each of the others, on the headline."""
    first = results[0]
    return "\n".join(f"{first.name} against {other.name}: {describe(compare(other, first))}" for other in results[1:])


def describe(change: Comparison) -> str:
    """``J&F +1.2 (95 % interval +0.3 to +2.0, p 0.012): higher beyond chance (...)``."""
    column = next(c for c in _COLUMNS if c.key == change.measure)
    d = change.difference
    mean, low, high = (column.text({column.key: v}, signed=True) for v in (d.mean, d.low, d.high))
    if math.isnan(d.low):
        return f"{column.label} {mean}: {change.verdict}"
    return f"{column.label} {mean} (95 % interval {low} to {high}, p {_p(change.p)}): {change.verdict}"


def spread(result: Result) -> str:
    """The headline with its interval over sequences: ``J&F 80.1 (95 % interval over sequences 71.2 to 88.0)``."""
    column = next(c for c in _COLUMNS if c.key == result.headline)
    found = interval(result)
    mean, low, high = (column.text({column.key: v}) for v in (found.mean, found.low, found.high))
    return f"{column.label} {mean}" + ("" if low == "–" else f" (95 % interval over sequences {low} to {high})")


def rows(results: Sequence[Result], style: str) -> str:
    """One row a run, with its header, ready to paste.

    Args:
        style: ``markdown`` or ``latex``.

    Raises:
        GsanetError: another style.
    """
    chosen = columns(results)
    head = ["method", *(c.label for c in chosen)]
    body = [[r.name, *(c.text(r.overall) for c in chosen)] for r in results]
    if style == "markdown":
        lines = [head, ["---", *("---:" for _ in chosen)], *([_escape_markdown(r[0]), *r[1:]] for r in body)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    if style == "latex":
        lines = [[_escape_latex(cell) for cell in line] for line in (head, *body)]
        written = [" & ".join(line) + r" \\" for line in lines]
        return "\n".join([f"% {written[0]}", *written[1:]])
    raise GsanetError(f"--row is 'markdown' or 'latex', not {style!r}")


def _escape_markdown(cell: str) -> str:
    return cell.replace("|", "\\|")


def _escape_latex(cell: str) -> str:
    cell = cell.replace("\\", r"\textbackslash ")
    for sign in "&%$#_{}":
        cell = cell.replace(sign, "\\" + sign)
    return cell.replace("–", "--")


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _aligned(lines: list[list[str]], rules: tuple[int, ...]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    printed = []
    for number, line in enumerate(lines):
        if number in rules:
            printed.append("─" * (sum(widths) + 2 * (len(widths) - 1)))
        printed.append(
            "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        )
    return "\n".join(line.rstrip() for line in printed)
