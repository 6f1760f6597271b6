"""Settings from outside: what is wrong with them is one line that names them."""

from __future__ import annotations

import pickle
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsanet.base.errors import GsanetError
from gsanet.base.validation import Amount, Count, InvalidSettings, Name, settings, validated


@settings
class Part:
    name: Name
    share: Amount = 1.0


@settings
class Whole:
    count: Count = 3
    parts: tuple[Part, ...] = ()
    part: Part = field(default_factory=lambda: Part("a"))

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ValueError("count must not be 13, got 13")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"count": "9"}, "count must be a whole number, got '9'"),
        ({"count": 13}, "count must not be 13, got 13"),
        ({"cuont": 3}, "cuont is not a setting; did you mean count?"),
        ({"length": 3}, "length is not a setting; there are count, part, parts"),
        ({"part": 3}, "part must be a table of settings, got 3"),
        ({"part": {}}, "part.name is missing"),
        ({"part": {"name": ""}}, "part.name must not be empty"),
        ({"parts": {"name": "a"}}, "parts must be a list, got {'name': 'a'}"),
        ({"parts": [{"name": "a"}, {"name": "b", "share": -1}]}, "parts[1].share must be at least 0, got -1"),
        ({"parts": [{"name": "a", "shares": 1}]}, "parts[0].shares is not a setting; did you mean share?"),
        ({"count": 0, "part": {"name": 1}}, "count must be at least 1, got 0; part.name must be text, got 1"),
        ({"parts": 5 * [{"name": 1}]},
         "; ".join(f"parts[{i}].name must be text, got 1" for i in (0, 1, 2)) + " and 2 more"),
        ({"count": "x" * 500}, f"count must be a whole number, got '{'x' * 76}..."),
    ],
)  # fmt: skip
def test_every_mistake_is_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(GsanetError) as caught:
        validated(Whole, values)
    assert str(caught.value) == message


def test_tables_and_lists_become_settings_and_tuples() -> None:
    made = validated(Whole, {"count": np.int64(4), "parts": [{"name": Path("a/b")}], "part": {"name": "c", "share": 2}})
    assert made == Whole(4, (Part("a/b"),), Part("c", 2.0))
    assert type(made.part.share) is float


def test_python_is_told_the_same() -> None:
    for wrong in (lambda: Whole(0), lambda: Whole(count=0), lambda: replace(Whole(), count=0)):
        with pytest.raises(InvalidSettings, match=r"^count must be at least 1, got 0$"):
            wrong()
    with pytest.raises(InvalidSettings, match=r"^parts must be a tuple, got "):
        Whole(parts=[Part("a")])  # type: ignore[arg-type]


def test_they_go_to_other_processes_and_so_do_their_mistakes() -> None:
    assert pickle.loads(pickle.dumps(Whole())) == Whole()
    with pytest.raises(InvalidSettings) as caught:
        Whole(0)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
