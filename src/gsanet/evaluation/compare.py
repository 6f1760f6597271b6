"""Two runs side by side: the difference and whether chance explains it (paired bootstrap over sequences)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.errors import GsanetError
from gsanet.evaluation.result import DIGITS, Result

DRAWS = 10_000
FEW = 10
"""With fewer sequences than this a bootstrap interval is too narrow to lean on."""


@dataclass(frozen=True)
class Interval:
    """A mean over sequences with its 95 % bootstrap interval; NaN bounds below two sequences."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """*other* minus *base* on one measure, over the sequences that both have."""

    measure: str
    base: str
    other: str
    sequences: dict[str, tuple[float, float]]
    """Values of base and other by sequence."""
    difference: Interval
    p: float
    """Two-sided: how often a resampled set of sequences shows no difference or the opposite one."""

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        count = len(self.sequences)
        if math.isnan(self.difference.low):
            return "one sequence says nothing about others"
        better = sum(b > a for a, b in self.sequences.values())
        counted = f"higher on {better} of {count} sequences"
        if self.difference.low <= 0 <= self.difference.high:
            said = f"no clear difference ({counted})"
        else:
            said = f"{'higher' if self.difference.mean > 0 else 'lower'} beyond chance ({counted})"
        return said + (f"; {count} sequences are few, read with care" if count < FEW else "")


def bootstrap(values: NDArray[np.floating[Any]], seed: int = 0) -> tuple[Interval, NDArray[np.float64]]:
    """Mean of per-sequence *values* (n,) with its interval, and the resampled means (:data:`DRAWS`,).

    The seed is fixed: the same numbers give the same interval.
    """
    array = np.asarray(values, np.float64)
    count = len(array)
    picks = np.random.default_rng(seed).integers(count, size=(DRAWS, count))
    means = array[picks].mean(axis=1)
    if count < 2:
        return Interval(float(array.mean()), math.nan, math.nan), means
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(array.mean()), float(low), float(high)), means


def interval(result: Result, measure: str | None = None) -> Interval:
    """The measure (by default the headline) of *result* over its sequences."""
    return bootstrap(np.array([s.summary[measure or result.headline] for s in result.sequences]))[0]


def compare(base: Result, other: Result, measure: str | None = None) -> Comparison:
    """*other* against *base*, sequence by sequence.

    Raises:
        GsanetError: different protocols, or no sequence in common.
    """
    if base.protocol != other.protocol:
        raise GsanetError(
            f"{other.name} was measured by {other.protocol} and {base.name} by {base.protocol}: compare like with like"
        )
    measure = measure or base.headline
    # As they are written: what was read from a file must not differ from what was not.
    ours, theirs = ({s.name: round(s.summary[measure], DIGITS) for s in run.sequences} for run in (base, other))
    shared = {name: (value, theirs[name]) for name, value in ours.items() if name in theirs}
    if not shared:
        raise GsanetError(f"{other.name} and {base.name} have no sequence in common")
    change, means = bootstrap(np.array([b - a for a, b in shared.values()]))
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    p = min(1.0, 2 * (tail + 1) / (DRAWS + 1)) if len(shared) > 1 else math.nan
    return Comparison(measure, base.name, other.name, shared, change, p)
