"""The parts of the report, put together as one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from gsanet.base.atomic import write_text
from gsanet.evaluation.evaluator import Evaluation
from gsanet.evaluation.protocols import PROTOCOLS
from gsanet.evaluation.report.comparison import side_by_side
from gsanet.evaluation.report.curves import curves, distributions
from gsanet.evaluation.report.gallery import gallery
from gsanet.evaluation.report.parts import anchor, legend
from gsanet.evaluation.report.tables import figures, sequence_table
from gsanet.evaluation.result import Result
from gsanet.evaluation.table import rows

_MOST_WARNINGS = 40


@dataclass(frozen=True)
class Warned:
    """A warning and the run it is of."""

    run: str
    text: str


@dataclass(frozen=True)
class Warnings:
    """The first of them, and how many more there are."""

    shown: list[Warned]
    more: int


def write_report(runs: Sequence[Evaluation | Result], path: Path) -> None:
    """Write the report of one run, or of several of which the first is compared with each of the others.

    Runs given as bare results (from JSON) have no frames to show.

    Raises:
        GsanetError: runs of different protocols, or *path* cannot be written.
    """
    write_text(path, render(runs), parents=True)


def render(runs: Sequence[Evaluation | Result]) -> str:
    """The whole page as text.

    Raises:
        GsanetError: runs of different protocols.
    """
    results = [run if isinstance(run, Result) else run.result for run in runs]
    with_files = [run if isinstance(run, Evaluation) else None for run in runs]
    first = results[0]
    names = [r.name for r in results]
    rules = PROTOCOLS.get(first.protocol)
    return _template().render(
        title=f"{' against '.join(names)} on {first.protocol}",
        style=Markup(_asset("report.css")),
        script=Markup(_asset("report.js")),
        names=names,
        protocol=rules.title if rules else first.protocol,
        facts=list(_facts(first)),
        figures=figures(first),
        warnings=_warnings(results),
        comparison=side_by_side(results),
        table=sequence_table(first),
        runs_legend=legend(results),
        distribution=distributions(results),
        time=curves(results),
        gallery=gallery(with_files, results),
        choices=[first, *(r for r in results[1:] if r.choices != first.choices)],
        rows=[rows(results, "markdown"), rows(results, "latex")],
        version=first.facts.get("gsanet", ""),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["anchor"] = anchor
    return environment.get_template("report.html.j2")


def _asset(name: str) -> str:
    return (resources("gsanet.evaluation.report") / name).read_text(encoding="utf-8")


def _facts(result: Result) -> Iterator[str]:
    yield f"{len(result.sequences)} sequences"
    yield f"{result.frames:,} frames"
    speed = result.facts.get("frames_per_second")
    if speed:
        yield f"segmented at {speed:.1f} frames per second"
    if result.facts.get("device"):
        yield f"on {result.facts['device']}"


def _warnings(results: Sequence[Result]) -> Warnings:
    every = [Warned(r.name, text) for r in results for text in r.warnings]
    return Warnings(every[:_MOST_WARNINGS], max(0, len(every) - _MOST_WARNINGS))
