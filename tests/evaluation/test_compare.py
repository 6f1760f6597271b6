"""Differences between runs: intervals that cover, verdicts that follow them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.evaluation.compare import bootstrap, compare, interval
from gsanet.evaluation.result import Result, SequenceResult


def run(name: str, values: dict[str, float], protocol: str = "fbms") -> Result:
    sequences = [SequenceResult(k, ["0"], {"J": [v]}, {"J": v}, [0.1]) for k, v in values.items()]
    return Result(name, protocol, "J", [], sequences, {"J": float(np.mean(list(values.values())))})


def spread(count: int, mean: float, sigma: float, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {f"s{i}": float(v) for i, v in enumerate(rng.normal(mean, sigma, count))}


def test_a_constant_gain_is_beyond_chance() -> None:
    base = spread(20, 0.7, 0.15, 0)
    better = {k: v + 0.01 for k, v in base.items()}
    found = compare(run("a", base), run("b", better))
    assert found.difference.mean == pytest.approx(0.01)
    assert found.difference.low == pytest.approx(0.01)
    assert found.p < 0.001
    assert found.verdict == "higher beyond chance (higher on 20 of 20 sequences)"
    assert compare(run("b", better), run("a", base)).verdict.startswith("lower beyond chance")


def test_noise_is_no_difference() -> None:
    base, other = spread(20, 0.7, 0.1, 1), spread(20, 0.7, 0.1, 2)
    found = compare(run("a", base), run("b", other))
    assert found.difference.low < 0 < found.difference.high
    assert found.p > 0.05
    assert "no clear difference" in found.verdict


def test_interval_has_about_the_width_of_the_normal_one() -> None:
    values = np.random.default_rng(3).normal(0.6, 0.2, 400)
    found, _ = bootstrap(values)
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.high - found.mean == pytest.approx(half, rel=0.1)
    assert found.mean - found.low == pytest.approx(half, rel=0.1)
    assert bootstrap(values)[0] == found


def test_equal_runs_and_single_sequences() -> None:
    same = spread(12, 0.5, 0.1, 4)
    found = compare(run("a", same), run("b", same))
    assert (found.difference.mean, found.p) == (0, 1)
    one = compare(run("a", {"x": 0.4}), run("b", {"x": 0.6}))
    assert math.isnan(one.p)
    assert one.verdict == "one sequence says nothing about others"
    assert math.isnan(interval(run("a", {"x": 0.4})).low)


def test_a_run_read_from_its_file_is_equal_to_itself(tmp_path: Path) -> None:
    """The file has six digits: less than that is no difference."""
    now = run("a", dict.fromkeys(spread(12, 0.5, 0.1, 4), 1 / 13))
    now.save(tmp_path / "scores.json")
    for pair in ((now, Result.load(tmp_path / "scores.json")), (Result.load(tmp_path / "scores.json"), now)):
        found = compare(*pair)
        assert (found.difference.mean, found.p) == (0, 1)
        assert found.verdict == "no clear difference (higher on 0 of 12 sequences)"


def test_few_sequences_are_said_to_be_few() -> None:
    assert "3 sequences are few" in compare(run("a", spread(3, 0.5, 0.1, 0)), run("b", spread(3, 0.6, 0.1, 1))).verdict


def test_only_shared_sequences_and_like_with_like() -> None:
    found = compare(run("a", {"x": 0.1, "y": 0.5}), run("b", {"y": 0.6, "z": 0.9}))
    assert list(found.sequences) == ["y"]
    with pytest.raises(GsanetError, match="no sequence in common"):
        compare(run("a", {"x": 0.1}), run("b", {"y": 0.2}))
    with pytest.raises(GsanetError, match="compare like with like"):
        compare(run("a", {"x": 0.1}), run("b", {"x": 0.1}, protocol="segtrack2"))
