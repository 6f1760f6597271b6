"""What an evaluation found: plain data, as JSON on disk."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gsanet.base.atomic import write_text
from gsanet.base.errors import GsanetError

DIGITS = 6
"""After the point, of numbers in a file."""

Scores = dict[str, float]
"""Measure -> value, as a share. NaN where a measure does not apply."""


@dataclass
class SequenceResult:
    """One sequence, frame by frame and summed up."""

    name: str
    frames: list[str]
    """Names of the frames that count, in order of time."""
    values: dict[str, list[float]]
    """Per-frame values of a measure, parallel to :attr:`frames`."""
    summary: Scores
    areas: list[float] = field(default_factory=list)
    """Share of the picture that the ground truth covers, parallel to :attr:`frames`."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """Mean over frames of F and E at 256 thresholds; video saliency only."""
    skipped: list[str] = field(default_factory=list)
    """Annotated frames left out because their ground truth is empty."""
    warnings: list[str] = field(default_factory=list)


@dataclass
class Result:
    """One run on one benchmark."""

    name: str
    """Of the run, for tables."""
    protocol: str
    headline: str
    """Key of :attr:`overall` that ranks runs."""
    choices: list[str]
    """Every choice behind the numbers, a sentence each."""
    sequences: list[SequenceResult]
    overall: Scores
    classes: dict[str, Scores] = field(default_factory=dict)
    """Means within each class, when the protocol has classes."""
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """Whatever else is worth keeping: seconds, version, the model and its speed."""

    @property
    def frames(self) -> int:
        return sum(len(s.frames) for s in self.sequences)

    @property
    def values_shown(self) -> list[str]:
        """Per-frame measures worth a plot: the parts of the headline."""
        return self.headline.split("&")

    def save(self, path: Path) -> None:
        """Write as JSON, whole or not at all. Values keep six decimals; NaN becomes null.

        Raises:
            GsanetError: it cannot be written.
        """
        content = {"format": "gsanet-evaluation-1", **_plain(asdict(self))}
        write_text(path, json.dumps(content, indent=1) + "\n", parents=True)

    @classmethod
    def load(cls, path: Path) -> Result:
        """Inverse of :meth:`save`.

        Raises:
            GsanetError: no such file, or not written by ``gsanet evaluate --json``.
        """
        try:
            data = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise GsanetError(f"{path} cannot be read as the JSON of an evaluation ({error})") from None
        if not isinstance(data, dict) or data.pop("format", None) != "gsanet-evaluation-1":
            raise GsanetError(f"{path} was not written by `gsanet evaluate --json`")
        try:
            sequences = [SequenceResult(**s) for s in data.pop("sequences")]
            result = cls(sequences=sequences, **data)
        except (TypeError, KeyError) as error:
            raise GsanetError(f"{path} was written by another version of gsanet ({error})") from None
        for summary in (result.overall, *result.classes.values(), *(s.summary for s in sequences)):
            summary.update({k: math.nan for k, v in summary.items() if v is None})
        return result


def mean_scores(summaries: list[Scores]) -> Scores:
    """Measure by measure, the mean over those summaries that have it."""
    keys = dict.fromkeys(key for summary in summaries for key in summary)
    means = {}
    for key in keys:
        present = [s[key] for s in summaries if key in s and not math.isnan(s[key])]
        means[key] = float(np.mean(present)) if present else math.nan
    return means


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value
