"""Numbers as the field prints them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gsanet.base.errors import GsanetError
from gsanet.evaluation import Result, evaluate
from gsanet.evaluation.table import rows, spread, text_comparison, text_table


@pytest.fixture
def result(pred: Path, gt: Path) -> Result:
    return evaluate(pred, gt, "a|b_c").result


def test_text_table_is_aligned_and_ends_with_the_whole(result: Result) -> None:
    lines = text_table(result).splitlines()
    assert lines[0].split() == ["sequence", "frames", "J&F", "J", "J", "rec", "J", "dec", "F", "F", "rec", "F", "dec"]
    assert lines[2].startswith("duck")
    assert lines[-1].startswith("all 3 sequences")
    assert f"{100 * result.overall['J&F']:.1f}" in lines[-1]
    assert len({len(line) for line in lines}) == 1


def test_rows_are_escaped(result: Result) -> None:
    head, rule, row = rows([result], "markdown").splitlines()
    assert head.startswith("| method | J&F | J |")
    assert rule.count("---") == row.count("|") - 2
    assert row.startswith("| a\\|b_c | ")
    latex = rows([result], "latex").splitlines()
    assert latex[0].startswith(r"% method & J\&F & J")
    assert latex[1].startswith(r"a|b\_c & ")
    assert latex[1].endswith(r" \\")
    with pytest.raises(GsanetError, match="markdown"):
        rows([result], "csv")


def test_what_does_not_apply_is_a_dash(result: Result) -> None:
    result.overall["stability"] = math.nan
    assert text_table(result).splitlines()[-1].rstrip().endswith("–")


def test_comparison_names_who_is_ahead(result: Result, worse: Path, gt: Path) -> None:
    other = evaluate(worse, gt, "theirs").result
    line = text_comparison([result, other])
    assert line.startswith("a|b_c against theirs: J&F +")
    assert "higher beyond chance" in line
    assert "interval over sequences" in spread(result)
